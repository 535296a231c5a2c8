/* ingress_parts.c - text with $variables, as nginx writes them, taken apart. What is no variable
 * of the table is refused: nothing is left for anybody to read as code. */
#include <string.h>
#include <strings.h>

#include <knetd/auto.h>

#include "ingress_annotations.h"

static const struct {
	const char *name;
	enum table_part_kind kind;
} variables[] = {
	{ "request_uri", PART_REQUEST_URI },
	{ "escaped_request_uri", PART_ESCAPED_URI },
	{ "uri", PART_URI },
	{ "document_uri", PART_URI },
	{ "args", PART_ARGS },
	{ "query_string", PART_ARGS },
	{ "host", PART_HOST },
	{ "http_host", PART_HOST },
	{ "best_http_host", PART_HOST },
	{ "scheme", PART_SCHEME },
	{ "pass_access_scheme", PART_SCHEME },
	{ "request_method", PART_METHOD },
	{ "remote_addr", PART_CLIENT },
	{ "binary_remote_addr", PART_CLIENT },
	{ "the_real_ip", PART_CLIENT },
};
static const struct {
	const char *prefix;
	enum table_part_kind kind;
} families[] = {
	{ "http_", PART_HEADER },
	{ "arg_", PART_ARG },
	{ "cookie_", PART_COOKIE },
};

static size_t name_length(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && (p[i] == '_' || (p[i] >= '0' && p[i] <= '9') ||
	                 ((p[i] | 32) >= 'a' && (p[i] | 32) <= 'z')))
		i++;
	return i;
}

/* "http_x_user" is the field x-user. */
static struct span field_name(struct arena *a, const char *p, size_t n)
{
	char *copy = arena_strndup(a, p, n);

	for (size_t i = 0; i < n; i++)
		copy[i] = copy[i] == '_'                     ? '-'
		          : copy[i] >= 'A' && copy[i] <= 'Z' ? copy[i] + 32
		                                             : copy[i];
	return (struct span){ copy, n };
}

static bool variable(struct arena *a, const char *p, size_t n, struct table_part *out)
{
	for (size_t i = 0; i < ARRAY_LEN(variables); i++)
		if (strlen(variables[i].name) == n && !memcmp(variables[i].name, p, n)) {
			*out = (struct table_part){ .kind = variables[i].kind };
			return true;
		}
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		size_t k = strlen(families[i].prefix);

		if (n <= k || memcmp(families[i].prefix, p, k) != 0)
			continue;
		out->kind = families[i].kind;
		out->text = out->kind == PART_HEADER
		                    ? field_name(a, p + k, n - k)
		                    : (struct span){ arena_strndup(a, p + k, n - k), n - k };
		return true;
	}
	return false;
}

static const char *no_variable(struct arena *a, const char *p, size_t n)
{
	return arena_printf(a, "the variable $%.*s is none that is known here", (int)n, p);
}

/* One variable at p, behind the dollar. *used: bytes of it. */
static const char *read_variable(struct arena *a, const char *p, size_t n, size_t *used,
                                 struct table_part *out)
{
	bool braced = n && *p == '{';
	size_t k = name_length(p + braced, n - braced);

	if (!k)
		return "a dollar stands before no variable's name";
	if (braced && (k + 1 >= n || p[k + 1] != '}'))
		return "a brace is not closed";
	*used = k + 2 * braced;
	return variable(a, p + braced, k, out) ? NULL : no_variable(a, p + braced, k);
}

static void *arena_copy(struct arena *a, const void *p, size_t n)
{
	return memcpy(arena_alloc(a, n ? n : 1), p, n);
}

const char *parts_read(struct span text, struct arena *a, struct note_parts *out)
{
	static struct table_part v[ANNOTATION_LIST_MAX];
	const char *p = text.p, *end = p + text.n, *why;
	uint32_t n = 0;

	while (p < end) {
		const char *dollar = memchr(p, '$', end - p);
		size_t k = (dollar ? dollar : end) - p;

		if (n + 2 > ARRAY_LEN(v))
			return "it has too many parts";
		if (k)
			v[n++] = (struct table_part){ PART_TEXT, { arena_strndup(a, p, k), k } };
		p += k;
		if (p == end)
			break;
		v[n].text = (struct span){ "", 0 };
		why = read_variable(a, p + 1, end - p - 1, &k, &v[n]);
		if (why)
			return why;
		n++;
		p += 1 + k;
	}
	*out = (struct note_parts){ arena_copy(a, v, n * sizeof(*v)), n };
	return NULL;
}
