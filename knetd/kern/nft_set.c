/* nft_set.c - sets and maps: what they are made of. */
#include <arpa/inet.h>
#include <endian.h>
#include <stdbool.h>

#include <libnftnl/udata.h>

#include "nft_int.h"

/* nft's own type numbers. The kernel stores them and does not look: they are for `nft list`. */
static const struct {
	unsigned type, bytes;
} part_info[] = {
	[NFT_IPV4] = { 7, 4 },    [NFT_IPV6] = { 8, 16 }, [NFT_PROTO] = { 12, 1 },
	[NFT_PORT] = { 13, 2 },   [NFT_MARK] = { 19, 4 }, [NFT_IFINDEX] = { 20, 4 },
	[NFT_NUMBER] = { 19, 4 },
};
#define TYPE_BITS 6 /* a concatenation's number is its parts' numbers side by side */

static unsigned count(const enum nft_part parts[static NFT_PARTS])
{
	unsigned n = 0;

	while (n < NFT_PARTS && parts[n] != NFT_END)
		n++;
	return n;
}

static uint32_t type_of(const enum nft_part *parts, unsigned n)
{
	uint32_t type = 0;

	for (unsigned i = 0; i < n; i++)
		type = type << TYPE_BITS | part_info[parts[i]].type;
	return type;
}

static uint32_t size_of(const enum nft_part *parts, unsigned n)
{
	uint32_t size = 0;

	for (unsigned i = 0; i < n; i++)
		size += (part_info[parts[i]].bytes + 3) & ~3u;
	return size;
}

static void put_data_type(struct nlmsghdr *h, const struct nft_set_def *def, unsigned n)
{
	if (def->data[0] == NFT_VERDICT) {
		mnl_attr_put_u32(h, NFTA_SET_DATA_TYPE, htonl(NFT_DATA_VERDICT));
		mnl_attr_put_u32(h, NFTA_SET_DATA_LEN, htonl(sizeof(uint32_t)));
		return;
	}
	mnl_attr_put_u32(h, NFTA_SET_DATA_TYPE, htonl(type_of(def->data, n)));
	mnl_attr_put_u32(h, NFTA_SET_DATA_LEN, htonl(size_of(def->data, n)));
}

static uint32_t byte_order(const enum nft_part *parts, unsigned n)
{
	enum { NONE, HOST_ENDIAN, BIG_ENDIAN_ }; /* as nft numbers them */

	if (n != 1 || parts[0] == NFT_VERDICT)
		return NONE;
	return parts[0] == NFT_MARK || parts[0] == NFT_IFINDEX ? HOST_ENDIAN : BIG_ENDIAN_;
}

/* Notes for nft: without them `nft list` shows marks back to front. */
static void put_notes(struct nlmsghdr *h, const struct nft_set_def *def, unsigned keys,
                      unsigned datas)
{
	struct nftnl_udata_buf *notes = nftnl_udata_buf_alloc(64);

	nftnl_udata_put_u32(notes, NFTNL_UDATA_SET_KEYBYTEORDER, byte_order(def->key, keys));
	nftnl_udata_put_u32(notes, NFTNL_UDATA_SET_DATABYTEORDER, byte_order(def->data, datas));
	mnl_attr_put(h, NFTA_SET_USERDATA, nftnl_udata_buf_len(notes), nftnl_udata_buf_data(notes));
	nftnl_udata_buf_free(notes);
}

/* Where each part of a key ends: only ranges over several parts need it. */
static void put_fields(struct nlmsghdr *h, const enum nft_part *parts, unsigned n)
{
	struct nlattr *list = mnl_attr_nest_start(h, NFTA_SET_DESC_CONCAT);

	for (unsigned i = 0; i < n; i++) {
		struct nlattr *field = mnl_attr_nest_start(h, NFTA_LIST_ELEM);

		mnl_attr_put_u32(h, NFTA_SET_FIELD_LEN, htonl(part_info[parts[i]].bytes));
		mnl_attr_nest_end(h, field);
	}
	mnl_attr_nest_end(h, list);
}

static void put_description(struct nlmsghdr *h, const struct nft_set_def *def, unsigned keys)
{
	bool fields = def->interval && keys > 1;
	struct nlattr *nest;

	if (!def->size && !fields)
		return;
	nest = mnl_attr_nest_start(h, NFTA_SET_DESC);
	if (def->size)
		mnl_attr_put_u32(h, NFTA_SET_DESC_SIZE, htonl(def->size));
	if (fields)
		put_fields(h, def->key, keys);
	mnl_attr_nest_end(h, nest);
}

/* What each element has besides its key. */
static void put_counter(struct nlmsghdr *h)
{
	struct nlattr *nest = mnl_attr_nest_start(h, NFTA_SET_EXPR);
	struct nlattr *data;

	mnl_attr_put_strz(h, NFTA_EXPR_NAME, "counter");
	data = mnl_attr_nest_start(h, NFTA_EXPR_DATA);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, nest);
}

static uint32_t flags_of(const struct nft_set_def *def, unsigned keys, unsigned datas)
{
	uint32_t flags = 0;

	if (datas)
		flags |= NFT_SET_MAP;
	if (def->interval)
		flags |= NFT_SET_INTERVAL | (keys > 1 ? NFT_SET_CONCAT : 0);
	if (def->dynamic)
		flags |= NFT_SET_EVAL | NFT_SET_TIMEOUT;
	return flags;
}

void nft_set_add(struct nft_txn *t, const char *table, const struct nft_set_def *def)
{
	struct nlmsghdr *h = nft_msg(t, NFT_MSG_NEWSET, NLM_F_CREATE, NFT_ROOM_SMALL);
	unsigned keys = count(def->key), datas = count(def->data);

	if (!h)
		return;
	mnl_attr_put_strz(h, NFTA_SET_TABLE, table);
	mnl_attr_put_strz(h, NFTA_SET_NAME, def->name);
	mnl_attr_put_u32(h, NFTA_SET_FLAGS, htonl(flags_of(def, keys, datas)));
	mnl_attr_put_u32(h, NFTA_SET_KEY_TYPE, htonl(type_of(def->key, keys)));
	mnl_attr_put_u32(h, NFTA_SET_KEY_LEN, htonl(size_of(def->key, keys)));
	mnl_attr_put_u32(h, NFTA_SET_ID, htonl(nft_next_set_id(t)));
	if (datas)
		put_data_type(h, def, datas);
	put_description(h, def, keys);
	if (def->timeout)
		mnl_attr_put_u64(h, NFTA_SET_TIMEOUT, htobe64(def->timeout * 1000ull));
	if (def->counter)
		put_counter(h);
	put_notes(h, def, keys, datas);
	nft_msg_end(t, h);
}

void nft_set_flush(struct nft_txn *t, const char *table, const char *set)
{
	struct nlmsghdr *h = nft_msg(t, NFT_MSG_DELSETELEM, 0, NFT_ROOM_SMALL);

	if (!h)
		return;
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, set);
	nft_msg_end(t, h);
}

void nft_set_del(struct nft_txn *t, const char *table, const char *set)
{
	struct nlmsghdr *h = nft_msg(t, NFT_MSG_DELSET, 0, NFT_ROOM_SMALL);

	if (!h)
		return;
	mnl_attr_put_strz(h, NFTA_SET_TABLE, table);
	mnl_attr_put_strz(h, NFTA_SET_NAME, set);
	nft_msg_end(t, h);
}
