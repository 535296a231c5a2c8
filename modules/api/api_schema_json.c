/* api_schema_json.c - a message of the table of fields as an OpenAPI v3 schema. */
#include <string.h>

#include <knetd/auto.h>

#include "api_openapi.h"

#define APIMACHINERY "io.k8s.apimachinery.pkg."

/* Kubernetes gives these a name of their own, which explain shows as the type. */
static const struct scalar {
	enum field_type type;
	const char *name, *schema;
} scalars[] = {
	{ FIELD_INT_OR_STRING, APIMACHINERY "util.intstr.IntOrString",
	  "{\"description\":\"A number or a text.\",\"format\":\"int-or-string\",\"oneOf\":[{"
	  "\"type\":\"integer\"},{\"type\":\"string\"}]}" },
	{ FIELD_QUANTITY, APIMACHINERY "api.resource.Quantity",
	  "{\"description\":\"An amount, as 100m or 2Gi.\",\"oneOf\":[{\"type\":\"string\"},{"
	  "\"type\":\"number\"}]}" },
	{ FIELD_TIME, APIMACHINERY "apis.meta.v1.Time",
	  "{\"description\":\"A time (RFC 3339), to the second.\",\"type\":\"string\",\"format\":"
	  "\"date-time\"}" },
	{ FIELD_MICRO_TIME, APIMACHINERY "apis.meta.v1.MicroTime",
	  "{\"description\":\"A time (RFC 3339), to the microsecond.\",\"type\":\"string\","
	  "\"format\":\"date-time\"}" },
};

const char *schema_scalar_name(enum field_type type)
{
	for (size_t i = 0; i < ARRAY_LEN(scalars); i++)
		if (scalars[i].type == type)
			return scalars[i].name;
	return NULL;
}

void schema_put_scalars(struct buf *b)
{
	for (size_t i = 0; i < ARRAY_LEN(scalars); i++)
		buf_printf(b, "%s\"%s\":%s", i ? "," : "", scalars[i].name, scalars[i].schema);
}

/* Members of the schema of one value, without braces. */
static void put_value(struct buf *b, const struct field *f)
{
	static const char *const plain[] = {
		[FIELD_STRING] = "\"type\":\"string\"",
		[FIELD_INT32] = "\"type\":\"integer\",\"format\":\"int32\"",
		[FIELD_INT64] = "\"type\":\"integer\",\"format\":\"int64\"",
		[FIELD_BOOL] = "\"type\":\"boolean\"",
		[FIELD_BYTES] = "\"type\":\"string\",\"format\":\"byte\"",
		[FIELD_OPEN] = "\"type\":\"object\"",
	};
	const char *name = f->message ? f->message->name : schema_scalar_name(f->type);

	if (name)
		buf_printf(b, "\"allOf\":[{\"$ref\":\"#/components/schemas/%s\"}]", name);
	else
		buf_str(b, plain[f->type]);
}

static void put_list_kind(struct buf *b, const struct field *f)
{
	size_t n = f->keys ? strcspn(f->keys, ",") : 0;

	if (f->how & FIELD_SET) {
		buf_str(b, ",\"x-kubernetes-list-type\":\"set\",\"x-kubernetes-patch-strategy\":"
		           "\"merge\"");
		return;
	}
	if (!f->keys) {
		buf_str(b, ",\"x-kubernetes-list-type\":\"atomic\"");
		return;
	}
	buf_str(b, ",\"x-kubernetes-list-type\":\"map\",\"x-kubernetes-list-map-keys\":[");
	for (const char *k = f->keys; *k; k += strcspn(k, ","), k += *k == ',')
		buf_printf(b, "%s\"%.*s\"", k == f->keys ? "" : ",", (int)strcspn(k, ","), k);
	buf_printf(b,
	           "],\"x-kubernetes-patch-merge-key\":\"%.*s\",\"x-kubernetes-patch-strategy\":"
	           "\"merge\"",
	           (int)n, f->keys);
}

static void put_field(struct buf *b, const struct field *f)
{
	buf_str(b, "{");
	if (*f->doc) {
		buf_str(b, "\"description\":");
		buf_json(b, f->doc, strlen(f->doc));
		buf_str(b, ",");
	}
	if (f->how & (FIELD_LIST | FIELD_MAP)) {
		buf_str(b, f->how & FIELD_LIST ? "\"type\":\"array\",\"items\":{"
		                               : "\"type\":\"object\",\"additionalProperties\":{");
		put_value(b, f);
		buf_str(b, "}");
	} else {
		put_value(b, f);
	}
	if (f->how & FIELD_LIST)
		put_list_kind(b, f);
	else if (f->how & FIELD_ATOMIC)
		buf_str(b, ",\"x-kubernetes-map-type\":\"atomic\"");
	buf_str(b, "}");
}

static const char *put_properties(struct buf *b, const struct message *m, const char *sep)
{
	for (const struct field *f = m->fields; f->name; f++) {
		if (f->how & FIELD_EMBEDDED) {
			sep = put_properties(b, f->message, sep);
			continue;
		}
		buf_printf(b, "%s\"%s\":", sep, f->name);
		put_field(b, f);
		sep = ",";
	}
	return sep;
}

static const char *put_required(struct buf *b, const struct message *m, const char *sep)
{
	for (const struct field *f = m->fields; f->name; f++)
		if (f->how & FIELD_EMBEDDED) {
			sep = put_required(b, f->message, sep);
		} else if (f->how & FIELD_REQUIRED) {
			buf_printf(b, "%s\"%s\"", sep, f->name);
			sep = ",";
		}
	return sep;
}

void schema_put_message(struct buf *b, const struct message *m)
{
	int kind = message_kind(m);
	size_t before;

	buf_printf(b, "\"%s\":{\"type\":\"object\"", m->name);
	if (*m->doc) {
		buf_str(b, ",\"description\":");
		buf_json(b, m->doc, strlen(m->doc));
	}
	buf_str(b, ",\"properties\":{");
	put_properties(b, m, "");
	buf_str(b, "}");
	before = b->len;
	put_required(b, m, ",\"required\":[");
	if (b->len > before)
		buf_str(b, "]");
	if (kind >= 0) {
		buf_str(b, ",\"x-kubernetes-group-version-kind\":");
		openapi_put_gvks(b, kind);
	}
	buf_str(b, "}");
}
