/* api_valid_schema.c - what the schemas of custom resources say of single fields: required, how
 * long, how many, which words, which pattern. Kinds of Kubernetes' own have their rules in code;
 * custom ones have CustomResourceDefinitions, whose facts stand here as a table (Gateway API's
 * config/crd, knetd.io's own), in the words of Kubernetes' schema validation.
 *
 * A rule is found by the field's name, the name of the object it stands in and the kind; the first
 * that fits counts. Defaults of the schemas are never stored: see KIND_GATEWAY in default_object.
 */
#include <assert.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "api_valid.h"
#include "fields.h"

#define LABEL "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
#define SUBDOMAIN LABEL "(\\." LABEL ")*"

enum pattern {
	NONE,
	NAME,
	HOST,
	WILD,
	GROUP,
	KIND,
	NAMESPACE,
	HEADER,
	DURATION,
	PATH,
	CONTROLLER,
	PROTOCOL,
	CA_SET,
	DOMAIN,
	PATTERNS
};
static const struct {
	const char *shown, *posix; /* as the schema has it; where that is no POSIX, what it means */
} patterns[PATTERNS] = {
	[NAME] = { "^" SUBDOMAIN "$", NULL },
	[HOST] = { "^" SUBDOMAIN "$", NULL },
	[WILD] = { "^(\\*\\.)?" SUBDOMAIN "$", NULL },
	[GROUP] = { "^$|^" SUBDOMAIN "$", NULL },
	[KIND] = { "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$", NULL },
	[NAMESPACE] = { "^" LABEL "$", NULL },
	[HEADER] = { "^[A-Za-z0-9!#$%&'*+\\-.^_\\x60|~]+$", "^[-A-Za-z0-9!#$%&'*+.^_`|~]+$" },
	[DURATION] = { "^([0-9]{1,5}(h|m|s|ms)){1,4}$", NULL },
	[PATH] = { "^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$",
	           "^([-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$" },
	[CONTROLLER] = { "^" SUBDOMAIN "\\/[A-Za-z0-9\\/\\-._~%!$&'()*+,;=:]+$",
	                 "^" SUBDOMAIN "/[-A-Za-z0-9/._~%!$&'()*+,;=:]+$" },
	[PROTOCOL] = { "^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$|" SUBDOMAIN "\\/[A-Za-z0-9]+$",
	               "^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$|" SUBDOMAIN "/[A-Za-z0-9]+$" },
	[CA_SET] = { "^(System|(" SUBDOMAIN "/([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]))$",
	             NULL },
	[DOMAIN] = { "^(\\*\\.)?([a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\\.)+"
	             "[a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\\.?$",
	             NULL },
};

/* In the schemas' own order. */
static const char *const methods[] = { "GET",     "HEAD",    "POST",  "PUT",   "DELETE",
	                               "CONNECT", "OPTIONS", "TRACE", "PATCH", NULL };
static const char *const http_filters[] = { "RequestHeaderModifier",
	                                    "ResponseHeaderModifier",
	                                    "RequestMirror",
	                                    "RequestRedirect",
	                                    "URLRewrite",
	                                    "ExtensionRef",
	                                    "CORS",
	                                    "ExternalAuth",
	                                    NULL };
static const char *const grpc_filters[] = { "ResponseHeaderModifier", "RequestHeaderModifier",
	                                    "RequestMirror", "ExtensionRef", NULL };
static const char *const path_types[] = { "Exact", "PathPrefix", "RegularExpression", NULL };
static const char *const match_types[] = { "Exact", "RegularExpression", NULL };
static const char *const modifiers[] = { "ReplaceFullPath", "ReplacePrefixMatch", NULL };
static const char *const names_types[] = { "Hostname", "URI", NULL };
static const char *const cookies[] = { "Cookie", "Header", NULL };
static const char *const tls_modes[] = { "Terminate", "Passthrough", NULL };
static const char *const client_modes[] = { "AllowValidOnly", "AllowInsecureFallback", NULL };
static const char *const from_routes[] = { "All", "Selector", "Same", NULL };
static const char *const from_listeners[] = { "All", "Selector", "Same", "None", NULL };
static const char *const schemes[] = { "http", "https", NULL };
static const char *const scopes[] = { "All", "None", NULL };
static const char *const redirects[] = { "301", "302", "303", "307", "308", NULL };
static const char *const tiers[] = { "Admin", "Baseline", NULL };
static const char *const actions[] = { "Accept", "Deny", "Pass", NULL };
static const char *const lifetimes[] = { "Permanent", "Session", NULL };

