/* dns_peer.h - the upstreams as a worker has come to know them: how fast they are, whether they
 * answer, whether they lead back to us. */
#pragma once

#include <knetd/loop.h>

#include "dns_groups.h"
#include "dns_worker.h"

struct dns_peer {
	struct dns_upstream up;
	uint8_t number;     /* of its counters */
	bool listed;        /* in the settings; else the place is free */
	bool broken;        /* does not answer; a probe will tell when it does again */
	bool looping;       /* sends our questions back to us */
	uint32_t srtt, var; /* of answers: milliseconds, in eighths and quarters; 0: none yet */
	uint64_t complained_ms, handshake_failed_ms;
};

/* The settings are others now: what is known of upstreams that stay is kept. Flights on their way
 * to one that goes look for another. */
void dns_peers_changed(const struct dns_groups *groups);
/* The peer at a place of the group. NULL: beyond its end. */
struct dns_peer *dns_peer_at(const struct dns_group *group, unsigned place);
unsigned dns_peer_number(const struct dns_peer *p); /* less than DNS_UPSTREAMS */
/* Where a new question begins, as the policy says. */
unsigned dns_peer_first(const struct dns_groups *groups, const struct dns_group *group);
socklen_t dns_peer_address(const struct dns_peer *p, union dns_sockaddr *at);

/* It answered, whatever it said; ms: how long that took, when it is clear, else -1. */
void dns_peer_answered(struct dns_peer *p, int ms);
/* error: of an exchange, ETIMEDOUT when nothing came. The first failure sets the probes going. */
void dns_peer_failed(struct dns_peer *p, int error);
void dns_peer_break(struct dns_peer *p); /* it does not answer: nobody waits for it any more */
void dns_peer_mend(struct dns_peer *p);
/* How long to wait for an answer, the first time, the second ... */
unsigned dns_peer_timeout(const struct dns_peer *p, unsigned round);
/* One line in the log, not too often. */
void dns_peer_complain(struct dns_peer *p, const char *what);
