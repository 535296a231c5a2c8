/* proxy_side.c - bytes of one socket, and bodies of HTTP/1.1 taken off them. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy.h"

#define READ_MAX 16384               /* at a time, until so much came at once */
#define DIRECT_MIN 8192              /* less is cheaper to copy than to send apart */
#define HELD_HIGH (64 * 1024 * 1024) /* of all sides; above that each has less */

static size_t held_by_all;

size_t side_high(void)
{
	return held_by_all > HELD_HIGH ? OUT_HIGH / 4 : OUT_HIGH;
}

/* A head must fit in any case. */
static size_t piece_max(void)
{
	return held_by_all > HELD_HIGH ? HTTP_HEAD_MAX : PIECE_MAX;
}

static void count_held(struct side *s)
{
	size_t now = s->in.cap + s->out.cap + s->trailers.cap;

	held_by_all += now - s->held;
	s->held = now;
}

/* The next side takes what is empty here, while the processor still has it in its caches: so an
 * idle connection keeps nothing, and a busy one touches the same memory as its neighbours. */
static void give_back(struct side *s)
{
	if (!s->in.len && s->in.cap)
		buf_free(&s->in);
	if (!side_waiting(s) && s->out.cap) {
		buf_free(&s->out);
		s->sent = 0;
	}
}

ssize_t side_recv(struct side *s, void *p, size_t n)
{
	return s->tls ? tls_recv(s->tls, s->ev.fd, p, n) : recv(s->ev.fd, p, n, MSG_DONTWAIT);
}

void side_read(struct side *s)
{
	size_t most = piece_max(), piece = s->bulk ? PIECE_MAX : READ_MAX;

	while (!s->eof && s->in.len < most) {
		size_t left = most - s->in.len;
		char *room = buf_room(&s->in, left > piece ? piece : left);
		size_t want = s->in.cap - s->in.len > left ? left : s->in.cap - s->in.len;
		ssize_t n = side_recv(s, room, want);

		if (n > 0)
			s->in.len += n;
		s->bulk = s->in.len >= READ_MAX;
		if (n == 0)
			s->eof = true;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			s->eof = s->broken = true;
		/* the kernel had no more: the next event tells; not so what TLS holds */
		if (n <= 0 || (n < (ssize_t)want && !(s->tls && tls_pending(s->tls))))
			return;
	}
}

static ssize_t transmit(struct side *s, const char *p, size_t n)
{
	struct iovec iov = { (void *)p, n };

	return s->tls ? tls_send(s->tls, s->ev.fd, &iov, 1)
	              : send(s->ev.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool has_unsent(const struct side *s)
{
	return side_waiting(s) || (s->tls && tls_unsent(s->tls));
}

/* What waits; a buffer that was never filled has no place to begin at. */
static char *unsent(const struct side *s)
{
	return s->out.data ? s->out.data + s->sent : NULL;
}

void side_write(struct side *s)
{
	ssize_t n;

	if (!has_unsent(s) || s->broken)
		return;
	n = transmit(s, unsent(s), side_waiting(s));
	if (n > 0)
		s->sent += n;
	if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOTCONN)
		s->broken = true;
	if (s->sent == s->out.len)
		buf_reset(&s->out);
	else if (s->sent >= s->out.len / 2)
		buf_drop(&s->out, s->sent);
	else
		return;
	s->sent = 0;
}

/* What TLS holds already, no event of the socket will tell. */
static bool holds(const struct side *s)
{
	return s->tls && s->in.len < piece_max() && tls_pending(s->tls);
}

bool side_readable(const struct side *s, uint32_t events)
{
	return (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) || holds(s);
}

void side_send(struct side *s, const char *p, size_t n)
{
	size_t waiting = side_waiting(s), first;
	struct iovec iov[2] = { { unsent(s), waiting }, { (void *)p, n } };
	struct msghdr m = { .msg_iov = waiting ? iov : iov + 1, .msg_iovlen = waiting ? 2 : 1 };
	ssize_t sent = -1;

	if (!n)
		return;
	if (n >= DIRECT_MIN && !s->tls && !s->broken) {
		sent = sendmsg(s->ev.fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
		s->broken = sent < 0 && errno != EAGAIN && errno != EINTR && errno != ENOTCONN;
	}
	first = sent > 0 ? ((size_t)sent < waiting ? (size_t)sent : waiting) : 0;
	s->sent += first;
	if (s->sent == s->out.len) {
		buf_reset(&s->out);
		s->sent = 0;
	}
	first = sent > 0 ? (size_t)sent - first : 0; /* of p */
	buf_add(&s->out, p + first, n - first);
}

void side_watch(struct side *s, bool want_read)
{
	uint32_t mask = EPOLLRDHUP;

	give_back(s);
	count_held(s);
	if (want_read && !s->eof && s->in.len < piece_max())
		mask |= EPOLLIN;
	if (has_unsent(s) || (want_read && holds(s)))
		mask |= EPOLLOUT;
	if (s->eof)
		mask &= ~EPOLLRDHUP; /* known: level-triggered, it would not end */
	loop_mod(&s->ev, mask ? mask : EPOLLERR);
}

void side_free(struct side *s)
{
	loop_close(&s->ev);
	tls_free(s->tls);
	s->tls = NULL;
	buf_free(&s->in);
	buf_free(&s->out);
	buf_free(&s->trailers);
	count_held(s);
}

/* ---- bodies --------------------------------------------------------------------------------- */

void body_begin(struct body *b, const struct http_head *h)
{
	*b = (struct body){ .kind = h->body, .left = h->length };
	b->done = h->body == HTTP_BODY_NONE || (h->body == HTTP_BODY_LENGTH && !h->length);
}

/* Chunks are taken apart: what is sent on has one reading only. */
static bool move_chunked(struct body *b, struct side *from, const struct body_sink *to, void *ctx)
{
	size_t at = 0;
	bool ok = true;

	if (!b->coding.trails)
		buf_reset(&from->trailers);
	while (ok && at < from->in.len && !b->done && !to->full(ctx)) {
		const char *data, *p = from->in.data + at;
		bool trails = b->coding.trails;
		size_t n;
		long used = http_chunked(&b->coding, p, from->in.len - at, &data, &n, &b->done);

		ok = used >= 0;
		at += ok ? used : 0;
		if (ok && trails && !(b->done && used == 2)) /* mostly there are none */
			buf_add(&from->trailers, p, (size_t)used);
		if (ok && n)
			to->piece(ctx, data, n);
	}
	buf_drop(&from->in, at);
	return ok;
}

static void move_plain(struct body *b, struct side *from, const struct body_sink *to, void *ctx)
{
	size_t n = from->in.len;

	if (b->kind == HTTP_BODY_LENGTH && n > b->left)
		n = b->left;
	if (!n)
		return;
	b->left -= b->kind == HTTP_BODY_LENGTH ? n : 0;
	b->done = b->kind == HTTP_BODY_LENGTH && !b->left;
	to->piece(ctx, from->in.data, n);
	buf_drop(&from->in, n);
}

bool body_move(struct body *b, struct side *from, const struct body_sink *to, void *ctx)
{
	bool ok = true;

	if (b->done || to->full(ctx))
		return true;
	if (b->kind == HTTP_BODY_CHUNKED)
		ok = move_chunked(b, from, to, ctx);
	else
		move_plain(b, from, to, ctx);
	if (!ok || b->done || !from->eof || from->in.len)
		return ok;
	b->done = b->kind == HTTP_BODY_UNTIL_CLOSE && !from->broken;
	return b->done;
}
