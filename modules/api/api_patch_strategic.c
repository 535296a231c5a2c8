/* api_patch_strategic.c - strategic merge patch, as kubectl apply and edit send it for the built-in
 * kinds.
 *
 * Objects merge as in RFC 7396. Lists are replaced whole, except those to which the table of fields
 * (fields.h) gives keys: their items are matched by the first of them, and a set is merged by its
 * values. Directives: "$patch" (replace, delete, merge) in an object or an item, "$retainKeys",
 * "$deleteFromPrimitiveList/FIELD" and "$setElementOrder/FIELD". */
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>

#include "api_object.h"
#include "fields.h"

#define PATH_MAX_LEN 256
#define MERGED_MAX 1000 /* items of a list that is merged or picked from */

struct strategic {
	yyjson_mut_doc *doc;
	struct arena *arena;
	const char *why; /* NULL while all is well */
};

/* m: what the object is made of; NULL where nobody knows. */
static void merge_object(struct strategic *s, yyjson_mut_val *to, yyjson_mut_val *patch,
                         const struct message *m, const char *path);

static const struct field *find_field(const struct message *m, const char *name)
{
	return m ? field_find(m, name) : NULL;
}

/* "" for a set, NULL for a list that is replaced whole. */
static const char *merge_key(const struct strategic *s, const struct field *f)
{
	if (!f || !(f->how & FIELD_LIST) || !f->keys)
		return NULL;
	return arena_strndup(s->arena, f->keys, strcspn(f->keys, ","));
}

static bool same(yyjson_mut_val *a, yyjson_mut_val *b, const char *key)
{
	if (*key) {
		a = yyjson_mut_obj_get(a, key);
		b = yyjson_mut_obj_get(b, key);
	}
	return a && b && yyjson_mut_equals(a, b);
}

/* The place in list of what has item's key, or -1. */
static long find(yyjson_mut_val *list, yyjson_mut_val *item, const char *key)
{
	yyjson_mut_val *v;
	size_t i, n;

	yyjson_mut_arr_foreach (list, i, n, v)
		if (same(v, item, key))
			return i;
	return -1;
}

/* ---- lists ---------------------------------------------------------------------------------- */

static bool is_directive(yyjson_mut_val *item, const char *what)
{
	return yyjson_mut_equals_str(yyjson_mut_obj_get(item, "$patch"), what);
}

static void merge_item(struct strategic *s, yyjson_mut_val *list, yyjson_mut_val *item,
                       const struct field *f, const char *key, const char *path)
{
	long at = find(list, item, key);
	yyjson_mut_val *have;

	if (!*key) {
		if (at < 0)
			yyjson_mut_arr_append(list, yyjson_mut_val_mut_copy(s->doc, item));
	} else if (!yyjson_mut_obj_get(item, key)) {
		s->why = arena_printf(
			s->arena,
			"%s: an item of the patch does not contain declared merge key: %s", path,
			key);
	} else if (is_directive(item, "delete")) {
		if (at >= 0)
			yyjson_mut_arr_remove(list, at);
	} else {
		have = at < 0 ? yyjson_mut_obj(s->doc) : yyjson_mut_arr_get(list, at);
		if (at < 0)
			yyjson_mut_arr_append(list, have);
		merge_object(s, have, item, f->message, path);
	}
}

/* { "$patch": "replace" } as an item: the others of the patch are the whole list. */
static bool replaces(yyjson_mut_val *patch)
{
	yyjson_mut_val *item;
	size_t i, n;

	yyjson_mut_arr_foreach (patch, i, n, item)
		if (is_directive(item, "replace"))
			return true;
	return false;
}

/* The items that the patch's "$setElementOrder" names stand in its order; the others keep their
 * places among those before which they stood. live: how many items were there before the patch. */
