/* store.c - see store.h. Every write is applied to memory at once and noted in an undo list. An
 * abort walks the list back to the transaction's beginning; a flush sends all of it to LMDB and,
 * when that worked, to the ring (store_ring.c), or walks the whole of it back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <knetd/arena.h>
#include <knetd/auto.h>
#include <knetd/log.h>
#include <knetd/map.h>
#include <knetd/store.h>

#include "store_int.h"
#include "store_lmdb.h"

struct group {
	struct list objects;
	char name[];
};

struct undo {
	enum kind kind;
	uint64_t version;
	struct object *old, *new; /* references; either may be NULL */
	bool owed;                /* see store_owe */
};

#define VERSION_KEY "version" /* no '/': not an object's key */
#define CEILING_STEP 1000000
#define LISTENERS 4
/* After a flush that failed this many transactions in a row have to succeed one by one before they
 * are grouped again: one that does not fit must not take the others down with it turn after turn.
 */
#define ALONE 64

static struct {
	struct map objects[KIND_COUNT]; /* key -> struct object, each holding a reference */
	struct map groups[KIND_COUNT];  /* group name -> struct group */
	uint64_t version;   /* given out last; one that was taken back is not given again */
	uint64_t flushed;   /* of the newest change in the ring */
	uint64_t ceiling;   /* no version of an earlier run is above what was kept */
	struct map damaged; /* keys of LMDB */
	size_t count;
	bool writing, deferred, owing; /* owing: the open transaction */
	unsigned alone;
	struct undo *undo; /* what is not flushed: ended transactions, then the open one */
	size_t n_undo, cap_undo, n_ended;
	void (*listeners[LISTENERS])(const struct err *failed);
	unsigned n_listeners;
	struct store_stats stats;
} store;

/* ---- objects in memory ---------------------------------------------------------------------- */

/* The EndpointSlices of a Service are found by the Service, everything else by its namespace. */
static void group_name(enum kind kind, const char *ns, const char *service,
                       char out[static KEY_MAX])
{
	if (kind == KIND_ENDPOINTSLICE && service)
		snprintf(out, KEY_MAX, "%s/%s", ns, service);
	else
		snprintf(out, KEY_MAX, "%s", ns);
}

/* One allocation: the struct, then key, namespace, group and text. */
static struct object *object_new(enum kind kind, const char *ns, const char *name,
                                 const char *group, const char *json, size_t json_len,
                                 uint64_t version, bool run)
{
	size_t n_ns = strlen(ns), n_name = strlen(name), n_group = strlen(group);
	size_t n_key = kind_info[kind].namespaced ? n_ns + 1 + n_name : n_name;
	struct object *o = xmalloc(sizeof(*o) + n_key + n_ns + n_group + json_len + 4);
	char *p = (char *)(o + 1);

	*o = (struct object){
		.refs = 1, .kind = kind, .version = version, .run = run, .json_len = json_len
	};
	list_init(&o->in_group);
	o->key = p;
	o->name = p + n_key - n_name;
	sprintf(p, kind_info[kind].namespaced ? "%s/%s" : "%s%s", ns, name);
	o->ns = memcpy(p += n_key + 1, ns, n_ns + 1);
	o->group = memcpy(p += n_ns + 1, group, n_group + 1);
	o->json = p += n_group + 1;
	memcpy(p, json, json_len);
	p[json_len] = 0;
	return o;
}

static void group_add(struct object *o)
{
	size_t n = strlen(o->group);
	struct group *g = map_get(&store.groups[o->kind], o->group, n);

	if (!g) {
		g = xmalloc(sizeof(*g) + n + 1);
		list_init(&g->objects);
		memcpy(g->name, o->group, n + 1);
		map_put(&store.groups[o->kind], g->name, n, g);
	}
	list_add_tail(&g->objects, &o->in_group);
}

static void group_del(struct object *o)
{
	struct group *g = map_get(&store.groups[o->kind], o->group, strlen(o->group));

	list_del(&o->in_group);
	if (!list_empty(&g->objects))
		return;
	map_del(&store.groups[o->kind], g->name, strlen(g->name));
	free(g);
}

