/* test_fieldset.c - sets of fields: their algebra, and what the table of fields makes of objects:
 * fields, differences, merges, removals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>

#include "../../modules/api/api_fieldset.h"

/* Names of items; everywhere else the texts of this test have ' for ". */
#define P80 "'k:{\\\"port\\\":80,\\\"protocol\\\":\\\"TCP\\\"}'"
#define P53 "'k:{\\\"port\\\":53,\\\"protocol\\\":\\\"UDP\\\"}'"
#define V(word) "'v:\\\"" word "\\\"'"

static yyjson_mut_val *value(yyjson_mut_doc *doc, const char *text)
{
	auto_free char *json = xstrdup(text);
	auto_doc yyjson_doc *read = NULL;

	for (char *s = json; *s; s++)
		if (*s == '\'')
			*s = '"';
	read = yyjson_read(json, strlen(json), 0);
	assert_non_null(read);
	return yyjson_val_mut_copy(doc, yyjson_doc_get_root(read));
}

/* Quotes of all kinds are the same, escapes are none. */
static char *plain(const char *text)
{
	char *copy = xstrdup(text), *out = copy;

	for (const char *s = copy; *s; s++)
		if (*s != '\\')
			*out++ = (char)(*s == '"' ? '\'' : *s);
	*out = 0;
	return copy;
}

static void same(yyjson_mut_val *v, const char *wanted)
{
	auto_free char *json = yyjson_mut_val_write(v, 0, NULL);
	auto_free char *got = plain(json), *want = plain(wanted);

	assert_string_equal(got, want);
}

static struct fieldset set(struct arena *a, yyjson_mut_doc *doc, const char *text)
{
	struct fieldset s = { 0 };

	assert_true(fieldset_read(a, value(doc, text), &s));
	return s;
}

/* ---- algebra -------------------------------------------------------------------------------- */

static const struct {
	enum fieldset_op op;
	const char *x, *y, *wanted;
} operations[] = {
	{ SET_UNION, "{}", "{}", "{}" },
	{ SET_UNION, "{'f:b':{}}", "{'f:a':{}}", "{'f:a':{},'f:b':{}}" },
	{ SET_UNION, "{'f:a':{'f:b':{}}}", "{'f:a':{'f:c':{}}}", "{'f:a':{'f:b':{},'f:c':{}}}" },
	{ SET_UNION, "{'f:a':{'f:b':{}}}", "{'f:a':{}}", "{'f:a':{'.':{},'f:b':{}}}" },
	{ SET_SUBTRACT, "{'f:a':{},'f:b':{}}", "{'f:a':{}}", "{'f:b':{}}" },
	{ SET_SUBTRACT, "{'f:a':{'.':{},'f:b':{}}}", "{'f:a':{}}", "{'f:a':{'f:b':{}}}" },
	{ SET_SUBTRACT, "{'f:a':{'.':{},'f:b':{}}}", "{'f:a':{'f:b':{}}}", "{'f:a':{}}" },
	{ SET_SUBTRACT, "{'f:a':{'f:b':{}}}", "{'f:a':{'f:b':{},'f:c':{}}}", "{}" },
	{ SET_SUBTRACT, "{}", "{'f:a':{}}", "{}" },
	{ SET_INTERSECT, "{'f:a':{'f:b':{},'f:c':{}},'f:d':{}}", "{'f:a':{'f:c':{}},'f:e':{}}",
	  "{'f:a':{'f:c':{}}}" },
	{ SET_INTERSECT, "{'f:a':{'.':{},'f:b':{}}}", "{'f:a':{}}", "{'f:a':{}}" },
	{ SET_INTERSECT, "{'f:a':{'f:b':{}}}", "{'f:a':{}}", "{}" },
};

static void test_algebra(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
		auto_arena struct arena a = { 0 };
		auto_mut yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
		struct fieldset x = set(&a, doc, operations[i].x),
				y = set(&a, doc, operations[i].y);
		struct fieldset z = fieldset_combine(&a, operations[i].op, &x, &y);
		struct fieldset again;

		same(fieldset_write(doc, &z), operations[i].wanted);
		again = set(&a, doc, operations[i].wanted);
		assert_true(fieldset_equal(&z, &again));
		assert_int_equal(fieldset_empty(&z), !strcmp(operations[i].wanted, "{}"));
	}
}

static void test_what_is_no_set(void **state)
{
	static const char *const wrong[] = { "[]", "{'a':{}}", "{'f:a':1}", "{'f:a':{'x:b':{}}}" };
	auto_arena struct arena a = { 0 };
	auto_mut yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	struct fieldset s = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_false(fieldset_read(&a, value(doc, wrong[i]), &s));
	assert_false(fieldset_read(&a, NULL, &s));
}

