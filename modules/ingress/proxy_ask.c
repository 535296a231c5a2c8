/* proxy_ask.c - external authentication (annotation auth-url): somebody else is asked about a
 * request before its backend is.
 *
 * The question is an exchange of its own, GET without a body, with the request's fields, by the
 * routes of the table or to a Service's endpoints. Meanwhile the request waits, its head kept as
 * text, its body as far as it is kept for tries. 2xx: it goes on; 401 and 403: it is answered so,
 * or sent to where one signs in; anything else, also no answer at all: 500, never in. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <knetd/auto.h>

#include "proxy_access.h"
#include "proxy_deaf.h"
#include "proxy_parts.h"

#define ASKS_MAX 1024  /* under way at a time */
#define TEXT_MAX 65536 /* of one head */
#define COOKIES_MAX (16 * 1024)
#define SPAN(text) ((struct span){ text, sizeof(text) - 1 })

struct asking {
	struct grave grave;
	struct exchange x;
	struct exchange *of; /* who waits; NULL: nobody any more */
	const struct table_auth *auth;
	unsigned status;
	struct buf saved;   /* the request's head */
	struct buf copied;  /* "name\0value\0" of the answer, for the backend */
	struct buf refusal; /* WWW-Authenticate */
	struct buf signin;
	enum http_body body; /* of the request: what its text does not say */
	uint64_t length;
};
static unsigned n_asks;

static void asking_free(struct grave *g)
{
	struct asking *a = container_of(g, struct asking, grave);

	exchange_free(&a->x);
	buf_free(&a->saved);
	buf_free(&a->copied);
	buf_free(&a->refusal);
	buf_free(&a->signin);
	free(a);
}

static void asking_end(struct asking *a)
{
	if (a->grave.free)
		return;
	if (a->of)
		a->of->policy.asking = NULL;
	a->of = NULL;
	n_asks--;
	bury(&a->grave, asking_free);
}

void ask_over(struct exchange *x)
{
	struct asking *a = x->policy.asking;

	if (!a)
		return;
	exchange_gone(&a->x);
	asking_end(a);
}

/* ---- the answer
 * ----------------------------------------------------------------------------------- */

static struct asking *of(const struct exchange *x)
{
	return container_of(x, struct asking, x);
}

static void keep_pair(struct buf *out, struct span name, struct span value)
{
	buf_add(out, name.p, name.n);
	buf_add(out, "", 1);
	buf_add(out, value.n ? value.p : "", value.n);
	buf_add(out, "", 1);
}

static void read_field(struct asking *a, const struct http_header *f)
{
	for (uint32_t i = 0; i < a->auth->n_copied; i++) {
		struct span name = a->auth->copied[i].text;

		if (f->name.n == name.n && !strncasecmp(f->name.p, name.p, name.n))
			keep_pair(&a->copied, name, f->value);
	}
	if (f->name.n == 16 && span_is_nocase(f->name, "www-authenticate") && !a->refusal.len)
		buf_add(&a->refusal, f->value.p, f->value.n);
	if (f->name.n == 10 && span_is_nocase(f->name, "set-cookie") && a->of) {
		buf_add(&a->of->policy.cookies, f->value.p, f->value.n);
		buf_add(&a->of->policy.cookies, "", 1);
	}
}

static void on_head(struct exchange *x, const struct http_head *h)
{
	struct asking *a = of(x);

	if (h->status < 200)
		return;
	a->status = h->status;
	for (size_t i = 0; i < h->n_headers; i++)
		read_field(a, &h->headers[i]);
}

/* The fields that are the authenticator's to say are taken from him alone. */
static void copy_fields(struct asking *a, struct http_head *h, struct scratch *s)
{
	for (uint32_t i = 0; i < a->auth->n_copied; i++)
		head_remove(h, a->auth->copied[i].text);
	for (size_t at = 0; at < a->copied.len;) {
		const char *name = a->copied.data + at, *value = name + strlen(name) + 1;

		head_add(h, s, (struct span){ name, strlen(name) },
		         (struct span){ value, strlen(value) });
		at = value + strlen(value) + 1 - a->copied.data;
	}
}

static void let_on(struct asking *a, struct exchange *x)
{
	static struct http_head h;
	struct scratch *s = scratch_take();
	const char *why;

	if (a->copied.failed || http_parse_request(&h, a->saved.data, a->saved.len, &why) <= 0) {
		exchange_refuse(x, 500, "the authentication's answer is too large");
		return;
	}
	h.body = a->body;
	h.length = a->length;
	copy_fields(a, &h, s);
	exchange_go_on(x, &h, s);
}

static void refuse(struct asking *a, struct exchange *x)
{
	if (a->status == 401 && a->auth->n_signin)
		policy_reply(x, 302, "location", (struct span){ a->signin.data, a->signin.len });
	else if (a->status == 401 && a->refusal.len)
		policy_reply(x, 401, "www-authenticate",
		             (struct span){ a->refusal.data, a->refusal.len });
	else if (a->status == 401 || a->status == 403)
		exchange_refuse(x, a->status, "the authentication does not let this in");
	else
		exchange_refuse(x, 500, "the authentication did not work");
}

static void decide(struct asking *a)
{
	struct exchange *x = TAKE(a->of);

	if (x) {
		x->policy.asking = NULL;
		x->close = x->close || (!x->request_done && (a->status < 200 || a->status > 299));
		if (a->status >= 200 && a->status < 300)
			let_on(a, x);
		else
			refuse(a, x);
	}
	asking_end(a);
}

static void on_end(struct exchange *x, const struct http_header *trailers, size_t n)
{
	(void)trailers;
	(void)n;
	decide(of(x));
}

