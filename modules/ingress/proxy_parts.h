/* proxy_parts.h - text made of what a request says. */
#pragma once

#include "proxy.h"
#include "proxy_policy.h"

struct parts_from {
	const struct exchange *x;
	const struct http_head *h;
	struct span back; /* for PART_BACK */
};
/* Appends them; what a request does not have is nothing. What would break a header out of its line
 * never gets here: the parser has refused it. */
void parts_write(struct buf *out, const struct table_part *v, uint32_t n,
                 const struct parts_from *from);
/* A cookie's value; p NULL: there is none of that name. */
struct span cookie_of(const struct http_head *h, struct span name);
/* "%3A" for what a query parameter's value must not have. */
void parts_escape(struct buf *out, struct span s);
