/* lb_alloc.c - see lb_alloc.h */
#include <assert.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "lb_alloc.h"

#define ID 17             /* struct ip */
#define FRONT_ID (ID + 3) /* with protocol and port */
#define SHARED_TRIED 256  /* addresses of one sharing key that a Service is tried on */

struct lb_front { /* a port of an address that somebody holds */
	uint8_t id[FRONT_ID];
	struct lb_claim *claim;
};

struct lb_share {
	struct list addrs; /* struct lb_addr, the oldest first */
	char key[];
};

static_assert(sizeof(struct ip) == ID, "an address is its own key");

static const char *proto_name(uint8_t proto)
{
	return proto == IPPROTO_UDP ? "UDP" : proto == IPPROTO_SCTP ? "SCTP" : "TCP";
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

/* An address whose bytes behind its length are 0, as it is in keys. */
static struct ip plain(const struct ip *ip)
{
	struct ip out = { .len = ip->len };

	memcpy(out.b, ip->b, ip->len);
	return out;
}

static struct lb_addr *find_addr(const struct lb_alloc *a, const struct ip *ip)
{
	struct ip key = plain(ip);

	return map_get(&a->addrs, &key, ID);
}

static struct lb_claim *find_claim(const struct lb_alloc *a, const char *key)
{
	return map_get(&a->claims, key, strlen(key));
}

/* ---- may it be had? ------------------------------------------------------------------------- */

/* A Service that asks, and where it has got to. */
struct asking {
	struct lb_alloc *a;
	const struct lb_ask *ask;
	struct lb_claim *me;
	char why[LB_WHY];           /* what spoke against it first */
	const struct lb_pool *none; /* the first pool that had no free one, of that family */
	unsigned none_of, n_none;
};

static void refuse(struct asking *q, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void refuse(struct asking *q, const char *fmt, ...)
{
	va_list ap;

	if (*q->why)
		return;
	va_start(ap, fmt);
	vsnprintf(q->why, LB_WHY, fmt, ap);
	va_end(ap);
}

static bool ports_are_free(struct asking *q, const struct ip *ip)
{
	char text[IP_TEXT];
	uint8_t id[FRONT_ID];

	for (unsigned i = 0; i < q->ask->n_ports; i++) {
		const struct lb_port *p = &q->ask->ports[i];
		struct lb_front *front;

		front_id(ip, p, id);
		front = map_get(&q->a->fronts, id, FRONT_ID);
		if (!front || front->claim == q->me)
			continue;
		refuse(q, "port %u/%s of %s is held by %s", p->port, proto_name(p->proto),
		       ip_text(ip, text), front->claim->key);
		return false;
	}
	return true;
}

static bool only_mine(const struct asking *q, const struct lb_addr *addr)
{
	return !addr || !addr->n || (addr->n == 1 && lb_addr_holder(addr) == q->me);
}

/* May it be beside those that hold the address? */
static bool may_share(struct asking *q, const struct lb_addr *addr)
{
	char text[IP_TEXT];
	const struct lb_claim *other = lb_addr_holder(addr);

	if (other == q->me)
		other = container_of(addr->holds.next->next, struct lb_hold, in_addr)->claim;
	if (!q->ask->share || strcmp(q->ask->share, addr->share) != 0) {
		refuse(q, "%s is held by %s%s", ip_text(&addr->ip, text), other->key,
		       q->ask->share ? ", which has another sharing key" : "");
		return false;
	}
	if (strcmp(q->ask->backend, addr->backend) != 0) {
		refuse(q,
		       "%s is shared with %s, which sends to other pods: with "
		       "externalTrafficPolicy Local the selectors have to be the same",
		       ip_text(&addr->ip, text), other->key);
		return false;
	}
	return ports_are_free(q, &addr->ip);
}

static bool is_nodes(const struct lb_pools *pools, const struct ip *ip)
{
	return ip_equal(ip, &pools->node[lb_family(ip)]);
}

/* Is the address one that the pool gives the Service? */
static bool can_have(struct asking *q, const struct lb_pool *pool, const struct ip *ip)
{
	const struct lb_addr *addr = find_addr(q->a, ip);
	char text[IP_TEXT];

	if (is_nodes(q->a->pools, ip)) {
		if (pool->node)
			return ports_are_free(q, ip);
		refuse(q, "%s is the node's own address, which pool \"%s\" does not give",
		       ip_text(ip, text), pool->name);
		return false;
	}
	if (lb_pool_leaves_out(pool, ip)) {
		refuse(q, "pool \"%s\" does not give addresses like %s%s", pool->name,
		       ip_text(ip, text),
		       ip->len == 4 ? " (avoidBuggyIPs)" : ", which is every router's");
		return false;
	}
	return only_mine(q, addr) || may_share(q, addr);
}

static bool in_pool(const struct lb_alloc *a, const struct lb_pool *pool, const struct ip *ip)
{
	return lb_pool_range(pool, ip) || (pool->node && is_nodes(a->pools, ip));
}

/* ---- one of a family ------------------------------------------------------------------------ */

static bool is_free(const struct asking *q, const struct lb_pool *pool, const struct ip *ip)
{
	return !lb_pool_leaves_out(pool, ip) && !is_nodes(q->a->pools, ip) &&
	       only_mine(q, find_addr(q->a, ip));
}

static bool free_in_range(const struct asking *q, const struct lb_pool *pool, struct lb_range *r,
                          struct ip *out)
{
	for (struct ip at = r->next; !r->full;) {
		if (is_free(q, pool, &at)) {
			*out = r->next = at;
			return true;
		}
		r->full = ip_equal(&at, &r->of.last) || !ip_next(&at);
	}
	return false;
}

/* The first one that Services of its key hold already and that it fits on. */
static bool shared_in_pool(struct asking *q, const struct lb_pool *pool, unsigned family,
                           struct ip *out)
{
	struct lb_share *s =
		q->ask->share ? map_get(&q->a->shares, q->ask->share, strlen(q->ask->share)) : NULL;
	struct list *l, *next;
	unsigned tried = 0;
	char why[LB_WHY];

	if (!s)
		return false;
	memcpy(why, q->why, sizeof(why)); /* who is elsewhere is no reason */
	list_each (l, next, &s->addrs) {
		struct lb_addr *addr = container_of(l, struct lb_addr, in_share);

		if (lb_family(&addr->ip) != family || !in_pool(q->a, pool, &addr->ip))
			continue;
		if (addr->n && can_have(q, pool, &addr->ip)) {
			*out = addr->ip;
			memcpy(q->why, why, sizeof(why));
			return true;
		}
		if (++tried == SHARED_TRIED)
			break;
	}
	memcpy(q->why, why, sizeof(why));
	return false;
}

static bool find_one(struct asking *q, struct lb_pool *pool, unsigned family, struct ip *out)
{
	const struct ip *wanted = &q->ask->wanted[family], *node = &q->a->pools->node[family];

	if (wanted->len) {
		*out = plain(wanted);
		return in_pool(q->a, pool, wanted) && can_have(q, pool, wanted);
	}
	if (shared_in_pool(q, pool, family, out))
		return true;
	for (unsigned i = 0; i < pool->n_ranges; i++)
		if (lb_family(&pool->ranges[i].of.first) == family &&
		    free_in_range(q, pool, &pool->ranges[i], out))
			return true;
	if (pool->node && node->len) {
		*out = plain(node);
		return can_have(q, pool, node);
	}
	return false;
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

/* What others have to agree with who share it: told by the only one that holds it. */
static void set_terms(struct lb_alloc *a, struct lb_addr *addr, const struct lb_ask *ask)
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

static void fronts_drop(struct lb_alloc *a, struct lb_hold *hold, unsigned n)
{
	for (unsigned i = 0; hold->fronts && i < n; i++)
		map_del(&a->fronts, hold->fronts[i].id, FRONT_ID);
	free(hold->fronts);
	hold->fronts = NULL;
}

static void fronts_set(struct lb_alloc *a, struct lb_hold *hold, const struct lb_ask *ask)
{
	hold->fronts = xcalloc(ask->n_ports + 1, sizeof(*hold->fronts));
	for (unsigned i = 0; i < ask->n_ports; i++) {
		struct lb_front *front = &hold->fronts[i];

		front_id(&hold->addr->ip, &ask->ports[i], front->id);
		front->claim = hold->claim;
		map_put(&a->fronts, front->id, FRONT_ID, front);
	}
}

static void changed(struct lb_alloc *a, struct lb_addr *addr)
{
	list_del(&addr->in_changed);
	list_add_tail(&a->changed, &addr->in_changed);
}

static void addr_free(struct lb_alloc *a, struct lb_addr *addr)
{
	map_del(&a->addrs, &addr->ip, ID);
	list_del(&addr->in_changed);
	free(addr->share);
	free(addr->backend);
	free(addr);
}

static void take(struct lb_alloc *a, struct lb_hold *hold, struct lb_pool *pool,
                 const struct ip *ip, const struct lb_ask *ask)
{
	struct lb_addr *addr = find_addr(a, ip);

	if (!addr) {
		addr = xcalloc(1, sizeof(*addr));
		addr->ip = plain(ip);
		list_init(&addr->holds);
		list_init(&addr->in_changed);
		list_init(&addr->in_share);
		map_put(&a->addrs, &addr->ip, ID, addr);
	}
	if (!addr->n) {
		addr->pool = pool;
		addr->node = is_nodes(a->pools, ip);
		pool->used[lb_family(ip)]++;
		set_terms(a, addr, ask);
	}
	addr->n++;
	hold->addr = addr;
	list_add_tail(&addr->holds, &hold->in_addr);
	fronts_set(a, hold, ask);
	changed(a, addr);
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

static void give_back(struct lb_alloc *a, struct lb_hold *hold)
{
	struct lb_addr *addr = hold->addr;

	if (!addr)
		return;
	fronts_drop(a, hold, hold->claim->n_ports);
	list_del(&hold->in_addr);
	hold->addr = NULL;
	a->eased = true;
	changed(a, addr);
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

/* ---- asking --------------------------------------------------------------------------------- */

struct plan {
	struct lb_pool *pool;
	struct ip ips[LB_FAMILIES];
	unsigned n;
};

static unsigned n_wants(const struct lb_ask *ask)
{
	return ask->wants[LB_IPV4] + ask->wants[LB_IPV6];
}

static bool wants_some(const struct lb_ask *ask)
{
	return ask->wanted[LB_IPV4].len || ask->wanted[LB_IPV6].len;
}

/* By its name, its selectors and what is asked for: is the pool one to look into? */
static bool is_for(struct asking *q, const struct lb_pool *pool)
{
	const struct lb_ask *ask = q->ask;

	if (ask->pool && strcmp(ask->pool, pool->name) != 0)
		return false;
	if (!lb_pool_allows(pool, ask->ns, ask->ns_labels, ask->labels)) {
		if (ask->pool)
			refuse(q,
			       "pool \"%s\" is not for this Service: namespaces, "
			       "namespaceSelector or serviceSelector say so",
			       pool->name);
		return false;
	}
	for (unsigned f = 0; f < LB_FAMILIES; f++)
		if (ask->wanted[f].len && !in_pool(q->a, pool, &ask->wanted[f]))
			return false;
	return true;
}

static void fill(struct asking *q, struct lb_pool *pool, struct plan *out)
{
	const struct lb_ask *ask = q->ask;

	out->pool = pool;
	for (unsigned f = 0; f < LB_FAMILIES; f++) {
		if (!ask->wants[f] || out->ips[f].len)
			continue;
		if (find_one(q, pool, f, &out->ips[f])) {
			out->n++;
			continue;
		}
		out->ips[f].len = 0;
		if (!ask->wanted[f].len && !q->n_none++) {
			q->none = pool;
			q->none_of = f;
		}
	}
}

/* An address that was asked for is had, or the pool is none. */
static bool has_wanted(const struct asking *q, const struct plan *plan)
{
	for (unsigned f = 0; f < LB_FAMILIES; f++)
		if (q->ask->wanted[f].len && !plan->ips[f].len)
			return false;
	return true;
}

static struct lb_pool *pool_of(struct asking *q, const struct ip *held, struct lb_pool *now)
{
	struct lb_pools *pools = q->a->pools;

	if (now && in_pool(q->a, now, held) && is_for(q, now))
		return now;
	for (unsigned i = 0; i < pools->n; i++)
		if (in_pool(q->a, &pools->v[i], held) && is_for(q, &pools->v[i]))
			return &pools->v[i];
	return NULL;
}

/* What it holds and may go on holding, and from the same pool what else it wants. */
static void keep(struct asking *q, const struct ip *held, struct plan *out)
{
	unsigned first = held[q->ask->first].len ? q->ask->first : !q->ask->first;
	struct lb_addr *addr = q->me->holds[first].addr;

	if (!held[first].len)
		return;
	out->pool = pool_of(q, &held[first], addr ? addr->pool : NULL);
	if (!out->pool)
		return;
	for (unsigned f = 0; f < LB_FAMILIES; f++) {
		const struct ip *wanted = &q->ask->wanted[f];

		if (!q->ask->wants[f] || !held[f].len || !in_pool(q->a, out->pool, &held[f]) ||
		    (wanted->len && !ip_equal(wanted, &held[f])) ||
		    !can_have(q, out->pool, &held[f]))
			continue;
		out->ips[f] = plain(&held[f]);
		out->n++;
	}
	if (out->n)
		fill(q, out->pool, out);
}

/* The first pool that has at least that many, and with `first` one of the first family. */
static bool look(struct asking *q, unsigned least, bool first, struct plan *out)
{
	struct lb_pools *pools = q->a->pools;

	for (unsigned i = 0; i < pools->n; i++) {
		struct lb_pool *pool = &pools->v[i];
		struct plan plan = { 0 };

		if (!is_for(q, pool) ||
		    (!pool->auto_assign && !q->ask->pool && !wants_some(q->ask)))
			continue;
		fill(q, pool, &plan);
		if (plan.n >= least && has_wanted(q, &plan) &&
		    (!first || plan.ips[q->ask->first].len)) {
			*out = plan;
			return true;
		}
	}
	return false;
}

static void choose(struct asking *q, const struct ip *held, struct plan *out)
{
	unsigned all = n_wants(q->ask);
	struct plan kept = { 0 };

	keep(q, held, &kept);
	*out = kept;
	if (kept.n == all || (kept.n && !q->ask->both))
		return;
	q->why[0] = 0; /* what is said of the search counts */
	q->n_none = 0;
	if (!look(q, all, false, out) && !kept.n && !q->ask->both && all > 1 &&
	    !look(q, 1, true, out))
		look(q, 1, false, out);
}

/* ---- what it waits for ---------------------------------------------------------------------- */

static void explain_wanted(struct asking *q)
{
	const struct lb_ask *ask = q->ask;
	char a[IP_TEXT], b[IP_TEXT];
	const char *in = ask->pool ? "is not in the pool asked for"
	                           : "is in no pool that this Service may use";

	ip_text(&ask->wanted[LB_IPV4], a);
	ip_text(&ask->wanted[LB_IPV6], b);
	if (*a && *b)
		refuse(q, "%s with %s %s", a, b, in);
	else
		refuse(q, "%s %s", *a ? a : b, in);
}

static void explain(struct asking *q)
{
	const struct lb_ask *ask = q->ask;
	static const char *const names[] = { "IPv4", "IPv6" };

	if (!q->a->pools->n)
		refuse(q, "there is no pool: make an AddressPool, or set [lb] pools");
	else if (ask->pool && !lb_pools_find(q->a->pools, ask->pool))
		refuse(q, "there is no pool \"%.200s\"", ask->pool);
	else if (q->n_none && ask->both)
		refuse(q, "no pool has free addresses of both families, which RequireDualStack "
		          "asks for");
	else if (q->n_none == 1)
		refuse(q, "pool \"%s\" has no free %s address", q->none->name, names[q->none_of]);
	else if (q->n_none)
		refuse(q, "pool \"%s\" and others have no free %s address", q->none->name,
		       names[q->none_of]);
	else if (wants_some(ask))
		explain_wanted(q);
	else
		refuse(q, "no pool is for this Service: namespaces, namespaceSelector, "
		          "serviceSelector or autoAssign say so");
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

static void carry_out(struct asking *q, const struct plan *plan)
{
	bool ports = !same_ports(q->me, q->ask);

	for (unsigned f = 0; f < LB_FAMILIES; f++) {
		struct lb_hold *hold = &q->me->holds[f];

		if (hold->addr && !ip_equal(&hold->addr->ip, &plan->ips[f]))
			give_back(q->a, hold);
		else if (hold->addr && ports)
			fronts_drop(q->a, hold, q->me->n_ports);
		q->a->eased |= hold->addr && ports;
	}
	for (unsigned f = 0; f < LB_FAMILIES; f++) {
		struct lb_hold *hold = &q->me->holds[f];

		if (!hold->addr && plan->ips[f].len) {
			take(q->a, hold, plan->pool, &plan->ips[f], q->ask);
			continue;
		}
		if (hold->addr && ports)
			fronts_set(q->a, hold, q->ask);
		if (hold->addr && hold->addr->n == 1)
			set_terms(q->a, hold->addr, q->ask);
	}
	if (!ports)
		return;
	free(q->me->ports);
	q->me->ports = xcalloc(q->ask->n_ports + 1, sizeof(*q->me->ports));
	memcpy(q->me->ports, q->ask->ports, q->ask->n_ports * sizeof(*q->me->ports));
	q->me->n_ports = q->ask->n_ports;
}

/* PreferDualStack waits for its second address without a word. */
static void wait_for(struct asking *q, const struct plan *plan, struct lb_result *out)
{
	struct lb_claim *me = q->me;
	bool whole = plan->n == n_wants(q->ask) && !q->ask->wrong,
	     quiet = plan->n && !q->ask->both && !q->ask->wrong && has_wanted(q, plan);

	list_del(&me->in_waiting);
	me->starved = !*q->why && !q->ask->share;
	me->picky = q->ask->pool || wants_some(q->ask);
	for (unsigned f = 0; f < LB_FAMILIES; f++)
		me->lacks[f] = q->ask->wants[f] && !plan->ips[f].len;
	if (!whole && !quiet)
		explain(q);
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
	struct asking q = { .a = a, .ask = ask, .me = me };
	struct plan plan = { 0 };

	*out = (struct lb_result){ 0 };
	for (unsigned f = 0; f < LB_FAMILIES; f++)
		if (made)
			out->was[f] = ask->has[f];
		else if (me->holds[f].addr)
			out->was[f] = me->holds[f].addr->ip;
	if (!ask->wrong) {
		choose(&q, out->was, &plan);
	} else {
		keep(&q, out->was, &plan);
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
	free(c->why);
	free(c);
}

void lb_alloc_drop(struct lb_alloc *a, const char *key)
{
	struct lb_claim *c = find_claim(a, key);

	if (!c)
		return;
	for (unsigned f = 0; f < LB_FAMILIES; f++)
		give_back(a, &c->holds[f]);
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
			give_back(a, &c->holds[f]);
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

	if (same && in_pool(a, same, &addr->ip))
		return same;
	for (unsigned i = 0; i < a->pools->n; i++)
		if (in_pool(a, &a->pools->v[i], &addr->ip))
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
		addr->node = is_nodes(pools, &addr->ip);
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
		changed(a, addr);
	while (!list_empty(&a->changed)) {
		addr = container_of(a->changed.next, struct lb_addr, in_changed);
		list_del(&addr->in_changed);
		fn(addr, arg);
		if (!addr->n)
			addr_free(a, addr);
	}
}