/* The kinds a rule holds for. */
enum {
	HTTP = KIND_BIT(KIND_HTTPROUTE),
	GRPC = KIND_BIT(KIND_GRPCROUTE),
	TLS = KIND_BIT(KIND_TLSROUTE),
	L4 = KIND_BIT(KIND_TCPROUTE) | KIND_BIT(KIND_UDPROUTE),
	GATEWAY = KIND_BIT(KIND_GATEWAY),
	LISTENERS = GATEWAY | KIND_BIT(KIND_LISTENERSET),
	CLASS = KIND_BIT(KIND_GATEWAYCLASS),
	GRANT = KIND_BIT(KIND_REFERENCEGRANT),
	BACKEND = KIND_BIT(KIND_BACKENDTLSPOLICY),
	CLUSTER = KIND_BIT(KIND_CLUSTERNETWORKPOLICY),
	POOL = KIND_BIT(KIND_ADDRESSPOOL),
	ROUTES = HTTP | GRPC | TLS | L4,
};

struct rule {
	const char *name, *in; /* in: NULL, wherever it stands */
	uint32_t kinds;        /* 0: of whatever kind */
	int32_t min, max;      /* items, bytes or the number; 0 and 0: any */
	enum pattern pattern;
	const char *const *words;
};

// clang-format off
static const struct rule rules[] = { /* in the order of the names */
	{ "absoluteTimeout", NULL, ROUTES, 0, 0, DURATION, NULL },
	{ "action", NULL, CLUSTER, 0, 0, NONE, actions },
	{ "add", NULL, ROUTES, 0, 16, NONE, NULL },
	{ "addresses", "spec", GATEWAY, 0, 16, NONE, NULL },
	{ "addresses", "spec", POOL, 0, 256, NONE, NULL },
	{ "allowHeaders", NULL, HTTP, 0, 64, NONE, NULL },
	{ "allowMethods", NULL, HTTP, 0, 9, NONE, NULL },
	{ "allowOrigins", NULL, HTTP, 0, 64, NONE, NULL },
	{ "backendRefs", NULL, TLS | L4, 1, 16, NONE, NULL },
	{ "backendRefs", NULL, ROUTES, 0, 16, NONE, NULL },
	{ "backendRequest", NULL, HTTP, 0, 0, DURATION, NULL },
	{ "backoff", NULL, HTTP, 0, 0, DURATION, NULL },
	{ "caCertificateRefs", NULL, BACKEND, 0, 8, NONE, NULL },
	{ "caCertificateRefs", NULL, GATEWAY, 1, 16, NONE, NULL },
	{ "certificateRefs", NULL, LISTENERS, 0, 64, NONE, NULL },
	{ "codes", NULL, HTTP, 400, 599, NONE, NULL },
	{ "controllerName", "spec", CLASS, 1, 253, CONTROLLER, NULL },
	{ "denominator", NULL, ROUTES, 1, INT32_MAX, NONE, NULL },
	{ "description", "spec", CLASS, 0, 64, NONE, NULL },
	{ "domainNames", NULL, CLUSTER, 1, 25, NONE, NULL },
	{ "domainNames[]", NULL, CLUSTER, 0, 0, DOMAIN, NULL },
	{ "egress", "spec", CLUSTER, 0, 25, NONE, NULL },
	{ "end", NULL, CLUSTER, 1, 65535, NONE, NULL },
	{ "exposeHeaders", NULL, HTTP, 0, 64, NONE, NULL },
	{ "filters", NULL, HTTP | GRPC, 0, 16, NONE, NULL },
	{ "from", "ingress", CLUSTER, 1, 25, NONE, NULL },
	{ "from", "spec", GRANT, 1, 16, NONE, NULL },
	{ "from", NULL, LISTENERS, 0, 0, NONE, NULL }, /* by what is allowed: see the code */
	{ "gatewayClassName", "spec", GATEWAY, 1, 253, NONE, NULL },
	{ "group", NULL, 0, 0, 253, GROUP, NULL },
	{ "headers", "matches", HTTP | GRPC, 0, 16, NONE, NULL },
	{ "hostname", "listeners", LISTENERS, 1, 253, WILD, NULL },
	{ "hostname", NULL, HTTP | BACKEND, 1, 253, HOST, NULL },
	{ "hostnames", "spec", TLS, 1, 1024, NONE, NULL },
	{ "hostnames", "spec", HTTP | GRPC, 0, 16, NONE, NULL },
	{ "hostnames[]", "spec", ROUTES, 1, 253, WILD, NULL },
	{ "idleTimeout", NULL, ROUTES, 0, 0, DURATION, NULL },
	{ "ingress", "spec", CLUSTER, 0, 25, NONE, NULL },
	{ "kind", NULL, 0, 1, 63, KIND, NULL },
	{ "kinds", NULL, LISTENERS, 0, 8, NONE, NULL },
	{ "lifetimeType", NULL, ROUTES, 0, 0, NONE, lifetimes },
	{ "listeners", "spec", LISTENERS, 1, 64, NONE, NULL },
	{ "matches", NULL, HTTP | GRPC, 0, 64, NONE, NULL },
	{ "maxAge", NULL, HTTP, 1, INT32_MAX, NONE, NULL },
	{ "method", "matches", HTTP, 0, 0, NONE, methods },
	{ "method", "method", GRPC, 0, 1024, NONE, NULL },
	{ "mode", "tls", LISTENERS, 0, 0, NONE, tls_modes },
	{ "mode", NULL, GATEWAY, 0, 0, NONE, client_modes },
	{ "name", "add", ROUTES, 1, 256, HEADER, NULL },
	{ "name", "egress", CLUSTER, 0, 100, NONE, NULL },
	{ "name", "ingress", CLUSTER, 0, 100, NONE, NULL },
	{ "name", "headers", ROUTES, 1, 256, HEADER, NULL },
	{ "name", "listeners", LISTENERS, 1, 253, NAME, NULL },
	{ "name", "queryParams", ROUTES, 1, 256, HEADER, NULL },
	{ "name", "rules", ROUTES, 1, 253, NAME, NULL },
	{ "name", "set", ROUTES, 1, 256, HEADER, NULL },
	{ "name", NULL, 0, 1, 253, NONE, NULL },
	{ "namespace", NULL, 0, 1, 63, NAMESPACE, NULL },
	{ "networks", NULL, CLUSTER, 1, 25, NONE, NULL },
	{ "networks[]", NULL, CLUSTER, 0, 43, NONE, NULL },
	{ "number", NULL, CLUSTER, 1, 65535, NONE, NULL },
	{ "numerator", NULL, ROUTES, 0, INT32_MAX, NONE, NULL },
	{ "parentRefs", "spec", ROUTES, 0, 32, NONE, NULL },
	{ "path", "cookieConfig", ROUTES, 0, 1024, PATH, NULL },
	{ "perPort", NULL, GATEWAY, 0, 64, NONE, NULL },
	{ "percent", NULL, ROUTES, 0, 100, NONE, NULL },
	{ "port", NULL, 0, 1, 65535, NONE, NULL },
	{ "priority", "spec", CLUSTER, 0, 1000, NONE, NULL },
	{ "protocol", "listeners", LISTENERS, 1, 255, PROTOCOL, NULL },
	{ "protocols", NULL, CLUSTER, 1, 25, NONE, NULL },
	{ "queryParams", NULL, HTTP, 0, 16, NONE, NULL },
	{ "remove", NULL, ROUTES, 0, 16, NONE, NULL },
	{ "replaceFullPath", NULL, HTTP, 0, 1024, NONE, NULL },
	{ "replacePrefixMatch", NULL, HTTP, 0, 1024, NONE, NULL },
	{ "request", "timeouts", HTTP, 0, 0, DURATION, NULL },
	{ "rules", "spec", L4 | TLS, 1, 1, NONE, NULL },
	{ "rules", "spec", HTTP | GRPC, 0, 16, NONE, NULL },
	{ "scheme", NULL, HTTP, 0, 0, NONE, schemes },
	{ "sectionName", NULL, 0, 1, 253, NAME, NULL },
	{ "service", "method", GRPC, 0, 1024, NONE, NULL },
	{ "sessionName", NULL, ROUTES, 0, 128, NONE, NULL },
	{ "set", NULL, ROUTES, 0, 16, NONE, NULL },
	{ "start", NULL, CLUSTER, 1, 65535, NONE, NULL },
	{ "statusCode", NULL, HTTP, 0, 0, NONE, redirects },
	{ "subjectAltNames", NULL, BACKEND, 0, 5, NONE, NULL },
	{ "targetRefs", "spec", BACKEND, 1, 16, NONE, NULL },
	{ "tier", "spec", CLUSTER, 0, 0, NONE, tiers },
	{ "to", "egress", CLUSTER, 1, 25, NONE, NULL },
	{ "to", "spec", GRANT, 1, 16, NONE, NULL },
	{ "type", "filters", HTTP, 0, 0, NONE, http_filters },
	{ "type", "filters", GRPC, 0, 0, NONE, grpc_filters },
	{ "type", "headers", ROUTES, 0, 0, NONE, match_types },
	{ "type", "method", GRPC, 0, 0, NONE, match_types },
	{ "type", "path", HTTP, 0, 0, NONE, NULL }, /* by what the path is in: see the code */
	{ "type", "queryParams", HTTP, 0, 0, NONE, match_types },
	{ "type", "sessionPersistence", ROUTES, 0, 0, NONE, cookies },
	{ "type", "subjectAltNames", BACKEND, 0, 0, NONE, names_types },
	{ "useDefaultGateways", NULL, ROUTES, 0, 0, NONE, scopes },
	{ "value", "add", ROUTES, 1, 4096, NONE, NULL },
	{ "value", "addresses", GATEWAY, 0, 253, NONE, NULL },
	{ "value", "headers", ROUTES, 1, 4096, NONE, NULL },
	{ "value", "path", HTTP, 0, 1024, NONE, NULL },
	{ "value", "queryParams", HTTP, 1, 1024, NONE, NULL },
	{ "value", "set", ROUTES, 1, 4096, NONE, NULL },
	{ "weight", NULL, ROUTES, 0, 1000000, NONE, NULL },
	{ "wellKnownCACertificates", NULL, BACKEND, 1, 253, CA_SET, NULL },
};
// clang-format on

