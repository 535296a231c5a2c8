/* gateway_compile.h - what the files of the compiler of HTTPRoutes and GRPCRoutes share.
 *
 *   gateway_http.c      a route, rule by rule: actions, timeouts, retries
 *   gateway_match.c     matches as rules of the table
 *   gateway_filters.c   filters
 *   gateway_choices.c   backendRefs, and how their Services are spoken to
 *
 * A rule with something in it that is not understood is left out, and said to be; one that names
 * what is not there stays, and answers 500 in its place. */
#pragma once

#include "gateway_route.h"

struct compiling {
	struct gateway_compiled *out;
	const struct object *route;
	const struct gateway_terms *terms;
	bool grpc;
	unsigned rule;             /* the one that is compiled now */
	struct gateway_says wrong; /* why it is left out */
	bool broken;               /* a filter cannot be had: every request is answered with 500 */
};

/* Why the rule is left out: UnsupportedValue or IncompatibleFilters. The first one counts. */
void compile_refuse(struct compiling *c, const char *reason, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
struct span compile_text(struct compiling *c, const char *s); /* kept in the arena; NULL is "" */
struct span compile_lower(struct compiling *c, const char *s);
const char *compile_str(yyjson_val *obj, const char *path, const char *absent);

/* How many rules of the table a rule of the route makes, at least one. */
unsigned compile_match_count(yyjson_val *rule);
/* The i-th of them, without its action. */
void compile_match(struct compiling *c, yyjson_val *rule, unsigned i, struct table_rule *out);

/* at: "filters" or "backendRefs[0].filters", for messages. */
const struct table_filter *compile_filters(struct compiling *c, yyjson_val *list, const char *at,
                                           uint32_t *n);
/* The number of the backend that ref names; TABLE_NONE when it is not to be had, which is said. */
uint32_t compile_backend(struct compiling *c, yyjson_val *ref);
const struct table_choice *compile_choices(struct compiling *c, yyjson_val *refs, uint32_t *n);
