/* lb_alloc.c - see lb_alloc.h: a Service asks, is given what lb_choose.c says, and waits for the
 * rest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "lb_choose.h"
#include "lb_hold.h"

static struct lb_claim *find_claim(const struct lb_alloc *a, const char *key)
{
	return map_get(&a->claims, key, strlen(key));
}

/* ---- one Service ---------------------------------------------------------------------------- */

static struct lb_claim *claim_of(struct lb_alloc *a, const char *key, bool *made)
{
	size_t n = strlen(key);
	struct lb_claim *c = find_claim(a, key);

	*made = !c;
	if (c)
		return c;
	c = xcalloc(1, sizeof(*c) + n + 1);
	memcpy(c->key, key, n);
	list_init(&c->in_waiting);
	for (unsigned f = 0; f < LB_FAMILIES; f++) {
		c->holds[f].claim = c;
		list_init(&c->holds[f].in_addr);
	}
	map_put(&a->claims, c->key, n, c);
	return c;
}

static bool same_ports(const struct lb_claim *c, const struct lb_ask *ask)
{
	return c->n_ports == ask->n_ports &&
	       (!c->n_ports || !memcmp(c->ports, ask->ports, c->n_ports * sizeof(*c->ports)));
}

static void set_doors(struct lb_asking *q)
{
	struct lb_claim *me = q->me;
	size_t bytes = q->ask->n_doors * sizeof(*me->doors);

	if (me->n_doors == q->ask->n_doors && (!bytes || !memcmp(me->doors, q->ask->doors, bytes)))
		return;
	free(me->doors);
	me->doors = bytes ? xmalloc(bytes) : NULL;
	me->n_doors = q->ask->n_doors;
	if (bytes)
		memcpy(me->doors, q->ask->doors, bytes);
	for (unsigned f = 0; f < LB_FAMILIES; f++)
		if (me->holds[f].addr)
			lb_hold_changed(q->a, me->holds[f].addr);
}

static void carry_out(struct lb_asking *q, const struct lb_plan *plan)
{
	bool ports = !same_ports(q->me, q->ask);

	for (unsigned f = 0; f < LB_FAMILIES; f++) {
		struct lb_hold *hold = &q->me->holds[f];

		if (hold->addr && !ip_equal(&hold->addr->ip, &plan->ips[f]))
			lb_hold_give_back(q->a, hold);
		else if (hold->addr && ports)
			lb_hold_drop_ports(q->a, hold);
		q->a->eased |= hold->addr && ports;
	}
	for (unsigned f = 0; f < LB_FAMILIES; f++) {
		struct lb_hold *hold = &q->me->holds[f];

		if (!hold->addr && plan->ips[f].len) {
			lb_hold_take(q->a, hold, plan->pool, &plan->ips[f], q->ask);
			continue;
		}
		if (hold->addr && ports)
			lb_hold_set_ports(q->a, hold, q->ask);
		if (hold->addr && hold->addr->n == 1)
			lb_hold_terms(q->a, hold->addr, q->ask);
	}
	set_doors(q);
	if (!ports)
		return;
	free(q->me->ports);
	q->me->ports = xcalloc(q->ask->n_ports + 1, sizeof(*q->me->ports));
	memcpy(q->me->ports, q->ask->ports, q->ask->n_ports * sizeof(*q->me->ports));
	q->me->n_ports = q->ask->n_ports;
}

/* PreferDualStack waits for its second address without a word. */
static void wait_for(struct lb_asking *q, const struct lb_plan *plan, struct lb_result *out)
{
	struct lb_claim *me = q->me;
	bool whole = plan->n == lb_choose_all(q->ask) && !q->ask->wrong,
	     quiet = plan->n && !q->ask->both && !q->ask->wrong && lb_choose_has_named(q, plan);

	list_del(&me->in_waiting);
	me->starved = !*q->why && !q->ask->share;
	me->picky = q->ask->pool || lb_choose_names(q->ask);
	for (unsigned f = 0; f < LB_FAMILIES; f++)
		me->lacks[f] = q->ask->wants[f] && !plan->ips[f].len;
	if (!whole && !quiet)
		lb_choose_explain(q);
	if (!whole)
		list_add_tail(&q->a->waiting, &me->in_waiting);
	if (!whole && !quiet)
		memcpy(out->why, q->why, sizeof(out->why));
	out->told = me->why && !strcmp(me->why, out->why);
	q->a->n_waiting += (*out->why != 0) - (me->why != NULL);
	free(me->why);
	me->why = *out->why ? xstrdup(out->why) : NULL;
}

