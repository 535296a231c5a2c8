/* api_openapi_v2.c - /openapi/v2: one document of everything, in the protobuf form of gnostic's
 * openapi.v2.Document, the only one that clients read. It is written anew for each request; between
 * requests only its hash is kept. A nested message is written into a buffer of its own and then put
 * behind its length: levels are few and messages small. */
#include <string.h>

#include <knetd/auto.h>

#include "api_openapi.h"

static void put_varint(struct buf *b, uint64_t v)
{
	unsigned char out[10];
	size_t n = 0;

	do {
		out[n] = (v & 0x7f) | (v > 0x7f ? 0x80 : 0);
		v >>= 7;
		n++;
	} while (v);
	buf_add(b, out, n);
}

static void put_bytes(struct buf *b, unsigned number, const void *data, size_t n)
{
	put_varint(b, number << 3 | 2);
	put_varint(b, n);
	if (n)
		buf_add(b, data, n);
}

static void put_string(struct buf *b, unsigned number, const char *s)
{
	if (*s)
		put_bytes(b, number, s, strlen(s));
}

/* Puts inner as a field and empties it. */
static void put_inner(struct buf *b, unsigned number, struct buf *inner)
{
	put_bytes(b, number, inner->data, inner->len);
	buf_free(inner);
}

/* ---- Schema --------------------------------------------------------------------------------- */

enum { /* field numbers of openapi.v2.Schema */
       SCHEMA_REF = 1,
       SCHEMA_FORMAT = 2,
       SCHEMA_DESCRIPTION = 4,
       SCHEMA_REQUIRED = 19,
       SCHEMA_ADDITIONAL = 21,
       SCHEMA_TYPE = 22,
       SCHEMA_ITEMS = 23,
       SCHEMA_PROPERTIES = 25,
       SCHEMA_EXTENSION = 31,
};

static void put_type(struct buf *b, const char *type)
{
	struct buf item = { 0 };

	put_string(&item, 1, type);
	put_inner(b, SCHEMA_TYPE, &item);
}

/* NamedAny { name = 1, value = 2 Any { yaml = 2 } }; JSON is YAML too. */
static void put_extension(struct buf *b, unsigned number, const char *name, const char *json)
{
	struct buf named = { 0 }, any = { 0 };

	put_string(&any, 2, json);
	put_string(&named, 1, name);
	put_inner(&named, 2, &any);
	put_inner(b, number, &named);
}

static void put_reference(struct buf *b, const char *name)
{
	auto_buf struct buf ref = { 0 };

	buf_printf(&ref, "#/definitions/%s", name);
	put_bytes(b, SCHEMA_REF, ref.data, ref.len);
}

static void put_value(struct buf *b, const struct field *f)
{
	static const struct {
		const char *type, *format;
	} plain[] = {
		[FIELD_STRING] = { "string", "" },
		[FIELD_INT32] = { "integer", "int32" },
		[FIELD_INT64] = { "integer", "int64" },
		[FIELD_BOOL] = { "boolean", "" },
		[FIELD_BYTES] = { "string", "byte" },
		[FIELD_INT_OR_STRING] = { "string", "int-or-string" },
		[FIELD_QUANTITY] = { "string", "" },
		[FIELD_TIME] = { "string", "date-time" },
		[FIELD_MICRO_TIME] = { "string", "date-time" },
		[FIELD_OPEN] = { "object", "" },
	};

	if (f->message) {
		put_reference(b, f->message->name);
		return;
	}
	put_type(b, plain[f->type].type);
	put_string(b, SCHEMA_FORMAT, plain[f->type].format);
}

static void put_list_extensions(struct buf *b, const struct field *f)
{
	auto_buf struct buf keys = { 0 };
	size_t n = f->keys ? strcspn(f->keys, ",") : 0;
	char key[64];

	put_extension(b, SCHEMA_EXTENSION, "x-kubernetes-list-type",
	              f->how & FIELD_SET ? "set\n"
	              : f->keys          ? "map\n"
	                                 : "atomic\n");
	if (!f->keys)
		return;
	put_extension(b, SCHEMA_EXTENSION, "x-kubernetes-patch-strategy", "merge\n");
	if (f->how & FIELD_SET || n >= sizeof(key))
		return;
	memcpy(key, f->keys, n);
	key[n] = 0;
	put_extension(b, SCHEMA_EXTENSION, "x-kubernetes-patch-merge-key", key);
	for (const char *k = f->keys; *k; k += strcspn(k, ","), k += *k == ',')
		buf_printf(&keys, "- %.*s\n", (int)strcspn(k, ","), k);
	buf_add(&keys, "", 1);
	put_extension(b, SCHEMA_EXTENSION, "x-kubernetes-list-map-keys", keys.data);
}

