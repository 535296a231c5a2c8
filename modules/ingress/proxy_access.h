/* proxy_access.h - a policy on the way of a request (proxy_policy.c), and who else is asked about
 * it (proxy_ask.c). */
#pragma once

#include "proxy.h"
#include "proxy_policy.h"

/* Before anything else is done with a request of an action with a policy. h: as it came. False: it
 * was answered, or waits. */
bool policy_request(struct exchange *x, struct http_head *h);
/* The backend is chosen; another one when it has no endpoints. */
void policy_backend(struct exchange *x);
/* What is added to a request on its way up. */
void policy_forward(const struct exchange *x, struct http_head *h, struct scratch *s);
/* What is added to an answer. */
void policy_answer(struct exchange *x, struct http_head *h, struct scratch *s);
/* The request is over, however it went. */
void policy_over(struct exchange *x);

/* Begins to ask; x waits. */
void ask_access(struct exchange *x, const struct http_head *h);
void ask_over(struct exchange *x);

/* ---- for both
 * ------------------------------------------------------------------------------------ */

/* An answer with one field more and no body. */
void policy_reply(struct exchange *x, unsigned status, const char *name, struct span value);
