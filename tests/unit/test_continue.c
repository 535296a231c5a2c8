/* test_continue.c - tokens that go on with a list: there and back, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>

#include "../../modules/api/api_continue.h"

static void test_there_and_back(void **state)
{
	static const char *const keys[] = { "a", "ab", "default/web", "n/\xc3\xbc \"\\" };
	auto_arena struct arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct continue_token t = { .version = 1234567890123456, .after = keys[i] }, back;

		assert_null(continue_read(continue_write(&a, &t), &a, &back));
		assert_true(back.version == t.version);
		assert_string_equal(back.after, keys[i]);
	}
}

/* What Kubernetes' own encoder makes of the same. */
static void test_is_kubernetes_form(void **state)
{
	auto_arena struct arena a = { 0 };
	struct continue_token t = { .version = 5, .after = "d/x" };

	(void)state;
	assert_string_equal(continue_write(&a, &t),
	                    "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NSwic3RhcnQiOiJkL3hcdTAwMDAifQ");
}

static void test_refused(void **state)
{
	static const char *const tokens[] = { "", "A", "AAAA", "e30", "eyJ2", "not base64!", "=" };
	auto_arena struct arena a = { 0 };
	struct continue_token t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tokens); i++)
		assert_non_null(continue_read(tokens[i], &a, &t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_is_kubernetes_form),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
