/* proxy_h2_head.c - heads of HTTP/2 as struct http_head, and back. nghttp2 has seen to the names
 * (in lower case, none of one connection), the values (no control character), to pseudo-headers
 * (known, once, in front) and that content-length keeps its word; what is left is what a request
 * means. */
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include <bearssl.h>

#include <knetd/auto.h>

#include "proxy_h2.h"
#include "proxy_trailers.h"

#define SPAN(text) ((struct span){ text, sizeof(text) - 1 })

/* ---- fields, packed
 * -------------------------------------------------------------------------------- */

void h2_pack(struct buf *out, const uint8_t *name, size_t name_n, const uint8_t *value,
             size_t value_n)
{
	uint16_t lengths[2] = { (uint16_t)name_n, (uint16_t)value_n };

	buf_add(out, lengths, sizeof(lengths));
	buf_add(out, name, name_n);
	buf_add(out, value, value_n);
}

bool h2_unpack(const struct buf *b, size_t *at, struct http_header *x)
{
	uint16_t lengths[2];
	const char *p;

	if (*at >= b->len)
		return false;
	p = b->data + *at;
	memcpy(lengths, p, sizeof(lengths));
	x->name = (struct span){ p + sizeof(lengths), lengths[0] };
	x->value = (struct span){ x->name.p + lengths[0], lengths[1] };
	*at += sizeof(lengths) + lengths[0] + lengths[1];
	return true;
}

void h2_head_begin(struct h2_wire *w)
{
	buf_reset(&w->block);
	w->n_fields = 0;
	w->unpacked = 0;
}

bool h2_head_too_large(const struct h2_wire *w)
{
	return w->unpacked > H2_HEAD_BYTES || w->n_fields > HTTP_HEADERS_MAX;
}

/* A head that is too large is unpacked all the same, or the next one could not be: but not without
 * end. */
void h2_head_field(struct h2_wire *w, const uint8_t *name, size_t name_n, const uint8_t *value,
                   size_t value_n)
{
	w->unpacked += name_n + value_n + 32;
	w->n_fields++;
	if (w->unpacked > H2_HEAD_ENOUGH)
		h2_wire_must_end(w, NGHTTP2_ENHANCE_YOUR_CALM, COUNT_H2_ENDED_HEADS);
	if (!h2_head_too_large(w))
		h2_pack(&w->block, name, name_n, value, value_n);
}

/* ---- a request
 * ------------------------------------------------------------------------------------- */

static void put(struct http_head *h, struct span name, struct span value)
{
	if (h->n_headers < HTTP_HEADERS_MAX)
		h->headers[h->n_headers++] = (struct http_header){ name, value };
}

static void clear(struct http_head *h, bool request)
{
	memset(h, 0, offsetof(struct http_head, headers));
	h->request = request;
	h->minor = 1;
	h->keep_alive = true;
}

struct pseudo {
	struct span scheme, authority, protocol, host, cookie;
};

/* A cookie may come in crumbs, which HTTP/1.1 does not know (RFC 9113 8.2.3). */
static void add_crumb(struct pseudo *ps, struct span value)
{
	static char text[H2_HEAD_BYTES];

	if (!ps->cookie.p) {
		ps->cookie = value;
		return;
	}
	if (ps->cookie.p != text)
		memcpy(text, ps->cookie.p, ps->cookie.n);
	ps->cookie.p = text;
	text[ps->cookie.n] = ';';
	text[ps->cookie.n + 1] = ' ';
	memcpy(text + ps->cookie.n + 2, value.p, value.n);
	ps->cookie.n += 2 + value.n;
}

static void sort_pseudo(struct http_head *h, struct pseudo *ps, const struct http_header *x)
{
	if (span_is(x->name, ":method"))
		h->method = x->value;
	else if (span_is(x->name, ":path"))
		h->target = x->value;
	else if (span_is(x->name, ":scheme"))
		ps->scheme = x->value;
	else if (span_is(x->name, ":authority"))
		ps->authority = x->value;
	else if (span_is(x->name, ":protocol"))
		ps->protocol = x->value;
}

