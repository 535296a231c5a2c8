/* proxy_cors.h - cross-origin requests (Fetch standard, 3.2; Gateway API, HTTPCORSFilter). Pure. */
#pragma once

#include "proxy.h"

/* May pages of that origin ask? */
bool cors_allows(const struct table_cors *c, struct span origin);
/* OPTIONS with Origin and Access-Control-Request-Method: it is answered here. */
bool cors_is_preflight(const struct http_head *request);
/* What is told about it: Access-Control-* fields put into the answer. request: for what is echoed;
 * NULL when this is no preflight. */
void cors_answer(const struct table_cors *c, struct span origin, const struct http_head *request,
                 struct http_head *answer, struct scratch *s);
