/* test_proxy_header.c - PROXY protocol headers, good ones and all the others. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>

#include "../../modules/ingress/proxy_header.h"

/* Every shorter piece needs more or is refused like the whole, and is not read beyond its end. */
static int read_all(struct proxy_header *h, const void *p, size_t n)
{
	int whole = proxy_header_read(h, p, n);

	for (size_t i = 0; i < (whole > 0 ? (size_t)whole : n); i++) {
		auto_free char *copy = malloc(i ? i : 1);
		struct proxy_header part;
		int ret;

		memcpy(copy, p, i);
		ret = proxy_header_read(&part, copy, i);
		assert_true(ret == 0 || (whole < 0 && ret == whole));
	}
	return whole;
}

static void check_v1(const char *text, const char *from, uint16_t from_port, const char *to,
                     uint16_t to_port)
{
	struct proxy_header h;
	char more[256], ip[IP_TEXT];
	size_t n = strlen(text);

	memcpy(more, text, n + 1);
	strcat(more, "GET / HTTP/1.1\r\n");
	assert_int_equal(read_all(&h, more, strlen(more)), n);
	assert_int_equal(h.known, from != NULL);
	if (!from)
		return;
	assert_string_equal(ip_text(&h.from.ip, ip), from);
	assert_string_equal(ip_text(&h.to.ip, ip), to);
	assert_int_equal(h.from.port, from_port);
	assert_int_equal(h.to.port, to_port);
}

static void test_lines(void **state)
{
	(void)state;
	check_v1("PROXY TCP4 192.0.2.1 198.51.100.2 40000 80\r\n", "192.0.2.1", 40000,
	         "198.51.100.2", 80);
	check_v1("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255",
	         65535, "255.255.255.255", 65535);
	check_v1("PROXY TCP6 2001:db8::1 ::1 1 0\r\n", "2001:db8::1", 1, "::1", 0);
	check_v1("PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n", "192.0.2.1", 1, "2001:db8::2",
	         2);
	check_v1("PROXY UNKNOWN\r\n", NULL, 0, NULL, 0);
	check_v1("PROXY UNKNOWN ffff:f...f:ffff whatever 65535\r\n", NULL, 0, NULL, 0);
}

static const char *const bad_lines[] = {
	"PROXY TCP4 192.0.2.1 198.51.100.2 40000 80\n",
	"PROXY TCP4 192.0.2.1 198.51.100.2 40000\r\n",
	"PROXY TCP4 192.0.2.1 198.51.100.2 40000 80 \r\n",
	"PROXY TCP4 192.0.2.1 198.51.100.2 40000 80 1\r\n",
	"PROXY TCP4  192.0.2.1 198.51.100.2 40000 80\r\n",
	"PROXY TCP4 192.0.2.1 198.51.100.2 40000 65536\r\n",
	"PROXY TCP4 192.0.2.1 198.51.100.2 40000 080\r\n",
	"PROXY TCP4 192.0.2.1 198.51.100.2 -1 80\r\n",
	"PROXY TCP4 192.0.2.01 198.51.100.2 1 80\r\n",
	"PROXY TCP4 192.0.2.1.5 198.51.100.2 1 80\r\n",
	"PROXY TCP4 ::1 ::1 1 80\r\n",
	"PROXY TCP6 192.0.2.1 198.51.100.2 1 80\r\n",
	"PROXY TCP6 fe80::1%eth0 ::1 1 80\r\n",
	"PROXY tcp4 192.0.2.1 198.51.100.2 1 80\r\n",
	"PROXY UDP4 192.0.2.1 198.51.100.2 1 80\r\n",
	"PROXY UNKNOWNX\r\n",
	"PROXY \r\n",
	"PROXY TCP4 192.0.2.1\t198.51.100.2 1 80\r\n",
};

