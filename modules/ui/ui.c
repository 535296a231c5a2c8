/* ui.c - the status page at /ui: three files that stand packed in the binary. They hold no data and
 * need no credentials; what the page shows it asks of the API as any client does, with its reader's
 * credentials, and it only reads. */
#include <stdio.h>
#include <string.h>

#include <knetd/gzip.h>
#include <knetd/http.h>
#include <knetd/module.h>

#include "ui.h"

#define UNPACKED_MAX (256 << 10)

/* Nothing of anybody else's is loaded or asked, nobody frames it, and text never becomes markup. */
static const char guards[] =
	"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
	"img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
	"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'\r\n"
	"X-Content-Type-Options: nosniff\r\n"
	"Referrer-Policy: no-referrer\r\n"
	"Cross-Origin-Opener-Policy: same-origin\r\n"
	"Cross-Origin-Resource-Policy: same-origin\r\n"
	"Vary: Accept-Encoding\r\n";

/* gzip ends a file with the checksum and the size of what it packed. */
static void etag_of(const struct ui_file *f, char out[20])
{
	const unsigned char *p = (const unsigned char *)f->end - 8;

	snprintf(out, 20, "\"%02x%02x%02x%02x%02x%02x%02x%02x\"", p[0], p[1], p[2], p[3], p[4],
	         p[5], p[6], p[7]);
}

/* The forms with and without packing differ in bytes, not in what they say: one weak tag is both's.
 */
static bool is_known(const struct http_call *call, const char *etag)
{
	const struct span *known = call->head ? http_header(call->head, "If-None-Match") : NULL;
	struct span list = known ? *known : (struct span){ 0 }, tag;

	while (span_next_token(&list, &tag)) {
		if (tag.n > 2 && !memcmp(tag.p, "W/", 2))
			tag = (struct span){ tag.p + 2, tag.n - 2 };
		if (span_is(tag, etag) || span_is(tag, "*"))
			return true;
	}
	return false;
}

static void serve_file(const struct http_call *call, struct http_answer *answer,
                       const struct ui_file *f)
{
	const struct span *coding = call->head ? http_header(call->head, "Accept-Encoding") : NULL;
	char etag[20];

	etag_of(f, etag);
	answer->content_type = f->type;
	buf_str(&answer->headers, guards);
	buf_printf(&answer->headers, "ETag: W/%s\r\n", etag);
	if (is_known(call, etag)) {
		answer->status = 304;
	} else if (coding && span_has_token(*coding, "gzip")) {
		buf_str(&answer->headers, "Content-Encoding: gzip\r\n");
		buf_add(&answer->body, f->begin, f->end - f->begin);
	} else {
		answer->body.max = UNPACKED_MAX;
		gzip_unpack(f->begin, f->end - f->begin, &answer->body);
		answer->body.max = 0;
	}
}

static void serve_html(const struct http_call *call, struct http_answer *answer)
{
	serve_file(call, answer, &ui_html);
}

static void serve_css(const struct http_call *call, struct http_answer *answer)
{
	serve_file(call, answer, &ui_css);
}

static void serve_js(const struct http_call *call, struct http_answer *answer)
{
	serve_file(call, answer, &ui_js);
}

static const struct route routes[] = {
	{ "GET", "/ui", serve_html },
	{ "HEAD", "/ui", serve_html },
	{ "GET", "/ui/ui.css", serve_css },
	{ "HEAD", "/ui/ui.css", serve_css },
	{ "GET", "/ui/ui.js", serve_js },
	{ "HEAD", "/ui/ui.js", serve_js },
	{ NULL, NULL, NULL },
};

const struct module ui_module = {
	.name = "ui",
	.routes = routes,
};
