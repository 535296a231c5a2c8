/* uplink_plan.h - what the uplink has, what it should have, and what is to be done about it. */
#pragma once

#include <knetd/conf.h>
#include <knetd/uplink.h>

#define UPLINK_STALE 16

/* What one dump of each kind has shown of the link. */
struct uplink_seen {
	unsigned ifindex;
	uint32_t addresses; /* bits: which of the wanted are there */
	bool gateways[2];   /* which of the wanted are there */
	unsigned n_stale;   /* addresses of our making that nobody wants any more, on any link */
	struct rt_addr stale[UPLINK_STALE];
};
void uplink_saw_addr(const struct rt_addr *a, void *seen);
void uplink_saw_route(const struct rt_route *r, void *seen);

/* The default route by a gateway; one outside the link's networks is on the link all the same. */
void uplink_default_route(unsigned ifindex, const struct ip *gateway, struct rt_route *out);
/* Queues what is missing and what is too much. Returns how many messages that are. */
unsigned uplink_mend(struct rt *rt, const struct uplink_seen *seen);
