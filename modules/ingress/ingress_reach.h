/* ingress_reach.h - can the host of an annotation's URL be reached: does anything here serve it? */
#pragma once

#include "ingress_cache.h"

/* Says in the notes of one that was just compiled when its auth-url asks nobody. All are compiled
 * by then; what was found out of hosts is kept until reach_forget. */
void reach_check(struct compiled *c);
void reach_forget(void);
