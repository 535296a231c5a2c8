/* cni.c - see cni.h */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <knetd/auto.h>
#include <knetd/object.h>

#include "cni.h"

static const struct {
	const char *name;
	enum cni_version since;
	bool attachment; /* needs a container and an interface */
	bool netns;      /* needs a namespace */
	bool network;    /* needs the network's name */
} verbs[CNI_VERBS] = {
	[CNI_ADD] = { "ADD", CNI_0_3_1, true, true, true },
	[CNI_DEL] = { "DEL", CNI_0_3_1, true, false, false },
	[CNI_CHECK] = { "CHECK", CNI_0_4_0, true, true, true },
	[CNI_GC] = { "GC", CNI_1_1_0, false, false, true },
	[CNI_STATUS] = { "STATUS", CNI_1_1_0, false, false, true },
};

/* ---- reading JSON --------------------------------------------------------------------------- */

/* A string member, "" when absent; a string with a NUL inside counts as absent. */
static const char *text_of(yyjson_val *obj, const char *key)
{
	yyjson_val *v = yyjson_obj_get(obj, key);
	const char *s = yyjson_get_str(v);

	return s && strlen(s) == yyjson_get_len(v) ? s : "";
}

/* containerd writes the members of runtimeConfig in Go's capitals. */
static yyjson_val *get_nocase(yyjson_val *obj, const char *key)
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

/* ---- names ---------------------------------------------------------------------------------- */

/* Specification: a letter or digit, then letters, digits, '_', '.', '-'. */
static bool is_cni_name(const char *s, size_t max)
{
	size_t n = strlen(s);

	if (n == 0 || n > max || !isalnum((unsigned char)*s))
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("_.-", *s))
			return false;
	return true;
}

/* The kernel's own rule (dev_valid_name), and no blanks or controls of any kind. */
static bool is_ifname(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > 15 || !strcmp(s, ".") || !strcmp(s, ".."))
		return false;
	for (; *s; s++)
		if (*s <= ' ' || *s > '~' || *s == '/' || *s == ':' || *s == '%')
			return false;
	return true;
}

/* RFC 1123 labels joined by dots (dots false: one label), as Kubernetes wants names. */
static bool is_dns_name(const char *s, bool dots)
{
	size_t n = strlen(s);

	if (n == 0 || n > (dots ? 253 : 63) || *s == '-' || *s == '.' || s[n - 1] == '-' ||
	    s[n - 1] == '.')
		return false;
	for (; *s; s++) {
		if (*s == '.' && (!dots || s[1] == '.' || s[1] == '-' || s[-1] == '-'))
			return false;
		if (!islower((unsigned char)*s) && !isdigit((unsigned char)*s) && *s != '-' &&
		    *s != '.')
			return false;
	}
	return true;
}

static enum cni_code check_environment(const struct cni_request *r, struct cni_error *er)
{
	if (verbs[r->verb].attachment && !is_cni_name(r->container, CNI_CONTAINER_MAX))
		return cni_error_set(er, CNI_BAD_ENVIRONMENT, "CNI_CONTAINERID is %s",
		                     r->container[0] ? "no valid container id" : "missing");
	if (verbs[r->verb].attachment && !is_ifname(r->ifname))
		return cni_error_set(er, CNI_BAD_ENVIRONMENT, "CNI_IFNAME is %s",
		                     r->ifname[0] ? "no valid interface name" : "missing");
	if (verbs[r->verb].netns && r->netns[0] != '/')
		return cni_error_set(er, CNI_BAD_ENVIRONMENT, "CNI_NETNS is %s",
		                     r->netns[0] ? "no absolute path" : "missing");
	return CNI_OK;
}

/* ---- requested addresses -------------------------------------------------------------------- */

/* "10.1.2.3" or "10.1.2.3/24": the prefix length is the network's affair, not the asker's. */
static enum cni_code want_ip(struct cni_request *r, const char *text, struct cni_error *er)
{
	char bare[IP_TEXT];
	size_t n = text ? strcspn(text, "/") : 0;
	struct ip ip;

	if (n == 0 || n >= sizeof(bare))
		return cni_error_set(er, CNI_BAD_CONFIG, "a requested address is no IP address");
	memcpy(bare, text, n);
	bare[n] = 0;
	if (!ip_parse(&ip, bare))
		return cni_error_set(er, CNI_BAD_CONFIG, "requested address %s is no IP address",
		                     bare);
	for (unsigned i = 0; i < r->n_ips; i++) {
		if (ip_equal(&r->ips[i], &ip))
			return CNI_OK;
		if (r->ips[i].len == ip.len)
			return cni_error_set(
				er, CNI_BAD_CONFIG,
				"requested address %s: one of its family is requested already",
				bare);
	}
	r->ips[r->n_ips++] = ip;
	return CNI_OK;
}

