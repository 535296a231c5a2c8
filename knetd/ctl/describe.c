/* describe.c - `describe`: an object's fields in words, whatever its kind; the endpoints behind a
 * Service, the rules of an Ingress, and what events say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "columns.h"
#include "ctl.h"

#define DEPTH_MAX 32

struct page {
	const struct ctl_args *args;
	struct columns columns;
	struct buf out;
	unsigned printed;
	bool failed;
};

static struct buf *text(struct page *p)
{
	return &p->columns.text;
}

/* ---- fields --------------------------------------------------------------------------------- */

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

/* "clusterIPs" is "Cluster I Ps" to nobody: a run of capitals stays one word. */
static void put_label(struct buf *out, const char *name)
{
	if (!strcmp(name, "uid")) {
		buf_str(out, "UID");
		return;
	}
	for (const char *s = name; *s; s++) {
		char c = *s;
		bool begins = s > name && is_upper(c) &&
		              (!is_upper(s[-1]) || (s[1] && s[1] != 's' && !is_upper(s[1])));

		if (begins)
			buf_str(out, " ");
		if (s == name && c >= 'a' && c <= 'z')
			c = (char)(c - 32);
		buf_add(out, &c, 1);
	}
}

/* Line breaks, tabs and terminal commands in a value are not those of the page. */
static void put_clean(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '\n')
			buf_str(out, "\\n");
		else if ((unsigned char)*s < ' ')
			buf_str(out, " ");
		else
			buf_add(out, s, 1);
	}
}

static void put_value(struct buf *out, yyjson_val *v)
{
	auto_free char *other = NULL;

	if (yyjson_is_str(v)) {
		put_clean(out, yyjson_get_str(v));
		return;
	}
	other = yyjson_val_write(v, 0, NULL);
	buf_str(out, other ? other : "");
}

static void put_members(struct page *p, yyjson_val *v, unsigned depth);

static void put_items(struct page *p, yyjson_val *list, unsigned depth)
{
	yyjson_val *item;
	size_t i, n;

	yyjson_arr_foreach (list, i, n, item) {
		if (yyjson_is_obj(item)) {
			put_members(p, item, depth + 1);
			continue;
		}
		buf_printf(text(p), "%*s", (int)(depth + 1) * 2, "");
		put_value(text(p), item);
		buf_str(text(p), "\n");
	}
}

static void put_field(struct page *p, const char *name, yyjson_val *v, unsigned depth)
{
	bool opens = yyjson_is_obj(v) || yyjson_is_arr(v);

	if (depth > DEPTH_MAX || (opens && !yyjson_get_len(v)))
		return;
	buf_printf(text(p), "%*s", (int)depth * 2, "");
	put_label(text(p), name);
	buf_str(text(p), opens ? ":\n" : ":\t");
	if (yyjson_is_obj(v)) {
		put_members(p, v, depth + 1);
	} else if (yyjson_is_arr(v)) {
		put_items(p, v, depth);
	} else {
		put_value(text(p), v);
		buf_str(text(p), "\n");
	}
}

static void put_members(struct page *p, yyjson_val *v, unsigned depth)
{
	yyjson_val *key, *item;
	size_t i, n;

	yyjson_obj_foreach (v, i, n, key, item)
		put_field(p, yyjson_get_str(key), item, depth);
}

/* "Labels:  a=b" and the others below it. */
static void put_map(struct page *p, const char *name, yyjson_val *map, const char *equals)
{
	yyjson_val *key, *v;
	size_t i, n;
	bool first = true;

	buf_printf(text(p), "%s:\t", name);
	yyjson_obj_foreach (json_members(map), i, n, key, v) {
		if (strstr(yyjson_get_str(key), "last-applied-configuration"))
			continue;
		buf_printf(text(p), "%s%s%s", first ? "" : "\t", yyjson_get_str(key), equals);
		put_value(text(p), v);
		buf_str(text(p), "\n");
		first = false;
	}
	if (first)
		buf_str(text(p), "<none>\n");
}

