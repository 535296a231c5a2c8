/* api_fieldset_object.c - objects by the table of fields (fields.h), for server-side apply: which
 * fields a manifest says something about, how two objects differ, the merge of a manifest into an
 * object, the removal of fields (structured merge and diff, as Kubernetes defines it).
 *
 * A value has one of four shapes. A leaf is owned and replaced whole: scalars, lists without keys,
 * what the table calls atomic. An object (or map) is owned member by member, a list with keys item
 * by item, a set value by value. What the table does not know is taken as it looks. All walks see
 * the parts of a value as one array sorted by the element that names them. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "api_fieldset.h"
#include "fields.h"

enum shape { SHAPE_LEAF, SHAPE_OBJECT, SHAPE_KEYED, SHAPE_SET };

/* What the table says of a value: an object of m, else one of field f; item: of the list or map
 * that f is. Neither: unknown. */
struct type {
	const struct message *m;
	const struct field *f;
	bool item;
};

struct part {
	const char *element;
	yyjson_mut_val *key, *v; /* key: of an object's member */
	size_t place;            /* among its siblings */
};

struct walk {
	struct arena *arena;
	yyjson_mut_doc *doc;
	const char *why; /* what is wrong with a merged manifest */
};

static enum shape shape_of_field(const struct field *f, bool item, yyjson_mut_val *v)
{
	if (!item && f->how & FIELD_LIST) {
		if (f->how & FIELD_ATOMIC || !f->keys || !yyjson_mut_is_arr(v))
			return SHAPE_LEAF;
		return *f->keys ? SHAPE_KEYED : SHAPE_SET;
	}
	if (!yyjson_mut_is_obj(v) || (!item && f->how & FIELD_ATOMIC))
		return SHAPE_LEAF;
	return SHAPE_OBJECT;
}

static enum shape shape_of(const struct type *t, yyjson_mut_val *v)
{
	if (t->f)
		return shape_of_field(t->f, t->item, v);
	return yyjson_mut_is_obj(v) ? SHAPE_OBJECT : SHAPE_LEAF;
}

static struct type type_of_part(const struct type *t, const char *name)
{
	const struct field *f = t->f;
	const struct message *m = t->m;

	if (f && !t->item && f->how & (FIELD_LIST | FIELD_MAP))
		return (struct type){ .f = f, .item = true };
	if (f && f->type == FIELD_OBJECT)
		m = f->message;
	return (struct type){ .f = m ? field_find(m, name) : NULL };
}

/* A struct's field, not an entry of a map: it is there because the type is, and is owned only by
 * what is in it. */
static bool is_named(const struct type *part)
{
	return part->f && !part->item;
}

/* A struct that is always there is no decision of its own. */
static bool is_plain_struct(const struct type *part)
{
	return is_named(part) && part->f->type == FIELD_OBJECT &&
	       !(part->f->how & (FIELD_LIST | FIELD_MAP | FIELD_POINTER | FIELD_ATOMIC));
}

/* ---- parts ---------------------------------------------------------------------------------- */

