/* dns_stream.c - see dns_stream.h.
 *
 * A connection is closed when nothing was asked for a while, when a message or the handshake is
 * overdue, and when an answer was waited for in vain: then new questions go to another one. What it
 * owes fails with it; where it had served before that is mostly the other end's idle limit, and the
 * owner asks again at once (ESTALE).
 *
 * Nothing is written or closed inside a call from outside: the connection's own event does it. */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/tls.h>

#include "dns_stream.h"
#include "dns_trust.h"

#define CONNS 32
#define CONNS_A_PEER 2
#define CONNS_ALONE 2 /* more, for questions that were on one that broke */
#define PENDING 128   /* questions without an answer, a connection */
#define OPEN_MS 3000
#define HANDSHAKE_PAUSE_MS 300 /* behind one that failed: they are dear */
#define IDLE_MS 10000
#define STALL_MS 4000 /* without a byte, while something is owed */
#define READS 8       /* in one go; a read takes all that a TLS record holds */

struct dns_conn {
	struct event ev;
	struct timer timer;
	struct dns_peer *peer; /* NULL: a free place */
	struct tls *tls;
	struct tls_proof proof;
	struct dns_trust *trust; /* that the proof is by */
	bool connected, served;
	bool doubtful;       /* an answer was waited for in vain */
	bool alone;          /* for what may break it: nobody else joins */
	bool leaving;        /* its upstream is none any more */
	bool busy;           /* in the middle of handing out messages */
	struct list pending; /* exchanges */
	unsigned n_pending;
	struct buf in, out;
};

static struct dns_conn conns[CONNS];

static void conn_event(struct event *ev, uint32_t mask);
static void conn_timer(struct timer *t);

/* ---- places ------------------------------------------------------------------------------------
 */

static void conn_close(struct dns_conn *c)
{
	if (c->tls && c->connected)
		tls_end(c->tls, c->ev.fd);
	timer_del(&c->timer);
	loop_del(&c->ev);
	if (c->ev.fd >= 0)
		close(c->ev.fd);
	tls_free(c->tls);
	c->tls = NULL;
	dns_trust_drop(TAKE(c->trust));
	buf_free(&c->in);
	buf_free(&c->out);
	c->peer = NULL;
}

/* Closes it, then tells those who waited. They may ask again, and get this very place. */
static void conn_fail(struct dns_conn *c, int error)
{
	struct list *pos, failed;

	if (c->served && !c->doubtful)
		error = ESTALE;
	list_init(&failed);
	while (!list_empty(&c->pending)) {
		pos = c->pending.next;
		list_del(pos);
		list_add_tail(&failed, pos);
		container_of(pos, struct dns_exchange, in_conn)->conn = NULL;
	}
	c->n_pending = 0;
	conn_close(c);
	while (!list_empty(&failed)) {
		struct dns_exchange *x = container_of(failed.next, struct dns_exchange, in_conn);

		x->error = error;
		dns_exchange_end(x);
		x->done(x, NULL, 0);
	}
}

static bool is_open(const struct dns_conn *c)
{
	return c->connected && (!c->tls || tls_is_open(c->tls));
}

static void conn_settle(struct dns_conn *c)
{
	bool out = !c->connected || (is_open(c) && c->out.len) || (c->tls && tls_unsent(c->tls));

	loop_mod(&c->ev, EPOLLIN | (out ? EPOLLOUT : 0));
}

static int conn_dial(struct dns_conn *c)
{
	union dns_sockaddr at;
	socklen_t len = dns_peer_address(c->peer, &at);
	int on = 1;

	c->ev.fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->ev.fd < 0)
		return errno;
	setsockopt(c->ev.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(c->ev.fd, &at.any, len) < 0 && errno != EINPROGRESS)
		return errno;
	if (c->peer->up.tls) {
		c->trust = dns_trust_hold();
		c->proof = (struct tls_proof){ .name = c->peer->up.name,
			                       .pins = c->peer->up.pins,
			                       .n_pins = c->peer->up.n_pins,
			                       .anchors = dns_trust_anchors(c->trust) };
		c->tls = tls_connect(&c->proof);
	}
	c->ev.fn = conn_event;
	return loop_add(&c->ev, EPOLLIN | EPOLLOUT, NULL) ? ENOMEM : 0;
}

