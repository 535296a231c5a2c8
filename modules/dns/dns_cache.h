/* dns_cache.h - answers of upstreams, kept as long as they may be. One per worker, bounded in
 * entries and bytes; the least recently used goes first. Answers that have expired stay for the day
 * when no upstream answers (RFC 8767). */
#pragma once

#include "dns_upstream_msg.h"

#define DNS_CACHE_ENTRIES 4096
#define DNS_CACHE_BYTES (4u << 20)
#define DNS_CACHE_MESSAGE 4096 /* bytes of the largest answer kept */

struct dns_cached {
	const uint8_t *msg; /* valid until the next dns_cache_put */
	size_t len;
	uint32_t age; /* seconds */
};

/* stale: also one that has expired, for at most a day. */
bool dns_cache_get(const struct dns_query *q, const struct dns_forwarded *fwd, uint64_t now_ms,
                   bool stale, struct dns_cached *out);
void dns_cache_put(const struct dns_query *q, const struct dns_forwarded *fwd, uint64_t now_ms,
                   const uint8_t *msg, const struct dns_upstream_msg *m);
void dns_cache_clear(void);
size_t dns_cache_len(void);

/* What tells questions to upstreams apart: name, type, and the flags that change the answer. */
#define DNS_QUESTION_KEY (DNS_NAME_MAX + 3)
size_t dns_question_key(const struct dns_query *q, const struct dns_forwarded *fwd,
                        uint8_t out[static DNS_QUESTION_KEY]);
