/* api_cause.c - what is wrong with an object, in Kubernetes' words (field.Error in
 * k8s.io/apimachinery), and where (struct at in api_valid.h). */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "api_valid.h"

#define WHY_MAX 640 /* the longest message quotes a regular expression */
/* A value that fills pages is not worth repeating. */
#define VALUE_SHOWN 120

static void add(struct causes *c, const char *reason, const char *field, const char *message)
{
	if (c->n < CAUSES_MAX)
		c->v[c->n++] = (struct cause){ reason, arena_strdup(c->arena, field), message };
}

/* As Go's %q, cut. */
static const char *quoted(struct arena *a, const char *s)
{
	char *out = arena_alloc(a, 2 * VALUE_SHOWN + 8), *p = out;

	*p++ = '"';
	for (size_t i = 0; s[i] && i < VALUE_SHOWN; i++) {
		const char *escaped = strchr("\"\"\\\\\nn\tt\rr", s[i]);

		if (escaped && (escaped - "\"\"\\\\\nn\tt\rr") % 2 == 0)
			*p++ = '\\', *p++ = escaped[1];
		else
			*p++ = s[i];
	}
	*p = '"';
	return out;
}

#define WHY(why, fmt)                                                                              \
	do {                                                                                       \
		va_list ap;                                                                        \
		va_start(ap, fmt);                                                                 \
		vsnprintf(why, sizeof(why), fmt, ap);                                              \
		va_end(ap);                                                                        \
	} while (0)

void cause_invalid(struct causes *c, const char *field, const char *value, const char *fmt, ...)
{
	char why[WHY_MAX];

	WHY(why, fmt);
	add(c, "FieldValueInvalid", field,
	    arena_printf(c->arena, "Invalid value: %s: %s", quoted(c->arena, value), why));
}

void cause_invalid_number(struct causes *c, const char *field, int64_t value, const char *fmt, ...)
{
	char why[WHY_MAX];

	WHY(why, fmt);
	add(c, "FieldValueInvalid", field,
	    arena_printf(c->arena, "Invalid value: %lld: %s", (long long)value, why));
}

void cause_required(struct causes *c, const char *field, const char *detail)
{
	add(c, "FieldValueRequired", field,
	    *detail ? arena_printf(c->arena, "Required value: %s", detail) : "Required value");
}

void cause_not_supported(struct causes *c, const char *field, const char *value,
                         const char *supported)
{
	add(c, "FieldValueNotSupported", field,
	    arena_printf(c->arena, "Unsupported value: %s: supported values: %s",
	                 quoted(c->arena, value), supported));
}

void cause_duplicate(struct causes *c, const char *field, const char *value)
{
	add(c, "FieldValueDuplicate", field,
	    arena_printf(c->arena, "Duplicate value: %s", quoted(c->arena, value)));
}

void cause_forbidden(struct causes *c, const char *field, const char *detail)
{
	add(c, "FieldValueForbidden", field, arena_printf(c->arena, "Forbidden: %s", detail));
}

void cause_type(struct causes *c, const char *field, const char *wanted, const char *got)
{
	add(c, "FieldValueTypeInvalid", field,
	    arena_printf(c->arena, "Invalid value: %s: must be %s", got, wanted));
}

/* ---- places --------------------------------------------------------------------------------- */

const char *at_text(struct arena *a, const struct at *at)
{
	const char *up = at && at->up ? at_text(a, at->up) : "";

	if (!at)
		return "";
	if (!at->name)
		return arena_printf(a, "%s[%zu]", up, at->item);
	if (at->keyed)
		return arena_printf(a, "%s[%s]", up, at->name);
	return *up ? arena_printf(a, "%s.%s", up, at->name) : at->name;
}

void wrong(struct causes *c, const struct at *at, const char *value, const char *fmt, ...)
{
	char why[WHY_MAX];

	WHY(why, fmt);
	cause_invalid(c, at_text(c->arena, at), value, "%s", why);
}

void wrong_number(struct causes *c, const struct at *at, int64_t value, const char *fmt, ...)
{
	char why[WHY_MAX];

	WHY(why, fmt);
	cause_invalid_number(c, at_text(c->arena, at), value, "%s", why);
}

void wrong_json(struct causes *c, const struct at *at, yyjson_mut_val *value, const char *fmt, ...)
{
	auto_free char *json = value ? yyjson_mut_val_write(value, 0, NULL) : NULL;
	char why[WHY_MAX];

	WHY(why, fmt);
	add(c, "FieldValueInvalid", at_text(c->arena, at),
	    arena_printf(c->arena, "Invalid value: %.*s: %s", VALUE_SHOWN, json ? json : "null",
	                 why));
}

void wrong_missing(struct causes *c, const struct at *at, const char *detail)
{
	cause_required(c, at_text(c->arena, at), detail);
}

void wrong_twice(struct causes *c, const struct at *at, const char *value)
{
	cause_duplicate(c, at_text(c->arena, at), value);
}

void wrong_twice_raw(struct causes *c, const struct at *at, const char *value)
{
	add(c, "FieldValueDuplicate", at_text(c->arena, at),
	    arena_printf(c->arena, "Duplicate value: %s", value));
}

void wrong_here(struct causes *c, const struct at *at, const char *detail)
{
	cause_forbidden(c, at_text(c->arena, at), detail);
}

void wrong_long(struct causes *c, const struct at *at, size_t max)
{
	add(c, "FieldValueTooLong", at_text(c->arena, at),
	    arena_printf(c->arena, "Too long: may not be more than %zu bytes", max));
}

void wrong_many(struct causes *c, const struct at *at, size_t n, size_t max)
{
	add(c, "FieldValueTooMany", at_text(c->arena, at),
	    arena_printf(c->arena, "Too many: %zu: must have at most %zu items", n, max));
}

void wrong_internal(struct causes *c, const struct at *at, const char *detail)
{
	add(c, "InternalError", at_text(c->arena, at),
	    arena_printf(c->arena, "Internal error: %s", detail));
}

static const char *listed(struct arena *a, const char *const *words)
{
	const char *all = "";

	for (; *words; words++)
		all = arena_printf(a, "%s%s\"%s\"", all, *all ? ", " : "", *words);
	return all;
}

void wrong_word(struct causes *c, const struct at *at, const char *value, const char *const *words)
{
	cause_not_supported(c, at_text(c->arena, at), value, listed(c->arena, words));
}

void wrong_choice(struct causes *c, const struct at *at, int64_t value, const char *const *words)
{
	add(c, "FieldValueNotSupported", at_text(c->arena, at),
	    arena_printf(c->arena, "Unsupported value: %lld: supported values: %s",
	                 (long long)value, listed(c->arena, words)));
}