void lb_alloc_ask(struct lb_alloc *a, const struct lb_ask *ask, struct lb_result *out)
{
	bool made;
	struct lb_claim *me = claim_of(a, ask->key, &made);
	struct lb_asking q = { .a = a, .ask = ask, .me = me };
	struct lb_plan plan = { 0 };

	*out = (struct lb_result){ 0 };
	for (unsigned f = 0; f < LB_FAMILIES; f++)
		if (made)
			out->was[f] = ask->has[f];
		else if (me->holds[f].addr)
			out->was[f] = me->holds[f].addr->ip;
	if (!ask->wrong) {
		lb_choose(&q, out->was, &plan);
	} else {
		lb_choose_kept(&q, out->was, &plan);
		snprintf(q.why, sizeof(q.why), "%s", ask->wrong);
	}
	carry_out(&q, &plan);
	wait_for(&q, &plan, out);
	for (unsigned i = 0; i < LB_FAMILIES; i++) {
		unsigned f = i ? !ask->first : ask->first;

		if (plan.ips[f].len)
			out->ips[out->n++] = plan.ips[f];
		out->changed |= !ip_equal(&plan.ips[f], &out->was[f]);
	}
	out->pool = out->n ? plan.pool->name : NULL;
}

static void claim_free(struct lb_claim *c)
{
	free(c->ports);
	free(c->doors);
	free(c->why);
	free(c);
}

void lb_alloc_drop(struct lb_alloc *a, const char *key)
{
	struct lb_claim *c = find_claim(a, key);

	if (!c)
		return;
	for (unsigned f = 0; f < LB_FAMILIES; f++)
		lb_hold_give_back(a, &c->holds[f]);
	a->n_waiting -= c->why != NULL;
	list_del(&c->in_waiting);
	map_del(&a->claims, c->key, strlen(c->key));
	claim_free(c);
}

/* ---- all ------------------------------------------------------------------------------------ */

void lb_alloc_init(struct lb_alloc *a)
{
	static struct lb_pools none;

	*a = (struct lb_alloc){ .pools = &none };
	list_init(&a->waiting);
	list_init(&a->changed);
}

static void forget_addr(const struct lb_addr *addr, void *arg)
{
	(void)addr;
	(void)arg;
}

void lb_alloc_free(struct lb_alloc *a)
{
	static struct lb_pools none;
	struct lb_claim *c;

	a->pools = &none;
	for (size_t i = 0; (c = map_next(&a->claims, &i));)
		for (unsigned f = 0; f < LB_FAMILIES; f++) {
			if (c->holds[f].addr)
				c->holds[f].addr->pool = NULL;
			lb_hold_give_back(a, &c->holds[f]);
		}
	for (size_t i = 0; (c = map_next(&a->claims, &i));)
		claim_free(c);
	lb_alloc_told(a, false, forget_addr, NULL);
	map_free(&a->claims);
	map_free(&a->addrs);
	map_free(&a->fronts);
	map_free(&a->shares);
}

/* Of the same name as before, or else the first that holds the address. */
static struct lb_pool *pool_now(const struct lb_alloc *a, const struct lb_addr *addr)
{
	struct lb_pool *same = addr->pool ? lb_pools_find(a->pools, addr->pool->name) : NULL;

	if (same && lb_hold_in_pool(a, same, &addr->ip))
		return same;
	for (unsigned i = 0; i < a->pools->n; i++)
		if (lb_hold_in_pool(a, &a->pools->v[i], &addr->ip))
			return &a->pools->v[i];
	return NULL;
}

void lb_alloc_set_pools(struct lb_alloc *a, struct lb_pools *pools)
{
	struct lb_addr *addr;

	a->pools = pools;
	for (size_t i = 0; (addr = map_next(&a->addrs, &i));) {
		if (!addr->n)
			continue;
		addr->node = lb_hold_is_nodes(a, &addr->ip);
		addr->pool = pool_now(a, addr);
		if (addr->pool)
			addr->pool->used[lb_family(&addr->ip)]++;
	}
}

/* Is there a free address that it could be waiting for? */
static bool may_be_fed(const struct lb_alloc *a, const struct lb_claim *c)
{
	for (unsigned i = 0; i < a->pools->n; i++)
		for (unsigned f = 0; f < LB_FAMILIES; f++)
			if (c->lacks[f] && (c->picky || a->pools->v[i].auto_assign) &&
			    lb_pool_free(&a->pools->v[i], f))
				return true;
	return false;
}

struct lb_claim *lb_alloc_next_waiting(struct lb_alloc *a, struct list *taken)
{
	while (!list_empty(taken)) {
		struct lb_claim *c = container_of(taken->next, struct lb_claim, in_waiting);

		list_del(&c->in_waiting);
		list_add_tail(&a->waiting, &c->in_waiting); /* until it has asked again */
		if (!c->starved || may_be_fed(a, c))
			return c;
	}
	return NULL;
}

size_t lb_alloc_n_changed(const struct lb_alloc *a)
{
	size_t n = 0;

	for (const struct list *l = a->changed.next; l != &a->changed; l = l->next)
		n++;
	return n;
}

void lb_alloc_told(struct lb_alloc *a, bool all, void (*fn)(const struct lb_addr *, void *),
                   void *arg)
{
	struct lb_addr *addr;

	for (size_t i = 0; all && (addr = map_next(&a->addrs, &i));)
		lb_hold_changed(a, addr);
	while (!list_empty(&a->changed)) {
		addr = container_of(a->changed.next, struct lb_addr, in_changed);
		list_del(&addr->in_changed);
		fn(addr, arg);
		if (!addr->n)
			lb_hold_forget(a, addr);
	}
}
