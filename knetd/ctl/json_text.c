/* json_text.c - see json_text.h */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "json_text.h"

struct writer {
	struct buf *out;
	enum json_style style;
	bool without_managed;
};
struct member {
	yyjson_val *key, *value;
};

static void new_line(const struct writer *w, unsigned depth)
{
	if (w->style == JSON_PRETTY)
		buf_printf(w->out, "\n%*s", (int)depth * 4, "");
}

/* Go escapes what could end a script element in HTML. */
static void text(const struct writer *w, yyjson_val *v)
{
	auto_buf struct buf plain = { 0 };

	buf_json(&plain, yyjson_get_str(v), yyjson_get_len(v));
	for (size_t i = 0; i < plain.len; i++) {
		char c = plain.data[i];

		if (c == '<' || c == '>' || c == '&')
			buf_printf(w->out, "\\u%04x", c);
		else
			buf_add(w->out, &c, 1);
	}
}

static int by_name(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	return strcmp(yyjson_get_str(x->key), yyjson_get_str(y->key));
}

static void value(const struct writer *w, yyjson_val *v, const char *of, unsigned depth);

static bool hidden(const struct writer *w, const char *of, const char *name)
{
	return w->without_managed && !strcmp(of, "metadata") && !strcmp(name, "managedFields");
}

static void object(const struct writer *w, yyjson_val *v, const char *of, unsigned depth)
{
	auto_free struct member *members = xcalloc(yyjson_obj_size(v) + 1, sizeof(*members));
	yyjson_val *key, *item;
	size_t i, max, n = 0;

	yyjson_obj_foreach (v, i, max, key, item)
		if (!hidden(w, of, yyjson_get_str(key)))
			members[n++] = (struct member){ key, item };
	if (n)
		qsort(members, n, sizeof(*members), by_name);
	buf_str(w->out, "{");
	for (i = 0; i < n; i++) {
		buf_str(w->out, i ? "," : "");
		new_line(w, depth + 1);
		text(w, members[i].key);
		buf_str(w->out, w->style == JSON_PRETTY ? ": " : ":");
		value(w, members[i].value, yyjson_get_str(members[i].key), depth + 1);
	}
	if (n)
		new_line(w, depth);
	buf_str(w->out, "}");
}

static void array(const struct writer *w, yyjson_val *v, unsigned depth)
{
	yyjson_val *item;
	size_t i, n;

	buf_str(w->out, "[");
	yyjson_arr_foreach (v, i, n, item) {
		buf_str(w->out, i ? "," : "");
		new_line(w, depth + 1);
		value(w, item, "", depth + 1);
	}
	if (yyjson_arr_size(v))
		new_line(w, depth);
	buf_str(w->out, "]");
}

static void value(const struct writer *w, yyjson_val *v, const char *of, unsigned depth)
{
	auto_free char *scalar = NULL;

	if (depth > JSON_DEPTH_MAX) {
		buf_str(w->out, "null");
	} else if (yyjson_is_obj(v)) {
		object(w, v, of, depth);
	} else if (yyjson_is_arr(v)) {
		array(w, v, depth);
	} else if (yyjson_is_str(v)) {
		text(w, v);
	} else {
		scalar = yyjson_val_write(v, 0, NULL);
		buf_str(w->out, scalar ? scalar : "null");
	}
}

void json_text(struct buf *out, yyjson_val *v, enum json_style style, bool without_managed)
{
	struct writer w = { out, style, without_managed };

	value(&w, v, "", 0);
}
