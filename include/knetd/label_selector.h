/* label_selector.h - a LabelSelector (matchLabels, matchExpressions) against labels. Pure. */
#pragma once

#include <stdbool.h>

#include <yyjson.h>

/* NULL and {} select everything. */
bool label_selector_match(yyjson_val *selector, yyjson_val *labels);
