// clang-format off
/* policy_rules.c - see policy_rules.h. As `nft list table inet knetd_policy` shows it, for IPv4:
 *
 *   chain forward (filter, -10)
 *     ct state established,related accept
 *     tcp flags ! syn jump midstream
 *     ip saddr . th sport . ip daddr . th dport @cut4 update @cut4 { ... } drop
 *     ip saddr . ip daddr @selves4 accept
 *     jump egress
 *     jump ingress
 *     meta priority set none
 *   chain midstream
 *     meta priority set ip saddr map @ingress4 meta priority != none drop
 *     meta priority set ip daddr map @egress4 meta priority != none drop
 *   chain egress
 *     meta priority set ip saddr map @egress4 meta priority vmap @out_chains
 *     iifname "knet*" counter name "unknown" drop
 *   chain ingress
 *     meta priority set ip daddr map @ingress4 meta priority vmap @in_chains
 *     oifname "knet*" counter name "unknown" drop
 *   chain out3
 *     meta priority set ip daddr map @peers4 meta priority . meta l4proto . th dport @out3 return
 *     ip daddr . meta l4proto . th dport @out3_net4 return
 *     limit rate 10/second log prefix "out3" group 6 snaplen 128
 *     counter name "out3" drop
 *   chain input (filter, -10)
 *     iifname "knet*" ip daddr SERVICES goto served
 *     iifname "knet*" ip daddr @held4 goto served
 *   chain served
 *     ct state established,related accept
 *     jump egress
 *
 * A pod that is not in the maps is not known yet: from the moment its link is up until the sync at
 * the end of CNI ADD nothing of it passes. One that nothing isolates is there with class 0.
 *
 * The class goes from one map to the next through the priority of a connection's first packet, for
 * the reasons that svcnat_rules.c has. Behind all of it the priority is 0: a peer's number is none
 * of a queue's classes.
 *
 * midstream: to the kernel a segment out of the middle begins a connection when it knows none, in
 * the direction in which it happens to go. One that was cut (policy_cut.c) would be taken up again
 * from its other end, as if that had begun it. So where a direction matters, only a SYN begins
 * anything unless it comes from the end that is judged. And what would go the other way in a
 * connection that was cut, of whatever protocol with ports, stands in cut4 for as long as it keeps
 * coming, and for CUT_SECONDS more.
 *
 * input: a pod and its node always reach each other. Addresses of the cluster are not the node: the
 * DNS (which is untracked, so each query is judged), what no Service translates, and Gateways'. */
// clang-format on
#include <stdio.h>
#include <string.h>

#include <knetd/conf.h>

#include "policy_log.h"
#include "policy_rules.h"

#define PRIORITY (-10)  /* before the machine's own filters */
#define LINKS "knet"    /* the host side of every pod's link is called so */
#define CUT_SECONDS 180 /* as long as connection tracking remembers datagrams that go both ways */

/* ---- names ---------------------------------------------------------------------------------- */

const char *policy_map_name(enum policy_map map, uint8_t family)
{
	static const char *const names[POLICY_MAPS][2] = {
		[POLICY_EGRESS] = { "egress4", "egress6" },
		[POLICY_INGRESS] = { "ingress4", "ingress6" },
		[POLICY_PEERS] = { "peers4", "peers6" },
		[POLICY_SELVES] = { "selves4", "selves6" },
		[POLICY_HELD] = { "held4", "held6" },
	};

	return names[map][family == 16];
}

const char *policy_cut_name(uint8_t family)
{
	return family == 4 ? "cut4" : "cut6";
}

const char *policy_chains_name(enum policy_way way)
{
	return way == POLICY_OUT ? "out_chains" : "in_chains";
}

void policy_class_name(char out[static POLICY_NAME], enum policy_way way, uint32_t number)
{
	snprintf(out, POLICY_NAME, "%s%u", way == POLICY_OUT ? "out" : "in", number);
}

void policy_stage_name(char out[static POLICY_NAME], const char *class, unsigned stage,
                       enum policy_kind kind)
{
	static const char *const ends[POLICY_KINDS] = { "", "_net4", "_net6" };

	if (stage)
		snprintf(out, POLICY_NAME, "%s_stage%u%s", class, stage, ends[kind]);
	else
		snprintf(out, POLICY_NAME, "%s%s", class, ends[kind]);
}

