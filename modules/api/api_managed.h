/* api_managed.h - metadata.managedFields: who wrote which fields.
 *
 * They are kept only on objects that have been server-side applied, to keep memory small. At its
 * first apply, what an object already says becomes the manager "before-first-apply"'s, as
 * Kubernetes does with objects without managedFields; from then on every write is told. */
#pragma once

#include "api_fieldset.h"

#define MANAGERS_MAX 64        /* of one object */
#define MANAGERS_UPDATE_MAX 10 /* that wrote by update; the older are merged */

struct manager {
	const char *name, *operation, *api_version, *time, *subresource;
	struct fieldset fields;
};
struct managers {
	size_t n;
	struct manager v[MANAGERS_MAX];
};

/* Who writes; NULL for a write of knetd's own. */
struct writer {
	const char *name, *subresource;
	const struct managers *applied; /* by an apply: what they are now; NULL: an update */
};

/* From fieldManager or the User-Agent. False: the answer was made. */
bool writer_read(struct call *c, struct writer *out);
/* False when an entry is broken; an absent list is empty. */
bool managers_read(struct arena *a, yyjson_mut_val *list, struct managers *out);
/* The manager with that identity, made when it is not there; NULL when there are too many. */
struct manager *managers_find(struct managers *m, enum kind kind, const char *name,
                              const char *operation, const char *subresource);
void managers_drop_empty(struct managers *m);
/* Puts metadata.managedFields into root, which was was; sent: what the client said of them. The one
 * call that object_write makes. */
void managed_write(struct arena *a, enum kind kind, yyjson_mut_doc *doc, yyjson_mut_val *root,
                   yyjson_val *was, yyjson_mut_val *sent, const struct writer *w);
