/* api_verbs.c - which verb a request is, and update: identity from path and body, then one object
 * through its checks into the store. The other verbs: api_create.c, api_read.c, api_patch.c,
 * api_delete.c. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "api_managed.h"
#include "api_object.h"

void object_finish(struct call *c)
{
	struct err e = { 0 };

	if (c->dry_run || c->answer->status >= 400) {
		store_abort();
		service_addresses_reload();
	} else if (store_commit(&e)) {
		service_addresses_reload();
		status_error(c, &e);
	}
}

bool object_agree(struct call *c, yyjson_mut_doc *doc, yyjson_mut_val *root, const char *name)
{
	const struct kind_info *k = &kind_info[c->target.kind];
	const char *api = mut_str(root, "apiVersion"), *kind = mut_str(root, "kind"),
		   *ns = mut_str(root, "metadata.namespace");
	const char *own = mut_str(root, "metadata.name");
	yyjson_mut_val *meta = yyjson_mut_obj_get(root, "metadata");

	/* a patch is made on the stored text, whatever version was asked for */
	if ((kind && strcmp(kind, k->kind) != 0) ||
	    (api && kind_by_name(api, k->kind) != (int)c->target.kind)) {
		status_fail(c, 400, "BadRequest",
		            "the object in the body is %s %s, the path is of %s %s",
		            api ? api : "?", kind ? kind : "?", k->api_version, k->kind);
		return false;
	}
	if (k->namespaced && ns && *ns && strcmp(ns, c->target.ns) != 0) {
		status_fail(c, 400, "BadRequest",
		            "the namespace of the provided object does not match the namespace "
		            "sent on the request");
		return false;
	}
	if (*name && own && *own && strcmp(own, name) != 0) {
		status_fail(c, 400, "BadRequest",
		            "the name of the object (%s) does not match the name on the URL (%s)",
		            own, name);
		return false;
	}
	if (!meta || yyjson_mut_is_null(meta)) {
		meta = yyjson_mut_obj(doc);
		mut_set(doc, root, "metadata", meta);
	}
	if (*name)
		mut_set(doc, meta, "name",
		        yyjson_mut_strcpy(doc, name)); /* no effect on what is no object */
	return true;
}

static void answer_strict(struct call *c, const struct causes *causes)
{
	const struct kind_info *k = &kind_info[c->target.kind];
	const char *fields = "";

	for (unsigned i = 0; i < causes->n_unknown; i++)
		fields = arena_printf(&c->arena, "%s%sunknown field \"%s\"", fields, i ? ", " : "",
		                      causes->unknown[i]);
	status_fail(c, 400, "BadRequest",
	            "%s in version \"%s\" cannot be handled as a %s: strict decoding error: %s",
	            k->kind, k->version, k->kind, fields);
}

static void answer_write(struct call *c, unsigned code, const char *name,
                         const struct causes *causes, int ret, const struct object *o,
                         const struct err *e)
{
	if (causes->n)
		status_invalid(c, c->target.kind, name, causes);
	else if (causes->n_unknown && c->strict)
		answer_strict(c, causes);
	else if (ret)
		status_error(c, e);
	else
		answer_object(c, code, o);
	if (!c->strict)
		answer_unknown_fields(c, causes);
	if (c->answer->status < 300)
		answer_idle(c, c->target.kind);
}

static enum part part_of(const struct call *c)
{
	if (!*c->target.sub)
		return PART_MAIN;
	return strcmp(c->target.sub, "status") ? PART_FINALIZE : PART_STATUS;
}

void object_store(struct call *c, struct documents *d, const char *name, const struct object *old,
                  unsigned code)
{
	struct causes causes = { .arena = &c->arena };
	const struct object *o = NULL;
	struct err e = { 0 };
	struct writer writer;
	int ret;

	if (!writer_read(c, &writer))
		return;
	writer.applied = c->applied;
	store_begin();
	ret = object_write(c->target.kind, c->target.ns, name, d->doc, d->v[0].root, old,
	                   part_of(c), &writer, !c->strict, &causes, &o, &e);
	answer_write(c, code, name, &causes, ret, o, &e);
	object_finish(c);
}

