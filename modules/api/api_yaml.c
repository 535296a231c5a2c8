/* api_yaml.c - YAML manifests into JSON documents.
 *
 * libyaml parses; scalars are read as sigs.k8s.io/yaml reads them (YAML 1.1: yes, no, on, off are
 * booleans; quoted scalars are always strings). Depth, nodes and the work that aliases cause are bounded:
 * an alias is copied, and copies count as nodes, so that a "billion laughs" file is refused. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <yaml.h>

#include <knetd/auto.h>
#include <knetd/err.h>
#include <knetd/map.h>

#include "api.h"

#define DEPTH_MAX 64
#define NODES_MAX 4000000
#define ANCHORS_MAX 1024

struct anchor {
	char *name;
	yyjson_mut_val *value;
};

struct loader {
	yaml_parser_t parser;
	yyjson_mut_doc *doc;
	struct arena *arena;
	struct err *e;
	size_t nodes;
	unsigned n_anchors;
	struct anchor anchors[ANCHORS_MAX];
};

static int fail(struct loader *l, size_t line, const char *what)
{
	return err_set(l->e, EINVAL, "line %zu: %s", line + 1, what);
}

/* ---- scalars ------------------------------------------------------------------------------------------ */

static bool one_of(const char *s, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(s, *words))
			return true;
	return false;
}

static bool is_true(const char *s)
{
	static const char *const words[] = { "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON", NULL };

	return one_of(s, words);
}

static bool is_false(const char *s)
{
	static const char *const words[] = { "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF", NULL };

	return one_of(s, words);
}

static bool is_null(const char *s)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL", NULL };

	return one_of(s, words);
}

static yyjson_mut_val *number(yyjson_mut_doc *doc, const char *s)
{
	const char *digits = s + (*s == '-' || *s == '+');
	int base = digits[0] != '0' ? 10 : digits[1] == 'x' ? 16 : digits[1] == 'o' || digits[1] ? 8 : 10;
	const char *from = digits[0] == '0' && digits[1] == 'o' ? digits + 2 : digits;
	char *end;
	double d;
	long long i;

	if (*digits < '0' || *digits > '9')
		return NULL; /* also keeps .inf and .nan strings: JSON has no such numbers */
	errno = 0;
	i = strtoll(from, &end, base);
	if (!*end && end != from && !errno)
		return yyjson_mut_sint(doc, *s == '-' ? -i : i);
	if (digits[strspn(digits, "0123456789.eE+-")])
		return NULL;
	d = strtod(s, &end);
	return *end || !isfinite(d) ? NULL : yyjson_mut_real(doc, d);
}

static yyjson_mut_val *scalar(struct loader *l, const yaml_event_t *ev)
{
	const char *s = (const char *)ev->data.scalar.value, *tag = (const char *)ev->data.scalar.tag;
	size_t n = ev->data.scalar.length;
	yyjson_mut_val *v;

	if (ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE || (tag && !strcmp(tag, YAML_STR_TAG)) ||
	    strlen(s) != n)
		return yyjson_mut_strncpy(l->doc, s, n);
	if (is_null(s))
		return yyjson_mut_null(l->doc);
	if (is_true(s) || is_false(s))
		return yyjson_mut_bool(l->doc, is_true(s));
	v = number(l->doc, s);
	return v ? v : yyjson_mut_strncpy(l->doc, s, n);
}

/* ---- anchors and aliases ------------------------------------------------------------------------------- */

static size_t count_nodes(yyjson_mut_val *v, size_t limit)
{
	yyjson_mut_val *key, *item;
	size_t n = 1, i, max;

	if (yyjson_mut_is_arr(v)) {
		yyjson_mut_arr_foreach(v, i, max, item)
			if ((n += count_nodes(item, limit)) > limit)
				break;
	} else if (yyjson_mut_is_obj(v)) {
		yyjson_mut_obj_foreach(v, i, max, key, item)
			if ((n += count_nodes(item, limit)) > limit)
				break;
	}
	return n;
}

static int remember(struct loader *l, const yaml_char_t *name, size_t line, yyjson_mut_val *value)
{
	if (!name)
		return 0;
	if (l->n_anchors == ANCHORS_MAX)
		return fail(l, line, "too many anchors");
	l->anchors[l->n_anchors++] = (struct anchor){ arena_strdup(l->arena, (const char *)name), value };
	return 0;
}

static int alias(struct loader *l, const yaml_event_t *ev, yyjson_mut_val **out)
{
	const char *name = (const char *)ev->data.alias.anchor;

	for (unsigned i = l->n_anchors; i-- > 0;) {
		if (strcmp(l->anchors[i].name, name) != 0)
			continue;
		l->nodes += count_nodes(l->anchors[i].value, NODES_MAX);
		if (l->nodes > NODES_MAX)
			return fail(l, ev->start_mark.line, "aliases make the document too large");
		*out = yyjson_mut_val_mut_copy(l->doc, l->anchors[i].value);
		return 0;
	}
	return fail(l, ev->start_mark.line, "unknown alias");
}

/* ---- nodes --------------------------------------------------------------------------------------------- */

