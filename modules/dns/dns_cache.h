/* dns_cache.h - answers of upstreams, kept as long as they may be. One per worker, gone with it.
 *
 * An answer is kept as it came, with the places of its TTLs beside it: a hit is a hash, a copy, and
 * these few words counted down. Good answers and denials have rings of their own (dns_ring.h), so
 * that a flood of names that do not exist drives out no name that does. Expired answers stay, for
 * when no upstream answers (RFC 8767). Failures are remembered for seconds (RFC 9520), in a table
 * beside: they hide no answer. */
#pragma once

#include "dns_upstream_msg.h"

#define DNS_CACHE_MESSAGE 4096 /* bytes of the largest answer kept */
#define DNS_STALE_TTL 30       /* seconds that clients may keep an expired one, RFC 8767 4 */
#define DNS_CACHE_MIN (64u << 10)

struct dns_cached {
	const uint8_t *msg; /* valid until the next dns_cache_put */
	size_t len;
	uint32_t age;        /* seconds */
	const uint16_t *ttl; /* where in msg its TTLs stand */
	unsigned n_ttls;
	struct dns_run run; /* told from a different one on each time */
	bool denial;
	bool refresh; /* it is asked for often and will soon expire: told once */
};

/* As the settings say it. Another size empties the cache. */
void dns_cache_configure(const struct dns_cache_settings *set);

/* stale: also one that has expired, as long ago as the settings allow. */
bool dns_cache_get(const struct dns_query *q, const struct dns_forwarded *fwd, uint64_t now_ms,
                   bool stale, struct dns_cached *out);
/* Makes a hit the end of the reply that dns_answer began. floor: the least TTL to be told. */
void dns_cache_reply(struct dns_reply *out, const struct dns_query *q,
                     const struct dns_forwarded *fwd, const struct dns_cached *hit, uint32_t floor);
/* Keeps an answer, or that there was a failure, as far as it may be kept. */
void dns_cache_put(const struct dns_query *q, const struct dns_forwarded *fwd, uint64_t now_ms,
                   const uint8_t *msg, const struct dns_upstream_msg *m);
/* No upstream answered. Then dns_cache_failed() for a second, twice that when it happens again, up
 * to five seconds. */
void dns_cache_fail(const struct dns_query *q, const struct dns_forwarded *fwd, uint64_t now_ms);
bool dns_cache_failed(const struct dns_query *q, const struct dns_forwarded *fwd, uint64_t now_ms);
void dns_cache_clear(void);
size_t dns_cache_len(bool denials); /* entries, expired ones too */

/* What tells questions to upstreams apart: name, type, and the flags that change the answer. */
#define DNS_QUESTION_KEY (DNS_NAME_MAX + 3)
size_t dns_question_key(const struct dns_query *q, const struct dns_forwarded *fwd,
                        uint8_t out[static DNS_QUESTION_KEY]);
