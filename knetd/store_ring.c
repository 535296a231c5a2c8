/* store_ring.c - the newest STORE_RING changes, and the cursors that read them. */
#include <knetd/store.h>

#include "store_int.h"

static struct {
	struct change changes[STORE_RING]; /* old and new hold references */
	uint64_t first, next; /* places, ever growing; first <= next <= first + STORE_RING */
} ring;

static struct change *at(uint64_t place)
{
	return &ring.changes[place % STORE_RING];
}

static void drop_first(void)
{
	struct change *c = at(ring.first++);

	object_unref((struct object *)c->old);
	object_unref((struct object *)c->new);
}

void ring_add(enum kind kind, struct object *old, struct object *new, uint64_t version)
{
	if (ring.next - ring.first == STORE_RING)
		drop_first();
	*at(ring.next++) = (struct change){
		.version = version,
		.kind = kind,
		.old = old ? object_ref(old) : NULL,
		.new = new ? object_ref(new) : NULL,
	};
}

void ring_reset(void)
{
	while (ring.first < ring.next)
		drop_first();
}

void cursor_now(struct cursor *c)
{
	c->next = ring.next;
}

/* Versions in the ring only grow, but not by one: an aborted write leaves a gap. */
bool cursor_at(struct cursor *c, uint64_t version)
{
	uint64_t lo = ring.first, hi = ring.next;

	c->next = UINT64_MAX; /* lost, until found */
	if (version > store_version())
		return false;
	if (version < store_version() &&
	    (ring.first == ring.next || version + 1 < at(ring.first)->version))
		return false;
	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;

		if (at(mid)->version <= version)
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
	*out = *at(c->next++);
	return CURSOR_CHANGE;
}
