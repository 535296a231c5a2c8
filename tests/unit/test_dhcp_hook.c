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

	return i < t.n ? ip_text(&t.servers[i], text) : "none";
}

static void test_lease(void **state)
{
	char *const env[] = { "interface=eth0",
		              "reason=BOUND",
		              "protocol=dhcp",
		              "if_up=true",
		              "new_domain_name_servers=10.9.0.53 10.9.0.54",
		              "new_domain_search=ex.test sub.ex.test",
		              "new_host_name=box",
		              NULL };

	(void)state;
	assert_true(dhcp_hook_read(env, &t));
	assert_true(t.up);
	assert_int_equal(t.n, 2);
	assert_string_equal(server(1), "10.9.0.54");
	assert_string_equal(t.search, " ex.test sub.ex.test");
	assert_string_equal(t.host, "box");
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
	assert_int_equal(t.n, 2); /* not the link-local one */
	assert_string_equal(server(0), "fd09::53");
	assert_string_equal(server(1), "fd09::54");
	assert_string_equal(t.search, " ra.test");
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
	assert_int_equal(t.n, 0);
	assert_false(dhcp_hook_read(link, &t));
	assert_false(dhcp_hook_read(nothing, &t));
}

static void test_hostile(void **state)
{
	static char many[4000] = "new_domain_search=", servers[4000] = "new_domain_name_servers=";
	char *const env[] = { "protocol=dhcp",
		              "if_up=true",
		              "new_host_name=$(reboot)",
		              "new_domain_search=ok.test bad\nnameserver 6.6.6.6 -x ..",
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
	assert_string_equal(t.host, "");
	assert_int_equal(t.n, DHCP_SERVERS);
	assert_memory_equal(t.search, " ok.test 6.6.6.6", 9);
	assert_null(strpbrk(t.search, "\n$;"));
	assert_true(strlen(t.search) < sizeof(t.search));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lease),
		cmocka_unit_test(test_advertisement),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
