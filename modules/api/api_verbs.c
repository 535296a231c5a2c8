/* api_verbs.c - create, get, list, update, patch, delete, and the body they read. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <knetd/auto.h>
#include <knetd/ip.h>

#include "api_object.h"

#define DEPTH_MAX 64

/* Nesting of JSON text; yyjson reads any depth, but what copies documents recurses. */
static bool too_deep(const char *p, size_t n)
{
	unsigned depth = 0;
	bool text = false;

	for (size_t i = 0; i < n; i++) {
		if (text) {
			if (p[i] == '\\')
				i++;
			else if (p[i] == '"')
				text = false;
		} else if (p[i] == '"') {
			text = true;
		} else if (p[i] == '{' || p[i] == '[') {
			if (++depth > DEPTH_MAX)
				return true;
		} else if (p[i] == '}' || p[i] == ']') {
			depth -= depth > 0;
		}
	}
	return false;
}

int json_read(const char *text, size_t n, struct arena *a, struct documents *out, struct err *e)
{
	yyjson_read_err why;
	auto_doc yyjson_doc *doc = NULL;
	yyjson_val *root, *items, *item;
	size_t i, max;

	*out = (struct documents){ .doc = yyjson_mut_doc_new(NULL) };
	if (too_deep(text, n))
		return err_set(e, EINVAL, "nested too deeply");
	doc = yyjson_read_opts((char *)text, n, 0, NULL, &why);
	if (!doc)
		return err_set(e, EINVAL, "JSON: %s at byte %zu", why.msg, why.pos);
	root = yyjson_doc_get_root(doc);
	items = yyjson_is_arr(root) ? root : NULL;
	out->cap = items ? yyjson_arr_size(items) : 1;
	if (!yyjson_is_obj(root) && !items)
		return err_set(e, EINVAL, "an object is expected");
	if (out->cap > API_DOCS_MAX)
		return err_set(e, EINVAL, "too many documents");
	out->v = arena_alloc(a, out->cap * sizeof(*out->v));
	if (!items) {
		out->v[out->n++].root = yyjson_val_mut_copy(out->doc, root);
		return 0;
	}
	yyjson_arr_foreach(items, i, max, item) {
		if (!yyjson_is_obj(item))
			return err_set(e, EINVAL, "document %zu: an object is expected", i);
		out->v[out->n++].root = yyjson_val_mut_copy(out->doc, item);
	}
	return 0;
}

bool body_read(struct call *c, struct documents *out)
{
	const char *type = c->http->content_type;
	struct err e = { 0 };
	int ret;

	*out = (struct documents){ 0 };
	if (!c->http->body_len) {
		status_fail(c, 400, "BadRequest", "the request has no body");
		return false;
	}
	if (!*type || !strcmp(type, "application/json") || !strcmp(type, "application/merge-patch+json"))
		ret = json_read(c->http->body, c->http->body_len, &c->arena, out, &e);
	else if (strstr(type, "yaml"))
		ret = yaml_read(c->http->body, c->http->body_len, &c->arena, out, &e);
	else {
		status_fail(c, 415, "UnsupportedMediaType",
			    "the body of the request was in an unknown format - accepted media types include: "
			    "application/json, application/yaml");
		return false;
	}
	if (!ret && out->n != 1)
		ret = err_set(&e, EINVAL, "one object is expected, %zu are here; POST /apply takes several", out->n);
	if (!ret)
		return true;
	documents_free(out);
	status_fail(c, 400, "BadRequest", "%s", e.text);
	return false;
}

/* ---- reading --------------------------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
	return strcmp((*(const struct object *const *)a)->key, (*(const struct object *const *)b)->key);
}

/* The selected objects, in the order of their keys. */
static const struct object **collect(struct call *c, const struct selector *s, size_t *n)
{
	size_t cap = store_count(c->target.kind);
	const struct object **v = xmalloc((cap + 1) * sizeof(*v)), *o;

	*n = 0;
	for (size_t i = 0; (o = store_next_object(c->target.kind, &i));)
		if ((!*c->target.ns || !strcmp(o->ns, c->target.ns)) && selector_match(s, o))
			v[(*n)++] = o;
	if (*n > 1)
		qsort(v, *n, sizeof(*v), by_key);
	return v;
}

