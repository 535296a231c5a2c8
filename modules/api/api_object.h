/* api_object.h - one object on its way into the store. */
#pragma once

#include "api.h"

/* Reads, defaults, checks and allocates; puts it inside the caller's store transaction. Where something
 * is wrong, causes says what and nothing is put. old: the state before, or NULL. status_only: a write to
 * the status subresource. */
int object_write(enum kind kind, const char *ns, const char *name, yyjson_mut_doc *doc, yyjson_mut_val *root,
		 const struct object *old, bool status_only, bool allow_unknown, struct causes *causes,
		 const struct object **out, struct err *e);
