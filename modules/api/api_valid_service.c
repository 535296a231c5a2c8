/* api_valid_service.c - the rules of Service (ValidateService in pkg/apis/core/validation of
 * Kubernetes says them at length). What is checked against other Services, addresses and node
 * ports, is in api_service.c. */
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/ip.h>

#include "api_valid.h"

static void check_enum(yyjson_mut_val *spec, const char *name, const char *const *list,
                       const char *text, struct causes *c)
{
	const char *s = mut_str(spec, name);

	if (s && *s && !valid_among(s, list))
		cause_not_supported(c, arena_printf(c->arena, "spec.%s", name), s, text);
}

static void check_service_port(yyjson_mut_val *p, const char *at, bool several, struct causes *c)
{
	const char *name = mut_str(p, "name"), *protocol = mut_str(p, "protocol");

	if (!yyjson_mut_is_int(yyjson_mut_obj_get(p, "port")))
		cause_required(c, arena_printf(c->arena, "%s.port", at), "");
	valid_port_number(yyjson_mut_obj_get(p, "port"), arena_printf(c->arena, "%s.port", at), c);
	valid_port_ref(yyjson_mut_obj_get(p, "targetPort"),
	               arena_printf(c->arena, "%s.targetPort", at), c);
	if (several && (!name || !*name))
		cause_required(c, arena_printf(c->arena, "%s.name", at), "");
	if (name && *name && !valid_label(name, true))
		cause_invalid(c, arena_printf(c->arena, "%s.name", at), name, "%s", LABEL_HELP);
	if (protocol && !valid_among(protocol, valid_protocols))
		cause_not_supported(c, arena_printf(c->arena, "%s.protocol", at), protocol,
		                    PROTOCOLS);
}

static bool same_protocol(yyjson_mut_val *a, yyjson_mut_val *b)
{
	const char *p = mut_str(a, "protocol"), *q = mut_str(b, "protocol");

	return !strcmp(p ? p : "TCP", q ? q : "TCP");
}

static bool same_number(yyjson_mut_val *a, yyjson_mut_val *b, const char *key)
{
	yyjson_mut_val *x = yyjson_mut_obj_get(a, key), *y = yyjson_mut_obj_get(b, key);

	return yyjson_mut_get_sint(x) && yyjson_mut_equals(x, y);
}

static const char *port_text(struct arena *a, yyjson_mut_val *port, const char *key)
{
	return arena_printf(a, "%lld",
	                    (long long)yyjson_mut_get_sint(yyjson_mut_obj_get(port, key)));
}

static void check_duplicate(yyjson_mut_val *a, yyjson_mut_val *b, const char *at, struct causes *c)
{
	const char *x = mut_str(a, "name"), *y = mut_str(b, "name");

	if (x && y && *x && !strcmp(x, y))
		cause_duplicate(c, arena_printf(c->arena, "%s.name", at), x);
	if (!same_protocol(a, b))
		return;
	if (same_number(a, b, "port"))
		cause_duplicate(c, at, port_text(c->arena, a, "port"));
	if (same_number(a, b, "nodePort"))
		cause_duplicate(c, arena_printf(c->arena, "%s.nodePort", at),
		                port_text(c->arena, a, "nodePort"));
}

static void check_service_ports(yyjson_mut_val *spec, bool optional, bool node_ports,
                                struct causes *c)
{
	yyjson_mut_val *ports = yyjson_mut_obj_get(spec, "ports"), *p, *other;
	size_t i, n, k, m;

	if (!yyjson_mut_arr_size(ports) && !optional)
		cause_required(c, "spec.ports", "");
	if (yyjson_mut_arr_size(ports) > SERVICE_PORTS_MAX) {
		cause_invalid_number(c, "spec.ports", yyjson_mut_arr_size(ports),
		                     "must have at most %d items", SERVICE_PORTS_MAX);
		return;
	}
	yyjson_mut_arr_foreach (ports, i, n, p) {
		const char *at = arena_printf(c->arena, "spec.ports[%zu]", i);

		check_service_port(p, at, n > 1, c);
		if (!node_ports && yyjson_mut_get_sint(yyjson_mut_obj_get(p, "nodePort")))
			cause_forbidden(c, arena_printf(c->arena, "%s.nodePort", at),
			                "may not be used when `type` is 'ClusterIP'");
		yyjson_mut_arr_foreach (ports, k, m, other)
			if (k < i)
				check_duplicate(p, other, at, c);
	}
}

#define IP_HELP "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"

static bool is_ip(const char *text)
{
	struct ip ip;

	return text && ip_parse(&ip, text);
}

static bool is_none(const char *ip)
{
	return ip && !strcmp(ip, "None");
}

static void check_ip_list(yyjson_mut_val *list, const char *field, bool none, struct causes *c)
{
	yyjson_mut_val *v;
	size_t i, n;

	yyjson_mut_arr_foreach (list, i, n, v) {
		const char *ip = yyjson_mut_get_str(v);

		if (!is_ip(ip) && !(none && i == 0 && is_none(ip)))
			cause_invalid(c, arena_printf(c->arena, "%s[%zu]", field, i), ip ? ip : "",
			              IP_HELP);
	}
}

