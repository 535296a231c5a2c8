/* ingress_side.c - bytes of one socket, and bodies on their way between two. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ingress_proxy.h"

void side_read(struct side *s)
{
	while (!s->eof && s->in.len < IN_MAX) {
		char *room =
			buf_room(&s->in, IN_MAX - s->in.len > 16384 ? 16384 : IN_MAX - s->in.len);
		size_t want = s->in.cap - s->in.len > IN_MAX - s->in.len ? IN_MAX - s->in.len
		                                                         : s->in.cap - s->in.len;
		ssize_t n = recv(s->ev.fd, room, want, MSG_DONTWAIT);

		if (n > 0)
			s->in.len += n;
		if (n == 0)
			s->eof = true;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			s->eof = s->broken = true;
		if (n < (ssize_t)want)
			return; /* the kernel had no more: the next event tells */
	}
}

void side_write(struct side *s)
{
	ssize_t n;

	if (!side_waiting(s) || s->broken)
		return;
	n = send(s->ev.fd, s->out.data + s->sent, side_waiting(s), MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		s->sent += n;
	if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOTCONN)
		s->broken = true;
	if (s->sent == s->out.len) {
		buf_reset(&s->out);
		s->sent = 0;
	}
}

void side_watch(struct side *s, bool want_read)
{
	uint32_t mask = EPOLLRDHUP;

	if (want_read && !s->eof && s->in.len < IN_MAX)
		mask |= EPOLLIN;
	if (side_waiting(s))
		mask |= EPOLLOUT;
	if (s->eof)
		mask &= ~EPOLLRDHUP; /* known: level-triggered, it would not end */
	loop_mod(&s->ev, mask ? mask : EPOLLERR);
}

void side_free(struct side *s)
{
	loop_del(&s->ev);
	if (s->ev.fd >= 0)
		close(s->ev.fd);
	buf_free(&s->in);
	buf_free(&s->out);
}

void body_begin(struct body *b, const struct http_head *h, bool chunk)
{
	*b = (struct body){ .kind = h->body, .left = h->length, .chunk = chunk };
	b->done = h->body == HTTP_BODY_NONE;
}

static void put(const struct body *b, struct side *to, const char *p, size_t n)
{
	if (b->chunk && n)
		buf_printf(&to->out, "%zx\r\n", n);
	buf_add(&to->out, p, n);
	if (b->chunk && n)
		buf_str(&to->out, "\r\n");
}

static void finish(struct body *b, struct side *to)
{
	if (b->chunk)
		buf_str(&to->out, "0\r\n\r\n");
	b->done = true;
}

/* Chunks are taken apart and made again: what is sent on has one reading only. */
static bool move_chunked(struct body *b, struct side *from, struct side *to)
{
	size_t at = 0;
	bool ok = true;

	while (ok && at < from->in.len && !b->done && side_waiting(to) < OUT_HIGH) {
		const char *data;
		bool done;
		size_t n;
		long used = http_chunked(&b->coding, from->in.data + at, from->in.len - at, &data,
		                         &n, &done);

		ok = used >= 0;
		at += ok ? used : 0;
		if (ok)
			put(b, to, data, n);
		if (ok && done)
			finish(b, to);
	}
	buf_drop(&from->in, at);
	return ok;
}

bool body_move(struct body *b, struct side *from, struct side *to)
{
	size_t n = from->in.len;
	bool ok = true;

	if (b->done || side_waiting(to) >= OUT_HIGH)
		return true;
	if (b->kind == HTTP_BODY_CHUNKED) {
		ok = move_chunked(b, from, to);
	} else {
		if (b->kind == HTTP_BODY_LENGTH && n > b->left)
			n = b->left;
		put(b, to, from->in.data, n);
		buf_drop(&from->in, n);
		b->left -= b->kind == HTTP_BODY_LENGTH ? n : 0;
		if (b->kind == HTTP_BODY_LENGTH && !b->left)
			finish(b, to);
	}
	if (!b->done && from->eof && !from->in.len) {
		if (b->kind != HTTP_BODY_UNTIL_CLOSE || from->broken)
			return false;
		finish(b, to);
	}
	return ok;
}
