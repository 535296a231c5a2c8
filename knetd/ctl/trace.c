/* trace.c - `trace`: the daemon's account of a packet's way (modules/trace), as lines. The mark in
 * front of the line where the way ends is an x. */
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>

#include "columns.h"
#include "json_text.h"
#include "ctl.h"

#define USAGE 2 /* the exit status of a wrong call: 1 says "does not arrive" */

static int misused(const char *why)
{
	ctl_fail("%s: knetctl trace POD|ADDRESS [->] NAME|ADDRESS[:PORT][/udp|/sctp]", why);
	return USAGE;
}

static const char *mark(yyjson_val *step)
{
	const char *verdict = json_str(step, "verdict");

	if (!verdict)
		return " ";
	return !strcmp(verdict, "stop") ? "x" : !strcmp(verdict, "ok") ? "+" : " ";
}

static void put_steps(struct buf *out, yyjson_val *root)
{
	const char *last = "", *result = json_str(root, "result");
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (yyjson_obj_get(root, "steps"), i, n, v) {
		const char *step = json_str(v, "step"), *text = json_str(v, "text");
		const char *detail = json_str(v, "detail");

		buf_printf(out, "%s %s\t%s\n", mark(v), step && strcmp(step, last) != 0 ? step : "",
		           text ? text : "");
		if (detail && *detail)
			buf_printf(out, "  \t  %s\n", detail);
		last = step ? step : "";
	}
	buf_printf(out, "%s\t%s\n", json_bool(root, "reaches", false) ? "= arrives" : "= stops",
	           result ? result : "");
}

static int print_trace(const struct ctl_args *a, const struct ctl_answer *answer)
{
	struct columns c = { .least = 0, .pad = 2 };
	auto_buf struct buf out = { 0 };
	auto_doc yyjson_doc *doc = ctl_json(answer);
	yyjson_val *root = yyjson_doc_get_root(doc);

	if (answer->status != 200 || !yyjson_is_arr(yyjson_obj_get(root, "steps"))) {
		ctl_refused(answer, "");
		return USAGE;
	}
	if (a->output && !strcmp(a->output, "json")) {
		json_text(&out, root, JSON_PRETTY, false);
		buf_str(&out, "\n");
	} else {
		put_steps(&c.text, root);
		columns_flush(&c, &out);
		buf_free(&c.text);
	}
	ctl_print(&out);
	return !json_bool(root, "reaches", false);
}

int ctl_trace(const struct ctl_args *a)
{
	auto_answer struct ctl_answer answer = { 0 };
	auto_buf struct buf path = { 0 };
	const char *const *w = a->words;
	unsigned n = a->n_words;
	bool arrow = n == 3 && !strcmp(w[1], "->");

	if (n != 2 && !arrow)
		return misused("two ends are expected");
	buf_str(&path, "/knetd/v1/trace");
	query_put(&path, "from", w[0]);
	query_put(&path, "to", w[n - 1]);
	if (a->ns)
		query_put(&path, "namespace", a->ns);
	buf_add(&path, "", 1);
	if (!ctl_call(a, "GET", path.data, &answer))
		return USAGE;
	return print_trace(a, &answer);
}
