/* api_schema.c - an object held against the table of its fields (fields.h): a wrong type is refused
 * with its path, an unknown field is kept and told. A null is as good as nothing, as in Kubernetes'
 * own decoder, and is taken out here: what comes after may trust that a known field that is there
 * has its type. */
#include <string.h>

#include <knetd/auto.h>

#include "api.h"
#include "fields.h"

static const char *type_name(yyjson_mut_val *v)
{
	if (yyjson_mut_is_str(v))
		return "string";
	if (yyjson_mut_is_num(v))
		return "number";
	if (yyjson_mut_is_bool(v))
		return "bool";
	return yyjson_mut_is_arr(v) ? "array" : yyjson_mut_is_obj(v) ? "object" : "null";
}

static bool is_int(yyjson_mut_val *v, int64_t min, int64_t max)
{
	if (yyjson_mut_is_uint(v) && yyjson_mut_get_uint(v) > (uint64_t)max)
		return false;
	return yyjson_mut_is_int(v) && yyjson_mut_get_sint(v) >= min &&
	       yyjson_mut_get_sint(v) <= max;
}

static bool has_type(yyjson_mut_val *v, enum field_type type)
{
	switch (type) {
	case FIELD_STRING:
	case FIELD_BYTES:
	case FIELD_TIME:
	case FIELD_MICRO_TIME:
		return yyjson_mut_is_str(v);
	case FIELD_INT32:
		return is_int(v, INT32_MIN, INT32_MAX);
	case FIELD_INT64:
		return is_int(v, INT64_MIN, INT64_MAX);
	case FIELD_BOOL:
		return yyjson_mut_is_bool(v);
	case FIELD_INT_OR_STRING:
		return yyjson_mut_is_str(v) || is_int(v, INT32_MIN, INT32_MAX);
	case FIELD_QUANTITY:
		return yyjson_mut_is_str(v) || yyjson_mut_is_num(v);
	case FIELD_OBJECT:
	case FIELD_OPEN:
		return yyjson_mut_is_obj(v);
	}
	return false;
}

static const char *wanted(const struct field *f)
{
	static const char *const names[] = {
		[FIELD_STRING] = "string",
		[FIELD_INT32] = "int32",
		[FIELD_INT64] = "int64",
		[FIELD_BOOL] = "bool",
		[FIELD_BYTES] = "base64",
		[FIELD_INT_OR_STRING] = "int or string",
		[FIELD_QUANTITY] = "quantity",
		[FIELD_TIME] = "RFC 3339 time",
		[FIELD_MICRO_TIME] = "RFC 3339 time",
		[FIELD_OBJECT] = "object",
		[FIELD_OPEN] = "object",
	};

	return names[f->type];
}

static void check_object(yyjson_mut_val *obj, const struct message *m, const char *path,
                         struct causes *c);

static void check_value(yyjson_mut_val *v, const struct field *f, const char *path,
                        struct causes *c)
{
	if (!has_type(v, f->type))
		cause_type(c, path, wanted(f), type_name(v));
	else if (f->type == FIELD_OBJECT)
		check_object(v, f->message, path, c);
}

static void check_list(yyjson_mut_val *v, const struct field *f, const char *path, struct causes *c)
{
	yyjson_mut_val *item;
	size_t i, n;

	yyjson_mut_arr_foreach (v, i, n, item)
		check_value(item, f, arena_printf(c->arena, "%s[%zu]", path, i), c);
}

/* "key:" with nothing behind it, in YAML, is the empty string of a map of strings. */
static void check_map(yyjson_mut_val *v, const struct field *f, const char *path, struct causes *c)
{
	yyjson_mut_val *key, *item;
	size_t i, n;

	yyjson_mut_obj_foreach (v, i, n, key, item) {
		if (yyjson_mut_is_null(item) && f->type == FIELD_STRING)
			yyjson_mut_set_str(item, "");
		check_value(item, f, arena_printf(c->arena, "%s.%s", path, yyjson_mut_get_str(key)),
		            c);
	}
}

static void check_field(yyjson_mut_val *v, const struct field *f, const char *path,
                        struct causes *c)
{
	if (f->how & FIELD_LIST && !yyjson_mut_is_arr(v))
		cause_type(c, path, f->type == FIELD_STRING ? "array of strings" : "array",
		           type_name(v));
	else if (f->how & FIELD_MAP && !yyjson_mut_is_obj(v))
		cause_type(c, path, f->type == FIELD_OBJECT ? "object" : "object of strings",
		           type_name(v));
	else if (f->how & FIELD_LIST)
		check_list(v, f, path, c);
	else if (f->how & FIELD_MAP)
		check_map(v, f, path, c);
	else
		check_value(v, f, path, c);
}

static void check_object(yyjson_mut_val *obj, const struct message *m, const char *path,
                         struct causes *c)
{
	yyjson_mut_obj_iter it = yyjson_mut_obj_iter_with(obj);
	yyjson_mut_val *key;

	while ((key = yyjson_mut_obj_iter_next(&it))) {
		yyjson_mut_val *v = yyjson_mut_obj_iter_get_val(key);
		const char *name = yyjson_mut_get_str(key);
		const struct field *f = field_find(m, name);
		const char *at = arena_printf(c->arena, "%s%s%s", path, *path ? "." : "", name);

		if (!f && c->n_unknown < ARRAY_LEN(c->unknown))
			c->unknown[c->n_unknown++] = at;
		else if (f && yyjson_mut_is_null(v))
			yyjson_mut_obj_iter_remove(&it);
		else if (f)
			check_field(v, f, at, c);
	}
}

void schema_check(enum kind kind, yyjson_mut_val *root, struct causes *c)
{
	check_object(root, kind_message[kind], "", c);
}
