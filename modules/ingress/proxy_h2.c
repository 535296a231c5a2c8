/* proxy_h2.c - a connection of a client that speaks HTTP/2; each of its streams is the front of an
 * exchange.
 *
 * It ends in steps: GOAWAY with the highest number there is tells the client to open no more, a
 * PING that comes back says that he knows, GOAWAY with the last stream that was begun, and when the
 * last one is through the connection is closed (RFC 9113 6.8). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <knetd/auto.h>
#include <knetd/blocks.h>

#include "proxy_h2.h"
#include "proxy_h2_client.h"

#define REST_MS 2000 /* without streams for so long: it keeps no buffers */

enum drain { DRAIN_NOT, DRAIN_TOLD, DRAIN_LAST };

struct h2_client {
	struct client client;
	struct grave grave;
	struct h2_wire wire;
	struct arrival arrival;
	struct timer timer;
	struct list streams;
	unsigned n_streams;
	uint64_t head_at, idle_at, ended_at;
	bool in_head; /* one has begun and is not whole */
	bool served;
	bool shut;     /* nothing is written any more */
	uint8_t drain; /* enum drain */
	uint64_t drain_at;
};

struct h2_stream {
	struct exchange x;
	struct grave grave;
	struct list in_client;
	struct h2_client *c;
	int32_t id;
	struct buf in; /* of its body, not yet taken */
	struct buf trailers;
	struct h2_body out;
	bool begun;
	bool ended;    /* the client has said all */
	bool told_end; /* and the exchange knows */
	bool over;     /* the exchange has said all */
	bool bare;     /* the answer has no body */
	bool socket;   /* an extended CONNECT */
	bool open;     /* which was granted */
	char key[H2_KEY];
};

static unsigned streams_all;

/* ---- streams made and ended
 * ------------------------------------------------------------------------ */

static void stream_free(struct grave *g)
{
	struct h2_stream *s = container_of(g, struct h2_stream, grave);

	exchange_free(&s->x);
	block_give(s, sizeof(*s));
}

/* The client does not want it any more. */
static void stream_gone(struct h2_stream *s)
{
	if (!s->over && s->begun)
		exchange_gone(&s->x);
	s->over = true;
}

static void stream_end(struct h2_stream *s)
{
	struct h2_client *c = s->c;

	stream_gone(s);
	s->c = NULL;
	list_del(&s->in_client);
	h2_let_go(&s->in);
	buf_free(&s->trailers);
	h2_body_free(&s->out);
	streams_all--;
	if (!--c->n_streams)
		c->idle_at = loop_now();
	bury(&s->grave, stream_free);
}

static void has_room(struct h2_body *b)
{
	struct h2_stream *s = container_of(b, struct h2_stream, out);

	if (!s->over)
		exchange_room(&s->x);
}

static const struct front_ops front;

static struct h2_stream *stream_new(struct h2_client *c, int32_t id)
{
	struct h2_stream *s = block_zero(sizeof(*s));
	nghttp2_extpri fair = { .urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 1 };

	s->x.front = &front;
	s->x.arrival = &c->arrival;
	s->c = c;
	s->id = id;
	s->out.id = id;
	s->out.room = has_room;
	h2_body_init(&s->out, &c->wire);
	list_add_tail(&c->streams, &s->in_client);
	c->n_streams++;
	streams_all++;
	client_idle(&c->client, false); /* whoever asked last is idle last, however short it was */
	nghttp2_session_set_stream_user_data(c->wire.session, id, s);
	/* in turns: one long answer must not hold up the others, whatever the client prefers */
	nghttp2_session_change_extpri_stream_priority(c->wire.session, id, &fair, 1);
	return s;
}

/* ---- down: the front of an exchange
 * ---------------------------------------------------------------- */

static struct h2_stream *stream_of(const struct exchange *x)
{
	return container_of(x, struct h2_stream, x);
}

static void reset(struct h2_stream *s, uint32_t code)
{
	s->over = true;
	nghttp2_submit_rst_stream(s->c->wire.session, NGHTTP2_FLAG_NONE, s->id, code);
	h2_wire_stir(&s->c->wire);
}

