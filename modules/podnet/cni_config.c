/* cni_config.c - what the network configuration says: its members, runtimeConfig and args.cni. */
#include <string.h>
#include <strings.h>

#include <knetd/object.h>

#include "cni_config.h"

#define ANNOTATIONS "io.kubernetes.cri.pod-annotations"
#define ANNOTATIONS_MAX 262144

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

/* null: the pod has none. The limit is Kubernetes' own (ValidateAnnotationsSize). */
static enum cni_code take_annotations(struct cni_request *r, yyjson_val *annotations,
                                      struct cni_error *er)
{
	size_t i, max, bytes = 0;
	yyjson_val *k, *v;

	if (!annotations || yyjson_is_null(annotations))
		return CNI_OK;
	if (!yyjson_is_obj(annotations))
		return cni_error_set(er, CNI_BAD_CONFIG, ANNOTATIONS " is no object");
	yyjson_obj_foreach (annotations, i, max, k, v) {
		if (!yyjson_is_str(v))
			return cni_error_set(er, CNI_BAD_CONFIG,
			                     ANNOTATIONS ": %.100s is no string",
			                     yyjson_get_str(k));
		bytes += yyjson_get_len(k) + yyjson_get_len(v);
	}
	if (bytes > ANNOTATIONS_MAX)
		return cni_error_set(er, CNI_BAD_CONFIG, ANNOTATIONS " is larger than %d bytes",
		                     ANNOTATIONS_MAX);
	r->annotations = annotations;
	return CNI_OK;
}

static enum cni_code take_addresses(struct cni_request *r, yyjson_val *config, yyjson_val *runtime,
                                    struct cni_error *er)
{
	yyjson_val *ranges = cni_member(runtime, "ipRanges"), *mac = cni_member(runtime, "mac");
	enum cni_code code = cni_want_ips(r, cni_member(runtime, "ips"), er);

	if (!code)
		code = cni_want_ips(r, json_at(config, "args.cni.ips"), er);
	if (!code && yyjson_arr_size(ranges))
		code = cni_want_parts(r, ranges, "runtimeConfig.ipRanges", er);
	else if (!code)
		code = cni_want_parts(r, json_at(config, "ipam.ranges"), "ipam.ranges", er);
	if (!code && json_at(config, "args.cni.mac"))
		code = cni_want_mac(r, json_str(config, "args.cni.mac"), "args.cni.mac", er);
	if (!code && mac)
		code = cni_want_mac(r, yyjson_get_str(mac), "runtimeConfig.mac", er);
	return code;
}

static enum cni_code take_files(struct cni_request *r, yyjson_val *files, struct cni_error *er)
{
	if (files && !yyjson_is_bool(files))
		return cni_error_set(er, CNI_BAD_CONFIG, "\"files\" is neither true nor false");
	r->files = yyjson_get_bool(files);
	return CNI_OK;
}

enum cni_code cni_config_wishes(struct cni_request *r, yyjson_val *config, struct cni_error *er)
{
	yyjson_val *runtime = yyjson_obj_get(config, "runtimeConfig");
	enum cni_code code = take_annotations(r, cni_member(runtime, ANNOTATIONS), er);

	if (!code)
		code = take_addresses(r, config, runtime, er);
	if (!code)
		code = cni_want_bandwidth(r, cni_member(runtime, "bandwidth"), er);
	if (!code)
		code = cni_want_sysctls(r, yyjson_obj_get(config, "sysctl"), er);
	if (!code)
		code = cni_want_dns(r, config, runtime, er);
	if (!code)
		code = cni_want_aliases(r, cni_member(runtime, "aliases"), er);
	if (!code)
		code = take_files(r, yyjson_obj_get(config, "files"), er);
	if (!code)
		code = cni_ports_parse(r, cni_member(runtime, "portMappings"), er);
	return code;
}
