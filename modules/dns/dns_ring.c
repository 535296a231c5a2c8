/* dns_ring.c - see dns_ring.h.
 *
 *        tail        head                       head    tail         end
 *   |....[oldest ... newest].......|     |...newest].....[oldest ... ]..|
 *                                          wrapped: the new part lies before the old one
 */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "dns_ring.h"

#define START 8            /* offset 0 says "none" */
#define BYTES_A_BUCKET 256 /* about an entry */
#define MOVES_MAX 256      /* used entries that are kept for one that is added */

static struct dns_ring_entry *at(const struct dns_ring *r, uint32_t offset)
{
	return offset ? (struct dns_ring_entry *)(r->p + offset) : NULL;
}

static uint32_t offset_of(const struct dns_ring *r, const struct dns_ring_entry *e)
{
	return (uint32_t)((const uint8_t *)e - r->p);
}

/* ---- the index ---------------------------------------------------------------------------------
 */

static struct dns_ring_entry *with_hash(const struct dns_ring *r, uint32_t offset, uint64_t hash)
{
	struct dns_ring_entry *e = at(r, offset);

	while (e && e->hash != hash)
		e = at(r, e->next);
	return e;
}

struct dns_ring_entry *dns_ring_find(const struct dns_ring *r, uint64_t hash)
{
	return r->n ? with_hash(r, r->bucket[hash & r->mask], hash) : NULL;
}

struct dns_ring_entry *dns_ring_next(const struct dns_ring *r, const struct dns_ring_entry *e)
{
	return with_hash(r, e->next, e->hash);
}

/* The word that leads to the entry. */
static uint32_t *link_to(const struct dns_ring *r, const struct dns_ring_entry *e)
{
	uint32_t *word = &r->bucket[e->hash & r->mask], offset = offset_of(r, e);

	while (*word != offset)
		word = &at(r, *word)->next;
	return word;
}

void dns_ring_kill(struct dns_ring *r, struct dns_ring_entry *e)
{
	*link_to(r, e) = e->next;
	e->dead = true;
	r->n--;
}

/* ---- room --------------------------------------------------------------------------------------
 */

static void tail_passed(struct dns_ring *r, uint32_t size)
{
	r->tail += size;
	if (r->wrapped && r->tail == r->end) {
		r->tail = START;
		r->wrapped = false;
	}
}

/* Is there room for it at the head? What lies between head and tail is at least as large as what
 * leaves the tail, but at the upper end it may be cut in two. */
static bool fits(const struct dns_ring *r, uint32_t size)
{
	return (r->wrapped ? r->tail : r->size) - r->head >= size;
}

static void wrap(struct dns_ring *r)
{
	r->end = r->head;
	r->head = START;
	r->wrapped = r->tail != r->end;
	if (!r->wrapped)
		r->tail = START; /* it was empty */
}

static void keep(struct dns_ring *r, struct dns_ring_entry *e)
{
	uint32_t size = e->size;

	e->used = false;
	*link_to(r, e) = r->head;
	memmove(r->p + r->head, e, size);
	r->head += size;
	tail_passed(r, size);
}

/* The oldest leaves, or moves to the new end. */
static void drop_oldest(struct dns_ring *r, uint64_t now_ms, unsigned *moves)
{
	struct dns_ring_entry *e = at(r, r->tail);
	bool lives = !e->dead && e->until_ms > now_ms;

	if (lives && e->used && *moves) {
		--*moves;
		keep(r, e);
		return;
	}
	r->evicted += lives;
	if (!e->dead)
		dns_ring_kill(r, e);
	tail_passed(r, e->size);
}

static void start(struct dns_ring *r)
{
	uint32_t buckets = 64;

	while (buckets < r->size / BYTES_A_BUCKET)
		buckets *= 2;
	r->p = xcalloc(1, r->size);
	r->bucket = xcalloc(buckets, sizeof(*r->bucket));
	r->mask = buckets - 1;
	r->head = r->tail = START;
}

struct dns_ring_entry *dns_ring_add(struct dns_ring *r, uint64_t hash, size_t want, uint64_t now_ms,
                                    uint64_t until_ms)
{
	uint32_t size = (uint32_t)(want + 7) & ~7u;
	unsigned moves = MOVES_MAX;
	struct dns_ring_entry *e;

	if (!r->p)
		start(r);
	while (!fits(r, size)) {
		if (r->wrapped)
			drop_oldest(r, now_ms, &moves);
		else
			wrap(r);
	}
	e = at(r, r->head);
	*e = (struct dns_ring_entry){
		.hash = hash, .until_ms = until_ms, .size = size, .next = r->bucket[hash & r->mask]
	};
	r->bucket[hash & r->mask] = r->head;
	r->head += size;
	r->n++;
	return e;
}

void dns_ring_free(struct dns_ring *r)
{
	free(r->p);
	free(r->bucket);
	*r = (struct dns_ring){ .size = r->size, .evicted = r->evicted };
}
