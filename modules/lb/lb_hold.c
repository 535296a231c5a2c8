/* lb_hold.c - see lb_hold.h */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "lb_hold.h"

#define ID 17             /* struct ip */
#define FRONT_ID (ID + 3) /* with protocol and port */

struct lb_front { /* a port of an address that somebody holds */
	uint8_t id[FRONT_ID];
	struct lb_claim *claim;
};

struct lb_share {
	struct list addrs; /* struct lb_addr, the oldest first */
	char key[];
};

static_assert(sizeof(struct ip) == ID, "an address is its own key");

/* ---- finding -------------------------------------------------------------------------------- */

struct ip lb_hold_key(const struct ip *ip)
{
	struct ip out = { .len = ip->len };

	memcpy(out.b, ip->b, ip->len);
	return out;
}

struct lb_addr *lb_hold_find(const struct lb_alloc *a, const struct ip *ip)
{
	struct ip key = lb_hold_key(ip);

	return map_get(&a->addrs, &key, ID);
}

static void front_id(const struct ip *ip, const struct lb_port *p, uint8_t id[FRONT_ID])
{
	memset(id, 0, FRONT_ID);
	id[0] = ip->len;
	memcpy(id + 1, ip->b, ip->len);
	id[ID] = p->proto;
	id[ID + 1] = p->port >> 8;
	id[ID + 2] = (uint8_t)p->port;
}

const struct lb_claim *lb_hold_of_port(const struct lb_alloc *a, const struct ip *ip,
                                       const struct lb_port *port)
{
	uint8_t id[FRONT_ID];
	const struct lb_front *front;

	front_id(ip, port, id);
	front = map_get(&a->fronts, id, FRONT_ID);
	return front ? front->claim : NULL;
}

const struct list *lb_hold_shared(const struct lb_alloc *a, const char *share)
{
	const struct lb_share *s = map_get(&a->shares, share, strlen(share));

	return s ? &s->addrs : NULL;
}

bool lb_hold_is_nodes(const struct lb_alloc *a, const struct ip *ip)
{
	return ip_equal(ip, &a->pools->node[lb_family(ip)]);
}

bool lb_hold_in_pool(const struct lb_alloc *a, const struct lb_pool *pool, const struct ip *ip)
{
	return lb_pool_range(pool, ip) || (pool->node && lb_hold_is_nodes(a, ip));
}

/* ---- holding -------------------------------------------------------------------------------- */

static void share_leave(struct lb_alloc *a, struct lb_addr *addr)
{
	struct lb_share *s =
		*addr->share ? map_get(&a->shares, addr->share, strlen(addr->share)) : NULL;

	list_del(&addr->in_share);
	if (!s || !list_empty(&s->addrs))
		return;
	map_del(&a->shares, s->key, strlen(s->key));
	free(s);
}

static void share_join(struct lb_alloc *a, struct lb_addr *addr)
{
	size_t n = strlen(addr->share);
	struct lb_share *s;

	if (!n || addr->node)
		return;
	s = map_get(&a->shares, addr->share, n);
	if (!s) {
		s = xmalloc(sizeof(*s) + n + 1);
		memcpy(s->key, addr->share, n + 1);
		list_init(&s->addrs);
		map_put(&a->shares, s->key, n, s);
	}
	list_add_tail(&s->addrs, &addr->in_share);
}

void lb_hold_terms(struct lb_alloc *a, struct lb_addr *addr, const struct lb_ask *ask)
{
	const char *share = ask->share ? ask->share : "";

	if (addr->share && !strcmp(addr->share, share) && !strcmp(addr->backend, ask->backend))
		return;
	if (addr->share)
		share_leave(a, addr);
	free(addr->share);
	free(addr->backend);
	addr->share = xstrdup(share);
	addr->backend = xstrdup(ask->backend);
	share_join(a, addr);
}

void lb_hold_drop_ports(struct lb_alloc *a, struct lb_hold *hold)
{
	for (unsigned i = 0; hold->fronts && i < hold->claim->n_ports; i++)
		map_del(&a->fronts, hold->fronts[i].id, FRONT_ID);
	free(hold->fronts);
	hold->fronts = NULL;
}

void lb_hold_set_ports(struct lb_alloc *a, struct lb_hold *hold, const struct lb_ask *ask)
{
	hold->fronts = xcalloc(ask->n_ports + 1, sizeof(*hold->fronts));
	for (unsigned i = 0; i < ask->n_ports; i++) {
		struct lb_front *front = &hold->fronts[i];

		front_id(&hold->addr->ip, &ask->ports[i], front->id);
		front->claim = hold->claim;
		map_put(&a->fronts, front->id, FRONT_ID, front);
	}
}

void lb_hold_changed(struct lb_alloc *a, struct lb_addr *addr)
{
	list_del(&addr->in_changed);
	list_add_tail(&a->changed, &addr->in_changed);
}

void lb_hold_forget(struct lb_alloc *a, struct lb_addr *addr)
{
	map_del(&a->addrs, &addr->ip, ID);
	list_del(&addr->in_changed);
	free(addr->share);
	free(addr->backend);
	free(addr);
}

void lb_hold_take(struct lb_alloc *a, struct lb_hold *hold, struct lb_pool *pool,
                  const struct ip *ip, const struct lb_ask *ask)
{
	struct lb_addr *addr = lb_hold_find(a, ip);

	if (!addr) {
		addr = xcalloc(1, sizeof(*addr));
		addr->ip = lb_hold_key(ip);
		list_init(&addr->holds);
		list_init(&addr->in_changed);
		list_init(&addr->in_share);
		map_put(&a->addrs, &addr->ip, ID, addr);
	}
	if (!addr->n) {
		addr->pool = pool;
		addr->node = lb_hold_is_nodes(a, ip);
		pool->used[lb_family(ip)]++;
		lb_hold_terms(a, addr, ask);
	}
	addr->n++;
	hold->addr = addr;
	list_add_tail(&addr->holds, &hold->in_addr);
	lb_hold_set_ports(a, hold, ask);
	lb_hold_changed(a, addr);
}

/* Every range with that address has one more that is free. */
static void lower_hints(struct lb_alloc *a, const struct ip *ip)
{
	for (unsigned i = 0; i < a->pools->n; i++) {
		struct lb_range *r = lb_pool_range(&a->pools->v[i], ip);

		if (r && (r->full || ip_order(ip, &r->next) < 0)) {
			r->next = *ip;
			r->full = false;
		}
	}
}

void lb_hold_give_back(struct lb_alloc *a, struct lb_hold *hold)
{
	struct lb_addr *addr = hold->addr;

	if (!addr)
		return;
	lb_hold_drop_ports(a, hold);
	list_del(&hold->in_addr);
	hold->addr = NULL;
	a->eased = true;
	lb_hold_changed(a, addr);
	if (--addr->n)
		return;
	if (addr->pool)
		addr->pool->used[lb_family(&addr->ip)]--;
	addr->pool = NULL;
	share_leave(a, addr);
	free(addr->share);
	free(addr->backend);
	addr->share = addr->backend = NULL;
	lower_hints(a, &addr->ip);
}
