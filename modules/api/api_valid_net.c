/* api_valid_net.c - the rules of Service, Ingress and NetworkPolicy (pkg/apis/core/validation and
 * pkg/apis/networking/validation in Kubernetes say them at length). */
#include <stdio.h>
#include <string.h>

#include <knetd/ip.h>

#include "api.h"

#define PROTOCOLS "\"SCTP\", \"TCP\", \"UDP\""

static const char *number_text(struct causes *c, int64_t n)
{
	return arena_printf(c->arena, "%lld", (long long)n);
}

static bool among(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(s, *list))
			return true;
	return false;
}

static const char *const protocols[] = { "TCP", "UDP", "SCTP", NULL };

static void check_port_number(yyjson_mut_val *v, const char *field, struct causes *c)
{
	int64_t n = yyjson_mut_get_sint(v);

	if (yyjson_mut_is_int(v) && (n < 1 || n > 65535))
		cause_invalid(c, field, number_text(c, n), "must be between 1 and 65535, inclusive");
}

/* IANA_SVC_NAME: at most 15 of a-z, 0-9 and '-', with a letter (RFC 6335). */
static bool valid_port_name(const char *s)
{
	bool letter = false;
	size_t n = strlen(s);

	if (!n || n > 15 || s[0] == '-' || s[n - 1] == '-' || strstr(s, "--"))
		return false;
	for (; *s; s++) {
		if (!((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') || *s == '-'))
			return false;
		letter |= *s >= 'a';
	}
	return letter;
}

/* A port by number or by name. */
static void check_port_ref(yyjson_mut_val *v, const char *field, struct causes *c)
{
	const char *name = yyjson_mut_get_str(v);

	check_port_number(v, field, c);
	if (name && !valid_port_name(name))
		cause_invalid(c, field, name, "must be a port name: at most 15 of a-z, 0-9 and '-', with a letter");
}

static void check_enum(yyjson_mut_val *spec, const char *name, const char *const *list, const char *text, struct causes *c)
{
	const char *s = mut_str(spec, name);

	if (s && *s && !among(s, list))
		cause_not_supported(c, arena_printf(c->arena, "spec.%s", name), s, text);
}

/* ---- Service --------------------------------------------------------------------------------------------- */

static void check_service_port(yyjson_mut_val *p, size_t i, bool several, struct causes *c)
{
	const char *at = arena_printf(c->arena, "spec.ports[%zu]", i);
	const char *name = mut_str(p, "name"), *protocol = mut_str(p, "protocol");

	if (!yyjson_mut_is_int(yyjson_mut_obj_get(p, "port")))
		cause_required(c, arena_printf(c->arena, "%s.port", at), "");
	check_port_number(yyjson_mut_obj_get(p, "port"), arena_printf(c->arena, "%s.port", at), c);
	check_port_ref(yyjson_mut_obj_get(p, "targetPort"), arena_printf(c->arena, "%s.targetPort", at), c);
	if (several && (!name || !*name))
		cause_required(c, arena_printf(c->arena, "%s.name", at), "");
	if (name && *name && !valid_label(name, true))
		cause_invalid(c, arena_printf(c->arena, "%s.name", at), name,
			      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-'");
	if (protocol && !among(protocol, protocols))
		cause_not_supported(c, arena_printf(c->arena, "%s.protocol", at), protocol, PROTOCOLS);
}

static void check_duplicate_ports(yyjson_mut_val *ports, struct causes *c)
{
	size_t n = yyjson_mut_arr_size(ports);

	for (size_t i = 1; i < n && n <= 200; i++) {
		yyjson_mut_val *a = yyjson_mut_arr_get(ports, i);
		const char *at = arena_printf(c->arena, "spec.ports[%zu]", i);

		for (size_t k = 0; k < i; k++) {
			yyjson_mut_val *b = yyjson_mut_arr_get(ports, k);
			const char *x = mut_str(a, "name"), *y = mut_str(b, "name");
			const char *pa = mut_str(a, "protocol"), *pb = mut_str(b, "protocol");

			if (x && y && *x && !strcmp(x, y))
				cause_duplicate(c, arena_printf(c->arena, "%s.name", at), x);
			if (yyjson_mut_equals(yyjson_mut_obj_get(a, "port"), yyjson_mut_obj_get(b, "port")) &&
			    !strcmp(pa ? pa : "TCP", pb ? pb : "TCP"))
				cause_duplicate(c, at, number_text(c, yyjson_mut_get_sint(yyjson_mut_obj_get(a, "port"))));
		}
	}
}

static void check_service_ports(yyjson_mut_val *spec, bool optional, struct causes *c)
{
	yyjson_mut_val *ports = yyjson_mut_obj_get(spec, "ports"), *p;
	size_t i, n;

	if (!yyjson_mut_arr_size(ports) && !optional)
		cause_required(c, "spec.ports", "");
	yyjson_mut_arr_foreach(ports, i, n, p)
		check_service_port(p, i, n > 1, c);
	check_duplicate_ports(ports, c);
}

static void check_cluster_ips(yyjson_mut_val *spec, yyjson_val *old, const char *type, struct causes *c)
{
	const char *ip = mut_str(spec, "clusterIP"), *was = json_str(old, "spec.clusterIP");
	const char *was_type = json_str(old, "spec.type");
	struct ip parsed;

	if (!strcmp(type, "ExternalName"))
		return;
	if (ip && *ip && strcmp(ip, "None") != 0 && !ip_parse(&parsed, ip))
		cause_invalid(c, "spec.clusterIP", ip, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
	/* taken over by default_object when it is left out; so a difference is a wish to change it */
	if (was && *was && ip && strcmp(ip, was) != 0 && was_type && strcmp(was_type, "ExternalName") != 0)
		cause_invalid(c, "spec.clusterIP", ip, "field is immutable");
	if (ip && !strcmp(ip, "None") && (!strcmp(type, "NodePort") || !strcmp(type, "LoadBalancer")))
		cause_invalid(c, "spec.clusterIP", ip, "may not be set to 'None' for %s services", type);
}

static void check_affinity(yyjson_mut_val *spec, struct causes *c)
{
	yyjson_mut_val *v = mut_at(spec, "sessionAffinityConfig.clientIP.timeoutSeconds");
	int64_t n = yyjson_mut_get_sint(v);

	if (v && (n < 1 || n > 86400))
		cause_invalid(c, "spec.sessionAffinityConfig.clientIP.timeoutSeconds", number_text(c, n),
			      "must be greater than 0 and less than or equal to 86400");
}

static void check_source_ranges(yyjson_mut_val *spec, struct causes *c)
{
	yyjson_mut_val *item;
	size_t i, n;

	yyjson_mut_arr_foreach(yyjson_mut_obj_get(spec, "loadBalancerSourceRanges"), i, n, item) {
		const char *s = yyjson_mut_get_str(item);
		char text[CIDR_TEXT];
		struct cidr cidr;

		s = s ? s + strspn(s, " \t") : "";
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(s, " \t"), s);
		if (!cidr_parse(&cidr, text))
			cause_invalid(c, arena_printf(c->arena, "spec.loadBalancerSourceRanges[%zu]", i), s,
				      "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
	}
}

void valid_service(yyjson_mut_val *root, yyjson_val *old, struct causes *c)
{
	static const char *const types[] = { "ClusterIP", "NodePort", "LoadBalancer", "ExternalName", NULL };
	static const char *const affinities[] = { "None", "ClientIP", NULL };
	static const char *const policies[] = { "Cluster", "Local", NULL };
	static const char *const family_policies[] = { "SingleStack", "PreferDualStack", "RequireDualStack", NULL };
	yyjson_mut_val *spec = yyjson_mut_obj_get(root, "spec");
	const char *type = mut_str(spec, "type"), *name = mut_str(spec, "externalName"), *ip = mut_str(spec, "clusterIP");

	type = type ? type : "ClusterIP";
	check_enum(spec, "type", types, "\"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"", c);
	check_enum(spec, "sessionAffinity", affinities, "\"ClientIP\", \"None\"", c);
	check_enum(spec, "internalTrafficPolicy", policies, "\"Cluster\", \"Local\"", c);
	check_enum(spec, "externalTrafficPolicy", policies, "\"Cluster\", \"Local\"", c);
	check_enum(spec, "ipFamilyPolicy", family_policies, "\"PreferDualStack\", \"RequireDualStack\", \"SingleStack\"", c);
	check_service_ports(spec, !strcmp(type, "ExternalName") || (ip && !strcmp(ip, "None")), c);
	if (!strcmp(type, "ExternalName") && (!name || !*name))
		cause_required(c, "spec.externalName", "");
	else if (!strcmp(type, "ExternalName") && !valid_subdomain(name))
		cause_invalid(c, "spec.externalName", name, "a lowercase RFC 1123 subdomain is expected");
	check_cluster_ips(spec, old, type, c);
	check_affinity(spec, c);
	check_source_ranges(spec, c);
}

/* ---- Ingress ------------------------------------------------------------------------------------------------ */

static void check_backend(yyjson_mut_val *b, const char *at, struct causes *c)
{
	yyjson_mut_val *service = yyjson_mut_obj_get(b, "service"), *port = yyjson_mut_obj_get(service, "port");
	const char *name = mut_str(service, "name");
	yyjson_mut_val *number = yyjson_mut_obj_get(port, "number");
	const char *port_name = mut_str(port, "name");

	if (yyjson_mut_is_obj(yyjson_mut_obj_get(b, "resource")) && !service)
		return;
	if (!service) {
		cause_required(c, at, "service or resource backend is required");
		return;
	}
	if (!name || !*name)
		cause_required(c, arena_printf(c->arena, "%s.service.name", at), "");
	else if (!valid_label(name, false))
		cause_invalid(c, arena_printf(c->arena, "%s.service.name", at), name, "a DNS-1035 label is expected");
	if (!number && (!port_name || !*port_name))
		cause_required(c, arena_printf(c->arena, "%s.service.port", at), "port name or number is required");
	if (number && port_name && *port_name)
		cause_invalid(c, arena_printf(c->arena, "%s.service.port", at), port_name, "cannot set both port name & port number");
	check_port_number(number, arena_printf(c->arena, "%s.service.port.number", at), c);
	if (port_name && *port_name && !valid_port_name(port_name))
		cause_invalid(c, arena_printf(c->arena, "%s.service.port.name", at), port_name, "must be a port name");
}

static void check_path(yyjson_mut_val *p, const char *at, struct causes *c)
{
	static const char *const types[] = { "Exact", "Prefix", "ImplementationSpecific", NULL };
	const char *path = mut_str(p, "path"), *type = mut_str(p, "pathType");

	if (!type || !*type)
		cause_required(c, arena_printf(c->arena, "%s.pathType", at), "pathType must be specified");
	else if (!among(type, types))
		cause_not_supported(c, arena_printf(c->arena, "%s.pathType", at), type,
				    "\"Exact\", \"ImplementationSpecific\", \"Prefix\"");
	else if (strcmp(type, "ImplementationSpecific") != 0 || (path && *path)) {
		if (!path || path[0] != '/')
			cause_invalid(c, arena_printf(c->arena, "%s.path", at), path ? path : "", "must be an absolute path");
		else if (strstr(path, "//") || strstr(path, "/./") || strstr(path, "/../") || strcasestr(path, "%2f"))
			cause_invalid(c, arena_printf(c->arena, "%s.path", at), path, "must not contain '//', '/./', '/../' or '%%2f'");
	}
	check_backend(yyjson_mut_obj_get(p, "backend"), arena_printf(c->arena, "%s.backend", at), c);
}

static void check_rule(yyjson_mut_val *rule, size_t i, struct causes *c)
{
	const char *host = mut_str(rule, "host"), *at = arena_printf(c->arena, "spec.rules[%zu]", i);
	yyjson_mut_val *paths = mut_at(rule, "http.paths"), *p;
	struct ip ip;
	size_t k, n;

	if (host && *host) {
		const char *name = !strncmp(host, "*.", 2) ? host + 2 : host;

		if (ip_parse(&ip, host))
			cause_invalid(c, arena_printf(c->arena, "%s.host", at), host, "must be a DNS name, not an IP address");
		else if (!valid_subdomain(name))
			cause_invalid(c, arena_printf(c->arena, "%s.host", at), host,
				      "a lowercase RFC 1123 subdomain, or one behind '*.', is expected");
	}
	if (yyjson_mut_obj_get(rule, "http") && !yyjson_mut_arr_size(paths))
		cause_required(c, arena_printf(c->arena, "%s.http.paths", at), "");
	yyjson_mut_arr_foreach(paths, k, n, p)
		check_path(p, arena_printf(c->arena, "%s.http.paths[%zu]", at, k), c);
}

void valid_ingress(yyjson_mut_val *root, struct causes *c)
{
	yyjson_mut_val *spec = yyjson_mut_obj_get(root, "spec"), *rules = yyjson_mut_obj_get(spec, "rules");
	yyjson_mut_val *backend = yyjson_mut_obj_get(spec, "defaultBackend"), *rule;
	size_t i, n;

	if (!yyjson_mut_arr_size(rules) && !backend)
		cause_invalid(c, "spec", "", "either `defaultBackend` or `rules` must be specified");
	if (backend)
		check_backend(backend, "spec.defaultBackend", c);
	yyjson_mut_arr_foreach(rules, i, n, rule)
		check_rule(rule, i, c);
}

/* ---- NetworkPolicy ---------------------------------------------------------------------------------------------- */

static void check_policy_port(yyjson_mut_val *p, const char *at, struct causes *c)
{
	const char *protocol = mut_str(p, "protocol");
	yyjson_mut_val *port = yyjson_mut_obj_get(p, "port"), *end = yyjson_mut_obj_get(p, "endPort");

	if (protocol && !among(protocol, protocols))
		cause_not_supported(c, arena_printf(c->arena, "%s.protocol", at), protocol, PROTOCOLS);
	check_port_ref(port, arena_printf(c->arena, "%s.port", at), c);
	if (!end)
		return;
	check_port_number(end, arena_printf(c->arena, "%s.endPort", at), c);
	if (!yyjson_mut_is_int(port))
		cause_required(c, arena_printf(c->arena, "%s.port", at), "must be a number when `endPort` is specified");
	else if (yyjson_mut_get_sint(end) < yyjson_mut_get_sint(port))
		cause_invalid(c, arena_printf(c->arena, "%s.endPort", at), number_text(c, yyjson_mut_get_sint(end)),
			      "must be greater than or equal to `port`");
}

static void check_ip_block(yyjson_mut_val *block, const char *at, struct causes *c)
{
	const char *text = mut_str(block, "cidr");
	struct cidr cidr, hole;
	yyjson_mut_val *item;
	size_t i, n;

	if (!text || !*text) {
		cause_required(c, arena_printf(c->arena, "%s.cidr", at), "");
		return;
	}
	if (!cidr_parse(&cidr, text)) {
		cause_invalid(c, arena_printf(c->arena, "%s.cidr", at), text, "must be a valid CIDR value");
		return;
	}
	yyjson_mut_arr_foreach(yyjson_mut_obj_get(block, "except"), i, n, item) {
		const char *s = yyjson_mut_get_str(item);

		if (!s || !cidr_parse(&hole, s) || !cidr_has(&cidr, &hole.ip) || hole.bits <= cidr.bits)
			cause_invalid(c, arena_printf(c->arena, "%s.except[%zu]", at, i), s ? s : "", "must be a strict subset of `cidr`");
	}
}

static void check_peer(yyjson_mut_val *peer, const char *at, struct causes *c)
{
	yyjson_mut_val *block = yyjson_mut_obj_get(peer, "ipBlock");
	bool selects = yyjson_mut_obj_get(peer, "podSelector") || yyjson_mut_obj_get(peer, "namespaceSelector");

	if (!block && !selects)
		cause_required(c, at, "must specify a peer");
	if (block && selects)
		cause_forbidden(c, at, "may not specify both ipBlock and another peer");
	if (block)
		check_ip_block(block, arena_printf(c->arena, "%s.ipBlock", at), c);
}

static void check_direction(yyjson_mut_val *spec, const char *direction, const char *peers, struct causes *c)
{
	yyjson_mut_val *rule, *v;
	size_t i, n, k, m;

	yyjson_mut_arr_foreach(yyjson_mut_obj_get(spec, direction), i, n, rule) {
		yyjson_mut_arr_foreach(yyjson_mut_obj_get(rule, "ports"), k, m, v)
			check_policy_port(v, arena_printf(c->arena, "spec.%s[%zu].ports[%zu]", direction, i, k), c);
		yyjson_mut_arr_foreach(yyjson_mut_obj_get(rule, peers), k, m, v)
			check_peer(v, arena_printf(c->arena, "spec.%s[%zu].%s[%zu]", direction, i, peers, k), c);
	}
}

void valid_policy(yyjson_mut_val *root, struct causes *c)
{
	yyjson_mut_val *spec = yyjson_mut_obj_get(root, "spec"), *type;
	size_t i, n;

	check_direction(spec, "ingress", "from", c);
	check_direction(spec, "egress", "to", c);
	yyjson_mut_arr_foreach(yyjson_mut_obj_get(spec, "policyTypes"), i, n, type)
		if (!yyjson_mut_equals_str(type, "Ingress") && !yyjson_mut_equals_str(type, "Egress"))
			cause_not_supported(c, arena_printf(c->arena, "spec.policyTypes[%zu]", i), yyjson_mut_get_str(type),
					    "\"Egress\", \"Ingress\"");
}
