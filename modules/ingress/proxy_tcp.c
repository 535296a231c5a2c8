/* proxy_tcp.c - connections whose bytes are nobody's business: TCPRoutes, TLSRoutes.
 *
 *   down   the client's side, in clear or ended here by TLS
 *   up     the endpoint's
 *
 * What is read on one side is what waits to be written on the other: the buffers change places, and
 * while one side is full the other is not read. The end of one direction is passed on as that, and
 * the other direction goes on. Endpoints that refuse are taken back for others while nothing was
 * sent. A side that breaks off is told to the other one as a reset: a fragment must not look whole.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <knetd/auto.h>

#include "proxy.h"
#include "proxy_secure.h"

#define ENDING_MS (5 * 60 * 1000) /* without any byte, once one direction has ended */

struct tcp {
	struct client client;
	struct grave grave;
	struct arrival arrival;
	struct side down, up;
	struct deadline idle;
	uint32_t backend;
	uint64_t backend_uid;
	struct peer *peer; /* NULL: none yet */
	struct endpoint tried[TRIES_MAX];
	unsigned tries;
	uint8_t tell; /* version of the PROXY header that it gets; 0: none */
	bool asked, connecting, dead;
	bool shaking;            /* connected, TLS is not yet agreed on with the endpoint */
	bool down_told, up_told; /* that nothing more comes to it */
};

/* ---- the end -------------------------------------------------------------------------------- */

static void tcp_free(struct grave *g)
{
	free(container_of(g, struct tcp, grave));
}

static void let_go(struct tcp *c)
{
	if (!c->peer)
		return;
	c->peer->busy--;
	peer_unref(TAKE(c->peer));
}

static void die(struct tcp *c)
{
	if (c->dead)
		return;
	c->dead = true;
	let_go(c);
	deadline_del(&c->idle);
	side_free(&c->down);
	side_free(&c->up);
	client_leaves(&c->client);
	bury(&c->grave, tcp_free);
}

/* Closed like this, the other end sees a reset. */
static void make_abrupt(int fd)
{
	struct linger now = { .l_onoff = 1 };

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

void client_reset(int fd)
{
	make_abrupt(fd);
	close(fd);
}

static void reject(struct tcp *c)
{
	make_abrupt(c->down.ev.fd);
	make_abrupt(c->up.ev.fd);
	die(c);
}

/* ---- the endpoint --------------------------------------------------------------------------- */

static void on_up(struct event *ev, uint32_t events);

static bool begin_try(struct tcp *c, struct peer *p, const struct table_backend *b)
{
	bool again = b->tls && c->down.tls; /* what is passed through is TLS already */
	struct err e;
	int fd = dial(&p->at, SOCK_STREAM);

	count_up(COUNT_UPSTREAM_CONNECTS);
	if (fd < 0)
		return false;
	c->up.ev = (struct event){ .fd = fd, .fn = on_up };
	c->up.tls = again ? secure_backend(b) : NULL;
	if ((again && !c->up.tls) || loop_add(&c->up.ev, EPOLLOUT, &e)) {
		tls_free(TAKE(c->up.tls));
		close(fd);
		c->up.ev.fd = -1;
		return false;
	}
	c->peer = peer_ref(p);
	p->busy++;
	c->connecting = true;
	deadline_set(&c->idle, CONNECT_MS);
	return true;
}

/* The next one that was not tried; when none is left the client is turned away. */
static void try_next(struct tcp *c)
{
	const struct table_backend *b = proxy_backend(c->backend);
	struct peer *p;

	while (b && b->uid == c->backend_uid && c->tries < TRIES_MAX &&
	       (p = peer_choose_from(b, c->tried, c->tries, 0))) {
		c->tried[c->tries++] = p->at;
		if (begin_try(c, p, b))
			return;
		count_up(COUNT_UPSTREAM_ERRORS);
		peer_failed(p);
	}
	reject(c);
}

static void try_failed(struct tcp *c)
{
	count_up(COUNT_UPSTREAM_ERRORS);
	peer_failed(c->peer);
	let_go(c);
	loop_del(&c->up.ev);
	close(c->up.ev.fd);
	tls_free(TAKE(c->up.tls));
	c->up.ev.fd = -1;
	c->connecting = c->shaking = false;
	try_next(c);
}

static bool is_connected(int fd)
{
	int error = 0;
	socklen_t n = sizeof(error);

	return !getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) && !error;
}

static void ask(struct tcp *c)
{
	c->asked = true;
	try_next(c);
}

/* ---- bytes ---------------------------------------------------------------------------------- */

static void move(struct side *from, struct side *to)
{
	if (!from->in.len || side_full(to))
		return;
	if (!to->out.len) {
		struct buf empty = to->out;

		to->out = from->in;
		from->in = empty;
	} else {
		buf_add(&to->out, from->in.data, from->in.len);
		buf_reset(&from->in);
	}
}

static bool has_sent(const struct side *s)
{
	return !side_waiting(s) && !(s->tls && tls_unsent(s->tls));
}

/* All that came from `from` has left: that is the end of this direction. */
static void pass_end(const struct side *from, struct side *to, bool *told)
{
	if (*told || !from->eof || from->in.len || !has_sent(to))
		return;
	*told = true;
	if (to->tls)
		tls_end(to->tls, to->ev.fd);
	shutdown(to->ev.fd, SHUT_WR);
}