void policy_chain_name(char out[static POLICY_NAME], const char *class, enum policy_chain chain)
{
	static const char *const ends[POLICY_CHAINS] = { "", "_rest", "_no" };

	snprintf(out, POLICY_NAME, "%s%s", class, ends[chain]);
}

/* ---- sets ----------------------------------------------------------------------------------- */

void policy_stage_add(struct nft_txn *t, const char *set, enum policy_kind kind)
{
	static const enum nft_part who[POLICY_KINDS] = { NFT_NUMBER, NFT_IPV4, NFT_IPV6 };
	const struct nft_set_def def = { .name = set,
		                         .key = { who[kind], NFT_PROTO, NFT_PORT },
		                         .interval = true };

	nft_set_add(t, POLICY_TABLE, &def);
}

static void add_maps(struct nft_txn *t, uint8_t family)
{
	enum nft_part ip = family == 4 ? NFT_IPV4 : NFT_IPV6;

	for (int i = 0; i < POLICY_MAPS; i++) {
		struct nft_set_def def = { .name = policy_map_name(i, family), .key = { ip } };

		if (i == POLICY_SELVES)
			def.key[1] = ip;
		else if (i != POLICY_HELD)
			def.data[0] = NFT_MARK;
		nft_set_add(t, POLICY_TABLE, &def);
	}
}

static void add_cut_set(struct nft_txn *t, uint8_t family)
{
	enum nft_part ip = family == 4 ? NFT_IPV4 : NFT_IPV6;
	const struct nft_set_def def = { .name = policy_cut_name(family),
		                         .key = { ip, NFT_PORT, ip, NFT_PORT },
		                         .dynamic = true,
		                         .timeout = CUT_SECONDS,
		                         .size = POLICY_CUT_MAX };

	nft_set_add(t, POLICY_TABLE, &def);
}

static void add_chain_map(struct nft_txn *t, enum policy_way way)
{
	const struct nft_set_def def = { .name = policy_chains_name(way),
		                         .key = { NFT_MARK },
		                         .data = { NFT_VERDICT } };
	struct nft_bytes open = { 0 };

	nft_set_add(t, POLICY_TABLE, &def);
	nft_set_flush(t, POLICY_TABLE, def.name);
	nft_put_mark(&open, 0);
	nft_elem_return(t, POLICY_TABLE, def.name, &open);
}

/* ---- rules of a class ----------------------------------------------------------------------- */

static struct nft_rule *rule(const char *chain, uint8_t family)
{
	struct nft_rule *r = nft_rule_new(POLICY_TABLE, chain);

	if (family)
		nft_family(r, family);
	return r;
}

/* Into the packet's priority and into register 0. */
static void look_up(struct nft_rule *r, bool dst, enum policy_map map, uint8_t family)
{
	nft_load_addr(r, dst, family, 0);
	nft_map_to(r, 0, policy_map_name(map, family), 0);
	nft_set_priority(r, 0);
}

struct place { /* where rules of a class are being put */
	struct nft_txn *t;
	const struct policy_class *class;
	const char *name, *comment;
	const bool (*sets)[POLICY_KINDS];
	char chain[POLICY_NAME];
};

static bool drops(const struct policy_class *c)
{
	for (unsigned i = 0; i < c->n_stages; i++)
		if (c->stages[i].action == POLICY_DROP)
			return true;
	return false;
}

static bool passes(const struct policy_class *c)
{
	for (unsigned i = 0; i < c->n_stages; i++)
		if (c->stages[i].action == POLICY_PASS)
			return true;
	return false;
}

bool policy_class_has(const struct policy_class *c, enum policy_chain chain)
{
	switch (chain) {
	case POLICY_FIRST:
		return true;
	case POLICY_REST:
		return passes(c);
	case POLICY_NO:
		return drops(c);
	case POLICY_CHAINS:
		break;
	}
	return false;
}

static void decide(struct place *p, struct nft_rule *r, enum policy_action action)
{
	char to[POLICY_NAME];

	switch (action) {
	case POLICY_ACCEPT:
		nft_verdict(r, NFT_V_RETURN);
		break;
	case POLICY_DROP:
		policy_chain_name(to, p->name, POLICY_NO);
		nft_goto(r, to);
		break;
	case POLICY_PASS:
		policy_chain_name(to, p->name, POLICY_REST);
		nft_goto(r, to);
		break;
	}
	nft_rule_add(p->t, r);
}