static int next(struct loader *l, yaml_event_t *ev)
{
	if (yaml_parser_parse(&l->parser, ev))
		return 0;
	return fail(l, l->parser.problem_mark.line, l->parser.problem ? l->parser.problem : "not YAML");
}

static int node(struct loader *l, yaml_event_t *ev, unsigned depth, yyjson_mut_val **out);

static int sequence(struct loader *l, unsigned depth, yyjson_mut_val *arr)
{
	for (;;) {
		yaml_event_t ev;
		yyjson_mut_val *item;
		int ret = next(l, &ev);

		if (ret)
			return ret;
		if (ev.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&ev);
			return 0;
		}
		ret = node(l, &ev, depth, &item);
		yaml_event_delete(&ev);
		if (ret)
			return ret;
		yyjson_mut_arr_append(arr, item);
	}
}

/* "<<": the members of another mapping, where the mapping itself has none of that name (YAML 1.1). */
static void merge(struct loader *l, yyjson_mut_val *obj, yyjson_mut_val *from)
{
	yyjson_mut_val *key, *val;
	size_t i, n;

	yyjson_mut_obj_foreach(from, i, n, key, val)
		if (!yyjson_mut_obj_getn(obj, yyjson_mut_get_str(key), yyjson_mut_get_len(key)))
			yyjson_mut_obj_add(obj, yyjson_mut_val_mut_copy(l->doc, key),
					   yyjson_mut_val_mut_copy(l->doc, val));
}

static int member(struct loader *l, const yaml_event_t *key, struct map *seen, unsigned depth,
		  yyjson_mut_val *obj, yyjson_mut_val **merged)
{
	const char *name = (const char *)key->data.scalar.value;
	size_t n = key->data.scalar.length;
	yyjson_mut_val *value;
	yaml_event_t ev;
	int ret;

	if (key->type != YAML_SCALAR_EVENT)
		return fail(l, key->start_mark.line, "a key has to be a plain word");
	ret = next(l, &ev);
	if (ret)
		return ret;
	ret = node(l, &ev, depth, &value);
	yaml_event_delete(&ev);
	if (ret)
		return ret;
	if (!strcmp(name, "<<") && key->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
		*merged = value;
		return 0;
	}
	name = arena_strndup(l->arena, name, n);
	if (map_put(seen, name, n, value))
		return err_set(l->e, EINVAL, "line %zu: key \"%s\" is given twice", key->start_mark.line + 1, name);
	yyjson_mut_obj_add(obj, yyjson_mut_strncpy(l->doc, name, n), value);
	return 0;
}

static int mapping(struct loader *l, unsigned depth, yyjson_mut_val *obj)
{
	yyjson_mut_val *merged = NULL;
	struct map seen = { 0 };
	int ret = 0;

	while (!ret) {
		yaml_event_t ev;

		ret = next(l, &ev);
		if (ret)
			break;
		if (ev.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&ev);
			break;
		}
		ret = member(l, &ev, &seen, depth, obj, &merged);
		yaml_event_delete(&ev);
	}
	if (!ret && merged)
		merge(l, obj, merged);
	map_free(&seen);
	return ret;
}

static int node(struct loader *l, yaml_event_t *ev, unsigned depth, yyjson_mut_val **out)
{
	size_t line = ev->start_mark.line;
	int ret;

	if (depth > DEPTH_MAX)
		return fail(l, line, "nested too deeply");
	if (++l->nodes > NODES_MAX)
		return fail(l, line, "too many values");
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		*out = scalar(l, ev);
		return remember(l, ev->data.scalar.anchor, line, *out);
	case YAML_ALIAS_EVENT:
		return alias(l, ev, out);
	case YAML_SEQUENCE_START_EVENT:
		*out = yyjson_mut_arr(l->doc);
		ret = sequence(l, depth + 1, *out);
		return ret ? ret : remember(l, ev->data.sequence_start.anchor, line, *out);
	case YAML_MAPPING_START_EVENT:
		*out = yyjson_mut_obj(l->doc);
		ret = mapping(l, depth + 1, *out);
		return ret ? ret : remember(l, ev->data.mapping_start.anchor, line, *out);
	default:
		return fail(l, line, "not YAML");
	}
}

/* ---- documents ------------------------------------------------------------------------------------------- */

static int add(struct loader *l, struct documents *out, yyjson_mut_val *root, size_t line)
{
	if (yyjson_mut_is_null(root)) /* "---" twice, or comments alone */
		return 0;
	if (!yyjson_mut_is_obj(root))
		return fail(l, line, "a document has to be an object");
	if (out->n == API_DOCS_MAX)
		return fail(l, line, "too many documents");
	if (out->n == out->cap) {
		struct document *old = out->v;

		out->cap = out->cap ? out->cap * 2 : 16;
		out->v = arena_alloc(l->arena, out->cap * sizeof(*out->v));
		if (out->n)
			memcpy(out->v, old, out->n * sizeof(*old));
	}
	out->v[out->n++] = (struct document){ root, line + 1 };
	return 0;
}

