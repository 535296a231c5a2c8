/* proxy_h1.c - one client connection that speaks HTTP/1.1 (RFC 9112), request by request.
 *
 *   HEAD     the request's head is being read
 *   RELAY    the exchange has it: its body goes up while the answer comes down, in any order
 *   CLOSING  the last bytes are being written
 *   LINGER   they are; what the client still sends is thrown away, or a reset would overtake them
 *
 * Nothing is asked of the kernel that is not needed: reads and writes are tried at once, epoll is
 * told only when something has to wait. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <knetd/auto.h>
#include <knetd/blocks.h>

#include "proxy_h2_client.h"
#include "proxy_trailers.h"

#define LINGER_MS 2000
#define ALONE_MS 1 /* a head waits for its body: many servers send them one by one */
#define LINGER_BYTES (4 * PIECE_MAX)

enum phase { HEAD, RELAY, CLOSING, LINGER };

struct h1 {
	struct grave grave;
	struct client client;
	struct side side;
	struct arrival arrival;
	struct exchange x;
	struct deadline idle; /* in HEAD, CLOSING and LINGER */
	enum phase phase;
	bool keep_alive, old_version, served, advancing;
	bool dead;
	bool chunk; /* the answer leaves in chunks of our own */
	bool takes_trailers;
	bool until_close;     /* the answer's end is the connection's */
	bool last;            /* the client said that it asks for nothing more */
	struct body body;     /* the request's */
	bool alone;           /* the answer's head is written, its body has not begun */
	struct list in_alone; /* and that is waited for */
	unsigned lingered;
	size_t looked_at; /* bytes that were not a whole head */
};

static struct list alone = LIST_INIT(alone);

static void advance(struct h1 *c);

static struct h1 *of(const struct exchange *x)
{
	return container_of(x, struct h1, x);
}

static void h1_free(struct grave *g)
{
	struct h1 *c = container_of(g, struct h1, grave);

	exchange_free(&c->x);
	block_give(c, sizeof(*c));
}

static void die(struct h1 *c)
{
	if (c->dead)
		return;
	c->dead = true;
	if (c->x.phase != EXCHANGE_IDLE)
		exchange_gone(&c->x);
	deadline_del(&c->idle);
	list_del(&c->in_alone);
	side_free(&c->side);
	client_leaves(&c->client);
	bury(&c->grave, h1_free);
}

static void close_after(struct h1 *c)
{
	c->phase = CLOSING;
	c->keep_alive = false;
	deadline_set(&c->idle, HEAD_MS);
}

/* ---- down: what the exchange says ----------------------------------------------------------- */

static void put_head(struct h1 *c, const struct http_head *h)
{
	struct buf *out = &c->side.out;

	char line[] = "HTTP/1.1 000 ";

	for (unsigned i = 0, n = h->status; i < 3; i++, n /= 10)
		line[11 - i] = (char)('0' + n % 10);
	buf_add(out, line, sizeof(line) - 1);
	buf_add(out, h->reason.p, h->reason.n);
	buf_add(out, "\r\n", 2);
	head_fields(out, h);
}

static void on_head(struct exchange *x, const struct http_head *h)
{
	struct h1 *c = of(x);
	bool unknown = h->body == HTTP_BODY_CHUNKED || h->body == HTTP_BODY_UNTIL_CLOSE;

	put_head(c, h);
	if (h->status == 101) {
		c->body = (struct body){ .kind = HTTP_BODY_UNTIL_CLOSE };
		c->chunk = c->keep_alive = false;
		c->until_close = true;
		buf_str(&c->side.out, "Connection: upgrade\r\n");
	} else if (h->status >= 200) {
		/* a body that is still to come would be taken for the next request */
		c->chunk = unknown && !c->old_version;
		c->until_close = unknown && c->old_version;
		c->keep_alive = c->keep_alive && x->request_done && !x->close && !c->until_close &&
		                !proxy_worker->draining;
		if (c->chunk)
			buf_str(&c->side.out, "Transfer-Encoding: chunked\r\n");
		if (!c->keep_alive)
			buf_str(&c->side.out, "Connection: close\r\n");
		c->alone = h->body != HTTP_BODY_NONE;
	}
	buf_add(&c->side.out, "\r\n", 2);
}

static bool on_full(const struct exchange *x)
{
	return side_full(&of(x)->side);
}

static void on_body(struct exchange *x, const char *p, size_t n)
{
	struct h1 *c = of(x);

	c->alone = false;
	list_del(&c->in_alone);
	if (c->chunk)
		head_chunk(&c->side.out, n);
	side_send(&c->side, p, n);
	if (c->chunk)
		buf_str(&c->side.out, "\r\n");
}

