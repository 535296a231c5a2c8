/* fuzz_table.c - any bytes as one of the proxy's tables: opened or not, nothing outside of
 * them is read or written. What is opened is not walked: tables come from the control process, and
 * bytes in which structs lie over each other are none that pack_write makes. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "../../modules/ingress/proxy_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pack_shape *const shapes[] = { &table_shape, &table_backends_shape,
		                                           &table_certs_shape, &table_shard_shape };
	auto_free char *bytes =
		size > 1 ? malloc(size - 1) : NULL; /* exactly: its end is watched */
	char *root;

	if (size < 2)
		return 0;
	memcpy(bytes, data + 1, size - 1);
	root = pack_open(bytes, size - 1, shapes[data[0] % ARRAY_LEN(shapes)]);
	if (root && (root < bytes || root >= bytes + size - 1))
		abort();
	return 0;
}
