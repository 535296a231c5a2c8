/* test_ingress_annotations.c - the annotations' types, one row a text. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
// clang-format on

#include <knetd/auto.h>

#include "../../modules/ingress/ingress_annotations.h"
#include "../../modules/ingress/proxy_htpasswd.h"

static struct arena arena;

static void read_note(struct notes *n, const char *name, const char *value)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc);
	yyjson_doc *read;
	char key[128];

	snprintf(key, sizeof(key), "%s%s", ANNOTATION_PREFIX, name);
	yyjson_mut_obj_add_str(doc, root, key, value);
	yyjson_mut_obj_add_str(doc, root, "other.example/x", "y");
	yyjson_mut_doc_set_root(doc, root);
	read = yyjson_mut_doc_imut_copy(doc, NULL);
	notes_read(n, yyjson_doc_get_root(read), "default", &arena);
	yyjson_doc_free(read);
	yyjson_mut_doc_free(doc);
}

static const struct {
	const char *name, *value,
		*why; /* why: NULL when it is taken, else a part of what is told */
	bool unsafe;
} rows[] = {
	{ "rewrite-target", "/$1", NULL, false },
	{ "rewrite-target", "http://x/", "a path", false },
	{ "rewrite-target", "/a\nb", "a path", false },
	{ "app-root", "/app", NULL, false },
	{ "app-root", "app", "a path", false },
	{ "use-regex", "true", NULL, false },
	{ "use-regex", "yes", "\"true\" or \"false\"", false },
	{ "proxy-body-size", "8m", NULL, false },
	{ "proxy-body-size", "8x", "a size", false },
	{ "proxy-body-size", "99999999999", "a size", false },
	{ "proxy-read-timeout", "3600", NULL, false },
	{ "proxy-read-timeout", "0", "a number from 1", false },
	{ "proxy-read-timeout", "60s", "a number from 1", false },
	{ "proxy-next-upstream", "error timeout http_502", NULL, false },
	{ "proxy-next-upstream", "error sometimes", "\"sometimes\"", false },
	{ "backend-protocol", "grpcs", NULL, false },
	{ "backend-protocol", "FCGI", "HTTP, HTTPS, GRPC", false },
	{ "cors-allow-origin", "https://*.a.example, http://b:81", NULL, false },
	{ "cors-allow-origin", "a.example", "cannot stand there", false },
	{ "cors-allow-headers", "X-A, X-B", NULL, false },
	{ "cors-allow-headers", "X-A\r\nX-Evil: 1", "characters", false },
	{ "affinity", "cookie", NULL, false },
	{ "affinity", "ip", "\"cookie\"", false },
	{ "session-cookie-name", "a b", "characters", false },
	{ "session-cookie-path", "/;x", "a path", false },
	{ "session-cookie-samesite", "Strict", NULL, false },
	{ "canary-weight", "10", NULL, false },
	{ "canary-weight", "-1", "a number", false },
	{ "whitelist-source-range", "10.0.0.0/8,fd00::/8 , 192.0.2.1", NULL, false },
	{ "whitelist-source-range", "10.0.0.0/8,office", "\"office\"", true },
	{ "whitelist-source-range", "", "empty", true },
	{ "denylist-source-range", "10.0.0.0/33", "10.0.0.0/33", true },
	{ "auth-type", "digest", "\"basic\"", true },
	{ "auth-secret", "default/users", NULL, false },
	{ "auth-secret", "other/users", "own namespace", true },
	{ "auth-realm", "a \"b", "characters", false },
	{ "auth-url", "http://auth.default.svc.cluster.local/check?u=$request_uri", NULL, false },
	{ "auth-url", "http://auth/$lua_code", "$lua_code", true },
	{ "auth-url", "auth", "a URL", true },
	{ "auth-tls-verify-client", "optional_no_ca", "\"optional\"", true },
	{ "permanent-redirect", "https://a.example$request_uri", NULL, false },
	{ "permanent-redirect", "javascript:x", "a URL", false },
	{ "permanent-redirect", "https://a/\r\nX: y", "a URL", false },
	{ "permanent-redirect-code", "308", NULL, false },
	{ "permanent-redirect-code", "200", "from 300 to 308", false },
	{ "upstream-hash-by", "${arg_user}$http_x_user", NULL, false },
	{ "upstream-hash-by", "$arg_", "$arg_", false },
	{ "upstream-hash-by", "${host", "brace", false },
	{ "server-alias", "a.example, b.example", NULL, false },
	{ "server-alias", "~^a.*", "cannot stand there", false },
	{ "custom-http-errors", "404,503", "not known", false },
	{ "configuration-snippet", "more_set_headers 'a: b';", "snippets", false },
	{ "server-snippet", "x", "snippets", false },
	{ "proxy-buffering", "on", "not known", false },
};

