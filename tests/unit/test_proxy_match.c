/* Which listener and which rule a request meets: through the plan and its bytes, as the workers
 * have them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include <knetd/auto.h>

#include "../../modules/ingress/proxy_index.h"
#include "../../modules/ingress/proxy_regex.h"
#include "proxy_told.h"

#define ANY "" /* every host, every path */

struct row { /* what is served; its place in the table is its name */
	const char *listener, *host, *path;
	enum table_path kind;
	const char *method, *headers, *queries; /* "a=1 b~^x" */
	const char *born, *key;
	bool one_label, nocase, grpc;
};

static struct span text(const char *s)
{
	return (struct span){ s ? s : "", s ? strlen(s) : 0 };
}

static const struct table_match *pairs(struct arena *a, const char *list, uint32_t *n)
{
	struct table_match *out = arena_alloc(a, 8 * sizeof(*out));
	char *copy = arena_strdup(a, list ? list : ""), *save, *word;

	*n = 0;
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		char *sign = word + strcspn(word, "=~");

		out[*n].regex = *sign == '~';
		*sign = 0;
		out[*n].name = text(word);
		out[(*n)++].value = text(sign + 1);
	}
	return out;
}

static struct plan plan;
static struct plan_share share;

static void add_row(struct plan *p, struct plan_port *port, struct map *listeners,
                    struct plan_share *of, const struct row *r, uint32_t number)
{
	const char *name = r->listener ? r->listener : "";
	struct plan_listener *l = map_get(listeners, name, strlen(name) + 1), *whose;
	struct table_action *action = arena_alloc(&p->arena, sizeof(*action));
	struct table_rule *rule = arena_alloc(&p->arena, sizeof(*rule));
	struct plan_order *order = arena_alloc(&p->arena, sizeof(*order));

	if (!l) {
		l = plan_listener(p, port, &(struct table_listener){ .host = text(name) }, &whose);
		assert_non_null(l);
		map_put(listeners, name, strlen(name) + 1, l);
	}
	*action = (struct table_action){ .request_ms = number, .grpc = r->grpc };
	*rule = (struct table_rule){ .path = text(r->path), .kind = r->kind, .nocase = r->nocase };
	rule->method = text(r->method);
	rule->headers = pairs(&p->arena, r->headers, &rule->n_headers);
	rule->queries = pairs(&p->arena, r->queries, &rule->n_queries);
	rule->action = action;
	*order = (struct plan_order){ r->born ? r->born : "2026-01-01T00:00:00Z",
		                      r->key ? r->key : "a/a", number, 0 };
	plan_rule(p, of, l, text(r->host), r->one_label, rule, order);
}

/* The rules as a worker opens them. */
static void serve(const struct row *rows, size_t n)
{
	struct endpoint at = { .port = 80 };
	struct map listeners = { 0 };
	struct plan_port *port;

	plan_clear(&plan);
	port = plan_port(&plan, &at, false);
	for (size_t i = 0; i < n; i++)
		add_row(&plan, port, &listeners, &share, &rows[i], i);
	tell(&plan);
	map_free(&listeners);
}

struct ask {
	const char *host, *target, *method;
	const char *headers[6]; /* name, value, ... */
	int met;                /* -1: none */
};

static int find(const struct ask *a)
{
	static struct http_head h;
	const char *mark = strchr(a->target, '?');
	struct request q = { .host = text(a->host),
		             .method = text(a->method ? a->method : "GET"),
		             .query = mark ? text(mark + 1) : (struct span){ NULL, 0 },
		             .head = &h };
	const struct table_listener *l = match_listener(&proxy_table()->ports[0], q.host);
	const struct table_rule *r;
	char path[256];

	h.n_headers = 0;
	for (unsigned i = 0; i < 6 && a->headers[i]; i += 2)
		h.headers[h.n_headers++] =
			(struct http_header){ text(a->headers[i]), text(a->headers[i + 1]) };
	assert_true(match_path(
		(struct span){ a->target, mark ? (size_t)(mark - a->target) : strlen(a->target) },
		path, sizeof(path), &q.path.n));
	q.path.p = path;
	r = l ? match_rule(l, &q) : NULL;
	return r ? (int)r->action->request_ms : -1;
}

