/* policy_cut.h - established connections that the plan forbids. */
#pragma once

#include <knetd/err.h>

/* Deletes them from the kernel's table of connections, in one walk, and in another what began
 * from their other ends meanwhile: their next packet is judged. */
int policy_cut(struct err *e);
