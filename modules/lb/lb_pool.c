/* lb_pool.c - see lb_pool.h */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/label_selector.h>
#include <knetd/view.h>

#include "lb_pool.h"

/* ---- reading -------------------------------------------------------------------------------- */

static int by_first(const void *a, const void *b)
{
	const struct lb_range *x = a, *y = b;

	return ip_order(&x->of.first, &y->of.first);
}

/* Numbers from first to last that end in 0 or 255. */
static uint64_t buggy_in(const struct ip_range *r)
{
	uint64_t n = range_size(r), in_first = 0;
	unsigned at = r->first.b[3];

	for (uint64_t i = 0; i < n % 256; i++, at++)
		in_first += (at & 255) == 0 || (at & 255) == 255;
	return n / 256 * 2 + in_first;
}

static void add_size(struct lb_pool *pool, const struct ip_range *r)
{
	uint64_t n = range_size(r), *size = &pool->size[lb_family(&r->first)];

	if (pool->avoid_buggy && r->first.len == 4)
		n -= buggy_in(r);
	else if (r->first.len == 16 && n < INT64_MAX)
		n -= lb_pool_leaves_out(pool, &r->first);
	*size = n > INT64_MAX - *size ? INT64_MAX : *size + n;
}

/* Sorts them and melts those that overlap. */
static void settle_ranges(struct lb_pool *pool)
{
	unsigned kept = 0;

	if (pool->n_ranges)
		qsort(pool->ranges, pool->n_ranges, sizeof(*pool->ranges), by_first);
	for (unsigned i = 0; i < pool->n_ranges; i++) {
		struct ip_range *last = kept ? &pool->ranges[kept - 1].of : NULL,
				*now = &pool->ranges[i].of;

		if (!last || !range_overlap(last, now))
			pool->ranges[kept++].of = *now;
		else if (ip_order(&now->last, &last->last) > 0)
			last->last = now->last;
	}
	pool->n_ranges = kept;
	for (unsigned i = 0; i < kept; i++) {
		pool->ranges[i].next = pool->ranges[i].of.first;
		pool->ranges[i].full = false;
		add_size(pool, &pool->ranges[i].of);
	}
}

static void read_ranges(struct lb_pool *pool, yyjson_val *list, struct arena *a)
{
	size_t i, n, max = yyjson_arr_size(list);
	yyjson_val *v;

	if (max > LB_POOL_RANGES_MAX)
		max = LB_POOL_RANGES_MAX; /* the API lets no more in */
	pool->ranges = arena_alloc(a, max * sizeof(*pool->ranges));
	yyjson_arr_foreach (list, i, n, v)
		if (i < max && yyjson_is_str(v) &&
		    range_parse(&pool->ranges[pool->n_ranges].of, yyjson_get_str(v)))
			pool->n_ranges++;
}

static void read_links(struct lb_pool *pool, yyjson_val *list, struct arena *a)
{
	size_t i, n;
	yyjson_val *v;

	pool->on = arena_alloc(a, LB_LINKS_MAX * sizeof(*pool->on));
	yyjson_arr_foreach (list, i, n, v)
		if (pool->n_on < LB_LINKS_MAX && yyjson_is_str(v))
			pool->on[pool->n_on++] = yyjson_get_str(v);
}

static yyjson_val *unless_empty(yyjson_val *list)
{
	return yyjson_arr_size(list) ? list : NULL;
}

static yyjson_val *unless_null(yyjson_val *v)
{
	return yyjson_is_obj(v) ? v : NULL;
}

static void read_object(struct lb_pool *pool, const struct object *o, yyjson_doc *doc,
                        struct arena *a)
{
	yyjson_val *spec = yyjson_obj_get(yyjson_doc_get_root(doc), "spec");

	*pool = (struct lb_pool){
		.name = arena_strdup(a, o->name),
		.auto_assign = json_bool(spec, "autoAssign", true),
		.avoid_buggy = json_bool(spec, "avoidBuggyIPs", false),
		.node = json_bool(spec, "node", false),
		.priority = json_int(spec, "priority", 0),
		.namespaces = unless_empty(yyjson_obj_get(spec, "namespaces")),
		.ns_selector = unless_null(yyjson_obj_get(spec, "namespaceSelector")),
		.service_selector = unless_null(yyjson_obj_get(spec, "serviceSelector")),
	};
	pool->pinned = pool->namespaces || pool->ns_selector || pool->service_selector;
	read_ranges(pool, yyjson_obj_get(spec, "addresses"), a);
	read_links(pool, yyjson_obj_get(spec, "interfaces"), a);
	settle_ranges(pool);
}

