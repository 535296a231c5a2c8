/* test_dns_groups.c - which upstreams a name is asked of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../modules/dns/dns_groups.h"

static struct dns_groups groups;

static bool own(const struct endpoint *ep)
{
	return ep->ip.b[0] == 127;
}

static const char *group_of(const char *text)
{
	static char out[DNS_NAME_MAX + 1];
	uint8_t name[DNS_NAME_MAX];
	size_t n = dns_name_from_text(name, text);
	const struct dns_group *g = dns_groups_find(&groups, name, n);

	return dns_name_to_text(out, g->suffix, g->suffix_len);
}

static void test_longest_suffix(void **state)
{
	struct dns_upstreams list = { 0 };
	struct stub_domains stubs = { 0 };
	static struct dns_groups copy;

	(void)state;
	upstreams_add(&list, "192.0.2.1");
	assert_null(stubs_add(&stubs, "corp.example"));
	assert_null(stubs_add_upstream(&stubs, "192.0.2.2"));
	assert_null(stubs_add(&stubs, "lab.corp.example"));
	assert_null(stubs_add_upstream(&stubs, "192.0.2.3"));
	assert_null(stubs_add_upstream(&stubs, "127.0.0.1"));
	assert_null(stubs_add(&stubs, "10.in-addr.arpa"));
	assert_null(stubs_add_upstream(&stubs, "127.0.0.2"));
	dns_groups_build(&groups, &list, &stubs, CONF_DNS_RANDOM, own);
	assert_true(dns_groups_sound(&groups));
	copy = groups;
	assert_true(dns_groups_equal(&copy, &groups));
	copy.upstream[2].at.port++;
	assert_false(dns_groups_equal(&copy, &groups));
	copy = groups;
	copy.group[1].suffix[1]++;
	assert_false(dns_groups_equal(&copy, &groups));
	assert_int_equal(groups.n, 4);
	assert_int_equal(groups.n_upstreams, 3);
	assert_string_equal(group_of("www.example"), ".");
	assert_string_equal(group_of("corp.example"), "corp.example");
	assert_string_equal(group_of("a.b.corp.example"), "corp.example");
	assert_string_equal(group_of("lab.corp.example"), "lab.corp.example");
	assert_string_equal(group_of("x.lab.corp.example"), "lab.corp.example");
	assert_string_equal(group_of("notcorp.example"), ".");
	assert_string_equal(group_of("1.2.3.10.in-addr.arpa"), "10.in-addr.arpa");
	assert_string_equal(group_of("1.2.3.110.in-addr.arpa"), ".");
	assert_int_equal(groups.group[1].n, 1); /* the longest; without our own address */
	assert_int_equal(groups.upstream[groups.group[1].first].at.ip.b[3], 3);
	assert_int_equal(groups.group[3].n + groups.group[2].n, 1); /* ours alone: none is left */
}

/* A label may hold the bytes of a suffix: the boundary counts. */
static void test_suffix_inside_a_label(void **state)
{
	static const uint8_t name[] = "\x06"
				      "ab\3com";
	struct dns_upstreams list = { 0 };
	struct stub_domains stubs = { 0 };

	(void)state;
	assert_null(stubs_add(&stubs, "com"));
	assert_null(stubs_add_upstream(&stubs, "192.0.2.2"));
	dns_groups_build(&groups, &list, &stubs, CONF_DNS_RANDOM, own);
	assert_ptr_equal(dns_groups_find(&groups, name, sizeof(name)), &groups.group[0]);
}

static void test_limits(void **state)
{
	struct stub_domains stubs = { 0 };
	struct dns_upstreams list = { 0 };
	char domain[32];

	(void)state;
	for (unsigned i = 0; i < STUB_DOMAINS_MAX; i++) {
		snprintf(domain, sizeof(domain), "d%u.example", i);
		assert_null(stubs_add(&stubs, domain));
		assert_null(stubs_add_upstream(&stubs, "192.0.2.2"));
	}
	assert_non_null(stubs_add(&stubs, "more.example"));
	for (unsigned i = 0; i < UPSTREAMS_MAX; i++)
		assert_null(upstreams_add(&list, "192.0.2.3"));
	assert_non_null(upstreams_add(&list, "192.0.2.3"));
	for (unsigned i = 1; i < UPSTREAMS_MAX; i++)
		assert_null(stubs_add_upstream(&stubs, "192.0.2.2"));
	assert_non_null(stubs_add_upstream(&stubs, "192.0.2.2"));
	dns_groups_build(&groups, &list, &stubs, CONF_DNS_RANDOM, own);
	assert_int_equal(groups.n, DNS_GROUPS);
	assert_true(dns_groups_sound(&groups));
	groups.group[3].n = 255;
	assert_false(dns_groups_sound(&groups));
}

static unsigned build_with(const char *const *upstreams, struct dns_numbers *known)
{
	struct dns_upstreams list = { 0 };
	struct stub_domains stubs = { 0 };

	for (; *upstreams; upstreams++)
		assert_null(upstreams_add(&list, *upstreams));
	assert_null(stubs_add(&stubs, "corp.example"));
	assert_null(stubs_add_upstream(&stubs, upstreams[-1]));
	dns_groups_build(&groups, &list, &stubs, CONF_DNS_SEQUENTIAL, own);
	dns_groups_number(&groups, known);
	return groups.n_upstreams;
}

static void test_numbers_last(void **state)
{
	static const char *const first[] = { "192.0.2.1", "192.0.2.2", NULL }, *const second[] = {
		"192.0.2.3", "192.0.2.2", "192.0.2.2", NULL
	};
	static struct dns_numbers known;
	char text[2][32];

	(void)state;
	build_with(first, &known);
	assert_int_equal(groups.number[0], 0);
	assert_int_equal(groups.number[1], 1);
	build_with(second, &known);
	assert_int_equal(groups.number[0], 2);
	assert_int_equal(groups.number[1], 1);
	assert_int_equal(groups.number[2], 1); /* the same one twice */
	/* more than there are numbers come and go: two at a time never share one */
	for (unsigned i = 0; i < 3 * DNS_UPSTREAMS; i++) {
		const char *const two[] = { text[0], text[1], NULL };
		unsigned before = groups.number[1];

		snprintf(text[0], sizeof(text[0]), "198.51.%u.1", i);
		snprintf(text[1], sizeof(text[1]), "198.51.%u.1", i + 1);
		build_with(two, &known);
		assert_true(groups.number[0] != groups.number[1]);
		assert_true(!i || groups.number[0] == before);
		assert_true(dns_groups_sound(&groups));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_longest_suffix),
		cmocka_unit_test(test_suffix_inside_a_label),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_numbers_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
