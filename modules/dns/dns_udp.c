/* dns_udp.c - datagrams, read and answered in batches. All buffers are static: a query costs no
 * allocation, and memory that no burst ever needed is never touched. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/loop.h>

#include "dns_bundle.h"

#define BATCH DNS_BUNDLE
#define BATCHES 8      /* in one go, before the other descriptors get their turn */
#define QUERY_MAX 1500 /* bytes; a longer one is cut and then refused as broken */

struct udp_socket {
	struct event ev;
	bool any; /* bound to no address: answers must tell theirs */
};

static struct udp_socket sockets[WORKER_SOCKETS];
static unsigned n_sockets;

static struct {
	struct mmsghdr in[BATCH];
	struct iovec in_iov[BATCH];
	union dns_sockaddr peer[BATCH];
	_Alignas(8) uint8_t control[BATCH][DNS_CONTROL];
	uint8_t query[BATCH][QUERY_MAX];
	uint8_t reply[BATCH][DNS_UDP_MAX];
} batch;

static void batch_init(void)
{
	for (unsigned i = 0; i < BATCH; i++) {
		batch.in_iov[i] = (struct iovec){ batch.query[i], QUERY_MAX };
		batch.in[i].msg_hdr.msg_iov = &batch.in_iov[i];
		batch.in[i].msg_hdr.msg_iovlen = 1;
		batch.in[i].msg_hdr.msg_name = &batch.peer[i];
	}
}

static int batch_read(const struct udp_socket *s)
{
	for (unsigned i = 0; i < BATCH; i++) {
		struct msghdr *m = &batch.in[i].msg_hdr;

		m->msg_namelen = sizeof(batch.peer[i]);
		m->msg_control = s->any ? batch.control[i] : NULL;
		m->msg_controllen = s->any ? DNS_CONTROL : 0;
	}
	return recvmmsg(s->ev.fd, batch.in, BATCH, MSG_DONTWAIT, NULL);
}

static void client_set(struct dns_client *c, const struct udp_socket *s, const struct mmsghdr *in,
                       uint64_t arrived)
{
	const struct msghdr *m = &in->msg_hdr;

	c->stream = false;
	c->size = (uint16_t)in->msg_len;
	c->arrived = arrived;
	c->fd = s->ev.fd;
	c->peer = *(const union dns_sockaddr *)m->msg_name;
	c->peer_len = m->msg_namelen;
	c->control_len = (uint8_t)m->msg_controllen;
	if (m->msg_controllen)
		memcpy(c->control, m->msg_control, m->msg_controllen);
}

static bool batch_answer(const struct udp_socket *s, unsigned i, uint64_t arrived)
{
	const struct msghdr *m = &batch.in[i].msg_hdr;
	struct dns_reply reply = { .p = batch.reply[i], .max = DNS_UDP_MAX };
	struct dns_client client;

	client_set(&client, s, &batch.in[i], arrived);
	if (!dns_worker_answer(batch.query[i], batch.in[i].msg_len, &client, &reply))
		return false;
	dns_bundle_add(m, reply.p, reply.len);
	return true;
}

/* The clock is read once a batch, behind it: its first moment is the turn's, read by the loop, or
 * the end of the batch before. */
static void on_readable(struct event *ev, uint32_t mask)
{
	struct udp_socket *s = container_of(ev, struct udp_socket, ev);
	uint64_t since = loop_now_ns();

	(void)mask;
	for (unsigned round = 0; round < BATCHES; round++) {
		int n = batch_read(s);
		unsigned n_out = 0;

		if (n <= 0)
			return; /* nothing, or an error that an earlier answer met */
		dns_worker_fresh();
		for (int i = 0; i < n; i++)
			n_out += batch_answer(s, (unsigned)i, since);
		dns_bundle_send(s->ev.fd);
		since = dns_count_duration(since, n_out);
		if (n < BATCH)
			return;
	}
}

void dns_udp_send(const struct dns_client *c, const uint8_t *p, size_t n)
{
	struct dns_client copy = *c;
	struct iovec iov = { (void *)p, n };
	struct msghdr m = { .msg_name = &copy.peer,
		            .msg_namelen = copy.peer_len,
		            .msg_iov = &iov,
		            .msg_iovlen = 1 };

	dns_control_set(&m, copy.control, copy.control_len);
	sendmsg(c->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool bound_to_any(int fd)
{
	union dns_sockaddr at = { 0 };
	socklen_t len = sizeof(at);

	if (getsockname(fd, &at.any, &len) < 0)
		return false;
	return at.any.sa_family == AF_INET ? !at.v4.sin_addr.s_addr
	                                   : IN6_IS_ADDR_UNSPECIFIED(&at.v6.sin6_addr);
}

int dns_udp_start(const struct worker *w, struct err *e)
{
	batch_init();
	for (unsigned i = 0; i < w->n_sockets; i++) {
		struct udp_socket *s = &sockets[n_sockets];
		int ret;

		if (w->sockets[i].stream)
			continue;
		s->ev = (struct event){ .fd = w->sockets[i].fd, .fn = on_readable };
		s->any = bound_to_any(s->ev.fd);
		ret = loop_add(&s->ev, EPOLLIN, e);
		if (ret)
			return ret;
		n_sockets++;
	}
	return 0;
}

void dns_udp_last(void)
{
	for (unsigned i = 0; i < n_sockets; i++)
		on_readable(&sockets[i].ev, EPOLLIN);
}