static void by_peer(struct place *p, uint8_t family, const char *set, enum policy_action action)
{
	struct nft_rule *r = rule(p->chain, family);

	look_up(r, p->class->way == POLICY_OUT, POLICY_PEERS, family);
	nft_load_priority(r, 0);
	nft_to_network(r, 0);
	nft_load_l4proto(r, 1);
	nft_load_port(r, true, 2);
	nft_in_set(r, 0, set, true);
	decide(p, r, action);
}

static void by_net(struct place *p, uint8_t family, const char *set, enum policy_action action)
{
	struct nft_rule *r = rule(p->chain, family);
	unsigned behind = family / 4;

	nft_load_addr(r, p->class->way == POLICY_OUT, family, 0);
	nft_load_l4proto(r, behind);
	nft_load_port(r, true, behind + 1);
	nft_in_set(r, 0, set, true);
	decide(p, r, action);
}

static void add_stage(struct place *p, unsigned i)
{
	const struct policy_stage *s = &p->class->stages[i];
	char set[POLICY_NAME];

	policy_stage_name(set, p->name, i, POLICY_BY_PEER);
	if (p->sets[i][POLICY_BY_PEER]) {
		by_peer(p, 4, set, s->action);
		by_peer(p, 16, set, s->action);
	}
	policy_stage_name(set, p->name, i, POLICY_BY_NET4);
	if (p->sets[i][POLICY_BY_NET4])
		by_net(p, 4, set, s->action);
	policy_stage_name(set, p->name, i, POLICY_BY_NET6);
	if (p->sets[i][POLICY_BY_NET6])
		by_net(p, 16, set, s->action);
}

static void add_drop(struct place *p, const char *chain)
{
	struct nft_rule *r = rule(chain, 0);

	policy_log_rule(p->t, POLICY_TABLE, chain, p->name);
	nft_count(r, p->name);
	nft_verdict(r, NFT_V_DROP);
	nft_comment(r, p->comment);
	nft_rule_add(p->t, r);
}

static void go_on(struct place *p)
{
	struct nft_rule *r = rule(p->chain, 0);

	policy_chain_name(p->chain, p->name, POLICY_REST);
	nft_goto(r, p->chain);
	nft_rule_add(p->t, r);
}

void policy_class_rules(struct nft_txn *t, const struct policy_class *c, const char *class,
                        const bool (*sets)[POLICY_KINDS], const char *comment)
{
	struct place p = { .t = t, .class = c, .name = class, .sets = sets, .comment = comment };
	bool split = policy_class_has(c, POLICY_REST);
	char no[POLICY_NAME];

	policy_chain_name(p.chain, class, POLICY_FIRST);
	policy_chain_name(no, class, POLICY_NO);
	for (unsigned i = 0; i < c->n_stages; i++) {
		if (split && !c->stages[i].admin) {
			go_on(&p);
			split = false;
		}
		add_stage(&p, i);
	}
	if (split)
		go_on(&p);
	if (c->rest == POLICY_DROP)
		add_drop(&p, p.chain);
	if (policy_class_has(c, POLICY_NO))
		add_drop(&p, no);
}

/* ---- the constant rules --------------------------------------------------------------------- */

static void add_established(struct nft_txn *t, const char *chain)
{
	struct nft_rule *r = rule(chain, 0);

	nft_ct_state_established(r);
	nft_verdict(r, NFT_V_ACCEPT);
	nft_rule_add(t, r);
}

static void add_midstream(struct nft_txn *t, uint8_t family, bool dst)
{
	struct nft_rule *r = rule("midstream", family);

	look_up(r, dst, dst ? POLICY_EGRESS : POLICY_INGRESS, family);
	nft_cmp_priority(r, 0, false);
	nft_verdict(r, NFT_V_DROP);
	nft_rule_add(t, r);
}

static void add_midstream_entry(struct nft_txn *t)
{
	struct nft_rule *r = rule("forward", 0);

	nft_tcp_not_syn(r);
	nft_jump(r, "midstream");
	nft_rule_add(t, r);
}

static void add_cut(struct nft_txn *t, uint8_t family)
{
	struct nft_rule *r = rule("forward", family);
	unsigned words = family / 4;

	nft_load_addr(r, false, family, 0);
	nft_load_port(r, false, words);
	nft_load_addr(r, true, family, words + 1);
	nft_load_port(r, true, 2 * words + 1);
	nft_in_set(r, 0, policy_cut_name(family), true);
	nft_update(r, policy_cut_name(family), 0, -1, CUT_SECONDS);
	nft_verdict(r, NFT_V_DROP);
	nft_rule_add(t, r);
}

