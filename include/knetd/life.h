/* life.h - how an object ends: at once, or marked with a deletionTimestamp and kept until what
 * holds it back (finalizers, a Namespace's content, a Pod's grace) is done. Kubernetes' rules
 * (registry/rest/delete.go); the API deletes with these, and so does modules/life. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/err.h>
#include <knetd/object.h>

#define FINALIZER_ORPHAN "orphan"
#define FINALIZER_FOREGROUND "foregroundDeletion"
#define FINALIZER_NAMESPACE "kubernetes" /* in spec.finalizers: its content is still there */

/* A Pod with this annotation has an interface (modules/podnet writes it). */
#define POD_ATTACHMENT "knetd.io/attachment"
#define POD_GRACE_DEFAULT 30 /* seconds */

/* What becomes of the objects that name this one as their owner. */
enum propagation {
	PROPAGATION_DEFAULT, /* background, unless a finalizer says otherwise */
	PROPAGATION_BACKGROUND,
	PROPAGATION_FOREGROUND,
	PROPAGATION_ORPHAN
};
struct life_options {
	enum propagation propagation;
	int64_t grace; /* seconds, negative: not given; Pods alone have one */
};

/* Inside the caller's transaction. *left (borrowed): the object as it stands now, NULL when it is
 * gone. Deleting once more changes nothing, but a Pod's grace may be cut short. */
int life_delete(const struct object *o, const struct life_options *how, const struct object **left,
                struct err *e);
bool life_ending(const struct object *o); /* has a deletionTimestamp */
/* Ending, and nothing holds it back any more but (for a Pod) its grace. */
bool life_unheld(enum kind kind, yyjson_val *root);
/* Milliseconds until an ending Pod's grace is over; 0 when it has none (left). */
uint64_t life_grace_left(yyjson_val *root);
bool life_has_finalizer(yyjson_val *root, const char *name);
/* Takes one out of metadata.finalizers, or with FINALIZER_NAMESPACE out of spec.finalizers; an
 * object that nothing holds back then is removed. */
int life_finalizer_done(const struct object *o, const char *name, struct err *e);
