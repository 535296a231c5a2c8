/* Rewrites, redirects and cross-origin answers, as tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>

#include "../../modules/ingress/proxy_cors.h"
#include "../../modules/ingress/proxy_rewrite.h"

static struct span text(const char *s)
{
	return (struct span){ s, s ? strlen(s) : 0 };
}

static void same(struct span got, const char *wanted, size_t row)
{
	if (got.n != strlen(wanted) || memcmp(got.p, wanted, got.n) != 0)
		fail_msg("row %zu: %.*s, not %s", row, (int)got.n, got.p ? got.p : "", wanted);
}

/* HTTPPathModifier's table, and what it leaves open. rule: a prefix as the table has it. */
static const struct {
	const char *raw, *rule, *with, *becomes;
} prefixes[] = {
	{ "/foo/bar", "/foo", "/xyz", "/xyz/bar" },
	{ "/foo/bar", "/foo", "/xyz/", "/xyz/bar" },
	{ "/foo", "/foo", "/xyz", "/xyz" },
	{ "/foo/", "/foo", "/xyz", "/xyz/" },
	{ "/foo/bar", "/foo", "", "/bar" },
	{ "/foo/", "/foo", "", "/" },
	{ "/foo", "/foo", "", "/" },
	{ "/foo/", "/foo", "/", "/" },
	{ "/foo", "/foo", "/", "/" },
	{ "/foo/bar", "/foo", "/", "/bar" },
	{ "/foo/bar/", "/foo", "/xyz/", "/xyz/bar/" },
	{ "/foo", "/foo", "/xyz/", "/xyz" },
	{ "/bar", "", "/xyz", "/xyz/bar" },
	{ "/", "", "/xyz", "/xyz/" },
	{ "/", "", "/", "/" },
	{ "/f%6fo/b%20r", "/foo", "/xyz", "/xyz/b%20r" },
	{ "/%66%6F%6f", "/foo", "/", "/" },
	{ "/a%20b/c", "/a b", "/xyz", "/xyz/c" },
	{ "/foo/bar", "/foo", "/x/y/z", "/x/y/z/bar" },
};

static void test_prefixes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		struct table_rule rule = { .path = text(prefixes[i].rule), .kind = PATH_PREFIX };
		struct table_rewrite w = { .kind = REWRITE_PREFIX, .path = text(prefixes[i].with) };

		same(rewrite_path(scratch_take(), &w, &rule, text(prefixes[i].raw)),
		     prefixes[i].becomes, i);
	}
}

static const struct {
	const char *raw, *expression, *with, *becomes;
	bool nocase;
} groups[] = {
	{ "/api/v1/x", "^/api(/|$)(.*)", "/$2", "/v1/x", false },
	{ "/api", "^/api(/|$)(.*)", "/$2", "/", false },
	{ "/api/a%20b", "^/api/(.*)", "/$1", "/a%20b", false },
	{ "/API/x", "^/api/(.*)", "/n/$1/$0", "/n/x//API/x", true },
	{ "/a/b", "^/(.)/(.)", "$2$1", "/ba", false },
	{ "/a", "^/a(b)?", "/[$1]$9$", "/[]$", false },
	{ "/a", "^/nothing", "/x", NULL, false },
};

static void test_groups(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		struct table_rule rule = { .path = text(groups[i].expression),
			                   .kind = PATH_REGEX,
			                   .nocase = groups[i].nocase };
		struct table_rewrite w = { .kind = REWRITE_REGEX, .path = text(groups[i].with) };
		struct span got = rewrite_path(scratch_take(), &w, &rule, text(groups[i].raw));

		if (groups[i].becomes)
			same(got, groups[i].becomes, i);
		else
			assert_null(got.p);
	}
}

