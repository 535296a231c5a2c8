/* api_yaml.c - YAML manifests into JSON documents.
 *
 * libyaml parses. Depth, nodes, members and the work that aliases cause are bounded: an alias is
 * copied, and copies count in nodes, bytes and depth, so that a "billion laughs" file is refused.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include <knetd/auto.h>
#include <knetd/err.h>
#include <knetd/map.h>

#include "api.h"
#include "api_yaml.h"

#define DEPTH_MAX 64
#define NODES_MAX 4000000
#define COPIED_MAX (32 << 20) /* bytes of strings that aliases may copy */
#define ANCHORS_MAX 1024

struct anchor {
	char *name;
	yyjson_mut_val *value;
	struct weight weight;
};

struct loader {
	yaml_parser_t parser;
	yyjson_mut_doc *doc;
	struct arena *arena;
	struct err *e;
	size_t nodes, copied;
	unsigned n_anchors;
	struct anchor anchors[ANCHORS_MAX];
};

static int fail(struct loader *l, size_t line, const char *what)
{
	return err_set(l->e, EINVAL, "line %zu: %s", line + 1, what);
}

static yyjson_mut_val *scalar(struct loader *l, const yaml_event_t *ev)
{
	const char *s = (const char *)ev->data.scalar.value;
	const char *tag = (const char *)ev->data.scalar.tag;
	size_t n = ev->data.scalar.length;

	if (ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE ||
	    (tag && !strcmp(tag, YAML_STR_TAG)) || strlen(s) != n)
		return yyjson_mut_strncpy(l->doc, s, n);
	return yaml_plain(l->doc, s);
}

/* ---- anchors and aliases -------------------------------------------------------------------- */

static int remember(struct loader *l, const yaml_char_t *name, size_t line, yyjson_mut_val *value)
{
	struct anchor *anchor = &l->anchors[l->n_anchors];

	if (!name)
		return 0;
	if (l->n_anchors == ANCHORS_MAX)
		return fail(l, line, "too many anchors");
	*anchor = (struct anchor){ arena_strdup(l->arena, (const char *)name), value, { 0 } };
	mut_weigh(value, &anchor->weight);
	l->n_anchors++;
	return 0;
}

static int alias(struct loader *l, const yaml_event_t *ev, unsigned depth, yyjson_mut_val **out)
{
	const char *name = (const char *)ev->data.alias.anchor;
	size_t line = ev->start_mark.line;

	for (unsigned i = l->n_anchors; i-- > 0;) {
		const struct anchor *a = &l->anchors[i];

		if (strcmp(a->name, name) != 0)
			continue;
		l->nodes += a->weight.nodes;
		l->copied += a->weight.bytes;
		if (l->nodes > NODES_MAX || l->copied > COPIED_MAX)
			return fail(l, line, "aliases make the document too large");
		if (depth + a->weight.depth > DEPTH_MAX)
			return fail(l, line, "nested too deeply");
		*out = yyjson_mut_val_mut_copy(l->doc, a->value);
		return 0;
	}
	return fail(l, line, "unknown alias");
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static int next(struct loader *l, yaml_event_t *ev)
{
	if (yaml_parser_parse(&l->parser, ev))
		return 0;
	return fail(l, l->parser.problem_mark.line,
	            l->parser.problem ? l->parser.problem : "not YAML");
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

struct mapping {
	yyjson_mut_val *obj;
	struct map seen;        /* its keys */
	yyjson_mut_val *merged; /* behind "<<", NULL for none */
	size_t line;
};

static int merge_mapping(struct loader *l, struct mapping *m, yyjson_mut_val *from)
{
	yyjson_mut_val *key, *val;
	size_t i, n;

	if (!yyjson_mut_is_obj(from))
		return fail(l, m->line, "<< takes a mapping or a list of them");
	yyjson_mut_obj_foreach (from, i, n, key, val) {
		const char *name = yyjson_mut_get_str(key);
		size_t len = yyjson_mut_get_len(key);

		if (map_get(&m->seen, name, len))
			continue;
		if (m->seen.len >= API_MEMBERS_MAX)
			return fail(l, m->line, "too many keys in one mapping");
		map_put(&m->seen, name, len, val);
		yyjson_mut_obj_add(m->obj, yyjson_mut_val_mut_copy(l->doc, key),
		                   yyjson_mut_val_mut_copy(l->doc, val));
	}
	return 0;
}

/* "<<": the members of another mapping, or of several, where the mapping itself has none of that
 * name (YAML 1.1). */
static int merge(struct loader *l, struct mapping *m)
{
	yyjson_mut_val *item;
	size_t i, n;
	int ret = 0;

	if (!yyjson_mut_is_arr(m->merged))
		return merge_mapping(l, m, m->merged);
	yyjson_mut_arr_foreach (m->merged, i, n, item)
		if (!ret)
			ret = merge_mapping(l, m, item);
	return ret;
}

static int member(struct loader *l, const yaml_event_t *key, struct mapping *m, unsigned depth)
{
	const char *name = (const char *)key->data.scalar.value;
	size_t n = key->data.scalar.length, line = key->start_mark.line;
	yyjson_mut_val *value = NULL;
	yaml_event_t ev;
	int ret;

	if (key->type != YAML_SCALAR_EVENT)
		return fail(l, line, "a key has to be a plain word");
	if (m->seen.len >= API_MEMBERS_MAX)
		return fail(l, line, "too many keys in one mapping");
	ret = next(l, &ev);
	if (ret)
		return ret;
	ret = node(l, &ev, depth, &value);
	yaml_event_delete(&ev);
	if (ret)
		return ret;
	if (!strcmp(name, "<<") && key->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
		m->merged = value;
		return 0;
	}
	name = arena_strndup(l->arena, name, n);
	if (map_put(&m->seen, name, n, value))
		return err_set(l->e, EINVAL, "line %zu: key \"%s\" is given twice", line + 1, name);
	yyjson_mut_obj_add(m->obj, yyjson_mut_strncpy(l->doc, name, n), value);
	return 0;
}

static int mapping(struct loader *l, size_t line, unsigned depth, yyjson_mut_val *obj)
{
	struct mapping m = { .obj = obj, .line = line };
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
		ret = member(l, &ev, &m, depth);
		yaml_event_delete(&ev);
	}
	if (!ret && m.merged)
		ret = merge(l, &m);
	map_free(&m.seen);
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
		return alias(l, ev, depth, out);
	case YAML_SEQUENCE_START_EVENT:
		*out = yyjson_mut_arr(l->doc);
		ret = sequence(l, depth + 1, *out);
		return ret ? ret : remember(l, ev->data.sequence_start.anchor, line, *out);
	case YAML_MAPPING_START_EVENT:
		*out = yyjson_mut_obj(l->doc);
		ret = mapping(l, line, depth + 1, *out);
		return ret ? ret : remember(l, ev->data.mapping_start.anchor, line, *out);
	default:
		return fail(l, line, "not YAML");
	}
}

/* ---- documents ------------------------------------------------------------------------------ */

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
