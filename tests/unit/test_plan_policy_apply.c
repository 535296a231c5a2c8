/* test_plan_policy_apply.c - policies to table knetd_policy: what exactly goes to the kernel for
 * each change, and which connections are cut. */
#include <errno.h>

#include <knetd/kern.h>
#include <knetd/loop.h>
#include <knetd/module.h>

#include "../../modules/policy/policy_cut.h"
#include "fake_kern.h"
#include "policy_stage.h"

extern const struct module policy_module;

#define T "knetd_policy "
#define APP(name) "{\"matchLabels\":{\"app\":\"" name "\"}}"
#define FROM(name) "{\"from\":[{\"podSelector\":" APP(name) "}]}"
#define WALK "conntrack walk 0\n"

static void pod(const char *name, const char *app)
{
	put(KIND_POD, "default", name, "{\"metadata\":{\"labels\":{\"app\":\"%s\"}},\"spec\":{}}",
	    app);
}

static void attach(const char *name, const char *ip)
{
	put(KIND_PODNETWORK, "default", name,
	    "{\"spec\":{\"podRef\":{\"name\":\"%s\"}},\"status\":{\"ips\":[\"%s\"]}}", name, ip);
}

static void policy(const char *name, const char *spec)
{
	put(KIND_NETWORKPOLICY, "default", name, "{\"spec\":%s}", spec);
}

static int sync_now(bool full, struct err *e)
{
	struct changes c = { .full = full, .kinds = policy_module.watches, .cursor = &cursor };
	int ret;

	fake_kern_reset();
	if (full)
		cursor_now(&cursor);
	ret = policy_module.sync(&c, e);
	check_classes();
	return ret;
}

static void sync_well(bool full)
{
	struct err e = { 0 };

	if (sync_now(full, &e))
		fail_msg("%s", e.text);
}

static void expect(const char *text)
{
	sync_well(false);
	assert_string_equal(fake_kern_text(), text);
}

static unsigned count(const char *what)
{
	unsigned n = 0;

	for (const char *s = fake_kern_text(); (s = strstr(s, what)); s += strlen(what))
		n++;
	return n;
}

static void has(const char *what)
{
	if (!count(what))
		fail_msg("no %s in\n%s", what, fake_kern_text());
}

static void web_and_client(void)
{
	pod("web", "web");
	attach("web", "10.244.0.1");
	pod("client", "client");
	attach("client", "10.244.0.2");
}

#define LET_CLIENT "{\"podSelector\":" APP("web") ",\"ingress\":[" FROM("client") "]}"

/* web (peer 4096) and client (4097) here, a policy that lets client come to web. Numbers are given
 * in the order in which pods come. */
