/* lb_arp.c - see lb_arp.h
 *
 * Linux answers ARP for its addresses on every link (the weak host model). So a second link of the
 * node would draw an address's clients too, or another network would learn of it:
 *
 *	table arp knetd_lb {
 *		set held { type ipv4_addr }
 *		set here { type iface_index . ipv4_addr }
 *		chain input { type filter hook input priority filter; policy accept;
 *			arp operation request arp daddr ip @held iif . arp daddr ip != @here drop }
 *}
 *
 * Only requests that come in are looked at; IPv6 needs no such table. It stands as long as any IPv4
 * address is held. A kernel without CONFIG_NF_TABLES_ARP answers everywhere, and we say so once. */
#include <errno.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/log.h>

#include "lb_arp.h"

static struct nft_txn *txn;
static bool stands;      /* the table, as we made it */
static bool replacing;   /* this turn makes it from the start */
static bool unavailable; /* in this kernel */

/* ---- elements ------------------------------------------------------------------------------- */

static struct nft_bytes place_key(unsigned ifindex, const struct ip *ip)
{
	struct nft_bytes key = { 0 };

	nft_put_ifindex(&key, ifindex);
	nft_put_ip(&key, ip);
	return key;
}

static void put_held(const struct lb_address *a, bool add)
{
	struct nft_bytes key = { 0 };

	nft_put_ip(&key, &a->ip);
	if (add)
		nft_elem_add(txn, LB_TABLE, "held", &key, NULL);
	else
		nft_elem_del(txn, LB_TABLE, "held", &key);
}

static bool has(const unsigned *list, unsigned n, unsigned ifindex)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i] == ifindex)
			return true;
	return false;
}

static unsigned links_of(const struct lb_address *a, unsigned out[static LB_LANS])
{
	unsigned n = 0;

	for (const struct list *l = a->places.next; l != &a->places && n < LB_LANS; l = l->next)
		out[n++] = container_of(l, struct lb_place, in_address)->lan->link.ifindex;
	return n;
}

static void put_links(struct lb_address *a, const unsigned *now, unsigned n)
{
	for (unsigned i = 0; i < a->n_arp; i++) {
		struct nft_bytes key = place_key(a->arp[i], &a->ip);

		if (!has(now, n, a->arp[i]))
			nft_elem_del(txn, LB_TABLE, "here", &key);
	}
	for (unsigned i = 0; i < n; i++) {
		struct nft_bytes key = place_key(now[i], &a->ip);

		if (!has(a->arp, a->n_arp, now[i]))
			nft_elem_add(txn, LB_TABLE, "here", &key, NULL);
	}
	if (n)
		memcpy(a->arp, now, n * sizeof(*now));
	a->n_arp = n;
}

/* An address of the node's own is answered for where the node wishes. */
void lb_arp_address(struct lb_address *a)
{
	unsigned now[LB_LANS], n = links_of(a, now);

	if (!txn || a->ip.len != 4)
		return;
	if (replacing) {
		a->n_arp = 0;
		a->arp_held = false;
	}
	if (a->arp_held && a->own) {
		lb_arp_forget(a);
		return;
	}
	if (!a->arp_held && !a->own) {
		put_held(a, true);
		a->arp_held = true;
	}
	if (!a->own)
		put_links(a, now, n);
}

void lb_arp_forget(struct lb_address *a)
{
	if (!txn || !a->arp_held)
		return;
	put_links(a, NULL, 0);
	put_held(a, false);
	a->arp_held = false;
}

/* ---- the table ------------------------------------------------------------------------------ */

static void add_rule(void)
{
	struct nft_rule *r = nft_rule_new(LB_TABLE, "input");

	nft_arp_request(r);
	nft_load_arp_target(r, 0);
	nft_in_set(r, 0, "held", true);
	nft_load_iif(r, 0);
	nft_load_arp_target(r, 1);
	nft_in_set(r, 0, "here", false);
	nft_verdict(r, NFT_V_DROP);
	nft_rule_add(txn, r);
}

static void make_table(void)
{
	static const struct nft_set_def held = { .name = "held", .key = { NFT_IPV4 } };
	static const struct nft_set_def here = { .name = "here", .key = { NFT_IFINDEX, NFT_IPV4 } };

	nft_table_replace(txn, LB_TABLE);
	nft_set_add(txn, LB_TABLE, &held);
	nft_set_add(txn, LB_TABLE, &here);
	nft_chain_add(txn, LB_TABLE, "input", NFT_HOOK_INPUT, NFT_CHAIN_FILTER, 0);
	add_rule();
}

bool lb_arp_begin(bool again)
{
	if (unavailable)
		return false;
	txn = nft_begin_arp();
	replacing = again || !stands;
	if (replacing)
		make_table();
	return replacing;
}

static bool is_missing(int code)
{
	return code == -EOPNOTSUPP || code == -EAFNOSUPPORT || code == -EPROTONOSUPPORT;
}

int lb_arp_end(struct err *e)
{
	struct nft_txn *t = txn;
	int ret;

	if (!t)
		return 0;
	txn = NULL;
	ret = nft_commit(t, e);
	stands = ret == 0;
	if (!is_missing(ret) && (ret != -ENOENT || !replacing))
		return ret;
	unavailable = true;
	log_warn("lb: load-balancer addresses of IPv4 are answered for on every link: the kernel "
	         "has no CONFIG_NF_TABLES_ARP (%s)",
	         e->text);
	return 0;
}

void lb_arp_remove(void)
{
	struct nft_txn *t = nft_begin_arp();
	struct err e;

	nft_table_del(t, LB_TABLE);
	nft_commit(t, &e); /* none is as good */
	stands = false;
}
