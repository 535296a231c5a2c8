/* test_plan_podnet.c - what podnet asks of the kernel: the table's rules, and a pod's further
 * routes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <knetd/conf.h>
#include <knetd/log.h>

#include "../../modules/podnet/podnet.h"
#include "../../modules/podnet/podnet_source.h"
#include "fake_kern.h"

static struct err e;

/* The table as the kernel is asked for it under that [podnet] section. */
static const char *table_of(const char *section)
{
	static char path[] = "/tmp/test_plan_podnet.XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	assert_non_null(f);
	fprintf(f, "[podnet]\n%s\n", section);
	fclose(f);
	assert_int_equal(conf_load(path, &e), 0);
	unlink(path);
	memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
	ipam_free(&podnet.ipam);
	assert_int_equal(ipam_init(&podnet.ipam, &conf.podnet.cidrs, &conf.podnet.reserved, &e), 0);
	fake_kern_reset();
	assert_int_equal(rules_replace(&e), 0);
	return fake_kern_text();
}

static void has(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no \"%s\" in:\n%s", line, text);
}

static void hasnt(const char *text, const char *line)
{
	if (strstr(text, line))
		fail_msg("\"%s\" in:\n%s", line, text);
}

static void masquerade_leaves_known_networks_alone(void **state)
{
	const char *text = table_of("cidrs = 10.244.0.0/24, fd00:10:244::/64");

	(void)state;
	has(text, "add knetd_podnet direct4 10.244.0.0/24\nadd knetd_podnet direct4 10.96.0.0/16\n"
	          "add knetd_podnet direct4 224.0.0.0/4\nadd knetd_podnet direct4 169.254.0.0/16\n"
	          "add knetd_podnet direct4 255.255.255.255/32\n");
	has(text, "add knetd_podnet direct6 ff00::/8\nadd knetd_podnet direct6 fe80::/10\n");
	has(text,
	    "add rule knetd_podnet postrouting | ipv4 | r0 = saddr | r0 @pods4 | r0 = daddr | "
	    "r0 != @direct4 | oif != lo | masquerade\n");
	has(text, "commit\n");
}

/* The kernel refuses ranges that overlap. */
static void a_range_inside_another_is_left_out(void **state)
{
	const char *text =
		table_of("masquerade_except = 192.0.2.128/25, 192.0.2.0/24, 192.0.2.0/24, "
	                 "10.244.0.0/25, 10.0.0.0/8, fe80::/64");

	(void)state;
	has(text, "direct4 192.0.2.0/24\n");
	has(text, "direct4 10.0.0.0/8\n");
	hasnt(text, "192.0.2.128");
	hasnt(text, "direct4 10.244");
	hasnt(text, "direct4 10.96");
	hasnt(text, "direct6 fe80::/64");
	has(text, "direct6 fe80::/10\n");
	has(text, "pods4 10.244.0.0/24\n");
}

static void a_chosen_source(void **state)
{
	const char *text = table_of("outbound = 2001:db8::7");

	(void)state;
	has(text, "r0 != @direct4 | oif != lo | masquerade\n");
	has(text, "r0 != @direct6 | oif != lo | snat to 2001:db8::7\n");
}

/* Nobody borrows an address, masquerade or not. */
static void the_way_back(void **state)
{
	const char *text = table_of("masquerade = no");

	(void)state;
	hasnt(text, "add chain knetd_podnet postrouting");
	has(text, "add chain knetd_podnet way_back filter prerouting -300\n");
	has(text, "iifname knet* | ipv4 | fib saddr . iif missing | drop\n");
	has(text, "iifname knet* | ipv6 | saddr != fe80::/10 | saddr != ::/128 | "
	          "fib saddr . iif missing | drop\n");
}

static void further_interfaces_have_a_table(void **state)
{
	struct attachment a = { .ifname = "net1", .n_ips = 2 };
	struct rt *pod = rt_open(0, &e);

	(void)state;
	assert_true(ip_parse(&a.ips[0], "10.244.0.8") && ip_parse(&a.ips[1], "fd00::8"));
	fake_kern_reset();
	assert_int_equal(source_setup(pod, &a, 5, &e), 0);
	assert_string_equal(
		fake_kern_text(),
		"pod route replace 0.0.0.0/0 via 169.254.1.1 table 107005 link 5 onlink\n"
		"pod rule add from 10.244.0.8 lookup 107005\n"
		"pod route replace ::/0 via fe80::1 table 107005 link 5 onlink\n"
		"pod rule add from fd00::8 lookup 107005\n");
	rt_close(pod);
}

/* Last: a kernel without the expression does not get it later. */
static void a_kernel_without_fib(void **state)
{
	(void)state;
	table_of("mtu = 1400");
	fake_kern_reset();
	fake_kern_fail_commit(ENOENT);
	assert_int_equal(rules_replace(&e), 0);
	has(fake_kern_text(), "iifname knet* | ipv4 | daddr 127.0.0.0/8 | drop\n");
	hasnt(fake_kern_text(), "fib");
	has(fake_kern_text(), "masquerade\n");
	fake_kern_reset();
	assert_int_equal(rules_replace(&e), 0);
	hasnt(fake_kern_text(), "fib");
}

static int clean(void **state)
{
	(void)state;
	ipam_free(&podnet.ipam);
	fake_kern_reset();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(masquerade_leaves_known_networks_alone),
		cmocka_unit_test(a_range_inside_another_is_left_out),
		cmocka_unit_test(a_chosen_source),
		cmocka_unit_test(the_way_back),
		cmocka_unit_test(further_interfaces_have_a_table),
		cmocka_unit_test(a_kernel_without_fib),
	};

	log_set_level(LOG_LEVEL_ERR);
	return cmocka_run_group_tests(tests, NULL, clean);
}
