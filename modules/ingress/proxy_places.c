/* proxy_places.c - rules by host and path, for the workers; see proxy_plan.h, proxy_index.h
 *
 * A host, whole, knows how many paths it has of which length, and is there as long as it has any or
 * rules of its own. Rules of a place are in Gateway API's order (HTTPRouteRule.matches), which
 * Ingress' is a part of; of rules in different places the path says who comes first.
 *
 * Places of a shard are written in the order of their keys: the bytes say nothing of who came when.
 */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "proxy_index.h"
#include "proxy_plan.h"

#define LENGTHS 33 /* of paths: how many bits their length has */

struct place_rule {
	const struct table_rule *row;
	const struct plan_order *order;
	const struct plan_share *share;
};
struct plan_place {
	struct table_place row;
	uint64_t hash;
	struct plan_place *whole;   /* of a path: its host; NULL: it is one */
	uint32_t n_paths, *lengths; /* whole: of its paths, LENGTHS of them once there were any */
	struct buf rules;           /* struct place_rule */
	bool unsorted;
	struct list link; /* of its shard */
	size_t key_n;
	char key[];
};
struct plan_entry { /* of a share: a rule of it is there */
	struct plan_place *at;
};

void plan_places_init(struct plan *p)
{
	for (unsigned i = 0; i < TABLE_SHARDS; i++)
		list_init(&p->shards[i].places);
}

static void place_free(struct plan_place *x)
{
	buf_free(&x->rules);
	free(x->lengths);
	free(x);
}

void plan_places_clear(struct plan *p)
{
	struct list *pos, *nxt;

	for (unsigned i = 0; i < TABLE_SHARDS; i++) {
		list_each (pos, nxt, &p->shards[i].places) {
			struct plan_place *x = container_of(pos, struct plan_place, link);

			place_free(x);
			p->shards[i].changed = true;
		}
		list_init(&p->shards[i].places);
	}
	map_free(&p->places);
	p->n_rules = 0;
}

/* ---- places --------------------------------------------------------------------------------- */

static struct plan_shard *shard_of(struct plan *p, const struct plan_place *x)
{
	return &p->shards[index_shard(x->hash)];
}

static void put_key(struct buf *key, const struct table_host *h, bool whole, struct span path)
{
	uint32_t numbers[2] = { h->rules, (uint32_t)h->name.n << 3 | (uint32_t)h->wild << 2 |
		                                  (uint32_t)h->one_label << 1 | whole };

	buf_add(key, numbers, sizeof(numbers));
	buf_add(key, h->name.p, h->name.n);
	buf_add(key, path.p, path.n);
}

static uint64_t hash_of(const struct plan *p, const struct table_place *row)
{
	uint64_t hash = index_host(p->table.seed, &row->host);

	if (row->whole)
		return hash;
	hash = index_step(hash, INDEX_PATHS);
	for (size_t i = 0; i < row->path.n; i++)
		hash = index_step(hash, row->path.p[i]);
	return hash;
}

static struct plan_place *place_at(struct plan *p, const struct table_host *h, bool whole,
                                   struct span path)
{
	static struct buf key;
	struct plan_place *x;

	buf_reset(&key);
	put_key(&key, h, whole, path);
	x = map_get(&p->places, key.data, key.len);
	if (x)
		return x;
	x = xcalloc(1, sizeof(*x) + key.len);
	memcpy(x->key, key.data, key.len);
	x->key_n = key.len;
	x->row.host.rules = h->rules; /* one by one: bytes between them are zero */
	x->row.host.wild = h->wild;
	x->row.host.one_label = h->one_label;
	x->row.host.name.n = h->name.n;
	x->row.whole = whole;
	x->row.path = (struct span){ x->key + key.len - path.n, path.n };
	x->row.host.name.p = x->row.path.p - h->name.n;
	x->hash = hash_of(p, &x->row);
	list_add_tail(&shard_of(p, x)->places, &x->link);
	map_put(&p->places, x->key, x->key_n, x);
	return x;
}

static unsigned bits_of(size_t n)
{
	return n ? 64 - (unsigned)__builtin_clzll(n) : 0;
}

/* In powers of two, so that it is seldom another. */
static uint32_t longest_of(const struct plan_place *whole)
{
	unsigned i = LENGTHS - 1;

	while (i && !whole->lengths[i])
		i--;
	return i < 32 ? (1u << i) - 1 : UINT32_MAX;
}

static void count_path(struct plan *p, struct plan_place *whole, size_t length, int by)
{
	uint32_t before = whole->row.longest;
	bool first = !whole->n_paths && by > 0;

	if (!whole->lengths)
		whole->lengths = xcalloc(LENGTHS, sizeof(*whole->lengths));
	whole->n_paths += by;
	whole->lengths[bits_of(length)] += by;
	whole->row.longest = longest_of(whole);
	if (first || whole->row.longest != before)
		shard_of(p, whole)->changed = true;
}

static struct plan_place *place_of(struct plan *p, const struct table_host *h,
                                   const struct table_rule *r)
{
	struct plan_place *whole = place_at(p, h, true, (struct span){ "", 0 }), *x;

	if (!index_by_path(r))
		return whole;
	x = place_at(p, h, false, r->path);
	if (!x->whole) {
		x->whole = whole;
		count_path(p, whole, r->path.n, 1);
	}
	return x;
}

static void drop_if_empty(struct plan *p, struct plan_place *x)
{
	struct plan_place *whole = x->whole;

	if (x->rules.len || x->n_paths)
		return;
	shard_of(p, x)->changed = true;
	if (whole)
		count_path(p, whole, x->row.path.n, -1);
	map_del(&p->places, x->key, x->key_n);
	list_del(&x->link);
	place_free(x);
	if (whole)
		drop_if_empty(p, whole);
}