static void sort_list(struct strategic *s, yyjson_mut_val *list, size_t live, yyjson_mut_val *order,
                      const char *key)
{
	size_t n = yyjson_mut_arr_size(list), ordered = 0, others = 0, i, max, k = 0;
	yyjson_mut_val **left = arena_alloc(s->arena, (n + 1) * sizeof(*left)),
		       **right = arena_alloc(s->arena, (n + 1) * sizeof(*right)), *v;
	size_t *was = arena_alloc(s->arena, 2 * (n + 1) * sizeof(*was)), *other = was + n + 1;

	if (n > MERGED_MAX || yyjson_mut_arr_size(order) > MERGED_MAX)
		return;
	yyjson_mut_arr_foreach (order, i, max, v) {
		long at = find(list, v, key);

		if (at >= 0 && ordered < n && find(order, v, key) == (long)i) {
			was[ordered] = at;
			left[ordered++] = yyjson_mut_arr_get(list, at);
		}
	}
	yyjson_mut_arr_foreach (list, i, max, v)
		if (find(order, v, key) < 0) {
			other[others] = i;
			right[others++] = v;
		}
	yyjson_mut_arr_clear(list);
	for (i = 0; i < ordered || k < others;) {
		bool both = i < ordered && k < others;
		bool first =
			both ? was[i] < live && other[k] < live && was[i] < other[k] : i < ordered;

		yyjson_mut_arr_append(list, first ? left[i++] : right[k++]);
	}
}

static void merge_list(struct strategic *s, yyjson_mut_val *list, yyjson_mut_val *patch,
                       yyjson_mut_val *order, const struct field *f, const char *path)
{
	const char *key = merge_key(s, f);
	size_t i, n, live;
	yyjson_mut_val *item;

	if (yyjson_mut_arr_size(patch) > MERGED_MAX || yyjson_mut_arr_size(list) > MERGED_MAX) {
		s->why = arena_printf(s->arena, "%s: too many items to merge", path);
		return;
	}
	if (replaces(patch))
		yyjson_mut_arr_clear(list);
	live = yyjson_mut_arr_size(list);
	yyjson_mut_arr_foreach (patch, i, n, item) {
		size_t before = yyjson_mut_arr_size(list);

		if (!s->why && !is_directive(item, "replace"))
			merge_item(s, list, item, f, key, path);
		live -= yyjson_mut_arr_size(list) < before;
	}
	if (order && !s->why)
		sort_list(s, list, live, order, key);
}

static void delete_from_list(yyjson_mut_val *list, yyjson_mut_val *gone)
{
	yyjson_mut_val *item;
	size_t i, n;

	if (yyjson_mut_arr_size(list) > MERGED_MAX)
		return;
	yyjson_mut_arr_foreach (gone, i, n, item) {
		long at = i < MERGED_MAX ? find(list, item, "") : -1;

		if (at >= 0)
			yyjson_mut_arr_remove(list, at);
	}
}

/* ---- objects -------------------------------------------------------------------------------- */

static const char *behind(const char *name, const char *directive)
{
	size_t n = strlen(directive);

	return strncmp(name, directive, n) ? NULL : name + n;
}

static const char *child_path(struct strategic *s, const char *path, const char *name)
{
	return *path ? arena_printf(s->arena, "%s.%.*s", path, PATH_MAX_LEN, name)
	             : arena_printf(s->arena, "%.*s", PATH_MAX_LEN, name);
}

static yyjson_mut_val *order_of(struct strategic *s, yyjson_mut_val *patch, const char *name)
{
	return yyjson_mut_obj_get(patch, arena_printf(s->arena, "$setElementOrder/%s", name));
}