static const struct {
	bool tls;
	uint16_t port;
	const char *host, *path, *query;
	const char *to_scheme, *to_host, *to_path;
	uint32_t to_port;
	enum rewrite_path kind;
	const char *location;
} redirects[] = {
	{ false, 80, "a.b", "/p", NULL, "", "x.y", "", 0, REWRITE_KEEP, "http://x.y/p" },
	{ false, 80, "a.b", "/p", "q=1", "", "", "/n", 0, REWRITE_FULL, "http://a.b/n?q=1" },
	{ false, 80, "a.b", "/p", "", "", "", "", 0, REWRITE_FULL, "http://a.b/?" },
	{ false, 80, "a.b", "/p/q", NULL, "", "", "/r", 0, REWRITE_PREFIX, "http://a.b/r/q" },
	{ false, 80, "a.b", "/p", NULL, "", "", "", 8083, REWRITE_KEEP, "http://a.b:8083/p" },
	{ false, 8080, "a.b", "/p", NULL, "", "x.y", "", 0, REWRITE_KEEP, "http://x.y:8080/p" },
	{ false, 8080, "a.b", "/p", NULL, "", "", "", 80, REWRITE_KEEP, "http://a.b/p" },
	{ false, 8080, "a.b", "/p", NULL, "http", "", "", 0, REWRITE_KEEP, "http://a.b/p" },
	{ false, 8080, "a.b", "/p", NULL, "https", "", "", 0, REWRITE_KEEP, "https://a.b/p" },
	{ false, 80, "a.b", "/p", NULL, "https", "", "", 443, REWRITE_KEEP, "https://a.b/p" },
	{ false, 80, "a.b", "/p", NULL, "https", "", "", 80, REWRITE_KEEP, "https://a.b:80/p" },
	{ false, 80, "a.b", "/p", NULL, "https", "", "", 8443, REWRITE_KEEP, "https://a.b:8443/p" },
	{ true, 443, "a.b", "/p", NULL, "", "x.y", "", 0, REWRITE_KEEP, "https://x.y/p" },
	{ true, 443, "a.b", "/p", NULL, "http", "", "", 0, REWRITE_KEEP, "http://a.b/p" },
	{ true, 8443, "a.b", "/p", NULL, "", "", "", 0, REWRITE_KEEP, "https://a.b:8443/p" },
	{ true, 443, "a.b", "/p", NULL, "", "", "", 443, REWRITE_KEEP, "https://a.b/p" },
	{ true, 443, "a.b", "/p", NULL, "http", "", "", 443, REWRITE_KEEP, "http://a.b:443/p" },
	{ false, 80, "[::1]", "/p", NULL, "https", "", "", 0, REWRITE_KEEP, "https://[::1]/p" },
};

static void test_redirects(void **state)
{
	static const struct table_rule rule = { .path = { "/p", 2 }, .kind = PATH_PREFIX };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(redirects); i++) {
		struct table_rewrite w = { .kind = redirects[i].kind,
			                   .host = text(redirects[i].to_host),
			                   .path = text(redirects[i].to_path),
			                   .scheme = text(redirects[i].to_scheme),
			                   .port = redirects[i].to_port };
		struct location from = { .tls = redirects[i].tls,
			                 .port = redirects[i].port,
			                 .host = text(redirects[i].host),
			                 .path = text(redirects[i].path),
			                 .query = text(redirects[i].query) };

		same(rewrite_location(scratch_take(), &w, &rule, &from), redirects[i].location, i);
	}
}

static const struct {
	const char *allowed, *origin;
	bool yes;
} origins[] = {
	{ "https://www.foo.com", "https://www.foo.com", true },
	{ "https://www.foo.com", "https://WWW.foo.com", true },
	{ "https://www.foo.com", "http://www.foo.com", false },
	{ "https://www.foo.com", "https://foo.com", false },
	{ "https://www.foo.com", "https://www.foo.com:443", true },
	{ "https://www.foo.com:443", "https://www.foo.com", true },
	{ "https://www.foo.com", "https://www.foo.com:8443", false },
	{ "https://www.foo.com:8443", "https://www.foo.com:8443", true },
	{ "http://www.foo.com:80", "http://www.foo.com", true },
	{ "https://*.bar.com", "https://www.bar.com", true },
	{ "https://*.bar.com", "https://a.b.bar.com", true },
	{ "https://*.bar.com", "https://bar.com", false },
	{ "https://*.bar.com", "https://foobar.com", false },
	{ "https://*.bar.com", "https://.bar.com", false },
	{ "https://*", "https://any.thing", true },
	{ "https://*", "http://any.thing", false },
	{ "https://*:8443", "https://any.thing:8443", true },
	{ "*", "https://any.thing", true },
	{ "*", "null", true },
	{ "https://*", "null", false },
	{ "null", "null", true },
	{ "https://[::1]:8443", "https://[::1]:8443", true },
	{ "https://www.foo.com", "https://www.foo.com:99999", false },
	{ "https://www.foo.com", "https://www.foo.com:", false },
	{ "https://www.foo.com", "https://", false },
	{ "https://www.foo.com", "", false },
};

static void test_origins(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(origins); i++) {
		struct table_text list[] = { { text("https://other.example") },
			                     { text(origins[i].allowed) } };
		struct table_cors c = { .origins = list, .n_origins = 2 };

		if (cors_allows(&c, text(origins[i].origin)) != origins[i].yes)
			fail_msg("%s for %s", origins[i].origin, origins[i].allowed);
	}
}

