/* lb_guard.h - a load-balancer address is for its Services and Gateways alone: what else is asked
 * for there is refused. */
#pragma once

#include "lb_place.h"

/* Queue what an address needs now, or that nobody holds it any more. */
void lb_guard_address(struct lb_address *a);
void lb_guard_forget(struct lb_address *a);
/* Sends what was queued. */
int lb_guard_commit(struct err *e);
/* Somebody else has changed the table: all addresses are to be said again. */
void lb_guard_lost(void);
void lb_guard_remove(void); /* the table, if there is one */
