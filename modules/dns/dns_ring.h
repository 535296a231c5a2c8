/* dns_ring.h - a bounded store: a ring of bytes, and an index of the entries in it by their hash.
 *
 * An entry is written behind the newest; the oldest make room for it. One that was used since it
 * was written moves to the new end instead, once each time it is the oldest (the clock algorithm),
 * so that what is asked for stays and a flood of names that nobody asks for twice runs through. All
 * memory is taken at once: adding allocates nothing and leaves no gaps. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_RING_MIN 16384 /* bytes; no entry may be larger than half of that */

struct dns_ring_entry { /* what the owner keeps follows */
	uint64_t hash;
	uint64_t until_ms; /* it is no loss afterwards */
	uint32_t size;     /* of all, a multiple of 8 */
	uint32_t next;     /* in its bucket: an offset, 0: none */
	bool dead;
	bool used; /* set by the owner */
};

struct dns_ring {
	uint8_t *p; /* NULL: nothing was added yet */
	uint32_t size;
	uint32_t *bucket;
	uint32_t mask;            /* of buckets */
	uint32_t head, tail, end; /* newest, oldest; wrapped: where the upper part ends */
	bool wrapped;
	uint32_t n;       /* entries that are not dead */
	uint64_t evicted; /* entries that made room before their time */
};

/* Those with that hash, newest first; then dns_ring_next(). */
struct dns_ring_entry *dns_ring_find(const struct dns_ring *r, uint64_t hash);
struct dns_ring_entry *dns_ring_next(const struct dns_ring *r, const struct dns_ring_entry *e);
/* Room for an entry of that size, the fields above filled in. r->size says how much a ring takes
 * when the first one comes. Every other entry may be somewhere else afterwards, or gone. */
struct dns_ring_entry *dns_ring_add(struct dns_ring *r, uint64_t hash, size_t size, uint64_t now_ms,
                                    uint64_t until_ms);
void dns_ring_kill(struct dns_ring *r, struct dns_ring_entry *e);
void dns_ring_free(struct dns_ring *r); /* empty again, of the same size */
