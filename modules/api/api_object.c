/* api_object.c - see api_object.h */
#include <string.h>

#include "api_object.h"

static void drop(yyjson_mut_val *root, const char *key)
{
	yyjson_mut_obj_remove_key(root, key);
}

/* The main path leaves status alone, the status path everything else. A Pod that is created may
 * bring its status along: there is no kubelet to write it. */
static yyjson_mut_val *merge_status(enum kind kind, yyjson_mut_doc *doc, yyjson_mut_val *root,
                                    yyjson_val *old, bool status_only)
{
	yyjson_mut_val *status = yyjson_mut_obj_get(root, "status"), *whole;
	yyjson_val *was = yyjson_obj_get(old, "status");

	if (status_only) {
		whole = yyjson_val_mut_copy(doc, old);
		if (status)
			mut_set(doc, whole, "status", yyjson_mut_val_mut_copy(doc, status));
		return whole;
	}
	if (old && was)
		mut_set(doc, root, "status", yyjson_val_mut_copy(doc, was));
	else if (old || (kind != KIND_POD && kind != KIND_NAMESPACE))
		drop(root, "status");
	if (kind == KIND_SERVICE && !yyjson_mut_obj_get(root, "status"))
		yyjson_mut_obj_add_obj(doc, yyjson_mut_obj_add_obj(doc, root, "status"),
		                       "loadBalancer");
	return root;
}

static void drop_server_fields(yyjson_mut_val *root)
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
	yyjson_mut_val *old = yyjson_val_mut_copy(doc, was);

	drop_server_fields(old);
	return yyjson_mut_equals(root, old);
}

int object_write(enum kind kind, const char *ns, const char *name, yyjson_mut_doc *doc,
                 yyjson_mut_val *root, const struct object *old, bool status_only,
                 bool allow_unknown, struct causes *causes, const struct object **out,
                 struct err *e)
{
	auto_doc yyjson_doc *old_doc = old ? object_doc(old) : NULL;
	yyjson_val *was = yyjson_doc_get_root(old_doc);

	schema_check(kind, root, causes);
	if (causes->n || (causes->n_unknown && !allow_unknown))
		return 0;
	root = merge_status(kind, doc, root, was, status_only);
	drop_server_fields(root);
	default_object(kind, doc, root, was);
	valid_object(kind, doc, root, old, causes);
	if (kind == KIND_SERVICE && !causes->n && !status_only)
		service_allocate(doc, root, arena_printf(causes->arena, "%s/%s", ns, name), was,
		                 causes);
	if (causes->n)
		return 0;
	set_identity(kind, doc, root, ns, name);
	if (old && says_the_same(doc, root, was)) {
		*out = old;
		return 0;
	}
	yyjson_mut_doc_set_root(doc, root);
	return store_put(kind, ns, name, doc, old && old->run ? STORE_RUN : 0, out, e);
}