/* The uid says which of two objects of one name is meant. */
static bool same_object(struct call *c, yyjson_mut_val *root, const struct object *old)
{
	const char *uid = mut_str(root, "metadata.uid"), *own;
	auto_doc yyjson_doc *doc = NULL;

	if (!uid || !*uid)
		return true;
	doc = object_doc(old);
	own = json_str(yyjson_doc_get_root(doc), "metadata.uid");
	if (own && !strcmp(uid, own))
		return true;
	status_conflict(
		c, old->kind, old->name,
		arena_printf(
			&c->arena,
			"Precondition failed: UID in precondition: %.64s, UID in object meta: %s",
			uid, own ? own : ""));
	return false;
}

bool object_unchanged(struct call *c, yyjson_mut_val *root, const struct object *old)
{
	const char *version = mut_str(root, "metadata.resourceVersion");
	struct causes causes = { .arena = &c->arena };

	if (!same_object(c, root, old))
		return false;
	if (version && version[strspn(version, "0123456789")]) {
		cause_invalid(&causes, "metadata.resourceVersion", version,
		              "must be a number that the server gave");
		status_invalid(c, old->kind, old->name, &causes);
		return false;
	}
	if (!version || !*version || !strcmp(version, "0") ||
	    strtoull(version, NULL, 10) == old->version)
		return true;
	status_conflict(c, old->kind, old->name,
	                "the object has been modified; please apply your changes to the latest "
	                "version and try again");
	return false;
}

void serve_update(struct call *c)
{
	const struct object *old = object_find(c);
	struct documents d;

	if (!old || !body_read(c, &d))
		return;
	if (object_agree(c, d.doc, d.v[0].root, c->target.name) &&
	    object_unchanged(c, d.v[0].root, old)) {
		auto_object struct object *hold = object_ref(old);

		object_store(c, &d, hold->name, hold, 200);
	}
	documents_free(&d);
}

/* Served by a kubelet on a cluster's node. */
static bool is_runtime(const struct target *t)
{
	return *t->sub && strcmp(t->sub, "status") != 0 && strcmp(t->sub, "finalize") != 0;
}

static void not_allowed(struct call *c)
{
	status_fail(c, 405, "MethodNotAllowed",
	            "the server does not allow this method on the requested resource");
}

static void serve_named(struct call *c, const char *m)
{
	bool whole = !*c->target.sub, finalize = !strcmp(c->target.sub, "finalize");

	if (!strcmp(m, "PUT"))
		serve_update(c);
	else if (!strcmp(m, "PATCH") && !finalize)
		serve_patch(c);
	else if (!strcmp(m, "DELETE") && whole)
		serve_delete(c);
	else
		not_allowed(c);
}

void serve_object(struct call *c)
{
	const char *m = c->http->method;
	bool named = *c->target.name;
	bool placed = *c->target.ns || !kind_info[c->target.kind].namespaced;

	if (is_runtime(&c->target))
		status_fail(c, 501, "NotImplemented",
		            "pods/%s is the container runtime's: ask it (crictl, ctr)",
		            c->target.sub);
	else if ((!strcmp(m, "GET") || !strcmp(m, "HEAD")) &&
	         strcmp(c->target.sub, "finalize") != 0)
		named ? serve_get(c) : serve_list(c);
	else if (kind_info[c->target.kind].read_only)
		status_fail(c, 405, "MethodNotAllowed", "%s are written by knetd alone",
		            kind_info[c->target.kind].plural);
	else if (named)
		serve_named(c, m);
	else if (!strcmp(m, "POST") && placed)
		serve_create(c);
	else if (!strcmp(m, "DELETE") && placed)
		serve_delete_collection(c);
	else
		not_allowed(c);
}
