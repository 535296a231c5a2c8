/* link_watch.c - tells when a link has gone, for those whose end in a pod died with its namespace.
 */
#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <stddef.h>

#include <knetd/auto.h>
#include <knetd/kern.h>

#include "nl.h"
#include "nl_news.h"

static void (*tell)(const char *name);

static void on_message(const struct nlmsghdr *h)
{
	const struct nlattr *a;

	if (!h) {
		tell(NULL);
		return;
	}
	a = nl_attr(h, sizeof(struct ifinfomsg), IFLA_IFNAME);
	if (h->nlmsg_type == RTM_DELLINK && a && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0)
		tell(mnl_attr_get_str(a));
}

int link_watch(void (*fn)(const char *name), struct err *e)
{
	static struct nl_news news = { .fn = on_message };
	/* A filter loads in network order what the header holds in the machine's. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELLINK), 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
	};
	struct sock_fprog filter = { ARRAY_LEN(code), code };

	tell = fn;
	return nl_listen(&news, 1u << (RTNLGRP_LINK - 1), &filter, e);
}
