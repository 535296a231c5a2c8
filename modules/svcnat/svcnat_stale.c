/* svcnat_stale.c - see svcnat_stale.h
 *
 * The kernel translates a flow once and remembers it, so a client that keeps sending from one port
 * stays with its endpoint even when that is long gone. The rule is kube-proxy's: a UDP flow that
 * was sent to a front of ours goes when none of the front's endpoints that still serve is the one
 * that answers it. It covers endpoints that went, ports that moved, Services that are deleted, and
 * flows from before a Service had that address.
 *
 * To ask what the kernel tracks is to walk all of it. So it is asked once a sync, and only when the
 * sync took something away from a UDP front, or made one where a flow may already have been: at an
 * external address or a node port. (What is sent to an address out of the Service range before a
 * Service has it is dropped, and leaves no flow.)
 *
 * An endpoint that terminates but still serves gets no new connections and keeps those it has. When
 * there were any, the Service is remembered, and its next change asks again. */
#include <netinet/in.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/log.h>
#include <knetd/map.h>
#include <knetd/store.h>
#include <knetd/view.h>

#include "svcnat_metrics.h"
#include "svcnat_node.h"
#include "svcnat_stale.h"

#define OWN_MAX 4096 /* addresses of the node */

static struct map lingering; /* keys of Services with flows to endpoints that terminate */

/* What the walk knows of one front; found by the front's identity. */
struct touched {
	const struct svcnat_front *front;
	const struct svcnat_kept *service; /* NULL: nobody has the front any more */
	struct map present;                /* endpoints that serve, filled at the first flow */
	bool filled;
};

struct walk {
	struct arena arena;
	struct map touched; /* struct touched */
	bool families[17];
	bool node_ports, own_read;
	struct map own; /* addresses of the node */
};

/* ---- which fronts to look at ---------------------------------------------------------------- */

static bool is_in(const struct svcnat_way *way, const struct endpoint *ep)
{
	for (unsigned i = 0; way->list && i < way->list->n; i++)
		if (endpoint_equal(&way->list->eps[i].at, ep))
			return true;
	return false;
}

static bool leads_to(const struct svcnat_front *f, const struct endpoint *ep)
{
	return is_in(&f->inner, ep) || (f->two_ways && is_in(&f->outer, ep));
}

/* Lists that did not change are in the same order. */
static bool lost_one(const struct svcnat_way *old, const struct svcnat_way *same,
                     const struct svcnat_front *new)
{
	for (unsigned i = 0; old->list && i < old->list->n; i++) {
		const struct endpoint *ep = &old->list->eps[i].at;

		if (same->list && i < same->list->n && endpoint_equal(&same->list->eps[i].at, ep))
			continue;
		if (!leads_to(new, ep))
			return true;
	}
	return false;
}

static bool is_empty(const struct svcnat_front *f)
{
	return !(f->inner.list && f->inner.list->n) &&
	       !(f->two_ways && f->outer.list && f->outer.list->n);
}

static bool at_vip(const struct svcnat_kept *k, const struct svcnat_front *f)
{
	return ip_is_in(&f->at, k->s.vips, k->s.n_vips);
}

/* Both are not NULL together. */
static bool is_touched(const struct svcnat_change *c, const struct svcnat_front *old,
                       const struct svcnat_front *new)
{
	if (!new)
		return true;
	if (!at_vip(c->new, new) && (!old || is_empty(old)))
		return true;
	return old && (lost_one(&old->inner, &new->inner, new) ||
	               (old->two_ways && lost_one(&old->outer, &new->outer, new)));
}

static void touch(struct walk *w, const struct svcnat_front *f, const struct svcnat_kept *service)
{
	struct touched *t = arena_alloc(&w->arena, sizeof(*t));

	*t = (struct touched){ .front = f, .service = service };
	if (!service && map_get(&w->touched, f, SVCNAT_FRONT_ID))
		return; /* it passed to another Service */
	map_put(&w->touched, f, SVCNAT_FRONT_ID, t);
	w->families[f->at.len] = true;
	w->node_ports |= f->node_port;
}

