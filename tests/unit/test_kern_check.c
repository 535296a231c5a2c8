/* test_kern_check.c - the kernel is asked what it offers; and what is left of rules when something
 * is missing. */
#include <stdlib.h>

#include "../../knetd/kern_check.h"
#include "nft_bench.h"

#define TABLE "knetd"

static char text[16 * 1024];

static const char *printed(bool *enough)
{
	struct buf b = { 0 };

	*enough = kern_check_print(&b);
	snprintf(text, sizeof(text), "%.*s", (int)b.len, b.data);
	buf_free(&b);
	return text;
}

static const char *json(void)
{
	struct buf b = { 0 };

	kern_check_json(&b);
	snprintf(text, sizeof(text), "%.*s", (int)b.len, b.data);
	buf_free(&b);
	return text;
}

/* ---- asking --------------------------------------------------------------------------------- */

/* A machine on which the other tests run has these. */
static void what_is_there_is_found(void **state)
{
	static const enum kern_feature there[] = { KERN_NETNS,     KERN_EVENTS,  KERN_PIDFD,
		                                   KERN_MEMFD,     KERN_SECCOMP, KERN_NF_TABLES,
		                                   KERN_NFT_SETS,  KERN_NFT_CT,  KERN_NFT_NAT,
		                                   KERN_NFT_RANGES };
	bool enough;

	(void)state;
	kern_check("/tmp");
	for (size_t i = 0; i < ARRAY_LEN(there); i++)
		assert_int_equal(kern_findings[there[i]].state, KERN_THERE);
	assert_non_null(strstr(printed(&enough), "\nok       nftables, family inet"));
	assert_true(enough);
	assert_null(strstr(text, "(null)")); /* a feature without a row */
}

static void nothing_is_left_behind(void **state)
{
	(void)state;
	kern_check("/tmp");
	if (listing())
		assert_null(strstr(listing(), "probe"));
	assert_int_not_equal(system("ls /sys/class/net | grep -q probe"), 0);
	assert_int_not_equal(system("ls -a /tmp | grep -q knetd-probe"), 0);
}

static void a_directory_that_is_not_there_yet_is_no_fault(void **state)
{
	(void)state;
	kern_check("/tmp/knetd-none/of/these");
	assert_int_equal(kern_findings[KERN_STATE_FILES].state, KERN_THERE);
	kern_check("/proc/1");
	assert_int_not_equal(kern_findings[KERN_STATE_FILES].state, KERN_THERE);
}

/* ---- telling -------------------------------------------------------------------------------- */

static void what_is_missing_is_told(void **state)
{
	char sum[32];
	unsigned missing = 0;
	bool enough;

	(void)state;
	kern_check("/tmp");
	kern_findings[KERN_NFT_FIB] = (struct kern_finding){ KERN_MISSING, -ENOENT };
	assert_non_null(strstr(printed(&enough), "MISSING  routes looked up by rules"));
	assert_non_null(strstr(text, "CONFIG_NFT_FIB_INET"));
	assert_non_null(strstr(text, "there are no node ports"));
	assert_true(enough);
	assert_non_null(strstr(json(), "\"name\":\"routes looked up by rules\""));
	kern_findings[KERN_NFT_CT] = (struct kern_finding){ KERN_MISSING, -ENOENT };
	assert_non_null(strstr(printed(&enough), "(knetd cannot do without it)"));
	for (unsigned i = 0; i < KERN_FEATURES; i++) /* this kernel's own among them */
		missing += kern_findings[i].state == KERN_MISSING;
	snprintf(sum, sizeof(sum), "%u of ", missing);
	assert_non_null(strstr(text, sum));
	assert_false(enough);
}

static void what_could_not_be_asked_is_taken_to_be_there(void **state)
{
	bool enough;

	(void)state;
	memset(kern_findings, 0, sizeof(kern_findings));
	kern_findings[KERN_NETNS].code = -EPERM;
	assert_false(kern_lacks(KERN_NFT_FIB));
	assert_non_null(strstr(printed(&enough), "it could not be asked: Operation not permitted"));
	assert_true(enough);
	assert_non_null(strstr(json(), "\"missing\":[]"));
}

/* ---- without -------------------------------------------------------------------------------- */

static void rule(struct nft_txn *t, void (*fill)(struct nft_rule *r))
{
	struct nft_rule *r = nft_rule_new(TABLE, "out");

	nft_family(r, 4);
	fill(r);
	nft_rule_add(t, r);
}

static void fill_random(struct nft_rule *r)
{
	nft_load_random(r, 3, 8192, 0);
	nft_set_priority(r, 0);
}

static void fill_count(struct nft_rule *r)
{
	nft_count(r, "denied");
}

static void lay(void (*fill)(struct nft_rule *r))
{
	struct nft_txn *t = nft_begin();

	nft_table_replace(t, TABLE);
	nft_chain_add(t, TABLE, "out", NFT_HOOK_POSTROUTING, NFT_CHAIN_NAT, 100);
	nft_named_counter_add(t, TABLE, "denied");
	rule(t, fill);
	commit(t);
}

static void lists_not(const char *what)
{
	const char *now = listing();

	if (now && strstr(now, what))
		fail_msg("listed: %s\n%s", what, now);
}

static void lack(enum kern_feature f)
{
	memset(kern_findings, 0, sizeof(kern_findings));
	kern_findings[f].state = KERN_MISSING;
}

static void rules_do_with_what_there_is(void **state)
{
	(void)state;
	lack(KERN_NFT_REJECT);
	lay(nft_reject_port_unreachable);
	lists("meta nfproto ipv4 drop");
	lack(KERN_NFT_NUMGEN);
	lay(fill_random);
	lists("meta priority set 0:2000"); /* 8192 */
	lack(KERN_NFT_OBJREF);
	lay(fill_count);
	lists("meta nfproto ipv4 counter packets 0");
	lack(KERN_NFT_MASQ);
	lay(nft_masquerade);
	lists_not("nfproto");
	lack(KERN_NETNS);
	lay(nft_masquerade);
	lists("masquerade");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_there_is_found),
		cmocka_unit_test(nothing_is_left_behind),
		cmocka_unit_test(a_directory_that_is_not_there_yet_is_no_fault),
		cmocka_unit_test(what_is_missing_is_told),
		cmocka_unit_test(what_could_not_be_asked_is_taken_to_be_there),
		cmocka_unit_test(rules_do_with_what_there_is),
	};

	if (!into_namespace())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
