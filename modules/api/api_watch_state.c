/* api_watch_state.c - see api_watch.h. A thousand clients that come back after a restart share one
 * list of references. */
#include <stdlib.h>

#include <knetd/auto.h>

#include "api_object.h"
#include "api_watch.h"

static struct state *newest[KIND_COUNT]; /* borrowed: cleared when the last user goes */

struct state *state_now(enum kind kind)
{
	struct state *s = newest[kind];
	const struct object *o;

	if (s && s->version == store_version()) {
		s->refs++;
		return s;
	}
	s = xmalloc(sizeof(*s) + store_count(kind) * sizeof(s->v[0]));
	*s = (struct state){ .refs = 1, .kind = kind, .version = store_version() };
	for (size_t i = 0; (o = store_next_object(kind, &i));)
		s->v[s->n++] = object_ref(o);
	objects_sort(s->v, s->n);
	newest[kind] = s;
	return s;
}

void state_unref(struct state *s)
{
	if (!s || --s->refs)
		return;
	for (size_t i = 0; i < s->n; i++)
		object_unref((struct object *)s->v[i]);
	if (newest[s->kind] == s)
		newest[s->kind] = NULL;
	free(s);
}
