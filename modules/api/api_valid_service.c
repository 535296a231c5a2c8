/* api_valid_service.c - the rules of Service (ValidateService in pkg/apis/core/validation of
 * Kubernetes). Which families it has is in api_service_family.c; what is checked against other
 * Services, addresses and node ports, in api_service.c. */
#include <stdio.h>
#include <string.h>

#include <knetd/ip.h>

#include "api_valid.h"

#define KUBELET_PORT 10250
#define AFFINITY_MAX 86400
#define ONLY_BALANCER "may only be used when `type` is 'LoadBalancer'"

bool service_headless(yyjson_mut_val *spec)
{
	yyjson_mut_val *list = yyjson_mut_obj_get(spec, "clusterIPs");

	return yyjson_mut_arr_size(list) == 1 &&
	       yyjson_mut_equals_str(yyjson_mut_arr_get_first(list), "None");
}

bool service_headless_old(yyjson_val *spec)
{
	yyjson_val *list = yyjson_obj_get(spec, "clusterIPs");

	return yyjson_arr_size(list) == 1 && yyjson_equals_str(yyjson_arr_get_first(list), "None");
}

bool service_external(yyjson_mut_val *spec)
{
	return text_is(spec, "type", "LoadBalancer") || text_is(spec, "type", "NodePort") ||
	       (text_is(spec, "type", "ClusterIP") &&
	        yyjson_mut_arr_size(yyjson_mut_obj_get(spec, "externalIPs")));
}

bool service_wants_health(yyjson_mut_val *spec)
{
	return text_is(spec, "type", "LoadBalancer") &&
	       text_is(spec, "externalTrafficPolicy", "Local");
}

/* ---- ports ---------------------------------------------------------------------------------- */

struct port {
	const char *name, *protocol;
	int64_t number, node;
};

static void check_service_port(struct causes *c, const struct at *at, yyjson_mut_val *p,
                               bool several)
{
	const char *name = text_of(p, "name");
	int64_t number = number_of(p, "port");

	if (several && !*name)
		wrong_missing(c, CHILD(at, "name"), "");
	else if (*name)
		check_label(c, CHILD(at, "name"), name);
	if (number < 1 || number > 65535)
		wrong_number(c, CHILD(at, "port"), number,
		             "must be between 1 and 65535, inclusive");
	check_word(c, at, p, "protocol", valid_protocols, true);
	check_port_ref(c, CHILD(at, "targetPort"), yyjson_mut_obj_get(p, "targetPort"));
	if (has(p, "appProtocol"))
		check_qualified_name(c, CHILD(at, "appProtocol"), text_of(p, "appProtocol"));
}

/* The port at `nth` against those before it: each thing is told once. */
static void check_twins(struct causes *c, const struct at *at, const struct port *v, size_t nth)
{
	const struct port *p = &v[nth];
	bool name = false, node = false, number = false;

	for (size_t i = 0; i < nth; i++) {
		bool same = !strcmp(v[i].protocol, p->protocol);

		name |= *p->name && !strcmp(v[i].name, p->name);
		node |= same && p->node && v[i].node == p->node;
		number |= same && v[i].number == p->number;
	}
	if (name)
		wrong_twice(c, CHILD(at, "name"), p->name);
	if (node)
		wrong_twice_raw(c, CHILD(at, "nodePort"),
		                arena_printf(c->arena, "%lld", (long long)p->node));
	if (number)
		wrong_twice_raw(c, at,
		                arena_printf(c->arena, "{\"protocol\":\"%.8s\",\"port\":%lld}",
		                             p->protocol, (long long)p->number));
}

