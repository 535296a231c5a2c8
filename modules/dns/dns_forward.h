/* dns_forward.h - questions to the upstreams, for clients who wait. Clients that ask the same while
 * it is on its way share it. */
#pragma once

#include "dns_peer.h"
#include "dns_worker.h"

#define DNS_FLIGHTS 1024 /* questions on their way at once */

/* Takes the query and answers it later. When it can be answered at once, with what the cache still
 * has or with SERVFAIL, because nobody is there to ask or there is no room, the answer is in out
 * and true is returned. */
bool dns_forward(const struct dns_query *q, const struct dns_forwarded *fwd,
                 const struct dns_client *client, struct dns_reply *out);
/* Asks for nobody, so that the cache has it anew; nothing when the question is on its way already,
 * or too many such ones are. */
void dns_forward_refresh(const struct dns_query *q, const struct dns_forwarded *fwd);
/* What is on its way to p looks for another upstream. Nothing ends inside the call. */
void dns_forward_leave(const struct dns_peer *p);
bool dns_forward_idle(void); /* nobody waits */
