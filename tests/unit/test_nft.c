/* test_nft.c - the nftables door against the real kernel, in a network namespace of its own, and
 * what `nft list` makes of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nft_bench.h"

#define TABLE "knetd"

static const struct nft_set_def svc4 = { .name = "svc4",
	                                 .key = { NFT_IPV4, NFT_PROTO, NFT_PORT },
	                                 .data = { NFT_MARK } };
static const struct nft_set_def aff4 = { .name = "aff4",
	                                 .key = { NFT_IPV4, NFT_PROTO, NFT_PORT, NFT_IPV4 },
	                                 .data = { NFT_MARK },
	                                 .dynamic = true,
	                                 .size = 1000 };
static const struct nft_set_def aff6 = { .name = "aff6",
	                                 .key = { NFT_IPV6, NFT_PROTO, NFT_PORT, NFT_IPV6 },
	                                 .data = { NFT_MARK },
	                                 .dynamic = true,
	                                 .size = 1000 };
static const struct nft_set_def allowed4 = { .name = "allowed4",
	                                     .key = { NFT_IPV4, NFT_PROTO, NFT_PORT, NFT_IPV4 },
	                                     .interval = true };
static const struct nft_set_def allowed6 = { .name = "allowed6",
	                                     .key = { NFT_IPV6, NFT_PROTO, NFT_PORT, NFT_IPV6 },
	                                     .interval = true };
static const struct nft_set_def ranges = { .name = "ranges",
	                                   .key = { NFT_IPV4 },
	                                   .interval = true };
static const struct nft_set_def counted = { .name = "counted",
	                                    .key = { NFT_IPV4, NFT_PROTO, NFT_PORT },
	                                    .counter = true };
static const struct nft_set_def counted6 = { .name = "counted6",
	                                     .key = { NFT_IPV6, NFT_PROTO, NFT_PORT },
	                                     .counter = true };
static const struct nft_set_def seen = {
	.name = "seen", .key = { NFT_IPV4 }, .dynamic = true, .size = 10
};

static struct cidr cidr(const char *text)
{
	struct cidr out;

	assert_true(cidr_parse(&out, text));
	return out;
}

static struct nft_bytes front(const char *addr, uint16_t port)
{
	struct nft_bytes k = { 0 };
	struct ip a = ip(addr);

	nft_put_ip(&k, &a);
	nft_put_proto(&k, 6);
	nft_put_port(&k, port);
	return k;
}

/* ---- definitions ---------------------------------------------------------------------------- */

static void add_all(struct nft_txn *t)
{
	static const struct nft_set_def *const all[] = { &svc4,     &aff4,     &aff6,
		                                         &allowed4, &allowed6, &ranges,
		                                         &counted,  &counted6, &seen };

	nft_table_add(t, TABLE);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		nft_set_add(t, TABLE, all[i]);
}

static int make_all(void **state)
{
	struct nft_txn *t = nft_begin();

	(void)state;
	add_all(t);
	commit(t);
	return 0;
}

static int remove_all(void **state)
{
	struct nft_txn *t = nft_begin();

	(void)state;
	nft_table_del(t, TABLE);
	commit(t);
	return 0;
}

static void again_is_nothing_new(void **state)
{
	struct nft_txn *t = nft_begin();
	struct nft_bytes key = front("10.0.0.1", 80), data = { 0 };

	(void)state;
	nft_put_mark(&data, 7);
	nft_elem_add(t, TABLE, "svc4", &key, &data);
	nft_chain_add(t, TABLE, "pre", NFT_HOOK_PREROUTING, NFT_CHAIN_NAT, -100);
	commit(t);
	t = nft_begin();
	add_all(t);
	nft_chain_add(t, TABLE, "pre", NFT_HOOK_PREROUTING, NFT_CHAIN_NAT, -100);
	commit(t);
	lists("elements = { 10.0.0.1 . tcp . 80 : 0x00000007 }");
}

static void another_definition_is_refused(void **state)
{
	struct nft_set_def other = svc4;
	struct nft_txn *t = nft_begin();
	struct err e;

	(void)state;
	other.data[0] = NFT_IPV4;
	other.data[1] = NFT_PORT;
	nft_set_add(t, TABLE, &other);
	assert_int_not_equal(nft_commit(t, &e), 0);
	t = nft_begin();
	nft_chain_add(t, TABLE, "pre", NFT_HOOK_PREROUTING, NFT_CHAIN_NAT, -100);
	commit(t);
	t = nft_begin();
	nft_chain_add(t, TABLE, "pre", NFT_HOOK_OUTPUT, NFT_CHAIN_NAT, -100);
	assert_int_not_equal(nft_commit(t, &e), 0);
}

