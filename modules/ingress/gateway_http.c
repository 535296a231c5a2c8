/* gateway_http.c - HTTPRoutes and GRPCRoutes as rules of the table. See gateway_compile.h. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <knetd/duration.h>

#include "gateway_compile.h"
#include "proxy_policy.h"

#define NEVER UINT32_MAX /* a timeout that was switched off */
#define ATTEMPTS_MAX 32  /* of a retry */
#define BACKOFF_MS 25    /* when none is said */
#define TIMEOUT_MAX (1u << 31)

/* ---- what all share ------------------------------------------------------------------------- */

void compile_refuse(struct compiling *c, const char *reason, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (c->wrong.reason)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->wrong.reason = reason;
	c->wrong.message = arena_printf(&c->out->arena, "spec.rules[%u].%s", c->rule, text);
}

struct span compile_text(struct compiling *c, const char *s)
{
	size_t n = s ? strlen(s) : 0;

	return (struct span){ n ? arena_strndup(&c->out->arena, s, n) : "", n };
}

struct span compile_lower(struct compiling *c, const char *s)
{
	struct span out = compile_text(c, s);

	for (size_t i = 0; i < out.n; i++)
		((char *)out.p)[i] = tolower((unsigned char)out.p[i]);
	return out;
}

const char *compile_str(yyjson_val *obj, const char *path, const char *absent)
{
	const char *s = json_str(obj, path);

	return s ? s : absent;
}

/* ---- one rule ------------------------------------------------------------------------------- */

static uint32_t bounded(int64_t ms)
{
	return ms < TIMEOUT_MAX ? ms : TIMEOUT_MAX;
}

/* "0s" switches a timeout off. Who says how long the whole may take, or for ever, says so of the
 * backend too. */
static void compile_timeouts(yyjson_val *rule, struct table_action *a)
{
	const char *whole = json_str(rule, "timeouts.request"),
		   *part = json_str(rule, "timeouts.backendRequest");

	a->request_ms = whole ? bounded(duration_ms(whole)) : 0;
	if (part)
		a->backend_ms = duration_ms(part) ? bounded(duration_ms(part)) : NEVER;
	else if (whole)
		a->backend_ms = NEVER;
}

static void compile_retry(struct compiling *c, yyjson_val *rule, struct table_action *a)
{
	yyjson_val *retry = yyjson_obj_get(rule, "retry"), *list = yyjson_obj_get(retry, "codes"),
		   *v;
	const char *backoff = json_str(retry, "backoff");
	int64_t attempts = json_int(retry, "attempts", 1);
	struct table_retry *r;
	uint32_t *codes;
	size_t i, n;

	if (!yyjson_is_obj(retry))
		return;
	a->retry = r = arena_alloc(&c->out->arena, sizeof(*r));
	r->attempts = attempts < 0 ? 0 : attempts > ATTEMPTS_MAX ? ATTEMPTS_MAX : attempts;
	r->backoff_ms = backoff ? bounded(duration_ms(backoff)) : BACKOFF_MS;
	r->connection = true;
	r->codes = codes =
		arena_alloc(&c->out->arena, (yyjson_arr_size(list) + 1) * sizeof(*codes));
	yyjson_arr_foreach (list, i, n, v) {
		int64_t code = yyjson_get_sint(v);

		if (code < 400 || code > 599)
			compile_refuse(c, "UnsupportedValue",
			               "retry.codes[%zu]: answers of status %lld are never tried "
			               "again",
			               i, (long long)code);
		codes[r->n_codes++] = code;
	}
}

static bool is_cookie_name(const char *s)
{
	return *s &&
	       !s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")];
}

