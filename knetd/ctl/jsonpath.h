/* jsonpath.h - kubectl's jsonpath templates, the part that people use: text, {.a.b}, {.a[0]},
 * {.a[-1]}, {.a[1:3]}, {.a[*]}, {.a.*}, {.a['b.c']}, {.a\.b}, {.a[?(@.b=="c")]}, {"text"} and
 * {range ...}...{end}. Pure. */
#pragma once

#include <yyjson.h>

#include <knetd/buf.h>
#include <knetd/err.h>

#define JSONPATH_VALUES 1000000 /* one expression's results */
#define JSONPATH_NESTED 8       /* ranges in ranges, filters in filters */

/* Appends the template filled from root. What is not there is nothing, as in kubectl get. */
int jsonpath_write(const char *template, yyjson_val *root, struct buf *out, struct err *e);
