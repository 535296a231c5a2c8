/* dns_probe.h - questions of our own to upstreams: whether one that failed answers again, and
 * whether a new one leads back to us. */
#pragma once

#include "dns_answer.h"
#include "dns_peer.h"

void dns_probe_meet(struct dns_peer *p);  /* a new one: does it loop? */
void dns_probe_start(struct dns_peer *p); /* something failed: asks until it answers */
void dns_probe_stop(struct dns_peer *p);

/* Is that question (for fwd) one of our own that came back? Then the answer is written, which the
 * asker knows by its text. */
bool dns_probe_came_back(const struct dns_settings *set, const struct dns_query *q,
                         const struct dns_forwarded *fwd, struct dns_reply *out);
