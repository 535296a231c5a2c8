/* conntrack.c - forgets flows: UDP that leads elsewhere by now (a client that keeps sending from
 * one port would otherwise never get there), and everything of an address that is to be given to
 * another pod.
 *
 * Each question makes the kernel walk its whole table, that of all namespaces: 12 ms where it has
 * 262,144 buckets (0.6 us more for each entry that a filter leaves out, about twice that for one
 * that is handed out). So there is one walk for many addresses or ports, and a filter only where it
 * does not make two of them: the kernel takes one for a single family. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include <knetd/auto.h>
#include <knetd/buf.h>
#include <knetd/kern_check.h>

#include "nl.h"

#include <knetd/kern.h>

/* CTA_FILTER came with Linux 5.8; its bits stand in no public header. */
#define FILTER_PROTO_NUM (1 << 3)
#define FILTER_PROTO_DST_PORT (1 << 5)

#define FOUND_MAX ((size_t)4 << 20) /* bytes of deletions in one call, about 40,000 flows */

struct wanted {
	bool (*match)(const struct nlmsghdr *entry, const struct wanted *w);
	uint8_t proto;
	bool (*stale)(const struct conntrack_flow *f, void *arg);
	void *arg;
	const struct endpoint *original; /* a port, at addresses of the node */
	unsigned n;                      /* of original, or of ips */
	const struct ip *ips;
	unsigned n_own;
	const struct ip *own;
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
	g->nfgen_family = len == 4 ? AF_INET : len == 16 ? AF_INET6 : AF_UNSPEC;
	g->version = NFNETLINK_V0;
	return h;
}

/* ---- asking --------------------------------------------------------------------------------- */

/* Where it was sent to; the kernel looks only at what the filter's bits name. (It compares IPv6
 * addresses the wrong way round: ctnetlink_filter_match_tuple() takes ipv6_addr_cmp() for "equal",
 * seen on 6.18. So addresses are left to consider().) */
static void put_original(struct nlmsghdr *h, uint8_t proto, uint16_t port)
{
	struct nlattr *tuple = mnl_attr_nest_start(h, CTA_TUPLE_ORIG);
	struct nlattr *part = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);

	mnl_attr_put_u8(h, CTA_PROTO_NUM, proto);
	mnl_attr_put_u16(h, CTA_PROTO_DST_PORT, htons(port));
	mnl_attr_nest_end(h, part);
	mnl_attr_nest_end(h, tuple);
}

static void put_filter(struct nlmsghdr *h, uint32_t orig)
{
	struct nlattr *filter = mnl_attr_nest_start(h, CTA_FILTER);

	mnl_attr_put_u32(h, CTA_FILTER_ORIG_FLAGS, orig);
	mnl_attr_put_u32(h, CTA_FILTER_REPLY_FLAGS, 0);
	mnl_attr_nest_end(h, filter);
}

static struct nlmsghdr *question(struct nl_message *m, uint8_t len)
{
	return message(m->b, IPCTNL_MSG_CT_GET, NLM_F_DUMP, len);
}

/* All flows of the protocol; of both families, or all protocols, all flows. */
static struct nlmsghdr *flows_question(struct nl_message *m, const struct wanted *w, uint8_t family)
{
	struct nlmsghdr *h = question(m, family);

	if (!family || !w->proto)
		return h;
	put_original(h, w->proto, 0);
	put_filter(h, FILTER_PROTO_NUM);
	return h;
}

/* The family of all of them, 0 when they are of both. */
static uint8_t common_family(const struct endpoint *v, unsigned n)
{
	for (unsigned i = 1; i < n; i++)
		if (v[i].ip.len != v[0].ip.len)
			return 0;
	return v[0].ip.len;
}

/* One port: by its number; more: by their protocol. */
static struct nlmsghdr *ports_question(struct nl_message *m, const struct wanted *w)
{
	uint8_t family = common_family(w->original, w->n);
	struct nlmsghdr *h = question(m, family);

	if (!family)
		return h;
	put_original(h, w->proto, w->original->port);
	put_filter(h, FILTER_PROTO_NUM | (w->n == 1 ? FILTER_PROTO_DST_PORT : 0));
	return h;
}

/* ---- deleting ------------------------------------------------------------------------------- */

