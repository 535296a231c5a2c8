/* api_protobuf.c - bodies in Kubernetes' protobuf form (application/vnd.kubernetes.protobuf), which
 * Go clients send for the built-in kinds, into the same documents that JSON and YAML become.
 *
 * A body is "k8s\0" and a runtime.Unknown: { 1: { 1: apiVersion, 2: kind }, 2: the object, 3:
 * content encoding, 4: content type }. The object is decoded by the table of fields (fields.h).
 *
 * Go writes zero values too, so that a zero is "nothing said" unless the field is a pointer or is
 * always printed (FIELD_POINTER). Unknown field numbers are skipped, as in Go. Everything else that
 * is not as the table says is refused with the path of the field. Depth is bounded by the tables,
 * which do not refer to themselves. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <knetd/auto.h>
#include <knetd/map.h>

#include "api.h"
#include "fields.h"

#define VALUES_MAX 1000000 /* of one body */

/* ---- the wire ------------------------------------------------------------------------------- */

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct wire {
	const uint8_t *p, *end;
};

struct item {
	uint64_t field; /* its number */
	unsigned type;
	uint64_t n; /* of WIRE_VARINT */
	struct wire bytes;
};

static bool read_varint(struct wire *w, uint64_t *out, const char **why)
{
	*out = 0;
	for (unsigned shift = 0; shift < 70; shift += 7) {
		uint8_t byte;

		if (w->p == w->end) {
			*why = "unexpected EOF";
			return false;
		}
		byte = *w->p++;
		if (shift == 63 && byte > 1)
			break;
		*out |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	*why = "proto: integer overflow";
	return false;
}

static bool read_bytes(struct wire *w, uint64_t n, struct wire *out, const char **why)
{
	if (n > (size_t)(w->end - w->p)) {
		*why = "unexpected EOF";
		return false;
	}
	*out = (struct wire){ w->p, w->p + n };
	w->p += n;
	return true;
}

/* The next field; false at the end, or with *why set. */
static bool read_item(struct wire *w, struct item *it, const char **why)
{
	uint64_t tag, n;

	if (w->p == w->end || !read_varint(w, &tag, why))
		return false;
	*it = (struct item){ .field = tag >> 3, .type = tag & 7 };
	if (!it->field || it->field >= 1 << 29) {
		*why = "proto: illegal tag";
		return false;
	}
	switch (it->type) {
	case WIRE_VARINT:
		return read_varint(w, &it->n, why);
	case WIRE_BYTES:
		return read_varint(w, &n, why) && read_bytes(w, n, &it->bytes, why);
	case WIRE_FIXED64:
	case WIRE_FIXED32:
		return read_bytes(w, it->type == WIRE_FIXED64 ? 8 : 4, &it->bytes, why);
	}
	*why = "proto: illegal wireType";
	return false;
}

/* ---- values --------------------------------------------------------------------------------- */

struct decoder {
	yyjson_mut_doc *doc;
	struct arena *arena;
	struct err *e;
	size_t values;
};

/* Where the decoder is; a path is made of it only to say what is wrong. */
struct place {
	const struct place *up;
	const char *name;
	long index; /* in a list; -1: none */
};

static void put_place(struct buf *b, const struct place *at)
{
	if (!at)
		return;
	put_place(b, at->up);
	buf_printf(b, "%s%.100s", b->len ? "." : "", at->name);
	if (at->index >= 0)
		buf_printf(b, "[%ld]", at->index);
}

static int fail(struct decoder *d, const struct place *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int fail(struct decoder *d, const struct place *at, const char *fmt, ...)
{
	auto_buf struct buf path = { 0 };
	char what[100];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	put_place(&path, at);
	return err_set(d->e, EINVAL, "protobuf: %.*s%s%s", (int)path.len, path.len ? path.data : "",
	               path.len ? ": " : "", what);
}

static int wrong_type(struct decoder *d, const struct place *at, const struct item *it)
{
	return fail(d, at, "proto: wrong wireType = %u", it->type);
}

static int text(struct decoder *d, struct wire w, const struct place *at, yyjson_mut_val **out)
{
	const char *s = w.p ? (const char *)w.p : ""; /* bytes that were not there are none */

	if (!utf8_valid(s, w.end - w.p))
		return fail(d, at, "not UTF-8");
	*out = yyjson_mut_strncpy(d->doc, s, w.end - w.p);
	return 0;
}

static yyjson_mut_val *number(struct decoder *d, int64_t n)
{
	return n < 0 ? yyjson_mut_sint(d->doc, n) : yyjson_mut_uint(d->doc, n);
}

static int base64(struct decoder *d, struct wire w, yyjson_mut_val **out)
{
	auto_buf struct buf b = { 0 };

	buf_base64(&b, w.p, w.end - w.p);
	*out = yyjson_mut_strncpy(d->doc, b.len ? b.data : "", b.len);
	return 0;
}

/* Fields 1 to 4 of a small message: those that are one value in JSON, and the envelope's. */
struct small {
	int64_t n[5];
	struct wire bytes[5];
	bool any;
};

static int read_small(struct decoder *d, struct wire w, const char *types, const struct place *at,
                      struct small *out)
{
	const char *why = NULL;
	struct item it;

	*out = (struct small){ 0 };
	while (read_item(&w, &it, &why)) {
		if (it.field > strlen(types))
			continue;
		if (it.type != (types[it.field - 1] == 'n' ? WIRE_VARINT : WIRE_BYTES))
			return wrong_type(d, at, &it);
		out->n[it.field] = (int64_t)it.n;
		out->bytes[it.field] = it.bytes;
		out->any = true;
	}
	return why ? fail(d, at, "%s", why) : 0;
}

static int int_or_string(struct decoder *d, struct wire w, const struct place *at,
                         yyjson_mut_val **out)
{
	struct small s;
	int ret = read_small(d, w, "nnb", at, &s);

	if (ret)
		return ret;
	if (s.n[1] == 1)
		return text(d, s.bytes[3], at, out);
	if (s.n[1] || s.n[2] < INT32_MIN || s.n[2] > INT32_MAX)
		return fail(d, at, "not an int32 or string");
	*out = number(d, s.n[2]);
	return 0;
}

static int quantity(struct decoder *d, struct wire w, const struct place *at, yyjson_mut_val **out)
{
	struct small s;
	int ret = read_small(d, w, "b", at, &s);

	if (ret)
		return ret;
	if (s.bytes[1].p != s.bytes[1].end)
		return text(d, s.bytes[1], at, out);
	*out = yyjson_mut_str(d->doc, "0");
	return 0;
}

/* An empty Time is null, and a null is as good as nothing. */
static int moment(struct decoder *d, struct wire w, bool micro, const struct place *at,
                  yyjson_mut_val **out)
{
	char s[96], fraction[24] = "";
	struct small t;
	struct tm tm;
	time_t seconds;
	int ret = read_small(d, w, "nn", at, &t);

	if (ret || !t.any)
		return ret;
	if (t.n[1] < -62135596800 || t.n[1] > 253402300799 || t.n[2] < 0 || t.n[2] > 999999999)
		return fail(d, at, "not a time");
	seconds = t.n[1];
	gmtime_r(&seconds, &tm);
	if (micro)
		snprintf(fraction, sizeof(fraction), ".%06ld", (long)(t.n[2] / 1000));
	snprintf(s, sizeof(s), "%04d-%02d-%02dT%02d:%02d:%02d%sZ", tm.tm_year + 1900, tm.tm_mon + 1,
	         tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, fraction);
	*out = yyjson_mut_strcpy(d->doc, s);
	return 0;
}

/* JSON in field 1 (FieldsV1). */
static int open_object(struct decoder *d, struct wire w, const struct place *at,
                       yyjson_mut_val **out)
{
	struct documents json = { 0 };
	struct err e = { 0 };
	struct small s;
	int ret = read_small(d, w, "b", at, &s);

	*out = yyjson_mut_obj(d->doc);
	if (ret || s.bytes[1].p == s.bytes[1].end)
		return ret;
	ret = json_read((const char *)s.bytes[1].p, s.bytes[1].end - s.bytes[1].p, d->arena, &json,
	                &e);
	if (ret || json.n != 1)
		ret = fail(d, at, "%s", ret ? e.text : "an object is expected");
	else
		*out = yyjson_mut_val_mut_copy(d->doc, json.v[0].root);
	documents_free(&json);
	return ret;
}

static int message(struct decoder *d, const struct message *m, struct wire w, yyjson_mut_val *obj,
                   const struct place *at);

/* have: the object that an earlier piece of the same field made, or NULL (pieces merge). */
static int object(struct decoder *d, const struct field *f, struct wire w, yyjson_mut_val *have,
                  const struct place *at, yyjson_mut_val **out)
{
	*out = have ? have : yyjson_mut_obj(d->doc);
	return message(d, f->message, w, *out, at);
}

static int integer(struct decoder *d, const struct field *f, uint64_t n, const struct place *at,
                   yyjson_mut_val **out)
{
	int64_t v = (int64_t)n;

	if (f->type == FIELD_INT32 && (v < INT32_MIN || v > INT32_MAX))
		return fail(d, at, "%lld is not an int32", (long long)v);
	*out = f->type == FIELD_BOOL ? yyjson_mut_bool(d->doc, n != 0) : number(d, v);
	return 0;
}

static bool is_varint(const struct field *f)
{
	return f->type == FIELD_INT32 || f->type == FIELD_INT64 || f->type == FIELD_BOOL;
}

/* *out stays NULL where the value is a null. */
static int value(struct decoder *d, const struct field *f, const struct item *it,
                 yyjson_mut_val *have, const struct place *at, yyjson_mut_val **out)
{
	*out = NULL;
	if (++d->values > VALUES_MAX)
		return fail(d, at, "too many values");
	if (it->type != (is_varint(f) ? WIRE_VARINT : WIRE_BYTES))
		return wrong_type(d, at, it);
	switch ((enum field_type)f->type) {
	case FIELD_INT32:
	case FIELD_INT64:
	case FIELD_BOOL:
		return integer(d, f, it->n, at, out);
	case FIELD_STRING:
		return text(d, it->bytes, at, out);
	case FIELD_BYTES:
		return base64(d, it->bytes, out);
	case FIELD_INT_OR_STRING:
		return int_or_string(d, it->bytes, at, out);
	case FIELD_QUANTITY:
		return quantity(d, it->bytes, at, out);
	case FIELD_TIME:
	case FIELD_MICRO_TIME:
		return moment(d, it->bytes, f->type == FIELD_MICRO_TIME, at, out);
	case FIELD_OPEN:
		return open_object(d, it->bytes, at, out);
	case FIELD_OBJECT:
		return object(d, f, it->bytes, have, at, out);
	}
	return fail(d, at, "unknown type of field");
}

/* ---- fields --------------------------------------------------------------------------------- */

static bool is_zero(yyjson_mut_val *v)
{
	return yyjson_mut_equals_str(v, "") || yyjson_mut_is_false(v) ||
	       (yyjson_mut_is_int(v) && !yyjson_mut_get_sint(v)) ||
	       (yyjson_mut_is_obj(v) && !yyjson_mut_obj_size(v));
}

static int one(struct decoder *d, const struct field *f, const struct item *it, yyjson_mut_val *obj,
               const struct place *at)
{
	yyjson_mut_val *have = yyjson_mut_obj_get(obj, f->name), *v;
	int ret = value(d, f, it, yyjson_mut_is_obj(have) ? have : NULL, at, &v);

	if (ret || (v && v == have))
		return ret;
	if (!v || (is_zero(v) && !(f->how & FIELD_POINTER)))
		yyjson_mut_obj_remove_key(obj, f->name);
	else
		mut_set(d->doc, obj, f->name, v);
	return 0;
}

/* Numbers of a list may stand packed in one run of bytes. */
static int packed(struct decoder *d, const struct field *f, struct wire w, yyjson_mut_val *list,
                  const struct place *at)
{
	while (w.p < w.end) {
		struct item it = { .type = WIRE_VARINT };
		const char *why = NULL;
		yyjson_mut_val *v;
		int ret;

		if (!read_varint(&w, &it.n, &why))
			return fail(d, at, "%s", why);
		ret = value(d, f, &it, NULL, at, &v);
		if (ret)
			return ret;
		yyjson_mut_arr_append(list, v);
	}
	return 0;
}

static int list_item(struct decoder *d, const struct field *f, const struct item *it,
                     yyjson_mut_val *obj, const struct place *up)
{
	yyjson_mut_val *list = yyjson_mut_obj_get(obj, f->name), *v;
	struct place at = { up, f->name, (long)yyjson_mut_arr_size(list) };
	int ret;

	if (!list)
		list = yyjson_mut_obj_add_arr(d->doc, obj, f->name);
	if (is_varint(f) && it->type == WIRE_BYTES)
		return packed(d, f, it->bytes, list, &at);
	ret = value(d, f, it, NULL, &at, &v);
	if (!ret)
		yyjson_mut_arr_append(list, v ? v : yyjson_mut_null(d->doc));
	return ret;
}

/* An entry is { 1: key, 2: value }; either may be missing where it is its type's zero. */
static int map_entry(struct decoder *d, const struct field *f, const struct item *entry,
                     yyjson_mut_val *obj, const struct place *at)
{
	struct wire w = entry->bytes;
	yyjson_mut_val *map = yyjson_mut_obj_get(obj, f->name);
	struct item it, v = { .type = is_varint(f) ? WIRE_VARINT : WIRE_BYTES };
	yyjson_mut_val *key = yyjson_mut_str(d->doc, ""), *val;
	const char *why = NULL;
	int ret = 0;

	if (entry->type != WIRE_BYTES)
		return wrong_type(d, at, entry);
	if (!map)
		map = yyjson_mut_obj_add_obj(d->doc, obj, f->name);
	while (!ret && read_item(&w, &it, &why)) {
		if (it.field == 1)
			ret = it.type == WIRE_BYTES ? text(d, it.bytes, at, &key)
			                            : wrong_type(d, at, &it);
		else if (it.field == 2)
			v = it;
	}
	if (why)
		return fail(d, at, "%s", why);
	if (!ret)
		ret = value(d, f, &v, NULL, at, &val);
	if (!ret)
		yyjson_mut_obj_add(map, key, val ? val : yyjson_mut_null(d->doc));
	return ret;
}

static const char *key_twice(yyjson_mut_val *obj)
{
	const char *twice = NULL;
	struct map seen = { 0 };
	yyjson_mut_val *key, *v;
	size_t i, n;

	yyjson_mut_obj_foreach (obj, i, n, key, v)
		if (map_put(&seen, yyjson_mut_get_str(key), yyjson_mut_get_len(key), v))
			twice = yyjson_mut_get_str(key);
	map_free(&seen);
	return twice;
}

/* Entries are taken as they come; that no key is there twice is seen when all are. The look counts
 * as values: a message in a thousand pieces is looked at a thousand times. */
static int check_maps(struct decoder *d, const struct message *m, yyjson_mut_val *obj,
                      const struct place *up)
{
	for (const struct field *f = m->fields; f->name; f++) {
		struct place at = { up, f->name, -1 };
		yyjson_mut_val *map = f->how & FIELD_MAP ? yyjson_mut_obj_get(obj, f->name) : NULL;
		const char *twice;

		if (!map)
			continue;
		d->values += yyjson_mut_obj_size(map);
		if (yyjson_mut_obj_size(map) > API_MEMBERS_MAX || d->values > VALUES_MAX)
			return fail(d, &at, "too many members");
		twice = key_twice(map);
		if (twice)
			return fail(d, &at, "duplicate key \"%.60s\"", twice);
	}
	return 0;
}

static const struct field *field_by_number(const struct message *m, uint64_t number)
{
	for (const struct field *f = m->fields; f->name; f++)
		if (f->number == number)
			return f;
	return NULL;
}

static int member(struct decoder *d, const struct field *f, const struct item *it,
                  yyjson_mut_val *obj, const struct place *up)
{
	struct place at = { up, f->name, -1 };

	if (f->how & FIELD_EMBEDDED)
		return it->type == WIRE_BYTES ? message(d, f->message, it->bytes, obj, up)
		                              : wrong_type(d, up, it);
	if (f->how & FIELD_MAP)
		return map_entry(d, f, it, obj, &at);
	return f->how & FIELD_LIST ? list_item(d, f, it, obj, up) : one(d, f, it, obj, &at);
}

static int message(struct decoder *d, const struct message *m, struct wire w, yyjson_mut_val *obj,
                   const struct place *at)
{
	const char *why = NULL;
	struct item it;
	int ret = 0;

	while (!ret && read_item(&w, &it, &why)) {
		const struct field *f = field_by_number(m, it.field);

		if (f)
			ret = member(d, f, &it, obj, at);
	}
	if (why)
		return fail(d, at, "%s", why);
	return ret ? ret : check_maps(d, m, obj, at);
}

/* ---- the body ------------------------------------------------------------------------------- */

bool message_has_protobuf(const struct message *m)
{
	for (const struct field *f = m->fields; f->name; f++)
		if (f->number)
			return true;
	return false;
}

static int type_meta(struct decoder *d, struct wire w, yyjson_mut_val *root)
{
	static const char *const names[] = { "apiVersion", "kind" };
	struct small s;
	yyjson_mut_val *v;
	int ret = read_small(d, w, "bb", NULL, &s);

	for (unsigned i = 0; !ret && i < ARRAY_LEN(names); i++) {
		ret = text(d, s.bytes[i + 1], NULL, &v);
		if (!ret && yyjson_mut_get_len(v))
			yyjson_mut_obj_add_val(d->doc, root, names[i], v);
	}
	return ret;
}

/* An object of another kind than the one that is expected is not looked into: who asked for this
 * one says what he thinks of it. */
static bool is_kind(const struct message *m, yyjson_mut_val *root)
{
	const char *kind = mut_str(root, "kind"), *dot = strrchr(m->name, '.');

	return !kind || !strcmp(kind, dot ? dot + 1 : m->name);
}

static int unknown(struct decoder *d, const struct message *m, struct wire w, yyjson_mut_val *root)
{
	struct small s;
	int ret = read_small(d, w, "bbbb", NULL, &s);

	if (!ret)
		ret = type_meta(d, s.bytes[1], root);
	if (ret)
		return ret;
	if (s.bytes[3].p != s.bytes[3].end)
		return fail(d, NULL, "an encoded object inside is not read");
	return is_kind(m, root) ? message(d, m, s.bytes[2], root, NULL) : 0;
}

int protobuf_read(const struct message *m, const char *body, size_t n, struct arena *a,
                  struct documents *out, struct err *e)
{
	const uint8_t *p = (const uint8_t *)body;
	struct decoder d = { .arena = a, .e = e };

	*out = (struct documents){ .doc = yyjson_mut_doc_new(NULL) };
	d.doc = out->doc;
	if (n < 4 || memcmp(body, "k8s", 4) != 0)
		return err_set(e, EINVAL,
		               "provided data does not appear to be a protobuf message, expected "
		               "prefix [107 56 115 0]");
	out->cap = 1;
	out->v = arena_alloc(a, sizeof(*out->v));
	out->v[out->n++].root = yyjson_mut_obj(out->doc);
	return unknown(&d, m, (struct wire){ p + 4, p + n }, out->v[0].root);
}
