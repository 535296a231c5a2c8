/* proxy_tables.c - what the worker was told, opened.
 *
 * The routes are one state in many snapshots. Requests hold the state that they began with as a
 * whole; a change makes another one, unless nobody holds this one. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <knetd/auto.h>
#include <knetd/log.h>

#include "proxy.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum { SNAPSHOTS = 1 + TABLE_SHARDS };

struct routes {
	unsigned refs;
	const struct table *table;
	const struct table_shard *shards[TABLE_SHARDS];
	struct snapshot *held[SNAPSHOTS]; /* the table's, then the shards' */
};

static const struct table no_table;
static const struct table_certs no_certs;
static struct routes none = { .refs = 1, .table = &no_table }, *routes = &none;
static const struct table_backends *backends[BACKEND_SHARDS];
static uint32_t most_rows; /* of a shard of those */
static const struct table_certs *certs = &no_certs;

/* ---- asked ---------------------------------------------------------------------------------- */

const struct table *proxy_table(void)
{
	return routes->table;
}

const struct table_shard *proxy_shard(uint32_t i)
{
	return routes->shards[i];
}

const struct table_backend *proxy_backend(uint32_t number)
{
	const struct table_backends *t = backends[number % BACKEND_SHARDS];
	uint32_t row = number / BACKEND_SHARDS;

	return t && row < t->n_backends && t->backends[row].uid ? &t->backends[row] : NULL;
}

bool proxy_backend_next(uint32_t *i, const struct table_backend **b)
{
	while (*i < most_rows * BACKEND_SHARDS)
		if ((*b = proxy_backend((*i)++)))
			return true;
	return false;
}

const struct table_certs *proxy_certs(void)
{
	return certs;
}

/* ---- held ----------------------------------------------------------------------------------- */

struct routes *routes_hold(void)
{
	routes->refs++;
	return routes;
}

void routes_let_go(struct routes *r)
{
	if (!r || --r->refs)
		return;
	for (unsigned i = 0; i < SNAPSHOTS; i++)
		snapshot_unref(r->held[i]);
	if (r != &none)
		free(r);
}

/* One that nobody else holds. */
static struct routes *own_routes(void)
{
	struct routes *copy;

	if (routes->refs == 1)
		return routes;
	copy = xmalloc(sizeof(*copy));
	*copy = *routes;
	copy->refs = 1;
	for (unsigned i = 0; i < SNAPSHOTS; i++)
		if (copy->held[i])
			snapshot_ref(copy->held[i]);
	routes->refs--;
	return routes = copy;
}

/* ---- changed -------------------------------------------------------------------------------- */

/* Nearly every page of a table has a pointer and becomes our own: all at once, not by a fault each.
 * A kernel before 5.14 does not know how. */
static const void *open_slot(const struct snapshot *s, const struct pack_shape *shape,
                             const void *absent)
{
	const void *root;

	if (!s)
		return absent;
	madvise((void *)s->data, s->len, MADV_POPULATE_WRITE);
	root = pack_open((void *)s->data, s->len, shape);
	if (!root)
		log_err("ingress: a table cannot be read: it is taken for empty");
	return root ? root : absent;
}

static void replace(struct snapshot **held, struct snapshot *s)
{
	if (s)
		snapshot_ref(s);
	snapshot_unref(*held);
	*held = s;
}

static void take_backends(unsigned shard, const struct snapshot *s)
{
	backends[shard] = open_slot(s, &table_backends_shape, NULL);
	most_rows = 0;
	for (unsigned i = 0; i < BACKEND_SHARDS; i++)
		if (backends[i] && backends[i]->n_backends > most_rows)
			most_rows = backends[i]->n_backends;
}

void tables_take(unsigned slot, struct snapshot *s)
{
	if (slot == TABLE_ROUTES) {
		struct routes *r = own_routes();

		r->table = open_slot(s, &table_shape, &no_table);
		replace(&r->held[0], s);
	} else if (slot == TABLE_CERTS) {
		certs = open_slot(s, &table_certs_shape, &no_certs);
	} else if (slot < TABLE_RULES) {
		take_backends(slot - TABLE_BACKENDS, s);
	} else if (slot < TABLE_SLOTS) {
		struct routes *r = own_routes();

		r->shards[slot - TABLE_RULES] = open_slot(s, &table_shard_shape, NULL);
		replace(&r->held[1 + slot - TABLE_RULES], s);
	}
}