static void check(const struct row *rows, size_t n, const struct ask *asks, size_t m)
{
	serve(rows, n);
	for (size_t i = 0; i < m; i++) {
		int met = find(&asks[i]);

		if (met != asks[i].met)
			fail_msg("request %zu, %s %s %s: rule %d, not %d", i,
			         asks[i].method ? asks[i].method : "GET", asks[i].host,
			         asks[i].target, met, asks[i].met);
	}
}

static const struct row paths[] = {
	{ .path = "/match/exact", .kind = PATH_EXACT },               /* 0 */
	{ .path = "/match", .kind = PATH_PREFIX },                    /* 1 */
	{ .path = "/match/prefix", .kind = PATH_PREFIX },             /* 2 */
	{ .path = "/match/prefix/one", .kind = PATH_PREFIX },         /* 3 */
	{ .path = "/match/prefix/one/any", .kind = PATH_EXACT },      /* 4 */
	{ .path = "^(/match/re/[0-9]+)$", .kind = PATH_REGEX },       /* 5 */
	{ .path = "/match/re/77", .kind = PATH_EXACT },               /* 6 */
	{ .path = "/CasE", .kind = PATH_PREFIX, .nocase = true },     /* 7 */
	{ .path = "/v2", .kind = PATH_PREFIX },                       /* 8 */
	{ .path = "/a b", .kind = PATH_PREFIX },                      /* 9 */
	{ .path = "/slash/", .kind = PATH_EXACT },                    /* 10 */
	{ .path = "/rest", .kind = PATH_PREFIX },                     /* 11 */
	{ .path = "^(/re)", .kind = PATH_REGEX },                     /* 12 */
	{ .path = "/rest/of", .kind = PATH_PREFIX, .method = "PUT" }, /* 13 */
};
static const struct ask path_asks[] = {
	{ "x", "/match/exact", .met = 0 },
	{ "x", "/match/exact/", .met = 1 },
	{ "x", "/match/exactly", .met = 1 },
	{ "x", "/match", .met = 1 },
	{ "x", "/match/", .met = 1 },
	{ "x", "/matches", .met = -1 },
	{ "x", "/match/prefix", .met = 2 },
	{ "x", "/match/prefix/", .met = 2 },
	{ "x", "/match/prefix/one", .met = 3 },
	{ "x", "/match/prefix/one/", .met = 3 },
	{ "x", "/match/prefix/one/any", .met = 4 },
	{ "x", "/match/prefix/one/any/", .met = 3 },
	{ "x", "/match/prefix/onesie", .met = 2 },
	{ "x", "/match/re/12", .met = 5 },
	{ "x", "/match/re/77", .met = 6 },
	{ "x", "/match/re/1x", .met = 1 },
	{ "x", "/match/r%65/12", .met = 5 },
	{ "x", "/cAse/x", .met = 7 },
	{ "x", "/casement", .met = -1 },
	{ "x", "/v2", .met = 8 },
	{ "x", "/v2example", .met = -1 },
	{ "x", "/v2/example", .met = 8 },
	{ "x", "/a%20b", .met = 9 },
	{ "x", "/slash/", .met = 10 },
	{ "x", "/slash", .met = -1 },
	{ "x", "/rest", .met = 12 }, /* expressions come before prefixes */
	{ "x", "/rest/of", "PUT", .met = 12 },
	{ "x", "/", .met = -1 },
};

static void test_paths(void **state)
{
	(void)state;
	check(paths, ARRAY_LEN(paths), path_asks, ARRAY_LEN(path_asks));
}

