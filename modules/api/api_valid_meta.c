/* api_valid_meta.c - the rules of metadata (apimachinery's pkg/api/validation/objectmeta.go). What
 * only the server writes (uid, creationTimestamp, resourceVersion) never comes this far. */
#include <string.h>

#include "api_valid.h"

#define ANNOTATIONS_MAX (256 << 10)

static void check_name(enum kind kind, const struct at *at, const char *name, struct causes *c)
{
	if (kind == KIND_SERVICE)
		check_label_1035(c, at, name);
	else if (kind == KIND_NAMESPACE)
		check_label(c, at, name);
	else
		check_subdomain(c, at, name);
}

/* Something is put behind it: a hyphen at the end is fine. */
static void check_prefix(enum kind kind, const struct at *at, const char *prefix, struct causes *c)
{
	char *masked = arena_strdup(c->arena, prefix);
	size_t n = strlen(masked);

	if (n > 1 && masked[n - 1] == '-') {
		masked[n - 2] = 'a';
		masked[n - 1] = 0;
	}
	check_name(kind, at, masked, c);
}

static void check_annotations(const struct at *at, yyjson_mut_val *annotations, struct causes *c)
{
	yyjson_mut_val *key, *v;
	size_t i, n, total = 0;

	yyjson_mut_obj_foreach (annotations, i, n, key, v) {
		check_annotation_key(c, at, yyjson_mut_get_str(key));
		total += yyjson_mut_get_len(key) + yyjson_mut_get_len(v);
	}
	if (total > ANNOTATIONS_MAX)
		wrong_long(c, at, ANNOTATIONS_MAX);
}

static void check_owner(const struct at *at, yyjson_mut_val *ref, struct causes *c)
{
	static const char *const fields[] = { "kind", "name", "uid" };
	const char *api = text_of(ref, "apiVersion"), *slash = strchr(api, '/');

	if (!*api || (slash && !slash[1]))
		wrong(c, CHILD(at, "apiVersion"), api, "version must not be empty");
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (!*text_of(ref, fields[i]))
			wrong(c, CHILD(at, fields[i]), "", "%s must not be empty", fields[i]);
	if (!strcmp(api, "v1") && text_is(ref, "kind", "Event"))
		wrong_json(c, at, ref, "/v1, Kind=Event is disallowed from being an owner");
}

static void check_owners(const struct at *at, yyjson_mut_val *refs, struct causes *c)
{
	yyjson_mut_val *ref, *first = NULL;
	size_t i, n;

	yyjson_mut_arr_foreach (refs, i, n, ref) {
		check_owner(at, ref, c);
		if (!yyjson_mut_is_true(yyjson_mut_obj_get(ref, "controller")))
			continue;
		if (first)
			wrong_json(c, at, refs,
			           "Only one reference can have Controller set to true. Found "
			           "\"true\" in references for %s/%s and %s/%s",
			           text_of(first, "kind"), text_of(first, "name"),
			           text_of(ref, "kind"), text_of(ref, "name"));
		else
			first = ref;
	}
}

/* That none is added to an object on its way out: api_object.c. */
static void check_finalizers(const struct at *at, yyjson_mut_val *list, struct causes *c)
{
	bool orphan = false, foreground = false;
	yyjson_mut_val *v;
	size_t i, n;

	yyjson_mut_arr_foreach (list, i, n, v) {
		const char *s = yyjson_mut_get_str(v);

		check_qualified_name(c, at, s);
		orphan |= !strcmp(s, "orphan");
		foreground |= !strcmp(s, "foregroundDeletion");
	}
	if (orphan && foreground)
		wrong_json(c, at, list,
		           "finalizer orphan and foregroundDeletion cannot be both set");
}

void valid_meta(enum kind kind, yyjson_mut_val *root, struct causes *c)
{
	yyjson_mut_val *meta = yyjson_mut_obj_get(root, "metadata");
	const struct at *at = AT("metadata");

	if (*text_of(meta, "generateName"))
		check_prefix(kind, CHILD(at, "generateName"), text_of(meta, "generateName"), c);
	if (!*text_of(meta, "name"))
		wrong_missing(c, CHILD(at, "name"), "name or generateName is required");
	else
		check_name(kind, CHILD(at, "name"), text_of(meta, "name"), c);
	check_labels(c, CHILD(at, "labels"), yyjson_mut_obj_get(meta, "labels"));
	check_annotations(CHILD(at, "annotations"), yyjson_mut_obj_get(meta, "annotations"), c);
	check_owners(CHILD(at, "ownerReferences"), yyjson_mut_obj_get(meta, "ownerReferences"), c);
	check_finalizers(CHILD(at, "finalizers"), yyjson_mut_obj_get(meta, "finalizers"), c);
}