/* Whoever answers a WebSocket's handshake has read the key that was made for it here. */
static bool key_answered(const struct h2_stream *s, const struct http_head *h)
{
	const struct span *given = http_header(h, "sec-websocket-accept");
	char want[H2_KEY_ANSWER];

	h2_key_answer((struct span){ s->key, strlen(s->key) }, want);
	return given && span_is(*given, want);
}

static void push(struct h2_stream *s);

static void granted(struct h2_stream *s, const struct http_head *h)
{
	nghttp2_data_provider2 body = h2_body_provider(&s->out);
	size_t n;
	const nghttp2_nv *nv;

	if (!s->socket || !key_answered(s, h)) {
		exchange_gone(&s->x);
		reset(s, NGHTTP2_PROTOCOL_ERROR);
		return;
	}
	nv = h2_answer_nv(h, 200, &n);
	nghttp2_submit_response2(s->c->wire.session, s->id, nv, n, &body);
	s->open = true;
	push(s);
}

static void front_head(struct exchange *x, const struct http_head *h)
{
	struct h2_stream *s = stream_of(x);
	nghttp2_session *session = s->c->wire.session;
	nghttp2_data_provider2 body = h2_body_provider(&s->out);
	const nghttp2_nv *nv;
	size_t n;

	if (s->over)
		return;
	h2_wire_stir(&s->c->wire);
	if (h->status == 101) {
		granted(s, h);
		return;
	}
	nv = h2_answer_nv(h, h->status, &n);
	if (h->status < 200) {
		nghttp2_submit_headers(session, NGHTTP2_FLAG_NONE, s->id, NULL, nv, n, NULL);
		return;
	}
	s->bare =
		h->body == HTTP_BODY_NONE || x->head_method || h->status == 204 || h->status == 304;
	nghttp2_submit_response2(session, s->id, nv, n, s->bare ? NULL : &body);
}

static bool front_full(const struct exchange *x)
{
	struct h2_stream *s = stream_of(x);

	return !s->over && h2_body_full(&s->out);
}

static void front_body(struct exchange *x, const char *p, size_t n)
{
	struct h2_stream *s = stream_of(x);

	if (!s->over && !s->bare)
		h2_body_add(&s->out, p, n);
}

static void front_flush(struct exchange *x)
{
	(void)x; /* everything leaves at the end of the turn */
}

static void front_end(struct exchange *x, const struct http_header *trailers, size_t n)
{
	struct h2_stream *s = stream_of(x);

	if (!s->over && !s->bare)
		h2_body_end(&s->out, trailers, n);
	s->over = true;
}

static void front_cut(struct exchange *x)
{
	struct h2_stream *s = stream_of(x);

	if (!s->over)
		reset(s, NGHTTP2_INTERNAL_ERROR);
}

static void front_resume(struct exchange *x)
{
	push(stream_of(x));
}

static const struct front_ops front = {
	.http2 = true,
	.head = front_head,
	.full = front_full,
	.body = front_body,
	.flush = front_flush,
	.end = front_end,
	.cut = front_cut,
	.resume = front_resume,
};

/* ---- up: a request
 * --------------------------------------------------------------------------------- */

static void tell_end(struct h2_stream *s)
{
	static struct http_header trailers[HTTP_HEADERS_MAX];
	size_t n = h2_trailers(&s->trailers, trailers, HTTP_HEADERS_MAX);

	s->told_end = true;
	exchange_request_end(&s->x, trailers, n);
}

static void consumed(struct h2_stream *s, size_t n)
{
	if (s->c) {
		nghttp2_session_consume_stream(s->c->wire.session, s->id, n);
		h2_wire_stir(&s->c->wire);
	}
}

