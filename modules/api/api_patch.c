/* api_patch.c - PATCH: merge patch (RFC 7396), JSON patch (RFC 6902), strategic merge patch
 * (api_patch_strategic.c); server-side apply is api_apply_patch.c. The patched whole then goes the
 * way of an update. */
#include <string.h>

#include <knetd/auto.h>

#include "api_object.h"
#include "fields.h"

#define OPERATIONS_MAX 1000
#define COPIED_MAX (3 << 20) /* bytes that "copy" operations may add */
#define DEPTH_MAX 64

static void merge_patch(yyjson_mut_doc *doc, yyjson_mut_val *to, yyjson_mut_val *patch)
{
	yyjson_mut_val *key, *v;
	size_t i, n;

	yyjson_mut_obj_foreach (patch, i, n, key, v) {
		const char *name = yyjson_mut_get_str(key);
		yyjson_mut_val *have = yyjson_mut_obj_get(to, name);

		if (yyjson_mut_is_null(v)) {
			yyjson_mut_obj_remove_key(to, name);
		} else if (yyjson_mut_is_obj(v)) {
			if (!yyjson_mut_is_obj(have)) {
				have = yyjson_mut_obj(doc);
				mut_set(doc, to, name, have);
			}
			merge_patch(doc, have, v);
		} else {
			mut_set(doc, to, name, yyjson_mut_val_mut_copy(doc, v));
		}
	}
}

/* ---- JSON patch ----------------------------------------------------------------------------- */

struct json_patch {
	yyjson_mut_doc *doc;
	yyjson_mut_val *root;
	size_t copied;
};

/* RFC 6902 4.1: into a list it is inserted, into an object it replaces. */
static bool add_at(struct json_patch *p, const char *path, yyjson_mut_val *value)
{
	const char *last = strrchr(path, '/');
	struct weight w = { 0 };
	yyjson_mut_val *parent;
	unsigned depth = 0;

	if (!last || !value)
		return false;
	for (const char *s = path; *s; s++)
		depth += *s == '/';
	mut_weigh(value, &w);
	if (depth + w.depth > DEPTH_MAX)
		return false;
	parent = yyjson_mut_ptr_getn(p->root, path, last - path);
	if (yyjson_mut_is_arr(parent))
		return yyjson_mut_ptr_addx(p->root, path, strlen(path), value, p->doc, false, NULL,
		                           NULL);
	return yyjson_mut_ptr_setx(p->root, path, strlen(path), value, p->doc, false, NULL, NULL);
}

static yyjson_mut_val *copy_of(struct json_patch *p, yyjson_mut_val *v)
{
	struct weight w = { 0 };

	mut_weigh(v, &w);
	p->copied += w.bytes + 8 * w.nodes;
	return v && p->copied <= COPIED_MAX ? yyjson_mut_val_mut_copy(p->doc, v) : NULL;
}

static bool starts_with(const char *path, const char *prefix)
{
	size_t n = strlen(prefix);

	return !strncmp(path, prefix, n) && (path[n] == '/' || !path[n]);
}

static bool operate(struct json_patch *p, yyjson_mut_val *step)
{
	const char *op = mut_str(step, "op"), *path = mut_str(step, "path"),
		   *from = mut_str(step, "from");
	yyjson_mut_val *value = yyjson_mut_obj_get(step, "value"), *at;

	if (!op || !path)
		return false;
	at = yyjson_mut_ptr_get(p->root, path);
	if (!strcmp(op, "test"))
		return value && at && yyjson_mut_equals(at, value);
	if (!strcmp(op, "add"))
		return add_at(p, path, copy_of(p, value));
	if (!strcmp(op, "remove"))
		return *path && yyjson_mut_ptr_remove(p->root, path);
	if (!strcmp(op, "replace"))
		return at && *path && yyjson_mut_ptr_remove(p->root, path) &&
		       add_at(p, path, copy_of(p, value));
	if (!from || !*from)
		return false;
	if (!strcmp(op, "copy"))
		return add_at(p, path, copy_of(p, yyjson_mut_ptr_get(p->root, from)));
	if (!strcmp(op, "move"))
		return !starts_with(path, from) &&
		       add_at(p, path, yyjson_mut_ptr_remove(p->root, from));
	return false;
}

static bool json_patch(struct call *c, const struct documents *d, yyjson_mut_val *whole)
{
	struct json_patch p = { .doc = d->doc, .root = whole };

	for (size_t i = 0; i < d->n; i++) {
		if (i < OPERATIONS_MAX && operate(&p, d->v[i].root))
			continue;
		status_fail(c, 422, "Invalid",
		            "the server rejected our request due to an error in our request: "
		            "operation %zu (%s %s) failed",
		            i, mut_str(d->v[i].root, "op") ? mut_str(d->v[i].root, "op") : "?",
		            mut_str(d->v[i].root, "path") ? mut_str(d->v[i].root, "path") : "?");
		return false;
	}
	return true;
}

/* ---- the verb ------------------------------------------------------------------------------- */

static bool patch_whole(struct call *c, struct documents *d, yyjson_mut_val *whole)
{
	const char *type = c->http->content_type, *why = NULL;

	if (!strcmp(type, "application/json-patch+json"))
		return json_patch(c, d, whole);
	if (!strcmp(type, "application/merge-patch+json"))
		merge_patch(d->doc, whole, d->v[0].root);
	else
		why = patch_strategic(c->target.kind, d->doc, whole, d->v[0].root, &c->arena);
	if (why)
		status_fail(c, 400, "BadRequest", "%s", why);
	return !why;
}

static const char apply_type[] = "application/apply-patch+yaml";

/* Kinds of custom resources have no merge keys: as on a cluster, their lists are replaced whole. */
static bool known_type(struct call *c)
{
	static const char *const known[] = { "application/json-patch+json",
		                             "application/merge-patch+json",
		                             "application/strategic-merge-patch+json" };
	bool custom = !message_has_protobuf(kind_message[c->target.kind]);
	size_t n = ARRAY_LEN(known) - custom;

	for (size_t i = 0; i < n; i++)
		if (!strcmp(c->http->content_type, known[i]))
			return true;
	status_fail(c, 415, "UnsupportedMediaType",
	            "the body of the request was in an unknown format - accepted media types "
	            "include: %s, %s, %s%s%s",
	            known[0], known[1], apply_type, custom ? "" : ", ", custom ? "" : known[2]);
	return false;
}

static bool no_force(struct call *c)
{
	if (!strstr(c->http->query, "force="))
		return true;
	status_fail(c, 422, "Invalid",
	            "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be "
	            "specified for non-apply patch");
	return false;
}

void serve_patch(struct call *c)
{
	const struct object *old;
	struct documents d;

	if (!strcmp(c->http->content_type, apply_type)) {
		serve_apply_patch(c);
		return;
	}
	if (!known_type(c) || !no_force(c))
		return;
	old = object_find(c);
	if (!old || !body_read(c, &d))
		return;
	auto_object struct object *hold = object_ref(old);
	auto_doc yyjson_doc *was = object_doc(old);
	yyjson_mut_val *whole = yyjson_val_mut_copy(d.doc, yyjson_doc_get_root(was));

	if (patch_whole(c, &d, whole) && object_unchanged(c, whole, old) &&
	    object_agree(c, d.doc, whole, c->target.name)) {
		d.v[0].root = whole;
		object_store(c, &d, hold->name, hold, 200);
	}
	documents_free(&d);
}
