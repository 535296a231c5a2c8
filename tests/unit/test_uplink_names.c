/* test_uplink_names.c - name servers and domains of router advertisements: what is taken, how long
 * it is good, and how much of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../modules/uplink/uplink_names.h"

static struct uplink_names t;
static uint8_t option[2048];

/* An option of that type, its payload padded to whole units. */
static size_t make(uint8_t type, uint32_t lifetime, const void *payload, size_t n)
{
	size_t size = (8 + n + 7) / 8 * 8;

	memset(option, 0, sizeof(option));
	option[0] = type;
	option[1] = (uint8_t)(size / 8);
	for (int i = 0; i < 4; i++)
		option[4 + i] = (uint8_t)(lifetime >> (24 - 8 * i));
	memcpy(option + 8, payload, n);
	return size;
}

static void servers(const char *list, uint32_t lifetime, uint64_t now)
{
	uint8_t b[16 * 20];
	char copy[512], *rest;
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", list);
	for (char *w = strtok_r(copy, " ", &rest); w; w = strtok_r(NULL, " ", &rest), n += 16) {
		struct ip ip;

		assert_true(ip_parse(&ip, w));
		memcpy(b + n, ip.b, 16);
	}
	uplink_names_hear(&t, option, make(25, lifetime, b, n), now);
}

#define DOMAINS(bytes, lifetime, now)                                                              \
	uplink_names_hear(&t, option, make(31, lifetime, bytes, sizeof(bytes) - 1), now)

static const char *resolv(void)
{
	static char text[2048];
	struct buf b = { 0 };
	struct resolv r;

	uplink_names_resolv(&t, &r);
	resolv_print(&r, &b);
	snprintf(text, sizeof(text), "%.*s", (int)b.len, b.len ? b.data : "");
	buf_free(&b);
	return text;
}

static int clean(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	return 0;
}

static void test_told(void **state)
{
	(void)state;
	servers("fd00::53 2001:db8::53 fe80::1 :: fd00::53", 600, 100);
	DOMAINS("\2ex\4test\0\3sub\2ex\4test\0", 600, 100);
	assert_string_equal(resolv(), "nameserver fd00::53\nnameserver 2001:db8::53\n"
	                              "search ex.test sub.ex.test\n");
}

static void test_lifetimes(void **state)
{
	(void)state;
	servers("fd00::1", 10, 100);
	servers("fd00::2", 20, 100);
	servers("fd00::3", UINT32_MAX, 100);
	assert_int_equal(uplink_names_expire(&t, 109), 110);
	assert_int_equal(uplink_names_expire(&t, 110), 120);
	assert_string_equal(resolv(), "nameserver fd00::2\nnameserver fd00::3\n");
	servers("fd00::2", 100, 119); /* said again */
	assert_int_equal(uplink_names_expire(&t, 120), 219);
	servers("fd00::2", 0, 121); /* taken back */
	assert_true(uplink_names_expire(&t, 121) == UPLINK_FOREVER);
	assert_string_equal(resolv(), "nameserver fd00::3\n");
	servers("fd00::9", 0, 121);
	assert_string_equal(resolv(), "nameserver fd00::3\n");
}

static void test_bounds(void **state)
{
	char one[32];

	(void)state;
	for (unsigned i = 1; i <= 100; i++) {
		snprintf(one, sizeof(one), "fd00::%x", i);
		servers(one, 1000 - i, 0);
	}
	assert_int_equal(t.servers.n, UPLINK_NAMES);
	assert_non_null(strstr(resolv(), "fd00::1\n")); /* who is good for longest */
	servers("fd00::aaaa", 5000, 0);
	assert_int_equal(t.servers.n, UPLINK_NAMES);
	assert_non_null(strstr(resolv(), "fd00::aaaa\n"));
	assert_null(strstr(resolv(), "fd00::6\n"));
}

static void test_malformed(void **state)
{
	static const uint8_t none[16] = { 25, 0 }, longer[8] = { 25, 3 };

	(void)state;
	uplink_names_hear(&t, none, sizeof(none), 0);
	uplink_names_hear(&t, longer, sizeof(longer), 0);
	uplink_names_hear(&t, none, 1, 0);
	uplink_names_hear(&t, option, make(25, 60, "\0\0\0\0\0\0\0\0\0\0\377\377\12\0\0\1", 16), 0);
	DOMAINS("\77short", 60, 0);           /* a label that goes on behind the end */
	DOMAINS("\300\14", 60, 0);            /* a pointer */
	DOMAINS("\4a\nb;\0", 60, 0);          /* not the letters of a name */
	DOMAINS("\3a\0b\0", 60, 0);           /* a NUL */
	DOMAINS("\0", 60, 0);                 /* the root */
	DOMAINS("\2ok\0\100", 60, 0);         /* one good, then rubbish */
	uplink_names_hear(&t, option, 15, 0); /* cut */
	assert_string_equal(resolv(), "search ok\n");
}

static void test_kept(void **state)
{
	struct buf b = { 0 };
	char text[512];

	(void)state;
	servers("fd00::1", UINT32_MAX, 7);
	servers("fd00::2", 60, 7);
	DOMAINS("\2ex\4test\0\1"
	        "9\1"
	        "9\1"
	        "9\1"
	        "9\0",
	        50, 7); /* also one that reads as an address */
	uplink_names_print(&t, &b);
	snprintf(text, sizeof(text), "%.*s", (int)b.len, b.data);
	buf_free(&b);
	uplink_names_parse(&t, text);
	assert_int_equal(uplink_names_expire(&t, 10), 57);
	assert_string_equal(resolv(),
	                    "nameserver fd00::1\nnameserver fd00::2\nsearch ex.test 9.9.9.9\n");
	uplink_names_parse(&t, "12 domain -bad\nrubbish\n");
	assert_string_equal(resolv(), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_told, clean),
		cmocka_unit_test_setup(test_lifetimes, clean),
		cmocka_unit_test_setup(test_bounds, clean),
		cmocka_unit_test_setup(test_malformed, clean),
		cmocka_unit_test_setup(test_kept, clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
