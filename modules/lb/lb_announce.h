/* lb_announce.h - the addresses that Services hold, brought to the links: the node answers for them
 * there and tells the neighbours. lb.c says who holds what; the kernel's side is lb_announce.c's.
 *
 * Level-triggered: every call says how things are, and what is there already is left as it is. The
 * node's own addresses (pools with `node`) are not told: nothing has to be done for them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <knetd/buf.h>
#include <knetd/err.h>
#include <knetd/ip.h>

#include "lb_ask.h"

struct lb_held {
	struct ip ip;
	bool held;             /* false: nobody holds it any more */
	const char *pool;      /* NULL when it is not held */
	const char *const *on; /* n_on names of links; none: as [lb] announce says */
	unsigned n_on;
	const char *service; /* "namespace/name": the first that holds it; NULL when none does */
	unsigned n_services; /* how many share it */
	const struct lb_port *doors; /* n_doors, in order: where the proxy answers for Gateways */
	unsigned n_doors;
};

int lb_announce_init(struct err *e);
void lb_announce_exit(bool remove);

/* v: addresses of which something has changed, each once; full: these are all that are held, and
 * whatever else of ours is on a link goes. Strings are borrowed for the call. An error makes the
 * core try the whole sync again later, which then comes with full. */
int lb_announce_set(const struct lb_held *v, size_t n, bool full, struct err *e);

/* Members of the address's line in `knetctl lb`: "announcedOn":["eth0"],"state":"announced" */
void lb_announce_show(const struct ip *ip, struct buf *out);
void lb_announce_metrics(struct buf *out); /* Prometheus text, bounded series */
