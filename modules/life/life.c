/* life.c - what follows when objects end: the garbage collector of ownerReferences (collect.c), the
 * content of deleted Namespaces (namespaces.c), the grace of Pods, the expiry of Events (events.c).
 *
 * Changes are read from the store's ring; each names objects that may have to go, and those are
 * looked at once: "is anything to be done about it, as everything stands now?" So a start reads the
 * whole state and asks the same of all of it, and nothing is lost by a restart in between. What one
 * turn deletes is bounded: the rest follows in the next turns, and other calls get their turn too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/life.h>
#include <knetd/loop.h>
#include <knetd/map.h>
#include <knetd/module.h>

#include "life_int.h"

#define ROUNDS 4       /* of follow-ups within one turn: an owner, what it owns, what that owns */
#define AGAIN_MS 1     /* between two turns: others come first */
#define LOOKS_MAX 4096 /* of one turn */

extern const struct module life_module;

struct item {
	struct list in_queue;
	uint64_t at;  /* loop_now() from which it is to be looked at; 0 at once */
	uint64_t end; /* of its grace, by loop_now(), which nobody sets back; 0: not known */
	enum kind kind;
	char key[];
};

static struct {
	struct cursor cursor;
	struct list queue;    /* struct item */
	struct list draining; /* Pods whose grace is not over, by in_queue */
	struct map queued;    /* both, by kind and key */
	unsigned writes;      /* left in this turn */
	bool known;           /* the index and the Events stand */
} life = { .queue = LIST_INIT(life.queue), .draining = LIST_INIT(life.draining) };

static void on_timer(struct timer *t);
static struct timer timer = { .fn = on_timer };

bool turn_take(void)
{
	if (!life.writes)
		return false;
	life.writes--;
	return true;
}

/* ---- the queue --------------------------------------------------------------------------------
 */

/* The map's key: a byte for the kind, then the object's. */
static struct item *item_find(enum kind kind, const char *key, size_t *n)
{
	char text[400];

	*n = snprintf(text, sizeof(text), "%c%s", 'A' + kind, key);
	return *n < sizeof(text) ? map_get(&life.queued, text, *n) : NULL;
}

static struct item *item_new(enum kind kind, const char *key)
{
	size_t n;
	struct item *item = item_find(kind, key, &n);

	if (item) {
		list_del(&item->in_queue);
		return item;
	}
	item = xcalloc(1, sizeof(*item) + n + 1);
	item->kind = kind;
	sprintf(item->key, "%c%s", 'A' + kind, key);
	map_put(&life.queued, item->key, n, item);
	list_init(&item->in_queue);
	return item;
}

void todo(enum kind kind, const char *key)
{
	struct item *item = item_new(kind, key);

	item->at = 0;
	list_add_tail(&life.queue, &item->in_queue);
}

static void todo_later(enum kind kind, const char *key, uint64_t ms, uint64_t end)
{
	struct item *item = item_new(kind, key);

	item->at = loop_now() + ms;
	item->end = end;
	list_add_tail(&life.draining, &item->in_queue);
}

static void item_free(struct item *item)
{
	map_del(&life.queued, item->key, strlen(item->key));
	list_del(&item->in_queue);
	free(item);
}

static void queue_free(struct list *queue)
{
	while (!list_empty(queue))
		item_free(container_of(queue->next, struct item, in_queue));
}

/* ---- what a change may mean --------------------------------------------------------------------
 */

static void todo_dependents(const struct object *gone)
{
	auto_doc yyjson_doc *doc = owners_count() ? object_doc(gone) : NULL;
	const char *uid = json_str(yyjson_doc_get_root(doc), "metadata.uid");
	const struct list *list = uid ? owners_dependents(uid) : NULL;

	for (const struct list *l = list ? list->next : NULL; l && l != list; l = l->next) {
		const struct edge *edge = container_of(l, const struct edge, in_owner);

		todo(edge->dependent->kind, edge->dependent->key);
	}
}

/* Owners may be waiting for this one. */
static void todo_owners(const struct object *dependent)
{
	auto_doc yyjson_doc *doc = object_doc(dependent);
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (json_at(yyjson_doc_get_root(doc), "metadata.ownerReferences"), i, n,
	                    v) {
		enum kind kind = owner_kind(v);
		const char *name = json_str(v, "name");
		const struct object *o =
			kind == KIND_COUNT || !name
				? NULL
				: store_get(kind, kind_info[kind].namespaced ? dependent->ns : "",
		                            name);

		if (o && life_ending(o))
			todo(o->kind, o->key);
	}
}

static void todo_namespace(const char *ns)
{
	const struct object *o = *ns ? store_get(KIND_NAMESPACE, "", ns) : NULL;

	if (o && life_ending(o))
		todo(KIND_NAMESPACE, o->key);
}

static bool interesting(const struct object *o)
{
	return owners_follow(o) || life_ending(o);
}

static void one_change(const struct change *c)
{
	const struct object *o = c->new ? c->new : c->old;

	if (!o) /* never so: a change has at least one of them */
		return;
	owners_changed(c->old, c->new);
	if (c->new &&interesting(c->new))
		todo(o->kind, o->key);
	if (!c->new)
		todo_dependents(c->old);
	if (c->old && owners_follow(c->old))
		todo_owners(c->old);
	todo_namespace(o->ns);
	if (c->kind == KIND_EVENT)
		events_changed(c->old, c->new);
}

static void read_all(void)
{
	const struct object *o;

	queue_free(&life.queue);
	queue_free(&life.draining);
	owners_forget();
	for (int k = 0; k < KIND_COUNT; k++)
		for (size_t i = 0; (o = store_next_object(k, &i));) {
			owners_changed(NULL, o);
			if (interesting(o))
				todo(k, o->key);
		}
	events_read_all();
	cursor_now(&life.cursor);
	life.known = true;
}

