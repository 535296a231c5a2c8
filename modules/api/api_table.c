/* api_table.c - the Table form of objects (meta.k8s.io/v1), which `kubectl get` asks for: clients
 * have no printers of their own. */
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>

#include "api_form.h"
#include "api_table.h"
#include "api_table_cells.h"

enum table_object table_object_wanted(const char *query)
{
	char text[16];

	if (!http_query(query, "includeObject", text, sizeof(text)))
		return TABLE_METADATA;
	return !strcmp(text, "Object") ? TABLE_OBJECT
	       : !strcmp(text, "None") ? TABLE_NONE
	                               : TABLE_METADATA;
}

static void write_columns(struct buf *b, const struct table_column *columns)
{
	buf_str(b, ",\"columnDefinitions\":[");
	for (const struct table_column *c = columns; c->name; c++)
		buf_printf(b,
		           "%s{\"name\":\"%s\",\"type\":\"%s\",\"format\":\"%s\",\"description\":"
		           "\"\",\"priority\":%d}",
		           c == columns ? "" : ",", c->name, c->number ? "integer" : "string",
		           strcmp(c->name, "Name") ? "" : "name", c->wide);
	buf_str(b, "]");
}

static void write_cells(struct buf *b, const struct table_column *columns, yyjson_val *root)
{
	auto_buf struct buf text = { 0 };

	for (const struct table_column *c = columns; c->name; c++) {
		buf_reset(&text);
		c->cell(&text, root);
		buf_str(b, c == columns ? "" : ",");
		if (c->number)
			buf_add(b, text.data, text.len);
		else
			buf_json(b, text.len ? text.data : "", text.len);
	}
}

static void write_object(struct buf *b, const struct object *o, enum table_object with)
{
	if (with == TABLE_NONE)
		return;
	buf_str(b, ",\"object\":");
	if (with == TABLE_OBJECT)
		buf_add(b, o->json, o->json_len);
	else
		form_put_metadata(b, o);
}

/* meta: what stands in metadata. */
static void write_table(struct buf *b, enum kind kind, const struct object *const *v, size_t n,
                        enum table_object with, bool columns, const char *meta, enum form form)
{
	buf_printf(b, "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/%s\",\"metadata\":{%s}",
	           form == FORM_TABLE_V1BETA1 ? "v1beta1" : "v1", meta);
	if (columns)
		write_columns(b, table_columns[kind]);
	else
		buf_str(b, ",\"columnDefinitions\":null");
	buf_str(b, ",\"rows\":[");
	for (size_t i = 0; i < n; i++) {
		auto_doc yyjson_doc *doc = object_doc(v[i]);

		buf_str(b, i ? ",{\"cells\":[" : "{\"cells\":[");
		write_cells(b, table_columns[kind], yyjson_doc_get_root(doc));
		buf_str(b, "]");
		write_object(b, v[i], with);
		buf_str(b, "}");
	}
	buf_str(b, "]}");
}

void table_build(struct buf *b, const struct object *o, enum table_object with, bool columns,
                 enum form form)
{
	char meta[64];

	snprintf(meta, sizeof(meta), "\"resourceVersion\":\"%llu\"",
	         (unsigned long long)o->version);
	write_table(b, o->kind, &o, 1, with, columns, meta, form);
}

void table_list(struct buf *b, enum kind kind, const struct object *const *v, size_t n,
                enum table_object with, const char *meta, enum form form)
{
	write_table(b, kind, v, n, with, true, meta, form);
}