/* The order of HTTPRouteRule.matches, each row beaten by the one before it. */
static const struct row order[] = {
	{ .path = "/p", .kind = PATH_EXACT, .born = "2026-06" },
	{ .path = "/p", .method = "GET", .headers = "a=1 b=2", .born = "2026-05" },
	{ .path = "/p",
	  .method = "GET",
	  .headers = "a=1",
	  .queries = "q=1 r=2",
	  .born = "2026-05" },
	{ .path = "/p", .method = "GET", .headers = "a=1", .queries = "q=1", .born = "2026-05" },
	{ .path = "/p", .method = "GET", .queries = "q=1 r=2", .born = "2026-04" },
	{ .path = "/p", .headers = "a=1 b=2 c=3", .queries = "q=1", .born = "2026-03" },
	{ .path = "/p", .born = "2026-01" },
	{ .path = "/p", .born = "2026-02", .key = "a/a" },
	{ .path = "/p", .born = "2026-02", .key = "a/b" },
	{ .path = "/p", .born = "2026-02", .key = "b/a" },
	{ .path = "/p", .born = "2026-02", .key = "b/a" },
	{ .path = "", .method = "GET", .headers = "a=1 b=2 c=3", .born = "2025" },
	{ .path = "" },
};

/* Rules are taken away from the front: always the next one must be met. */
static void test_order(void **state)
{
	static const struct ask all = {
		"x", "/p?q=1&r=2", "GET", { "A", "1", "b", "2", "C", "3" }, 0
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		check(order + i, ARRAY_LEN(order) - i, &all, 1);
}

static const struct row values[] = {
	{ .path = "/h", .headers = "version=two" },
	{ .path = "/h", .headers = "version=two color=orange" },
	{ .path = "/h", .headers = "color~^(blu|gre)e" },
	{ .path = "/h", .headers = "list=a,b" },
	{ .path = "/q", .queries = "animal=whale" },
	{ .path = "/q", .queries = "animal=whale Color=blue" },
	{ .path = "/q", .queries = "n~^[0-9]+$" },
	{ .path = "/q", .queries = "empty=" },
	{ .path = "/q", .queries = "t=a+b" },
	{ .path = "/m", .method = "POST" },
	{ .path = "/m", .method = "DELETE" },
	{ .path = "/m", .headers = "x=1" },
};
static const struct ask value_asks[] = {
	{ "x", "/h", NULL, { "Version", "two" }, 0 },
	{ "x", "/h", NULL, { "VERSION", "two", "Color", "orange" }, 1 },
	{ "x", "/h", NULL, { "color", "blue" }, 2 },
	{ "x", "/h", NULL, { "color", "green" }, 2 },
	{ "x", "/h", NULL, { "color", "orange" }, -1 },
	{ "x", "/h", NULL, { "version", "Two" }, -1 },
	{ "x", "/h", NULL, { "list", "a", "x", "y", "List", "b" }, 3 },
	{ "x", "/h", NULL, { "list", "a" }, -1 },
	{ "x", "/q?animal=whale", .met = 4 },
	{ "x", "/q?animal=whale&Color=blue", .met = 5 },
	{ "x", "/q?Color=blue&animal=whale", .met = 5 },
	{ "x", "/q?color=blue&animal=whale", .met = 4 },
	{ "x", "/q?Animal=whale", .met = -1 },
	{ "x", "/q?animal=whale&animal=dog", .met = 4 },
	{ "x", "/q?animal=dog&animal=whale", .met = -1 },
	{ "x", "/q?anim%61l=wh%61le", .met = 4 },
	{ "x", "/q?animal=wh%zzle", .met = -1 },
	{ "x", "/q?n=42", .met = 6 },
	{ "x", "/q?n=4x", .met = -1 },
	{ "x", "/q?empty", .met = 7 },
	{ "x", "/q?empty=", .met = 7 },
	{ "x", "/q?t=a%2Bb", .met = 8 },
	{ "x", "/q?t=a+b", .met = -1 }, /* a plus is a blank */
	{ "x", "/q?", .met = -1 },
	{ "x", "/m", "POST", .met = 9 },
	{ "x", "/m", "DELETE", .met = 10 },
	{ "x", "/m", "post", .met = -1 },
	{ "x", "/m", "POST", { "x", "1" }, 9 }, /* a method is more than a header */
	{ "x", "/m", "GET", { "x", "1" }, 11 },
};

static void test_values(void **state)
{
	(void)state;
	check(values, ARRAY_LEN(values), value_asks, ARRAY_LEN(value_asks));
}

static const struct row hosts[] = {
	{ .host = "a.example", .path = "/x" },                   /* 0 */
	{ .host = "*.example", .path = "" },                     /* 1 */
	{ .host = "*.b.example", .path = "/y" },                 /* 2 */
	{ .host = ANY, .path = "/any" },                         /* 3 */
	{ .host = "*.one.test", .path = "", .one_label = true }, /* 4 */
	{ .host = "*.one.test", .path = "/deep" },               /* 5 */
	{ .host = "c.b.example", .path = "/c" },                 /* 6 */
};
static const struct ask host_asks[] = {
	{ "a.example", "/x", .met = 0 },
	{ "a.example", "/z", .met = 1 }, /* the next host in order has a rule for it */
	{ "example", "/x", .met = -1 },
	{ "b.example", "/y", .met = 1 },
	{ "q.b.example", "/y", .met = 2 },
	{ "q.q.b.example", "/y", .met = 2 },
	{ "q.b.example", "/z", .met = 1 },
	{ "c.b.example", "/c", .met = 6 },
	{ "c.b.example", "/y", .met = 2 },
	{ "c.b.example", "/", .met = 1 },
	{ "other", "/any", .met = 3 },
	{ "", "/any", .met = 3 },
	{ "other", "/x", .met = -1 },
	{ "a.one.test", "/deep", .met = 4 },
	{ "a.b.one.test", "/deep", .met = 5 },
	{ "a.b.one.test", "/", .met = -1 },
	{ "one.test", "/", .met = -1 },
	{ ".one.test", "/deep", .met = -1 },
};

static void test_hosts(void **state)
{
	(void)state;
	check(hosts, ARRAY_LEN(hosts), host_asks, ARRAY_LEN(host_asks));
}

/* Only the most specific listener is asked, whether it has a rule or not. */
static const struct row listeners[] = {
	{ .listener = ANY, .host = ANY, .path = "/empty" },
	{ .listener = "*.example.com", .host = "*.example.com", .path = "/wild" },
	{ .listener = "*.foo.example.com", .host = "*.foo.example.com", .path = "/foo" },
	{ .listener = "abc.foo.example.com", .host = "abc.foo.example.com", .path = "/abc" },
};
static const struct ask listener_asks[] = {
	{ "bar.com", "/empty", .met = 0 },           { "bar.com", "/wild", .met = -1 },
	{ "bar.example.com", "/wild", .met = 1 },    { "bar.example.com", "/empty", .met = -1 },
	{ "bar.foo.example.com", "/foo", .met = 2 }, { "bar.foo.example.com", "/wild", .met = -1 },
	{ "abc.foo.example.com", "/abc", .met = 3 }, { "abc.foo.example.com", "/foo", .met = -1 },
	{ "example.com", "/empty", .met = 0 },
};

static void test_listeners(void **state)
{
	(void)state;
	check(listeners, ARRAY_LEN(listeners), listener_asks, ARRAY_LEN(listener_asks));
}

/* GRPCRoute: the longer service, then the longer method, then headers. */
static const struct row calls[] = {
	{ .path = "/a.Svc/Do", .kind = PATH_EXACT, .grpc = true },
	{ .path = "/a.Svc", .headers = "v=2", .grpc = true },
	{ .path = "/a.Svc", .grpc = true },
	{ .path = "^(/[^/]+/Do)$", .kind = PATH_REGEX, .grpc = true },
	{ .path = "", .headers = "v=2", .grpc = true },
	{ .path = "", .grpc = true },
};
static const struct ask call_asks[] = {
	{ "x", "/a.Svc/Do", "POST", .met = 0 },
	{ "x", "/a.Svc/Other", "POST", { "v", "2" }, 1 },
	{ "x", "/a.Svc/Other", "POST", .met = 2 },
	{ "x", "/b.Svc/Do", "POST", { "v", "2" }, 3 },
	{ "x", "/b.Svc/Other", "POST", { "v", "2" }, 4 },
	{ "x", "/a.Svc2/Other", "POST", .met = 5 },
};

static void test_calls(void **state)
{
	(void)state;
	check(calls, ARRAY_LEN(calls), call_asks, ARRAY_LEN(call_asks));
}

/* ---- many, that come and go -------------------------------------------------------------------
 */

enum { MANY = 400 };

static struct row many[MANY];
static char many_paths[MANY][64];
static struct plan_share shares[MANY];
static unsigned seed = 7;

static unsigned chance(unsigned below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 12) % below;
}

