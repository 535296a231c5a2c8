// clang-format off
/* svcnat_rules.c - the constant ruleset. As `nft list table inet knetd` shows it, for IPv4 (FRONT is
 * ip daddr . meta l4proto . th dport, ORIGINAL the same of ct original, PORT without the address):
 *
 *   chain prerouting (nat, -100)
 *     FRONT @guarded4 jump guard
 *     ip saddr != PODS meta priority set FRONT map @outer4 meta priority vmap @pick
 *     meta priority set FRONT map @svc4 meta priority vmap @pick
 *     ip daddr != SERVICES ip daddr != 127.0.0.0/8 fib daddr type local goto node_ports
 *   chain output (nat, -100): the same without the rule for clients outside
 *   chain guard
 *     FRONT . ip saddr @allowed4 return
 *     drop
 *   chain node_ports
 *     ip saddr != PODS meta priority set PORT map @outer_ports4 meta priority vmap @port_pick
 *     meta priority set PORT map @ports4 meta priority vmap @port_pick
 *   chain pickN ..., deal: svcnat_picks.c
 *   chain postrouting (nat, 100)
 *     oif != "lo" ct status dnat goto masquerading
 *   chain masquerading
 *     ip saddr . ip daddr @hairpin4 masquerade
 *     ip saddr SERVICES masquerade
 *     ip saddr != PODS ct original ip daddr @cluster4 masquerade
 *     ORIGINAL @snat4 masquerade, iif 0 ORIGINAL @own_snat4 masquerade
 *     (what was asked for at an address returns)
 *     ORIGINAL PORT @snat_ports4 masquerade, iif 0 ORIGINAL PORT @own_snat_ports4 masquerade
 *   chain input (filter, 0)
 *     ip daddr SERVICES ct state new goto services
 *   chain services
 *     FRONT @dns4 accept
 *     meta l4proto tcp ip daddr @cluster4 reject with tcp reset
 *     ip daddr @cluster4 reject
 *     drop
 *
 * The word that says how many endpoints there are goes from one map to the next through the priority
 * of a connection's first packet: the mark, on which people build their
 * routing, stays theirs, and so does the connection's. (The kernel can pass it in a register alone,
 * but nft 1.0.6 ends itself when it lists such a rule.) It is data and not a verdict because the
 * kernel walks a map of verdicts whole on every change. Who is masqueraded is found by what the
 * client asked for, which conntrack remembers: so nothing has to be marked here either.
 *
 * The Service ranges are routed to the node itself (svcnat_host.c). So what was not translated
 * arrives at input on every path, from a pod, from the node and from outside; and the node's own
 * connections start with a source out of the Service range. Those are masqueraded to an address of
 * the link they leave by.
 *
 * Only `ct state new` is judged at input: the reset that a refused connection of the node gets comes
 * in over lo from and to the Service range, as a reply; and so do the pods' answers to the node. */
// clang-format on
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "svcnat_rules_int.h"

#define DSTNAT (-100)
#define SRCNAT 100
#define FILTER 0

static bool families[17];

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

/* ---- parts of rules ------------------------------------------------------------------------- */

unsigned svcnat_load_port(struct nft_rule *r, unsigned reg)
{
	nft_load_l4proto(r, reg);
	nft_load_port(r, true, reg + 1);
	return reg + 2;
}

unsigned svcnat_load_target(struct nft_rule *r, uint8_t family, unsigned reg)
{
	nft_load_addr(r, true, family, reg);
	return svcnat_load_port(r, reg + family / 4);
}

void svcnat_outside(struct nft_rule *r, bool dst, const struct conf_cidrs *ranges, uint8_t family)
{
	for (unsigned i = 0; i < ranges->n; i++)
		if (ranges->v[i].ip.len == family)
			nft_cmp_addr(r, dst, &ranges->v[i], false);
}

struct nft_rule *svcnat_rule(const char *chain, uint8_t family)
{
	struct nft_rule *r = nft_rule_new(SVCNAT_TABLE, chain);

	nft_family(r, family);
	return r;
}

/* ---- translation ---------------------------------------------------------------------------- */

static void look_up(struct nft_rule *r, enum svcnat_set set, uint8_t family)
{
	bool of_ports = set == SVCNAT_PORTS || set == SVCNAT_OUTER_PORTS;

	if (of_ports)
		svcnat_load_port(r, 0);
	else
		svcnat_load_target(r, family, 0);
	nft_map_to(r, 0, svcnat_set_name(set, family), 0);
	nft_set_priority(r, 0);
	nft_load_priority(r, 0);
	nft_vmap(r, 0, of_ports ? "port_pick" : "pick");
}

