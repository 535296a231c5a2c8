/* policy_apply.h - brings table knetd_policy to what the plan says. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <knetd/err.h>

struct policy_applied {
	bool tightened; /* something that passed may not pass any more */
	bool classes;   /* there are others now, or of other policies */
	size_t elements, transactions;
};
/* full: whatever was applied before, what counts is what the kernel has. One transaction. */
int policy_apply(bool full, struct policy_applied *out, struct err *e);
/* Takes the table away, if it may be there. */
int policy_apply_remove(struct err *e);
void policy_apply_forget(void); /* frees what is remembered */
