/* http.c - heads of HTTP/1.1 messages; see http.h.
 *
 * Strictness is the point: whatever two parsers could read differently is refused, because a proxy
 * in front of a server with another opinion is how requests are smuggled (RFC 9112, 11.2). So: CRLF
 * only, no folding, no space before a colon, one length and only one way to say it, a Host that is
 * one. */
#include <string.h>
#include <strings.h>
#include <stddef.h>

#include <knetd/http.h>

#define TARGET_MAX 8192

enum { TOKEN = 1, TARGET = 2, HOST = 4, VALUE = 8 };

/* RFC 9110 5.6.2 token; RFC 3986 characters of a target and of a host; field values (obs-text
 * allowed). */
static unsigned char_class(unsigned char c)
{
	bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
	unsigned is = 0;

	if (alnum || (c && strchr("!#$%&'*+-.^_`|~", c)))
		is |= TOKEN;
	if (alnum || (c && strchr("-._~:/?[]@!$&'()*+,;=%", c)))
		is |= TARGET;
	if (alnum || (c && strchr("-._~!$&'()*+,;=", c)))
		is |= HOST;
	if (c == '\t' || (c >= 0x20 && c != 0x7f))
		is |= VALUE;
	return is;
}

static uint8_t classes[256];

static void __attribute__((constructor)) fill_classes(void)
{
	for (unsigned c = 0; c < 256; c++)
		classes[c] = char_class(c);
}

static bool all(struct span s, unsigned is)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(classes[(unsigned char)s.p[i]] & is))
			return false;
	return true;
}

bool span_is(struct span s, const char *text)
{
	return strlen(text) == s.n && !memcmp(s.p, text, s.n);
}

bool span_is_nocase(struct span s, const char *text)
{
	return strlen(text) == s.n && !strncasecmp(s.p, text, s.n);
}

