/* proxy_grave.c - what has ended, freed after the turn; and timers that are seldom really set. */
#include <stddef.h>

#include <knetd/auto.h>

#include "proxy.h"

static struct list dead = LIST_INIT(dead);

static void free_all(void)
{
	while (!list_empty(&dead)) {
		struct grave *g = container_of(dead.next, struct grave, link);

		list_del(&g->link);
		g->free(g);
	}
}

void bury(struct grave *g, void (*free)(struct grave *g))
{
	static bool watching;

	if (g->free)
		return;
	if (!watching)
		loop_after(free_all);
	watching = true;
	g->free = free;
	list_add_tail(&dead, &g->link);
}

/* ---- deadlines ------------------------------------------------------------------------------ */

#define NEVER UINT64_MAX

static void on_ring(struct timer *t)
{
	struct deadline *d = container_of(t, struct deadline, timer);

	if (d->until == NEVER)
		return;
	if (d->until > loop_now())
		timer_set(&d->timer, d->until - loop_now());
	else
		d->fn(d);
}

void deadline_set(struct deadline *d, uint64_t ms_from_now)
{
	d->until = loop_now() + ms_from_now;
	d->timer.fn = on_ring;
	if (!d->timer.heap || d->timer.at > d->until)
		timer_set(&d->timer, ms_from_now);
}

void deadline_rest(struct deadline *d)
{
	d->until = NEVER;
}

void deadline_del(struct deadline *d)
{
	timer_del(&d->timer);
}
