/* lb_pool.h - the pools: which addresses there are to give, and to whom. Pure.
 *
 * They come from AddressPool objects, and one more from `[lb] pools`. A pool has ranges of either
 * family; one with `node` has the node's own addresses as well, behind its ranges. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/arena.h>
#include <knetd/conf.h>
#include <knetd/ip.h>
#include <knetd/object.h>

#define LB_POOLS_MAX 256       /* in force; further ones are told of and left out */
#define LB_POOL_RANGES_MAX 256 /* of one pool */
#define LB_LINKS_MAX 32        /* of one pool */
#define LB_CONF_POOL "knetd.ini"

enum { LB_IPV4, LB_IPV6, LB_FAMILIES };
static inline unsigned lb_family(const struct ip *ip)
{
	return ip->len == 16 ? LB_IPV6 : LB_IPV4;
}

struct lb_range {
	struct ip_range of;
	struct ip next; /* no free address lies below it */
	bool full;      /* none is free at all */
};

struct lb_pool {
	const char *name;
	bool auto_assign; /* also for Services that do not ask for it */
	bool avoid_buggy; /* not those that end in .0 and .255 */
	bool node;
	int64_t priority; /* the lowest first; 0 is last */
	bool pinned;      /* not for every Service */
	bool conf;        /* of [lb] pools */
	unsigned n_ranges;
	struct lb_range *ranges; /* sorted; they do not overlap */
	unsigned n_on;
	const char **on; /* links that announce; none: as [lb] announce says */
	uint64_t size[LB_FAMILIES], used[LB_FAMILIES]; /* addresses; at most 2^63-1 */
	uint64_t told[LB_FAMILIES];                    /* used as the object's status says it */
	bool written;                                  /* it says so */
	yyjson_val *namespaces, *ns_selector, *service_selector; /* NULL: any */
};

struct lb_pools { /* everything lives in the arena, and in docs */
	unsigned n;
	struct lb_pool *v;           /* in the order in which they are asked */
	unsigned left_out;           /* more than LB_POOLS_MAX */
	struct ip node[LB_FAMILIES]; /* the node's own addresses; len 0: none */
	struct arena arena;
	yyjson_doc **docs;
};

/* Reads them. objects: n AddressPools; node: the Node object of this machine, or NULL. */
void lb_pools_read(struct lb_pools *out, const struct object *const *objects, size_t n,
                   const struct object *node);
void lb_pools_free(struct lb_pools *p);
/* The node's addresses as a Node object says them. */
void lb_pools_node(const struct object *node, struct ip out[static LB_FAMILIES]);

uint64_t lb_pool_free(const struct lb_pool *pool, unsigned family);
struct lb_pool *lb_pools_find(const struct lb_pools *p, const char *name);
/* The range with that address; NULL: none of the pool's. */
struct lb_range *lb_pool_range(const struct lb_pool *pool, const struct ip *ip);
/* Never given: those that avoidBuggyIPs says; in IPv6 X::, which is every router's (RFC
 * 4291 2.6.1). */
bool lb_pool_leaves_out(const struct lb_pool *pool, const struct ip *ip);
/* May Services of that namespace, with those labels, use it? */
bool lb_pool_allows(const struct lb_pool *pool, const char *ns, yyjson_val *ns_labels,
                    yyjson_val *labels);
