/* svcnat.c - Services, as elements of the constant ruleset in table knetd (svcnat_rules.c).
 *
 * What was applied last is kept per Service. A change of a Service or of its slices plans that one
 * Service again and sends the difference. A full pass lays the rules again over what is there,
 * reads the maps back and sends what is missing or wrong. Both in transactions of bounded size, a
 * Service's elements in one: so at no moment is a packet without rules, connections and affinity
 * outlive a restart, and no transaction keeps others from the kernel for long. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/kern_check.h>
#include <knetd/kern.h>
#include <knetd/log.h>
#include <knetd/map.h>
#include <knetd/module.h>

#include "svcnat_claims.h"
#include "svcnat_counts.h"
#include "svcnat_elems.h"
#include "svcnat_metrics.h"
#include "svcnat_node.h"
#include "svcnat_picks.h"
#include "svcnat_place.h"
#include "svcnat_plan.h"
#include "svcnat_host.h"
#include "svcnat_rules.h"
#include "svcnat_stale.h"

#define TXN_ELEMENTS 8192 /* about; some 40 ms of the kernel's time */

extern const struct module svcnat_module;

static struct map applied; /* struct svcnat_kept by "namespace/name" */

/* ---- what changes --------------------------------------------------------------------------- */

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
	if (old && svcnat_claims_release(old))
		module_resync(&svcnat_module);
	if (old)
		svcnat_metrics_service(old, -1);
	l->keys[l->n] = key;
	l->v[l->n++] = (struct svcnat_change){ .old = old };
}

static void list_changed(struct change_list *l, struct changes *c, struct arena *arena)
{
	struct change change;

	while (changes_next(c, &change)) {
		switch (change.kind) {
		case KIND_SERVICE:
			svcnat_metrics.service_changes++;
			list_add(l, (change.new ? change.new : change.old)->key, arena);
			break;
		case KIND_NODE:
			if (svcnat_node_read())
				module_resync(&svcnat_module);
			break;
		default: /* a slice, which may have moved from one Service to another */
			svcnat_metrics.endpoint_changes++;
			if (change.old)
				list_add(l, change.old->group, arena);
			if (change.new)
				list_add(l, change.new->group, arena);
		}
	}
}

static void list_all(struct change_list *l, struct arena *arena)
{
	const struct svcnat_kept *k;
	const struct object *o;

	svcnat_claims_begin();
	for (size_t i = 0; (k = map_next(&applied, &i));)
		list_add(l, k->key, arena);
	for (size_t i = 0; (o = store_next_object(KIND_SERVICE, &i));)
		list_add(l, o->key, arena);
}

/* ---- planning ------------------------------------------------------------------------------- */

static void place(const struct svcnat_kept *old, struct svcnat_service *new, struct arena *arena)
{
	for (unsigned i = 0; i < new->n_lists; i++)
		svcnat_place(svcnat_plan_list(old, &new->lists[i]), &new->lists[i], arena);
}

/* NULL when there is nothing to serve. mirror NULL: the old plan is what the kernel has. */
static struct svcnat_kept *plan(const char *key, const struct svcnat_kept *old,
                                const struct svcnat_mirror *mirror)
{
	auto_arena struct arena arena = { 0 };
	const char *slash = strchr(key, '/');
	struct svcnat_service s;
	struct svcnat_kept *k;

	if (!slash)
		return NULL;
	svcnat_plan_service(arena_strndup(&arena, key, slash - key), slash + 1, &arena, &s);
	svcnat_claims_check(&s, key);
	if (!s.n_fronts && !s.n_vips) {
		svcnat_counts_drop(key);
		return NULL;
	}
	if (s.cut)
		log_warn("svcnat: service %s: more than %d endpoints of a port, %d ports and "
		         "addresses, or %d source ranges; the rest is not served",
		         key, SVCNAT_ENDPOINTS_MAX, SVCNAT_FRONTS_MAX, SVCNAT_RANGES_MAX);
	if (mirror)
		svcnat_place_as_seen(mirror, &s, &arena);
	else
		place(old, &s, &arena);
	svcnat_place_ids(&s);
	svcnat_picks_words(&s);
	svcnat_counts_choose(&s, key, mirror);
	k = svcnat_plan_keep(&s, key);
	map_put(&applied, k->key, strlen(k->key), k);
	svcnat_claims_take(k);
	svcnat_metrics_service(k, 1);
	return k;
}

/* After all of them were taken out of the books: an address may pass from one to another. */
static void plan_all(struct change_list *l, const struct svcnat_mirror *mirror)
{
	for (size_t i = 0; i < l->n; i++)
		l->v[i].new = plan(l->keys[i], l->v[i].old, mirror);
	for (size_t i = 0; mirror && i < l->n; i++) {
		struct svcnat_kept *k = map_get(&applied, l->keys[i], strlen(l->keys[i]));

		if (k)
			svcnat_counts_fill(k);
	}
}

/* ---- transactions --------------------------------------------------------------------------- */

/* Sends it, or forgets it when there is nothing in it: a Pod's label, an annotation, a full pass
 * that finds all well. */
static int commit(struct nft_txn *t, size_t sent, struct err *e)
{
	int ret;

	if (!sent) {
		nft_abort(t);
		return 0;
	}
	ret = nft_commit(t, e);
	svcnat_metrics.transactions += !ret;
	svcnat_metrics.elements += ret ? 0 : sent;
	return ret;
}

/* How many of the changes from `first` on go into one transaction: one at least. */
static size_t slice(const struct change_list *l, size_t first)
{
	size_t weight = 0, n = 0;

	while (first + n < l->n && (!n || weight < TXN_ELEMENTS))
		weight += svcnat_elems_weight(&l->v[first + n++]);
	return n;
}

