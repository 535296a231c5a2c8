/* labels.c - see labels.h */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "labels.h"

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct labels *pack(char **items, size_t n)
{
	struct labels *l;
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += strlen(items[i]) + 1;
	l = xmalloc(sizeof(*l) + bytes);
	*l = (struct labels){ .n = n };
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(items[i]) + 1;

		memcpy(l->text + l->bytes, items[i], len);
		l->bytes += len;
	}
	return l;
}

struct labels *labels_new(yyjson_val *obj)
{
	size_t n = yyjson_obj_size(obj), i, max;
	auto_free char **items = NULL;
	yyjson_val *key, *val;
	struct labels *l;

	if (!n)
		return NULL;
	items = xcalloc(n, sizeof(*items));
	yyjson_obj_foreach (obj, i, max, key, val)
		items[i] = xasprintf("%s=%s", yyjson_get_str(key),
		                     yyjson_is_str(val) ? yyjson_get_str(val) : "");
	qsort(items, n, sizeof(*items), by_text);
	l = pack(items, n);
	for (i = 0; i < n; i++)
		free(items[i]);
	return l;
}

bool labels_equal(const struct labels *a, const struct labels *b)
{
	if (!a || !b)
		return a == b;
	return a->bytes == b->bytes && !memcmp(a->text, b->text, a->bytes);
}

/* Both are sorted: one walk. */
bool labels_match(const struct labels *selector, const struct labels *set)
{
	const char *have, *end;

	if (!selector || !set)
		return false;
	have = set->text;
	end = set->text + set->bytes;
	for (const char *want = selector->text; want < selector->text + selector->bytes;
	     want += strlen(want) + 1) {
		int d = -1;

		while (have < end && (d = strcmp(have, want)) < 0)
			have += strlen(have) + 1;
		if (have >= end || d != 0)
			return false;
	}
	return true;
}
