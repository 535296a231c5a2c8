/* apply.c - `apply` and `create`. A file goes to the daemon as it is, which applies all of it or
 * nothing; with --server-side, and for create, each of its documents goes by itself. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/manifest.h>

#include "output.h"

struct sending {
	const struct ctl_args *args;
	const char *path; /* of the file */
	bool failed, broken;
	size_t found;
};

static void put_options(const struct ctl_args *a, struct buf *path)
{
	const char *validate = a->validate ? a->validate : "strict";

	query_put(path, "fieldValidation",
	          !strcmp(validate, "ignore") || !strcmp(validate, "false") ? "Ignore"
	          : !strcmp(validate, "warn")                               ? "Warn"
	                                                                    : "Strict");
	if (a->dry_run)
		query_put(path, "dryRun", "All");
}

static const char *dry(const struct ctl_args *a)
{
	return a->dry_run ? " (server dry run)" : "";
}

/* ---- a file as it is ------------------------------------------------------------------------ */

static void tell_result(const struct sending *s, yyjson_val *v)
{
	const char *kind = json_str(v, "kind"), *version = json_str(v, "apiVersion");
	const char *name = json_str(v, "name"), *result = json_str(v, "result");
	auto_buf struct buf text = { 0 };

	if (!kind || !version || !name || !result || !strcmp(result, "skipped"))
		return; /* a warning has told it */
	name_put(&text, kind, version, name);
	if (s->args->output)
		printf("%.*s\n", (int)text.len, text.data);
	else
		printf("%.*s %s%s\n", (int)text.len, text.data, result, dry(s->args));
}

/* One line a wrong field: file, document, line, object, field. */
static void tell_causes(const struct sending *s, yyjson_val *causes)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (causes, i, n, v) {
		const char *kind = json_str(v, "kind"), *name = json_str(v, "name");
		const char *field = json_str(v, "field"), *message = json_str(v, "message");
		int64_t line = json_int(v, "line", 0);

		fprintf(stderr, "error: %s: document %lld", s->path,
		        (long long)json_int(v, "document", 0));
		if (line)
			fprintf(stderr, " (line %lld)", (long long)line);
		fprintf(stderr, ": %s \"%s\": %s%s%s\n", kind ? kind : "", name ? name : "",
		        field ? field : "", field && *field ? ": " : "", message ? message : "");
	}
	fprintf(stderr, "error: nothing of %s was applied\n", s->path);
}

static bool apply_text(void *arg, const char *path, const struct buf *text)
{
	auto_answer struct ctl_answer answer = { 0 };
	struct sending *s = arg;
	auto_buf struct buf url = { 0 };
	auto_doc yyjson_doc *doc = NULL;
	yyjson_val *root, *v;
	size_t i, n;

	s->path = path;
	buf_str(&url, "/apply");
	put_options(s->args, &url);
	if (s->args->ns)
		query_put(&url, "namespace", s->args->ns);
	buf_add(&url, "", 1);
	if (!ctl_send(s->args, "POST", url.data,
	              text_is_json(text) ? "application/json" : "application/yaml", text->data,
	              text->len, &answer))
		return false;
	doc = ctl_json(&answer);
	root = yyjson_doc_get_root(doc);
	if (answer.status != 200) {
		s->failed = true;
		if (yyjson_arr_size(json_at(root, "details.causes")))
			tell_causes(s, json_at(root, "details.causes"));
		else
			ctl_fail("%s: %s", path,
			         json_str(root, "message") ? json_str(root, "message")
			                                   : "the daemon refuses it");
		return true;
	}
	yyjson_arr_foreach (yyjson_obj_get(root, "results"), i, n, v) {
		tell_result(s, v);
		s->found++;
	}
	fflush(stdout);
	return true;
}

/* ---- document by document ------------------------------------------------------------------- */

struct manifest {
	const char *kind, *version, *name, *ns;
	int known; /* enum kind, or -1 */
};

static struct manifest manifest_of(const struct ctl_args *a, yyjson_mut_val *root)
{
	yyjson_mut_val *meta = yyjson_mut_obj_get(root, "metadata");
	struct manifest m = {
		.kind = yyjson_mut_get_str(yyjson_mut_obj_get(root, "kind")),
		.version = yyjson_mut_get_str(yyjson_mut_obj_get(root, "apiVersion")),
		.name = yyjson_mut_get_str(yyjson_mut_obj_get(meta, "name")),
		.ns = yyjson_mut_get_str(yyjson_mut_obj_get(meta, "namespace")),
		.known = -1,
	};

