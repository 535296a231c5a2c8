/* test_dns_show.c - records as text, whatever an answer's bytes are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <yyjson.h>

#include "../../modules/dns/dns_rr_text.h"

/* Header, the question a. A IN, and what is given behind it. */
static size_t message(uint8_t *out, unsigned answers, const void *p, size_t n)
{
	static const uint8_t head[] = { 0, 1, 0x85, 0x80, 0, 1, 0, 0, 0, 0,
		                        0, 0, 1,    'a',  0, 0, 1, 0, 1 };

	memcpy(out, head, sizeof(head));
	dns_put16(out + 6, (uint16_t)answers);
	memcpy(out + sizeof(head), p, n);
	return sizeof(head) + n;
}

static void shown(const char *text, const void *rr, size_t n)
{
	auto_buf struct buf out = { 0 };
	uint8_t p[512];

	assert_true(dns_message_json(p, message(p, 1, rr, n), &out));
	buf_add(&out, "", 1);
	assert_non_null(strstr(out.data, text));
}
#define SHOWN(text, rr) shown(text, rr, sizeof(rr) - 1)

static void test_records(void **state)
{
	(void)state;
	SHOWN("\"a. 5 IN A 10.0.0.1\"", "\xc0\x0c\0\1\0\1\0\0\0\5\0\4\x0a\0\0\1");
	SHOWN("\"a. 5 IN MX \\\\# 3 000a00\"", "\xc0\x0c\0\17\0\1\0\0\0\5\0\3\0\x0a\0");
	SHOWN("\"a. 5 IN A \\\\# 3 0a0000\"", "\xc0\x0c\0\1\0\1\0\0\0\5\0\3\x0a\0\0");
	SHOWN("\"a. 5 IN CNAME b.a.\"", "\xc0\x0c\0\5\0\1\0\0\0\5\0\4\1b\xc0\x0c");
	SHOWN("\"a. 5 IN SRV 1 2 80 a.\"", "\xc0\x0c\0\x21\0\1\0\0\0\5\0\x8\0\1\0\2\0\x50\xc0\x0c");
	SHOWN("\"a. 5 IN TXT \\\"x\\\\034y\\\" \\\"\\\"\"",
	      "\xc0\x0c\0\x10\0\1\0\0\0\5\0\5\3x\"y\0");
	SHOWN("\"a. 5 IN TXT \\\"xy\\\"\"", "\xc0\x0c\0\x10\0\1\0\0\0\5\0\3\7xy");
}

static void test_any_bytes(void **state)
{
	uint8_t p[300], noise[200];

	(void)state;
	srand(2);
	for (unsigned i = 0; i < 20000; i++) {
		auto_buf struct buf out = { 0 };
		size_t n, len = (unsigned)rand() % sizeof(noise);
		yyjson_doc *doc;

		for (size_t k = 0; k < len; k++)
			noise[k] = (uint8_t)(rand() % (i % 3 ? 256 : 8));
		if (len > 12 && i % 2)
			memcpy(noise, "\xc0\x0c\0\x21\0\1\0\0\0\5\0\x20", 12);
		n = message(p, 1 + i % 4, noise, len);
		buf_str(&out, "{");
		assert_true(dns_message_json(p, n, &out));
		buf_str(&out, "}");
		doc = yyjson_read(out.data, out.len, 0);
		assert_non_null(doc);
		yyjson_doc_free(doc);
		dns_message_json(noise, len, &out); /* does not matter what, but no crash */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
