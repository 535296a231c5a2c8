/* api_table_cells.h - what a Table shows of each kind. */
#pragma once

#include <assert.h>
#include <stdbool.h>

#include <knetd/buf.h>
#include <knetd/object.h>

struct table_column {
	const char *name;                                /* NULL ends the list */
	void (*cell)(struct buf *b, yyjson_val *object); /* appends its text */
	bool wide;                                       /* with -o wide only */
	bool number;
};
extern const struct table_column *const table_columns[KIND_COUNT];