	if (!m.ns)
		m.ns = ctl_namespace(a);
	for (int k = 0; m.kind && m.version && k < KIND_COUNT; k++)
		if (!strcmp(kind_info[k].kind, m.kind) &&
		    !strncmp(kind_info[k].api_version, m.version, strcspn(m.version, "/") + 1))
			m.known = k;
	return m;
}

static void put_place(const struct sending *s, const struct manifest *m, bool create,
                      struct buf *out)
{
	const struct ctl_args *a = s->args;

	path_put(out, m->known, m->ns, create ? NULL : m->name);
	put_options(a, out);
	query_put(out, "fieldManager", a->field_manager ? a->field_manager : "knetctl");
	if (!create && (a->force || a->force_conflicts))
		query_put(out, "force", "true");
	buf_add(out, "", 1);
}

static void tell_sent(const struct sending *s, const struct ctl_answer *answer, bool create)
{
	auto_doc yyjson_doc *doc = ctl_json(answer);
	auto_buf struct buf text = { 0 };
	struct output form;

	if (s->args->output && output_parse(s->args->output, &form) && form.form > OUTPUT_WIDE) {
		output_put(&form, yyjson_doc_get_root(doc), &text);
		ctl_print(&text);
		return;
	}
	output_name(&text, yyjson_doc_get_root(doc));
	printf("%.*s %s%s\n", (int)text.len - 1, text.data,
	       create ? "created" : "serverside-applied", dry(s->args));
}

static void send_document(struct sending *s, yyjson_mut_val *root)
{
	bool create = s->args->command == CTL_CREATE;
	struct manifest m = manifest_of(s->args, root);
	auto_answer struct ctl_answer answer = { 0 };
	auto_buf struct buf path = { 0 }, doing = { 0 };
	auto_free char *body = NULL;
	size_t n;

	if (m.known < 0 || (!m.name && !create)) {
		ctl_fail("resource mapping not found for name: \"%s\" from \"%s\": no matches for "
		         "kind \"%s\" in version \"%s\"",
		         m.name ? m.name : "", s->path, m.kind ? m.kind : "",
		         m.version ? m.version : "");
		s->failed = true;
		return;
	}
	put_place(s, &m, create, &path);
	body = yyjson_mut_val_write(root, 0, &n);
	if (!ctl_send(s->args, create ? "POST" : "PATCH", path.data,
	              create ? "application/json" : "application/apply-patch+yaml", body, n,
	              &answer)) {
		s->broken = true;
		return;
	}
	s->found++;
	if (answer.status < 300) {
		tell_sent(s, &answer, create);
		return;
	}
	s->failed = true;
	if (create)
		buf_printf(&doing, "error when creating \"%s\": ", s->path);
	buf_add(&doing, "", 1);
	ctl_refused(&answer, doing.data);
}

static bool send_text(void *arg, const char *path, const struct buf *text)
{
	auto_arena struct arena arena = { 0 };
	struct sending *s = arg;
	struct documents docs;
	struct err e = { 0 };
	int ret = text_is_json(text) ? json_read(text->data, text->len, &arena, &docs, &e)
	                             : yaml_read(text->data, text->len, &arena, &docs, &e);

	s->path = path;
	if (ret)
		ctl_fail("error parsing %s: %s", path, e.text);
	for (size_t i = 0; !ret && !s->broken && i < docs.n; i++) {
		yyjson_mut_val *items = yyjson_mut_obj_get(docs.v[i].root, "items"), *v;
		size_t k, n;

		if (!yyjson_mut_is_arr(items))
			send_document(s, docs.v[i].root);
		else
			yyjson_mut_arr_foreach (items, k, n, v)
				send_document(s, v);
	}
	documents_free(&docs);
	return !ret && !s->broken;
}

static int send_files(const struct ctl_args *a, file_fn *each)
{
	struct sending s = { .args = a };

	if (!a->n_files)
		return ctl_fail("must specify -f: a file, a directory, or - for standard input");
	if (a->n_words)
		return ctl_fail("unexpected argument \"%s\": files are named by -f", a->words[0]);
	if (a->dry_run && strcmp(a->dry_run, "server") != 0)
		return ctl_fail("--dry-run is \"server\" here, not \"%s\"", a->dry_run);
	if (!files_each(a, each, &s) || s.failed || s.broken)
		return 1;
	return s.found ? 0 : ctl_fail("no objects passed to %s", ctl_command_name[a->command]);
}

int ctl_apply(const struct ctl_args *a)
{
	return send_files(a, a->server_side ? send_text : apply_text);
}

int ctl_create(const struct ctl_args *a)
{
	return send_files(a, send_text);
}
