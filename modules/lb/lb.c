/* lb.c - load-balancer addresses: gives Services of type LoadBalancer, and Gateways of ours, their
 * addresses and writes their status, in the turn that made or changed them.
 *
 * What changed is looked at again: one Service by itself; all of them when the pools or the node's
 * addresses are others; those that wait when something was given back. Who holds what is in memory
 * alone (lb_alloc.c); at start it is taken from the Services' status, so addresses stay. What is
 * held is then told to lb_announce.c. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/http.h>
#include <knetd/log.h>
#include <knetd/module.h>
#include <knetd/view.h>

#include "lb_announce.h"
#include "lb_door.h"
#include "lb_gateway.h"
#include "lb_show.h"
#include "lb_status.h"
#include "lb_test.h"

static struct lb_alloc alloc;
static struct lb_pools pools;

/* ---- one Service or Gateway
 * ---------------------------------------------------------------------------- */

static bool by_namespace(void)
{
	for (unsigned i = 0; i < pools.n; i++)
		if (pools.v[i].ns_selector)
			return true;
	return false;
}

/* Without any pool a status that we did not write may be another controller's. */
static bool is_foreign(const struct lb_ask *ask)
{
	const struct lb_claim *c = map_get(&alloc.claims, ask->key, strlen(ask->key));

	return !pools.n && !ask->marked && !ask->named &&
	       (ask->has[LB_IPV4].len || ask->has[LB_IPV6].len) &&
	       (!c || (!c->holds[LB_IPV4].addr && !c->holds[LB_IPV6].addr));
}

/* Who asks: a claim's key is a Service's, or LB_GATEWAY and a Gateway's. */
static const struct object *asker(const char *key)
{
	size_t n = strlen(LB_GATEWAY);

	return strncmp(key, LB_GATEWAY, n) != 0 ? store_get_key(KIND_SERVICE, key)
	                                        : store_get_key(KIND_GATEWAY, key + n);
}

static bool is_gateway(const struct object *o)
{
	return o->kind == KIND_GATEWAY;
}

static char *key_of(const struct object *o, struct arena *a)
{
	return arena_printf(a, "%s%s", is_gateway(o) ? LB_GATEWAY : "", o->key);
}

static bool may_ask(const struct object *o)
{
	return is_gateway(o) ? view_gateway_ours(o) || strstr(o->json, "\"" LB_FROM_POOL "\"")
	                     : lb_ask_may_be(o);
}

static int unmark(const struct object *o, struct err *e)
{
	return is_gateway(o) ? lb_gateway_unmark(o, e) : lb_status_unmark(o, e);
}

static int ask_for(const struct object *o, struct lb_ask *ask, struct err *e)
{
	const struct object *ns = by_namespace() ? store_get(KIND_NAMESPACE, "", o->ns) : NULL;
	auto_doc yyjson_doc *doc = ns ? object_doc(ns) : NULL;
	struct lb_result result;

	ask->ns_labels = json_at(yyjson_doc_get_root(doc), "metadata.labels");
	lb_alloc_ask(&alloc, ask, &result);
	return is_gateway(o) ? lb_gateway_write(o, ask, &result, e)
	                     : lb_status_write(o, ask, &result, e);
}

/* key is not the object's own: that may be replaced. */
static int one_asker(const char *key, struct err *e)
{
	const struct object *o = asker(key);
	auto_arena struct arena a = { 0 };
	struct lb_ask ask;
	int ret = 0;

	if (!o || !may_ask(o)) {
		lb_alloc_drop(&alloc, key);
		return 0;
	}
	if (is_gateway(o))
		lb_gateway_read(o, &pools, &a, &ask);
	else
		lb_ask_read(o, &a, &ask);
	if (!ask.ours) {
		lb_alloc_drop(&alloc, key);
		ret = ask.marked ? unmark(o, e) : 0;
	} else if (is_foreign(&ask)) {
		lb_alloc_drop(&alloc, key);
	} else {
		ret = ask_for(o, &ask, e);
	}
	yyjson_doc_free(ask.doc);
	return ret;
}

