/* test_ipam.c - pod addresses: order, bounds, both families. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>

#include "../../modules/podnet/ipam.h"

static struct conf_ranges reserved;

static void make(struct ipam *m, const char *const *cidrs, unsigned n)
{
	struct conf_cidrs c = { .n = n };
	struct err e;

	for (unsigned i = 0; i < n; i++)
		assert_true(cidr_parse(&c.v[i], cidrs[i]));
	assert_int_equal(ipam_init(m, &c, &reserved, &e), 0);
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
	assert_int_equal(ipam_init(&m, &c, &reserved, &e), -EINVAL);
	assert_non_null(strstr(e.text, "overlap"));
}

static void reserve(const char *const *items, unsigned n)
{
	reserved.n = n;
	for (unsigned i = 0; i < n; i++)
		assert_true(range_parse(&reserved.v[i], items[i]));
}

static void never_hands_out_what_is_reserved(void **state)
{
	struct ipam m;
	struct ip ip;
	struct err e;

	(void)state;
	reserve((const char *[]){ "10.0.0.2", "10.0.0.4-10.0.0.5", "10.0.0.5-10.0.0.6",
	                          "10.9.0.0/16", "fd00::-fd00::ffff:ffff:ffff" },
	        5);
	make(&m, (const char *[]){ "10.0.0.0/29", "fd00::/64" }, 2);
	assert_int_equal(ipam_room(&m, 4), 2);
	expect_take(&m, 4, "10.0.0.1");
	expect_take(&m, 4, "10.0.0.3");
	assert_int_equal(ipam_take(&m, 4, &ip, &e), -ENOSPC);
	assert_non_null(strstr(e.text, "10.0.0.0/29: 2"));
	assert_int_equal(take_this(&m, "10.0.0.5"), -ERANGE);
	expect_take(&m, 16, "fd00::1:0:0:0"); /* not walked over one by one */
	ipam_free(&m);
	reserved.n = 0;
}

static void uses_the_smallest_ranges_wholly(void **state)
{
	struct ipam m;

	(void)state;
	make(&m, (const char *[]){ "10.0.0.5/32", "fd00::7/128", "fd00::a/127" }, 3);
	expect_take(&m, 4, "10.0.0.5");
	expect_take(&m, 16, "fd00::7");
	expect_take(&m, 16, "fd00::a");
	expect_take(&m, 16, "fd00::b");
	assert_int_equal(ipam_room(&m, 4) + ipam_room(&m, 16), 0);
	ipam_free(&m);
}

static int within(struct ipam *m, const char *part, struct ip *ip)
{
	struct ip_range r;
	struct err e;

	assert_true(range_parse(&r, part));
	return ipam_take_within(m, &r, ip, &e);
}

static void takes_from_a_part(void **state)
{
	struct ipam m;
	struct ip ip, first;

	(void)state;
	reserve((const char *[]){ "10.0.0.17" }, 1);
	make(&m, (const char *[]){ "10.0.0.0/24", "fd00::/64" }, 2);
	assert_int_equal(within(&m, "10.0.0.16-10.0.0.18", &first), 0);
	assert_int_equal(within(&m, "10.0.0.16-10.0.0.18", &ip), 0);
	assert_int_equal(first.b[3], 16);
	assert_int_equal(ip.b[3], 18);
	assert_int_equal(within(&m, "10.0.0.16-10.0.0.18", &ip), -ENOSPC);
	ipam_release(&m, &ip);
	ipam_release(&m, &first);
	assert_int_equal(within(&m, "10.0.0.16-10.0.0.18", &ip), 0);
	assert_int_equal(ip.b[3], 18); /* the one released first */
	assert_int_equal(within(&m, "10.0.0.255-10.0.0.255", &ip), -ENOSPC);
	assert_int_equal(within(&m, "10.0.0.250-10.0.1.2", &ip), -ERANGE);
	assert_int_equal(within(&m, "fd00::5:0:0:0-fd00::5:0:0:9", &ip), 0);
	expect_take(&m, 4, "10.0.0.1");
	ipam_free(&m);
	reserved.n = 0;
}