/* Puts new (its reference is taken over) where old was; either may be NULL. */
static void replace(enum kind kind, struct object *old, struct object *new)
{
	struct map *m = &store.objects[kind];

	if (old) {
		group_del(old);
		map_del(m, old->key, strlen(old->key));
		object_unref(old);
		store.count--;
	}
	if (new) {
		map_put(m, new->key, strlen(new->key), new);
		group_add(new);
		store.count++;
	}
}

static struct object *lookup(enum kind kind, const char *ns, const char *name)
{
	char key[KEY_MAX];
	int n = snprintf(key, sizeof(key), "%s%s%s", kind_info[kind].namespaced ? ns : "",
	                 kind_info[kind].namespaced ? "/" : "", name);

	return n < (int)sizeof(key) ? map_get(&store.objects[kind], key, n) : NULL;
}

const struct object *store_get(enum kind kind, const char *ns, const char *name)
{
	return lookup(kind, ns, name);
}

const struct object *store_get_key(enum kind kind, const char *key)
{
	return map_get(&store.objects[kind], key, strlen(key));
}

const struct object *store_next_object(enum kind kind, size_t *i)
{
	return map_next(&store.objects[kind], i);
}

size_t store_count(enum kind kind)
{
	return store.objects[kind].len;
}

const struct list *store_group(enum kind kind, const char *group)
{
	struct group *g = map_get(&store.groups[kind], group, strlen(group));

	return g ? &g->objects : NULL;
}

uint64_t store_version(void)
{
	return store.flushed;
}

/* ---- writing -------------------------------------------------------------------------------- */

void store_begin(void)
{
	if (store.writing)
		log_err("store: begin inside a transaction");
	store.writing = true;
}

static void note_undo(enum kind kind, struct object *old, struct object *new)
{
	if (store.n_undo == store.cap_undo) {
		store.cap_undo = store.cap_undo ? store.cap_undo * 2 : 64;
		store.undo = xrealloc(store.undo, store.cap_undo * sizeof(*store.undo));
	}
	store.undo[store.n_undo++] = (struct undo){
		.kind = kind,
		.version = store.version,
		.old = old ? object_ref(old) : NULL,
		.new = new ? object_ref(new) : NULL,
	};
}

int store_put(enum kind kind, const char *ns, const char *name, yyjson_mut_doc *doc, unsigned flags,
              const struct object **out, struct err *e)
{
	struct object *old = lookup(kind, ns, name), *new;
	char group[KEY_MAX];
	auto_free char *json = NULL;
	bool run = flags & STORE_RUN;
	size_t n;

	if (strlen(ns) + strlen(name) + 2 > KEY_MAX)
		return err_set(e, EINVAL, "metadata.name: too long");
	if (!old && store.count >= STORE_OBJECTS_MAX)
		return err_set(e, ENOSPC, "store: more than %d objects", STORE_OBJECTS_MAX);
	json = store_stamp(kind, ns, name, doc, old, store.version + 1, &n, e);
	if (!json)
		return -e->code;
	if (old && old->run == run && store_same_text(old, json, n)) {
		if (out)
			*out = old;
		return 0;
	}
	group_name(kind, ns, store_slice_service(kind, doc), group);
	new = object_new(kind, ns, name, group, json, n, ++store.version, run);
	note_undo(kind, old, new);
	replace(kind, old, new);
	if (out)
		*out = new;
	return 0;
}

int store_delete(enum kind kind, const char *ns, const char *name)
{
	struct object *old = lookup(kind, ns, name);

	if (!old)
		return -ENOENT;
	store.version++;
	note_undo(kind, old, NULL);
	replace(kind, old, NULL);
	return 0;
}

/* Forgets the steps behind the first keep. */
static void drop_undo(size_t keep)
{
	while (store.n_undo > keep) {
		struct undo *u = &store.undo[--store.n_undo];

		object_unref(u->old);
		object_unref(u->new);
	}
}

static void walk_back(size_t keep)
{
	for (size_t i = store.n_undo; i-- > keep;) {
		struct undo *u = &store.undo[i];

		replace(u->kind, u->new, u->old ? object_ref(u->old) : NULL);
	}
	drop_undo(keep);
}

void store_abort(void)
{
	walk_back(store.n_ended);
	store.writing = store.owing = false;
}

