/* proxy_head.c - heads on their way: fields that belong to one hop are taken out (RFC 9110 7.6.1),
 * what the next hop has to know about the client is put in. Client-sent X-Forwarded-* are not
 * believed. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "proxy.h"

/* ---- editing -------------------------------------------------------------------------------- */

struct scratch *scratch_take(void)
{
	static struct scratch s;

	if (!s.text.data)
		buf_room(&s.text, SCRATCH_MAX); /* whole: what points into it stays */
	buf_reset(&s.text);
	return &s;
}

struct span scratch_text(struct scratch *s, const char *p, size_t n)
{
	char *at = s->text.data + s->text.len;

	if (n > SCRATCH_MAX - s->text.len) {
		s->text.failed = true;
		return (struct span){ "", 0 };
	}
	memcpy(at, p, n);
	s->text.len += n;
	return (struct span){ at, n };
}

struct span scratch_printf(struct scratch *s, const char *fmt, ...)
{
	size_t left = SCRATCH_MAX - s->text.len;
	char *at = s->text.data + s->text.len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(at, left, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= left) {
		s->text.failed = true;
		return (struct span){ "", 0 };
	}
	s->text.len += n;
	return (struct span){ at, n };
}

static bool same_name(struct span a, struct span b)
{
	return a.n == b.n && !strncasecmp(a.p, b.p, a.n);
}

void head_remove(struct http_head *h, struct span name)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_headers; i++)
		if (!same_name(h->headers[i].name, name))
			h->headers[n++] = h->headers[i];
	h->n_headers = n;
}

static void append(struct http_head *h, struct scratch *s, struct span name, struct span value)
{
	if (h->n_headers == HTTP_HEADERS_MAX + HTTP_HEADERS_ROOM)
		s->text.failed = true;
	else
		h->headers[h->n_headers++] = (struct http_header){ name, value };
}

void head_set(struct http_head *h, struct scratch *s, struct span name, struct span value)
{
	head_remove(h, name);
	append(h, s, name, scratch_text(s, value.p, value.n));
}

void head_add(struct http_head *h, struct scratch *s, struct span name, struct span value)
{
	for (size_t i = 0; i < h->n_headers; i++) {
		struct http_header *x = &h->headers[i];

		if (!same_name(x->name, name))
			continue;
		x->value = scratch_printf(s, "%.*s,%.*s", (int)x->value.n, x->value.p, (int)value.n,
		                          value.p);
		return;
	}
	append(h, s, name, scratch_text(s, value.p, value.n));
}

/* ---- fields of one hop ---------------------------------------------------------------------- */

static bool is(struct span name, const char *lower)
{
	for (size_t i = 0; i < name.n; i++)
		if ((name.p[i] | 0x20) != lower[i]) /* exact: name is a token */
			return false;
	return true;
}

/* By length first: most fields are none of these. */
static bool hop_by_hop(struct span name)
{
	switch (name.n) {
	case 2:
		return is(name, "te");
	case 7:
		return is(name, "trailer") || is(name, "upgrade");
	case 10:
		return is(name, "connection") || is(name, "keep-alive");
	case 16:
		return is(name, "proxy-connection");
	case 17:
		return is(name, "transfer-encoding");
	case 18:
		return is(name, "proxy-authenticate");
	case 19:
		return is(name, "proxy-authorization");
	}
	return false;
}

/* "Connection: x-secret" takes X-Secret out too; fields that framing needs cannot be taken out so.
 * Of what it mostly says nothing is left to be done. */
static bool names_a_field(struct span token)
{
	switch (token.n) {
	case 4:
		return !is(token, "host");
	case 7:
		return !is(token, "upgrade");
	case 10:
		return !is(token, "keep-alive");
	case 14:
		return !is(token, "content-length");
	}
	return token.n > 0;
}

static void mark_named(const struct http_head *h, struct span list, uint64_t *gone)
{
	struct span token;

	while (span_next_token(&list, &token)) {
		if (!names_a_field(token))
			continue;
		for (size_t i = 0; i < h->n_headers; i++)
			if (same_name(h->headers[i].name, token))
				gone[i / 64] |= 1ull << i % 64;
	}
}

static bool is_connection(struct span name)
{
	return name.n == 10 && is(name, "connection");
}

void head_strip(struct http_head *h)
{
	uint64_t gone[(HTTP_HEADERS_MAX + 63) / 64] = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < h->n_headers; i++) {
		if (!hop_by_hop(h->headers[i].name))
			continue;
		gone[i / 64] |= 1ull << i % 64;
		if (is_connection(h->headers[i].name))
			mark_named(h, h->headers[i].value, gone);
	}
	for (size_t i = 0; i < h->n_headers; i++)
		if (!(gone[i / 64] & 1ull << i % 64))
			h->headers[n++] = h->headers[i];
	h->n_headers = n;
}

/* ---- towards a backend ---------------------------------------------------------------------- */

static bool ours_to_say(struct span name)
{
	if (name.n == 9)
		return is(name, "x-real-ip") || is(name, "forwarded");
	return name.n > 12 && is((struct span){ name.p, 12 }, "x-forwarded-");
}

/* Servers that make variables of fields (CGI, WSGI, PHP) cannot tell X_Real_IP from X-Real-IP. gRPC
 * servers can, and their users have underscores in names: there only what would pass for ours is
 * left out. */
