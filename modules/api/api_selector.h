/* api_selector.h - labelSelector and fieldSelector, as list, watch and deletecollection select. */
#pragma once

#include <stdbool.h>

#include <knetd/arena.h>
#include <knetd/object.h>

#define SELECTOR_MAX 8192 /* bytes of a selector */
#define SELECTOR_REQUIREMENTS 64
#define SELECTOR_VALUES 256 /* of one requirement */

enum requirement_op { REQ_IN, REQ_NOT_IN, REQ_EXISTS, REQ_ABSENT, REQ_GREATER, REQ_LESS };
struct requirement {
	enum requirement_op op;
	bool field; /* path into the object, not a label */
	const char *key;
	unsigned n_values;
	const char **values;
};
struct selector { /* everything lives in the arena it was parsed with */
	unsigned n;
	struct requirement *v;
};

/* Reads labelSelector and fieldSelector of a query; *why says in Kubernetes' words what is wrong.
 * One that cannot be read is never "all". */
bool selector_parse(const char *query, enum kind kind, struct arena *a, struct selector *out,
                    const char **why);
bool selector_match(const struct selector *s, const struct object *o);

/* The two grammars, one requirement after the other into v (room for SELECTOR_REQUIREMENTS). */
bool selector_read_labels(const char *text, struct arena *a, struct requirement *v, unsigned *n,
                          const char **why);
bool selector_read_fields(const char *text, enum kind kind, struct arena *a, struct requirement *v,
                          unsigned *n, const char **why);
/* The value of a field selector's key in an object: "" when it is not there. */
const char *selector_field(const struct object *o, yyjson_val *root, const char *key);