/* ---- many ----------------------------------------------------------------------------------- */

struct turn { /* whom to ask, in that order */
	const char *key;
	const char *created;
	bool has; /* addresses already: it asks before others can take them */
};

static int by_turn(const void *a, const void *b)
{
	const struct turn *x = a, *y = b;
	int d = y->has - x->has;

	if (!d)
		d = strcmp(x->created, y->created);
	return d ? d : strcmp(x->key, y->key);
}

static void read_turn(const struct object *o, struct arena *a, struct turn *out)
{
	auto_doc yyjson_doc *doc = object_doc(o);
	yyjson_val *root = yyjson_doc_get_root(doc);
	const char *created = json_str(root, "metadata.creationTimestamp");

	*out = (struct turn){
		.key = key_of(o, a),
		.created = arena_strdup(a, created ? created : ""),
		.has = yyjson_arr_size(json_at(root, is_gateway(o)
		                                             ? "status.addresses"
		                                             : "status.loadBalancer.ingress")) > 0,
	};
}

static void drop_gone(struct arena *a)
{
	const char **gone = arena_alloc(a, (alloc.claims.len + 1) * sizeof(*gone));
	struct lb_claim *c;
	size_t n = 0;

	for (size_t i = 0; (c = map_next(&alloc.claims, &i));)
		if (!asker(c->key))
			gone[n++] = arena_strdup(a, c->key);
	while (n > 0)
		lb_alloc_drop(&alloc, gone[--n]);
}

static size_t read_turns(enum kind kind, struct arena *a, struct turn *v)
{
	const struct object *o;
	size_t n = 0;

	for (size_t i = 0; (o = store_next_object(kind, &i));) {
		const char *key = key_of(o, a);

		if (may_ask(o) || map_get(&alloc.claims, key, strlen(key)))
			read_turn(o, a, &v[n++]);
	}
	return n;
}

static int every_asker(struct err *e)
{
	auto_arena struct arena a = { 0 };
	size_t max = store_count(KIND_SERVICE) + store_count(KIND_GATEWAY), n;
	struct turn *v = arena_alloc(&a, (max + 1) * sizeof(*v));
	int ret = 0;

	drop_gone(&a);
	n = read_turns(KIND_SERVICE, &a, v);
	n += read_turns(KIND_GATEWAY, &a, v + n);
	qsort(v, n, sizeof(*v), by_turn);
	for (size_t i = 0; !ret && i < n; i++)
		ret = one_asker(v[i].key, e);
	return ret;
}

static int those_that_wait(struct err *e)
{
	struct lb_claim *c;
	struct list taken;
	int ret = 0;

	while (alloc.eased) {
		alloc.eased = false;
		list_take(&taken, &alloc.waiting);
		while ((c = lb_alloc_next_waiting(&alloc, &taken))) {
			auto_free char *key = xstrdup(c->key);

			ret = ret ? ret : one_asker(key, e);
		}
	}
	return ret;
}

/* ---- the pools ------------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct object *const *)a)->name,
	              (*(const struct object *const *)b)->name);
}

static void read_pools(void)
{
	size_t n = 0, max = store_count(KIND_ADDRESSPOOL);
	auto_free const struct object **v = xcalloc(max + 1, sizeof(struct object *));
	struct lb_pools old = pools;
	const struct object *o;

	for (size_t i = 0; (o = store_next_object(KIND_ADDRESSPOOL, &i));)
		v[n++] = o;
	qsort(v, n, sizeof(*v), by_name); /* so that always the same are left out */
	lb_pools_read(&pools, v, n, store_get(KIND_NODE, "", conf.node.name));
	lb_alloc_set_pools(&alloc, &pools);
	if (pools.left_out > old.left_out)
		log_warn("lb: more than %d AddressPools: %u of them, the last by name, are not "
		         "used",
		         LB_POOLS_MAX, pools.left_out);
	lb_pools_free(&old);
}

