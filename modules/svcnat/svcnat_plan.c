/* svcnat_plan.c - see svcnat_plan.h */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/choice.h>
#include <knetd/conf.h>
#include <knetd/store.h>
#include <knetd/view.h>

#include "svcnat_plan.h"

/* ---- order ---------------------------------------------------------------------------------- */

int svcnat_front_order(const struct svcnat_front *a, const struct svcnat_front *b)
{
	int d = a->at.len - b->at.len;

	if (!d)
		d = a->node_port - b->node_port;
	if (!d)
		d = ip_order(&a->at, &b->at);
	if (!d)
		d = a->proto - b->proto;
	return d ? d : a->port - b->port;
}

int svcnat_list_order(const struct svcnat_list *a, const struct svcnat_list *b)
{
	int d = a->family - b->family;

	if (!d)
		d = a->proto - b->proto;
	if (!d)
		d = a->port - b->port;
	return d ? d : (int)a->scope - (int)b->scope;
}

struct nft_bytes svcnat_front_key(const struct svcnat_front *f)
{
	struct nft_bytes key = { 0 };

	if (!f->node_port)
		nft_put_ip(&key, &f->at);
	nft_put_proto(&key, f->proto);
	nft_put_port(&key, f->port);
	return key;
}

struct nft_bytes svcnat_index_key(const struct svcnat_front *f, unsigned index)
{
	struct nft_bytes key = svcnat_front_key(f);

	nft_put_mark(&key, index);
	return key;
}

/* ---- two plans ------------------------------------------------------------------------------ */

void svcnat_plan_pairs(const struct svcnat_kept *old, const struct svcnat_kept *new,
                       svcnat_pair_fn *fn, void *arg)
{
	unsigned n_old = old ? old->s.n_fronts : 0, n_new = new ? new->s.n_fronts : 0;

	for (unsigned i = 0, k = 0; i < n_old || k < n_new;) {
		const struct svcnat_front *was = i < n_old ? &old->s.fronts[i] : NULL;
		const struct svcnat_front *is = k < n_new ? &new->s.fronts[k] : NULL;
		int d = !was ? 1 : !is ? -1 : svcnat_front_order(was, is);

		i += d <= 0;
		k += d >= 0;
		fn(d <= 0 ? was : NULL, d >= 0 ? is : NULL, arg);
	}
}

const struct svcnat_list *svcnat_plan_list(const struct svcnat_kept *k,
                                           const struct svcnat_list *like)
{
	static const struct svcnat_list none;

	for (unsigned i = 0; k && i < k->s.n_lists; i++)
		if (!svcnat_list_order(&k->s.lists[i], like))
			return &k->s.lists[i];
	return &none;
}

/* ---- lists ---------------------------------------------------------------------------------- */

struct planning {
	const struct service_view *v;
	struct arena *arena;
	struct svcnat_service *out;
	unsigned most_fronts;
};

/* The two lists of a port in one family, and whether it has any endpoint at all. */
struct behind {
	const struct svcnat_list *cluster, *local;
	bool any;
};

static const struct svcnat_list *plan_list(struct planning *pl, const struct service_port *port,
                                           uint8_t family, enum svcnat_scope scope,
                                           const struct endpoint_set *set)
{
	struct svcnat_list *list = &pl->out->lists[pl->out->n_lists];

	*list = (struct svcnat_list){ .family = family,
		                      .proto = port->proto,
		                      .port = port->port,
		                      .scope = scope,
		                      .index = pl->out->n_lists++ };
	list->n = set->n;
	if (set->n > SVCNAT_ENDPOINTS_MAX) {
		pl->out->cut = true;
		list->n = SVCNAT_ENDPOINTS_MAX;
	}
	list->eps = arena_alloc(pl->arena, list->n * sizeof(*list->eps));
	for (unsigned i = 0; i < list->n; i++)
		list->eps[i].at = (struct endpoint){ set->v[i].ip, set->v[i].port };
	return list;
}

static void plan_lists(struct planning *pl, const struct service_port *port, uint8_t family,
                       struct behind *out)
{
	const struct service_view *v = pl->v;
	struct endpoint_set all;
	struct choice choice;

	view_endpoints(v->ns, v->name, port, family, false, pl->arena, &all);
	choice_make(&all, pl->arena, &choice);
	*out = (struct behind){ .any = choice.any };
	out->cluster = plan_list(pl, port, family, SVCNAT_CLUSTER_WIDE, &choice.cluster);
	if (v->internal_local || v->external_local)
		out->local = plan_list(pl, port, family, SVCNAT_LOCAL, &choice.local);
}

/* ---- fronts --------------------------------------------------------------------------------- */

/* kube-proxy refuses when there is no endpoint at all, and drops when a policy hides them. */
static struct svcnat_way way(const struct behind *b, const struct svcnat_list *list)
{
	return (struct svcnat_way){ .list = list, .empty = b->any ? SVCNAT_DROP : SVCNAT_REFUSE };
}