struct touching {
	struct walk *w;
	const struct svcnat_change *c;
	bool all;
};

static void touch_pair(const struct svcnat_front *old, const struct svcnat_front *new, void *arg)
{
	const struct touching *t = arg;
	const struct svcnat_front *f = new ? new : old;

	if (f->proto == IPPROTO_UDP && (t->all || is_touched(t->c, old, new)))
		touch(t->w, f, new ? t->c->new : NULL);
}

static void touch_change(struct walk *w, const struct svcnat_change *c, bool all)
{
	struct touching t = { w, c, all };

	svcnat_plan_pairs(c->old, c->new, touch_pair, &t);
}

/* ---- endpoints that serve ------------------------------------------------------------------- */

static const char chosen[] = "gets connections", leaving[] = "keeps those it has";

struct place { /* an endpoint as a key: no hole in front of PLACE_ID, nothing behind the address */
	uint16_t port;
	struct ip ip;
};
#define PLACE_ID (sizeof(uint16_t) + sizeof(struct ip))

static struct place place_of(const struct endpoint *ep)
{
	struct place p = { .port = ep->port, .ip = { .len = ep->ip.len } };

	memcpy(p.ip.b, ep->ip.b, ep->ip.len);
	return p;
}

static void put_endpoint(struct touched *t, struct arena *arena, const struct endpoint *from,
                         const char *how)
{
	struct place *p = arena_alloc(arena, sizeof(*p));

	*p = place_of(from);
	if (!map_get(&t->present, p, PLACE_ID))
		map_put(&t->present, p, PLACE_ID, (void *)how);
}

static void put_way(struct touched *t, struct arena *arena, const struct svcnat_way *way)
{
	for (unsigned i = 0; way->list && i < way->list->n; i++)
		put_endpoint(t, arena, &way->list->eps[i].at, chosen);
}

static void put_serving(struct touched *t, struct arena *arena, const struct service_view *v,
                        const struct service_port *port)
{
	struct endpoint_set set;

	view_endpoints(v->ns, v->name, port, t->front->at.len, false, arena, &set);
	for (unsigned i = 0; i < set.n; i++) {
		struct endpoint ep = { set.v[i].ip, set.v[i].port };

		if (set.v[i].ready || set.v[i].serving)
			put_endpoint(t, arena, &ep, leaving);
	}
}

static bool is_of(const struct svcnat_front *f, const struct service_port *port)
{
	return port->proto == f->proto && f->port == (f->node_port ? port->node_port : port->port);
}

static void put_service(struct touched *t, struct arena *arena)
{
	const char *slash = strchr(t->service->key, '/');
	const char *ns = arena_strndup(arena, t->service->key, slash - t->service->key);
	const struct object *o = store_get(KIND_SERVICE, ns, slash + 1);
	struct service_view v;

	if (!o)
		return;
	if (view_service(o, arena, &v))
		for (unsigned i = 0; i < v.n_ports; i++)
			if (is_of(t->front, &v.ports[i]))
				put_serving(t, arena, &v, &v.ports[i]);
	yyjson_doc_free(v.doc);
}

static void fill(struct touched *t, struct arena *arena)
{
	t->filled = true;
	if (!t->service)
		return;
	put_way(t, arena, &t->front->inner);
	if (t->front->two_ways)
		put_way(t, arena, &t->front->outer);
	put_service(t, arena);
}

static void linger(const char *key)
{
	char *copy;

	if (map_get(&lingering, key, strlen(key)))
		return;
	copy = xstrdup(key);
	map_put(&lingering, copy, strlen(copy), copy);
}

static bool linger_no_more(const char *key)
{
	char *copy = map_del(&lingering, key, strlen(key));

	free(copy);
	return copy != NULL;
}

/* ---- one flow ------------------------------------------------------------------------------- */

