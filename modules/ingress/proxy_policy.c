/* proxy_policy.c - what the annotations of an Ingress make of a request: sent elsewhere, refused,
 * asked for a password, counted, or let on, in the order in which ingress-nginx does it. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <knetd/auto.h>
#include <knetd/map.h>

#include "proxy_access.h"
#include "proxy_affinity.h"
#include "proxy_auth.h"
#include "proxy_canary.h"
#include "proxy_cors.h"
#include "proxy_limit.h"
#include "proxy_parts.h"

#define TEXT_MAX 16384 /* of what is made of a request */
#define SPAN(text) ((struct span){ text, sizeof(text) - 1 })

void policy_reply(struct exchange *x, unsigned status, const char *name, struct span value)
{
	struct http_head *h = exchange_own_head(status);
	struct scratch *s = scratch_take();

	head_set(h, s, (struct span){ name, strlen(name) }, value);
	head_set(h, s, SPAN("content-length"), SPAN("0"));
	x->close = x->close || !x->request_done; /* its body would be taken for the next request */
	exchange_reply(x, h, s);
}

static bool refuse(struct exchange *x, unsigned status, const char *why)
{
	x->close = x->close || !x->request_done;
	exchange_refuse(x, status, why);
	return false;
}

/* ---- sent elsewhere
 * ------------------------------------------------------------------------------- */

static bool send_to(struct exchange *x, const struct http_head *h, unsigned status,
                    const struct table_part *v, uint32_t n)
{
	auto_buf struct buf to = { .max = TEXT_MAX };

	parts_write(&to, v, n, &(struct parts_from){ x, h, { "", 0 } });
	if (to.failed)
		return refuse(x, 414, "the request's target is too long for its redirect");
	policy_reply(x, status, "location", (struct span){ to.data, to.len });
	return false;
}

static bool send_to_https(struct exchange *x, const struct http_head *h, uint32_t port)
{
	char number[16];
	const struct table_part v[] = {
		{ PART_TEXT, SPAN("https://") },
		{ PART_TEXT, h->host },
		{ PART_TEXT, { number, 0 } },
		{ PART_REQUEST_URI, { "", 0 } },
	};
	struct table_part copy[ARRAY_LEN(v)];

	memcpy(copy, v, sizeof(v));
	if (port != 443)
		copy[2].text.n = snprintf(number, sizeof(number), ":%u", port);
	return send_to(x, h, 308, copy, ARRAY_LEN(copy));
}

static bool redirect(struct exchange *x, const struct http_head *h, const struct table_policy *p)
{
	if (p->to_https && !x->client_tls && h->host.n)
		return send_to_https(x, h, p->https_port);
	if (p->n_redirect)
		return send_to(x, h, p->redirect_status, p->redirect, p->n_redirect);
	return true;
}

/* ---- who may
 * -------------------------------------------------------------------------------------- */

static bool is_in(const struct cidr *v, uint32_t n, const struct ip *ip)
{
	for (uint32_t i = 0; i < n; i++)
		if (cidr_has(&v[i], ip))
			return true;
	return false;
}

static bool address_may(const struct exchange *x, const struct table_policy *p)
{
	const struct ip *ip = &x->client;

	return !is_in(p->deny, p->n_deny, ip) && (!p->n_allow || is_in(p->allow, p->n_allow, ip));
}

/* Vouched for by that authority: who named another host to connect may have shown another's. */
static bool is_vouched(const struct arrival *a, uint32_t ca)
{
	const struct table_port *port = proxy_port(a->door);
	struct span sni = { a->sni, strlen(a->sni) };
	const struct table_listener *l = port ? match_listener(port, sni) : NULL;

	return a->tls && a->client_vouched && l && l->client_ca == ca;
}

static bool certificate_may(struct exchange *x, const struct table_client_cert *c)
{
	const struct arrival *a = x->arrival;
	bool vouched = is_vouched(a, c->ca);

	if (vouched ? !c->name.n || span_is(c->name, a->client_subject) : !c->required)
		return true;
	if (c->error_page.n)
		policy_reply(x, 302, "location", c->error_page);
	else
		refuse(x, vouched ? 403 : 400,
		       vouched ? "this certificate may not come in" : "a certificate is wanted");
	return false;
}

static bool limits_allow(struct exchange *x, const struct table_limit *l)
{
	if (limit_take(l, &x->client, loop_now(), &x->policy.held))
		return true;
	return refuse(x, 503, "too many requests from this address");
}

static bool password_may(struct exchange *x, const struct http_head *h, const struct table_basic *b)
{
	const struct span *sent = http_header(h, "authorization");
	char realm[512];
	int n;

	switch (auth_check(b, sent ? *sent : (struct span){ NULL, 0 })) {
	case AUTH_GOOD:
		return true;
	case AUTH_BAD:
		n = snprintf(realm, sizeof(realm), "Basic realm=\"%.*s\"",
		             (int)(b->realm.n < 400 ? b->realm.n : 400), b->realm.p);
		policy_reply(x, 401, "www-authenticate", (struct span){ realm, n });
		return false;
	case AUTH_LATER:
		policy_reply(x, 503, "retry-after", SPAN("1"));
		return false;
	}
	return false;
}

/* An address on the list and, unless either is enough, a password. */
static bool let_in(struct exchange *x, const struct http_head *h, const struct table_policy *p)
{
	bool listed = address_may(x, p), asked = p->basic || p->auth;

	if (p->any && p->n_allow && asked && listed)
		return true;
	if (!listed && !(p->any && asked))
		return refuse(x, 403, "this address may not come in");
	if (p->basic && !password_may(x, h, p->basic))
		return false;
	if (!p->auth)
		return true;
	if (x->inner)
		return refuse(x, 500, "the authentication of this host asks itself");
	ask_access(x, h);
	return false;
}

