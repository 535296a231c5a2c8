/* collect.c - the garbage collector's decisions, after Kubernetes'
 * (pkg/controller/garbagecollector):
 *
 *   an owner is     there: the object of that kind, name and uid is stored (or of a kind that is
 * not ours: nobody here can say that it is gone) waiting: the same, but it is deleted in the
 * foreground and waits for dependents gone: none of that name, or one with another uid an object
 * with ownerReferences stays while an owner is there; references to others are taken out of it is
 * deleted in the foreground when owners are waiting and it has dependents itself is deleted in the
 * background otherwise
 *
 * A namespaced owner is looked for in the dependent's own namespace and nowhere else. */
#include <stddef.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/life.h>

#include "life_int.h"

enum owner_state { OWNER_THERE, OWNER_WAITING, OWNER_GONE };

static enum owner_state owner_state(const struct object *dependent, yyjson_val *reference)
{
	enum kind kind = owner_kind(reference);
	const char *name = json_str(reference, "name"), *uid = json_str(reference, "uid"), *own;
	const struct object *o;
	auto_doc yyjson_doc *doc = NULL;

	if (kind == KIND_COUNT || !name || !uid ||
	    (kind_info[kind].namespaced && !kind_info[dependent->kind].namespaced))
		return OWNER_THERE;
	o = store_get(kind, kind_info[kind].namespaced ? dependent->ns : "", name);
	if (!o || !strstr(o->json, uid))
		return OWNER_GONE;
	doc = object_doc(o);
	own = json_str(yyjson_doc_get_root(doc), "metadata.uid");
	if (!own || strcmp(own, uid) != 0)
		return OWNER_GONE;
	return json_str(yyjson_doc_get_root(doc), "metadata.deletionTimestamp") &&
	                       life_has_finalizer(yyjson_doc_get_root(doc), FINALIZER_FOREGROUND)
	               ? OWNER_WAITING
	               : OWNER_THERE;
}

/* ---- editing references -----------------------------------------------------------------------
 */

enum edit { KEEP, DROP, UNBLOCK };

static enum edit drop_not_there(const struct object *o, yyjson_val *reference, const char *uid)
{
	(void)uid;
	return owner_state(o, reference) == OWNER_THERE ? KEEP : DROP;
}

static enum edit drop_uid(const struct object *o, yyjson_val *reference, const char *uid)
{
	const char *own = json_str(reference, "uid");

	(void)o;
	return own && !strcmp(own, uid) ? DROP : KEEP;
}

static enum edit unblock(const struct object *o, yyjson_val *reference, const char *uid)
{
	(void)o;
	(void)reference;
	(void)uid;
	return UNBLOCK;
}

static int edit_references(const struct object *o, yyjson_val *root,
                           enum edit (*fn)(const struct object *, yyjson_val *, const char *),
                           const char *uid, struct err *e)
{
	auto_mut yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *copy = yyjson_val_mut_copy(doc, root), *list = yyjson_mut_arr(doc), *kept;
	yyjson_mut_val *meta = yyjson_mut_obj_get(copy, "metadata");
	yyjson_val *v;
	size_t i, n;

	yyjson_mut_doc_set_root(doc, copy);
	yyjson_arr_foreach (json_at(root, "metadata.ownerReferences"), i, n, v) {
		enum edit edit = fn(o, v, uid);

		if (edit == DROP)
			continue;
		kept = yyjson_val_mut_copy(doc, v);
		if (edit == UNBLOCK)
			yyjson_mut_obj_replace(kept, yyjson_mut_str(doc, "blockOwnerDeletion"),
			                       yyjson_mut_bool(doc, false));
		yyjson_mut_arr_append(list, kept);
	}
	if (yyjson_mut_arr_size(list))
		yyjson_mut_obj_replace(meta, yyjson_mut_str(doc, "ownerReferences"), list);
	else
		yyjson_mut_obj_remove_key(meta, "ownerReferences");
	return store_put(o->kind, o->ns, o->name, doc, o->run ? STORE_RUN : 0, NULL, e);
}

