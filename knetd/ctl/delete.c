/* delete.c - `delete`: by name, by selector, or what manifests name. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <knetd/auto.h>
#include <knetd/manifest.h>

#include "output.h"

#define POLL_FIRST_MS 20
#define POLL_LAST_MS 1000

struct target {
	enum kind kind;
	const char *ns, *name;
};
struct deletion {
	const struct ctl_args *args;
	unsigned found;
	bool failed, broken; /* refused; no daemon */
	long timeout_ms;     /* 0: none */
};

/* "90", "30s", "5m", "1h"; -1: none of them. */
static long milliseconds(const char *text)
{
	char *unit;
	long n = strtol(text, &unit, 10);

	if (unit == text || n < 0 || n > 1000000)
		return -1;
	if (!*unit || !strcmp(unit, "s"))
		return n * 1000;
	return !strcmp(unit, "m") ? n * 60000 : !strcmp(unit, "h") ? n * 3600000 : -1;
}

static void put_body(const struct ctl_args *a, struct buf *out)
{
	const char *grace = a->force ? "0" : a->now ? "1" : a->grace_period;
	const char *cascade = a->cascade ? a->cascade : "background";

	buf_printf(out,
	           "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"propagationPolicy\":\"%s\"",
	           !strcmp(cascade, "foreground") ? "Foreground"
	           : !strcmp(cascade, "orphan")   ? "Orphan"
	                                          : "Background");
	if (grace)
		buf_printf(out, ",\"gracePeriodSeconds\":%ld", strtol(grace, NULL, 10));
	if (a->dry_run && !strcmp(a->dry_run, "server"))
		buf_str(out, ",\"dryRun\":[\"All\"]");
	buf_str(out, "}");
}

static void tell(const struct deletion *d, const struct target *t)
{
	const struct kind_info *k = &kind_info[t->kind];
	const struct ctl_args *a = d->args;
	auto_buf struct buf name = { 0 };

	name_put(&name, k->kind, k->api_version, a->output ? t->name : "");
	if (a->output)
		printf("%.*s\n", (int)name.len, name.data);
	else
		printf("%.*s \"%s\" %sdeleted%s\n", (int)name.len - 1, name.data, t->name,
		       a->force ? "force " : "", a->dry_run ? " (server dry run)" : "");
	fflush(stdout);
}

/* An object that somebody's finalizer holds is there until that is done. */
static bool gone(struct deletion *d, const char *path, const char *uid)
{
	auto_answer struct ctl_answer answer = { 0 };
	auto_doc yyjson_doc *doc = NULL;
	const char *now;

	if (!ctl_call(d->args, "GET", path, &answer)) {
		d->broken = true;
		return true;
	}
	doc = ctl_json(&answer);
	now = json_str(yyjson_doc_get_root(doc), "metadata.uid");
	return answer.status == 404 || !now || strcmp(now, uid) != 0;
}

static void wait_for(struct deletion *d, const struct target *t, const char *path, const char *uid)
{
	long waited = 0, pause = POLL_FIRST_MS;

	while (!gone(d, path, uid)) {
		struct timespec ts = { pause / 1000, pause % 1000 * 1000000 };

		if (d->timeout_ms && waited >= d->timeout_ms) {
			ctl_fail("timed out waiting for the condition on %s/%s",
			         kind_info[t->kind].plural, t->name);
			d->failed = true;
			return;
		}
		nanosleep(&ts, NULL);
		waited += pause;
		pause = pause * 2 > POLL_LAST_MS ? POLL_LAST_MS : pause * 2;
	}
}

static void delete_one(struct deletion *d, const struct target *t)
{
	auto_answer struct ctl_answer answer = { 0 };
	auto_buf struct buf path = { 0 }, body = { 0 };
	auto_doc yyjson_doc *doc = NULL;
	const char *uid;

	path_put(&path, t->kind, t->ns, t->name);
	buf_add(&path, "", 1);
	put_body(d->args, &body);
	if (!ctl_send(d->args, "DELETE", path.data, "application/json", body.data, body.len,
	              &answer)) {
		d->broken = true;
		return;
	}
	if (answer.status == 404 && d->args->ignore_not_found)
		return;
	if (answer.status >= 300) {
		d->failed = true;
		ctl_refused(&answer, "");
		return;
	}
	d->found++;
	tell(d, t);
	doc = ctl_json(&answer);
	uid = json_str(yyjson_doc_get_root(doc), "metadata.uid");
	if (d->args->wait && !d->args->dry_run && uid)
		wait_for(d, t, path.data, uid);
}

/* ---- which ---------------------------------------------------------------------------------- */

