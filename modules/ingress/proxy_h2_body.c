/* proxy_h2_body.c - a body on its way out as DATA frames: taken from where it waits straight into
 * what is written, when both windows have room. */
#include <string.h>

#include <knetd/auto.h>

#include "proxy_h2.h"

size_t h2_held;

bool h2_crowded(size_t own)
{
	return h2_held >= H2_HELD_HIGH && own >= H2_HELD_SHARE;
}

void h2_hold(struct buf *b, const void *p, size_t n)
{
	buf_add(b, p, n);
	h2_held += n;
}

void h2_let_go(struct buf *b)
{
	h2_held -= b->len;
	buf_free(b);
}

void h2_body_init(struct h2_body *b, struct h2_wire *w)
{
	b->wire = w;
	list_init(&b->in_room);
}

void h2_body_free(struct h2_body *b)
{
	list_del(&b->in_room);
	h2_let_go(&b->data);
	buf_free(&b->trailers);
}

bool h2_body_full(struct h2_body *b)
{
	size_t own = h2_body_waiting(b);

	b->told_full = own >= OUT_HIGH || h2_crowded(own);
	return b->told_full;
}

static void stir(struct h2_body *b)
{
	if (b->deferred)
		nghttp2_session_resume_data(b->wire->session, b->id);
	b->deferred = false;
	h2_wire_stir(b->wire);
}

void h2_body_add(struct h2_body *b, const char *p, size_t n)
{
	if (b->sent >= OUT_HIGH) {
		buf_drop(&b->data, b->sent);
		h2_held -= b->sent;
		b->sent = 0;
	}
	h2_hold(&b->data, p, n);
	stir(b);
}

void h2_body_end(struct h2_body *b, const struct http_header *trailers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h2_pack(&b->trailers, (const uint8_t *)trailers[i].name.p, trailers[i].name.n,
		        (const uint8_t *)trailers[i].value.p, trailers[i].value.n);
	b->n_trailers = (unsigned)n;
	b->ended = true;
	stir(b);
}

static void say_trailers(struct h2_body *b)
{
	size_t n;
	const nghttp2_nv *nv = h2_trailers_nv(&b->trailers, &n);

	nghttp2_submit_trailer(b->wire->session, b->id, nv, n);
}

/* How much of it goes into the next frame. */
static nghttp2_ssize next_piece(nghttp2_session *s, int32_t id, uint8_t *to, size_t length,
                                uint32_t *flags, nghttp2_data_source *source, void *user)
{
	struct h2_body *b = source->ptr;
	size_t n = h2_body_waiting(b);

	(void)s;
	(void)id;
	(void)to;
	(void)user;
	if (!n && !b->ended) {
		b->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (n > length)
		return (nghttp2_ssize)length;
	if (b->ended) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		if (b->n_trailers) {
			*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
			say_trailers(b);
		}
	}
	return (nghttp2_ssize)n;
}

nghttp2_data_provider2 h2_body_provider(struct h2_body *b)
{
	return (nghttp2_data_provider2){ .source.ptr = b, .read_callback = next_piece };
}

static void have_sent(struct h2_body *b, size_t n)
{
	b->sent += n;
	if (b->sent == b->data.len) {
		h2_held -= b->data.len;
		buf_reset(&b->data);
		b->sent = 0;
	}
	if (b->told_full && h2_body_waiting(b) <= OUT_HIGH / 2 && list_empty(&b->in_room))
		list_add_tail(&b->wire->room, &b->in_room);
}

int h2_body_send(nghttp2_session *s, nghttp2_frame *frame, const uint8_t *head, size_t length,
                 nghttp2_data_source *source, void *user)
{
	struct h2_body *b = source->ptr;
	struct h2_wire *w = user;

	(void)s;
	(void)frame;
	buf_add(&w->side.out, head, 9);
	buf_add(&w->side.out, b->data.data + b->sent, length);
	have_sent(b, length);
	h2_wire_busy_frame(w);
	return 0;
}
