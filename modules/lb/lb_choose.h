/* lb_choose.h - which addresses a Service should hold, given what it asks and what others hold; and
 * why it cannot have what it asks for. Choosing changes nothing but the hints of
 * ranges. Pure. */
#pragma once

#include "lb_alloc.h"

/* A Service that asks, and where it has got to. */
struct lb_asking {
	struct lb_alloc *a;
	const struct lb_ask *ask;
	struct lb_claim *me;
	char why[LB_WHY];           /* what spoke against it first */
	const struct lb_pool *none; /* the first pool that had no free one, of that family */
	unsigned none_of, n_none;
};

struct lb_plan {
	struct lb_pool *pool;
	struct ip ips[LB_FAMILIES];
	unsigned n;
};

/* What it should hold; held: what it holds, by family. */
void lb_choose(struct lb_asking *q, const struct ip *held, struct lb_plan *out);
/* Only what it holds and may go on holding, and from the same pool what else it wants. */
void lb_choose_kept(struct lb_asking *q, const struct ip *held, struct lb_plan *out);
void lb_choose_explain(struct lb_asking *q);      /* completes q->why */
unsigned lb_choose_all(const struct lb_ask *ask); /* addresses that it wants */
bool lb_choose_names(const struct lb_ask *ask);   /* it asks for certain ones */
/* It gets those that it asks for. */
bool lb_choose_has_named(const struct lb_asking *q, const struct lb_plan *plan);