static void check_ports(struct causes *c, yyjson_mut_val *spec)
{
	const struct at *at = CHILD(AT("spec"), "ports");
	yyjson_mut_val *ports = yyjson_mut_obj_get(spec, "ports"), *p;
	struct port v[SERVICE_PORTS_MAX];
	size_t i, n;

	if (!yyjson_mut_arr_size(ports) && !service_headless(spec) &&
	    !text_is(spec, "type", "ExternalName"))
		wrong_missing(c, at, "");
	if (yyjson_mut_arr_size(ports) > SERVICE_PORTS_MAX) {
		wrong_many(c, at, yyjson_mut_arr_size(ports), SERVICE_PORTS_MAX);
		return;
	}
	yyjson_mut_arr_foreach (ports, i, n, p) {
		v[i] = (struct port){ text_of(p, "name"), text_of(p, "protocol"),
			              number_of(p, "port"), number_of(p, "nodePort") };
		check_service_port(c, ITEM(at, i), p, n > 1);
		if (text_is(spec, "type", "LoadBalancer") && v[i].number == KUBELET_PORT)
			wrong_number(
				c, ITEM(at, i), KUBELET_PORT,
				"may not expose port %d externally since it is used by kubelet",
				KUBELET_PORT);
		if (text_is(spec, "type", "ClusterIP") && v[i].node)
			wrong_here(c, CHILD(ITEM(at, i), "nodePort"),
			           "may not be used when `type` is 'ClusterIP'");
		if (v[i].node < 0 || v[i].node > 65535)
			check_port(c, CHILD(ITEM(at, i), "nodePort"),
			           yyjson_mut_obj_get(p, "nodePort"));
		check_twins(c, ITEM(at, i), v, i);
	}
}

/* ---- addresses ------------------------------------------------------------------------------ */

static bool is_ip(yyjson_mut_val *v, uint8_t *len)
{
	struct ip ip;
	bool good = ip_parse(&ip, yyjson_mut_get_str(v));

	*len = ip.len;
	return good;
}

/* Every item of clusterIPs is an address; "None" may stand alone. */
static bool check_ip_list(struct causes *c, const struct at *at, yyjson_mut_val *list)
{
	unsigned before = c->n;
	yyjson_mut_val *v;
	size_t i, n;

	yyjson_mut_arr_foreach (list, i, n, v) {
		if (i == 0 && yyjson_mut_equals_str(v, "None")) {
			if (n > 1)
				wrong_json(c, at, list, "'None' must be the first and only value");
			continue;
		}
		check_ip(c, ITEM(at, i), yyjson_mut_get_str(v));
	}
	return c->n == before;
}

static void check_ip_families(struct causes *c, const struct at *at, yyjson_mut_val *spec)
{
	yyjson_mut_val *list = yyjson_mut_obj_get(spec, "clusterIPs"), *v;
	yyjson_mut_val *families = yyjson_mut_obj_get(spec, "ipFamilies");
	unsigned count[2] = { 0 };
	uint8_t len;
	size_t i, n;

	yyjson_mut_arr_foreach (list, i, n, v)
		if (is_ip(v, &len))
			count[len == 16]++;
	if (n > 1 && (count[0] != 1 || count[1] != 1))
		wrong_json(c, at, list, "may specify no more than one IP for each IP family");
	yyjson_mut_arr_foreach (list, i, n, v) {
		const char *family = yyjson_mut_get_str(yyjson_mut_arr_get(families, i));

		if (family && is_ip(v, &len) && strcmp(family, len == 16 ? "IPv6" : "IPv4") != 0)
			wrong(c, ITEM(at, i), yyjson_mut_get_str(v),
			      "expected an %s value as indicated by `ipFamilies[%zu]`", family, i);
	}
}

static void check_families(struct causes *c, yyjson_mut_val *spec)
{
	static const char *const families[] = { "IPv4", "IPv6", NULL };
	static const char *const policies[] = { "PreferDualStack", "RequireDualStack",
		                                "SingleStack", NULL };
	const struct at *at = CHILD(AT("spec"), "ipFamilies");
	bool seen[2] = { false };
	yyjson_mut_val *v;
	size_t i, n;

	yyjson_mut_arr_foreach (yyjson_mut_obj_get(spec, "ipFamilies"), i, n, v) {
		bool six = yyjson_mut_equals_str(v, "IPv6");

		if (!valid_among(yyjson_mut_get_str(v), families))
			wrong_word(c, ITEM(at, i), yyjson_mut_get_str(v), families);
		else if (seen[six])
			wrong_twice(c, ITEM(at, i), yyjson_mut_get_str(v));
		else
			seen[six] = true;
	}
	check_word(c, AT("spec"), spec, "ipFamilyPolicy", policies, false);
}

