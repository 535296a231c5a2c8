/* fuzz_yaml.c - any bytes as manifests. What is read is written as YAML and has to read back the
 * same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "../../modules/api/api.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void there_and_back(yyjson_mut_val *root)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf yaml = { 0 };
	struct documents again;
	size_t n;
	auto_free char *json = yyjson_mut_val_write(root, 0, &n);
	auto_free char *back = NULL;

	if (!json)
		abort();
	yaml_write(json, n, &yaml);
	if (yaml_read(yaml.data, yaml.len, &a, &again, NULL) || again.n != 1)
		abort();
	back = yyjson_mut_val_write(again.v[0].root, 0, NULL);
	if (strcmp(back, json) != 0)
		abort();
	documents_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	struct documents docs;

	if (!yaml_read((const char *)data, size, &a, &docs, NULL))
		for (size_t i = 0; i < docs.n && i < 8; i++)
			there_and_back(docs.v[i].root);
	documents_free(&docs);
	return 0;
}
