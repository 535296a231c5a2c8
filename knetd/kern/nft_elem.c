/* nft_elem.c - elements of sets and maps.
 *
 * They are written straight into the transaction, without libnftnl's object per element: a full
 * load is a hundred thousand of them. Consecutive elements of one set share a message, up to what a
 * netlink attribute can hold. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "nft_int.h"

#define ELEM_MAX 512            /* bytes of one element with everything */
#define LIST_MAX (65535 - 1024) /* an attribute's length is 16 bits */

/* ---- packing -------------------------------------------------------------------------------- */

void nft_elem_close(struct nft_txn *t)
{
	struct nft_open *o = nft_open_message(t);
	struct nlmsghdr *h = o->h;

	if (!h)
		return;
	mnl_attr_nest_end(h, o->list);
	o->h = NULL;
	nft_msg_end(t, h);
}

static bool fits(const struct nft_open *o, uint16_t type, const char *table, const char *set)
{
	size_t used =
		o->h ? (size_t)((char *)mnl_nlmsg_get_payload_tail(o->h) - (char *)o->list) : 0;

	return o->h && o->type == type && used + ELEM_MAX < LIST_MAX && !strcmp(o->set, set) &&
	       !strcmp(o->table, table);
}

static struct nlmsghdr *list_message(struct nft_txn *t, uint16_t type, const char *table,
                                     const char *set)
{
	struct nft_open *o = nft_open_message(t);
	struct nlmsghdr *h;

	if (fits(o, type, table, set))
		return o->h;
	h = nft_msg(t, type, type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0,
	            NFT_ROOM_ELEMS + NFT_ROOM_SMALL);
	if (!h)
		return NULL;
	o->type = type;
	o->table = (const char *)mnl_nlmsg_get_payload_tail(h) + MNL_ATTR_HDRLEN;
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, table);
	o->set = (const char *)mnl_nlmsg_get_payload_tail(h) + MNL_ATTR_HDRLEN;
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, set);
	o->list = mnl_attr_nest_start(h, NFTA_SET_ELEM_LIST_ELEMENTS);
	return o->h = h;
}

static void put_value(struct nlmsghdr *h, uint16_t attr, const struct nft_bytes *v)
{
	struct nlattr *nest = mnl_attr_nest_start(h, attr);

	mnl_attr_put(h, NFTA_DATA_VALUE, v->n, v->b);
	mnl_attr_nest_end(h, nest);
}

static void put_verdict(struct nlmsghdr *h, int code, const char *chain)
{
	struct nlattr *data = mnl_attr_nest_start(h, NFTA_SET_ELEM_DATA);
	struct nlattr *verdict = mnl_attr_nest_start(h, NFTA_DATA_VERDICT);

	mnl_attr_put_u32(h, NFTA_VERDICT_CODE, htonl((uint32_t)code));
	if (chain)
		mnl_attr_put_strz(h, NFTA_VERDICT_CHAIN, chain);
	mnl_attr_nest_end(h, verdict);
	mnl_attr_nest_end(h, data);
}

/* An element of the set and its key, in the open message: *elem is to be ended. NULL: no room. */
static struct nlmsghdr *elem_start(struct nft_txn *t, uint16_t type, const char *table,
                                   const char *set, const struct nft_bytes *key,
                                   struct nlattr **elem)
{
	struct nlmsghdr *h = list_message(t, type, table, set);

	if (!h)
		return NULL;
	*elem = mnl_attr_nest_start(h, NFTA_LIST_ELEM);
	put_value(h, NFTA_SET_ELEM_KEY, key);
	return h;
}

void nft_elem_add(struct nft_txn *t, const char *table, const char *set,
                  const struct nft_bytes *key, const struct nft_bytes *data)
{
	struct nlattr *elem;
	struct nlmsghdr *h = elem_start(t, NFT_MSG_NEWSETELEM, table, set, key, &elem);

	if (!h)
		return;
	if (data)
		put_value(h, NFTA_SET_ELEM_DATA, data);
	mnl_attr_nest_end(h, elem);
}

static void add_verdict(struct nft_txn *t, const char *table, const char *set,
                        const struct nft_bytes *key, int code, const char *chain)
{
	struct nlattr *elem;
	struct nlmsghdr *h = elem_start(t, NFT_MSG_NEWSETELEM, table, set, key, &elem);

	if (!h)
		return;
	put_verdict(h, code, chain);
	mnl_attr_nest_end(h, elem);
}

