/* store_ring.c - the history: the newest changes, and the cursors that read them.
 *
 * It is bounded three ways: by count (STORE_RING), by the bytes of the states that only it still
 * holds (STORE_RING_BYTES), and by age (store_forget). Its table grows with what is in it and
 * shrinks again. For every kind it knows the newest change it has dropped, so that a busy kind
 * costs the readers of a quiet one nothing: they are lost only when something of theirs is. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <knetd/auto.h>
#include <knetd/handover.h>
#include <knetd/store.h>

#include "store_int.h"

#define SMALLEST 256 /* places, a power of two as every size */

struct entry {
	struct change change; /* old and new hold references */
	time_t at;            /* CLOCK_MONOTONIC seconds */
};

static struct {
	struct entry *entries; /* `size` of them */
	size_t size, bytes;
	uint64_t first, next;         /* places, ever growing; first <= next <= first + size */
	uint64_t dropped[KIND_COUNT]; /* newest version not remembered any more */
	uint64_t newest[KIND_COUNT];
} ring;

static struct entry *at(uint64_t place)
{
	return &ring.entries[place & (ring.size - 1)];
}

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec;
}

/* What was replaced lives on for the ring's sake alone. */
static size_t weight(const struct change *c)
{
	return c->old ? sizeof(*c->old) + c->old->json_len : 0;
}

static void drop_first(void)
{
	struct change *c = &at(ring.first++)->change;

	ring.bytes -= weight(c);
	ring.dropped[c->kind] = c->version;
	object_unref((struct object *)c->old);
	object_unref((struct object *)c->new);
}

static void resize(size_t size)
{
	struct entry *moved = xcalloc(size, sizeof(*moved));

	for (uint64_t i = ring.first; i < ring.next; i++)
		moved[i & (size - 1)] = *at(i);
	free(ring.entries);
	ring.entries = moved;
	ring.size = size;
}

static void make_room(void)
{
	size_t n = ring.next - ring.first;

	if (n == ring.size && n < STORE_RING)
		resize(n ? n * 2 : SMALLEST);
	else if (n == ring.size)
		drop_first();
}

void ring_add(enum kind kind, struct object *old, struct object *new, uint64_t version)
{
	struct entry e = {
		.change = { .version = version,
		            .kind = kind,
		            .old = old ? object_ref(old) : NULL,
		            .new = new ? object_ref(new) : NULL },
		.at = now(),
	};

	make_room();
	ring.bytes += weight(&e.change);
	*at(ring.next++) = e;
	ring.newest[kind] = version;
	while (ring.bytes > STORE_RING_BYTES && ring.next - ring.first > 1)
		drop_first();
}

void store_forget(unsigned seconds)
{
	size_t size = ring.size;

	while (ring.first < ring.next && at(ring.first)->at + (time_t)seconds < now())
		drop_first();
	while (size > SMALLEST && ring.next - ring.first <= size / 4)
		size /= 2;
	if (size < ring.size)
		resize(size);
}

void ring_weigh(size_t *changes, size_t *bytes)
{
	*changes = ring.next - ring.first;
	*bytes = ring.bytes + ring.size * sizeof(*ring.entries);
}

void ring_reset(void)
{
	while (ring.first < ring.next)
		drop_first();
	free(ring.entries);
	ring.entries = NULL;
	ring.size = 0;
	for (int k = 0; k < KIND_COUNT; k++) /* what was before the start is not known */
		ring.dropped[k] = ring.newest[k] = store_version();
}

/* To the one that takes our place: nothing happens in between, so a reader who has seen the newest
 * change of a kind has missed none. */
void store_history_leave(void)
{
	for (int k = 0; k < KIND_COUNT; k++) {
		char key[96];

		snprintf(key, sizeof(key), "history/%s", kind_info[k].plural);
		handover_say(key, "%llu", (unsigned long long)ring.newest[k]);
	}
}

void ring_inherit(void)
{
	for (int k = 0; k < KIND_COUNT; k++) {
		char key[96];
		uint64_t newest;

		snprintf(key, sizeof(key), "history/%s", kind_info[k].plural);
		newest = strtoull(handover_text(key), NULL, 10);
		if (newest && newest <= ring.dropped[k])
			ring.dropped[k] = ring.newest[k] = newest;
	}
}

void cursor_now(struct cursor *c)
{
	c->next = ring.next;
}

/* Versions in the ring only grow, but not by one: an aborted write leaves a gap. */
bool cursor_at(struct cursor *c, enum kind kind, uint64_t version)
{
	uint64_t lo = ring.first, hi = ring.next;

	c->next = UINT64_MAX; /* lost, until found */
	if (version > store_version() || version < ring.dropped[kind])
		return false;
	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;

		if (at(mid)->change.version <= version)
			lo = mid + 1;
		else
			hi = mid;
	}
	c->next = lo;
	return true;
}

enum cursor_result cursor_next(struct cursor *c, struct change *out)
{
	if (c->next < ring.first || c->next > ring.next)
		return CURSOR_LOST;
	if (c->next == ring.next)
		return CURSOR_END;
	*out = at(c->next++)->change;
	return CURSOR_CHANGE;
}