static void read_conf(struct lb_pool *pool, struct arena *a)
{
	*pool = (struct lb_pool){ .name = LB_CONF_POOL,
		                  .conf = true,
		                  .auto_assign = true,
		                  .node = conf.lb.node,
		                  .n_ranges = conf.lb.pools.n };
	pool->ranges = arena_alloc(a, pool->n_ranges * sizeof(*pool->ranges));
	for (unsigned i = 0; i < pool->n_ranges; i++)
		pool->ranges[i].of = conf.lb.pools.v[i];
	settle_ranges(pool);
}

/* The lowest priority first, those without one last; among equals what is meant for few before what
 * is for all; then by name. */
static int by_turn(const void *a, const void *b)
{
	const struct lb_pool *x = a, *y = b;

	if (x->priority != y->priority)
		return !x->priority ? 1 : !y->priority ? -1 : x->priority < y->priority ? -1 : 1;
	if (x->pinned != y->pinned)
		return x->pinned ? -1 : 1;
	return strcmp(x->name, y->name);
}

void lb_pools_node(const struct object *node, struct ip out[static LB_FAMILIES])
{
	struct ip ips[VIEW_NODE_IPS];
	unsigned n = view_node_ips(node, ips, VIEW_NODE_IPS);

	out[LB_IPV4] = out[LB_IPV6] = (struct ip){ 0 };
	for (unsigned i = 0; i < n; i++)
		if (!out[lb_family(&ips[i])].len)
			out[lb_family(&ips[i])] = ips[i];
}

static void add_node_sizes(struct lb_pools *p)
{
	for (unsigned i = 0; i < p->n; i++)
		for (unsigned f = 0; p->v[i].node && f < LB_FAMILIES; f++)
			p->v[i].size[f] += p->node[f].len && p->v[i].size[f] < INT64_MAX;
}

void lb_pools_read(struct lb_pools *out, const struct object *const *objects, size_t n,
                   const struct object *node)
{
	size_t in_force = n < LB_POOLS_MAX ? n : LB_POOLS_MAX;

	*out = (struct lb_pools){ .left_out = n - in_force };
	lb_pools_node(node, out->node);
	out->v = arena_alloc(&out->arena, (in_force + 1) * sizeof(*out->v));
	out->docs = arena_alloc(&out->arena, (in_force + 1) * sizeof(yyjson_doc *));
	for (; out->n < in_force; out->n++) {
		out->docs[out->n] = object_doc(objects[out->n]);
		read_object(&out->v[out->n], objects[out->n], out->docs[out->n], &out->arena);
	}
	if (conf.lb.node || conf.lb.pools.n)
		read_conf(&out->v[out->n++], &out->arena);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_turn);
	add_node_sizes(out);
}

void lb_pools_free(struct lb_pools *p)
{
	for (unsigned i = 0; p->docs && p->docs[i]; i++)
		yyjson_doc_free(p->docs[i]);
	arena_free(&p->arena);
	*p = (struct lb_pools){ 0 };
}

/* ---- asking --------------------------------------------------------------------------------- */

uint64_t lb_pool_free(const struct lb_pool *pool, unsigned family)
{
	uint64_t size = pool->size[family], used = pool->used[family];

	return size == INT64_MAX ? size : size > used ? size - used : 0;
}

struct lb_pool *lb_pools_find(const struct lb_pools *p, const char *name)
{
	for (unsigned i = 0; i < p->n; i++)
		if (!strcmp(p->v[i].name, name))
			return &p->v[i];
	return NULL;
}

struct lb_range *lb_pool_range(const struct lb_pool *pool, const struct ip *ip)
{
	unsigned from = 0, to = pool->n_ranges;

	while (from < to) {
		unsigned at = from + (to - from) / 2;
		struct lb_range *r = &pool->ranges[at];

		if (range_has(&r->of, ip))
			return r;
		if (ip_order(&r->of.first, ip) < 0)
			from = at + 1;
		else
			to = at;
	}
	return NULL;
}

bool lb_pool_leaves_out(const struct lb_pool *pool, const struct ip *ip)
{
	static const uint8_t none[8];

	if (ip->len == 16)
		return !memcmp(ip->b + 8, none, sizeof(none));
	return pool->avoid_buggy && (ip->b[3] == 0 || ip->b[3] == 255);
}

static bool has_name(yyjson_val *list, const char *name)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (list, i, n, v)
		if (yyjson_equals_str(v, name))
			return true;
	return false;
}

bool lb_pool_allows(const struct lb_pool *pool, const char *ns, yyjson_val *ns_labels,
                    yyjson_val *labels)
{
	bool by_ns = (!pool->namespaces && !pool->ns_selector) ||
	             (pool->namespaces && has_name(pool->namespaces, ns)) ||
	             (pool->ns_selector && label_selector_match(pool->ns_selector, ns_labels));

	return by_ns &&
	       (!pool->service_selector || label_selector_match(pool->service_selector, labels));
}
