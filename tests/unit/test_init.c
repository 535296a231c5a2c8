/* test_init.c - the first process' parts that need no machine: the kernel's command line, options
 * of mounts, labels of disks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include <cmocka.h>

#include "../../knetd/init/disks.h"
#include "../../knetd/init/init.h"

static struct init_cmdline c;

static void test_cmdline(void **state)
{
	(void)state;
	init_cmdline_parse("quiet console=ttyS0 knetd.conf=/x.ini  knetd.rescue "
	                   "knetd.node.name=box xknetd.dns.ttl=1 knetd.dns.ttl=7 -- knetd\n",
	                   &c);
	assert_string_equal(c.conf, "/x.ini");
	assert_true(c.rescue);
	assert_int_equal(c.n, 2);
	assert_string_equal(c.parameters[0], "node.name=box");
	assert_string_equal(c.parameters[1], "dns.ttl=7");
	assert_null(c.parameters[2]);
}

static void test_cmdline_empty(void **state)
{
	(void)state;
	init_cmdline_parse("", &c);
	assert_null(c.conf);
	assert_false(c.rescue);
	assert_int_equal(c.n, 0);
	init_cmdline_parse(" \n", &c);
	assert_int_equal(c.n, 0);
}

static void test_cmdline_quotes(void **state)
{
	(void)state;
	init_cmdline_parse(
		"knetd.init.run=\"/bin/a b  c\" \"knetd.node.uplink=10.0.0.1/8, fd00::1/64\"", &c);
	assert_int_equal(c.n, 2);
	assert_string_equal(c.parameters[0], "init.run=/bin/a b  c");
	assert_string_equal(c.parameters[1], "node.uplink=10.0.0.1/8, fd00::1/64");
}

static void test_cmdline_bounds(void **state)
{
	char *line = calloc(1, 10000);

	(void)state;
	for (int i = 0; i < 40; i++)
		sprintf(line + strlen(line), "knetd.a.b=%d ", i);
	init_cmdline_parse(line, &c);
	assert_int_equal(c.n, INIT_PARAMETERS);
	assert_int_equal(c.dropped, 8);
	assert_null(c.parameters[INIT_PARAMETERS]);
	memset(line, 'x', 9999); /* longer than the kernel's own can be */
	init_cmdline_parse(line, &c);
	assert_int_equal(c.n, 0);
	free(line);
}

static void test_options(void **state)
{
	char rest[32];

	(void)state;
	assert_int_equal(disk_options("", rest, sizeof(rest)), 0);
	assert_string_equal(rest, "");
	assert_int_equal(
		disk_options("rw,noatime,data=journal,ro,errors=panic", rest, sizeof(rest)),
		MS_NOATIME | MS_RDONLY);
	assert_string_equal(rest, "data=journal,errors=panic");
}

static void test_label(void **state)
{
	uint8_t super[DISK_SUPER_SIZE] = { [0x38] = 0x53, [0x39] = 0xef };

	(void)state;
	memcpy(super + 0x78, "state", 5);
	assert_true(disk_has_label(super, "state"));
	assert_false(disk_has_label(super, "stat"));
	assert_false(disk_has_label(super, "states"));
	memcpy(super + 0x78, "sixteen-letters!", 16);
	assert_true(disk_has_label(super, "sixteen-letters!"));
	assert_false(disk_has_label(super, "sixteen-letters!!"));
	super[0x38] = 0;
	assert_false(disk_has_label(super, "sixteen-letters!"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cmdline),        cmocka_unit_test(test_cmdline_empty),
		cmocka_unit_test(test_cmdline_quotes), cmocka_unit_test(test_cmdline_bounds),
		cmocka_unit_test(test_options),        cmocka_unit_test(test_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