static const char *lmdb_key(struct arena *a, const struct object *o)
{
	return arena_printf(a, "%s/%s", kind_info[o->kind].plural, o->key);
}

/* At most two writes a step: the new text, and the old one's removal when it was elsewhere. */
static size_t to_writes(struct arena *a, const struct undo *u, struct lmdb_write *w)
{
	size_t count = 0;

	if (u->old && (!u->new || u->old->run != u->new->run))
		w[count++] = (struct lmdb_write){
			.env = u->old->run ? ENV_RUN : ENV_STATE,
			.key = lmdb_key(a, u->old),
		};
	if (u->new)
		w[count++] = (struct lmdb_write){
			.env = u->new->run ? ENV_RUN : ENV_STATE,
			.key = lmdb_key(a, u->new),
			.data = u->new->json,
			.n = u->new->json_len,
		};
	return count;
}

static int raise_ceiling(struct err *e);

static int write_all(struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_free struct lmdb_write *w = xmalloc(2 * store.n_undo * sizeof(*w));
	size_t n = 0;

	for (size_t i = 0; i < store.n_undo; i++)
		n += to_writes(&a, &store.undo[i], w + n);
	if (store.version + CEILING_STEP / 2 > store.ceiling && !lmdb_damage(ENV_STATE))
		raise_ceiling(e); /* long before it is reached; the next flush tries again */
	return debts_pay_before(w, n, e) ? -e->code : lmdb_write(w, n, e);
}

/* The run side commits before the state side (store_lmdb.c). When the second failed, the first gets
 * back what it had: the latest write of a key is its oldest state. */
static void restore_run_side(void)
{
	auto_arena struct arena a = { 0 };
	auto_free struct lmdb_write *w = xmalloc(store.n_undo * sizeof(*w));
	struct err e = { 0 };
	size_t count = 0;

	for (size_t i = store.n_undo; i-- > 0;) {
		const struct undo *u = &store.undo[i];
		const struct object *old = u->old && u->old->run ? u->old : NULL;

		if (old || (u->new && u->new->run))
			w[count++] = (struct lmdb_write){
				.env = ENV_RUN,
				.key = lmdb_key(&a, old ? old : u->new),
				.data = old ? old->json : NULL,
				.n = old ? old->json_len : 0,
			};
	}
	if (count && lmdb_write(w, count, &e))
		log_err("store: taking back what the run directory got: %s", e.text);
}

/* What is owed, taken out of the list of what is undone: `v` holds the references now. */
static size_t take_owed(struct undo *v)
{
	size_t n = 0;

	for (size_t i = 0; i < store.n_undo; i++)
		if (store.undo[i].owed) {
			v[n] = store.undo[i];
			v[n].old = v[n].old ? object_ref(v[n].old) : NULL;
			v[n].new = v[n].new ? object_ref(v[n].new) : NULL;
			n++;
		}
	return n;
}

/* One step again, where it still means what it did: what it rested on may have been undone. */
static void redo(const struct undo *u)
{
	const struct object *o = u->new ? u->new : u->old;
	struct object *now = o ? lookup(o->kind, o->ns, o->name) : NULL;

	if (!o || (u->new ? now != u->old : !now))
		return;
	if (now)
		debt_add(now);
	if (u->new)
		debt_add(u->new);
	ring_add(u->kind, now, u->new, u->version);
	store.flushed = u->version;
	replace(u->kind, now, u->new ? object_ref(u->new) : NULL);
}

static void flush_failed(void)
{
	auto_free struct undo *owed = xcalloc(store.n_undo, sizeof(*owed));
	size_t n = take_owed(owed);

	restore_run_side();
	walk_back(0);
	store.alone = ALONE;
	for (size_t i = 0; i < n; i++) {
		redo(&owed[i]);
		object_unref(owed[i].old);
		object_unref(owed[i].new);
	}
	debts_pay();
}

static void mended(const struct object *o)
{
	auto_arena struct arena a = { 0 };
	const char *key = lmdb_key(&a, o);

	free(map_del(&store.damaged, key, strlen(key)));
}

