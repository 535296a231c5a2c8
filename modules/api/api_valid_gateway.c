/* api_valid_gateway.c - the rules of Gateway API that hold between fields: those that its
 * CustomResourceDefinitions write in CEL, with their messages. Single fields are judged before, in
 * api_valid_schema.c; these run only when nothing was wrong there. What a schema would fill in is
 * taken into account, not stored. */
#include <string.h>

#include <knetd/auto.h>
#include <knetd/duration.h>

#include "api_valid.h"

static void broken(struct causes *c, const struct at *at, const char *message)
{
	wrong(c, at, "object", "%s", message);
}

static void broken_list(struct causes *c, const struct at *at, const char *message)
{
	wrong(c, at, "array", "%s", message);
}

static const char *text_or(yyjson_mut_val *obj, const char *name, const char *absent)
{
	const char *s = mut_str(obj, name);

	return s ? s : absent;
}

/* ---- references ------------------------------------------------------------------------------ */

/* A Service has several ports: which one has to be said. */
static void check_backend(struct causes *c, const struct at *at, yyjson_mut_val *ref)
{
	if (!*text_of(ref, "group") && !strcmp(text_or(ref, "kind", "Service"), "Service") &&
	    !has(ref, "port"))
		broken(c, at, "Must have port for Service reference");
}

static bool same_parent(yyjson_mut_val *a, yyjson_mut_val *b)
{
	static const char group[] = "gateway.networking.k8s.io";

	return !strcmp(text_or(a, "group", group), text_or(b, "group", group)) &&
	       !strcmp(text_or(a, "kind", "Gateway"), text_or(b, "kind", "Gateway")) &&
	       !strcmp(text_of(a, "name"), text_of(b, "name")) &&
	       !strcmp(text_of(a, "namespace"), text_of(b, "namespace"));
}

static void check_parents(struct causes *c, yyjson_mut_val *refs)
{
	bool vague = false, same = false;
	yyjson_mut_val *a, *b;
	size_t i, n, k, m;

	yyjson_mut_arr_foreach (refs, i, n, a)
		yyjson_mut_arr_foreach (refs, k, m, b) {
			if (k >= i || !same_parent(a, b))
				continue;
			vague |= !*text_of(a, "sectionName") != !*text_of(b, "sectionName") ||
			         !number_of(a, "port") != !number_of(b, "port");
			same |= text_is(a, "sectionName", text_of(b, "sectionName")) &&
			        number_of(a, "port") == number_of(b, "port");
		}
	if (vague)
		broken_list(c, CHILD(AT("spec"), "parentRefs"),
		            "sectionName or port must be specified when parentRefs includes 2 or "
		            "more references to the same parent");
	if (same)
		broken_list(c, CHILD(AT("spec"), "parentRefs"),
		            "sectionName or port must be unique when parentRefs includes 2 or more "
		            "references to the same parent");
}

/* ---- filters --------------------------------------------------------------------------------- */

static const char *const filter_fields[][2] = {
	{ "requestHeaderModifier", "RequestHeaderModifier" },
	{ "responseHeaderModifier", "ResponseHeaderModifier" },
	{ "requestMirror", "RequestMirror" },
	{ "requestRedirect", "RequestRedirect" },
	{ "urlRewrite", "URLRewrite" },
	{ "extensionRef", "ExtensionRef" },
	{ "cors", "CORS" },
	{ "externalAuth", "ExternalAuth" },
};

static void check_modifier(struct causes *c, const struct at *at, yyjson_mut_val *path)
{
	static const char *const fields[][2] = { { "replaceFullPath", "ReplaceFullPath" },
		                                 { "replacePrefixMatch", "ReplacePrefixMatch" } };
	const char *type = text_of(path, "type");

	for (size_t i = 0; path && i < ARRAY_LEN(fields); i++) {
		bool is = !strcmp(type, fields[i][1]);

		if (is && !has(path, fields[i][0]))
			broken(c, at,
			       arena_printf(c->arena,
			                    "%s must be specified when type is set to '%s'",
			                    fields[i][0], fields[i][1]));
		if (!is && has(path, fields[i][0]))
			broken(c, at,
			       arena_printf(c->arena, "type must be '%s' when %s is set",
			                    fields[i][1], fields[i][0]));
	}
}