/* ---- elements ------------------------------------------------------------------------------- */

struct found {
	unsigned n;
	struct nft_bytes key, data;
};

static void keep(const struct nft_bytes *key, const struct nft_bytes *data, void *arg)
{
	struct found *f = arg;

	f->n++;
	f->key = *key;
	f->data = *data;
}

static struct found read_back(const char *set)
{
	struct found f = { 0 };
	struct err e = { 0 };

	if (nft_elem_each(TABLE, set, keep, &f, &e))
		fail_msg("%s", e.text);
	return f;
}

static void assert_bytes(const struct nft_bytes *a, const struct nft_bytes *b)
{
	assert_int_equal(a->n, b->n);
	assert_memory_equal(a->b, b->b, a->n);
}

static void prefix(const char *set, const char *addr, const char *range, const char *text)
{
	struct nft_bytes key = front(addr, 443), from = key;
	struct cidr last = cidr(range);
	struct nft_txn *t = nft_begin();
	struct found f;

	nft_elem_prefix_add(t, TABLE, set, &key, &last);
	commit(t);
	lists(text);
	f = read_back(set);
	assert_int_equal(f.n, 1);
	nft_put_ip(&from, &last.ip);
	assert_bytes(&f.key, &from);
	assert_int_equal(f.data.n, f.key.n);
	t = nft_begin();
	nft_elem_prefix_del(t, TABLE, set, &key, &last);
	commit(t);
	assert_int_equal(read_back(set).n, 0);
}

static void prefixes(void **state)
{
	(void)state;
	prefix("allowed4", "192.0.2.1", "10.1.0.0/16", "{ 192.0.2.1 . tcp . 443 . 10.1.0.0/16 }");
	prefix("allowed4", "192.0.2.1", "10.1.2.3/32", "{ 192.0.2.1 . tcp . 443 . 10.1.2.3 }");
	prefix("allowed4", "192.0.2.1", "0.0.0.0/0", "{ 192.0.2.1 . tcp . 443 . 0.0.0.0/0 }");
	prefix("allowed6", "2001:db8::1", "2001:db8:2::/48",
	       "{ 2001:db8::1 . tcp . 443 . 2001:db8:2::/48 }");
	prefix("allowed6", "2001:db8::1", "::/0", "{ 2001:db8::1 . tcp . 443 . ::/0 }");
}

static void plain_ranges(void **state)
{
	struct nft_txn *t = nft_begin();
	struct cidr c = cidr("10.0.0.0/8");
	struct found f;

	(void)state;
	nft_elem_range(t, TABLE, "ranges", &c);
	commit(t);
	f = read_back("ranges");
	assert_true(f.n >= 2);
	lists("elements = { 10.0.0.0/8 }");
}

static void flushing(void **state)
{
	struct nft_bytes key = front("10.0.0.1", 80), data = { 0 };
	struct nft_txn *t = nft_begin();

	(void)state;
	nft_put_mark(&data, 7);
	nft_elem_add(t, TABLE, "svc4", &key, &data);
	commit(t);
	assert_int_equal(read_back("svc4").n, 1);
	t = nft_begin();
	nft_set_flush(t, TABLE, "svc4");
	nft_elem_add(t, TABLE, "svc4", &key, &data);
	commit(t);
	assert_int_equal(read_back("svc4").n, 1);
	t = nft_begin();
	nft_set_flush(t, TABLE, "svc4");
	commit(t);
	assert_int_equal(read_back("svc4").n, 0);
}

/* Every third is missing. */
static void single_elements(void **state)
{
	struct nft_txn *t = nft_begin();
	struct nft_bytes keys[600];
	struct found f = { 0 };
	struct err e = { 0 };

	(void)state;
	for (uint16_t i = 0; i < 600; i++) {
		struct nft_bytes data = { 0 };

		keys[i] = front("10.0.0.1", i);
		nft_put_mark(&data, i);
		if (i % 3)
			nft_elem_add(t, TABLE, "svc4", &keys[i], &data);
	}
	commit(t);
	if (nft_elem_get(TABLE, "svc4", keys, 600, keep, &f, &e))
		fail_msg("%s", e.text);
	assert_int_equal(f.n, 400);
	assert_bytes(&f.key, &keys[599]);
	assert_int_equal(f.data.n, 4);
	f.n = 0;
	assert_int_equal(nft_elem_get(TABLE, "nothing", keys, 5, keep, &f, &e), 0);
	assert_int_equal(f.n, 0);
}