static struct dns_conn *conn_open(struct dns_peer *peer, int *error)
{
	struct dns_conn *c = NULL;

	*error = EAGAIN;
	if (peer->handshake_failed_ms &&
	    loop_now() - peer->handshake_failed_ms < HANDSHAKE_PAUSE_MS)
		return NULL;
	for (unsigned i = 0; i < CONNS && !c; i++)
		if (!conns[i].peer)
			c = &conns[i];
	for (unsigned i = 0; i < CONNS && !c; i++) /* one that is only kept */
		if (!conns[i].n_pending && !conns[i].busy) {
			c = &conns[i];
			conn_close(c);
		}
	*error = EMFILE;
	if (!c)
		return NULL;
	*c = (struct dns_conn){ .peer = peer,
		                .ev.fd = -1,
		                .in.max = 2 * 65536,
		                .out.max = PENDING * (2 + DNS_EXCHANGE_QUERY) };
	list_init(&c->pending);
	c->timer.fn = conn_timer;
	*error = conn_dial(c);
	if (*error) {
		conn_close(c);
		return NULL;
	}
	timer_set(&c->timer, OPEN_MS);
	return c;
}

/* The one of the peer's with the fewest questions; a new one when all are busy. alone: what broke
 * one connection shall not break another for others. */
static struct dns_conn *conn_for(struct dns_peer *peer, bool alone, int *error)
{
	struct dns_conn *best = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < CONNS; i++) {
		struct dns_conn *c = &conns[i];

		if (c->peer != peer || c->leaving || (c->alone && !alone))
			continue;
		n++;
		if (c->doubtful)
			continue;
		if (!best || c->n_pending < best->n_pending)
			best = c;
	}
	if (best && best->n_pending < (alone ? 1 : PENDING))
		return best;
	*error = EAGAIN;
	if (n < (alone ? CONNS_A_PEER + CONNS_ALONE : CONNS_A_PEER))
		return conn_open(peer, error);
	return best && best->n_pending < PENDING ? best : NULL;
}

/* ---- bytes -------------------------------------------------------------------------------------
 */

static struct dns_exchange *find(const struct dns_conn *c, uint16_t id)
{
	for (struct list *l = c->pending.next; l != &c->pending; l = l->next) {
		struct dns_exchange *x = container_of(l, struct dns_exchange, in_conn);

		if (x->id == id)
			return x;
	}
	return NULL;
}

/* An answer to nobody was given up by its asker, or is nonsense: both are passed over. */
static void conn_message(struct dns_conn *c, uint8_t *p, size_t n)
{
	struct dns_exchange *x = n >= DNS_HEADER ? find(c, dns_get16(p)) : NULL;

	c->served = true;
	c->doubtful = false;
	if (x)
		x->done(x, p, n);
}

/* Hands out whole messages. The owner of one may end exchanges, begin others, on this connection
 * too: all that changes lists and c->out, never c->in. */
static void conn_messages(struct dns_conn *c)
{
	size_t at = 0, len;

	c->busy = true;
	while (c->in.len - at >= 2) {
		len = dns_get16((uint8_t *)c->in.data + at);
		if (c->in.len - at < 2 + len)
			break;
		conn_message(c, (uint8_t *)c->in.data + at + 2, len);
		at += 2 + len;
	}
	c->busy = false;
	buf_drop(&c->in, at);
	if (!c->in.len)
		buf_free(&c->in);
}

