/* api_object.c - see api_object.h */
#include <string.h>

#include <knetd/auto.h>
#include <knetd/life.h>

#include "api_managed.h"
#include "api_object.h"

static void drop(yyjson_mut_val *root, const char *key)
{
	yyjson_mut_obj_remove_key(root, key);
}

/* A subresource's write: the stored object with that one part exchanged. */
static yyjson_mut_val *with_part(yyjson_mut_doc *doc, yyjson_mut_val *root, yyjson_val *old,
                                 enum part part)
{
	yyjson_mut_val *whole = yyjson_val_mut_copy(doc, old), *spec;
	yyjson_mut_val *given = part == PART_STATUS ? yyjson_mut_obj_get(root, "status")
	                                            : mut_at(root, "spec.finalizers");

	if (part == PART_STATUS) {
		if (given)
			mut_set(doc, whole, "status", yyjson_mut_val_mut_copy(doc, given));
		return whole;
	}
	spec = yyjson_mut_obj_get(whole, "spec");
	if (!yyjson_mut_is_obj(spec)) {
		spec = yyjson_mut_obj(doc);
		mut_set(doc, whole, "spec", spec);
	}
	if (yyjson_mut_arr_size(given))
		mut_set(doc, spec, "finalizers", yyjson_mut_val_mut_copy(doc, given));
	else
		drop(spec, "finalizers");
	return whole;
}

/* The main path leaves status alone. A Pod that is created may bring its status along: there is no
 * kubelet to write it. */
static void keep_status(enum kind kind, yyjson_mut_doc *doc, yyjson_mut_val *root, yyjson_val *old)
{
	yyjson_val *was = yyjson_obj_get(old, "status");

	if (old && was)
		mut_set(doc, root, "status", yyjson_val_mut_copy(doc, was));
	else if (old || kind != KIND_POD)
		drop(root, "status");
}

void object_drop_server_fields(yyjson_mut_val *root)
{
	static const char *const fields[] = {
		"uid",      "resourceVersion", "generation",        "creationTimestamp",
		"selfLink", "managedFields",   "deletionTimestamp", "deletionGracePeriodSeconds"
	};
	yyjson_mut_val *meta = yyjson_mut_obj_get(root, "metadata");

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		drop(meta, fields[i]);
}

static void set_identity(enum kind kind, yyjson_mut_doc *doc, yyjson_mut_val *root, const char *ns,
                         const char *name)
{
	yyjson_mut_val *meta = yyjson_mut_obj_get(root, "metadata");

	mut_set(doc, root, "apiVersion", yyjson_mut_str(doc, kind_info[kind].api_version));
	mut_set(doc, root, "kind", yyjson_mut_str(doc, kind_info[kind].kind));
	mut_set(doc, meta, "name", yyjson_mut_strcpy(doc, name));
	if (kind_info[kind].namespaced)
		mut_set(doc, meta, "namespace", yyjson_mut_strcpy(doc, ns));
	else
		drop(meta, "namespace");
}

/* The same values, in whatever order: a manifest that is applied again is no change, though what it
 * left out was filled in at other places. */
static bool says_the_same(yyjson_mut_doc *doc, yyjson_mut_val *root, yyjson_val *was)
{
	yyjson_val *managed = json_at(was, "metadata.managedFields");
	yyjson_mut_val *old = yyjson_val_mut_copy(doc, was);

	object_drop_server_fields(old);
	if (managed)
		mut_set(doc, yyjson_mut_obj_get(old, "metadata"), "managedFields",
		        yyjson_val_mut_copy(doc, managed));
	return yyjson_mut_equals(root, old);
}

/* Once begun, a deletion is not taken back, and nothing new may hold it up
 * (ValidateObjectMetaUpdate).
 */
