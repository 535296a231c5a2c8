/* nft_table.c - tables, chains and sets, and what a failed message was about. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/udata.h>

#include <knetd/auto.h>

#include "nft_int.h"

/* ---- tables --------------------------------------------------------------------------------- */

static void table(struct nft_txn *t, uint16_t type, uint16_t flags, const char *name)
{
	struct nlmsghdr *h = nft_msg(t, type, flags, NFT_ROOM_SMALL);

	if (!h)
		return;
	mnl_attr_put_strz(h, NFTA_TABLE_NAME, name);
	nft_msg_end(t, h);
}

void nft_table_replace(struct nft_txn *t, const char *name)
{
	table(t, NFT_MSG_NEWTABLE, NLM_F_CREATE, name);
	table(t, NFT_MSG_DELTABLE, 0, name);
	table(t, NFT_MSG_NEWTABLE, NLM_F_CREATE, name);
}

void nft_table_del(struct nft_txn *t, const char *name)
{
	table(t, NFT_MSG_DELTABLE, 0, name);
}

struct nlmsghdr *nft_question(struct nl_message *m, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *h = nl_message(m, NFNL_SUBSYS_NFTABLES << 8 | type, flags);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));

	g->nfgen_family = NFPROTO_INET;
	g->version = NFNETLINK_V0;
	return h;
}

static void nothing(const struct nlmsghdr *h, void *arg)
{
	(void)h;
	(void)arg;
}

int nft_table_exists(const char *name, struct err *e)
{
	struct nl *nl = nft_socket(e);
	struct nl_message m;
	struct nlmsghdr *h;
	int ret;

	if (!nl)
		return -e->code;
	h = nft_question(&m, NFT_MSG_GETTABLE, 0);
	mnl_attr_put_strz(h, NFTA_TABLE_NAME, name);
	ret = nl_ask(nl, h, nothing, NULL);
	if (ret && ret != -ENOENT)
		return err_set(e, -ret, "nftables: table %s: %s", name, strerror(-ret));
	return ret == 0;
}

/* ---- chains --------------------------------------------------------------------------------- */

static uint32_t hook_number(enum nft_hook hook)
{
	switch (hook) {
	case NFT_HOOK_NONE:
	case NFT_HOOK_PREROUTING:
		return NF_INET_PRE_ROUTING;
	case NFT_HOOK_INPUT:
		return NF_INET_LOCAL_IN;
	case NFT_HOOK_FORWARD:
		return NF_INET_FORWARD;
	case NFT_HOOK_OUTPUT:
		return NF_INET_LOCAL_OUT;
	case NFT_HOOK_POSTROUTING:
		return NF_INET_POST_ROUTING;
	}
	abort();
}

static void put_hook(struct nlmsghdr *h, enum nft_hook hook, enum nft_chain_type type, int priority)
{
	struct nlattr *nest = mnl_attr_nest_start(h, NFTA_CHAIN_HOOK);

	mnl_attr_put_u32(h, NFTA_HOOK_HOOKNUM, htonl(hook_number(hook)));
	mnl_attr_put_u32(h, NFTA_HOOK_PRIORITY, htonl((uint32_t)priority));
	mnl_attr_nest_end(h, nest);
	mnl_attr_put_u32(h, NFTA_CHAIN_POLICY, htonl(NF_ACCEPT));
	mnl_attr_put_strz(h, NFTA_CHAIN_TYPE, type == NFT_CHAIN_NAT ? "nat" : "filter");
}

void nft_chain_add(struct nft_txn *t, const char *table_name, const char *chain, enum nft_hook hook,
                   enum nft_chain_type type, int priority)
{
	struct nlmsghdr *h = nft_msg(t, NFT_MSG_NEWCHAIN, NLM_F_CREATE, NFT_ROOM_SMALL);

	if (!h)
		return;
	mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, table_name);
	mnl_attr_put_strz(h, NFTA_CHAIN_NAME, chain);
	if (hook != NFT_HOOK_NONE)
		put_hook(h, hook, type, priority);
	nft_msg_end(t, h);
}

void nft_chain_del(struct nft_txn *t, const char *table_name, const char *chain)
{
	struct nlmsghdr *h = nft_msg(t, NFT_MSG_DELCHAIN, 0, NFT_ROOM_SMALL);

	if (!h)
		return;
	mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, table_name);
	mnl_attr_put_strz(h, NFTA_CHAIN_NAME, chain);
	nft_msg_end(t, h);
}

