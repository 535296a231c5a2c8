/* output.h - the forms of -o. */
#pragma once

#include "ctl.h"

enum output_form {
	OUTPUT_TABLE,
	OUTPUT_WIDE,
	OUTPUT_JSON,
	OUTPUT_YAML,
	OUTPUT_NAME,
	OUTPUT_JSONPATH,
};
struct output {
	enum output_form form;
	const char *template; /* of jsonpath */
	bool managed;         /* with metadata.managedFields */
};

/* False (told): no such form. */
bool output_parse(const char *text, struct output *out);
/* One object (or list of them) in a form that is no table; false (told): the template is wrong. */
bool output_put(const struct output *o, yyjson_val *v, struct buf *out);
/* "service/web" and a line break. */
void output_name(struct buf *out, yyjson_val *v);
