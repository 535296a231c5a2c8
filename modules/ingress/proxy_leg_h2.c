/* proxy_leg_h2.c - tries over HTTP/2: all requests to an endpoint share a connection, a stream
 * each; there are more connections only when an endpoint takes no more streams on one.
 *
 * A connection is not asked whether it lives unless there is a doubt: servers of gRPC end one that
 * asks often. Who waited in vain makes us ask (PING); the kernel's keep-alive finds hosts that
 * vanished. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <knetd/auto.h>
#include <knetd/blocks.h>

#include "proxy_h2.h"
#include "proxy_secure.h"

#define LINKS_MAX 1024     /* connections of HTTP/2 to endpoints */
#define LINKS_PEER_MAX 128 /* and to one of them: it may take one stream at a time */
#define LINK_STREAMS 100   /* on one, until the endpoint says how many, and at most */
#define DOUBT_MS 5000      /* so long after it was heard last, a connection may be asked */
#define PING_MS 5000       /* and has to answer */

struct h2_link {
	struct grave grave;
	struct h2_wire wire;
	struct list in_peer;
	struct peer *peer;
	struct list legs, told; /* told: those that were told something, and may be flushed */
	unsigned n_legs;
	struct timer timer;
	bool connecting;
	bool shaking; /* connected, TLS is not yet agreed on */
	bool going;   /* no new streams */
	bool dead;
	uint64_t idle_at, asked_at; /* 0: not asked */
};

struct h2_leg {
	struct leg leg;
	struct grave grave;
	struct list in_link, in_told;
	struct h2_link *link;
	int32_t id;
	struct h2_body out;
	struct buf in; /* of the answer, not yet taken */
	struct buf trailers;
	bool head_method, extended;
	bool answered; /* a final head came */
	bool ended;    /* the answer has come whole */
	bool open;     /* the stream is */
	bool heard;    /* anything came on it */
	bool over;     /* nothing is told to the exchange any more, which may be gone */
	char key_answer[H2_KEY_ANSWER];
	bool has_key;
};

static unsigned n_links;

/* ---- legs
 * ------------------------------------------------------------------------------------------- */

static void leg_free(struct grave *g)
{
	block_give(container_of(g, struct h2_leg, grave), sizeof(struct h2_leg));
}

static void link_free(struct grave *g)
{
	free(container_of(g, struct h2_link, grave));
}

static void link_bury(struct h2_link *link)
{
	peer_unref(link->peer);
	bury(&link->grave, link_free);
}

/* Its stream is no more. */
static void leg_end(struct h2_leg *l)
{
	struct h2_link *link = l->link;

	l->over = true;
	l->open = false;
	list_del(&l->in_link);
	list_del(&l->in_told);
	link->n_legs--;
	link->idle_at = loop_now();
	link->peer->busy--;
	h2_let_go(&l->in);
	buf_free(&l->trailers);
	h2_body_free(&l->out);
	bury(&l->grave, leg_free);
	if (!link->dead)
		h2_wire_stir(&link->wire);
	else if (!link->n_legs)
		link_bury(link);
}

static void trouble(struct h2_leg *l, enum leg_trouble what)
{
	if (l->over)
		return;
	l->over = true;
	exchange_trouble(l->leg.x, what);
}

static void reset(struct h2_leg *l, uint32_t code)
{
	if (l->open)
		nghttp2_submit_rst_stream(l->link->wire.session, NGHTTP2_FLAG_NONE, l->id, code);
	if (!l->link->dead)
		h2_wire_stir(&l->link->wire);
}

static void has_room(struct h2_body *b)
{
	struct h2_leg *l = container_of(b, struct h2_leg, out);

	if (!l->over)
		exchange_leg_room(l->leg.x);
}

static struct h2_leg *leg_of(const struct leg *l)
{
	return container_of(l, struct h2_leg, leg);
}

static bool leg_full(const struct leg *leg)
{
	struct h2_leg *l = leg_of(leg);

	return !l->over && !l->out.ended && h2_body_full(&l->out);
}

