/* svcnat_rules.c - the constant ruleset. As `nft list table inet knetd` shows it, for IPv4:
 *
 *	map svc4  { type ipv4_addr . inet_proto . inet_service : mark }          number of endpoints
 *	map eps4  { type ipv4_addr . inet_proto . inet_service . mark : ipv4_addr . inet_service }
 *	map pick  { type mark : verdict }                                        N : goto pickN
 *	set cluster4 { type ipv4_addr }                                          ClusterIPs given
 *out set hairpin4 { type ipv4_addr . ipv4_addr }                              endpoint . the same
 *	set dns4  { type ipv4_addr . inet_proto . inet_service }                 the cluster DNS
 *itself
 *
 *	chain prerouting, output (nat, -100)
 *		meta priority set ip daddr . meta l4proto . th dport map @svc4 meta priority vmap
 *@pick chain pickN meta priority set none dnat ip to ip daddr . meta l4proto . th dport . numgen
 *random mod N map @eps4 chain postrouting (nat, 100) oif != "lo" ct status dnat ip saddr . ip daddr
 *@hairpin4 masquerade oif != "lo" ct status dnat ip saddr SERVICES masquerade chain input (filter,
 *0) ip daddr SERVICES ct state new goto services chain services ip daddr . meta l4proto . th dport
 *@dns4 accept meta l4proto tcp ip daddr @cluster4 reject with tcp reset ip daddr @cluster4 reject
 *		drop
 *
 * The number of endpoints goes from the first map to the second through the priority of a
 *connection's first packet, which is zeroed at once: the mark, on which people build their routing,
 *stays theirs. (The kernel can pass it in a register alone, but nft 1.0.6 ends itself when it lists
 *such a rule.) It is data and not a verdict because the kernel walks a map of verdicts whole on
 *every change.
 *
 * The Service ranges are routed to the node itself (svcnat_route.c). So what was not translated
 * arrives at input on every path, from a pod, from the node and from outside; and the node's own
 * connections start with a source out of the Service range. Those are masqueraded to an address of
 *the link they leave by.
 *
 * Only `ct state new` is judged at input: the reset that a refused connection of the node gets
 *comes in over lo from and to the Service range, as a reply; and so do the pods' answers to the
 *node. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <knetd/conf.h>

#include "svcnat_plan.h"
#include "svcnat_rules.h"

#define DSTNAT (-100)
#define SRCNAT 100
#define FILTER 0

static bool families[17];
static bool picks[SVCNAT_ENDPOINTS_MAX + 1]; /* chains made since the last replacement */

void svcnat_rules_init(void)
{
	bool kernel_has_v6 = access("/proc/sys/net/ipv6", F_OK) == 0;

	for (unsigned i = 0; i < conf.service.cidrs.n; i++)
		families[conf.service.cidrs.v[i].ip.len] =
			conf.service.cidrs.v[i].ip.len == 4 || kernel_has_v6;
}

bool svcnat_has_family(uint8_t family)
{
	return families[family];
}

const char *svcnat_set_name(enum svcnat_set set, uint8_t family)
{
	static const char *const names[SVCNAT_SETS][2] = {
		[SVCNAT_SVC] = { "svc4", "svc6" },
		[SVCNAT_EPS] = { "eps4", "eps6" },
		[SVCNAT_CLUSTER] = { "cluster4", "cluster6" },
		[SVCNAT_HAIRPIN] = { "hairpin4", "hairpin6" },
		[SVCNAT_DNS] = { "dns4", "dns6" },
	};

	return names[set][family == 16];
}

/* ---- sets ----------------------------------------------------------------------------------- */

static void add_sets(struct nft_txn *t, uint8_t family)
{
	enum nft_part ip = family == 4 ? NFT_IPV4 : NFT_IPV6;
	const struct nft_set_def defs[SVCNAT_SETS] = {
		[SVCNAT_SVC] = { .key = { ip, NFT_PROTO, NFT_PORT }, .data = { NFT_MARK } },
		[SVCNAT_EPS] = { .key = { ip, NFT_PROTO, NFT_PORT, NFT_MARK },
		                 .data = { ip, NFT_PORT } },
		[SVCNAT_CLUSTER] = { .key = { ip } },
		[SVCNAT_HAIRPIN] = { .key = { ip, ip } },
		[SVCNAT_DNS] = { .key = { ip, NFT_PROTO, NFT_PORT } },
	};

	for (int i = 0; i < SVCNAT_SETS; i++) {
		struct nft_set_def def = defs[i];

		def.name = svcnat_set_name(i, family);
		nft_set_add(t, SVCNAT_TABLE, &def);
	}
}

