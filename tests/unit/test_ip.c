/* test_ip.c - what is an address, a range, an endpoint, and what only looks like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/ip.h>

static void test_addresses(void **state)
{
	static const struct {
		const char *in, *out; /* out NULL: refused */
	} cases[] = {
		{ "0.0.0.0", "0.0.0.0" },
		{ "10.96.0.10", "10.96.0.10" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "fd00:10:96::a", "fd00:10:96::a" },
		{ "FD00::0A", "fd00::a" },
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8" },
		{ "64:ff9b::192.0.2.1", "64:ff9b::c000:201" },
		{ "", NULL },
		{ " 10.0.0.1", NULL },
		{ "10.0.0.1 ", NULL },
		{ "10.0.0", NULL },
		{ "10.0.0.1.2", NULL },
		{ "10.0.0.256", NULL },
		{ "10.0.0.-1", NULL },
		{ "10.0.0.0x1", NULL },
		{ "010.0.0.1", NULL }, /* octal to some, decimal to others: refused */
		{ "10.00.0.1", NULL },
		{ "10.0.0.01", NULL },
		{ "10.0.0.1/32", NULL },
		{ "1", NULL },
		{ ".", NULL },
		{ "::ffff:10.0.0.1", NULL }, /* IPv4-mapped: two names for one address */
		{ "::ffff:a00:1", NULL },
		{ "fe80::1%eth0", NULL },
		{ ":", NULL },
		{ ":::", NULL },
		{ "1::2::3", NULL },
		{ "1:2:3:4:5:6:7:8:9", NULL },
		{ "12345::", NULL },
		{ "[::1]", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ip ip;
		char text[IP_TEXT];

		if (ip_parse(&ip, cases[i].in) != (cases[i].out != NULL))
			fail_msg("%s", cases[i].in);
		if (!cases[i].out)
			continue;
		/* glibc writes the last 32 bits dotted where they look like IPv4; bytes are what
		 * counts */
		if (!strchr(cases[i].in, '.') || ip.len == 4)
			assert_string_equal(ip_text(&ip, text), cases[i].out);
	}
}

static void test_ranges(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "10.0.0.0/8", "10.0.0.0/8" },
		{ "10.1.2.3/8", "10.0.0.0/8" }, /* host bits are cleared */
		{ "10.1.2.255/25", "10.1.2.128/25" },
		{ "10.1.2.3/32", "10.1.2.3/32" },
		{ "255.255.255.255/0", "0.0.0.0/0" },
		{ "fd00:10:244::1/64", "fd00:10:244::/64" },
		{ "fd00::ffff/113", "fd00::8000/113" },
		{ "::1/128", "::1/128" },
		{ "10.0.0.0", NULL },
		{ "10.0.0.0/", NULL },
		{ "10.0.0.0/33", NULL },
		{ "10.0.0.0/-1", NULL },
		{ "10.0.0.0/08", NULL },
		{ "10.0.0.0/8 ", NULL },
		{ "10.0.0.0/+8", NULL },
		{ "10.0.0.0/99999999999999999999", NULL },
		{ "10.0.0.0/8/8", NULL },
		{ "::/129", NULL },
		{ "/8", NULL },
		{ "10.0.0.0000000000000000000000000000000000000000000000000/8", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cidr c;
		char text[CIDR_TEXT];

		if (cidr_parse(&c, cases[i].in) != (cases[i].out != NULL))
			fail_msg("%s", cases[i].in);
		if (cases[i].out)
			assert_string_equal(cidr_text(&c, text), cases[i].out);
	}
}

static void test_has(void **state)
{
	static const struct {
		const char *range, *ip;
		bool in;
	} cases[] = {
		{ "10.96.0.0/16", "10.96.255.255", true },
		{ "10.96.0.0/16", "10.97.0.0", false },
		{ "10.96.0.0/16", "10.95.255.255", false },
		{ "0.0.0.0/0", "8.8.8.8", true },
		{ "10.0.0.1/32", "10.0.0.1", true },
		{ "10.0.0.1/32", "10.0.0.0", false },
		{ "10.0.0.128/25", "10.0.0.127", false },
		{ "10.0.0.128/25", "10.0.0.128", true },
		{ "0.0.0.0/0", "::1", false },
		{ "::/0", "10.0.0.1", false },
		{ "fd00::/65", "fd00::7fff:0:0:0", true },
		{ "fd00::/65", "fd00::8000:0:0:0", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cidr c;
		struct ip ip;

		assert_true(cidr_parse(&c, cases[i].range) && ip_parse(&ip, cases[i].ip));
		if (cidr_has(&c, &ip) != cases[i].in)
			fail_msg("%s in %s", cases[i].ip, cases[i].range);
	}
}

static void test_nth(void **state)
{
	struct cidr c;
	struct ip ip;
	char text[IP_TEXT];

	(void)state;
	cidr_parse(&c, "10.96.0.0/16");
	assert_true(cidr_nth(&c, 10, &ip));
	assert_string_equal(ip_text(&ip, text), "10.96.0.10");
	assert_true(cidr_nth(&c, 65535, &ip));
	assert_string_equal(ip_text(&ip, text), "10.96.255.255");
	assert_int_equal(cidr_offset(&c, &ip), 65535);
	assert_false(cidr_nth(&c, 65536, &ip));
	assert_int_equal(cidr_size(&c), 65536);
	cidr_parse(&c, "10.0.0.1/32");
	assert_int_equal(cidr_size(&c), 1);
	assert_true(cidr_nth(&c, 0, &ip));
	assert_false(cidr_nth(&c, 1, &ip));
	cidr_parse(&c, "0.0.0.0/0");
	assert_true(cidr_size(&c) == (uint64_t)1 << 32);
	assert_true(cidr_nth(&c, 0xffffffff, &ip));
	assert_string_equal(ip_text(&ip, text), "255.255.255.255");
	cidr_parse(&c, "fd00::/64");
	assert_true(cidr_size(&c) == (uint64_t)1 << 63);
	assert_true(cidr_nth(&c, 0x1234567890ull, &ip));
	assert_string_equal(ip_text(&ip, text), "fd00::12:3456:7890");
	assert_true(cidr_offset(&c, &ip) == 0x1234567890ull);
	cidr_parse(&c, "fd00::ff00/120");
	assert_true(cidr_nth(&c, 255, &ip)); /* carries nowhere */
	assert_string_equal(ip_text(&ip, text), "fd00::ffff");
	assert_false(cidr_nth(&c, 256, &ip));
}

static void test_endpoints(void **state)
{
	static const char *const good[] = { "127.0.0.1:80", "[::1]:80", "0.0.0.0:65535",
		                            "[fd00::1]:1" };
	static const char *const bad[] = {
		"",
		"127.0.0.1",
		":80",
		"127.0.0.1:",
		"127.0.0.1:0",
		"127.0.0.1:65536",
		"127.0.0.1:080",
		"::1:80",
		"[::1]",
		"[::1]80",
		"[::1:80",
		"[]:80",
		"[",
		"]",
		"[127.0.0.1]:80",
		"127.0.0.1]:80",
		"[[::1]]:80",
		"a:80",
		"127.0.0.1:80 ",
		"127.0.0.1:+80",
		"127.0.0.1:99999999999999999999",
		"[::ffff:1.2.3.4]:80",
	};
	struct endpoint ep;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!endpoint_parse(&ep, good[i]))
			fail_msg("%s", good[i]);
	assert_int_equal(ep.port, 1);
	assert_int_equal(ep.ip.len, 16);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (endpoint_parse(&ep, bad[i]))
			fail_msg("%s", bad[i]);
}

