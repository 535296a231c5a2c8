/* svcnat.c - Services, as elements of the constant ruleset in table knetd (svcnat_rules.c).
 *
 * What was applied last is kept per Service. A change of a Service or of its slices plans that one
 * Service again and sends the difference, all changed Services of a turn in one transaction. A full
 * sync is the same with nothing applied before, behind a replacement of the table, in one
 * transaction too: at no moment is a packet without rules. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <knetd/auto.h>
#include <knetd/kern.h>
#include <knetd/log.h>
#include <knetd/map.h>
#include <knetd/module.h>

#include "svcnat_elems.h"
#include "svcnat_plan.h"
#include "svcnat_route.h"
#include "svcnat_rules.h"
#include "svcnat_stale.h"

extern const struct module svcnat_module;

static struct map applied; /* struct svcnat_kept by "namespace/name" */
static struct map owners;  /* struct svcnat_kept by ClusterIP: who claimed it first has it */
static bool contested;     /* somebody's claim was refused since the last full sync */

static struct {
	uint64_t syncs, nanoseconds, transactions, elements;
	size_t endpoints;
} metrics;

/* ---- ClusterIPs ----------------------------------------------------------------------------- */

/* Two Services with one address would make the kernel refuse the whole transaction, so the second
 * is served without it until a full sync finds the address free. */
static void drop_foreign_vips(struct svcnat_service *s, const char *key)
{
	for (unsigned i = 0; i < s->n_vips;) {
		struct ip vip = s->vips[i];
		const struct svcnat_kept *owner = map_get(&owners, vip.b, vip.len);
		char text[IP_TEXT];

		if (!owner) {
			i++;
			continue;
		}
		log_warn("svcnat: service %s: ClusterIP %s belongs to service %s", key,
		         ip_text(&vip, text), owner->key);
		svcnat_plan_drop_vip(s, &vip);
		contested = true;
	}
}

static void claim_vips(struct svcnat_kept *k)
{
	for (unsigned i = 0; i < k->s.n_vips; i++)
		map_put(&owners, k->s.vips[i].b, k->s.vips[i].len, k);
}

static void release_vips(const struct svcnat_kept *k)
{
	for (unsigned i = 0; i < k->s.n_vips; i++)
		map_del(&owners, k->s.vips[i].b, k->s.vips[i].len);
	if (contested && k->s.n_vips)
		module_resync(&svcnat_module);
}

/* ---- one sync ------------------------------------------------------------------------------- */

struct change_list {
	struct svcnat_change *v;
	const char **keys; /* of the same places, in the sync's arena */
	size_t n, cap;
	struct map seen; /* keys, so that each comes once */
};

static void change_list_free(struct change_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free((void *)l->v[i].old);
	free(l->v);
	free(l->keys);
	map_free(&l->seen);
}

static size_t count_endpoints(const struct svcnat_kept *k)
{
	size_t n = 0;

	for (unsigned i = 0; k && i < k->s.n_ports; i++)
		n += k->s.ports[i].n;
	return n;
}

/* Takes what was applied for the key out of the books; plan_all() puts the new one there. */
static void list_add(struct change_list *l, const char *key, struct arena *arena)
{
	size_t len = strlen(key);
	struct svcnat_kept *old;

	if (map_get(&l->seen, key, len))
		return;
	key = arena_strdup(arena, key);
	map_put(&l->seen, key, len, (void *)key);
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 16;
		l->v = xrealloc(l->v, l->cap * sizeof(*l->v));
		l->keys = xrealloc(l->keys, l->cap * sizeof(*l->keys));
	}
	old = map_del(&applied, key, len);
	if (old)
		release_vips(old);
	metrics.endpoints -= count_endpoints(old);
	l->keys[l->n] = key;
	l->v[l->n++] = (struct svcnat_change){ .old = old };
}

static void list_changed(struct change_list *l, struct changes *c, struct arena *arena)
{
	struct change change;

	while (changes_next(c, &change)) {
		if (change.kind == KIND_SERVICE) {
			list_add(l, (change.new ? change.new : change.old)->key, arena);
			continue;
		}
		if (change.old) /* a slice may have moved from one Service to another */
			list_add(l, change.old->group, arena);
		if (change.new)
			list_add(l, change.new->group, arena);
	}
}

static void list_all(struct change_list *l, struct arena *arena)
{
	const struct svcnat_kept *k;
	const struct object *o;

	contested = false;
	for (size_t i = 0; (k = map_next(&applied, &i));)
		list_add(l, k->key, arena);
	for (size_t i = 0; (o = store_next_object(KIND_SERVICE, &i));)
		list_add(l, o->key, arena);
}

static void place(const struct svcnat_kept *old, struct svcnat_service *new, struct arena *arena)
{
	unsigned n_old = old ? old->s.n_ports : 0;

	for (unsigned i = 0, k = 0; i < n_old && k < new->n_ports;) {
		int d = svcnat_port_order(&old->s.ports[i], &new->ports[k]);

		if (!d)
			svcnat_plan_place(&old->s.ports[i], &new->ports[k], arena);
		i += d <= 0;
		k += d >= 0;
	}
}

