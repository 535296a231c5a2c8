/* test_plan_hostport.c - host ports: who holds which, and the elements that come of it. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>
#include <knetd/conf.h>

#include "../../modules/podnet/hostport.h"
#include "../../modules/podnet/hostport_plan.h"
#include "../../modules/podnet/podnet.h"
#include "fake_kern.h"

static struct err e;

static struct ip ip(const char *text)
{
	struct ip out = { 0 };

	if (*text)
		assert_true(ip_parse(&out, text));
	return out;
}

/* A pod with 10.244.0.n and fd00::n. */
static struct attachment pod(const char *name, uint8_t n, const struct cni_port *ports,
                             unsigned n_ports)
{
	struct attachment a = { .ns = "shop", .n_ips = 2, .n_ports = n_ports, .ports = ports };

	snprintf(a.container, sizeof(a.container), "c-%s", name);
	snprintf(a.pod, sizeof(a.pod), "%s", name);
	attachment_key(a.key, a.container, "eth0");
	a.ips[0] = ip("10.244.0.0");
	a.ips[0].b[3] = n;
	a.ips[1] = ip("fd00::");
	a.ips[1].b[15] = n;
	return a;
}

static struct cni_port port(uint16_t host, uint8_t proto, const char *at)
{
	return (struct cni_port){ proto, host, 80, ip(at) };
}

static int forget(void **state)
{
	(void)state;
	hostports_free();
	fake_kern_reset();
	return 0;
}