/* ---- what is sent on
 * ------------------------------------------------------------------------------ */

static bool body_fits(struct exchange *x, const struct http_head *h, uint64_t most)
{
	x->policy.body_max = most;
	if (!most || h->body != HTTP_BODY_LENGTH || h->length <= most)
		return true;
	return refuse(x, 413, "the body is larger than its route allows");
}

/* Which endpoint it asks for. */
static void stick(struct exchange *x, const struct http_head *h, const struct table_policy *p)
{
	auto_buf struct buf text = { .max = TEXT_MAX };

	if (p->affinity)
		x->policy.sticky = affinity_read(cookie_of(h, p->affinity->name));
	if (x->policy.sticky || !p->n_hash)
		return;
	parts_write(&text, p->hash, p->n_hash, &(struct parts_from){ x, h, { "", 0 } });
	x->policy.sticky = hash_bytes(text.len ? text.data : "", text.len, 1) | 1;
}

/* The one of the action's backends whose endpoint that is. */
static const struct table_choice *follow(const struct table_action *a, uint64_t sticky)
{
	for (uint32_t i = 0; sticky && i < a->n_choices; i++) {
		const struct table_backend *b = proxy_backend(a->choices[i].backend);

		if (b && affinity_has(b, sticky))
			return &a->choices[i];
	}
	return NULL;
}

/* Browsers ask without credentials first; a filter answers them. */
static bool is_preflight(const struct exchange *x, const struct http_head *h)
{
	for (uint32_t i = 0; i < x->action->n_filters; i++)
		if (x->action->filters[i].type == FILTER_CORS)
			return cors_is_preflight(h);
	return false;
}

bool policy_request(struct exchange *x, struct http_head *h)
{
	const struct table_policy *p = x->action->policy;

	if (p->refuse)
		return refuse(x, p->refuse, "what this route needs to be safe is not there");
	if (!x->inner && !redirect(x, h, p))
		return false;
	if (!body_fits(x, h, p->body_max))
		return false;
	if (!x->inner && p->limit && !limits_allow(x, p->limit))
		return false;
	if (p->client_cert && !certificate_may(x, p->client_cert))
		return false;
	stick(x, h, p);
	x->choice = p->n_canaries ? canary_choose(x->action, h)
	            : p->affinity ? follow(x->action, x->policy.sticky)
	                          : NULL;
	return is_preflight(x, h) || let_in(x, h, p);
}

void policy_backend(struct exchange *x)
{
	const struct table_policy *p = x->action->policy;
	const struct table_backend *b = proxy_backend(x->backend);

	if (p && p->otherwise != TABLE_NONE && (!b || !b->n_endpoints))
		x->backend = p->otherwise;
}

/* What the backend is told of the client's certificate; nobody else says it. */
static void tell_certificate(const struct exchange *x, struct http_head *h, struct scratch *s,
                             const struct table_client_cert *c)
{
	bool vouched = is_vouched(x->arrival, c->ca);

	head_remove(h, SPAN("ssl-client-cert"));
	head_remove(h, SPAN("ssl-client-issuer-dn"));
	head_remove(h, SPAN("ssl-client-subject-dn"));
	head_remove(h, SPAN("ssl-client-verify"));
	if (!c->passed)
		return;
	head_set(h, s, SPAN("ssl-client-verify"), vouched ? SPAN("SUCCESS") : SPAN("NONE"));
	if (vouched)
		head_set(h, s, SPAN("ssl-client-subject-dn"),
		         scratch_printf(s, "CN=%s", x->arrival->client_subject));
}

void policy_forward(const struct exchange *x, struct http_head *h, struct scratch *s)
{
	const struct table_policy *p = x->action->policy;

	if (p && p->client_cert)
		tell_certificate(x, h, s, p->client_cert);
}

/* ---- answers, and the end
 * ------------------------------------------------------------------------- */

static void remember(struct exchange *x, struct http_head *h, struct scratch *s,
                     const struct table_affinity *a)
{
	const struct table_backend *b = proxy_backend(x->backend);
	uint64_t id;

	if (!x->leg || !x->tries || !b || b->uid != x->backend_uid)
		return;
	id = affinity_id(b, &x->tried[x->tries - 1]);
	if (id == x->policy.sticky ||
	    (x->policy.sticky && !a->change_on_failure && affinity_has(b, x->policy.sticky)))
		return;
	if (h->n_headers < HTTP_HEADERS_MAX) /* beside those of the backend, not joined to them */
		h->headers[h->n_headers++] =
			(struct http_header){ SPAN("set-cookie"), affinity_cookie(s, a, id) };
}

void policy_answer(struct exchange *x, struct http_head *h, struct scratch *s)
{
	const struct table_policy *p = x->action->policy;

	if (p && p->affinity)
		remember(x, h, s, p->affinity);
	for (size_t at = 0; at < x->policy.cookies.len && h->n_headers < HTTP_HEADERS_MAX;) {
		const char *cookie = x->policy.cookies.data + at;
		size_t n = strlen(cookie);

		if (h->status < 400 || (p && p->auth && p->auth->always_cookie))
			h->headers[h->n_headers++] =
				(struct http_header){ SPAN("set-cookie"),
				                      scratch_text(s, cookie, n) };
		at += n + 1;
	}
}

void policy_over(struct exchange *x)
{
	ask_over(x);
	limit_done(&x->policy.held);
	buf_free(&x->policy.cookies);
	x->policy = (struct policy_state){ 0 };
}