static bool read_selector(struct call *c, struct selector *s)
{
	const char *why = "";

	if (selector_parse(c->http->query, c->target.kind, &c->arena, s, &why))
		return true;
	status_fail(c, 400, "BadRequest", "%s", why);
	return false;
}

static void serve_list(struct call *c)
{
	const struct kind_info *k = &kind_info[c->target.kind];
	struct buf *b = &c->answer->body, yaml = { 0 };
	auto_free const struct object **v = NULL;
	struct selector s;
	size_t n;

	if (!read_selector(c, &s))
		return;
	v = collect(c, &s, &n);
	buf_printf(b, "{\"kind\":\"%sList\",\"apiVersion\":\"%s\",\"metadata\":{\"resourceVersion\":\"%llu\"},\"items\":[",
		   k->kind, k->api_version, (unsigned long long)store_version());
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_add(b, ",", 1);
		buf_add(b, v[i]->json, v[i]->json_len);
	}
	buf_str(b, "]}\n");
	if (!c->yaml_answer)
		return;
	yaml_write(b->data, b->len, &yaml);
	buf_free(b);
	*b = yaml;
	c->answer->content_type = "application/yaml";
}

static const struct object *find(struct call *c)
{
	const struct object *o = store_get(c->target.kind, c->target.ns, c->target.name);

	if (!o)
		status_not_found(c, c->target.kind, c->target.name);
	return o;
}

/* ---- writing ----------------------------------------------------------------------------------------------- */

/* Ends the store's transaction as the call wants it. The answer was made before. */
static void finish(struct call *c)
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

/* Identity in the body has to be that of the path; what is missing is filled in. */
static bool agree(struct call *c, yyjson_mut_doc *doc, yyjson_mut_val *root, const char *name)
{
	const struct kind_info *k = &kind_info[c->target.kind];
	const char *api = mut_str(root, "apiVersion"), *kind = mut_str(root, "kind"), *ns = mut_str(root, "metadata.namespace");
	const char *own = mut_str(root, "metadata.name");

	if ((kind && strcmp(kind, k->kind) != 0) || (api && strcmp(api, k->api_version) != 0)) {
		status_fail(c, 400, "BadRequest", "the object in the body is %s %s, the path is of %s %s", api ? api : "?",
			    kind ? kind : "?", k->api_version, k->kind);
		return false;
	}
	if (k->namespaced && ns && *ns && strcmp(ns, c->target.ns) != 0) {
		status_fail(c, 400, "BadRequest", "the namespace of the provided object does not match the namespace sent on the request");
		return false;
	}
	if (*name && own && *own && strcmp(own, name) != 0) {
		status_fail(c, 400, "BadRequest", "the name of the object (%s) does not match the name on the URL (%s)", own, name);
		return false;
	}
	if (!yyjson_mut_is_obj(yyjson_mut_obj_get(root, "metadata")))
		mut_set(doc, root, "metadata", yyjson_mut_obj(doc));
	if (*name)
		mut_set(doc, yyjson_mut_obj_get(root, "metadata"), "name", yyjson_mut_strcpy(doc, name));
	return true;
}

static const char *generated_name(struct call *c, const char *prefix)
{
	static const char letters[] = "bcdfghjklmnpqrstvwxz2456789"; /* no vowels: no words */
	unsigned char r[5] = { 0 };

	if (getrandom(r, sizeof(r), 0) < 0)
		r[0] = 1;
	return arena_printf(&c->arena, "%.247s%c%c%c%c%c", prefix, letters[r[0] % 27], letters[r[1] % 27], letters[r[2] % 27],
			    letters[r[3] % 27], letters[r[4] % 27]);
}

