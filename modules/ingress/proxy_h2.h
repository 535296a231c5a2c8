/* proxy_h2.h - HTTP/2 as the proxy speaks it, to clients (proxy_h2.c) and to backends
 * (proxy_leg_h2.c) alike: one socket and its session of nghttp2 (proxy_h2_wire.c), the bodies that
 * leave on its streams (proxy_h2_body.c), the heads that come and go (proxy_h2_head.c).
 *
 * Frames are written at the end of the turn: what many streams have to say leaves in one write.
 * What is read is always taken in whole. What a stream cannot pass on waits with the stream, and
 * its window is not opened again meanwhile: no stream holds more than H2_WINDOW of what it was
 * sent. */
#pragma once

#include <nghttp2/nghttp2.h>

#include "proxy.h"

/* ---- limits, and why ---------------------------------------------------------------------------
 */

#define H2_WINDOW 65535 /* a stream's, RFC 9113's own: a body waits in at most so many bytes */
#define H2_LINK_WINDOW                                                                             \
	(1 << 20)           /* a connection's: sixteen streams are not slowed by each other        \
	                     */
#define H2_STREAMS 128      /* at a time on a connection of a client: what peers allow, too */
#define H2_STREAMS_ALL 8192 /* of all clients of this worker: above, streams are refused unread */
#define H2_HELD_HIGH                                                                               \
	(64 << 20)         /* bytes of bodies held by all streams of this worker: above, ...       \
	                    */
#define H2_HELD_SHARE 8192 /* ... each may hold only so many, and new streams are refused */
#define H2_HEAD_BYTES                                                                              \
	HTTP_HEAD_MAX /* of a head unpacked, with 32 for each field (RFC 9113 6.5.2) */
#define H2_HEAD_ENOUGH (4 * HTTP_HEAD_MAX) /* a head so large ends the connection (HPACK bombs) */
#define H2_CONTINUATIONS 8 /* frames of one head: its 32 KB fit into three of 16 KB */
#define H2_QUEUE 256       /* answers to PING and SETTINGS that wait to be written */
/* RST_STREAM frames: a browser that leaves a page gives up what it had asked for, hundreds at most;
 * rapid reset (CVE-2023-44487) needs thousands a second. */
#define H2_RESETS_BURST 400
#define H2_RESETS_RATE 40 /* a second */
/* Frames that ask for nothing and bring nothing: PING, SETTINGS, PRIORITY, empty DATA,
 * WINDOW_UPDATE beyond what our DATA frames explain, and with more weight what is wrong. (Of
 * unknown types nghttp2 tells nothing: it skips them, for less than they cost who sends them.) */
#define H2_IDLE_BURST 1000
#define H2_IDLE_RATE 50 /* a second */
#define H2_WRONG 20     /* what a frame that breaks a rule weighs */
#define H2_LINGER_MS 2000

/* ---- a connection (proxy_h2_wire.c) -------------------------------------------------------------
 */

struct h2_bucket { /* what leaks out as time goes by */
	uint32_t level;
	uint64_t at;
};

struct h2_wire {
	struct side side;
	nghttp2_session *session;
	struct list dirty; /* there may be frames to write */
	struct list room;  /* of bodies that were full */
	struct buf block;  /* the fields of the head that is being read */
	unsigned n_fields;
	size_t unpacked; /* bytes of that head */
	uint32_t enough; /* an error code: the connection has to end with it */
	enum proxy_counter why;
	bool must_end;
	struct h2_bucket idle_frames, resets;
	uint64_t read_at, wrote_at; /* milliseconds */
	bool early;                 /* not connected yet: nothing is written */
	bool closing; /* only what is queued is still written, what comes is thrown away */
	void (*written)(struct h2_wire *w); /* at the end of a turn, after all that could be */
};

