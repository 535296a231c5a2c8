/* api_fieldset.h - sets of fields, as metadata.managedFields[].fieldsV1 writes them, and what the
 * table of fields makes of two objects: their differences, their merge, what is removed.
 *
 * A set is a tree. An element is "f:NAME" (a member of an object), "k:{...}" (an item of a list, by
 * its keys) or "v:VALUE" (an item of a set); `member` says that the element itself is in the set,
 * not just something below it. Children are sorted by their text. Everything lives in the arena, or
 * in the document that the set was read from. */
#pragma once

#include "api.h"

struct fieldset {
	const char *element; /* NULL at the root */
	bool member;
	size_t n;
	struct fieldset *child;
};

/* Of fieldsV1; false when it is none. */
bool fieldset_read(struct arena *a, yyjson_mut_val *v, struct fieldset *out);
yyjson_mut_val *fieldset_write(yyjson_mut_doc *doc, const struct fieldset *s);

enum fieldset_op { SET_UNION, SET_SUBTRACT, SET_INTERSECT };
struct fieldset fieldset_combine(struct arena *a, enum fieldset_op op, const struct fieldset *x,
                                 const struct fieldset *y);
bool fieldset_empty(const struct fieldset *s);
bool fieldset_equal(const struct fieldset *x, const struct fieldset *y);
/* The paths in the set, as Kubernetes writes them: ".spec.ports[port=80,protocol=\"TCP\"].name".
 * At most max; returns how many there are. */
size_t fieldset_paths(struct arena *a, const struct fieldset *s, const char **out, size_t max);

/* ---- objects (api_fieldset_object.c) --------------------------------------------------------- */

struct difference {
	struct fieldset added, changed, removed;
};

/* Every field that a manifest says something about. */
struct fieldset object_fields(struct arena *a, enum kind kind, yyjson_mut_val *root);
/* before may be NULL: everything is added. */
void object_compare(struct arena *a, enum kind kind, yyjson_mut_val *before, yyjson_mut_val *after,
                    struct difference *out);
/* Puts what `from` says into `to`. NULL, or what is wrong with `from`. */
const char *object_merge(struct arena *a, enum kind kind, yyjson_mut_doc *doc, yyjson_mut_val *to,
                         yyjson_mut_val *from);
/* Takes out of root what is in `gone` and not in `kept`. */
void object_remove(struct arena *a, enum kind kind, yyjson_mut_val *root,
                   const struct fieldset *gone, const struct fieldset *kept);
