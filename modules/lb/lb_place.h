/* lb_place.h - an address at a link: asked for, taken, told to the neighbours, defended.
 *
 *   WAITS --link comes up--> PROBES --nobody answers--> HERE (announced three times)
 *     ^                        |  ^                       |
 *     +----link goes down------+  +-30 s-- CONFLICT <-----+ never: see lb_place.c
 *                              +--answer-->
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/buf.h>
#include <knetd/kern.h>
#include <knetd/list.h>

#include "lb_ask.h"
#include "lb_lan.h"

enum lb_state {
	LB_WAITS,    /* the link is down */
	LB_PROBES,   /* does anybody else have it? */
	LB_HERE,     /* the kernel answers for it */
	LB_CONFLICT, /* somebody else has it */
	LB_FAILED,   /* the kernel did not take it */
	LB_STATES
};

struct lb_address { /* one that a Service holds */
	struct ip ip;
	char *service; /* "namespace/name" of the first that holds it */
	char **on;     /* names of links, none: as [lb] announce says */
	unsigned n_on;
	bool own;                     /* it is the node's without us: nothing to be done */
	bool listed;                  /* its seat in the last full list */
	struct list places;           /* struct lb_place by in_address */
	unsigned arp[LB_LANS], n_arp; /* links it may be answered for on, as table arp has it */
	bool arp_held;
	struct lb_port *doors; /* Gateways': the proxy answers there */
	unsigned n_doors;
	unsigned guard;         /* lb_guard.c's, */
	struct lb_port *passed; /* as are the doors that its table has */
	unsigned n_passed;
};

struct lb_place {
	struct list in_address, due;
	struct lb_address *a;
	struct lb_lan *lan;
	enum lb_state state;
	unsigned step;     /* frames of this state that were sent */
	unsigned refusals; /* conflicts in a row */
	bool wanted;
	uint64_t at, defended; /* loop_now() */
	uint8_t theirs[6];     /* who else has it */
};

/* for (size_t i = 0; (a = lb_address_next(&i));) - all that are held; lb_announce.c's. */
struct lb_address *lb_address_next(size_t *i);

void lb_place_init(struct rt *rt);
/* there: the kernel has it already, from before. */
struct lb_place *lb_place_new(struct lb_address *a, struct lb_lan *lan, bool there);
/* The link has come up or is another; there: the kernel has the address. */
void lb_place_look(struct lb_place *p, bool there);
void lb_place_claimed(struct lb_place *p, const uint8_t mac[static 6]);
/* Takes the address off the link. */
void lb_place_drop(struct lb_place *p);
void lb_place_free(struct lb_place *p); /* leaves it there */
const char *lb_state_name(enum lb_state state);
void lb_place_metrics(struct buf *out);
