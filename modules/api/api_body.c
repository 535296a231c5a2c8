/* api_body.c - the body of a request into documents: JSON here, YAML in api_yaml.c, protobuf in
 * api_protobuf.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/map.h>

#include "api.h"
#include "fields.h"

#define DEPTH_MAX 64

/* Nesting of JSON text; yyjson reads any depth, but what copies documents recurses. */
static bool too_deep(const char *p, size_t n)
{
	unsigned depth = 0;
	bool text = false;

	for (size_t i = 0; i < n; i++) {
		if (text) {
			if (p[i] == '\\')
				i++;
			else if (p[i] == '"')
				text = false;
		} else if (p[i] == '"') {
			text = true;
		} else if (p[i] == '{' || p[i] == '[') {
			if (++depth > DEPTH_MAX)
				return true;
		} else if (p[i] == '}' || p[i] == ']') {
			depth -= depth > 0;
		}
	}
	return false;
}

static const char *twice_in_few(yyjson_val *obj)
{
	yyjson_val *key, *v, *other, *w;
	size_t i, n, k, m;

	yyjson_obj_foreach (obj, i, n, key, v)
		yyjson_obj_foreach (obj, k, m, other, w)
			if (k < i && yyjson_equals(key, other))
				return yyjson_get_str(key);
	return NULL;
}

static const char *twice_in(yyjson_val *obj)
{
	const char *twice = NULL;
	struct map seen = { 0 };
	yyjson_val *key, *v;
	size_t i, n;

	if (yyjson_obj_size(obj) <= 16)
		return twice_in_few(obj);
	yyjson_obj_foreach (obj, i, n, key, v)
		if (map_put(&seen, yyjson_get_str(key), yyjson_get_len(key), v))
			twice = yyjson_get_str(key);
	map_free(&seen);
	return twice;
}

/* A member that is there twice means one thing to its checker and another to its user: it is
 * refused, or told (drop_twice). All values of a document stand in one array, in the order of the
 * text. */
static int check_members(yyjson_doc *doc, bool *twice_is_told, struct err *e)
{
	yyjson_val *v = yyjson_doc_get_root(doc);

	for (size_t n = yyjson_doc_get_val_count(doc); n; n--, v++) {
		const char *twice;

		if (!yyjson_is_obj(v) || yyjson_obj_size(v) < 2)
			continue;
		if (yyjson_obj_size(v) > API_MEMBERS_MAX)
			return err_set(e, EINVAL, "JSON: an object has more than %d members",
			               API_MEMBERS_MAX);
		twice = twice_in(v);
		if (twice && twice_is_told)
			*twice_is_told = true;
		else if (twice)
			return err_set(e, EINVAL, "JSON: duplicate field \"%.100s\"", twice);
	}
	return 0;
}

static void note_twice(struct documents *d, const char *path)
{
	if (d->n_twice < ARRAY_LEN(d->twice))
		d->twice[d->n_twice++] = path;
}

static void drop_twice(struct documents *d, struct arena *a, yyjson_mut_val *v, const char *path);

/* The last one counts, as in Go. */
static void drop_twice_in(struct documents *d, struct arena *a, yyjson_mut_val *obj,
                          const char *path)
{
	yyjson_mut_obj_iter it = yyjson_mut_obj_iter_with(obj);
	struct map last = { 0 };
	yyjson_mut_val *key, *v;
	size_t i, n;

	yyjson_mut_obj_foreach (obj, i, n, key, v) {
		const char *name = yyjson_mut_get_str(key);

		if (map_put(&last, name, yyjson_mut_get_len(key), v))
			note_twice(d, arena_printf(a, "%s%s%s", path, *path ? "." : "", name));
	}
	while ((key = yyjson_mut_obj_iter_next(&it)))
		if (map_get(&last, yyjson_mut_get_str(key), yyjson_mut_get_len(key)) !=
		    yyjson_mut_obj_iter_get_val(key))
			yyjson_mut_obj_iter_remove(&it);
	map_free(&last);
	yyjson_mut_obj_foreach (obj, i, n, key, v)
		drop_twice(
			d, a, v,
			arena_printf(a, "%s%s%s", path, *path ? "." : "", yyjson_mut_get_str(key)));
}

static void drop_twice(struct documents *d, struct arena *a, yyjson_mut_val *v, const char *path)
{
	yyjson_mut_val *item;
	size_t i, n;

	if (yyjson_mut_is_obj(v))
		drop_twice_in(d, a, v, path);
	yyjson_mut_arr_foreach (v, i, n, item)
		if (yyjson_mut_is_ctn(item))
			drop_twice(d, a, item, arena_printf(a, "%s[%zu]", path, i));
}

static unsigned line_of(const char *text, size_t at)
{
	unsigned line = 1;

	for (size_t i = 0; i < at; i++)
		line += text[i] == '\n';
	return line;
}

static int read_items(yyjson_val *items, struct documents *out, struct err *e)
{
	yyjson_val *item;
	size_t i, max;

	yyjson_arr_foreach (items, i, max, item) {
		if (!yyjson_is_obj(item))
			return err_set(e, EINVAL, "document %zu: an object is expected", i + 1);
		out->v[out->n++].root = yyjson_val_mut_copy(out->doc, item);
	}
	return 0;
}

