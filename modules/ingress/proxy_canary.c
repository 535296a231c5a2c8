/* proxy_canary.c - see proxy_canary.h. Of each canary its header decides, else its cookie, else its
 * weight, as in ingress-nginx. */
#include <string.h>
#include <strings.h>

#include "proxy_canary.h"
#include "proxy_parts.h"
#include "proxy_regex.h"

enum word { UNDECIDED, ALWAYS, NEVER };

static enum word by_word(struct span s)
{
	return span_is(s, "always") ? ALWAYS : span_is(s, "never") ? NEVER : UNDECIDED;
}

static const struct span *header(const struct http_head *h, struct span name)
{
	for (size_t i = 0; i < h->n_headers; i++)
		if (h->headers[i].name.n == name.n &&
		    !strncasecmp(h->headers[i].name.p, name.p, name.n))
			return &h->headers[i].value;
	return NULL;
}

static enum word by_header(const struct table_canary *c, const struct http_head *h)
{
	const struct span *v = c->header.n ? header(h, c->header) : NULL;

	if (!v)
		return UNDECIDED;
	if (!c->value.n)
		return by_word(*v);
	if (c->regex)
		return regex_matches(c->value, false, *v) ? ALWAYS : UNDECIDED;
	return v->n == c->value.n && !strncmp(v->p, c->value.p, v->n) ? ALWAYS : UNDECIDED;
}

static enum word decide(const struct table_canary *c, const struct http_head *h)
{
	enum word w = by_header(c, h);

	if (w == UNDECIDED && c->cookie.n)
		w = by_word(cookie_of(h, c->cookie));
	if (w == UNDECIDED && c->weight && c->total)
		w = proxy_random(c->total) < c->weight ? ALWAYS : NEVER;
	return w;
}

const struct table_choice *canary_choose(const struct table_action *a, const struct http_head *h)
{
	for (uint32_t i = 0; i < a->policy->n_canaries; i++) {
		const struct table_canary *c = &a->policy->canaries[i];

		if (c->choice < a->n_choices && decide(c, h) == ALWAYS)
			return &a->choices[c->choice];
	}
	return NULL;
}