/* A body that comes within a moment leaves with its head: one write, one packet. */
static void on_alone(struct timer *t)
{
	(void)t;
	while (!list_empty(&alone)) {
		struct h1 *c = container_of(alone.next, struct h1, in_alone);

		c->alone = false;
		list_del(&c->in_alone);
		advance(c);
	}
}

static void on_flush(struct exchange *x)
{
	static struct timer moment = { .fn = on_alone };
	struct h1 *c = of(x);

	if (!c->alone) {
		advance(c);
	} else if (list_empty(&c->in_alone)) {
		list_add_tail(&alone, &c->in_alone);
		if (!moment.heap)
			timer_set(&moment, ALONE_MS);
	}
}

static void on_end(struct exchange *x, const struct http_header *trailers, size_t n)
{
	struct h1 *c = of(x);

	c->alone = false;
	list_del(&c->in_alone);
	if (c->chunk)
		head_last_chunk(&c->side.out, trailers, c->takes_trailers ? n : 0);
	c->chunk = false;
	if (c->keep_alive && c->body.done && !proxy_worker->draining) {
		c->phase = HEAD;
		deadline_set(&c->idle, c->side.in.len ? HEAD_MS : IDLE_MS);
	} else {
		close_after(c);
	}
	advance(c);
}

static void on_cut(struct exchange *x)
{
	struct h1 *c = of(x);

	if (c->until_close) {
		die(c); /* an orderly end would make it look whole */
		return;
	}
	close_after(c);
	advance(c);
}

static void on_resume(struct exchange *x)
{
	advance(of(x));
}

static const struct front_ops h1_ops = {
	.head = on_head,
	.full = on_full,
	.body = on_body,
	.flush = on_flush,
	.end = on_end,
	.cut = on_cut,
	.resume = on_resume,
};

/* ---- up: the request ------------------------------------------------------------------------ */

static void refuse(struct h1 *c, unsigned status, const char *why)
{
	count_up(COUNT_REFUSED);
	c->keep_alive = c->last = false;
	c->x.head_method = false;
	c->body = (struct body){ .done = true };
	exchange_refuse(&c->x, status, why);
}

/* The client turns out to speak HTTP/2. */
static void speak_h2(struct h1 *c)
{
	loop_del(&c->side.ev);
	h2_new(TAKE_FD(c->side.ev.fd), TAKE(c->side.tls), &c->arrival, c->side.in.data,
	       c->side.in.len);
	die(c);
}

/* A head that comes byte by byte is not read from its beginning for each of them. */
static bool nothing_new(const struct h1 *c)
{
	size_t more = c->side.in.len - c->looked_at;

	return c->looked_at && more < 2048 && c->side.in.len < HTTP_HEAD_MAX &&
	       !memchr(c->side.in.data + c->looked_at, '\n', more);
}

/* Takes a head off what was read. False: it is not whole yet. */
static bool begin_request(struct h1 *c)
{
	static struct http_head h;
	const struct span *te;
	const char *why = "";
	int n;

	if (!c->served && h2_preface(c->side.in.data, c->side.in.len)) {
		if (c->side.in.len < H2_PREFACE_N)
			return false;
		speak_h2(c);
		return true;
	}
	if (nothing_new(c))
		return false;
	n = http_parse_request(&h, c->side.in.data, c->side.in.len, &why);
	c->looked_at = n ? 0 : c->side.in.len;
	if (n == 0)
		return false;
	c->served = true;
	c->phase = RELAY; /* idle may ring meanwhile: setting it anew costs more */
	if (n < 0) {
		refuse(c, -n, why);
		return true;
	}
	c->keep_alive = h.keep_alive && !proxy_worker->draining;
	c->last = !h.keep_alive;
	c->old_version = !h.minor;
	te = http_header(&h, "te");
	c->takes_trailers = te && span_has_token(*te, "trailers");
	body_begin(&c->body, &h);
	exchange_begin(&c->x, &h);
	if (c->dead)
		return true;
	buf_drop(&c->side.in, n);
	return true;
}

static bool sink_full(void *ctx)
{
	struct h1 *c = ctx;

	return exchange_request_full(&c->x);
}

static void sink_piece(void *ctx, const char *p, size_t n)
{
	struct h1 *c = ctx;

	exchange_request_body(&c->x, p, n);
}

static void move_body(struct h1 *c)
{
	static const struct body_sink sink = { sink_full, sink_piece };
	const struct http_header *trailers = NULL;
	size_t n;

	if (c->body.done)
		return;
	if (body_move(&c->body, &c->side, &sink, c)) {
		if (c->body.done && c->phase == RELAY) {
			n = c->body.kind == HTTP_BODY_CHUNKED
			            ? trailers_read(&c->side.trailers, &trailers)
			            : 0;
			exchange_request_end(&c->x, trailers, n);
		}
		return;
	}
	if (c->x.answered || c->side.eof)
		die(c);
	else if (c->phase == RELAY)
		refuse(c, 400, "broken request body");
}

