/* The routes snapshot: which rule a host and path meet, which bytes are no table at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>
#include <knetd/buf.h>

#include "../../modules/ingress/ingress_snapshot.h"

/* Hosts in order, as the plan writes them; a rule's backend is its place here. */
static const struct {
	const char *host;
	struct {
		const char *path;
		bool exact;
	} rules[4];
} hosts[] = {
	{ "", { { "/any", false } } },
	{ "*.shop.example", { { "", false } } },
	{ "shop.example", { { "/exact", true }, { "/a/b", false }, { "/a", false } } },
	{ "www.shop.example", { { "/www", false } } },
};

struct parts {
	struct route_header h;
	struct route_host hosts[4];
	struct route_rule rules[8];
	struct route_backend backends[9];
	struct route_endpoint endpoints[1];
	char text[256];
};

static uint32_t text_put(struct parts *p, const char *s)
{
	uint32_t at = p->h.text_n;

	memcpy(p->text + at, s, strlen(s));
	p->h.text_n += strlen(s);
	return at;
}

static void build(struct parts *p, bool with_default)
{
	*p = (struct parts){ 0 };
	p->h = (struct route_header){ .magic = ROUTE_MAGIC,
		                      .n_hosts = ARRAY_LEN(hosts),
		                      .n_backends = 9,
		                      .n_endpoints = 1,
		                      .hosts = offsetof(struct parts, hosts),
		                      .rules = offsetof(struct parts, rules),
		                      .backends = offsetof(struct parts, backends),
		                      .endpoints = offsetof(struct parts, endpoints),
		                      .text = offsetof(struct parts, text),
		                      .default_backend = with_default ? 8 : ROUTE_NO_BACKEND };
	p->endpoints[0].ip.len = 4;
	for (unsigned i = 0; i < ARRAY_LEN(hosts); i++) {
		struct route_host *h = &p->hosts[i];

		*h = (struct route_host){ .name = text_put(p, hosts[i].host),
			                  .name_n = strlen(hosts[i].host),
			                  .first_rule = p->h.n_rules };
		for (unsigned k = 0; k < 4 && hosts[i].rules[k].path; k++, h->n_rules++) {
			struct route_rule *r = &p->rules[p->h.n_rules];

			r->path = text_put(p, hosts[i].rules[k].path);
			r->path_n = strlen(hosts[i].rules[k].path);
			r->exact = hosts[i].rules[k].exact;
			r->backend = p->h.n_rules++;
		}
	}
}

static int find(const struct route_table *t, const char *host, const char *path)
{
	uint32_t backend = 0;

	if (route_find(t, (struct span){ host, strlen(host) }, (struct span){ path, strlen(path) },
	               &backend) == ROUTE_NONE)
		return -1;
	return (int)backend;
}

static void test_hosts_and_paths(void **state)
{
	static const struct {
		const char *host, *path;
		int backend;
	} rows[] = {
		{ "shop.example", "/exact", 2 },
		{ "shop.example", "/exact/", -1 }, /* Exact is exact */
		{ "shop.example", "/exactly", -1 },
		{ "shop.example", "/a/b/c", 3 }, /* the longer prefix first */
		{ "shop.example", "/a/b", 3 },
		{ "shop.example", "/a/bc", 4 }, /* element by element: not under /a/b */
		{ "shop.example", "/a/", 4 },
		{ "shop.example", "/ab", -1 },
		{ "shop.example", "/any/x", 0 },     /* falls through to the rules without host */
		{ "www.shop.example", "/www", 5 },   /* the exact host before the wildcard */
		{ "www.shop.example", "/other", 1 }, /* and the wildcard where it has no rule */
		{ "m.shop.example", "/", 1 },
		{ "a.m.shop.example", "/", -1 }, /* the wildcard is one label */
		{ ".shop.example", "/", -1 },
		{ "else.example", "/any", 0 },
		{ "else.example", "/anything", -1 },
		{ "", "/any", 0 }, /* a request without a host */
		{ "", "/", -1 },
	};
	struct parts p;
	struct route_table t;

	(void)state;
	build(&p, false);
	assert_true(route_table_open(&t, &p, sizeof(p)));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (find(&t, rows[i].host, rows[i].path) != rows[i].backend)
			fail_msg("%s%s goes to %d", rows[i].host, rows[i].path,
			         find(&t, rows[i].host, rows[i].path));
	build(&p, true);
	assert_true(route_table_open(&t, &p, sizeof(p)));
	assert_int_equal(find(&t, "else.example", "/"), 8);
}

static void test_no_table(void **state)
{
	struct parts p;
	struct route_table t;

	(void)state;
	build(&p, false);
	for (size_t n = 0; n < offsetof(struct parts, text) + p.h.text_n; n++) {
		auto_free char *copy = malloc(n + 1); /* of its size: reading on is seen */

		memcpy(copy, &p, n);
		assert_false(route_table_open(&t, copy, n));
		assert_int_equal(find(&t, "shop.example", "/a"), -1);
	}
}

static void expect_refused(struct parts *p)
{
	struct route_table t;

	assert_false(route_table_open(&t, p, sizeof(*p)));
	build(p, false);
}

static void test_rows_that_point_outside(void **state)
{
	struct parts p;

	(void)state;
	build(&p, false);
	p.h.magic++;
	expect_refused(&p);
	p.h.n_hosts = UINT32_MAX;
	expect_refused(&p);
	p.h.rules = 2; /* not aligned */
	expect_refused(&p);
	p.hosts[1].name = 255, p.hosts[1].name_n = 10;
	expect_refused(&p);
	p.hosts[1].n_rules = 100;
	expect_refused(&p);
	p.rules[0].path_n = UINT32_MAX;
	expect_refused(&p);
	p.rules[0].backend = 9;
	expect_refused(&p);
	p.backends[0].n = 2;
	expect_refused(&p);
	p.endpoints[0].ip.len = 5;
	expect_refused(&p);
	p.h.default_backend = 9;
	expect_refused(&p);
}

static void test_paths(void **state)
{
	static const struct {
		const char *raw, *out; /* NULL: refused */
	} rows[] = {
		{ "/", "/" },
		{ "/a/b", "/a/b" },
		{ "/a/", "/a/" },
		{ "/a%20b", "/a b" },
		{ "/%61", "/a" },
		{ "/a..b", "/a..b" },
		{ "/...", "/..." },
		{ "a", NULL },
		{ "", NULL },
		{ "/a//b", NULL },
		{ "/a/./b", NULL },
		{ "/..", NULL },
		{ "/a/%2e%2E/b", NULL },
		{ "/a%2fb", NULL },
		{ "/a%5cb", NULL },
		{ "/a%00", NULL },
		{ "/a%", NULL },
		{ "/a%2", NULL },
		{ "/a%zz", NULL },
	};
	char out[64];
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool good = route_path((struct span){ rows[i].raw, strlen(rows[i].raw) }, out,
		                       sizeof(out), &n);

		if (good != (rows[i].out != NULL) ||
		    (good && (n != strlen(rows[i].out) || memcmp(out, rows[i].out, n) != 0)))
			fail_msg("%s", rows[i].raw);
	}
	assert_false(route_path((struct span){ "/0123456789", 11 }, out, 10, &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts_and_paths),
		cmocka_unit_test(test_no_table),
		cmocka_unit_test(test_rows_that_point_outside),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
