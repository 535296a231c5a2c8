/* test_podnet_plan.c - the pure parts of pod networks: names, labels, what is missing. */
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../modules/podnet/podnet_plan.h"

static void names_links(void **state)
{
	char a[16], b[16], c[16];

	(void)state;
	plan_link_name(a, "c1", "eth0", 0);
	plan_link_name(b, "c1", "eth0", 0);
	plan_link_name(c, "c1", "eth0", 1);
	assert_int_equal(strlen(a), 15);
	assert_int_equal(strncmp(a, "knet", 4), 0);
	assert_string_equal(a, b);
	assert_string_not_equal(a, c);
}

static void knows_its_links(void **state)
{
	struct rt_link l = { .name = "knet00112233445" },
		       other = { .name = "knet0", .alias = "mine" };

	(void)state;
	plan_link_alias(l.alias, "c1", "eth0");
	assert_string_equal(l.alias, "knetd c1 eth0");
	assert_true(plan_link_is_ours(&l));
	assert_false(plan_link_is_ours(&other));
	strcpy(l.name, "eth0");
	assert_false(plan_link_is_ours(&l));
}

static void names_objects(void **state)
{
	char out[254], long_name[260];

	(void)state;
	plan_object_name(out, "web-0.a", "c1", "knet0123456789a");
	assert_string_equal(out, "web-0.a-0123456789a");
	plan_object_name(out, "", "AbC_d.e-", "knet0123456789a");
	assert_string_equal(out, "abc-d-e-0123456789a");
	memset(long_name, 'a', 253);
	long_name[253] = 0;
	plan_object_name(out, long_name, "c1", "knet0123456789a");
	assert_int_equal(strlen(out), 212);
}

/* "k=v;" for each label, then "!" when the text is not in form. */
static const char *labels_of(const char *text)
{
	static char out[512];
	struct arena arena = { 0 };
	const char *key, *value;
	size_t n = 0;
	int ret;

	*out = 0;
	while ((ret = plan_label_next(&text, &arena, &key, &value)) > 0)
		n += snprintf(out + n, sizeof(out) - n, "%s=%s;", key, value);
	if (ret < 0)
		strcpy(out + n, "!");
	arena_free(&arena);
	return out;
}

static void reads_labels(void **state)
{
	(void)state;
	assert_string_equal(labels_of("app=web,tier=front"), "app=web;tier=front;");
	assert_string_equal(labels_of(" app=web , app.kubernetes.io/name=x,e= "),
	                    "app=web;app.kubernetes.io/name=x;e=;");
	assert_string_equal(labels_of(""), "");
	assert_string_equal(labels_of(",,"), "");
	assert_string_equal(labels_of("app"), "!");
	assert_string_equal(labels_of("a=b,=x"), "a=b;!");
	assert_string_equal(labels_of("a=b c"), "!");
	assert_string_equal(labels_of("/a=b"), "!");
	assert_string_equal(labels_of("-a=b"), "!");
	assert_string_equal(labels_of("a=b-"), "!");
}

static struct ip addr(const char *text)
{
	struct ip ip;

	assert_true(ip_parse(&ip, text));
	return ip;
}

static void finds_what_is_there(void **state)
{
	struct rt_route foreign = { .ifindex = 7, .dst = { addr("10.0.0.0"), 24 } };
	struct plan_seen s = { 0 };
	struct ip found[2], ip = addr("10.0.0.5");

	(void)state;
	for (unsigned i = 100; i > 0; i--) {
		struct rt_link l = { .ifindex = i };
		struct rt_addr a = { .ifindex = i, .ip = addr("169.254.1.1"), .bits = 32 };
		struct rt_route r = { .ifindex = i, .dst = { addr("10.0.0.0"), 32 } };

		snprintf(l.name, sizeof(l.name), "knet%u", i);
		r.dst.ip.b[3] = i;
		plan_saw_link(&l, &s);
		plan_saw_addr(&a, &s);
		plan_saw_route(&r, &s);
	}
	plan_saw_route(&foreign, &s);
	plan_sort(&s);
	assert_int_equal(s.n_routes, 100);
	assert_int_equal(plan_link(&s, "knet42")->ifindex, 42);
	assert_null(plan_link(&s, "knet101"));
	assert_true(plan_has_addr(&s, 5, &(struct ip){ 4, { 169, 254, 1, 1 } }));
	assert_false(plan_has_addr(&s, 101, &(struct ip){ 4, { 169, 254, 1, 1 } }));
	assert_true(plan_has_host_route(&s, 5, &ip));
	assert_false(plan_has_host_route(&s, 6, &ip));
	assert_int_equal(plan_routed_ips(&s, 5, found, 2), 1);
	assert_true(ip_equal(&found[0], &ip));
	plan_seen_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_links),         cmocka_unit_test(knows_its_links),
		cmocka_unit_test(names_objects),       cmocka_unit_test(reads_labels),
		cmocka_unit_test(finds_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