void nft_elem_goto(struct nft_txn *t, const char *table, const char *set,
                   const struct nft_bytes *key, const char *chain)
{
	add_verdict(t, table, set, key, NFT_GOTO, chain);
}

void nft_elem_return(struct nft_txn *t, const char *table, const char *set,
                     const struct nft_bytes *key)
{
	add_verdict(t, table, set, key, NFT_RETURN, NULL);
}

void nft_elem_del(struct nft_txn *t, const char *table, const char *set,
                  const struct nft_bytes *key)
{
	struct nlattr *elem;
	struct nlmsghdr *h = elem_start(t, NFT_MSG_DELSETELEM, table, set, key, &elem);

	if (!h)
		return;
	mnl_attr_nest_end(h, elem);
}

/* ---- ranges --------------------------------------------------------------------------------- */

/* The first address behind the range; false when there is none. */
static bool address_behind(const struct cidr *range, struct ip *out)
{
	unsigned bits = range->bits;

	*out = range->ip;
	while (bits > 0) { /* add one to the number that the prefix is */
		bits--;
		out->b[bits / 8] ^= 0x80 >> bits % 8;
		if (out->b[bits / 8] & 0x80 >> bits % 8)
			return true;
	}
	return false;
}

static void put_bound(struct nft_txn *t, const char *table, const char *set, const struct ip *ip,
                      bool end)
{
	struct nft_bytes key = { 0 };
	struct nlattr *elem;
	struct nlmsghdr *h;

	nft_put_ip(&key, ip);
	h = elem_start(t, NFT_MSG_NEWSETELEM, table, set, &key, &elem);
	if (!h)
		return;
	if (end)
		mnl_attr_put_u32(h, NFTA_SET_ELEM_FLAGS, htonl(NFT_SET_ELEM_INTERVAL_END));
	mnl_attr_nest_end(h, elem);
}

void nft_elem_range(struct nft_txn *t, const char *table, const char *set, const struct cidr *range)
{
	struct ip behind;

	put_bound(t, table, set, &range->ip, false);
	if (address_behind(range, &behind))
		put_bound(t, table, set, &behind, true);
}

static struct ip last_address(const struct cidr *range)
{
	struct ip ip = range->ip;

	for (unsigned i = range->bits; i < ip.len * 8u; i++)
		ip.b[i / 8] |= 0x80 >> i % 8;
	return ip;
}

static void put_ranges(struct nft_txn *t, uint16_t type, const char *table, const char *set,
                       const struct nft_bytes *first, const struct nft_bytes *last)
{
	struct nlattr *elem;
	struct nlmsghdr *h = elem_start(t, type, table, set, first, &elem);

	if (!h)
		return;
	put_value(h, NFTA_SET_ELEM_KEY_END, last);
	mnl_attr_nest_end(h, elem);
}

void nft_elem_ranges_add(struct nft_txn *t, const char *table, const char *set,
                         const struct nft_bytes *first, const struct nft_bytes *last)
{
	put_ranges(t, NFT_MSG_NEWSETELEM, table, set, first, last);
}

void nft_elem_ranges_del(struct nft_txn *t, const char *table, const char *set,
                         const struct nft_bytes *first, const struct nft_bytes *last)
{
	put_ranges(t, NFT_MSG_DELSETELEM, table, set, first, last);
}

static void put_prefix(struct nft_txn *t, uint16_t type, const char *table, const char *set,
                       const struct nft_bytes *key, const struct cidr *last)
{
	struct nft_bytes from = *key, to = *key;
	struct ip end = last_address(last);

	nft_put_ip(&from, &last->ip);
	nft_put_ip(&to, &end);
	put_ranges(t, type, table, set, &from, &to);
}

void nft_elem_prefix_add(struct nft_txn *t, const char *table, const char *set,
                         const struct nft_bytes *key, const struct cidr *last)
{
	put_prefix(t, NFT_MSG_NEWSETELEM, table, set, key, last);
}

void nft_elem_prefix_del(struct nft_txn *t, const char *table, const char *set,
                         const struct nft_bytes *key, const struct cidr *last)
{
	put_prefix(t, NFT_MSG_DELSETELEM, table, set, key, last);
}
