/* http.c - heads of HTTP/1.1 messages; see http.h.
 *
 * Strictness is the point: whatever two parsers could read differently is refused, because a proxy
 * in front of a server with another opinion is how requests are smuggled (RFC 9112, 11.2). So: CRLF
 * only, no folding, no space before a colon, one length and only one way to say it, a Host that is
 * one. http_meaning.c judges what the fields say.
 *
 * One pass over the bytes: this is done for each request and each answer of the proxy. */
#include <string.h>
#include <stddef.h>

#include <knetd/http.h>

#include "http_int.h"

#define METHOD_MAX 32
#define TARGET_MAX 8192

/* RFC 9110 5.6.2 token; RFC 3986 characters of a path; of a query, where browsers leave some more
 * as they are (WHATWG URL, "query percent-encode set"); field values (obs-text allowed). */
enum { TOKEN = 1, PATH = 2, QUERY = 4, VALUE = 8 };
#define IN_URL (PATH | QUERY | VALUE)
// clang-format off
static const uint8_t classes[256] = {
	[0x20] = VALUE, ['\t'] = VALUE, [0x80 ... 0xff] = VALUE,
	['0' ... '9'] = TOKEN | IN_URL, ['A' ... 'Z'] = TOKEN | IN_URL, ['a' ... 'z'] = TOKEN | IN_URL,
	['!'] = TOKEN | IN_URL, ['"'] = VALUE, ['#'] = TOKEN | VALUE, ['$'] = TOKEN | IN_URL, ['%'] = TOKEN | IN_URL,
	['&'] = TOKEN | IN_URL, ['\''] = TOKEN | IN_URL, ['('] = IN_URL, [')'] = IN_URL, ['*'] = TOKEN | IN_URL,
	['+'] = TOKEN | IN_URL, [','] = IN_URL, ['-'] = TOKEN | IN_URL, ['.'] = TOKEN | IN_URL, ['/'] = IN_URL,
	[':'] = IN_URL, [';'] = IN_URL, ['<'] = VALUE, ['='] = IN_URL, ['>'] = VALUE, ['?'] = QUERY | VALUE,
	['@'] = IN_URL, ['['] = IN_URL, ['\\'] = QUERY | VALUE, [']'] = IN_URL, ['^'] = TOKEN | QUERY | VALUE,
	['_'] = TOKEN | IN_URL, ['`'] = TOKEN | QUERY | VALUE, ['{'] = QUERY | VALUE, ['|'] = TOKEN | QUERY | VALUE,
	['}'] = QUERY | VALUE, ['~'] = TOKEN | IN_URL,
};
// clang-format on

static const char *skip(const char *p, const char *end, unsigned is)
{
	while (p < end && classes[(unsigned char)*p] & is)
		p++;
	return p;
}

/* No byte of these eight is below 0x20 or 0x7f? */
static bool eight_plain(const char *p)
{
	const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
	uint64_t x, del;

	memcpy(&x, p, sizeof(x));
	del = x ^ (ones * 0x7f);
	return !((((x - ones * 0x20) & ~x) | ((del - ones) & ~del)) & highs);
}

static const char *skip_value(const char *p, const char *end)
{
	while (end - p >= 8 && eight_plain(p))
		p += 8;
	return skip(p, end, VALUE);
}

/* ---- lines ---------------------------------------------------------------------------------- */

struct reader {
	const char *p, *end;
	const char *why;
};

/* Of the three below: 1 it was there, 0 more bytes are needed, otherwise minus the status. */

static int refuse(struct reader *r, int status, const char *why)
{
	r->why = why;
	return -status;
}

/* The CRLF at p, behind what may stand before it. */
static int line_end(struct reader *r, const char *p)
{
	if (p == r->end)
		return 0;
	if (*p == '\n')
		return refuse(r, 400, "line ends in a bare LF");
	if (*p != '\r')
		return refuse(r, 400, "control character in the head");
	if (p + 1 == r->end)
		return 0;
	if (p[1] != '\n')
		return refuse(r, 400, "bare CR in the head");
	r->p = p + 2;
	return 1;
}

