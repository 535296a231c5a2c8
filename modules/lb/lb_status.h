/* lb_status.h - what is written of it: the status of Services and AddressPools, and Events. Inside
 * the caller's transaction. */
#pragma once

#include <knetd/err.h>

#include "lb_alloc.h"

/* Makes the status say what is held, and tells what happened. The Service is the one that asked. */
int lb_status_write(const struct object *service, const struct lb_ask *ask,
                    const struct lb_result *r, struct err *e);
/* A Service that is no longer ours, or never was: only our mark on it goes. */
int lb_status_unmark(const struct object *service, struct err *e);
/* How much of the pool is in use; nothing when that is written already. */
int lb_status_pool(struct lb_pool *pool, struct err *e);