static void fill_row(unsigned i)
{
	static const char *const words[] = {
		"", "/a", "/b", "/a/b", "/a/bb", "/b/a", "/a/b/c", "/long/path/with/many/parts"
	};
	static const char *const names[] = { "a.example", "*.example", ANY };
	struct row *r = &many[i];

	snprintf(many_paths[i], sizeof(*many_paths), chance(2) ? "%s/r%u" : "%s",
	         words[chance(ARRAY_LEN(words))], chance(50));
	*r = (struct row){ .kind = chance(2) ? PATH_EXACT : PATH_PREFIX,
		           .host = names[chance(ARRAY_LEN(names))],
		           .method = chance(2) ? "PUT" : "",
		           .nocase = !chance(20) };
	r->path = r->kind == PATH_EXACT && !*many_paths[i] ? "/" : many_paths[i];
	if (!chance(40)) {
		r->kind = PATH_REGEX;
		r->path = "^(/a/.*)$";
	}
}

/* What looking at every rule says: of those that fit the one that no other comes before. */
static bool fits(const struct row *r, const struct ask *a)
{
	size_t n = strlen(r->path);
	bool same =
		r->nocase ? !strncasecmp(a->target, r->path, n) : !strncmp(a->target, r->path, n);

	if (*r->method && strcmp(r->method, a->method) != 0)
		return false;
	if (r->kind == PATH_REGEX)
		return regex_matches(text(r->path), r->nocase, text(a->target));
	return same && (!a->target[n] || (r->kind == PATH_PREFIX && a->target[n] == '/'));
}