static void answer_write(struct call *c, unsigned code, const char *name, const struct causes *causes, int ret,
			 const struct object *o, const struct err *e)
{
	if (causes->n)
		status_invalid(c, c->target.kind, name, causes);
	else if (causes->n_unknown && c->strict)
		status_fail(c, 400, "BadRequest",
			    "%s in version \"%s\" cannot be handled as a %s: strict decoding error: unknown field \"%s\"",
			    kind_info[c->target.kind].kind, kind_info[c->target.kind].version, kind_info[c->target.kind].kind,
			    causes->unknown[0]);
	else if (ret)
		status_error(c, e);
	else
		answer_object(c, code, o);
	answer_unknown_fields(c, causes);
	if (c->target.kind == KIND_NETWORKPOLICY && c->answer->status < 300)
		answer_warning(c, "NetworkPolicy is stored, but this version does not enforce it");
}

static void write_object(struct call *c, struct documents *d, const char *name, const struct object *old, unsigned code)
{
	struct causes causes = { .arena = &c->arena };
	const struct object *o = NULL;
	struct err e = { 0 };
	int ret;

	store_begin();
	ret = object_write(c->target.kind, c->target.ns, name, d->doc, d->v[0].root, old, *c->target.sub != 0, !c->strict,
			   &causes, &o, &e);
	answer_write(c, code, name, &causes, ret, o, &e);
	finish(c);
}

static void serve_create(struct call *c)
{
	const char *name, *prefix;
	struct documents d;

	if (!body_read(c, &d))
		return;
	if (agree(c, d.doc, d.v[0].root, "")) {
		name = mut_str(d.v[0].root, "metadata.name");
		prefix = mut_str(d.v[0].root, "metadata.generateName");
		if ((!name || !*name) && prefix && *prefix) {
			name = generated_name(c, prefix);
			mut_set(d.doc, yyjson_mut_obj_get(d.v[0].root, "metadata"), "name", yyjson_mut_strcpy(d.doc, name));
		}
		name = name ? arena_strdup(&c->arena, name) : "";
		if (kind_info[c->target.kind].namespaced && !store_get(KIND_NAMESPACE, "", c->target.ns))
			status_not_found(c, KIND_NAMESPACE, c->target.ns);
		else if (*name && store_get(c->target.kind, c->target.ns, name))
			status_exists(c, c->target.kind, name);
		else
			write_object(c, &d, name, NULL, 201);
	}
	documents_free(&d);
}

/* metadata.resourceVersion in the body is a wish that nothing has happened since (409 otherwise). */
static bool unchanged_since(struct call *c, yyjson_mut_val *root, const struct object *old)
{
	const char *version = mut_str(root, "metadata.resourceVersion");

	if (!version || !*version || strtoull(version, NULL, 10) == old->version)
		return true;
	status_conflict(c, old->kind, old->name,
			"the object has been modified; please apply your changes to the latest version and try again");
	return false;
}

static void serve_update(struct call *c)
{
	const struct object *old = find(c);
	struct documents d;

	if (!old || !body_read(c, &d))
		return;
	if (agree(c, d.doc, d.v[0].root, c->target.name) && unchanged_since(c, d.v[0].root, old)) {
		auto_object struct object *hold = object_ref(old);

		write_object(c, &d, hold->name, hold, 200);
	}
	documents_free(&d);
}

