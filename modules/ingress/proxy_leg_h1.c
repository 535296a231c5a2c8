/* proxy_leg_h1.c - one try over HTTP/1.1: a connection to an endpoint, new or one that idled. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <knetd/auto.h>
#include <knetd/blocks.h>

#include "proxy_secure.h"
#include "proxy_trailers.h"

struct upstream {
	struct leg leg; /* leg.x NULL: idle, or over */
	struct grave grave;
	struct side side;
	struct list in_idle, in_pool; /* of the peer, of all: while idle */
	struct deadline idle;
	struct body body; /* the answer's */
	bool answering;   /* its final head has come */
	bool keep;        /* the answer said it may idle */
	bool chunk;       /* the request's body leaves in chunks of our own */
	bool ended;       /* the request is all in side.out */
	bool shut;        /* and that was said */
	bool head_method;
	bool shaking; /* connected, TLS is not yet agreed on */
	uint8_t tell; /* version of the PROXY header it begins with; it is this client's alone */
	bool moving, dead;
};

static struct list pool = LIST_INIT(pool); /* newest last */
static unsigned n_pool;

static struct upstream *of(const struct leg *l)
{
	return container_of(l, struct upstream, leg);
}

/* ---- the end -------------------------------------------------------------------------------- */

static void upstream_free(struct grave *g)
{
	struct upstream *u = container_of(g, struct upstream, grave);

	peer_unref(u->leg.peer); /* not before: whoever was told of the trouble looks at it */
	block_give(u, sizeof(*u));
}

static void leave_pool(struct upstream *u)
{
	if (list_empty(&u->in_pool))
		return;
	list_del(&u->in_pool);
	list_del(&u->in_idle);
	n_pool--;
}

static void let_go(struct upstream *u)
{
	if (u->leg.x)
		u->leg.peer->busy--;
	u->leg.x = NULL;
}

static void die(struct upstream *u)
{
	if (u->dead)
		return;
	u->dead = true;
	let_go(u);
	leave_pool(u);
	deadline_del(&u->idle);
	side_free(&u->side);
	bury(&u->grave, upstream_free);
}

static void trouble(struct upstream *u, enum leg_trouble what)
{
	struct exchange *x = u->leg.x;

	die(u);
	if (x)
		exchange_trouble(x, what);
}

static void on_idle(struct deadline *d)
{
	die(container_of(d, struct upstream, idle));
}

static void release(struct upstream *u)
{
	let_go(u);
	if (n_pool == POOL_MAX)
		die(container_of(pool.next, struct upstream, in_pool));
	list_add_tail(&pool, &u->in_pool);
	list_add_tail(&u->leg.peer->idle, &u->in_idle);
	n_pool++;
	deadline_set(&u->idle, POOL_IDLE_MS);
	side_watch(&u->side, true);
}

/* ---- down: the answer ----------------------------------------------------------------------- */

static bool sink_full(void *ctx)
{
	struct upstream *u = ctx;

	return !u->leg.x || exchange_answer_full(u->leg.x);
}

static void sink_piece(void *ctx, const char *p, size_t n)
{
	struct upstream *u = ctx;

	if (u->leg.x)
		exchange_answer_body(u->leg.x, p, n);
}

static void finish(struct upstream *u)
{
	struct exchange *x = u->leg.x;
	auto_buf struct buf text = u->side.trailers;
	const struct http_header *trailers;
	size_t n = trailers_read(&text, &trailers);

	u->side.trailers = (struct buf){ 0 };
	if (u->keep && !u->tell && u->ended && !u->side.eof && !u->side.in.len &&
	    !side_waiting(&u->side))
		release(u);
	else
		die(u);
	exchange_answer_end(x, trailers, n);
}

static void begin_tunnel(struct upstream *u)
{
	u->body = (struct body){ .kind = HTTP_BODY_UNTIL_CLOSE };
	u->keep = u->chunk = u->ended = false;
	u->answering = true;
}

/* Takes one head off what was read. False when it is not whole, or the try is over. */
static bool begin_answer(struct upstream *u)
{
	static struct http_head h;
	const char *why = "";
	int n = http_parse_response(&h, u->side.in.data, u->side.in.len, u->head_method, &why);

	if (n == 0)
		return false;
	if (n < 0) {
		trouble(u, LEG_GARBLED);
		return false;
	}
	if (h.status == 101) {
		begin_tunnel(u);
	} else if (h.status >= 200) {
		body_begin(&u->body, &h);
		u->keep = h.keep_alive && h.body != HTTP_BODY_UNTIL_CLOSE;
		u->answering = true;
	}
	exchange_answer(u->leg.x, &h);
	if (u->dead || !u->leg.x)
		return false;
	buf_drop(&u->side.in, n);
	return true;
}

static void move_answer(struct upstream *u)
{
	static const struct body_sink sink = { sink_full, sink_piece };
	bool ok;

	while (!u->answering && u->side.in.len)
		if (!begin_answer(u))
			break;
	if (u->dead || !u->leg.x)
		return;
	if (!u->answering) {
		if (u->side.eof)
			trouble(u, u->leg.reused && !u->side.in.len ? LEG_STALE : LEG_LOST);
		return;
	}
	ok = body_move(&u->body, &u->side, &sink, u);
	if (u->dead || !u->leg.x)
		return;
	if (!ok)
		trouble(u, LEG_LOST);
	else if (u->body.done)
		finish(u);
}

static void down(struct upstream *u)
{
	if (u->moving || u->dead || !u->leg.x)
		return;
	u->moving = true;
	move_answer(u);
	u->moving = false;
	if (!u->dead && u->leg.x)
		exchange_answer_flush(u->leg.x);
	if (!u->dead && u->leg.x)
		side_watch(&u->side, !exchange_answer_full(u->leg.x));
}