static void flush_done(void)
{
	for (size_t i = 0; i < store.n_undo; i++) {
		const struct undo *u = &store.undo[i];

		ring_add(u->kind, u->old, u->new, u->version);
		store.flushed = u->version;
		if (store.damaged.len && u->new)
			mended(u->new);
	}
	store.stats.flushes++;
	store.stats.writes += store.n_undo;
	drop_undo(0);
	store.alone -= store.alone > 0;
	debts_pay();
}

static int flush(struct err *e)
{
	int ret = store.n_undo ? write_all(e) : 0;

	if (ret)
		flush_failed();
	else if (store.n_undo)
		flush_done();
	store.n_ended = 0;
	return ret;
}

int store_commit(struct err *e)
{
	bool owed = store.owing;
	int ret;

	store.writing = store.owing = false;
	if (store.n_undo == store.n_ended)
		return 0;
	store.stats.transactions++;
	for (size_t i = store.n_ended; i < store.n_undo; i++)
		store.undo[i].owed = owed;
	store.n_ended = store.n_undo;
	if (store.deferred && !store.alone)
		return 0;
	ret = flush(e);
	return owed ? 0 : ret;
}

void store_owe(void)
{
	store.owing = true;
}

bool store_owes(void)
{
	return debts_any();
}

bool store_pending(void)
{
	return store.n_ended != 0;
}

void store_defer(bool on)
{
	store.deferred = on;
}

int store_flush(struct err *e)
{
	struct err own = { 0 };
	int ret;

	if (!store.n_ended)
		return 0;
	ret = flush(&own);
	if (ret && e)
		*e = own;
	for (unsigned i = 0; i < store.n_listeners; i++)
		store.listeners[i](ret ? &own : NULL);
	return ret;
}

void store_pay(void)
{
	debts_pay();
}

void store_on_flush(void (*fn)(const struct err *failed))
{
	if (store.n_listeners < LISTENERS)
		store.listeners[store.n_listeners++] = fn;
	else
		log_err("store: more than %d listeners", LISTENERS);
}

void store_read_stats(struct store_stats *out)
{
	*out = store.stats;
	ring_weigh(&out->changes, &out->held);
}

/* ---- opening -------------------------------------------------------------------------------- */

static int kind_of_key(const char *key, size_t n)
{
	for (int k = 0; k < KIND_COUNT; k++)
		if (strlen(kind_info[k].plural) == n && !memcmp(kind_info[k].plural, key, n))
			return k;
	return -1;
}

static void note_damaged(const char *key)
{
	char *mine = xstrdup(key);

	free(map_put(&store.damaged, mine, strlen(mine), mine));
}

/* A damaged entry is told and left where it is: the rest goes on. */
static int load_one(enum store_env env, const char *key, const char *text, size_t n, struct err *e)
{
	auto_doc yyjson_doc *doc = text ? yyjson_read(text, n, 0) : NULL;
	int kind = kind_of_key(key, strcspn(key, "/"));
	yyjson_val *root = yyjson_doc_get_root(doc);
	const char *ns = json_str(root, "metadata.namespace"),
		   *name = json_str(root, "metadata.name");
	const char *version = json_str(root, "metadata.resourceVersion");
	char group[KEY_MAX];
	struct object *o;

	(void)e;
	if (!strcmp(key, VERSION_KEY) && text)
		store.ceiling = strtoull(text, NULL, 10);
	if (!strchr(key, '/'))
		return 0;
	if (kind < 0 || !name || !version) {
		log_err("store: %s: damaged, left out", key);
		note_damaged(key);
		return 0;
	}
	ns = ns ? ns : "";
	group_name(kind, ns,
	           kind == KIND_ENDPOINTSLICE
	                   ? yyjson_get_str(yyjson_obj_get(json_at(root, "metadata.labels"),
	                                                   "kubernetes.io/service-name"))
	                   : NULL,
	           group);
	o = object_new(kind, ns, name, group, text, n, strtoull(version, NULL, 10), env == ENV_RUN);
	replace(kind, lookup(kind, ns, name), o);
	if (o->version > store.version)
		store.version = o->version;
	return 0;
}

/* The version never goes back, also when the newest objects were deleted before a restart: it
 * starts from the clock, in microseconds, which no daemon outruns, or where the clock was set back
 * from what an earlier run has kept as never reached. */
