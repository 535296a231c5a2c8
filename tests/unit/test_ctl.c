/* test_ctl.c - what knetctl is made of: words, names, columns, jsonpath, answers as they come. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>

#include "../../knetd/ctl/columns.h"
#include "../../knetd/ctl/ctl.h"
#include "../../knetd/ctl/json_text.h"
#include "../../knetd/ctl/jsonpath.h"

static const char *text(struct buf *b)
{
	buf_add(b, "", 1);
	b->len--;
	return b->data;
}

/* ---- words ---------------------------------------------------------------------------------- */

static int parse(struct ctl_args *a, struct err *e, const char *line)
{
	static char copy[512];
	static char *argv[32];
	int argc = 0;

	strcpy(copy, line);
	for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
		argv[argc++] = w;
	return ctl_args_parse(argc, argv, a, e);
}

static void test_flags_stand_anywhere(void **state)
{
	static const char *const same[] = {
		"get -n shop svc web -o wide -w",
		"get svc web -nshop -owide --watch",
		"get svc -n=shop --output=wide web --watch=true",
		"-n shop get svc --output wide -w web",
		"get --namespace=shop svc -wowide -- web",
	};
	struct ctl_args a;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		assert_int_equal(parse(&a, &e, same[i]), 0);
		assert_int_equal(a.command, CTL_GET);
		assert_int_equal(a.n_words, 2);
		assert_string_equal(a.words[0], "svc");
		assert_string_equal(a.words[1], "web");
		assert_string_equal(a.ns, "shop");
		assert_string_equal(a.output, "wide");
		assert_true(a.watch);
		assert_true(a.wait);
	}
	assert_int_equal(parse(&a, &e, "delete -f a -f - --wait=false -R"), 0);
	assert_int_equal(a.n_files, 2);
	assert_false(a.wait);
	assert_int_equal(parse(&a, &e, "trace web -> db:80"), 0);
	assert_int_equal(a.n_words, 3);
}

static void test_wrong_flags_are_told(void **state)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{ "get --zz", "unknown flag: --zz" },
		{ "get -z", "unknown shorthand flag: 'z' in -z" },
		{ "get svc -n", "flag needs an argument: --namespace" },
		{ "fetch svc", "unknown command \"fetch\" for \"knetctl\"" },
		{ "apply --all", "unknown flag: --all" }, /* of another command */
		{ "delete --wait=maybe",
		  "invalid argument \"maybe\" for \"--wait\" flag: true or false is expected" },
	};
	struct ctl_args a;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_true(parse(&a, &e, cases[i].line) < 0);
		assert_string_equal(e.text, cases[i].why);
	}
}

/* ---- names ---------------------------------------------------------------------------------- */

