/* ingress_canary.h - canary Ingresses joined to those whose requests they take a part of. */
#pragma once

#include <knetd/map.h>

#include "ingress_compile.h"

struct canaries {
	struct map by_rule;
	struct arena arena;
};

void canaries_gather(struct canaries *all);
/* The action for a rule: its own, or a copy that knows the canaries of the same host and path. What
 * is made is in a. */
const struct table_action *canaries_join(const struct canaries *all, const struct compiled_rule *r,
                                         struct arena *a);
void canaries_free(struct canaries *all);