void svcnat_add_translation(struct nft_txn *t, const char *chain, uint8_t family,
                            enum svcnat_set set)
{
	struct nft_rule *r = svcnat_rule(chain, family);

	look_up(r, set, family);
	nft_rule_add(t, r);
}

void svcnat_add_outer_translation(struct nft_txn *t, const char *chain, uint8_t family,
                                  enum svcnat_set set)
{
	struct nft_rule *r = svcnat_rule(chain, family);

	svcnat_outside(r, false, &conf.podnet.cidrs, family);
	look_up(r, set, family);
	nft_rule_add(t, r);
}

static void add_deal(struct nft_txn *t, const char *chain, uint8_t family, enum svcnat_set eps)
{
	struct nft_rule *r = svcnat_rule(chain, family);
	unsigned index;

	if (eps == SVCNAT_PORT_EPS)
		index = svcnat_load_port(r, 0);
	else
		index = svcnat_load_target(r, family, 0);
	nft_load_priority(r, index);
	nft_map_to(r, 0, svcnat_set_name(eps, family), 0);
	nft_dnat(r, family, 0, family / 4);
	nft_rule_add(t, r);
}

static void add_guard(struct nft_txn *t, const char *chain, uint8_t family)
{
	struct nft_rule *r = svcnat_rule(chain, family);

	svcnat_load_target(r, family, 0);
	nft_in_set(r, 0, svcnat_set_name(SVCNAT_GUARDED, family), true);
	nft_jump(r, "guard");
	nft_rule_add(t, r);
}

void svcnat_add_count(struct nft_txn *t, const char *chain, uint8_t family, enum svcnat_set set)
{
	struct nft_rule *r;

	if (!conf.service.metrics)
		return;
	r = svcnat_rule(chain, family);
	if (set == SVCNAT_HIT_PORTS)
		svcnat_load_port(r, 0);
	else
		svcnat_load_target(r, family, 0);
	nft_in_set(r, 0, svcnat_set_name(set, family), true);
	nft_rule_add(t, r);
}

static void add_allowed(struct nft_txn *t, uint8_t family)
{
	struct nft_rule *r = svcnat_rule("guard", family);

	nft_load_addr(r, false, family, svcnat_load_target(r, family, 0));
	nft_in_set(r, 0, svcnat_set_name(SVCNAT_ALLOWED, family), true);
	nft_verdict(r, NFT_V_RETURN);
	nft_rule_add(t, r);
}

/* ---- what was not translated ---------------------------------------------------------------- */

static void add_entry(struct nft_txn *t, const struct cidr *services)
{
	struct nft_rule *r = svcnat_rule("input", services->ip.len);

	nft_cmp_addr(r, true, services, true);
	nft_ct_state_new(r);
	nft_goto(r, "services");
	nft_rule_add(t, r);
}

static void add_dns_accept(struct nft_txn *t, uint8_t family)
{
	struct nft_rule *r = svcnat_rule("services", family);

	svcnat_load_target(r, family, 0);
	nft_in_set(r, 0, svcnat_set_name(SVCNAT_DNS, family), true);
	nft_verdict(r, NFT_V_ACCEPT);
	nft_rule_add(t, r);
}

static void reject(struct nft_txn *t, struct nft_rule *r, bool tcp)
{
	if (tcp)
		nft_reject_tcp_reset(r);
	else
		nft_reject_port_unreachable(r);
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
	reject(t, r, tcp);
}

static void add_drop(struct nft_txn *t, const char *chain)
{
	struct nft_rule *r = nft_rule_new(SVCNAT_TABLE, chain);

	nft_verdict(r, NFT_V_DROP);
	nft_rule_add(t, r);
}

static void add_refusal(struct nft_txn *t)
{
	struct nft_rule *r = nft_rule_new(SVCNAT_TABLE, "refuse");

	nft_l4proto(r, IPPROTO_TCP);
	reject(t, r, true);
	reject(t, nft_rule_new(SVCNAT_TABLE, "refuse"), false);
}

/* ---- sets and maps that are the same whatever Services there are ---------------------------- */

static void put_dns(struct nft_txn *t, const struct endpoint *address, uint8_t proto)
{
	struct nft_bytes key = { 0 };

	nft_put_ip(&key, &address->ip);
	nft_put_proto(&key, proto);
	nft_put_port(&key, address->port);
	nft_elem_add(t, SVCNAT_TABLE, svcnat_set_name(SVCNAT_DNS, address->ip.len), &key, NULL);
}