static struct svcnat_front *plan_front(struct planning *pl, const struct svcnat_front *f)
{
	if (pl->out->n_fronts == pl->most_fronts) {
		pl->out->cut = true;
		return NULL;
	}
	pl->out->fronts[pl->out->n_fronts] = *f;
	return &pl->out->fronts[pl->out->n_fronts++];
}

static void plan_cluster(struct planning *pl, const struct service_port *port, const struct ip *vip,
                         const struct behind *b)
{
	struct svcnat_front f = { .at = *vip, .proto = port->proto, .port = port->port };

	f.inner = way(b, pl->v->internal_local ? b->local : b->cluster);
	plan_front(pl, &f);
}

/* Pods and the node reach all endpoints, as if they had come in through a load balancer; who comes
 * from outside is bound to the policy. */
static void plan_external(struct planning *pl, const struct service_port *port,
                          const struct svcnat_front *like, const struct behind *b)
{
	struct svcnat_front f = *like;

	f.proto = port->proto;
	f.masquerade = pl->v->external_local ? SVCNAT_SOURCE_NODE : SVCNAT_SOURCE_ALL;
	f.inner = way(b, b->cluster);
	f.two_ways = pl->v->external_local;
	if (f.two_ways)
		f.outer = way(b, b->local);
	plan_front(pl, &f);
}

static bool has_ranges(const struct svcnat_service *s, uint8_t family)
{
	for (unsigned i = 0; i < s->n_ranges; i++)
		if (s->ranges[i].ip.len == family)
			return true;
	return false;
}

static void plan_addresses(struct planning *pl, const struct service_port *port, uint8_t family,
                           const struct behind *b)
{
	const struct service_view *v = pl->v;

	for (unsigned i = 0; i < v->n_ingress; i++) {
		struct svcnat_front f = { .at = v->ingress_ips[i], .port = port->port };

		f.guarded = has_ranges(pl->out, family);
		if (f.at.len == family)
			plan_external(pl, port, &f, b);
	}
	for (unsigned i = 0; conf.service.external_ips && i < v->n_external; i++) {
		struct svcnat_front f = { .at = v->external_ips[i], .port = port->port };

		if (f.at.len == family)
			plan_external(pl, port, &f, b);
	}
}

static void plan_port(struct planning *pl, const struct service_port *port, const struct ip *vip)
{
	struct svcnat_front node_port = { .at = { .len = vip->len },
		                          .node_port = true,
		                          .port = port->node_port };
	struct behind b;

	plan_lists(pl, port, vip->len, &b);
	plan_cluster(pl, port, vip, &b);
	plan_addresses(pl, port, vip->len, &b);
	if (port->node_port)
		plan_external(pl, port, &node_port, &b);
}

static int order_fronts(const void *a, const void *b)
{
	return svcnat_front_order(a, b);
}

/* An address may be named twice, as load balancer's and as external IP. */
static void sort_fronts(struct svcnat_service *s)
{
	unsigned kept = 0;

	if (!s->n_fronts)
		return;
	qsort(s->fronts, s->n_fronts, sizeof(*s->fronts), order_fronts);
	for (unsigned i = 0; i < s->n_fronts; i++)
		if (!kept || svcnat_front_order(&s->fronts[kept - 1], &s->fronts[i]) != 0)
			s->fronts[kept++] = s->fronts[i];
	s->n_fronts = kept;
}

/* ---- who may come --------------------------------------------------------------------------- */

/* The kernel refuses ranges that overlap. There is room for one more than the maximum. */
static void put_range(struct svcnat_service *s, const struct cidr *c)
{
	s->n_ranges = cidr_join(s->ranges, s->n_ranges, c);
	if (s->n_ranges > SVCNAT_RANGES_MAX) {
		s->cut = true;
		s->n_ranges--;
	}
}

/* An address of a load balancer often is the node's own: then the node's connections to it have it
 * for their source. They may come when the node may (kube-proxy's allowFromNode). */
static void allow_own(struct svcnat_service *s, const struct service_view *v)
{
	bool node_may = false;

	for (unsigned i = 0; i < s->n_ranges && !node_may; i++)
		node_may = view_node_in(&s->ranges[i]);
	for (unsigned i = 0; node_may && i < v->n_ingress; i++) {
		struct cidr own = { v->ingress_ips[i], v->ingress_ips[i].len * 8 };

		if (has_ranges(s, own.ip.len))
			put_range(s, &own);
	}
}

static void plan_ranges(const struct service_view *v, struct arena *arena,
                        struct svcnat_service *out)
{
	out->ranges = arena_alloc(arena, (SVCNAT_RANGES_MAX + 1) * sizeof(*out->ranges));
	for (unsigned i = 0; i < v->n_ranges; i++)
		put_range(out, &v->ranges[i]);
	allow_own(out, v);
}