static void add_selves(struct nft_txn *t, uint8_t family)
{
	struct nft_rule *r = rule("forward", family);

	nft_load_addr(r, false, family, 0);
	nft_load_addr(r, true, family, family / 4);
	nft_in_set(r, 0, policy_map_name(POLICY_SELVES, family), true);
	nft_verdict(r, NFT_V_ACCEPT);
	nft_rule_add(t, r);
}

static void add_jump(struct nft_txn *t, const char *from, const char *to)
{
	struct nft_rule *r = rule(from, 0);

	nft_jump(r, to);
	nft_rule_add(t, r);
}

static void add_branch(struct nft_txn *t, uint8_t family, enum policy_way way)
{
	struct nft_rule *r = rule(way == POLICY_OUT ? "egress" : "ingress", family);

	look_up(r, way == POLICY_IN, way == POLICY_OUT ? POLICY_EGRESS : POLICY_INGRESS, family);
	nft_load_priority(r, 0);
	nft_vmap(r, 0, policy_chains_name(way));
	nft_rule_add(t, r);
}

static void add_unknown(struct nft_txn *t, enum policy_way way)
{
	struct nft_rule *r = rule(way == POLICY_OUT ? "egress" : "ingress", 0);

	if (way == POLICY_OUT)
		nft_iif_named(r, LINKS);
	else
		nft_oif_named(r, LINKS);
	nft_count(r, POLICY_UNKNOWN);
	nft_verdict(r, NFT_V_DROP);
	nft_rule_add(t, r);
}

static void add_calm(struct nft_txn *t)
{
	struct nft_rule *r = rule("forward", 0);

	nft_load_number(r, 0, 0);
	nft_set_priority(r, 0);
	nft_rule_add(t, r);
}

static void add_entry(struct nft_txn *t, const struct cidr *services)
{
	struct nft_rule *r = nft_rule_new(POLICY_TABLE, "input");

	nft_iif_named(r, LINKS);
	nft_family(r, services->ip.len);
	nft_cmp_addr(r, true, services, true);
	nft_goto(r, "served");
	nft_rule_add(t, r);
}

static void add_held(struct nft_txn *t, uint8_t family)
{
	struct nft_rule *r = nft_rule_new(POLICY_TABLE, "input");

	nft_iif_named(r, LINKS);
	nft_family(r, family);
	nft_load_addr(r, true, family, 0);
	nft_in_set(r, 0, policy_map_name(POLICY_HELD, family), true);
	nft_goto(r, "served");
	nft_rule_add(t, r);
}

static void add_chains(struct nft_txn *t)
{
	static const char *const chains[] = { "midstream", "egress", "ingress", "served" };

	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++)
		nft_chain_add(t, POLICY_TABLE, chains[i], NFT_HOOK_NONE, NFT_CHAIN_FILTER, 0);
	nft_chain_add(t, POLICY_TABLE, "forward", NFT_HOOK_FORWARD, NFT_CHAIN_FILTER, PRIORITY);
	nft_chain_add(t, POLICY_TABLE, "input", NFT_HOOK_INPUT, NFT_CHAIN_FILTER, PRIORITY);
}

static void add_rules(struct nft_txn *t)
{
	add_established(t, "forward");
	add_midstream_entry(t);
	for (uint8_t family = 4; family <= 16; family += 12) {
		add_midstream(t, family, false);
		add_midstream(t, family, true);
		add_cut(t, family);
		add_selves(t, family);
		add_branch(t, family, POLICY_OUT);
		add_branch(t, family, POLICY_IN);
	}
	add_unknown(t, POLICY_OUT);
	add_unknown(t, POLICY_IN);
	add_jump(t, "forward", "egress");
	add_jump(t, "forward", "ingress");
	add_calm(t);
	for (unsigned i = 0; i < conf.service.cidrs.n; i++)
		add_entry(t, &conf.service.cidrs.v[i]);
	add_held(t, 4);
	add_held(t, 16);
	add_established(t, "served");
	add_jump(t, "served", "egress");
}

void policy_rules_lay(struct nft_txn *t)
{
	add_chains(t);
	add_maps(t, 4);
	add_maps(t, 16);
	add_cut_set(t, 4);
	add_cut_set(t, 16);
	add_chain_map(t, POLICY_OUT);
	add_chain_map(t, POLICY_IN);
	nft_named_counter_add(t, POLICY_TABLE, POLICY_UNKNOWN);
	add_rules(t);
}