/* NULL when there is nothing to serve. */
static struct svcnat_kept *plan(const char *key, const struct svcnat_kept *old)
{
	auto_arena struct arena arena = { 0 };
	const char *slash = strchr(key, '/');
	struct svcnat_service s;
	struct svcnat_kept *k;

	if (!slash)
		return NULL;
	svcnat_plan_service(arena_strndup(&arena, key, slash - key), slash + 1, &arena, &s);
	drop_foreign_vips(&s, key);
	if (!s.n_vips)
		return NULL;
	if (s.cut)
		log_warn("svcnat: service %s: more than %d endpoints of a port, or %d ports; the "
		         "rest is not served",
		         key, SVCNAT_ENDPOINTS_MAX, SVCNAT_PORTS_MAX);
	place(old, &s, &arena);
	k = svcnat_plan_keep(&s, key);
	map_put(&applied, k->key, strlen(k->key), k);
	claim_vips(k);
	metrics.endpoints += count_endpoints(k);
	return k;
}

/* After all of them were taken out of the books: an address may pass from one to another. */
static void plan_all(struct change_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		l->v[i].new = plan(l->keys[i], l->v[i].old);
}

static int commit(const struct change_list *l, bool full, struct err *e)
{
	struct nft_txn *t = nft_begin();
	size_t sent;
	int ret;

	if (full)
		svcnat_rules_replace(t);
	sent = svcnat_elems_send(t, l->v, l->n, full);
	if (!full && !sent) { /* a Pod's label, an annotation: nothing that the kernel knows */
		nft_abort(t);
		return 0;
	}
	ret = nft_commit(t, e);
	if (ret)
		return ret;
	metrics.transactions++;
	metrics.elements += sent;
	return 0;
}

static int sync_list(struct change_list *l, struct changes *c, struct err *e)
{
	auto_arena struct arena arena = { 0 };
	int ret;

	if (c->full) {
		svcnat_route_set();
		list_all(l, &arena);
	} else
		list_changed(l, c, &arena);
	plan_all(l);
	ret = commit(l, c->full, e);
	for (size_t i = 0; !ret && i < l->n; i++)
		svcnat_stale_purge(&l->v[i]);
	return ret;
}

static uint64_t nanoseconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int svcnat_sync(struct changes *c, struct err *e)
{
	struct change_list list = { 0 };
	uint64_t began = nanoseconds();
	int ret = sync_list(&list, c, e);

	change_list_free(&list);
	metrics.syncs++;
	metrics.nanoseconds += nanoseconds() - began;
	return ret;
}

/* ---- the module ----------------------------------------------------------------------------- */

static void on_foreign_change(const char *table)
{
	static struct log_rate rate;

	if (table && strcmp(table, SVCNAT_TABLE) != 0)
		return;
	if (table && log_may(&rate))
		log_warn("svcnat: table " SVCNAT_TABLE
		         " was changed by somebody else; putting it right");
	module_resync(&svcnat_module);
}

static int svcnat_init(struct err *e)
{
	svcnat_rules_init();
	return nft_watch(SVCNAT_TABLE, on_foreign_change, e);
}

static void metric(struct buf *out, const char *name, const char *type, uint64_t value)
{
	buf_printf(out, "# TYPE %s %s\n%s %llu\n", name, type, name, (unsigned long long)value);
}

/* kube-proxy's name for the time a sync takes, so that its dashboards show ours. */
#define DURATION "kubeproxy_sync_proxy_rules_duration_seconds"

static void svcnat_metrics(struct buf *out)
{
	buf_str(out, "# TYPE " DURATION " summary\n");
	buf_printf(out, DURATION "_sum %.9f\n", (double)metrics.nanoseconds / 1e9);
	buf_printf(out, DURATION "_count %llu\n", (unsigned long long)metrics.syncs);
	metric(out, "knetd_svcnat_services", "gauge", applied.len);
	metric(out, "knetd_svcnat_endpoints", "gauge", metrics.endpoints);
	metric(out, "knetd_svcnat_transactions_total", "counter", metrics.transactions);
	metric(out, "knetd_svcnat_elements_sent_total", "counter", metrics.elements);
}

static void remove_all(void)
{
	struct nft_txn *t;
	struct err e;

	svcnat_route_remove();
	if (nft_table_exists(SVCNAT_TABLE, &e) != 1)
		return;
	t = nft_begin();
	nft_table_del(t, SVCNAT_TABLE);
	if (nft_commit(t, &e))
		log_warn("svcnat: %s", e.text);
}

static void svcnat_exit(bool remove)
{
	struct svcnat_kept *k;

	if (remove)
		remove_all();
	for (size_t i = 0; (k = map_next(&applied, &i));)
		free(k);
	map_free(&applied);
	map_free(&owners);
	svcnat_elems_forget();
}

const struct module svcnat_module = {
	.name = "svcnat",
	.watches = KIND_BIT(KIND_SERVICE) | KIND_BIT(KIND_ENDPOINTSLICE),
	.init = svcnat_init,
	.sync = svcnat_sync,
	.metrics = svcnat_metrics,
	.exit = svcnat_exit,
};
