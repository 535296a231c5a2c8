/* test_selector.c - label and field selectors: their grammar, and what they pick. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>

#include "../../modules/api/api.h"

static const char pod_json[] = "{\"metadata\":{\"name\":\"p\",\"namespace\":\"n\",\"labels\":{"
			       "\"app\":\"web\",\"tier\":\"\",\"gen\":\"4\","
			       "\"example.com/x\":\"y\"}},\"status\":{\"phase\":\"Running\"}}";
static const struct object pod = {
	.kind = KIND_POD, .name = "p", .ns = "n", .json = pod_json, .json_len = sizeof(pod_json) - 1
};

/* 1 picked, 0 not, -1 refused. */
static int pick(const char *query)
{
	auto_arena struct arena a = { 0 };
	const char *why = "";
	struct selector s;

	if (!selector_parse(query, KIND_POD, &a, &s, &why)) {
		assert_true(*why);
		return -1;
	}
	return selector_match(&s, &pod);
}

static void test_selectors(void **state)
{
	static const struct {
		const char *query;
		int want;
	} cases[] = {
		{ "", 1 },
		{ "labelSelector=", 1 },
		{ "labelSelector=app%3Dweb", 1 },
		{ "labelSelector=app%3D%3Dweb", 1 },
		{ "labelSelector=app%3Ddb", 0 },
		{ "labelSelector=app!%3Ddb", 1 },
		{ "labelSelector=app!%3Dweb", 0 },
		{ "labelSelector=none!%3Dweb", 1 },
		{ "labelSelector=none%3D", 0 },
		{ "labelSelector=tier%3D", 1 },
		{ "labelSelector=app", 1 },
		{ "labelSelector=none", 0 },
		{ "labelSelector=!app", 0 },
		{ "labelSelector=!none", 1 },
		{ "labelSelector=app+in+(db,+web)", 1 },
		{ "labelSelector=app+in+(db)", 0 },
		{ "labelSelector=app+notin+(db)", 1 },
		{ "labelSelector=none+notin+(db)", 1 },
		{ "labelSelector=app+notin+(web,db)", 0 },
		{ "labelSelector=tier+in+()", -1 },
		{ "labelSelector=tier+in+(a,)", 1 },
		{ "labelSelector=tier+in+(,)", 1 },
		{ "labelSelector=in+in+(in,notin)", 0 },
		{ "labelSelector=gen>3,gen<5", 1 },
		{ "labelSelector=gen>4", 0 },
		{ "labelSelector=app>4", 0 },
		{ "labelSelector=none<4", 0 },
		{ "labelSelector=gen>x", -1 },
		{ "labelSelector=app,", -1 },
		{ "labelSelector=!app%3Dweb", -1 },
		{ "labelSelector", -1 },
		{ "labelSelector=app%3Dweb,tier%3D,example.com/x%3Dy", 1 },
		{ "labelSelector=app%3Dweb,tier%3Dfront", 0 },
		{ "labelSelector=+app+%3D+web+,+tier+", 1 },
		{ "labelSelector=app+in+web", -1 },
		{ "labelSelector=app+in+(web", -1 },
		{ "labelSelector=app+within+(web)", -1 },
		{ "labelSelector=!", -1 },
		{ "labelSelector=%3Dweb", -1 },
		{ "labelSelector=app!web", -1 },
		{ "labelSelector=app%3Dweb)", -1 },
		{ "fieldSelector=metadata.name%3Dp", 1 },
		{ "fieldSelector=metadata.name!%3Dp", 0 },
		{ "fieldSelector=status.phase%3DRunning,metadata.namespace%3Dn", 1 },
		{ "fieldSelector=spec.nodeName%3D", 1 },
		{ "fieldSelector=spec.clusterIP%3Dx", -1 },
		{ "fieldSelector=metadata.name", -1 },
		{ "fieldSelector=metadata.name%3Da%5C,b", 0 },
		{ "fieldSelector=metadata.name!%3Da%5C%3Db", 1 },
		{ "fieldSelector=metadata.name%3Da%3Db", -1 },
		{ "fieldSelector=metadata.name%3D%5C", -1 },
		{ "fieldSelector=metadata.name%3D%5Cx", -1 },
		{ "fieldSelector=spec.hostNetwork%3Dfalse,,", 1 },
		{ "labelSelector=app%3Dweb&fieldSelector=metadata.name%3Dq", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (pick(cases[i].query) != cases[i].want)
			fail_msg("%s: %d", cases[i].query, pick(cases[i].query));
}

static const char *words(const char *query, enum kind kind, struct arena *a)
{
	const char *why = "";
	struct selector s;

	assert_false(selector_parse(query, kind, a, &s, &why));
	return why;
}

/* What Kubernetes 1.32 says. */
static void test_words(void **state)
{
	auto_arena struct arena a = { 0 };
	static const struct {
		enum kind kind;
		const char *query, *why;
	} cases[] = {
		{ KIND_POD, "labelSelector=a+within+(b)",
		  "unable to parse requirement: found 'within', expected: in, notin, =, ==, !=, "
		  "gt, lt" },
		{ KIND_POD, "labelSelector=a+in+b",
		  "unable to parse requirement: found 'b' expected: '('" },
		{ KIND_POD, "labelSelector=a+in+(b+c)",
		  "unable to parse requirement: found 'c', expected: ',' or ')'" },
		{ KIND_POD, "labelSelector=a+in+()",
		  "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' "
		  "operators, "
		  "values set can't be empty" },
		{ KIND_POD, "labelSelector=a%3Db)", "found ')', expected: ',' or 'end of string'" },
		{ KIND_POD, "labelSelector=%3Db",
		  "found '=', expected: !, identifier, or 'end of string'" },
		{ KIND_POD, "labelSelector=a,", "found '', expected: identifier after ','" },
		{ KIND_POD, "labelSelector=a,)", "found ')', expected: identifier after ','" },
		{ KIND_POD, "labelSelector=!",
		  "unable to parse requirement: found '', expected: identifier" },
		{ KIND_POD, "labelSelector=/b",
		  "unable to parse requirement: <nil>: Invalid value: \"/b\": prefix part must be "
		  "non-empty" },
		{ KIND_POD, "labelSelector=a>b",
		  "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' "
		  "operators, "
		  "the value must be an integer" },
		{ KIND_POD, "fieldSelector=metadata.name",
		  "invalid selector: 'metadata.name'; can't understand 'metadata.name'" },
		{ KIND_POD, "fieldSelector=spec.x%3D1", "field label not supported: spec.x" },
		{ KIND_INGRESS, "fieldSelector=spec.x%3D1",
		  "\"spec.x\" is not a known field selector: only \"metadata.name\", "
		  "\"metadata.namespace\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(words(cases[i].query, cases[i].kind, &a), cases[i].why);
	assert_non_null(strstr(words("labelSelector=a-+in+(b)", KIND_POD, &a),
	                       "<nil>: Invalid value: \"a-\": name part must consist of"));
	assert_non_null(strstr(words("labelSelector=a%3D-b", KIND_POD, &a),
	                       "values[0][a]: Invalid value: \"-b\": a valid label must be"));
}

static void test_fields_of_other_kinds(void **state)
{
	static const char node[] = "{\"spec\":{\"unschedulable\":true}}";
	static const char event[] =
		"{\"involvedObject\":{\"name\":\"x\"},\"reportingComponent\":\"c\"}";
	struct object o = {
		.kind = KIND_NODE, .name = "n", .ns = "", .json = node, .json_len = sizeof(node) - 1
	};
	auto_arena struct arena a = { 0 };
	const char *why;
	struct selector s;

	(void)state;
	assert_true(
		selector_parse("fieldSelector=spec.unschedulable%3Dtrue", KIND_NODE, &a, &s, &why));
	assert_true(selector_match(&s, &o));
	o.json = "{}";
	o.json_len = 2;
	assert_false(selector_match(&s, &o));
	o = (struct object){ .kind = KIND_EVENT,
		             .name = "e",
		             .ns = "d",
		             .json = event,
		             .json_len = sizeof(event) - 1 };
	assert_true(selector_parse(
		"fieldSelector=source%3Dc,involvedObject.name%3Dx,involvedObject.uid%3D",
		KIND_EVENT, &a, &s, &why));
	assert_true(selector_match(&s, &o));
}

static void test_bounds(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_str(&b, "labelSelector=a+in+(");
	for (int i = 0; i < 300; i++)
		buf_str(&b, "x,");
	buf_add(&b, ")", 2);
	assert_int_equal(pick(b.data), -1);
	buf_reset(&b);
	buf_str(&b, "labelSelector=");
	for (int i = 0; i < 80; i++)
		buf_str(&b, "a,");
	buf_add(&b, "", 1);
	assert_int_equal(pick(b.data), -1);
	buf_reset(&b);
	buf_str(&b, "labelSelector=");
	for (int i = 0; i < 9000; i++)
		buf_str(&b, "a");
	buf_add(&b, "", 1);
	assert_int_equal(pick(b.data),
	                 -1); /* never "no selector": deletecollection would take everything */
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_selectors),
		                            cmocka_unit_test(test_words),
		                            cmocka_unit_test(test_fields_of_other_kinds),
		                            cmocka_unit_test(test_bounds) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
