/* podnet_rules.c - the table inet knetd_podnet, whole: each pass replaces it in one transaction.
 *
 *   way_back      before conntrack: a pod sends under its own addresses only
 *   postrouting   what leaves for where nobody knows the pods gets an address of the node
 *   hostports_*   ports of the node that lead to pods: see hostport.c
 *
 * The way back: IPv6 has no rp_filter, and for IPv4 the kernel takes the larger of a link's and
 * conf/all's: a 2 there (loose) would let a pod borrow another's address. Nothing is logged, so a
 * pod cannot fill the log with martians either. Every packet is looked at, not only the first of a
 * connection: a flow is borrowed as easily as an address. That costs about 0.5 us for a packet of
 * IPv4 and 2.5 us for one of IPv6 (Linux 6.18; a ping takes 19 us in place of 14); bulk sends cross
 * as few large packets.
 *
 * An accept here ends nothing: every other table's chains see the packet too.
 */
#include <errno.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/kern_check.h>
#include <knetd/log.h>

#include "hostport.h"
#include "podnet.h"
#include "podnet_plan.h"

#define TABLE PODNET_TABLE
#define WAY_BACK "way_back"
#define RAW (-300) /* behind defragmentation, before conntrack */
#define POSTROUTING "postrouting"
/* Behind the Services' own address translation (srcnat, 100), which knows better. */
#define PRIORITY 105

/* ---- the way back --------------------------------------------------------------------------- */

/* iifname "knet*" [ip6 saddr != fe80::/10 ip6 saddr != ::] fib saddr . iif oif missing drop. The
 * exceptions are neighbour discovery: what has such a source is not routed on. */
static void drop_borrowed(struct nft_txn *t, uint8_t family)
{
	static const struct cidr link_local = { { 16, { 0xfe, 0x80 } }, 10 },
				 none = { { .len = 16 }, 128 };
	struct nft_rule *r = nft_rule_new(TABLE, WAY_BACK);

	nft_iif_named(r, LINK_PREFIX);
	nft_family(r, family);
	if (family == 16) {
		nft_cmp_addr(r, false, &link_local, false);
		nft_cmp_addr(r, false, &none, false);
	}
	nft_no_way_back(r);
	nft_verdict(r, NFT_V_DROP);
	nft_rule_add(t, r);
}

/* iifname "knet*" ip daddr 127.0.0.0/8 drop: for host ports and node ports on localhost the links
 * of pods let such packets in (hostport.c). */
static void drop_to_loopback(struct nft_txn *t)
{
	struct nft_rule *r = nft_rule_new(TABLE, WAY_BACK);

	nft_iif_named(r, LINK_PREFIX);
	nft_family(r, 4);
	nft_cmp_addr(r, true, cidr_loopback(4), true);
	nft_verdict(r, NFT_V_DROP);
	nft_rule_add(t, r);
}

static void add_way_back(struct nft_txn *t, bool fib)
{
	nft_chain_add(t, TABLE, WAY_BACK, NFT_HOOK_PREROUTING, NFT_CHAIN_FILTER, RAW);
	if (fib) {
		drop_borrowed(t, 4);
		drop_borrowed(t, 16);
	}
	drop_to_loopback(t);
}

/* ---- masquerade ----------------------------------------------------------------------------- */

struct ranges {
	unsigned n;
	struct cidr v[2 * CONF_CIDRS + 8];
};

static void put_family(struct ranges *list, const struct conf_cidrs *from, uint8_t family)
{
	for (unsigned i = 0; i < from->n; i++)
		if (from->v[i].ip.len == family)
			list->n = cidr_join(list->v, list->n, &from->v[i]);
}

/* Who sees a pod under its own address: pods, Services, whom the configuration names; and what a
 * router keeps on its link anyway. The node's own addresses are delivered here and leave by no
 * link.
 */
static void direct_ranges(struct ranges *list, uint8_t family)
{
	static const struct conf_cidrs link_wide = { 5,
		                                     { { { 4, { 224 } }, 4 },
		                                       { { 4, { 169, 254 } }, 16 },
		                                       { { 4, { 255, 255, 255, 255 } }, 32 },
		                                       { { 16, { 0xff } }, 8 },
		                                       { { 16, { 0xfe, 0x80 } }, 10 } } };

	list->n = 0;
	put_family(list, &conf.podnet.cidrs, family);
	put_family(list, &conf.service.cidrs, family);
	put_family(list, &conf.podnet.masquerade_except, family);
	put_family(list, &link_wide, family);
}

