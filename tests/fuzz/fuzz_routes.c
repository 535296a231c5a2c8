/* HTTPRoutes and GRPCRoutes of any content: compiled, planned, packed, opened again, and asked with
 * what is left of the bytes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/snapshot.h>

#include "../../modules/ingress/backends.h"
#include "../../modules/ingress/gateway_route.h"
#include "../../modules/ingress/proxy_plan.h"
#include "../../modules/ingress/proxy.h"
#include "../../modules/ingress/proxy_cors.h"
#include "../../modules/ingress/proxy_regex.h"
#include "../../modules/ingress/proxy_rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everything that the rule's filters would do to paths and answers. */
static void use(const struct table_rule *r, struct span path)
{
	static struct http_head answer;

	for (uint32_t i = 0; i < r->action->n_filters; i++) {
		const struct table_filter *f = &r->action->filters[i];
		struct scratch *s = scratch_take();
		struct location from = { .port = 80, .host = { "h", 1 }, .path = path };
		struct span to = { "", 0 };

		answer.n_headers = 0;
		if (f->type == FILTER_REDIRECT)
			to = rewrite_location(s, f->rewrite, r, &from);
		else if (f->type == FILTER_REWRITE)
			to = rewrite_path(s, f->rewrite, r, path);
		else if (f->type == FILTER_CORS && cors_allows(f->cors, path))
			cors_answer(f->cors, path, NULL, &answer, s);
		else
			to = f->value;
		for (size_t k = 0; k < to.n; k++)
			if (to.p[k] == '\r' || to.p[k] == '\n' || !to.p[k])
				abort(); /* it would end a line */
	}
}

static void ask(const char *p, size_t n)
{
	static char path[256];
	static struct http_head h;
	struct request q = { .method = { "GET", 3 }, .host = { "h", 1 }, .head = &h };
	struct span raw = { p, n };
	const struct table *t = proxy_table();
	const struct table_rule *r;

	for (size_t i = 0; i < n; i++)
		if (p[i] <= ' ' || p[i] > '~')
			return; /* the parser lets none of these through */
	h.n_headers = 1;
	h.headers[0] = (struct http_header){ { "a", 1 }, raw };
	q.query = raw;
	q.path.p = path;
	if (!match_path(raw, path, sizeof(path), &q.path.n))
		return;
	for (uint32_t i = 0; i < t->n_ports; i++) {
		const struct table_listener *l = match_listener(&t->ports[i], q.host);

		r = l ? match_rule(l, &q) : NULL;
		if (r)
			use(r, raw);
	}
}

static void take(unsigned slot, const struct buf *bytes)
{
	struct snapshot *s =
		bytes->len ? snapshot_map(snapshot_seal(bytes, "fuzz", NULL), NULL) : NULL;

	if (bytes->len && !s)
		abort();
	tables_take(slot, s);
	snapshot_unref(s);
}

static void plan(struct gateway_compiled *c, const char *p, size_t n)
{
	struct table_listener row = { .name = { "l", 1 }, .host = { "", 0 } };
	struct endpoint at = { .port = 80 };
	struct plan_share share = { .entries = { 0 } };
	struct plan_listener *l, *whose;
	auto_buf struct buf bytes = { 0 };
	static struct plan plan;

	if (!plan.table.seed)
		plan_init(&plan);
	plan_clear(&plan);
	l = plan_listener(&plan, plan_port(&plan, &at, false), &row, &whose);
	for (unsigned i = 0; i < c->n_rules; i++)
		plan_rule(&plan, &share, l, row.host, false, &c->rules[i].rule, &c->rules[i].order);
	plan_routes(&plan, &bytes);
	take(TABLE_ROUTES, &bytes);
	for (unsigned i = 0; i < TABLE_SHARDS; i++) {
		buf_reset(&bytes);
		if (plan_shard(&plan, i, &bytes))
			take(TABLE_RULES + i, &bytes);
	}
	ask(p, n);
	plan_take_back(&plan, &share);
	if (plan.n_rules || plan.places.len)
		abort();
	plan_share_free(&share);
}

/* The rules, a NUL, the request's path. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct gateway_terms terms = { .client_cert = TABLE_NONE };
	const char *p = (const char *)data, *end = size ? memchr(p, 0, size) : NULL;
	size_t n = end ? (size_t)(end - p) : size;
	auto_free char *json = xasprintf("{\"spec\":{\"rules\":%.*s}}", (int)n, p);
	auto_doc yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	struct object route = { .kind = size % 2 ? KIND_HTTPROUTE : KIND_GRPCROUTE,
		                .key = "a/b",
		                .ns = "a",
		                .name = "b" };
	struct gateway_compiled c = { 0 };

	if (!doc)
		return 0;
	gateway_http_compile(&route, yyjson_doc_get_root(doc), &terms, &c);
	plan(&c, end ? end + 1 : "/", end ? size - n - 1 : 1);
	gateway_compiled_free(&c);
	regex_forget();
	return 0;
}
