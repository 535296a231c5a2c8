/* get.c - `get` and `watch`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "columns.h"
#include "output.h"

#define EVENT_MAX ((size_t)16 << 20) /* bytes of one event of a watch */

struct get {
	const struct ctl_args *args;
	struct output output;
	struct items items;
	struct columns columns;
	struct table table;
	struct buf out;
	bool whole;     /* objects, no table */
	unsigned found; /* rows or objects */
	bool failed;
	/* of objects */
	yyjson_mut_doc *doc;
	yyjson_mut_val *list;
	/* of a watch */
	enum kind kind;
	char version[32];
	struct buf line;
};

static bool one_namespace(const struct get *g)
{
	for (unsigned i = 0; i < g->items.n; i++)
		if (!kind_info[g->items.v[i].kind].namespaced)
			return false;
	return !g->args->all_namespaces;
}

static void item_path(const struct get *g, const struct item *it, bool single, struct buf *out)
{
	const struct ctl_args *a = g->args;

	path_put(out, it->kind, a->all_namespaces ? NULL : ctl_namespace(a),
	         single ? it->name : NULL);
	if (a->selector)
		query_put(out, "labelSelector", a->selector);
	if (a->field_selector)
		query_put(out, "fieldSelector", a->field_selector);
	else if (it->name && !single)
		buf_printf(out, "%cfieldSelector=metadata.name%%3D%s", a->selector ? '&' : '?',
		           it->name);
}

/* ---- objects -------------------------------------------------------------------------------- */

/* A list says of what kind it is once, each of its items has to say so itself here. */
static void add_object(struct get *g, yyjson_val *v)
{
	yyjson_mut_arr_append(g->list, yyjson_val_mut_copy(g->doc, v));
	g->found++;
}

static void take_objects(struct get *g, yyjson_val *root)
{
	yyjson_val *items = yyjson_obj_get(root, "items"), *v;
	size_t i, n;

	if (!yyjson_is_arr(items)) {
		add_object(g, root);
		return;
	}
	yyjson_arr_foreach (items, i, n, v)
		add_object(g, v);
}

/* One object that was asked for by its name is itself; everything else is a List. */
static yyjson_mut_val *wrap(struct get *g)
{
	yyjson_mut_val *root;

	if (g->items.n == 1 && g->items.v[0].name && g->found == 1)
		return yyjson_mut_arr_get_first(g->list);
	root = yyjson_mut_obj(g->doc);
	yyjson_mut_obj_add_str(g->doc, root, "apiVersion", "v1");
	yyjson_mut_obj_add_str(g->doc, root, "kind", "List");
	yyjson_mut_obj_add_str(g->doc, yyjson_mut_obj_add_obj(g->doc, root, "metadata"),
	                       "resourceVersion", "");
	yyjson_mut_obj_add_val(g->doc, root, "items", g->list);
	return root;
}

static bool print_objects(struct get *g)
{
	auto_doc yyjson_doc *doc = NULL;
	yyjson_val *root, *v;
	size_t i, n;

	if (!g->found && g->failed)
		return true;
	yyjson_mut_doc_set_root(g->doc, wrap(g));
	doc = yyjson_mut_doc_imut_copy(g->doc, NULL);
	root = yyjson_doc_get_root(doc);
	if (g->output.form != OUTPUT_NAME || !yyjson_is_arr(yyjson_obj_get(root, "items")))
		return output_put(&g->output, root, &g->out);
	yyjson_arr_foreach (yyjson_obj_get(root, "items"), i, n, v)
		output_name(&g->out, v);
	return true;
}

/* ---- one answer ----------------------------------------------------------------------------- */

static void flush_columns(struct get *g)
{
	columns_flush(&g->columns, &g->out);
	ctl_print(&g->out);
	buf_reset(&g->out);
}

/* Another kind has columns of its own, behind an empty line. */
static void begin_kind(struct get *g, enum kind kind)
{
	if (g->table.headers_of < 0 || g->table.headers_of == (int)kind)
		return;
	columns_flush(&g->columns, &g->out);
	g->columns.n = 0;
	if (!g->args->no_headers)
		buf_str(&g->out, "\n");
}

