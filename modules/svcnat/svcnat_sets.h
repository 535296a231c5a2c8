/* svcnat_sets.h - the sets and maps of table knetd, what they are called and what is in them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/kern.h>

#define SVCNAT_TABLE "knetd"

enum svcnat_set {
	SVCNAT_SVC,   /* front : word */
	SVCNAT_OUTER, /* front : word, for clients outside, where it differs */
	SVCNAT_EPS,   /* front . index : endpoint */
	SVCNAT_IDS,   /* front . index : id of the endpoint, with affinity */
	SVCNAT_PORTS, /* the same four for node ports */
	SVCNAT_OUTER_PORTS,
	SVCNAT_PORT_EPS,
	SVCNAT_PORT_IDS,
	SVCNAT_WHO,     /* id : endpoint */
	SVCNAT_GUARDED, /* fronts that only some may come to */
	SVCNAT_SNAT,    /* fronts whose clients are all masqueraded */
	SVCNAT_SNAT_PORTS,
	SVCNAT_OWN_SNAT, /* fronts of which only the node itself is */
	SVCNAT_OWN_SNAT_PORTS,
	SVCNAT_HITS, /* fronts whose connections are counted */
	SVCNAT_HIT_PORTS,
	SVCNAT_CLUSTER,                      /* ClusterIPs given out */
	SVCNAT_HAIRPIN,                      /* endpoint . the same */
#define SVCNAT_MIRRORED (SVCNAT_HAIRPIN + 1) /* those before follow Services and are read back */
	SVCNAT_ALLOWED = SVCNAT_MIRRORED,    /* front . client's range: who may come */
	SVCNAT_AFF,                          /* front . client : id; the kernel writes it */
	SVCNAT_PORT_AFF,
	SVCNAT_DNS,     /* the cluster DNS itself */
	SVCNAT_NODE_AT, /* where node ports are open, unless everywhere */
	SVCNAT_SETS
};

/* "svc" and 4 gives "svc4". The names are constants. */
const char *svcnat_set_name(enum svcnat_set set, uint8_t family);
/* Queues all sets of a family; those that are there stay as they are. */
void svcnat_sets_add(struct nft_txn *t, uint8_t family);

/* The word of a front, by which its chain is found (svcnat_picks.h). */
#define SVCNAT_WORD_OUTER (1u << 13)
#define SVCNAT_WORD_AFFINITY 14 /* bits to shift the seconds by */
#define SVCNAT_WORD_REFUSE 0u
#define SVCNAT_WORD_DROP SVCNAT_WORD_OUTER
/* Where the indexes of outer lists begin: behind all others, and below what a queue takes for a
 * class when it stands in a packet's priority. */
#define SVCNAT_OUTER_INDEX 8192u
