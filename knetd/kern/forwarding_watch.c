/* forwarding_watch.c - tells when somebody else has switched forwarding off.
 *
 * The kernel notifies of settings link by link; the filter lets only those pass that are about all
 * links. */
#include <linux/netconf.h>
#include <linux/rtnetlink.h>

#include <knetd/auto.h>
#include <knetd/kern.h>

#include "nl.h"
#include "nl_news.h"

static void (*tell)(void);

static bool is_off(const struct nlmsghdr *h)
{
	const struct nlattr *a;

	if (h->nlmsg_type != RTM_NEWNETCONF)
		return false;
	a = nl_attr(h, sizeof(struct netconfmsg), NETCONFA_FORWARDING);
	return a && mnl_attr_get_payload_len(a) == 4 && mnl_attr_get_u32(a) == 0;
}

static void on_message(const struct nlmsghdr *h)
{
	if (!h || is_off(h))
		tell();
}

int forwarding_watch(void (*fn)(void), struct err *e)
{
	static struct nl_news news = { .fn = on_message };
	/* Behind the header and struct netconfmsg stands NETCONFA_IFINDEX; its value is -1 for all
	 * links. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		         NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct netconfmsg)) + NLA_HDRLEN),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)NETCONFA_IFINDEX_ALL, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
	};
	struct sock_fprog filter = { ARRAY_LEN(code), code };

	tell = fn;
	return nl_listen(&news, 1u << (RTNLGRP_IPV4_NETCONF - 1) | 1u << (RTNLGRP_IPV6_NETCONF - 1),
	                 &filter, e);
}
