/* choice.c - see choice.h */
#include <knetd/choice.h>

static bool last_resort(const struct view_endpoint *e)
{
	return !e->ready && e->serving && e->terminating;
}

static bool is_on(const struct view_endpoint *e, bool local)
{
	return e->port && (!local || e->local);
}

static bool has_ready(const struct endpoint_set *all, bool local)
{
	for (unsigned i = 0; i < all->n; i++)
		if (is_on(&all->v[i], local) && all->v[i].ready)
			return true;
	return false;
}

/* Every ready endpoint must have such hints, and one of them must be for us: then ours, else 0. */
static uint8_t hint_in_force(const struct endpoint_set *all, uint8_t have, uint8_t ours)
{
	uint8_t found = 0;

	for (unsigned i = 0; i < all->n; i++) {
		const struct view_endpoint *e = &all->v[i];

		if (!e->port || !e->ready)
			continue;
		if (!(e->hints & have))
			return 0;
		found |= e->hints & ours;
	}
	return found;
}

static void pick(const struct endpoint_set *all, bool local, uint8_t hint, struct arena *a,
                 struct endpoint_set *out)
{
	bool ready = has_ready(all, local);

	*out = (struct endpoint_set){ .v = arena_alloc(a, all->n * sizeof(*out->v)) };
	for (unsigned i = 0; i < all->n; i++) {
		const struct view_endpoint *e = &all->v[i];

		if (!is_on(e, local) || !(ready ? e->ready : last_resort(e)))
			continue;
		if (!ready || !hint || (e->hints & hint))
			out->v[out->n++] = *e;
	}
}

void choice_make(const struct endpoint_set *all, struct arena *a, struct choice *out)
{
	uint8_t hint = hint_in_force(all, HINTS_NODES, HINTS_NODE);

	if (!hint)
		hint = hint_in_force(all, HINTS_ZONES, HINTS_ZONE);
	pick(all, false, hint, a, &out->cluster);
	pick(all, true, 0, a, &out->local);
	out->any = out->cluster.n > 0;
}