static void test_every_name_of_a_kind(void **state)
{
	static const struct {
		const char *word;
		int kind;
	} cases[] = {
		{ "services", KIND_SERVICE },
		{ "service", KIND_SERVICE },
		{ "svc", KIND_SERVICE },
		{ "Service", KIND_SERVICE },
		{ "services.v1.", KIND_SERVICE },
		{ "ingresses.networking.k8s.io", KIND_INGRESS },
		{ "ing.v1.networking.k8s.io", KIND_INGRESS },
		{ "ingress.example.com", -1 },
		{ "netpol", KIND_NETWORKPOLICY },
		{ "gtw", KIND_GATEWAY },
		{ "", -1 },
		{ "svcs", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(kind_by_word(cases[i].word, strlen(cases[i].word)), cases[i].kind);
}

static void expect_items(const char *line, const char *want)
{
	auto_arena struct arena arena = { 0 };
	auto_buf struct buf got = { 0 };
	const char *words[8];
	static struct items items;
	char copy[256];
	unsigned n = 0;
	struct err e;

	strcpy(copy, line);
	for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
		words[n++] = w;
	if (items_parse(n, words, &arena, &items, &e))
		buf_printf(&got, "%s", e.text);
	else
		for (unsigned i = 0; i < items.n; i++)
			buf_printf(&got, "%s%s/%s", i ? " " : "", kind_info[items.v[i].kind].plural,
			           items.v[i].name ? items.v[i].name : "*");
	assert_string_equal(text(&got), want);
}

static void test_what_is_asked_for(void **state)
{
	(void)state;
	expect_items("svc", "services/*");
	expect_items("svc a b", "services/a services/b");
	expect_items("svc,ing", "services/* ingresses/*");
	expect_items("svc,ing a", "services/a ingresses/a");
	expect_items("svc/a ing/b", "services/a ingresses/b");
	expect_items("all", "pods/* services/*");
	expect_items("foo", "the server doesn't have a resource type \"foo\"");
	expect_items("foo/a", "the server doesn't have a resource type \"foo\"");
	expect_items("svc,", "services/*");
	expect_items("svc/",
	             "arguments in resource/name form must have a single resource and name");
	expect_items("svc/a b",
	             "there is no need to specify a resource type as a separate argument "
	             "when passing arguments in resource/name form");
	expect_items("svc ing/b", "there is no need to specify a resource type as a separate "
	                          "argument when passing arguments in resource/name form");
}

static void test_paths_are_encoded(void **state)
{
	auto_buf struct buf b = { 0 };

	(void)state;
	path_put(&b, KIND_INGRESS, "n/s", "a b");
	query_put(&b, "labelSelector", "a=b,c in (d)");
	query_put(&b, "x", "y");
	assert_string_equal(text(&b), "/apis/networking.k8s.io/v1/namespaces/n%2Fs/ingresses/a%20b"
	                              "?labelSelector=a%3Db%2Cc%20in%20%28d%29&x=y");
}

/* ---- columns -------------------------------------------------------------------------------- */

static void expect_columns(struct columns *c, const char *in, const char *want)
{
	auto_buf struct buf out = { 0 };

	buf_str(&c->text, in);
	columns_flush(c, &out);
	assert_string_equal(text(&out), want);
}

static void test_columns_are_go_s(void **state)
{
	struct columns get = { .least = 6, .pad = 3, .remember = true };
	struct columns page = { .least = 0, .pad = 2 };

	(void)state;
	expect_columns(&get, "NAME\tAGE\na\t1s\n", "NAME   AGE\na      1s\n");
	expect_columns(&get, "longer\t1s\n", "longer   1s\n");
	expect_columns(&get, "a\t2s\n", "a        2s\n"); /* remembered */
	expect_columns(&page, "A:\t1\nLong:\t2\nSpec:\n  X:\t1\n",
	               "A:     1\nLong:  2\nSpec:\n  X:  1\n");
	expect_columns(&page, "a\tb\tc\nd\te\n\nf\tgg\th\n", "a  b  c\nd  e\n\nf  gg  h\n");
	expect_columns(&page, "\xc3\xbc\tx\nab\ty\n", "\xc3\xbc   x\nab  y\n");
	expect_columns(&page, "", "");
	buf_free(&get.text);
	buf_free(&page.text);
}

static void test_a_table_is_kubectl_s(void **state)
{
	static const char json[] =
		"{\"columnDefinitions\":[{\"name\":\"Name\",\"priority\":0},{\"name\":\"N\","
		"\"priority\":0},{\"name\":\"More\",\"priority\":1}],\"rows\":[{\"cells\":[\"web\","
		"3,\"m\"],\"object\":{\"metadata\":{\"namespace\":\"shop\",\"labels\":{\"b\":\"2\","
		"\"a\":\"1\"}}}},{\"cells\":[\"x\\ny\",null,\"\"],\"object\":{}}]}";
	auto_doc yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	struct columns c = { .least = 6, .pad = 3 };
	struct table t = { .to = &c, .headers_of = -1 };
	auto_buf struct buf out = { 0 };

	(void)state;
	assert_true(table_put(&t, KIND_INGRESS, yyjson_doc_get_root(doc)));
	columns_flush(&c, &out);
	assert_string_equal(text(&out), "NAME   N\nweb    3\nx...   \n");
	buf_reset(&out);
	t = (struct table){ .to = &c,
		            .wide = true,
		            .with_ns = true,
		            .with_kind = true,
		            .labels = true,
		            .headers_of = -1 };
	assert_true(table_put(&t, KIND_INGRESS, yyjson_doc_get_root(doc)));
	assert_non_null(strstr(text(&c.text), "NAMESPACE\tNAME\tN\tMORE\tLABELS\nshop\t"
	                                      "ingress.networking.k8s.io/web\t3\tm\ta=1,b=2\n"));
	assert_false(table_put(&t, KIND_INGRESS, NULL));
	buf_free(&c.text);
}

/* ---- jsonpath, JSON ------------------------------------------------------------------------- */

static const char service[] =
	"{\"kind\":\"Service\",\"metadata\":{\"name\":\"web\",\"labels\":{\"app.io/x\":\"y\",\"b\":"
	"\"c\"}},\"spec\":{\"ports\":[{\"name\":\"http\",\"port\":80},{\"name\":\"s\",\"port\":443}"
	","
	"{\"name\":\"m\",\"port\":9100}],\"ips\":[\"a\",\"b\",\"c\"],\"none\":null,\"yes\":true}}";

static void test_jsonpath(void **state)
{
	static const struct {
		const char *template, *want; /* want NULL: refused */
	} cases[] = {
		{ "{.metadata.name}", "web" },
		{ ".metadata.name", "web" },
		{ "{ .metadata.name }", "web" },
		{ "{$.metadata.name}{\"\\n\"}", "web\n" },
		{ "name: {.metadata.name}!", "name: web!" },
		{ "{.metadata.none.x}", "" },
		{ "{.spec.ports[0].port}", "80" },
		{ "{.spec.ports[-1].port}", "9100" },
		{ "{.spec.ips[1:]}", "b c" },
		{ "{.spec.ips[0:2]}", "a b" },
		{ "{.spec.ips[:-1]}", "a b" },
		{ "{.spec.ips}", "[\"a\",\"b\",\"c\"]" },
		{ "{.spec.ports[*].port}", "80 443 9100" },
		{ "{.spec.ports.*.port}", "80 443 9100" },
		{ "{.metadata.labels.*}", "y c" },
		{ "{.metadata.labels['app.io/x']}", "y" },
		{ "{.metadata.labels.app\\.io/x}", "y" },
		{ "{.spec.ports[?(@.name==\"s\")].port}", "443" },
		{ "{.spec.ports[?(@.port > 100)].name}", "s m" },
		{ "{.spec.ports[?(@.port<=80)].name}", "http" },
		{ "{.spec.ports[?(@.none)].name}", "" },
		{ "{.spec.ports[?(@.name)].port}", "80 443 9100" },
		{ "{.spec.ports[?(@.name!='s')].port}", "80 9100" },
		{ "{range .spec.ports[*]}{.name}={.port};{end}.", "http=80;s=443;m=9100;." },
		{ "{range .spec.ports[*]}{range @}{.port}{end} {end}", "80 443 9100 " },
		{ "{.spec.yes}{.spec.none}", "true" },
		{ "{.metadata.labels}", "{\"app.io/x\":\"y\",\"b\":\"c\"}" },
		{ "{.}", NULL /* checked below */ },
		{ "plain", "plain" },
		{ "", "" },
		{ "{.spec.ips[3]}", NULL },
		{ "{.spec.ips[}", NULL },
		{ "{.spec", NULL },
		{ "{..name}", NULL },
		{ "{.spec.ips[x]}", NULL },
		{ "{.a[?(@.b==)]}", NULL },
		{ "{.a[?(@.b==\"c]}", NULL },
		{ "{range .a}", NULL },
		{ "{name}", NULL },
	};
	auto_doc yyjson_doc *doc = yyjson_read(service, strlen(service), 0);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_buf struct buf out = { 0 };
		struct err e = { 0 };
		int ret = jsonpath_write(cases[i].template, yyjson_doc_get_root(doc), &out, &e);

		if (!strcmp(cases[i].template, "{.}")) {
			assert_int_equal(ret, 0);
			assert_true(out.len > 100);
		} else if (cases[i].want) {
			if (ret)
				fail_msg("%s: %s", cases[i].template, e.text);
			assert_string_equal(text(&out), cases[i].want);
		} else {
			assert_true(ret < 0);
			assert_true(*e.text);
		}
	}
}

static void test_json_is_in_order(void **state)
{
	static const char in[] =
		"{\"b\":[],\"a\":{\"d\":\"<&>\",\"c\":[1,{\"x\":null}]},\"metadata\":"
		"{\"managedFields\":[1],\"name\":\"n\"}}";
	auto_doc yyjson_doc *doc = yyjson_read(in, strlen(in), 0);
	auto_buf struct buf out = { 0 }, pretty = { 0 };

	(void)state;
	json_text(&out, yyjson_doc_get_root(doc), JSON_COMPACT, true);
	assert_string_equal(text(&out), "{\"a\":{\"c\":[1,{\"x\":null}],\"d\":\"\\u003c\\u0026"
	                                "\\u003e\"},\"b\":[],\"metadata\":{\"name\":\"n\"}}");
	json_text(&pretty, yyjson_obj_get(yyjson_doc_get_root(doc), "a"), JSON_PRETTY, false);
	assert_string_equal(text(&pretty), "{\n    \"c\": [\n        1,\n        {\n            "
	                                   "\"x\": null\n        }\n    ],\n    \"d\": "
	                                   "\"\\u003c\\u0026\\u003e\"\n}");
}

static void test_refusals_in_kubectl_s_words(void **state)
{
	static const struct {
		const char *json, *want;
	} cases[] = {
		{ "{\"reason\":\"NotFound\",\"message\":\"services \\\"x\\\" not found\"}",
		  "Error from server (NotFound): services \"x\" not found" },
		{ "{\"reason\":\"Invalid\",\"details\":{\"kind\":\"Service\",\"name\":\"w\","
		  "\"causes\":[{\"field\":\"spec.a\",\"message\":\"bad\"}]}}",
		  "The Service \"w\" is invalid: spec.a: bad" },
		{ "{\"reason\":\"Invalid\",\"details\":{\"kind\":\"Service\",\"name\":\"w\","
		  "\"causes\":[{\"field\":\"a\",\"message\":\"b\"},{\"field\":\"\",\"message\":"
		  "\"d\"}]}}",
		  "The Service \"w\" is invalid:\n* a: b\n* d" },
		{ "{\"message\":\"m\"}", "Error from server: m" },
		{ "[]", "Error from server: unknown" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_doc yyjson_doc *doc = yyjson_read(cases[i].json, strlen(cases[i].json), 0);
		auto_buf struct buf out = { 0 };

		ctl_status_text(yyjson_doc_get_root(doc), "", &out);
		assert_string_equal(text(&out), cases[i].want);
	}
}

/* ---- answers -------------------------------------------------------------------------------- */

static int feed(const char *bytes, size_t piece, bool close, struct ctl_answer *out)
{
	struct ctl_reader *r = ctl_reader_new(out, NULL, NULL);
	size_t n = strlen(bytes), at = 0;
	int ret = 0;

	while (!ret && at < n) {
		size_t len = n - at < piece ? n - at : piece;

		ret = ctl_reader_feed(r, bytes + at, len);
		at += len;
	}
	if (!ret && close)
		ret = ctl_reader_feed(r, NULL, 0);
	ctl_reader_free(r);
	return ret;
}

static void test_answers_in_pieces(void **state)
{
	static const struct {
		const char *bytes;
		int ret;
		unsigned status;
		const char *body;
	} cases[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 1, 200, "hello" },
		{ "HTTP/1.1 404 N\r\nTransfer-Encoding: "
		  "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
		  1, 404, "abcde" },
		{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 C\r\nContent-Length: 1\r\n\r\nx", 1,
		  201, "x" },
		{ "HTTP/1.1 200 OK\r\n\r\nuntil the end", 1, 200, "until the end" },
		{ "HTTP/1.1 204 No\r\n\r\n", 1, 204, "" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", -EPROTO, 200, "hel" },
		{ "SSH-2.0-OpenSSH\r\n\r\n", -EPROTO, 0, "" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", -EPROTO, 200, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t piece = 1; piece < 200; piece += 13) {
			auto_answer struct ctl_answer out = { 0 };

			assert_int_equal(feed(cases[i].bytes, piece, true, &out), cases[i].ret);
			assert_int_equal(out.status, cases[i].status);
			assert_string_equal(text(&out.body), cases[i].body);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flags_stand_anywhere),
		cmocka_unit_test(test_wrong_flags_are_told),
		cmocka_unit_test(test_every_name_of_a_kind),
		cmocka_unit_test(test_what_is_asked_for),
		cmocka_unit_test(test_paths_are_encoded),
		cmocka_unit_test(test_columns_are_go_s),
		cmocka_unit_test(test_a_table_is_kubectl_s),
		cmocka_unit_test(test_jsonpath),
		cmocka_unit_test(test_json_is_in_order),
		cmocka_unit_test(test_refusals_in_kubectl_s_words),
		cmocka_unit_test(test_answers_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
