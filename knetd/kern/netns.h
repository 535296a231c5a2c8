/* netns.h - a step into another network namespace and back. Private to knetd/kern. */
#pragma once

#include <knetd/err.h>

/* *home is what netns_leave() wants. Between the two only the caller's few lines run: the process
 * has one thread. */
int netns_enter(int netns_fd, int *home, struct err *e);
void netns_leave(int home); /* closes it; -1 does nothing */
