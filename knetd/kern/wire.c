/* wire.c - ARP and neighbour discovery by hand, on one link: for what the kernel does not do by
 * itself, as telling the neighbours of an address and asking whether somebody else has it.
 *
 * What is sent goes through a packet socket, which no firewall sees. Read are answers and claims
 * alone: from ARP by a filter in the kernel, from neighbour discovery by the filter of ICMPv6. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <knetd/auto.h>
#include <knetd/loop.h>

#include "wire_frame.h"

#define FRAMES_A_TURN 64

struct wire {
	struct event arp, nd; /* fd -1: none */
	unsigned ifindex;
	uint8_t mac[6];
	bool router;
	wire_fn *fn;
	void *arg;
};

/* ---- sending -------------------------------------------------------------------------------- */

static int put(const struct wire *w, const struct wire_frame *f)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
		                  .sll_protocol = htons(f->protocol),
		                  .sll_ifindex = (int)w->ifindex,
		                  .sll_halen = sizeof(f->to) };
	ssize_t n;

	memcpy(to.sll_addr, f->to, sizeof(f->to));
	n = sendto(w->arp.fd, f->b, f->n, MSG_DONTWAIT, (void *)&to, sizeof(to));
	return n < 0 ? -errno : 0;
}

int wire_claim(const struct wire *w, const struct ip *ip)
{
	struct wire_frame f;
	int ret;

	if (ip->len == 16) {
		wire_nd_claim(&f, w->mac, ip, w->router);
		return put(w, &f);
	}
	wire_arp_claim(&f, w->mac, ip, false);
	ret = put(w, &f);
	wire_arp_claim(&f, w->mac, ip, true);
	return ret ? ret : put(w, &f);
}

int wire_ask(const struct wire *w, const struct ip *from, const struct ip *who)
{
	const struct ip nobody = { 0 };
	struct wire_frame f;

	if (who->len == 16)
		wire_nd_ask(&f, w->mac, from ? from : &nobody, who);
	else
		wire_arp_ask(&f, w->mac, from ? from : &nobody, who);
	return put(w, &f);
}

/* ---- reading -------------------------------------------------------------------------------- */

static void tell(const struct wire *w, struct wire_claim *c)
{
	c->ifindex = w->ifindex;
	if (memcmp(c->mac, w->mac, sizeof(c->mac)) != 0)
		w->fn(c, w->arg);
}

/* The callback may close the wire only from the loop's end: it is read from here. */
static void on_arp(struct event *ev, uint32_t events)
{
	struct wire *w = container_of(ev, struct wire, arp);
	uint8_t frame[256];
	struct wire_claim c;

	(void)events;
	for (unsigned i = 0; i < FRAMES_A_TURN; i++) {
		ssize_t n = recv(ev->fd, frame, sizeof(frame), MSG_DONTWAIT);

		if (n < 0 && errno != EINTR)
			return;
		if (n > 0 && wire_arp_read(&c, frame, (size_t)n))
			tell(w, &c);
	}
}

struct notes { /* what the kernel says beside a message */
	int hops;
	struct in6_addr to;
};

static void read_notes(struct msghdr *m, struct notes *out)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct in6_pktinfo info;

		if (c->cmsg_level != IPPROTO_IPV6)
			continue;
		if (c->cmsg_type == IPV6_HOPLIMIT)
			memcpy(&out->hops, CMSG_DATA(c), sizeof(out->hops));
		if (c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			out->to = info.ipi6_addr;
		}
	}
}

static ssize_t take_nd(int fd, uint8_t *message, size_t size, struct notes *notes)
{
	_Alignas(struct cmsghdr) char room[256];
	struct iovec iov = { message, size };
	struct msghdr m = { .msg_iov = &iov,
		            .msg_iovlen = 1,
		            .msg_control = room,
		            .msg_controllen = sizeof(room) };
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);

	*notes = (struct notes){ 0 };
	if (n > 0)
		read_notes(&m, notes);
	return n;
}

/* 255 hops: sent on this very link. */
static void on_nd(struct event *ev, uint32_t events)
{
	struct wire *w = container_of(ev, struct wire, nd);
	uint8_t message[512];
	struct wire_claim c;
	struct notes notes;

	(void)events;
	for (unsigned i = 0; i < FRAMES_A_TURN; i++) {
		ssize_t n = take_nd(ev->fd, message, sizeof(message), &notes);

		if (n < 0 && errno != EINTR)
			return;
		if (n <= 0 || notes.hops != 255 || !wire_nd_read(&c, message, (size_t)n))
			continue;
		c.to.len = 16;
		memcpy(c.to.b, &notes.to, 16);
		tell(w, &c);
	}
}

/* ---- opening -------------------------------------------------------------------------------- */

/* Replies, and requests in which the sender (at 14) asks for himself (at 24). */
static int claims_only(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 2, 4, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 14),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 24),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { ARRAY_LEN(code), code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

/* Bound only behind the filter, so that nothing else gets in before. */
static int open_arp(struct wire *w, struct err *e)
{
	struct sockaddr_ll here = { .sll_family = AF_PACKET,
		                    .sll_protocol = htons(ETH_P_ARP),
		                    .sll_ifindex = (int)w->ifindex };

	w->arp.fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (w->arp.fd < 0 || claims_only(w->arp.fd) < 0 ||
	    bind(w->arp.fd, (void *)&here, sizeof(here)) < 0)
		return err_set(e, errno, "packet socket on link %u: %s", w->ifindex,
		               strerror(errno));
	w->arp.fn = on_arp;
	return loop_add(&w->arp, EPOLLIN, e);
}

static int advertisements_only(int fd)
{
	struct icmp6_filter filter;

	ICMP6_FILTER_SETBLOCKALL(&filter);
	ICMP6_FILTER_SETPASS(ND_NEIGHBOR_ADVERT, &filter);
	return setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter));
}

static int open_nd(struct wire *w, const char *name, struct err *e)
{
	int on = 1, fd;

	fd = w->nd.fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
	if (fd < 0 && errno == EAFNOSUPPORT) /* a kernel without IPv6 */
		return 0;
	if (fd < 0 || advertisements_only(fd) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) < 0)
		return err_set(e, errno, "ICMPv6 socket on link %s: %s", name, strerror(errno));
	w->nd.fn = on_nd;
	return loop_add(&w->nd, EPOLLIN, e);
}

struct wire *wire_open(const struct rt_link *l, wire_fn *fn, void *arg, struct err *e)
{
	struct wire *w = xcalloc(1, sizeof(*w));

	*w = (struct wire){ .arp.fd = -1,
		            .nd.fd = -1,
		            .ifindex = l->ifindex,
		            .router = l->ipv6.forwarding,
		            .fn = fn,
		            .arg = arg };
	memcpy(w->mac, l->mac, sizeof(w->mac));
	if (open_arp(w, e) || open_nd(w, l->name, e)) {
		wire_close(w);
		return NULL;
	}
	return w;
}

static void shut(struct event *ev)
{
	loop_del(ev);
	if (ev->fd >= 0)
		close(ev->fd);
}

void wire_close(struct wire *w)
{
	if (!w)
		return;
	shut(&w->arp);
	shut(&w->nd);
	free(w);
}
