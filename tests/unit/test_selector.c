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
			       "\"app\":\"web\",\"tier\":\"\","
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
		{ "labelSelector=tier+in+()", 1 },
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
		{ "labelSelector=app%3Dweb&fieldSelector=metadata.name%3Dq", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (pick(cases[i].query) != cases[i].want)
			fail_msg("%s: %d", cases[i].query, pick(cases[i].query));
}

static void test_bounds(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_str(&b, "labelSelector=a+in+(");
	for (int i = 0; i < 80; i++)
		buf_str(&b, "x,");
	buf_add(&b, ")", 2);
	assert_int_equal(pick(b.data), -1);
	buf_reset(&b);
	buf_str(&b, "labelSelector=");
	for (int i = 0; i < 40; i++)
		buf_str(&b, "a,");
	buf_add(&b, "", 1);
	assert_int_equal(pick(b.data), -1);
	buf_reset(&b);
	buf_str(&b, "labelSelector=");
	for (int i = 0; i < 5000; i++)
		buf_str(&b, "a");
	buf_add(&b, "", 1);
	assert_int_equal(pick(b.data),
	                 -1); /* never "no selector": deletecollection would take everything */
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_selectors),
		                            cmocka_unit_test(test_bounds) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