static int send(const struct change_list *l, struct svcnat_mirror *mirror, struct err *e)
{
	int ret = 0;

	for (size_t i = 0, n; !ret && i < l->n; i += n) {
		struct nft_txn *t = nft_begin();

		n = slice(l, i);
		ret = commit(t, svcnat_elems_send(t, &l->v[i], n, mirror), e);
	}
	return ret;
}

/* What the kernel has and no Service wants. */
static int sweep(struct svcnat_mirror *mirror, struct err *e)
{
	size_t i = 0, sent;
	int ret;

	do {
		struct nft_txn *t = nft_begin();

		sent = svcnat_elems_sweep(t, mirror, &i, TXN_ELEMENTS);
		ret = commit(t, sent, e);
	} while (!ret && sent == TXN_ELEMENTS);
	return ret;
}

/* ---- the constant part ---------------------------------------------------------------------- */

static bool no_fib; /* told once; a kernel does not learn it later */

/* fresh: the table is not there, or is thrown away first. */
static int lay(const struct change_list *l, bool fresh, struct err *e)
{
	struct nft_txn *t = nft_begin();
	int ret = 0;

	if (fresh)
		nft_table_replace(t, SVCNAT_TABLE);
	svcnat_rules_lay(t, !no_fib);
	if (!fresh)
		ret = svcnat_rules_drop_picks(t, e);
	if (ret) {
		nft_abort(t);
		return ret;
	}
	for (size_t i = 0; i < l->n; i++)
		svcnat_elems_allow(t, l->v[i].new);
	svcnat_picks_lost();
	svcnat_picks_send(t);
	return nft_commit(t, e);
}

/* A table of another version, or one that somebody has changed out of shape, is thrown away. */
static int lay_anyhow(const struct change_list *l, struct svcnat_mirror *mirror, struct err *e)
{
	int exists = nft_table_exists(SVCNAT_TABLE, e), ret;

	if (exists < 0)
		return exists;
	no_fib |= kern_lacks(KERN_NFT_FIB);
	ret = lay(l, !exists, e);
	if (ret == -ENOENT && !no_fib) {
		no_fib = true;
		ret = lay(l, !exists, e);
		no_fib = ret == 0;
		if (no_fib)
			log_warn("svcnat: this kernel has no CONFIG_NFT_FIB_INET: there are no "
			         "node ports");
	}
	if (!ret || !exists)
		return ret;
	log_info("svcnat: table " SVCNAT_TABLE " is made anew: %s", e->text);
	svcnat_mirror_free(mirror);
	return lay(l, true, e);
}

/* ---- one sync ------------------------------------------------------------------------------- */

/* The kernel had what the mirror did not show, or the other way round. */
static bool out_of_shape(int ret)
{
	return ret == -EEXIST || ret == -ENOENT || ret == -EBUSY || ret == -EINVAL;
}

static int mend(const struct change_list *l, struct svcnat_mirror *mirror, struct err *e)
{
	int ret = lay_anyhow(l, mirror, e);

	if (!ret)
		ret = send(l, mirror, e);
	return ret ? ret : sweep(mirror, e);
}

static int make_anew(const struct change_list *l, struct err *e)
{
	struct svcnat_mirror nothing = { 0 };
	int ret;

	log_info("svcnat: table " SVCNAT_TABLE " is made anew: %s", e->text);
	svcnat_elems_forget();
	ret = lay(l, true, e);
	return ret ? ret : send(l, &nothing, e);
}

static int sync_all(struct change_list *l, struct arena *arena, struct err *e)
{
	struct svcnat_mirror mirror = { 0 };
	int ret = svcnat_mirror_read(&mirror, e);

	if (!ret) {
		svcnat_host_prepare();
		svcnat_node_read();
		svcnat_elems_forget();
		svcnat_picks_forget();
		svcnat_place_ids_above(svcnat_mirror_last_id(&mirror));
		list_all(l, arena);
		plan_all(l, &mirror);
		ret = mend(l, &mirror, e);
		if (out_of_shape(ret))
			ret = make_anew(l, e);
	}
	svcnat_mirror_free(&mirror);
	return ret;
}

static int sync_list(struct change_list *l, struct changes *c, struct err *e)
{
	auto_arena struct arena arena = { 0 };
	int ret;

	if (c->full) {
		ret = sync_all(l, &arena, e);
	} else {
		list_changed(l, c, &arena);
		plan_all(l, NULL);
		ret = send(l, NULL, e);
	}
	if (!ret)
		svcnat_stale_purge(l->v, l->n, c->full);
	return ret;
}

static int svcnat_sync(struct changes *c, struct err *e)
{
	struct change_list list = { 0 };
	uint64_t began = svcnat_metrics_now();
	int ret = sync_list(&list, c, e);

	change_list_free(&list);
	svcnat_metrics.syncs++;
	svcnat_metrics.nanoseconds += svcnat_metrics_now() - began;
	if (ret)
		svcnat_metrics.failures++;
	else
		svcnat_metrics.last = time(NULL);
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

static void write_metrics(struct buf *out)
{
	svcnat_metrics_write(out, applied.len);
}

static void remove_all(void)
{
	struct err e;

	svcnat_host_remove();
	if (nft_table_remove(SVCNAT_TABLE, &e))
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
	svcnat_claims_forget();
	svcnat_picks_forget();
	svcnat_elems_forget();
	svcnat_stale_forget();
	svcnat_counts_forget();
}

const struct module svcnat_module = {
	.name = "svcnat",
	.watches = KIND_BIT(KIND_SERVICE) | KIND_BIT(KIND_ENDPOINTSLICE) | KIND_BIT(KIND_NODE),
	.init = svcnat_init,
	.sync = svcnat_sync,
	.metrics = write_metrics,
	.exit = svcnat_exit,
};