static int place_of(const struct row *r)
{
	static const int ranks[] = { [PATH_EXACT] = 0, [PATH_REGEX] = 1, [PATH_PREFIX] = 2 };

	return ranks[r->kind] * 1000000 - (int)strlen(r->path) * 1000 + r->nocase * 100 -
	       (*r->method ? 10 : 0);
}

static int looked_for(const struct ask *a, const bool *there)
{
	static const char *const names[] = { "a.example", "*.example", ANY };
	int best = -1;

	for (unsigned k = 0; k < ARRAY_LEN(names) && best < 0; k++)
		for (unsigned i = 0; i < MANY; i++)
			if (there[i] && !strcmp(many[i].host, names[k]) && fits(&many[i], a) &&
			    (best < 0 || place_of(&many[i]) < place_of(&many[best])))
				best = (int)i;
	return best;
}

static void ask_for_all(const bool *there)
{
	for (unsigned i = 0; i < MANY; i++) {
		bool bare = many[i].kind == PATH_REGEX || !*many[i].path;
		struct ask a = { "a.example", bare ? "/a/q" : many[i].path, i % 2 ? "PUT" : "GET",
			         .met = 0 };

		assert_int_equal(find(&a), looked_for(&a, there));
	}
}

/* A plan in which rules come and go is the plan that is made of what is left. */
static void test_changes(void **state)
{
	struct endpoint at = { .port = 80 };
	bool there[MANY] = { false };
	struct map listeners = { 0 };
	struct plan_port *port;

	(void)state;
	plan_clear(&plan);
	port = plan_port(&plan, &at, false);
	for (unsigned i = 0; i < MANY; i++)
		fill_row(i);
	for (unsigned round = 0; round < 30; round++) {
		auto_buf struct buf kept = { 0 }, anew = { 0 };
		struct plan_share fresh = { .entries = { 0 } };
		struct map others = { 0 };
		struct plan other;

		for (unsigned n = round ? chance(40) : MANY; n--;) {
			unsigned i = chance(MANY);

			plan_take_back(&plan, &shares[i]);
			there[i] = chance(4) != 0;
			if (!there[i])
				continue;
			fill_row(i);
			add_row(&plan, port, &listeners, &shares[i], &many[i], i);
		}
		tell(&plan);
		plan_init(&other);
		port = plan_port(&other, &at, false);
		for (unsigned i = MANY; i--;)
			if (there[i])
				add_row(&other, port, &others, &fresh, &many[i], i);
		port = plan_port(&plan, &at, false);
		assert_int_equal(other.n_rules, plan.n_rules);
		plan_bytes(&plan, &kept);
		plan_bytes(&other, &anew);
		assert_int_equal(kept.len, anew.len);
		assert_memory_equal(kept.data, anew.data, kept.len);
		ask_for_all(there);
		plan_free(&other);
		plan_share_free(&fresh);
		map_free(&others);
	}
	for (unsigned i = 0; i < MANY; i++) {
		plan_take_back(&plan, &shares[i]);
		plan_share_free(&shares[i]);
	}
	assert_int_equal(plan.n_rules, 0);
	assert_int_equal(plan.places.len, 0);
	map_free(&listeners);
}

