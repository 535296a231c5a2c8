/* api_valid_net.c - the rules of Ingress, IngressClass and NetworkPolicy
 * (pkg/apis/networking/validation in Kubernetes). */
#include <string.h>

#include <knetd/ip.h>

#include "api_valid.h"

/* ---- Ingress -------------------------------------------------------------------------------- */

static void check_reference(struct causes *c, const struct at *at, yyjson_mut_val *ref)
{
	static const char *const fields[] = { "kind", "name" };

	if (has(ref, "apiGroup"))
		check_subdomain(c, CHILD(at, "apiGroup"), text_of(ref, "apiGroup"));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const char *s = text_of(ref, fields[i]);

		if (!*s)
			wrong_missing(c, CHILD(at, fields[i]),
			              i ? "name is required" : "kind is required");
		else
			check_path_segment(c, CHILD(at, fields[i]), s);
	}
}

static void check_service_backend(struct causes *c, const struct at *at, yyjson_mut_val *service)
{
	const struct at *here = CHILD(at, "service");
	yyjson_mut_val *port = yyjson_mut_obj_get(service, "port"),
		       *number = yyjson_mut_obj_get(port, "number");
	const char *name = text_of(service, "name"), *port_name = text_of(port, "name");
	bool numbered = yyjson_mut_get_sint(number);

	if (!*name)
		wrong_missing(c, CHILD(here, "name"), "");
	else
		check_label_1035(c, CHILD(here, "name"), name);
	if (*port_name && numbered)
		wrong(c, at, "", "cannot set both port name & port number");
	else if (*port_name)
		check_port_name(c, CHILD(CHILD(here, "port"), "name"), port_name);
	else if (numbered)
		check_port(c, CHILD(CHILD(here, "port"), "number"), number);
	else
		wrong_missing(c, at, "port name or number is required");
}

static void check_backend(struct causes *c, const struct at *at, yyjson_mut_val *b)
{
	yyjson_mut_val *service = yyjson_mut_obj_get(b, "service"),
		       *resource = yyjson_mut_obj_get(b, "resource");

	if (service && resource)
		wrong(c, at, "", "cannot set both resource and service backends");
	else if (resource)
		check_reference(c, CHILD(at, "resource"), resource);
	else if (service)
		check_service_backend(c, at, service);
	else
		wrong(c, at, "", "resource or service backend is required");
}

static void check_prefix(struct causes *c, const struct at *at, const char *path)
{
	static const char *const inside[] = { "//", "/./", "/../", "%2f", "%2F" };
	static const char *const ends[] = { "/..", "/." };
	size_t len = strlen(path);

	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++)
		if (strstr(path, inside[i]))
			wrong(c, at, path, "must not contain '%s'", inside[i]);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t n = strlen(ends[i]);

		if (len >= n && !strcmp(path + len - n, ends[i]))
			wrong(c, at, path, "cannot end with '%s'", ends[i]);
	}
}

static void check_path(struct causes *c, const struct at *at, yyjson_mut_val *p)
{
	static const char *const types[] = { "Exact", "ImplementationSpecific", "Prefix", NULL };
	const char *path = text_of(p, "path"), *type = text_of(p, "pathType");
	bool free = !strcmp(type, "ImplementationSpecific");

	if (!has(p, "pathType")) {
		wrong_missing(c, CHILD(at, "pathType"), "pathType must be specified");
		return;
	}
	if (!valid_among(type, types)) {
		wrong_word(c, CHILD(at, "pathType"), type, types);
	} else {
		if (path[0] != '/' && !(free && !*path))
			wrong(c, CHILD(at, "path"), path, "must be an absolute path");
		if (!free)
			check_prefix(c, CHILD(at, "path"), path);
	}
	check_backend(c, CHILD(at, "backend"), yyjson_mut_obj_get(p, "backend"));
}

static void check_host(struct causes *c, const struct at *at, const char *host)
{
	if (strchr(host, '*'))
		check_wildcard(c, at, host);
	else
		check_subdomain(c, at, host);
}

