/* gateway_match.c - matches of HTTPRoutes and GRPCRoutes as rules of the table.
 *
 * Paths are compared decoded, so they are decoded here. Regular expressions have to meet the whole
 * value; what people write out of habit and means nothing here, "(?:", is taken for "(". */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <knetd/auto.h>

#include "gateway_compile.h"
#include "proxy_regex.h"

#define UNSUPPORTED "UnsupportedValue"

unsigned compile_match_count(yyjson_val *rule)
{
	size_t n = yyjson_arr_size(yyjson_obj_get(rule, "matches"));

	return n ? n : 1;
}

/* ---- expressions ---------------------------------------------------------------------------- */

/* Group marks of other dialects, outside of brackets and escapes. */
static void without_marks(char *s)
{
	bool bracket = false;
	char *to = s;

	for (char *p = s; *p; p++) {
		if (*p == '\\' && p[1] && !bracket) {
			*to++ = *p++;
		} else if (*p == '[' && !bracket) {
			bracket = true;
			if (p[1] == ']')
				*to++ = *p++;
			else if (p[1] == '^' && p[2] == ']') {
				*to++ = *p++;
				*to++ = *p++;
			}
		} else if (*p == ']') {
			bracket = false;
		} else if (*p == '(' && !bracket && p[1] == '?' && p[2] == ':') {
			*to++ = *p;
			p += 2;
			continue;
		}
		*to++ = *p;
	}
	*to = 0;
}

static struct span expression(struct compiling *c, const char *field, unsigned i, char *text)
{
	struct span out;
	const char *why;

	without_marks(text);
	out.p = arena_printf(&c->out->arena, "^(%s)$", text);
	out.n = strlen(out.p);
	why = regex_trouble(out.p);
	if (why)
		compile_refuse(c, UNSUPPORTED, "matches[%u].%s: no regular expression: %s", i,
		               field, why);
	return out;
}

/* ---- HTTP ----------------------------------------------------------------------------------- */

static struct span decoded(struct compiling *c, const char *path, bool prefix)
{
	size_t n = strlen(path);
	char *out = arena_alloc(&c->out->arena, n + 1);

	if (!http_decode(path, n, false, out, n + 1))
		memcpy(out, path, n + 1); /* met by no request */
	n = strlen(out);
	while (prefix && n && out[n - 1] == '/')
		n--;
	out[n] = 0;
	return (struct span){ out, n };
}

static void match_path_of(struct compiling *c, yyjson_val *m, unsigned i, struct table_rule *r)
{
	const char *type = compile_str(m, "path.type", "PathPrefix"),
		   *value = compile_str(m, "path.value", "/");
	bool prefix = !strcmp(type, "PathPrefix");

	if (prefix || !strcmp(type, "Exact")) {
		r->kind = prefix ? PATH_PREFIX : PATH_EXACT;
		r->path = decoded(c, value, prefix);
	} else if (!strcmp(type, "RegularExpression")) {
		r->kind = PATH_REGEX;
		r->nocase = !strncmp(value, "(?i)", 4);
		r->path = expression(c, "path.value", i,
		                     arena_strdup(&c->out->arena, value + (r->nocase ? 4 : 0)));
	} else {
		compile_refuse(c, UNSUPPORTED, "matches[%u].path.type: %s is not known", i, type);
	}
}

/* Of several of one name the first counts. */
static bool named_already(const struct table_match *list, uint32_t n, struct span name, bool nocase)
{
	for (uint32_t i = 0; i < n; i++)
		if (list[i].name.n == name.n &&
		    !(nocase ? strncasecmp(list[i].name.p, name.p, name.n)
		             : memcmp(list[i].name.p, name.p, name.n)))
			return true;
	return false;
}

static const struct table_match *values(struct compiling *c, yyjson_val *list, const char *field,
                                        unsigned i, bool headers, uint32_t *count)
{
	struct table_match *out =
		arena_alloc(&c->out->arena, (yyjson_arr_size(list) + 1) * sizeof(*out));
	yyjson_val *v;
	size_t k, n;

	*count = 0;
	yyjson_arr_foreach (list, k, n, v) {
		const char *type = compile_str(v, "type", "Exact"), *name = json_str(v, "name"),
			   *value = compile_str(v, "value", "");
		struct table_match *m = &out[*count];

		m->name = headers ? compile_lower(c, name) : compile_text(c, name);
		m->regex = !strcmp(type, "RegularExpression");
		if (named_already(out, *count, m->name, headers))
			continue;
		if (!m->regex && strcmp(type, "Exact") != 0)
			compile_refuse(c, UNSUPPORTED, "matches[%u].%s[%zu].type: %s is not known",
			               i, field, k, type);
		m->value = m->regex ? expression(c, field, i, arena_strdup(&c->out->arena, value))
		                    : compile_text(c, value);
		(*count)++;
	}
	return out;
}

/* ---- gRPC ----------------------------------------------------------------------------------- */

/* The path of a call is /service/method. */
static void match_call(struct compiling *c, yyjson_val *m, unsigned i, struct table_rule *r)
{
	const char *type = compile_str(m, "method.type", "Exact"),
		   *service = compile_str(m, "method.service", ""),
		   *method = compile_str(m, "method.method", "");
	bool exact = !strcmp(type, "Exact");
	struct arena *a = &c->out->arena;

	r->kind = PATH_PREFIX;
	r->path = (struct span){ "", 0 };
	if (!exact && strcmp(type, "RegularExpression") != 0)
		compile_refuse(c, UNSUPPORTED, "matches[%u].method.type: %s is not known", i, type);
	else if (!*service && !*method)
		return;
	else if (exact && *service) {
		r->kind = *method ? PATH_EXACT : PATH_PREFIX;
		r->path = compile_text(
			c, arena_printf(a, "/%s%s%s", service, *method ? "/" : "", method));
	} else {
		r->kind = PATH_REGEX;
		r->path = expression(c, "method", i,
		                     arena_printf(a, exact ? "/%s/%s" : "/(%s)/(%s)",
		                                  *service ? service : "[^/]+",
		                                  *method ? method : "[^/]+"));
	}
}

void compile_match(struct compiling *c, yyjson_val *rule, unsigned i, struct table_rule *out)
{
	yyjson_val *m = yyjson_arr_get(yyjson_obj_get(rule, "matches"), i);

	if (c->grpc)
		match_call(c, m, i, out);
	else
		match_path_of(c, m, i, out);
	out->method = compile_text(c, c->grpc ? NULL : json_str(m, "method"));
	out->headers = values(c, yyjson_obj_get(m, "headers"), "headers", i, true, &out->n_headers);
	out->queries = values(c, yyjson_obj_get(m, "queryParams"), "queryParams", i, false,
	                      &out->n_queries);
}
