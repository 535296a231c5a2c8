/* api_conn_write.c - answers and watch streams on their way out. A reader that stands still is cut
 * off; what waits for it is bounded. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "api_conn.h"

#define STREAM_MAX (8 << 20) /* a watch stops far below, but for one large event */
#define LINGER_MS 2000
#define LINGER_MAX (API_APPLY_MAX + (1 << 20)) /* bytes thrown away behind a refusal */

/* A refusal is written while the request still comes: closing at once would throw the answer away
 * with it (RFC 9112 9.6). */
static void linger(struct conn *c)
{
	if (c->tls)
		tls_end(c->tls, c->ev.fd);
	shutdown(c->ev.fd, SHUT_WR);
	buf_free(&c->in);
	c->phase = LINGER;
	timer_set(&c->timer, LINGER_MS);
	loop_mod(&c->ev, EPOLLIN);
}

void conn_throw_away(struct conn *c)
{
	static char waste[65536];
	ssize_t n = recv(c->ev.fd, waste, sizeof(waste), MSG_DONTWAIT);

	if (n > 0)
		c->thrown_away += n;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || c->thrown_away > LINGER_MAX)
		conn_close(c);
}

static void answered(struct conn *c)
{
	size_t used = c->head_n + (c->body_kind == HTTP_BODY_LENGTH ? c->length : 0);

	if (c->refused) {
		linger(c);
		return;
	}
	if (!c->keep_alive) {
		conn_close(c);
		return;
	}
	buf_drop(&c->in, used < c->in.len ? used : c->in.len);
	buf_free(&c->out);
	conn_forget_request(c);
	if (!c->in.len)
		buf_free(&c->in); /* an idle connection holds no memory */
	c->sent = 0;
	c->phase = READ_HEAD;
	timer_set(&c->timer, c->in.len ? HEAD_MS : IDLE_MS);
	loop_mod(&c->ev, EPOLLIN);
	conn_next_request(c);
	if (c->phase == READ_HEAD && c->tls && tls_pending(c->tls)) /* the socket does not tell */
		conn_read(c);
}

/* Progress gives more time, up to an end: a reader that sips keeps no place for good. */
static void write_timer(struct conn *c)
{
	uint64_t left = c->write_end > loop_now() ? c->write_end - loop_now() : 0;

	timer_set(&c->timer, left < WRITE_MS ? left : WRITE_MS);
}

void conn_write(struct conn *c)
{
	size_t head = c->sent < c->out.len ? c->out.len - c->sent : 0;
	size_t body_at = c->sent > c->out.len ? c->sent - c->out.len : 0;
	struct iovec iov[2] = {
		{ c->out.data + c->sent, head },
		{ c->answer.body.data + body_at, c->answer.body.len - body_at },
	};
	ssize_t n = conn_send(c, head ? iov : iov + 1, head ? 2 : 1);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		conn_close(c);
		return;
	}
	if (n > 0) {
		c->sent += n;
		write_timer(c);
	}
	if (c->sent == c->out.len + c->answer.body.len && !conn_unsent(c))
		answered(c);
	else
		loop_mod(&c->ev, EPOLLOUT);
}

/* Half a list is no list. */
static void too_large(struct conn *c)
{
	struct call call = { .answer = &c->answer };

	buf_free(&c->answer.body);
	buf_free(&c->answer.headers);
	c->answer.body.failed = c->answer.headers.failed = false;
	status_fail(&call, 500, "InternalError", "the answer is larger than %zu bytes", BUF_MAX);
}

void conn_flush(struct conn *c)
{
	struct buf *o = &c->out;
	bool head = !strcmp(c->method, "HEAD");

	c->keep_alive &= !c->tls || !conns_leaving();
	if (c->answer.body.failed || c->answer.headers.failed)
		too_large(c);
	buf_reset(o);
	buf_printf(o, "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nCache-Control: no-cache, private\r\n",
	           c->answer.status, http_reason(c->answer.status), c->answer.content_type);
	if (c->answer.status != 304) /* which has no body, whatever it stands for */
		buf_printf(o, "Content-Length: %zu\r\n", c->answer.body.len);
	buf_add(o, c->answer.headers.data, c->answer.headers.len);
	buf_str(o, c->keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
	if (head)
		buf_reset(&c->answer.body);
	metrics_request((struct span){ c->method, strlen(c->method) }, c->answer.status);
	c->phase = WRITE;
	c->sent = 0;
	c->write_end = loop_now() + WRITE_TOTAL_MS;
	write_timer(c);
	conn_write(c);
}

/* ---- streams -------------------------------------------------------------------------------- */

void conn_stream_write(struct conn *c)
{
	size_t left = c->out.len - c->sent;
	struct iovec iov = { c->out.data + c->sent, left };
	ssize_t n = left ? conn_send(c, &iov, 1) : 0;

	if ((n < 0 && errno != EAGAIN && errno != EINTR) ||
	    (n == (ssize_t)left && c->ended && !conn_unsent(c))) {
		conn_close(c);
		return;
	}
	c->sent += n > 0 ? n : 0;
	/* not at every send: a long stream would be moved again and again */
	if (c->sent * 2 >= c->out.len) {
		buf_drop(&c->out, c->sent);
		c->sent = 0;
	}
	if (!c->out.len)
		buf_free(&c->out); /* an idle watch holds no memory */
	if (!c->out.len && !conn_unsent(c))
		timer_del(&c->timer);
	else if (n > 0 || !c->timer.heap)
		timer_set(&c->timer, WRITE_MS);
	loop_mod(&c->ev, c->out.len || conn_unsent(c) ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

size_t conn_stream_queued(const struct conn *c)
{
	return c->out.len - c->sent;
}

/* An HTTP/1.0 client knows no chunks: its stream ends with the connection. */
bool conn_stream(struct conn *c, const char *p, size_t n)
{
	if (c->ended || c->out.failed || conn_stream_queued(c) + n > STREAM_MAX)
		return false;
	if (!c->plain_stream)
		buf_printf(&c->out, "%zx\r\n", n);
	buf_add(&c->out, p, n);
	if (!c->plain_stream)
		buf_str(&c->out, "\r\n");
	if (!(c->ev.mask & EPOLLOUT)) /* else the socket says when */
		conn_stream_ready(c);
	return !c->out.failed;
}

void conn_stream_end(struct conn *c)
{
	if (c->ended)
		return;
	if (!c->plain_stream)
		buf_str(&c->out, "0\r\n\r\n");
	c->ended = true;
	conn_stream_ready(c);
	loop_again();
}

bool conn_begin_stream(struct conn *c, struct call *call)
{
	c->plain_stream = call->http->head->minor == 0;
	c->ended = false;
	c->sent = 0;
	c->watch = watch_start(c, call);
	if (!c->watch)
		return false;
	buf_printf(&c->out,
	           "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%sConnection: close\r\n"
	           "Cache-Control: no-cache, private\r\n\r\n",
	           c->plain_stream ? "" : "Transfer-Encoding: chunked\r\n");
	c->phase = STREAM;
	timer_del(&c->timer);
	metrics_request((struct span){ "WATCH", 5 }, 200);
	conn_forget_request(c);
	buf_free(&c->in); /* nothing of the request is needed any more */
	conn_stream_ready(c);
	return true;
}
