/* lb_alloc.h - who holds which address. Pure: pools and wishes in, holdings out; nothing is read
 * and nothing written.
 *
 * A Service keeps its addresses as long as a pool that it may use holds them and nothing it asks
 * for speaks against them, whatever else changes. Both addresses of a dual-stack Service come from
 * one pool. Services share an address when they have the same sharing key, different ports, and
 * their traffic may go to the same pods (externalTrafficPolicy Cluster, or one selector); the
 * node's own addresses are shared by all, port by port.
 *
 * A change costs the same however many Services there are: holdings are found by hash, and each
 * range knows below which address none is free. */
#pragma once

#include <knetd/list.h>
#include <knetd/map.h>

#include "lb_ask.h"
#include "lb_pool.h"

#define LB_WHY 320

struct lb_addr { /* one that is held, or was when it was last told of */
	struct ip ip;
	struct lb_pool *pool;  /* NULL: none holds it any more */
	bool node;             /* the node's own */
	char *share, *backend; /* of those that hold it; "" for none */
	struct list holds;     /* struct lb_hold, the oldest first */
	unsigned n;            /* of them */
	struct list in_changed, in_share;
};

struct lb_claim;
struct lb_hold { /* one address of one Service */
	struct list in_addr;
	struct lb_claim *claim;
	struct lb_addr *addr; /* NULL: none */
	struct lb_front *fronts;
};

struct lb_claim { /* a Service of ours */
	struct lb_hold holds[LB_FAMILIES];
	unsigned n_ports;
	struct lb_port *ports;
	unsigned n_doors;
	struct lb_port *doors;   /* where the node itself answers for it */
	bool starved;            /* waits for a free address, whichever, */
	bool lacks[LB_FAMILIES]; /* of these families, */
	bool picky; /* and of a pool that it names, which need not be one of autoAssign */
	char *why;  /* what it waits for; NULL: it has all it asks for */
	struct list in_waiting;
	bool seen; /* lb.c's */
	char key[];
};

struct lb_alloc {
	struct lb_pools *pools;
	struct map claims; /* by "namespace/name" */
	struct map addrs;  /* by address: struct lb_addr */
	struct map fronts; /* by address, protocol, port: struct lb_front */
	struct map shares; /* by sharing key: struct lb_share, its addresses */
	struct list waiting, changed;
	unsigned n_waiting; /* those with a why; PreferDualStack waits for its second without */
	bool eased; /* something was given back, were it a port; the caller sets it to false */
};

void lb_alloc_init(struct lb_alloc *a);
void lb_alloc_free(struct lb_alloc *a);

/* Other pools are in force. Whoever holds something has to ask again. */
void lb_alloc_set_pools(struct lb_alloc *a, struct lb_pools *pools);

struct lb_result {
	struct ip ips[LB_FAMILIES]; /* what it holds now, the first family first */
	unsigned n;
	const char *pool;           /* NULL: none */
	struct ip was[LB_FAMILIES]; /* what it held before, by family */
	bool changed;               /* that is not what it holds now */
	bool told;                  /* it waits for the same as when it asked before */
	char why[LB_WHY];           /* what it waits for; "": nothing */
};
/* A Service asks: for the first time (then it has what its status says, if it may) or again. */
void lb_alloc_ask(struct lb_alloc *a, const struct lb_ask *ask, struct lb_result *out);
/* It is gone, or no longer ours. */
void lb_alloc_drop(struct lb_alloc *a, const char *key);

/* The next that may have what it waits for, because something was given back (eased); NULL: none.
 * Each is given once; the list is the caller's, taken from a->waiting. Asking may ease once more:
 * who holds half of what it wants may find the whole elsewhere. */
struct lb_claim *lb_alloc_next_waiting(struct lb_alloc *a, struct list *taken);
size_t lb_alloc_n_changed(const struct lb_alloc *a); /* to be told */
/* Calls fn for each address whose holders, or their doors, have changed, and forgets that they
 * have. all: for each that is held as well. */
void lb_alloc_told(struct lb_alloc *a, bool all, void (*fn)(const struct lb_addr *, void *),
                   void *arg);

static inline const struct lb_claim *lb_addr_holder(const struct lb_addr *addr)
{
	return addr->n ? container_of(addr->holds.next, struct lb_hold, in_addr)->claim : NULL;
}
