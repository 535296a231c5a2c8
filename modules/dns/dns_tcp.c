/* dns_tcp.c - DNS over TCP (RFC 7766): queries in a row, answers as they are ready.
 *
 * Everything is bounded: connections, those of one client, bytes of a query, bytes of answers that
 * wait for slow readers, of one and of all (CONNS * 4 KB and OUT_TOTAL: 9 MB a worker). At a limit
 * the one that was silent longest makes room, of that client or of all, so that nobody can lock
 * others out. What counts as a sign of life is a whole query, or answers being read: bytes that
 * come one by one do not keep a connection for ever. */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/list.h>
#include <knetd/loop.h>

#include "dns_guard.h"

#define CONNS 256
#define QUERY_MAX 4096            /* bytes of one query */
#define OUT_MAX (4 * DNS_TCP_MAX) /* bytes of answers waiting for a slow reader */
#define OUT_PAUSE DNS_TCP_MAX     /* from there on no more queries are read */
#define PENDING_PAUSE 64          /* as many forwarded ones on the way: the same */
#define OUT_TOTAL (8 << 20)       /* bytes of answers that wait, of all connections */
#define CONNS_A_CLIENT 64
#define CONNS_MANY (CONNS * 3 / 4)
#define IDLE_MS 10000
#define IDLE_MANY_MS 2000 /* with more connections than CONNS_MANY */
#define ACCEPTS 16        /* in one go */

struct conn {
	struct event ev;
	struct list
		by_age; /* the most recently active at the end; free ones in a list of their own */
	uint64_t active_ms;
	union dns_sockaddr peer;
	uint32_t serial; /* of the use of this place */
	unsigned pending;
	bool asked;  /* once at least */
	bool eof;    /* nothing more will be asked */
	bool doomed; /* to be closed by its next event */
	uint16_t in_len;
	uint8_t in[2 + QUERY_MAX];
	struct buf out;
};

static struct conn conns[CONNS];
static unsigned n_used; /* places used at least once */
static unsigned n_open;
static size_t out_total;
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
	out_total -= c->out.len;
	n_open--;
	buf_free(&c->out);
	c->serial++;
	list_del(&c->by_age);
	list_add_tail(&free_conns, &c->by_age);
}

static struct conn *oldest(void)
{
	return list_empty(&open_conns) ? NULL : container_of(open_conns.next, struct conn, by_age);
}

static unsigned idle_ms(void)
{
	return n_open > CONNS_MANY ? IDLE_MANY_MS : IDLE_MS;
}

uint16_t dns_tcp_keeps(void)
{
	return dns_worker_draining() ? 0 : (uint16_t)(idle_ms() / 100);
}

static void conn_touch(struct conn *c)
{
	c->active_ms = loop_now();
	list_del(&c->by_age);
	list_add_tail(&open_conns, &c->by_age);
	if (!idle_timer.heap || n_open == CONNS_MANY + 1)
		timer_set(&idle_timer, idle_ms());
}

static void idle_check(struct timer *t)
{
	struct conn *c;

	while ((c = oldest()) && loop_now() - c->active_ms >= idle_ms())
		conn_close(c);
	if (c)
		timer_set(t, c->active_ms + idle_ms() - loop_now());
}

static bool may_answer(const struct conn *c)
{
	return c->out.len < OUT_PAUSE && c->pending < PENDING_PAUSE;
}

/* Closes what is finished (when the worker drains: who has had an answer; who has only just come is
 * about to ask); asks for the events that matter to the rest. */
static void conn_settle(struct conn *c)
{
	bool done = c->eof || (dns_worker_draining() && c->asked && !c->in_len);

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
		out_total -= (size_t)n;
	}
	if (!c->out.len)
		buf_free(&c->out);
	return true;
}

