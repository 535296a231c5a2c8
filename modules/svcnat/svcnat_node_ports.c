/* svcnat_node_ports.c - the rules by which node ports are open on the node's own addresses. */
#include "svcnat_node.h"
#include "svcnat_rules_int.h"

static bool at_some_addresses(void)
{
	return conf.service.node_port_primary || conf.service.node_port_at.n > 0;
}

static void add_entry(struct nft_txn *t, const char *chain, const char *to,
                      const struct cidr *services)
{
	uint8_t family = services->ip.len;
	struct nft_rule *r = svcnat_rule(chain, family);

	nft_cmp_addr(r, true, services, false);
	nft_cmp_addr(r, true, cidr_loopback(family), false);
	if (at_some_addresses()) {
		nft_load_addr(r, true, family, 0);
		nft_in_set(r, 0, svcnat_set_name(SVCNAT_NODE_AT, family), true);
	}
	nft_fib_local(r);
	nft_goto(r, to);
	nft_rule_add(t, r);
}

static void add_localhost_entry(struct nft_txn *t, uint8_t family)
{
	struct nft_rule *r = svcnat_rule("output", family);

	nft_cmp_addr(r, true, cidr_loopback(family), true);
	nft_goto(r, "own_node_ports");
	nft_rule_add(t, r);
}

void svcnat_add_node_ports(struct nft_txn *t, const struct cidr *services)
{
	uint8_t family = services->ip.len;

	add_entry(t, "prerouting", "node_ports", services);
	add_entry(t, "output", "own_node_ports", services);
	if (conf.service.node_port_localhost)
		add_localhost_entry(t, family);
	svcnat_add_count(t, "node_ports", family, SVCNAT_HIT_PORTS);
	svcnat_add_count(t, "own_node_ports", family, SVCNAT_HIT_PORTS);
	svcnat_add_outer_translation(t, "node_ports", family, SVCNAT_OUTER_PORTS);
	svcnat_add_translation(t, "node_ports", family, SVCNAT_PORTS);
	svcnat_add_translation(t, "own_node_ports", family, SVCNAT_PORTS);
}

struct ranges {
	unsigned n;
	struct cidr v[CONF_CIDRS + SVCNAT_NODE_IPS];
};

static void read_ranges(struct ranges *out)
{
	const struct ip *ips;
	unsigned n = svcnat_node_ips(&ips);

	for (unsigned i = 0; i < conf.service.node_port_at.n; i++)
		out->n = cidr_join(out->v, out->n, &conf.service.node_port_at.v[i]);
	for (unsigned i = 0; conf.service.node_port_primary && i < n; i++)
		out->n = cidr_join(out->v, out->n, &(struct cidr){ ips[i], ips[i].len * 8 });
}

void svcnat_add_node_at(struct nft_txn *t, uint8_t family)
{
	const char *set = svcnat_set_name(SVCNAT_NODE_AT, family);
	struct ranges list = { 0 };

	read_ranges(&list);
	nft_set_flush(t, SVCNAT_TABLE, set);
	for (unsigned i = 0; i < list.n; i++)
		if (list.v[i].ip.len == family)
			nft_elem_range(t, SVCNAT_TABLE, set, &list.v[i]);
}

bool svcnat_node_ports_at(const struct ip *ip)
{
	struct ranges list = { 0 };

	read_ranges(&list);
	for (unsigned i = 0; i < list.n; i++)
		if (cidr_has(&list.v[i], ip))
			return true;
	return !at_some_addresses();
}
