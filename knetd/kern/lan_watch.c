/* lan_watch.c - tells when what load-balancer addresses and the uplink rest on may have changed: a
 * link that is no pod's, a default route, or an address that we have made ourselves.
 *
 * Pods that come and go make many notifications of the same kinds. The filter keeps them out by
 * what they begin with: links named knet..., addresses that are link-local. */
#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stddef.h>

#include <knetd/auto.h>
#include <knetd/kern.h>

#include "nl.h"
#include "nl_news.h"
#include "rt_int.h"

#define GROUP(g) (1u << ((g)-1))
#define POD_LINK 0x6b6e6574 /* "knet" */

#define TELLS 2

static void (*tells[TELLS])(const struct rt_link *l, const struct rt_addr *a);

static void tell(const struct rt_link *l, const struct rt_addr *a)
{
	for (unsigned i = 0; i < TELLS && tells[i]; i++)
		tells[i](l, a);
}

static void on_message(const struct nlmsghdr *h)
{
	struct rt_link l;
	struct rt_addr a;

	if (!h) {
		tell(NULL, NULL);
		return;
	}
	switch (h->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		link_read(h, &l);
		if (h->nlmsg_type == RTM_DELLINK)
			l.flags = 0;
		tell(&l, NULL);
		return;
	case RTM_DELADDR:
		addr_read(h, &a);
		if (a.proto == RT_ADDR_SERVED || a.proto == RT_ADDR_UPLINK)
			tell(NULL, &a);
		return;
	default: /* a default route */
		tell(NULL, NULL);
	}
}

int lan_watch(void (*fn)(const struct rt_link *l, const struct rt_addr *a), struct err *e)
{
	/* Behind the header and the family's own one stands the first attribute: of links the name,
	 * of addresses the address. Loads are in network order, the header is in the machine's. */
	enum {
		TYPE = offsetof(struct nlmsghdr, nlmsg_type),
		NAME = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct ifinfomsg)) + NLA_HDRLEN,
		ADDRESS = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct ifaddrmsg)) + NLA_HDRLEN,
		ROUTE_BITS = NLMSG_HDRLEN + offsetof(struct rtmsg, rtm_dst_len),
		ROUTE_TABLE = NLMSG_HDRLEN + offsetof(struct rtmsg, rtm_table),
		PASS = 15,
		DROP = 16,
	};
#define JUMP(at, value, yes, no)                                                                   \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes) - (at)-1, (no) - (at)-1)
	static struct nl_news news = { .fn = on_message };
	struct sock_filter code[] = {
		[0] = BPF_STMT(BPF_LD | BPF_H | BPF_ABS, TYPE),
		[1] = JUMP(1, htons(RTM_NEWLINK), 6, 2),
		[2] = JUMP(2, htons(RTM_DELLINK), 6, 3),
		[3] = JUMP(3, htons(RTM_DELADDR), 8, 4),
		[4] = JUMP(4, htons(RTM_NEWROUTE), 11, 5),
		[5] = JUMP(5, htons(RTM_DELROUTE), 11, DROP),
		[6] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NAME),
		[7] = JUMP(7, POD_LINK, DROP, PASS),
		[8] = BPF_STMT(BPF_LD | BPF_H | BPF_ABS, ADDRESS),
		[9] = JUMP(9, 0xa9fe, DROP, 10), /* 169.254.0.0/16 */
		[10] = JUMP(10, 0xfe80, DROP, PASS),
		[11] = BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ROUTE_BITS),
		[12] = JUMP(12, 0, 13, DROP),
		[13] = BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ROUTE_TABLE),
		[14] = JUMP(14, RT_TABLE_MAIN, PASS, DROP),
		[PASS] = BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		[DROP] = BPF_STMT(BPF_RET | BPF_K, 0),
	};
#undef JUMP
	struct sock_fprog filter = { ARRAY_LEN(code), code };

	if (tells[0]) { /* listening already */
		tells[1] = fn;
		return 0;
	}
	tells[0] = fn;
	return nl_listen(&news,
	                 GROUP(RTNLGRP_LINK) | GROUP(RTNLGRP_IPV4_IFADDR) |
	                         GROUP(RTNLGRP_IPV6_IFADDR) | GROUP(RTNLGRP_IPV4_ROUTE) |
	                         GROUP(RTNLGRP_IPV6_ROUTE),
	                 &filter, e);
}
