/* json_mut.h - small access to documents that are being made; object.h has the same for reading. */
#pragma once

#include <time.h>

#include <yyjson.h>

/* A member reached by its dotted path ("metadata.labels"), or NULL. */
yyjson_mut_val *mut_at(yyjson_mut_val *root, const char *path);
const char *mut_str(yyjson_mut_val *root, const char *path); /* NULL when it is no string */

/* Replaces where it stands, so that writing the same again gives the same text. Copies key. */
void mut_set(yyjson_mut_doc *doc, yyjson_mut_val *obj, const char *key, yyjson_mut_val *val);
void mut_set_text(yyjson_mut_doc *doc, yyjson_mut_val *obj, const char *key,
                  const char *text); /* copies text */
/* The member, made when it is missing or of another type. */
yyjson_mut_val *mut_object_in(yyjson_mut_doc *doc, yyjson_mut_val *obj, const char *key);
yyjson_mut_val *mut_array_in(yyjson_mut_doc *doc, yyjson_mut_val *obj, const char *key);

/* A time as objects write it: RFC 3339, in seconds and UTC. */
#define TIME_TEXT 24
const char *time_text(time_t at, char out[static TIME_TEXT]);