static void check_mirror(struct causes *c, const struct at *at, yyjson_mut_val *mirror)
{
	yyjson_mut_val *part = yyjson_mut_obj_get(mirror, "fraction");
	int64_t whole = has(part, "denominator") ? number_of(part, "denominator") : 100;

	if (!mirror)
		return;
	if (part && has(mirror, "percent"))
		broken(c, at,
		       "Only one of percent or fraction may be specified in "
		       "HTTPRequestMirrorFilter");
	check_backend(c, CHILD(at, "backendRef"), yyjson_mut_obj_get(mirror, "backendRef"));
	if (part && number_of(part, "numerator") > whole)
		broken(c, CHILD(at, "fraction"),
		       "numerator must be less than or equal to denominator");
}

static void check_star(struct causes *c, const struct at *at, yyjson_mut_val *list,
                       const char *message)
{
	yyjson_mut_val *v;
	size_t i, n;

	yyjson_mut_arr_foreach (list, i, n, v)
		if (n > 1 && yyjson_mut_equals_str(v, "*")) {
			broken_list(c, at, message);
			return;
		}
}

static void check_filter(struct causes *c, const struct at *at, yyjson_mut_val *f)
{
	yyjson_mut_val *cors = yyjson_mut_obj_get(f, "cors");
	const char *type = text_of(f, "type");

	for (size_t i = 0; i < ARRAY_LEN(filter_fields); i++) {
		const char *field = filter_fields[i][0], *name = filter_fields[i][1];
		bool is = !strcmp(type, name);

		if (has(f, field) && !is)
			broken(c, at,
			       arena_printf(c->arena,
			                    "filter.%s must be nil if the filter.type is not %s",
			                    field, name));
		if (is && !has(f, field))
			broken(c, at,
			       arena_printf(c->arena,
			                    "filter.%s must be specified for %s filter.type", field,
			                    name));
	}
	check_star(c, CHILD(CHILD(at, "cors"), "allowMethods"),
	           yyjson_mut_obj_get(cors, "allowMethods"),
	           "AllowMethods cannot contain '*' alongside other methods");
	check_star(c, CHILD(CHILD(at, "cors"), "allowOrigins"),
	           yyjson_mut_obj_get(cors, "allowOrigins"),
	           "AllowOrigins cannot contain '*' alongside other origins");
	check_mirror(c, CHILD(at, "requestMirror"), yyjson_mut_obj_get(f, "requestMirror"));
	check_modifier(c, CHILD(CHILD(at, "requestRedirect"), "path"),
	               mut_at(f, "requestRedirect.path"));
	check_modifier(c, CHILD(CHILD(at, "urlRewrite"), "path"), mut_at(f, "urlRewrite.path"));
}

static unsigned count_filters(yyjson_mut_val *filters, const char *type)
{
	yyjson_mut_val *f;
	size_t i, n;
	unsigned count = 0;

	yyjson_mut_arr_foreach (filters, i, n, f)
		count += text_is(f, "type", type);
	return count;
}

static void check_filters(struct causes *c, const struct at *at, yyjson_mut_val *filters)
{
	static const char *const once[] = { "RequestHeaderModifier", "ResponseHeaderModifier",
		                            "RequestRedirect", "URLRewrite", "CORS" };
	yyjson_mut_val *f;
	size_t i, n;

	if (count_filters(filters, "RequestRedirect") && count_filters(filters, "URLRewrite"))
		broken_list(c, at,
		            "May specify either httpRouteFilterRequestRedirect or "
		            "httpRouteFilterRequestRewrite, but not both");
	for (size_t k = 0; k < ARRAY_LEN(once); k++)
		if (count_filters(filters, once[k]) > 1)
			broken_list(
				c, at,
				arena_printf(c->arena, "%s filter cannot be repeated", once[k]));
	yyjson_mut_arr_foreach (filters, i, n, f)
		check_filter(c, ITEM(at, i), f);
}

/* ---- matches --------------------------------------------------------------------------------- */

static void check_path(struct causes *c, const struct at *at, yyjson_mut_val *path)
{
	static const char *const inside[] = { "//", "/./", "/../", "%2f", "%2F", "#" };
	static const char *const ends[] = { "/..", "/." };
	static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "-/._~!$&'()*+,;=:@";
	const char *value = text_or(path, "value", "/");
	size_t len = strlen(value);

	if (!path || text_is(path, "type", "RegularExpression"))
		return;
#define EXACT " when type one of ['Exact', 'PathPrefix']"
	if (value[0] != '/')
		broken(c, at, "value must be an absolute path and start with '/'" EXACT);
	for (size_t i = 0; i < ARRAY_LEN(inside); i++)
		if (strstr(value, inside[i]))
			broken(c, at,
			       arena_printf(c->arena, "must not contain '%s'" EXACT, inside[i]));
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		size_t n = strlen(ends[i]);

		if (len >= n && !strcmp(value + len - n, ends[i]))
			broken(c, at,
			       arena_printf(c->arena, "must not end with '%s'" EXACT, ends[i]));
	}
	for (const char *p = value; p == value || *p; p++) {
		bool hex = *p == '%' && p[1] && strspn(p + 1, "0123456789abcdefABCDEF") >= 2;

		if (!*p || (!hex && !strchr(chars, *p))) {
			broken(c, at,
			       "must only contain valid characters (matching "
			       "^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$) for types "
			       "['Exact', 'PathPrefix']");
			return;
		}
	}
}

