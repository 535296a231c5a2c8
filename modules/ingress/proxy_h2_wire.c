/* proxy_h2_wire.c - one socket that speaks HTTP/2, and the session of nghttp2 behind it. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <knetd/auto.h>
#include <knetd/blocks.h>

#include "proxy_h2.h"

#define READS 4 /* of 64 KB, before others have their turn */

static struct list dirty = LIST_INIT(dirty);

/* ---- out
 * ----------------------------------------------------------------------------------------- */

static void give_room(struct h2_wire *w)
{
	while (!list_empty(&w->room)) {
		struct h2_body *b = container_of(w->room.next, struct h2_body, in_room);

		list_del(&b->in_room);
		b->told_full = false;
		b->room(b);
	}
}

/* Frames become bytes until so many wait that the rest may as well stay frames. */
static void fill(struct h2_wire *w)
{
	const uint8_t *p;
	nghttp2_ssize n = 1;

	if (w->side.sent >= OUT_HIGH) {
		buf_drop(&w->side.out, w->side.sent);
		w->side.sent = 0;
	}
	while (n > 0 && !side_full(&w->side)) {
		n = nghttp2_session_mem_send2(w->session, &p);
		if (n > 0)
			buf_add(&w->side.out, p, (size_t)n);
		if (n < 0)
			w->side.broken = true;
	}
}

void h2_wire_write(struct h2_wire *w)
{
	size_t before;

	if (!side_waiting(&w->side))
		w->wrote_at = loop_now(); /* stalls are counted from here */
	do {
		fill(w);
		before = side_waiting(&w->side);
		side_write(&w->side);
		if (side_waiting(&w->side) < before)
			w->wrote_at = loop_now();
		give_room(w);
	} while (!w->side.broken && before && !side_waiting(&w->side));
}

static void write_dirty(void)
{
	while (!list_empty(&dirty)) {
		struct h2_wire *w = container_of(dirty.next, struct h2_wire, dirty);

		list_del(&w->dirty);
		if (!w->early)
			h2_wire_write(w);
		/* what TLS has opened already makes no event */
		if (!w->early && w->side.tls && tls_pending(w->side.tls) && !side_full(&w->side))
			h2_wire_read(w);
		w->written(w);
	}
}

void h2_wire_stir(struct h2_wire *w)
{
	if (list_empty(&w->dirty))
		list_add_tail(&dirty, &w->dirty);
}

/* ---- in
 * ------------------------------------------------------------------------------------------ */

void h2_wire_must_end(struct h2_wire *w, uint32_t code, enum proxy_counter why)
{
	if (!w->must_end) {
		w->enough = code;
		w->why = why;
	}
	w->must_end = true;
}

static bool overflows(struct h2_bucket *b, uint32_t weight, uint32_t rate, uint32_t burst)
{
	uint64_t now = loop_now(), leaked = (now - b->at) * rate / 1000;

	if (leaked) {
		b->level -= leaked < b->level ? (uint32_t)leaked : b->level;
		b->at = now;
	}
	b->level += weight;
	return b->level > burst;
}

void h2_wire_idle_frame(struct h2_wire *w, unsigned weight)
{
	if (overflows(&w->idle_frames, weight, H2_IDLE_RATE, H2_IDLE_BURST))
		h2_wire_must_end(w, NGHTTP2_ENHANCE_YOUR_CALM, COUNT_H2_ENDED_FRAMES);
}

void h2_wire_reset(struct h2_wire *w)
{
	if (overflows(&w->resets, 1, H2_RESETS_RATE, H2_RESETS_BURST))
		h2_wire_must_end(w, NGHTTP2_ENHANCE_YOUR_CALM, COUNT_H2_ENDED_RESETS);
}

static uint32_t code_of(nghttp2_ssize error)
{
	switch ((int)error) {
	case NGHTTP2_ERR_FLOODED:
	case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
		return NGHTTP2_ENHANCE_YOUR_CALM;
	case NGHTTP2_ERR_NOMEM:
		return NGHTTP2_INTERNAL_ERROR;
	}
	return NGHTTP2_PROTOCOL_ERROR;
}

static enum proxy_counter why_of(nghttp2_ssize error)
{
	switch ((int)error) {
	case NGHTTP2_ERR_FLOODED: /* of answers to PING and SETTINGS that nobody reads */
		return COUNT_H2_ENDED_FRAMES;
	case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
		return COUNT_H2_ENDED_HEADS;
	}
	return COUNT_H2_ENDED_PROTOCOL;
}

bool h2_wire_take(struct h2_wire *w, const uint8_t *p, size_t n)
{
	nghttp2_ssize ret;

	/* a session that has said its last must not be given more (CVE-2026-27135) */
	if (w->closing || !nghttp2_session_want_read(w->session))
		return true;
	if (w->must_end)
		return false;
	ret = nghttp2_session_mem_recv2(w->session, p, n);
	if (ret < 0)
		h2_wire_must_end(w, code_of(ret), why_of(ret));
	h2_wire_stir(w);
	return !w->must_end;
}

bool h2_wire_read(struct h2_wire *w)
{
	static uint8_t piece[PIECE_MAX];
	struct side *s = &w->side;
	bool ok = true;

	if (s->in.len)
		ok = h2_wire_take(w, (uint8_t *)s->in.data, s->in.len);
	buf_free(&s->in);
	/* who does not read what we write is not read either: nothing grows by what he sends */
	for (int i = 0; ok && i < READS && !s->eof && !side_full(s); i++) {
		ssize_t n = side_recv(s, piece, sizeof(piece));

		if (n > 0) {
			w->read_at = loop_now();
			ok = h2_wire_take(w, piece, (size_t)n);
		} else if (n == 0) {
			s->eof = true;
		} else if (errno != EAGAIN && errno != EINTR) {
			s->eof = s->broken = true;
		}
		if (n <= 0 || (!s->tls && (size_t)n < sizeof(piece)))
			break;
	}
	if (s->eof || !ok)
		h2_wire_stir(w);
	return ok;
}