static void check_rule(struct causes *c, const struct at *at, yyjson_mut_val *rule)
{
	const char *host = text_of(rule, "host");
	yyjson_mut_val *paths = mut_at(rule, "http.paths"), *p;
	struct ip ip;
	size_t i, n;

	if (*host && ip_parse(&ip, host))
		wrong(c, CHILD(at, "host"), host, "must be a DNS name, not an IP address");
	if (*host)
		check_host(c, CHILD(at, "host"), host);
	if (has(rule, "http") && !yyjson_mut_arr_size(paths))
		wrong_missing(c, CHILD(CHILD(at, "http"), "paths"), "");
	yyjson_mut_arr_foreach (paths, i, n, p)
		check_path(c, ITEM(CHILD(CHILD(at, "http"), "paths"), i), p);
}

static void check_tls(struct causes *c, const struct at *at, yyjson_mut_val *tls)
{
	yyjson_mut_val *v;
	size_t i, n;

	yyjson_mut_arr_foreach (yyjson_mut_obj_get(tls, "hosts"), i, n, v)
		check_host(c, ITEM(CHILD(at, "hosts"), i), yyjson_mut_get_str(v));
	if (*text_of(tls, "secretName"))
		check_subdomain(c, CHILD(at, "secretName"), text_of(tls, "secretName"));
}

static void check_class(struct causes *c, yyjson_mut_val *root, bool created)
{
	static const char key[] = "kubernetes.io/ingress.class";
	const char *name = text_of(root, "spec.ingressClassName");
	const char *note =
		yyjson_mut_get_str(yyjson_mut_obj_get(mut_at(root, "metadata.annotations"), key));

	if (!mut_at(root, "spec.ingressClassName"))
		return;
	check_subdomain(c, CHILD(AT("spec"), "ingressClassName"), name);
	if (created && note && strcmp(note, name) != 0)
		wrong(c, CHILD(AT("annotations"), key), note,
		      "must match `ingressClassName` when both are specified");
}

void valid_ingress(yyjson_mut_val *root, yyjson_val *old, struct causes *c)
{
	const struct at *at = AT("spec");
	yyjson_mut_val *spec = yyjson_mut_obj_get(root, "spec"),
		       *rules = yyjson_mut_obj_get(spec, "rules"),
		       *backend = yyjson_mut_obj_get(spec, "defaultBackend"), *v;
	size_t i, n;

	if (!yyjson_mut_arr_size(rules) && !backend)
		wrong_json(c, at, rules, "either `defaultBackend` or `rules` must be specified");
	if (backend)
		check_backend(c, CHILD(at, "defaultBackend"), backend);
	yyjson_mut_arr_foreach (rules, i, n, v)
		check_rule(c, ITEM(CHILD(at, "rules"), i), v);
	yyjson_mut_arr_foreach (yyjson_mut_obj_get(spec, "tls"), i, n, v)
		check_tls(c, ITEM(CHILD(at, "tls"), i), v);
	check_class(c, root, !old);
}

/* ---- IngressClass --------------------------------------------------------------------------- */

static void check_parameters(struct causes *c, yyjson_mut_val *p)
{
	static const char *const scopes[] = { "Cluster", "Namespace", NULL };
	const struct at *at = CHILD(AT("spec"), "parameters");
	const char *scope = text_of(p, "scope");

	check_reference(c, at, p);
	check_word(c, at, p, "scope", scopes, true);
	if (!strcmp(scope, "Namespace") && !has(p, "namespace"))
		wrong_missing(c, CHILD(at, "namespace"),
		              "`parameters.scope` is set to 'Namespace'");
	else if (!strcmp(scope, "Namespace"))
		check_label(c, CHILD(at, "namespace"), text_of(p, "namespace"));
	else if (!strcmp(scope, "Cluster") && has(p, "namespace"))
		wrong_here(c, CHILD(at, "namespace"), "`parameters.scope` is set to 'Cluster'");
}

void valid_ingress_class(yyjson_mut_val *root, yyjson_val *old, struct causes *c)
{
	const struct at *at = CHILD(AT("spec"), "controller");
	const char *controller = text_of(root, "spec.controller"),
		   *was = json_str(old, "spec.controller");
	yyjson_mut_val *parameters = mut_at(root, "spec.parameters");

	if (was && strcmp(was, controller) != 0)
		wrong(c, at, controller, "field is immutable");
	if (strlen(controller) > 250)
		wrong_long(c, at, 250);
	check_domain_path(c, at, controller);
	if (parameters)
		check_parameters(c, parameters);
}

/* ---- NetworkPolicy -------------------------------------------------------------------------- */

