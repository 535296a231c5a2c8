/* api_apply_patch.c - server-side apply: PATCH with application/apply-patch+yaml.
 *
 * The body is what its manager wants to have said, no more. It is merged into the object; what the
 * manager said before and says no more is removed, unless somebody else says it too; a value that
 * differs from what another manager said is a conflict, unless it is forced. What then goes the way
 * of an update is the merged object. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "api_managed.h"
#include "api_object.h"
#include "api_options.h"

#define CONFLICTS_MAX CAUSES_MAX

struct apply {
	struct call *call;
	struct writer writer;
	bool force;
	struct documents d;
	struct managers managers;
};

static bool invalid_options(struct call *c, const char *field, const char *what)
{
	status_fail(c, 422, "Invalid", "PatchOptions.meta.k8s.io \"\" is invalid: %s: %s", field,
	            what);
	return false;
}

static bool read_options(struct apply *ap)
{
	struct call *c = ap->call;
	char name[2];

	if (!strstr(c->http->query, "fieldManager=") ||
	    (http_query(c->http->query, "fieldManager", name, sizeof(name)) && !*name))
		return invalid_options(c, "fieldManager",
		                       "Required value: is required for apply patch");
	ap->force = query_flag(c->http->query, "force");
	return writer_read(c, &ap->writer);
}

/* ---- what the body says --------------------------------------------------------------------- */

static bool check_body(struct apply *ap, yyjson_mut_val *root)
{
	struct causes causes = { .arena = &ap->call->arena };
	struct call *c = ap->call;

	if (mut_at(root, "metadata.managedFields")) {
		status_fail(c, 400, "BadRequest", "metadata.managedFields must be nil");
		return false;
	}
	schema_check(c->target.kind, root, &causes);
	if (!causes.n)
		return true;
	status_invalid(c, c->target.kind, c->target.name, &causes);
	return false;
}

/* A subresource's apply says something about its part alone, the main path's nothing about it. */
static void keep_part(struct apply *ap, yyjson_mut_val *root)
{
	static const char *const kept[] = { "apiVersion", "kind", "metadata", "status" };
	yyjson_mut_obj_iter it = yyjson_mut_obj_iter_with(root);
	yyjson_mut_val *key;

	if (!*ap->writer.subresource) {
		yyjson_mut_obj_remove_key(root, "status");
		return;
	}
	while ((key = yyjson_mut_obj_iter_next(&it))) {
		bool keep = false;

		for (size_t i = 0; i < ARRAY_LEN(kept); i++)
			keep |= yyjson_mut_equals_str(key, kept[i]);
		if (!keep)
			yyjson_mut_obj_iter_remove(&it);
	}
	yyjson_mut_obj_clear(yyjson_mut_obj_get(root, "metadata"));
}

/* Identity and what the server writes belong to nobody. */
static yyjson_mut_val *without_identity(yyjson_mut_doc *doc, yyjson_mut_val *root)
{
	yyjson_mut_val *own = yyjson_mut_val_mut_copy(doc, root);
	yyjson_mut_val *meta = yyjson_mut_obj_get(own, "metadata");

	object_drop_server_fields(own);
	yyjson_mut_obj_remove_key(own, "apiVersion");
	yyjson_mut_obj_remove_key(own, "kind");
	yyjson_mut_obj_remove_key(meta, "name");
	yyjson_mut_obj_remove_key(meta, "namespace");
	if (!yyjson_mut_obj_size(meta))
		yyjson_mut_obj_remove_key(own, "metadata");
	return own;
}

/* ---- managers ------------------------------------------------------------------------------- */

/* Of the object as it is. One that was never applied is all "before-first-apply"'s. */
static void read_managers(struct apply *ap, yyjson_mut_val *live)
{
	struct call *c = ap->call;
	struct difference d;
	struct manager *m;

	if (managers_read(&c->arena, mut_at(live, "metadata.managedFields"), &ap->managers) &&
	    ap->managers.n)
		return;
	ap->managers.n = 0;
	object_compare(&c->arena, c->target.kind, NULL, without_identity(ap->d.doc, live), &d);
	m = managers_find(&ap->managers, c->target.kind, "before-first-apply", "Update", "");
	m->fields = d.added;
	m->time = mut_str(live, "metadata.creationTimestamp");
	m->time = m->time ? m->time : "";
}

static struct fieldset everybodys(struct apply *ap)
{
	struct fieldset all = { 0 };

	for (size_t i = 0; i < ap->managers.n; i++)
		all = fieldset_combine(&ap->call->arena, SET_UNION, &all,
		                       &ap->managers.v[i].fields);
	return all;
}

/* ---- conflicts ------------------------------------------------------------------------------ */

/* As Kubernetes writes a manager: "kubectl" with subresource "status" using v1 at 2024-... */
static const char *manager_text(struct arena *a, const struct manager *m)
{
	const char *s = arena_printf(a, "\"%s\"", m->name);

	if (*m->subresource)
		s = arena_printf(a, "%s with subresource \"%s\"", s, m->subresource);
	if (strcmp(m->operation, "Update") != 0)
		return s;
	return arena_printf(a, *m->time ? "%s using %s at %s" : "%s using %s", s, m->api_version,
	                    m->time);
}

struct conflicts {
	size_t n;
	const char *list;  /* "conflicts with "a":\n- .spec.x\n- ..." */
	const char *first; /* the only one, when there is one */
	struct causes causes;
};

static void add_conflicts(struct apply *ap, const struct manager *m, const struct fieldset *what,
                          struct conflicts *all)
{
	const char *paths[CONFLICTS_MAX], *who = manager_text(&ap->call->arena, m);
	struct arena *a = &ap->call->arena;
	size_t n = fieldset_paths(a, what, paths, ARRAY_LEN(paths));

