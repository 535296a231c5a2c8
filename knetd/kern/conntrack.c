/* conntrack.c - forgets UDP flows to endpoints that are gone: a client that keeps sending from one
 * port would otherwise never reach another one. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include <knetd/buf.h>

#include "nl.h"

#include <knetd/kern.h>

/* CTA_FILTER came with Linux 5.8; its bits stand in no public header. */
#define FILTER_IP_SRC (1 << 0)
#define FILTER_IP_DST (1 << 1)
#define FILTER_PROTO_NUM (1 << 3)
#define FILTER_PROTO_SRC_PORT (1 << 4)
#define FILTER_PROTO_DST_PORT (1 << 5)

#define FOUND_MAX ((size_t)4 << 20) /* bytes of deletions in one call, about 40,000 flows */

struct wanted {
	uint8_t proto;
	const struct endpoint *original, *endpoint;
	struct nl *nl;
	struct buf found; /* messages that delete what was found */
	uint32_t last;
};

static struct nlmsghdr *message(void *room, uint16_t type, uint16_t flags, uint8_t len)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(room);
	struct nfgenmsg *g;

	h->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = len == 4 ? AF_INET : AF_INET6;
	g->version = NFNETLINK_V0;
	return h;
}

/* ---- asking --------------------------------------------------------------------------------- */

/* One end of a tuple; the kernel looks only at what the filter's bits name. */
static void put_tuple(struct nlmsghdr *h, uint16_t attr, bool dst, uint8_t proto,
                      const struct endpoint *ep)
{
	uint16_t v4 = dst ? CTA_IP_V4_DST : CTA_IP_V4_SRC, v6 = dst ? CTA_IP_V6_DST : CTA_IP_V6_SRC;
	struct nlattr *tuple = mnl_attr_nest_start(h, attr);
	struct nlattr *part = mnl_attr_nest_start(h, CTA_TUPLE_IP);

	mnl_attr_put(h, ep->ip.len == 4 ? v4 : v6, ep->ip.len, ep->ip.b);
	mnl_attr_nest_end(h, part);
	part = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(h, CTA_PROTO_NUM, proto);
	mnl_attr_put_u16(h, dst ? CTA_PROTO_DST_PORT : CTA_PROTO_SRC_PORT, htons(ep->port));
	mnl_attr_nest_end(h, part);
	mnl_attr_nest_end(h, tuple);
}

/* The kernel compares IPv6 addresses the wrong way round (ctnetlink_filter_match_tuple() takes
 * ipv6_addr_cmp() for "equal"; seen on 6.18): those are left to consider(). */
static uint32_t filter_bits(uint8_t len, uint32_t ip, uint32_t port)
{
	return (len == 4 ? ip : 0) | FILTER_PROTO_NUM | port;
}

static struct nlmsghdr *question(struct nl_message *m, const struct wanted *w)
{
	uint8_t len = w->original->ip.len;
	struct nlmsghdr *h = message(m->b, IPCTNL_MSG_CT_GET, NLM_F_DUMP, len);
	uint32_t orig = filter_bits(len, FILTER_IP_DST, FILTER_PROTO_DST_PORT);
	uint32_t reply = filter_bits(len, FILTER_IP_SRC, FILTER_PROTO_SRC_PORT);
	struct nlattr *filter;

	put_tuple(h, CTA_TUPLE_ORIG, true, w->proto, w->original);
	if (w->endpoint)
		put_tuple(h, CTA_TUPLE_REPLY, false, w->proto, w->endpoint);
	filter = mnl_attr_nest_start(h, CTA_FILTER);
	mnl_attr_put_u32(h, CTA_FILTER_ORIG_FLAGS, orig);
	mnl_attr_put_u32(h, CTA_FILTER_REPLY_FLAGS, w->endpoint ? reply : 0);
	mnl_attr_nest_end(h, filter);
	return h;
}

