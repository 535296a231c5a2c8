/* podnet_plan.h - the pure parts of pod networks: names, labels, and what must be mended. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <knetd/arena.h>
#include <knetd/ip.h>
#include <knetd/kern.h>

#include "attachment.h"

#define LINK_PREFIX "knet"
#define LINK_ALIAS_SIZE 256

/* "knet" and 11 hex digits of a hash: one name an attachment; salt tells colliding ones apart. */
void plan_link_name(char out[static 16], const char *container, const char *ifname, unsigned salt);
/* The link's alias says whose it is, so that a restart knows it: "knetd <container> <ifname>". */
void plan_link_alias(char out[static LINK_ALIAS_SIZE], const char *container, const char *ifname);
bool plan_link_is_ours(const struct rt_link *l);
/* The PodNetwork's name: the pod's (or the container's) with the link's hash. */
void plan_object_name(char out[static 254], const char *pod_name, const char *container,
                      const char *link);

/* Reads the annotation "app=web,tier=front" one label at a time: 1 and the next key and value (in
 * the arena), 0 at the end, -1 when it is not in Kubernetes' form. *at moves on. */
int plan_label_next(const char **at, struct arena *a, const char **key, const char **value);

struct plan_bucket {
	unsigned ifindex;
	struct rt_tbf tbf;
};

/* What the kernel has, collected by one dump each. */
struct plan_seen {
	size_t n_links, n_addrs, n_routes, n_buckets;
	struct rt_link *links;
	struct rt_addr *addrs;
	struct rt_route *routes;
	struct plan_bucket *buckets;
	size_t links_cap, addrs_cap, routes_cap, buckets_cap;
};
void plan_saw_link(const struct rt_link *l, void *seen); /* fit rt_*_each */
void plan_saw_addr(const struct rt_addr *a, void *seen);
void plan_saw_route(const struct rt_route *r, void *seen);
void plan_saw_bucket(unsigned ifindex, const struct rt_tbf *t, void *seen);
void plan_sort(struct plan_seen *s); /* after the last one, before any question */
void plan_seen_free(struct plan_seen *s);

const struct rt_link *plan_link(const struct plan_seen *s, const char *name);
bool plan_has_addr(const struct plan_seen *s, unsigned ifindex, const struct ip *ip);
bool plan_has_host_route(const struct plan_seen *s, unsigned ifindex, const struct ip *ip);
/* The token bucket of the link, or NULL. */
const struct rt_tbf *plan_bucket(const struct plan_seen *s, unsigned ifindex);
/* The pod addresses that routes lead to through this link, at most max. */
unsigned plan_routed_ips(const struct plan_seen *s, unsigned ifindex, struct ip *out, unsigned max);
