/* api_table.c - the Table form of objects (meta.k8s.io/v1), which `kubectl get` asks for: clients
 * have no printers of their own. */
#include <string.h>

#include <knetd/auto.h>

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

static void write_object(struct buf *b, const struct object *o, yyjson_val *root,
                         enum table_object with)
{
	auto_free char *meta = NULL;
	size_t n;

	if (with == TABLE_OBJECT) {
		buf_str(b, ",\"object\":");
		buf_add(b, o->json, o->json_len);
	} else if (with == TABLE_METADATA &&
	           (meta = yyjson_val_write(yyjson_obj_get(root, "metadata"), 0, &n))) {
		buf_str(b, ",\"object\":{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta."
		           "k8s.io/v1\",\"metadata\":");
		buf_add(b, meta, n);
		buf_str(b, "}");
	}
}

void table_build(struct buf *b, enum kind kind, const struct object *const *v, size_t n,
                 enum table_object with, bool columns)
{
	buf_printf(b,
	           "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/"
	           "v1\",\"metadata\":{\"resourceVersion\":\"%llu\"}",
	           (unsigned long long)store_version());
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
		write_object(b, v[i], yyjson_doc_get_root(doc), with);
		buf_str(b, "}");
	}
	buf_str(b, "]}");
}

void table_answer(struct call *c, const struct object *const *v, size_t n)
{
	table_build(&c->answer->body, c->target.kind, v, n, table_object_wanted(c->http->query),
	            true);
	answer_done(c);
}