static bool grpc_word(const char *s, bool dots)
{
	bool first = true;

	if (dots && *s == '.')
		s++;
	for (; *s; s++) {
		bool letter = (*s | 32) >= 'a' && (*s | 32) <= 'z';

		if (dots && *s == '.' && !first) {
			first = true;
			continue;
		}
		if (!letter && *s != '_' && (first || *s < '0' || *s > '9'))
			return false;
		first = false;
	}
	return !first;
}

static void check_grpc_method(struct causes *c, const struct at *at, yyjson_mut_val *m)
{
	bool exact = strcmp(text_or(m, "type", "Exact"), "Exact") == 0;

	if (!m)
		return;
	if (!has(m, "service") && !has(m, "method"))
		broken(c, at, "One or both of 'service' or 'method' must be specified");
	if (exact && has(m, "service") && !grpc_word(text_of(m, "service"), true))
		broken(c, at,
		       "service must only contain valid characters (matching "
		       "^(?i)\\.?[a-z_][a-z_0-9]*(\\.[a-z_][a-z_0-9]*)*$)");
	if (exact && has(m, "method") && !grpc_word(text_of(m, "method"), false))
		broken(c, at,
		       "method must only contain valid characters (matching "
		       "^[A-Za-z_][A-Za-z_0-9]*$)");
}

/* ---- routes ---------------------------------------------------------------------------------- */

static bool replaces_prefix(yyjson_mut_val *filters, const char *field)
{
	const char *path = strcmp(field, "urlRewrite") ? "requestRedirect.path.replacePrefixMatch"
	                                               : "urlRewrite.path.replacePrefixMatch";
	yyjson_mut_val *f;
	size_t i, n;

	yyjson_mut_arr_foreach (filters, i, n, f)
		if (mut_at(f, path))
			return true;
	return false;
}

/* What is replaced has to be the one prefix that matched. */
static bool one_prefix(yyjson_mut_val *rule)
{
	yyjson_mut_val *matches = yyjson_mut_obj_get(rule, "matches"),
		       *path = mut_at(yyjson_mut_arr_get_first(matches), "path");

	if (!yyjson_mut_arr_size(matches))
		return true; /* the schema's one: PathPrefix / */
	return yyjson_mut_arr_size(matches) == 1 &&
	       !strcmp(text_or(path, "type", "PathPrefix"), "PathPrefix");
}

static void check_prefix(struct causes *c, const struct at *at, yyjson_mut_val *rule)
{
	static const char *const kinds[][2] = { { "RequestRedirect", "requestRedirect" },
		                                { "URLRewrite", "urlRewrite" } };
	yyjson_mut_val *refs = yyjson_mut_obj_get(rule, "backendRefs"), *ref;
	size_t i, n;

	for (size_t k = 0; k < ARRAY_LEN(kinds) && !one_prefix(rule); k++) {
		const char *why =
			arena_printf(c->arena,
		                     "%s filter with path.replacePrefixMatch, exactly one "
		                     "PathPrefix match must be specified",
		                     kinds[k][0]);

		if (replaces_prefix(yyjson_mut_obj_get(rule, "filters"), kinds[k][1]))
			broken(c, at, arena_printf(c->arena, "When using %s", why));
		yyjson_mut_arr_foreach (refs, i, n, ref)
			if (replaces_prefix(yyjson_mut_obj_get(ref, "filters"), kinds[k][1])) {
				broken(c, at,
				       arena_printf(c->arena, "Within backendRefs, %s using %s",
				                    k ? "When" : "when", why));
				break;
			}
	}
}

static void check_timeouts(struct causes *c, const struct at *at, yyjson_mut_val *t)
{
	int64_t whole = duration_ms(text_of(t, "request")),
		part = duration_ms(text_of(t, "backendRequest"));

	if (whole && part > whole)
		broken(c, at, "backendRequest timeout cannot be longer than request timeout");
}

static void check_session(struct causes *c, const struct at *at, yyjson_mut_val *s)
{
	if (text_is(s, "cookieConfig.lifetimeType", "Permanent") && !has(s, "absoluteTimeout"))
		broken(c, at,
		       "AbsoluteTimeout must be specified when cookie lifetimeType is Permanent");
}