static void test_paths(void **state)
{
	auto_arena struct arena a = { 0 };
	auto_mut yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	struct fieldset s;
	const char *paths[8];

	(void)state;
	s = set(&a, doc,
	        "{'f:metadata':{'f:finalizers':{" V("x") ":{}}},'f:spec':{'f:ports':{" P80
	                                                 ":{'f:name':{}}},'f:type':{}}}");
	assert_int_equal(fieldset_paths(&a, &s, paths, ARRAY_LEN(paths)), 3);
	assert_string_equal(paths[0], ".metadata.finalizers[=\"x\"]");
	assert_string_equal(paths[1], ".spec.ports[port=80,protocol=\"TCP\"].name");
	assert_string_equal(paths[2], ".spec.type");
	assert_int_equal(fieldset_paths(&a, &s, paths, 1), 3);
}

/* ---- objects -------------------------------------------------------------------------------- */

static void test_what_a_manifest_says(void **state)
{
	static const struct {
		enum kind kind;
		const char *object, *wanted;
	} table[] = {
		{ KIND_CONFIGMAP, "{'data':{'a':'b'},'metadata':{'labels':{}}}",
		  "{'f:data':{'f:a':{}},'f:metadata':{'f:labels':{}}}" },
		{ KIND_SERVICE, "{'spec':{'ports':[{'port':80},{'port':53,'protocol':'UDP'}]}}",
		  "{'f:spec':{'f:ports':{" P53 ":{'.':{},'f:port':{},'f:protocol':{}}," P80
		  ":{'.':{},'f:port':{}}}}}" },
		/* an atomic map, a list without keys, a set, an atomic struct */
		{ KIND_SERVICE, "{'spec':{'selector':{'a':'b'},'externalIPs':['1']}}",
		  "{'f:spec':{'f:externalIPs':{},'f:selector':{}}}" },
		{ KIND_SERVICE, "{'metadata':{'finalizers':['x','y']}}",
		  "{'f:metadata':{'f:finalizers':{" V("x") ":{}," V("y") ":{}}}}" },
		{ KIND_NETWORKPOLICY, "{'spec':{'podSelector':{'matchLabels':{'a':'b'}}}}",
		  "{'f:spec':{'f:podSelector':{}}}" },
		/* what nobody knows is taken as it looks */
		{ KIND_SERVICE, "{'x':{'y':[{'z':1}],'w':2}}",
		  "{'f:x':{'.':{},'f:w':{},'f:y':{}}}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		auto_arena struct arena a = { 0 };
		auto_mut yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
		struct fieldset s = object_fields(&a, table[i].kind, value(doc, table[i].object));

		same(fieldset_write(doc, &s), table[i].wanted);
	}
}

static void test_differences(void **state)
{
	static const struct {
		enum kind kind;
		const char *before, *after, *added, *changed, *removed;
	} table[] = {
		{ KIND_CONFIGMAP, "{'data':{'a':'1','b':'2'}}",
		  "{'data':{'a':'1','b':'3','c':'4'}}", "{'f:data':{'f:c':{}}}",
		  "{'f:data':{'f:b':{}}}", "{}" },
		{ KIND_CONFIGMAP, "{'data':{'a':'1'}}", "{}", "{}", "{}",
		  "{'f:data':{'.':{},'f:a':{}}}" },
		{ KIND_SERVICE, "{'spec':{'ports':[{'port':80,'name':'a'}]}}",
		  "{'spec':{'ports':[{'port':53,'protocol':'UDP'},{'port':80,'name':'b'}]}}",
		  "{'f:spec':{'f:ports':{" P53 ":{'.':{},'f:port':{},'f:protocol':{}}}}}",
		  "{'f:spec':{'f:ports':{" P80 ":{'f:name':{}}}}}", "{}" },
		{ KIND_SERVICE, "{'spec':{'selector':{'a':'1'}}}",
		  "{'spec':{'selector':{'a':'1','b':'2'}}}", "{}", "{'f:spec':{'f:selector':{}}}",
		  "{}" },
		{ KIND_SERVICE, "{'metadata':{'finalizers':['a','b']}}",
		  "{'metadata':{'finalizers':['c','b']}}",
		  "{'f:metadata':{'f:finalizers':{" V("c") ":{}}}}", "{}",
		  "{'f:metadata':{'f:finalizers':{" V("a") ":{}}}}" },
		/* the order of items that have names is no difference */
		{ KIND_SERVICE, "{'spec':{'ports':[{'port':1},{'port':2}]}}",
		  "{'spec':{'ports':[{'port':2},{'port':1}]}}", "{}", "{}", "{}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		auto_arena struct arena a = { 0 };
		auto_mut yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
		struct difference d;

		object_compare(&a, table[i].kind, value(doc, table[i].before),
		               value(doc, table[i].after), &d);
		same(fieldset_write(doc, &d.added), table[i].added);
		same(fieldset_write(doc, &d.changed), table[i].changed);
		same(fieldset_write(doc, &d.removed), table[i].removed);
	}
}

static void test_merges(void **state)
{
	static const struct {
		enum kind kind;
		const char *live, *manifest, *wanted;
	} table[] = {
		{ KIND_CONFIGMAP, "{'data':{'a':'1'}}", "{'data':{'b':'2'},'immutable':true}",
		  "{'data':{'a':'1','b':'2'},'immutable':true}" },
		{ KIND_SERVICE, "{'spec':{'selector':{'a':'1'}}}",
		  "{'spec':{'selector':{'b':'2'}}}", "{'spec':{'selector':{'b':'2'}}}" },
		{ KIND_SERVICE, "{'spec':{'ports':[{'port':1,'name':'x'},{'port':2},{'port':3}]}}",
		  "{'spec':{'ports':[{'port':3,'name':'c'},{'port':1},{'port':4}]}}",
		  "{'spec':{'ports':[{'port':3,'name':'c'},{'port':2},{'port':1,'name':'x'},{'port'"
		  ":4}]"
		  "}}" },
		{ KIND_SERVICE, "{'metadata':{'finalizers':['a','b']}}",
		  "{'metadata':{'finalizers':['c','b']}}",
		  "{'metadata':{'finalizers':['a','c','b']}}" },
		{ KIND_SERVICE, "{}", "{'spec':{'ports':[{'name':'x'}]}}", NULL },
		{ KIND_SERVICE, "{}", "{'spec':{'ports':[{'port':1},{'port':1,'protocol':'TCP'}]}}",
		  NULL },
		{ KIND_SERVICE, "{}", "{'metadata':{'finalizers':['a','a']}}", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		auto_arena struct arena a = { 0 };
		auto_mut yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
		yyjson_mut_val *to = value(doc, table[i].live);
		const char *why =
			object_merge(&a, table[i].kind, doc, to, value(doc, table[i].manifest));

		if (!table[i].wanted) {
			assert_non_null(why);
			continue;
		}
		assert_null(why);
		same(to, table[i].wanted);
	}
}

static void test_removals(void **state)
{
	static const struct {
		enum kind kind;
		const char *object, *gone, *kept, *wanted;
	} table[] = {
		{ KIND_CONFIGMAP, "{'data':{'a':'1','b':'2'}}", "{'f:data':{'f:a':{},'f:b':{}}}",
		  "{'f:data':{'f:b':{}}}", "{'data':{'b':'2'}}" },
		{ KIND_CONFIGMAP, "{'metadata':{'name':'x','labels':{'a':'b'}}}",
		  "{'f:metadata':{'f:labels':{'f:a':{}}}}", "{}", "{'metadata':{'name':'x'}}" },
		/* an item goes with all that the server filled in */
		{ KIND_SERVICE,
		  "{'spec':{'ports':[{'port':80,'protocol':'TCP','targetPort':80},"
		  "{'port':81}]}}",
		  "{'f:spec':{'f:ports':{" P80 ":{'.':{},'f:port':{}}}}}", "{}",
		  "{'spec':{'ports':[{'port':81}]}}" },
		/* of an item that another says as well, only what he does not say */
		{ KIND_SERVICE, "{'spec':{'ports':[{'port':80,'name':'a'},{'port':81}]}}",
		  "{'f:spec':{'f:ports':{" P80 ":{'.':{},'f:port':{},'f:name':{}}}}}",
		  "{'f:spec':{'f:ports':{" P80 ":{'.':{},'f:port':{}}}}}",
		  "{'spec':{'ports':[{'port':80},{'port':81}]}}" },
		{ KIND_SERVICE, "{'metadata':{'name':'x','finalizers':['a','b']}}",
		  "{'f:metadata':{'f:finalizers':{" V("a") ":{}," V("b") ":{}}}}",
		  "{'f:metadata':{'f:finalizers':{" V("b") ":{}}}}",
		  "{'metadata':{'name':'x','finalizers':['b']}}" },
		{ KIND_SERVICE, "{'spec':{'selector':{'a':'1'},'type':'ClusterIP'}}",
		  "{'f:spec':{'f:selector':{}}}", "{}", "{'spec':{'type':'ClusterIP'}}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		auto_arena struct arena a = { 0 };
		auto_mut yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
		yyjson_mut_val *root = value(doc, table[i].object);
		struct fieldset gone, kept;

		gone = set(&a, doc, table[i].gone);
		kept = set(&a, doc, table[i].kept);
		object_remove(&a, table[i].kind, root, &gone, &kept);
		same(root, table[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_algebra),     cmocka_unit_test(test_what_is_no_set),
		cmocka_unit_test(test_paths),       cmocka_unit_test(test_what_a_manifest_says),
		cmocka_unit_test(test_differences), cmocka_unit_test(test_merges),
		cmocka_unit_test(test_removals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