static enum cni_code want_ips(struct cni_request *r, yyjson_val *list, struct cni_error *er)
{
	enum cni_code code = CNI_OK;
	size_t i, max;
	yyjson_val *v;

	yyjson_arr_foreach (list, i, max, v) {
		code = want_ip(r, yyjson_get_str(v), er);
		if (code)
			break;
	}
	return code;
}

/* ---- CNI_ARGS: "K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0;IgnoreUnknown=1", in any order ----
 */

static enum cni_code take_arg(struct cni_request *r, const char *key, const char *value,
                              struct cni_error *er)
{
	if (!strcmp(key, "IP"))
		return want_ip(r, value, er);
	if (!strcmp(key, "K8S_POD_NAMESPACE")) {
		if (!is_dns_name(value, false))
			return cni_error_set(er, CNI_BAD_ENVIRONMENT,
			                     "CNI_ARGS: K8S_POD_NAMESPACE is no namespace name");
		r->pod_ns = value;
	} else if (!strcmp(key, "K8S_POD_NAME")) {
		if (!is_dns_name(value, true))
			return cni_error_set(er, CNI_BAD_ENVIRONMENT,
			                     "CNI_ARGS: K8S_POD_NAME is no pod name");
		r->pod_name = value;
	} else if (!strcmp(key, "K8S_POD_UID")) {
		r->pod_uid = value;
	}
	return CNI_OK;
}

static enum cni_code parse_args(struct cni_request *r, const char *args, struct cni_error *er)
{
	while (*args) {
		size_t n = strcspn(args, ";");
		char *pair = arena_strndup(&r->arena, args, n), *value = strchr(pair, '=');
		enum cni_code code;

		args += n + (args[n] == ';');
		if (!*pair)
			continue;
		if (!value)
			return cni_error_set(er, CNI_BAD_ENVIRONMENT,
			                     "CNI_ARGS: a part has no '='");
		*value++ = 0;
		code = take_arg(r, pair, value, er);
		if (code)
			return code;
	}
	return CNI_OK;
}

/* ---- the network configuration ----------------------------------------------------------------
 */

static enum cni_code parse_version(struct cni_request *r, yyjson_val *config, struct cni_error *er)
{
	const char *text = text_of(config, "cniVersion");
	int version = cni_version_find(text);

	if (version < 0)
		return cni_error_set(er, CNI_VERSION_UNKNOWN,
		                     "cniVersion \"%.32s\" is not supported (0.3.1 to 1.1.0 are)",
		                     text);
	r->version = version;
	if (r->version < verbs[r->verb].since)
		return cni_error_set(er, CNI_VERSION_UNKNOWN,
		                     "%s needs cniVersion %s or newer, not %s", verbs[r->verb].name,
		                     cni_version_name[verbs[r->verb].since], text);
	return CNI_OK;
}

/* A port that is silently not opened would be a lie; port 0 asks for nothing. */
static enum cni_code check_port_mappings(yyjson_val *list, struct cni_error *er)
{
	size_t i, max;
	yyjson_val *v;

	yyjson_arr_foreach (list, i, max, v) {
		int64_t port = yyjson_get_sint(get_nocase(v, "hostPort"));

		if (port)
			return cni_error_set(er, CNI_BAD_CONFIG,
			                     "runtimeConfig.portMappings: host ports (here %lld) "
			                     "are not supported by this version",
			                     (long long)port);
	}
	return CNI_OK;
}

static enum cni_code parse_runtime_config(struct cni_request *r, yyjson_val *config,
                                          struct cni_error *er)
{
	yyjson_val *runtime = yyjson_obj_get(config, "runtimeConfig");
	yyjson_val *annotations = get_nocase(runtime, "io.kubernetes.cri.pod-annotations");
	enum cni_code code = want_ips(r, get_nocase(runtime, "ips"), er);

	if (!code)
		code = want_ips(r, json_at(config, "args.cni.ips"), er);
	if (!code)
		code = check_port_mappings(get_nocase(runtime, "portMappings"), er);
	r->annotations = yyjson_is_obj(annotations) ? annotations : NULL;
	return code;
}

/* Another plugin's address manager would be asked for nothing: say so rather than ignore it. */
static enum cni_code check_ipam(yyjson_val *config, struct cni_error *er)
{
	const char *type = json_str(config, "ipam.type");

