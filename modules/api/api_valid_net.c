/* api_valid_net.c - the rules of Ingress and NetworkPolicy (pkg/apis/networking/validation in
 * Kubernetes says them at length). */
#include <string.h>

#include <knetd/ip.h>

#include "api_valid.h"

/* ---- Ingress -------------------------------------------------------------------------------- */

static void check_backend(yyjson_mut_val *b, const char *at, struct causes *c)
{
	yyjson_mut_val *service = yyjson_mut_obj_get(b, "service"),
		       *port = yyjson_mut_obj_get(service, "port");
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
		cause_invalid(c, arena_printf(c->arena, "%s.service.name", at), name, "%s",
		              LABEL_1035_HELP);
	if (!number && (!port_name || !*port_name))
		cause_required(c, arena_printf(c->arena, "%s.service.port", at),
		               "port name or number is required");
	if (number && port_name && *port_name)
		cause_invalid(c, arena_printf(c->arena, "%s.service.port", at), port_name,
		              "cannot set both port name & port number");
	valid_port_number(number, arena_printf(c->arena, "%s.service.port.number", at), c);
	if (port_name && *port_name && !valid_port_name(port_name))
		cause_invalid(c, arena_printf(c->arena, "%s.service.port.name", at), port_name,
		              "must be a port name");
}

static void check_path(yyjson_mut_val *p, const char *at, struct causes *c)
{
	static const char *const types[] = { "Exact", "Prefix", "ImplementationSpecific", NULL };
	const char *path = mut_str(p, "path"), *type = mut_str(p, "pathType");

	if (!type || !*type)
		cause_required(c, arena_printf(c->arena, "%s.pathType", at),
		               "pathType must be specified");
	else if (!valid_among(type, types))
		cause_not_supported(c, arena_printf(c->arena, "%s.pathType", at), type,
		                    "\"Exact\", \"ImplementationSpecific\", \"Prefix\"");
	else if (strcmp(type, "ImplementationSpecific") != 0 || (path && *path)) {
		if (!path || path[0] != '/')
			cause_invalid(c, arena_printf(c->arena, "%s.path", at), path ? path : "",
			              "must be an absolute path");
		else if (strstr(path, "//") || strstr(path, "/./") || strstr(path, "/../") ||
		         strcasestr(path, "%2f"))
			cause_invalid(c, arena_printf(c->arena, "%s.path", at), path,
			              "must not contain '//', '/./', '/../' or '%%2f'");
	}
	check_backend(yyjson_mut_obj_get(p, "backend"), arena_printf(c->arena, "%s.backend", at),
	              c);
}

static void check_rule(yyjson_mut_val *rule, size_t i, struct causes *c)
{
	const char *host = mut_str(rule, "host"),
		   *at = arena_printf(c->arena, "spec.rules[%zu]", i);
	yyjson_mut_val *paths = mut_at(rule, "http.paths"), *p;
	struct ip ip;
	size_t k, n;

	if (host && *host) {
		const char *name = !strncmp(host, "*.", 2) ? host + 2 : host;

		if (ip_parse(&ip, host))
			cause_invalid(c, arena_printf(c->arena, "%s.host", at), host,
			              "must be a DNS name, not an IP address");
		else if (!valid_subdomain(name))
			cause_invalid(c, arena_printf(c->arena, "%s.host", at), host, "%s",
			              SUBDOMAIN_HELP);
	}
	if (yyjson_mut_obj_get(rule, "http") && !yyjson_mut_arr_size(paths))
		cause_required(c, arena_printf(c->arena, "%s.http.paths", at), "");
	yyjson_mut_arr_foreach (paths, k, n, p)
		check_path(p, arena_printf(c->arena, "%s.http.paths[%zu]", at, k), c);
}

void valid_ingress(yyjson_mut_val *root, struct causes *c)
{
	yyjson_mut_val *spec = yyjson_mut_obj_get(root, "spec"),
		       *rules = yyjson_mut_obj_get(spec, "rules");
	yyjson_mut_val *backend = yyjson_mut_obj_get(spec, "defaultBackend"), *rule;
	size_t i, n;

	if (!yyjson_mut_arr_size(rules) && !backend)
		cause_invalid(c, "spec", "",
		              "either `defaultBackend` or `rules` must be specified");
	if (backend)
		check_backend(backend, "spec.defaultBackend", c);
	yyjson_mut_arr_foreach (rules, i, n, rule)
		check_rule(rule, i, c);
}

