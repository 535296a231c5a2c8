/* gateway_grant.c - see gateway_grant.h */
#include <string.h>

#include <knetd/auto.h>
#include <knetd/store.h>

#include "gateway_grant.h"

static bool is(yyjson_val *obj, const char *key, const char *text)
{
	return yyjson_equals_str(yyjson_obj_get(obj, key), text);
}

static bool lets_in(yyjson_val *spec, const char *group, const char *kind, const char *ns)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (yyjson_obj_get(spec, "from"), i, n, v)
		if (is(v, "group", group) && is(v, "kind", kind) && is(v, "namespace", ns))
			return true;
	return false;
}

/* A grant without a name is for all of the kind. */
static bool gives(yyjson_val *spec, const char *group, const char *kind, const char *name)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (yyjson_obj_get(spec, "to"), i, n, v) {
		const char *only = json_str(v, "name");

		if (is(v, "group", group) && is(v, "kind", kind) &&
		    (!only || !*only || !strcmp(only, name)))
			return true;
	}
	return false;
}

bool gateway_grant(const char *from_group, const char *from_kind, const char *from,
                   const char *to_group, const char *to_kind, const char *to, const char *name)
{
	const struct list *grants;

	if (!strcmp(from, to))
		return true;
	grants = store_group(KIND_REFERENCEGRANT, to);
	for (const struct list *l = grants ? grants->next : NULL; l && l != grants; l = l->next) {
		auto_doc yyjson_doc *doc = object_doc(container_of(l, struct object, in_group));
		yyjson_val *spec = yyjson_obj_get(yyjson_doc_get_root(doc), "spec");

		if (lets_in(spec, from_group, from_kind, from) &&
		    gives(spec, to_group, to_kind, name))
			return true;
	}
	return false;
}

bool gateway_granted(const struct object *from, const char *to_group, const char *to_kind,
                     const char *to, const char *name)
{
	const struct kind_info *info = &kind_info[from->kind];

	return gateway_grant(info->group, info->kind, from->ns, to_group, to_kind, to, name);
}