static void merge_member(struct strategic *s, yyjson_mut_val *to, yyjson_mut_val *patch,
                         const char *name, yyjson_mut_val *v, const struct message *m,
                         const char *path)
{
	yyjson_mut_val *have = yyjson_mut_obj_get(to, name);
	const struct field *f = find_field(m, name);
	const char *at = child_path(s, path, name);

	if (yyjson_mut_is_null(v)) {
		yyjson_mut_obj_remove_key(to, name);
	} else if (yyjson_mut_is_obj(v)) {
		if (!yyjson_mut_is_obj(have)) {
			have = yyjson_mut_obj(s->doc);
			mut_set(s->doc, to, name, have);
		}
		merge_object(s, have, v, f && !(f->how & FIELD_MAP) ? f->message : NULL, at);
	} else if (yyjson_mut_is_arr(v) && merge_key(s, f)) {
		if (!yyjson_mut_is_arr(have)) {
			have = yyjson_mut_arr(s->doc);
			mut_set(s->doc, to, name, have);
		}
		merge_list(s, have, v, order_of(s, patch, name), f, at);
	} else {
		mut_set(s->doc, to, name, yyjson_mut_val_mut_copy(s->doc, v));
	}
}

static void retain_keys(yyjson_mut_val *to, yyjson_mut_val *keys)
{
	yyjson_mut_obj_iter it = yyjson_mut_obj_iter_with(to);
	yyjson_mut_val *key, *word;
	size_t i, n;

	while ((key = yyjson_mut_obj_iter_next(&it))) {
		bool kept = false;

		yyjson_mut_arr_foreach (keys, i, n, word)
			kept |= i < MERGED_MAX && yyjson_mut_equals(key, word);
		if (!kept)
			yyjson_mut_obj_iter_remove(&it);
	}
}

/* Directives for a member that the patch itself does not have are an order or a removal alone. */
static void follow_directives(struct strategic *s, yyjson_mut_val *to, yyjson_mut_val *patch,
                              const struct message *m)
{
	yyjson_mut_val *key, *v, *list;
	size_t i, n;

	yyjson_mut_obj_foreach (patch, i, n, key, v) {
		const char *name, *of, *by;

		name = yyjson_mut_get_str(key);
		if ((of = behind(name, "$deleteFromPrimitiveList/")))
			delete_from_list(yyjson_mut_obj_get(to, of), v);
		of = behind(name, "$setElementOrder/");
		by = of ? merge_key(s, find_field(m, of)) : NULL;
		list = by ? yyjson_mut_obj_get(to, of) : NULL;
		if (yyjson_mut_is_arr(list) && !yyjson_mut_obj_get(patch, of))
			sort_list(s, list, yyjson_mut_arr_size(list), v, by);
	}
}

/* What "$patch" says of an object: true when its members count. */
static bool begin_object(struct strategic *s, yyjson_mut_val *to, yyjson_mut_val *patch)
{
	yyjson_mut_val *how = yyjson_mut_obj_get(patch, "$patch");
	const char *word = yyjson_mut_get_str(how);

	if (is_directive(patch, "replace") || is_directive(patch, "delete"))
		yyjson_mut_obj_clear(to);
	else if (how && !is_directive(patch, "merge"))
		s->why = arena_printf(s->arena, "Unknown patch type found: %.60s",
		                      word ? word : "?");
	return !s->why && !is_directive(patch, "delete");
}

static void merge_object(struct strategic *s, yyjson_mut_val *to, yyjson_mut_val *patch,
                         const struct message *m, const char *path)
{
	yyjson_mut_val *key, *v;
	size_t i, n;

	if (!begin_object(s, to, patch))
		return;
	if (yyjson_mut_obj_get(patch, "$retainKeys"))
		retain_keys(to, yyjson_mut_obj_get(patch, "$retainKeys"));
	yyjson_mut_obj_foreach (patch, i, n, key, v)
		if (!s->why && yyjson_mut_get_str(key)[0] != '$')
			merge_member(s, to, patch, yyjson_mut_get_str(key), v, m, path);
	follow_directives(s, to, patch, m);
}

const char *patch_strategic(enum kind kind, yyjson_mut_doc *doc, yyjson_mut_val *to,
                            yyjson_mut_val *patch, struct arena *a)
{
	struct strategic s = { .doc = doc, .arena = a };

	merge_object(&s, to, patch, kind_message[kind], "");
	return s.why;
}
