/* api_form.c - which form an answer has, and objects in it. The stored text is in the version that
 * kind_info names; an object asked for in another one it is served in gets that one's apiVersion:
 * the versions of a kind differ in nothing else. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "api_form.h"

static bool part_is(const char *p, size_t n, const char *text)
{
	return strlen(text) == n && !strncasecmp(p, text, n);
}

/* The value of a parameter of a media type; "" and 0 when absent. */
static const char *parameter(const char *p, size_t n, const char *name, size_t *len)
{
	const char *end = p + n;

	while ((p = memchr(p, ';', end - p))) {
		p++;
		p += strspn(p, " ");
		if (!strncasecmp(p, name, strlen(name)) && p[strlen(name)] == '=') {
			p += strlen(name) + 1;
			*len = strcspn(p, "; ,");
			return p;
		}
	}
	*len = 0;
	return "";
}

static bool has(const char *p, size_t n, const char *name, const char *value)
{
	size_t len;
	const char *v = parameter(p, n, name, &len);

	return strlen(value) == len && !memcmp(v, value, len);
}

/* What a JSON media type with as= asks for. */
static enum form special(const char *p, size_t n)
{
	if (has(p, n, "g", "meta.k8s.io") && has(p, n, "as", "Table"))
		return has(p, n, "v", "v1")        ? FORM_TABLE
		       : has(p, n, "v", "v1beta1") ? FORM_TABLE_V1BETA1
		                                   : FORM_NONE;
	if (has(p, n, "g", "meta.k8s.io") && has(p, n, "v", "v1") &&
	    (has(p, n, "as", "PartialObjectMetadata") ||
	     has(p, n, "as", "PartialObjectMetadataList")))
		return FORM_METADATA;
	if (has(p, n, "g", "apidiscovery.k8s.io") && has(p, n, "as", "APIGroupDiscoveryList"))
		return has(p, n, "v", "v2")        ? FORM_DISCOVERY_V2
		       : has(p, n, "v", "v2beta1") ? FORM_DISCOVERY_V2BETA1
		                                   : FORM_NONE;
	return FORM_NONE;
}

static enum form form_of(const char *p, size_t n)
{
	static const char *const json[] = { "application/json", "application/*", "*/*",
		                            "text/plain",       "text/html",     "text/*" };
	size_t type = strcspn(p, ";, "), len;

	type = type < n ? type : n;
	parameter(p, n, "as", &len);
	if (len)
		return part_is(p, type, "application/json") ? special(p, n) : FORM_NONE;
	for (size_t i = 0; i < ARRAY_LEN(json); i++)
		if (part_is(p, type, json[i]))
			return FORM_JSON;
	if (part_is(p, type, "application/yaml") || part_is(p, type, "application/x-yaml") ||
	    part_is(p, type, "text/yaml"))
		return FORM_YAML;
	return FORM_NONE;
}

enum form form_choose(const char *accept, unsigned can)
{
	if (!accept[strspn(accept, " ")])
		return FORM_JSON;
	while (*accept) {
		size_t n;
		enum form form;

		accept += strspn(accept, ", ");
		n = strcspn(accept, ",");
		form = n ? form_of(accept, n) : FORM_NONE;
		if (form != FORM_NONE && can & FORM_BIT(form))
			return form;
		accept += n;
	}
	return FORM_NONE;
}

void form_put_api_version(struct buf *b, enum kind kind, const char *version)
{
	const struct kind_info *k = &kind_info[kind];

	buf_printf(b, "%s%s%s", k->group, *k->group ? "/" : "", version);
}

/* The value of the root's own "apiVersion" in an object's text; NULL when it has none. */
static const char *api_version_in(const char *json)
{
	static const char key[] = "\"apiVersion\":\"";
	unsigned depth = 0;

	for (const char *p = json; *p; p++) {
		if (*p == '{' || *p == '[')
			depth++;
		else if (*p == '}' || *p == ']')
			depth--;
		if (*p != '"')
			continue;
		if (depth == 1 && !strncmp(p, key, sizeof(key) - 1))
			return p + sizeof(key) - 1;
		for (p++; *p && *p != '"'; p++)
			p += *p == '\\';
		if (!*p)
			break;
	}
	return NULL;
}

static void put_version(struct buf *b, const struct object *o, const char *version)
{
	const char *at = api_version_in(o->json), *end = at ? strchr(at, '"') : NULL;

	if (!end) {
		buf_add(b, o->json, o->json_len);
		return;
	}
	buf_add(b, o->json, at - o->json);
	form_put_api_version(b, o->kind, version);
	buf_add(b, end, o->json + o->json_len - end);
}

void form_put_metadata(struct buf *b, const struct object *o)
{
	auto_doc yyjson_doc *doc = object_doc(o);
	size_t n = 0;
	auto_free char *meta =
		yyjson_val_write(yyjson_obj_get(yyjson_doc_get_root(doc), "metadata"), 0, &n);

	buf_str(b, "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\","
	           "\"metadata\":");
	buf_add(b, meta ? meta : "{}", meta ? n : 2);
	buf_str(b, "}");
}

void form_put_object(struct buf *b, const struct object *o, const char *version, enum form form)
{
	if (form == FORM_METADATA)
		form_put_metadata(b, o);
	else if (version && *version && strcmp(version, kind_info[o->kind].version) != 0)
		put_version(b, o, version);
	else
		buf_add(b, o->json, o->json_len);
}
