/* life.c - see life.h */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <knetd/auto.h>
#include <knetd/json_mut.h>
#include <knetd/life.h>
#include <knetd/store.h>

/* ---- reading -------------------------------------------------------------------------------- */

bool life_ending(const struct object *o)
{
	auto_doc yyjson_doc *doc = NULL;

	if (!strstr(o->json, "\"deletionTimestamp\"")) /* spares the parser most objects */
		return false;
	doc = object_doc(o);
	return json_str(yyjson_doc_get_root(doc), "metadata.deletionTimestamp") != NULL;
}

bool life_unheld(enum kind kind, yyjson_val *root)
{
	return json_str(root, "metadata.deletionTimestamp") &&
	       !yyjson_arr_size(json_at(root, "metadata.finalizers")) &&
	       (kind != KIND_NAMESPACE || !yyjson_arr_size(json_at(root, "spec.finalizers")));
}

bool life_has_finalizer(yyjson_val *root, const char *name)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (json_at(root, "metadata.finalizers"), i, n, v)
		if (yyjson_equals_str(v, name))
			return true;
	return false;
}

static bool attached(yyjson_val *root)
{
	return yyjson_obj_get(json_at(root, "metadata.annotations"), POD_ATTACHMENT) != NULL;
}

uint64_t life_grace_left(yyjson_val *root)
{
	const char *at = json_str(root, "metadata.deletionTimestamp");
	time_t now = time(NULL), end,
	       most = json_int(root, "metadata.deletionGracePeriodSeconds", 86400);
	struct tm tm = { 0 };

	if (!at || !attached(root) || !strptime(at, "%Y-%m-%dT%H:%M:%S", &tm))
		return 0;
	end = timegm(&tm);
	if (end - now > most) /* the clock was set back */
		end = now + most;
	return end > now ? (uint64_t)(end - now) * 1000 : 0;
}

/* There is no kubelet that would stop containers: the grace is for the traffic. A Pod with an
 * interface leaves its Services as "terminating" and goes when CNI DEL takes the interface away, or
 * when its grace is over. A Pod without one has nothing to wait for. */
static int64_t grace_of(enum kind kind, yyjson_val *root, const struct life_options *how)
{
	int64_t grace;

	if (kind != KIND_POD || !attached(root))
		return 0;
	grace = how->grace >= 0
	                ? how->grace
	                : json_int(root, "spec.terminationGracePeriodSeconds", POD_GRACE_DEFAULT);
	return grace < 0 ? 0 : grace > 86400 ? 86400 : grace;
}

/* ---- writing -------------------------------------------------------------------------------- */

static bool list_has(yyjson_mut_val *list, const char *name)
{
	yyjson_mut_val *v;
	size_t i, n;

	yyjson_mut_arr_foreach (list, i, n, v)
		if (yyjson_mut_equals_str(v, name))
			return true;
	return false;
}

static bool list_drop(yyjson_mut_val *list, const char *name)
{
	yyjson_mut_arr_iter it;
	yyjson_mut_val *v;
	bool found = false;

	yyjson_mut_arr_iter_init(list, &it);
	while ((v = yyjson_mut_arr_iter_next(&it)))
		if (yyjson_mut_equals_str(v, name)) {
			yyjson_mut_arr_iter_remove(&it);
			found = true;
		}
	return found;
}

static void list_set(yyjson_mut_doc *doc, yyjson_mut_val *obj, const char *name, bool wanted)
{
	yyjson_mut_val *list = yyjson_mut_obj_get(obj, "finalizers");

	if (!wanted) {
		list_drop(list, name);
	} else if (!list_has(list, name)) {
		if (!yyjson_mut_is_arr(list)) {
			list = yyjson_mut_arr(doc);
			mut_set(doc, obj, "finalizers", list);
		}
		yyjson_mut_arr_add_strcpy(doc, list, name);
	}
	if (yyjson_mut_is_arr(list) && !yyjson_mut_arr_size(list))
		yyjson_mut_obj_remove_key(obj, "finalizers");
}

