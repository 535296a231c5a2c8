/* Trailers: what is told on of them, kept as text, taken apart again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <knetd/auto.h>

#include "../../modules/ingress/proxy_trailers.h"

static struct span span_of(const char *s)
{
	return (struct span){ s, strlen(s) };
}

static void read_all(const struct buf *text, char *out, size_t size)
{
	const struct http_header *list;
	size_t n = trailers_read(text, &list), at = 0;

	out[0] = 0;
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(out + at, size - at, "%.*s=%.*s;", (int)list[i].name.n,
		                       list[i].name.p, (int)list[i].value.n, list[i].value.p);
}

static void test_text(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "", "" },
		{ "\r\n", "" },
		{ "a: b\r\n\r\n", "a=b;" },
		{ "A:\r\nB: \t x  y \t\r\nC::\r\n\r\n", "A=;B=x  y;C=:;" },
		{ "a: b\r\n", "a=b;" },
		{ "Content-Length: 5\r\nx: y\r\nTRAILER: x\r\n\r\n", "x=y;" },
		{ "Transfer_Encoding: chunked\r\nX_Forwarded_For: 1\r\nx_y: z\r\n\r\n", "x_y=z;" },
		{ ":path: /\r\n: x\r\nhosts: x\r\n\r\n", "hosts=x;" },
		{ "\r\nlate: x\r\n", "" },
		{ "none\r\na: b\r\n", "" },
		{ "half: ", "" },
	};
	char out[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buf struct buf text = { 0 };

		buf_str(&text, rows[i].text);
		read_all(&text, out, sizeof(out));
		assert_string_equal(out, rows[i].want);
	}
}

static void test_bounds(void **state)
{
	auto_buf struct buf text = { 0 };
	struct http_header t = { span_of("x"), span_of("y") };
	auto_free char *large = xcalloc(1, HTTP_HEAD_MAX);
	const struct http_header *list;
	char out[64];

	(void)state;
	trailers_keep(&text, &t, 1);
	trailers_keep(&text, &t, 1);
	read_all(&text, out, sizeof(out));
	assert_string_equal(out, "x=y;x=y;");
	for (int i = 0; i < 200; i++)
		trailers_keep(&text, &t, 1);
	assert_int_equal(trailers_read(&text, &list), HTTP_HEADERS_MAX);
	t.value = (struct span){ large, HTTP_HEAD_MAX };
	trailers_keep(&text, &t, 1);
	assert_int_equal(text.len, 0);
	assert_int_equal(trailers_read(&text, &list), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
