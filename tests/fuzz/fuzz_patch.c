/* fuzz_patch.c - any JSON as a patch of any object: JSON, merge and strategic merge patch. What
 * they make can be written, and its depth stays bounded. Input: a byte for the kind, one for the
 * patch, an object, a NUL, the patch. */
#include <stdint.h>
#include <stdlib.h>

#include "../../modules/api/api_patch.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void patch_as(struct documents *d, const struct documents *object, unsigned how,
                     enum kind kind)
{
	struct http_answer answer = { .status = 200 };
	struct http_call http = { .accept = "", .query = "" };
	struct call c = { .http = &http, .answer = &answer, .target = { .kind = kind } };
	yyjson_mut_val *whole = yyjson_mut_val_mut_copy(d->doc, object->v[0].root);
	auto_free char *json = NULL;
	struct weight w = { 0 };

	if (how % 3 == 0)
		json_patch(&c, d, whole);
	else if (d->n == 1 && how % 3 == 1)
		merge_patch(d->doc, whole, d->v[0].root);
	else if (d->n == 1)
		patch_strategic(kind, d->doc, whole, d->v[0].root, &c.arena);
	json = yyjson_mut_val_write(whole, 0, NULL);
	mut_weigh(whole, &w);
	if (!json || w.depth > 2 * DEPTH_MAX)
		abort();
	buf_free(&answer.body);
	buf_free(&answer.headers);
	arena_free(&c.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	const uint8_t *end = size > 2 ? memchr(data + 2, 0, size - 2) : NULL;
	struct documents object = { 0 }, patch = { 0 };

	if (!end)
		return 0;
	if (!json_read((const char *)data + 2, end - data - 2, &a, &object, NULL) &&
	    object.n == 1 &&
	    !json_read_told((const char *)end + 1, data + size - end - 1, &a, &patch, NULL))
		patch_as(&patch, &object, data[1], data[0] % KIND_COUNT);
	documents_free(&object);
	documents_free(&patch);
	return 0;
}
