/* dns_tcp.c - DNS over TCP (RFC 7766): queries in a row, answers as they are ready. The number of
 * connections is bounded; at the limit the one that was silent longest makes room, so that idle
 * clients cannot lock others out. */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/list.h>
#include <knetd/loop.h>

#include "dns_worker.h"

#define CONNS 256
#define QUERY_MAX 4096            /* bytes of one query */
#define OUT_MAX (4 * DNS_TCP_MAX) /* bytes of answers waiting for a slow reader */
#define OUT_PAUSE DNS_TCP_MAX     /* from there on no more queries are read */
#define PENDING_PAUSE 64          /* as many forwarded ones on the way: the same */
#define IDLE_MS 10000
#define ACCEPTS 16 /* in one go */

struct conn {
	struct event ev;
	struct list
		by_age; /* the most recently active at the end; free ones in a list of their own */
	uint64_t active_ms;
	union dns_sockaddr peer;
	uint32_t serial; /* of the use of this place */
	unsigned pending;
	bool eof; /* nothing more will be asked */
	uint16_t in_len;
	uint8_t in[2 + QUERY_MAX];
	struct buf out;
};

static struct conn conns[CONNS];
static unsigned n_used; /* places used at least once */
static struct list free_conns = LIST_INIT(free_conns), open_conns = LIST_INIT(open_conns);
static struct event listeners[WORKER_SOCKETS];
static unsigned n_listeners;
static uint8_t reply_bytes[2 + DNS_TCP_MAX];

static void idle_check(struct timer *t);
static struct timer idle_timer = { .fn = idle_check };

static void conn_close(struct conn *c)
{
	loop_del(&c->ev);
	close(c->ev.fd);
	buf_free(&c->out);
	c->serial++;
	list_del(&c->by_age);
	list_add_tail(&free_conns, &c->by_age);
}

static struct conn *oldest(void)
{
	return list_empty(&open_conns) ? NULL : container_of(open_conns.next, struct conn, by_age);
}

static void conn_touch(struct conn *c)
{
	c->active_ms = loop_now();
	list_del(&c->by_age);
	list_add_tail(&open_conns, &c->by_age);
	if (!idle_timer.heap)
		timer_set(&idle_timer, IDLE_MS);
}

static void idle_check(struct timer *t)
{
	struct conn *c;

	while ((c = oldest()) && loop_now() - c->active_ms >= IDLE_MS)
		conn_close(c);
	if (c)
		timer_set(t, c->active_ms + IDLE_MS - loop_now());
}

static bool may_answer(const struct conn *c)
{
	return c->out.len < OUT_PAUSE && c->pending < PENDING_PAUSE;
}

/* Closes what is finished; asks for the events that matter to the rest. */
static void conn_settle(struct conn *c)
{
	bool done = c->eof || (dns_worker_draining() && !c->in_len);

	if (done && !c->out.len && !c->pending) {
		conn_close(c);
		return;
	}
	loop_mod(&c->ev,
	         EPOLLERR | (!c->eof && may_answer(c) ? EPOLLIN : 0) | (c->out.len ? EPOLLOUT : 0));
}

/* False when the connection is gone. */
static bool conn_flush(struct conn *c)
{
	ssize_t n;

	if (!c->out.len)
		return true;
	n = send(c->ev.fd, c->out.data, c->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		conn_close(c);
		return false;
	}
	if (n > 0) {
		conn_touch(c);
		buf_drop(&c->out, (size_t)n);
	}
	if (!c->out.len)
		buf_free(&c->out);
	return true;
}

static void conn_reply(struct conn *c, const uint8_t *p, size_t n)
{
	uint8_t length[2];

	dns_put16(length, (uint16_t)n);
	buf_add(&c->out, length, sizeof(length));
	buf_add(&c->out, p, n);
}

static void conn_query(struct conn *c, const uint8_t *p, size_t n)
{
	struct dns_reply reply = { .p = reply_bytes, .max = DNS_TCP_MAX };
	struct dns_client client = { .stream = true,
		                     .size = (uint16_t)n,
		                     .arrived = loop_now_ns(),
		                     .peer = c->peer,
		                     .conn = (unsigned)(c - conns),
		                     .conn_serial = c->serial };

	c->pending++; /* taken back at once, or by dns_tcp_send */
	if (!dns_worker_answer(p, n, &client, &reply))
		return;
	dns_count_duration(client.arrived, 1);
	c->pending--;
	conn_reply(c, reply.p, reply.len);
}

