/* fuzz_apply.c - any JSON as a manifest applied to any object. Merging it twice is merging it once,
 * sets of fields survive being written, and what was merged can be removed. Input: a byte for the
 * kind, an object, a NUL, a manifest. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "../../modules/api/api_fieldset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void there_and_back(struct arena *a, yyjson_mut_doc *doc, const struct fieldset *s)
{
	struct fieldset again = { 0 };
	const char *paths[4];

	if (!fieldset_read(a, fieldset_write(doc, s), &again) || !fieldset_equal(s, &again))
		abort();
	fieldset_paths(a, s, paths, ARRAY_LEN(paths));
}

static void apply(struct arena *a, enum kind kind, yyjson_mut_doc *doc, yyjson_mut_val *live,
                  yyjson_mut_val *config)
{
	yyjson_mut_val *once = yyjson_mut_val_mut_copy(doc, live), *twice;
	struct fieldset said = object_fields(a, kind, config), none = { 0 }, left;
	auto_free char *json = NULL;
	struct difference d;

	there_and_back(a, doc, &said);
	if (object_merge(a, kind, doc, once, config))
		return;
	twice = yyjson_mut_val_mut_copy(doc, once);
	if (object_merge(a, kind, doc, twice, config) || !yyjson_mut_equals(once, twice))
		abort();
	object_compare(a, kind, live, once, &d);
	there_and_back(a, doc, &d.added);
	left = fieldset_combine(a, SET_INTERSECT, &d.removed, &said);
	if (!fieldset_empty(&left)) /* a merge takes nothing away that it was asked to put */
		abort();
	object_remove(a, kind, once, &said, &none);
	object_remove(a, kind, twice, &said, &said);
	json = yyjson_mut_val_write(once, 0, NULL);
	if (!json)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	const uint8_t *end = size > 1 ? memchr(data + 1, 0, size - 1) : NULL;
	struct documents object = { 0 }, config = { 0 };
	struct causes causes = { .arena = &a };
	enum kind kind;

	if (!end)
		return 0;
	kind = data[0] % KIND_COUNT;
	if (!json_read((const char *)data + 1, end - data - 1, &a, &object, NULL) &&
	    object.n == 1 &&
	    !json_read((const char *)end + 1, data + size - end - 1, &a, &config, NULL) &&
	    config.n == 1) {
		schema_check(kind, object.v[0].root, &causes);
		schema_check(kind, config.v[0].root, &causes);
		if (!causes.n)
			apply(&a, kind, config.doc, object.v[0].root, config.v[0].root);
	}
	documents_free(&object);
	documents_free(&config);
	return 0;
}
