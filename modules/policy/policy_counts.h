/* policy_counts.h - how many packets each policy denied, as the kernel counts them.
 *
 * The kernel has a counter for each class: a packet that one drops is counted for each of the
 * policies that made it, as none of them let it through. At most POLICY_COUNTS_MAX policies and
 * directions are told of, who is first: a series costs whoever collects it. */
#pragma once

#include <knetd/buf.h>

#define POLICY_COUNTS_MAX 1000

/* Takes over what the kernel has counted: before it loses a counter. */
void policy_counts_read(void);
void policy_counts_restart(void); /* the table is new: all counters begin at zero */
/* The classes in force are those of the plan from now on. */
void policy_counts_follow(void);
void policy_counts_write(struct buf *out);
void policy_counts_forget(void);
