/* api_conn_read.c - requests as they come in: head, body (counted or chunked), then the call is
 * served and its answer held until the turn ends. A head is not kept while its body comes: it is
 * parsed again from the bytes, which are. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <knetd/auto.h>

#include "api_conn.h"

static struct http_head head; /* of the request at hand */
static struct http_caller by;
static size_t bodies; /* bytes reserved for large bodies */

static void refuse(struct conn *c, unsigned status, const char *why)
{
	static const struct {
		unsigned status;
		const char *reason;
	} reasons[] = {
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 413, "RequestEntityTooLarge" },
		{ 429, "TooManyRequests" },
	};
	struct call call = { .answer = &c->answer };
	const char *reason = "BadRequest";

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].status == status)
			reason = reasons[i].reason;
	c->answer = (struct http_answer){ .status = status, .content_type = "application/json" };
	c->rests = false;
	c->keep_alive = false; /* where the next request begins is not known */
	c->refused = true;
	status_fail(&call, status, reason, "%s", why);
	if (status == 401)
		buf_str(&c->answer.headers, "WWW-Authenticate: Bearer\r\n");
	conn_hold(c);
}

void conn_forget_request(struct conn *c)
{
	bodies -= c->reserved;
	c->reserved = 0;
	buf_free(&c->body);
	buf_free(&c->answer.body);
	buf_free(&c->answer.headers);
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

/* Who only reads must not see what may yet be undone. */
static bool has_to_wait(void)
{
	return store_pending() && (span_is(head.method, "GET") || span_is(head.method, "HEAD"));
}

static void serve(struct conn *c, const char *body, size_t body_len)
{
	static char path[4096], query[8192], method[33], type[128], accept[512];
	struct http_call call = { .head = &head,
		                  .method = method,
		                  .path = path,
		                  .query = query,
		                  .content_type = type,
		                  .accept = accept,
		                  .body = body,
		                  .body_len = body_len,
		                  .by = by };
	struct call watch = { .http = &call, .answer = &c->answer };
	uint64_t begun = conn_work_begin();
	size_t n;

	if (has_to_wait()) {
		conn_put_aside(c);
		conn_work_end(c, begun); /* a turn puts aside no more than it may serve */
		return;
	}
	copy_span(method, sizeof(method), &head.method, 0);
	copy_span(query, sizeof(query), &head.query, 0);
	copy_span(type, sizeof(type), http_header(&head, "Content-Type"), ';');
	copy_span(accept, sizeof(accept), http_header(&head, "Accept"), 0);
	c->answer = (struct http_answer){ .status = 200, .content_type = "application/json" };
	if (!http_decode(head.path.p, head.path.n, false, path, sizeof(path)) ||
	    head.query.n >= sizeof(query)) {
		refuse(c, 400, "the path or query cannot be read");
		return;
	}
	for (n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = 0;
	if ((target_parse(path, &watch.arena, &watch.target) &&
	     watch_wanted(&call, &watch.target)) ||
	    watch_is_of_kinds(&call)) {
		if (!conn_begin_stream(c, &watch))
			conn_hold(c);
	} else {
		api_serve(&call, &c->answer);
		c->rests = store_pending();
		conn_hold(c);
	}
	arena_free(&watch.arena);
	conn_work_end(c, begun);
}

static size_t body_limit(void)
{
	return span_is(head.path, "/apply") ? API_APPLY_MAX : API_BODY_MAX;
}

/* The head, parsed before, whose bytes may have moved since or made place for another one's. */
static void look_again(struct conn *c)
{
	const char *why;

	http_parse_request(&head, c->in.data, c->head_n, &why);
	guard_check(c, &head, &by, &why);
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

		if (used < 0 || c->body.len + n > c->length) {
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

static void read_counted(struct conn *c)
{
	size_t end = c->head_n + c->length;
	char after;

	if (c->in.len < end)
		return;
	/* Parsers may look at one byte behind: it is NUL while they do. begin_body made room. */
	after = c->in.data[end];
	c->in.data[end] = 0;
	serve(c, c->in.data + c->head_n, c->length);
	if (c->in.data && end < c->in.len)
		c->in.data[end] = after;
}

static void read_body(struct conn *c)
{
	if (c->body_kind == HTTP_BODY_CHUNKED)
		read_chunked(c);
	else
		read_counted(c);
}

void conn_serve_aside(struct conn *c)
{
	c->phase = READ_BODY;
	look_again(c);
	if (c->body_kind == HTTP_BODY_CHUNKED)
		serve(c, c->body.data, c->body.len - 1);
	else
		read_counted(c);
}

/* All that clients together may have in memory is bounded; a small body always finds room. */
static bool reserve(struct conn *c)
{
	if (c->length <= BODY_SMALL)
		return true;
	if (bodies + c->length > BODIES_MAX)
		return false;
	bodies += c->reserved = c->length;
	return true;
}

static void say_continue(struct conn *c)
{
	static char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct iovec iov = { text, sizeof(text) - 1 };

	conn_send(c, &iov, 1);
}

static void begin_body(struct conn *c)
{
	size_t limit = body_limit();

	c->body_kind = head.body;
	c->length = head.body == HTTP_BODY_CHUNKED  ? limit
	            : head.body == HTTP_BODY_LENGTH ? head.length
	                                            : 0;
	if ((head.body == HTTP_BODY_LENGTH && head.length > limit) || !reserve(c)) {
		c->length = 0;
		refuse(c, head.length > limit ? 413 : 429,
		       head.length > limit ? "the body is too large"
		                           : "too many large requests at one time");
		buf_str(&c->answer.headers, head.length > limit ? "" : "Retry-After: 1\r\n");
		return;
	}
	c->phase = READ_BODY;
	c->chunked = (struct http_chunked){ 0 };
	if (head.expect_continue && c->in.len == c->head_n)
		say_continue(c);
	if (head.body != HTTP_BODY_CHUNKED && c->head_n + c->length >= c->in.len) {
		buf_room(&c->in, c->head_n + c->length - c->in.len + 1);
		look_again(c);
	}
	timer_set(&c->timer, BODY_MS);
	read_body(c);
}

void conn_next_request(struct conn *c)
{
	const char *why = "";
	unsigned status;
	int n;

	if (c->phase != READ_HEAD || !c->in.len)
		return;
	n = http_parse_request(&head, c->in.data, c->in.len, &why);
	if (n < 0) {
		refuse(c, -n, why);
		return;
	}
	if (!n)
		return;
	c->head_n = n;
	c->keep_alive = head.keep_alive;
	copy_span(c->method, sizeof(c->method), &head.method, 0);
	status = guard_check(c, &head, &by, &why);
	c->urgent =
		by.door == HTTP_DOOR_UNIX && head.path.n > 5 && !memcmp(head.path.p, "/cni/", 5);
	if (status)
		refuse(c, status, why);
	else
		begin_body(c);
}

/* As much as the body still lacks, at least something. */
static size_t wanted(const struct conn *c)
{
	size_t end = c->head_n + c->length;

	if (c->phase == READ_BODY && c->body_kind != HTTP_BODY_CHUNKED && end > c->in.len)
		return end - c->in.len;
	return c->in.len ? 16384 : 4096;
}

static const char plain_text[] = "HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\n"
				 "Client sent an HTTP request to an HTTPS server.\n";

/* Nothing came: not yet, or never again. */
static void read_nothing(struct conn *c, ssize_t n)
{
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		if (!c->in.len)
			buf_free(&c->in); /* an idle connection holds no memory */
		loop_mod(&c->ev, conn_unsent(c) ? EPOLLIN | EPOLLOUT : EPOLLIN);
		return;
	}
	if (c->tls && tls_peer_speaks_plain(c->tls))
		send(c->ev.fd, plain_text, sizeof(plain_text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	conn_close(c);
}

/* True when there may be more that the socket does not tell. */
static bool read_some(struct conn *c)
{
	size_t want = wanted(c);
	char *room = buf_room(&c->in, want + 1);
	ssize_t n = room ? conn_recv(c, room, want) : 0; /* over in.max: no request is that long */

	if (n <= 0) {
		read_nothing(c, n);
		return false;
	}
	if (!c->in.len && c->phase == READ_HEAD)
		timer_set(&c->timer, HEAD_MS);
	c->in.len += n;
	if (c->phase == READ_BODY) {
		look_again(c);
		read_body(c);
	} else {
		conn_next_request(c);
	}
	return c->tls && (c->phase == READ_HEAD || c->phase == READ_BODY) && tls_pending(c->tls);
}

void conn_read(struct conn *c)
{
	bool shaking = c->tls && !tls_is_open(c->tls);
	uint64_t begun = shaking ? conn_work_begin() : 0;

	if (!conn_may(c))
		return; /* it comes again in the next turn */
	while (read_some(c))
		;
	if (shaking) /* that is work, too */
		conn_work_end(c, begun);
}