/* clusterIP is clusterIPs[0]; what one names the other has to. */
static void check_cluster_ips(struct causes *c, yyjson_mut_val *spec)
{
	const struct at *at = CHILD(AT("spec"), "clusterIPs");
	yyjson_mut_val *list = yyjson_mut_obj_get(spec, "clusterIPs"),
		       *first = yyjson_mut_arr_get_first(list);
	const char *ip = text_of(spec, "clusterIP");

	if (*ip && !first)
		wrong_missing(c, at, "");
	else if (*ip && !yyjson_mut_equals_str(first, ip))
		wrong_json(c, at, list, "first value must match `clusterIP`");
	else if (!*ip && first)
		wrong_json(c, at, list, "must be empty when `clusterIP` is not specified");
	check_families(c, spec);
	if (yyjson_mut_arr_size(list) > 2)
		wrong_json(c, at, list, "may only hold up to 2 values");
	if (check_ip_list(c, at, list))
		check_ip_families(c, at, spec);
}

static void check_external_name(struct causes *c, yyjson_mut_val *spec)
{
	static const char *const none[] = { "clusterIPs", "ipFamilies", "ipFamilyPolicy" };
	const char *name = text_of(spec, "externalName");
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		yyjson_mut_val *v = yyjson_mut_obj_get(spec, none[i]);

		if (yyjson_mut_is_arr(v) ? yyjson_mut_arr_size(v) : v != NULL)
			wrong_here(c, CHILD(AT("spec"), none[i]),
			           "may not be set for ExternalName services");
	}
	if (n && name[n - 1] == '.')
		n--;
	if (n)
		check_subdomain(c, CHILD(AT("spec"), "externalName"),
		                arena_strndup(c->arena, name, n));
	else
		wrong_missing(c, CHILD(AT("spec"), "externalName"), "");
}

/* Which addresses an update takes away or changes: primary ones never, the second with intent. */
static void check_kept(struct causes *c, yyjson_mut_val *spec, yyjson_val *was, const char *field,
                       const char *primary, const char *secondary)
{
	const struct at *at = CHILD(AT("spec"), field);
	yyjson_mut_val *now = yyjson_mut_obj_get(spec, field), *v;
	yyjson_val *before = yyjson_obj_get(was, field);
	size_t i, n, n_now = yyjson_mut_arr_size(now), n_before = yyjson_arr_size(before);

	yyjson_mut_arr_foreach (now, i, n, v) {
		const char *s = yyjson_get_str(yyjson_arr_get(before, i));

		if (s && !yyjson_mut_equals_str(v, s) && (i == 0 || n_now == n_before))
			wrong_json(c, ITEM(at, i), now, "may not change once set");
	}
	if (n_before && !n_now)
		wrong_json(c, ITEM(at, 0), now, "primary %s can not be unset", primary);
	if (n_before == 2 && n_now == 1 && !text_is(spec, "ipFamilyPolicy", "SingleStack"))
		wrong(c, CHILD(AT("spec"), "ipFamilyPolicy"), text_of(spec, "ipFamilyPolicy"),
		      "must be set to 'SingleStack' when releasing the secondary %s", secondary);
}

static void check_stack_update(struct causes *c, yyjson_mut_val *spec, yyjson_val *was)
{
	const char *type = json_str(was, "type");
	bool headless = service_headless(spec), was_headless = service_headless_old(was);

	if (!was || (type && !strcmp(type, "ExternalName")) || (headless && was_headless))
		return;
	check_kept(c, spec, was, "clusterIPs", "clusterIP", "clusterIP");
	if (headless == was_headless)
		check_kept(c, spec, was, "ipFamilies", "ipFamily", "ipFamily");
}

/* ---- the outside ---------------------------------------------------------------------------- */

