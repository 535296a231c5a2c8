/* cni.c - see cni.h. The environment and the order of questions are here; what the network
 * configuration says is read by cni_config.c, addresses asked for by cni_ips.c. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <knetd/auto.h>
#include <knetd/object.h>

#include "cni.h"
#include "cni_config.h"

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

bool cni_is_dns_name(const char *s, bool dots)
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

/* ---- CNI_ARGS: "K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0;IgnoreUnknown=1", in any order ----
 */

static enum cni_code take_arg(struct cni_request *r, const char *key, const char *value,
                              struct cni_error *er)
{
	if (!strcmp(key, "IP"))
		return cni_want_ip(r, value, er);
	if (!strcmp(key, "MAC"))
		return cni_want_mac(r, value, "CNI_ARGS: MAC", er);
	if (!strcmp(key, "K8S_POD_NAMESPACE")) {
		if (!cni_is_dns_name(value, false))
			return cni_error_set(er, CNI_BAD_ENVIRONMENT,
			                     "CNI_ARGS: K8S_POD_NAMESPACE is no namespace name");
		r->pod_ns = value;
	} else if (!strcmp(key, "K8S_POD_NAME")) {
		if (!cni_is_dns_name(value, true))
			return cni_error_set(er, CNI_BAD_ENVIRONMENT,
			                     "CNI_ARGS: K8S_POD_NAME is no pod name");
		r->pod_name = value;
	} else if (!strcmp(key, "K8S_POD_UID")) {
		r->pod_uid = value;
	} else if (strcmp(key, "K8S_POD_INFRA_CONTAINER_ID") != 0 && !r->unknown_arg) {
		r->unknown_arg = key;
	}
	return CNI_OK;
}

/* "IgnoreUnknown=1" may stand before or behind what is to be ignored. */
static enum cni_code take_ignore(struct cni_request *r, const char *value, struct cni_error *er)
{
	r->ignore_unknown = !strcmp(value, "1") || !strcasecmp(value, "true");
	if (!r->ignore_unknown && strcmp(value, "0") != 0 && strcasecmp(value, "false") != 0)
		return cni_error_set(er, CNI_BAD_ENVIRONMENT,
		                     "CNI_ARGS: IgnoreUnknown is neither true nor false");
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
		code = strcasecmp(pair, "IgnoreUnknown") ? take_arg(r, pair, value, er)
		                                         : take_ignore(r, value, er);
		if (code)
			return code;
	}
	if (r->unknown_arg && !r->ignore_unknown)
		return cni_error_set(er, CNI_BAD_ENVIRONMENT,
		                     "CNI_ARGS: %.64s is unknown here, and IgnoreUnknown=1 is not "
		                     "among them",
		                     r->unknown_arg);
	return CNI_OK;
}

/* ---- the request -------------------------------------------------------------------------- */

static enum cni_code parse_version(struct cni_request *r, yyjson_val *config, struct cni_error *er)
{
	const char *text = cni_text(config, "cniVersion");
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

static enum cni_code check_prev(const struct cni_request *r, yyjson_val *config,
                                struct cni_error *er)
{
	yyjson_val *prev = yyjson_obj_get(config, "prevResult");
	const char *version = json_str(r->prev, "cniVersion");

	if (prev && !yyjson_is_null(prev) && !r->prev)
		return cni_error_set(er, CNI_BAD_CONFIG, "prevResult is no object");
	if (r->verb == CNI_CHECK && !r->prev)
		return cni_error_set(er, CNI_BAD_CONFIG, "CHECK needs prevResult");
	if (version && cni_version_find(version) < 0)
		return cni_error_set(
			er, CNI_VERSION_UNKNOWN,
			"prevResult: cniVersion \"%.32s\" is not supported (0.3.1 to 1.1.0 are)",
			version);
	return CNI_OK;
}

/* An entry that cannot be read may be one that lives: nothing is removed then. */
static enum cni_code check_valid(yyjson_val *valid, struct cni_error *er)
{
	size_t i, max;
	yyjson_val *v;

	if (yyjson_is_null(valid)) /* how libcni writes a list of none */
		return CNI_OK;
	if (!yyjson_is_arr(valid))
		return cni_error_set(er, CNI_BAD_CONFIG, "GC needs cni.dev/valid-attachments");
	yyjson_arr_foreach (valid, i, max, v)
		if (!*cni_text(v, "containerID") || !*cni_text(v, "ifname"))
			return cni_error_set(er, CNI_BAD_CONFIG,
			                     "cni.dev/valid-attachments[%zu] needs containerID and "
			                     "ifname",
			                     i);
	return CNI_OK;
}

static enum cni_code parse_config(struct cni_request *r, yyjson_val *config, struct cni_error *er)
{
	cni_config_members(r, config);
	if (verbs[r->verb].network && !is_cni_name(r->network, 253))
		return cni_error_set(er, CNI_BAD_CONFIG, "the network's name is %s",
		                     r->network[0] ? "not valid" : "missing");
	switch (r->verb) {
	case CNI_ADD:
	case CNI_CHECK:
		if (check_prev(r, config, er))
			return er->code;
		return r->verb == CNI_ADD ? cni_config_ipam(config, er) : CNI_OK;
	case CNI_GC:
		return check_valid(r->valid, er);
	case CNI_DEL: /* a result that is broken or missing must not keep anything from going */
	case CNI_STATUS:
	case CNI_VERBS:
		break;
	}
	return CNI_OK;
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
	r->container = cni_text(root, "containerID");
	r->netns = cni_text(root, "netns");
	r->ifname = cni_text(root, "ifName");
	code = parse_version(r, config, er);
	if (!code)
		code = check_environment(r, er);
	if (!code)
		code = parse_config(r, config, er);
	if (code || verb == CNI_DEL ||
	    !verbs[verb].attachment) /* DEL must not fail over what ADD was told */
		return code;
	code = parse_args(r, cni_text(root, "args"), er);
	return code ? code : cni_config_wishes(r, config, er);
}

void cni_request_free(struct cni_request *r)
{
	yyjson_doc_free(r->doc);
	yyjson_doc_free(r->dns_doc);
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