/* ---- the machine ---------------------------------------------------------------------------- */

static void linger(struct h1 *c)
{
	c->lingered += c->side.in.len;
	buf_reset(&c->side.in);
	if (c->side.eof || c->side.broken || c->lingered > LINGER_BYTES)
		die(c);
}

/* A client that sends nothing more, and has sent nothing that is not read, need not be listened to
 * until its end: nothing makes the kernel reset what we have written. */
static bool said_all(const struct h1 *c)
{
	return c->last && c->body.done && !c->side.in.len && !c->side.tls;
}

/* All is written: what now? */
static void settle(struct h1 *c)
{
	if (c->side.broken || (c->phase == HEAD && c->side.eof) ||
	    (c->phase == CLOSING && said_all(c))) {
		die(c);
	} else if (c->phase == CLOSING) {
		c->phase = LINGER;
		if (c->side.tls)
			tls_end(c->side.tls, c->side.ev.fd);
		shutdown(c->side.ev.fd, SHUT_WR);
		deadline_set(&c->idle, LINGER_MS);
		linger(c);
	} else if (c->phase == LINGER) {
		linger(c);
	}
}

static void watch(struct h1 *c)
{
	if (c->phase == HEAD)
		buf_free(&c->side.trailers);
	/* while an answer is awaited, a client that sends ahead is read up to a bound, no further
	 */
	side_watch(&c->side, c->phase != RELAY || !exchange_request_full(&c->x));
	client_idle(&c->client, c->phase != RELAY);
}

/* Everything that can be done now, then what to wait for. */
static void advance(struct h1 *c)
{
	if (c->advancing || c->dead)
		return;
	c->advancing = true;
	while (!c->dead && c->phase == HEAD && c->side.in.len && !side_full(&c->side) &&
	       begin_request(c))
		;
	if (!c->dead && c->phase == RELAY)
		move_body(c);
	while (!c->dead && c->phase == HEAD && c->side.in.len && !side_full(&c->side) &&
	       begin_request(c))
		;
	c->advancing = false;
	if (c->dead)
		return;
	side_write(&c->side);
	if (c->side.broken || !side_waiting(&c->side))
		settle(c);
	if (!c->dead)
		watch(c);
}

static void on_idle(struct deadline *d)
{
	struct h1 *c = container_of(d, struct h1, idle);

	if (c->phase == HEAD && c->side.in.len) {
		c->phase = RELAY;
		refuse(c, 408, "the request did not come in time");
		advance(c);
	} else if (c->phase != RELAY) {
		die(c);
	}
}

static void on_event(struct event *ev, uint32_t events)
{
	struct h1 *c = container_of(ev, struct h1, side.ev);
	bool was_full = side_full(&c->side), idle = c->phase == HEAD && !c->side.in.len;

	if (side_readable(&c->side, events))
		side_read(&c->side);
	if (events & (EPOLLHUP | EPOLLERR))
		c->side.broken = c->side.eof = true;
	if (c->side.broken && c->side.eof) {
		die(c); /* the client is gone: nobody waits for the answer */
		return;
	}
	advance(c);
	if (!c->dead && idle && c->phase == HEAD && c->side.in.len)
		deadline_set(&c->idle, HEAD_MS); /* a head has begun and is not whole */
	if (!c->dead && c->phase == RELAY && was_full && !side_full(&c->side)) {
		exchange_room(&c->x);
		advance(c);
	}
}

static void on_close(struct client *client)
{
	die(container_of(client, struct h1, client));
}

/* A connection that has not brought its first request yet, or has just brought the next one, is
 * served. */
static void on_drain(struct client *client)
{
	struct h1 *c = container_of(client, struct h1, client);

	c->keep_alive = false;
	if (c->phase != HEAD || side_waiting(&c->side))
		return;
	side_read(&c->side);
	if (c->side.in.len)
		advance(c);
	else if (c->served || c->side.eof)
		die(c);
}

void h1_new(int fd, struct tls *tls, const struct arrival *a, const void *read, size_t n)
{
	struct h1 *c = block_zero(sizeof(*c));
	struct err e;

	c->arrival = *a;
	c->x.front = &h1_ops;
	c->x.arrival = &c->arrival;
	c->client.drain = on_drain;
	c->client.close = on_close;
	c->side.ev = (struct event){ .fd = fd, .fn = on_event };
	c->side.tls = tls;
	c->idle.fn = on_idle;
	list_init(&c->in_alone);
	buf_add(&c->side.in, read, n);
	client_joins(&c->client);
	deadline_set(&c->idle, HEAD_MS);
	if (loop_add(&c->side.ev, EPOLLIN | EPOLLRDHUP, &e))
		die(c);
	else if (n || (tls && tls_pending(tls)))
		on_event(&c->side.ev, EPOLLIN);
}
