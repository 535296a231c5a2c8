/* api_valid_data.c - the rules of ConfigMap and Secret (pkg/apis/core/validation in Kubernetes). */
#include <stdint.h>
#include <string.h>

#include <knetd/auto.h>

#include "api_valid.h"

#define DATA_MAX (1 << 20)
#define SECRET_HIDDEN "<secret contents redacted>"

/* Adds up the decoded lengths. */
static size_t check_base64(struct causes *c, const struct at *at, yyjson_mut_val *map)
{
	yyjson_mut_val *key, *v;
	size_t i, n, total = 0, bad;

	yyjson_mut_obj_foreach (map, i, n, key, v) {
		const struct at *here = KEYED(at, yyjson_mut_get_str(key));
		int64_t len = base64_read(yyjson_mut_get_str(v), yyjson_mut_get_len(v), NULL, &bad);

		check_config_key(c, here, yyjson_mut_get_str(key));
		if (len < 0)
			wrong(c, here, SECRET_HIDDEN, "illegal base64 data at input byte %zu", bad);
		else
			total += len;
	}
	return total;
}

static void check_frozen(struct causes *c, yyjson_mut_val *root, yyjson_val *old,
                         const char *const *fields)
{
	static const char why[] = "field is immutable when `immutable` is set";

	if (!yyjson_is_true(yyjson_obj_get(old, "immutable")))
		return;
	if (!yyjson_mut_is_true(yyjson_mut_obj_get(root, "immutable")))
		wrong_here(c, AT("immutable"), why);
	for (; *fields; fields++)
		if (!same_value(yyjson_mut_obj_get(root, *fields), yyjson_obj_get(old, *fields)))
			wrong_here(c, AT(*fields), why);
}

void valid_config_map(yyjson_mut_val *root, yyjson_val *old, struct causes *c)
{
	static const char *const frozen[] = { "data", "binaryData", NULL };
	yyjson_mut_val *binary = yyjson_mut_obj_get(root, "binaryData"), *key, *v;
	size_t i, n, total = 0;

	check_frozen(c, root, old, frozen);
	yyjson_mut_obj_foreach (yyjson_mut_obj_get(root, "data"), i, n, key, v) {
		const char *name = yyjson_mut_get_str(key);

		check_config_key(c, KEYED(AT("data"), name), name);
		if (has(binary, name))
			wrong(c, KEYED(AT("data"), name), name,
			      "duplicate of key present in binaryData");
		total += yyjson_mut_get_len(v);
	}
	total += check_base64(c, AT("binaryData"), binary);
	if (total > DATA_MAX)
		wrong_long(c, AT("[]"), DATA_MAX);
}

/* ---- Secret --------------------------------------------------------------------------------- */

static void check_docker(struct causes *c, yyjson_mut_val *data, const char *key)
{
	yyjson_mut_val *v = yyjson_mut_obj_get(data, key);
	size_t n = yyjson_mut_get_len(v), bad;
	auto_free char *text = NULL;
	auto_doc yyjson_doc *doc = NULL;
	int64_t len;

	if (!v) {
		wrong_missing(c, KEYED(AT("data"), key), "");
		return;
	}
	text = xmalloc(n + 1);
	len = base64_read(yyjson_mut_get_str(v), n, text, &bad);
	if (len < 0)
		return;
	doc = yyjson_read(text, len, 0);
	if (!yyjson_is_obj(yyjson_doc_get_root(doc)))
		wrong(c, KEYED(AT("data"), key), SECRET_HIDDEN, "is not a JSON object");
}

static void check_needed(struct causes *c, yyjson_mut_val *data, const char *key)
{
	if (!has(data, key))
		wrong_missing(c, KEYED(AT("data"), key), "");
}

static void check_secret_type(struct causes *c, yyjson_mut_val *root)
{
	static const char account[] = "kubernetes.io/service-account.name";
	yyjson_mut_val *data = yyjson_mut_obj_get(root, "data"),
		       *notes = mut_at(root, "metadata.annotations");
	const char *type = text_of(root, "type");

	if (!strcmp(type, "kubernetes.io/tls")) {
		check_needed(c, data, "tls.crt");
		check_needed(c, data, "tls.key");
	} else if (!strcmp(type, "kubernetes.io/dockercfg")) {
		check_docker(c, data, ".dockercfg");
	} else if (!strcmp(type, "kubernetes.io/dockerconfigjson")) {
		check_docker(c, data, ".dockerconfigjson");
	} else if (!strcmp(type, "kubernetes.io/basic-auth")) {
		if (!has(data, "username") && !has(data, "password")) {
			check_needed(c, data, "username");
			check_needed(c, data, "password");
		}
	} else if (!strcmp(type, "kubernetes.io/ssh-auth")) {
		if (!yyjson_mut_get_len(yyjson_mut_obj_get(data, "ssh-privatekey")))
			wrong_missing(c, KEYED(AT("data"), "ssh-privatekey"), "");
	} else if (!strcmp(type, "kubernetes.io/service-account-token")) {
		if (!yyjson_mut_get_len(yyjson_mut_obj_get(notes, account)))
			wrong_missing(c, KEYED(CHILD(AT("metadata"), "annotations"), account), "");
	}
}

void valid_secret(yyjson_mut_val *root, yyjson_val *old, struct causes *c)
{
	static const char *const frozen[] = { "data", NULL };
	const char *was = json_str(old, "type");

	if (was && !text_is(root, "type", was))
		wrong(c, AT("type"), text_of(root, "type"), "field is immutable");
	check_frozen(c, root, old, frozen);
	if (check_base64(c, AT("data"), yyjson_mut_obj_get(root, "data")) > DATA_MAX)
		wrong_long(c, AT("data"), DATA_MAX);
	check_secret_type(c, root);
}
