/* nft_flowtable.c - flow tables: connections whose packets go from link to link past all chains. */
#include <arpa/inet.h>
#include <stdio.h>

#include <libnftnl/expr.h>

#include "nft_int.h"

#define INGRESS                                                                                    \
	0 /* the one hook there is for them; NF_NETDEV_INGRESS is not for programs of old          \
	   */

static void put_links(struct nlmsghdr *h, const char *const *links, unsigned n)
{
	struct nlattr *hook = mnl_attr_nest_start(h, NFTA_FLOWTABLE_HOOK), *list;

	mnl_attr_put_u32(h, NFTA_FLOWTABLE_HOOK_NUM, htonl(INGRESS));
	mnl_attr_put_u32(h, NFTA_FLOWTABLE_HOOK_PRIORITY, 0);
	list = mnl_attr_nest_start(h, NFTA_FLOWTABLE_HOOK_DEVS);
	for (unsigned i = 0; i < n; i++)
		mnl_attr_put_strz(h, NFTA_DEVICE_NAME, links[i]);
	mnl_attr_nest_end(h, list);
	mnl_attr_nest_end(h, hook);
}

void nft_flowtable_add(struct nft_txn *t, const char *table, const char *name,
                       const char *const *links, unsigned n)
{
	struct nlmsghdr *h = nft_msg(t, NFT_MSG_NEWFLOWTABLE, NLM_F_CREATE, NFT_ROOM_ELEMS);

	if (!h)
		return;
	mnl_attr_put_strz(h, NFTA_FLOWTABLE_TABLE, table);
	mnl_attr_put_strz(h, NFTA_FLOWTABLE_NAME, name);
	put_links(h, links, n);
	nft_msg_end(t, h);
}

void nft_flow_add(struct nft_rule *r, const char *flowtable)
{
	nftnl_expr_set_str(nft_expr(r, "flow_offload"), NFTNL_EXPR_FLOW_TABLE_NAME, flowtable);
}

/* The kernel takes what was deleted apart behind everybody's back; it ends that work before it
 * closes a socket of nfnetlink. */
void nft_settle(void)
{
	nl_close(nl_open(NETLINK_NETFILTER, NULL));
}
