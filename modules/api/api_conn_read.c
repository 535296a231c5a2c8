/* api_conn_read.c - requests as they come in: head, body (counted or chunked), then the call is
 * served and its answer held until the turn ends. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "api_conn.h"

static void hold(struct conn *c)
{
	c->phase = HELD;
	loop_mod(&c->ev, EPOLLRDHUP);
	timer_del(&c->timer);
	loop_again();
}

static void refuse(struct conn *c, unsigned status, const char *why)
{
	struct call call = { .answer = &c->answer };

	c->answer = (struct http_answer){ .status = status, .content_type = "application/json" };
	c->keep_alive = false; /* where the next request begins is not known */
	c->refused = true;
	status_fail(&call, status, status == 413 ? "RequestEntityTooLarge" : "BadRequest", "%s",
	            why);
	hold(c);
}

/* A browser page must not reach this API through its user's loopback (DNS rebinding, CSRF). */
static const char *browser_trouble(const struct conn *c)
{
	struct span h = c->head.host;

	if (!c->tcp)
		return NULL;
	if (http_header(&c->head, "Origin"))
		return "requests from web pages are refused";
	if (!span_is_nocase(h, "localhost") && !span_is(h, "127.0.0.1") && !span_is(h, "[::1]"))
		return "the Host header has to be localhost, 127.0.0.1 or [::1]";
	return NULL;
}

static size_t copy_span(char *out, size_t size, const struct span *s, char stop)
{
	size_t n = 0;

	for (; s && n < s->n && n + 1 < size && s->p[n] != stop; n++)
		out[n] = s->p[n];
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = 0;
	return n;
}

static void serve(struct conn *c, const char *body, size_t body_len)
{
	static char path[4096], query[8192], method[33], type[128], accept[512];
	struct http_call call = { .head = &c->head,
		                  .method = method,
		                  .path = path,
		                  .query = query,
		                  .content_type = type,
		                  .accept = accept,
		                  .body = body,
		                  .body_len = body_len,
		                  .uid = c->uid };
	struct call watch = { .http = &call, .answer = &c->answer };
	size_t n;

	copy_span(method, sizeof(method), &c->head.method, 0);
	copy_span(query, sizeof(query), &c->head.query, 0);
	copy_span(type, sizeof(type), http_header(&c->head, "Content-Type"), ';');
	copy_span(accept, sizeof(accept), http_header(&c->head, "Accept"), 0);
	c->answer = (struct http_answer){ .status = 200, .content_type = "application/json" };
	if (!http_decode(c->head.path.p, c->head.path.n, false, path, sizeof(path)) ||
	    c->head.query.n >= sizeof(query)) {
		refuse(c, 400, "the path or query cannot be read");
		return;
	}
	for (n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = 0;
	if (target_parse(path, &watch.arena, &watch.target) && watch_wanted(&call, &watch.target)) {
		if (!conn_begin_stream(c, &watch))
			hold(c);
		else
			loop_again();
	} else {
		api_serve(&call, &c->answer);
		hold(c);
	}
	arena_free(&watch.arena);
}

static size_t body_limit(const struct conn *c)
{
	return span_is(c->head.path, "/apply") ? API_APPLY_MAX : API_BODY_MAX;
}

/* What is decoded is taken out of `in`, which so stays as small as what is not. */
static void read_chunked(struct conn *c)
{
	char *from = c->in.data + c->head_n;
	size_t at = 0, have = c->in.len - c->head_n;
	bool done = false;

	while (!done && at < have) {
		const char *data;
		size_t n;
		long used = http_chunked(&c->chunked, from + at, have - at, &data, &n, &done);

		if (used < 0 || c->body.len + n > body_limit(c)) {
			refuse(c, used < 0 ? 400 : 413,
			       used < 0 ? "broken chunked body" : "the body is too large");
			return;
		}
		if (!used)
			break;
		buf_add(&c->body, data, n);
		at += used;
	}
	memmove(from, from + at, have - at);
	c->in.len -= at;
	if (!done)
		return;
	buf_add(&c->body, "", 1);
	serve(c, c->body.data, c->body.len - 1);
}

static void read_body(struct conn *c)
{
	size_t end;
	char after;

	if (c->head.body == HTTP_BODY_CHUNKED) {
		read_chunked(c);
		return;
	}
	end = c->head_n + c->head.length;
	if (c->in.len < end)
		return;
	buf_room(&c->in, 1); /* parsers may look at one byte behind: it is NUL while they do */
	after = c->in.data[end];
	c->in.data[end] = 0;
	serve(c, c->in.data + c->head_n, c->head.length);
	if (c->phase != FREE && end < c->in.len)
		c->in.data[end] = after;
}

/* Spans of the head point into in.data: room for the whole body is made before it is parsed again.
 */
static void begin_body(struct conn *c)
{
	const char *why;
	size_t need = c->head.body == HTTP_BODY_LENGTH ? c->head.length : 0;

	if (need > body_limit(c)) {
		refuse(c, 413, "the body is too large");
		return;
	}
	if (need + c->head_n > c->in.len) {
		buf_room(&c->in, need + c->head_n - c->in.len + 1);
		http_parse_request(&c->head, c->in.data, c->in.len, &why);
	}
	c->phase = READ_BODY;
	c->chunked = (struct http_chunked){ 0 };
	timer_set(&c->timer, BODY_MS);
	if (c->head.expect_continue && c->in.len == c->head_n)
		send(c->ev.fd, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL | MSG_DONTWAIT);
	read_body(c);
}

void conn_next_request(struct conn *c)
{
	const char *why = "";
	int n;

	if (c->phase != READ_HEAD || !c->in.len)
		return;
	n = http_parse_request(&c->head, c->in.data, c->in.len, &why);
	if (n < 0) {
		refuse(c, -n, why);
		return;
	}
	if (!n)
		return;
	c->head_n = n;
	c->keep_alive = c->head.keep_alive;
	why = browser_trouble(c);
	if (why)
		refuse(c, 403, why);
	else
		begin_body(c);
}

void conn_read(struct conn *c)
{
	size_t want = c->phase == READ_BODY && c->head.body == HTTP_BODY_LENGTH &&
	                              c->head_n + c->head.length > c->in.len
	                      ? c->head_n + c->head.length - c->in.len
	                      : 16384;
	char *before = c->in.data, *room = buf_room(&c->in, want + 1);
	const char *why;
	ssize_t n;

	if (!room) {
		conn_close(c); /* over in.max: no request is that long */
		return;
	}
	n = recv(c->ev.fd, room, want, MSG_DONTWAIT);
	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			conn_close(c);
		return;
	}
	if (!c->in.len && c->phase == READ_HEAD)
		timer_set(&c->timer, HEAD_MS);
	c->in.len += n;
	if (c->phase == READ_BODY) {
		if (c->in.data != before)
			http_parse_request(&c->head, c->in.data, c->in.len, &why);
		read_body(c);
	} else {
		conn_next_request(c);
	}
}