static bool take_table(struct get *g, enum kind kind, yyjson_val *root)
{
	size_t rows = yyjson_arr_size(yyjson_obj_get(root, "rows"));

	if (rows)
		begin_kind(g, kind);
	g->table.with_ns = g->args->all_namespaces && kind_info[kind].namespaced;
	g->found += rows;
	return table_put(&g->table, kind, root);
}

static bool take_answer(struct get *g, const struct item *it, const struct ctl_answer *answer)
{
	auto_doc yyjson_doc *doc = ctl_json(answer);
	yyjson_val *root = yyjson_doc_get_root(doc);
	const char *version = json_str(root, "metadata.resourceVersion");

	snprintf(g->version, sizeof(g->version), "%s", version ? version : "");
	if (g->whole && root) {
		take_objects(g, root);
		return true;
	}
	if (root && take_table(g, it->kind, root))
		return true;
	ctl_fail("the daemon's answer is no table: is it an older version?");
	return false;
}

/* A selector that cannot be read is told with what it was meant for. */
static void refused(const struct get *g, enum kind kind, const struct ctl_answer *answer)
{
	const struct ctl_args *a = g->args;
	auto_buf struct buf doing = { 0 };

	if (answer->status == 400 && (a->selector || a->field_selector))
		buf_printf(
			&doing,
			"Unable to find \"%s/%s, Resource=%s\" that match label selector \"%s\", "
			"field selector \"%s\": ",
			kind_info[kind].group, kind_info[kind].version, kind_info[kind].plural,
			a->selector ? a->selector : "", a->field_selector ? a->field_selector : "");
	buf_add(&doing, "", 1);
	ctl_refused(answer, doing.data);
}

static bool fetch(struct get *g, const struct item *it, bool single)
{
	auto_buf struct buf path = { 0 };
	auto_answer struct ctl_answer answer = { 0 };
	struct ctl_request r;
	struct err e = { 0 };

	item_path(g, it, single, &path);
	buf_add(&path, "", 1);
	r = ctl_request(g->args, "GET", path.data);
	r.accept = g->whole ? NULL : TABLE_ACCEPT;
	if (client_call(&r, &answer, &e)) {
		ctl_fail("%s", e.text);
		return false;
	}
	if (answer.status == 404 && single && g->args->ignore_not_found)
		return true;
	if (answer.status == 200)
		return take_answer(g, it, &answer);
	flush_columns(g);
	g->failed = true;
	refused(g, it->kind, &answer);
	return false;
}

/* ---- watching ------------------------------------------------------------------------------- */

static bool watch_object(struct get *g, yyjson_val *object)
{
	if (!g->whole)
		return take_table(g, g->kind, object);
	return output_put(&g->output, object, &g->out);
}

static bool watch_failed(struct get *g, yyjson_val *status)
{
	auto_buf struct buf text = { 0 };

	ctl_status_text(status, "", &text);
	ctl_fail("%.*s", (int)text.len, text.data);
	g->failed = true;
	return false;
}

static bool watch_event(struct get *g, const char *p, size_t n)
{
	auto_doc yyjson_doc *doc = yyjson_read(p, n, 0);
	yyjson_val *root = yyjson_doc_get_root(doc), *object = yyjson_obj_get(root, "object");
	const char *type = json_str(root, "type");

	if (!type || !object) {
		ctl_fail("an event of the watch cannot be read");
		g->failed = true;
		return false;
	}
	if (!strcmp(type, "ERROR"))
		return watch_failed(g, object);
	if (strcmp(type, "BOOKMARK") != 0 && !watch_object(g, object))
		return false;
	flush_columns(g);
	return fflush(stdout) == 0; /* nobody reads any more */
}

/* Events are lines. */
static bool watch_bytes(void *arg, const char *p, size_t n)
{
	struct get *g = arg;

	while (n) {
		const char *newline = memchr(p, '\n', n);
		size_t len = newline ? (size_t)(newline - p) + 1 : n;
		bool go_on = true;

		buf_add(&g->line, p, len);
		if (g->line.failed) {
			ctl_fail("an event is larger than %zu MB", EVENT_MAX >> 20);
			g->failed = true;
			return false;
		}
		if (newline) {
			if (g->line.len > 1)
				go_on = watch_event(g, g->line.data, g->line.len);
			buf_reset(&g->line);
		}
		if (!go_on)
			return false;
		p += len;
		n -= len;
	}
	return true;
}