static void add_dns(struct nft_txn *t, const struct endpoint *address, uint8_t proto)
{
	struct nft_bytes key = { 0 };

	nft_put_ip(&key, &address->ip);
	nft_put_proto(&key, proto);
	nft_put_port(&key, address->port);
	nft_elem_add(t, SVCNAT_TABLE, svcnat_set_name(SVCNAT_DNS, address->ip.len), &key, NULL);
}

static void add_dns_addresses(struct nft_txn *t)
{
	for (unsigned i = 0; i < conf.dns.address.n; i++) {
		const struct endpoint *address = &conf.dns.address.v[i];

		if (!svcnat_has_family(address->ip.len))
			continue;
		add_dns(t, address, IPPROTO_UDP);
		add_dns(t, address, IPPROTO_TCP);
	}
}

/* ---- rules ---------------------------------------------------------------------------------- */

/* ip daddr . meta l4proto . th dport, from register 0 on; returns the first free register. */
static unsigned load_target(struct nft_rule *r, uint8_t family)
{
	unsigned reg = family / 4;

	nft_family(r, family);
	nft_load_addr(r, true, family, 0);
	nft_load_l4proto(r, reg);
	nft_load_port(r, true, reg + 1);
	return reg + 2;
}

static void add_translation(struct nft_txn *t, const char *chain, uint8_t family)
{
	struct nft_rule *r = nft_rule_new(SVCNAT_TABLE, chain);

	load_target(r, family);
	nft_map_to(r, 0, svcnat_set_name(SVCNAT_SVC, family), 0);
	nft_set_priority(r, 0);
	nft_load_priority(r, 0);
	nft_vmap(r, 0, "pick");
	nft_rule_add(t, r);
}

static void add_hairpin(struct nft_txn *t, uint8_t family)
{
	struct nft_rule *r = nft_rule_new(SVCNAT_TABLE, "postrouting");

	nft_oif_lo(r, false);
	nft_ct_status_dnat(r, true);
	nft_family(r, family);
	nft_load_addr(r, false, family, 0);
	nft_load_addr(r, true, family, family / 4);
	nft_in_set(r, 0, svcnat_set_name(SVCNAT_HAIRPIN, family), true);
	nft_masquerade(r);
	nft_rule_add(t, r);
}

/* source: what the kernel gives the node's own connections to the Service range. */
static void add_own_source(struct nft_txn *t, const struct cidr *source)
{
	struct nft_rule *r = nft_rule_new(SVCNAT_TABLE, "postrouting");

	nft_oif_lo(r, false);
	nft_ct_status_dnat(r, true);
	nft_family(r, source->ip.len);
	nft_cmp_addr(r, false, source, true);
	nft_masquerade(r);
	nft_rule_add(t, r);
}

static void add_entry(struct nft_txn *t, const struct cidr *range)
{
	struct nft_rule *r = nft_rule_new(SVCNAT_TABLE, "input");

	nft_family(r, range->ip.len);
	nft_cmp_addr(r, true, range, true);
	nft_ct_state_new(r);
	nft_goto(r, "services");
	nft_rule_add(t, r);
}

static void add_dns_accept(struct nft_txn *t, uint8_t family)
{
	struct nft_rule *r = nft_rule_new(SVCNAT_TABLE, "services");

	load_target(r, family);
	nft_in_set(r, 0, svcnat_set_name(SVCNAT_DNS, family), true);
	nft_verdict(r, NFT_V_ACCEPT);
	nft_rule_add(t, r);
}