static void check_affinity(struct causes *c, yyjson_mut_val *spec)
{
	static const char *const affinities[] = { "ClientIP", "None", NULL };
	const struct at *at = CHILD(AT("spec"), "sessionAffinityConfig");
	yyjson_mut_val *v = mut_at(spec, "sessionAffinityConfig.clientIP.timeoutSeconds");
	int64_t n = yyjson_mut_get_sint(v);

	check_word(c, AT("spec"), spec, "sessionAffinity", affinities, true);
	if (text_is(spec, "sessionAffinity", "ClientIP") && (n < 1 || n > AFFINITY_MAX))
		wrong_number(c, CHILD(CHILD(at, "clientIP"), "timeoutSeconds"), n,
		             "must be greater than 0 and less than %d", AFFINITY_MAX);
	else if (text_is(spec, "sessionAffinity", "None") && has(spec, "sessionAffinityConfig"))
		wrong_here(c, at, "must not be set when session affinity is None");
}

/* Blanks around a range are fine: they were in the annotation that came before the field. */
static void check_padded_cidr(struct causes *c, const struct at *at, const char *s, size_t n)
{
	static const char blank[] = " \t\r\n";

	while (n && strchr(blank, *s))
		s++, n--;
	while (n && strchr(blank, s[n - 1]))
		n--;
	check_cidr(c, at, arena_strndup(c->arena, s, n));
}

static void check_source_note(struct causes *c, yyjson_mut_val *root, bool balancer)
{
	static const char key[] = "service.beta.kubernetes.io/load-balancer-source-ranges";
	const struct at *at = KEYED(CHILD(AT("metadata"), "annotations"), key);
	const char *s =
		yyjson_mut_get_str(yyjson_mut_obj_get(mut_at(root, "metadata.annotations"), key));

	if (!s)
		return;
	if (!balancer)
		wrong_here(c, at, ONLY_BALANCER);
	if (!s[strspn(s, " \t\r\n")])
		return;
	for (size_t n;; s += n + 1) {
		n = strcspn(s, ",");
		check_padded_cidr(c, at, s, n);
		if (!s[n])
			return;
	}
}

static void check_source_ranges(struct causes *c, yyjson_mut_val *root, yyjson_mut_val *spec)
{
	const struct at *at = CHILD(AT("spec"), "loadBalancerSourceRanges");
	yyjson_mut_val *list = yyjson_mut_obj_get(spec, "loadBalancerSourceRanges"), *v;
	bool balancer = text_is(spec, "type", "LoadBalancer");
	size_t i, n;

	if (!yyjson_mut_arr_size(list)) {
		check_source_note(c, root, balancer);
		return;
	}
	if (!balancer)
		wrong_here(c, at, ONLY_BALANCER);
	yyjson_mut_arr_foreach (list, i, n, v)
		check_padded_cidr(c, ITEM(at, i), yyjson_mut_get_str(v), yyjson_mut_get_len(v));
}

static void check_balancer_fields(struct causes *c, yyjson_mut_val *spec, yyjson_val *was)
{
	const struct at *at = CHILD(AT("spec"), "loadBalancerClass");
	const char *class = mut_str(spec, "loadBalancerClass"), *type = json_str(was, "type"),
		   *old = json_str(was, "loadBalancerClass");
	bool balancer = text_is(spec, "type", "LoadBalancer");

	if (!balancer && has(spec, "allocateLoadBalancerNodePorts"))
		wrong_here(c, CHILD(AT("spec"), "allocateLoadBalancerNodePorts"), ONLY_BALANCER);
	if (balancer && type && !strcmp(type, "LoadBalancer") &&
	    (!class != !old || (class && strcmp(class, old) != 0)))
		wrong_json(c, at, yyjson_mut_obj_get(spec, "loadBalancerClass"),
		           "may not change once set");
	if (class && balancer)
		check_qualified_name(c, at, class);
	else if (class)
		wrong_here(c, at, ONLY_BALANCER);
}

