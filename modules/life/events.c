/* events.c - Events are worth a while: each is deleted when nobody has written it for [api]
 * event_ttl seconds (a cluster's API server keeps them an hour), and the oldest go when there are
 * more than EVENTS_MAX. One timer, deletions in batches. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/loop.h>
#include <knetd/map.h>

#include "life_int.h"

#define EVENTS_MAX 2000
#define BATCH_MS 1000 /* the timer is not asked for more often */

struct kept {
	struct list in_all;
	uint64_t until; /* loop_now() */
	char key[];
};

static struct list all = LIST_INIT(all); /* oldest first */
static struct map by_key;

static void forget(const char *key)
{
	struct kept *k = map_del(&by_key, key, strlen(key));

	if (k)
		list_del(&k->in_all);
	free(k);
}

static void keep(const char *key, uint64_t ms)
{
	size_t n = strlen(key);
	struct kept *k = map_get(&by_key, key, n);

	if (!k) {
		k = xmalloc(sizeof(*k) + n + 1);
		memcpy(k->key, key, n + 1);
		map_put(&by_key, k->key, n, k);
	} else {
		list_del(&k->in_all);
	}
	k->until = loop_now() + ms;
	list_add_tail(&all, &k->in_all);
}

void events_changed(const struct object *old, const struct object *new)
{
	if (new)
		keep(new->key, (uint64_t)conf.api.event_ttl * 1000);
	else if (old)
		forget(old->key);
}

void events_forget(void)
{
	while (!list_empty(&all))
		forget(container_of(all.next, struct kept, in_all)->key);
	map_free(&by_key);
}

/* ---- at start: how old is it? -----------------------------------------------------------------
 */

static time_t time_at(yyjson_val *root, const char *path)
{
	const char *text = json_str(root, path);
	struct tm tm = { 0 };

	return text && strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) ? timegm(&tm) : 0;
}

static time_t last_written(const struct object *o)
{
	static const char *const paths[] = { "metadata.creationTimestamp", "lastTimestamp",
		                             "eventTime", "series.lastObservedTime" };
	auto_doc yyjson_doc *doc = object_doc(o);
	time_t last = 0;

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		time_t t = time_at(yyjson_doc_get_root(doc), paths[i]);

		last = t > last ? t : last;
	}
	return last;
}

static int by_version(const void *a, const void *b)
{
	const struct object *x = *(const struct object *const *)a,
			    *y = *(const struct object *const *)b;

	return (x->version > y->version) - (x->version < y->version);
}

void events_read_all(void)
{
	auto_free const struct object **v =
		xmalloc((store_count(KIND_EVENT) + 1) * sizeof(struct object *));
	time_t now = time(NULL);
	const struct object *o;
	size_t n = 0;

	events_forget();
	for (size_t i = 0; (o = store_next_object(KIND_EVENT, &i));)
		v[n++] = o;
	qsort(v, n, sizeof(*v), by_version);
	for (size_t i = 0; i < n; i++) {
		time_t age = now - last_written(v[i]);
		uint64_t left = age < 0                     ? conf.api.event_ttl
		                : age >= conf.api.event_ttl ? 0
		                                            : conf.api.event_ttl - age;

		keep(v[i]->key, left * 1000);
	}
}

/* ---- the end ----------------------------------------------------------------------------------
 */

static bool over(const struct kept *k)
{
	return k->until <= loop_now() || by_key.len > EVENTS_MAX;
}

int events_expire(struct err *e)
{
	(void)e;
	while (!list_empty(&all)) {
		struct kept *k = container_of(all.next, struct kept, in_all);
		const struct object *o;

		if (!over(k) || !turn_take())
			break;
		o = store_get_key(KIND_EVENT, k->key);
		forget(k->key);
		if (o)
			store_delete(KIND_EVENT, o->ns, o->name);
	}
	return 0;
}

uint64_t events_wait(void)
{
	struct kept *k;

	if (list_empty(&all))
		return UINT64_MAX;
	k = container_of(all.next, struct kept, in_all);
	return by_key.len > EVENTS_MAX            ? 0
	       : k->until > loop_now() + BATCH_MS ? k->until - loop_now()
	                                          : BATCH_MS;
}
