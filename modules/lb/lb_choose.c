/* lb_choose.c - see lb_choose.h */
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>

#include "lb_choose.h"
#include "lb_hold.h"

#define SHARED_TRIED 256 /* addresses of one sharing key that a Service is tried on */

static const char *proto_name(uint8_t proto)
{
	return proto == IPPROTO_UDP ? "UDP" : proto == IPPROTO_SCTP ? "SCTP" : "TCP";
}

/* ---- may it be had? ------------------------------------------------------------------------- */

static void refuse(struct lb_asking *q, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void refuse(struct lb_asking *q, const char *fmt, ...)
{
	va_list ap;

	if (*q->why)
		return;
	va_start(ap, fmt);
	vsnprintf(q->why, LB_WHY, fmt, ap);
	va_end(ap);
}

static bool ports_are_free(struct lb_asking *q, const struct ip *ip)
{
	char text[IP_TEXT];

	for (unsigned i = 0; i < q->ask->n_ports; i++) {
		const struct lb_port *p = &q->ask->ports[i];
		const struct lb_claim *other = lb_hold_of_port(q->a, ip, p);

		if (!other || other == q->me)
			continue;
		refuse(q, "port %u/%s of %s is held by %s", p->port, proto_name(p->proto),
		       ip_text(ip, text), other->key);
		return false;
	}
	return true;
}

static bool only_mine(const struct lb_asking *q, const struct lb_addr *addr)
{
	return !addr || !addr->n || (addr->n == 1 && lb_addr_holder(addr) == q->me);
}

/* May it be beside those that hold the address? */
static bool may_share(struct lb_asking *q, const struct lb_addr *addr)
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

/* Is the address one that the pool gives the Service? */
static bool can_have(struct lb_asking *q, const struct lb_pool *pool, const struct ip *ip)
{
	const struct lb_addr *addr = lb_hold_find(q->a, ip);
	char text[IP_TEXT];

	if (lb_hold_is_nodes(q->a, ip)) {
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

/* ---- one of a family ------------------------------------------------------------------------ */

static bool is_free(const struct lb_asking *q, const struct lb_pool *pool, const struct ip *ip)
{
	return !lb_pool_leaves_out(pool, ip) && !lb_hold_is_nodes(q->a, ip) &&
	       only_mine(q, lb_hold_find(q->a, ip));
}

static bool free_in_range(const struct lb_asking *q, const struct lb_pool *pool, struct lb_range *r,
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
static bool shared_in_pool(struct lb_asking *q, const struct lb_pool *pool, unsigned family,
                           struct ip *out)
{
	const struct list *shared = q->ask->share ? lb_hold_shared(q->a, q->ask->share) : NULL;
	unsigned tried = 0;
	char why[LB_WHY];

	if (!shared)
		return false;
	memcpy(why, q->why, sizeof(why)); /* who is elsewhere is no reason */
	for (const struct list *l = shared->next; l != shared; l = l->next) {
		const struct lb_addr *addr = container_of(l, const struct lb_addr, in_share);

		if (lb_family(&addr->ip) != family || !lb_hold_in_pool(q->a, pool, &addr->ip))
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

static bool find_one(struct lb_asking *q, struct lb_pool *pool, unsigned family, struct ip *out)
{
	const struct ip *wanted = &q->ask->wanted[family], *node = &q->a->pools->node[family];

	if (wanted->len) {
		*out = lb_hold_key(wanted);
		return lb_hold_in_pool(q->a, pool, wanted) && can_have(q, pool, wanted);
	}
	if (shared_in_pool(q, pool, family, out))
		return true;
	for (unsigned i = 0; i < pool->n_ranges; i++)
		if (lb_family(&pool->ranges[i].of.first) == family &&
		    free_in_range(q, pool, &pool->ranges[i], out))
			return true;
	if (pool->node && node->len) {
		*out = lb_hold_key(node);
		return can_have(q, pool, node);
	}
	return false;
}

/* ---- asking --------------------------------------------------------------------------------- */

unsigned lb_choose_all(const struct lb_ask *ask)
{
	return ask->wants[LB_IPV4] + ask->wants[LB_IPV6];
}

bool lb_choose_names(const struct lb_ask *ask)
{
	return ask->wanted[LB_IPV4].len || ask->wanted[LB_IPV6].len;
}

/* By its name, its selectors and what is asked for: is the pool one to look into? */
static bool is_for(struct lb_asking *q, const struct lb_pool *pool)
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
		if (ask->wanted[f].len && !lb_hold_in_pool(q->a, pool, &ask->wanted[f]))
			return false;
	return true;
}

static void fill(struct lb_asking *q, struct lb_pool *pool, struct lb_plan *out)
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

bool lb_choose_has_named(const struct lb_asking *q, const struct lb_plan *plan)
{
	for (unsigned f = 0; f < LB_FAMILIES; f++)
		if (q->ask->wanted[f].len && !plan->ips[f].len)
			return false;
	return true;
}

static struct lb_pool *pool_of(struct lb_asking *q, const struct ip *held, struct lb_pool *now)
{
	struct lb_pools *pools = q->a->pools;

	if (now && lb_hold_in_pool(q->a, now, held) && is_for(q, now))
		return now;
	for (unsigned i = 0; i < pools->n; i++)
		if (lb_hold_in_pool(q->a, &pools->v[i], held) && is_for(q, &pools->v[i]))
			return &pools->v[i];
	return NULL;
}

void lb_choose_kept(struct lb_asking *q, const struct ip *held, struct lb_plan *out)
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

		if (!q->ask->wants[f] || !held[f].len ||
		    !lb_hold_in_pool(q->a, out->pool, &held[f]) ||
		    (wanted->len && !ip_equal(wanted, &held[f])) ||
		    !can_have(q, out->pool, &held[f]))
			continue;
		out->ips[f] = lb_hold_key(&held[f]);
		out->n++;
	}
	if (out->n)
		fill(q, out->pool, out);
}

/* The first pool that has at least that many, and with `first` one of the first family. */
static bool look(struct lb_asking *q, unsigned least, bool first, struct lb_plan *out)
{
	struct lb_pools *pools = q->a->pools;

	for (unsigned i = 0; i < pools->n; i++) {
		struct lb_pool *pool = &pools->v[i];
		struct lb_plan plan = { 0 };

		if (!is_for(q, pool) ||
		    (!pool->auto_assign && !q->ask->pool && !lb_choose_names(q->ask)))
			continue;
		fill(q, pool, &plan);
		if (plan.n >= least && lb_choose_has_named(q, &plan) &&
		    (!first || plan.ips[q->ask->first].len)) {
			*out = plan;
			return true;
		}
	}
	return false;
}

void lb_choose(struct lb_asking *q, const struct ip *held, struct lb_plan *out)
{
	unsigned all = lb_choose_all(q->ask);
	struct lb_plan kept = { 0 };

	lb_choose_kept(q, held, &kept);
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

static void explain_wanted(struct lb_asking *q)
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

void lb_choose_explain(struct lb_asking *q)
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
	else if (lb_choose_names(ask))
		explain_wanted(q);
	else
		refuse(q, "no pool is for this Service: namespaces, namespaceSelector, "
		          "serviceSelector or autoAssign say so");
}
