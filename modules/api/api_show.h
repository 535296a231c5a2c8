/* api_show.h - how one client of get, list or watch is shown objects: form, what a Table's rows
 * carry, and the version of the API. */
#pragma once

#include "api_form.h"
#include "api_table.h"

struct show {
	enum form form;
	enum table_object with;
	const char *version;
};
struct show show_wanted(const struct call *c, enum form form);
/* Appends the object. columns: of a Table. */
void show_object(struct buf *b, const struct object *o, const struct show *show, bool columns);