/* Of those that do not read, other than c, the one that was silent longest. */
static void drop_slow_reader(const struct conn *c)
{
	struct list *pos, *next;

	list_each (pos, next, &open_conns) {
		struct conn *slow = container_of(pos, struct conn, by_age);

		if (slow == c || !slow->out.len)
			continue;
		dns_count(DNS_COUNT_TCP_REFUSED);
		slow->doomed = true; /* closed by its own event: somebody may walk the list */
		loop_mod(&slow->ev, EPOLLOUT | EPOLLIN);
		out_total -= slow->out.len;
		buf_free(&slow->out);
		shutdown(slow->ev.fd, SHUT_RDWR);
		return;
	}
}

static void conn_reply(struct conn *c, const uint8_t *p, size_t n)
{
	size_t before = c->out.len;
	uint8_t length[2];

	if (c->doomed)
		return;
	if (out_total + n > OUT_TOTAL)
		drop_slow_reader(c);
	dns_put16(length, (uint16_t)n);
	buf_add(&c->out, length, sizeof(length));
	buf_add(&c->out, p, n);
	out_total += c->out.len - before;
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
		conn_touch(c);
		c->asked = true;
		conn_query(c, c->in + at + 2, len);
		at += 2 + len;
	}
	c->in_len -= (uint16_t)at;
	memmove(c->in, c->in + at, c->in_len);
	return !c->out.failed;
}

/* Answers what is there and sends it, until nothing moves any more: what was put off while answers
 * waited has no event of its own. False when the connection is gone. */
static bool conn_serve(struct conn *c)
{
	uint16_t before;
	bool waited;

	do {
		before = c->in_len;
		waited = !may_answer(c);
		if (c->doomed || !conn_queries(c)) {
			conn_close(c);
			return false;
		}
		if (!conn_flush(c))
			return false;
	} while (c->in_len && (waited || c->in_len < before) && may_answer(c));
	return true;
}

static void conn_event(struct event *ev, uint32_t mask)
{
	struct conn *c = container_of(ev, struct conn, ev);
	ssize_t n;

	if (mask & EPOLLOUT && !conn_flush(c))
		return;
	if (mask & (EPOLLERR | EPOLLHUP) || c->doomed) {
		conn_close(c);
		return;
	}
	if (!c->eof && may_answer(c) && c->in_len < sizeof(c->in)) {
		n = recv(ev->fd, c->in + c->in_len, sizeof(c->in) - c->in_len, MSG_DONTWAIT);
		if (n > 0)
			c->in_len += (uint16_t)n;
		else if (!n || (errno != EAGAIN && errno != EINTR))
			c->eof = true;
	}
	dns_worker_fresh();
	if (conn_serve(c))
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
	if (conn_serve(c))
		conn_settle(c);
}

/* ---- listening ---------------------------------------------------------------------------------
 */

static bool same_peer(const struct conn *c, const struct ip *ip)
{
	struct ip other;

	return ip_of_sockaddr(&other, &c->peer.any) && ip_equal(&other, ip);
}

/* One client may not have all places: at its limit its own oldest makes room. */
static void limit_client(const union dns_sockaddr *peer)
{
	struct conn *first = NULL;
	struct list *pos, *next;
	unsigned n = 0;
	struct ip ip;

	if (n_open < CONNS_A_CLIENT || !ip_of_sockaddr(&ip, &peer->any))
		return;
	list_each (pos, next, &open_conns) {
		struct conn *c = container_of(pos, struct conn, by_age);

		if (!same_peer(c, &ip))
			continue;
		first = first ? first : c;
		n++;
	}
	if (n < CONNS_A_CLIENT)
		return;
	dns_count(DNS_COUNT_TCP_REFUSED);
	conn_close(first);
}

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
	struct conn *c;
	int on = 1;

	limit_client(peer);
	c = conn_take();
	n_open++;
	c->ev = (struct event){ .fd = fd, .fn = conn_event };
	c->peer = *peer;
	c->pending = 0;
	c->asked = c->eof = c->doomed = false;
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
		if (dns_guard_admits(dns_worker_zone()->set, fd, &peer.any)) {
			conn_open(fd, &peer);
		} else {
			dns_count(DNS_COUNT_PROHIBITED);
			close(fd);
		}
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

bool dns_tcp_idle(void)
{
	return list_empty(&open_conns);
}