static int read_json(const char *text, size_t n, struct arena *a, struct documents *out,
                     bool *twice_is_told, struct err *e)
{
	yyjson_read_err why;
	auto_doc yyjson_doc *doc = NULL;
	yyjson_val *root;
	int ret;

	*out = (struct documents){ .doc = yyjson_mut_doc_new(NULL) };
	if (too_deep(text, n))
		return err_set(e, EINVAL, "JSON: nested too deeply");
	doc = yyjson_read_opts((char *)text, n, 0, NULL, &why);
	if (!doc)
		return err_set(e, EINVAL, "JSON: line %u: %s", line_of(text, why.pos), why.msg);
	ret = check_members(doc, twice_is_told, e);
	if (ret)
		return ret;
	root = yyjson_doc_get_root(doc);
	if (!yyjson_is_obj(root) && !yyjson_is_arr(root))
		return err_set(e, EINVAL, "an object is expected");
	out->cap = yyjson_is_arr(root) ? yyjson_arr_size(root) : 1;
	if (out->cap > API_DOCS_MAX)
		return err_set(e, EINVAL, "too many documents");
	out->v = arena_alloc(a, (out->cap + 1) * sizeof(*out->v));
	if (yyjson_is_arr(root))
		return read_items(root, out, e);
	out->v[out->n++].root = yyjson_val_mut_copy(out->doc, root);
	return 0;
}

int json_read(const char *text, size_t n, struct arena *a, struct documents *out, struct err *e)
{
	return read_json(text, n, a, out, NULL, e);
}

int json_read_told(const char *text, size_t n, struct arena *a, struct documents *out,
                   struct err *e)
{
	bool twice = false;
	int ret = read_json(text, n, a, out, &twice, e);

	for (size_t i = 0; !ret && twice && i < out->n; i++)
		drop_twice(out, a, out->v[i].root, "");
	return ret;
}

static bool is_json(const char *type)
{
	size_t n = strlen(type);

	return !n || !strcmp(type, "application/json") || (n > 5 && !strcmp(type + n - 5, "+json"));
}

static bool is_protobuf(const char *type)
{
	return !strcmp(type, "application/vnd.kubernetes.protobuf");
}

static void answer_unknown_type(struct call *c, bool protobuf)
{
	status_fail(c, 415, "UnsupportedMediaType",
	            "the body of the request was in an unknown format - accepted media types "
	            "include: application/json, application/yaml%s",
	            protobuf ? ", application/vnd.kubernetes.protobuf" : "");
}

/* JSON is YAML, but for a few escapes; most of what says that it is YAML is JSON. */
static int yaml_or_json(struct call *c, struct documents *out, struct err *e)
{
	const char *body = c->http->body;
	size_t n = c->http->body_len;

	if (body[strspn(body, " \t\r\n")] == '{') {
		if (!json_read_told(body, n, &c->arena, out, e))
			return 0;
		documents_free(out);
	}
	return yaml_read(body, n, &c->arena, out, e);
}

/* Members that were there twice: an error, a warning or nothing, as fieldValidation has it. */
static bool tell_twice(struct call *c, const struct documents *d)
{
	const struct kind_info *k = &kind_info[c->target.kind];
	const char *list = "";

	for (unsigned i = 0; i < d->n_twice; i++) {
		const char *s = arena_printf(&c->arena, "duplicate field \"%.200s\"", d->twice[i]);

		list = arena_printf(&c->arena, "%s%s%s", list, i ? ", " : "", s);
		if (!c->strict && !c->ignore_unknown)
			answer_warning(c, s);
	}
	if (!d->n_twice || !c->strict)
		return true;
	status_fail(c, 400, "BadRequest",
	            "%s in version \"%s\" cannot be handled as a %s: strict decoding error: %s",
	            k->kind, k->version, k->kind, list);
	return false;
}

bool body_read_as(struct call *c, const struct message *m, struct documents *out)
{
	const char *type = c->http->content_type, *body = c->http->body;
	bool protobuf = message_has_protobuf(m);
	size_t n = c->http->body_len;
	struct err e = { 0 };
	int ret;

	*out = (struct documents){ 0 };
	if (!n) {
		status_fail(c, 400, "BadRequest", "the request has no body");
		return false;
	}
	if (is_json(type)) {
		ret = json_read_told(body, n, &c->arena, out, &e);
	} else if (strstr(type, "yaml")) {
		ret = yaml_or_json(c, out, &e);
	} else if (protobuf && is_protobuf(type)) {
		ret = protobuf_read(m, body, n, &c->arena, out, &e);
	} else {
		answer_unknown_type(c, protobuf);
		return false;
	}
	if (!ret && out->n != 1 && !strstr(type, "json-patch"))
		ret = err_set(&e, EINVAL,
		              "one object is expected, %zu are here; POST /apply takes several",
		              out->n);
	if (!ret && tell_twice(c, out))
		return true;
	documents_free(out);
	if (!ret)
		return false;
	status_fail(c, 400, "BadRequest", "%s", e.text);
	return false;
}

bool body_read(struct call *c, struct documents *out)
{
	return body_read_as(c, kind_message[c->target.kind], out);
}