static void leg_body(struct leg *leg, const char *p, size_t n)
{
	struct h2_leg *l = leg_of(leg);

	if (n && !l->over && !l->out.ended)
		h2_body_add(&l->out, p, n);
}

static void leg_said_all(struct leg *leg, const struct http_header *trailers, size_t n)
{
	struct h2_leg *l = leg_of(leg);

	if (!l->over && !l->out.ended)
		h2_body_end(&l->out, trailers, n);
}

/* ---- the answer comes down
 * ---------------------------------------------------------------------------- */

static void consumed(struct h2_leg *l, size_t n)
{
	if (!l->open)
		return;
	nghttp2_session_consume_stream(l->link->wire.session, l->id, n);
	h2_wire_stir(&l->link->wire);
}

static void tell_end(struct h2_leg *l)
{
	static struct http_header trailers[HTTP_HEADERS_MAX];
	size_t n = h2_trailers(&l->trailers, trailers, HTTP_HEADERS_MAX);

	l->over = true;
	exchange_answer_end(l->leg.x, trailers, n);
	if (!l->open)
		leg_end(l);
	else if (!l->out.ended)
		reset(l, NGHTTP2_NO_ERROR);
}

static void push(struct h2_leg *l)
{
	size_t n = l->in.len;

	if (l->over)
		return;
	if (n && !exchange_answer_full(l->leg.x)) {
		struct buf taken = l->in;

		l->in = (struct buf){ 0 };
		exchange_answer_body(l->leg.x, taken.data, n);
		h2_let_go(&taken);
		consumed(l, n);
	}
	if (!l->over && !l->in.len && l->ended)
		tell_end(l);
}

static void leg_resume(struct leg *leg)
{
	push(leg_of(leg));
}

/* Was it silent for long, so that it may be dead? */
static void doubt(struct h2_link *link)
{
	if (link->connecting || link->asked_at || link->dead ||
	    loop_now() - link->wire.read_at < DOUBT_MS)
		return;
	link->asked_at = loop_now();
	nghttp2_submit_ping(link->wire.session, NGHTTP2_FLAG_NONE, NULL);
	h2_wire_stir(&link->wire);
	timer_set(&link->timer, PING_MS);
}

static void leg_drop(struct leg *leg)
{
	struct h2_leg *l = leg_of(leg);

	if (l->over)
		return;
	l->over = true;
	if (!l->open) {
		leg_end(l);
		return;
	}
	reset(l, NGHTTP2_CANCEL);
	if (!l->answered)
		doubt(l->link);
}

static const struct leg_ops leg_ops = {
	.full = leg_full,
	.body = leg_body,
	.end = leg_said_all,
	.resume = leg_resume,
	.drop = leg_drop,
};

static void heard(struct h2_leg *l)
{
	l->heard = true;
	exchange_moved(l->leg.x);
	if (list_empty(&l->in_told))
		list_add_tail(&l->link->told, &l->in_told);
}

/* All that was read has been told: what has come so far may leave. */
static void flush(struct h2_link *link)
{
	while (!list_empty(&link->told)) {
		struct h2_leg *l = container_of(link->told.next, struct h2_leg, in_told);

		list_del(&l->in_told);
		if (!l->over)
			exchange_answer_flush(l->leg.x);
	}
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n,
                   void *user)
{
	struct h2_leg *l = nghttp2_session_get_stream_user_data(session, id);

	(void)flags;
	h2_wire_busy_frame(user);
	nghttp2_session_consume_connection(session, n);
	if (!l || l->over) {
		nghttp2_session_consume_stream(session, id, n);
	} else if (l->in.len || exchange_answer_full(l->leg.x)) {
		h2_hold(&l->in, p, n);
	} else {
		heard(l);
		exchange_answer_body(l->leg.x, (const char *)p, n);
		consumed(l, n);
	}
	return 0;
}

static void add(struct http_head *h, const char *name, const char *value)
{
	if (h->n_headers < HTTP_HEADERS_MAX)
		h->headers[h->n_headers++] =
			(struct http_header){ { name, strlen(name) }, { value, strlen(value) } };
}

