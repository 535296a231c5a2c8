/* isolate_seccomp.h - the last step of isolate.c. */
#pragma once

#include <knetd/err.h>

/* From here on every system call but the common ones and `more` (ends with -1; NULL for none) kills
 * the process. Does nothing in sanitizer builds: their runtime makes calls of its own. */
int seccomp_allow(const int *more, struct err *e);