static void keep_counter(const struct nft_bytes *key, uint64_t packets, uint64_t bytes, void *arg)
{
	struct found *f = arg;

	f->n++;
	f->key = *key;
	assert_int_equal(packets, 0);
	assert_int_equal(bytes, 0);
}

static void counters(void **state)
{
	struct nft_bytes key = front("10.0.0.1", 80);
	struct nft_txn *t = nft_begin();
	struct found f = { 0 };
	struct err e;

	(void)state;
	nft_elem_add(t, TABLE, "counted", &key, NULL);
	commit(t);
	assert_int_equal(nft_counter_each(TABLE, "counted", keep_counter, &f, &e), 0);
	assert_int_equal(f.n, 1);
	assert_bytes(&f.key, &key);
	lists("elements = { 10.0.0.1 . tcp . 80 counter packets 0 bytes 0 }");
}

static void errors_say_which(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(nft_elem_each(TABLE, "nothing", keep, NULL, &e), -ENOENT);
	assert_non_null(strstr(e.text, "knetd nothing"));
	assert_int_equal(nft_elem_each("nothing", "svc4", keep, NULL, &e), -ENOENT);
}

/* ---- rules ---------------------------------------------------------------------------------- */

static unsigned load_front(struct nft_rule *r, uint8_t family)
{
	nft_family(r, family);
	nft_load_addr(r, true, family, 0);
	nft_load_l4proto(r, family / 4);
	nft_load_port(r, true, family / 4 + 1);
	return family / 4 + 2;
}

static struct nft_rule *rule(const char *chain)
{
	return nft_rule_new(TABLE, chain);
}

static void add_affinity(struct nft_txn *t, const char *chain, uint8_t family, const char *set)
{
	struct nft_rule *r = rule(chain);
	unsigned next = load_front(r, family);

	nft_load_addr(r, false, family, next);
	nft_load_priority(r, 11);
	nft_update(r, set, 0, 11, 10800);
	nft_rule_add(t, r);
	r = rule(chain);
	next = load_front(r, family);
	nft_load_addr(r, false, family, next);
	nft_load_priority(r, 11);
	nft_delete(r, set, 0, 11);
	nft_rule_add(t, r);
}

static void add_seen(struct nft_txn *t)
{
	struct nft_rule *r = rule("pick");

	nft_family(r, 4);
	nft_load_addr(r, false, 4, 0);
	nft_update(r, "seen", 0, -1, 0);
	nft_rule_add(t, r);
	r = rule("pick");
	nft_family(r, 4);
	nft_load_addr(r, false, 4, 0);
	nft_delete(r, "seen", 0, -1);
	nft_rule_add(t, r);
}

static void add_original(struct nft_txn *t, uint8_t family, const char *set)
{
	struct nft_rule *r = rule("post");

	nft_family(r, family);
	nft_load_original_addr(r, true, family, 0);
	nft_load_l4proto(r, family / 4);
	nft_load_original_port(r, true, family / 4 + 1);
	nft_in_set(r, 0, set, true);
	nft_masquerade(r);
	nft_rule_add(t, r);
}

static void chains(struct nft_txn *t)
{
	nft_chain_add(t, TABLE, "pre", NFT_HOOK_PREROUTING, NFT_CHAIN_NAT, -100);
	nft_chain_add(t, TABLE, "out", NFT_HOOK_OUTPUT, NFT_CHAIN_NAT, -100);
	nft_chain_add(t, TABLE, "post", NFT_HOOK_POSTROUTING, NFT_CHAIN_NAT, 100);
	nft_chain_add(t, TABLE, "pick", NFT_HOOK_NONE, NFT_CHAIN_NAT, 0);
}

static void enter(struct nft_txn *t, const char *chain)
{
	struct nft_rule *r = rule(chain);

	nft_cmp_port_range(r, true, 30000, 32767);
	nft_jump(r, "pick");
	nft_rule_add(t, r);
}

