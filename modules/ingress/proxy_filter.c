/* proxy_filter.c - what the filters of a route make of requests and answers, in their order. */
#include <string.h>

#include <knetd/auto.h>

#include "proxy.h"
#include "proxy_cors.h"
#include "proxy_rewrite.h"

#define SPAN(text) ((struct span){ text, sizeof(text) - 1 })
#define ORIGIN_MAX 512 /* longer ones are nobody's */

/* ---- answered here -------------------------------------------------------------------------- */

static bool redirect(struct exchange *x, const struct http_head *h, struct scratch *s,
                     const struct table_rewrite *w)
{
	struct location from = { .tls = x->arrival->tls,
		                 .port = x->arrival->at.port,
		                 .host = h->host,
		                 .path = h->path,
		                 .query = h->query };
	struct http_head *answer = exchange_own_head(w->status);
	struct endpoint at;
	struct span to;
	char ip[IP_TEXT];

	if (!from.host.n) { /* HTTP/1.0: it names none */
		at = arrival_at(x->arrival);
		ip_text(&at.ip, ip);
		from.host = scratch_printf(s, strchr(ip, ':') ? "[%s]" : "%s", ip);
	}
	to = rewrite_location(s, w, x->rule, &from);
	if (!to.n) {
		exchange_refuse(x, 500, "the route leads to no path");
		return false;
	}
	head_set(answer, s, SPAN("location"), to);
	head_set(answer, s, SPAN("content-length"), SPAN("0"));
	exchange_reply(x, answer, s);
	return false;
}

/* A preflight is answered; of every other request is kept what its answer is to say. */
static bool cross_origin(struct exchange *x, const struct http_head *h, struct scratch *s,
                         const struct table_cors *c)
{
	const struct span *origin = http_header(h, "origin");
	bool allowed = origin && origin->n <= ORIGIN_MAX && cors_allows(c, *origin);
	struct http_head *answer;

	if (!origin)
		return true;
	if (cors_is_preflight(h)) {
		answer = exchange_own_head(204);
		if (allowed)
			cors_answer(c, *origin, h, answer, s);
		exchange_reply(x, answer, s);
		return false;
	}
	x->cors = c;
	buf_reset(&x->origin);
	if (allowed)
		buf_add(&x->origin, origin->p, origin->n);
	return true;
}

/* ---- sent on -------------------------------------------------------------------------------- */

static bool rewrite(struct exchange *x, struct http_head *h, struct scratch *s,
                    const struct table_rewrite *w)
{
	struct span path = rewrite_path(s, w, x->rule, h->path);

	if (!path.n) {
		exchange_refuse(x, 500, "the route leads to no path");
		return false;
	}
	h->path = path;
	if (w->host.n) {
		h->host = w->host;
		h->host_port = (struct span){ "", 0 };
		head_remove(h, SPAN("host")); /* it is written anew */
	}
	return true;
}

static void mirror(struct exchange *x, const struct table_filter *f)
{
	if (f->denominator && proxy_random(f->denominator) < f->numerator &&
	    x->n_copies < COPIES_MAX)
		x->copies[x->n_copies++] = f->backend;
}

static bool request_filter(struct exchange *x, struct http_head *h, struct scratch *s,
                           const struct table_filter *f)
{
	switch ((enum filter_type)f->type) {
	case FILTER_REQUEST_SET:
		head_set(h, s, f->name, f->value);
		break;
	case FILTER_REQUEST_ADD:
		head_add(h, s, f->name, f->value);
		break;
	case FILTER_REQUEST_REMOVE:
		head_remove(h, f->name);
		break;
	case FILTER_REDIRECT:
		return f->rewrite ? redirect(x, h, s, f->rewrite) : true;
	case FILTER_REWRITE:
		return f->rewrite ? rewrite(x, h, s, f->rewrite) : true;
	case FILTER_MIRROR:
		mirror(x, f);
		break;
	case FILTER_CORS:
		return f->cors ? cross_origin(x, h, s, f->cors) : true;
	case FILTER_RESPONSE_SET:
	case FILTER_RESPONSE_ADD:
	case FILTER_RESPONSE_REMOVE:
		break;
	}
	return true;
}

static bool request_filters(struct exchange *x, struct http_head *h, struct scratch *s,
                            const struct table_filter *v, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!request_filter(x, h, s, &v[i]))
			return false;
	return true;
}

bool filter_request(struct exchange *x, struct http_head *h, struct scratch *s)
{
	return request_filters(x, h, s, x->action->filters, x->action->n_filters);
}

bool filter_choice(struct exchange *x, struct http_head *h, struct scratch *s)
{
	return request_filters(x, h, s, x->choice->filters, x->choice->n_filters);
}

/* ---- answers -------------------------------------------------------------------------------- */

static void answer_filters(struct http_head *h, struct scratch *s, const struct table_filter *v,
                           uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct table_filter *f = &v[i];

		if (f->type == FILTER_RESPONSE_SET)
			head_set(h, s, f->name, f->value);
		else if (f->type == FILTER_RESPONSE_ADD)
			head_add(h, s, f->name, f->value);
		else if (f->type == FILTER_RESPONSE_REMOVE)
			head_remove(h, f->name);
	}
}

void filter_answer(struct exchange *x, struct http_head *h, struct scratch *s)
{
	answer_filters(h, s, x->action->filters, x->action->n_filters);
	if (x->choice)
		answer_filters(h, s, x->choice->filters, x->choice->n_filters);
	if (x->cors && x->origin.len)
		cors_answer(x->cors, (struct span){ x->origin.data, x->origin.len }, NULL, h, s);
	else if (x->cors) /* whatever the backend thinks of it */
		head_remove(h, SPAN("access-control-allow-origin"));
}