/* One rule more is one shard more. */
static void test_one_shard(void **state)
{
	static const struct row row = { .host = "x", .path = "/new" };
	struct endpoint at = { .port = 80 };
	struct plan_share one = { .entries = { 0 } };
	struct map listeners = { 0 };
	struct plan_port *port;
	unsigned changed = 0;

	(void)state;
	plan_clear(&plan);
	port = plan_port(&plan, &at, false);
	for (unsigned i = 0; i < 200; i++) {
		struct row *r = &many[i];

		snprintf(many_paths[i], sizeof(*many_paths), "/path%u", i);
		*r = (struct row){ .host = "x", .path = many_paths[i] };
		add_row(&plan, port, &listeners, &share, r, i);
	}
	tell(&plan);
	add_row(&plan, port, &listeners, &one, &row, 200);
	for (unsigned i = 0; i < TABLE_SHARDS; i++)
		changed += plan.shards[i].changed;
	assert_int_equal(changed, 1);
	assert_false(plan.changed);
	plan_share_free(&one);
	map_free(&listeners);
}

static void test_expressions(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
		{ "^/a[0-9]{1,3}/(b|c)$", true },
		{ "a{2}{3}", true },
		{ "(((a{10}){10}){10}){10}", false },
		{ "a{255}b", true },
		{ "(a{16}){17}", false },
		{ "[](]a{300}", false },
		{ "/.*?[a-z]+?(b+c+d+)+", true },
		{ "a++++++++++++++++++++++++++++++++++++++++", false },
		{ "(((((((((((a+)+)+)+)+)+)+)+)+)+)+)+", false },
		{ "/(((((((()+)+)+)+)+)+)+)+", true },
		{ "/(((((((((((()+)+)+)+)+)+)+)+)+)+)+)+", false },
		{ "/((((((((((((^)*)*)*)*)*)*)*)*)*)*)*)*", false },
		{ "/((((^)+)+)+)+", false },
		{ "(^|/)((a|b)[/-]?)+(/|$)", true },
		{ "^/v([0-9]+)(/(([a-z]+)-?)*)?$", true },
		{ "[", false },
		{ "(", false },
		{ "((((((((((((((((((((((((((((((((((a))))))))))))))))))))))))))))))))))", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (!regex_trouble(rows[i].text) != rows[i].good)
			fail_msg("%s: %s", rows[i].text, regex_trouble(rows[i].text));
	for (unsigned i = 0; i < 3 * REGEX_CACHE; i++) {
		char expression[32], subject[32];

		snprintf(expression, sizeof(expression), "^x%u$", i);
		snprintf(subject, sizeof(subject), "X%u", i);
		assert_true(regex_matches(text(expression), true, text(subject)));
		assert_false(regex_matches(text(expression), false, text(subject)));
	}
	assert_false(regex_matches(text("["), false, text("[")));
	regex_forget();
}

static int begin(void **state)
{
	(void)state;
	plan_init(&plan);
	return 0;
}

static int end(void **state)
{
	(void)state;
	tell_nothing();
	plan_free(&plan);
	plan_share_free(&share);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),       cmocka_unit_test(test_order),
		cmocka_unit_test(test_values),      cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_listeners),   cmocka_unit_test(test_calls),
		cmocka_unit_test(test_changes),     cmocka_unit_test(test_one_shard),
		cmocka_unit_test(test_expressions),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
