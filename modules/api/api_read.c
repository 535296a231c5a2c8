/* api_read.c - get and list. Objects are answered with the very text that is stored. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "api_form.h"
#include "api_object.h"
#include "api_table.h"

static int by_key(const void *a, const void *b)
{
	return strcmp((*(const struct object *const *)a)->key,
	              (*(const struct object *const *)b)->key);
}

const struct object *object_find(struct call *c)
{
	const struct object *o = store_get(c->target.kind, c->target.ns, c->target.name);

	if (!o && store_is_damaged(c->target.kind, c->target.ns, c->target.name))
		status_fail(c, 500, "InternalError",
		            "%s \"%s\" is damaged in the store: create it again",
		            qualified_plural(&c->arena, c->target.kind), c->target.name);
	else if (!o)
		status_not_found(c, c->target.kind, c->target.name);
	return o;
}

const struct object **object_collect(struct call *c, size_t *n)
{
	const struct object **v, *o;
	const char *why = "";
	struct selector s;

	if (!selector_parse(c->http->query, c->target.kind, &c->arena, &s, &why)) {
		status_fail(c, 400, "BadRequest", "%s", why);
		return NULL;
	}
	v = xmalloc((store_count(c->target.kind) + 1) * sizeof(*v));
	*n = 0;
	for (size_t i = 0; (o = store_next_object(c->target.kind, &i));)
		if ((!*c->target.ns || !strcmp(o->ns, c->target.ns)) && selector_match(&s, o))
			v[(*n)++] = o;
	if (*n > 1)
		qsort(v, *n, sizeof(*v), by_key);
	return v;
}

void serve_list(struct call *c)
{
	const struct kind_info *k = &kind_info[c->target.kind];
	auto_free const struct object **v = NULL;
	struct buf *b = &c->answer->body;
	size_t n;

	v = object_collect(c, &n);
	if (!v)
		return;
	if (form_is_table(c->form)) {
		table_answer(c, v, n);
		return;
	}
	if (c->form == FORM_METADATA) {
		buf_str(b,
		        "{\"kind\":\"PartialObjectMetadataList\",\"apiVersion\":\"meta.k8s.io/v1");
	} else {
		buf_printf(b, "{\"kind\":\"%sList\",\"apiVersion\":\"", k->kind);
		form_put_api_version(b, c->target.kind, c->target.version);
	}
	buf_printf(b, "\",\"metadata\":{\"resourceVersion\":\"%llu\"},\"items\":[",
	           (unsigned long long)store_version());
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_add(b, ",", 1);
		form_put_object(b, v[i], c->target.version, c->form);
	}
	buf_str(b, "]}");
	answer_done(c);
}

void serve_get(struct call *c)
{
	const struct object *o = object_find(c);

	if (o)
		answer_object(c, 200, o);
}
