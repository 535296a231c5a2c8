/* api_snapshot.c - the objects of a kind at the present, or as they stood at an earlier version:
 * the history says what each key that has changed since was then. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/map.h>

#include "api_object.h"

static bool wanted(const struct call *c, const struct selector *s, const struct object *o)
{
	return (!*c->target.ns || !strcmp(o->ns, c->target.ns)) && selector_match(s, o);
}

/* key -> the first change behind the version; its old state is what stood there then. */
static bool read_history(struct map *since, struct arena *a, enum kind kind, uint64_t version)
{
	struct cursor cursor;
	struct change change;

	if (!cursor_at(&cursor, kind, version))
		return false;
	while (cursor_next(&cursor, &change) == CURSOR_CHANGE) {
		const char *key = change.old ? change.old->key : change.new->key;
		struct change *copy;

		if (change.kind != kind || map_get(since, key, strlen(key)))
			continue;
		copy = arena_alloc(a, sizeof(*copy));
		*copy = change;
		map_put(since, key, strlen(key), copy);
	}
	return true;
}

static size_t collect_present(const struct call *c, const struct selector *s,
                              const struct map *since, const struct object **v)
{
	const struct object *o;
	size_t n = 0;

	for (size_t i = 0; (o = store_next_object(c->target.kind, &i));)
		if (!map_get(since, o->key, strlen(o->key)) && wanted(c, s, o))
			v[n++] = o;
	return n;
}

const struct object **snapshot_collect(struct call *c, const struct selector *s, uint64_t version,
                                       size_t *n)
{
	struct map since = { 0 };
	const struct object **v = NULL;
	const struct change *change;

	if (!version || read_history(&since, &c->arena, c->target.kind, version)) {
		v = xmalloc((store_count(c->target.kind) + since.len + 1) * sizeof(*v));
		*n = collect_present(c, s, &since, v);
		for (size_t i = 0; (change = map_next(&since, &i));)
			if (change->old && wanted(c, s, change->old))
				v[(*n)++] = change->old;
	}
	map_free(&since);
	return v;
}
