/* upgrade.c - `upgrade`: has another binary take the daemon's place, and tells what became of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <knetd/auto.h>

#include "ctl.h"

#define TRIES 4000 /* of 50 ms: both sides give up earlier */

static void pause_a_moment(void)
{
	const struct timespec ts = { .tv_nsec = 50000000 };

	nanosleep(&ts, NULL);
}

static bool is_over(const char *state)
{
	return state && strcmp(state, "checking") != 0;
}

static int tell(yyjson_val *root)
{
	const char *state = json_str(root, "state"), *from = json_str(root, "from"),
		   *to = json_str(root, "to"), *message = json_str(root, "message");

	if (strcmp(state, "done") != 0)
		return ctl_fail("%s; knetd %s goes on", message && *message ? message : state,
		                from ? from : "");
	printf("knetd %s has taken over from %s; the API stood still for %lld ms\n", to ? to : "?",
	       from ? from : "?", (long long)json_int(root, "milliseconds", 0));
	return 0;
}

/* Asked while nobody takes requests, the question waits, and the new daemon answers. */
static int await(const struct ctl_args *a)
{
	for (unsigned i = 0; i < TRIES; i++) {
		auto_answer struct ctl_answer answer = { 0 };
		auto_doc yyjson_doc *doc = NULL;

		if (!ctl_call(a, "GET", "/knetd/v1/upgrade", &answer))
			return 1;
		doc = ctl_json(&answer);
		if (answer.status != 200)
			return ctl_refused(&answer, "");
		if (is_over(json_str(yyjson_doc_get_root(doc), "state")))
			return tell(yyjson_doc_get_root(doc));
		pause_a_moment();
	}
	return ctl_fail("the upgrade does not end");
}

int ctl_upgrade(const struct ctl_args *a)
{
	auto_answer struct ctl_answer answer = { 0 };
	auto_buf struct buf path = { 0 };
	char *file = NULL;

	if (a->n_words > 1)
		return ctl_fail("one file at most is expected");
	buf_str(&path, "/knetd/v1/upgrade");
	if (a->n_words) {
		file = realpath(a->words[0], NULL);
		query_put(&path, "path", file ? file : a->words[0]);
		free(file);
	}
	buf_add(&path, "", 1);
	if (!ctl_call(a, "POST", path.data, &answer))
		return 1;
	return answer.status == 202 ? await(a) : ctl_refused(&answer, "");
}