static struct span trim(struct span s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

bool span_has_token(struct span list, const char *token)
{
	while (list.n) {
		const char *comma = memchr(list.p, ',', list.n);
		size_t n = comma ? (size_t)(comma - list.p) : list.n;

		if (span_is_nocase(trim((struct span){ list.p, n }), token))
			return true;
		n += comma != NULL;
		list.p += n;
		list.n -= n;
	}
	return false;
}

const struct span *http_header(const struct http_head *h, const char *name)
{
	for (size_t i = 0; i < h->n_headers; i++)
		if (span_is_nocase(h->headers[i].name, name))
			return &h->headers[i].value;
	return NULL;
}

/* ---- lines ---------------------------------------------------------------------------------- */

struct reader {
	const char *p, *end;
	const char *why;
};

/* The next line without its CRLF. 1 a line, 0 more bytes are needed, -1 a bare CR, LF or NUL. */
static int next_line(struct reader *r, struct span *line)
{
	const char *lf = memchr(r->p, '\n', r->end - r->p);
	size_t n = (lf ? lf : r->end) - r->p;

	if (lf && (n == 0 || lf[-1] != '\r')) {
		r->why = "line ends in a bare LF";
		return -1;
	}
	n -= lf != NULL;
	/* without the LF, a CR may only be the last byte so far */
	if (memchr(r->p, '\r', lf || !n ? n : n - 1) || memchr(r->p, 0, n)) {
		r->why = "control character in the head";
		return -1;
	}
	*line = (struct span){ r->p, n };
	if (lf)
		r->p = lf + 1;
	return lf != NULL;
}

static bool parse_field(struct span line, struct http_header *out, const char **why)
{
	const char *colon = memchr(line.p, ':', line.n);

	if (line.p[0] == ' ' || line.p[0] == '\t')
		*why = "folded header";
	else if (!colon || colon == line.p)
		*why = "header without a name";
	else {
		out->name = (struct span){ line.p, colon - line.p };
		out->value = trim((struct span){ colon + 1, line.p + line.n - colon - 1 });
		if (all(out->name, TOKEN) && all(out->value, VALUE))
			return true;
		*why = all(out->name, TOKEN) ? "bad character in a header's value"
		                             : "bad character in a header's name";
	}
	return false;
}

/* 1 done, 0 more needed, otherwise minus the status. */
static int parse_fields(struct reader *r, struct http_head *h)
{
	struct span line;
	int ret;

	while ((ret = next_line(r, &line)) == 1 && line.n) {
		if (h->n_headers == HTTP_HEADERS_MAX) {
			r->why = "too many headers";
			return -431;
		}
		if (!parse_field(line, &h->headers[h->n_headers++], &r->why))
			return -400;
	}
	return ret < 0 ? -400 : ret;
}

/* ---- what the fields mean ------------------------------------------------------------------- */

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

struct fields {
	unsigned lengths, encodings, hosts;
	struct span length, encoding, host;
	bool close, keep, upgrade, has_upgrade;
};

static void note_connection(struct fields *f, struct span value)
{
	f->close |= span_has_token(value, "close");
	f->keep |= span_has_token(value, "keep-alive");
	f->upgrade |= span_has_token(value, "upgrade");
}

static void read_fields(struct http_head *h, struct fields *f)
{
	for (size_t i = 0; i < h->n_headers; i++) {
		const struct http_header *x = &h->headers[i];

		if (span_is_nocase(x->name, "content-length")) {
			f->lengths++;
			f->length = x->value;
		} else if (span_is_nocase(x->name, "transfer-encoding")) {
			f->encodings++;
			f->encoding = x->value;
		} else if (span_is_nocase(x->name, "host")) {
			f->hosts++;
			f->host = x->value;
		} else if (span_is_nocase(x->name, "connection")) {
			note_connection(f, x->value);
		} else if (span_is_nocase(x->name, "upgrade")) {
			f->has_upgrade = true;
		} else if (span_is_nocase(x->name, "expect")) {
			h->expect_continue = span_is_nocase(x->value, "100-continue");
		}
	}
	h->keep_alive = h->minor ? !f->close : f->keep && !f->close;
	h->upgrade = f->upgrade && f->has_upgrade && h->minor;
}

/* RFC 9112 6.3, without the ways to recover that it allows. */
static const char *frame(struct http_head *h, const struct fields *f)
{
	h->body = HTTP_BODY_NONE;
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

/* host[:port]; host is a name, an IPv4 address or [IPv6]. */
static bool split_host(struct span s, struct span *host, struct span *port)
{
	const char *end = s.p + s.n, *colon;

	*port = (struct span){ end, 0 };
	if (s.n && s.p[0] == '[') {
		const char *bracket = memchr(s.p, ']', s.n);

		if (!bracket ||
		    strspn(s.p + 1, "0123456789abcdefABCDEF:.") < (size_t)(bracket - s.p - 1))
			return false;
		colon = bracket + 1;
		if (colon < end && *colon != ':')
			return false;
	} else {
		colon = memchr(s.p, ':', s.n);
		if (!all((struct span){ s.p, (colon ? colon : end) - s.p }, HOST))
			return false;
	}
	*host = (struct span){ s.p, (colon ? colon : end) - s.p };
	if (!colon || colon >= end)
		return true;
	*port = (struct span){ colon + 1, end - colon - 1 };
	for (size_t i = 0; i < port->n; i++)
		if (port->p[i] < '0' || port->p[i] > '9')
			return false;
	return port->n <= 5;
}

static void split_path(struct http_head *h, struct span s)
{
	const char *q = memchr(s.p, '?', s.n);

	h->path = (struct span){ s.p, q ? (size_t)(q - s.p) : s.n };
	if (q)
		h->query = (struct span){ q + 1, s.p + s.n - q - 1 };
}

/* origin-form, absolute-form or "*" (with OPTIONS); authority-form belongs to CONNECT, which nobody
 * here serves. In absolute-form *authority is what stands where Host's value should repeat it. */
static const char *parse_target(struct http_head *h, struct span *authority)
{
	struct span t = h->target;
	const char *slash;

	if (!t.n || !all(t, TARGET))
		return "bad character in the request target";
	if (t.p[0] == '/') {
		split_path(h, t);
		return NULL;
	}
	if (span_is(t, "*") && span_is(h->method, "OPTIONS")) {
		h->path = t;
		return NULL;
	}
	if (t.n < 7 || strncasecmp(t.p, "http://", 7) != 0)
		return "neither a path nor an http URL";
	t.p += 7;
	t.n -= 7;
	slash = memchr(t.p, '/', t.n);
	if (!slash)
		return "an absolute URL without a path";
	*authority = (struct span){ t.p, slash - t.p };
	split_path(h, (struct span){ slash, t.p + t.n - slash });
	return NULL;
}

static const char *check_host(struct http_head *h, const struct fields *f, struct span authority)
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
	return split_host(s, &h->host, &h->host_port) ? NULL : "bad Host";
}

/* ---- requests and responses ----------------------------------------------------------------- */

/* "HTTP/1.x"; returns 0 or minus the status. */
static int parse_version(struct span s, unsigned *minor)
{
	if (s.n != 8 || memcmp(s.p, "HTTP/", 5) != 0 || s.p[6] != '.' || s.p[5] < '0' ||
	    s.p[5] > '9' || s.p[7] < '0' || s.p[7] > '9')
		return -400;
	if (s.p[5] != '1' || s.p[7] > '1')
		return -505;
	*minor = s.p[7] - '0';
	return 0;
}

static int parse_request_line(struct http_head *h, struct span line, const char **why)
{
	const char *end = line.p + line.n, *a = memchr(line.p, ' ', line.n);
	const char *b = a ? memchr(a + 1, ' ', end - a - 1) : NULL;
	int ret;

	*why = "bad request line";
	if (!b || a == line.p)
		return -400;
	h->method = (struct span){ line.p, a - line.p };
	h->target = (struct span){ a + 1, b - a - 1 };
	if (!all(h->method, TOKEN) || h->method.n > 32)
		return -400;
	if (h->target.n > TARGET_MAX) {
		*why = "request target too long";
		return -414;
	}
	ret = parse_version((struct span){ b + 1, end - b - 1 }, &h->minor);
	if (ret == -505)
		*why = "only HTTP/1.0 and HTTP/1.1 are spoken here";
	return ret;
}

static int finish_request(struct http_head *h, const char **why)
{
	struct fields f = { 0 };
	struct span authority = { 0 };

	read_fields(h, &f);
	*why = parse_target(h, &authority);
	if (!*why)
		*why = check_host(h, &f, authority);
	if (!*why)
		*why = frame(h, &f);
	return *why ? -400 : 0;
}

/* Too long for a head that is still not whole? */
static int need_more(size_t n, const char **why)
{
	if (n < HTTP_HEAD_MAX)
		return 0;
	*why = "head too large";
	return -431;
}

static void head_reset(struct http_head *h, bool request)
{
	memset(h, 0, offsetof(struct http_head, headers));
	h->request = request;
}

int http_parse_request(struct http_head *h, const char *p, size_t n, const char **why)
{
	struct reader r = { .p = p, .end = p + (n < HTTP_HEAD_MAX ? n : HTTP_HEAD_MAX) };
	struct span line;
	int ret;

	head_reset(h, true);
	*why = NULL;
	/* RFC 9112 2.2: an empty line or two before the request line is forgiven */
	for (int i = 0; i < 2 && r.end - r.p >= 2 && r.p[0] == '\r' && r.p[1] == '\n'; i++)
		r.p += 2;
	ret = next_line(&r, &line);
	if (ret == 1)
		ret = parse_request_line(h, line, why);
	else if (ret == 0)
		return line.n > TARGET_MAX + 64 ? (*why = "request target too long", -414)
		                                : need_more(n, why);
	if (ret < 0) {
		*why = *why ? *why : r.why;
		return ret == -1 ? -400 : ret;
	}
	ret = parse_fields(&r, h);
	if (ret == 0)
		return need_more(n, why);
	if (ret < 0) {
		*why = r.why;
		return ret;
	}
	ret = finish_request(h, why);
	return ret ? ret : (int)(r.p - p);
}

static bool parse_status_line(struct http_head *h, struct span line)
{
	if (line.n < 12 || parse_version((struct span){ line.p, 8 }, &h->minor) || line.p[8] != ' ')
		return false;
	for (int i = 9; i < 12; i++) {
		if (line.p[i] < '0' || line.p[i] > '9')
			return false;
		h->status = h->status * 10 + (line.p[i] - '0');
	}
	if (line.n > 12 && line.p[12] != ' ')
		return false;
	if (line.n > 13)
		h->reason = (struct span){ line.p + 13, line.n - 13 };
	return h->status >= 100 && h->status <= 599 && all(h->reason, VALUE);
}

int http_parse_response(struct http_head *h, const char *p, size_t n, bool head_request,
                        const char **why)
{
	struct reader r = { .p = p, .end = p + (n < HTTP_HEAD_MAX ? n : HTTP_HEAD_MAX) };
	struct fields f = { 0 };
	struct span line;
	int ret;

	head_reset(h, false);
	*why = "bad status line";
	ret = next_line(&r, &line);
	if (ret < 0 || (ret == 1 && !parse_status_line(h, line)))
		return -502;
	if (ret == 1)
		ret = parse_fields(&r, h);
	if (ret < 0) {
		*why = r.why;
		return -502;
	}
	if (ret == 0)
		return need_more(n, why) ? -502 : 0;
	read_fields(h, &f);
	*why = frame(h, &f);
	if (*why)
		return -502;
	if (head_request || h->status < 200 || h->status == 204 || h->status == 304)
		h->body = HTTP_BODY_NONE;
	else if (!f.encodings && !f.lengths) {
		h->body = HTTP_BODY_UNTIL_CLOSE;
		h->keep_alive = false;
	}
	return r.p - p;
}

const char *http_reason(unsigned status)
{
	static const struct {
		unsigned status;
		const char *reason;
	} reasons[] = {
		{ 100, "Continue" },
		{ 101, "Switching Protocols" },
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 301, "Moved Permanently" },
		{ 302, "Found" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 410, "Gone" },
		{ 411, "Length Required" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" },
		{ 421, "Misdirected Request" },
		{ 422, "Unprocessable Entity" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
		{ 507, "Insufficient Storage" },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}