static int no_name(struct reader *r, const char *start, const char *p)
{
	if (p == start && (*p == ' ' || *p == '\t'))
		return refuse(r, 400, "folded header");
	if (*p == ':' || *p == '\r' || *p == '\n')
		return refuse(r, 400, "header without a name");
	return refuse(r, 400, "bad character in a header's name");
}

static int parse_field(struct reader *r, struct http_header *out)
{
	const char *start = r->p, *p = skip(start, r->end, TOKEN), *last;
	int ret;

	if (p == r->end)
		return 0;
	if (*p != ':' || p == start)
		return no_name(r, start, p);
	out->name = (struct span){ start, p - start };
	for (p++; p < r->end && (*p == ' ' || *p == '\t'); p++)
		;
	start = p;
	last = p = skip_value(p, r->end);
	ret = line_end(r, p);
	while (last > start && (last[-1] == ' ' || last[-1] == '\t'))
		last--;
	out->value = (struct span){ start, last - start };
	return ret;
}

static int parse_fields(struct reader *r, struct http_head *h, struct http_fields *f)
{
	int ret;

	while (r->p < r->end && *r->p != '\r') {
		if (h->n_headers == HTTP_HEADERS_MAX)
			return refuse(r, 431, "too many headers");
		ret = parse_field(r, &h->headers[h->n_headers]);
		if (ret != 1)
			return ret;
		http_note_field(f, &h->headers[h->n_headers++]);
	}
	return line_end(r, r->p);
}

/* Too long for a head that is still not whole? */
static int need_more(struct reader *r, size_t n)
{
	return n < HTTP_HEAD_MAX ? 0 : refuse(r, 431, "head too large");
}

/* ---- requests ------------------------------------------------------------------------------- */

