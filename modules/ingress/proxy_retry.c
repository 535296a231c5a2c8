/* proxy_retry.c - when a request is tried again, and how long is waited before. What the proxy does
 * by itself (another endpoint for a refused connection) is in proxy_exchange.c. */
#include <string.h>

#include <knetd/auto.h>

#include "proxy.h"

#define DOUBLINGS 4 /* of the time that is waited */

static bool is_unsafe(const struct buf *head)
{
	static const char *const methods[] = { "POST ", "LOCK ", "PATCH " };

	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (head->len > 6 && !memcmp(head->data, methods[i], strlen(methods[i])))
			return true;
	return false;
}

bool retry_may(const struct exchange *x, unsigned status)
{
	const struct table_retry *r = x->action ? x->action->retry : NULL;

	if (!r || x->retries >= r->attempts || x->body_sent || x->tunnel)
		return false;
	if (r->safe_only && is_unsafe(&x->head))
		return false;
	if (r->within_ms && loop_now_ns() - x->began_ns > r->within_ms * 1000000ull)
		return false;
	if (!status)
		return r->connection;
	for (uint32_t i = 0; i < r->n_codes; i++)
		if (r->codes[i] == status)
			return true;
	return false;
}

static void on_backoff(struct timer *t)
{
	exchange_ask_anew(container_of(t, struct exchange, backoff));
}

/* A part of it by chance, so that those who failed together do not come back together. */
void retry_begin(struct exchange *x)
{
	unsigned doublings = x->retries < DOUBLINGS ? x->retries : DOUBLINGS;
	uint64_t ms = (uint64_t)x->action->retry->backoff_ms << doublings;

	x->retries++;
	x->phase = EXCHANGE_WAITS;
	deadline_del(&x->step);
	x->backoff.fn = on_backoff;
	timer_set(&x->backoff, ms + proxy_random(ms / 4 + 1));
}