static void test_bad_lines(void **state)
{
	struct proxy_header h;
	char line[200] = "PROXY UNKNOWN ";

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(bad_lines); i++)
		assert_int_equal(proxy_header_read(&h, bad_lines[i], strlen(bad_lines[i])),
		                 -EINVAL);
	assert_int_equal(proxy_header_read(&h, "GET / HTTP/1.1\r\n", 16), -EPROTO);
	assert_int_equal(proxy_header_read(&h, "PROXX", 5), -EPROTO);
	assert_int_equal(proxy_header_read(&h, "", 0), 0);
	assert_int_equal(proxy_header_read(&h, "PROXY TCP4 1.2.3.4\0 1.2.3.4 1 2\r\n", 33),
	                 -EINVAL);
	memset(line + 14, 'x', sizeof(line) - 14);
	assert_int_equal(proxy_header_read(&h, line, 106), 0);
	assert_int_equal(proxy_header_read(&h, line, 107), -EINVAL);
	memcpy(line + 105, "\r\n", 2);
	assert_int_equal(proxy_header_read(&h, line, 150), 107);
}

#define START "\r\n\r\n\0\r\nQUIT\n"
#define FOUR "\xc0\0\2\1\xc6\x33\x64\2\x9c\x40\0\x50"

static void test_bytes(void **state)
{
	static const char four[] = START "\x21\x11\0\x0c" FOUR "tail";
	static const char six[] = START "\x21\x21\0\x24"
					"\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
					"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\7"
					"\0\1\0\2";
	static const char extras[] = START "\x21\x11\0\x14" FOUR "\4\0\0\3\0\2ab";
	static const char local[] = START "\x20\0\0\3xyz";
	static const char unspecified[] = START "\x21\0\0\0";
	struct proxy_header h;
	char ip[IP_TEXT];

	(void)state;
	assert_int_equal(read_all(&h, four, sizeof(four) - 1), 28);
	assert_true(h.known);
	assert_string_equal(ip_text(&h.from.ip, ip), "192.0.2.1");
	assert_string_equal(ip_text(&h.to.ip, ip), "198.51.100.2");
	assert_int_equal(h.from.port, 40000);
	assert_int_equal(h.to.port, 80);
	assert_int_equal(read_all(&h, six, sizeof(six) - 1), 52);
	assert_string_equal(ip_text(&h.from.ip, ip), "2001:db8::1");
	assert_string_equal(ip_text(&h.to.ip, ip), "192.0.2.7");
	assert_int_equal(read_all(&h, extras, sizeof(extras) - 1), 36);
	assert_true(h.known);
	assert_int_equal(read_all(&h, local, sizeof(local) - 1), 19);
	assert_false(h.known);
	assert_int_equal(read_all(&h, unspecified, sizeof(unspecified) - 1), 16);
	assert_false(h.known);
}

static void test_bad_bytes(void **state)
{
	static const struct {
		const char *p;
		size_t n;
	} bad[] = {
#define BAD(text) { text, sizeof(text) - 1 }
		BAD(START "\x11\x11\0\x0c" FOUR),          /* another version */
		BAD(START "\x22\x11\0\x0c" FOUR),          /* another command */
		BAD(START "\x21\x12\0\x0c" FOUR),          /* datagrams */
		BAD(START "\x21\x21\0\x0c" FOUR),          /* too short for its family */
		BAD(START "\x21\x11\0\x0b" FOUR),          /* likewise */
		BAD(START "\x21\x11\0\x0e" FOUR "\4\0"),   /* half an extra */
		BAD(START "\x21\x11\0\x0f" FOUR "\4\0\1"), /* one that ends behind the end */
		BAD(START "\x21\x11\x08\x00"),             /* too long */
	};
	struct proxy_header h;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(read_all(&h, bad[i].p, bad[i].n), -EINVAL);
	assert_int_equal(proxy_header_read(&h, "\r\n\r\nX", 5), -EPROTO);
}

static void test_made(void **state)
{
	static const char *const texts[] = { "192.0.2.1", "2001:db8::ffff", "10.0.0.9" };
	char out[PROXY_HEADER_MADE];

	(void)state;
	for (unsigned i = 0; i < 9; i++) {
		struct endpoint from = { .port = 65535 }, to = { .port = 443 };

		assert_true(ip_parse(&from.ip, texts[i / 3]) && ip_parse(&to.ip, texts[i % 3]));
		for (unsigned version = 1; version <= 2; version++) {
			struct proxy_header h;
			size_t n = proxy_header_make(version, &from, &to, out);

			assert_true(n <= sizeof(out));
			assert_int_equal(read_all(&h, out, n), n);
			assert_true(h.known && endpoint_equal(&h.from, &from) &&
			            endpoint_equal(&h.to, &to));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines), cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_bytes), cmocka_unit_test(test_bad_bytes),
		cmocka_unit_test(test_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
