/* valid_table.h - how the tables of test_valid_*.c are written and run: one object a row, and
 * everything that is said about it. In both, ' stands for ". */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>
#include <knetd/conf.h>

#include "../../modules/api/api_object.h"

struct row {
	const char *old; /* the state before; NULL: it is created */
	const char *json;
	const char *said; /* "field: message" joined by "; ", without what follows " (e.g." */
};

#define META "'metadata':{'name':'x'}"

static char *unquote(const char *s)
{
	char *out = xstrdup(s);

	for (char *p = out; *p; p++)
		if (*p == '\'')
			*p = '"';
	return out;
}

static void tell(const struct causes *causes, struct buf *said)
{
	for (unsigned i = 0; i < causes->n; i++) {
		const char *m = causes->v[i].message, *end = strstr(m, " (e.g. ");

		if (!end)
			end = strstr(m, " (regex ");
		buf_printf(said, "%s%s: %.*s", i ? "; " : "", causes->v[i].field,
		           (int)(end ? (size_t)(end - m) : strlen(m)), m);
	}
	buf_add(said, "", 1);
	for (char *p = said->data; *p; p++)
		if (*p == '"')
			*p = '\'';
}

/* An object as the store would have it: completed. */
static char *completed(enum kind kind, const char *json)
{
	auto_free char *text = unquote(json);
	auto_arena struct arena a = { 0 };
	struct causes causes = { .arena = &a };
	struct documents d;
	char *out;

	assert_int_equal(json_read(text, strlen(text), &a, &d, NULL), 0);
	default_object(kind, d.doc, d.v[0].root, NULL);
	valid_object(kind, d.doc, d.v[0].root, NULL, &causes);
	out = yyjson_mut_val_write(d.v[0].root, 0, NULL);
	documents_free(&d);
	return out;
}

static void judge(enum kind kind, const struct row *row, bool status, struct buf *said, char **out)
{
	auto_free char *text = unquote(row->json);
	auto_free char *before = row->old ? completed(kind, row->old) : NULL;
	struct object old = { .kind = kind,
		              .json = before,
		              .json_len = before ? strlen(before) : 0 };
	auto_doc yyjson_doc *was = before ? object_doc(&old) : NULL;
	auto_arena struct arena a = { 0 };
	struct causes causes = { .arena = &a };
	struct documents d;

	if (json_read(text, strlen(text), &a, &d, NULL))
		fail_msg("not JSON: %s", row->json);
	schema_check(kind, d.v[0].root, &causes);
	if (!causes.n) {
		default_object(kind, d.doc, d.v[0].root, yyjson_doc_get_root(was));
		if (status)
			valid_status(kind, d.v[0].root, &causes);
		else
			valid_object(kind, d.doc, d.v[0].root, before ? &old : NULL, &causes);
	}
	tell(&causes, said);
	if (out)
		*out = yyjson_mut_val_write(d.v[0].root, 0, NULL);
	documents_free(&d);
}

static void run_rows_as(enum kind kind, const struct row *rows, size_t n, bool status)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < n; i++) {
		auto_buf struct buf said = { 0 };

		judge(kind, &rows[i], status, &said, NULL);
		if (strcmp(said.data, rows[i].said) != 0) {
			print_error("%s row %zu: %s\n  says %s\n  not  %s\n", kind_info[kind].kind,
			            i, rows[i].json, said.data, rows[i].said);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

#define RUN_ROWS(kind, rows) run_rows_as((kind), (rows), ARRAY_LEN(rows), false)
#define RUN_STATUS_ROWS(kind, rows) run_rows_as((kind), (rows), ARRAY_LEN(rows), true)