/* The tunnel is granted: in the words of HTTP/1.1, which every front knows. */
static void upgraded(struct h2_leg *l, struct http_head *h)
{
	h->status = 101;
	h->body = HTTP_BODY_NONE;
	h->upgrade = true;
	add(h, "connection", "upgrade");
	add(h, "upgrade", "websocket");
	if (l->has_key)
		add(h, "sec-websocket-accept", l->key_answer);
}

static void head_came(struct h2_leg *l, struct h2_wire *w, bool ended)
{
	struct http_head *h;

	if (l->answered) {
		if (!h2_head_too_large(w))
			buf_add(&l->trailers, w->block.data, w->block.len);
		return;
	}
	h = h2_answer_head(w, ended, l->head_method);
	if (!h || (h->status < 200 && ended)) {
		trouble(l, LEG_GARBLED);
		reset(l, NGHTTP2_PROTOCOL_ERROR);
		return;
	}
	l->answered = h->status >= 200;
	if (l->extended && h->status / 100 == 2)
		upgraded(l, h);
	exchange_answer(l->leg.x, h);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2_wire *w = user;
	struct h2_link *link = container_of(w, struct h2_link, wire);
	bool stream = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
	struct h2_leg *l =
		stream ? nghttp2_session_get_stream_user_data(session, frame->hd.stream_id) : NULL;

	if (frame->hd.type == NGHTTP2_GOAWAY)
		link->going = true;
	if (frame->hd.type == NGHTTP2_PING && frame->hd.flags & NGHTTP2_FLAG_ACK)
		link->asked_at = 0;
	if (!l || l->over)
		return 0;
	heard(l);
	if (frame->hd.type == NGHTTP2_HEADERS)
		head_came(l, w, frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
	if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
		l->ended = true;
		push(l);
	}
	return 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	(void)session;
	(void)frame;
	h2_head_begin(user);
	return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
	struct h2_leg *l = nghttp2_session_get_stream_user_data(session, id);

	if (!l)
		return 0;
	nghttp2_session_set_stream_user_data(session, id, NULL);
	l->open = false;
	if (l->ended && !l->over)
		return 0; /* what waits of the answer still goes down */
	trouble(l, code == NGHTTP2_REFUSED_STREAM   ? LEG_DECLINED
	           : code == NGHTTP2_PROTOCOL_ERROR ? LEG_GARBLED
	                                            : LEG_LOST);
	leg_end(l);
	h2_wire_stir(user);
	return 0;
}

/* ---- connections
 * --------------------------------------------------------------------------------------- */

