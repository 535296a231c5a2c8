/* test_plan_limits.c - bandwidth and sysctls of a pod, on the fake kernel. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/kern.h>

#include "../../modules/podnet/attachment.h"
#include "../../modules/podnet/podnet_limits.h"
#include "fake_kern.h"

static struct rt *host, *pod;
static const struct rt_link made = { .ifindex = 7, .peer_index = 2 };

static int start(void **state)
{
	struct err e;

	(void)state;
	host = rt_open(-1, &e);
	pod = rt_open(5, &e);
	fake_kern_reset();
	return 0;
}

static int stop(void **state)
{
	(void)state;
	rt_close(host);
	rt_close(pod);
	fake_kern_reset();
	return 0;
}

static void chooses_a_burst(void **state)
{
	struct cni_rate none = { 0 }, slow = { .rate = 1000 }, fast = { .rate = 10000000000 },
			small = { .rate = 1000000, .burst = 100 };

	(void)state;
	assert_int_equal(limits_rate(&none, 1500).rate, 0);
	assert_int_equal(limits_rate(&slow, 1500).burst, 32768);
	assert_int_equal(limits_rate(&slow, 65535).burst, 65599);
	assert_int_equal(limits_rate(&fast, 1500).burst, 62500000);
	assert_true(limits_rate(&small, 1500).burst > 1514); /* a full packet passes */
}

static void holds_each_direction_at_its_sender(void **state)
{
	struct attachment a = { .ingress = { 10000000, 40000 }, .egress = { 8000, 20000 } };
	struct err e;

	(void)state;
	assert_int_equal(limits_set(host, pod, &a, &made, &e), 0);
	assert_string_equal(fake_kern_text(), "tbf link 7 rate 1250000 burst 40000\n"
	                                      "pod tbf link 2 rate 1000 burst 20000\n");
	assert_int_equal(limits_check(host, 7, &a.ingress, "knet1", &e), 0);
	a.ingress.rate++;
	a.ingress.rate *= 2;
	assert_int_equal(limits_check(host, 7, &a.ingress, "knet1", &e), -ENOENT);
	assert_non_null(strstr(e.text, "knet1"));
}

static void costs_nothing_without_a_limit(void **state)
{
	struct attachment a = { 0 };
	struct err e;

	(void)state;
	fake_kern_fail_tbf(ENOENT);
	assert_int_equal(limits_set(host, pod, &a, &made, &e), 0);
	fake_kern_fail_tbf(0);
	assert_string_equal(fake_kern_text(), "");
}

static void names_the_missing_option(void **state)
{
	struct attachment a = { .ingress = { 10000000, 40000 } };
	struct err e;

	(void)state;
	fake_kern_fail_tbf(ENOENT);
	assert_int_equal(limits_set(host, pod, &a, &made, &e), -EOPNOTSUPP);
	fake_kern_fail_tbf(0);
	assert_non_null(strstr(e.text, "CONFIG_NET_SCH_TBF"));
}

/* From what one dump has shown: the right one is left alone, the others are set. */
static void repairs_from_one_dump(void **state)
{
	static const struct cni_rate limit = { 10000000, 40000 };
	static const struct rt_tbf right = { 1250000, 40000 }, wrong = { 1000, 40000 };
	struct plan_seen seen = { 0 };
	struct err e;

	(void)state;
	assert_false(limits_on_host());
	for (unsigned i = 1; i <= 4; i++) {
		struct rt_link l = { .ifindex = i };
		struct attachment a = { 0 };

		snprintf(l.name, sizeof(l.name), "knet%u", i);
		snprintf(a.link, sizeof(a.link), "knet%u", i);
		snprintf(a.key, sizeof(a.key), "c%u/eth0", i);
		snprintf(a.container, sizeof(a.container), "c%u", i);
		if (i < 4)
			a.ingress = limit;
		attachment_insert(&a);
		plan_saw_link(&l, &seen);
	}
	assert_true(limits_on_host());
	plan_saw_bucket(3, &wrong, &seen);
	plan_saw_bucket(1, &right, &seen);
	plan_sort(&seen);
	assert_int_equal(limits_repair(host, &seen, &e), 0);
	assert_null(strstr(fake_kern_text(), "link 1 "));
	assert_non_null(strstr(fake_kern_text(), "tbf link 2 rate 1250000 burst 40000\n"));
	assert_non_null(strstr(fake_kern_text(), "tbf link 3 rate 1250000 burst 40000\n"));
	assert_null(strstr(fake_kern_text(), "link 4 "));
	plan_seen_free(&seen);
	attachments_free();
}

static void puts_sysctls_back(void **state)
{
	struct cni_request r = { .n_sysctls = 3,
		                 .sysctls = { { "net.a", "net/a", "1" },
		                              { "net.b", "net/b", "2" },
		                              { "net.c", "net/c", "3" } } };
	struct err e;

	(void)state;
	fake_kern_fail_sysctl("net/c", ENOENT);
	assert_int_equal(limits_sysctls(5, &r, &e), -EINVAL);
	fake_kern_fail_sysctl(NULL, 0);
	assert_non_null(strstr(e.text, "net.c"));
	assert_string_equal(fake_kern_text(), "pod sysctl net/a=1\npod sysctl net/b=2\n"
	                                      "pod sysctl net/b=old\npod sysctl net/a=old\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(chooses_a_burst, start, stop),
		cmocka_unit_test_setup_teardown(holds_each_direction_at_its_sender, start, stop),
		cmocka_unit_test_setup_teardown(costs_nothing_without_a_limit, start, stop),
		cmocka_unit_test_setup_teardown(names_the_missing_option, start, stop),
		cmocka_unit_test_setup_teardown(repairs_from_one_dump, start, stop),
		cmocka_unit_test_setup_teardown(puts_sysctls_back, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
