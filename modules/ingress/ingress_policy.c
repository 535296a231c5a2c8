/* ingress_policy.c - annotations as the part of the table that proxy_policy.h describes. */
#include <string.h>

#include <knetd/auto.h>
#include <knetd/store.h>

#include "ingress_compile.h"
#include "proxy_regex.h"

static struct span text(const char *s)
{
	return (struct span){ s, strlen(s) };
}

/* ---- redirects ----------------------------------------------------------------------------------
 */

static void redirect(struct compiled *c, struct table_policy *out)
{
	const struct notes *n = c->notes;
	bool permanent = n->permanent_redirect.n > 0;
	const struct note_parts *to = permanent ? &n->permanent_redirect : &n->temporal_redirect;

	out->redirect = to->v;
	out->n_redirect = to->n;
	if (to->n)
		out->redirect_status = permanent ? n->permanent_code : n->temporal_code;
}

/* ---- which endpoint
 * ------------------------------------------------------------------------------- */

static void affinity(struct compiled *c, struct table_policy *out)
{
	const struct notes *n = c->notes;
	struct table_affinity a = {
		.name = n->cookie_name.p ? n->cookie_name : text("INGRESSCOOKIE"),
		.path = n->cookie_path.p ? n->cookie_path : text("/"),
		.domain = n->cookie_domain.p ? n->cookie_domain : text(""),
		.max_age = n->cookie_max_age != TABLE_NONE ? n->cookie_max_age : n->cookie_expires,
		.same_site = n->cookie_same_site,
		.secure = n->cookie_secure,
		.change_on_failure = n->cookie_change,
	};

	if (n->affinity)
		out->affinity = compiled_copy(c, &a, sizeof(a));
	out->hash = n->hash_by.v;
	out->n_hash = n->hash_by.n;
}

static void canary(struct compiled *c)
{
	struct notes *n = c->notes;
	struct table_canary *x = &c->as_canary;
	const char *why = n->canary_pattern.p ? regex_trouble(n->canary_pattern.p) : NULL;

	if (why)
		notes_refuse(n, &c->arena, "canary-by-header-pattern", false,
		             "it is no regular expression: %s", why);
	*x = (struct table_canary){
		.header = n->canary_header.p ? n->canary_header : text(""),
		.cookie = n->canary_cookie.p ? n->canary_cookie : text(""),
		.value = n->canary_value.p ? n->canary_value : text(""),
		.weight = n->canary_weighed ? n->canary_weight : 0,
		.total = n->canary_total,
	};
	if (!n->canary_value.p && n->canary_pattern.p && !why) {
		x->value = n->canary_pattern;
		x->regex = true;
	}
}

/* ---- limits
 * --------------------------------------------------------------------------------------- */

static uint32_t at_most(uint64_t n)
{
	return n > UINT32_MAX ? UINT32_MAX : n;
}

static void limit(struct compiled *c, struct table_policy *out)
{
	const struct notes *n = c->notes;
	struct table_limit l = { .zone = text(c->key),
		                 .at_once = n->limit_connections,
		                 .exempt = n->limit_exempt.v,
		                 .n_exempt = n->limit_exempt.n };
	uint32_t per_step = n->limit_rps ? n->limit_rps : n->limit_rpm;

	if (!per_step && !l.at_once)
		return;
	l.per_minute = n->limit_rps ? n->limit_rps * 60 : n->limit_rpm;
	l.burst = at_most((uint64_t)per_step * n->limit_burst);
	out->limit = compiled_copy(c, &l, sizeof(l));
}

/* Both of the names mean the same; with both given both must hold, so what is in either alone is
 * not allowed: the newer one counts, as in ingress-nginx. */
static void ranges(struct compiled *c, struct table_policy *out)
{
	const struct note_cidrs *allow =
		c->notes->allow.n ? &c->notes->allow : &c->notes->whitelist;

	out->allow = allow->v;
	out->n_allow = allow->n;
	out->deny = c->notes->deny.v;
	out->n_deny = c->notes->deny.n;
	out->any = c->notes->satisfy_any;
}

/* ---- errors
 * --------------------------------------------------------------------------------------- */

/* The Service's first port: the annotation names none. */
static uint32_t service_backend(struct compiled *c, const char *name)
{
	const struct object *o = store_get(KIND_SERVICE, c->object->ns, name);
	auto_doc yyjson_doc *doc = o ? object_doc(o) : NULL;
	yyjson_val *port = yyjson_arr_get_first(json_at(yyjson_doc_get_root(doc), "spec.ports"));
	int64_t number = json_int(port, "port", 0);

	compiled_need(c, KIND_SERVICE, c->object->ns, name);
	if (!number)
		notes_refuse(c->notes, &c->arena, "default-backend", false,
		             "there is no Service \"%s\" with a port", name);
	return number ? compiled_backend(c, c->object->ns, name, NULL, number) : TABLE_NONE;
}

static void otherwise(struct compiled *c, struct table_policy *out)
{
	out->otherwise = c->notes->default_backend.p
	                         ? service_backend(c, c->notes->default_backend.p)
	                         : TABLE_NONE;
}

/* ---- the whole
 * ------------------------------------------------------------------------------------ */

void compiled_policy(struct compiled *c, struct table_policy *out)
{
	const struct notes *n = c->notes;

	*out = (struct table_policy){ .otherwise = TABLE_NONE };
	redirect(c, out);
	ranges(c, out);
	limit(c, out);
	affinity(c, out);
	canary(c);
	otherwise(c, out);
	out->body_max = n->body_given ? n->body_max : 0;
	out->connect_ms = n->connect_s * 1000;
	out->read_ms = n->read_s * 1000;
	out->send_ms = n->send_s * 1000;
	out->quiet = !n->access_log;
}