static const struct {
	const char *origin, *methods, *headers, *expose;
	bool credentials;
	const char *asked_method, *asked_headers; /* NULL: no preflight */
	const char *answer;                       /* "name=value|name=value" in order */
} answers[] = {
	{ "https://a", "GET, PUT", "x-a", "x-b", false, "GET", "x-a",
	  "access-control-allow-origin=https://o|vary=Origin|access-control-allow-methods=GET, PUT|"
	  "access-control-allow-headers=x-a|access-control-max-age=5|"
	  "access-control-expose-headers=x-b" },
	{ "https://a", "", "", "", true, "GET", NULL,
	  "access-control-allow-origin=https://o|vary=Origin|access-control-allow-credentials=true|"
	  "access-control-allow-methods=GET, HEAD, POST|access-control-max-age=5" },
	{ "*", "*", "*", "*", false, "PUT", "x-1, x-2",
	  "access-control-allow-origin=*|access-control-allow-methods=PUT|"
	  "access-control-allow-headers=x-1, x-2|access-control-max-age=5|"
	  "access-control-expose-headers=*" },
	{ "*", "*", "*", "*", true, "PUT", NULL,
	  "access-control-allow-origin=https://o|vary=Origin|access-control-allow-credentials=true|"
	  "access-control-allow-methods=PUT|access-control-max-age=5" },
	{ "*", "*", "*", "*", false, "PUT", NULL,
	  "access-control-allow-origin=*|access-control-allow-methods=PUT|"
	  "access-control-allow-headers=*|access-control-max-age=5|"
	  "access-control-expose-headers=*" },
	{ "*", "*", "*", "*", false, NULL, NULL,
	  "access-control-allow-origin=*|access-control-expose-headers=*" },
	{ "https://a", "GET", "x", "x-b, x-c", true, NULL, NULL,
	  "access-control-allow-origin=https://o|vary=Origin|access-control-allow-credentials=true|"
	  "access-control-expose-headers=x-b, x-c" },
};

static void add_header(struct http_head *h, const char *name, const char *value)
{
	if (value)
		h->headers[h->n_headers++] = (struct http_header){ text(name), text(value) };
}

static void test_answers(void **state)
{
	static struct http_head request, answer;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct table_text list[] = { { text(answers[i].origin) } };
		struct table_cors c = { .origins = list,
			                .n_origins = 1,
			                .methods = text(answers[i].methods),
			                .headers = text(answers[i].headers),
			                .expose = text(answers[i].expose),
			                .credentials = answers[i].credentials,
			                .max_age = 5 };
		char got[512] = "";

		request.n_headers = answer.n_headers = 0;
		request.method = text("OPTIONS");
		add_header(&request, "Origin", "https://o");
		add_header(&request, "Access-Control-Request-Method", answers[i].asked_method);
		add_header(&request, "Access-Control-Request-Headers", answers[i].asked_headers);
		assert_int_equal(cors_is_preflight(&request), answers[i].asked_method != NULL);
		cors_answer(&c, text("https://o"), answers[i].asked_method ? &request : NULL,
		            &answer, scratch_take());
		for (size_t k = 0; k < answer.n_headers; k++)
			sprintf(got + strlen(got), "%s%.*s=%.*s", k ? "|" : "",
			        (int)answer.headers[k].name.n, answer.headers[k].name.p,
			        (int)answer.headers[k].value.n, answer.headers[k].value.p);
		same(text(got), answers[i].answer, i);
	}
}

/* With credentials a star is no star: the answer's own fields are named. */
static void test_exposed(void **state)
{
	static struct http_head answer;
	static const struct table_text any[] = { { { "*", 1 } } };
	struct table_cors c = { .origins = any, .n_origins = 1, .credentials = true };

	(void)state;
	c.methods = c.headers = text("");
	c.expose = text("*");
	answer.n_headers = 0;
	add_header(&answer, "X-One", "1");
	add_header(&answer, "Content-Type", "text/plain");
	add_header(&answer, "X-Two", "2");
	add_header(&answer, "Access-Control-Allow-Origin", "the backend's own");
	cors_answer(&c, text("https://o"), NULL, &answer, scratch_take());
	same(*http_header(&answer, "access-control-expose-headers"), "X-One, X-Two", 0);
	same(*http_header(&answer, "access-control-allow-origin"), "https://o", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefixes),  cmocka_unit_test(test_groups),
		cmocka_unit_test(test_redirects), cmocka_unit_test(test_origins),
		cmocka_unit_test(test_answers),   cmocka_unit_test(test_exposed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
