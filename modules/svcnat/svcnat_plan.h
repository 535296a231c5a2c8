/* svcnat_plan.h - what the kernel should know about one Service. Pure: store in, structs out.
 *
 * A front is what clients talk to: an address with protocol and port (ClusterIP, load balancer's
 * address, external IP), or a node port. A list is the endpoints of one port of the Service;
 * several fronts may lead to the same one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <knetd/arena.h>
#include <knetd/ip.h>
#include <knetd/kern.h>

#define SVCNAT_ENDPOINTS_MAX 4096 /* of one list */
#define SVCNAT_FRONTS_MAX 2048    /* of one Service, both families together */
#define SVCNAT_RANGES_MAX 64      /* loadBalancerSourceRanges of one Service, the same */

struct svcnat_endpoint {
	struct endpoint at;
	uint32_t id; /* by which clients with affinity are remembered; 0: no affinity */
};

enum svcnat_scope { SVCNAT_CLUSTER_WIDE, SVCNAT_LOCAL };

struct svcnat_list {
	uint8_t family, proto;
	uint16_t port; /* the Service's own: with family, proto and scope it names the list */
	enum svcnat_scope scope;
	unsigned index; /* in svcnat_service.lists */
	unsigned n;
	struct svcnat_endpoint *eps; /* the place in this list is the index in the kernel's map */
};

enum svcnat_empty { SVCNAT_REFUSE, SVCNAT_DROP };

struct svcnat_way {                     /* where a front leads */
	const struct svcnat_list *list; /* NULL: nowhere */
	enum svcnat_empty empty;        /* what happens when nobody is in the list */
	uint32_t word;                  /* which chain goes there: svcnat_picks_words() */
};

enum svcnat_source {                      /* whose connections are masqueraded beside hairpins */
	             SVCNAT_SOURCE_RANGE, /* ClusterIPs: the rules for the Service ranges know */
	             SVCNAT_SOURCE_NODE,  /* the node's own */
	             SVCNAT_SOURCE_ALL,
};

struct svcnat_front {
	/* these four are whose front it is, without a hole between them (SVCNAT_FRONT_ID bytes) */
	uint16_t port;
	struct ip at; /* of a node port: all zeros, of the family */
	uint8_t proto;
	bool node_port;

	bool guarded; /* only the Service's ranges may come */
	bool counted; /* svcnat_counts.h */
	enum svcnat_source masquerade;
	bool two_ways;
	struct svcnat_way inner; /* for pods and the node; without two_ways for all */
	struct svcnat_way outer; /* for everybody else */
};

struct svcnat_kept;

#define SVCNAT_FRONT_ID offsetof(struct svcnat_front, guarded)

struct svcnat_service {
	unsigned n_vips, n_fronts, n_lists, n_ranges;
	struct ip vips[2];           /* ClusterIPs */
	struct svcnat_front *fronts; /* sorted by svcnat_front_order(), no two alike */
	struct svcnat_list *lists;   /* no two alike */
	struct cidr *ranges;         /* sorted */
	uint32_t affinity;           /* seconds, 0: none */
	bool cut;                    /* had more than one of the maxima */
};

/* By family, then node ports behind addresses, then address, protocol and port. */
int svcnat_front_order(const struct svcnat_front *a, const struct svcnat_front *b);
int svcnat_list_order(const struct svcnat_list *a, const struct svcnat_list *b);

/* The key of a front in the maps, and that of one of its endpoints. */
struct nft_bytes svcnat_front_key(const struct svcnat_front *f);
struct nft_bytes svcnat_index_key(const struct svcnat_front *f, unsigned index);

/* Calls fn for each front that one of the plans has, in order; the other is NULL where only one has
 * it. Both plans may be NULL. */
typedef void svcnat_pair_fn(const struct svcnat_front *old, const struct svcnat_front *new,
                            void *arg);
void svcnat_plan_pairs(const struct svcnat_kept *old, const struct svcnat_kept *new,
                       svcnat_pair_fn *fn, void *arg);
/* The list of the same port, family and scope; an empty one when k (or NULL) has none. */
const struct svcnat_list *svcnat_plan_list(const struct svcnat_kept *k,
                                           const struct svcnat_list *like);

/* Fills out in arena. A Service that is not there, or not ours to serve (headless, ExternalName, of
 * another proxy), has no fronts. */
void svcnat_plan_service(const char *ns, const char *name, struct arena *arena,
                         struct svcnat_service *out);

/* Takes fronts out of the plan: those at an address, or a single one. */
void svcnat_plan_drop_vip(struct svcnat_service *s, const struct ip *vip);
void svcnat_plan_drop_front(struct svcnat_service *s, unsigned i);

/* A lasting copy in one block of memory, with its key behind it; free() it. */
struct svcnat_kept {
	struct svcnat_service s;
	const char *key; /* "namespace/name" */
};
struct svcnat_kept *svcnat_plan_keep(const struct svcnat_service *s, const char *key);
