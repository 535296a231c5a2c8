/* ingress_class.c - see ingress_class.h */
#include <string.h>

#include <knetd/store.h>

#include "ingress_class.h"

/* A class that no object describes is ours when it has our name. */
static bool class_ours(const char *name, bool *is_default)
{
	const struct object *o = store_get(KIND_INGRESSCLASS, "", name);
	auto_doc yyjson_doc *doc = o ? object_doc(o) : NULL;
	yyjson_val *root = yyjson_doc_get_root(doc);
	const char *controller = json_str(root, "spec.controller");

	if (is_default)
		*is_default = yyjson_equals_str(
			yyjson_obj_get(json_at(root, "metadata.annotations"),
		                       "ingressclass.kubernetes.io/is-default-class"),
			"true");
	return o ? controller && !strcmp(controller, INGRESS_CONTROLLER)
	         : !strcmp(name, INGRESS_CLASS);
}

/* Without a class: ours, unless somebody else's class is the default one. */
static bool default_is_ours(void)
{
	const struct object *o;
	bool is_default, foreign = false;

	for (size_t i = 0; (o = store_next_object(KIND_INGRESSCLASS, &i));) {
		bool ours = class_ours(o->name, &is_default);

		if (ours && is_default)
			return true;
		foreign |= is_default;
	}
	return !foreign;
}

bool ingress_class_ours(yyjson_val *ingress)
{
	const char *name = json_str(ingress, "spec.ingressClassName");
	const char *old = yyjson_get_str(yyjson_obj_get(json_at(ingress, "metadata.annotations"),
	                                                "kubernetes.io/ingress.class"));

	if (name || old)
		return class_ours(name ? name : old, NULL);
	return default_is_ours();
}
