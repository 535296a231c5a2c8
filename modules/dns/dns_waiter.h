/* dns_waiter.h - clients that wait for what a flight finds. What is kept of one is its packed
 * query: when the answer is there, the query is worked out again (dns_answer), which writes header,
 * question and aliases, and the upstream's records are added. */
#pragma once

#include "dns_worker.h"

struct dns_waiter;
struct dns_waiters { /* of one flight; zero: nobody */
	struct dns_waiter *first;
	unsigned n;
};

struct dns_finding { /* what they are told: a message, or that there is none */
	const uint8_t *msg;
	size_t n;
	uint32_t age, floor;
};

/* A search path that led to what does not exist goes on, as a resolver's does, and so it does from
 * a name that the upstream fails on; where nobody answers, it ends. */
bool dns_leads_on(const struct dns_forwarded *fwd, const struct dns_finding *found);
unsigned dns_next_step(const struct dns_forwarded *fwd, const struct dns_finding *found);

/* False: there is no room, here or at all. */
bool dns_waiters_join(struct dns_waiters *list, const struct dns_query *q,
                      const struct dns_forwarded *fwd, const struct dns_client *client);
bool dns_waiters_stream(const struct dns_waiters *list); /* does any use a connection? */
/* Tells all of them and lets them go; list is the caller's copy. A connection that gets its answer
 * may go on to its next query: whatever a flight had may be another's by the time this returns. */
void dns_waiters_tell(struct dns_waiters list, const struct dns_forwarded *asked,
                      const struct dns_finding *found);
