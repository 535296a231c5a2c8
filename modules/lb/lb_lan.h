/* lb_lan.h - the links of the node: which of them addresses are brought to, and how they are. */
#pragma once

#include <stdbool.h>

#include <knetd/kern.h>

#define LB_LANS 16 /* in use at one time */

struct lb_lan {              /* a link in use; its place in memory stays as long as it is */
	struct rt_link link; /* as last seen, ifindex 0: a free place */
	struct wire *wire;   /* NULL: loopback, not Ethernet, or it could not be opened */
	bool up;             /* with carrier */
	bool again;          /* it came up, or has another hardware address: tell all again */
	bool used;           /* chosen since lb_lan_read */
};

/* Reads what links there are. Claims of others come to fn. */
int lb_lan_read(struct rt *rt, wire_fn *fn, struct err *e);
/* News of a link: true when it makes a difference. */
bool lb_lan_saw(const struct rt_link *l);
/* The links with these names (none: as [lb] announce says) for addresses of that family. */
unsigned lb_lan_choose(const char *const *names, unsigned n, uint8_t family,
                       struct lb_lan *out[static LB_LANS]);
/* Where addresses were found at start: where `auto` leaves them when there is no default route. */
void lb_lan_found(unsigned ifindex, uint8_t family);
struct lb_lan *lb_lan_by_index(unsigned ifindex); /* in use, or NULL */
bool lb_lan_is_ours(const uint8_t mac[static 6]); /* one of the node's own hardware addresses */
void lb_lan_sweep(void);                          /* lets go of links that nobody chose */
void lb_lan_free(void);
