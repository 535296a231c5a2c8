/* fuzz_protobuf.c - any bytes as a protobuf body of any kind. What is read can be written as JSON
 * and has the types that its table says. Input: a byte for the kind, the body. */
#include <stdint.h>
#include <stdlib.h>

#include <knetd/auto.h>

#include "../../modules/api/api.h"
#include "../../modules/api/fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	struct causes causes = { .arena = &a };
	auto_free char *body = NULL, *json = NULL;
	struct documents d;
	enum kind kind;

	if (!size)
		return 0;
	kind = data[0] % KIND_COUNT;
	body = xcalloc(1, size); /* a NUL stands behind a body */
	for (size_t i = 1; i < size; i++)
		body[i - 1] = (char)data[i];
	if (!protobuf_read(kind_message[kind], body, size - 1, &a, &d, NULL)) {
		json = yyjson_mut_val_write(d.v[0].root, 0, NULL);
		schema_check(kind, d.v[0].root, &causes);
		if (!json || causes.n || causes.n_unknown)
			abort();
	}
	documents_free(&d);
	return 0;
}