static struct ip ip_of(const struct nlattr *tuple, bool dst)
{
	const struct nlattr *ips = nl_nested(tuple, CTA_TUPLE_IP);
	const struct nlattr *a = nl_nested(ips, dst ? CTA_IP_V4_DST : CTA_IP_V4_SRC);
	struct ip ip = { .len = a ? 4 : 16 };

	if (!a)
		a = nl_nested(ips, dst ? CTA_IP_V6_DST : CTA_IP_V6_SRC);
	if (!a || mnl_attr_get_payload_len(a) != ip.len)
		return (struct ip){ 0 };
	memcpy(ip.b, mnl_attr_get_payload(a), ip.len);
	return ip;
}

/* -1: not of that protocol. */
static int port_of(const struct nlattr *tuple, bool dst, uint8_t proto)
{
	const struct nlattr *l4 = nl_nested(tuple, CTA_TUPLE_PROTO);
	const struct nlattr *num = nl_nested(l4, CTA_PROTO_NUM);
	const struct nlattr *port = nl_nested(l4, dst ? CTA_PROTO_DST_PORT : CTA_PROTO_SRC_PORT);

	return num && port && mnl_attr_get_u8(num) == proto ? ntohs(mnl_attr_get_u16(port)) : -1;
}

static const struct nlattr *tuple_of(const struct nlmsghdr *entry, uint16_t which)
{
	return nl_attr(entry, sizeof(struct nfgenmsg), which);
}

static uint8_t proto_of(const struct nlattr *tuple)
{
	const struct nlattr *num = nl_nested(nl_nested(tuple, CTA_TUPLE_PROTO), CTA_PROTO_NUM);

	return num ? mnl_attr_get_u8(num) : 0;
}

static bool end_of(const struct nlattr *tuple, bool dst, uint8_t proto, struct endpoint *out)
{
	int port = port_of(tuple, dst, proto);

	*out = (struct endpoint){ ip_of(tuple, dst), port < 0 ? 0 : (uint16_t)port };
	return out->ip.len;
}

static bool is_stale(const struct nlmsghdr *entry, const struct wanted *w)
{
	const struct nlattr *orig = tuple_of(entry, CTA_TUPLE_ORIG);
	struct conntrack_flow f = { .proto = proto_of(orig) };

	return (!w->proto || f.proto == w->proto) && end_of(orig, false, f.proto, &f.client) &&
	       end_of(orig, true, f.proto, &f.to) &&
	       end_of(tuple_of(entry, CTA_TUPLE_REPLY), false, f.proto, &f.from) &&
	       w->stale(&f, w->arg);
}

static bool is_to_port(const struct nlmsghdr *entry, const struct wanted *w)
{
	const struct nlattr *tuple = tuple_of(entry, CTA_TUPLE_ORIG);
	int port = port_of(tuple, true, w->proto);
	struct ip to = ip_of(tuple, true);

	for (unsigned i = 0; i < w->n; i++) {
		if (w->original[i].port != port)
			continue;
		if (w->original[i].ip.len == to.len && ip_is_any(&w->original[i].ip)
		            ? ip_is_loopback(&to) || ip_is_in(&to, w->own, w->n_own)
		            : ip_equal(&to, &w->original[i].ip))
			return true;
	}
	return false;
}