static int world(void **state)
{
	(void)state;
	drop_all();
	fake_kern_no_flows();
	sync_well(true);
	policy("web", LET_CLIENT);
	pod("web", "web");
	attach("web", "10.244.0.1");
	sync_well(false);
	pod("client", "client");
	attach("client", "10.244.0.2");
	sync_well(false);
	return 0;
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void nothing_without_policies(void **state)
{
	(void)state;
	drop_all();
	sync_well(true);
	pod("web", "web");
	attach("web", "10.244.0.1");
	expect("");
}

static void everything_with_the_first(void **state)
{
	(void)state;
	drop_all();
	sync_well(true);
	web_and_client();
	policy("web", LET_CLIENT);
	sync_well(false);
	has("own table knetd_policy\n");
	has("add " T "egress4 10.244.0.1 : 0\n");
	has("add " T "ingress4 10.244.0.1 : 1\n");
	has("add " T "ingress4 10.244.0.2 : 0\n");
	has("add " T "selves4 10.244.0.1 . 10.244.0.1\n");
	has("add " T "in_chains 1 : goto in1\n");
	has("comment default/web\n");
	assert_int_equal(count("selves4 10"), 1);
	assert_int_equal(count("commit\n"), 1);
	assert_int_equal(count(WALK), 1);
}

static void a_pod_comes_and_goes(void **state)
{
	(void)state;
	pod("more", "client");
	attach("more", "10.244.0.3");
	expect("add " T "egress4 10.244.0.3 : 0\n"
	       "add " T "ingress4 10.244.0.3 : 0\n"
	       "add " T "peers4 10.244.0.3 : 4097\n"
	       "commit\n");
	pod("next", "web");
	attach("next", "10.244.0.4");
	expect("add " T "egress4 10.244.0.4 : 0\n"
	       "add " T "ingress4 10.244.0.4 : 1\n"
	       "add " T "peers4 10.244.0.4 : 4096\n"
	       "add " T "selves4 10.244.0.4 . 10.244.0.4\n"
	       "commit\n");
	drop(KIND_PODNETWORK, "default", "next");
	drop(KIND_POD, "default", "next");
	expect("del " T "egress4 10.244.0.4\n"
	       "del " T "ingress4 10.244.0.4\n"
	       "del " T "peers4 10.244.0.4\n"
	       "del " T "selves4 10.244.0.4 . 10.244.0.4\n"
	       "commit\n");
}

static void a_label_changes(void **state)
{
	(void)state;
	pod("more", "client");
	attach("more", "10.244.0.3");
	sync_well(false);
	pod("client", "other");
	expect("del " T "peers4 10.244.0.2\n"
	       "add " T "peers4 10.244.0.2 : 4096\n"
	       "commit\n" WALK);
	put(KIND_POD, "default", "client",
	    "{\"metadata\":{\"labels\":{\"app\":\"other\"},\"annotations\":{\"a\":\"b\"}},"
	    "\"spec\":{}}");
	expect("");
	pod("client", "client");
	expect("del " T "peers4 10.244.0.2\n"
	       "add " T "peers4 10.244.0.2 : 4097\n"
	       "commit\n" WALK);
}

/* No chain, set or rule for the next one. */
static void the_only_peer_goes_and_comes(void **state)
{
	(void)state;
	drop(KIND_PODNETWORK, "default", "client");
	drop(KIND_POD, "default", "client");
	expect("del " T "egress4 10.244.0.2\n"
	       "del " T "ingress4 10.244.0.2\n"
	       "del " T "peers4 10.244.0.2\n"
	       "commit\n");
	pod("client", "client");
	attach("client", "10.244.0.2");
	expect("add " T "egress4 10.244.0.2 : 0\n"
	       "add " T "ingress4 10.244.0.2 : 0\n"
	       "add " T "peers4 10.244.0.2 : 4097\n"
	       "commit\n");
}

static void a_policy_changes(void **state)
{
	(void)state;
	policy("web",
	       "{\"podSelector\":" APP("web") ",\"ingress\":[{\"from\":[{\"podSelector\":" APP(
		       "client") "}],\"ports\":[{\"port\":80}]}]}");
	expect("del " T "in1 4097 . 0-255 . 0-65535\n"
	       "add " T "in1 4097 . tcp . 80\n"
	       "commit\n" WALK);
	policy("web",
	       "{\"podSelector\":" APP("web") ",\"ingress\":[{\"from\":[{\"podSelector\":" APP(
		       "client") "}],\"ports\":[{\"port\":80},{\"port\":82}]}]}");
	expect("add " T "in1 4097 . tcp . 82\ncommit\n");
}

/* Of two that select a pod the one that goes takes its class with it, and the other's stays. */
static void a_second_policy_goes(void **state)
{
	(void)state;
	policy("all", "{\"podSelector\":{}}");
	sync_well(false);
	has("comment default/all, default/web\n");
	has("comment default/all\n");
	assert_int_equal(count("commit\n"), 2);
	drop(KIND_NETWORKPOLICY, "default", "all");
	sync_well(false);
	assert_int_equal(count("del chain"), 1);
	assert_int_equal(count("del set"), 0);
	has("add " T "ingress4 10.244.0.2 : 0\n");
	has("del " T "selves4 10.244.0.2 . 10.244.0.2\n");
}

static void cuts_what_is_not_allowed_any_more(void **state)
{
	(void)state;
	fake_kern_flow_of(IPPROTO_TCP, "10.244.0.2:999", "10.244.0.1:80", "10.244.0.1:80");
	fake_kern_flow_of(IPPROTO_UDP, "10.244.0.2:999", "10.96.0.9:53", "10.244.0.1:5353");
	fake_kern_flow_of(IPPROTO_TCP, "10.244.0.1:999", "10.244.0.2:80", "10.244.0.2:80");
	fake_kern_flow_of(IPPROTO_TCP, "127.0.0.1:999", "10.244.0.1:80", "10.244.0.1:80");
	fake_kern_flow_of(IPPROTO_TCP, "192.0.2.1:999", "192.0.2.2:80", "192.0.2.2:80");
	policy("more", "{\"podSelector\":" APP("web") ",\"ingress\":[]}");
	sync_well(false);
	assert_int_equal(count("conntrack purge"), 0);
	policy("web", "{\"podSelector\":" APP("web") ",\"ingress\":[" FROM("other") "]}");
	sync_well(false);
	has("conntrack purge 6 10.244.0.1:80 -> 10.244.0.1:80\n");
	has("conntrack purge 17 10.96.0.9:53 -> 10.244.0.1:5353\n");
	assert_int_equal(count("conntrack purge"), 2);
	has("add " T "cut4 10.244.0.1 . 5353 . 10.244.0.2 . 999\n");
	has("add " T "cut4 10.244.0.1 . 80 . 10.244.0.2 . 999\n");
	assert_int_equal(count("cut4 10"), 2);
}

/* Nor does a policy wait for it: what is forbidden is forgotten, whether its way back is held or
 * not. */
static void no_room_for_ways_back(void **state)
{
	struct err e = { 0 };

	(void)state;
	policy("web", "{\"podSelector\":" APP("web") ",\"ingress\":[" FROM("other") "]}");
	sync_well(false);
	fake_kern_flow_of(IPPROTO_TCP, "10.244.0.2:999", "10.244.0.1:80", "10.244.0.1:80");
	fake_kern_fail_commit(ENFILE);
	fake_kern_reset();
	assert_int_equal(policy_cut(&e), 0);
	has("conntrack purge 6 10.244.0.1:80 -> 10.244.0.1:80\n");
	assert_int_equal(count("cut4"), 0);
}

/* A full pass over a table that is as it was: rules and the maps of chains, no other element. */
static void a_full_pass_sends_no_element(void **state)
{
	(void)state;
	sync_well(true);
	assert_int_equal(count("replace table"), 0);
	has("flush rules knetd_policy\n");
	assert_int_equal(count("add knetd_policy "), 3);
	assert_int_equal(count("_chains 0 : return\n"), 2);
	has("add " T "in_chains 1 : goto in1\n");
	assert_int_equal(count("del "), 0);
}

/* What somebody else took away, added or spoiled, and what a former life has left. */
static void a_full_pass_mends(void **state)
{
	struct nft_txn *t = nft_begin();
	struct nft_bytes one = { 0 }, other = { 0 }, wrong = { 0 };
	struct nft_set_def set = { .name = "out7", .key = { NFT_NUMBER, NFT_PROTO, NFT_PORT } };
	struct nft_rule *r = nft_rule_new("knetd_policy", "out7");
	struct ip ip = { .len = 4, .b = { 10, 244, 0, 1 } };
	struct err e;

	(void)state;
	nft_put_ip(&one, &ip);
	ip.b[3] = 77;
	nft_put_ip(&other, &ip);
	nft_put_mark(&wrong, 9);
	nft_elem_del(t, "knetd_policy", "ingress4", &one);
	nft_elem_add(t, "knetd_policy", "egress4", &other, &wrong);
	nft_set_flush(t, "knetd_policy", "in1");
	nft_set_add(t, "knetd_policy", &set);
	nft_named_counter_add(t, "knetd_policy", "out7");
	nft_rule_add(t, r);
	assert_int_equal(nft_commit(t, &e), 0);
	sync_well(true);
	has("add " T "ingress4 10.244.0.1 : 1\n");
	has("del " T "egress4 10.244.0.77\n");
	has("add " T "in1 4097 . 0-255 . 0-65535\n");
	has("del chain knetd_policy out7\n");
	has("del set knetd_policy out7\n");
	assert_int_equal(count("commit\n"), 1);
	sync_well(true);
	assert_int_equal(count("del "), 0);
}

/* The kernel refused: all is read again. */
static void a_failed_commit_is_made_up_for(void **state)
{
	struct err e = { 0 };

	(void)state;
	attach("web", "10.244.0.9");
	fake_kern_fail_commit(ENOMEM);
	assert_int_equal(sync_now(false, &e), -ENOMEM);
	sync_well(true);
	has("del " T "ingress4 10.244.0.1\n");
	has("add " T "ingress4 10.244.0.9 : 1\n");
	pod("web", "open");
	sync_well(false);
	has("add " T "ingress4 10.244.0.9 : 0\n");
}

/* What is there has another shape: it is thrown away in the same transaction that makes it anew. */
static void another_shape_is_replaced(void **state)
{
	(void)state;
	fake_kern_fail_commit(EEXIST);
	sync_well(true);
	has("del table knetd_policy\nown table knetd_policy\n");
	has("add " T "ingress4 10.244.0.1 : 1\n");
	assert_int_equal(count("commit\n"), 1);
}

static void the_last_policy_goes(void **state)
{
	(void)state;
	drop(KIND_NETWORKPOLICY, "default", "web");
	expect("del table knetd_policy\ncommit\n");
	expect("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_without_policies),
		cmocka_unit_test(everything_with_the_first),
		cmocka_unit_test_setup(a_pod_comes_and_goes, world),
		cmocka_unit_test_setup(a_label_changes, world),
		cmocka_unit_test_setup(the_only_peer_goes_and_comes, world),
		cmocka_unit_test_setup(a_policy_changes, world),
		cmocka_unit_test_setup(a_second_policy_goes, world),
		cmocka_unit_test_setup(cuts_what_is_not_allowed_any_more, world),
		cmocka_unit_test_setup(no_room_for_ways_back, world),
		cmocka_unit_test_setup(a_full_pass_sends_no_element, world),
		cmocka_unit_test_setup(a_full_pass_mends, world),
		cmocka_unit_test_setup(a_failed_commit_is_made_up_for, world),
		cmocka_unit_test_setup(another_shape_is_replaced, world),
		cmocka_unit_test_setup(the_last_policy_goes, world),
	};

	(void)update;
	return cmocka_run_group_tests(tests, stage_open, stage_close);
}