static void add_dns(struct nft_txn *t, uint8_t family)
{
	nft_set_flush(t, SVCNAT_TABLE, svcnat_set_name(SVCNAT_DNS, family));
	for (unsigned i = 0; i < conf.dns.address.n; i++) {
		const struct endpoint *address = &conf.dns.address.v[i];

		if (address->ip.len != family)
			continue;
		put_dns(t, address, IPPROTO_UDP);
		put_dns(t, address, IPPROTO_TCP);
	}
}

static void add_pick_map(struct nft_txn *t, const char *name)
{
	const struct nft_set_def def = { .name = name,
		                         .key = { NFT_MARK },
		                         .data = { NFT_VERDICT } };

	nft_set_add(t, SVCNAT_TABLE, &def);
	nft_set_flush(t, SVCNAT_TABLE, name);
}

static void add_sets(struct nft_txn *t, uint8_t family)
{
	svcnat_sets_add(t, family);
	svcnat_add_node_at(t, family);
	add_dns(t, family);
	nft_set_flush(t, SVCNAT_TABLE, svcnat_set_name(SVCNAT_ALLOWED, family));
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void add_chains(struct nft_txn *t)
{
	static const char *const chains[] = { "guard",        "node_ports", "own_node_ports",
		                              "services",     "refuse",     "drop",
		                              "masquerading", "deal",       "deal_ports" };
	const char *table = SVCNAT_TABLE;

	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++)
		nft_chain_add(t, table, chains[i], NFT_HOOK_NONE, NFT_CHAIN_NAT, 0);
	nft_chain_add(t, table, "prerouting", NFT_HOOK_PREROUTING, NFT_CHAIN_NAT, DSTNAT);
	nft_chain_add(t, table, "output", NFT_HOOK_OUTPUT, NFT_CHAIN_NAT, DSTNAT);
	nft_chain_add(t, table, "postrouting", NFT_HOOK_POSTROUTING, NFT_CHAIN_NAT, SRCNAT);
	nft_chain_add(t, table, "input", NFT_HOOK_INPUT, NFT_CHAIN_FILTER, FILTER);
}

static void add_rules(struct nft_txn *t, const struct cidr *services, bool node_ports)
{
	uint8_t family = services->ip.len;

	add_guard(t, "prerouting", family);
	svcnat_add_count(t, "prerouting", family, SVCNAT_HITS);
	svcnat_add_outer_translation(t, "prerouting", family, SVCNAT_OUTER);
	svcnat_add_translation(t, "prerouting", family, SVCNAT_SVC);
	add_deal(t, "deal", family, SVCNAT_EPS);
	add_deal(t, "deal_ports", family, SVCNAT_PORT_EPS);
	add_guard(t, "output", family);
	svcnat_add_count(t, "output", family, SVCNAT_HITS);
	svcnat_add_translation(t, "output", family, SVCNAT_SVC);
	add_allowed(t, family);
	if (node_ports)
		svcnat_add_node_ports(t, services);
	svcnat_add_masquerading(t, services);
	add_entry(t, services);
	add_dns_accept(t, family);
	add_reject(t, family, true);
	add_reject(t, family, false);
}

void svcnat_rules_lay(struct nft_txn *t, bool node_ports)
{
	nft_table_add(t, SVCNAT_TABLE);
	nft_rules_flush(t, SVCNAT_TABLE);
	add_chains(t);
	add_pick_map(t, "pick");
	add_pick_map(t, "port_pick");
	svcnat_add_masquerading_entry(t);
	for (unsigned i = 0; i < conf.service.cidrs.n; i++) {
		const struct cidr *services = &conf.service.cidrs.v[i];

		if (!svcnat_has_family(services->ip.len))
			continue;
		add_sets(t, services->ip.len);
		add_rules(t, services, node_ports);
	}
	add_drop(t, "services");
	add_drop(t, "guard");
	add_drop(t, "drop");
	add_refusal(t);
}

static void drop_pick(const char *name, void *arg)
{
	if (!strncmp(name, "pick", 4) || !strncmp(name, "ports", 5))
		nft_chain_del(arg, SVCNAT_TABLE, name);
}

int svcnat_rules_drop_picks(struct nft_txn *t, struct err *e)
{
	return nft_chain_each(SVCNAT_TABLE, drop_pick, t, e);
}