void h2_wire_end(struct h2_wire *w, uint32_t code)
{
	if (!w->closing)
		nghttp2_session_terminate_session(w->session, code);
	w->closing = true;
	h2_wire_stir(w);
}

/* ---- made and ended
 * ------------------------------------------------------------------------------- */

static int on_invalid_frame(nghttp2_session *s, const nghttp2_frame *frame, int code, void *user)
{
	(void)s;
	(void)frame;
	(void)code;
	h2_wire_idle_frame(user, H2_WRONG);
	return 0;
}

/* A field that cannot be told on is no reason to leave it out: the message is refused. */
static int on_invalid_header(nghttp2_session *s, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                             nghttp2_rcbuf *value, uint8_t flags, void *user)
{
	(void)s;
	(void)frame;
	(void)name;
	(void)value;
	(void)flags;
	h2_wire_idle_frame(user, H2_WRONG);
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user)
{
	(void)session;
	if (hd->type != NGHTTP2_HEADERS && hd->type != NGHTTP2_CONTINUATION)
		h2_wire_idle_frame(user, 1);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags, void *user)
{
	(void)session;
	(void)frame;
	(void)flags;
	h2_head_field(user, name, name_n, value, value_n);
	return 0;
}

/* A session copies them: the same ones serve every role in turn. */
static const nghttp2_session_callbacks *callbacks_of(const struct h2_role *r)
{
	static nghttp2_session_callbacks *c;

	if (!c && nghttp2_session_callbacks_new(&c))
		return NULL;
	nghttp2_session_callbacks_set_send_data_callback(c, h2_body_send);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(c, on_invalid_frame);
	nghttp2_session_callbacks_set_on_invalid_header_callback2(c, on_invalid_header);
	nghttp2_session_callbacks_set_on_begin_frame_callback(c, on_begin_frame);
	nghttp2_session_callbacks_set_on_header_callback(c, on_header);
	nghttp2_session_callbacks_set_on_begin_headers_callback(c, r->on_begin_headers);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, r->on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(c, r->on_frame);
	nghttp2_session_callbacks_set_on_frame_send_callback(c, r->on_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(c, r->on_close);
	return c;
}

static const nghttp2_option *options(void)
{
	static nghttp2_option *o;

	if (o)
		return o;
	if (nghttp2_option_new(&o))
		return NULL;
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_max_outbound_ack(o, H2_QUEUE);
	nghttp2_option_set_max_continuations(o, H2_CONTINUATIONS);
	/* nghttp2's own limit is behind ours, which also counts what we had to reset */
	nghttp2_option_set_stream_reset_rate_limit(o, H2_RESETS_BURST + 100UL, H2_RESETS_RATE);
	nghttp2_option_set_max_deflate_dynamic_table_size(o, 4096);
	return o;
}

bool h2_wire_holds(const struct h2_wire *w)
{
	return w->block.cap;
}

void h2_wire_rests(struct h2_wire *w)
{
	buf_free(&w->block);
}

/* nghttp2 asks for a dozen small pieces a stream. Each has its size before it. */
union piece {
	size_t size;
	max_align_t begin;
};

static void *piece_take(size_t n, void *user)
{
	union piece *p = n < SIZE_MAX - sizeof(*p) ? block_take(sizeof(*p) + n) : NULL;

	(void)user;
	if (!p)
		return NULL;
	p->size = sizeof(*p) + n;
	return p + 1;
}

static void piece_give(void *at, void *user)
{
	union piece *p = at;

	(void)user;
	if (p)
		block_give(p - 1, p[-1].size);
}

static void *piece_zero(size_t n, size_t size, void *user)
{
	size_t all;
	void *p = __builtin_mul_overflow(n, size, &all) ? NULL : piece_take(all, user);

	return p ? memset(p, 0, all) : NULL;
}

static void *piece_again(void *at, size_t n, void *user)
{
	const union piece *p = at;
	void *more = piece_take(n, user);
	size_t had = p ? p[-1].size - sizeof(*p) : 0;

	if (had && more)
		memcpy(more, at, had < n ? had : n);
	if (more)
		piece_give(at, user);
	return more;
}

static nghttp2_mem pieces = { NULL, piece_take, piece_give, piece_zero, piece_again };

static nghttp2_session *session_new(struct h2_wire *w, const struct h2_role *r)
{
	const nghttp2_session_callbacks *c = callbacks_of(r);
	const nghttp2_option *o = options();
	nghttp2_session *session;

	if (!c || !o ||
	    (r->server ? nghttp2_session_server_new3(&session, c, w, o, &pieces)
	               : nghttp2_session_client_new3(&session, c, w, o, &pieces)))
		return NULL;
	nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, r->settings, r->n_settings);
	nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, H2_LINK_WINDOW);
	return session;
}

void h2_wire_init(struct h2_wire *w, const struct h2_role *r)
{
	static bool known;

	if (!known)
		loop_after(write_dirty);
	known = true;
	list_init(&w->dirty);
	list_init(&w->room);
	w->session = session_new(w, r);
	w->idle_frames.at = w->resets.at = w->read_at = w->wrote_at = loop_now();
}

void h2_wire_free(struct h2_wire *w)
{
	list_del(&w->dirty);
	nghttp2_session_del(w->session);
	w->session = NULL;
	buf_free(&w->block);
	side_free(&w->side);
}