/* A socket both of whose directions have ended says so again and again. */
static void watch(struct side *s, bool told, bool may_read)
{
	if (told && s->eof)
		loop_del(&s->ev);
	else
		side_watch(s, may_read);
}

/* Everything that can be done now, then what to wait for. */
static void advance(struct tcp *c)
{
	bool up = c->asked && !c->connecting;

	move(&c->down, &c->up);
	move(&c->up, &c->down);
	side_write(&c->down);
	if (up) {
		side_write(&c->up);
		pass_end(&c->down, &c->up, &c->up_told);
		pass_end(&c->up, &c->down, &c->down_told);
	}
	if (c->down.broken || c->up.broken) {
		reject(c);
		return;
	}
	if (c->down_told && c->up_told) {
		die(c);
		return;
	}
	watch(&c->down, c->down_told, !side_full(&c->up));
	if (up)
		watch(&c->up, c->up_told, !side_full(&c->down));
}

static void moved(struct tcp *c)
{
	if (!c->connecting)
		deadline_set(&c->idle, c->down_told || c->up_told ? ENDING_MS : TUNNEL_MS);
}

/* ---- events --------------------------------------------------------------------------------- */

static void take(struct side *s, uint32_t events)
{
	if (side_readable(s, events))
		side_read(s);
	if (events & EPOLLERR)
		s->broken = true;
}

static void on_down(struct event *ev, uint32_t events)
{
	struct tcp *c = container_of(ev, struct tcp, down.ev);

	take(&c->down, events);
	if (c->down.tls && !c->asked) {
		if (tls_is_open(c->down.tls))
			ask(c);
		else if (c->down.eof)
			die(c);
	}
	if (c->dead)
		return;
	if (c->asked)
		moved(c);
	advance(c);
}

/* 1: the endpoint is reached, and has proved who it is; 0: not yet; -1: it will not be. */
static int connect_on(struct tcp *c)
{
	int done;

	if (!c->shaking && !(is_connected(c->up.ev.fd) &&
	                     (!c->tell || dial_tell(c->up.ev.fd, c->tell, &c->arrival))))
		return -1;
	c->shaking = c->up.tls != NULL;
	if (!c->shaking)
		return 1;
	done = secure_backend_shake(c->up.tls, c->up.ev.fd, &c->peer->at, BACKEND_HTTP1);
	if (!done)
		side_watch(&c->up, true);
	return done;
}

static void on_up(struct event *ev, uint32_t events)
{
	struct tcp *c = container_of(ev, struct tcp, up.ev);

	if (c->connecting) {
		int done = connect_on(c);

		if (done < 0)
			try_failed(c);
		if (done <= 0)
			return;
		c->connecting = c->shaking = false;
		peer_worked(c->peer);
	} else {
		take(&c->up, events);
	}
	moved(c);
	advance(c);
}

static void on_idle(struct deadline *d)
{
	struct tcp *c = container_of(d, struct tcp, idle);

	if (c->connecting) {
		count_up(COUNT_UPSTREAM_TIMEOUTS);
		try_failed(c);
	} else {
		reject(c);
	}
}

/* It may go on until the process has to end. */
static void on_drain(struct client *client)
{
	(void)client;
}

/* ---- the beginning -------------------------------------------------------------------------- */

const struct table_action *proxy_action(const struct table_listener *l, const char *sni)
{
	struct span none = { "", 0 };
	struct request r = { .method = none, .path = none, .query = none };
	const struct table_rule *rule;

	r.host = (struct span){ sni, strlen(sni) };
	rule = match_rule(l, &r);
	return rule ? rule->action : NULL;
}

/* False: there is none, or its share of clients is turned away. */
static bool choose_backend(struct tcp *c, const struct table_listener *l)
{
	const struct table_action *action = proxy_action(l, c->arrival.sni);
	const struct table_choice *choice = action ? choose_by_weight(action) : NULL;
	const struct table_backend *b = choice ? proxy_backend(choice->backend) : NULL;

	if (!action)
		count_up(COUNT_NO_ROUTE);
	if (!b)
		return false;
	c->backend = choice->backend;
	c->backend_uid = b->uid;
	c->tell = b->proxy_protocol;
	return true;
}

void tcp_new(int fd, struct tls *tls, const struct arrival *a, const struct table_listener *l,
             const void *read, size_t n)
{
	struct tcp *c = xcalloc(1, sizeof(*c));
	struct err e;

	c->arrival = *a;
	c->client.drain = on_drain;
	c->down.ev = (struct event){ .fd = fd, .fn = on_down };
	c->down.tls = tls;
	c->up.ev.fd = -1;
	c->idle.fn = on_idle;
	buf_add(&c->down.in, read, n);
	client_joins(&c->client);
	deadline_set(&c->idle, HEAD_MS);
	if (!choose_backend(c, l) || loop_add(&c->down.ev, EPOLLIN | EPOLLRDHUP, &e)) {
		reject(c);
		return;
	}
	if (!tls || tls_is_open(tls))
		ask(c);
	if (!c->dead && tls)
		on_down(&c->down.ev, EPOLLIN);
}
