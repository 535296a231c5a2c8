/* dns_forward.h - questions to the upstreams, for clients who wait.
 *
 * Every question goes out from a socket of its own, connected to the upstream: a random port and a
 * random id, and the kernel lets nobody else's datagrams in. Clients that ask the same while it is
 * on its way share it. */
#pragma once

#include "dns_worker.h"

/* Takes the query and answers it later. When there is no room it is answered at once with SERVFAIL
 * in out, and true is returned. */
bool dns_forward(const struct dns_query *q, const struct dns_forwarded *fwd,
                 const struct dns_client *client, struct dns_reply *out);
/* Asks for nobody, so that the cache has it anew; nothing when the question is on its way already,
 * or too many such ones are. */
void dns_forward_refresh(const struct dns_query *q, const struct dns_forwarded *fwd);
bool dns_forward_idle(void); /* nobody waits */
