/* lb_test.c - `lb test`: begins the daemon's self-test of announcing and prints what it found. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <knetd/auto.h>

#include "columns.h"
#include "ctl.h"
#include "json_text.h"

#define TRIES 50 /* of 200 ms; a test takes one second */

static const char *mark(const char *verdict)
{
	return !strcmp(verdict, "ok") ? "+" : !strcmp(verdict, "warn") ? "!" : "x";
}

/* Whether something is wrong. */
static bool put_checks(struct buf *out, yyjson_val *checks)
{
	const char *last_address = "", *last_link = "";
	bool wrong = false;
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (checks, i, n, v) {
		const char *address = json_str(v, "address"), *link = json_str(v, "interface"),
			   *verdict = json_str(v, "verdict"), *text = json_str(v, "text"),
			   *advice = json_str(v, "advice");
		bool same;

		if (!address || !link || !verdict || !text)
			continue;
		same = !strcmp(address, last_address) && !strcmp(link, last_link);
		buf_printf(out, "%s %s\t%s\t%s\n", mark(verdict), same ? "" : address,
		           same ? "" : link, text);
		if (advice && *advice && strcmp(verdict, "ok") != 0)
			buf_printf(out, "  \t\t  %s\n", advice);
		wrong |= !strcmp(verdict, "fail");
		last_address = address;
		last_link = link;
	}
	return wrong;
}

static int print_test(const struct ctl_args *a, yyjson_val *root)
{
	struct columns c = { .least = 0, .pad = 2 };
	yyjson_val *checks = yyjson_obj_get(root, "checks");
	auto_buf struct buf out = { 0 };
	bool wrong = put_checks(&c.text, checks);

	if (a->output) {
		json_text(&out, root, JSON_PRETTY, false);
		buf_str(&out, "\n");
	} else if (yyjson_arr_size(checks)) {
		columns_flush(&c, &out);
	} else {
		buf_str(&out, "No Service holds an address of a pool.\n");
	}
	buf_free(&c.text);
	ctl_print(&out);
	return wrong;
}

static void pause_a_moment(void)
{
	const struct timespec ts = { .tv_nsec = 200000000 };

	nanosleep(&ts, NULL);
}

/* Another test may be running. */
static bool begin(const struct ctl_args *a, const char *path)
{
	for (unsigned i = 0; i < TRIES; i++) {
		auto_answer struct ctl_answer answer = { 0 };

		if (!ctl_call(a, "POST", path, &answer))
			return false;
		if (answer.status == 202)
			return true;
		if (answer.status != 409) {
			ctl_refused(&answer, "");
			return false;
		}
		pause_a_moment();
	}
	ctl_fail("the tests of others do not end");
	return false;
}

int ctl_lb_test(const struct ctl_args *a)
{
	auto_buf struct buf path = { 0 };

	if (a->n_words > 2)
		return ctl_fail("\"%s\" is not expected here", a->words[2]);
	buf_str(&path, "/knetd/v1/lb/test");
	if (a->n_words == 2)
		query_put(&path, "address", a->words[1]);
	buf_add(&path, "", 1);
	if (!begin(a, path.data))
		return 1;
	for (unsigned i = 0; i < TRIES; i++) {
		auto_answer struct ctl_answer answer = { 0 };
		auto_doc yyjson_doc *doc = NULL;

		pause_a_moment();
		if (!ctl_call(a, "GET", "/knetd/v1/lb/test", &answer))
			return 1;
		doc = ctl_json(&answer);
		if (answer.status != 200)
			return ctl_refused(&answer, "");
		if (json_bool(yyjson_doc_get_root(doc), "done", false))
			return print_test(a, yyjson_doc_get_root(doc));
	}
	return ctl_fail("the test does not end");
}
