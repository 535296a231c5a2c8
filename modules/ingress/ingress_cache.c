/* ingress_cache.c - see ingress_cache.h, ingress_plan.h */
#include <string.h>

#include <knetd/auto.h>
#include <knetd/event.h>
#include <knetd/map.h>

#include "backends.h"
#include "certs.h"
#include "ingress_cache.h"
#include "ingress_plan.h"
#include "ingress_reach.h"

static struct map by_key;
static struct list stale = LIST_INIT(stale); /* to be compiled */
static struct list fresh = LIST_INIT(fresh); /* to be planned */
static struct list gone = LIST_INIT(gone);   /* to be taken out of the plan */
static struct list unwritten = LIST_INIT(unwritten);
static bool reshaped, certs_changed, certs_let_go;

struct compiled *ingress_next(size_t *i)
{
	return map_next(&by_key, i);
}

/* ---- what changed -------------------------------------------------------------------------------
 */

/* Labels and status change often; rules are made of spec and annotations. */
static bool says_the_same(const struct object *a, const struct object *b)
{
	auto_doc yyjson_doc *x = object_doc(a), *y = object_doc(b);
	yyjson_val *was = yyjson_doc_get_root(x), *is = yyjson_doc_get_root(y);
	yyjson_val *then = json_at(was, "metadata.annotations"),
		   *now = json_at(is, "metadata.annotations");

	return json_int(was, "metadata.generation", 0) == json_int(is, "metadata.generation", -1) &&
	       (then && now ? yyjson_equals(then, now) : then == now);
}

/* Some change more than rules: the default of a listener, rules of others, listeners. */
static void note_shape(const struct compiled *c)
{
	reshaped |= c->ours && (c->otherwise || c->canary || c->n_client_tls);
	certs_changed |= c->ours && c->n_certs;
}

static void move(struct list *to, struct compiled *c)
{
	list_del(&c->link);
	list_add_tail(to, &c->link);
}

static void make_stale(struct compiled *c)
{
	c->stale = true;
	move(&stale, c);
}

static void unwrite(struct compiled *c)
{
	list_del(&c->unwritten);
	list_add_tail(&unwritten, &c->unwritten);
}

static void take(const struct object *o)
{
	struct compiled *c = map_get(&by_key, o->key, strlen(o->key));

	if (!c) {
		c = compiled_new(o);
		map_put(&by_key, c->key, strlen(c->key), c);
	} else if (c->object->version != o->version) {
		compiled_renew(c, o, says_the_same(c->object, o));
	} else {
		return;
	}
	unwrite(c);
	if (c->stale)
		make_stale(c);
}

static void drop(const char *key)
{
	struct compiled *c = map_del(&by_key, key, strlen(key));

	if (!c)
		return;
	note_shape(c);
	list_del(&c->unwritten);
	move(&gone, c);
}

void ingress_forget(void)
{
	const struct object *o;
	struct compiled *c;

	for (size_t i = 0; (c = map_next(&by_key, &i));)
		drop(c->key);
	map_free(&by_key);
	for (size_t i = 0; (o = store_next_object(KIND_INGRESS, &i));)
		take(o);
	reshaped = true;
}

static bool all_stale(void)
{
	struct compiled *c;

	for (size_t i = 0; (c = map_next(&by_key, &i));)
		make_stale(c);
	return true;
}

static bool some_stale(const struct object *o)
{
	struct compiled *c;
	bool any = false;

	for (size_t i = 0; (c = map_next(&by_key, &i));) {
		if (!compiled_needs(c, o->kind, o->ns, o->name))
			continue;
		make_stale(c);
		any = true;
	}
	return any;
}

bool ingress_changed(const struct change *x)
{
	const struct object *o = x->new ? x->new : x->old;
	struct compiled *c;

	if (x->kind == KIND_INGRESSCLASS)
		return all_stale();
	if (x->kind != KIND_INGRESS)
		return some_stale(o);
	if (!x->new) {
		drop(o->key);
		return true;
	}
	take(o);
	c = map_get(&by_key, o->key, strlen(o->key));
	return c->stale;
}

/* ---- compiled again
 * ------------------------------------------------------------------------------- */

/* Once a version: the text of an Event is the same each time. */
static void complain(struct compiled *c)
{
	const struct notes *n = c->notes;

	for (unsigned i = 0; i < n->n_wrong; i++) {
		const struct note_wrong *w = &n->wrong[i];

		if (*w->name)
			event_emit(KIND_INGRESS, c->object->ns, c->object->name, EVENT_WARNING,
			           "AnnotationNotObeyed", "%s%s: %s%s", ANNOTATION_PREFIX, w->name,
			           w->why,
			           w->unsafe ? "; requests are refused until it is right" : "");
		else
			event_emit(KIND_INGRESS, c->object->ns, c->object->name, EVENT_WARNING,
			           "NotServed", "%s", w->why);
	}
}

void ingress_refresh(void)
{
	struct list *pos, *nxt;

	list_each (pos, nxt, &stale) {
		struct compiled *c = container_of(pos, struct compiled, link);

		note_shape(c);
		certs_let_go |= c->n_certs || c->n_cas;
		compiled_make(c);
		note_shape(c);
		c->untold = c->ours;
		move(&fresh, c);
	}
	list_each (pos, nxt, &fresh) {
		struct compiled *c = container_of(pos, struct compiled, link);

		if (!c->untold)
			continue;
		c->untold = false;
		reach_check(c);
		complain(c);
	}
	reach_forget();
}

/* ---- planned again
 * -------------------------------------------------------------------------------- */

bool ingress_is_stale(void)
{
	return reshaped;
}

struct compiled *ingress_fresh(void)
{
	struct compiled *c;

	reshaped = false;
	if (list_empty(&fresh))
		return NULL;
	c = container_of(fresh.next, struct compiled, link);
	list_del(&c->link);
	return c;
}

void ingress_bury(struct plan *p)
{
	while (!list_empty(&gone)) {
		struct compiled *c = container_of(gone.next, struct compiled, link);

		certs_let_go |= c->n_certs || c->n_cas;
		plan_take_back(p, &c->share);
		compiled_free(c);
	}
}

bool ingress_certs_changed(void)
{
	bool was = certs_changed;

	certs_changed = false;
	return was;
}

bool ingress_lets_certs_go(void)
{
	bool was = certs_let_go;

	certs_let_go = false;
	return was;
}

void ingress_keep_certs(void)
{
	struct compiled *c;

	certs_keep(certs_default());
	for (size_t i = 0; (c = map_next(&by_key, &i));) {
		for (uint32_t k = 0; k < c->n_certs; k++)
			certs_keep(c->certs[k]);
		for (uint32_t k = 0; k < c->n_cas; k++)
			certs_keep(c->cas[k]);
	}
}

/* ---- told again
 * ------------------------------------------------------------------------------------ */

struct compiled *ingress_unwritten(void)
{
	return list_empty(&unwritten) ? NULL
	                              : container_of(unwritten.next, struct compiled, unwritten);
}

void ingress_written(struct compiled *c)
{
	list_del(&c->unwritten);
}

void ingress_write_all(void)
{
	struct compiled *c;

	for (size_t i = 0; (c = map_next(&by_key, &i));)
		unwrite(c);
}
