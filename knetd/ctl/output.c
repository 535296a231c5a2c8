/* output.c - the forms of -o that print whole objects: json, yaml, name, jsonpath. */
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/manifest.h>

#include "json_text.h"
#include "jsonpath.h"
#include "output.h"

bool output_parse(const char *text, struct output *out)
{
	static const char *const names[] = { [OUTPUT_TABLE] = "",
		                             [OUTPUT_WIDE] = "wide",
		                             [OUTPUT_JSON] = "json",
		                             [OUTPUT_YAML] = "yaml",
		                             [OUTPUT_NAME] = "name" };

	*out = (struct output){ 0 };
	if (text && !strncmp(text, "jsonpath=", 9)) {
		out->form = OUTPUT_JSONPATH;
		out->template = text + 9;
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(text ? text : "", names[i])) {
			out->form = (enum output_form)i;
			return true;
		}
	ctl_fail("unable to match a printer suitable for the output format \"%s\", allowed "
	         "formats are: json,jsonpath=TEMPLATE,name,wide,yaml",
	         text);
	return false;
}

static bool put_jsonpath(const struct output *o, yyjson_val *v, struct buf *out)
{
	struct err e = { 0 };

	if (jsonpath_write(o->template, v, out, &e) == 0)
		return true;
	ctl_fail("error executing jsonpath \"%s\": %s", o->template, e.text);
	return false;
}

void output_name(struct buf *out, yyjson_val *v)
{
	const char *kind = json_str(v, "kind"), *version = json_str(v, "apiVersion");
	const char *name = json_str(v, "metadata.name");

	name_put(out, kind ? kind : "", version ? version : "", name ? name : "");
	buf_str(out, "\n");
}

bool output_put(const struct output *o, yyjson_val *v, struct buf *out)
{
	auto_buf struct buf text = { 0 };

	switch (o->form) {
	case OUTPUT_JSON:
		json_text(out, v, JSON_PRETTY, !o->managed);
		buf_str(out, "\n");
		return true;
	case OUTPUT_YAML:
		json_text(&text, v, JSON_COMPACT, !o->managed);
		yaml_write(text.data, text.len, out);
		return true;
	case OUTPUT_NAME:
		output_name(out, v);
		return true;
	case OUTPUT_JSONPATH:
		return put_jsonpath(o, v, out);
	case OUTPUT_TABLE:
	case OUTPUT_WIDE:
		break;
	}
	return false;
}