/* Clients stay with the endpoint of their first answer, by a cookie. */
static const struct table_policy *compile_session(struct compiling *c, yyjson_val *rule)
{
	yyjson_val *s = yyjson_obj_get(rule, "sessionPersistence");
	const char *type = compile_str(s, "type", "Cookie"),
		   *name = compile_str(s, "sessionName", "knetd-session"),
		   *life = compile_str(s, "cookieConfig.lifetimeType", "Session"),
		   *until = json_str(s, "absoluteTimeout");
	struct table_affinity *a;
	struct table_policy *p;

	if (!yyjson_is_obj(s))
		return NULL;
	if (strcmp(type, "Cookie") != 0 || !is_cookie_name(name))
		compile_refuse(
			c, "UnsupportedValue",
			"sessionPersistence: sessions are kept by cookies, of letters, digits "
			"and -_.");
	a = arena_alloc(&c->out->arena, sizeof(*a));
	*a = (struct table_affinity){ .name = compile_text(c, name),
		                      .path = { "/", 1 },
		                      .domain = { "", 0 },
		                      .max_age = TABLE_NONE,
		                      .change_on_failure = true };
	if (!strcmp(life, "Permanent") && until)
		a->max_age = bounded(duration_ms(until)) / 1000;
	p = arena_alloc(&c->out->arena, sizeof(*p));
	p->affinity = a;
	p->otherwise = TABLE_NONE;
	return p;
}

static const struct table_action *compile_action(struct compiling *c, yyjson_val *rule,
                                                 struct span name)
{
	struct table_action *a = arena_alloc(&c->out->arena, sizeof(*a));

	*a = (struct table_action){ .route = name,
		                    .rule = compile_text(c, json_str(rule, "name")),
		                    .grpc = c->grpc };
	a->filters = compile_filters(c, yyjson_obj_get(rule, "filters"), "filters", &a->n_filters);
	a->choices = compile_choices(c, yyjson_obj_get(rule, "backendRefs"), &a->n_choices);
	compile_timeouts(rule, a);
	compile_retry(c, rule, a);
	a->policy = compile_session(c, rule);
	if (c->broken)
		a->n_filters = a->n_choices = 0;
	return a;
}

static unsigned compile_rule(struct compiling *c, yyjson_val *rule, struct span name,
                             struct gateway_rule *out, const struct plan_order *order)
{
	unsigned n = compile_match_count(rule);
	const struct table_action *action;

	c->wrong = (struct gateway_says){ NULL, NULL };
	c->broken = false;
	action = compile_action(c, rule, name);
	for (unsigned i = 0; i < n; i++) {
		out[i] = (struct gateway_rule){ .order = *order };
		compile_match(c, rule, i, &out[i].rule);
		out[i].rule.action = action;
		out[i].order.rule = c->rule;
		out[i].order.match = i;
	}
	return c->wrong.reason ? 0 : n;
}

/* ---- the route ------------------------------------------------------------------------------ */

static void compile_rules(struct compiling *c, yyjson_val *rules, const struct plan_order *order)
{
	struct span name = gateway_route_name(c->out, c->route);
	struct gateway_says wrong = { NULL, NULL };
	unsigned all = 0, dropped = 0;
	yyjson_val *rule;
	size_t i, n;

	yyjson_arr_foreach (rules, i, n, rule)
		all += compile_match_count(rule);
	c->out->rules = arena_alloc(&c->out->arena, (all + 1) * sizeof(*c->out->rules));
	yyjson_arr_foreach (rules, i, n, rule) {
		c->rule = i;
		c->out->n_rules +=
			compile_rule(c, rule, name, c->out->rules + c->out->n_rules, order);
		dropped += c->wrong.reason != NULL;
		if (!wrong.reason)
			wrong = c->wrong;
	}
	if (dropped && dropped == n)
		c->out->accepted = wrong;
	else if (dropped)
		c->out->partly =
			(struct gateway_says){ wrong.reason,
			                       arena_printf(&c->out->arena, "Dropped Rule: %s",
			                                    wrong.message) };
}

void gateway_http_compile(const struct object *route, yyjson_val *root,
                          const struct gateway_terms *terms, struct gateway_compiled *out)
{
	struct compiling c = {
		.out = out, .route = route, .terms = terms, .grpc = route->kind == KIND_GRPCROUTE
	};
	const char *born = compile_str(root, "metadata.creationTimestamp", "");
	struct plan_order order = { .born = arena_strdup(&out->arena, born),
		                    .key = arena_strdup(&out->arena, route->key) };
	/* what the schema fills in for an HTTPRoute without rules: every request, answered with 500
	 */
	auto_doc yyjson_doc *filled = yyjson_read("[{}]", 4, 0);
	yyjson_val *rules = json_at(root, "spec.rules");

	if (!c.grpc && !yyjson_arr_size(rules))
		rules = yyjson_doc_get_root(filled);
	compile_rules(&c, rules, &order);
}
