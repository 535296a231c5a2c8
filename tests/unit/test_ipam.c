/* test_ipam.c - pod addresses: order, bounds, both families. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>

#include "../../modules/podnet/ipam.h"

static void make(struct ipam *m, const char *const *cidrs, unsigned n)
{
	struct conf_cidrs c = { .n = n };
	struct err e;

	for (unsigned i = 0; i < n; i++)
		assert_true(cidr_parse(&c.v[i], cidrs[i]));
	assert_int_equal(ipam_init(m, &c, &e), 0);
}

static void expect_take(struct ipam *m, uint8_t family, const char *want)
{
	char text[IP_TEXT];
	struct ip ip;
	struct err e;

	assert_int_equal(ipam_take(m, family, &ip, &e), 0);
	assert_string_equal(ip_text(&ip, text), want);
}

static void release(struct ipam *m, const char *text)
{
	struct ip ip;

	assert_true(ip_parse(&ip, text));
	ipam_release(m, &ip);
}

static int take_this(struct ipam *m, const char *text)
{
	struct ip ip;
	struct err e;

	assert_true(ip_parse(&ip, text));
	return ipam_take_this(m, &ip, &e);
}

static void walks_then_reuses_the_oldest(void **state)
{
	struct ipam m;
	struct ip ip;
	struct err e;

	(void)state;
	make(&m, (const char *[]){ "10.0.0.0/29" }, 1);
	expect_take(&m, 4, "10.0.0.1");
	expect_take(&m, 4, "10.0.0.2");
	release(&m, "10.0.0.2");
	release(&m, "10.0.0.1");
	for (unsigned i = 3; i <= 6; i++)
		assert_int_equal(ipam_take(&m, 4, &ip, &e), 0);
	assert_int_equal(ip.b[3], 6); /* never .7, the broadcast address */
	expect_take(&m, 4, "10.0.0.2");
	expect_take(&m, 4, "10.0.0.1");
	assert_int_equal(ipam_take(&m, 4, &ip, &e), -ENOSPC);
	assert_int_equal(ipam_room(&m, 4), 0);
	release(&m, "10.0.0.4");
	assert_int_equal(ipam_room(&m, 4), 1);
	expect_take(&m, 4, "10.0.0.4");
	ipam_free(&m);
}

static void takes_the_first_range_with_room(void **state)
{
	struct ipam m;

	(void)state;
	make(&m, (const char *[]){ "10.0.0.0/31", "fd00::/126", "10.1.0.0/30" }, 3);
	expect_take(&m, 4, "10.0.0.0");
	expect_take(&m, 4, "10.0.0.1");
	expect_take(&m, 4, "10.1.0.1");
	release(&m, "10.0.0.0");
	expect_take(&m, 4, "10.0.0.0");
	expect_take(&m, 16, "fd00::1");
	expect_take(&m, 16, "fd00::2");
	expect_take(&m, 16, "fd00::3");
	assert_int_equal(ipam_room(&m, 16), 0);
	assert_int_equal(ipam_room(&m, 4), 1);
	ipam_free(&m);
}

static void takes_requested_ones(void **state)
{
	struct ipam m;

	(void)state;
	make(&m, (const char *[]){ "10.0.0.0/29", "fd00::/64" }, 2);
	assert_int_equal(take_this(&m, "10.0.0.2"), 0);
	assert_int_equal(take_this(&m, "10.0.0.2"), -EADDRINUSE);
	assert_int_equal(take_this(&m, "10.0.0.0"), -ERANGE);
	assert_int_equal(take_this(&m, "10.0.0.7"), -ERANGE);
	assert_int_equal(take_this(&m, "10.0.1.1"), -ERANGE);
	assert_int_equal(take_this(&m, "fd00::"), -ERANGE);
	assert_int_equal(take_this(&m, "fd00::ffff:0:1"), 0);
	expect_take(&m, 4, "10.0.0.1");
	expect_take(&m, 4, "10.0.0.3");
	release(&m, "10.0.0.2");
	release(&m, "10.0.0.2"); /* twice does no harm */
	assert_int_equal(take_this(&m, "10.0.0.2"), 0);
	assert_int_equal(ipam_room(&m, 4), 3);
	ipam_free(&m);
}

static void goes_on_behind_the_newest(void **state)
{
	struct ipam m;
	struct ip newest;

	(void)state;
	make(&m, (const char *[]){ "10.0.0.0/29" }, 1);
	assert_int_equal(take_this(&m, "10.0.0.5"), 0);
	assert_true(ip_parse(&newest, "10.0.0.5"));
	ipam_resume_behind(&m, &newest);
	expect_take(&m, 4, "10.0.0.6");
	expect_take(&m, 4, "10.0.0.1");
	for (unsigned i = 2; i <= 4; i++) {
		struct err e;

		assert_int_equal(ipam_take(&m, 4, &newest, &e), 0);
	}
	assert_int_equal(ipam_room(&m, 4), 0);
	ipam_free(&m);
}

/* A /64 is never walked to its end: memory stays bounded all the same. */
static void bounds_a_large_range(void **state)
{
	struct ipam m;
	struct ip ip;
	struct err e;

	(void)state;
	make(&m, (const char *[]){ "fd00::/64" }, 1);
	for (unsigned i = 0; i < 3 * IPAM_RELEASED_MAX; i++) {
		assert_int_equal(ipam_take(&m, 16, &ip, &e), 0);
		ipam_release(&m, &ip);
	}
	assert_int_equal(m.leases.len, IPAM_RELEASED_MAX);
	assert_true(ipam_room(&m, 16) > UINT32_MAX);
	ipam_free(&m);
}

static void refuses_overlaps(void **state)
{
	struct conf_cidrs c = { .n = 2 };
	struct ipam m;
	struct err e;

	(void)state;
	assert_true(cidr_parse(&c.v[0], "10.0.0.0/16") && cidr_parse(&c.v[1], "10.0.3.0/24"));
	assert_int_equal(ipam_init(&m, &c, &e), -EINVAL);
	assert_non_null(strstr(e.text, "overlap"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_then_reuses_the_oldest),
		cmocka_unit_test(takes_the_first_range_with_room),
		cmocka_unit_test(takes_requested_ones),
		cmocka_unit_test(goes_on_behind_the_newest),
		cmocka_unit_test(bounds_a_large_range),
		cmocka_unit_test(refuses_overlaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
