/* fuzz_json_object.c - any JSON as an object of any kind: types, defaults, rules; then any JSON as
 * a strategic patch of it, and the printed Table row. Input: a byte for the kind, an object,
 * optionally a NUL and a patch. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "../../modules/api/api_object.h"
#include "../../modules/api/api_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print_row(enum kind kind, yyjson_mut_val *root)
{
	auto_buf struct buf table = { 0 };
	size_t n;
	auto_free char *json = yyjson_mut_val_write(root, 0, &n);
	struct object o = {
		.kind = kind, .key = "x", .ns = "", .name = "x", .json = json, .json_len = n
	};

	if (!json)
		abort();
	table_build(&table, &o, TABLE_METADATA, true, FORM_TABLE);
}

static void pass(enum kind kind, struct documents *d, yyjson_mut_val *root, struct arena *a)
{
	struct causes causes = { .arena = a };

	schema_check(kind, root, &causes);
	if (causes.n)
		return;
	default_object(kind, d->doc, root, NULL);
	valid_object(kind, d->doc, root, NULL, &causes);
	print_row(kind, root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	const uint8_t *end = size ? memchr(data + 1, 0, size - 1) : NULL;
	size_t n = end ? (size_t)(end - data - 1) : size - 1;
	struct documents d, patch = { 0 };
	enum kind kind;

	if (!size)
		return 0;
	kind = data[0] % KIND_COUNT;
	if (!json_read((const char *)data + 1, n, &a, &d, NULL) && d.n == 1) {
		if (end &&
		    !json_read((const char *)end + 1, data + size - end - 1, &a, &patch, NULL) &&
		    patch.n == 1)
			patch_strategic(kind, d.doc, d.v[0].root, patch.v[0].root, &a);
		pass(kind, &d, d.v[0].root, &a);
	}
	documents_free(&d);
	documents_free(&patch);
	return 0;
}
