/* cni_input.h - what a CNI plugin process is given: its environment and its standard input. */
#pragma once

#include <yyjson.h>

#include <knetd/buf.h>
#include <knetd/cni.h>

#define CNI_INPUT_MAX ((size_t)1 << 20) /* bytes of network configuration */

struct cni_input {
	const char *command; /* CNI_COMMAND */
	struct buf text;     /* standard input as it was */
	yyjson_doc *doc;
	yyjson_val *config;  /* the object in it */
	const char *version; /* config.cniVersion, NULL without one */
};

/* Reads both. For VERSION an empty input is fine. */
enum cni_code cni_input_read(struct cni_input *in, struct cni_error *er);
void cni_input_free(struct cni_input *in);
/* Prints the error document on standard output; returns the exit status, 1. */
int cni_input_fail(const struct cni_input *in, const struct cni_error *er);
/* Prints b; returns 0, or 1 when standard output does not take it. */
int cni_output(const struct buf *b);

#define auto_input __attribute__((cleanup(cni_input_free)))