static void test_none(void **state)
{
	struct ip none = { 0 }, zero;
	char text[IP_TEXT] = "x";

	(void)state;
	assert_string_equal(ip_text(&none, text), "");
	ip_parse(&zero, "0.0.0.0");
	assert_false(ip_equal(&none, &zero));
	assert_true(ip_equal(&none, &(struct ip){ 0 }));
}

static void reads_ranges(void **state)
{
	static const char *const bad[] = { "",
		                           "10.0.0.9-",
		                           "-10.0.0.9",
		                           "10.0.0.9-10.0.0.1",
		                           "10.0.0.1-::1",
		                           "10.0.0.0/24-10.0.0.9",
		                           "x" };
	struct ip_range r;
	char first[IP_TEXT], last[IP_TEXT];

	(void)state;
	assert_true(range_parse(&r, "10.0.0.70/26"));
	assert_string_equal(ip_text(&r.first, first), "10.0.0.64");
	assert_string_equal(ip_text(&r.last, last), "10.0.0.127");
	assert_true(range_parse(&r, "fd00::5-fd00::1:0"));
	assert_true(range_has(&r, &r.first) && range_has(&r, &r.last));
	assert_true(range_parse(&r, "10.0.0.9") && ip_equal(&r.first, &r.last));
	assert_true(range_parse(&r, "10.0.0.9 -  10.0.0.12") && range_size(&r) == 4);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(range_parse(&r, bad[i]));
}

static void counts_and_compares_ranges(void **state)
{
	static const struct {
		const char *a, *b;
		uint64_t size; /* of a */
		bool overlap, unicast;
	} cases[] = {
		{ "10.0.0.0/24", "10.0.0.255", 256, true, true },
		{ "10.0.0.0/24", "10.0.1.0", 256, false, true },
		{ "10.0.0.5-10.0.1.5", "10.0.0.0/16", 257, true, true },
		{ "0.0.0.0/0", "::/0", (uint64_t)1 << 32, false, false },
		{ "fd00::/65", "fd00::7fff:ffff:ffff:ffff", INT64_MAX, true, true },
		{ "fd00::/66", "fd00::7fff:ffff:ffff:ffff", (uint64_t)1 << 62, false, true },
		{ "fd00::ffff:ffff:ffff:ffff-fd00:0:0:1::", "fd00::", INT64_MAX, false, true },
		{ "126.0.0.0-128.0.0.0", "127.0.0.1", ((uint64_t)2 << 24) + 1, true, false },
		{ "223.0.0.0/8", "::1", 1 << 24, false, true },
		{ "fe80::/64", "::1", INT64_MAX, false, false },
	};
	struct ip_range a, b;
	struct ip ip;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_true(range_parse(&a, cases[i].a) && range_parse(&b, cases[i].b));
		assert_true(range_size(&a) == cases[i].size);
		assert_int_equal(range_overlap(&a, &b), cases[i].overlap);
		assert_int_equal(range_overlap(&b, &a), cases[i].overlap);
		assert_int_equal(range_is_unicast(&a), cases[i].unicast);
	}
	assert_true(ip_parse(&ip, "10.0.255.255") && ip_next(&ip) &&
	            ip_parse(&a.first, "10.1.0.0"));
	assert_true(ip_equal(&ip, &a.first));
	assert_true(ip_parse(&ip, "255.255.255.255") && !ip_next(&ip) && ip_is_any(&ip));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses), cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_has),       cmocka_unit_test(test_nth),
		cmocka_unit_test(test_endpoints), cmocka_unit_test(test_none),
		cmocka_unit_test(reads_ranges),   cmocka_unit_test(counts_and_compares_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
