/* worker_left.h - children that the binary before us has left (handover.h): workers that serve on
 * or drain. The kernel keeps what has ended until its parent has looked. */
#pragma once

#include "worker_proc.h"

void worker_left_begin(void); /* takes what there is; harmless again */

/* To whoever takes our place. NULL is fine. */
void worker_leave(const struct worker_proc *p);
void worker_leave_left(void);
void worker_leave_resume(void);