static void delete_selected(struct deletion *d, enum kind kind)
{
	auto_answer struct ctl_answer answer = { 0 };
	const struct ctl_args *a = d->args;
	auto_buf struct buf path = { 0 };
	auto_doc yyjson_doc *doc = NULL;
	yyjson_val *v;
	size_t i, n;

	path_put(&path, kind, a->all_namespaces ? NULL : ctl_namespace(a), NULL);
	if (a->selector)
		query_put(&path, "labelSelector", a->selector);
	if (a->field_selector)
		query_put(&path, "fieldSelector", a->field_selector);
	buf_add(&path, "", 1);
	if (!ctl_call(a, "GET", path.data, &answer)) {
		d->broken = true;
		return;
	}
	if (answer.status != 200) {
		d->failed = true;
		ctl_refused(&answer, "");
		return;
	}
	doc = ctl_json(&answer);
	yyjson_arr_foreach (json_at(yyjson_doc_get_root(doc), "items"), i, n, v) {
		struct target t = { kind, json_str(v, "metadata.namespace"),
			            json_str(v, "metadata.name") };

		if (!d->broken && t.name)
			delete_one(d, &t);
	}
}

static int delete_items(struct deletion *d)
{
	auto_arena struct arena arena = { 0 };
	const struct ctl_args *a = d->args;
	bool selects = a->all || a->selector || a->field_selector;
	struct items items;
	struct err e = { 0 };

	if (items_parse(a->n_words, a->words, &arena, &items, &e))
		return ctl_fail("%s", e.text);
	for (unsigned i = 0; i < items.n; i++) {
		if (!items.v[i].name && !selects)
			return ctl_fail("resource(s) were provided, but no name was specified");
		if (items.v[i].name && selects)
			return ctl_fail("name cannot be provided when a selector is specified");
	}
	for (unsigned i = 0; i < items.n && !d->broken; i++) {
		struct target t = { items.v[i].kind, ctl_namespace(a), items.v[i].name };

		if (t.name)
			delete_one(d, &t);
		else
			delete_selected(d, t.kind);
	}
	if (!d->found && selects && !d->failed && !d->broken)
		puts("No resources found");
	return d->failed || d->broken;
}

static void delete_document(struct deletion *d, yyjson_mut_val *root)
{
	yyjson_mut_val *meta = yyjson_mut_obj_get(root, "metadata");
	const char *kind = yyjson_mut_get_str(yyjson_mut_obj_get(root, "kind"));
	const char *name = yyjson_mut_get_str(yyjson_mut_obj_get(meta, "name"));
	const char *ns = yyjson_mut_get_str(yyjson_mut_obj_get(meta, "namespace"));
	int k = kind ? kind_by_word(kind, strlen(kind)) : -1;
	struct target t = { .ns = ns ? ns : ctl_namespace(d->args), .name = name };

	if (k < 0 || !name) /* what apply skips is not there either */
		return;
	t.kind = k;
	delete_one(d, &t);
}

static bool delete_text(void *arg, const char *path, const struct buf *text)
{
	auto_arena struct arena arena = { 0 };
	struct deletion *d = arg;
	struct documents docs;
	struct err e = { 0 };
	int ret = text_is_json(text) ? json_read(text->data, text->len, &arena, &docs, &e)
	                             : yaml_read(text->data, text->len, &arena, &docs, &e);

	if (ret)
		ctl_fail("error parsing %s: %s", path, e.text);
	for (size_t i = 0; !ret && !d->broken && i < docs.n; i++) {
		yyjson_mut_val *items = yyjson_mut_obj_get(docs.v[i].root, "items"), *v;
		size_t k, n;

		if (!yyjson_mut_is_arr(items))
			delete_document(d, docs.v[i].root);
		else
			yyjson_mut_arr_foreach (items, k, n, v)
				delete_document(d, v);
	}
	documents_free(&docs);
	return !ret && !d->broken;
}

int ctl_delete(const struct ctl_args *a)
{
	struct deletion d = { .args = a };

	if (a->output && strcmp(a->output, "name") != 0)
		return ctl_fail("unexpected -o output mode: %s. We only support '-o name'",
		                a->output);
	if (a->dry_run && strcmp(a->dry_run, "server") != 0)
		return ctl_fail("--dry-run is \"server\" here, not \"%s\"", a->dry_run);
	if (a->timeout && (d.timeout_ms = milliseconds(a->timeout)) < 0)
		return ctl_fail("invalid --timeout \"%s\": 30s, 5m or 1h is meant", a->timeout);
	if (!a->n_files)
		return delete_items(&d);
	return !files_each(a, delete_text, &d) || d.failed;
}