	if (type && *type && strcmp(type, "knet") != 0)
		return cni_error_set(
			er, CNI_UNSUPPORTED_FIELD,
			"ipam.type \"%.32s\": addresses come from [podnet] cidrs of knetd.ini",
			type);
	return CNI_OK;
}

static enum cni_code parse_config(struct cni_request *r, yyjson_val *config, struct cni_error *er)
{
	yyjson_val *prev = yyjson_obj_get(config, "prevResult"),
		   *dns = yyjson_obj_get(config, "dns");

	r->network = text_of(config, "name");
	r->prev = yyjson_is_obj(prev) ? prev : NULL;
	r->dns = yyjson_is_obj(dns) ? dns : NULL;
	r->valid = yyjson_obj_get(config, "cni.dev/valid-attachments");
	if (verbs[r->verb].network && !is_cni_name(r->network, 253))
		return cni_error_set(er, CNI_BAD_CONFIG, "the network's name is %s",
		                     r->network[0] ? "not valid" : "missing");
	if (r->verb == CNI_CHECK && !r->prev)
		return cni_error_set(er, CNI_BAD_CONFIG, "CHECK needs prevResult");
	if (r->verb == CNI_GC && !yyjson_is_arr(r->valid))
		return cni_error_set(er, CNI_BAD_CONFIG, "GC needs cni.dev/valid-attachments");
	return r->verb == CNI_ADD ? check_ipam(config, er) : CNI_OK;
}

enum cni_code cni_request_parse(struct cni_request *r, enum cni_verb verb, const char *body,
                                size_t len, struct cni_error *er)
{
	yyjson_val *root, *config;
	enum cni_code code;

	*r = (struct cni_request){ .verb = verb,
		                   .version = CNI_1_1_0,
		                   .network = "",
		                   .pod_ns = "default",
		                   .pod_name = "",
		                   .pod_uid = "" };
	r->doc = yyjson_read(body, len, 0);
	root = yyjson_doc_get_root(r->doc);
	config = yyjson_obj_get(root, "config");
	if (!yyjson_is_obj(config))
		return cni_error_set(er, CNI_DECODE,
		                     "the request or its network configuration is no JSON object");
	r->container = text_of(root, "containerID");
	r->netns = text_of(root, "netns");
	r->ifname = text_of(root, "ifName");
	code = parse_version(r, config, er);
	if (!code)
		code = check_environment(r, er);
	if (!code)
		code = parse_config(r, config, er);
	if (code || verb == CNI_DEL ||
	    !verbs[verb].attachment) /* DEL must not fail over what ADD was told */
		return code;
	code = parse_args(r, text_of(root, "args"), er);
	return code ? code : parse_runtime_config(r, config, er);
}

void cni_request_free(struct cni_request *r)
{
	yyjson_doc_free(r->doc);
	arena_free(&r->arena);
	*r = (struct cni_request){ 0 };
}

/* ---- questions ------------------------------------------------------------------------------ */

bool cni_attachments_have(yyjson_val *valid, const char *container, const char *ifname)
{
	size_t i, max;
	yyjson_val *v;

	yyjson_arr_foreach (valid, i, max, v)
		if (yyjson_equals_str(yyjson_obj_get(v, "containerID"), container) &&
		    yyjson_equals_str(yyjson_obj_get(v, "ifname"), ifname))
			return true;
	return false;
}

bool cni_result_has_ip(yyjson_val *result, const struct ip *ip)
{
	char text[IP_TEXT];
	size_t i, max, n = strlen(ip_text(ip, text));
	yyjson_val *v;

	yyjson_arr_foreach (yyjson_obj_get(result, "ips"), i, max, v) {
		const char *address = yyjson_get_str(yyjson_obj_get(v, "address"));

		if (address && !strncmp(address, text, n) && (address[n] == '/' || !address[n]))
			return true;
	}
	return false;
}

bool cni_result_has_ips(yyjson_val *result)
{
	return yyjson_arr_size(yyjson_obj_get(result, "ips")) > 0;
}

bool cni_result_has_interface(yyjson_val *result, const char *name)
{
	size_t i, max;
	yyjson_val *v;

	yyjson_arr_foreach (yyjson_obj_get(result, "interfaces"), i, max, v)
		if (yyjson_equals_str(yyjson_obj_get(v, "name"), name) &&
		    yyjson_get_len(yyjson_obj_get(v, "sandbox")) > 0)
			return true;
	return false;
}
