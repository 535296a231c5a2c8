/* ra_watch.c - what router advertisements say that is not the kernel's business: it hands on the
 * options that name servers and domains stand in, one a message. */
#include <linux/rtnetlink.h>

#include <knetd/auto.h>
#include <knetd/kern.h>

#include "nl.h"
#include "nl_news.h"

#define ROUTER_ADVERTISEMENT 134

static void (*tell)(unsigned ifindex, const uint8_t *options, size_t n);

static void on_message(const struct nlmsghdr *h)
{
	const struct nduseroptmsg *m;

	/* lost ones are said again before they expire */
	if (!h || h->nlmsg_type != RTM_NEWNDUSEROPT || mnl_nlmsg_get_payload_len(h) < sizeof(*m))
		return;
	m = mnl_nlmsg_get_payload(h);
	if (m->nduseropt_icmp_type == ROUTER_ADVERTISEMENT && m->nduseropt_ifindex > 0 &&
	    m->nduseropt_opts_len <= mnl_nlmsg_get_payload_len(h) - sizeof(*m))
		tell((unsigned)m->nduseropt_ifindex, (const uint8_t *)(m + 1),
		     m->nduseropt_opts_len);
}

int ra_watch(void (*fn)(unsigned ifindex, const uint8_t *options, size_t n), struct err *e)
{
	static struct nl_news news = { .fn = on_message };
	struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, 0xffffffff);
	struct sock_fprog filter = { 1, &all };

	tell = fn;
	return nl_listen(&news, 1u << (RTNLGRP_ND_USEROPT - 1), &filter, e);
}
