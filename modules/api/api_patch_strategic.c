/* api_patch_strategic.c - strategic merge patch, as kubectl apply and edit send it for the built-in
 * kinds.
 *
 * Objects merge as in RFC 7396. Lists are replaced whole, except those of the table below, whose
 * items are matched by a key. Directives: "$patch" (replace, delete, merge) in an object or an
 * item, "$retainKeys",
 * "$deleteFromPrimitiveList/FIELD" and "$setElementOrder/FIELD", which sorts what it lists to the
 * front. */
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>

#include "api_object.h"

#define PATH_MAX_LEN 256
#define MERGED_MAX 1000 /* items of a list that is merged or picked from */

static const struct merged_list {
	int kind;               /* -1: every kind */
	const char *path, *key; /* key "": a set of words */
} merged_lists[] = {
	{ -1, "metadata.ownerReferences", "uid" },
	{ -1, "metadata.finalizers", "" },
	{ -1, "status.conditions", "type" },
	{ KIND_SERVICE, "spec.ports", "port" },
	{ KIND_POD, "spec.containers", "name" },
	{ KIND_POD, "spec.containers.ports", "containerPort" },
	{ KIND_POD, "spec.containers.env", "name" },
	{ KIND_POD, "spec.containers.volumeMounts", "mountPath" },
	{ KIND_POD, "spec.initContainers", "name" },
	{ KIND_POD, "spec.initContainers.ports", "containerPort" },
	{ KIND_POD, "spec.initContainers.env", "name" },
	{ KIND_POD, "spec.initContainers.volumeMounts", "mountPath" },
	{ KIND_POD, "spec.volumes", "name" },
	{ KIND_POD, "spec.imagePullSecrets", "name" },
	{ KIND_POD, "spec.hostAliases", "ip" },
	{ KIND_POD, "status.podIPs", "ip" },
	{ KIND_POD, "status.hostIPs", "ip" },
};

struct strategic {
	enum kind kind;
	yyjson_mut_doc *doc;
	struct arena *arena;
	const char *why; /* NULL while all is well */
};

static void merge_object(struct strategic *s, yyjson_mut_val *to, yyjson_mut_val *patch,
                         const char *path);

static const char *merge_key(const struct strategic *s, const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(merged_lists); i++)
		if ((merged_lists[i].kind < 0 || merged_lists[i].kind == (int)s->kind) &&
		    !strcmp(merged_lists[i].path, path))
			return merged_lists[i].key;
	return NULL;
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
                       const char *key, const char *path)
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
		merge_object(s, have, item, path);
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

static void merge_list(struct strategic *s, yyjson_mut_val *list, yyjson_mut_val *patch,
                       const char *key, const char *path)
{
	yyjson_mut_val *item;
	size_t i, n;

	if (yyjson_mut_arr_size(patch) > MERGED_MAX || yyjson_mut_arr_size(list) > MERGED_MAX) {
		s->why = arena_printf(s->arena, "%s: too many items to merge", path);
		return;
	}
	if (replaces(patch))
		yyjson_mut_arr_clear(list);
	yyjson_mut_arr_foreach (patch, i, n, item)
		if (!s->why && !is_directive(item, "replace"))
			merge_item(s, list, item, key, path);
}

static void sort_list(yyjson_mut_val *list, yyjson_mut_val *order, const char *key)
{
	yyjson_mut_val *item;
	size_t i, n, front = 0;

	if (yyjson_mut_arr_size(order) > MERGED_MAX)
		return;
	yyjson_mut_arr_foreach (order, i, n, item) {
		long at = find(list, item, key);

		if (at >= (long)front)
			yyjson_mut_arr_insert(list, yyjson_mut_arr_remove(list, at), front++);
	}
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

static void merge_member(struct strategic *s, yyjson_mut_val *to, const char *name,
                         yyjson_mut_val *v, const char *path)
{
	yyjson_mut_val *have = yyjson_mut_obj_get(to, name);
	const char *at = child_path(s, path, name), *key;

	if (yyjson_mut_is_null(v)) {
		yyjson_mut_obj_remove_key(to, name);
	} else if (yyjson_mut_is_obj(v)) {
		if (!yyjson_mut_is_obj(have)) {
			have = yyjson_mut_obj(s->doc);
			mut_set(s->doc, to, name, have);
		}
		merge_object(s, have, v, at);
	} else if (yyjson_mut_is_arr(v) && (key = merge_key(s, at))) {
		if (!yyjson_mut_is_arr(have)) {
			have = yyjson_mut_arr(s->doc);
			mut_set(s->doc, to, name, have);
		}
		merge_list(s, have, v, key, at);
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

/* "$setElementOrder/ports" and its like concern the member that they name, once it is merged. */
static void follow_directives(struct strategic *s, yyjson_mut_val *to, yyjson_mut_val *patch,
                              const char *path)
{
	yyjson_mut_val *key, *v;
	size_t i, n;

	yyjson_mut_obj_foreach (patch, i, n, key, v) {
		const char *field, *name = yyjson_mut_get_str(key);

		if ((field = behind(name, "$deleteFromPrimitiveList/")))
			delete_from_list(yyjson_mut_obj_get(to, field), v);
		else if ((field = behind(name, "$setElementOrder/")) &&
		         merge_key(s, child_path(s, path, field)))
			sort_list(yyjson_mut_obj_get(to, field), v,
			          merge_key(s, child_path(s, path, field)));
	}
}

static void merge_object(struct strategic *s, yyjson_mut_val *to, yyjson_mut_val *patch,
                         const char *path)
{
	yyjson_mut_val *key, *v;
	size_t i, n;

	if (is_directive(patch, "replace") || is_directive(patch, "delete"))
		yyjson_mut_obj_clear(to);
	if (is_directive(patch, "delete"))
		return;
	if (yyjson_mut_obj_get(patch, "$retainKeys"))
		retain_keys(to, yyjson_mut_obj_get(patch, "$retainKeys"));
	yyjson_mut_obj_foreach (patch, i, n, key, v)
		if (!s->why && yyjson_mut_get_str(key)[0] != '$')
			merge_member(s, to, yyjson_mut_get_str(key), v, path);
	follow_directives(s, to, patch, path);
}

const char *patch_strategic(enum kind kind, yyjson_mut_doc *doc, yyjson_mut_val *to,
                            yyjson_mut_val *patch, struct arena *a)
{
	struct strategic s = { .kind = kind, .doc = doc, .arena = a };

	merge_object(&s, to, patch, "");
	return s.why;
}
