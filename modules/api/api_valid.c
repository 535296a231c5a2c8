/* api_valid.c - what is wrong with an object, in Kubernetes' words: causes, names, metadata, and
 * the kinds with few rules of their own. All of it is found at once, not only the first. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/ip.h>

#include "api_valid.h"

static void add(struct causes *c, const char *reason, const char *field, const char *message)
{
	if (c->n < CAUSES_MAX)
		c->v[c->n++] = (struct cause){ reason, arena_strdup(c->arena, field), message };
}

/* A value that fills pages is not worth repeating. */
#define VALUE_SHOWN 120

void cause_invalid(struct causes *c, const char *field, const char *value, const char *fmt, ...)
{
	char why[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	add(c, "FieldValueInvalid", field,
	    arena_printf(c->arena, "Invalid value: \"%.*s\": %s", VALUE_SHOWN, value, why));
}

void cause_invalid_number(struct causes *c, const char *field, int64_t value, const char *fmt, ...)
{
	char why[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	add(c, "FieldValueInvalid", field,
	    arena_printf(c->arena, "Invalid value: %lld: %s", (long long)value, why));
}

void cause_required(struct causes *c, const char *field, const char *detail)
{
	add(c, "FieldValueRequired", field,
	    *detail ? arena_printf(c->arena, "Required value: %s", detail) : "Required value");
}

void cause_not_supported(struct causes *c, const char *field, const char *value,
                         const char *supported)
{
	add(c, "FieldValueNotSupported", field,
	    arena_printf(c->arena, "Unsupported value: \"%.*s\": supported values: %s", VALUE_SHOWN,
	                 value, supported));
}

void cause_duplicate(struct causes *c, const char *field, const char *value)
{
	add(c, "FieldValueDuplicate", field,
	    arena_printf(c->arena, "Duplicate value: \"%.*s\"", VALUE_SHOWN, value));
}

void cause_forbidden(struct causes *c, const char *field, const char *detail)
{
	add(c, "FieldValueForbidden", field, arena_printf(c->arena, "Forbidden: %s", detail));
}

void cause_type(struct causes *c, const char *field, const char *wanted, const char *got)
{
	add(c, "FieldValueTypeInvalid", field,
	    arena_printf(c->arena, "Invalid value: %s: must be %s", got, wanted));
}

/* ---- names ---------------------------------------------------------------------------------- */

static bool lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool valid_label(const char *name, bool may_start_with_digit)
{
	size_t n = strlen(name);

	if (!n || n > 63 || !lower_alnum(name[0]) || !lower_alnum(name[n - 1]) ||
	    (!may_start_with_digit && name[0] <= '9'))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!lower_alnum(name[i]) && name[i] != '-')
			return false;
	return true;
}

bool valid_subdomain(const char *name)
{
	size_t n = strlen(name), start = 0;

	if (!n || n > 253)
		return false;
	for (size_t i = 0; i <= n; i++) {
		if (name[i] && name[i] != '.') {
			if (!lower_alnum(name[i]) && name[i] != '-')
				return false;
			continue;
		}
		if (i == start || !lower_alnum(name[start]) || !lower_alnum(name[i - 1]))
			return false;
		start = i + 1;
	}
	return true;
}

static bool alnum(char c)
{
	return lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

static bool valid_word(const char *s, size_t n)
{
	if (n > 63 || !n || !alnum(s[0]) || !alnum(s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!alnum(s[i]) && !strchr("-_.", s[i]))
			return false;
	return true;
}

/* [prefix/]name, as labels and annotations are keyed. */
static bool valid_key(const char *key)
{
	const char *slash = strchr(key, '/');
	char prefix[254];

	if (!slash)
		return valid_word(key, strlen(key));
	if ((size_t)(slash - key) >= sizeof(prefix))
		return false;
	memcpy(prefix, key, slash - key);
	prefix[slash - key] = 0;
	return valid_subdomain(prefix) && valid_word(slash + 1, strlen(slash + 1));
}

static void valid_name(enum kind kind, const char *name, struct causes *c)
{
	if (!name || !*name)
		cause_required(c, "metadata.name", "name or generateName is required");
	else if (kind == KIND_SERVICE && !valid_label(name, false))
		cause_invalid(c, "metadata.name", name, "%s", LABEL_1035_HELP);
	else if (kind == KIND_NAMESPACE && !valid_label(name, true))
		cause_invalid(c, "metadata.name", name, "%s", LABEL_HELP);
	else if (!valid_subdomain(name))
		cause_invalid(c, "metadata.name", name, "%s", SUBDOMAIN_HELP);
}

static void valid_labels(yyjson_mut_val *labels, const char *field, bool values_too,
                         struct causes *c)
{
	yyjson_mut_val *key, *v;
	size_t i, n, total = 0;

	yyjson_mut_obj_foreach (labels, i, n, key, v) {
		const char *name = yyjson_mut_get_str(key), *value = yyjson_mut_get_str(v);

		total += yyjson_mut_get_len(key) + yyjson_mut_get_len(v);
		if (!valid_key(name))
			cause_invalid(c, field, name,
			              "name part must consist of alphanumeric characters, '-', '_' "
			              "or '.'");
		if (values_too && value && *value && !valid_word(value, strlen(value)))
			cause_invalid(c, field, value,
			              "a valid label must be an empty string or consist of "
			              "alphanumeric characters, '-', '_' or '.'");
	}
	if (!values_too && total > 256 * 1024)
		cause_invalid(c, field, "", "must have at most 262144 bytes");
}

void valid_meta(enum kind kind, yyjson_mut_val *root, struct causes *c)
{
	valid_name(kind, mut_str(root, "metadata.name"), c);
	valid_labels(mut_at(root, "metadata.labels"), "metadata.labels", true, c);
	valid_labels(mut_at(root, "metadata.annotations"), "metadata.annotations", false, c);
}

/* ---- kinds ---------------------------------------------------------------------------------- */

static void valid_event(yyjson_mut_val *root, struct causes *c)
{
	if (!yyjson_mut_is_obj(yyjson_mut_obj_get(root, "involvedObject")))
		cause_required(c, "involvedObject", "");
}

static void valid_address(yyjson_mut_val *v, const char *type, const char *field, struct causes *c)
{
	const char *text = yyjson_mut_get_str(v);
	struct ip ip;

	if (!text || !strcmp(type, "FQDN"))
		return;
	if (!ip_parse(&ip, text) || ip.len != (strcmp(type, "IPv4") ? 16 : 4))
		cause_invalid(c, field, text, "must be an %s address", type);
}

static void valid_slice_endpoint(yyjson_mut_val *v, const char *type, size_t at, struct causes *c)
{
	yyjson_mut_val *addresses = yyjson_mut_obj_get(v, "addresses"), *item;
	const char *hostname = yyjson_mut_get_str(yyjson_mut_obj_get(v, "hostname"));
	const char *field = arena_printf(c->arena, "endpoints[%zu].addresses", at);
	size_t i, n;

	if (!yyjson_mut_arr_size(addresses))
		cause_required(c, field, "must contain at least 1 address");
	if (yyjson_mut_arr_size(addresses) > 100)
		cause_invalid(c, field, "", "must have at most 100 items");
	yyjson_mut_arr_foreach (addresses, i, n, item)
		valid_address(item, type, arena_printf(c->arena, "%s[%zu]", field, i), c);
	if (hostname && !valid_label(hostname, true))
		cause_invalid(c, arena_printf(c->arena, "endpoints[%zu].hostname", at), hostname,
		              "%s", LABEL_HELP);
}

static void valid_slice_port(yyjson_mut_val *v, size_t at, struct causes *c)
{
	const char *protocol = mut_str(v, "protocol"), *name = mut_str(v, "name");

	if (protocol && !valid_among(protocol, valid_protocols))
		cause_not_supported(c, arena_printf(c->arena, "ports[%zu].protocol", at), protocol,
		                    PROTOCOLS);
	valid_port_number(yyjson_mut_obj_get(v, "port"),
	                  arena_printf(c->arena, "ports[%zu].port", at), c);
	if (name && *name && !valid_label(name, true))
		cause_invalid(c, arena_printf(c->arena, "ports[%zu].name", at), name, "%s",
		              LABEL_HELP);
}

void valid_slice(yyjson_mut_val *root, yyjson_val *old, struct causes *c)
{
	const char *type = mut_str(root, "addressType"), *was = json_str(old, "addressType");
	yyjson_mut_val *item;
	size_t i, n;

	if (!type || !*type) {
		cause_required(c, "addressType", "");
		return;
	}
	if (strcmp(type, "IPv4") != 0 && strcmp(type, "IPv6") != 0 && strcmp(type, "FQDN") != 0)
		cause_not_supported(c, "addressType", type, "\"FQDN\", \"IPv4\", \"IPv6\"");
	if (was && strcmp(was, type) != 0)
		cause_invalid(c, "addressType", type, "field is immutable");
	if (yyjson_mut_arr_size(mut_at(root, "endpoints")) > 1000)
		cause_invalid(c, "endpoints", "", "must have at most 1000 items");
	if (yyjson_mut_arr_size(mut_at(root, "ports")) > 100)
		cause_invalid(c, "ports", "", "must have at most 100 items");
	yyjson_mut_arr_foreach (mut_at(root, "endpoints"), i, n, item)
		valid_slice_endpoint(item, type, i, c);
	yyjson_mut_arr_foreach (mut_at(root, "ports"), i, n, item)
		valid_slice_port(item, i, c);
}

void valid_object(enum kind kind, yyjson_mut_doc *doc, yyjson_mut_val *root,
                  const struct object *old, struct causes *c)
{
	auto_doc yyjson_doc *old_doc = old ? object_doc(old) : NULL;
	yyjson_val *was = yyjson_doc_get_root(old_doc);

	(void)doc;
	valid_meta(kind, root, c);
	switch (kind) {
	case KIND_SERVICE:
		valid_service(root, was, c);
		break;
	case KIND_ENDPOINTSLICE:
		valid_slice(root, was, c);
		break;
	case KIND_INGRESS:
		valid_ingress(root, c);
		break;
	case KIND_NETWORKPOLICY:
		valid_policy(root, c);
		break;
	case KIND_EVENT:
		valid_event(root, c);
		break;
	case KIND_NAMESPACE:
	case KIND_NODE:
	case KIND_POD:
	case KIND_ENDPOINTS:
	case KIND_INGRESSCLASS:
	case KIND_CONFIGMAP:
	case KIND_SECRET:
	case KIND_GATEWAYCLASS:
	case KIND_GATEWAY:
	case KIND_HTTPROUTE:
	case KIND_GRPCROUTE:
	case KIND_TLSROUTE:
	case KIND_TCPROUTE:
	case KIND_UDPROUTE:
	case KIND_REFERENCEGRANT:
	case KIND_BACKENDTLSPOLICY:
	case KIND_ADDRESSPOOL:
	case KIND_PODNETWORK:
	case KIND_COUNT:
		break;
	}
}
