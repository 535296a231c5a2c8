/* nflog.c - reads the packets that rules log (nft_log). */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <knetd/auto.h>
#include <knetd/kern.h>
#include <knetd/loop.h>

#include "nft_int.h"

#define DATAGRAMS_A_TURN 32
#define HELD 8192       /* bytes that the kernel collects before it sends them */
#define HELD_UNTIL 10   /* hundredths of a second, at the longest */
#define HELD_PACKETS 16 /* and so many at the most */

struct nflog {
	struct event event;
	struct nl *nl;
	nflog_fn *fn;
	void *arg;
};

static unsigned index_of(const struct nlmsghdr *h, uint16_t attr)
{
	const struct nlattr *a = nl_attr(h, sizeof(struct nfgenmsg), attr);

	return a && mnl_attr_get_payload_len(a) == sizeof(uint32_t) ? ntohl(mnl_attr_get_u32(a))
	                                                            : 0;
}

static bool read_packet(const struct nlmsghdr *h, struct nflog_packet *out)
{
	const struct nlattr *prefix = nl_attr(h, sizeof(struct nfgenmsg), NFULA_PREFIX);
	const struct nlattr *data = nl_attr(h, sizeof(struct nfgenmsg), NFULA_PAYLOAD);

	if (h->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET) || !data)
		return false;
	if (prefix && mnl_attr_validate(prefix, MNL_TYPE_NUL_STRING) < 0)
		return false;
	*out = (struct nflog_packet){ .prefix = prefix ? mnl_attr_get_str(prefix) : "",
		                      .iif = index_of(h, NFULA_IFINDEX_INDEV),
		                      .oif = index_of(h, NFULA_IFINDEX_OUTDEV),
		                      .data = mnl_attr_get_payload(data),
		                      .len = mnl_attr_get_payload_len(data) };
	return true;
}

static void read_page(const struct nflog *l, const char *page, int n)
{
	struct nflog_packet p;

	for (const struct nlmsghdr *h = (const void *)page; mnl_nlmsg_ok(h, n);
	     h = mnl_nlmsg_next(h, &n))
		if (read_packet(h, &p))
			l->fn(&p, l->arg);
}

/* What is left is read in the next turn; what the queue cannot hold the kernel throws away. */
static void on_packets(struct event *ev, uint32_t events)
{
	static _Alignas(8) char page[2 * HELD];
	const struct nflog *l = container_of(ev, struct nflog, event);

	(void)events;
	for (unsigned i = 0; i < DATAGRAMS_A_TURN; i++) {
		ssize_t n = recv(ev->fd, page, sizeof(page), MSG_DONTWAIT);

		if (n > 0)
			read_page(l, page, (int)n);
		else if (n < 0 && errno == ENOBUFS)
			l->fn(NULL, l->arg);
		else if (n == 0 || errno != EINTR)
			break;
	}
}

/* ---- opening -------------------------------------------------------------------------------- */

static struct nlmsghdr *config_message(struct nl_message *m, uint16_t group)
{
	struct nlmsghdr *h = nl_message(m, NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG, NLM_F_ACK);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));

	g->version = NFNETLINK_V0;
	g->res_id = htons(group);
	return h;
}

static struct nlmsghdr *bind_message(struct nl_message *m, uint16_t group)
{
	const struct nfulnl_msg_config_mode mode = { .copy_range = htonl(NFLOG_BYTES),
		                                     .copy_mode = NFULNL_COPY_PACKET };
	const struct nfulnl_msg_config_cmd bind = { .command = NFULNL_CFG_CMD_BIND };
	struct nlmsghdr *h = config_message(m, group);

	mnl_attr_put(h, NFULA_CFG_CMD, sizeof(bind), &bind);
	mnl_attr_put(h, NFULA_CFG_MODE, sizeof(mode), &mode);
	mnl_attr_put_u32(h, NFULA_CFG_NLBUFSIZ, htonl(HELD));
	mnl_attr_put_u32(h, NFULA_CFG_TIMEOUT, htonl(HELD_UNTIL));
	mnl_attr_put_u32(h, NFULA_CFG_QTHRESH, htonl(HELD_PACKETS));
	return h;
}

/* EINVAL is nfnetlink's word for a subsystem that is not there, EPERM (when one may open groups at
 * all) for a group that somebody else has. */
static int explain(int code, uint16_t group, struct err *e)
{
	switch (code) {
	case -EINVAL:
	case -EOPNOTSUPP:
	case -EPROTONOSUPPORT:
		return err_set(e, EOPNOTSUPP,
		               "packets cannot be logged: this kernel has no "
		               "CONFIG_NETFILTER_NETLINK_LOG (module nfnetlink_log)");
	case -EPERM:
	case -EBUSY:
		return err_set(e, EBUSY, "log group %u: another program reads it", group);
	}
	return err_set(e, -code, "log group %u: %s", group, strerror(-code));
}

static int bind_group(struct nl *nl, uint16_t group, struct err *e)
{
	struct nl_message m;
	struct nlmsghdr *h = bind_message(&m, group);
	struct iovec iov = { h, h->nlmsg_len };
	struct nl_fail fail;
	int ret;

	h->nlmsg_seq = nl_seq(nl);
	ret = nl_send(nl, &iov, 1, h->nlmsg_seq, &fail);
	return ret ? explain(ret, group, e) : 0;
}

struct nflog *nflog_open(uint16_t group, nflog_fn *fn, void *arg, struct err *e)
{
	struct nflog *l = xcalloc(1, sizeof(*l));

	*l = (struct nflog){ .nl = nl_open(NETLINK_NETFILTER, e), .fn = fn, .arg = arg };
	if (l->nl)
		l->event = (struct event){ .fd = nl_fd(l->nl), .fn = on_packets };
	if (!l->nl || bind_group(l->nl, group, e) || loop_add(&l->event, EPOLLIN, e)) {
		nflog_close(l);
		return NULL;
	}
	return l;
}

/* A group that nobody has is asked to change something: ENODEV says that there could be one. */
int nflog_probe(void)
{
	const struct nfulnl_msg_config_mode mode = { .copy_mode = NFULNL_COPY_PACKET };
	struct nl *nl = nft_socket(NULL);
	struct nl_message m;
	struct nlmsghdr *h = config_message(&m, 1);
	struct iovec iov;
	struct nl_fail fail;
	int ret;

	if (!nl)
		return -EPROTONOSUPPORT;
	mnl_attr_put(h, NFULA_CFG_MODE, sizeof(mode), &mode);
	h->nlmsg_seq = nl_seq(nl);
	iov = (struct iovec){ h, h->nlmsg_len };
	ret = nl_send(nl, &iov, 1, h->nlmsg_seq, &fail);
	return ret == -ENODEV ? 0 : ret;
}

void nflog_close(struct nflog *l)
{
	if (!l)
		return;
	loop_del(&l->event);
	nl_close(l->nl); /* the kernel unbinds the group */
	free(l);
}
