/* dns.c - `dns`: where the cluster DNS has an answer from (GET /knetd/v1/dns), and the answer; that
 * of an upstream is asked for once (GET /knetd/v1/dns/ask). */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <knetd/auto.h>

#include "columns.h"
#include "ctl.h"
#include "json_text.h"

#define USAGE 2 /* the exit status of a wrong call: 1 says that there is no answer */
#define ASK_MS 50
#define ASKS 160 /* longer than the daemon waits */

static const char *text_of(yyjson_val *root, const char *path)
{
	const char *text = json_str(root, path);

	return text ? text : "";
}

static void put_steps(struct buf *out, yyjson_val *root)
{
	const char *last = "";
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (yyjson_obj_get(root, "steps"), i, n, v) {
		const char *step = text_of(v, "step");

		buf_printf(out, "%s\t%s\n", strcmp(step, last) != 0 ? step : "",
		           text_of(v, "text"));
		last = step;
	}
}

static void put_records(struct buf *out, yyjson_val *root, const char *section)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (yyjson_obj_get(root, section), i, n, v)
		buf_printf(out, "%s\t%s\n", i ? "" : section, yyjson_get_str(v));
}

static void put_answer(struct buf *out, yyjson_val *root)
{
	buf_printf(out, "status\t%s%s\n", text_of(root, "status"),
	           json_bool(root, "truncated", false) ? ", truncated: over TCP there is more"
	                                               : "");
	put_records(out, root, "answers");
	put_records(out, root, "authorities");
	put_records(out, root, "additionals");
}

/* Until the daemon has the answer. NULL: told. */
static yyjson_doc *ask(const struct ctl_args *a, const char *name, const char *type)
{
	const struct timespec pause = { .tv_nsec = ASK_MS * 1000000L };
	auto_buf struct buf path = { 0 };

	buf_str(&path, "/knetd/v1/dns/ask");
	query_put(&path, "name", name);
	query_put(&path, "type", type);
	buf_add(&path, "", 1);
	for (unsigned i = 0; i < ASKS; i++, nanosleep(&pause, NULL)) {
		auto_answer struct ctl_answer answer = { 0 };
		yyjson_doc *doc;

		if (!ctl_call(a, "GET", path.data, &answer))
			return NULL;
		doc = ctl_json(&answer);
		if (answer.status == 200 && json_bool(yyjson_doc_get_root(doc), "done", false))
			return doc;
		yyjson_doc_free(doc);
		if (answer.status != 200) {
			ctl_refused(&answer, "");
			return NULL;
		}
	}
	ctl_fail("the daemon does not tell what came of the question");
	return NULL;
}

/* What an upstream said, as far as it is one of theirs. */
static int put_forwarded(const struct ctl_args *a, yyjson_val *root, struct buf *out,
                         yyjson_doc **told)
{
	yyjson_val *answer;

	*told = ask(a, text_of(root, "forwarded"), text_of(root, "type"));
	if (!*told)
		return USAGE;
	answer = yyjson_doc_get_root(*told);
	if (*text_of(answer, "error")) {
		buf_printf(out, "asked\t%s\n", text_of(answer, "error"));
		return 1;
	}
	buf_printf(out, "asked\tanswered in %.3f ms\n",
	           yyjson_get_num(yyjson_obj_get(answer, "milliseconds")));
	put_records(out, root, "answers"); /* the aliases that led there */
	put_answer(out, answer);
	return strcmp(text_of(answer, "status"), "NOERROR") != 0 ||
	       !yyjson_arr_size(yyjson_obj_get(answer, "answers"));
}

static int print_answer(const struct ctl_args *a, yyjson_val *root)
{
	struct columns c = { .least = 0, .pad = 2 };
	auto_buf struct buf out = { 0 };
	auto_doc yyjson_doc *told = NULL;
	int ret;

	put_steps(&c.text, root);
	if (*text_of(root, "forwarded")) {
		ret = put_forwarded(a, root, &c.text, &told);
	} else {
		put_answer(&c.text, root);
		ret = strcmp(text_of(root, "status"), "NOERROR") != 0 ||
		      !yyjson_arr_size(yyjson_obj_get(root, "answers"));
	}
	if (a->output) {
		buf_str(&out, "{\"trace\":");
		json_text(&out, root, JSON_COMPACT, false);
		buf_str(&out, ",\"asked\":");
		json_text(&out, yyjson_doc_get_root(told), JSON_COMPACT, false);
		buf_str(&out, "}\n");
	} else {
		columns_flush(&c, &out);
	}
	buf_free(&c.text);
	ctl_print(&out);
	return ret;
}

static int misused(const char *why)
{
	ctl_fail("%s: knetctl dns NAME [TYPE] [--from POD|ADDRESS]", why);
	return USAGE;
}

int ctl_dns(const struct ctl_args *a)
{
	auto_answer struct ctl_answer answer = { 0 };
	auto_buf struct buf path = { 0 };
	auto_doc yyjson_doc *doc = NULL;

	if (a->output && strcmp(a->output, "json") != 0)
		return misused("--output: json is the only other form");
	if (a->watch)
		return ctl_dns_watch(a);
	if (a->name || a->client)
		return misused("--name and --client belong to --watch");
	if (!a->n_words || a->n_words > 2)
		return misused("a name is expected, and perhaps a type");
	buf_str(&path, "/knetd/v1/dns");
	query_put(&path, "name", a->words[0]);
	query_put(&path, "type", a->n_words > 1 ? a->words[1] : "A");
	if (a->from)
		query_put(&path, "from", a->from);
	if (a->ns)
		query_put(&path, "namespace", a->ns);
	buf_add(&path, "", 1);
	if (!ctl_call(a, "GET", path.data, &answer))
		return USAGE;
	doc = ctl_json(&answer);
	if (answer.status != 200 ||
	    !yyjson_is_arr(yyjson_obj_get(yyjson_doc_get_root(doc), "steps"))) {
		ctl_refused(&answer, "");
		return USAGE;
	}
	return print_answer(a, yyjson_doc_get_root(doc));
}