/* What waits of the body goes up, if it may; then its end. */
static void push(struct h2_stream *s)
{
	bool waits = s->socket && !s->open;
	size_t n = s->in.len;

	if (s->over) {
		h2_let_go(&s->in);
		consumed(s, n);
		return;
	}
	if (waits)
		return;
	if (n && !exchange_request_full(&s->x)) {
		struct buf taken = s->in;

		s->in = (struct buf){ 0 };
		exchange_request_body(&s->x, taken.data, n);
		h2_let_go(&taken);
		consumed(s, n);
	}
	if (!s->over && !s->in.len && s->ended && !s->told_end)
		tell_end(s);
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n,
                   void *user)
{
	struct h2_wire *w = user;
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);

	(void)flags;
	h2_wire_busy_frame(w);
	/* the connection's window is only there to be opened: each stream's own bounds what waits
	 */
	nghttp2_session_consume_connection(session, n);
	if (!s || s->over || w->must_end) {
		nghttp2_session_consume_stream(session, id, n);
	} else if (s->in.len || (s->socket && !s->open) || exchange_request_full(&s->x)) {
		h2_hold(&s->in, p, n);
	} else {
		exchange_request_body(&s->x, (const char *)p, n);
		consumed(s, n);
	}
	return 0;
}

static const char *why_not(unsigned status)
{
	switch (status) {
	case 405:
		return "no tunnels are dug here";
	case 414:
		return "request target too long";
	case 431:
		return "head too large";
	case 501:
		return "no such protocol over CONNECT here";
	}
	return "this request can be read in more than one way";
}

static void begin(struct h2_stream *s, bool ended)
{
	struct span protocol = { 0 };
	struct http_head *h;
	int ret;

	ret = h2_request_head(&s->c->wire, ended, &h, &protocol, s->key);
	s->begun = true;
	s->socket = protocol.p;
	if (ret) {
		s->x.head_method = span_is(h->method, "HEAD");
		s->socket = false;
		count_up(COUNT_REFUSED);
		s->told_end = true;
		exchange_refuse(&s->x, (unsigned)-ret, why_not((unsigned)-ret));
		return;
	}
	s->told_end = ended; /* the head said so */
	exchange_begin(&s->x, h);
}

/* ---- frames that came
 * -------------------------------------------------------------------------------- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2_wire *w = user;
	struct h2_client *c = container_of(w, struct h2_client, wire);

	if (frame->hd.type != NGHTTP2_HEADERS)
		return 0;
	h2_head_begin(w);
	c->in_head = true;
	c->head_at = loop_now();
	if (frame->headers.cat != NGHTTP2_HCAT_REQUEST || w->must_end)
		return 0;
	if (streams_all >= H2_STREAMS_ALL || h2_held >= H2_HELD_HIGH)
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
		                          NGHTTP2_REFUSED_STREAM);
	else
		stream_new(c, frame->hd.stream_id);
	return 0;
}

static void headers_came(struct h2_wire *w, struct h2_stream *s, const nghttp2_frame *frame)
{
	bool ended = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

	if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
		container_of(w, struct h2_client, wire)->served = true;
		h2_wire_busy_frame(w);
		begin(s, ended);
	} else if (!h2_head_too_large(w)) {
		buf_add(&s->trailers, w->block.data, w->block.len);
	}
}

static void drain_on(struct h2_client *c)
{
	nghttp2_session *session = c->wire.session;

	c->drain = DRAIN_LAST;
	nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE,
	                      nghttp2_session_get_last_proc_stream_id(session), NGHTTP2_NO_ERROR,
	                      NULL, 0);
	h2_wire_stir(&c->wire);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2_wire *w = user;
	struct h2_client *c = container_of(w, struct h2_client, wire);
	bool stream = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
	struct h2_stream *s =
		stream ? nghttp2_session_get_stream_user_data(session, frame->hd.stream_id) : NULL;

	if (frame->hd.type == NGHTTP2_HEADERS)
		c->in_head = false;
	if (frame->hd.type == NGHTTP2_PING && frame->hd.flags & NGHTTP2_FLAG_ACK &&
	    c->drain == DRAIN_TOLD)
		drain_on(c);
	if (frame->hd.type == NGHTTP2_RST_STREAM)
		h2_wire_reset(w);
	if (!s || w->must_end)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS)
		headers_came(w, s, frame);
	if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
		s->ended = true;
		push(s);
	}
	return 0;
}

/* Did the client bring that reset about (CVE-2025-8671)? */
static bool his_fault(uint32_t code)
{
	return code != NGHTTP2_NO_ERROR && code != NGHTTP2_INTERNAL_ERROR &&
	       code != NGHTTP2_REFUSED_STREAM;
}