/* What kubectl keeps to itself too: that a value is there, and how long it is. */
static void put_secret(struct page *p, yyjson_val *data)
{
	yyjson_val *key, *v;
	size_t i, n;

	buf_str(text(p), "Data:\n");
	yyjson_obj_foreach (json_members(data), i, n, key, v) {
		const char *s = yyjson_get_str(v);
		size_t len = yyjson_get_len(v), pad = 0;

		while (s && pad < 2 && pad < len && s[len - 1 - pad] == '=')
			pad++;
		buf_printf(text(p), "  %s:\t%zu bytes\n", yyjson_get_str(key),
		           len / 4 * 3 - (len >= 4 ? pad : 0));
	}
}

static void put_head(struct page *p, yyjson_val *root)
{
	static const char *const told[] = { "name", "namespace", "labels", "annotations",
		                            "managedFields" };
	yyjson_val *meta = yyjson_obj_get(root, "metadata"), *key, *v;
	const char *ns = json_str(meta, "namespace"), *name = json_str(meta, "name");
	size_t i, n;

	buf_printf(text(p), "Name:\t%s\n", name ? name : "");
	if (ns)
		buf_printf(text(p), "Namespace:\t%s\n", ns);
	put_map(p, "Labels", yyjson_obj_get(meta, "labels"), "=");
	put_map(p, "Annotations", yyjson_obj_get(meta, "annotations"), ": ");
	buf_str(text(p), "API Version:\t");
	put_value(text(p), yyjson_obj_get(root, "apiVersion"));
	buf_str(text(p), "\n");
	put_field(p, "kind", yyjson_obj_get(root, "kind"), 0);
	buf_str(text(p), "Metadata:\n");
	yyjson_obj_foreach (json_members(meta), i, n, key, v) {
		bool again = false;

		for (size_t k = 0; k < ARRAY_LEN(told); k++)
			again |= !strcmp(yyjson_get_str(key), told[k]);
		if (!again)
			put_field(p, yyjson_get_str(key), v, 1);
	}
}

static void put_body(struct page *p, enum kind kind, yyjson_val *root)
{
	static const char *const told[] = { "apiVersion", "kind", "metadata" };
	yyjson_val *key, *v;
	size_t i, n;

	yyjson_obj_foreach (root, i, n, key, v) {
		const char *name = yyjson_get_str(key);
		bool again = false;

		for (size_t k = 0; k < ARRAY_LEN(told); k++)
			again |= !strcmp(name, told[k]);
		if (kind == KIND_SECRET && !strcmp(name, "data"))
			put_secret(p, v);
		else if (!again)
			put_field(p, name, v, 0);
	}
}

/* ---- what belongs to it --------------------------------------------------------------------- */

/* The answer to a GET, or NULL: what cannot be had is left out of the page. */
static yyjson_doc *fetch(struct page *p, struct buf *path, const char *accept)
{
	auto_answer struct ctl_answer answer = { 0 };
	struct ctl_request r;

	buf_add(path, "", 1);
	r = ctl_request(p->args, "GET", path->data);
	r.accept = accept;
	if (client_call(&r, &answer, NULL) || answer.status != 200)
		return NULL;
	return ctl_json(&answer);
}

static const char *endpoint_state(yyjson_val *endpoint)
{
	bool ready = json_bool(endpoint, "conditions.ready", true);

	if (json_bool(endpoint, "conditions.terminating", false))
		return json_bool(endpoint, "conditions.serving", ready) ? "terminating, serving"
		                                                        : "terminating";
	return ready ? "ready" : "not ready";
}