static bool underscored(struct span name, bool grpc)
{
	char dashed[32];
	size_t n = name.n < sizeof(dashed) ? name.n : sizeof(dashed);

	if (!memchr(name.p, '_', name.n))
		return false;
	for (size_t i = 0; i < n; i++)
		dashed[i] = name.p[i] == '_' ? '-' : name.p[i];
	return !grpc || ours_to_say((struct span){ dashed, n });
}

void head_forward(struct http_head *h, const struct exchange *x, struct scratch *s)
{
	static const struct span http = { "http", 4 }, https = { "https", 5 };
	const struct arrival *a = x->arrival;
	const struct span *upgrade = h->upgrade ? http_header(h, "upgrade") : NULL;
	struct span to = upgrade ? *upgrade : (struct span){ "", 0 }, ip = { a->ip, strlen(a->ip) };
	bool grpc = x->grpc || (x->action && x->action->grpc);
	size_t n = 0;

	head_strip(h);
	for (size_t i = 0; i < h->n_headers; i++)
		if (!ours_to_say(h->headers[i].name) && !underscored(h->headers[i].name, grpc))
			h->headers[n++] = h->headers[i];
	h->n_headers = n;
	if (upgrade) {
		append(h, s, (struct span){ "Connection", 10 }, (struct span){ "upgrade", 7 });
		append(h, s, (struct span){ "Upgrade", 7 }, to);
	}
	append(h, s, (struct span){ "X-Forwarded-For", 15 }, ip);
	append(h, s, (struct span){ "X-Real-IP", 9 }, ip);
	append(h, s, (struct span){ "X-Forwarded-Proto", 17 }, a->tls ? https : http);
	append(h, s, (struct span){ "X-Forwarded-Host", 16 }, h->host);
	append(h, s, (struct span){ "X-Forwarded-Port", 16 },
	       (struct span){ a->port, strlen(a->port) });
}

static void put_span(struct buf *out, struct span s)
{
	buf_add(out, s.p, s.n);
}

/* What came as "Name: value" and may leave so, from the name on; 0: not in one piece. */
static size_t in_one_piece(const struct http_header *f)
{
	const char *colon = f->name.p + f->name.n;

	return f->value.p == colon + 2 && colon[0] == ':' && colon[1] == ' '
	               ? f->name.n + 2 + f->value.n
	               : 0;
}

static bool follows(const char *end, const struct http_header *next)
{
	return next->name.p == end + 2 && end[0] == '\r' && end[1] == '\n';
}

static void put_field(struct buf *out, const struct http_header *f)
{
	char *p = buf_room(out, f->name.n + f->value.n + 4);

	if (!p)
		return;
	memcpy(p, f->name.p, f->name.n);
	p += f->name.n;
	*p++ = ':';
	*p++ = ' ';
	if (f->value.n)
		memcpy(p, f->value.p, f->value.n);
	p += f->value.n;
	*p++ = '\r';
	*p++ = '\n';
	out->len += f->name.n + f->value.n + 4;
}

/* Most fields leave as they came, one behind the other: a run of them is copied at once. */
void head_fields(struct buf *out, const struct http_head *h)
{
	for (size_t i = 0; i < h->n_headers; i++) {
		const char *start = h->headers[i].name.p, *end;
		size_t n = in_one_piece(&h->headers[i]);

		if (!n) {
			put_field(out, &h->headers[i]);
			continue;
		}
		end = start + n;
		while (i + 1 < h->n_headers && follows(end, &h->headers[i + 1]) &&
		       (n = in_one_piece(&h->headers[i + 1])))
			end = h->headers[++i].name.p + n;
		buf_add(out, start, (size_t)(end - start));
		buf_add(out, "\r\n", 2);
	}
}

void head_request(struct buf *out, const struct http_head *h)
{
	put_span(out, h->method);
	buf_add(out, " ", 1);
	put_span(out, h->path);
	if (h->query.p) {
		buf_add(out, "?", 1);
		put_span(out, h->query);
	}
	buf_str(out, " HTTP/1.1\r\n");
	if (!http_header(h, "host")) /* HTTP/1.0, HTTP/2, absolute-form alone, or another one */
		buf_printf(out, "Host: %.*s%s%.*s\r\n", (int)h->host.n, h->host.p ? h->host.p : "",
		           h->host_port.n ? ":" : "", (int)h->host_port.n,
		           h->host_port.n ? h->host_port.p : "");
	head_fields(out, h);
	if (h->body == HTTP_BODY_CHUNKED)
		buf_str(out, "Transfer-Encoding: chunked\r\n");
	buf_add(out, "\r\n", 2);
}

void head_chunk(struct buf *out, size_t n)
{
	char text[20], *p = text + sizeof(text);

	*--p = '\n';
	*--p = '\r';
	do
		*--p = "0123456789abcdef"[n & 15];
	while (n >>= 4);
	buf_add(out, p, text + sizeof(text) - p);
}

void head_last_chunk(struct buf *out, const struct http_header *trailers, size_t n)
{
	buf_str(out, "0\r\n");
	for (size_t i = 0; i < n; i++) {
		put_span(out, trailers[i].name);
		buf_add(out, ": ", 2);
		put_span(out, trailers[i].value);
		buf_add(out, "\r\n", 2);
	}
	buf_add(out, "\r\n", 2);
}
