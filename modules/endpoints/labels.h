/* labels.h - label sets in a compact form, for matching many Services against many Pods. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <yyjson.h>

/* "key=value" strings, each with its NUL, sorted; n of them in one allocation. */
struct labels {
	uint32_t n, bytes;
	char text[];
};

/* From a JSON object of strings; NULL when it is absent or empty. The caller frees it. */
struct labels *labels_new(yyjson_val *obj);
bool labels_equal(const struct labels *a, const struct labels *b);
/* Has `set` every label of `selector`? A NULL selector selects nothing, as a Service's does. */
bool labels_match(const struct labels *selector, const struct labels *set);
