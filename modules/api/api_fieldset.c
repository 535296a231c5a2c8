/* api_fieldset.c - the algebra of sets of fields; see api_fieldset.h. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "api_fieldset.h"

static int by_element(const void *x, const void *y)
{
	return strcmp(((const struct fieldset *)x)->element, ((const struct fieldset *)y)->element);
}

/* ---- reading and writing -------------------------------------------------------------------- */

static bool is_element(const char *s)
{
	return !strncmp(s, "f:", 2) || !strncmp(s, "k:", 2) || !strncmp(s, "v:", 2) ||
	       !strncmp(s, "i:", 2);
}

bool fieldset_read(struct arena *a, yyjson_mut_val *v, struct fieldset *out)
{
	yyjson_mut_val *key, *inner;
	size_t i, n;

	*out = (struct fieldset){ .element = out->element };
	if (!yyjson_mut_is_obj(v))
		return false;
	out->child = arena_alloc(a, (yyjson_mut_obj_size(v) + 1) * sizeof(*out->child));
	yyjson_mut_obj_foreach (v, i, n, key, inner) {
		struct fieldset *c = &out->child[out->n];

		if (yyjson_mut_equals_str(key, ".")) {
			out->member = true;
			continue;
		}
		c->element = yyjson_mut_get_str(key);
		if (!is_element(c->element) || !fieldset_read(a, inner, c))
			return false;
		c->member |= !c->n;
		out->n++;
	}
	qsort(out->child, out->n, sizeof(*out->child), by_element);
	return true;
}

yyjson_mut_val *fieldset_write(yyjson_mut_doc *doc, const struct fieldset *s)
{
	yyjson_mut_val *v = yyjson_mut_obj(doc);

	if (s->member && s->n)
		yyjson_mut_obj_add_obj(doc, v, ".");
	for (size_t i = 0; i < s->n; i++)
		yyjson_mut_obj_add(v, yyjson_mut_strcpy(doc, s->child[i].element),
		                   fieldset_write(doc, &s->child[i]));
	return v;
}

/* ---- algebra -------------------------------------------------------------------------------- */

static bool in_result(enum fieldset_op op, bool x, bool y)
{
	switch (op) {
	case SET_UNION:
		return x || y;
	case SET_SUBTRACT:
		return x && !y;
	case SET_INTERSECT:
		return x && y;
	}
	return false;
}

/* No set is written into after it was made, so that one may stand in another. */
struct fieldset fieldset_combine(struct arena *a, enum fieldset_op op, const struct fieldset *x,
                                 const struct fieldset *y)
{
	static const struct fieldset none;
	struct fieldset out = { .element = x->element,
		                .member = in_result(op, x->member, y->member) };
	size_t i = 0, k = 0;

	if (!y->n && op != SET_INTERSECT) {
		out.n = x->n;
		out.child = x->child;
		return out;
	}
	out.child = arena_alloc(a, (x->n + y->n + 1) * sizeof(*out.child));
	while (i < x->n || k < y->n) {
		int side = i == x->n ? 1 : k == y->n ? -1 : by_element(&x->child[i], &y->child[k]);
		struct fieldset left = none, right = none, both;

		if (side <= 0)
			left = x->child[i++];
		if (side >= 0)
			right = y->child[k++];
		left.element = side <= 0 ? left.element : right.element;
		both = fieldset_combine(a, op, &left, &right);
		if (both.member || both.n)
			out.child[out.n++] = both;
	}
	return out;
}

bool fieldset_empty(const struct fieldset *s)
{
	return !s->member && !s->n; /* no set has an empty child */
}

bool fieldset_equal(const struct fieldset *x, const struct fieldset *y)
{
	if (x->member != y->member || x->n != y->n)
		return false;
	for (size_t i = 0; i < x->n; i++)
		if (by_element(&x->child[i], &y->child[i]) ||
		    !fieldset_equal(&x->child[i], &y->child[i]))
			return false;
	return true;
}

/* ---- paths ---------------------------------------------------------------------------------- */

/* k:{"port":80,"protocol":"TCP"} is [port=80,protocol="TCP"] */
static const char *keys_text(struct arena *a, const char *json)
{
	auto_doc yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	yyjson_val *key, *v;
	const char *out = "";
	size_t i, n;

	yyjson_obj_foreach (json_members(yyjson_doc_get_root(doc)), i, n, key, v) {
		auto_free char *text = yyjson_val_write(v, 0, NULL);

		out = arena_printf(a, "%s%s%s=%s", out, *out ? "," : "", yyjson_get_str(key),
		                   text ? text : "");
	}
	return out;
}

static const char *element_text(struct arena *a, const char *element)
{
	if (!strncmp(element, "f:", 2))
		return arena_printf(a, ".%s", element + 2);
	if (!strncmp(element, "k:", 2))
		return arena_printf(a, "[%s]", keys_text(a, element + 2));
	return arena_printf(a, element[0] == 'v' ? "[=%s]" : "[%s]", element + 2);
}

struct paths {
	struct arena *arena;
	const char **out;
	size_t n, max;
};

static void put_paths(struct paths *p, const struct fieldset *s, const char *path)
{
	if (s->member && *path) {
		if (p->n < p->max)
			p->out[p->n] = path;
		p->n++;
	}
	for (size_t i = 0; i < s->n; i++)
		put_paths(p, &s->child[i],
		          p->n < p->max ? arena_printf(p->arena, "%s%s", path,
		                                       element_text(p->arena, s->child[i].element))
		                        : "more");
}

size_t fieldset_paths(struct arena *a, const struct fieldset *s, const char **out, size_t max)
{
	struct paths p = { .arena = a, .out = out, .max = max };

	put_paths(&p, s, "");
	return p.n;
}
