/* ingress_head.c - heads as they are sent on: fields that belong to one hop are taken out (RFC
 * 9110 7.6.1), what the next hop has to know about the client is put in. Client-sent X-Forwarded-*
 * are not believed. */
#include <string.h>
#include <strings.h>

#include "ingress_proxy.h"

static void put_span(struct buf *out, struct span s)
{
	buf_add(out, s.p, s.n);
}

static void put_field(struct buf *out, const struct http_header *x)
{
	put_span(out, x->name);
	buf_add(out, ": ", 2);
	put_span(out, x->value);
	buf_add(out, "\r\n", 2);
}

/* By length first: most fields are none of these. */
static bool hop_by_hop(struct span name)
{
	static const char *const names[] = {
		"connection", "keep-alive",        "proxy-connection", "proxy-authenticate", "te",
		"trailer",    "transfer-encoding", "upgrade",          "proxy-authorization"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == name.n && span_is_nocase(name, names[i]))
			return true;
	return false;
}

/* "Connection: x-secret" takes X-Secret out too; fields that framing needs cannot be taken out so.
 */
static bool named_by_connection(const struct http_head *h, struct span name)
{
	char text[64];

	if (name.n >= sizeof(text) || span_is_nocase(name, "host") ||
	    span_is_nocase(name, "content-length"))
		return false;
	for (size_t i = 0; i < h->n_headers; i++) {
		if (!span_is_nocase(h->headers[i].name, "connection"))
			continue;
		memcpy(text, name.p, name.n);
		text[name.n] = 0;
		if (span_has_token(h->headers[i].value, text))
			return true;
	}
	return false;
}

static bool ours_to_say(struct span name)
{
	return (name.n > 12 && !strncasecmp(name.p, "x-forwarded-", 12)) ||
	       span_is_nocase(name, "x-real-ip") || span_is_nocase(name, "forwarded");
}

void head_request(struct buf *out, const struct http_head *h, const struct forwarded *f)
{
	const struct span *upgrade = h->upgrade ? http_header(h, "upgrade") : NULL;
	bool named = http_header(h, "connection") != NULL;

	put_span(out, h->method);
	buf_add(out, " ", 1);
	put_span(out, h->path);
	if (h->query.p) {
		buf_add(out, "?", 1);
		put_span(out, h->query);
	}
	buf_str(out, " HTTP/1.1\r\n");
	if (!http_header(h, "host")) /* HTTP/1.0, or absolute-form alone */
		buf_printf(out, "Host: %.*s\r\n", (int)h->host.n, h->host.p ? h->host.p : "");
	for (size_t i = 0; i < h->n_headers; i++) {
		const struct http_header *x = &h->headers[i];

		if (!hop_by_hop(x->name) && !ours_to_say(x->name) &&
		    !(named && named_by_connection(h, x->name)))
			put_field(out, x);
	}
	if (h->body == HTTP_BODY_CHUNKED)
		buf_str(out, "Transfer-Encoding: chunked\r\n");
	if (upgrade)
		buf_printf(out, "Connection: upgrade\r\nUpgrade: %.*s\r\n", (int)upgrade->n,
		           upgrade->p);
	buf_printf(out,
	           "X-Forwarded-For: %s\r\nX-Real-IP: %s\r\nX-Forwarded-Proto: "
	           "http\r\nX-Forwarded-Host: %.*s\r\n"
	           "X-Forwarded-Port: %s\r\n\r\n",
	           f->client_ip, f->client_ip, (int)h->host.n, h->host.p ? h->host.p : "", f->port);
}

void head_response(struct buf *out, const struct http_head *h, const struct body *b,
                   bool keep_alive, bool tunnel)
{
	bool named = http_header(h, "connection") != NULL;
	const struct span *upgrade = http_header(h, "upgrade");

	buf_printf(out, "HTTP/1.1 %u %.*s\r\n", h->status, (int)h->reason.n,
	           h->reason.p ? h->reason.p : "");
	for (size_t i = 0; i < h->n_headers; i++)
		if (!hop_by_hop(h->headers[i].name) &&
		    !(named && named_by_connection(h, h->headers[i].name)))
			put_field(out, &h->headers[i]);
	if (b->chunk)
		buf_str(out, "Transfer-Encoding: chunked\r\n");
	if (tunnel && upgrade)
		buf_printf(out, "Connection: upgrade\r\nUpgrade: %.*s\r\n", (int)upgrade->n,
		           upgrade->p);
	else if (!keep_alive && h->status >= 200)
		buf_str(out, "Connection: close\r\n");
	buf_add(out, "\r\n", 2);
}
