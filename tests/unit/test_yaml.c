/* test_yaml.c - manifests as Kubernetes reads them: scalars, anchors, several documents, bounds,
 * and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>

#include "../../modules/api/api.h"

/* What text becomes, as JSON; documents with blanks between. Or the error's sentence. */
static char *read_yaml(const char *text)
{
	auto_arena struct arena a = { 0 };
	struct documents docs;
	struct err e = { 0 };
	auto_buf struct buf b = { 0 };

	if (yaml_read(text, strlen(text), &a, &docs, &e))
		buf_str(&b, e.text);
	for (size_t i = 0; !e.code && i < docs.n; i++) {
		auto_free char *json = yyjson_mut_val_write(docs.v[i].root, 0, NULL);

		buf_printf(&b, "%s%u:%s", i ? " " : "", docs.v[i].line, json);
	}
	documents_free(&docs);
	buf_add(&b, "", 1);
	return TAKE(b.data);
}

static void expect(const char *text, const char *want)
{
	auto_free char *got = read_yaml(text);

	assert_string_equal(got, want);
}

static void test_scalars(void **state)
{
	static const char *const cases[][2] = {
		{ "yes", "true" },
		{ "On", "true" },
		{ "y", "true" },
		{ "no", "false" },
		{ "OFF", "false" },
		{ "True", "true" },
		{ "~", "null" },
		{ "", "null" },
		{ "Null", "null" },
		{ "\"yes\"", "\"yes\"" },
		{ "'80'", "\"80\"" },
		{ "80", "80" },
		{ "-5", "-5" },
		{ "+5", "5" },
		{ "0x1F", "31" },
		{ "0o17", "15" },
		{ "017", "15" },
		{ "0b101", "5" },
		{ "08", "8" },
		{ "1.5", "1.5" },
		{ ".5", "0.5" },
		{ "1e3", "1000" },
		{ "1e400", "\"1e400\"" },
		{ ".inf", "\".inf\"" },
		{ "1.2.3.4", "\"1.2.3.4\"" },
		{ "10.0.0.0/8", "\"10.0.0.0/8\"" },
		{ "1:30", "\"1:30\"" },
		{ "2024-01-01", "\"2024-01-01\"" },
		{ "0o 5", "\"0o 5\"" },
		{ "0x", "\"0x\"" },
		{ "-", "[null]" },
		{ "18446744073709551615", "18446744073709551615" },
		{ "!!str 80", "\"80\"" },
		{ "-9223372036854775807", "-9223372036854775807" },
		{ "web", "\"web\"" },
		{ "|\n  a\n  b\n", "\"a\\nb\\n\"" },
		{ ">\n  a\n  b\n", "\"a b\\n\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *text = xasprintf("k: %s\n", cases[i][0]),
			       *want = xasprintf("1:{\"k\":%s}", cases[i][1]);

		if (strcmp(cases[i][0], "-") != 0) /* "k: -" is no YAML */
			expect(text, want);
	}
	expect("1: a\ntrue: b\n", "1:{\"1\":\"a\",\"true\":\"b\"}");
}

static void test_documents(void **state)
{
	(void)state;
	expect("", "");
	expect("# nothing\n---\n---\n", "");
	expect("---\na: 1\n---\n# c\nb: [1, {c: d}]\n...\n",
	       "2:{\"a\":1} 5:{\"b\":[1,{\"c\":\"d\"}]}");
	expect("{\"a\": \"b\"}", "1:{\"a\":\"b\"}");
	expect("- a\n", "line 1: a document has to be an object");
	expect("word", "line 1: a document has to be an object");
}

static void test_anchors(void **state)
{
	(void)state;
	expect("a: &x {k: v}\nb: *x\nc: &x 1\nd: *x\n",
	       "1:{\"a\":{\"k\":\"v\"},\"b\":{\"k\":\"v\"},\"c\":1,\"d\":1}");
	expect("a: &x {k: v, l: w}\nb:\n  <<: *x\n  k: own\n",
	       "1:{\"a\":{\"k\":\"v\",\"l\":\"w\"},\"b\":{\"k\":\"own\",\"l\":\"w\"}}");
	expect("a: &x {k: v}\nb: &y {l: w}\nc:\n  <<: [*x, *y]\n",
	       "1:{\"a\":{\"k\":\"v\"},\"b\":{\"l\":\"w\"},\"c\":{\"k\":\"v\",\"l\":\"w\"}}");
	expect("b:\n  <<: word\n", "line 2: << takes a mapping or a list of them");
	expect("a: *none\n", "line 1: unknown alias");
	expect("a: &x [*x]\n", "line 1: unknown alias");
	expect("a: &x 1\n---\nb: *x\n",
	       "line 3: unknown alias"); /* anchors end with their document */
}

static void test_mistakes(void **state)
{
	(void)state;
	expect("a: 1\nb: 2\na: 3\n", "line 3: key \"a\" is given twice");
	expect("a:\n  b: 1\n b: 2\n", "line 3: did not find expected key");
	expect("a: [1\nb: 2\n", "line 2: did not find expected ',' or ']'");
	expect("{a: 1}: b\n", "line 1: a key has to be a plain word");
	expect("a:\tb\n\tc: d\n", "line 2: found a tab character that violates indentation");
}

static char *repeat(const char *open, size_t n, const char *middle, const char *close)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < n; i++)
		buf_str(&b, open);
	buf_str(&b, middle);
	for (size_t i = 0; i < n; i++)
		buf_str(&b, close);
	buf_add(&b, "", 1);
	return b.data;
}

