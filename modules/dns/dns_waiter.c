/* dns_waiter.c - see dns_waiter.h */
#include <string.h>

#include <knetd/auto.h>

#include "dns_upstream_msg.h"
#include "dns_waiter.h"

#define WAITERS 4096
#define WAITERS_A_FLIGHT 256

struct dns_waiter {
	struct dns_waiter *next;
	struct dns_client client;
	unsigned step; /* of the search path that led to what was asked */
	uint16_t len;
	uint8_t query[DNS_QUERY_PACKED];
};

static struct dns_waiter waiters[WAITERS], *free_waiters;
static unsigned waiters_touched;

static struct dns_waiter *waiter_take(void)
{
	struct dns_waiter *w = free_waiters;

	if (w)
		free_waiters = w->next;
	else if (waiters_touched < WAITERS)
		w = &waiters[waiters_touched++];
	return w;
}

bool dns_waiters_join(struct dns_waiters *list, const struct dns_query *q,
                      const struct dns_forwarded *fwd, const struct dns_client *client)
{
	struct dns_waiter *w = list->n < WAITERS_A_FLIGHT ? waiter_take() : NULL;

	if (!w)
		return false;
	w->client = *client;
	w->step = fwd->step ? fwd->step - 1 : 0;
	w->len = (uint16_t)dns_query_pack(q, w->query);
	w->next = list->first;
	list->first = w;
	list->n++;
	return true;
}

bool dns_waiters_stream(const struct dns_waiters *list)
{
	for (const struct dns_waiter *w = list->first; w; w = w->next)
		if (w->client.stream)
			return true;
	return false;
}

bool dns_leads_on(const struct dns_forwarded *fwd, const struct dns_finding *found)
{
	return fwd->step && (!found->n || dns_upstream_rcode(found->msg) != DNS_NOERROR);
}

unsigned dns_next_step(const struct dns_forwarded *fwd, const struct dns_finding *found)
{
	return found->n ? fwd->step : DNS_STEP_END;
}

/* false: another answer is waited for. */
static bool waiter_answer(const struct dns_waiter *w, const struct dns_forwarded *asked,
                          const struct dns_finding *found, struct dns_reply *out)
{
	struct dns_asker by = dns_worker_asker(&w->client, w->step);
	struct dns_forwarded fwd;
	struct dns_query q;
	enum dns_result r;

	r = dns_answer(dns_worker_zone(), w->query, w->len, &by, &q, &fwd, out);
	if (r == DNS_FORWARD) {
		/* an alias may have been changed in between */
		bool same = fwd.target_len == asked->target_len &&
		            !memcmp(fwd.target, asked->target, fwd.target_len);

		if (dns_leads_on(&fwd, found))
			return dns_worker_answer_from(dns_next_step(&fwd, found), w->query, w->len,
			                              &w->client, out);
		if (found->n && found->floor)
			out->ede = dns_ede_stale(found->msg);
		else if (!found->n)
			out->ede = DNS_EDE_NO_AUTHORITY;
		if (found->n && same)
			dns_upstream_merge(out, &q, &fwd, found->msg, found->n, found->age,
			                   found->floor);
		else
			dns_reply_error(out, &q, DNS_SERVFAIL, DNS_RA);
		out->by = DNS_BY_FORWARD;
	}
	dns_worker_replied(&q, &w->client, out);
	return true;
}

static void waiter_reply(const struct dns_waiter *w, const struct dns_forwarded *asked,
                         const struct dns_finding *found)
{
	static uint8_t bytes[DNS_TCP_MAX];
	struct dns_reply out = { .p = bytes, .max = w->client.stream ? DNS_TCP_MAX : DNS_UDP_MAX };

	if (!waiter_answer(w, asked, found, &out))
		return;
	dns_count_duration(w->client.arrived, 1);
	if (w->client.stream)
		dns_tcp_send(&w->client, out.p, out.len);
	else
		dns_udp_send(&w->client, out.p, out.len);
}

void dns_waiters_tell(struct dns_waiters list, const struct dns_forwarded *asked,
                      const struct dns_finding *found)
{
	struct dns_waiter *w = list.first, *next;

	dns_worker_fresh();
	for (; w; w = next) {
		next = w->next;
		waiter_reply(w, asked, found);
		w->next = free_waiters;
		free_waiters = w;
	}
}