static void keep_ending(yyjson_mut_doc *doc, yyjson_mut_val *root, yyjson_val *was)
{
	static const char *const fields[] = { "deletionTimestamp", "deletionGracePeriodSeconds" };
	yyjson_mut_val *meta = yyjson_mut_obj_get(root, "metadata");

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		yyjson_val *v = yyjson_obj_get(yyjson_obj_get(was, "metadata"), fields[i]);

		if (v)
			mut_set(doc, meta, fields[i], yyjson_val_mut_copy(doc, v));
	}
}

static void check_finalizers(yyjson_mut_val *root, yyjson_val *was, struct causes *causes)
{
	const char *found = "";
	yyjson_mut_val *v;
	size_t i, n;

	if (!json_str(was, "metadata.deletionTimestamp"))
		return;
	yyjson_mut_arr_foreach (mut_at(root, "metadata.finalizers"), i, n, v)
		if (!life_has_finalizer(was, yyjson_mut_get_str(v)))
			found = arena_printf(causes->arena, "%s%s\"%.253s\"", found,
			                     *found ? ", " : "", yyjson_mut_get_str(v));
	if (*found)
		cause_forbidden(causes, "metadata.finalizers",
		                arena_printf(causes->arena,
		                             "no new finalizers can be added if the object is "
		                             "being deleted, found new finalizers []string{%.800s}",
		                             found));
}

/* Events are worth an hour, and what is derived is derived again: neither is kept on the disk. */
static unsigned flags_of(enum kind kind, const struct object *old)
{
	return kind == KIND_EVENT || (old && old->run && kind != KIND_NAMESPACE) ? STORE_RUN : 0;
}

static int put_or_end(enum kind kind, const char *ns, const char *name, yyjson_mut_doc *doc,
                      const struct object *old, const struct object **out, struct err *e)
{
	auto_doc yyjson_doc *now = NULL;
	int ret = store_put(kind, ns, name, doc, flags_of(kind, old), out, e);

	if (ret || !old || !life_ending(*out))
		return ret;
	now = object_doc(*out);
	if (!life_unheld(kind, yyjson_doc_get_root(now)) ||
	    life_grace_left(yyjson_doc_get_root(now)))
		return 0;
	return store_delete(kind, ns, name); /* *out lives until the transaction ends */
}

int object_write(enum kind kind, const char *ns, const char *name, yyjson_mut_doc *doc,
                 yyjson_mut_val *root, const struct object *old, enum part part,
                 const struct writer *writer, bool allow_unknown, struct causes *causes,
                 const struct object **out, struct err *e)
{
	auto_doc yyjson_doc *old_doc = old ? object_doc(old) : NULL;
	yyjson_val *was = yyjson_doc_get_root(old_doc);
	yyjson_mut_val *managed;

	schema_check(kind, root, causes);
	if (causes->n || (causes->n_unknown && !allow_unknown))
		return 0;
	managed = mut_at(root, "metadata.managedFields");
	if (part == PART_MAIN)
		keep_status(kind, doc, root, was);
	else
		root = with_part(doc, root, was, part);
	object_drop_server_fields(root);
	if (part != PART_FINALIZE)
		default_object(kind, doc, root, was);
	if (part == PART_MAIN)
		valid_object(kind, doc, root, old, causes);
	else if (part == PART_STATUS)
		valid_status(kind, root, causes);
	check_finalizers(root, was, causes);
	if (kind == KIND_SERVICE && !causes->n && part == PART_MAIN)
		service_allocate(doc, root, arena_printf(causes->arena, "%s/%s", ns, name), was,
		                 causes);
	if (causes->n)
		return 0;
	set_identity(kind, doc, root, ns, name);
	managed_write(causes->arena, kind, doc, root, was, managed, writer);
	if (old && old->run == (flags_of(kind, old) == STORE_RUN) &&
	    says_the_same(doc, root, was)) {
		*out = old;
		return 0;
	}
	keep_ending(doc, root, was);
	yyjson_mut_doc_set_root(doc, root);
	return put_or_end(kind, ns, name, doc, old, out, e);
}
