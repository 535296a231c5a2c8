/* api_review.h - questions about the caller: what may I do, who am I. */
#pragma once

#include "api.h"

struct message;
struct review {
	const char *group, *kind, *plural, *singular;
	const struct message *message;
	void (*answer)(struct call *c, yyjson_mut_doc *doc, yyjson_mut_val *root,
	               yyjson_mut_val *status);
};
#define REVIEWS 3
extern const struct review reviews[REVIEWS];
/* False: the path is none of theirs. */
bool serve_review(struct call *c);