/* clusterIP is clusterIPs[0]; what one names the other has to. */
static void check_cluster_ips(yyjson_mut_val *spec, const char *type, struct causes *c)
{
	yyjson_mut_val *list = yyjson_mut_obj_get(spec, "clusterIPs"),
		       *first = yyjson_mut_arr_get_first(list);
	const char *ip = mut_str(spec, "clusterIP");

	if (ip && *ip && !is_none(ip) && !is_ip(ip))
		cause_invalid(c, "spec.clusterIP", ip, IP_HELP);
	check_ip_list(list, "spec.clusterIPs", true, c);
	if (yyjson_mut_arr_size(list) > 2)
		cause_invalid_number(c, "spec.clusterIPs", yyjson_mut_arr_size(list),
		                     "may only hold up to 2 values");
	if (first && (!ip || !*ip))
		cause_invalid(c, "spec.clusterIPs", yyjson_mut_get_str(first),
		              "must be empty when `clusterIP` is not specified");
	else if (first && !yyjson_mut_equals_str(first, ip))
		cause_invalid(c, "spec.clusterIPs[0]", yyjson_mut_get_str(first),
		              "first value must match `clusterIP`");
	if (is_none(ip) && strcmp(type, "ClusterIP") != 0)
		cause_invalid(c, "spec.clusterIP", ip, "may not be set to 'None' for %s services",
		              type);
}

/* What an update leaves out was taken over by default_object; so a difference is a wish to change
 * it. */
static void check_kept(yyjson_mut_val *spec, yyjson_val *old, struct causes *c)
{
	const char *ip = mut_str(spec, "clusterIP"), *was = json_str(old, "clusterIP"),
		   *was_type = json_str(old, "type");
	const char *family = yyjson_mut_get_str(
		yyjson_mut_arr_get_first(yyjson_mut_obj_get(spec, "ipFamilies")));
	const char *was_family =
		yyjson_get_str(yyjson_arr_get_first(yyjson_obj_get(old, "ipFamilies")));

	if (!was || !*was || (was_type && !strcmp(was_type, "ExternalName")))
		return;
	if (ip && strcmp(ip, was) != 0)
		cause_invalid(c, "spec.clusterIP", ip, "field is immutable");
	if (family && was_family && strcmp(family, was_family) != 0)
		cause_invalid(c, "spec.ipFamilies[0]", family, "may not change once set");
}

static void check_affinity(yyjson_mut_val *spec, struct causes *c)
{
	yyjson_mut_val *v = mut_at(spec, "sessionAffinityConfig.clientIP.timeoutSeconds");
	int64_t n = yyjson_mut_get_sint(v);

	if (v && (n < 1 || n > 86400))
		cause_invalid_number(c, "spec.sessionAffinityConfig.clientIP.timeoutSeconds", n,
		                     "must be greater than 0 and less than or equal to 86400");
}

static void check_source_ranges(yyjson_mut_val *spec, struct causes *c)
{
	yyjson_mut_val *item;
	size_t i, n;

	yyjson_mut_arr_foreach (yyjson_mut_obj_get(spec, "loadBalancerSourceRanges"), i, n, item) {
		const char *s = yyjson_mut_get_str(item);
		char text[CIDR_TEXT];
		struct cidr cidr;

		s = s ? s + strspn(s, " \t") : "";
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(s, " \t"), s);
		if (!cidr_parse(&cidr, text))
			cause_invalid(
				c, arena_printf(c->arena, "spec.loadBalancerSourceRanges[%zu]", i),
				s,
				"must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
	}
}

void valid_service(yyjson_mut_val *root, yyjson_val *old, struct causes *c)
{
	static const char *const types[] = { "ClusterIP", "NodePort", "LoadBalancer",
		                             "ExternalName", NULL };
	static const char *const affinities[] = { "None", "ClientIP", NULL };
	static const char *const policies[] = { "Cluster", "Local", NULL };
	static const char *const family_policies[] = { "SingleStack", "PreferDualStack",
		                                       "RequireDualStack", NULL };
	yyjson_mut_val *spec = yyjson_mut_obj_get(root, "spec");
	const char *type = mut_str(spec, "type"), *name = mut_str(spec, "externalName"),
		   *ip = mut_str(spec, "clusterIP");
	bool external;

	type = type ? type : "ClusterIP";
	check_enum(spec, "type", types,
	           "\"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"", c);
	check_enum(spec, "sessionAffinity", affinities, "\"ClientIP\", \"None\"", c);
	check_enum(spec, "internalTrafficPolicy", policies, "\"Cluster\", \"Local\"", c);
	check_enum(spec, "externalTrafficPolicy", policies, "\"Cluster\", \"Local\"", c);
	check_enum(spec, "ipFamilyPolicy", family_policies,
	           "\"PreferDualStack\", \"RequireDualStack\", \"SingleStack\"", c);
	external = !strcmp(type, "NodePort") || !strcmp(type, "LoadBalancer");
	check_service_ports(spec, !strcmp(type, "ExternalName") || is_none(ip), external, c);
	if (mut_str(spec, "externalTrafficPolicy") && !external &&
	    !yyjson_mut_arr_size(yyjson_mut_obj_get(spec, "externalIPs")))
		cause_invalid(c, "spec.externalTrafficPolicy",
		              mut_str(spec, "externalTrafficPolicy"),
		              "may only be set for externally-accessible services");
	if (!strcmp(type, "ExternalName") && (!name || !*name))
		cause_required(c, "spec.externalName", "");
	else if (!strcmp(type, "ExternalName") && !valid_subdomain(name))
		cause_invalid(c, "spec.externalName", name,
		              "a lowercase RFC 1123 subdomain is expected");
	if (strcmp(type, "ExternalName") != 0) {
		check_cluster_ips(spec, type, c);
		check_kept(spec, yyjson_obj_get(old, "spec"), c);
	}
	check_ip_list(yyjson_mut_obj_get(spec, "externalIPs"), "spec.externalIPs", false, c);
	check_affinity(spec, c);
	check_source_ranges(spec, c);
}
