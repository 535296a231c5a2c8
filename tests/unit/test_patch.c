/* test_patch.c - strategic merge patches: an object, a patch, and what becomes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>

#include "../../modules/api/api_object.h"

/* What a patch makes of an object, or why it cannot. */
static char *strategic(enum kind kind, const char *json, const char *patch)
{
	auto_arena struct arena a = { 0 };
	struct documents d;
	const char *why;
	char *out;

	auto_doc yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	yyjson_mut_val *to;

	assert_int_equal(json_read(patch, strlen(patch), &a, &d, NULL), 0);
	to = yyjson_val_mut_copy(d.doc, yyjson_doc_get_root(doc));
	why = patch_strategic(kind, d.doc, to, d.v[0].root, &a);
	out = why ? xstrdup(why) : yyjson_mut_val_write(to, 0, NULL);
	documents_free(&d);
	return out;
}

static void test_strategic_patches(void **state)
{
	static const struct {
		enum kind kind;
		const char *object, *patch, *wanted;
	} table[] = {
		{ KIND_SERVICE, "{\"a\":1,\"b\":{\"c\":2}}", "{\"a\":null,\"b\":{\"d\":3}}",
		  "{\"b\":{\"c\":2,\"d\":3}}" },
		{ KIND_SERVICE, "{\"a\":[1,2]}", "{\"a\":[3]}", "{\"a\":[3]}" },
		{ KIND_SERVICE, "{\"a\":{\"b\":1,\"c\":2}}",
		  "{\"a\":{\"$patch\":\"replace\",\"d\":3}}", "{\"a\":{\"d\":3}}" },
		{ KIND_SERVICE, "{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":{\"$patch\":\"delete\"}}",
		  "{\"a\":{}}" },
		{ KIND_SERVICE, "{\"a\":{\"b\":1,\"c\":2}}",
		  "{\"a\":{\"$retainKeys\":[\"c\",\"d\"],\"d\":3}}", "{\"a\":{\"c\":2,\"d\":3}}" },
		{ KIND_SERVICE, "{\"metadata\":{\"finalizers\":[\"a\",\"b\"]}}",
		  "{\"metadata\":{\"finalizers\":[\"b\",\"c\"],\"$deleteFromPrimitiveList/"
		  "finalizers\":[\"a\"]}}",
		  "{\"metadata\":{\"finalizers\":[\"b\",\"c\"]}}" },
		{ KIND_SERVICE,
		  "{\"status\":{\"conditions\":[{\"type\":\"A\",\"status\":\"True\"},{\"type\":"
		  "\"B\"}]}}",
		  "{\"status\":{\"$setElementOrder/"
		  "conditions\":[{\"type\":\"B\"},{\"type\":\"A\"}],"
		  "\"conditions\":[{\"type\":\"A\",\"status\":\"False\"}]}}",
		  "{\"status\":{\"conditions\":[{\"type\":\"B\"},{\"type\":\"A\",\"status\":"
		  "\"False\"}]}}" },
		{ KIND_SERVICE, "{\"spec\":{\"ports\":[{\"port\":1},{\"port\":2}]}}",
		  "{\"spec\":{\"ports\":[{\"port\":1,\"$patch\":\"delete\"}]}}",
		  "{\"spec\":{\"ports\":[{\"port\":2}]}}" },
		{ KIND_SERVICE, "{}", "{\"spec\":{\"ports\":[{\"name\":\"a\"}]}}",
		  "spec.ports: an item of the patch does not contain declared merge key: port" },
		/* an item's own lists */
		{ KIND_POD,
		  "{\"spec\":{\"containers\":[{\"name\":\"a\",\"env\":[{\"name\":\"x\",\"value\":"
		  "\"1\"},"
		  "{\"name\":\"y\",\"value\":\"2\"}],\"args\":[\"1\",\"2\"]},{\"name\":\"b\"}]}}",
		  "{\"spec\":{\"containers\":[{\"name\":\"a\",\"env\":[{\"name\":\"x\",\"$patch\":"
		  "\"delete\"},{\"name\":\"z\"}],\"args\":[\"3\"]}]}}",
		  "{\"spec\":{\"containers\":[{\"name\":\"a\",\"env\":[{\"name\":\"y\",\"value\":"
		  "\"2\"},"
		  "{\"name\":\"z\"}],\"args\":[\"3\"]},{\"name\":\"b\"}]}}" },
		/* what the order does not name keeps its place among those it stood before */
		{ KIND_SERVICE,
		  "{\"spec\":{\"ports\":[{\"port\":9},{\"port\":1},{\"port\":2},{\"port\":8}]}}",
		  "{\"spec\":{\"$setElementOrder/ports\":[{\"port\":2},{\"port\":1},{\"port\":3}],"
		  "\"ports\":[{\"port\":3}]}}",
		  "{\"spec\":{\"ports\":[{\"port\":9},{\"port\":2},{\"port\":1},{\"port\":8},{"
		  "\"port\":"
		  "3}]}}" },
		/* an order alone; of a list that is replaced whole it means nothing */
		{ KIND_SERVICE, "{\"spec\":{\"ports\":[{\"port\":1},{\"port\":2}]}}",
		  "{\"spec\":{\"$setElementOrder/ports\":[{\"port\":2},{\"port\":1}]}}",
		  "{\"spec\":{\"ports\":[{\"port\":2},{\"port\":1}]}}" },
		{ KIND_SERVICE, "{\"spec\":{\"externalIPs\":[\"a\",\"b\"]}}",
		  "{\"spec\":{\"$setElementOrder/externalIPs\":[\"b\",\"a\"]}}",
		  "{\"spec\":{\"externalIPs\":[\"a\",\"b\"]}}" },
		{ KIND_INGRESS, "{\"spec\":{\"rules\":[{\"host\":\"a\"}]}}",
		  "{\"spec\":{\"rules\":[{\"host\":\"b\"}]}}",
		  "{\"spec\":{\"rules\":[{\"host\":\"b\"}]}}" },
		{ KIND_SERVICE, "{}", "{\"spec\":{\"$patch\":\"burn\"}}",
		  "Unknown patch type found: burn" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		auto_free char *got = strategic(table[i].kind, table[i].object, table[i].patch);

		assert_string_equal(got, table[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strategic_patches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
