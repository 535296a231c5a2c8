/* view_gateway.c - see view.h: what several modules ask of Gateways. */
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/store.h>
#include <knetd/view.h>

#define CONTROLLER "knetd.io/gateway"
#define CLASS "knetd"

/* A class with parameters is one that we do not accept: there are none. */
static bool class_ours(const char *name)
{
	const struct object *o = store_get(KIND_GATEWAYCLASS, "", name);
	auto_doc yyjson_doc *doc = o ? object_doc(o) : NULL;
	yyjson_val *spec = yyjson_obj_get(yyjson_doc_get_root(doc), "spec");

	if (!o)
		return !strcmp(name, CLASS);
	return yyjson_equals_str(yyjson_obj_get(spec, "controllerName"), CONTROLLER) &&
	       !yyjson_obj_get(spec, "parametersRef");
}

bool view_gateway_ours(const struct object *gateway)
{
	auto_doc yyjson_doc *doc = object_doc(gateway);
	const char *name = json_str(yyjson_doc_get_root(doc), "spec.gatewayClassName");

	return name && class_ours(name);
}

static bool pool_gives(const struct object *pool)
{
	auto_doc yyjson_doc *doc = object_doc(pool);

	return json_bool(yyjson_doc_get_root(doc), "spec.autoAssign", true);
}

bool view_pools_give(void)
{
	const struct object *o;

	if (conf.lb.pools.n || conf.lb.node)
		return true;
	for (size_t i = 0; (o = store_next_object(KIND_ADDRESSPOOL, &i));)
		if (pool_gives(o))
			return true;
	return false;
}