static int watch(struct get *g)
{
	auto_buf struct buf path = { 0 };
	auto_answer struct ctl_answer answer = { 0 };
	struct ctl_request r;
	struct err e = { 0 };

	g->kind = g->items.v[0].kind;
	item_path(g, &g->items.v[0], false, &path);
	query_put(&path, "watch", "true");
	query_put(&path, "resourceVersion", g->version);
	buf_add(&path, "", 1);
	r = ctl_request(g->args, "GET", path.data);
	r.accept = g->whole ? NULL : TABLE_ACCEPT;
	g->line.max = EVENT_MAX;
	if (client_stream(&r, &answer, watch_bytes, g, &e))
		return ctl_fail("%s", e.text);
	if (answer.status != 200)
		return ctl_refused(&answer, "");
	return g->failed;
}

static int list_and_watch(struct get *g)
{
	if (g->items.n > 1)
		return ctl_fail("you may only specify a single resource type or name to watch");
	if (!fetch(g, &g->items.v[0], false))
		return 1;
	if (g->args->watch_only)
		buf_reset(&g->columns.text);
	else if (g->whole && g->found && !print_objects(g))
		return 1;
	flush_columns(g);
	fflush(stdout);
	return watch(g);
}

/* ---- get ------------------------------------------------------------------------------------ */

static int finish(struct get *g)
{
	if (g->whole && !print_objects(g))
		return 1;
	flush_columns(g);
	if (g->found || g->failed || g->args->ignore_not_found || g->whole)
		return g->failed;
	fflush(stdout);
	if (one_namespace(g))
		fprintf(stderr, "No resources found in %s namespace.\n", ctl_namespace(g->args));
	else
		fprintf(stderr, "No resources found\n");
	return 0;
}

static int run(struct get *g)
{
	if (g->args->watch || g->args->watch_only || g->args->command == CTL_WATCH)
		return list_and_watch(g);
	for (unsigned i = 0; i < g->items.n; i++)
		if (!fetch(g, &g->items.v[i], g->items.v[i].name != NULL) && !g->failed)
			return 1;
	return finish(g);
}

static int check(struct get *g)
{
	const struct ctl_args *a = g->args;

	for (unsigned i = 0; i < g->items.n; i++) {
		if (!g->items.v[i].name)
			continue;
		if (a->all_namespaces && kind_info[g->items.v[i].kind].namespaced)
			return ctl_fail("a resource cannot be retrieved by name across all "
			                "namespaces");
		if (a->selector)
			return ctl_fail("name cannot be provided when a selector is specified");
	}
	return 0;
}

int ctl_get(const struct ctl_args *a)
{
	auto_arena struct arena arena = { 0 };
	auto_free struct get *g = xcalloc(1, sizeof(*g));
	struct err e = { 0 };
	int ret = 1;

	g->args = a;
	g->columns = (struct columns){ .least = 6, .pad = 3, .remember = true };
	g->table = (struct table){ .to = &g->columns,
		                   .labels = a->show_labels,
		                   .no_headers = a->no_headers,
		                   .headers_of = -1 };
	if (items_parse(a->n_words, a->words, &arena, &g->items, &e))
		return ctl_fail("%s", e.text);
	if (!output_parse(a->output, &g->output) || check(g))
		return 1;
	g->output.managed = a->show_managed_fields;
	g->whole = g->output.form > OUTPUT_WIDE;
	g->table.wide = g->output.form == OUTPUT_WIDE;
	g->table.with_kind = g->items.types || a->show_kind;
	g->doc = yyjson_mut_doc_new(NULL);
	g->list = yyjson_mut_arr(g->doc);
	ret = run(g);
	yyjson_mut_doc_free(g->doc);
	buf_free(&g->columns.text);
	buf_free(&g->out);
	buf_free(&g->line);
	return ret;
}