static const nghttp2_settings_entry settings[] = {
	{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
	{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, H2_HEAD_BYTES },
};
static const struct h2_role client = {
	.on_begin_headers = on_begin_headers,
	.on_data = on_data,
	.on_frame = on_frame,
	.on_close = on_close,
	.settings = settings,
	.n_settings = ARRAY_LEN(settings),
};

/* The connection is over, and so are its streams but for answers that have come whole. */
static void link_end(struct h2_link *link, enum leg_trouble what)
{
	struct list *at, *next;

	if (link->dead)
		return;
	link->dead = true;
	n_links--;
	list_del(&link->in_peer);
	timer_del(&link->timer);
	h2_wire_free(&link->wire);
	link->n_legs++; /* it is here until the end of this function */
	list_each (at, next, &link->legs) {
		struct h2_leg *l = container_of(at, struct h2_leg, in_link);

		l->open = false;
		l->out.ended = true;
		if (l->ended && !l->over)
			continue;
		trouble(l, l->leg.reused && what == LEG_LOST && !l->heard ? LEG_STALE : what);
		leg_end(l);
	}
	if (!--link->n_legs)
		link_bury(link);
}

static unsigned room(const struct h2_link *link)
{
	uint32_t max = nghttp2_session_get_remote_settings(link->wire.session,
	                                                   NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

	max = max < LINK_STREAMS ? max : LINK_STREAMS;
	return link->n_legs < max ? max - link->n_legs : 0;
}

static void on_timer(struct timer *t)
{
	struct h2_link *link = container_of(t, struct h2_link, timer);
	uint64_t idle = loop_now() - link->idle_at;

	if (link->asked_at && loop_now() - link->asked_at >= PING_MS) {
		link_end(link, LEG_LOST);
	} else if (!link->n_legs && idle >= POOL_IDLE_MS && !link->wire.closing) {
		link->going = true;
		h2_wire_end(&link->wire, NGHTTP2_NO_ERROR);
	} else {
		timer_set(t, link->n_legs || idle >= POOL_IDLE_MS ? POOL_IDLE_MS
		                                                  : POOL_IDLE_MS - idle);
	}
}

/* Does anybody still wait for it to be made? */
static bool wanted(const struct h2_link *link)
{
	struct list *at, *next;

	list_each (at, next, &link->legs)
		if (!container_of(at, struct h2_leg, in_link)->over)
			return true;
	return false;
}

static void on_written(struct h2_wire *w)
{
	struct h2_link *link = container_of(w, struct h2_link, wire);
	bool written = !side_waiting(&w->side);

	flush(link);
	if (link->connecting) {
		if (!wanted(link))
			link_end(link, LEG_REFUSED);
		return;
	}
	if (w->must_end && !w->closing)
		h2_wire_end(w, w->enough);
	if (w->side.broken || w->side.eof || (w->closing && written) ||
	    (link->going && !link->n_legs))
		link_end(link, w->must_end ? LEG_GARBLED : LEG_LOST);
	else
		side_watch(&w->side, !side_full(&w->side));
}

static bool connect_failed(struct h2_link *link)
{
	int error = 0;
	socklen_t n = sizeof(error);

	return getsockopt(link->wire.side.ev.fd, SOL_SOCKET, SO_ERROR, &error, &n) || error;
}

static void connected(struct h2_link *link)
{
	struct list *at, *next;

	link->connecting = link->wire.early = false;
	link->wire.read_at = loop_now();
	list_each (at, next, &link->legs) {
		struct h2_leg *l = container_of(at, struct h2_leg, in_link);

		l->leg.connecting = false;
		if (!l->over)
			exchange_connected(l->leg.x);
	}
}

/* 1: the connection is had, over TLS with the endpoint's proof; 0: not yet; -1: it will not be. */
static int connect_on(struct h2_link *link, uint32_t events)
{
	struct side *side = &link->wire.side;
	int done;

	if (!link->shaking && !(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
		return 0;
	if (!link->shaking && connect_failed(link))
		return -1;
	link->shaking = side->tls != NULL;
	if (!link->shaking)
		return 1;
	done = secure_backend_shake(side->tls, side->ev.fd, &link->peer->at, BACKEND_H2);
	if (!done)
		side_watch(side, true);
	return done;
}

static void on_event(struct event *ev, uint32_t events)
{
	struct side *side = container_of(ev, struct side, ev);
	struct h2_link *link = container_of(side, struct h2_link, wire.side);

	if (link->connecting) {
		int done = connect_on(link, events);

		if (done < 0)
			link_end(link, LEG_REFUSED);
		if (done <= 0)
			return;
		connected(link);
	}
	if (side_readable(side, events))
		h2_wire_read(&link->wire);
	flush(link);
	if (events & (EPOLLHUP | EPOLLERR))
		side->broken = side->eof = true;
	h2_wire_stir(&link->wire);
}

/* ---- the beginning
 * ---------------------------------------------------------------------------------------- */

static bool begin_connect(struct h2_link *link)
{
	static const int on = 1, idle = 30, every = 10, times = 3;
	int fd = dial(&link->peer->at, SOCK_STREAM);
	struct err e;

	link->wire.side.ev.fd = fd;
	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
	link->connecting = link->wire.early = true;
	return loop_add(&link->wire.side.ev, EPOLLOUT, &e) == 0;
}

static struct h2_link *link_new(struct peer *p, const struct table_backend *b)
{
	struct h2_link *link = xcalloc(1, sizeof(*link));

	h2_wire_init(&link->wire, &client);
	link->wire.side.ev = (struct event){ .fd = -1, .fn = on_event };
	link->wire.written = on_written;
	link->peer = peer_ref(p);
	link->timer.fn = on_timer;
	list_init(&link->legs);
	list_init(&link->told);
	list_add_tail(&p->multi, &link->in_peer);
	n_links++;
	count_up(COUNT_UPSTREAM_CONNECTS);
	link->wire.side.tls = b->tls ? secure_backend(b) : NULL;
	if (link->wire.session && (link->wire.side.tls || !b->tls) && begin_connect(link)) {
		timer_set(&link->timer, POOL_IDLE_MS);
		return link;
	}
	link_end(link, LEG_REFUSED);
	return NULL;
}

static struct h2_link *link_get(struct peer *p, const struct table_backend *b)
{
	struct list *at, *next;
	unsigned n = 0;

	list_each (at, next, &p->multi) {
		struct h2_link *link = container_of(at, struct h2_link, in_peer);

		n++;
		if (!link->going && !link->asked_at && !link->wire.closing &&
		    !link->wire.must_end && room(link))
			return link;
	}
	return n < LINKS_PEER_MAX && n_links < LINKS_MAX ? link_new(p, b) : NULL;
}

/* May this request be a tunnel there? Otherwise it is asked without (RFC 9110 7.8 lets us). */
static bool extends(const struct h2_link *link, const struct http_head *h)
{
	const struct span *upgrade = h->upgrade ? http_header(h, "upgrade") : NULL;

	return upgrade && span_is_nocase(*upgrade, "websocket") &&
	       nghttp2_session_get_remote_settings(link->wire.session,
	                                           NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

static bool submit(struct h2_leg *l, const struct exchange *x)
{
	static struct http_head h;
	nghttp2_data_provider2 body = h2_body_provider(&l->out);
	const struct span *key;
	const nghttp2_nv *nv;
	const char *why;
	size_t n;

	if (http_parse_request(&h, x->head.data, x->head.len, &why) <= 0)
		return false;
	l->extended = extends(l->link, &h);
	l->out.ended = h.body == HTTP_BODY_NONE && !l->extended;
	key = l->extended ? http_header(&h, "sec-websocket-key") : NULL;
	l->has_key = key;
	if (key)
		h2_key_answer(*key, l->key_answer);
	nv = h2_request_nv(&h, l->link->wire.side.tls, l->extended, &n);
	l->id = nghttp2_submit_request2(l->link->wire.session, NULL, nv, n,
	                                l->out.ended ? NULL : &body, l);
	return l->id > 0;
}

struct leg *leg_h2_begin(struct exchange *x, struct peer *p, const struct table_backend *b)
{
	struct h2_link *link = link_get(p, b);
	struct h2_leg *l;

	if (!link)
		return NULL;
	l = block_zero(sizeof(*l));
	l->leg = (struct leg){ .ops = &leg_ops,
		               .x = x,
		               .peer = p,
		               .connecting = link->connecting,
		               .reused = !link->connecting };
	list_init(&l->in_told);
	l->link = link;
	l->head_method = x->head_method;
	l->out.room = has_room;
	h2_body_init(&l->out, &link->wire);
	if (!submit(l, x)) {
		link->going = true; /* its numbers are used up */
		h2_wire_stir(&link->wire);
		block_give(l, sizeof(*l));
		return NULL;
	}
	l->out.id = l->id;
	l->open = true;
	list_add_tail(&link->legs, &l->in_link);
	link->n_legs++;
	p->busy++;
	h2_wire_stir(&link->wire);
	return &l->leg;
}

void leg_h2_leave(struct peer *p)
{
	struct list *at, *next;

	list_each (at, next, &p->multi) {
		struct h2_link *link = container_of(at, struct h2_link, in_peer);

		link->going = true;
		h2_wire_stir(&link->wire);
	}
}