static int write_pools(struct err *e)
{
	int ret = 0;

	for (unsigned i = 0; !ret && i < pools.n; i++)
		ret = lb_status_pool(&pools.v[i], e);
	return ret;
}

/* Its own words have changed, not only what we write of it. */
static bool is_other_pool(const struct change *c)
{
	auto_doc yyjson_doc *old = c->old ? object_doc(c->old) : NULL,
			    *new = c->new ? object_doc(c->new) : NULL;
	struct lb_pool *pool = c->new ? lb_pools_find(&pools, c->new->name) : NULL;

	if (pool)
		pool->written = false;
	return !yyjson_equals(json_at(yyjson_doc_get_root(old), "spec"),
	                      json_at(yyjson_doc_get_root(new), "spec"));
}

static bool is_other_node(const struct change *c)
{
	const struct object *o = c->new ? c->new : c->old;
	struct ip ips[LB_FAMILIES];

	if (strcmp(o->name, conf.node.name) != 0)
		return false;
	lb_pools_node(c->new, ips);
	return !ip_equal(&ips[0], &pools.node[0]) || !ip_equal(&ips[1], &pools.node[1]);
}

/* ---- a turn --------------------------------------------------------------------------------- */

struct asked { /* who is to be looked at, each once, by key */
	struct arena arena;
	struct map keys;
	bool all;
};

static void add(struct asked *q, const char *key)
{
	size_t n = strlen(key);
	char *copy;

	if (map_get(&q->keys, key, n))
		return;
	copy = arena_strdup(&q->arena, key);
	map_put(&q->keys, copy, n, copy);
}

static void add_group(struct asked *q, enum kind kind, const char *ns)
{
	const struct list *group = by_namespace() ? store_group(kind, ns) : NULL;

	for (const struct list *l = group ? group->next : NULL; l && l != group; l = l->next) {
		const struct object *o = container_of(l, const struct object, in_group);

		if (may_ask(o))
			add(q, key_of(o, &q->arena));
	}
}

static void add_gateway(struct asked *q, const char *set)
{
	const char *gateway = lb_doors_gateway(set);

	if (gateway)
		add(q, arena_printf(&q->arena, LB_GATEWAY "%s", gateway));
}

/* The Gateway that it was for, and the one that it is for now. */
static void listener_set(struct asked *q, const struct object *o, const struct object *now)
{
	add_gateway(q, o->key);
	lb_doors_look(o->key, now);
	add_gateway(q, o->key);
}

static void one_change(struct asked *q, const struct change *c)
{
	const struct object *o = c->new ? c->new : c->old;

	if (c->kind == KIND_SERVICE || c->kind == KIND_GATEWAY) {
		if ((c->new &&may_ask(c->new)) || (c->old && may_ask(c->old)))
			add(q, key_of(o, &q->arena));
	} else if (c->kind == KIND_LISTENERSET) {
		listener_set(q, o, c->new);
	} else if (c->kind == KIND_GATEWAYCLASS) {
		q->all = true;
	} else if (c->kind == KIND_NAMESPACE) {
		add_group(q, KIND_SERVICE, o->name);
		add_group(q, KIND_GATEWAY, o->name);
	} else if (c->kind == KIND_ADDRESSPOOL) {
		q->all |= is_other_pool(c);
	} else {
		q->all |= is_other_node(c);
	}
}

static int ask_again(struct asked *q, struct err *e)
{
	const char *key;
	int ret = 0;

	if (q->all) {
		read_pools();
		ret = every_asker(e);
	}
	for (size_t i = 0; !ret && !q->all && (key = map_next(&q->keys, &i));)
		ret = one_asker(key, e);
	if (!ret)
		ret = those_that_wait(e);
	return ret ? ret : write_pools(e);
}

struct telling {
	struct arena arena;
	struct lb_held *v;
	size_t n;
};