static void put_endpoint(struct page *p, yyjson_val *endpoint, yyjson_val *port)
{
	const char *ip = yyjson_get_str(yyjson_arr_get(yyjson_obj_get(endpoint, "addresses"), 0));
	const char *pod = json_str(endpoint, "targetRef.name"), *name = json_str(port, "name");
	const char *proto = json_str(port, "protocol"), *node = json_str(endpoint, "nodeName");

	buf_printf(text(p), "  %s\t%s%s%s:%lld/%s\t%s\t%s\t%s\n", name && *name ? name : "<unset>",
	           ip && strchr(ip, ':') ? "[" : "", ip ? ip : "", ip && strchr(ip, ':') ? "]" : "",
	           (long long)json_int(port, "port", 0), proto ? proto : "TCP",
	           endpoint_state(endpoint), node ? node : "<none>", pod ? pod : "<none>");
}

static void put_endpoints(struct page *p, const char *ns, const char *name)
{
	auto_buf struct buf path = { 0 };
	auto_doc yyjson_doc *doc = NULL;
	yyjson_val *slice, *port, *endpoint;
	size_t i, n, k, m, l, o;
	unsigned count = 0;

	path_put(&path, KIND_ENDPOINTSLICE, ns, NULL);
	buf_printf(&path, "?labelSelector=kubernetes.io/service-name%%3D%s", name);
	doc = fetch(p, &path, NULL);
	buf_str(text(p), "Endpoints:\n  Port\tAddress\tState\tNode\tPod\n"
	                 "  ----\t-------\t-----\t----\t---\n");
	yyjson_arr_foreach (json_at(yyjson_doc_get_root(doc), "items"), i, n, slice)
		yyjson_arr_foreach (yyjson_obj_get(slice, "ports"), k, m, port)
			yyjson_arr_foreach (yyjson_obj_get(slice, "endpoints"), l, o, endpoint) {
				put_endpoint(p, endpoint, port);
				count++;
			}
	if (!count)
		buf_str(text(p), "  <none>\n");
}

static void put_backend(struct page *p, yyjson_val *backend)
{
	const char *service = json_str(backend, "service.name");
	const char *port = json_str(backend, "service.port.name");

	buf_printf(text(p), "%s:", service ? service : "<none>");
	if (port)
		buf_printf(text(p), "%s\n", port);
	else
		buf_printf(text(p), "%lld\n",
		           (long long)json_int(backend, "service.port.number", 0));
}

static void put_rules(struct page *p, yyjson_val *spec)
{
	yyjson_val *rule, *path, *fallback = yyjson_obj_get(spec, "defaultBackend");
	size_t i, n, k, m;

	buf_str(text(p), "Rules:\n  Host\tPath\tBackends\n  ----\t----\t--------\n");
	yyjson_arr_foreach (yyjson_obj_get(spec, "rules"), i, n, rule) {
		const char *host = json_str(rule, "host");

		yyjson_arr_foreach (json_at(rule, "http.paths"), k, m, path) {
			const char *where = json_str(path, "path");

			buf_printf(text(p), "  %s\t%s\t",
			           k      ? ""
			           : host ? host
			                  : "*",
			           where ? where : "/");
			put_backend(p, yyjson_obj_get(path, "backend"));
		}
	}
	if (fallback) {
		buf_str(text(p), "  *\t*\t");
		put_backend(p, fallback);
	}
}

static void put_event(struct page *p, yyjson_val *table, yyjson_val *row)
{
	static const char *const shown[] = { "Type", "Reason", "Last Seen", "Source", "Message" };
	yyjson_val *definitions = yyjson_obj_get(table, "columnDefinitions"), *v;
	yyjson_val *cells = yyjson_obj_get(row, "cells");
	size_t i, n;

	for (size_t k = 0; k < ARRAY_LEN(shown); k++) {
		buf_str(text(p), k ? "\t" : "  ");
		yyjson_arr_foreach (definitions, i, n, v)
			if (json_str(v, "name") && !strcmp(json_str(v, "name"), shown[k]))
				put_value(text(p), yyjson_arr_get(cells, i));
	}
	buf_str(text(p), "\n");
}

