/* dns_count.c - see dns_count.h */
#include <stdatomic.h>
#include <time.h>

#include "dns_count.h"

const uint16_t dns_size_bounds[DNS_SIZE_BOUNDS] = { 0,    100,  200,  300,   400,   511,   1023,
	                                            2047, 4095, 8291, 16000, 32000, 48000, 64000 };

static _Atomic uint64_t nowhere[DNS_COUNTERS], *counters = nowhere;
static uint8_t type_index[256];

void dns_count_start(_Atomic uint64_t *page)
{
	counters = page;
	memset(type_index, DNS_TYPES_COUNTED, sizeof(type_index));
	for (unsigned i = 0; i < DNS_TYPES_COUNTED; i++)
		type_index[dns_type_names[i].type] = (uint8_t)i;
}

static inline void add(unsigned counter, uint64_t n)
{
	/* nobody else writes: no need for a locked addition */
	uint64_t v = atomic_load_explicit(&counters[counter], memory_order_relaxed);

	atomic_store_explicit(&counters[counter], v + n, memory_order_relaxed);
}

void dns_count(unsigned counter)
{
	add(counter, 1);
}

void dns_count_add(unsigned counter, uint64_t n)
{
	add(counter, n);
}

void dns_count_set(unsigned counter, uint64_t n)
{
	atomic_store_explicit(&counters[counter], n, memory_order_relaxed);
}

static inline unsigned rcode_index(enum dns_rcode rcode)
{
	return (unsigned)rcode <= DNS_REFUSED ? (unsigned)rcode
	       : rcode == DNS_BADVERS         ? DNS_REFUSED + 1u
	                                      : DNS_REFUSED + 2u;
}

static inline void add_size(unsigned base, bool stream, size_t n)
{
	unsigned i =
		n <= 400 ? (unsigned)(n + 99) / 100 : 5; /* nearly all; 400 is the fifth bound */

	for (; n > 400 && i < DNS_SIZE_BOUNDS && n > dns_size_bounds[i]; i++)
		;
	base += stream ? DNS_SIZE_BOUNDS + 2 : 0;
	add(base + i, 1);
	add(base + DNS_SIZE_BOUNDS + 1, n);
}

void dns_count_reply(const struct dns_query *q, const struct dns_reply *out, struct dns_counted c)
{
	unsigned type = q->type < sizeof(type_index) ? type_index[q->type] : DNS_TYPES_COUNTED;

	add(DNS_COUNT_REQUESTS + (2u * c.stream + !c.v4) * DNS_COUNT_TYPES + type, 1);
	add(DNS_COUNT_RESPONSES + out->by * DNS_COUNT_RCODES + rcode_index(out->rcode), 1);
	add_size(DNS_COUNT_REQUEST_SIZE, c.stream, c.size);
	add_size(DNS_COUNT_RESPONSE_SIZE, c.stream, out->len);
	if (q->dnssec_ok)
		add(DNS_COUNT_DO, 1);
}

uint64_t dns_count_duration(uint64_t since, unsigned n)
{
	struct timespec ts;
	uint64_t now, took, bound = DNS_TIME_FIRST;
	unsigned i = 0;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	took = now - since;
	for (; i < DNS_TIME_BOUNDS && took > bound; i++)
		bound *= 2;
	add(DNS_COUNT_DURATION + i, n);
	add(DNS_COUNT_DURATION + DNS_TIME_BOUNDS + 1, took * n);
	return now;
}
