/* api_object.h - one object on its way into the store, and the steps that the verbs share. */
#pragma once

#include "api.h"

struct writer; /* of api_managed.h */

/* What a write is about: the subresources change nothing but their part, the main path leaves those
 * parts alone. */
enum part { PART_MAIN, PART_STATUS, PART_FINALIZE };

/* Reads, defaults, checks and allocates; puts it inside the caller's store transaction. Where
 * something is wrong, causes says what and nothing is put. old: the state before, or NULL. An
 * object that was being deleted and that nothing holds back any more is removed; *out is then its
 * last state. writer: see api_managed.h. */
int object_write(enum kind kind, const char *ns, const char *name, yyjson_mut_doc *doc,
                 yyjson_mut_val *root, const struct object *old, enum part part,
                 const struct writer *writer, bool allow_unknown, struct causes *causes,
                 const struct object **out, struct err *e);
/* uid, resourceVersion and the like: what the store, not a client, says. */
void object_drop_server_fields(yyjson_mut_val *root);

/* The target, or NULL with a 404 as the answer. */
const struct object *object_find(struct call *c);
/* In the order of their keys: by namespace, then name, as Kubernetes lists. */
void objects_sort(const struct object **v, size_t n);
/* What the selector picks of the call's collection, in no order; free the array. version: as it was
 * then, 0 for the present; NULL when that is too long ago. Borrowed as the store's and its ring's
 * are. */
const struct object **snapshot_collect(struct call *c, const struct selector *s, uint64_t version,
                                       size_t *n);
/* The selected objects in the order of their keys (free the array), or NULL with a 400 as the
 * answer. */
const struct object **object_collect(struct call *c, size_t *n);
/* Why a namespace that is being deleted takes nothing new; NULL when it is not. */
const struct causes *namespace_refusal(struct arena *a, const char *ns);
/* Identity in the body has to be that of the path; what is missing is filled in. Else 400. */
bool object_agree(struct call *c, yyjson_mut_doc *doc, yyjson_mut_val *root, const char *name);
/* metadata.uid and resourceVersion in the body are wishes: this object, and nothing has happened
 * since. Else 409. */
bool object_unchanged(struct call *c, yyjson_mut_val *root, const struct object *old);
/* A new object, if its namespace takes it. */
void object_create(struct call *c, struct documents *d, const char *name);
/* One object in one transaction, and the answer; code is that of success. */
void object_store(struct call *c, struct documents *d, const char *name, const struct object *old,
                  unsigned code);
/* Ends the store's transaction as the call wants it. The answer was made before. */
void object_finish(struct call *c);

/* Strategic merge patch. NULL, or what is wrong with the patch. */
const char *patch_strategic(enum kind kind, yyjson_mut_doc *doc, yyjson_mut_val *to,
                            yyjson_mut_val *patch, struct arena *a);
