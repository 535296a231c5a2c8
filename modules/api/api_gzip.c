/* api_gzip.c - answers packed for clients that ask for it, bodies unpacked that came so. As in a
 * Kubernetes API server small answers stay plain; so do very large ones, for packing holds up the
 * loop (about 8 ms a MB) and the wire is this machine's own. */
#include <errno.h>
#include <string.h>

#include <knetd/gzip.h>

#include "api.h"

#define PACK_MIN (128 * 1024)
#define PACK_MAX (4 << 20)
#define PACK_LEVEL 1

/* Weights ("gzip;q=0.5") are not read: who sends one gets plain text, which is never wrong. */
void answer_pack(struct call *c)
{
	const struct http_head *head = c->http->head;
	const struct span *wanted = head ? http_header(head, "Accept-Encoding") : NULL;
	struct buf *b = &c->answer->body, packed = { .max = b->len };

	if (b->failed || b->len < PACK_MIN || b->len > PACK_MAX ||
	    strcmp(c->http->method, "GET") != 0)
		return;
	buf_str(&c->answer->headers, "Vary: Accept-Encoding\r\n");
	if (!wanted || !span_has_token(*wanted, "gzip") ||
	    !gzip_pack(b->data, b->len, PACK_LEVEL, &packed))
		return;
	buf_str(&c->answer->headers, "Content-Encoding: gzip\r\n");
	buf_free(b);
	*b = packed;
	b->max = 0;
}

bool body_unpack(struct call *c, struct http_call *plain, struct buf *out)
{
	const struct http_head *head = c->http->head;
	const struct span *coding = head ? http_header(head, "Content-Encoding") : NULL;
	int ret;

	if (!coding || !coding->n || span_is_nocase(*coding, "identity"))
		return true;
	if (!span_is_nocase(*coding, "gzip")) {
		buf_str(&c->answer->headers, "Accept-Encoding: gzip\r\n");
		status_fail(c, 415, "UnsupportedMediaType",
		            "Content-Encoding: bodies come plain or in gzip");
		return false;
	}
	ret = gzip_unpack(c->http->body, c->http->body_len, out);
	if (ret == -EFBIG)
		status_fail(c, 413, "RequestEntityTooLarge",
		            "the body is larger than %zu bytes unpacked", out->max);
	else if (ret)
		status_fail(c, 400, "BadRequest", "the body is not what gzip made");
	if (ret)
		return false;
	*plain = *c->http;
	plain->body_len = out->len;
	out->max++;
	buf_add(out, "", 1); /* parsers may look at one byte behind */
	plain->body = out->data;
	c->http = plain;
	return true;
}