/* False when what came cannot be a query. */
static bool conn_queries(struct conn *c)
{
	size_t at = 0, len;

	while (c->in_len - at >= 2 && may_answer(c)) {
		len = dns_get16(c->in + at);
		if (len < DNS_HEADER || len > QUERY_MAX ||
		    (c->in_len - at > 4 && (c->in[at + 4] & 0x80)))
			return false;
		if (c->in_len - at < 2 + len)
			break;
		conn_query(c, c->in + at + 2, len);
		at += 2 + len;
	}
	c->in_len -= (uint16_t)at;
	memmove(c->in, c->in + at, c->in_len);
	return !c->out.failed;
}

static void conn_event(struct event *ev, uint32_t mask)
{
	struct conn *c = container_of(ev, struct conn, ev);
	ssize_t n;

	if (mask & EPOLLOUT && !conn_flush(c))
		return;
	if (mask & (EPOLLERR | EPOLLHUP)) {
		conn_close(c);
		return;
	}
	if (!c->eof && may_answer(c) && c->in_len < sizeof(c->in)) {
		n = recv(ev->fd, c->in + c->in_len, sizeof(c->in) - c->in_len, MSG_DONTWAIT);
		if (n > 0) {
			c->in_len += (uint16_t)n;
			conn_touch(c);
		} else if (!n || (errno != EAGAIN && errno != EINTR)) {
			c->eof = true;
		}
	}
	dns_worker_fresh();
	if (!conn_queries(c)) {
		conn_close(c);
		return;
	}
	if (conn_flush(c))
		conn_settle(c);
}

void dns_tcp_send(const struct dns_client *client, const uint8_t *p, size_t n)
{
	struct conn *c = &conns[client->conn];

	if (c->serial != client->conn_serial)
		return;
	c->pending--;
	if (n)
		conn_reply(c, p, n);
	if (c->out.failed || !conn_queries(c)) {
		conn_close(c);
		return;
	}
	if (conn_flush(c))
		conn_settle(c);
}

/* ---- listening ---------------------------------------------------------------------------------
 */

static struct conn *conn_take(void)
{
	struct list *l;

	if (list_empty(&free_conns) && n_used < CONNS) {
		list_init(&conns[n_used].by_age);
		return &conns[n_used++];
	}
	if (list_empty(&free_conns)) {
		dns_count(DNS_COUNT_TCP_REFUSED);
		conn_close(oldest());
	}
	l = free_conns.next;
	list_del(l);
	return container_of(l, struct conn, by_age);
}

static void conn_open(int fd, const union dns_sockaddr *peer)
{
	struct conn *c = conn_take();
	int on = 1;

	c->ev = (struct event){ .fd = fd, .fn = conn_event };
	c->peer = *peer;
	c->pending = 0;
	c->eof = false;
	c->in_len = 0;
	c->out = (struct buf){ .max = OUT_MAX };
	conn_touch(c);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (loop_add(&c->ev, EPOLLIN, NULL))
		conn_close(c);
}

static void on_listener(struct event *ev, uint32_t mask)
{
	(void)mask;
	for (unsigned i = 0; i < ACCEPTS; i++) {
		union dns_sockaddr peer = { 0 };
		socklen_t len = sizeof(peer);
		int fd = accept4(ev->fd, &peer.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		conn_open(fd, &peer);
	}
}

int dns_tcp_start(const struct worker *w, struct err *e)
{
	for (unsigned i = 0; i < w->n_sockets; i++) {
		struct event *ev = &listeners[n_listeners];
		int ret;

		if (!w->sockets[i].stream)
			continue;
		*ev = (struct event){ .fd = w->sockets[i].fd, .fn = on_listener };
		ret = loop_add(ev, EPOLLIN, e);
		if (ret)
			return ret;
		n_listeners++;
	}
	return 0;
}

void dns_tcp_drain(void)
{
	struct list *pos, *next;

	for (unsigned i = 0; i < n_listeners; i++) {
		on_listener(&listeners[i], EPOLLIN);
		loop_del(&listeners[i]);
		close(listeners[i].fd);
	}
	n_listeners = 0;
	list_each (pos, next, &open_conns)
		conn_event(&container_of(pos, struct conn, by_age)->ev, EPOLLIN);
}

uint16_t dns_tcp_keeps(void)
{
	return dns_worker_draining() ? 0 : IDLE_MS / 100;
}

bool dns_tcp_idle(void)
{
	return list_empty(&open_conns);
}
