/* store_stamp.c - the metadata that the server, not the client, writes (Kubernetes API conventions,
 * "Metadata"). Members are replaced where they stand, so that writing the same again gives the same
 * text. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <knetd/auto.h>
#include <knetd/json_mut.h>

#include "store_int.h"

/* In front when they were missing, as everybody expects to read them. */
static void set_type(yyjson_mut_doc *doc, yyjson_mut_val *root, enum kind kind)
{
	yyjson_mut_val *api_version = yyjson_mut_str(doc, kind_info[kind].api_version);

	if (!yyjson_mut_obj_get(root, "kind"))
		yyjson_mut_obj_insert(root, yyjson_mut_str(doc, "kind"), yyjson_mut_null(doc), 0);
	if (!yyjson_mut_obj_get(root, "apiVersion"))
		yyjson_mut_obj_insert(root, yyjson_mut_str(doc, "apiVersion"), yyjson_mut_null(doc),
		                      0);
	mut_set(doc, root, "apiVersion", api_version);
	mut_set_text(doc, root, "kind", kind_info[kind].kind);
}

static const char *uid_new(char out[static 37])
{
	uint8_t b[16] = { 0 };

	if (getrandom(b, sizeof(b), 0) < 0)
		b[0] = 0;
	b[6] = (b[6] & 0x0f) | 0x40; /* RFC 9562: version 4, variant 10 */
	b[8] = (b[8] & 0x3f) | 0x80;
	sprintf(out, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
	        b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
	        b[14], b[15]);
	return out;
}

/* uid and creationTimestamp are given once and carried over from then on. */
static void stamp_birth(yyjson_mut_doc *doc, yyjson_mut_val *meta, yyjson_val *old_meta)
{
	char uid[37], now[TIME_TEXT];
	const char *old_uid = json_str(old_meta, "uid"),
		   *old_time = json_str(old_meta, "creationTimestamp");

	mut_set_text(doc, meta, "uid", old_uid ? old_uid : uid_new(uid));
	mut_set_text(doc, meta, "creationTimestamp",
	             old_time ? old_time : time_text(time(NULL), now));
}

/* metadata.generation counts changes of spec; kinds without a spec have none. */
static void stamp_generation(yyjson_mut_doc *doc, yyjson_mut_val *meta, yyjson_val *old)
{
	yyjson_mut_val *spec = yyjson_mut_obj_get(yyjson_mut_doc_get_root(doc), "spec");
	int64_t generation = json_int(old, "metadata.generation", 0);
	auto_mut yyjson_mut_doc *copy = NULL;

	if (!spec)
		return;
	if (old) {
		copy = yyjson_mut_doc_new(NULL);
		if (yyjson_mut_equals(spec, yyjson_val_mut_copy(copy, yyjson_obj_get(old, "spec"))))
			generation--;
	}
	mut_set(doc, meta, "generation", yyjson_mut_sint(doc, generation + 1));
}

char *store_stamp(enum kind kind, const char *ns, const char *name, yyjson_mut_doc *doc,
                  const struct object *old, uint64_t version, size_t *len, struct err *e)
{
	yyjson_mut_val *root = yyjson_mut_doc_get_root(doc),
		       *meta = yyjson_mut_obj_get(root, "metadata");
	auto_doc yyjson_doc *old_doc = old ? object_doc(old) : NULL;
	yyjson_val *old_root = yyjson_doc_get_root(old_doc);
	auto_free char *json = NULL;
	char text[24];

	if (!meta) {
		meta = yyjson_mut_obj(doc);
		yyjson_mut_obj_add(root, yyjson_mut_str(doc, "metadata"), meta);
	}
	set_type(doc, root, kind);
	mut_set_text(doc, meta, "name", name);
	if (kind_info[kind].namespaced)
		mut_set_text(doc, meta, "namespace", ns);
	stamp_birth(doc, meta, json_at(old_root, "metadata"));
	stamp_generation(doc, meta, old_root);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)version);
	mut_set_text(doc, meta, "resourceVersion", text);
	json = yyjson_mut_write(doc, 0, len);
	if (!json || *len > STORE_OBJECT_MAX) {
		err_set(e, EINVAL, "%s %s: larger than %d bytes", kind_info[kind].kind, name,
		        STORE_OBJECT_MAX);
		return NULL;
	}
	return TAKE(json);
}

#define VERSION_KEY "\"resourceVersion\":\""

/* Both texts came from store_stamp, so they hold the key, and equal texts hold it at one place: the
 * version's digits are the only run that may differ. */
bool store_same_text(const struct object *old, const char *json, size_t n)
{
	char digits[24];
	const char *at;
	size_t before, n_old, n_new;

	n_old = snprintf(digits, sizeof(digits), "%llu\"", (unsigned long long)old->version);
	for (at = old->json; (at = strstr(at, VERSION_KEY)); at++)
		if (!strncmp(at + strlen(VERSION_KEY), digits, n_old))
			break;
	if (!at)
		return false;
	before = at - old->json + strlen(VERSION_KEY);
	if (before >= n || memcmp(old->json, json, before) != 0)
		return false;
	n_new = strcspn(json + before, "\"") + 1;
	return old->json_len - before - n_old == n - before - n_new &&
	       !strcmp(old->json + before + n_old, json + before + n_new);
}

const char *store_slice_service(enum kind kind, yyjson_mut_doc *doc)
{
	yyjson_mut_val *v = yyjson_mut_doc_get_root(doc);

	if (kind != KIND_ENDPOINTSLICE)
		return NULL;
	v = yyjson_mut_obj_get(yyjson_mut_obj_get(v, "metadata"), "labels");
	return yyjson_mut_get_str(yyjson_mut_obj_get(v, "kubernetes.io/service-name"));
}