/* ---- up: the request ------------------------------------------------------------------------ */

static void push(struct upstream *u)
{
	side_write(&u->side);
	/* inside a tunnel, the end of one direction is told */
	if (u->ended && !u->shut && u->answering && u->body.kind == HTTP_BODY_UNTIL_CLOSE &&
	    !side_waiting(&u->side) && u->leg.x && u->leg.x->tunnel) {
		u->shut = true;
		shutdown(u->side.ev.fd, SHUT_WR);
	}
}

static bool on_full(const struct leg *l)
{
	return side_full(&of(l)->side);
}

static void send_more(struct upstream *u)
{
	push(u);
	side_watch(&u->side, !u->leg.x || !exchange_answer_full(u->leg.x));
}

static void on_body(struct leg *l, const char *p, size_t n)
{
	struct upstream *u = of(l);

	if (u->chunk && n)
		head_chunk(&u->side.out, n);
	side_send(&u->side, p, n);
	if (u->chunk && n)
		buf_str(&u->side.out, "\r\n");
	send_more(u);
}

static void on_end(struct leg *l, const struct http_header *trailers, size_t n)
{
	struct upstream *u = of(l);

	if (u->chunk)
		head_last_chunk(&u->side.out, trailers, n);
	u->chunk = false;
	u->ended = true;
	send_more(u);
}

static void on_resume(struct leg *l)
{
	down(of(l));
}

static void on_drop(struct leg *l)
{
	die(of(l));
}

static const struct leg_ops h1_leg_ops = {
	.full = on_full,
	.body = on_body,
	.end = on_end,
	.resume = on_resume,
	.drop = on_drop,
};

/* ---- events --------------------------------------------------------------------------------- */

static bool connect_failed(struct upstream *u)
{
	int error = 0;
	socklen_t n = sizeof(error);

	return getsockopt(u->side.ev.fd, SOL_SOCKET, SO_ERROR, &error, &n) || error;
}

/* Over TLS a connection is had when the endpoint has proved who it is. */
static void shake(struct upstream *u)
{
	int done =
		secure_backend_shake(u->side.tls, u->side.ev.fd, &u->leg.peer->at, BACKEND_HTTP1);

	if (done < 0) {
		trouble(u, LEG_REFUSED);
		return;
	}
	u->leg.connecting = !done;
	if (done)
		exchange_connected(u->leg.x);
	else
		side_watch(&u->side, true);
}

static void on_connected(struct upstream *u)
{
	if (!u->shaking && connect_failed(u)) {
		trouble(u, LEG_REFUSED);
		return;
	}
	if (u->tell && !u->shaking && !dial_tell(u->side.ev.fd, u->tell, u->leg.x->arrival)) {
		trouble(u, LEG_LOST);
		return;
	}
	u->shaking = u->side.tls != NULL;
	if (u->shaking) {
		shake(u);
		return;
	}
	u->leg.connecting = false;
	exchange_connected(u->leg.x);
}

static void on_event(struct event *ev, uint32_t events)
{
	struct upstream *u = container_of(ev, struct upstream, side.ev);
	bool was_full = side_full(&u->side);

	if (!u->leg.x) { /* idle: whatever comes, it is no longer of use */
		die(u);
		return;
	}
	if (u->leg.connecting) {
		if (u->shaking || (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
			on_connected(u);
		if (u->dead || u->leg.connecting || !u->leg.x)
			return;
	}
	if (side_readable(&u->side, events))
		side_read(&u->side);
	exchange_moved(u->leg.x);
	push(u);
	if (was_full && !side_full(&u->side))
		exchange_leg_room(u->leg.x);
	down(u);
}

/* ---- the beginning -------------------------------------------------------------------------- */

static bool begin_connect(struct upstream *u)
{
	struct err e;

	u->side.ev.fd = dial(&u->leg.peer->at, SOCK_STREAM);
	u->leg.connecting = true;
	return u->side.ev.fd >= 0 && loop_add(&u->side.ev, EPOLLOUT, &e) == 0;
}

static struct upstream *from_pool(struct peer *p)
{
	struct upstream *u;

	if (list_empty(&p->idle))
		return NULL;
	u = container_of(p->idle.prev, struct upstream, in_idle);
	leave_pool(u);
	deadline_rest(&u->idle);
	u->leg.reused = true;
	u->answering = u->ended = u->shut = u->keep = false;
	return u;
}

static struct upstream *upstream_new(struct peer *p, const struct table_backend *b)
{
	struct upstream *u = block_zero(sizeof(*u));

	u->leg.ops = &h1_leg_ops;
	u->leg.peer = peer_ref(p);
	u->side.ev = (struct event){ .fd = -1, .fn = on_event };
	u->idle.fn = on_idle;
	list_init(&u->in_pool);
	list_init(&u->in_idle);
	count_up(COUNT_UPSTREAM_CONNECTS);
	u->side.tls = b->tls ? secure_backend(b) : NULL;
	if ((u->side.tls || !b->tls) && begin_connect(u))
		return u;
	die(u);
	return NULL;
}

struct leg *leg_h1_begin(struct exchange *x, struct peer *p, const struct table_backend *b,
                         bool fresh)
{
	struct upstream *u = fresh || b->proxy_protocol ? NULL : from_pool(p);

	if (!u)
		u = upstream_new(p, b);
	if (!u)
		return NULL;
	u->leg.x = x;
	u->tell = b->proxy_protocol;
	p->busy++;
	u->chunk = x->chunked;
	u->head_method = x->head_method;
	buf_add(&u->side.out, x->head.data, x->head.len);
	return &u->leg;
}

void leg_h1_close_idle(struct peer *p)
{
	while (!list_empty(&p->idle))
		die(container_of(p->idle.next, struct upstream, in_idle));
}