struct h2_role { /* what the two sides do not have in common */
	bool server;
	nghttp2_on_begin_headers_callback on_begin_headers;
	nghttp2_on_data_chunk_recv_callback on_data;
	nghttp2_on_frame_recv_callback on_frame;
	nghttp2_on_frame_send_callback on_sent; /* NULL: nobody asks */
	nghttp2_on_stream_close_callback on_close;
	const nghttp2_settings_entry *settings;
	size_t n_settings;
};
/* session is NULL when there is no memory for one. */
void h2_wire_init(struct h2_wire *w, const struct h2_role *r);
void h2_wire_free(struct h2_wire *w);
/* It has no streams: idle connections are many, and keep no buffers. */
void h2_wire_rests(struct h2_wire *w);
bool h2_wire_holds(const struct h2_wire *w); /* buffers that it would give back */
/* Has the wire written at the end of this turn. */
void h2_wire_stir(struct h2_wire *w);
void h2_wire_write(struct h2_wire *w); /* at once, for once */
/* Takes in what waits in side.in and on the socket. False: it must end (enough). */
bool h2_wire_read(struct h2_wire *w);
/* The same for bytes at hand: for tests and fuzzing, too. */
bool h2_wire_take(struct h2_wire *w, const uint8_t *p, size_t n);
/* Nothing more is read; a GOAWAY with that code leaves behind what is queued. */
void h2_wire_end(struct h2_wire *w, uint32_t code);
void h2_wire_must_end(struct h2_wire *w, uint32_t code, enum proxy_counter why);
/* A frame came that brings nothing. */
void h2_wire_idle_frame(struct h2_wire *w, unsigned weight);
/* A stream was begun for nothing. */
void h2_wire_reset(struct h2_wire *w);
static inline void h2_wire_busy_frame(struct h2_wire *w)
{
	w->idle_frames.level -= w->idle_frames.level < 4 ? w->idle_frames.level : 4;
}

/* ---- a body on its way out (proxy_h2_body.c)
 * ----------------------------------------------------- */

struct h2_body {
	struct h2_wire *wire;
	int32_t id;
	struct buf data;
	size_t sent;         /* of data */
	struct buf trailers; /* packed fields (h2_pack) */
	unsigned n_trailers;
	bool ended;
	bool deferred; /* nghttp2 waits for h2_body_stir */
	bool told_full;
	struct list in_room;
	void (*room)(struct h2_body *b); /* no longer full */
};
void h2_body_init(struct h2_body *b, struct h2_wire *w);
void h2_body_free(struct h2_body *b);
nghttp2_data_provider2 h2_body_provider(struct h2_body *b);
static inline size_t h2_body_waiting(const struct h2_body *b)
{
	return b->data.len - b->sent;
}
bool h2_body_full(struct h2_body *b);
void h2_body_add(struct h2_body *b, const char *p, size_t n);
void h2_body_end(struct h2_body *b, const struct http_header *trailers, size_t n);
int h2_body_send(nghttp2_session *s, nghttp2_frame *frame, const uint8_t *head, size_t length,
                 nghttp2_data_source *source, void *user);

/* What all streams of this worker hold, both ways. */
extern size_t h2_held;
bool h2_crowded(size_t own);
void h2_hold(struct buf *b, const void *p, size_t n);
void h2_let_go(struct buf *b);

/* ---- heads (proxy_h2_head.c)
 * --------------------------------------------------------------------- */

/* Fields one behind the other: two lengths of two bytes, name, value. */
void h2_pack(struct buf *out, const uint8_t *name, size_t name_n, const uint8_t *value,
             size_t value_n);
bool h2_unpack(const struct buf *b, size_t *at, struct http_header *x);
/* A field of the head that is being read; the head is too large when w->n_fields is 0. */
void h2_head_begin(struct h2_wire *w);
void h2_head_field(struct h2_wire *w, const uint8_t *name, size_t name_n, const uint8_t *value,
                   size_t value_n);
bool h2_head_too_large(const struct h2_wire *w);

/* The request that w->block is, its spans valid until the next call; minus the status to answer
 * with. protocol is :protocol of an extended CONNECT, which becomes a GET that upgrades; key
 * is then its Sec-WebSocket-Key, made here. ended: no body follows. */
#define H2_KEY 25
#define H2_KEY_ANSWER 29
int h2_request_head(struct h2_wire *w, bool ended, struct http_head **h, struct span *protocol,
                    char key[H2_KEY]);
/* What a server makes of a Sec-WebSocket-Key (RFC 6455 4.2.2). */
void h2_key_answer(struct span key, char out[H2_KEY_ANSWER]);
/* The answer; NULL: it is none. */
struct http_head *h2_answer_head(struct h2_wire *w, bool ended, bool head_method);
/* Trailers: those that may be told; how many. */
size_t h2_trailers(const struct buf *packed, struct http_header *out, size_t max);

#define H2_NV_MAX (HTTP_HEADERS_MAX + HTTP_HEADERS_ROOM + 8)
/* As nghttp2 takes it; both until the next call. */
const nghttp2_nv *h2_answer_nv(const struct http_head *h, unsigned status, size_t *n);
const nghttp2_nv *h2_request_nv(const struct http_head *h, bool tls, bool extended, size_t *n);
const nghttp2_nv *h2_trailers_nv(const struct buf *packed, size_t *n);