static void test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct notes n;

		read_note(&n, rows[i].name, rows[i].value);
		if (rows[i].why && (n.n_wrong != 1 || !strstr(n.wrong[0].why, rows[i].why)))
			fail_msg("%s: %s: %s", rows[i].name, rows[i].value,
			         n.n_wrong ? n.wrong[0].why : "taken");
		if (!rows[i].why && n.n_wrong)
			fail_msg("%s: %s: %s", rows[i].name, rows[i].value, n.wrong[0].why);
		if (rows[i].why)
			assert_string_equal(n.wrong[0].name, rows[i].name);
		assert_int_equal(n.unsafe, rows[i].unsafe);
	}
	arena_free(&arena);
}

static void test_names(void **state)
{
	(void)state;
	for (unsigned i = 1; notes_name(i); i++)
		assert_true(strcmp(notes_name(i - 1), notes_name(i)) < 0);
}

static void test_meaning(void **state)
{
	struct notes n;

	(void)state;
	read_note(&n, "whitelist-source-range", "10.0.0.0/8, fd00::1");
	assert_int_equal(n.whitelist.n, 2);
	assert_int_equal(n.whitelist.v[1].bits, 128);
	read_note(&n, "proxy-body-size", "2k");
	assert_true(n.body_given && n.body_max == 2048);
	read_note(&n, "permanent-redirect", "https://x${request_uri}/$http_X_User");
	assert_int_equal(n.permanent_redirect.n, 4);
	assert_int_equal(n.permanent_redirect.v[1].kind, PART_REQUEST_URI);
	assert_int_equal(n.permanent_redirect.v[3].kind, PART_HEADER);
	assert_string_equal(n.permanent_redirect.v[3].text.p, "x-user");
	read_note(&n, "proxy-next-upstream", "off");
	assert_int_equal(n.next, 1u << NOTE_NEXT_OFF);
	arena_free(&arena);
}

/* ---- passwords ----------------------------------------------------------------------------------
 */

static struct span text(const char *s)
{
	return (struct span){ s, strlen(s) };
}

static void test_hashes(void **state)
{
	static const char *const hashes[] = {
		"$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/",
		"$1$ab$dslkcXxVH.x8LwW1W/oAB/",
		"$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA",
		"$6$rounds=1000$salt$HNxBeBnDfSfUrTj6KiLnmd7tGCvHEmcExh8kl/"
		"S0cZ5WrCciNZgfhbpkeFQ4JfkHX.8vPq45lY0iINnCx1Lkm.",
		"$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
		"{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
		assert_null(htpasswd_trouble(text(hashes[i])));
		if (!htpasswd_verify(text(hashes[i]), text("secret")))
			fail_msg("%s", hashes[i]);
		assert_false(htpasswd_verify(text(hashes[i]), text("secreT")));
		assert_false(htpasswd_verify(text(hashes[i]), text("")));
		assert_false(htpasswd_verify(text(hashes[i]), text("secretsecret")));
	}
	assert_true(htpasswd_verify(text("$apr1$x$Og5dgLEe.PEZAsGZeU/kp0"),
	                            text("a much longer password than sixteen")));
}

static void test_hashes_refused(void **state)
{
	static const char *const hashes[] = {
		"",
		"secret",
		"{PLAIN}secret",
		"{SHA}short",
		"$2y$14$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
		"$2y$05$abc",
		"$6$rounds=999999999$salt$x",
		"$1$",
		"$apr1$",
		"$apr1$abcdefghi$h9FWgUz3n9YxylKLlR5SQ/",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
		assert_false(htpasswd_verify(text(hashes[i]), text("secret")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),         cmocka_unit_test(test_names),
		cmocka_unit_test(test_meaning),        cmocka_unit_test(test_hashes),
		cmocka_unit_test(test_hashes_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