/* Each level doubles what the one before takes, in nodes, in depth, in bytes. */
static char *laughs(const char *first, const char *level, unsigned levels)
{
	struct buf b = { 0 };

	buf_printf(&b, "a0: &a0 %s\n", first);
	for (unsigned i = 1; i <= levels; i++) {
		buf_printf(&b, "a%u: &a%u ", i, i);
		for (const char *s = level; *s; s++)
			*s == '@' ? buf_printf(&b, "*a%u ", i - 1) : buf_add(&b, s, 1);
		buf_str(&b, "\n");
	}
	buf_add(&b, "", 1);
	return b.data;
}

static void test_bounds(void **state)
{
	auto_free char *deep = repeat("{k: ", 100, "v", "}"),
		       *wide = laughs("[x, x]", "[@, @, @, @, @, @]", 20);
	auto_free char *chain = laughs("{k: v}", "{k: {k: {k: @}}}", 1000);
	auto_free char *xs = repeat("x", 100000, "", ""), *text = laughs(xs, "[@, @, @, @]", 6);

	(void)state;
	expect(deep, "line 1: nested too deeply");
	expect(wide, "line 9: aliases make the document too large");
	expect(chain, "line 22: nested too deeply");
	expect(text, "line 5: aliases make the document too large");
}

static void test_writing_reads_back(void **state)
{
	static const char json[] = "{\"a\":\"yes\",\"b\":\"80\",\"c\":\"\",\"d\":\" x "
				   "\",\"e\":\"a: b\",\"f\":\"~\",\"g\":\"l1\\nl2\\n\","
				   "\"h\":[],\"i\":{},\"j\":[1,-2,1.5,true,null,\"- "
				   "x\"],\"k\":{\"l\":[{\"m\":\"#n\"}]},"
				   "\"o\":\"\xc3\xbc\\u0001\\\"\\\\\",\"on\":\"0x1F\",\"p\":"
				   "\"1e3\",\"q\":\"---\",\"r\":\"<<\",\"s\":\"null\"}";
	auto_buf struct buf yaml = { 0 };
	auto_free char *want = xasprintf("1:%s", json);

	(void)state;
	yaml_write(json, strlen(json), &yaml);
	buf_add(&yaml, "", 1);
	expect(yaml.data, want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalars), cmocka_unit_test(test_documents),
		cmocka_unit_test(test_anchors), cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_bounds),  cmocka_unit_test(test_writing_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