static int by_name(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* "k:{"port":80,"protocol":"TCP"}", or NULL when a key is missing. */
static const char *keyed_element(struct arena *a, const char *keys, yyjson_mut_val *item)
{
	const char *names[8], *out = "k:{";
	size_t n = 0;

	for (const char *s = keys; *s && n < ARRAY_LEN(names); s += strcspn(s, ","), s += *s == ',')
		names[n++] = arena_strndup(a, s, strcspn(s, ","));
	qsort(names, n, sizeof(names[0]), by_name);
	for (size_t i = 0; i < n; i++) {
		yyjson_mut_val *v = yyjson_mut_obj_get(item, names[i]);
		auto_free char *text = v ? yyjson_mut_val_write(v, 0, NULL) : NULL;

		/* The one key that has a default in Kubernetes' lists. */
		if (!v && strcmp(names[i], "protocol") != 0)
			return NULL;
		out = arena_printf(a, "%s%s\"%s\":%s", out, i ? "," : "", names[i],
		                   text ? text : "\"TCP\"");
	}
	return arena_printf(a, "%s}", out);
}

static const char *set_element(struct arena *a, yyjson_mut_val *item)
{
	auto_free char *text = yyjson_mut_val_write(item, 0, NULL);

	return arena_printf(a, "v:%s", text ? text : "null");
}

static int by_element(const void *x, const void *y)
{
	const struct part *p = x, *q = y;
	int order = strcmp(p->element, q->element);

	return order ? order : (p->place > q->place) - (p->place < q->place);
}

/* Items that lack a key are left out: they have no name. Of several with one name, the first
 * counts. */
static struct part *parts_of(struct arena *a, const struct type *t, enum shape shape,
                             yyjson_mut_val *v, size_t *n)
{
	size_t max = shape == SHAPE_OBJECT ? yyjson_mut_obj_size(v) : yyjson_mut_arr_size(v), i, m;
	struct part *p = arena_alloc(a, (max + 1) * sizeof(*p));
	yyjson_mut_val *key, *item;
	size_t k = 0;

	*n = 0;
	if (shape == SHAPE_OBJECT) {
		yyjson_mut_obj_foreach (v, i, m, key, item)
			p[k++] = (struct part){ arena_printf(a, "f:%s", yyjson_mut_get_str(key)),
				                key, item, i };
	} else {
		yyjson_mut_arr_foreach (v, i, m, item) {
			const char *element = shape == SHAPE_SET
			                              ? set_element(a, item)
			                              : keyed_element(a, t->f->keys, item);

			if (element)
				p[k++] = (struct part){ element, NULL, item, i };
		}
	}
	qsort(p, k, sizeof(*p), by_element);
	for (i = 0; i < k; i++)
		if (!*n || strcmp(p[*n - 1].element, p[i].element) != 0)
			p[(*n)++] = p[i];
	return p;
}

static struct type part_type(const struct type *t, const struct part *p)
{
	return type_of_part(t, p->element + 2);
}

/* ---- what a manifest says ------------------------------------------------------------------- */

static bool is_bare(yyjson_mut_val *v)
{
	return yyjson_mut_is_null(v) || (yyjson_mut_is_obj(v) && !yyjson_mut_obj_size(v)) ||
	       (yyjson_mut_is_arr(v) && !yyjson_mut_arr_size(v));
}

static void put(struct fieldset *to, const char *element, struct fieldset s)
{
	s.element = element;
	if (s.member || s.n)
		to->child[to->n++] = s;
}

static struct fieldset fields_of(struct arena *a, const struct type *t, yyjson_mut_val *v)
{
	enum shape shape = shape_of(t, v);
	struct fieldset out = { .member = shape == SHAPE_LEAF };
	struct part *p;
	size_t n;

	if (shape == SHAPE_LEAF)
		return out;
	p = parts_of(a, t, shape, v, &n);
	out.child = arena_alloc(a, (n + 1) * sizeof(*out.child));
	for (size_t i = 0; i < n; i++) {
		struct type of = part_type(t, &p[i]);
		struct fieldset s = { .member = true };

		if (shape != SHAPE_SET) {
			s = fields_of(a, &of, p[i].v);
			s.member |= !is_named(&of) || is_bare(p[i].v);
		}
		put(&out, p[i].element, s);
	}
	return out;
}

struct fieldset object_fields(struct arena *a, enum kind kind, yyjson_mut_val *root)
{
	return fields_of(a, &(struct type){ .m = kind_message[kind] }, root);
}

/* ---- differences ---------------------------------------------------------------------------- */

/* All of a value that was not there, or is not there any more: what it is made of and itself. */
static struct fieldset all_of(struct arena *a, const struct type *t, yyjson_mut_val *v)
{
	enum shape shape = shape_of(t, v);
	struct fieldset out = { .member = !is_plain_struct(t) };
	struct part *p;
	size_t n;

	if (shape == SHAPE_LEAF)
		return out;
	p = parts_of(a, t, shape, v, &n);
	out.child = arena_alloc(a, (n + 1) * sizeof(*out.child));
	for (size_t i = 0; i < n; i++) {
		struct type of = part_type(t, &p[i]);

		put(&out, p[i].element,
		    shape == SHAPE_SET ? (struct fieldset){ .member = true }
		                       : all_of(a, &of, p[i].v));
	}
	return out;
}

static void compare(struct arena *a, const struct type *t, yyjson_mut_val *x, yyjson_mut_val *y,
                    struct difference *out);

static void compare_parts(struct arena *a, const struct type *t, enum shape shape,
                          yyjson_mut_val *x, yyjson_mut_val *y, struct difference *out)
{
	size_t n, m, i = 0, k = 0;
	struct part *p = parts_of(a, t, shape, x, &n), *q = parts_of(a, t, shape, y, &m);

	out->added.child = arena_alloc(a, (m + 1) * sizeof(*p));
	out->removed.child = arena_alloc(a, (n + 1) * sizeof(*p));
	out->changed.child = arena_alloc(a, (n + m + 1) * sizeof(*p));
	while (i < n || k < m) {
		int side = i == n ? 1 : k == m ? -1 : strcmp(p[i].element, q[k].element);
		const char *element = side <= 0 ? p[i].element : q[k].element;
		struct type of = part_type(t, side <= 0 ? &p[i] : &q[k]);
		struct difference d = { 0 };

		if (side == 0 && shape != SHAPE_SET)
			compare(a, &of, p[i].v, q[k].v, &d);
		else if (side < 0)
			d.removed = all_of(a, &of, p[i].v);
		else if (side > 0)
			d.added = all_of(a, &of, q[k].v);
		put(&out->added, element, d.added);
		put(&out->removed, element, d.removed);
		put(&out->changed, element, d.changed);
		i += side <= 0;
		k += side >= 0;
	}
}

static void compare(struct arena *a, const struct type *t, yyjson_mut_val *x, yyjson_mut_val *y,
                    struct difference *out)
{
	enum shape shape = shape_of(t, y);

	*out = (struct difference){ 0 };
	if (shape == SHAPE_LEAF || shape != shape_of(t, x))
		out->changed.member = !yyjson_mut_equals(x, y);
	else
		compare_parts(a, t, shape, x, y, out);
}

void object_compare(struct arena *a, enum kind kind, yyjson_mut_val *before, yyjson_mut_val *after,
                    struct difference *out)
{
	struct type t = { .m = kind_message[kind] };

	if (before) {
		compare(a, &t, before, after, out);
		return;
	}
	*out = (struct difference){ .added = all_of(a, &t, after) };
	out->added.member = false;
}

/* ---- merge ---------------------------------------------------------------------------------- */

static void merge(struct walk *w, const struct type *t, yyjson_mut_val *to, yyjson_mut_val *from);

/* to becomes a copy of from, at its place. */
static void assign(struct walk *w, yyjson_mut_val *to, yyjson_mut_val *from)
{
	yyjson_mut_val *copy = yyjson_mut_val_mut_copy(w->doc, from), *next = to->next;

	*to = *copy;
	to->next = next;
}

static struct part *find_part(struct part *p, size_t n, const char *element)
{
	return bsearch(&(struct part){ .element = element }, p, n, sizeof(*p), by_name);
}

static void merge_members(struct walk *w, const struct type *t, yyjson_mut_val *to,
                          yyjson_mut_val *from)
{
	size_t n, m;
	struct part *have = parts_of(w->arena, t, SHAPE_OBJECT, to, &n);
	struct part *p = parts_of(w->arena, t, SHAPE_OBJECT, from, &m);

	for (size_t i = 0; i < m; i++) {
		struct part *there = find_part(have, n, p[i].element);
		struct type of = part_type(t, &p[i]);

		if (there)
			merge(w, &of, there->v, p[i].v);
		else
			yyjson_mut_obj_add(to, yyjson_mut_val_mut_copy(w->doc, p[i].key),
			                   yyjson_mut_val_mut_copy(w->doc, p[i].v));
	}
}

/* Items without their keys, and two with the same, have no meaning in a manifest that is merged. */
static bool check_items(struct walk *w, const struct type *t, enum shape shape,
                        yyjson_mut_val *from)
{
	size_t n;

	parts_of(w->arena, t, shape, from, &n);
	if (n == yyjson_mut_arr_size(from))
		return true;
	w->why = arena_printf(w->arena,
	                      shape == SHAPE_SET
	                              ? "%s: two items are the same"
	                              : "%s: two items have the same keys, or one has not all of "
	                                "them (%s)",
	                      t->f->name, t->f->keys);
	return false;
}

static int by_place(const void *x, const void *y)
{
	const struct part *p = x, *q = y;

	return (p->place > q->place) - (p->place < q->place);
}

/* The manifest's items in its order; the others keep their places before those they stood before.
 */
static void merge_items(struct walk *w, const struct type *t, enum shape shape, yyjson_mut_val *to,
                        yyjson_mut_val *from)
{
	struct type of = type_of_part(t, "");
	size_t n, m, i = 0, k = 0;
	struct part *have, *p, *live, *wanted;

	if (!check_items(w, t, shape, from))
		return;
	have = parts_of(w->arena, t, shape, to, &n);
	p = parts_of(w->arena, t, shape, from, &m);
	live = arena_alloc(w->arena, (n + 1) * sizeof(*live));
	wanted = arena_alloc(w->arena, (m + 1) * sizeof(*wanted));
	memcpy(live, have, n * sizeof(*live));
	memcpy(wanted, p, m * sizeof(*wanted));
	qsort(live, n, sizeof(*live), by_place);
	qsort(wanted, m, sizeof(*wanted), by_place);
	yyjson_mut_arr_clear(to);
	while (i < n || k < m) {
		struct part *there;

		if (i < n && !find_part(p, m, live[i].element)) {
			yyjson_mut_arr_append(to, live[i++].v);
			continue;
		}
		if (k == m) {
			i++;
			continue;
		}
		there = find_part(have, n, wanted[k].element);
		if (there)
			merge(w, &of, there->v, wanted[k].v);
		yyjson_mut_arr_append(to, there ? there->v
		                                : yyjson_mut_val_mut_copy(w->doc, wanted[k].v));
		k++;
		i += i < n;
	}
}

static void merge(struct walk *w, const struct type *t, yyjson_mut_val *to, yyjson_mut_val *from)
{
	enum shape shape = shape_of(t, from);

	if (shape == SHAPE_LEAF || shape != shape_of(t, to)) {
		if (!yyjson_mut_equals(to, from))
			assign(w, to, from);
	} else if (shape == SHAPE_OBJECT) {
		merge_members(w, t, to, from);
	} else {
		merge_items(w, t, shape, to, from);
	}
}

/* What is added whole is looked at as well: items without keys would never be found again. */
static void check_whole(struct walk *w, const struct type *t, yyjson_mut_val *v)
{
	enum shape shape = shape_of(t, v);
	struct part *p;
	size_t n;

	if (shape == SHAPE_LEAF || w->why ||
	    (shape != SHAPE_OBJECT && !check_items(w, t, shape, v)))
		return;
	p = parts_of(w->arena, t, shape, v, &n);
	for (size_t i = 0; shape != SHAPE_SET && i < n; i++) {
		struct type of = part_type(t, &p[i]);

		check_whole(w, &of, p[i].v);
	}
}

const char *object_merge(struct arena *a, enum kind kind, yyjson_mut_doc *doc, yyjson_mut_val *to,
                         yyjson_mut_val *from)
{
	struct walk w = { .arena = a, .doc = doc };
	struct type t = { .m = kind_message[kind] };

	check_whole(&w, &t, from);
	if (!w.why)
		merge(&w, &t, to, from);
	return w.why;
}

/* ---- removal -------------------------------------------------------------------------------- */

static const struct fieldset *child_of(const struct fieldset *s, const char *element)
{
	return s && s->n ? bsearch(&(struct fieldset){ .element = element }, s->child, s->n,
	                           sizeof(*s), by_name)
	                 : NULL;
}

/* Who owns something in a struct behind a pointer has it too: it goes with what the server filled
 * in there. Other structs, lists and maps go when they are empty. */
static bool is_gone(const struct fieldset *s, const struct type *part)
{
	return s && (s->member || (s->n && is_named(part) && !is_plain_struct(part) &&
	                           !(part->f->how & (FIELD_LIST | FIELD_MAP))));
}

static bool is_kept(const struct fieldset *s, const struct type *part)
{
	return s && (s->member || (s->n && is_named(part)));
}

static void remove_in(struct arena *a, const struct type *t, yyjson_mut_val *v,
                      const struct fieldset *gone, const struct fieldset *kept);

/* True when the part goes as a whole. */
static bool remove_part(struct arena *a, const struct type *t, const struct part *p,
                        const struct fieldset *gone, const struct fieldset *kept)
{
	const struct fieldset *g = child_of(gone, p->element), *k = child_of(kept, p->element);
	struct type of = part_type(t, p);
	bool bare = is_bare(p->v);

	if (is_gone(g, &of) && !is_kept(k, &of))
		return true;
	if (!g || !g->n)
		return false;
	remove_in(a, &of, p->v, g, k);
	return !bare && is_bare(p->v);
}

static void remove_in(struct arena *a, const struct type *t, yyjson_mut_val *v,
                      const struct fieldset *gone, const struct fieldset *kept)
{
	enum shape shape = shape_of(t, v);
	size_t n, left = 0;
	struct part *p;

	if (shape == SHAPE_LEAF)
		return;
	p = parts_of(a, t, shape, v, &n);
	for (size_t i = 0; i < n; i++)
		if (!remove_part(a, t, &p[i], gone, kept))
			p[left++] = p[i];
	if (left == n)
		return;
	qsort(p, left, sizeof(*p), by_place);
	if (shape == SHAPE_OBJECT)
		yyjson_mut_obj_clear(v);
	else
		yyjson_mut_arr_clear(v);
	for (size_t i = 0; i < left; i++)
		if (shape == SHAPE_OBJECT)
			yyjson_mut_obj_add(v, p[i].key, p[i].v);
		else
			yyjson_mut_arr_append(v, p[i].v);
}

void object_remove(struct arena *a, enum kind kind, yyjson_mut_val *root,
                   const struct fieldset *gone, const struct fieldset *kept)
{
	struct type t = { .m = kind_message[kind] };

	remove_in(a, &t, root, gone, kept);
}
