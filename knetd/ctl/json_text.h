/* json_text.h - JSON as kubectl prints it: members in order of their names, four blanks, and the
 * escapes of Go's encoder. */
#pragma once

#include <stdbool.h>

#include <yyjson.h>

#include <knetd/buf.h>

enum json_style { JSON_COMPACT, JSON_PRETTY };
#define JSON_DEPTH_MAX 128 /* deeper ones are cut to null */

/* without_managed: metadata.managedFields is left out. */
void json_text(struct buf *out, yyjson_val *v, enum json_style style, bool without_managed);