/* ---- NetworkPolicy -------------------------------------------------------------------------- */

static void check_policy_port(yyjson_mut_val *p, const char *at, struct causes *c)
{
	const char *protocol = mut_str(p, "protocol");
	yyjson_mut_val *port = yyjson_mut_obj_get(p, "port"),
		       *end = yyjson_mut_obj_get(p, "endPort");

	if (protocol && !valid_among(protocol, valid_protocols))
		cause_not_supported(c, arena_printf(c->arena, "%s.protocol", at), protocol,
		                    PROTOCOLS);
	valid_port_ref(port, arena_printf(c->arena, "%s.port", at), c);
	if (!end)
		return;
	valid_port_number(end, arena_printf(c->arena, "%s.endPort", at), c);
	if (!yyjson_mut_is_int(port))
		cause_required(c, arena_printf(c->arena, "%s.port", at),
		               "must be a number when `endPort` is specified");
	else if (yyjson_mut_get_sint(end) < yyjson_mut_get_sint(port))
		cause_invalid_number(c, arena_printf(c->arena, "%s.endPort", at),
		                     yyjson_mut_get_sint(end),
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
		cause_invalid(c, arena_printf(c->arena, "%s.cidr", at), text,
		              "must be a valid CIDR value");
		return;
	}
	yyjson_mut_arr_foreach (yyjson_mut_obj_get(block, "except"), i, n, item) {
		const char *s = yyjson_mut_get_str(item);

		if (!s || !cidr_parse(&hole, s) || !cidr_has(&cidr, &hole.ip) ||
		    hole.bits <= cidr.bits)
			cause_invalid(c, arena_printf(c->arena, "%s.except[%zu]", at, i),
			              s ? s : "", "must be a strict subset of `cidr`");
	}
}

static void check_peer(yyjson_mut_val *peer, const char *at, struct causes *c)
{
	yyjson_mut_val *block = yyjson_mut_obj_get(peer, "ipBlock");
	bool selects = yyjson_mut_obj_get(peer, "podSelector") ||
	               yyjson_mut_obj_get(peer, "namespaceSelector");

	if (!block && !selects)
		cause_required(c, at, "must specify a peer");
	if (block && selects)
		cause_forbidden(c, at, "may not specify both ipBlock and another peer");
	if (block)
		check_ip_block(block, arena_printf(c->arena, "%s.ipBlock", at), c);
}

static void check_direction(yyjson_mut_val *spec, const char *direction, const char *peers,
                            struct causes *c)
{
	yyjson_mut_val *rule, *v;
	size_t i, n, k, m;

	yyjson_mut_arr_foreach (yyjson_mut_obj_get(spec, direction), i, n, rule) {
		yyjson_mut_arr_foreach (yyjson_mut_obj_get(rule, "ports"), k, m, v)
			check_policy_port(
				v,
				arena_printf(c->arena, "spec.%s[%zu].ports[%zu]", direction, i, k),
				c);
		yyjson_mut_arr_foreach (yyjson_mut_obj_get(rule, peers), k, m, v)
			check_peer(v,
			           arena_printf(c->arena, "spec.%s[%zu].%s[%zu]", direction, i,
			                        peers, k),
			           c);
	}
}

void valid_policy(yyjson_mut_val *root, struct causes *c)
{
	yyjson_mut_val *spec = yyjson_mut_obj_get(root, "spec"), *type;
	size_t i, n;

	check_direction(spec, "ingress", "from", c);
	check_direction(spec, "egress", "to", c);
	yyjson_mut_arr_foreach (yyjson_mut_obj_get(spec, "policyTypes"), i, n, type)
		if (!yyjson_mut_equals_str(type, "Ingress") &&
		    !yyjson_mut_equals_str(type, "Egress"))
			cause_not_supported(c, arena_printf(c->arena, "spec.policyTypes[%zu]", i),
			                    yyjson_mut_get_str(type), "\"Egress\", \"Ingress\"");
}
