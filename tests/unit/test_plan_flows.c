/* test_plan_flows.c - flow tables: which links are in them, when they go, and when they come again.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/conf.h>
#include <knetd/log.h>
#include <knetd/loop.h>

#include "../../knetd/kern_check.h"
#include "../../modules/podnet/podnet.h"
#include "../../modules/podnet/podnet_flows.h"
#include "fake_kern.h"

#define CHAIN                                                                                      \
	"add chain knetd_podnet_flows forward filter forward 300\n"                                \
	"add rule knetd_podnet_flows forward | iifname knet* | ct state established,related | "    \
	"l4proto 6 "                                                                               \
	"| flow add @flows\n"                                                                      \
	"add rule knetd_podnet_flows forward | iifname knet* | ct state established,related | "    \
	"l4proto 17 "                                                                              \
	"| flow add @flows\n"                                                                      \
	"commit\n"
#define TABLE(links)                                                                               \
	"replace table knetd_podnet_flows\nadd flowtable knetd_podnet_flows flows" links "\n" CHAIN
#define GONE "del table knetd_podnet_flows\ncommit\n"
#define GIVEN 1200 /* ms: more than it stays away */

static void stop(struct timer *t)
{
	(void)t;
	loop_stop();
}

static const char *after_ms(unsigned ms)
{
	struct timer t = { .fn = stop };

	timer_set(&t, ms);
	loop_run();
	return fake_kern_text();
}

static void pod(const char *link, enum attachment_state state)
{
	struct attachment a = { .state = state };

	strcpy(a.container, link);
	strcpy(a.ifname, "eth0");
	strcpy(a.link, link);
	attachment_key(a.key, a.container, a.ifname);
	attachment_insert(&a);
}

static int begin(void **state)
{
	(void)state;
	conf.podnet.flow_tables = true;
	kern_findings[KERN_FLOW_TABLES].state = KERN_THERE;
	fake_kern_uplink("up0");
	fake_kern_reset();
	return 0;
}

static int end(void **state)
{
	(void)state;
	flows_remove();
	attachments_free();
	fake_kern_uplink(NULL);
	return 0;
}

static void the_uplink_and_the_links_of_pods(void **state)
{
	(void)state;
	pod("knet1", ATTACHED);
	pod("knet2", GOING);
	flows_replace();
	assert_string_equal(fake_kern_text(), TABLE(" up0 knet1"));
}

static void a_pod_that_comes_is_added(void **state)
{
	(void)state;
	flows_replace();
	fake_kern_reset();
	flows_link_added("knet3");
	assert_string_equal(fake_kern_text(),
	                    "add flowtable knetd_podnet_flows flows knet3\ncommit\n");
}

static void an_uplink_that_comes_later_is_added_with_a_pod(void **state)
{
	(void)state;
	fake_kern_uplink(NULL);
	flows_replace();
	assert_string_equal(fake_kern_text(), TABLE(""));
	fake_kern_uplink("wan");
	fake_kern_reset();
	flows_link_added("knet3");
	assert_string_equal(fake_kern_text(),
	                    "add flowtable knetd_podnet_flows flows knet3 wan\ncommit\n");
}

static void a_link_that_cannot_be_added_has_all_made_anew(void **state)
{
	(void)state;
	flows_replace();
	pod("knet1", COMING);
	fake_kern_reset();
	fake_kern_fail_commit(ENOENT); /* somebody has taken the table away */
	flows_link_added("knet1");
	assert_string_equal(fake_kern_text(), TABLE(" up0 knet1"));
}

static void nobody_asked_for_it(void **state)
{
	(void)state;
	conf.podnet.flow_tables = false;
	flows_replace();
	assert_string_equal(fake_kern_text(), GONE);
	flows_link_added("knet1");
	assert_string_equal(fake_kern_text(), GONE);
}

static void a_kernel_without(void **state)
{
	(void)state;
	kern_findings[KERN_FLOW_TABLES].state = KERN_MISSING;
	flows_replace();
	flows_link_added("knet1");
	assert_string_equal(fake_kern_text(), GONE);
}

static void a_kernel_that_refuses(void **state)
{
	(void)state;
	fake_kern_fail_commit(EOPNOTSUPP);
	flows_replace();
	flows_link_added("knet1");
	assert_string_equal(fake_kern_text(), "");
}

static void it_steps_aside_for_who_ends_connections(void **state)
{
	(void)state;
	flows_replace();
	fake_kern_reset();
	fake_kern_busy();
	assert_string_equal(fake_kern_text(), GONE "settle\n");
	flows_link_added("knet9"); /* will be in it when it comes */
	assert_string_equal(fake_kern_text(), GONE "settle\n");
	pod("knet9", COMING);
	fake_kern_reset();
	assert_string_equal(after_ms(GIVEN), TABLE(" up0 knet9"));
}

static void it_does_not_come_again_twice(void **state)
{
	(void)state;
	flows_replace();
	fake_kern_busy();
	flows_replace(); /* what a repair does meanwhile */
	fake_kern_reset();
	assert_string_equal(after_ms(GIVEN), "");
}

static void it_does_not_come_again_after_the_end(void **state)
{
	(void)state;
	flows_replace();
	fake_kern_busy();
	flows_remove();
	fake_kern_reset();
	assert_string_equal(after_ms(GIVEN), "");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(the_uplink_and_the_links_of_pods),
		TEST(a_pod_that_comes_is_added),
		TEST(an_uplink_that_comes_later_is_added_with_a_pod),
		TEST(a_link_that_cannot_be_added_has_all_made_anew),
		TEST(nobody_asked_for_it),
		TEST(a_kernel_without),
		TEST(a_kernel_that_refuses),
		TEST(it_steps_aside_for_who_ends_connections),
		TEST(it_does_not_come_again_twice),
		TEST(it_does_not_come_again_after_the_end),
	};
	struct err e;

	log_set_level(LOG_LEVEL_ERR);
	if (loop_init(&e))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
