/* table.c - a Table answer as lines, exactly as kubectl prints them. Pure. */
#include <string.h>

#include <knetd/auto.h>

#include "columns.h"
#include "ctl.h"

/* A cell is one line: what follows a line break is told by three dots. */
static void put_text(struct buf *out, const char *s)
{
	size_t n = strcspn(s, "\f\n\r");

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\x1b')
			buf_str(out, "^[");
		else
			buf_add(out, s[i] == '\t' ? " " : &s[i], 1);
	}
	if (s[n])
		buf_str(out, "...");
}

static void put_cell(struct buf *out, yyjson_val *v)
{
	auto_free char *number = NULL;

	if (yyjson_is_str(v)) {
		put_text(out, yyjson_get_str(v));
	} else if (v && !yyjson_is_null(v)) {
		number = yyjson_val_write(v, 0, NULL);
		put_text(out, number ? number : "");
	}
}

static void put_upper(struct buf *out, const char *s)
{
	for (; *s; s++) {
		char c = *s >= 'a' && *s <= 'z' ? (char)(*s - 32) : *s;

		buf_add(out, &c, 1);
	}
}

static void put_labels(struct buf *out, yyjson_val *labels)
{
	const char *last = "";

	if (!yyjson_obj_size(labels))
		buf_str(out, "<none>");
	for (size_t k = yyjson_obj_size(labels); k; k--) { /* in order; there are few */
		yyjson_val *key, *v, *next = NULL, *value = NULL;
		size_t i, n;

		yyjson_obj_foreach (labels, i, n, key, v)
			if (strcmp(yyjson_get_str(key), last) > 0 &&
			    (!next || strcmp(yyjson_get_str(key), yyjson_get_str(next)) < 0)) {
				next = key;
				value = v;
			}
		if (!next)
			break;
		buf_printf(out, "%s%s=", *last ? "," : "", yyjson_get_str(next));
		put_cell(out, value);
		last = yyjson_get_str(next);
	}
}

static void read_columns(struct table *t, yyjson_val *definitions)
{
	yyjson_val *v;
	size_t i, n;

	if (!yyjson_arr_size(definitions))
		return; /* later events of a watch: as before */
	t->n = 0;
	yyjson_arr_foreach (definitions, i, n, v)
		if (t->n < ARRAY_LEN(t->hidden))
			t->hidden[t->n++] = !t->wide && json_int(v, "priority", 0) > 0;
}

static void put_headers(const struct table *t, yyjson_val *definitions)
{
	struct buf *out = &t->to->text;
	const char *sep = "";
	yyjson_val *v;
	size_t i, n;

	if (t->with_ns) {
		buf_str(out, "NAMESPACE");
		sep = "\t";
	}
	yyjson_arr_foreach (definitions, i, n, v) {
		const char *name = json_str(v, "name");

		if (i >= t->n || t->hidden[i])
			continue;
		buf_str(out, sep);
		put_upper(out, name ? name : "");
		sep = "\t";
	}
	buf_str(out, t->labels ? "\tLABELS\n" : "\n");
}

static void put_row(const struct table *t, enum kind kind, yyjson_val *row)
{
	const struct kind_info *k = &kind_info[kind];
	struct buf *out = &t->to->text;
	const char *sep = "";
	yyjson_val *v;
	size_t i, n;

	if (t->with_ns) {
		put_cell(out, json_at(row, "object.metadata.namespace"));
		sep = "\t";
	}
	yyjson_arr_foreach (yyjson_obj_get(row, "cells"), i, n, v) {
		if (i >= t->n || t->hidden[i])
			continue;
		buf_str(out, sep);
		sep = "\t";
		if (i == 0 && t->with_kind)
			name_put(out, k->kind, k->api_version, "");
		put_cell(out, v);
	}
	if (t->labels) {
		buf_str(out, "\t");
		put_labels(out, json_at(row, "object.metadata.labels"));
	}
	buf_str(out, "\n");
}

bool table_put(struct table *t, enum kind kind, yyjson_val *table)
{
	yyjson_val *definitions = yyjson_obj_get(table, "columnDefinitions");
	yyjson_val *rows = yyjson_obj_get(table, "rows"), *row;
	size_t i, n;

	if (!yyjson_is_arr(rows))
		return false;
	read_columns(t, definitions);
	if (!yyjson_arr_size(rows))
		return true;
	if (t->headers_of != (int)kind && !t->no_headers && yyjson_arr_size(definitions))
		put_headers(t, definitions);
	t->headers_of = (int)kind;
	yyjson_arr_foreach (rows, i, n, row)
		put_row(t, kind, row);
	return true;
}
