/* proxy_count.c - requests and their time, by route (proxy_log.h).
 *
 * The first ROUTES_COUNTED routes that are asked for have a place of their own in the shared pages,
 * all others one together. Places of routes that are no longer there are given on, when they are
 * needed. */
#include <string.h>

#include <knetd/map.h>

#include "proxy.h"
#include "proxy_log.h"

const uint32_t route_bounds_us[ROUTE_BOUNDS] = { 1000,   5000,   10000,   25000,   50000,   100000,
	                                         250000, 500000, 1000000, 2500000, 10000000 };

static struct route_count *places;
static unsigned n_places;  /* of them were given */
static struct map by_name; /* struct route_count by name */
static bool may_reclaim;   /* other routes than when it was tried last */
static const struct table_action *last_action;
static struct route_count *last;

void route_count_start(struct proxy_shared *s)
{
	places = s->routes;
	route_count_changed();
}

void route_count_changed(void)
{
	may_reclaim = true;
	last_action = NULL;
	last = NULL;
}

static void place_clear(struct route_count *p)
{
	atomic_store_explicit(&p->name_n, 0, memory_order_release);
	for (unsigned i = 0; i < 6; i++)
		atomic_store_explicit(&p->codes[i], 0, memory_order_relaxed);
	for (unsigned i = 0; i <= ROUTE_BOUNDS; i++)
		atomic_store_explicit(&p->took[i], 0, memory_order_relaxed);
	atomic_store_explicit(&p->took_us, 0, memory_order_relaxed);
}

static void mark(bool *used, const struct table_action *a)
{
	struct route_count *p = a ? map_get(&by_name, a->route.p, a->route.n) : NULL;

	if (p)
		used[p - places] = true;
}

static void mark_shard(bool *used, const struct table_shard *s)
{
	const struct table_action *before = NULL;

	for (uint32_t i = 0; s && i < s->n_places; i++)
		for (uint32_t k = 0; k < s->places[i].n_rules; k++) {
			const struct table_action *a = s->places[i].rules[k].action;

			if (a != before)
				mark(used, a);
			before = a;
		}
}

/* Takes back the places of routes that the table no longer has. */
static void reclaim(void)
{
	bool used[ROUTES_COUNTED] = { false };
	const struct table *t = proxy_table();

	may_reclaim = false;
	for (uint32_t i = 0; i < t->n_ports; i++)
		for (uint32_t k = 0; k < t->ports[i].n_listeners; k++)
			mark(used, t->ports[i].listeners[k].otherwise);
	for (uint32_t i = 0; i < TABLE_SHARDS; i++)
		mark_shard(used, proxy_shard(i));
	for (unsigned i = 0; i < n_places; i++)
		if (!used[i] && places[i].name_n) {
			map_del(&by_name, places[i].name, places[i].name_n);
			place_clear(&places[i]);
		}
}

static struct route_count *free_place(void)
{
	if (n_places < ROUTES_COUNTED)
		return &places[n_places++];
	if (may_reclaim)
		reclaim();
	for (unsigned i = 0; i < ROUTES_COUNTED; i++)
		if (!places[i].name_n)
			return &places[i];
	return NULL;
}

static struct route_count *place_of(struct span route)
{
	struct route_count *p = map_get(&by_name, route.p, route.n);

	if (p)
		return p;
	if (!route.n || route.n > ROUTE_NAME_MAX || !(p = free_place()))
		return &places[ROUTES_COUNTED];
	memcpy(p->name, route.p, route.n);
	atomic_store_explicit(&p->name_n, (uint32_t)route.n, memory_order_release);
	map_put(&by_name, p->name, route.n, p);
	return p;
}

static void add(_Atomic uint64_t *word, uint64_t n)
{
	/* nobody else writes: no need for a locked addition */
	uint64_t v = atomic_load_explicit(word, memory_order_relaxed);

	atomic_store_explicit(word, v + n, memory_order_relaxed);
}

void route_count_end(const struct exchange *x, uint64_t took_ns)
{
	uint64_t us = took_ns / 1000;
	unsigned i = 0;

	if (!places)
		return;
	if (x->action != last_action || !last) {
		last = place_of(x->action->route);
		last_action = x->action;
	}
	while (i < ROUTE_BOUNDS && us > route_bounds_us[i])
		i++;
	add(&last->took[i], 1);
	add(&last->took_us, us);
	add(&last->codes[x->answered && x->status < 600 ? x->status / 100 : 0], 1);
}
