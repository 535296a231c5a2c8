/* cni_config.c - what the network configuration says: its members, runtimeConfig and args.cni. */
#include <string.h>
#include <strings.h>

#include <knetd/object.h>

#include "cni_config.h"

/* ---- reading JSON --------------------------------------------------------------------------- */

const char *cni_text(yyjson_val *obj, const char *key)
{
	yyjson_val *v = yyjson_obj_get(obj, key);
	const char *s = yyjson_get_str(v);

	return s && strlen(s) == yyjson_get_len(v) ? s : "";
}

yyjson_val *cni_member(yyjson_val *obj, const char *key)
{
	size_t i, max;
	yyjson_val *k, *v;

	if (!yyjson_is_obj(obj))
		return NULL;
	yyjson_obj_foreach (obj, i, max, k, v)
		if (!strcasecmp(yyjson_get_str(k), key))
			return v;
	return NULL;
}

/* ---- members -------------------------------------------------------------------------------- */

void cni_config_members(struct cni_request *r, yyjson_val *config)
{
	yyjson_val *prev = yyjson_obj_get(config, "prevResult"),
		   *dns = yyjson_obj_get(config, "dns");

	r->network = cni_text(config, "name");
	r->prev = yyjson_is_obj(prev) ? prev : NULL;
	r->dns = yyjson_is_obj(dns) ? dns : NULL;
	r->valid = yyjson_obj_get(config, "cni.dev/valid-attachments");
	if (!r->valid) /* as runtimes called it before the specification was out */
		r->valid = yyjson_obj_get(config, "cni.dev/attachments");
	r->no_gc = json_bool(config, "disableGC", false);
}

/* Another plugin's address manager would be asked for nothing: say so rather than ignore it. */
enum cni_code cni_config_ipam(yyjson_val *config, struct cni_error *er)
{
	const char *type = json_str(config, "ipam.type");

	if (type && *type && strcmp(type, "knet") != 0)
		return cni_error_set(
			er, CNI_UNSUPPORTED_FIELD,
			"ipam.type \"%.32s\": addresses come from [podnet] cidrs of knetd.ini",
			type);
	return CNI_OK;
}

/* ---- runtimeConfig -------------------------------------------------------------------------- */

enum cni_code cni_config_wishes(struct cni_request *r, yyjson_val *config, struct cni_error *er)
{
	yyjson_val *runtime = yyjson_obj_get(config, "runtimeConfig");
	yyjson_val *annotations = cni_member(runtime, "io.kubernetes.cri.pod-annotations");
	enum cni_code code = cni_want_ips(r, cni_member(runtime, "ips"), er);

	if (!code)
		code = cni_want_ips(r, json_at(config, "args.cni.ips"), er);
	if (!code)
		code = cni_ports_parse(r, cni_member(runtime, "portMappings"), er);
	r->annotations = yyjson_is_obj(annotations) ? annotations : NULL;
	return code;
}