static void add_reject(struct nft_txn *t, uint8_t family, bool tcp)
{
	struct nft_rule *r = nft_rule_new(SVCNAT_TABLE, "services");

	if (tcp)
		nft_l4proto(r, IPPROTO_TCP);
	nft_family(r, family);
	nft_load_addr(r, true, family, 0);
	nft_in_set(r, 0, svcnat_set_name(SVCNAT_CLUSTER, family), true);
	if (tcp)
		nft_reject_tcp_reset(r);
	else
		nft_reject_port_unreachable(r);
	nft_rule_add(t, r);
}

static void add_drop(struct nft_txn *t)
{
	struct nft_rule *r = nft_rule_new(SVCNAT_TABLE, "services");

	nft_verdict(r, NFT_V_DROP);
	nft_rule_add(t, r);
}

static void add_chains(struct nft_txn *t)
{
	nft_chain_add(t, SVCNAT_TABLE, "prerouting", NFT_HOOK_PREROUTING, NFT_CHAIN_NAT, DSTNAT);
	nft_chain_add(t, SVCNAT_TABLE, "output", NFT_HOOK_OUTPUT, NFT_CHAIN_NAT, DSTNAT);
	nft_chain_add(t, SVCNAT_TABLE, "postrouting", NFT_HOOK_POSTROUTING, NFT_CHAIN_NAT, SRCNAT);
	nft_chain_add(t, SVCNAT_TABLE, "input", NFT_HOOK_INPUT, NFT_CHAIN_FILTER, FILTER);
	nft_chain_add(t, SVCNAT_TABLE, "services", NFT_HOOK_NONE, NFT_CHAIN_FILTER, 0);
}

static void add_rules(struct nft_txn *t, const struct cidr *range)
{
	uint8_t family = range->ip.len;

	add_translation(t, "prerouting", family);
	add_translation(t, "output", family);
	add_hairpin(t, family);
	add_own_source(t, range);
	add_entry(t, range);
	add_dns_accept(t, family);
	add_reject(t, family, true);
	add_reject(t, family, false);
}

void svcnat_rules_replace(struct nft_txn *t)
{
	const struct nft_set_def pick = { .name = "pick",
		                          .key = { NFT_MARK },
		                          .data = { NFT_VERDICT } };

	memset(picks, 0, sizeof(picks));
	nft_table_replace(t, SVCNAT_TABLE);
	add_chains(t);
	nft_set_add(t, SVCNAT_TABLE, &pick);
	for (unsigned i = 0; i < conf.service.cidrs.n; i++) {
		const struct cidr *range = &conf.service.cidrs.v[i];

		if (!svcnat_has_family(range->ip.len))
			continue;
		add_sets(t, range->ip.len);
		add_rules(t, range);
	}
	add_drop(t);
	add_dns_addresses(t);
}

static void add_priority_reset(struct nft_txn *t, const char *chain)
{
	struct nft_rule *r = nft_rule_new(SVCNAT_TABLE, chain);

	nft_load_number(r, 0, 0);
	nft_set_priority(r, 0);
	nft_rule_add(t, r);
}

static void add_dnat(struct nft_txn *t, const char *chain, uint8_t family, unsigned n)
{
	struct nft_rule *r = nft_rule_new(SVCNAT_TABLE, chain);
	unsigned index = load_target(r, family);

	nft_load_random(r, n, index);
	nft_map_to(r, 0, svcnat_set_name(SVCNAT_EPS, family), 0);
	nft_dnat(r, family, 0, family / 4);
	nft_rule_add(t, r);
}

void svcnat_rules_pick(struct nft_txn *t, unsigned n)
{
	struct nft_bytes key = { 0 };
	char chain[16];

	if (picks[n])
		return;
	picks[n] = true;
	snprintf(chain, sizeof(chain), "pick%u", n);
	nft_chain_add(t, SVCNAT_TABLE, chain, NFT_HOOK_NONE, NFT_CHAIN_NAT, 0);
	add_priority_reset(t, chain);
	for (uint8_t family = 4; family <= 16; family += 12)
		if (svcnat_has_family(family))
			add_dnat(t, chain, family, n);
	nft_put_mark(&key, n);
	nft_elem_goto(t, SVCNAT_TABLE, "pick", &key, chain);
}
