/* fuzz_query.c - any bytes as a query, as selectors and as a token that goes on with a list. What
 * is read has to match something or nothing, and a token that is taken is written again the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/gzip.h>
#include <knetd/http.h>

#include "../../modules/api/api_continue.h"
#include "../../modules/api/api_selector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char pod[] = "{\"metadata\":{\"name\":\"p\",\"labels\":{\"a\":\"b\",\"n\":\"4\"}},"
			  "\"spec\":{\"hostNetwork\":true},\"status\":{\"phase\":\"Running\"}}";
static const struct object object = {
	.kind = KIND_POD, .name = "p", .ns = "n", .json = pod, .json_len = sizeof(pod) - 1
};

static void select_with(const char *query, enum kind kind, struct arena *a)
{
	struct object o = object;
	const char *why = NULL;
	struct selector s;

	o.kind = kind;
	if (selector_parse(query, kind, a, &s, &why))
		(void)selector_match(&s, &o);
	else if (!why || !*why)
		abort();
}

static void go_on_with(const char *text, struct arena *a)
{
	struct continue_token t, back;

	if (continue_read(text, a, &t))
		return;
	if (continue_read(continue_write(a, &t), a, &back) || back.version != t.version ||
	    strcmp(back.after, t.after) != 0)
		abort();
}

static void unpack(const uint8_t *data, size_t size)
{
	auto_buf struct buf out = { .max = 1 << 20 };

	if (!gzip_unpack((const char *)data, size, &out) && out.len > out.max)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	const char *text = arena_strndup(&a, (const char *)data, size);
	char value[64];

	select_with(text, KIND_POD, &a);
	select_with(arena_printf(&a, "labelSelector=%s", text), KIND_POD, &a);
	select_with(arena_printf(&a, "fieldSelector=%s", text), KIND_POD, &a);
	select_with(arena_printf(&a, "fieldSelector=%s", text), KIND_EVENT, &a);
	(void)http_query(text, "limit", value, sizeof(value));
	(void)http_query_has(text, "watch");
	go_on_with(text, &a);
	unpack(data, size);
	return 0;
}
