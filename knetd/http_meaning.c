/* http_meaning.c - what the fields of a head say: how long the body is, whose the request is,
 * whether the connection lives on. Strict: see http.c. */
#include <string.h>
#include <strings.h>

#include <knetd/ip.h>

#include "http_int.h"

#define HOST_MAX 255

/* name is a token, so that this is exact. */
static bool is(struct span name, const char *lower)
{
	for (size_t i = 0; i < name.n; i++)
		if ((name.p[i] | 0x20) != lower[i])
			return false;
	return true;
}

static void note_connection(struct http_fields *f, struct span value)
{
	struct span token;

	while (span_next_token(&value, &token)) {
		f->close |= token.n == 5 && is(token, "close");
		f->keep |= token.n == 10 && is(token, "keep-alive");
		f->upgrade |= token.n == 7 && is(token, "upgrade");
	}
}

void http_note_field(struct http_fields *f, const struct http_header *x)
{
	switch (x->name.n) { /* most fields are none of these: no comparison then */
	case 4:
		if (is(x->name, "host")) {
			f->hosts++;
			f->host = x->value;
		}
		break;
	case 6:
		if (is(x->name, "expect"))
			f->expect_continue = span_is_nocase(x->value, "100-continue");
		break;
	case 7:
		/* to h2c: requests that follow in there would be nobody's to judge */
		f->has_upgrade |= is(x->name, "upgrade") && !span_has_token(x->value, "h2c");
		break;
	case 10:
		if (is(x->name, "connection"))
			note_connection(f, x->value);
		break;
	case 14:
		if (is(x->name, "content-length")) {
			f->lengths++;
			f->length = x->value;
		}
		break;
	case 17:
		if (is(x->name, "transfer-encoding")) {
			f->encodings++;
			f->encoding = x->value;
		}
		break;
	}
}

static bool parse_length(struct span s, uint64_t *out)
{
	*out = 0;
	if (!s.n || s.n > 18)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		*out = *out * 10 + (s.p[i] - '0');
	}
	return true;
}

/* RFC 9112 6.3, without the ways to recover that it allows. */
static const char *frame(struct http_head *h, const struct http_fields *f)
{
	h->body = HTTP_BODY_NONE;
	h->keep_alive = h->minor ? !f->close : f->keep && !f->close;
	h->upgrade = f->upgrade && f->has_upgrade && h->minor;
	h->expect_continue = f->expect_continue;
	if (f->encodings && f->lengths)
		return "both Transfer-Encoding and Content-Length";
	if (f->encodings > 1 || f->lengths > 1)
		return "a body length given twice";
	if (f->encodings) {
		if (!h->minor)
			return "Transfer-Encoding in HTTP/1.0";
		if (!span_is_nocase(f->encoding, "chunked"))
			return "a Transfer-Encoding other than chunked";
		h->body = HTTP_BODY_CHUNKED;
	} else if (f->lengths) {
		if (!parse_length(f->length, &h->length))
			return "bad Content-Length";
		h->body = h->length ? HTTP_BODY_LENGTH : HTTP_BODY_NONE;
	}
	return NULL;
}

/* ---- whose the request is ----------------------------------------------------------------------
 */

static bool is_ipv6(const char *p, size_t n)
{
	char text[IP_TEXT];
	struct ip ip;

	if (n >= sizeof(text))
		return false;
	memcpy(text, p, n);
	text[n] = '\0';
	return ip_parse(&ip, text) && ip.len == 16;
}

/* Letters, digits, '-', '_' and single dots between them; one dot may end it. Returns the first
 * byte that is not of it, NULL for an empty label. */
static const char *skip_name(const char *p, const char *end)
{
	const char *start = p;

	for (; p < end; p++) {
		if (*p == '.' && (p == start || p[-1] == '.'))
			return NULL;
		if (!((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z') && !(*p >= '0' && *p <= '9') &&
		    *p != '-' && *p != '.' && *p != '_')
			break;
	}
	return p;
}

static bool is_port(struct span s)
{
	unsigned n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (i == 5 || s.p[i] < '0' || s.p[i] > '9')
			return false;
		n = n * 10 + (unsigned)(s.p[i] - '0');
	}
	return n <= 65535;
}

bool http_split_host(struct span s, struct span *host, struct span *port)
{
	const char *end = s.p + s.n, *p;

	if (s.n && s.p[0] == '[') {
		p = memchr(s.p, ']', s.n);
		if (!p || !is_ipv6(s.p + 1, p - s.p - 1))
			return false;
		p++;
	} else {
		p = skip_name(s.p, end);
		if (!p || p - s.p > HOST_MAX)
			return false;
	}
	*host = (struct span){ s.p, p - s.p };
	*port = (struct span){ end, 0 };
	if (p == end)
		return true;
	if (*p != ':' || !host->n)
		return false;
	*port = (struct span){ p + 1, end - p - 1 };
	return is_port(*port);
}

/* origin-form, absolute-form or "*" (with OPTIONS); CONNECT would have us be a way into the pods'
 * network. In absolute-form *authority is what stands where Host's value should repeat it. */
static const char *read_target(struct http_head *h, struct span *authority)
{
	struct span t = h->path;
	const char *slash;

	if (span_is(h->method, "CONNECT"))
		return "CONNECT is not served here";
	if (t.n && t.p[0] == '/')
		return NULL;
	if (span_is(h->target, "*") && span_is(h->method, "OPTIONS"))
		return NULL;
	if (t.n < 7 || strncasecmp(t.p, "http://", 7) != 0)
		return "neither a path nor an http URL";
	t.p += 7;
	t.n -= 7;
	slash = memchr(t.p, '/', t.n);
	if (!slash)
		return "an absolute URL without a path";
	*authority = (struct span){ t.p, slash - t.p };
	h->path = (struct span){ slash, t.p + t.n - slash };
	return authority->n ? NULL : "an absolute URL without a host";
}

static const char *read_host(struct http_head *h, const struct http_fields *f,
                             struct span authority)
{
	struct span s = f->host;

	if (f->hosts > 1)
		return "more than one Host";
	if (!f->hosts && h->minor)
		return "no Host";
	if (authority.n) {
		if (f->hosts && (authority.n != s.n || strncasecmp(authority.p, s.p, s.n) != 0))
			return "Host is not that of the request target";
		s = authority;
	}
	if (!s.p)
		return NULL;
	return http_split_host(s, &h->host, &h->host_port) ? NULL : "bad Host";
}

const char *http_read_request(struct http_head *h, const struct http_fields *f)
{
	struct span authority = { 0 };
	const char *why = read_target(h, &authority);

	if (!why)
		why = read_host(h, f, authority);
	return why ? why : frame(h, f);
}

const char *http_read_response(struct http_head *h, const struct http_fields *f, bool head_request)
{
	const char *why = frame(h, f);

	if (why)
		return why;
	if (head_request || h->status < 200 || h->status == 204 || h->status == 304) {
		h->body = HTTP_BODY_NONE;
	} else if (!f->encodings && !f->lengths) {
		h->body = HTTP_BODY_UNTIL_CLOSE;
		h->keep_alive = false;
	}
	return NULL;
}
