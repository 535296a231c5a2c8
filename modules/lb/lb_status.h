/* lb_status.h - what is written of it: the status of Services and AddressPools, and Events. Inside
 * the caller's transaction. */
#pragma once

#include <knetd/err.h>

#include "lb_alloc.h"

/* Makes the status say what is held, and tells what happened. The Service is the one that asked. */
int lb_status_write(const struct object *service, const struct lb_ask *ask,
                    const struct lb_result *r, struct err *e);
/* The parts of it that Gateways need too (lb_gateway.c): does the status say that already; the mark
 * beside it; the Events. */
bool lb_status_says(const struct lb_ask *ask, const struct lb_result *r);
const char *lb_status_mark_of(const struct lb_ask *ask);
void lb_status_mark(yyjson_mut_doc *doc, yyjson_mut_val *root, const char *pool);
void lb_status_tell(const struct object *asker, const struct lb_result *r);
/* A Service that is no longer ours, or never was: only our mark on it goes. */
int lb_status_unmark(const struct object *service, struct err *e);
/* How much of the pool is in use; nothing when that is written already. */
int lb_status_pool(struct lb_pool *pool, struct err *e);
