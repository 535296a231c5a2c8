/* api_table.h - objects as the Table that `kubectl get` prints. */
#pragma once

#include "api.h"

enum table_object {
	TABLE_METADATA,
	TABLE_OBJECT,
	TABLE_NONE
}; /* what a row carries beside its cells */
enum table_object table_object_wanted(const char *query);

/* Appends a Table of one object. columns: false for a watch's later events. */
void table_build(struct buf *b, const struct object *o, enum table_object with, bool columns,
                 enum form form);
/* Of these objects, all of one kind; meta: the members of the list's metadata. */
void table_list(struct buf *b, enum kind kind, const struct object *const *v, size_t n,
                enum table_object with, const char *meta, enum form form);