static void check_traffic(struct causes *c, yyjson_mut_val *spec, yyjson_val *was)
{
	static const char *const policies[] = { "Cluster", "Local", NULL };
	static const char *const near[] = { "PreferClose", "PreferSameNode", "PreferSameZone",
		                            NULL };
	const struct at *at = AT("spec"), *health = CHILD(at, "healthCheckNodePort");
	int64_t port = number_of(spec, "healthCheckNodePort"),
		old = json_int(was, "healthCheckNodePort", 0);

	if (service_external(spec))
		check_word(c, at, spec, "externalTrafficPolicy", policies, true);
	else if (*text_of(spec, "externalTrafficPolicy"))
		wrong(c, CHILD(at, "externalTrafficPolicy"), text_of(spec, "externalTrafficPolicy"),
		      "may only be set for externally-accessible services");
	if (port && !service_wants_health(spec))
		wrong_number(c, health, port,
		             "may only be set when `type` is 'LoadBalancer' and "
		             "`externalTrafficPolicy` is 'Local'");
	else if (port && old && port != old)
		wrong_here(c, health, "field is immutable");
	else if (port)
		check_port(c, health, yyjson_mut_obj_get(spec, "healthCheckNodePort"));
	check_word(c, at, spec, "internalTrafficPolicy", policies,
	           !text_is(spec, "type", "ExternalName"));
	check_word(c, at, spec, "trafficDistribution", near, false);
}

static void check_external_ips(struct causes *c, yyjson_mut_val *spec)
{
	const struct at *at = CHILD(AT("spec"), "externalIPs");
	yyjson_mut_val *v;
	size_t i, n;

	yyjson_mut_arr_foreach (yyjson_mut_obj_get(spec, "externalIPs"), i, n, v)
		if (check_ip(c, ITEM(at, i), yyjson_mut_get_str(v)))
			check_ip_plain(c, ITEM(at, i), yyjson_mut_get_str(v));
	if (*text_of(spec, "loadBalancerIP") && text_is(spec, "type", "LoadBalancer"))
		check_ip(c, CHILD(AT("spec"), "loadBalancerIP"), text_of(spec, "loadBalancerIP"));
}

static void check_hints_note(struct causes *c, yyjson_mut_val *root)
{
	static const char old[] = "service.kubernetes.io/topology-aware-hints",
			  new[] = "service.kubernetes.io/topology-mode";
	yyjson_mut_val *notes = mut_at(root, "metadata.annotations");
	const char *a = yyjson_mut_get_str(yyjson_mut_obj_get(notes, old)),
		   *b = yyjson_mut_get_str(yyjson_mut_obj_get(notes, new));

	if (a && b && strcmp(a, b) != 0)
		wrong(c, KEYED(CHILD(AT("metadata"), "annotations"), new), b,
		      "must match annotations[%s] when both are specified", old);
}

void valid_service(yyjson_mut_doc *doc, yyjson_mut_val *root, yyjson_val *old, struct causes *c)
{
	static const char *const types[] = { "ClusterIP", "ExternalName", "LoadBalancer",
		                             "NodePort", NULL };
	yyjson_mut_val *spec = yyjson_mut_obj_get(root, "spec");
	yyjson_val *was = yyjson_obj_get(old, "spec");
	const char *type = text_of(spec, "type");
	unsigned before = c->n;

	check_hints_note(c, root);
	check_word(c, AT("spec"), spec, "type", types, true);
	if (!strcmp(type, "ExternalName")) {
		check_external_name(c, spec);
	} else {
		check_cluster_ips(c, spec);
		if (c->n == before)
			service_families(doc, spec, was, c);
		if (c->n == before)
			check_stack_update(c, spec, was);
	}
	if (service_headless(spec) && (!strcmp(type, "LoadBalancer") || !strcmp(type, "NodePort")))
		wrong(c, ITEM(CHILD(AT("spec"), "clusterIPs"), 0), "None",
		      "may not be set to 'None' for %s services", type);
	check_ports(c, spec);
	check_labels(c, CHILD(AT("spec"), "selector"), yyjson_mut_obj_get(spec, "selector"));
	check_affinity(c, spec);
	check_external_ips(c, spec);
	check_source_ranges(c, root, spec);
	check_balancer_fields(c, spec, was);
	check_traffic(c, spec, was);
}