static void put_field(struct buf *b, const struct field *f)
{
	struct buf inner = { 0 }, list = { 0 };

	put_string(b, SCHEMA_DESCRIPTION, f->doc);
	if (!(f->how & (FIELD_LIST | FIELD_MAP))) {
		put_value(b, f);
		return;
	}
	put_value(&inner, f);
	put_inner(&list, 1, &inner); /* ItemsItem.schema, AdditionalPropertiesItem.schema */
	put_type(b, f->how & FIELD_LIST ? "array" : "object");
	put_inner(b, f->how & FIELD_LIST ? SCHEMA_ITEMS : SCHEMA_ADDITIONAL, &list);
	if (f->how & FIELD_LIST)
		put_list_extensions(b, f);
}

/* NamedSchema { name = 1, value = 2 } */
static void put_named(struct buf *b, unsigned number, const char *name, struct buf *schema)
{
	struct buf named = { 0 };

	put_string(&named, 1, name);
	put_inner(&named, 2, schema);
	put_inner(b, number, &named);
}

static void put_members(struct buf *schema, struct buf *properties, const struct message *m)
{
	for (const struct field *f = m->fields; f->name; f++) {
		struct buf value = { 0 };

		if (f->how & FIELD_EMBEDDED) {
			put_members(schema, properties, f->message);
			continue;
		}
		put_field(&value, f);
		put_named(properties, 1, f->name, &value);
		if (f->how & FIELD_REQUIRED)
			put_string(schema, SCHEMA_REQUIRED, f->name);
	}
}

static void put_definition(struct buf *b, const struct message *m)
{
	auto_buf struct buf gvks = { 0 };
	struct buf schema = { 0 }, properties = { 0 };
	int kind = message_kind(m);

	put_string(&schema, SCHEMA_DESCRIPTION, m->doc);
	put_type(&schema, "object");
	put_members(&schema, &properties, m);
	put_inner(&schema, SCHEMA_PROPERTIES, &properties);
	if (kind >= 0) {
		openapi_put_gvks(&gvks, kind);
		buf_add(&gvks, "", 1);
		put_extension(&schema, SCHEMA_EXTENSION, "x-kubernetes-group-version-kind",
		              gvks.data);
	}
	put_named(b, 1, m->name, &schema);
}

/* ---- Paths ---------------------------------------------------------------------------------- */

/* ParametersItem.parameter = 1 { non_body_parameter = 2 { query = 3 { in = 2, name = 4, type = 6
 * }}} */
static void put_parameter(struct buf *operation, const char *name)
{
	struct buf query = { 0 }, non_body = { 0 }, parameter = { 0 }, item = { 0 };

	put_string(&query, 2, "query");
	put_string(&query, 4, name);
	put_string(&query, 6, "string");
	put_inner(&non_body, 3, &query);
	put_inner(&parameter, 2, &non_body);
	put_inner(&item, 1, &parameter);
	put_inner(operation, 8, &item);
}

static void put_path(struct buf *paths, enum kind kind, const char *version, size_t n)
{
	const struct kind_info *k = &kind_info[kind];
	struct buf operation = { 0 }, item = { 0 }, named = { 0 };
	auto_buf struct buf text = { 0 };
	char name[16] = "";

	memcpy(name, version, n < sizeof(name) ? n : 0);
	buf_printf(&text, "{\"group\":\"%s\",\"version\":\"%s\",\"kind\":\"%s\"}", k->group, name,
	           k->kind);
	buf_add(&text, "", 1);
	put_parameter(&operation, "dryRun");
	put_parameter(&operation, "fieldValidation");
	put_extension(&operation, 13, "x-kubernetes-action", "patch\n");
	put_extension(&operation, 13, "x-kubernetes-group-version-kind", text.data);
	buf_reset(&text);
	openapi_put_path(&text, kind, name);
	put_bytes(&named, 1, text.data, text.len);
	put_inner(&item, 8, &operation); /* PathItem.patch */
	put_inner(&named, 2, &item);
	put_inner(paths, 2, &named);
}

void openapi_v2_write(struct buf *b)
{
	struct buf info = { 0 }, paths = { 0 }, definitions = { 0 };
	struct messages all;

	put_string(b, 1, "2.0");
	put_string(&info, 1, "knetd");
	put_string(&info, 2, KNETD_VERSION);
	put_inner(b, 2, &info);
	for (int k = 0; k < KIND_COUNT; k++) {
		put_path(&paths, k, kind_info[k].version, strlen(kind_info[k].version));
		for (const char *s = kind_info[k].also; *s; s += strcspn(s, " "), s += *s == ' ')
			put_path(&paths, k, s, strcspn(s, " "));
	}
	put_inner(b, 8, &paths);
	messages_collect(&all, NULL, "");
	for (size_t i = 0; i < all.n; i++)
		put_definition(&definitions, all.v[i]);
	put_inner(b, 9, &definitions);
}

bool serve_openapi_v2(struct call *c)
{
	struct buf *b = &c->answer->body;
	uint64_t hash = 0xcbf29ce484222325;

	/* clients want no '@' in it, though they ask with one */
	c->answer->content_type = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
	openapi_v2_write(b);
	for (size_t i = 0; i < b->len; i++)
		hash = (hash ^ (unsigned char)b->data[i]) * 0x100000001b3;
	if (openapi_tagged(c, hash))
		buf_free(b);
	return true;
}
