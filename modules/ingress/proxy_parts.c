/* proxy_parts.c - see proxy_parts.h */
#include <string.h>
#include <strings.h>

#include "proxy_parts.h"

static void put(struct buf *out, struct span s)
{
	buf_add(out, s.n ? s.p : "", s.n);
}

void parts_escape(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = s.p[i];

		if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
		    (c && strchr("-._~", c)))
			buf_add(out, &c, 1);
		else
			buf_printf(out, "%%%02X", c);
	}
}

struct span cookie_of(const struct http_head *h, struct span name)
{
	for (size_t i = 0; i < h->n_headers; i++) {
		const struct http_header *f = &h->headers[i];
		const char *p = f->value.p, *end = p + f->value.n, *stop;

		if (f->name.n != 6 || !span_is_nocase(f->name, "cookie"))
			continue;
		for (; p < end; p = stop + 1) {
			while (p < end && *p == ' ')
				p++;
			stop = memchr(p, ';', end - p);
			stop = stop ? stop : end;
			if ((size_t)(stop - p) > name.n && !memcmp(p, name.p, name.n) &&
			    p[name.n] == '=')
				return (struct span){ p + name.n + 1, stop - p - name.n - 1 };
		}
	}
	return (struct span){ NULL, 0 };
}

static struct span argument_of(struct span query, struct span name)
{
	const char *p = query.p, *end = p ? p + query.n : NULL, *stop;

	for (; p && p < end; p = stop + 1) {
		stop = memchr(p, '&', end - p);
		stop = stop ? stop : end;
		if ((size_t)(stop - p) > name.n && !memcmp(p, name.p, name.n) && p[name.n] == '=')
			return (struct span){ p + name.n + 1, stop - p - name.n - 1 };
	}
	return (struct span){ NULL, 0 };
}

static struct span header_of(const struct http_head *h, struct span name)
{
	for (size_t i = 0; i < h->n_headers; i++)
		if (h->headers[i].name.n == name.n &&
		    !strncasecmp(h->headers[i].name.p, name.p, name.n))
			return h->headers[i].value;
	return (struct span){ NULL, 0 };
}

static void put_uri(struct buf *out, const struct http_head *h)
{
	put(out, h->path);
	if (h->query.p) {
		buf_add(out, "?", 1);
		put(out, h->query);
	}
}

static void put_host(struct buf *out, const struct http_head *h)
{
	put(out, h->host);
	if (h->host_port.n) {
		buf_add(out, ":", 1);
		put(out, h->host_port);
	}
}

static void put_escaped_uri(struct buf *out, const struct http_head *h)
{
	struct buf uri = { .max = out->max };

	put_uri(&uri, h);
	parts_escape(out, (struct span){ uri.data, uri.len });
	buf_free(&uri);
}

static void put_part(struct buf *out, const struct table_part *part, const struct parts_from *from)
{
	const struct http_head *h = from->h;
	char ip[IP_TEXT];

	switch ((enum table_part_kind)part->kind) {
	case PART_TEXT:
		put(out, part->text);
		break;
	case PART_REQUEST_URI:
		put_uri(out, h);
		break;
	case PART_ESCAPED_URI:
		put_escaped_uri(out, h);
		break;
	case PART_URI:
		put(out, h->path);
		break;
	case PART_ARGS:
		put(out, h->query.p ? h->query : (struct span){ "", 0 });
		break;
	case PART_HOST:
		put_host(out, h);
		break;
	case PART_SCHEME:
		buf_str(out, from->x->client_tls ? "https" : "http");
		break;
	case PART_METHOD:
		put(out, h->method);
		break;
	case PART_CLIENT:
		buf_str(out, ip_text(&from->x->client, ip));
		break;
	case PART_HEADER:
		put(out, header_of(h, part->text));
		break;
	case PART_ARG:
		put(out, argument_of(h->query, part->text));
		break;
	case PART_COOKIE:
		put(out, cookie_of(h, part->text));
		break;
	case PART_BACK:
		parts_escape(out, from->back);
		break;
	case PART_KINDS:
		break;
	}
}

void parts_write(struct buf *out, const struct table_part *v, uint32_t n,
                 const struct parts_from *from)
{
	for (uint32_t i = 0; i < n; i++)
		put_part(out, &v[i], from);
}