static void check_policy_port(struct causes *c, const struct at *at, yyjson_mut_val *p)
{
	yyjson_mut_val *port = yyjson_mut_obj_get(p, "port"),
		       *end = yyjson_mut_obj_get(p, "endPort");
	int64_t first = yyjson_mut_get_sint(port), last = yyjson_mut_get_sint(end);

	check_word(c, at, p, "protocol", valid_protocols, false);
	check_port_ref(c, CHILD(at, "port"), port);
	if (!end)
		return;
	if (!port)
		wrong_number(c, CHILD(at, "endPort"), last,
		             "may not be specified when `port` is not specified");
	else if (yyjson_mut_is_str(port))
		wrong_number(c, CHILD(at, "endPort"), last,
		             "may not be specified when `port` is non-numeric");
	else if (last < first)
		wrong_number(c, CHILD(at, "endPort"), first,
		             "must be greater than or equal to `port`");
	if (yyjson_mut_is_int(port))
		check_port(c, CHILD(at, "endPort"), end);
}

static void check_ip_block(struct causes *c, const struct at *at, yyjson_mut_val *block)
{
	const char *text = text_of(block, "cidr");
	struct cidr cidr, hole;
	yyjson_mut_val *v;
	size_t i, n;

	if (!*text) {
		wrong_missing(c, CHILD(at, "cidr"), "");
		return;
	}
	if (!check_cidr(c, CHILD(at, "cidr"), text))
		return;
	cidr_parse(&cidr, text);
	yyjson_mut_arr_foreach (yyjson_mut_obj_get(block, "except"), i, n, v) {
		const char *s = yyjson_mut_get_str(v);

		if (check_cidr(c, ITEM(CHILD(at, "except"), i), s) && cidr_parse(&hole, s) &&
		    (!cidr_has(&cidr, &hole.ip) || hole.bits <= cidr.bits))
			wrong(c, ITEM(CHILD(at, "except"), i), s,
			      "must be a strict subset of `cidr`");
	}
}

static void check_peer(struct causes *c, const struct at *at, yyjson_mut_val *peer)
{
	static const char *const selectors[] = { "podSelector", "namespaceSelector" };
	yyjson_mut_val *block = yyjson_mut_obj_get(peer, "ipBlock");
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(selectors) / sizeof(selectors[0]); i++)
		if (has(peer, selectors[i])) {
			n++;
			check_selector(c, CHILD(at, selectors[i]),
			               yyjson_mut_obj_get(peer, selectors[i]));
		}
	if (block)
		check_ip_block(c, CHILD(at, "ipBlock"), block);
	if (!block && !n)
		wrong_missing(c, at, "must specify a peer");
	else if (block && n)
		wrong_here(c, at, "may not specify both ipBlock and another peer");
}

static void check_direction(struct causes *c, yyjson_mut_val *spec, const char *direction,
                            const char *peers)
{
	yyjson_mut_val *rule, *v;
	size_t i, n, k, m;

	yyjson_mut_arr_foreach (yyjson_mut_obj_get(spec, direction), i, n, rule) {
		const struct at *at = ITEM(CHILD(AT("spec"), direction), i);

		yyjson_mut_arr_foreach (yyjson_mut_obj_get(rule, "ports"), k, m, v)
			check_policy_port(c, ITEM(CHILD(at, "ports"), k), v);
		yyjson_mut_arr_foreach (yyjson_mut_obj_get(rule, peers), k, m, v)
			check_peer(c, ITEM(CHILD(at, peers), k), v);
	}
}

void valid_policy(yyjson_mut_val *root, struct causes *c)
{
	static const char *const types[] = { "Ingress", "Egress", NULL };
	yyjson_mut_val *spec = yyjson_mut_obj_get(root, "spec"),
		       *list = yyjson_mut_obj_get(spec, "policyTypes"), *v;
	const struct at *at = CHILD(AT("spec"), "policyTypes");
	size_t i, n;

	check_selector(c, CHILD(AT("spec"), "podSelector"),
	               yyjson_mut_obj_get(spec, "podSelector"));
	check_direction(c, spec, "ingress", "from");
	check_direction(c, spec, "egress", "to");
	if (yyjson_mut_arr_size(list) > 2) {
		wrong_json(c, at, list, "may not specify more than two policyTypes");
		return;
	}
	yyjson_mut_arr_foreach (list, i, n, v)
		if (!valid_among(yyjson_mut_get_str(v), types))
			wrong_word(c, ITEM(at, i), yyjson_mut_get_str(v), types);
}
