/* proxy_rewrite.h - the new path and address of a request: rewrites and redirects. Pure. */
#pragma once

#include "proxy.h"

/* The path that w makes of one, as it goes into a request line or a Location. raw is as the client
 * wrote it, rule what it met (NULL: none). p NULL: it does not fit. */
struct span rewrite_path(struct scratch *s, const struct table_rewrite *w,
                         const struct table_rule *rule, struct span raw);
/* The Location of a redirect. */
struct location {
	bool tls;                /* how the request came */
	uint16_t port;           /* of the listener */
	struct span host;        /* of the request */
	struct span path, query; /* query.p NULL: none */
};
struct span rewrite_location(struct scratch *s, const struct table_rewrite *w,
                             const struct table_rule *rule, const struct location *from);
