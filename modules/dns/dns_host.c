/* dns_host.c - see dns_host.h.
 *
 * Without connection tracking there is no race between the two queries that a resolver sends from
 * one port, the one that costs pods five seconds elsewhere, and no table to fill up. */
#include <netinet/in.h>
#include <stdio.h>

#include <knetd/kern.h>
#include <knetd/log.h>

#include "dns_host.h"

#define PRIORITY_RAW (-300)
#define DNS_PORT 53

static bool has_ipv6(void)
{
	FILE *f = fopen("/proc/sys/net/ipv6/conf/lo/disable_ipv6", "re");
	bool yes = f && fgetc(f) == '0';

	if (f)
		fclose(f);
	return yes;
}

void dns_host_addresses(struct conf_endpoints *out)
{
	bool v6 = has_ipv6();

	out->n = 0;
	for (unsigned i = 0; i < conf.dns.address.n; i++)
		if (conf.dns.address.v[i].ip.len == 4 || v6)
			out->v[out->n++] = conf.dns.address.v[i];
}

/* ---- addresses ---------------------------------------------------------------------------------
 */

static int with_lo(const struct conf_endpoints *addresses, bool add, struct err *e)
{
	struct rt *rt = rt_open(-1, e);
	struct rt_link lo;
	int ret;

	if (!rt)
		return -e->code;
	ret = rt_link_get(rt, "lo", &lo, e);
	if (!ret) {
		if (add)
			rt_link_up(rt, "lo");
		for (unsigned i = 0; i < addresses->n; i++) {
			const struct ip *ip = &addresses->v[i].ip;

			if (add)
				rt_addr_add(rt, lo.ifindex, ip, ip->len * 8u, false);
			else
				rt_addr_del(rt, lo.ifindex, ip, ip->len * 8u);
		}
		ret = rt_flush(rt, e);
	}
	rt_close(rt);
	return ret;
}

/* ---- rules -------------------------------------------------------------------------------------
 */

/* One chain for both directions: between two processes on the node a packet's source and
 * destination may both be the DNS address. What is most frequent comes first, and is done then:
 * every rule is paid for with every answer. */
static void add_notrack(struct nft_txn *t)
{
	static const uint8_t protos[] = { IPPROTO_UDP, IPPROTO_TCP };

	nft_chain_add(t, DNS_TABLE, "dns", NFT_HOOK_NONE, NFT_CHAIN_FILTER, 0);
	for (unsigned i = 0; i < 2 * sizeof(protos); i++) {
		struct nft_rule *r = nft_rule_new(DNS_TABLE, "dns");

		nft_l4proto(r, protos[i / 2]);
		nft_th_port(r, i % 2 == 0, DNS_PORT);
		nft_notrack(r);
		nft_verdict(r, NFT_V_ACCEPT);
		nft_rule_add(t, r);
	}
}

static void add_branch(struct nft_txn *t, const char *chain, const struct ip *ip, bool dst)
{
	struct cidr whole = { .ip = *ip, .bits = (uint8_t)(ip->len * 8) };
	struct nft_rule *r = nft_rule_new(DNS_TABLE, chain);

	nft_family(r, ip->len);
	nft_cmp_addr(r, dst, &whole, true);
	nft_goto(r, "dns");
	nft_rule_add(t, r);
}

/* Both directions meet both hooks: a local client's query leaves by output and arrives by
 * prerouting, and so does its answer. But mostly what arrives are queries and what leaves are
 * answers. */
static void add_hook(struct nft_txn *t, const char *chain, enum nft_hook hook,
                     const struct conf_endpoints *addresses)
{
	nft_chain_add(t, DNS_TABLE, chain, hook, NFT_CHAIN_FILTER, PRIORITY_RAW);
	for (unsigned i = 0; i < addresses->n; i++) {
		add_branch(t, chain, &addresses->v[i].ip, hook == NFT_HOOK_PREROUTING);
		add_branch(t, chain, &addresses->v[i].ip, hook != NFT_HOOK_PREROUTING);
	}
}

int dns_host_apply(const struct conf_endpoints *addresses, struct err *e)
{
	struct nft_txn *t;
	int ret = with_lo(addresses, true, e);

	if (ret)
		return ret;
	t = nft_begin();
	nft_table_replace(t, DNS_TABLE);
	add_notrack(t);
	add_hook(t, "prerouting", NFT_HOOK_PREROUTING, addresses);
	add_hook(t, "output", NFT_HOOK_OUTPUT, addresses);
	return nft_commit(t, e);
}

void dns_host_remove(const struct conf_endpoints *addresses)
{
	struct err e = { 0 };

	if (with_lo(addresses, false, &e))
		log_warn("dns: %s", e.text);
	if (nft_table_remove(DNS_TABLE, &e))
		log_warn("dns: %s", e.text);
}
