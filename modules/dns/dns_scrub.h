/* dns_scrub.h - of an upstream's answer, what belongs to the question, written anew. Pure.
 *
 * Kept are: the chain of aliases from the question's name on, and the records of the asked type at
 * its end; of a denial the SOA; with DNSSEC the proofs beside them. Everything else is dropped: a
 * server that is asked for one name has no say about others (RFC 5452 6). The cluster's own names
 * are nobody else's: an alias may lead to one, but what is said of it there is dropped.
 *
 * The names in the result are sound: no pointer in it comes from the upstream. */
#pragma once

#include "dns_answer.h"

#define DNS_SCRUB_CHAIN 12 /* aliases followed, as resolvers do */

struct dns_scrub {
	const uint8_t *target; /* what was asked for: lower case, wire form */
	size_t target_len;
	uint16_t type;
	bool dnssec;
	const uint8_t *zone; /* ours */
	size_t zone_len;
};

/* msg has been through dns_upstream_check. Returns the length of what was written to out, which
 * keeps flags and rcode and has the target as its question; 0: a broken name or a loop of aliases,
 * not to be believed. What does not fit max is left out, and the answer marked as truncated. */
size_t dns_scrub(const struct dns_scrub *s, const uint8_t *msg, size_t n, uint8_t *out, size_t max);