/* ---- ten thousand steps beside a model ------------------------------------------------------ */

#define MODEL_CIDR "10.7.0.0/27"
#define MODEL_SIZE 32

static struct {
	bool taken[MODEL_SIZE], reserved[MODEL_SIZE];
	int last; /* the place released last, -1: none */
} model;

static unsigned random_below(unsigned n)
{
	return (unsigned)rand() % n;
}

static bool model_free(unsigned at)
{
	return at > 0 && at < MODEL_SIZE - 1 && !model.taken[at] && !model.reserved[at];
}

static unsigned model_room(void)
{
	unsigned room = 0;

	for (unsigned i = 0; i < MODEL_SIZE; i++)
		room += model_free(i);
	return room;
}

static struct ip place(unsigned at)
{
	return (struct ip){ 4, { 10, 7, 0, at } };
}

static void step_take(struct ipam *m)
{
	unsigned room = model_room();
	struct ip ip;
	struct err e;

	if (!room) {
		assert_int_equal(ipam_take(m, 4, &ip, &e), -ENOSPC);
		return;
	}
	assert_int_equal(ipam_take(m, 4, &ip, &e), 0);
	assert_true(model_free(ip.b[3]));
	if (room > 1 && model.last >= 0)
		assert_int_not_equal(ip.b[3], model.last);
	model.taken[ip.b[3]] = true;
	if (model.last == ip.b[3])
		model.last = -1;
}

static void step_take_this(struct ipam *m, unsigned at)
{
	struct ip ip = place(at);
	struct err e;
	int ret = ipam_take_this(m, &ip, &e);

	assert_int_equal(ret == 0, model_free(at));
	if (ret) {
		assert_int_equal(ret, model.taken[at] ? -EADDRINUSE : -ERANGE);
		return;
	}
	model.taken[at] = true;
	if (model.last == (int)at)
		model.last = -1;
}

static void step_release(struct ipam *m, unsigned at)
{
	struct ip ip = place(at);

	ipam_release(m, &ip);
	if (model.taken[at])
		model.last = (int)at;
	model.taken[at] = false;
}

/* The daemon starts again with another list: who has a reserved address by then is not counted. */
static void step_restart(struct ipam *m)
{
	struct err e;

	ipam_free(m);
	reserved.n = random_below(4);
	for (unsigned i = 0; i < MODEL_SIZE; i++)
		model.reserved[i] = false;
	for (unsigned i = 0; i < reserved.n; i++) {
		unsigned from = random_below(MODEL_SIZE), to = from + random_below(5);

		to = to < MODEL_SIZE ? to : MODEL_SIZE - 1;
		reserved.v[i] = (struct ip_range){ place(from), place(to) };
		for (unsigned k = from; k <= to; k++)
			model.reserved[k] = true;
	}
	make(m, (const char *[]){ MODEL_CIDR }, 1);
	model.last = -1;
	for (unsigned i = 0; i < MODEL_SIZE; i++) {
		struct ip ip = place(i);

		if (model.taken[i] && model.reserved[i])
			model.taken[i] = false;
		else if (model.taken[i])
			assert_int_equal(ipam_take_this(m, &ip, &e), 0);
	}
}

static void behaves_like_the_model(void **state)
{
	struct ipam m;

	(void)state;
	srand(7);
	model.last = -1;
	make(&m, (const char *[]){ MODEL_CIDR }, 1);
	for (unsigned i = 0; i < 10000; i++) {
		unsigned at = random_below(MODEL_SIZE), what = random_below(100);

		if (what < 40)
			step_take(&m);
		else if (what < 60)
			step_take_this(&m, at);
		else if (what < 99)
			step_release(&m, at);
		else
			step_restart(&m);
		assert_int_equal(ipam_room(&m, 4), model_room());
	}
	ipam_free(&m);
	reserved.n = 0;
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
		cmocka_unit_test(never_hands_out_what_is_reserved),
		cmocka_unit_test(uses_the_smallest_ranges_wholly),
		cmocka_unit_test(takes_from_a_part),
		cmocka_unit_test(behaves_like_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