static void who_overlaps(void **state)
{
	static const struct {
		const char *first, *second;
		uint8_t proto;
		bool free;
	} cases[] = {
		{ "", "", IPPROTO_TCP, false },
		{ "", "", IPPROTO_UDP, true },
		{ "", "192.0.2.1", IPPROTO_TCP, false },
		{ "", "::1", IPPROTO_TCP, false },
		{ "0.0.0.0", "", IPPROTO_TCP, false },
		{ "0.0.0.0", "::", IPPROTO_TCP, true },
		{ "0.0.0.0", "2001:db8::1", IPPROTO_TCP, true },
		{ "192.0.2.1", "0.0.0.0", IPPROTO_TCP, false },
		{ "192.0.2.1", "192.0.2.1", IPPROTO_TCP, false },
		{ "192.0.2.1", "192.0.2.2", IPPROTO_TCP, true },
		{ "2001:db8::1", "::", IPPROTO_TCP, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct cni_port mine = port(80, IPPROTO_TCP, cases[i].first);
		struct cni_port yours = port(80, cases[i].proto, cases[i].second);
		struct attachment a = pod("a", 1, &mine, 1), b = pod("b", 2, &yours, 1);

		e.text[0] = 0;
		assert_int_equal(hostports_take(&a, &e), 0);
		assert_int_equal(hostports_take(&b, &e), cases[i].free ? 0 : -EADDRINUSE);
		assert_true(cases[i].free == !strstr(e.text, "is held by pod shop/a"));
		hostports_drop(&a);
		hostports_drop(&b);
		assert_int_equal(hostports_take(&b, &e), 0);
		hostports_free();
	}
	(void)state;
}

static void all_or_none(void **state)
{
	struct cni_port held = port(90, IPPROTO_TCP, "");
	struct cni_port both[] = { port(89, IPPROTO_TCP, ""), port(90, IPPROTO_TCP, "10.0.0.1") };
	struct attachment a = pod("a", 1, &held, 1), b = pod("b", 2, both, 2),
			  c = pod("c", 3, both, 1);

	(void)state;
	assert_int_equal(hostports_take(&a, &e), 0);
	assert_int_equal(hostports_take(&b, &e), -EADDRINUSE);
	assert_string_equal(e.text, "host port 90/TCP at 0.0.0.0 is held by pod shop/a");
	assert_null(hostports_of(&b));
	assert_int_equal(hostports_take(&c, &e), 0); /* 89 was not kept by b */
}

static void the_pods_families(void **state)
{
	struct cni_port six = port(80, IPPROTO_TCP, "::"), any = port(80, IPPROTO_TCP, "");
	struct attachment a = pod("a", 1, &six, 1), b = pod("b", 2, &any, 1);

	(void)state;
	a.n_ips = b.n_ips = 1; /* IPv4 */
	assert_int_equal(hostports_take(&a, &e), -EAFNOSUPPORT);
	assert_non_null(strstr(e.text, "80/TCP at ::"));
	assert_null(strstr(e.text, "is held by"));
	assert_int_equal(hostports_take(&b, &e), 0);
	assert_int_equal(hostports_of(&b)->n, 1);
	assert_true(hostports_on_loopback(&b, 4));
	assert_false(hostports_on_loopback(&a, 4));
	assert_true(hostports_on_loopback(&a, 16));
}

static void elements_come_and_go(void **state)
{
	struct cni_port ports[] = { port(80, IPPROTO_TCP, ""), port(53, IPPROTO_UDP, "192.0.2.1") };
	struct attachment a = pod("a", 1, ports, 2), none = pod("none", 2, NULL, 0);

	(void)state;
	assert_int_equal(conf_load(NULL, &e), 0);
	assert_int_equal(rules_replace(&e), 0); /* the fake knows the sets from here on */
	assert_non_null(strstr(fake_kern_text(), " | fib daddr local | goto hostports4\n"));
	fake_kern_reset();
	assert_int_equal(hostport_take(&none, &e), 0);
	assert_int_equal(hostport_open(&none, &e), 0);
	hostport_close(&none);
	assert_string_equal(fake_kern_text(), "");
	assert_int_equal(hostport_take(&a, &e), 0);
	assert_string_equal(fake_kern_text(), "");
	assert_int_equal(hostport_open(&a, &e), 0);
	assert_string_equal(fake_kern_text(),
	                    "add knetd_podnet ports4 tcp . 80 : 10.244.0.1 . 80\n"
	                    "add knetd_podnet ports6 tcp . 80 : fd00::1 . 80\n"
	                    "add knetd_podnet ports_at4 192.0.2.1 . udp . 53 : 10.244.0.1 . 80\n"
	                    "add knetd_podnet ports_self4 10.244.0.1 . 10.244.0.1\n"
	                    "add knetd_podnet ports_self6 fd00::1 . fd00::1\n"
	                    "commit\n"
	                    "conntrack purge 17 to 192.0.2.1:53\n");
	fake_kern_reset();
	assert_int_equal(rules_replace(&e), 0); /* a full pass has them too */
	assert_non_null(strstr(fake_kern_text(), "ports_at4 192.0.2.1 . udp . 53"));
	fake_kern_reset();
	hostport_close(&a);
	assert_non_null(strstr(fake_kern_text(), "del knetd_podnet ports4 tcp . 80\n"));
	assert_null(hostports_of(&a));
}

/* Somebody has taken the table away: all of it is made again. */
static void a_failed_commit_replaces_the_table(void **state)
{
	struct cni_port p = port(80, IPPROTO_TCP, "");
	struct attachment a = pod("a", 1, &p, 1);

	(void)state;
	assert_int_equal(hostport_take(&a, &e), 0);
	fake_kern_fail_commit(ENOENT);
	assert_int_equal(hostport_open(&a, &e), 0);
	assert_non_null(strstr(fake_kern_text(), "replace table knetd_podnet\n"));
	assert_non_null(strstr(fake_kern_text(), "ports4 tcp . 80 : 10.244.0.1 . 80"));
	assert_true(hostports_of(&a)->open);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(who_overlaps, forget),
		cmocka_unit_test_teardown(all_or_none, forget),
		cmocka_unit_test_teardown(the_pods_families, forget),
		cmocka_unit_test_teardown(elements_come_and_go, forget),
		cmocka_unit_test_teardown(a_failed_commit_replaces_the_table, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