static void on_cut(struct exchange *x)
{
	of(x)->status = 0;
	decide(of(x));
}

static const struct front_ops ask_ops = {
	.head = on_head,
	.full = deaf_full,
	.body = deaf_body,
	.flush = deaf,
	.end = on_end,
	.cut = on_cut,
	.resume = deaf,
};

/* ---- the question
 * --------------------------------------------------------------------------------- */

static void put(struct buf *out, struct span s)
{
	buf_add(out, s.n ? s.p : "", s.n);
}

static void put_field(struct buf *out, const char *name, struct span value)
{
	buf_printf(out, "%s: ", name);
	put(out, value);
	buf_str(out, "\r\n");
}

static void put_host(struct buf *out, const struct http_head *h)
{
	buf_str(out, "Host: ");
	put(out, h->host);
	if (h->host_port.n) {
		buf_str(out, ":");
		put(out, h->host_port);
	}
	buf_str(out, "\r\n");
}

static void save(struct asking *a, const struct http_head *h)
{
	struct buf *out = &a->saved;

	out->max = TEXT_MAX;
	a->body = h->body;
	a->length = h->length;
	put(out, h->method);
	buf_str(out, " ");
	put(out, h->path);
	if (h->query.p) {
		buf_str(out, "?");
		put(out, h->query);
	}
	buf_printf(out, " HTTP/1.%u\r\n", h->minor);
	put_host(out, h);
	for (size_t i = 0; i < h->n_headers; i++)
		if (h->headers[i].name.n != 4 || !span_is_nocase(h->headers[i].name, "host")) {
			put(out, h->headers[i].name);
			buf_str(out, ": ");
			put(out, h->headers[i].value);
			buf_str(out, "\r\n");
		}
	buf_str(out, "\r\n");
}

/* What is not said again in a question: its frame, and what the question says itself. */
static bool is_left_out(struct span name)
{
	static const char *const names[] = {
		"host",
		"content-length",
		"transfer-encoding",
		"connection",
		"upgrade",
		"expect",
		"te",
		"trailer",
		"x-original-url",
		"x-sent-from",
		"x-original-method",
		"x-auth-request-redirect",
		"http2-settings",
		"keep-alive",
		"proxy-connection",
		"content-encoding",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strlen(names[i]) == name.n && span_is_nocase(name, names[i]))
			return true;
	return false;
}

static void write_question(struct buf *out, const struct table_auth *auth, struct exchange *x,
                           const struct http_head *h)
{
	static const struct table_part url[] = { { PART_SCHEME, { "", 0 } },
		                                 { PART_TEXT, { "://", 3 } },
		                                 { PART_HOST, { "", 0 } },
		                                 { PART_REQUEST_URI, { "", 0 } } };
	struct parts_from from = { x, h, { "", 0 } };

	put(out, auth->method.n ? auth->method : SPAN("GET"));
	buf_str(out, " ");
	if (!auth->n_path || auth->path[0].kind != PART_TEXT || auth->path[0].text.p[0] != '/')
		buf_str(out, "/");
	parts_write(out, auth->path, auth->n_path, &from);
	buf_str(out, " HTTP/1.1\r\nHost: ");
	parts_write(out, auth->host, auth->n_host, &from);
	buf_str(out, "\r\n");
	for (size_t i = 0; i < h->n_headers; i++)
		if (!is_left_out(h->headers[i].name)) {
			put(out, h->headers[i].name);
			buf_str(out, ": ");
			put(out, h->headers[i].value);
			buf_str(out, "\r\n");
		}
	buf_str(out, "X-Original-URL: ");
	parts_write(out, url, ARRAY_LEN(url), &from);
	buf_str(out, "\r\n");
	put_field(out, "X-Original-Method", h->method);
	buf_str(out, "X-Auth-Request-Redirect: ");
	parts_write(out, auth->back, auth->n_back, &from);
	buf_str(out, "\r\n\r\n");
}

/* Where a refused client is sent, made now: the request's head is not there later. */
static void write_signin(struct asking *a, struct exchange *x, const struct http_head *h)
{
	auto_buf struct buf back = { .max = TEXT_MAX };
	struct parts_from from = { x, h, { "", 0 } };

	a->signin.max = TEXT_MAX;
	parts_write(&back, a->auth->back, a->auth->n_back, &from);
	from.back = (struct span){ back.data, back.len };
	parts_write(&a->signin, a->auth->signin, a->auth->n_signin, &from);
}

static struct asking *asking_new(struct exchange *x, const struct http_head *h)
{
	struct asking *a = xcalloc(1, sizeof(*a));

	n_asks++;
	a->auth = x->action->policy->auth;
	a->of = x;
	a->x.front = &ask_ops;
	a->x.arrival = x->arrival;
	a->x.inner = a->x.quiet = true;
	a->copied.max = a->refusal.max = COOKIES_MAX;
	x->policy.asking = a;
	x->policy.cookies.max = COOKIES_MAX;
	save(a, h);
	write_signin(a, x, h);
	return a;
}

void ask_access(struct exchange *x, const struct http_head *h)
{
	static struct http_head question;
	auto_buf struct buf text = { .max = TEXT_MAX };
	struct asking *a;
	const char *why = "";

	if (n_asks == ASKS_MAX) {
		exchange_refuse(x, 503, "too many requests wait for their authentication");
		return;
	}
	a = asking_new(x, h);
	write_question(&text, a->auth, x, h);
	if (text.failed || a->saved.failed ||
	    http_parse_request(&question, text.data, text.len, &why) <= 0) {
		decide(a);
		return;
	}
	exchange_begin_inner(&a->x, &question, a->auth->action);
}
