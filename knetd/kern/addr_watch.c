/* addr_watch.c - tells when an address was taken away from lo, where what the node serves itself
 * lives. Pods' addresses, which come and go all day, are elsewhere: the filter keeps them out. */
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
#define LO 1 /* its number in every namespace */

static void (*tell)(const struct ip *gone);

static void on_message(const struct nlmsghdr *h)
{
	struct rt_addr a;

	if (!h) {
		tell(NULL);
		return;
	}
	addr_read(h, &a);
	tell(&a.ip);
}

int addr_watch(void (*fn)(const struct ip *gone), struct err *e)
{
	enum {
		TYPE = offsetof(struct nlmsghdr, nlmsg_type),
		LINK = NLMSG_HDRLEN + offsetof(struct ifaddrmsg, ifa_index),
	};
	static struct nl_news news = { .fn = on_message };
	/* loads are in network order, what is loaded is in the machine's */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, TYPE),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELADDR), 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, LINK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(LO), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog filter = { ARRAY_LEN(code), code };

	tell = fn;
	return nl_listen(&news, GROUP(RTNLGRP_IPV4_IFADDR) | GROUP(RTNLGRP_IPV6_IFADDR), &filter,
	                 e);
}
