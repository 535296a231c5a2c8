/* test_dns_share.c - nobody may have all questions that are on their way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../modules/dns/dns_forward.h"
#include "../../modules/dns/dns_share.h"

static struct dns_group group = { .suffix_len = 1 };
static struct dns_share taken[2 * DNS_FLIGHTS];

static const char *domain(const char *text)
{
	static char out[DNS_NAME_MAX + 1];
	uint8_t name[DNS_NAME_MAX];
	size_t n = dns_name_from_text(name, text), at = dns_share_domain(name, n);

	return dns_name_to_text(out, name + at, n - at);
}

static void test_domain(void **state)
{
	static const uint8_t root[] = "";
	char name[256] = "", want[16] = "a.a";

	(void)state;
	assert_string_equal(domain("a.b.example.com"), "example.com");
	assert_string_equal(domain("example.com"), "example.com");
	assert_string_equal(domain("com"), "com");
	assert_string_equal(domain("a.b.example.co.uk"), "example.co.uk");
	assert_string_equal(domain("www.example.de"), "example.de");
	assert_int_equal(dns_share_domain(root, 1), 0);
	for (unsigned i = 0; i < 126; i++)
		strcat(name, i ? ".a" : "a");
	assert_string_equal(domain(name), want);
}

static unsigned take(unsigned wanted, unsigned client, const char *suffix)
{
	struct dns_client c = { .peer.v4 = { .sin_family = AF_INET, .sin_addr.s_addr = client } };
	uint8_t name[DNS_NAME_MAX];
	char text[64];
	unsigned got = 0;

	memset(taken, 0, sizeof(taken));
	for (unsigned i = 0; i < wanted; i++) {
		snprintf(text, sizeof(text), "x%u%s", i, suffix);
		got += dns_share_take(&taken[i], client ? &c : NULL, name,
		                      dns_name_from_text(name, text), &group);
	}
	return got;
}

static void give(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		dns_share_give(&taken[i]);
}

static void test_shares(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 3; round++) { /* what was given back can be had again */
		assert_int_equal(take(2 * DNS_FLIGHTS, 0, ".flood.example"), DNS_FLIGHTS / 4);
		give(2 * DNS_FLIGHTS);
		assert_int_equal(take(2 * DNS_FLIGHTS, 7, ".example"),
		                 DNS_FLIGHTS / 4); /* one client */
		give(2 * DNS_FLIGHTS);
		assert_int_equal(take(2 * DNS_FLIGHTS, 0, ".example"),
		                 DNS_FLIGHTS * 3 / 4); /* one group */
		give(2 * DNS_FLIGHTS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_domain),
		cmocka_unit_test(test_shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
