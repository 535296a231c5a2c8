/* api_delete.c - one object, a collection, a namespace with all that is in it: each in one
 * transaction. */
#include <string.h>

#include <knetd/auto.h>

#include "api_object.h"
#include "fields.h"

/* What knetd itself keeps (attachments) follows its pods, not its namespace. */
static void delete_namespaced(struct arena *a, const char *ns)
{
	for (int k = 0; k < KIND_COUNT; k++) {
		const struct object *o;
		const char **names;
		size_t n = 0;

		if (!kind_info[k].namespaced || kind_info[k].read_only)
			continue;
		names = arena_alloc(a, (store_count(k) + 1) * sizeof(char *));
		for (size_t i = 0; (o = store_next_object(k, &i));)
			if (!strcmp(o->ns, ns))
				names[n++] = arena_strdup(a, o->name);
		while (n > 0)
			store_delete(k, ns, names[--n]);
	}
}

/* DeleteOptions: dryRun and preconditions count here; grace and propagation have no meaning. False
 * with the answer made when they cannot be read. */
static bool read_options(struct call *c, struct documents *options)
{
	const char *dry;

	*options = (struct documents){ 0 };
	if (!c->http->body_len)
		return true;
	if (!body_read_as(c, &meta_delete_options, options))
		return false;
	dry = yyjson_mut_get_str(
		yyjson_mut_arr_get_first(yyjson_mut_obj_get(options->v[0].root, "dryRun")));
	c->dry_run |= dry && !strcmp(dry, "All");
	return true;
}

static bool precondition_holds(struct call *c, const struct object *o, yyjson_mut_val *options)
{
	auto_doc yyjson_doc *doc = object_doc(o);
	const char *uid = mut_str(options, "preconditions.uid");
	const char *own = json_str(yyjson_doc_get_root(doc), "metadata.uid");

	if (!uid || (own && !strcmp(uid, own)))
		return true;
	status_conflict(
		c, o->kind, o->name,
		arena_printf(
			&c->arena,
			"Precondition failed: UID in precondition: %.64s, UID in object meta: %s",
			uid, own ? own : ""));
	return false;
}

static bool is_kept(const struct object *o)
{
	return o->kind == KIND_NAMESPACE &&
	       (!strcmp(o->name, "default") || !strcmp(o->name, "kube-system"));
}

static void delete_one(struct call *c, const struct object *o, yyjson_mut_val *options)
{
	auto_object struct object *hold = object_ref(o);

	if (!precondition_holds(c, o, options))
		return;
	if (is_kept(o)) {
		status_fail(c, 403, "Forbidden",
		            "namespaces \"%s\" is forbidden: this namespace may not be deleted",
		            o->name);
		return;
	}
	store_begin();
	if (o->kind == KIND_NAMESPACE)
		delete_namespaced(&c->arena, hold->name);
	store_delete(hold->kind, hold->ns, hold->name);
	status_deleted(c, hold);
	object_finish(c);
}

void serve_delete(struct call *c)
{
	const struct object *o = object_find(c);
	struct documents options;

	if (!o || !read_options(c, &options))
		return;
	delete_one(c, o, options.n ? options.v[0].root : NULL);
	documents_free(&options);
}

static void delete_all(struct call *c, const struct object **v, size_t n)
{
	serve_list(c);
	for (size_t i = 0; i < n; i++)
		object_ref(v[i]);
	store_begin();
	for (size_t i = 0; i < n; i++) {
		store_delete(v[i]->kind, v[i]->ns, v[i]->name);
		object_unref((struct object *)v[i]);
	}
	object_finish(c);
}

void serve_delete_collection(struct call *c)
{
	auto_free const struct object **v = NULL;
	struct documents options;
	size_t n;

	if (c->target.kind == KIND_NAMESPACE) {
		status_fail(c, 405, "MethodNotAllowed", "namespaces are deleted one by one");
		return;
	}
	if (!read_options(c, &options))
		return;
	documents_free(&options);
	v = object_collect(c, &n);
	if (v)
		delete_all(c, v, n);
}
