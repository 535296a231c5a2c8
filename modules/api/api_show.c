/* api_show.c - see api_show.h */
#include "api_show.h"

struct show show_wanted(const struct call *c, enum form form)
{
	return (struct show){ .form = form,
		              .with = table_object_wanted(c->http->query),
		              .version = c->target.version };
}

void show_object(struct buf *b, const struct object *o, const struct show *show, bool columns)
{
	if (form_is_table(show->form))
		table_build(b, o, show->with, columns, show->form);
	else
		form_put_object(b, o, show->version, show->form);
}
