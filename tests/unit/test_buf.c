/* test_buf.c - buffers, arenas, error texts. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/arena.h>
#include <knetd/buf.h>
#include <knetd/err.h>

static void assert_buf(const struct buf *b, const char *text)
{
	assert_int_equal(b->len, strlen(text));
	assert_memory_equal(b->data, text, b->len);
}

static void test_append(void **state)
{
	auto_buf struct buf b = { 0 };

	(void)state;
	buf_add(&b, NULL, 0);
	assert_int_equal(b.len, 0);
	buf_str(&b, "one ");
	buf_printf(&b, "%d %s", 2, "three");
	buf_add(&b, " four", 5);
	assert_buf(&b, "one 2 three four");
	buf_drop(&b, 4);
	assert_buf(&b, "2 three four");
	buf_drop(&b, b.len);
	assert_int_equal(b.len, 0);
	buf_str(&b, "again");
	assert_buf(&b, "again");
}

static void test_maximum(void **state)
{
	auto_buf struct buf b = { .max = 8 };

	(void)state;
	buf_str(&b, "12345678");
	assert_false(b.failed);
	buf_str(&b, "9");
	assert_true(b.failed);
	assert_buf(&b, "12345678"); /* a failed append changes nothing */
	buf_drop(&b, 4);
	buf_str(&b, "abcd");
	assert_buf(&b, "5678abcd");
	buf_reset(&b);
	assert_false(b.failed);
	assert_null(buf_room(&b, 9));
	assert_null(buf_room(&b, SIZE_MAX)); /* no sum may wrap around */
	b.failed = false;
	buf_str(&b, "1234");
	assert_null(buf_room(&b, SIZE_MAX - 2));
	assert_non_null(buf_room(&b, 4));
}

/* vsnprintf wants a byte more than it gives: that byte counts for the maximum too. */
static void test_printf_at_the_maximum(void **state)
{
	auto_buf struct buf b = { .max = 8 };

	(void)state;
	buf_printf(&b, "%s", "1234567");
	assert_buf(&b, "1234567");
	buf_printf(&b, "%s", "89");
	assert_true(b.failed);
	assert_buf(&b, "1234567");
}

static void test_growth(void **state)
{
	auto_buf struct buf b = { 0 };

	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		buf_add(&b, &i, sizeof(i));
	assert_int_equal(b.len, 400000);
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(((unsigned *)b.data)[i], i);
	buf_free(&b);
	assert_int_equal(b.cap, 0);
	buf_str(&b, "usable");
	assert_buf(&b, "usable");
}

static void test_json_string(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "\"\"" },
		{ "plain", "\"plain\"" },
		{ "say \"hi\"", "\"say \\\"hi\\\"\"" },
		{ "back\\slash", "\"back\\\\slash\"" },
		{ "a\nb", "\"a\\nb\"" },
		{ "\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\"" },
		{ "h\xc3\xa9", "\"h\xc3\xa9\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_buf struct buf b = { 0 };

		buf_json(&b, cases[i].in, strlen(cases[i].in));
		assert_buf(&b, cases[i].out);
	}
	{
		auto_buf struct buf b = { 0 };

		buf_json(&b, "a\0b", 3);
		assert_buf(&b, "\"a\\u0000b\"");
	}
}

static void test_arena(void **state)
{
	auto_arena struct arena a = { 0 };
	char *first = arena_strdup(&a, "first"), *big;

	(void)state;
	assert_int_equal((uintptr_t)arena_alloc(&a, 1) % 16, 0);
	assert_int_equal((uintptr_t)arena_alloc(&a, 3) % 16, 0);
	big = arena_alloc(&a, 1 << 20);
	for (int i = 0; i < 1 << 20; i += 4096)
		assert_int_equal(big[i], 0);
	memset(big, 1, 1 << 20);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(*(char *)memset(arena_alloc(&a, 100), 2, 100), 2);
	assert_string_equal(first, "first");
	assert_int_equal(big[(1 << 20) - 1], 1); /* nobody else was given its bytes */
	assert_string_equal(arena_strndup(&a, "truncated", 5), "trunc");
	assert_string_equal(arena_printf(&a, "%s/%s", "default", "web"), "default/web");
	assert_non_null(arena_alloc(&a, 0));
	arena_free(&a);
	assert_string_equal(arena_strdup(&a, "usable"), "usable");
}

static void test_err(void **state)
{
	struct err e = { 0 };
	char longer[400];

	(void)state;
	assert_int_equal(err_set(&e, ENOENT, "service %s", "web"), -ENOENT);
	assert_string_equal(e.text, "service web");
	assert_int_equal(err_wrap(&e, "svcnat %d", 4), -ENOENT);
	assert_string_equal(e.text, "svcnat 4: service web");
	assert_int_equal(err_set(NULL, EIO, "nobody listens"), -EIO);
	assert_true(err_wrap(NULL, "nobody") < 0);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	err_set(&e, EINVAL, "%s", longer);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
	assert_string_equal(e.text + sizeof(e.text) - 4, "...");
	err_set(&e, EINVAL, "%.239s", longer); /* just fits: not cut */
	assert_int_equal(e.text[238], 'x');
	err_wrap(&e, "context");
	assert_memory_equal(e.text, "context: xxx", 12);
	assert_string_equal(e.text + sizeof(e.text) - 4, "...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_maximum),
		cmocka_unit_test(test_printf_at_the_maximum),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_json_string),
		cmocka_unit_test(test_arena),
		cmocka_unit_test(test_err),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