static void check_route_rule(struct causes *c, const struct at *at, yyjson_mut_val *rule)
{
	yyjson_mut_val *refs = yyjson_mut_obj_get(rule, "backendRefs"),
		       *filters = yyjson_mut_obj_get(rule, "filters"), *v;
	size_t i, n;

	if (yyjson_mut_arr_size(refs) && count_filters(filters, "RequestRedirect"))
		broken(c, at, "RequestRedirect filter must not be used together with backendRefs");
	check_prefix(c, at, rule);
	yyjson_mut_arr_foreach (refs, i, n, v) {
		check_backend(c, ITEM(CHILD(at, "backendRefs"), i), v);
		check_filters(c, CHILD(ITEM(CHILD(at, "backendRefs"), i), "filters"),
		              yyjson_mut_obj_get(v, "filters"));
	}
	check_filters(c, CHILD(at, "filters"), filters);
	yyjson_mut_arr_foreach (yyjson_mut_obj_get(rule, "matches"), i, n, v) {
		check_path(c, CHILD(ITEM(CHILD(at, "matches"), i), "path"),
		           yyjson_mut_obj_get(v, "path"));
		if (yyjson_mut_is_obj(yyjson_mut_obj_get(v, "method")))
			check_grpc_method(c, CHILD(ITEM(CHILD(at, "matches"), i), "method"),
			                  yyjson_mut_obj_get(v, "method"));
	}
	check_timeouts(c, CHILD(at, "timeouts"), yyjson_mut_obj_get(rule, "timeouts"));
	check_session(c, CHILD(at, "sessionPersistence"),
	              yyjson_mut_obj_get(rule, "sessionPersistence"));
}

static bool twice(yyjson_mut_val *list, size_t nth, const char *name)
{
	yyjson_mut_val *mine = yyjson_mut_arr_get(list, nth), *v;
	size_t i, n;

	yyjson_mut_arr_foreach (list, i, n, v)
		if (i < nth && *text_of(mine, name) && text_is(v, name, text_of(mine, name)))
			return true;
	return false;
}

static void valid_route(yyjson_mut_val *spec, struct causes *c)
{
	const struct at *at = CHILD(AT("spec"), "rules");
	yyjson_mut_val *rules = yyjson_mut_obj_get(spec, "rules"), *rule;
	bool same = false;
	size_t i, n, matches = 0;

	check_parents(c, yyjson_mut_obj_get(spec, "parentRefs"));
	yyjson_mut_arr_foreach (rules, i, n, rule) {
		matches += yyjson_mut_arr_size(yyjson_mut_obj_get(rule, "matches"));
		same |= twice(rules, i, "name");
		check_route_rule(c, ITEM(at, i), rule);
	}
	if (matches > 128)
		broken_list(c, at,
		            "While 16 rules and 64 matches per rule are allowed, the total number "
		            "of matches across all rules in a route must be less than 128");
	if (same)
		broken_list(c, at, "Rule name must be unique within the route");
}

/* ---- Gateway --------------------------------------------------------------------------------- */

static bool same_listener(yyjson_mut_val *a, yyjson_mut_val *b)
{
	return number_of(a, "port") == number_of(b, "port") &&
	       text_is(a, "protocol", text_of(b, "protocol")) &&
	       text_is(a, "hostname", text_of(b, "hostname"));
}

static void valid_listeners(yyjson_mut_val *spec, struct causes *c)
{
	static const char *const plain[] = { "HTTP", "TCP", "UDP", NULL }, *const l4[] = { "TCP",
		                                                                           "UDP",
		                                                                           NULL };
	const struct at *at = CHILD(AT("spec"), "listeners");
	yyjson_mut_val *list = yyjson_mut_obj_get(spec, "listeners"), *v, *other;
	bool tls = false, mode = false, unset = false, host = false, name = false, same = false;
	size_t i, n, k, m;

	yyjson_mut_arr_foreach (list, i, n, v) {
		yyjson_mut_val *t = yyjson_mut_obj_get(v, "tls");
		const char *protocol = text_of(v, "protocol"),
			   *tls_mode = text_or(t, "mode", "Terminate");

		tls |= t && valid_among(protocol, plain);
		mode |= t && !strcmp(protocol, "HTTPS") && strcmp(tls_mode, "Terminate") != 0;
		unset |= !strcmp(protocol, "TLS") && !*text_of(t, "mode");
		host |= *text_of(v, "hostname") && valid_among(protocol, l4);
		name |= twice(list, i, "name");
		yyjson_mut_arr_foreach (list, k, m, other)
			same |= k < i && same_listener(v, other);
		if (t && !strcmp(tls_mode, "Terminate") &&
		    !yyjson_mut_arr_size(yyjson_mut_obj_get(t, "certificateRefs")) &&
		    !yyjson_mut_obj_size(yyjson_mut_obj_get(t, "options")))
			broken(c, CHILD(ITEM(at, i), "tls"),
			       "certificateRefs or options must be specified when mode is "
			       "Terminate");
	}
	if (tls)
		broken_list(c, at,
		            "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']");
	if (mode)
		broken_list(c, at, "tls mode must be Terminate for protocol HTTPS");
	if (unset)
		broken_list(c, at, "tls mode must be set for protocol TLS");
	if (host)
		broken_list(c, at, "hostname must not be specified for protocols ['TCP', 'UDP']");
	if (name)
		broken_list(c, at, "Listener name must be unique within the Gateway");
	if (same)
		broken_list(c, at,
		            "Combination of port, protocol and hostname must be unique for each "
		            "listener");
}

