/* proxy_trailers.c - fields behind a body, kept as they are on the wire of HTTP/1.1 until whoever
 * they are for can take them; see proxy_trailers.h. */
#include <string.h>

#include <knetd/auto.h>

#include "proxy_trailers.h"

/* As is, but for underscores: who makes variables of fields cannot tell X_Real_IP from X-Real-IP.
 */
static bool reads_as(struct span name, const char *lower)
{
	if (name.n != strlen(lower))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i] == '_' ? '-' : name.p[i];

		if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != lower[i])
			return false;
	}
	return true;
}

bool trailer_may(struct span name)
{
	static const char *const none[] = {
		"authorization",
		"cache-control",
		"connection",
		"content-encoding",
		"content-length",
		"content-range",
		"content-type",
		"cookie",
		"expect",
		"forwarded",
		"host",
		"keep-alive",
		"max-forwards",
		"proxy-authorization",
		"proxy-connection",
		"range",
		"set-cookie",
		"te",
		"trailer",
		"transfer-encoding",
		"upgrade",
		"x-forwarded-for",
		"x-forwarded-host",
		"x-forwarded-port",
		"x-forwarded-proto",
		"x-real-ip",
	};

	if (!name.n || name.p[0] == ':')
		return false;
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		if (reads_as(name, none[i]))
			return false;
	return true;
}

void trailers_keep(struct buf *text, const struct http_header *trailers, size_t n)
{
	text->max = HTTP_HEAD_MAX;
	for (size_t i = 0; i < n; i++) {
		buf_add(text, trailers[i].name.p, trailers[i].name.n);
		buf_add(text, ":", 1);
		buf_add(text, trailers[i].value.p, trailers[i].value.n);
		buf_add(text, "\r\n", 2);
	}
	if (text->failed) /* a part of them would say something else */
		buf_free(text);
}

static struct span trim(struct span s)
{
	while (s.n && (*s.p == ' ' || *s.p == '\t'))
		s.p++, s.n--;
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

size_t trailers_read(const struct buf *text, const struct http_header **out)
{
	static struct http_header list[HTTP_HEADERS_MAX];
	const char *p = text->data, *end = text->len ? p + text->len : p;
	size_t n = 0;

	*out = list;
	while (p != end && n < HTTP_HEADERS_MAX) {
		const char *lf = memchr(p, '\n', (size_t)(end - p)), *colon;
		struct http_header *f = &list[n];

		if (!lf || lf - p < 2)
			break; /* the empty line */
		colon = memchr(p, ':', (size_t)(lf - p));
		if (!colon)
			break;
		f->name = (struct span){ p, (size_t)(colon - p) };
		f->value = trim((struct span){ colon + 1, (size_t)(lf - 1 - colon - 1) });
		n += trailer_may(f->name);
		p = lf + 1;
	}
	return n;
}
