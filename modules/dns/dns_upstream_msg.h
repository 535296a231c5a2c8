/* dns_upstream_msg.h - what an upstream sent: checked, measured, and made into our answer. Pure. */
#pragma once

#include "dns_answer.h"

struct dns_upstream_msg {
	size_t len; /* without the OPT record, which was between the upstream and us */
	enum dns_rcode rcode;
	bool truncated;
	bool denial;  /* there is no such name, or no such record */
	uint32_t ttl; /* seconds it may be kept, 0: not at all */
};

/* Checks that p is a sound answer to the question id, target, type. Its OPT record, and whatever
 * stands behind that, is cut off. false: not to be believed. */
bool dns_upstream_check(uint8_t *p, size_t n, uint16_t id, const struct dns_forwarded *fwd,
                        uint16_t type, struct dns_upstream_msg *out);

/* Of a message that dns_upstream_check has seen. */
static inline enum dns_rcode dns_upstream_rcode(const uint8_t *msg)
{
	return (enum dns_rcode)(msg[3] & DNS_RCODE);
}

/* Makes msg, which dns_upstream_check has seen, the end of the reply that dns_answer began. Its
 * records are `age` seconds older by now; floor: the least TTL to be told. */
void dns_upstream_merge(struct dns_reply *out, const struct dns_query *q,
                        const struct dns_forwarded *fwd, const uint8_t *msg, size_t n, uint32_t age,
                        uint32_t floor);
/* The end of that: what the message says of itself, and the OPT record. */
void dns_upstream_end(struct dns_reply *out, const struct dns_query *q,
                      const struct dns_forwarded *fwd, const uint8_t *msg);
void dns_upstream_counts(struct dns_reply *out, const uint8_t *msg); /* its records, taken whole */
/* Where its TTLs stand; returns how many. */
unsigned dns_upstream_ttls(const uint8_t *msg, size_t n, const struct dns_forwarded *fwd,
                           uint16_t *at, unsigned max);
/* Addresses that stand in a row and may be told in any order. */
struct dns_run {
	uint16_t at, size, n; /* of each record; how many */
};
struct dns_run dns_upstream_run(const uint8_t *msg, size_t n, const struct dns_forwarded *fwd);
static inline uint32_t dns_ttl_aged(uint32_t ttl, uint32_t age, uint32_t floor)
{
	return ttl > age + floor ? ttl - age : floor;
}