static void keep_own(const struct rt_addr *a, void *arg)
{
	struct walk *w = arg;
	struct ip *ip;

	if (w->own.len == OWN_MAX)
		return;
	ip = arena_alloc(&w->arena, sizeof(*ip));
	*ip = a->ip;
	map_put(&w->own, ip->b, ip->len, ip);
}

static void read_own(struct walk *w)
{
	struct err e;
	struct rt *rt = rt_open(-1, &e);

	w->own_read = true;
	if (!rt || rt_addr_each(rt, keep_own, w, &e))
		log_warn("svcnat: %s", e.text);
	rt_close(rt);
}

/* As the rules decide it: svcnat_node_ports.c. */
static bool has_node_ports(struct walk *w, const struct ip *ip)
{
	if (ip_is_loopback(ip))
		return conf.service.node_port_localhost;
	for (unsigned i = 0; i < conf.service.cidrs.n; i++)
		if (cidr_has(&conf.service.cidrs.v[i], ip))
			return false;
	if (!svcnat_node_ports_at(ip))
		return false;
	if (!w->own_read)
		read_own(w);
	return map_get(&w->own, ip->b, ip->len) != NULL;
}

static struct touched *find(struct walk *w, const struct endpoint *to)
{
	struct svcnat_front f;
	struct touched *t;

	memset(&f, 0, sizeof(f)); /* it is a key */
	f.port = to->port;
	f.proto = IPPROTO_UDP;
	f.at.len = to->ip.len;
	memcpy(f.at.b, to->ip.b, to->ip.len);
	t = map_get(&w->touched, &f, SVCNAT_FRONT_ID);
	if (t || !w->node_ports)
		return t;
	memset(f.at.b, 0, sizeof(f.at.b));
	f.node_port = true;
	t = map_get(&w->touched, &f, SVCNAT_FRONT_ID);
	return t && has_node_ports(w, &to->ip) ? t : NULL;
}

static bool is_stale(const struct conntrack_flow *flow, void *arg)
{
	struct walk *w = arg;
	struct touched *t = find(w, &flow->to);
	struct place from = place_of(&flow->from);
	const char *how;

	if (!t)
		return false;
	if (!t->filled)
		fill(t, &w->arena);
	how = map_get(&t->present, &from, PLACE_ID);
	if (how == leaving)
		linger(t->service->key);
	svcnat_metrics.flows_deleted += !how;
	return !how;
}

/* ---- all of them ---------------------------------------------------------------------------- */

static void walk(struct walk *w)
{
	uint8_t family = w->families[4] && w->families[16] ? 0 : w->families[4] ? 4 : 16;
	uint64_t began = svcnat_metrics_now();
	struct err e;

	if (conntrack_purge(IPPROTO_UDP, family, is_stale, w, &e))
		log_warn("svcnat: flows to endpoints that are gone may be left: %s", e.text);
	svcnat_metrics.walks++;
	svcnat_metrics.walk_nanoseconds += svcnat_metrics_now() - began;
}

static void walk_free(struct walk *w)
{
	struct touched *t;

	for (size_t i = 0; (t = map_next(&w->touched, &i));)
		map_free(&t->present);
	map_free(&w->touched);
	map_free(&w->own);
	arena_free(&w->arena);
}

static bool lingers(const struct svcnat_change *c)
{
	const struct svcnat_kept *k = c->new ? c->new : c->old;

	return k && linger_no_more(k->key);
}

void svcnat_stale_purge(const struct svcnat_change *v, size_t n, bool full)
{
	struct walk w = { 0 };

	for (size_t i = 0; i < n; i++) {
		bool all = lingers(&v[i]) || full;

		touch_change(&w, &v[i], all);
	}
	if (w.touched.len)
		walk(&w);
	walk_free(&w);
}

void svcnat_stale_forget(void)
{
	char *key;

	for (size_t i = 0; (key = map_next(&lingering, &i));)
		free(key);
	map_free(&lingering);
}
