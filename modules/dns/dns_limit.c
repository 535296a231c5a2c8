/* dns_limit.c - see dns_limit.h. The table is cut into sets of a few buckets; a network may be in
 * any bucket of its set, and takes the one that was used longest ago when it is in none. Where in
 * the table a network lies only this process knows. */
#include <string.h>

#include <knetd/auto.h>
#include <knetd/map.h>

#include "dns_limit.h"

#define SETS 1024
#define WAYS 4
#define MILLI 1000u /* tokens are counted in thousandths, which is what a millisecond brings */

struct bucket {
	uint64_t net; /* hash of the prefix; 0: free */
	uint64_t used_ms;
	uint32_t milli; /* thousandths of an answer */
};

static struct bucket table[SETS][WAYS];

static uint64_t network(const struct ip *ip)
{
	return hash_bytes(ip->b, ip->len == 4 ? 3 : 7, hash_seed()) | 1;
}

static struct bucket *find(uint64_t net, uint64_t now_ms, uint32_t full)
{
	struct bucket *set = table[(net >> 32) % SETS], *oldest = set;

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].net == net)
			return &set[i];
		if (set[i].used_ms < oldest->used_ms)
			oldest = &set[i];
	}
	*oldest = (struct bucket){ .net = net, .used_ms = now_ms, .milli = full };
	return oldest;
}

bool dns_limit_take(const struct ip *to, uint32_t rate, uint64_t now_ms)
{
	uint32_t full = rate * DNS_LIMIT_BURST * MILLI;
	struct bucket *b = find(network(to), now_ms, full);
	uint64_t milli = b->milli + (now_ms - b->used_ms) * rate; /* thousandths: rate a second */

	b->used_ms = now_ms;
	b->milli = milli < full ? (uint32_t)milli : full;
	if (b->milli < MILLI)
		return false;
	b->milli -= MILLI;
	return true;
}