/* It sends, it is sent to, or it is what a translation leads to. */
static bool has_address(const struct nlmsghdr *entry, const struct wanted *w)
{
	const struct nlattr *orig = tuple_of(entry, CTA_TUPLE_ORIG);
	struct ip from = ip_of(orig, false), to = ip_of(orig, true);
	struct ip answers = ip_of(tuple_of(entry, CTA_TUPLE_REPLY), false);

	return ip_is_in(&from, w->ips, w->n) || ip_is_in(&to, w->ips, w->n) ||
	       ip_is_in(&answers, w->ips, w->n);
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
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(from);
	struct wanted *w = arg;
	struct nlmsghdr *h;
	char *room;

	if (!w->match(from, w))
		return;
	room = buf_room(&w->found, NL_MESSAGE_MAX);
	if (!room)
		return;
	h = message(room, IPCTNL_MSG_CT_DELETE, 0, g->nfgen_family == AF_INET ? 4 : 16);
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

/* ENOENT: one of them ended by itself meanwhile. */
static int delete_found(struct wanted *w)
{
	struct iovec iov = { w->found.data, w->found.len };
	struct nl_fail fail;
	int ret;

	if (!w->found.len)
		return 0;
	newest(w)->nlmsg_flags |= NLM_F_ACK;
	ret = nl_send(w->nl, &iov, 1, w->last, &fail);
	return ret == -ENOENT ? 0 : ret;
}

static void (*on_busy)(void);

void conntrack_on_busy(void (*fn)(void))
{
	on_busy = fn;
}

/* Again when there were more than one call holds, or a flow table had some. A kernel that cannot be
 * asked was told of at start: whoever purges goes on without. */
static int purge(struct wanted *w, struct nlmsghdr *question, struct err *e)
{
	bool asked = !on_busy;
	bool more = !kern_lacks(KERN_CT_NETLINK);
	int ret = 0;

	while (!ret && more) {
		w->found = (struct buf){ .max = FOUND_MAX };
		ret = nl_stream(w->nl, question, consider, w);
		more = w->found.failed;
		if (!ret)
			ret = delete_found(w);
		buf_free(&w->found);
		if (ret == -EBUSY && !asked) {
			asked = more = true;
			ret = 0;
			on_busy();
		}
	}
	return ret ? err_set(e, -ret, "conntrack: %s", strerror(-ret)) : 0;
}

static struct nl *common_socket(struct err *e)
{
	static struct nl *nl;

	if (!nl)
		nl = nl_open(NETLINK_NETFILTER, e);
	return nl;
}

int conntrack_purge(uint8_t proto, uint8_t family,
                    bool (*stale)(const struct conntrack_flow *f, void *arg), void *arg,
                    struct err *e)
{
	struct wanted w = { .match = is_stale, .proto = proto, .stale = stale, .arg = arg };
	struct nl_message m;

	w.nl = common_socket(e);
	return w.nl ? purge(&w, flows_question(&m, &w, family), e) : -e->code;
}

int conntrack_purge_ports(uint8_t proto, const struct endpoint *v, unsigned n, const struct ip *own,
                          unsigned n_own, struct err *e)
{
	struct wanted w = { .match = is_to_port,
		            .proto = proto,
		            .original = v,
		            .n = n,
		            .own = own,
		            .n_own = n_own };
	struct nl_message m;

	if (!n)
		return 0;
	w.nl = common_socket(e);
	return w.nl ? purge(&w, ports_question(&m, &w), e) : -e->code;
}

/* ---- addresses ------------------------------------------------------------------------------ */

/* A kernel that does not track connections, or cannot be asked, has none to forget: EINVAL is
 * nfnetlink's word for a subsystem that is not there. */
int conntrack_forget(const struct ip *ips, unsigned n, struct err *e)
{
	struct wanted w = { .match = has_address, .ips = ips, .n = n };
	struct nl_message m;
	int ret;

	if (!n)
		return 0;
	w.nl = nl_open(NETLINK_NETFILTER, e);
	if (!w.nl)
		return e->code == EPROTONOSUPPORT ? 0 : -e->code;
	ret = purge(&w, question(&m, 0), e);
	nl_close(w.nl);
	return ret == -EINVAL || ret == -EOPNOTSUPP ? 0 : ret;
}

static void nothing(const struct nlmsghdr *h, void *arg)
{
	(void)h;
	(void)arg;
}

/* Asks for one that there is not: to list them is to walk the table of all namespaces. */
int conntrack_probe(void)
{
	struct nl *nl = common_socket(NULL);
	struct nl_message m;
	struct nlmsghdr *h = message(m.b, IPCTNL_MSG_CT_GET, 0, 4);
	struct nlattr *tuple = mnl_attr_nest_start(h, CTA_TUPLE_ORIG), *part;
	int ret;

	part = mnl_attr_nest_start(h, CTA_TUPLE_IP);
	mnl_attr_put_u32(h, CTA_IP_V4_SRC, htonl(INADDR_LOOPBACK));
	mnl_attr_put_u32(h, CTA_IP_V4_DST, htonl(INADDR_LOOPBACK));
	mnl_attr_nest_end(h, part);
	part = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(h, CTA_PROTO_NUM, IPPROTO_UDP);
	mnl_attr_put_u16(h, CTA_PROTO_SRC_PORT, htons(1));
	mnl_attr_put_u16(h, CTA_PROTO_DST_PORT, htons(1));
	mnl_attr_nest_end(h, part);
	mnl_attr_nest_end(h, tuple);
	ret = nl ? nl_ask(nl, h, nothing, NULL) : -EPROTONOSUPPORT;
	return ret == -ENOENT ? 0 : ret;
}