static void catch_up(void)
{
	enum cursor_result r = CURSOR_END;
	struct change c;

	while (life.known && (r = cursor_next(&life.cursor, &c)) == CURSOR_CHANGE)
		one_change(&c);
	if (!life.known || r == CURSOR_LOST)
		read_all();
}

/* ---- one object --------------------------------------------------------------------------------
 */

/* end: see struct item. */
static int finish(const struct object *o, yyjson_val *root, uint64_t end)
{
	uint64_t ms = life_grace_left(root), left = end > loop_now() ? end - loop_now() : 0;

	if (end && left < ms)
		ms = left;
	if (ms)
		todo_later(o->kind, o->key, ms, end ? end : loop_now() + ms);
	else if (turn_take())
		store_delete(o->kind, o->ns, o->name);
	else
		todo(o->kind, o->key);
	return 0;
}

static bool has_content(const struct object *o, yyjson_val *root)
{
	yyjson_val *v;
	size_t i, n;

	if (o->kind != KIND_NAMESPACE)
		return false;
	yyjson_arr_foreach (json_at(root, "spec.finalizers"), i, n, v)
		if (yyjson_equals_str(v, FINALIZER_NAMESPACE))
			return true;
	return false;
}

static int look_at(const struct object *o, uint64_t end, struct err *e)
{
	auto_doc yyjson_doc *doc = object_doc(o);
	yyjson_val *root = yyjson_doc_get_root(doc);

	if (!json_str(root, "metadata.deletionTimestamp"))
		return collect(o, root, e);
	if (life_unheld(o->kind, root))
		return finish(o, root, end);
	if (life_has_finalizer(root, FINALIZER_ORPHAN))
		return orphan_dependents(o, root, e);
	if (life_has_finalizer(root, FINALIZER_FOREGROUND))
		return collect_dependents(o, root, e);
	return has_content(o, root) ? namespace_empty(o, root, e) : 0;
}

static int look_at_queue(unsigned *looks, struct err *e)
{
	struct list batch;
	int ret = 0;

	list_init(&batch);
	if (!list_empty(&life.queue)) { /* what is asked for meanwhile waits for the next round */
		batch = life.queue;
		batch.next->prev = batch.prev->next = &batch;
		list_init(&life.queue);
	}
	while (!list_empty(&batch)) {
		struct item *item = container_of(batch.next, struct item, in_queue);
		const struct object *o = store_get_key(item->kind, item->key + 1);
		auto_object struct object *hold = o ? object_ref(o) : NULL;
		uint64_t end = item->end;

		if (ret || !life.writes || !*looks) {
			list_del(&item->in_queue);
			list_add_tail(&life.queue, &item->in_queue);
			continue;
		}
		--*looks;
		item_free(item);
		if (hold)
			ret = look_at(hold, end, e);
	}
	return ret;
}

static void wake_draining(void)
{
	struct list *l, *next;

	list_each (l, next, &life.draining) {
		struct item *item = container_of(l, struct item, in_queue);

		if (item->at > loop_now())
			continue;
		list_del(l);
		list_add_tail(&life.queue, l);
	}
}

/* ---- turns -------------------------------------------------------------------------------------
 */

static void set_timer(void)
{
	uint64_t wait = list_empty(&life.queue) ? events_wait() : AGAIN_MS;
	struct list *l, *next;

	list_each (l, next, &life.draining) {
		uint64_t at = container_of(l, struct item, in_queue)->at, now = loop_now(),
			 ms = at > now ? at - now : AGAIN_MS;

		wait = ms < wait ? ms : wait;
	}
	if (wait == UINT64_MAX)
		timer_del(&timer);
	else
		timer_set(&timer, wait ? wait : AGAIN_MS);
}

static int one_round(unsigned *looks, struct err *e)
{
	int ret;

	store_begin();
	ret = events_expire(e);
	if (!ret)
		ret = look_at_queue(looks, e);
	if (!ret)
		return store_commit(e);
	store_abort();
	return ret;
}

static int run(struct err *e)
{
	unsigned looks = LOOKS_MAX;
	int ret = 0;

	life.writes = LIFE_TURN_MAX;
	catch_up();
	wake_draining();
	for (unsigned i = 0; !ret && i < ROUNDS; i++) {
		if (i && list_empty(&life.queue))
			break;
		ret = one_round(&looks, e);
		catch_up();
	}
	life.known &= !ret; /* what was taken from the queue is found again */
	set_timer();
	return ret;
}

/* Deletions are made by the sync, behind the flush of the turn: what it read from the ring is
 * durable. */
static void on_timer(struct timer *t)
{
	(void)t;
	module_resync(&life_module);
}

static int life_sync(struct changes *c, struct err *e)
{
	struct change seen;

	while (changes_next(c, &seen)) /* they are read by the cursor of our own */
		;
	return run(e);
}

static void metrics(struct buf *out)
{
	buf_printf(out,
	           "# TYPE knetd_life_dependents gauge\nknetd_life_dependents %zu\n"
	           "# TYPE knetd_life_waiting gauge\nknetd_life_waiting %zu\n",
	           owners_count(), life.queued.len);
}

static void life_exit(bool remove)
{
	(void)remove;
	timer_del(&timer);
	queue_free(&life.queue);
	queue_free(&life.draining);
	map_free(&life.queued);
	owners_forget();
	events_forget();
	life.known = false;
}

const struct module life_module = {
	.name = "life",
	.watches = (1u << KIND_COUNT) - 1,
	.sync = life_sync,
	.metrics = metrics,
	.exit = life_exit,
};
