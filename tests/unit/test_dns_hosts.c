/* test_dns_hosts.c - hosts files, good ones by what is found of them and bad ones by their errors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>
#include <knetd/ip.h>

#include "../../modules/dns/dns_hosts.h"
#include "../../modules/dns/dns_local.h"

/* The addresses, or names, that a hosts name has: "192.0.2.1 192.0.2.2"; "none", "no data". */
static const char *found(const char *text, const char *name, uint16_t type)
{
	static char out[1024];
	uint8_t wire[DNS_NAME_MAX];
	auto_buf struct buf entries = { 0 }, slot = { 0 };
	enum dns_local_result result;
	struct dns_local_hit hit;
	struct dns_hosts h = { 0 };
	struct dns_local l;
	struct err e = { 0 };
	size_t n = 0;

	if (dns_hosts_parse(&h, "h", text, &e))
		fail_msg("%s", e.text);
	dns_local_build(&slot, dns_hosts_entries(&h, 5, &entries), 0, &entries);
	dns_hosts_free(&h);
	dns_local_open(&l, slot.data, slot.len);
	result = dns_local_host(&l, wire, dns_name_from_text(wire, name), type, &hit);
	if (result != DNS_LOCAL_FOUND)
		return result == DNS_LOCAL_NODATA ? "no data" : "none";
	for (size_t at = 0; at < hit.set->answers_len;
	     at += 12u + dns_get16(hit.set->rr + at + 10)) {
		const uint8_t *rdata = hit.set->rr + at + 12;
		size_t len = dns_get16(rdata - 2);
		struct ip ip = { .len = (uint8_t)len };
		char one[DNS_NAME_MAX + 1];

		assert_int_equal(dns_get32(rdata - 6), 5);
		if (type == DNS_PTR)
			dns_name_to_text(one, rdata, len);
		else
			ip_text((memcpy(ip.b, rdata, len), &ip), one);
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s", n ? " " : "", one);
	}
	return out;
}

static const struct {
	const char *text, *name;
	uint16_t type;
	const char *want;
} good[] = {
	{ "192.0.2.1 a.example", "a.example", DNS_A, "192.0.2.1" },
	{ "192.0.2.1 a.example", "A.Example", DNS_A, "192.0.2.1" },
	{ "192.0.2.1 A.EXAMPLE.", "a.example", DNS_A, "192.0.2.1" },
	{ "192.0.2.1 a.example", "a.example", DNS_AAAA, "no data" },
	{ "192.0.2.1 a.example", "a.example", DNS_TXT, "no data" },
	{ "192.0.2.1 a.example", "b.a.example", DNS_A, "none" },
	{ "192.0.2.1 a.example", "example", DNS_A, "none" },
	{ "192.0.2.1 a b c\n", "c", DNS_A, "192.0.2.1" },
	{ "\t 192.0.2.1\ta  b # c\r\n", "b", DNS_A, "192.0.2.1" },
	{ "192.0.2.1 a b # c\n", "c", DNS_A, "none" },
	{ "# 192.0.2.1 a\n\n \n", "a", DNS_A, "none" },
	{ "192.0.2.1 a\n192.0.2.2 a\n192.0.2.1 a\n", "a", DNS_A, "192.0.2.1 192.0.2.2" },
	{ "192.0.2.1 a\n2001:db8::1 a\n", "a", DNS_AAAA, "2001:db8::1" },
	{ "192.0.2.1 a\n2001:db8::1 a\n", "a", DNS_A, "192.0.2.1" },
	{ "192.0.2.1 a b\n", "1.2.0.192.in-addr.arpa", DNS_PTR, "a" },
	{ "192.0.2.1 a\n192.0.2.1 b\n", "1.2.0.192.in-addr.arpa", DNS_PTR, "a" },
	{ "192.0.2.1 a\n", "2.0.192.in-addr.arpa", DNS_PTR, "none" },
	{ "255.255.255.255 a\n", "255.255.255.255.in-addr.arpa", DNS_PTR, "a" },
	{ "::1 a.b\n", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
	  DNS_PTR, "a.b" },
	{ "192.0.2.1 under_score -dash\n", "under_score", DNS_A, "192.0.2.1" },
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		const char *got = found(good[i].text, good[i].name, good[i].type);

		if (strcmp(got, good[i].want) != 0)
			fail_msg("%s | %s\n got  %s\n want %s", good[i].text, good[i].name, got,
			         good[i].want);
	}
}

#define LABEL_63 "123456789-123456789-123456789-123456789-123456789-123456789-123"

static const struct {
	const char *text, *want;
} bad[] = {
	{ "a 192.0.2.1", "h:1: \"a\": an address is expected" },
	{ "\n\n192.0.2.256 a", "h:3: \"192.0.2.256\": an address is expected" },
	{ "192.0.2 a", "an address is expected" },
	{ "fe80::1%eth0 a", "an address is expected" },
	{ "192.0.2.1", "h:1: a host name is expected behind the address" },
	{ "192.0.2.1 # a", "a host name is expected behind the address" },
	{ "192.0.2.1 a..b", "\"a..b\": a host name is expected" },
	{ "192.0.2.1 *.a", "\"*.a\": a host name is expected" },
	{ "192.0.2.1 a\\b", "a host name is expected" },
	{ "192.0.2.1 \303\244", "a host name is expected" },
	{ "192.0.2.1 " LABEL_63 "4", "a host name is expected" },
	{ "192.0.2.1 a\n192.0.2.2 " LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63,
	  "h:2: \"1234" },
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct dns_hosts h = { 0 };
		struct err e = { 0 };

		if (!dns_hosts_parse(&h, "h", bad[i].text, &e))
			fail_msg("taken: %s", bad[i].text);
		if (!strstr(e.text, bad[i].want))
			fail_msg("%s\n got  %s\n want %s", bad[i].text, e.text, bad[i].want);
		dns_hosts_free(&h);
	}
}

static void test_bounds(void **state)
{
	auto_buf struct buf text = { 0 };
	struct dns_hosts h = { 0 };
	struct err e = { 0 };

	(void)state;
	for (unsigned i = 0; i <= 1000; i++)
		buf_printf(&text, "10.0.%u.%u a\n", i / 250, i % 250);
	buf_add(&text, "", 1);
	assert_int_not_equal(dns_hosts_parse(&h, "h", text.data, &e), 0);
	assert_non_null(strstr(e.text, "h:1001: \"a\" has more than 1000 addresses"));
	dns_hosts_free(&h);
	buf_reset(&text);
	buf_str(&text, "192.0.2.1");
	for (unsigned i = 0; i < 5000; i++)
		buf_str(&text, " a");
	buf_add(&text, "", 1);
	assert_int_not_equal(dns_hosts_parse(&h, "h", text.data, &e), 0);
	assert_non_null(strstr(e.text, "h:1: longer than 8191 bytes"));
	dns_hosts_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
