/* dns_count.h - the words of a worker's shared page: counted in the worker, told by dns_metrics.c.
 *
 * Nobody else writes a worker's page, so that counting is a load, an addition and a store. */
#pragma once

#include <assert.h>

#include <knetd/worker.h>

#include "dns_answer.h"
#include "dns_text.h"

#define DNS_COUNT_TYPES (DNS_TYPES_COUNTED + 1)
#define DNS_COUNT_RCODES 8 /* 0 to 5, BADVERS, all others */
/* Of histograms: the upper bounds. Behind the words of these lie one for what is above, and the
 * sum of all. */
#define DNS_TIME_BOUNDS 16 /* 250 us, twice that, ... */
#define DNS_SIZE_BOUNDS 14
#define DNS_TIME_FIRST 250000u /* ns */
extern const uint16_t dns_size_bounds[DNS_SIZE_BOUNDS];

enum dns_counter {
	DNS_COUNT_REQUESTS,                                             /* [TCP][IPv6][type] */
	DNS_COUNT_RESPONSES = DNS_COUNT_REQUESTS + 4 * DNS_COUNT_TYPES, /* [source][rcode] */
	DNS_COUNT_DURATION = DNS_COUNT_RESPONSES + DNS_SOURCES * DNS_COUNT_RCODES, /* ns */
	DNS_COUNT_REQUEST_SIZE = DNS_COUNT_DURATION + DNS_TIME_BOUNDS + 2,         /* [TCP] */
	DNS_COUNT_RESPONSE_SIZE = DNS_COUNT_REQUEST_SIZE + 2 * (DNS_SIZE_BOUNDS + 2),
	DNS_COUNT_DO = DNS_COUNT_RESPONSE_SIZE + 2 * (DNS_SIZE_BOUNDS + 2),
	DNS_COUNT_DROPPED, /* no answer: not a query */
	DNS_COUNT_LIMITED, /* beyond the rate of their network: none, or one of the question's size
	                    */
	DNS_COUNT_PROHIBITED, /* who is not in `allow` */
	DNS_COUNT_CACHE_HIT,
	DNS_COUNT_CACHE_HIT_DENIAL,
	DNS_COUNT_CACHE_MISS,
	DNS_COUNT_CACHE_PREFETCH,
	DNS_COUNT_CACHE_GOOD, /* entries: the two words that do not only grow */
	DNS_COUNT_CACHE_DENIALS,
	DNS_COUNT_CACHE_EVICTED, /* before their time */
	DNS_COUNT_CACHE_EVICTED_DENIALS,
	DNS_COUNT_CACHE_STALE,
	DNS_COUNT_FORWARD_FAILED,  /* given up: no upstream answered */
	DNS_COUNT_FORWARD_REFUSED, /* not asked: nobody there, or a share used up */
	DNS_COUNT_ALL_BROKEN,      /* questions for a group where no upstream answers */
	DNS_COUNT_PROBE_FAILED,    /* health checks */
	DNS_COUNT_TCP_REFUSED,     /* connections closed for others, at the limit */
	DNS_COUNT_UPSTREAM,        /* [number][enum dns_upstream_counter] */
	DNS_COUNTERS = DNS_COUNT_UPSTREAM + 4 * DNS_UPSTREAMS
};
enum dns_upstream_counter {
	DNS_UPSTREAM_ASKED,
	DNS_UPSTREAM_ANSWERED, /* of the answers whose time is known */
	DNS_UPSTREAM_TOOK,     /* milliseconds, those together */
	DNS_UPSTREAM_BROKEN,   /* 1: left alone, as it does not answer */
};
static inline unsigned dns_upstream_counter(unsigned number, enum dns_upstream_counter c)
{
	return DNS_COUNT_UPSTREAM + 4 * number + c;
}

static_assert(DNS_COUNTERS <= WORKER_COUNTERS, "the page has a word for each");

void dns_count_start(_Atomic uint64_t *counters);
void dns_count(unsigned counter);
void dns_count_set(unsigned counter, uint64_t n);
void dns_count_add(unsigned counter, uint64_t n);

struct dns_counted {
	bool stream, v4;
	uint16_t size; /* of the request */
};
void dns_count_reply(const struct dns_query *q, const struct dns_reply *out, struct dns_counted c);
/* n answers that took from then until now, as loop_now_ns counts. Returns now. */
uint64_t dns_count_duration(uint64_t since, unsigned n);