static void add_set(struct nft_txn *t, const char *name, const struct ranges *list, uint8_t family)
{
	struct nft_set_def def = { .name = name, .interval = true };

	def.key[0] = family == 4 ? NFT_IPV4 : NFT_IPV6;
	nft_set_add(t, TABLE, &def);
	for (unsigned i = 0; i < list->n; i++)
		nft_elem_range(t, TABLE, name, &list->v[i]);
}

/* ip saddr @pods4 ip daddr != @direct4 oif != "lo" masquerade (or snat) */
static void add_masquerade(struct nft_txn *t, uint8_t family)
{
	const char *pods = family == 4 ? "pods4" : "pods6";
	const char *direct = family == 4 ? "direct4" : "direct6";
	const struct ip *outbound = &conf.podnet.outbound[family == 16];
	struct ranges list = { 0 };
	struct nft_rule *r;

	put_family(&list, &conf.podnet.cidrs, family);
	add_set(t, pods, &list, family);
	direct_ranges(&list, family);
	add_set(t, direct, &list, family);
	r = nft_rule_new(TABLE, POSTROUTING);
	nft_family(r, family);
	nft_load_addr(r, false, family, 0);
	nft_in_set(r, 0, pods, true);
	nft_load_addr(r, true, family, 0);
	nft_in_set(r, 0, direct, false);
	nft_oif_lo(r, false);
	if (outbound->len)
		nft_snat(r, outbound);
	else
		nft_masquerade(r);
	nft_rule_add(t, r);
}

static void add_masquerades(struct nft_txn *t)
{
	nft_chain_add(t, TABLE, POSTROUTING, NFT_HOOK_POSTROUTING, NFT_CHAIN_NAT, PRIORITY);
	for (uint8_t family = 4; family <= 16; family += 12)
		if (ipam_has_family(&podnet.ipam, family))
			add_masquerade(t, family);
}

struct held {
	bool families[2];
};

static void saw_addr(const struct rt_addr *a, void *arg)
{
	struct held *held = arg;

	for (unsigned i = 0; i < 2; i++)
		held->families[i] |= ip_equal(&a->ip, &conf.podnet.outbound[i]);
}

/* Answers to an address that the node does not hold come here only if somebody routes it here. */
static void warn_of_foreign_outbound(void)
{
	struct held held = { 0 };
	char text[IP_TEXT];
	struct err e;

	if ((!conf.podnet.outbound[0].len && !conf.podnet.outbound[1].len) ||
	    rt_addr_each(podnet.host, saw_addr, &held, &e))
		return;
	for (unsigned i = 0; i < 2; i++)
		if (conf.podnet.outbound[i].len && !held.families[i])
			log_warn("podnet: [podnet] outbound: the node does not hold %s",
			         ip_text(&conf.podnet.outbound[i], text));
}

/* ---- the whole ------------------------------------------------------------------------------ */

static int replace(bool fib, struct err *e)
{
	struct nft_txn *t = nft_begin();

	nft_table_replace(t, TABLE);
	add_way_back(t, fib);
	if (conf.podnet.masquerade)
		add_masquerades(t);
	hostport_rules(t, fib);
	return nft_commit(t, e);
}

int rules_replace(struct err *e)
{
	static bool no_fib; /* told once; a kernel does not learn it later */
	int ret;

	no_fib |= kern_lacks(KERN_NFT_FIB);
	ret = replace(!no_fib, e);
	warn_of_foreign_outbound();
	if (ret != -ENOENT || no_fib)
		return ret;
	ret = replace(false, e);
	if (ret)
		return ret;
	no_fib = true;
	log_warn("podnet: this kernel has no CONFIG_NFT_FIB_INET: a pod can send IPv6 under "
	         "another's address, and there are no host ports");
	return 0;
}

void rules_remove(void)
{
	struct err e;

	if (nft_table_remove(TABLE, &e))
		log_warn("podnet: table " TABLE ": %s", e.text);
}