/* The garbage collector's finalizers are the record of how the object is to be deleted. */
static void set_propagation(yyjson_mut_doc *doc, yyjson_mut_val *meta, enum propagation p)
{
	if (p == PROPAGATION_DEFAULT)
		return;
	list_set(doc, meta, FINALIZER_ORPHAN, p == PROPAGATION_ORPHAN);
	list_set(doc, meta, FINALIZER_FOREGROUND, p == PROPAGATION_FOREGROUND);
}

static void stamp(yyjson_mut_doc *doc, yyjson_mut_val *meta, int64_t grace)
{
	char text[TIME_TEXT];

	mut_set_text(doc, meta, "deletionTimestamp", time_text(time(NULL) + grace, text));
	mut_set(doc, meta, "deletionGracePeriodSeconds", yyjson_mut_sint(doc, grace));
}

static void end_namespace(yyjson_mut_doc *doc, yyjson_mut_val *root, bool first)
{
	mut_set(doc, mut_object_in(doc, root, "status"), "phase",
	        yyjson_mut_str(doc, "Terminating"));
	if (first)
		list_set(doc, mut_object_in(doc, root, "spec"), FINALIZER_NAMESPACE, true);
}

static int end(const struct object *o, yyjson_val *was, const struct life_options *how,
               const struct object **left, struct err *e)
{
	auto_mut yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_val_mut_copy(doc, was),
		       *meta = mut_object_in(doc, root, "metadata");
	int64_t grace = grace_of(o->kind, was, how),
		had = json_int(was, "metadata.deletionGracePeriodSeconds", INT64_MAX);
	bool first = !json_str(was, "metadata.deletionTimestamp");

	yyjson_mut_doc_set_root(doc, root);
	set_propagation(doc, meta, how->propagation);
	if (first || (how->grace >= 0 && grace < had))
		stamp(doc, meta, grace);
	else
		grace = had;
	if (o->kind == KIND_NAMESPACE)
		end_namespace(doc, root, first);
	else if (!grace && !yyjson_mut_arr_size(yyjson_mut_obj_get(meta, "finalizers")))
		return store_delete(o->kind, o->ns, o->name);
	return store_put(o->kind, o->ns, o->name, doc, o->run ? STORE_RUN : 0, left, e);
}

int life_delete(const struct object *o, const struct life_options *how, const struct object **left,
                struct err *e)
{
	auto_object struct object *hold = object_ref(o);
	auto_doc yyjson_doc *doc = NULL;
	const struct object *none;

	left = left ? left : &none;
	*left = NULL;
	if (o->kind != KIND_NAMESPACE && o->kind != KIND_POD &&
	    how->propagation <= PROPAGATION_BACKGROUND && !strstr(o->json, "\"finalizers\""))
		return store_delete(o->kind, hold->ns, hold->name);
	doc = object_doc(hold);
	return end(hold, yyjson_doc_get_root(doc), how, left, e);
}

int life_finalizer_done(const struct object *o, const char *name, struct err *e)
{
	auto_object struct object *hold = object_ref(o);
	auto_doc yyjson_doc *was = object_doc(hold), *now = NULL;
	auto_mut yyjson_mut_doc *doc = yyjson_doc_mut_copy(was, NULL);
	yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
	const struct object *stored;
	int ret;

	list_set(doc,
	         mut_object_in(doc, root, strcmp(name, FINALIZER_NAMESPACE) ? "metadata" : "spec"),
	         name, false);
	ret = store_put(hold->kind, hold->ns, hold->name, doc, hold->run ? STORE_RUN : 0, &stored,
	                e);
	if (ret)
		return ret;
	now = object_doc(stored);
	if (!life_unheld(hold->kind, yyjson_doc_get_root(now)) ||
	    life_grace_left(yyjson_doc_get_root(now)))
		return 0;
	return store_delete(hold->kind, hold->ns, hold->name);
}