/* ---- deleting ------------------------------------------------------------------------------- */

static bool end_is(const struct nlattr *tuple, bool dst, uint8_t proto, const struct endpoint *ep)
{
	uint16_t v4 = dst ? CTA_IP_V4_DST : CTA_IP_V4_SRC, v6 = dst ? CTA_IP_V6_DST : CTA_IP_V6_SRC;
	const struct nlattr *ip =
		nl_nested(nl_nested(tuple, CTA_TUPLE_IP), ep->ip.len == 4 ? v4 : v6);
	const struct nlattr *l4 = nl_nested(tuple, CTA_TUPLE_PROTO);
	const struct nlattr *num = nl_nested(l4, CTA_PROTO_NUM);
	const struct nlattr *port = nl_nested(l4, dst ? CTA_PROTO_DST_PORT : CTA_PROTO_SRC_PORT);

	return ip && num && port && mnl_attr_get_payload_len(ip) == ep->ip.len &&
	       !memcmp(mnl_attr_get_payload(ip), ep->ip.b, ep->ip.len) &&
	       mnl_attr_get_u8(num) == proto && ntohs(mnl_attr_get_u16(port)) == ep->port;
}

/* The identity (CTA_ID) makes sure that a successor with the same tuple is spared. */
static void copy_attr(struct nlmsghdr *h, const struct nlmsghdr *from, uint16_t attr)
{
	const struct nlattr *a = nl_attr(from, sizeof(struct nfgenmsg), attr);

	if (a)
		mnl_attr_put(h, a->nla_type, mnl_attr_get_payload_len(a), mnl_attr_get_payload(a));
}

static void consider(const struct nlmsghdr *from, void *arg)
{
	struct wanted *w = arg;
	const size_t skip = sizeof(struct nfgenmsg);
	struct nlmsghdr *h;
	char *room;

	if (!end_is(nl_attr(from, skip, CTA_TUPLE_ORIG), true, w->proto, w->original))
		return;
	if (w->endpoint &&
	    !end_is(nl_attr(from, skip, CTA_TUPLE_REPLY), false, w->proto, w->endpoint))
		return;
	room = buf_room(&w->found, NL_MESSAGE_MAX);
	if (!room)
		return;
	h = message(room, IPCTNL_MSG_CT_DELETE, 0, w->original->ip.len);
	h->nlmsg_seq = w->last = nl_seq(w->nl);
	copy_attr(h, from, CTA_TUPLE_ORIG);
	copy_attr(h, from, CTA_ZONE);
	copy_attr(h, from, CTA_ID);
	w->found.len += NLMSG_ALIGN(h->nlmsg_len);
}

static struct nlmsghdr *newest(struct wanted *w)
{
	struct nlmsghdr *h = (void *)w->found.data;

	for (int left = (int)w->found.len; h->nlmsg_seq != w->last;)
		h = mnl_nlmsg_next(h, &left);
	return h;
}

int conntrack_purge(uint8_t proto, const struct endpoint *original, const struct endpoint *endpoint,
                    struct err *e)
{
	static struct nl *nl;
	struct wanted w = { proto, original, endpoint, NULL, { .max = FOUND_MAX }, 0 };
	struct nl_message m;
	struct nl_fail fail;
	int ret;

	if (!nl && !(nl = nl_open(NETLINK_NETFILTER, e)))
		return -e->code;
	w.nl = nl;
	ret = nl_ask(nl, question(&m, &w), consider, &w);
	if (!ret && w.found.len) {
		struct iovec iov = { w.found.data, w.found.len };

		newest(&w)->nlmsg_flags |= NLM_F_ACK;
		ret = nl_send(nl, &iov, 1, w.last, &fail);
	}
	buf_free(&w.found);
	/* ENOENT: one of them ended by itself meanwhile */
	return ret && ret != -ENOENT ? err_set(e, -ret, "conntrack: %s", strerror(-ret)) : 0;
}