static void version_start(void)
{
	struct timespec now;
	uint64_t us;

	clock_gettime(CLOCK_REALTIME, &now);
	us = (uint64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
	if (us > store.version)
		store.version = us;
	if (store.ceiling > store.version)
		store.version = store.ceiling;
}

/* Keeps a version that is not reached before the next time this is done. */
static int raise_ceiling(struct err *e)
{
	char text[24];
	struct lmdb_write w = { .env = ENV_STATE, .key = VERSION_KEY, .data = text };
	int ret;

	w.n = sprintf(text, "%llu", (unsigned long long)store.version + CEILING_STEP);
	ret = lmdb_write(&w, 1, e);
	if (!ret)
		store.ceiling = store.version + CEILING_STEP;
	return ret;
}

static int open_both(const char *state_dir, const char *run_dir, struct err *e)
{
	char state[128], run[128];
	int ret;

	snprintf(state, sizeof(state), "%s/store", state_dir);
	snprintf(run, sizeof(run), "%s/store", run_dir);
	ret = lmdb_open(ENV_STATE, state, e);
	if (!ret)
		ret = lmdb_open(ENV_RUN, run, e);
	if (!ret)
		ret = lmdb_upgrade(ENV_STATE, e);
	return ret ? ret : lmdb_upgrade(ENV_RUN, e);
}

int store_check(const char *state_dir, const char *run_dir, struct err *e)
{
	const char *const dirs[ENV_COUNT] = { state_dir, run_dir };
	char dir[128];
	int ret = 0;

	for (int i = 0; !ret && i < ENV_COUNT; i++) {
		bool readable;

		snprintf(dir, sizeof(dir), "%s/store", dirs[i]);
		ret = lmdb_look(i, dir, &readable, e);
		if (!ret && readable)
			ret = lmdb_each(i, load_one, e);
	}
	store_close();
	return ret;
}

void store_undo_upgrade(void)
{
	lmdb_undo_upgrade();
}

int store_open(const char *state_dir, const char *run_dir, struct err *e)
{
	bool rebooted;
	int ret = open_both(state_dir, run_dir, e);

	if (!ret && lmdb_damage(ENV_STATE))
		log_err("%s", lmdb_damage(ENV_STATE));
	if (!ret)
		ret = store_boot_check(&rebooted, e);
	if (!ret)
		ret = lmdb_each(ENV_STATE, load_one, e);
	if (!ret)
		ret = lmdb_each(ENV_RUN, load_one, e);
	if (ret)
		return ret;
	version_start();
	if (raise_ceiling(e)) /* a full disk, a damaged file: reading goes on */
		log_err("%s", e->text);
	store.flushed = store.version;
	ring_reset();
	ring_inherit();
	return rebooted && !lmdb_damage(ENV_STATE) ? store_forget_addresses(e) : 0;
}

const char *store_damage(void)
{
	return lmdb_damage(ENV_STATE);
}

bool store_is_damaged(enum kind kind, const char *ns, const char *name)
{
	char key[KEY_MAX + 64];
	bool in_ns = kind_info[kind].namespaced;
	int n = snprintf(key, sizeof(key), "%s/%s%s%s", kind_info[kind].plural, in_ns ? ns : "",
	                 in_ns ? "/" : "", name);

	return n < (int)sizeof(key) && map_get(&store.damaged, key, n);
}

void store_close(void)
{
	struct object *o;
	struct group *g;
	char *key;

	for (size_t i = 0; (key = map_next(&store.damaged, &i));)
		free(key);
	map_free(&store.damaged);
	ring_reset();
	drop_undo(0);
	for (int k = 0; k < KIND_COUNT; k++) {
		for (size_t i = 0; (o = map_next(&store.objects[k], &i));)
			object_unref(o);
		for (size_t i = 0; (g = map_next(&store.groups[k], &i));)
			free(g);
		map_free(&store.objects[k]);
		map_free(&store.groups[k]);
	}
	store.count = store.n_ended = 0;
	store.version = store.flushed = store.ceiling = 0;
	store.deferred = store.writing = store.owing = false;
	debts_forget();
	store.alone = store.n_listeners = 0;
	lmdb_close();
}