static int document(struct loader *l, struct documents *out)
{
	yyjson_mut_val *root = NULL;
	yaml_event_t ev;
	size_t line;
	int ret = next(l, &ev);

	if (ret)
		return ret;
	line = ev.start_mark.line;
	l->n_anchors = 0;
	ret = node(l, &ev, 0, &root);
	yaml_event_delete(&ev);
	return ret ? ret : add(l, out, root, line);
}

static int stream(struct loader *l, struct documents *out)
{
	yaml_event_type_t type;
	yaml_event_t ev;
	int ret;

	do {
		ret = next(l, &ev);
		if (ret)
			return ret;
		type = ev.type;
		yaml_event_delete(&ev);
		if (type == YAML_DOCUMENT_START_EVENT)
			ret = document(l, out);
	} while (!ret && type != YAML_STREAM_END_EVENT);
	return ret;
}

int yaml_read(const char *text, size_t n, struct arena *a, struct documents *out, struct err *e)
{
	struct loader *l = xcalloc(1, sizeof(*l));
	int ret;

	*out = (struct documents){ .doc = yyjson_mut_doc_new(NULL) };
	l->doc = out->doc;
	l->arena = a;
	l->e = e;
	if (!yaml_parser_initialize(&l->parser)) {
		free(l);
		return err_set(e, ENOMEM, "no memory for the YAML parser");
	}
	yaml_parser_set_encoding(&l->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&l->parser, (const unsigned char *)text, n);
	ret = stream(l, out);
	yaml_parser_delete(&l->parser);
	free(l);
	return ret;
}

void documents_free(struct documents *d)
{
	yyjson_mut_doc_free(d->doc);
	d->doc = NULL;
	d->n = 0;
}

/* ---- writing ------------------------------------------------------------------------------------------------ */

static void emit_text(yaml_emitter_t *em, const char *s, size_t n, bool quoted)
{
	yaml_event_t ev;

	yaml_scalar_event_initialize(&ev, NULL, NULL, (const yaml_char_t *)s, n, 1, 1,
				     quoted ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE);
	yaml_emitter_emit(em, &ev);
}

/* Could the word be read as something else than a string? */
static bool needs_quotes(const char *s, size_t n)
{
	if (!n || strlen(s) != n || is_null(s) || is_true(s) || is_false(s) || strchr("0123456789+-.~<=", s[0]))
		return true;
	return strpbrk(s, "\n\t:#{}[]&*!|>'\"%@`,?") != NULL || s[0] == ' ' || s[n - 1] == ' ';
}

static void emit(yaml_emitter_t *em, yyjson_val *v)
{
	yyjson_val *key, *item;
	yaml_event_t ev;
	size_t i, n;

	if (yyjson_is_obj(v)) {
		yaml_mapping_start_event_initialize(&ev, NULL, NULL, 1, yyjson_obj_size(v) ? YAML_BLOCK_MAPPING_STYLE : YAML_FLOW_MAPPING_STYLE);
		yaml_emitter_emit(em, &ev);
		yyjson_obj_foreach(v, i, n, key, item) {
			emit(em, key);
			emit(em, item);
		}
		yaml_mapping_end_event_initialize(&ev);
		yaml_emitter_emit(em, &ev);
	} else if (yyjson_is_arr(v)) {
		yaml_sequence_start_event_initialize(&ev, NULL, NULL, 1, yyjson_arr_size(v) ? YAML_BLOCK_SEQUENCE_STYLE : YAML_FLOW_SEQUENCE_STYLE);
		yaml_emitter_emit(em, &ev);
		yyjson_arr_foreach(v, i, n, item)
			emit(em, item);
		yaml_sequence_end_event_initialize(&ev);
		yaml_emitter_emit(em, &ev);
	} else if (yyjson_is_str(v)) {
		emit_text(em, yyjson_get_str(v), yyjson_get_len(v), needs_quotes(yyjson_get_str(v), yyjson_get_len(v)));
	} else {
		auto_free char *text = yyjson_val_write(v, 0, &n);

		if (text)
			emit_text(em, text, n, false);
	}
}

static int append(void *data, unsigned char *p, size_t n)
{
	buf_add(data, p, n);
	return 1;
}

void yaml_write(const char *json, size_t n, struct buf *out)
{
	auto_doc yyjson_doc *doc = yyjson_read(json, n, 0);
	yaml_emitter_t em;
	yaml_event_t ev;

	if (!doc || !yaml_emitter_initialize(&em))
		return;
	yaml_emitter_set_output(&em, append, out);
	yaml_emitter_set_unicode(&em, 1);
	yaml_emitter_set_width(&em, -1);
	yaml_stream_start_event_initialize(&ev, YAML_UTF8_ENCODING);
	yaml_emitter_emit(&em, &ev);
	yaml_document_start_event_initialize(&ev, NULL, NULL, NULL, 1);
	yaml_emitter_emit(&em, &ev);
	emit(&em, yyjson_doc_get_root(doc));
	yaml_document_end_event_initialize(&ev, 1);
	yaml_emitter_emit(&em, &ev);
	yaml_stream_end_event_initialize(&ev);
	yaml_emitter_emit(&em, &ev);
	yaml_emitter_delete(&em);
}
