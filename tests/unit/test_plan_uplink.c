/* test_plan_uplink.c - which link is the uplink, and what is done about it. */
#include <net/if.h>
#include <net/if_arp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../modules/uplink/uplink_plan.h"
#include "fake_kern.h"

static struct rt_link link_of(unsigned i, const char *name, bool carrier)
{
	struct rt_link l = { .ifindex = i, .type = ARPHRD_ETHER };

	l.flags = IFF_UP | (carrier ? IFF_RUNNING : 0);
	snprintf(l.name, sizeof(l.name), "%s", name);
	return l;
}

static const char *chosen(struct uplink_choice *c, const struct uplink_links *links,
                          const char *name)
{
	const struct rt_link *l = uplink_choose(c, links, name);

	return l ? l->name : "none";
}

static void test_choose(void **state)
{
	struct uplink_links links = { .n = 2 };
	struct uplink_choice c = { 0 };

	(void)state;
	links.v[0] = link_of(2, "eth0", false);
	links.v[1] = link_of(3, "eth1", false);
	assert_string_equal(chosen(&c, &links, "auto"), "none");
	assert_string_equal(chosen(&c, &links, "eth1"), "eth1");
	assert_string_equal(chosen(&c, &links, "eth9"), "none");
	links.v[1] = link_of(3, "eth1", true);
	assert_string_equal(chosen(&c, &links, "auto"), "eth1");
	/* it has had a carrier: another one does not win it, nor does losing it */
	links.v[0] = link_of(2, "eth0", true);
	links.v[1] = link_of(3, "eth1", false);
	assert_string_equal(chosen(&c, &links, "auto"), "eth1");
	links.n = 1; /* it is gone */
	assert_string_equal(chosen(&c, &links, "auto"), "eth0");
}

static void test_choose_only(void **state)
{
	struct uplink_links links = { .n = 3 };
	struct uplink_choice c = { 0 };

	(void)state;
	links.v[0] = link_of(1, "lo", true);
	links.v[0].type = ARPHRD_LOOPBACK;
	links.v[1] = link_of(2, "br0", true);
	links.v[1].made = true;
	links.v[2] = link_of(3, "eth0", false);
	assert_string_equal(chosen(&c, &links, "auto"), "eth0");
	links.v[2].port = true;
	assert_string_equal(chosen(&c, &links, "auto"), "none");
}

static void configure(const char *const *keys)
{
	struct err e = { 0 };

	conf_override(keys);
	if (conf_load(NULL, &e))
		fail_msg("%s", e.text);
}

static struct ip ip_of(const char *text)
{
	struct ip ip;

	assert_true(ip_parse(&ip, text));
	return ip;
}

static const char *const two[] = { "node.uplink=192.0.2.7/24, 2001:db8::7/64",
	                           "node.gateways=192.0.2.1, fe80::1", NULL };

static void test_mend_all(void **state)
{
	struct uplink_seen seen = { .ifindex = 4 };
	struct rt *rt = rt_open(-1, NULL);

	(void)state;
	configure(two);
	fake_kern_reset();
	assert_int_equal(uplink_mend(rt, &seen), 4);
	assert_non_null(strstr(fake_kern_text(), "address uplink 192.0.2.7/24 link 4\n"));
	assert_non_null(strstr(fake_kern_text(), "address uplink 2001:db8::7/64 link 4\n"));
	assert_non_null(strstr(fake_kern_text(), "192.0.2.1"));
	assert_non_null(strstr(fake_kern_text(), "fe80::1"));
	rt_close(rt);
}

static void test_mend_difference(void **state)
{
	struct uplink_seen seen = { .ifindex = 4 };
	struct rt_addr mine = { .ifindex = 4, .ip = ip_of("192.0.2.7"), .bits = 24 },
		       other = { .ifindex = 4, .ip = ip_of("192.0.2.7"), .bits = 16 },
		       old = { .ifindex = 4,
		               .ip = ip_of("192.0.2.6"),
		               .bits = 24,
		               .proto = RT_ADDR_UPLINK },
		       elsewhere = { .ifindex = 5,
		                     .ip = ip_of("192.0.2.7"),
		                     .bits = 24,
		                     .proto = RT_ADDR_UPLINK };
	struct rt_route route = { .dst.ip.len = 4, .via = ip_of("192.0.2.1"), .ifindex = 4 };
	struct rt *rt = rt_open(-1, NULL);

	(void)state;
	configure(two);
	uplink_saw_addr(&mine, &seen);
	uplink_saw_addr(&other, &seen); /* somebody else's: left alone */
	uplink_saw_addr(&old, &seen);
	uplink_saw_addr(&elsewhere, &seen);
	uplink_saw_route(&route, &seen);
	fake_kern_reset();
	assert_int_equal(uplink_mend(rt, &seen), 4);
	assert_non_null(strstr(fake_kern_text(), "address del 192.0.2.6/24 link 4\n"));
	assert_non_null(strstr(fake_kern_text(), "address del 192.0.2.7/24 link 5\n"));
	assert_null(strstr(fake_kern_text(), "address uplink 192.0.2.7"));
	assert_null(strstr(fake_kern_text(), "via 192.0.2.1"));
	rt_close(rt);
}

static void test_route(void **state)
{
	struct ip near = ip_of("192.0.2.1"), far = ip_of("198.51.100.1"), ll = ip_of("fe80::1");
	struct rt_route r;

	(void)state;
	configure(two);
	uplink_default_route(4, &near, &r);
	assert_false(r.onlink);
	uplink_default_route(4, &far, &r);
	assert_true(r.onlink);
	uplink_default_route(4, &ll, &r);
	assert_false(r.onlink);
	assert_int_equal(r.dst.ip.len, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choose),   cmocka_unit_test(test_choose_only),
		cmocka_unit_test(test_mend_all), cmocka_unit_test(test_mend_difference),
		cmocka_unit_test(test_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
