/* policy_mirror.h - reads table knetd_policy back. */
#pragma once

#include <stdbool.h>

#include <knetd/err.h>

/* Fills policy_kept.h, which must be empty, with what the kernel has: all but rules and the maps of
 * chains, which a full pass makes anew. */
int policy_mirror_read(struct err *e);
/* Has it classes with numbers up to POLICY_HALF? */
bool policy_mirror_has_low(void);