/* "HTTP/1.x"; returns 1 or minus the status. */
static int parse_version(struct reader *r, const char *p, unsigned *minor)
{
	if (memcmp(p, "HTTP/", 5) != 0 || p[6] != '.' || p[5] < '0' || p[5] > '9' || p[7] < '0' ||
	    p[7] > '9')
		return refuse(r, 400, "bad request line");
	if (p[5] != '1' || p[7] > '1')
		return refuse(r, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	*minor = p[7] - '0';
	return 1;
}

static int parse_method(struct reader *r, struct http_head *h)
{
	const char *p = skip(r->p, r->end, TOKEN);

	h->method = (struct span){ r->p, p - r->p };
	if (h->method.n > METHOD_MAX || (p < r->end && (*p != ' ' || p == r->p)))
		return refuse(r, 400, "bad request line");
	if (p == r->end)
		return 0;
	r->p = p + 1;
	return 1;
}

/* Path and query apart; http_read_target looks for what stands before the path. */
static int parse_target(struct reader *r, struct http_head *h)
{
	const char *start = r->p, *p = skip(start, r->end, PATH);

	h->path = (struct span){ start, p - start };
	if (p < r->end && *p == '?') {
		const char *query = p + 1;

		p = skip(query, r->end, QUERY);
		h->query = (struct span){ query, p - query };
	}
	h->target = (struct span){ start, p - start };
	if (h->target.n > TARGET_MAX)
		return refuse(r, 414, "request target too long");
	if (p == r->end)
		return 0;
	if (*p != ' ')
		return refuse(r, 400, "bad character in the request target");
	if (p == start)
		return refuse(r, 400, "bad request line");
	r->p = p + 1;
	return 1;
}

static int parse_request_line(struct reader *r, struct http_head *h)
{
	int ret = parse_method(r, h);

	if (ret == 1)
		ret = parse_target(r, h);
	if (ret != 1)
		return ret;
	if (r->end - r->p < 8)
		return memchr(r->p, '\n', r->end - r->p) ? refuse(r, 400, "bad request line") : 0;
	ret = parse_version(r, r->p, &h->minor);
	return ret == 1 ? line_end(r, r->p + 8) : ret;
}

static void head_reset(struct http_head *h, bool request)
{
	memset(h, 0, offsetof(struct http_head, headers));
	h->request = request;
}

int http_parse_request(struct http_head *h, const char *p, size_t n, const char **why)
{
	struct reader r = { .p = p, .end = p + (n < HTTP_HEAD_MAX ? n : HTTP_HEAD_MAX) };
	struct http_fields f = { 0 };
	int ret;

	head_reset(h, true);
	*why = NULL;
	/* RFC 9112 2.2: an empty line or two before the request line is forgiven */
	for (int i = 0; i < 2 && r.end - r.p >= 2 && r.p[0] == '\r' && r.p[1] == '\n'; i++)
		r.p += 2;
	if (r.end - r.p < 2 && (r.p == r.end || r.p[0] == '\r'))
		return 0;
	ret = parse_request_line(&r, h);
	if (ret == 1)
		ret = parse_fields(&r, h, &f);
	if (ret == 0)
		ret = need_more(&r, n);
	if (ret != 1) {
		*why = r.why;
		return ret;
	}
	*why = http_read_request(h, &f);
	return *why ? -400 : (int)(r.p - p);
}

static const char *check_target(struct http_head *h)
{
	const char *end = h->target.p + h->target.n, *p = skip(h->target.p, end, PATH);

	h->path = (struct span){ h->target.p, p - h->target.p };
	if (p < end && *p == '?') {
		h->query = (struct span){ p + 1, end - p - 1 };
		p = skip(p + 1, end, QUERY);
	}
	return p < end ? "bad character in the request target" : NULL;
}

int http_check_request(struct http_head *h, const char **why)
{
	const char *end = h->method.p + h->method.n;
	struct http_fields f = { 0 };

	*why = NULL;
	if (!h->method.n || h->method.n > METHOD_MAX || skip(h->method.p, end, TOKEN) != end)
		*why = "bad method";
	else if (h->target.n > TARGET_MAX)
		*why = "request target too long";
	if (*why)
		return h->target.n > TARGET_MAX ? -414 : -400;
	for (size_t i = 0; i < h->n_headers; i++)
		http_note_field(&f, &h->headers[i]);
	*why = check_target(h);
	if (!*why)
		*why = http_read_request(h, &f);
	return *why ? -400 : 0;
}

/* ---- responses ------------------------------------------------------------------------------ */

static int parse_status_line(struct reader *r, struct http_head *h)
{
	const char *p = r->p;
	size_t n = r->end - p;

	if (n < 13)
		return memchr(p, '\n', n) ? -502 : 0;
	if (parse_version(r, p, &h->minor) != 1 || p[8] != ' ')
		return -502;
	for (int i = 9; i < 12; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -502;
		h->status = h->status * 10 + (p[i] - '0');
	}
	if (h->status < 100 || h->status > 599 || (p[12] != ' ' && p[12] != '\r'))
		return -502;
	h->reason.p = p[12] == ' ' ? p + 13 : p + 12;
	p = skip_value(h->reason.p, r->end);
	h->reason.n = p - h->reason.p;
	return line_end(r, p);
}

int http_parse_response(struct http_head *h, const char *p, size_t n, bool head_request,
                        const char **why)
{
	struct reader r = { .p = p, .end = p + (n < HTTP_HEAD_MAX ? n : HTTP_HEAD_MAX) };
	struct http_fields f = { 0 };
	int ret;

	head_reset(h, false);
	ret = parse_status_line(&r, h);
	if (ret < 0)
		r.why = "bad status line";
	if (ret == 1)
		ret = parse_fields(&r, h, &f);
	if (ret == 0)
		ret = need_more(&r, n);
	*why = r.why;
	if (ret != 1)
		return ret ? -502 : 0;
	*why = http_read_response(h, &f, head_request);
	return *why ? -502 : r.p - p;
}
