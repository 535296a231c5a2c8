/* lb.c - load-balancer addresses: gives Services of type LoadBalancer their addresses and writes
 * their status, in the turn that made or changed them. */
#include <knetd/module.h>

#include "lb_announce.h"

extern const struct module lb_module;

void lb_announce_again(void)
{
	module_resync(&lb_module);
}

static int lb_sync(struct changes *c, struct err *e)
{
	struct change change;

	while (changes_next(c, &change))
		;
	return lb_announce_set(NULL, 0, c->full, e);
}

static int lb_init(struct err *e)
{
	return lb_announce_init(e);
}

static void lb_exit(bool remove)
{
	lb_announce_exit(remove);
}

const struct module lb_module = {
	.name = "lb",
	.watches = KIND_BIT(KIND_SERVICE) | KIND_BIT(KIND_ADDRESSPOOL) | KIND_BIT(KIND_NODE) |
	           KIND_BIT(KIND_NAMESPACE),
	.init = lb_init,
	.sync = lb_sync,
	.metrics = lb_announce_metrics,
	.exit = lb_exit,
};