static unsigned doors_of(const struct lb_addr *addr, struct arena *a, const struct lb_port **out)
{
	struct lb_doors doors = { .n = 0 };
	struct lb_port *v;

	for (const struct list *l = addr->holds.next; l != &addr->holds; l = l->next) {
		const struct lb_claim *c = container_of(l, struct lb_hold, in_addr)->claim;

		lb_doors_add(&doors, c->doors, c->n_doors);
	}
	doors.n = lb_ports_sort(doors.v, doors.n);
	v = arena_alloc(a, (doors.n + 1) * sizeof(*v));
	memcpy(v, doors.v, doors.n * sizeof(*v));
	*out = v;
	return doors.n;
}

static void tell_one(const struct lb_addr *addr, void *arg)
{
	const struct lb_claim *holder = lb_addr_holder(addr);
	struct telling *t = arg;
	const struct lb_port *doors;
	unsigned n_doors = doors_of(addr, &t->arena, &doors);

	if (addr->node)
		return;
	t->v[t->n++] = (struct lb_held){
		.ip = addr->ip,
		.held = addr->n > 0,
		.pool = addr->pool ? addr->pool->name : NULL,
		.on = addr->pool ? addr->pool->on : NULL,
		.n_on = addr->pool ? addr->pool->n_on : 0,
		.service = holder ? holder->key : NULL,
		.n_services = addr->n,
		.doors = doors,
		.n_doors = n_doors,
	};
}

static int announce(bool all, struct err *e)
{
	size_t max = all ? alloc.addrs.len : lb_alloc_n_changed(&alloc);
	auto_free struct lb_held *v = max ? xcalloc(max, sizeof(*v)) : NULL;
	struct telling t = { .v = v };
	int ret;

	lb_alloc_told(&alloc, all, tell_one, &t);
	ret = all || t.n ? lb_announce_set(t.v, t.n, all, e) : 0;
	arena_free(&t.arena);
	return ret;
}

static int lb_sync(struct changes *c, struct err *e)
{
	struct asked q = { .all = c->full };
	struct change change;
	int ret;

	if (c->full)
		lb_doors_look_all();
	while (changes_next(c, &change))
		one_change(&q, &change);
	store_begin();
	ret = ask_again(&q, e);
	if (ret)
		store_abort();
	else
		ret = store_commit(e);
	if (!ret)
		ret = announce(q.all, e);
	map_free(&q.keys);
	arena_free(&q.arena);
	return ret;
}

/* ---- the module ----------------------------------------------------------------------------- */

static void show(const struct http_call *call, struct http_answer *answer)
{
	(void)call;
	lb_show_json(&alloc, &answer->body);
	answer->status = 200;
	answer->content_type = "application/json";
}

static void metrics(struct buf *out)
{
	lb_show_metrics(&alloc, out);
	lb_announce_metrics(out);
}

static int lb_init(struct err *e)
{
	lb_alloc_init(&alloc);
	return lb_announce_init(e);
}

static void lb_exit(bool remove)
{
	lb_announce_exit(remove);
	lb_alloc_free(&alloc);
	lb_doors_free();
	lb_pools_free(&pools);
}

static const struct route routes[] = {
	{ "GET", "/knetd/v1/lb", show },
	{ "GET", "/knetd/v1/lb/test", lb_test_show },
	{ "POST", "/knetd/v1/lb/test", lb_test_begin },
	{ NULL, NULL, NULL },
};

const struct module lb_module = {
	.name = "lb",
	.watches = KIND_BIT(KIND_SERVICE) | KIND_BIT(KIND_ADDRESSPOOL) | KIND_BIT(KIND_NODE) |
	           KIND_BIT(KIND_NAMESPACE) | KIND_BIT(KIND_GATEWAY) | KIND_BIT(KIND_GATEWAYCLASS) |
	           KIND_BIT(KIND_LISTENERSET),
	.init = lb_init,
	.sync = lb_sync,
	.metrics = metrics,
	.routes = routes,
	.exit = lb_exit,
};