/* ---- one Service ---------------------------------------------------------------------------- */

static bool has_vip(const struct svcnat_service *s, const struct ip *ip)
{
	return ip_is_in(ip, s->vips, s->n_vips);
}

/* More than there can be fronts of; 0 when there are none. */
static size_t count_fronts(const struct service_view *v)
{
	size_t n = (size_t)v->n_ports * (v->n_ips * 2 + v->n_ingress + v->n_external);

	return n > SVCNAT_FRONTS_MAX ? SVCNAT_FRONTS_MAX : n;
}

static void plan_view(const struct service_view *v, struct arena *arena, struct svcnat_service *out)
{
	struct planning pl = { v, arena, out, count_fronts(v) };

	out->affinity = v->affinity;
	out->cut = v->cut;
	out->fronts = arena_alloc(arena, pl.most_fronts * sizeof(*out->fronts));
	out->lists = arena_alloc(arena, (size_t)v->n_ports * v->n_ips * 2 * sizeof(*out->lists));
	plan_ranges(v, arena, out);
	for (unsigned i = 0; i < v->n_ips; i++) {
		if (has_vip(out, &v->ips[i]))
			continue;
		out->vips[out->n_vips++] = v->ips[i];
		for (unsigned k = 0; k < v->n_ports; k++)
			if (v->ports[k].proto && v->ports[k].port)
				plan_port(&pl, &v->ports[k], &v->ips[i]);
	}
	sort_fronts(out);
}

void svcnat_plan_service(const char *ns, const char *name, struct arena *arena,
                         struct svcnat_service *out)
{
	const struct object *o = store_get(KIND_SERVICE, ns, name);
	struct service_view view;

	*out = (struct svcnat_service){ 0 };
	if (!o)
		return;
	if (view_service(o, arena, &view) && view_service_proxied(&view))
		plan_view(&view, arena, out);
	yyjson_doc_free(view.doc);
}

void svcnat_plan_drop_vip(struct svcnat_service *s, const struct ip *vip)
{
	unsigned vips = 0;

	for (unsigned i = s->n_fronts; i-- > 0;)
		if (ip_equal(&s->fronts[i].at, vip))
			svcnat_plan_drop_front(s, i);
	for (unsigned i = 0; i < s->n_vips; i++)
		if (!ip_equal(&s->vips[i], vip))
			s->vips[vips++] = s->vips[i];
	s->n_vips = vips;
}

void svcnat_plan_drop_front(struct svcnat_service *s, unsigned i)
{
	s->n_fronts--;
	memmove(&s->fronts[i], &s->fronts[i + 1], (s->n_fronts - i) * sizeof(*s->fronts));
}

/* ---- keeping -------------------------------------------------------------------------------- */

static size_t count_endpoints(const struct svcnat_service *s)
{
	size_t n = 0;

	for (unsigned i = 0; i < s->n_lists; i++)
		n += s->lists[i].n;
	return n;
}

static const struct svcnat_list *moved(const struct svcnat_list *list, const struct svcnat_list *to)
{
	return list ? &to[list->index] : NULL;
}

/* The next `size` bytes of the block, filled from `from`. */
static void *copy(char **at, const void *from, size_t size)
{
	void *to = *at;

	if (size)
		memcpy(to, from, size);
	*at += size;
	return to;
}

struct svcnat_kept *svcnat_plan_keep(const struct svcnat_service *s, const char *key)
{
	size_t size = sizeof(struct svcnat_kept) + s->n_lists * sizeof(*s->lists) +
	              s->n_fronts * sizeof(*s->fronts) +
	              count_endpoints(s) * sizeof(struct svcnat_endpoint) +
	              s->n_ranges * sizeof(*s->ranges) + strlen(key) + 1;
	struct svcnat_kept *k = xmalloc(size);
	char *at = (char *)(k + 1);

	k->s = *s;
	k->s.lists = copy(&at, s->lists, s->n_lists * sizeof(*s->lists));
	k->s.fronts = copy(&at, s->fronts, s->n_fronts * sizeof(*s->fronts));
	for (unsigned i = 0; i < s->n_lists; i++)
		k->s.lists[i].eps =
			copy(&at, s->lists[i].eps, s->lists[i].n * sizeof(struct svcnat_endpoint));
	k->s.ranges = copy(&at, s->ranges, s->n_ranges * sizeof(*s->ranges));
	k->key = copy(&at, key, strlen(key) + 1);
	for (unsigned i = 0; i < k->s.n_fronts; i++) {
		struct svcnat_front *f = &k->s.fronts[i];

		f->inner.list = moved(f->inner.list, k->s.lists);
		f->outer.list = moved(f->outer.list, k->s.lists);
	}
	return k;
}