static const struct rule *find_rule(enum kind kind, const char *in, const char *name)
{
	size_t lo = 0, hi = ARRAY_LEN(rules);

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (strcmp(rules[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < ARRAY_LEN(rules) && !strcmp(rules[lo].name, name); lo++)
		if ((!rules[lo].kinds || rules[lo].kinds & KIND_BIT(kind)) &&
		    (!rules[lo].in || !strcmp(rules[lo].in, in)))
			return &rules[lo];
	return NULL;
}

static bool matches(enum pattern p, const char *s)
{
	static regex_t made[PATTERNS];
	static bool ready[PATTERNS];
	const char *posix = patterns[p].posix ? patterns[p].posix : patterns[p].shown;

	if (!ready[p] && regcomp(&made[p], posix, REG_EXTENDED | REG_NOSUB))
		abort(); /* they are constants */
	ready[p] = true;
	return !regexec(&made[p], s, 0, NULL, 0);
}

static void check_text(struct causes *c, const struct at *at, const struct rule *r, const char *s)
{
	const char *field = at_text(c->arena, at);
	size_t n = strlen(s);

	if (r->max && n > (size_t)r->max) {
		wrong_long(c, at, r->max);
		return;
	}
	if (n < (size_t)r->min)
		wrong(c, at, s, "%s in body should be at least %d chars long", field, r->min);
	if (r->pattern && n <= 4096 && !matches(r->pattern, s))
		wrong(c, at, s, "%s in body should match '%s'", field, patterns[r->pattern].shown);
	if (r->words && !valid_among(s, r->words))
		wrong_word(c, at, s, r->words);
}

static void check_number(struct causes *c, const struct at *at, const struct rule *r, int64_t v)
{
	if (r->words && !valid_among(arena_printf(c->arena, "%lld", (long long)v), r->words))
		wrong_choice(c, at, v, r->words);
	if (!r->max)
		return;
	if (v < r->min)
		wrong_number(c, at, v, "%s in body should be greater than or equal to %d",
		             at_text(c->arena, at), r->min);
	if (v > r->max)
		wrong_number(c, at, v, "%s in body should be less than or equal to %d",
		             at_text(c->arena, at), r->max);
}

static void check_rule(struct causes *c, const struct at *at, const struct rule *r,
                       yyjson_mut_val *v)
{
	size_t n = yyjson_mut_arr_size(v);

	if (yyjson_mut_is_str(v))
		check_text(c, at, r, yyjson_mut_get_str(v));
	else if (yyjson_mut_is_int(v))
		check_number(c, at, r, yyjson_mut_get_sint(v));
	else if (!yyjson_mut_is_arr(v) || !r->max || r->max == 599)
		return;
	else if (n > (size_t)r->max)
		wrong_many(c, at, n, r->max);
	else if (n < (size_t)r->min)
		wrong_number(c, at, n, "%s in body should have at least %d items",
		             at_text(c->arena, at), r->min);
}

static void check_members(struct causes *c, enum kind kind, const struct at *at, const char *in,
                          const char *in_in, yyjson_mut_val *obj, const struct message *m);

/* The words of path.type depend on what the path is for, those of from on who is let in. */
static const char *const *words_of(const char *name, const char *in, const char *in_in)
{
	if (!strcmp(name, "type") && !strcmp(in, "path"))
		return !strcmp(in_in, "matches") ? path_types : modifiers;
	if (!strcmp(name, "from") && !strcmp(in, "namespaces"))
		return !strcmp(in_in, "allowedListeners") ? from_listeners : from_routes;
	return NULL;
}

static void check_words(struct causes *c, const struct at *at, const char *const *words,
                        const char *s)
{
	if (words && s && !valid_among(s, words))
		wrong_word(c, at, s, words);
}

static void check_field(struct causes *c, enum kind kind, const struct at *at, const char *in,
                        const char *in_in, const struct field *f, yyjson_mut_val *v)
{
	const struct rule *r = find_rule(kind, in, f->name), *each = NULL;
	yyjson_mut_val *item;
	size_t i, n;

	if (r)
		check_rule(c, at, r, v);
	check_words(c, at, words_of(f->name, in, in_in), yyjson_mut_get_str(v));
	if (yyjson_mut_is_obj(v) && f->type == FIELD_OBJECT && !(f->how & FIELD_MAP))
		check_members(c, kind, at, f->name, in, v, f->message);
	if (!yyjson_mut_is_arr(v) || (r && r->max && yyjson_mut_arr_size(v) > (size_t)r->max))
		return;
	if (f->type == FIELD_STRING)
		each = find_rule(kind, in, arena_printf(c->arena, "%s[]", f->name));
	yyjson_mut_arr_foreach (v, i, n, item) {
		if (f->type == FIELD_OBJECT)
			check_members(c, kind, ITEM(at, i), f->name, in, item, f->message);
		else if (each)
			check_rule(c, ITEM(at, i), each, item);
		else if (r && yyjson_mut_is_int(item))
			check_number(c, ITEM(at, i), r, yyjson_mut_get_sint(item));
	}
}

static void check_members(struct causes *c, enum kind kind, const struct at *at, const char *in,
                          const char *in_in, yyjson_mut_val *obj, const struct message *m)
{
	for (const struct field *f = m->fields; f->name; f++) {
		yyjson_mut_val *v = yyjson_mut_obj_get(obj, f->name);

		if (v)
			check_field(c, kind, CHILD(at, f->name), in, in_in, f, v);
		else if (f->how & FIELD_REQUIRED)
			wrong_missing(c, CHILD(at, f->name), "");
	}
}

void valid_schema(enum kind kind, yyjson_mut_val *root, struct causes *c)
{
	const struct field *f = field_find(kind_message[kind], "spec");
	yyjson_mut_val *spec = yyjson_mut_obj_get(root, "spec");

	if (!f || f->type != FIELD_OBJECT)
		return;
	if (spec)
		check_members(c, kind, AT("spec"), "spec", "", spec, f->message);
	else if (f->how & FIELD_REQUIRED)
		wrong_missing(c, AT("spec"), "");
}