static void sort_fields(struct h2_wire *w, struct http_head *h, struct pseudo *ps)
{
	struct http_header x;
	size_t at = 0;

	put(h, SPAN("host"), (struct span){ 0 });
	while (h2_unpack(&w->block, &at, &x)) {
		if (x.name.n && x.name.p[0] == ':')
			sort_pseudo(h, ps, &x);
		else if (span_is(x.name, "host"))
			ps->host = x.value;
		else if (span_is(x.name, "cookie"))
			add_crumb(ps, x.value);
		else if (!ps->protocol.p || !span_is(x.name, "sec-websocket-key"))
			put(h, x.name, x.value);
	}
	if (ps->cookie.p)
		put(h, SPAN("cookie"), ps->cookie);
}

static bool same(struct span a, struct span b)
{
	return a.n == b.n && !strncasecmp(a.p, b.p, a.n);
}

static void base64(char *out, size_t size, const void *p, size_t n)
{
	auto_buf struct buf text = { 0 };

	buf_base64(&text, p, n);
	text.len = text.len < size ? text.len : size - 1;
	memcpy(out, text.data, text.len);
	out[text.len] = 0;
}

static void make_key(char key[H2_KEY])
{
	uint8_t random[16];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		memset(random, (int)loop_now(), sizeof(random)); /* no secret: it only differs */
	base64(key, H2_KEY, random, sizeof(random));
}

void h2_key_answer(struct span key, char out[H2_KEY_ANSWER])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	br_sha1_context sha;
	uint8_t sum[br_sha1_SIZE];

	br_sha1_init(&sha);
	br_sha1_update(&sha, key.p, key.n);
	br_sha1_update(&sha, guid, sizeof(guid) - 1);
	br_sha1_out(&sha, sum);
	base64(out, H2_KEY_ANSWER, sum, sizeof(sum));
}

/* What the client opens is a tunnel; the next hop is told so in the words of HTTP/1.1. */
static void upgrade(struct http_head *h, struct span protocol, char key[H2_KEY])
{
	make_key(key);
	h->method = SPAN("GET");
	put(h, SPAN("connection"), SPAN("upgrade"));
	put(h, SPAN("upgrade"), protocol);
	put(h, SPAN("sec-websocket-key"), (struct span){ key, strlen(key) });
}

static int check(struct http_head *h, const struct pseudo *ps, char key[H2_KEY])
{
	if (h->method.n > 32 || h->n_headers > HTTP_HEADERS_MAX - 4)
		return h->method.n > 32 ? -400 : -431;
	if (span_is(h->method, "CONNECT") && !ps->protocol.p)
		return -405;
	if (!span_is_nocase(ps->scheme, "http") && !span_is_nocase(ps->scheme, "https"))
		return -400;
	if (ps->protocol.p && !span_is_nocase(ps->protocol, "websocket"))
		return -501;
	if (ps->authority.p && ps->host.p && !same(ps->authority, ps->host))
		return -400;
	h->headers[0].value = ps->authority.p ? ps->authority : ps->host;
	if (ps->protocol.p)
		upgrade(h, ps->protocol, key);
	return 0;
}

int h2_request_head(struct h2_wire *w, bool ended, struct http_head **out, struct span *protocol,
                    char key[H2_KEY])
{
	static struct http_head h;
	struct pseudo ps = { 0 };
	const char *why;
	int ret;

	clear(&h, true);
	*out = &h;
	if (h2_head_too_large(w)) {
		/* the method is needed to answer */
		size_t at = 0;
		struct http_header x;

		while (h2_unpack(&w->block, &at, &x) && x.name.n && x.name.p[0] == ':')
			sort_pseudo(&h, &ps, &x);
		return -431;
	}
	sort_fields(w, &h, &ps);
	*protocol = ps.protocol;
	ret = check(&h, &ps, key);
	if (!ret)
		ret = http_check_request(&h, &why);
	if (ret)
		return ret;
	if (ended || ps.protocol.p)
		h.body = HTTP_BODY_NONE;
	else if (!http_header(&h, "content-length"))
		h.body = HTTP_BODY_CHUNKED;
	return 0;
}

/* ---- an answer
 * ------------------------------------------------------------------------------------- */

static uint64_t number(struct span s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s.n && i < 18; i++)
		n = n * 10 + (uint64_t)(s.p[i] - '0');
	return n;
}

struct http_head *h2_answer_head(struct h2_wire *w, bool ended, bool head_method)
{
	static struct http_head h;
	const struct span *length;
	struct http_header x;
	size_t at = 0;

