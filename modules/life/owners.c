/* owners.c - the index behind the garbage collector: for every uid that an ownerReference names,
 * who names it. Kept from the store's ring, so that deleting an object costs a look at its
 * dependents and not at everything that is stored. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/map.h>

#include "life_int.h"

#define REFERENCES_MAX 64 /* of one object */

struct owner {
	struct list dependents;
	char uid[];
};

static struct map owners;     /* by uid */
static struct map dependents; /* by kind and key */

bool owners_follow(const struct object *o)
{
	return !(o->run && (o->kind == KIND_ENDPOINTSLICE || o->kind == KIND_ENDPOINTS)) &&
	       strstr(o->json, "\"ownerReferences\"");
}

static struct owner *owner_of(const char *uid)
{
	size_t n = strlen(uid);
	struct owner *o = map_get(&owners, uid, n);

	if (o)
		return o;
	o = xmalloc(sizeof(*o) + n + 1);
	list_init(&o->dependents);
	memcpy(o->uid, uid, n + 1);
	map_put(&owners, o->uid, n, o);
	return o;
}

static void link_edge(struct dependent *d, const char *uid, bool block)
{
	struct edge *edge = &d->edges[d->n++];

	*edge = (struct edge){ .owner = owner_of(uid), .dependent = d, .block = block };
	list_add_tail(&edge->owner->dependents, &edge->in_owner);
}

static void unlink_edges(struct dependent *d)
{
	for (unsigned i = 0; i < d->n; i++) {
		struct owner *o = d->edges[i].owner;

		list_del(&d->edges[i].in_owner);
		if (!list_empty(&o->dependents))
			continue;
		map_del(&owners, o->uid, strlen(o->uid));
		free(o);
	}
}

/* "services/default/web": the plural stands for the kind. The key's memory lies behind the edges.
 */
static struct dependent *dependent_new(const struct object *o, size_t n)
{
	const char *plural = kind_info[o->kind].plural;
	size_t size = sizeof(struct dependent) + n * sizeof(struct edge);
	struct dependent *d = xcalloc(1, size + strlen(plural) + strlen(o->key) + 2);
	char *key = stpcpy(stpcpy((char *)d + size, plural), "/");

	strcpy(key, o->key);
	d->kind = o->kind;
	d->key = key;
	return d;
}

static void add(const struct object *o)
{
	auto_doc yyjson_doc *doc = object_doc(o);
	yyjson_val *list = json_at(yyjson_doc_get_root(doc), "metadata.ownerReferences"), *v;
	size_t n = yyjson_arr_size(list), i, max;
	const char *plural = kind_info[o->kind].plural, *key;
	struct dependent *d;

	if (!n || n > REFERENCES_MAX)
		return;
	d = dependent_new(o, n);
	yyjson_arr_foreach (list, i, max, v)
		if (json_str(v, "uid"))
			link_edge(d, json_str(v, "uid"), json_bool(v, "blockOwnerDeletion", false));
	key = d->key - strlen(plural) - 1;
	map_put(&dependents, key, strlen(key), d);
}

static void drop(const struct object *o)
{
	auto_free char *key = xasprintf("%s/%s", kind_info[o->kind].plural, o->key);
	struct dependent *d = map_del(&dependents, key, strlen(key));

	if (d)
		unlink_edges(d);
	free(d);
}

void owners_changed(const struct object *old, const struct object *new)
{
	if (old && owners_follow(old))
		drop(old);
	if (new &&owners_follow(new))
		add(new);
}

const struct list *owners_dependents(const char *uid)
{
	struct owner *o = map_get(&owners, uid, strlen(uid));

	return o ? &o->dependents : NULL;
}

size_t owners_count(void)
{
	return dependents.len;
}

void owners_forget(void)
{
	struct dependent *d;

	for (size_t i = 0; (d = map_next(&dependents, &i));) {
		unlink_edges(d);
		free(d);
	}
	map_free(&dependents);
	map_free(&owners);
}

enum kind owner_kind(yyjson_val *reference)
{
	const char *api = json_str(reference, "apiVersion"), *name = json_str(reference, "kind");
	const char *slash = api ? strchr(api, '/') : NULL;
	size_t n = slash ? (size_t)(slash - api) : 0;

	for (int k = 0; api && name && k < KIND_COUNT; k++)
		if (!strcmp(kind_info[k].kind, name) && strlen(kind_info[k].group) == n &&
		    !memcmp(kind_info[k].group, api, n))
			return k;
	return KIND_COUNT;
}
