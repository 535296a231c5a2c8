/* proxy_cors.c - see proxy_cors.h */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proxy_cors.h"

#define SPAN(text) ((struct span){ text, sizeof(text) - 1 })

struct origin {
	bool secure; /* https */
	struct span host;
	unsigned port;
};

static bool read_port(struct span s, unsigned *port)
{
	*port = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' || *port > 6553)
			return false;
		*port = *port * 10 + (s.p[i] - '0');
	}
	return s.n > 0;
}

/* "https://host:8443"; without a port the scheme's own. */
static bool read_origin(struct span s, struct origin *o)
{
	const char *colon;
	size_t skip = 0;

	if (s.n > 8 && !strncasecmp(s.p, "https://", 8))
		skip = 8;
	else if (s.n > 7 && !strncasecmp(s.p, "http://", 7))
		skip = 7;
	if (!skip)
		return false;
	o->secure = skip == 8;
	o->host = (struct span){ s.p + skip, s.n - skip };
	o->port = o->secure ? 443 : 80;
	colon = memrchr(o->host.p, ':', o->host.n);
	if (!colon || memchr(colon, ']', o->host.p + o->host.n - colon)) /* of [v6] */
		return true;
	s = (struct span){ colon + 1, o->host.p + o->host.n - colon - 1 };
	o->host.n = colon - o->host.p;
	return read_port(s, &o->port);
}

/* '*' in front stands for any number of labels, with their dots. */
static bool host_fits(struct span pattern, struct span host)
{
	bool star = pattern.n && pattern.p[0] == '*';
	size_t n = pattern.n - star;

	if (star ? host.n <= n : host.n != n)
		return false;
	return !strncasecmp(host.p + host.n - n, pattern.p + star, n);
}

static bool anybody(const struct table_cors *c)
{
	for (uint32_t i = 0; i < c->n_origins; i++)
		if (span_is(c->origins[i].text, "*"))
			return true;
	return false;
}

bool cors_allows(const struct table_cors *c, struct span origin)
{
	struct origin o, allowed;

	if (!origin.n)
		return false;
	if (anybody(c))
		return true;
	if (!read_origin(origin, &o)) { /* "null", other schemes: as they are written */
		for (uint32_t i = 0; i < c->n_origins; i++)
			if (span_is(origin, c->origins[i].text.p))
				return true;
		return false;
	}
	for (uint32_t i = 0; i < c->n_origins; i++)
		if (read_origin(c->origins[i].text, &allowed) && allowed.secure == o.secure &&
		    allowed.port == o.port && host_fits(allowed.host, o.host))
			return true;
	return false;
}

bool cors_is_preflight(const struct http_head *request)
{
	return span_is(request->method, "OPTIONS") && http_header(request, "origin") &&
	       http_header(request, "access-control-request-method");
}

/* "*" is what was asked for, written out: so it may be said to those with credentials too. */
static void echo_or(struct http_head *answer, struct scratch *s, struct span name,
                    struct span value, const struct span *asked, bool credentials)
{
	bool all = span_is(value, "*");

	if (all && asked)
		head_set(answer, s, name, *asked);
	else if (value.n && !(all && credentials))
		head_set(answer, s, name, value);
}

static bool safelisted(struct span name)
{
	static const char *const names[] = {
		"cache-control",     "content-language", "content-length", "content-type",
		"expires",           "last-modified",    "pragma",         "connection",
		"transfer-encoding", "keep-alive",       "set-cookie",     "vary"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (span_is_nocase(name, names[i]))
			return true;
	return name.n > 15 && !strncasecmp(name.p, "access-control-", 15);
}

/* With credentials "*" is a name like any other: the answer's own fields are told one by one. */
static void expose_all(struct http_head *answer, struct scratch *s)
{
	char names[2048];
	size_t n = 0;

	for (size_t i = 0; i < answer->n_headers; i++) {
		struct span name = answer->headers[i].name;

		if (safelisted(name) || n + name.n + 2 > sizeof(names))
			continue;
		if (n) {
			names[n++] = ',';
			names[n++] = ' ';
		}
		memcpy(names + n, name.p, name.n);
		n += name.n;
	}
	if (n)
		head_set(answer, s, SPAN("access-control-expose-headers"),
		         (struct span){ names, n });
}

static void preflight(const struct table_cors *c, const struct http_head *request,
                      struct http_head *answer, struct scratch *s)
{
	struct span methods = c->methods.n ? c->methods : SPAN("GET, HEAD, POST");

	echo_or(answer, s, SPAN("access-control-allow-methods"), methods,
	        http_header(request, "access-control-request-method"), c->credentials);
	echo_or(answer, s, SPAN("access-control-allow-headers"), c->headers,
	        http_header(request, "access-control-request-headers"), c->credentials);
	head_set(answer, s, SPAN("access-control-max-age"), scratch_printf(s, "%u", c->max_age));
}

void cors_answer(const struct table_cors *c, struct span origin, const struct http_head *request,
                 struct http_head *answer, struct scratch *s)
{
	bool same_for_all = anybody(c) && !c->credentials;

	head_set(answer, s, SPAN("access-control-allow-origin"), same_for_all ? SPAN("*") : origin);
	if (!same_for_all)
		head_add(answer, s, SPAN("vary"), SPAN("Origin"));
	head_remove(answer, SPAN("access-control-allow-credentials"));
	if (c->credentials)
		head_set(answer, s, SPAN("access-control-allow-credentials"), SPAN("true"));
	if (request)
		preflight(c, request, answer, s);
	if (c->credentials && span_is(c->expose, "*"))
		expose_all(answer, s);
	else if (c->expose.n)
		head_set(answer, s, SPAN("access-control-expose-headers"), c->expose);
}