	all->n += n;
	all->list =
		arena_printf(a, "%s%sconflicts with %s:", all->list, *all->list ? "\n" : "", who);
	all->first = arena_printf(a, "conflict with %s: %s", who, paths[0]);
	for (size_t i = 0; i < n && i < ARRAY_LEN(paths); i++) {
		all->list = arena_printf(a, "%s\n- %s", all->list, paths[i]);
		if (all->causes.n < CAUSES_MAX)
			all->causes.v[all->causes.n++] =
				(struct cause){ "FieldManagerConflict", paths[i],
				                arena_printf(a, "conflict with %s", who) };
	}
}

/* What others said and is different now: a conflict, or theirs no more. False: it was answered. */
static bool settle(struct apply *ap, const struct manager *me, const struct difference *d)
{
	struct arena *a = &ap->call->arena;
	struct fieldset written = fieldset_combine(a, SET_UNION, &d->added, &d->changed);
	struct conflicts all = { .list = "", .causes = { .arena = a } };

	for (size_t i = 0; i < ap->managers.n; i++) {
		struct manager *m = &ap->managers.v[i];
		struct fieldset theirs = fieldset_combine(a, SET_INTERSECT, &m->fields, &written);

		if (m == me)
			continue;
		if (!fieldset_empty(&theirs) && !ap->force)
			add_conflicts(ap, m, &theirs, &all);
		m->fields = fieldset_combine(a, SET_SUBTRACT, &m->fields, &theirs);
		m->fields = fieldset_combine(a, SET_SUBTRACT, &m->fields, &d->removed);
	}
	if (!all.n)
		return true;
	status_apply_conflict(
		ap->call,
		all.n == 1
			? arena_printf(a, "Apply failed with 1 conflict: %s", all.first)
			: arena_printf(a, "Apply failed with %zu conflicts: %s", all.n, all.list),
		&all.causes);
	return false;
}

/* ---- the verb ------------------------------------------------------------------------------- */

/* The object with what the body says; NULL: it was answered. */
static yyjson_mut_val *merged(struct apply *ap, yyjson_mut_val *live, yyjson_mut_val *config)
{
	enum kind kind = ap->call->target.kind;
	struct arena *a = &ap->call->arena;
	yyjson_mut_val *root = yyjson_mut_val_mut_copy(ap->d.doc, live);
	struct fieldset before, all;
	struct difference d;
	struct manager *me;
	const char *why;

	read_managers(ap, live);
	me = managers_find(&ap->managers, kind, ap->writer.name, "Apply", ap->writer.subresource);
	why = me ? object_merge(a, kind, ap->d.doc, root, config)
	         : "metadata.managedFields: too many managers";
	if (why) {
		status_fail(ap->call, 400, "BadRequest", "failed to create typed patch object: %s",
		            why);
		return NULL;
	}
	before = me->fields;
	me->fields = object_fields(a, kind, config);
	all = everybodys(ap);
	object_remove(a, kind, root, &before, &all);
	object_compare(a, kind, live, root, &d);
	return settle(ap, me, &d) ? root : NULL;
}

static void apply_existing(struct apply *ap, const struct object *old)
{
	auto_object struct object *hold = object_ref(old);
	auto_doc yyjson_doc *was = object_doc(old);
	yyjson_mut_val *live = yyjson_val_mut_copy(ap->d.doc, yyjson_doc_get_root(was)), *root;

	if (!object_unchanged(ap->call, ap->d.v[0].root, old))
		return;
	keep_part(ap, ap->d.v[0].root);
	root = merged(ap, live, without_identity(ap->d.doc, ap->d.v[0].root));
	if (!root)
		return;
	if (*ap->writer.subresource && !yyjson_mut_obj_get(root, "status"))
		yyjson_mut_obj_add_obj(ap->d.doc, root, "status");
	ap->d.v[0].root = root;
	managers_drop_empty(&ap->managers);
	ap->call->applied = &ap->managers;
	object_store(ap->call, &ap->d, hold->name, hold, 200);
}

static void apply_new(struct apply *ap)
{
	struct call *c = ap->call;
	struct manager *me;
	const char *why;
	yyjson_mut_val *empty = yyjson_mut_obj(ap->d.doc), *config;

	if (*ap->writer.subresource) {
		status_not_found(c, c->target.kind, c->target.name);
		return;
	}
	keep_part(ap, ap->d.v[0].root);
	config = without_identity(ap->d.doc, ap->d.v[0].root);
	why = object_merge(&c->arena, c->target.kind, ap->d.doc, empty, config);
	if (why) {
		status_fail(c, 400, "BadRequest", "failed to create typed patch object: %s", why);
		return;
	}
	me = managers_find(&ap->managers, c->target.kind, ap->writer.name, "Apply", "");
	me->fields = object_fields(&c->arena, c->target.kind, config);
	managers_drop_empty(&ap->managers);
	c->applied = &ap->managers;
	object_create(c, &ap->d, c->target.name);
}

void serve_apply_patch(struct call *c)
{
	struct apply *ap = arena_alloc(&c->arena, sizeof(*ap));
	const struct object *old = store_get(c->target.kind, c->target.ns, c->target.name);

	ap->call = c;
	if (!read_options(ap) || !body_read(c, &ap->d))
		return;
	if (object_agree(c, ap->d.doc, ap->d.v[0].root, c->target.name) &&
	    check_body(ap, ap->d.v[0].root)) {
		if (old)
			apply_existing(ap, old);
		else
			apply_new(ap);
	}
	documents_free(&ap->d);
}