/* ---- a dependent ------------------------------------------------------------------------------
 */

static bool deletes_in_foreground(const struct object *o)
{
	auto_doc yyjson_doc *doc = life_ending(o) ? object_doc(o) : NULL;

	return doc && life_has_finalizer(yyjson_doc_get_root(doc), FINALIZER_FOREGROUND);
}

/* Does somebody who depends on it wait for dependents already? Then they would wait in a circle. */
static bool in_circle(const struct list *dependents)
{
	for (const struct list *l = dependents->next; l != dependents; l = l->next) {
		const struct edge *edge = container_of(l, const struct edge, in_owner);
		const struct object *o = store_get_key(edge->dependent->kind, edge->dependent->key);

		if (o && deletes_in_foreground(o))
			return true;
	}
	return false;
}

static int delete_waited_for(const struct object *o, yyjson_val *root, struct err *e)
{
	const char *uid = json_str(root, "metadata.uid");
	const struct list *dependents = uid ? owners_dependents(uid) : NULL;
	struct life_options how = { .propagation = PROPAGATION_FOREGROUND, .grace = -1 };
	int ret = 0;

	if (!dependents)
		how.propagation = PROPAGATION_DEFAULT;
	else if (in_circle(dependents))
		ret = edit_references(o, root, unblock, NULL, e);
	o = store_get_key(o->kind, o->key);
	return ret ? ret : life_delete(o, &how, NULL, e);
}

int collect(const struct object *o, yyjson_val *root, struct err *e)
{
	static const struct life_options background = { .grace = -1 };
	unsigned count[3] = { 0 };
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (json_at(root, "metadata.ownerReferences"), i, n, v)
		count[owner_state(o, v)]++;
	if (count[OWNER_THERE] == n)
		return 0;
	if (!turn_take())
		todo(o->kind, o->key);
	else if (count[OWNER_THERE])
		return edit_references(o, root, drop_not_there, NULL, e);
	else if (count[OWNER_WAITING])
		return delete_waited_for(o, root, e);
	else
		return life_delete(o, &background, NULL, e);
	return 0;
}

/* ---- an owner ---------------------------------------------------------------------------------
 */

int collect_dependents(const struct object *o, yyjson_val *root, struct err *e)
{
	const struct list *dependents = owners_dependents(json_str(root, "metadata.uid"));
	unsigned blocking = 0;

	for (const struct list *l = dependents ? dependents->next : NULL; l && l != dependents;
	     l = l->next) {
		const struct edge *edge = container_of(l, const struct edge, in_owner);

		if (edge->dependent->kind == o->kind && !strcmp(edge->dependent->key, o->key))
			continue; /* its own owner */
		blocking += edge->block;
		todo(edge->dependent->kind, edge->dependent->key);
	}
	if (blocking)
		return 0;
	if (turn_take())
		return life_finalizer_done(o, FINALIZER_FOREGROUND, e);
	todo(o->kind, o->key);
	return 0;
}

static int orphan(const struct edge *edge, const char *uid, struct err *e)
{
	const struct object *o = store_get_key(edge->dependent->kind, edge->dependent->key);
	auto_object struct object *hold = o ? object_ref(o) : NULL;
	auto_doc yyjson_doc *doc = o ? object_doc(o) : NULL;

	return hold ? edit_references(hold, yyjson_doc_get_root(doc), drop_uid, uid, e) : 0;
}

int orphan_dependents(const struct object *o, yyjson_val *root, struct err *e)
{
	const char *uid = json_str(root, "metadata.uid");
	const struct list *dependents = owners_dependents(uid);
	int ret = 0;

	if (!dependents && turn_take())
		return life_finalizer_done(o, FINALIZER_ORPHAN, e);
	for (const struct list *l = dependents ? dependents->next : NULL;
	     !ret && l && l != dependents && turn_take(); l = l->next)
		ret = orphan(container_of(l, const struct edge, in_owner), uid, e);
	todo(o->kind, o->key); /* the index hears of it when it is committed: once more then */
	return ret;
}