/* RFC 7396. */
static void merge_patch(yyjson_mut_doc *doc, yyjson_mut_val *to, yyjson_mut_val *patch)
{
	yyjson_mut_val *key, *v;
	size_t i, n;

	yyjson_mut_obj_foreach(patch, i, n, key, v) {
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

static void serve_patch(struct call *c)
{
	const struct object *old = find(c);
	auto_doc yyjson_doc *was = old ? object_doc(old) : NULL;
	auto_object struct object *hold = old ? object_ref(old) : NULL;
	yyjson_mut_val *whole;
	struct documents d;

	if (!old)
		return;
	if (strcmp(c->http->content_type, "application/merge-patch+json") != 0) {
		status_fail(c, 415, "UnsupportedMediaType",
			    "this version takes patches as application/merge-patch+json only");
		return;
	}
	if (!body_read(c, &d))
		return;
	if (unchanged_since(c, d.v[0].root, old)) {
		whole = yyjson_val_mut_copy(d.doc, yyjson_doc_get_root(was));
		merge_patch(d.doc, whole, d.v[0].root);
		d.v[0].root = whole;
		yyjson_mut_obj_remove_key(yyjson_mut_obj_get(whole, "metadata"), "resourceVersion");
		if (agree(c, d.doc, whole, c->target.name))
			write_object(c, &d, hold->name, hold, 200);
	}
	documents_free(&d);
}

/* ---- deleting ------------------------------------------------------------------------------------------------ */

/* Everything in a namespace goes with it, in the same transaction. */
static void delete_namespaced(struct arena *a, const char *ns)
{
	for (int k = 0; k < KIND_COUNT; k++) {
		const struct object *o;
		size_t n = 0;
		const char **names = arena_alloc(a, store_count(k) * sizeof(char *));

		if (!kind_info[k].namespaced || kind_info[k].read_only)
			continue;
		for (size_t i = 0; (o = store_next_object(k, &i));)
			if (!strcmp(o->ns, ns))
				names[n++] = arena_strdup(a, o->name);
		while (n > 0)
			store_delete(k, ns, names[--n]);
	}
}

static bool precondition_holds(struct call *c, const struct object *o)
{
	auto_doc yyjson_doc *body = NULL, *doc = NULL;
	const char *uid, *dry;

	if (!c->http->body_len)
		return true;
	body = yyjson_read(c->http->body, c->http->body_len, 0);
	doc = object_doc(o);
	uid = json_str(yyjson_doc_get_root(body), "preconditions.uid");
	dry = yyjson_get_str(yyjson_arr_get_first(json_at(yyjson_doc_get_root(body), "dryRun")));
	c->dry_run |= dry && !strcmp(dry, "All");
	if (!uid || !strcmp(uid, json_str(yyjson_doc_get_root(doc), "metadata.uid")))
		return true;
	status_conflict(c, o->kind, o->name, "Precondition failed: UID in precondition is not that of the object");
	return false;
}

static void serve_delete(struct call *c)
{
	const struct object *o = find(c);
	auto_object struct object *hold = o ? object_ref(o) : NULL;

	if (!o || !precondition_holds(c, o))
		return;
	if (o->kind == KIND_NAMESPACE && (!strcmp(o->name, "default") || !strcmp(o->name, "kube-system"))) {
		status_fail(c, 403, "Forbidden", "namespaces \"%s\" is forbidden: this namespace may not be deleted", o->name);
		return;
	}
	store_begin();
	if (o->kind == KIND_NAMESPACE)
		delete_namespaced(&c->arena, hold->name);
	store_delete(hold->kind, hold->ns, hold->name);
	status_deleted(c, hold);
	finish(c);
}

static void serve_delete_collection(struct call *c)
{
	auto_free const struct object **v = NULL;
	struct selector s;
	size_t n;

	if (!read_selector(c, &s))
		return;
	if (c->target.kind == KIND_NAMESPACE) {
		status_fail(c, 405, "MethodNotAllowed", "namespaces are deleted one by one");
		return;
	}
	serve_list(c);
	v = collect(c, &s, &n);
	for (size_t i = 0; i < n; i++)
		object_ref(v[i]);
	store_begin();
	for (size_t i = 0; i < n; i++) {
		store_delete(v[i]->kind, v[i]->ns, v[i]->name);
		object_unref((struct object *)v[i]);
	}
	finish(c);
}

void serve_object(struct call *c)
{
	const char *m = c->http->method;
	bool named = *c->target.name, read = !strcmp(m, "GET") || !strcmp(m, "HEAD");
	const struct object *o;

	if (!read && kind_info[c->target.kind].read_only)
		status_fail(c, 405, "MethodNotAllowed", "%s are written by knetd alone", kind_info[c->target.kind].plural);
	else if (read && named && (o = find(c)))
		answer_object(c, 200, o);
	else if (read && !named)
		serve_list(c);
	else if (!strcmp(m, "POST") && !named && (*c->target.ns || !kind_info[c->target.kind].namespaced))
		serve_create(c);
	else if (!strcmp(m, "PUT") && named)
		serve_update(c);
	else if (!strcmp(m, "PATCH") && named)
		serve_patch(c);
	else if (!strcmp(m, "DELETE") && named && !*c->target.sub)
		serve_delete(c);
	else if (!strcmp(m, "DELETE") && !named)
		serve_delete_collection(c);
	else if (!read)
		status_fail(c, 405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
}
