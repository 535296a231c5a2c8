/* api_yaml.h - what a plain word means in YAML, for reading and for writing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <yyjson.h>

/* A plain (unquoted) scalar: null, boolean, number, else a string. */
yyjson_mut_val *yaml_plain(yyjson_mut_doc *doc, const char *s);
/* Could the string, written plain, be read as something else? */
bool yaml_needs_quotes(const char *s, size_t n);