/* 0, or the errno to fail with. */
static int conn_write(struct dns_conn *c)
{
	struct iovec iov = { c->out.data, c->out.len };
	ssize_t n;

	if (!c->out.len && !(c->tls && tls_unsent(c->tls)))
		return 0;
	n = c->tls ? tls_send(c->tls, c->ev.fd, &iov, 1)
	           : send(c->ev.fd, c->out.data, c->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : errno;
	buf_drop(&c->out, (size_t)n);
	if (!c->out.len)
		buf_free(&c->out);
	return 0;
}

#define READ_SIZE 16384

static int conn_read(struct dns_conn *c)
{
	for (unsigned i = 0; i < READS; i++) {
		char *room = buf_room(&c->in, READ_SIZE);
		ssize_t n;

		if (!room)
			return EPROTO;
		n = c->tls ? tls_recv(c->tls, c->ev.fd, room, READ_SIZE)
		           : recv(c->ev.fd, room, READ_SIZE, MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : errno;
		if (!n)
			return ECONNRESET;
		c->in.len += (size_t)n;
		conn_messages(c);
		if (n < READ_SIZE && !c->tls)
			return 0;
	}
	return 0;
}

static int conn_connected(struct dns_conn *c)
{
	socklen_t len = sizeof(int);
	int error = 0;

	getsockopt(c->ev.fd, SOL_SOCKET, SO_ERROR, &error, &len);
	c->connected = !error;
	return error;
}

/* Of an upstream that is one no more nothing is told: its place may be another's. */
static void handshake_failed(struct dns_conn *c, const char *how)
{
	const char *why = tls_trouble(c->tls);

	if (c->leaving)
		return;
	c->peer->handshake_failed_ms = loop_now();
	dns_peer_complain(c->peer, why ? why : how);
}

static void conn_event(struct event *ev, uint32_t mask)
{
	struct dns_conn *c = container_of(ev, struct dns_conn, ev);
	int error = 0;

	if (!c->connected)
		error = mask & (EPOLLOUT | EPOLLERR | EPOLLHUP) ? conn_connected(c) : 0;
	else if (mask & EPOLLIN && is_open(c) && !c->doubtful && !c->leaving)
		timer_set(&c->timer, c->n_pending ? STALL_MS : IDLE_MS);
	if (!error && c->connected)
		error = conn_read(c);
	if (!error && c->connected)
		error = conn_write(c);
	if (error && c->connected && !is_open(c))
		handshake_failed(c, "it closes the connection during the TLS handshake");
	if (error)
		conn_fail(c, error);
	else
		conn_settle(c);
}

/* Too long until it is open, until an answer comes, or without a question. */
static void conn_timer(struct timer *t)
{
	struct dns_conn *c = container_of(t, struct dns_conn, timer);

	if (c->connected && !is_open(c))
		handshake_failed(c, "it does not finish the TLS handshake");
	if (c->n_pending)
		c->doubtful = true;
	conn_fail(c, ETIMEDOUT);
}

/* ---- exchanges ---------------------------------------------------------------------------------
 */

bool dns_stream_start(struct dns_exchange *x, uint8_t *query, size_t n)
{
	struct dns_conn *c = conn_for(x->peer, x->alone, &x->error);
	uint8_t length[2];

	x->conn = NULL;
	if (!c)
		return false;
	if (c->out.len + sizeof(length) + n > c->out.max) { /* it does not take them away */
		x->error = EAGAIN;
		return false;
	}
	while (find(c, x->id))
		x->id++;
	dns_put16(length, (uint16_t)n);
	dns_put16(query, x->id);
	buf_add(&c->out, length, sizeof(length));
	buf_add(&c->out, query, n);
	x->conn = c;
	c->alone |= x->alone;
	list_add_tail(&c->pending, &x->in_conn);
	if (!c->n_pending++ && is_open(c))
		timer_set(&c->timer, STALL_MS);
	conn_settle(c);
	return true;
}

void dns_stream_end(struct dns_exchange *x)
{
	struct dns_conn *c = x->conn;

	if (!c) {
		if (x->in_conn.next)
			list_del(&x->in_conn);
		return;
	}
	list_del(&x->in_conn);
	c->n_pending--;
	x->conn = NULL;
	if (c->n_pending)
		return;
	c->alone = false;
	if (c->doubtful)
		timer_set(&c->timer, 0);
	else if (is_open(c))
		timer_set(&c->timer, IDLE_MS);
}

void dns_stream_doubt(struct dns_exchange *x)
{
	if (x->conn)
		x->conn->doubtful = true;
}

void dns_stream_leave(const struct dns_peer *p)
{
	for (unsigned i = 0; i < CONNS; i++)
		if (conns[i].peer == p) {
			conns[i].leaving = true;
			timer_set(&conns[i].timer, 0);
		}
}