static void valid_gateway(yyjson_mut_val *spec, struct causes *c)
{
	static const char *const types[] = { "IPAddress", "Hostname" };
	const struct at *at = CHILD(AT("spec"), "addresses");
	yyjson_mut_val *list = yyjson_mut_obj_get(spec, "addresses"), *a, *b;
	size_t i, n, k, m;

	valid_listeners(spec, c);
	for (size_t t = 0; t < ARRAY_LEN(types); t++) {
		bool same = false;

		yyjson_mut_arr_foreach (list, i, n, a)
			yyjson_mut_arr_foreach (list, k, m, b)
				same |= k < i && !strcmp(text_or(a, "type", types[0]), types[t]) &&
				        !strcmp(text_or(b, "type", types[0]), types[t]) &&
				        *text_of(a, "value") &&
				        text_is(b, "value", text_of(a, "value"));
		if (same)
			broken_list(c, at,
			            arena_printf(c->arena, "%s values must be unique", types[t]));
	}
}

/* ---- BackendTLSPolicy ------------------------------------------------------------------------ */

static void check_alt_name(struct causes *c, const struct at *at, yyjson_mut_val *v)
{
	static const char *const fields[][3] = { { "Hostname", "hostname", "Hostname" },
		                                 { "URI", "uri", "URI" } };

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		bool is = text_is(v, "type", fields[i][0]), given = *text_of(v, fields[i][1]);

		if (is != given)
			broken(c, at,
			       arena_printf(c->arena,
			                    "SubjectAltName element must %scontain %s, if Type is "
			                    "%sset to %s",
			                    is ? "" : "not ", fields[i][2], is ? "" : "not ",
			                    fields[i][2]));
	}
}

static void valid_backend_tls(yyjson_mut_val *spec, struct causes *c)
{
	const struct at *at = CHILD(AT("spec"), "validation");
	yyjson_mut_val *v = yyjson_mut_obj_get(spec, "validation"), *name;
	bool refs = yyjson_mut_arr_size(yyjson_mut_obj_get(v, "caCertificateRefs")),
	     known = *text_of(v, "wellKnownCACertificates");
	size_t i, n;

	if (refs && known)
		broken(c, at,
		       "must not contain both CACertificateRefs and WellKnownCACertificates");
	if (!refs && !known)
		broken(c, at, "must specify either CACertificateRefs or WellKnownCACertificates");
	yyjson_mut_arr_foreach (yyjson_mut_obj_get(v, "subjectAltNames"), i, n, name)
		check_alt_name(c, ITEM(CHILD(at, "subjectAltNames"), i), name);
}

void valid_gateway_kind(enum kind kind, yyjson_mut_val *root, yyjson_val *old, struct causes *c)
{
	const char *was = json_str(old, "spec.controllerName");
	yyjson_mut_val *spec = yyjson_mut_obj_get(root, "spec");
	unsigned before = c->n;

	valid_schema(kind, root, c);
	if (c->n > before)
		return;
	if (kind == KIND_GATEWAY)
		valid_gateway(spec, c);
	else if (kind == KIND_LISTENERSET)
		valid_listeners(spec, c);
	else if (kind == KIND_BACKENDTLSPOLICY)
		valid_backend_tls(spec, c);
	else if (kind == KIND_GATEWAYCLASS && was && !text_is(spec, "controllerName", was))
		wrong(c, CHILD(AT("spec"), "controllerName"), "string", "Value is immutable");
	else if (kind != KIND_GATEWAYCLASS && kind != KIND_REFERENCEGRANT)
		valid_route(spec, c);
}
