/* dns_watch.c - `dns --watch`: the queries of the cluster DNS as they come (GET /knetd/v1/dns/log).
 *
 * Asked for again and again: the daemon logs as long as somebody asks, so that nothing is left
 * behind however this ends. */
#include <stdio.h>
#include <time.h>

#include <knetd/auto.h>

#include "ctl.h"
#include "json_text.h"

#define EVERY_MS 200

/* False when the answer is none; *next: where to go on. */
static bool print_lines(const struct ctl_args *a, yyjson_val *root, uint64_t *next)
{
	yyjson_val *lines = yyjson_obj_get(root, "lines"), *at = yyjson_obj_get(root, "next"), *v;
	unsigned long long lost = yyjson_get_uint(yyjson_obj_get(root, "lost"));
	auto_buf struct buf out = { 0 };
	size_t i, n;

	if (!yyjson_is_arr(lines) || !yyjson_is_uint(at))
		return false;
	if (lost)
		fprintf(stderr, "%llu queries are left out: there were too many at once\n", lost);
	yyjson_arr_foreach (lines, i, n, v) {
		if (a->output)
			json_text(&out, v, JSON_COMPACT, false);
		else
			buf_str(&out, yyjson_is_str(v) ? yyjson_get_str(v) : "");
		buf_str(&out, "\n");
	}
	*next = yyjson_get_uint(at);
	ctl_print(&out);
	return fflush(stdout) == 0;
}

int ctl_dns_watch(const struct ctl_args *a)
{
	const struct timespec pause = { .tv_nsec = EVERY_MS * 1000000L };
	char since[24] = "";
	uint64_t next;

	if (a->n_words)
		return ctl_fail("\"%s\" is not expected beside --watch; --name SUFFIX tells which "
		                "names are shown",
		                a->words[0]);
	for (;; nanosleep(&pause, NULL)) {
		auto_answer struct ctl_answer answer = { 0 };
		auto_buf struct buf path = { 0 };
		yyjson_doc *doc;
		bool good;

		buf_str(&path, "/knetd/v1/dns/log");
		if (*since)
			query_put(&path, "since", since);
		if (a->name)
			query_put(&path, "name", a->name);
		if (a->client)
			query_put(&path, "client", a->client);
		buf_add(&path, "", 1);
		if (!ctl_call(a, "GET", path.data, &answer))
			return 1;
		doc = ctl_json(&answer);
		good = answer.status == 200 && print_lines(a, yyjson_doc_get_root(doc), &next);
		yyjson_doc_free(doc);
		if (!good)
			return answer.status == 200 ? 1 : ctl_refused(&answer, "");
		snprintf(since, sizeof(since), "%llu", (unsigned long long)next);
	}
}
