/* lb.c - `lb`: who holds which load-balancer address (GET /knetd/v1/lb), and which Services wait.
 */
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>

#include "columns.h"
#include "ctl.h"
#include "json_text.h"

static void put_list(struct buf *out, yyjson_val *list)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (list, i, n, v)
		buf_printf(out, "%s%s", i ? "," : "", yyjson_get_str(v) ? yyjson_get_str(v) : "");
	if (!n)
		buf_str(out, "<none>");
}

static void put_row(struct buf *out, yyjson_val *v)
{
	const char *address = json_str(v, "address"), *pool = json_str(v, "pool"),
		   *service = json_str(v, "service"), *state = json_str(v, "state"),
		   *why = json_str(v, "why");

	buf_printf(out, "%s\t%s\t%s\t", address ? address : "<pending>",
	           pool && *pool ? pool : "<none>", service ? service : "");
	put_list(out, yyjson_obj_get(v, "ports"));
	buf_str(out, "\t");
	put_list(out, yyjson_obj_get(v, "announcedOn"));
	buf_printf(out, "\t%s\n", state ? state : why ? why : "");
}

static void put_rows(struct buf *out, yyjson_val *list)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (list, i, n, v)
		put_row(out, v);
}

static int print_held(const struct ctl_args *a, const struct ctl_answer *answer)
{
	struct columns c = { .least = 0, .pad = 3 };
	auto_buf struct buf out = { 0 };
	auto_doc yyjson_doc *doc = ctl_json(answer);
	yyjson_val *root = yyjson_doc_get_root(doc);

	if (answer->status != 200 || !yyjson_is_arr(yyjson_obj_get(root, "held")))
		return ctl_refused(answer, "");
	if (a->output && !strcmp(a->output, "json")) {
		json_text(&out, root, JSON_PRETTY, false);
		buf_str(&out, "\n");
	} else {
		if (!a->no_headers)
			buf_str(&c.text, "ADDRESS\tPOOL\tSERVICE\tPORTS\tANNOUNCED ON\tSTATE\n");
		put_rows(&c.text, yyjson_obj_get(root, "held"));
		put_rows(&c.text, yyjson_obj_get(root, "waiting"));
		columns_flush(&c, &out);
		buf_free(&c.text);
	}
	ctl_print(&out);
	return 0;
}

int ctl_lb(const struct ctl_args *a)
{
	auto_answer struct ctl_answer answer = { 0 };

	if (a->output && strcmp(a->output, "json") != 0)
		return ctl_fail("--output: json is the only other form");
	if (a->n_words && !strcmp(a->words[0], "test"))
		return ctl_lb_test(a);
	if (a->n_words)
		return ctl_fail("\"%s\" is not expected here", a->words[0]);
	if (!ctl_call(a, "GET", "/knetd/v1/lb", &answer))
		return 1;
	return print_held(a, &answer);
}