/* ---- sets ----------------------------------------------------------------------------------- */

/* nft's own type numbers. The kernel stores them and does not look: they are for `nft list`. */
static const struct {
	unsigned type, size; /* size: bytes, padded to four */
} part_info[] = {
	[NFT_IPV4] = { 7, 4 },  [NFT_IPV6] = { 8, 16 }, [NFT_PROTO] = { 12, 4 },
	[NFT_PORT] = { 13, 4 }, [NFT_MARK] = { 19, 4 },
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
		size += part_info[parts[i]].size;
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
	return parts[0] == NFT_MARK ? HOST_ENDIAN : BIG_ENDIAN_;
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

static void put_size(struct nlmsghdr *h, unsigned size)
{
	struct nlattr *nest;

	if (!size)
		return;
	nest = mnl_attr_nest_start(h, NFTA_SET_DESC);
	mnl_attr_put_u32(h, NFTA_SET_DESC_SIZE, htonl(size));
	mnl_attr_nest_end(h, nest);
}

void nft_set_add(struct nft_txn *t, const char *table_name, const struct nft_set_def *def)
{
	struct nlmsghdr *h = nft_msg(t, NFT_MSG_NEWSET, NLM_F_CREATE, NFT_ROOM_SMALL);
	unsigned keys = count(def->key), datas = count(def->data);
	uint32_t flags = (datas ? NFT_SET_MAP : 0) | (def->interval ? NFT_SET_INTERVAL : 0);

	if (!h)
		return;
	mnl_attr_put_strz(h, NFTA_SET_TABLE, table_name);
	mnl_attr_put_strz(h, NFTA_SET_NAME, def->name);
	mnl_attr_put_u32(h, NFTA_SET_FLAGS, htonl(flags));
	mnl_attr_put_u32(h, NFTA_SET_KEY_TYPE, htonl(type_of(def->key, keys)));
	mnl_attr_put_u32(h, NFTA_SET_KEY_LEN, htonl(size_of(def->key, keys)));
	mnl_attr_put_u32(h, NFTA_SET_ID, htonl(nft_next_set_id(t)));
	if (datas)
		put_data_type(h, def, datas);
	put_size(h, def->size);
	put_notes(h, def, keys, datas);
	nft_msg_end(t, h);
}

/* ---- descriptions --------------------------------------------------------------------------- */

static const struct {
	const char *verb;
	uint16_t name; /* the attribute that names it inside its table, 0 none */
} message_info[] = {
	[NFT_MSG_NEWTABLE] = { "add table", 0 },
	[NFT_MSG_DELTABLE] = { "delete table", 0 },
	[NFT_MSG_NEWCHAIN] = { "add chain", NFTA_CHAIN_NAME },
	[NFT_MSG_DELCHAIN] = { "delete chain", NFTA_CHAIN_NAME },
	[NFT_MSG_NEWRULE] = { "add rule", NFTA_RULE_CHAIN },
	[NFT_MSG_NEWSET] = { "add set", NFTA_SET_NAME },
	[NFT_MSG_NEWSETELEM] = { "add element", NFTA_SET_ELEM_LIST_SET },
	[NFT_MSG_DELSETELEM] = { "delete element", NFTA_SET_ELEM_LIST_SET },
};

static const char *text_of(const struct nlmsghdr *h, uint16_t attr)
{
	const struct nlattr *a = attr ? nl_attr(h, sizeof(struct nfgenmsg), attr) : NULL;

	return a ? mnl_attr_get_str(a) : "";
}

void nft_describe(const struct nlmsghdr *h, char out[static NFT_TEXT])
{
	unsigned type = NFNL_MSG_TYPE(h->nlmsg_type);

	if (NFNL_SUBSYS_ID(h->nlmsg_type) != NFNL_SUBSYS_NFTABLES ||
	    type >= ARRAY_LEN(message_info) || !message_info[type].verb) {
		snprintf(out, NFT_TEXT, "batch");
		return;
	}
	snprintf(out, NFT_TEXT, "%s inet %s %s", message_info[type].verb,
	         text_of(h, NFTA_TABLE_NAME), text_of(h, message_info[type].name));
}