/* The answer is through before the request was: the rest of it is not wanted (RFC 9113 8.1). */
static int on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	bool stream = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
	struct h2_wire *w = user;
	struct h2_stream *s;

	if (frame->hd.type == NGHTTP2_RST_STREAM &&
	    frame->rst_stream.error_code == NGHTTP2_REFUSED_STREAM)
		count_up(COUNT_H2_STREAMS_REFUSED);
	/* by nghttp2's own judgement; ours is counted where it is carried out */
	if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code && !w->must_end)
		count_up(COUNT_H2_ENDED_PROTOCOL);
	if (frame->hd.type == NGHTTP2_RST_STREAM && his_fault(frame->rst_stream.error_code))
		h2_wire_reset(user);
	if (!stream || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (s && !s->ended)
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_NO_ERROR);
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);

	(void)code;
	if (s) {
		nghttp2_session_set_stream_user_data(session, id, NULL);
		stream_end(s);
		h2_wire_stir(user);
	}
	return 0;
}

static const nghttp2_settings_entry settings[] = {
	{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_STREAMS },
	{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, H2_HEAD_BYTES },
	{ NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 },
	{ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
};
static const struct h2_role server = {
	.server = true,
	.on_begin_headers = on_begin_headers,
	.on_data = on_data,
	.on_frame = on_frame,
	.on_sent = on_sent,
	.on_close = on_stream_close,
	.settings = settings,
	.n_settings = ARRAY_LEN(settings),
};

/* ---- the connection
 * ---------------------------------------------------------------------------------- */

static void client_free(struct grave *g)
{
	free(container_of(g, struct h2_client, grave));
}

/* Nobody waits for their answers; they are there until the session is gone, which knows them. */
static void leave_streams(struct h2_client *c)
{
	struct list *l, *next;

	list_each (l, next, &c->streams)
		stream_gone(container_of(l, struct h2_stream, in_client));
}

static void client_end(struct h2_client *c)
{
	leave_streams(c);
	h2_wire_free(&c->wire);
	while (!list_empty(&c->streams))
		stream_end(container_of(c->streams.next, struct h2_stream, in_client));
	timer_del(&c->timer);
	client_leaves(&c->client);
	bury(&c->grave, client_free);
}

static void say_goodbye(struct h2_client *c, uint32_t code)
{
	c->ended_at = loop_now();
	leave_streams(c);
	h2_wire_end(&c->wire, code);
}

static uint64_t deadline(const struct h2_client *c)
{
	if (c->wire.closing)
		return c->ended_at + H2_LINGER_MS;
	if (side_waiting(&c->wire.side))
		return c->wire.wrote_at + STALL_MS;
	if (c->in_head)
		return c->head_at + HEAD_MS;
	if (c->drain == DRAIN_TOLD)
		return c->drain_at + H2_LINGER_MS;
	if (!c->n_streams)
		return c->idle_at + (c->served ? IDLE_MS : HEAD_MS);
	if (c->client.idle)
		return c->wire.wrote_at + IDLE_MS; /* its windows are shut */
	return loop_now() + STALL_MS;              /* exchanges have timers of their own */
}

/* Does none of its streams wait for us? What some still have to say waits for the client then, as
 * does one whose head is not whole. */
static bool waits_for_client(const struct h2_client *c)
{
	struct list *l, *next;

	list_each (l, next, &c->streams) {
		const struct h2_stream *s = container_of(l, struct h2_stream, in_client);

		if (s->begun && !s->over)
			return false;
	}
	return true;
}

static void arm(struct h2_client *c)
{
	uint64_t at = deadline(c), now = loop_now();

	if (!c->n_streams && h2_wire_holds(&c->wire) && at > c->idle_at + REST_MS)
		at = c->idle_at + REST_MS;
	if (!c->timer.heap || c->timer.at > at)
		timer_set(&c->timer, at > now ? at - now : 1);
}

static void on_timer(struct timer *t)
{
	struct h2_client *c = container_of(t, struct h2_client, timer);

	if (deadline(c) > loop_now()) {
		if (!c->n_streams && c->idle_at + REST_MS <= loop_now())
			h2_wire_rests(&c->wire);
		arm(c);
	} else if (c->wire.closing || side_waiting(&c->wire.side)) {
		client_end(c);
	} else if (c->drain == DRAIN_TOLD && !c->in_head) {
		drain_on(c);
	} else {
		say_goodbye(c, NGHTTP2_NO_ERROR);
		arm(c);
	}
}

/* Everything was written that could be: what now? */
static void on_written(struct h2_wire *w)
{
	struct h2_client *c = container_of(w, struct h2_client, wire);
	bool written = !side_waiting(&w->side);

	if (w->side.broken || (w->side.eof && (written || w->closing))) {
		if (w->must_end && !w->closing)
			count_up(w->why);
		client_end(c);
		return;
	}
	if (!w->closing) {
		if (w->must_end) {
			count_up(w->why);
			say_goodbye(c, w->enough);
		} else if (c->drain == DRAIN_LAST && !c->n_streams)
			say_goodbye(c, NGHTTP2_NO_ERROR);
		else if (!nghttp2_session_want_read(w->session) &&
		         !nghttp2_session_want_write(w->session) && written)
			say_goodbye(c, NGHTTP2_NO_ERROR);
	} else if (written && !c->shut) {
		/* what still comes is read and thrown away: a reset would take our last words from
		 * the client */
		c->shut = true;
		if (w->side.tls)
			tls_end(w->side.tls, w->side.ev.fd);
		shutdown(w->side.ev.fd, SHUT_WR);
	}
	side_watch(&w->side, !side_full(&w->side));
	client_idle(&c->client, waits_for_client(c));
	arm(c);
}

static void on_event(struct event *ev, uint32_t events)
{
	struct side *side = container_of(ev, struct side, ev);
	struct h2_client *c = container_of(side, struct h2_client, wire.side);

	if (side_readable(side, events))
		h2_wire_read(&c->wire);
	if (events & (EPOLLHUP | EPOLLERR))
		side->broken = side->eof = true;
	h2_wire_stir(&c->wire);
}

static void on_close(struct client *client)
{
	struct h2_client *c = container_of(client, struct h2_client, client);

	if (!c->wire.closing)
		say_goodbye(c, NGHTTP2_NO_ERROR);
	h2_wire_write(&c->wire);
	client_end(c);
}

static void on_drain(struct client *client)
{
	struct h2_client *c = container_of(client, struct h2_client, client);

	if (c->drain != DRAIN_NOT || c->wire.closing)
		return;
	c->drain = DRAIN_TOLD;
	c->drain_at = loop_now();
	nghttp2_submit_shutdown_notice(c->wire.session);
	nghttp2_submit_ping(c->wire.session, NGHTTP2_FLAG_NONE, NULL);
	h2_wire_stir(&c->wire);
}

void h2_new(int fd, struct tls *tls, const struct arrival *a, const void *read, size_t n)
{
	struct h2_client *c = xcalloc(1, sizeof(*c));
	struct err e;

	h2_wire_init(&c->wire, &server);
	c->wire.side.ev = (struct event){ .fd = fd, .fn = on_event };
	c->wire.side.tls = tls;
	c->wire.written = on_written;
	c->arrival = *a;
	c->timer.fn = on_timer;
	c->client.drain = on_drain;
	c->client.close = on_close;
	c->idle_at = loop_now();
	list_init(&c->streams);
	buf_add(&c->wire.side.in, read, n);
	client_joins(&c->client);
	count_up(COUNT_H2_CONNECTIONS);
	if (!c->wire.session || loop_add(&c->wire.side.ev, EPOLLIN | EPOLLRDHUP, &e)) {
		client_end(c);
		return;
	}
	h2_wire_read(&c->wire);
	h2_wire_stir(&c->wire);
}