/* ---- rules ---------------------------------------------------------------------------------- */

void plan_rule(struct plan *p, struct plan_share *share, const struct plan_listener *l,
               struct span host, bool one_label, const struct table_rule *rule,
               const struct plan_order *order)
{
	bool wild = host.n && host.p[0] == '*';
	struct table_host h = {
		plan_listener_rules(l), wild, wild && one_label, { host.p + wild, host.n - wild }
	};
	struct place_rule r = { rule, order, share };
	struct plan_entry e = { place_of(p, &h, rule) };

	if (share->cleared != p->cleared)
		buf_reset(&share->entries);
	share->cleared = p->cleared;
	buf_add(&share->entries, &e, sizeof(e));
	buf_add(&e.at->rules, &r, sizeof(r));
	e.at->unsorted = e.at->rules.len > sizeof(r);
	shard_of(p, e.at)->changed = true;
	p->n_rules++;
}

/* One of that share's. */
static void take_rule(struct plan *p, struct plan_place *x, const struct plan_share *share)
{
	struct place_rule *v = (void *)x->rules.data;
	size_t n = x->rules.len / sizeof(*v), i = 0;

	while (v[i].share != share)
		i++;
	memmove(v + i, v + i + 1, (n - i - 1) * sizeof(*v));
	x->rules.len -= sizeof(*v);
	shard_of(p, x)->changed = true;
	p->n_rules--;
	drop_if_empty(p, x);
}

void plan_take_back(struct plan *p, struct plan_share *share)
{
	const struct plan_entry *v = (const void *)share->entries.data;

	for (size_t i = share->entries.len / sizeof(*v); share->cleared == p->cleared && i-- > 0;)
		take_rule(p, v[i].at, share);
	buf_reset(&share->entries);
}

void plan_share_free(struct plan_share *share)
{
	buf_free(&share->entries);
}

/* ---- order ---------------------------------------------------------------------------------- */

static int more_first(size_t a, size_t b)
{
	return a > b ? -1 : a < b;
}

static int by_precedence(const void *a, const void *b)
{
	const struct place_rule *p = a, *q = b;
	const struct table_rule *x = p->row, *y = q->row;
	int d = index_rank(x) - index_rank(y);

	if (!d)
		d = more_first(x->path.n, y->path.n);
	if (!d)
		d = (int)x->nocase - (int)y->nocase;
	if (!d)
		d = more_first(x->method.n != 0, y->method.n != 0);
	if (!d)
		d = more_first(x->n_headers, y->n_headers);
	if (!d)
		d = more_first(x->n_queries, y->n_queries);
	return d ? d : plan_by_age(p->order, q->order);
}

static int by_key(const void *a, const void *b)
{
	const struct plan_place *x = *(struct plan_place *const *)a,
				*y = *(struct plan_place *const *)b;
	int d = memcmp(x->key, y->key, x->key_n < y->key_n ? x->key_n : y->key_n);

	return d ? d : more_first(y->key_n, x->key_n);
}

/* ---- a shard as the workers have it ---------------------------------------------------------- */

static void fill_rules(struct arena *a, struct plan_place *x, struct table_place *out)
{
	struct place_rule *v = (void *)x->rules.data;
	uint32_t n = (uint32_t)(x->rules.len / sizeof(*v));
	struct table_rule *rows = arena_alloc(a, (n + 1) * sizeof(*rows));

	if (x->unsorted && n > 1)
		qsort(v, n, sizeof(*v), by_precedence);
	x->unsorted = false;
	for (uint32_t i = 0; i < n; i++)
		rows[i] = *v[i].row;
	*out = x->row;
	out->rules = rows;
	out->n_rules = n;
}

static void fill_slots(struct arena *a, struct plan_place *const *v, struct table_shard *out)
{
	uint32_t *slots, i;

	for (out->n_slots = 4; out->n_slots < 2 * out->n_places;)
		out->n_slots *= 2;
	out->slots = slots = arena_alloc(a, out->n_slots * sizeof(*slots));
	for (uint32_t k = 0; k < out->n_places; k++) {
		i = index_slot(v[k]->hash, out->n_slots);
		while (slots[i])
			i = (i + 1) & (out->n_slots - 1);
		slots[i] = k + 1;
	}
}

static void write_shard(struct plan_place **v, uint32_t n, struct buf *out)
{
	auto_arena struct arena a = { 0 };
	struct table_place *places = arena_alloc(&a, n * sizeof(*places));
	struct table_shard shard = { .places = places, .n_places = n };

	if (n > 1)
		qsort(v, n, sizeof(struct plan_place *), by_key);
	for (uint32_t i = 0; i < n; i++)
		fill_rules(&a, v[i], &places[i]);
	fill_slots(&a, v, &shard);
	pack_write(out, &shard, &table_shard_shape);
}

bool plan_shard(struct plan *p, unsigned i, struct buf *out)
{
	auto_buf struct buf list = { 0 };
	struct list *pos, *nxt;

	if (!p->shards[i].changed)
		return false;
	list_each (pos, nxt, &p->shards[i].places) {
		struct plan_place *x = container_of(pos, struct plan_place, link);

		buf_add(&list, &x, sizeof(x));
	}
	if (list.len)
		write_shard((struct plan_place **)list.data,
		            (uint32_t)(list.len / sizeof(struct plan_place *)), out);
	p->shards[i].changed = false;
	return true;
}
