/* ipam.h - which addresses of the pod ranges are taken.
 *
 * The address that was released last is handed out last: a range is walked once around from where
 * the last one was given, then the released ones come back in the order they were released. Taking
 * and releasing cost the same at any size. The store keeps the truth; this is rebuilt from it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/conf.h>
#include <knetd/err.h>
#include <knetd/ip.h>
#include <knetd/list.h>
#include <knetd/map.h>

/* How many addresses of a part of a range are looked at for one that nobody had yet. */
#define IPAM_WITHIN_MAX 65536
/* In a range too large to be walked, so many released addresses wait before the oldest of them is
 * preferred to one that was never used: it bounds the memory of a /64. */
#define IPAM_RELEASED_MAX 4096

struct ipam_span { /* places 0 .. size - 1 of a range, both ends included */
	uint64_t from, to;
};

struct ipam_range {
	struct cidr cidr;
	uint64_t first, size; /* usable addresses: offsets first .. first + size - 1 */
	uint64_t room;        /* usable and not reserved */
	uint64_t next, left;  /* the walk: next to look at (0 .. size - 1), steps left */
	uint64_t taken;
	unsigned n_reserved; /* never handed out; in order, without overlap */
	struct ipam_span reserved[CONF_RANGES];
	struct list released; /* struct lease, oldest first */
	unsigned n_released;
};

struct ipam { /* points into itself: not to be copied */
	unsigned n;
	struct ipam_range ranges[CONF_CIDRS];
	const struct conf_ranges *reserved; /* the caller's */
	struct map leases; /* taken and released ones, by the bytes of the address */
};

/* -EINVAL when ranges overlap. What is reserved is never handed out, not even when asked for. */
int ipam_init(struct ipam *m, const struct conf_cidrs *cidrs, const struct conf_ranges *reserved,
              struct err *e);
void ipam_free(struct ipam *m);

bool ipam_has_family(const struct ipam *m, uint8_t family); /* 4 or 16 */
uint64_t ipam_room(const struct ipam *m, uint8_t family);   /* addresses left, saturating */

/* Are all of these addresses in one of the ranges? */
bool ipam_covers(struct ipam *m, const struct ip_range *part);
/* From the family's first range with room; -ENOSPC when there is none. */
int ipam_take(struct ipam *m, uint8_t family, struct ip *out, struct err *e);
/* From this part of one of our ranges; -ERANGE when ours do not have it, -ENOSPC. */
int ipam_take_within(struct ipam *m, const struct ip_range *part, struct ip *out, struct err *e);
/* -ERANGE outside all ranges (or not an address for a pod), -EADDRINUSE. */
int ipam_take_this(struct ipam *m, const struct ip *ip, struct err *e);
/* The walk goes on behind ip, the newest address known from before a restart. */
void ipam_resume_behind(struct ipam *m, const struct ip *ip);
void ipam_release(struct ipam *m, const struct ip *ip); /* harmless when not taken */
