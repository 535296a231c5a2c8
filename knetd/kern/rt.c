/* rt.c - the queue of routing netlink messages and their acknowledgements. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "netns.h"
#include "rt_int.h"

#define QUEUE_MAX ((size_t)1 << 20) /* bytes, about 10,000 messages */

struct rt *rt_open(int netns_fd, struct err *e)
{
	struct rt *rt;
	struct nl *nl;
	int home = -1;

	if (netns_fd >= 0 && netns_enter(netns_fd, &home, e))
		return NULL;
	nl = nl_open(NETLINK_ROUTE, e);
	netns_leave(home);
	if (!nl)
		return NULL;
	rt = xcalloc(1, sizeof(*rt));
	rt->nl = nl;
	rt->queue.max = QUEUE_MAX;
	return rt;
}

void rt_close(struct rt *rt)
{
	if (!rt)
		return;
	nl_close(rt->nl);
	buf_free(&rt->queue);
	free(rt);
}

struct nlmsghdr *rt_begin(struct rt *rt, uint16_t type, uint16_t flags)
{
	char *room = buf_room(&rt->queue, NL_MESSAGE_MAX);
	struct nlmsghdr *h;

	if (!room)
		return NULL;
	h = mnl_nlmsg_put_header(room);
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = rt->last = nl_seq(rt->nl);
	return h;
}

void rt_end(struct rt *rt, struct nlmsghdr *h)
{
	rt->queue.len += NLMSG_ALIGN(h->nlmsg_len);
}

void rt_put_ip(struct nlmsghdr *h, uint16_t attr, const struct ip *ip)
{
	if (ip->len)
		mnl_attr_put(h, attr, ip->len, ip->b);
}

struct ip rt_get_ip(const struct nlattr *a)
{
	struct ip ip = { 0 };

	if (a && (mnl_attr_get_payload_len(a) == 4 || mnl_attr_get_payload_len(a) == 16)) {
		ip.len = mnl_attr_get_payload_len(a);
		memcpy(ip.b, mnl_attr_get_payload(a), ip.len);
	}
	return ip;
}

/* ---- flush ---------------------------------------------------------------------------------- */

static void describe(const struct nlmsghdr *h, char out[static RT_TEXT])
{
	switch (h->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_SETLINK:
	case RTM_DELLINK:
		link_describe(h, out);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		addr_describe(h, out);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		route_describe(h, out);
		break;
	case RTM_NEWRULE:
	case RTM_DELRULE:
		rule_describe(h, out);
		break;
	case RTM_NEWQDISC:
		qdisc_describe(h, out);
		break;
	case RTM_NEWNEIGH:
		neigh_describe(h, out);
		break;
	default:
		snprintf(out, RT_TEXT, "message %u", h->nlmsg_type);
	}
}

static struct nlmsghdr *find(struct rt *rt, uint32_t seq)
{
	struct nlmsghdr *h = (void *)rt->queue.data;

	for (int left = (int)rt->queue.len; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left))
		if (h->nlmsg_seq == seq)
			return h;
	return NULL;
}

static int explain(struct rt *rt, int code, const struct nl_fail *fail, struct err *e)
{
	struct nlmsghdr *h = find(rt, fail->seq);
	char what[RT_TEXT] = "netlink";
	const char *words = fail->text;

	if (h)
		describe(h, what);
	return err_set(e, -code, "%s: %s%s%s%s", what, strerror(-code), *words ? " (" : "", words,
	               *words ? ")" : "");
}

int rt_flush(struct rt *rt, struct err *e)
{
	struct iovec iov = { rt->queue.data, rt->queue.len };
	struct nl_fail fail;
	int ret = 0;

	if (rt->queue.failed)
		ret = err_set(e, ENOBUFS, "netlink: more than %zu bytes queued", QUEUE_MAX);
	else if (rt->queue.len) {
		find(rt, rt->last)->nlmsg_flags |= NLM_F_ACK;
		ret = nl_send(rt->nl, &iov, 1, rt->last, &fail);
		if (ret)
			ret = explain(rt, ret, &fail, e);
	}
	buf_reset(&rt->queue);
	return ret;
}