static void rules(void **state)
{
	struct nft_txn *t = nft_begin();
	struct nft_rule *r;

	(void)state;
	chains(t);
	enter(t, "pre");
	enter(t, "out");
	add_affinity(t, "pick", 4, "aff4");
	add_affinity(t, "pick", 16, "aff6");
	add_seen(t);
	r = rule("pick");
	nft_load_random(r, 5, 65536, 0);
	nft_set_priority(r, 0);
	nft_rule_add(t, r);
	add_original(t, 4, "counted");
	add_original(t, 16, "counted6");
	r = rule("post");
	nft_iif_none(r);
	nft_masquerade(r);
	nft_rule_add(t, r);
	commit(t);
	lists("th dport 30000-32767 jump pick\n");
	lists("update @aff4 { ip daddr . meta l4proto . th dport . ip saddr timeout 3h : meta "
	      "priority }\n");
	lists("delete @aff6 { ip6 daddr . meta l4proto . th dport . ip6 saddr : meta priority }\n");
	lists("update @seen { ip saddr }\n");
	lists("delete @seen { ip saddr }\n");
	lists("meta priority set numgen random mod 5 offset 65536\n");
	lists("ct original ip daddr . meta l4proto . ct original proto-dst @counted masquerade");
	lists("ct original ip6 daddr . meta l4proto . ct original proto-dst @counted6 masquerade");
	lists("iif 0 masquerade");
}

static void each_chain(const char *name, void *arg)
{
	strcat(arg, name);
	strcat(arg, " ");
}

static void rules_flush(void **state)
{
	struct nft_txn *t = nft_begin();
	char names[64] = "";
	struct err e;

	(void)state;
	chains(t);
	enter(t, "pre");
	enter(t, "pre");
	enter(t, "out");
	commit(t);
	assert_int_equal(nft_chain_each(TABLE, each_chain, names, &e), 0);
	assert_string_equal(names, "pre out ");
	t = nft_begin();
	nft_rules_flush(t, TABLE);
	enter(t, "pre");
	nft_chain_del(t, TABLE, "out");
	commit(t);
	names[0] = '\0';
	assert_int_equal(nft_chain_each(TABLE, each_chain, names, &e), 0);
	assert_string_equal(names, "pre ");
	names[0] = '\0';
	assert_int_equal(nft_chain_each("nothing", each_chain, names, &e), 0);
	assert_string_equal(names, "");
}

/* ---- family arp ----------------------------------------------------------------------------- */

static void arp(void **state)
{
	static const struct nft_set_def held = { .name = "held", .key = { NFT_IPV4 } };
	static const struct nft_set_def here = { .name = "here", .key = { NFT_IFINDEX, NFT_IPV4 } };
	struct nft_txn *t = nft_begin_arp();
	struct ip address = ip("192.0.2.7");
	struct nft_bytes key = { 0 };
	struct nft_rule *r;
	struct err e;

	(void)state;
	nft_table_replace(t, "knetd_lb");
	nft_set_add(t, "knetd_lb", &held);
	nft_set_add(t, "knetd_lb", &here);
	nft_chain_add(t, "knetd_lb", "input", NFT_HOOK_INPUT, NFT_CHAIN_FILTER, 0);
	r = nft_rule_new("knetd_lb", "input");
	nft_arp_request(r);
	nft_load_arp_target(r, 0);
	nft_in_set(r, 0, "held", true);
	nft_load_iif(r, 0);
	nft_load_arp_target(r, 1);
	nft_in_set(r, 0, "here", false);
	nft_verdict(r, NFT_V_DROP);
	nft_rule_add(t, r);
	nft_put_ifindex(&key, 1);
	nft_put_ip(&key, &address);
	nft_elem_add(t, "knetd_lb", "here", &key, NULL);
	if (nft_commit(t, &e) == -EOPNOTSUPP)
		return; /* a kernel without CONFIG_NF_TABLES_ARP */
	lists("table arp knetd_lb {");
	lists("type iface_index . ipv4_addr");
	lists("elements = { \"lo\" . 192.0.2.7 }");
	lists("type filter hook input priority filter; policy accept;");
	lists("arp operation request arp daddr ip @held iif . arp daddr ip != @here drop");
	t = nft_begin_arp();
	nft_table_del(t, "nothing");
	assert_int_equal(nft_commit(t, &e), -ENOENT);
	assert_non_null(strstr(e.text, "delete table arp nothing"));
	t = nft_begin_arp();
	nft_table_del(t, "knetd_lb");
	commit(t);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_all, remove_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(again_is_nothing_new),
		TEST(another_definition_is_refused),
		TEST(prefixes),
		TEST(plain_ranges),
		TEST(flushing),
		TEST(single_elements),
		TEST(counters),
		TEST(errors_say_which),
		TEST(rules),
		TEST(rules_flush),
		TEST(arp),
	};

	if (!into_namespace())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
