/* manifest.h - the text of manifests into documents, YAML and JSON alike, and back. What the API
 * accepts and what knetctl reads is the same. */
#pragma once

#include <stddef.h>

#include <yyjson.h>

#include <knetd/arena.h>
#include <knetd/buf.h>
#include <knetd/err.h>

/* One document of a text. */
struct document {
	yyjson_mut_val *root;
	unsigned line; /* where it begins; 0 for JSON */
};
struct documents {
	yyjson_mut_doc *doc; /* owns all of them */
	size_t n, cap;
	struct document *v; /* in the arena */
	unsigned n_twice;   /* members that were there twice: paths, of json_read_told */
	const char *twice[16];
};
/* YAML 1.1 as Kubernetes reads it, several documents. -EINVAL names the line. */
int yaml_read(const char *text, size_t n, struct arena *a, struct documents *out, struct err *e);
int json_read(const char *text, size_t n, struct arena *a, struct documents *out, struct err *e);
/* The same, but members that are there twice are told in out: the last one counts. */
int json_read_told(const char *text, size_t n, struct arena *a, struct documents *out,
                   struct err *e);
void documents_free(struct documents *d);
/* JSON text as YAML. */
void yaml_write(const char *json, size_t n, struct buf *out);
