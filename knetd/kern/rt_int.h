/* rt_int.h - how the files of routing netlink (rt, link, addr, route, neigh) share a queue. */
#pragma once

#include <libmnl/libmnl.h>

#include <knetd/buf.h>
#include <knetd/kern.h>

#include "nl.h"

struct rt {
	struct nl *nl;
	struct buf queue; /* messages waiting for rt_flush */
	uint32_t last;    /* sequence number of the newest one */
};

/* Begins a message at the queue's end and finishes it. NULL when the queue is full: rt_flush will
 * say so, and the caller just returns. */
struct nlmsghdr *rt_begin(struct rt *rt, uint16_t type, uint16_t flags);
void rt_end(struct rt *rt, struct nlmsghdr *h);

/* Puts an address as the attribute, cut to nothing when it is empty. */
void rt_put_ip(struct nlmsghdr *h, uint16_t attr, const struct ip *ip);
struct ip rt_get_ip(const struct nlattr *a); /* NULL gives an empty one */

/* By name, or when that is NULL by number. */
int link_get(struct rt *rt, const char *name, unsigned ifindex, struct rt_link *out, struct err *e);

/* A link as a message of the kernel tells it. */
void link_read(const struct nlmsghdr *h, struct rt_link *out);
void addr_read(const struct nlmsghdr *h, struct rt_addr *out); /* ip.len 0: it has none */

/* What a queued message is about, for error texts: "link knet1a2b". */
#define RT_TEXT 96
void link_describe(const struct nlmsghdr *h, char out[static RT_TEXT]);
void addr_describe(const struct nlmsghdr *h, char out[static RT_TEXT]);
void route_describe(const struct nlmsghdr *h, char out[static RT_TEXT]);
void rule_describe(const struct nlmsghdr *h, char out[static RT_TEXT]);
void qdisc_describe(const struct nlmsghdr *h, char out[static RT_TEXT]);
void neigh_describe(const struct nlmsghdr *h, char out[static RT_TEXT]);