static void put_events(struct page *p, enum kind kind, yyjson_val *root)
{
	const char *ns = json_str(root, "metadata.namespace"), *name, *uid;
	auto_buf struct buf path = { 0 }, fields = { 0 };
	auto_doc yyjson_doc *doc = NULL;
	yyjson_val *rows, *row;
	size_t i, n;

	name = json_str(root, "metadata.name");
	uid = json_str(root, "metadata.uid");
	buf_printf(&fields, "involvedObject.kind=%s,involvedObject.name=%s,involvedObject.uid=%s",
	           kind_info[kind].kind, name ? name : "", uid ? uid : "");
	buf_add(&fields, "", 1);
	path_put(&path, KIND_EVENT, ns, NULL);
	query_put(&path, "fieldSelector", fields.data);
	doc = fetch(p, &path, TABLE_ACCEPT);
	rows = yyjson_obj_get(yyjson_doc_get_root(doc), "rows");
	if (!yyjson_arr_size(rows)) {
		buf_str(text(p), "Events:\t<none>\n");
		return;
	}
	buf_str(text(p), "Events:\n  Type\tReason\tAge\tFrom\tMessage\n"
	                 "  ----\t------\t---\t----\t-------\n");
	yyjson_arr_foreach (rows, i, n, row)
		put_event(p, yyjson_doc_get_root(doc), row);
}

/* ---- the page ------------------------------------------------------------------------------- */

static void put_object(struct page *p, enum kind kind, yyjson_val *root)
{
	const char *ns = json_str(root, "metadata.namespace");
	const char *name = json_str(root, "metadata.name");

	if (p->printed++)
		buf_str(text(p), "\n\n");
	put_head(p, root);
	put_body(p, kind, root);
	if (kind == KIND_SERVICE && name)
		put_endpoints(p, ns, name);
	if (kind == KIND_INGRESS)
		put_rules(p, yyjson_obj_get(root, "spec"));
	if (kind != KIND_EVENT)
		put_events(p, kind, root);
	columns_flush(&p->columns, &p->out);
	ctl_print(&p->out);
	buf_reset(&p->out);
}

static bool describe(struct page *p, const struct item *it)
{
	const struct ctl_args *a = p->args;
	auto_answer struct ctl_answer answer = { 0 };
	auto_buf struct buf path = { 0 };
	auto_doc yyjson_doc *doc = NULL;
	yyjson_val *items, *v;
	size_t i, n;

	path_put(&path, it->kind, a->all_namespaces ? NULL : ctl_namespace(a), it->name);
	if (a->selector)
		query_put(&path, "labelSelector", a->selector);
	if (a->field_selector)
		query_put(&path, "fieldSelector", a->field_selector);
	buf_add(&path, "", 1);
	if (!ctl_call(a, "GET", path.data, &answer))
		return false;
	if (answer.status != 200) {
		p->failed = true;
		ctl_refused(&answer, "");
		return true;
	}
	doc = ctl_json(&answer);
	items = yyjson_obj_get(yyjson_doc_get_root(doc), "items");
	if (it->name)
		put_object(p, it->kind, yyjson_doc_get_root(doc));
	else
		yyjson_arr_foreach (items, i, n, v)
			put_object(p, it->kind, v);
	return true;
}

int ctl_describe(const struct ctl_args *a)
{
	auto_arena struct arena arena = { 0 };
	struct page p = { .args = a, .columns = { .least = 0, .pad = 2 } };
	struct items items;
	struct err e = { 0 };
	bool ok = true;

	if (items_parse(a->n_words, a->words, &arena, &items, &e))
		return ctl_fail("%s", e.text);
	for (unsigned i = 0; ok && i < items.n; i++)
		ok = describe(&p, &items.v[i]);
	if (ok && !p.printed && !p.failed) {
		if (a->all_namespaces || !kind_info[items.v[0].kind].namespaced)
			fprintf(stderr, "No resources found\n");
		else
			fprintf(stderr, "No resources found in %s namespace.\n", ctl_namespace(a));
	}
	buf_free(&p.columns.text);
	buf_free(&p.out);
	return !ok || p.failed;
}