	clear(&h, false);
	if (h2_head_too_large(w))
		return NULL;
	while (h2_unpack(&w->block, &at, &x)) {
		if (span_is(x.name, ":status"))
			h.status = (unsigned)number(x.value);
		else
			put(&h, x.name, x.value);
	}
	if (h.status < 100 || h.status > 599)
		return NULL;
	h.reason.p = http_reason(h.status);
	h.reason.n = strlen(h.reason.p);
	length = http_header(&h, "content-length");
	if (length && length->n > 18)
		return NULL;
	if (ended || head_method || h.status < 200 || h.status == 204 || h.status == 304)
		return &h;
	h.body = length ? HTTP_BODY_LENGTH : HTTP_BODY_CHUNKED;
	h.length = length ? number(*length) : 0;
	if (length && !h.length)
		h.body = HTTP_BODY_NONE;
	return &h;
}

/* ---- trailers
 * -------------------------------------------------------------------------------------- */

size_t h2_trailers(const struct buf *packed, struct http_header *out, size_t max)
{
	size_t at = 0, n = 0;
	struct http_header x;

	while (n < max && h2_unpack(packed, &at, &x))
		if (trailer_may(x.name))
			out[n++] = x;
	return n;
}

/* ---- for nghttp2
 * ----------------------------------------------------------------------------------- */

static nghttp2_nv list[H2_NV_MAX];

static void nv(size_t *n, struct span name, struct span value)
{
	if (*n < H2_NV_MAX)
		list[(*n)++] = (nghttp2_nv){ (uint8_t *)name.p, (uint8_t *)value.p, name.n, value.n,
			                     NGHTTP2_NV_FLAG_NONE };
}

/* By length first: most fields are none of these. */
static bool of_one_hop(struct span s)
{
	switch (s.n) {
	case 2:
		return span_is_nocase(s, "te");
	case 4:
		return span_is_nocase(s, "host");
	case 7:
		return span_is_nocase(s, "upgrade") || span_is_nocase(s, "trailer");
	case 10:
		return span_is_nocase(s, "connection") || span_is_nocase(s, "keep-alive");
	case 16:
		return span_is_nocase(s, "proxy-connection");
	case 17:
		return span_is_nocase(s, "transfer-encoding");
	}
	return false;
}

static size_t add_fields(size_t n, const struct http_head *h, bool websocket)
{
	for (size_t i = 0; i < h->n_headers; i++) {
		struct span name = h->headers[i].name;

		if (of_one_hop(name) && !(name.n == 4 && !h->request))
			continue;
		if (websocket && (span_is_nocase(name, "sec-websocket-key") ||
		                  span_is_nocase(name, "sec-websocket-accept")))
			continue;
		nv(&n, name, h->headers[i].value);
	}
	return n;
}

const nghttp2_nv *h2_answer_nv(const struct http_head *h, unsigned status, size_t *n)
{
	static char text[4];

	text[0] = (char)('0' + status / 100 % 10);
	text[1] = (char)('0' + status / 10 % 10);
	text[2] = (char)('0' + status % 10);
	*n = 0;
	nv(n, SPAN(":status"), (struct span){ text, 3 });
	*n = add_fields(*n, h, status != h->status);
	return list;
}

const nghttp2_nv *h2_request_nv(const struct http_head *h, bool tls, bool extended, size_t *n)
{
	const struct span *host = http_header(h, "host"), *protocol = http_header(h, "upgrade");

	*n = 0;
	nv(n, SPAN(":method"), extended ? SPAN("CONNECT") : h->method);
	nv(n, SPAN(":scheme"), tls ? SPAN("https") : SPAN("http"));
	nv(n, SPAN(":authority"), host ? *host : h->host);
	nv(n, SPAN(":path"), h->target);
	if (extended && protocol)
		nv(n, SPAN(":protocol"), *protocol);
	*n = add_fields(*n, h, extended);
	/* gRPC asks for it, and trailers are told on where the client can be told them */
	nv(n, SPAN("te"), SPAN("trailers"));
	return list;
}

const nghttp2_nv *h2_trailers_nv(const struct buf *packed, size_t *n)
{
	struct http_header x;
	size_t at = 0;

	*n = 0;
	while (h2_unpack(packed, &at, &x))
		nv(n, x.name, x.value);
	return list;
}
