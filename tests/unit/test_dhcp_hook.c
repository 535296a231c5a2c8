/* test_dhcp_hook.c - what is taken of what dhcpcd tells, and what is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../knetd/init/dhcp_hook.h"

static struct dhcp_told t;

static const char *server(unsigned i)
{
	static char text[IP_TEXT];

	return i < t.names.n ? ip_text(&t.names.servers[i], text) : "none";
}

static void test_lease(void **state)
{
	char *const env[] = { "interface=eth0",
		              "reason=BOUND",
		              "protocol=dhcp",
		              "if_up=true",
		              "new_domain_name_servers=10.9.0.53 10.9.0.54",
		              "new_domain_search=ex.test sub.ex.test",
		              NULL };

	(void)state;
	assert_true(dhcp_hook_read(env, &t));
	assert_true(t.up);
	assert_int_equal(t.names.n, 2);
	assert_string_equal(server(1), "10.9.0.54");
	assert_string_equal(t.names.search, " ex.test sub.ex.test");
}

static void test_advertisement(void **state)
{
	char *const env[] = { "protocol=ra",
		              "if_up=true",
		              "nd1_rdnss1_servers=fd09::53 fe80::1",
		              "nd2_rdnss1_servers=fd09::54",
		              "nd1_dnssl1_search=ra.test",
		              "nd1_rdnss1_lifetime=1800",
		              NULL };

	(void)state;
	assert_true(dhcp_hook_read(env, &t));
	assert_int_equal(t.names.n, 2); /* not the link-local one */
	assert_string_equal(server(0), "fd09::53");
	assert_string_equal(server(1), "fd09::54");
	assert_string_equal(t.names.search, " ra.test");
}

static void test_end(void **state)
{
	char *const stop[] = { "protocol=dhcp6", "if_up=false", "if_down=true",
		               "old_dhcp6_name_servers=fd09::53", NULL };
	char *const link[] = { "protocol=link", "if_up=false", NULL };
	char *const nothing[] = { NULL };

	(void)state;
	assert_true(dhcp_hook_read(stop, &t));
	assert_false(t.up);
	assert_int_equal(t.names.n, 0);
	assert_false(dhcp_hook_read(link, &t));
	assert_false(dhcp_hook_read(nothing, &t));
}

static void test_hostile(void **state)
{
	static char many[4000] = "new_domain_search=", servers[4000] = "new_domain_name_servers=";
	char *const env[] = { "protocol=dhcp",
		              "if_up=true",
		              "new_domain_search=ok.test $(reboot) bad\nnameserver 6.6.6.6 -x ..",
		              many,
		              servers,
		              "no equal sign",
		              "=",
		              "new_dhcp6_name_servers=1.2.3 ;rm 0.0.0.0 ::",
		              NULL };

	(void)state;
	for (int i = 0; i < 200; i++) {
		sprintf(many + strlen(many), "d%d.test ", i);
		sprintf(servers + strlen(servers), "10.0.0.%d ", i % 250 + 1);
	}
	assert_true(dhcp_hook_read(env, &t));
	assert_int_equal(t.names.n, RESOLV_SERVERS);
	assert_memory_equal(t.names.search, " ok.test 6.6.6.6", 9);
	assert_null(strpbrk(t.names.search, "\n$;"));
	assert_true(strlen(t.names.search) < sizeof(t.names.search));
}

static void test_joined(void **state)
{
	struct resolv r = { 0 };
	struct buf b = { 0 };

	(void)state;
	resolv_add_text(&r, "nameserver 10.0.0.1\nsearch sub.ex.test\n");
	resolv_add_text(&r,
	                "nameserver fd00::1\nnameserver 10.0.0.1\nsearch ex.test sub.ex.test\n");
	resolv_add_text(&r, "nameserver\nsearch\n\nnameserver fe80::1");
	resolv_print(&r, &b);
	buf_add(&b, "", 1);
	assert_string_equal(b.data, "nameserver 10.0.0.1\nnameserver fd00::1\n"
	                            "search sub.ex.test ex.test\n");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lease),  cmocka_unit_test(test_advertisement),
		cmocka_unit_test(test_end),    cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
