/* nft_table.c - tables, chains and rules as wholes, and what a failed message was about. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include <linux/netfilter_arp.h>

#include "nft_int.h"

#define TABLE_F_PERSIST 0x4 /* Linux 6.9; headers of older ones do not have it */

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

void nft_table_add(struct nft_txn *t, const char *name)
{
	table(t, NFT_MSG_NEWTABLE, NLM_F_CREATE, name);
}

static void table_flagged(struct nft_txn *t, const char *name, uint32_t flags)
{
	struct nlmsghdr *h = nft_msg(t, NFT_MSG_NEWTABLE, NLM_F_CREATE, NFT_ROOM_SMALL);

	if (!h)
		return;
	mnl_attr_put_strz(h, NFTA_TABLE_NAME, name);
	mnl_attr_put_u32(h, NFTA_TABLE_FLAGS, htonl(flags));
	nft_msg_end(t, h);
}

void nft_table_add_dormant(struct nft_txn *t, const char *name)
{
	table_flagged(t, name, NFT_TABLE_F_DORMANT);
}

void nft_table_own(struct nft_txn *t, const char *name)
{
	table_flagged(t, name, NFT_TABLE_F_OWNER | TABLE_F_PERSIST);
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

int nft_ask(struct nlmsghdr *h, void (*fn)(const struct nlmsghdr *h, void *arg), void *arg,
            const char *what, const char *table, struct err *e)
{
	struct nl *nl = nft_socket(e);
	int ret;

	if (!nl)
		return -e->code;
	ret = nl_ask(nl, h, fn, arg);
	return ret ? err_set(e, -ret, "nftables: %s %s: %s", what, table, strerror(-ret)) : 0;
}

static void nothing(const struct nlmsghdr *h, void *arg)
{
	(void)h;
	(void)arg;
}

int nft_table_exists(const char *name, struct err *e)
{
	struct nl_message m;
	struct nlmsghdr *h = nft_question(&m, NFT_MSG_GETTABLE, 0);
	int ret;

	mnl_attr_put_strz(h, NFTA_TABLE_NAME, name);
	ret = nft_ask(h, nothing, NULL, "table", name, e);
	return ret == -ENOENT ? 0 : ret ? ret : 1;
}

int nft_table_remove(const char *name, struct err *e)
{
	int exists = nft_table_exists(name, e);
	struct nft_txn *t;

	if (exists != 1)
		return exists;
	t = nft_begin();
	nft_table_del(t, name);
	return nft_commit(t, e);
}

/* ---- chains --------------------------------------------------------------------------------- */

/* Family arp has its own numbers; only input is known here. */
static uint32_t hook_number(uint8_t family, enum nft_hook hook)
{
	if (family == NFPROTO_ARP)
		return NF_ARP_IN;
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

static void put_hook(struct nlmsghdr *h, uint8_t family, enum nft_hook hook,
                     enum nft_chain_type type, int priority)
{
	struct nlattr *nest = mnl_attr_nest_start(h, NFTA_CHAIN_HOOK);

	mnl_attr_put_u32(h, NFTA_HOOK_HOOKNUM, htonl(hook_number(family, hook)));
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
		put_hook(h, nft_txn_family(t), hook, type, priority);
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

void nft_rules_flush(struct nft_txn *t, const char *table_name)
{
	struct nlmsghdr *h = nft_msg(t, NFT_MSG_DELRULE, 0, NFT_ROOM_SMALL);

	if (!h)
		return;
	mnl_attr_put_strz(h, NFTA_RULE_TABLE, table_name);
	nft_msg_end(t, h);
}

void nft_chain_flush(struct nft_txn *t, const char *table_name, const char *chain)
{
	struct nlmsghdr *h = nft_msg(t, NFT_MSG_DELRULE, 0, NFT_ROOM_SMALL);

	if (!h)
		return;
	mnl_attr_put_strz(h, NFTA_RULE_TABLE, table_name);
	mnl_attr_put_strz(h, NFTA_RULE_CHAIN, chain);
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
	[NFT_MSG_DELRULE] = { "delete rule", NFTA_RULE_CHAIN },
	[NFT_MSG_NEWSET] = { "add set", NFTA_SET_NAME },
	[NFT_MSG_DELSET] = { "delete set", NFTA_SET_NAME },
	[NFT_MSG_NEWSETELEM] = { "add element", NFTA_SET_ELEM_LIST_SET },
	[NFT_MSG_DELSETELEM] = { "delete element", NFTA_SET_ELEM_LIST_SET },
	[NFT_MSG_NEWFLOWTABLE] = { "add flowtable", NFTA_FLOWTABLE_NAME },
	[NFT_MSG_NEWOBJ] = { "add counter", NFTA_OBJ_NAME }, /* we have no other objects */
	[NFT_MSG_DELOBJ] = { "delete counter", NFTA_OBJ_NAME },
};

static const char *text_of(const struct nlmsghdr *h, uint16_t attr)
{
	const struct nlattr *a = attr ? nl_attr(h, sizeof(struct nfgenmsg), attr) : NULL;

	return a ? mnl_attr_get_str(a) : "";
}

void nft_describe(const struct nlmsghdr *h, char out[static NFT_TEXT])
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	unsigned type = NFNL_MSG_TYPE(h->nlmsg_type);

	if (NFNL_SUBSYS_ID(h->nlmsg_type) != NFNL_SUBSYS_NFTABLES ||
	    type >= ARRAY_LEN(message_info) || !message_info[type].verb) {
		snprintf(out, NFT_TEXT, "batch");
		return;
	}
	snprintf(out, NFT_TEXT, "%s %s %s %s", message_info[type].verb,
	         g->nfgen_family == NFPROTO_ARP ? "arp" : "inet", text_of(h, NFTA_TABLE_NAME),
	         text_of(h, message_info[type].name));
}
