/* svcnat_masquerading.c - the rules by which clients of Services get the node's address.
 *
 * By what the client asked for, which conntrack remembers: so nothing has to be marked on the way,
 * and the marks stay the user's. */
#include "svcnat_rules_int.h"

#define CHAIN "masquerading"

void svcnat_add_masquerading_entry(struct nft_txn *t)
{
	struct nft_rule *r = nft_rule_new(SVCNAT_TABLE, "postrouting");

	nft_oif_lo(r, false);
	nft_ct_status_dnat(r, true);
	nft_goto(r, CHAIN);
	nft_rule_add(t, r);
}

static void masquerade(struct nft_txn *t, struct nft_rule *r)
{
	nft_masquerade(r);
	nft_rule_add(t, r);
}

/* A pod that reaches itself would drop its own address. */
static void add_hairpin(struct nft_txn *t, uint8_t family)
{
	struct nft_rule *r = svcnat_rule(CHAIN, family);

	nft_load_addr(r, false, family, 0);
	nft_load_addr(r, true, family, family / 4);
	nft_in_set(r, 0, svcnat_set_name(SVCNAT_HAIRPIN, family), true);
	masquerade(t, r);
}

/* services: the kernel gives the node's own connections a source in there. */
static void add_own_source(struct nft_txn *t, const struct cidr *services)
{
	struct nft_rule *r = svcnat_rule(CHAIN, services->ip.len);

	nft_cmp_addr(r, false, services, true);
	masquerade(t, r);
}

/* Answers of pods find back to everybody through this node. */
static void only_where_needed(struct nft_rule *r, uint8_t family)
{
	if (conf.service.masquerade == CONF_MASQUERADE_NEEDED)
		svcnat_outside(r, true, &conf.podnet.cidrs, family);
}

static void add_cluster(struct nft_txn *t, uint8_t family)
{
	struct nft_rule *r = svcnat_rule(CHAIN, family);

	if (conf.service.masquerade != CONF_MASQUERADE_ALL)
		svcnat_outside(r, false, &conf.podnet.cidrs, family);
	only_where_needed(r, family);
	nft_load_original_addr(r, true, family, 0);
	nft_in_set(r, 0, svcnat_set_name(SVCNAT_CLUSTER, family), true);
	masquerade(t, r);
}

/* What the client asked for; of node ports without the address. */
static void in_set(struct nft_rule *r, uint8_t family, enum svcnat_set set, bool node_port)
{
	unsigned reg = 0;

	if (!node_port) {
		nft_load_original_addr(r, true, family, 0);
		reg = family / 4;
	}
	nft_load_l4proto(r, reg);
	nft_load_original_port(r, true, reg + 1);
	nft_in_set(r, 0, svcnat_set_name(set, family), true);
}

static void add_snat(struct nft_txn *t, uint8_t family, enum svcnat_set set, bool node_port)
{
	struct nft_rule *r = svcnat_rule(CHAIN, family);

	only_where_needed(r, family);
	in_set(r, family, set, node_port);
	masquerade(t, r);
}

static void add_own_snat(struct nft_txn *t, uint8_t family, enum svcnat_set set, bool node_port)
{
	struct nft_rule *r = svcnat_rule(CHAIN, family);

	nft_iif_none(r);
	in_set(r, family, set, node_port);
	masquerade(t, r);
}

/* The sets of node ports do not know addresses: a front at an address that happens to have the
 * number of a node port is done with before them. */
static void add_end_of_addresses(struct nft_txn *t, uint8_t family)
{
	static const enum svcnat_set fronts[] = { SVCNAT_SNAT, SVCNAT_OWN_SNAT };
	struct nft_rule *r = svcnat_rule(CHAIN, family);

	nft_load_original_addr(r, true, family, 0);
	nft_in_set(r, 0, svcnat_set_name(SVCNAT_CLUSTER, family), true);
	nft_verdict(r, NFT_V_RETURN);
	nft_rule_add(t, r);
	for (unsigned i = 0; i < 2; i++) {
		r = svcnat_rule(CHAIN, family);
		in_set(r, family, fronts[i], false);
		nft_verdict(r, NFT_V_RETURN);
		nft_rule_add(t, r);
	}
}

/* An answer to 127.0.0.1 finds back nowhere, whatever else is wanted. */
static void add_localhost(struct nft_txn *t, uint8_t family)
{
	struct nft_rule *r = svcnat_rule(CHAIN, family);

	nft_cmp_addr(r, false, cidr_loopback(family), true);
	in_set(r, family, SVCNAT_SNAT_PORTS, true);
	masquerade(t, r);
}

void svcnat_add_masquerading(struct nft_txn *t, const struct cidr *services)
{
	uint8_t family = services->ip.len;

	add_hairpin(t, family);
	add_own_source(t, services);
	add_cluster(t, family);
	add_snat(t, family, SVCNAT_SNAT, false);
	add_own_snat(t, family, SVCNAT_OWN_SNAT, false);
	add_end_of_addresses(t, family);
	add_snat(t, family, SVCNAT_SNAT_PORTS, true);
	add_own_snat(t, family, SVCNAT_OWN_SNAT_PORTS, true);
	if (conf.service.node_port_localhost)
		add_localhost(t, family);
}
