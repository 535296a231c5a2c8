/* dns_plan.h - the store in, snapshots out. Pure.
 *
 * The snapshots that were built last are the only bookkeeping: a changed Service's entries are left
 * out by their owner and written anew, everything else is copied. */
#pragma once

#include <knetd/arena.h>
#include <knetd/map.h>
#include <knetd/store.h>

#include "dns_programmed.h"
#include "dns_snapshot.h"

struct dns_plan { /* of one sync */
	struct arena arena;
	struct map touched; /* Services: "ns/name" -> struct touched */
	struct map spaces;  /* namespaces: name -> name */
	struct map pods;    /* Pods: "ns/name" -> the same */
	uint8_t zone[DNS_NAME_MAX];
	size_t zone_len;
	uint64_t *owners; /* whose old entries go */
	size_t n_owners;
	struct dns_cut *cut; /* Services whose names could not be given whole (dns_records.h) */
	unsigned changed[DNS_PROGRAMMED_KINDS]; /* Services, for metrics */
	bool rebuild[DNS_SLOTS];
	struct buf fresh[DNS_SLOTS];
};

void dns_plan_begin(struct dns_plan *p);
void dns_plan_change(struct dns_plan *p, const struct change *c);
/* Works out the changes given: which slots to rebuild, and what is new in them. */
void dns_plan_changes_end(struct dns_plan *p);
/* The same for everything in the store: all slots from 1 on are built from nothing. */
void dns_plan_all(struct dns_plan *p);
/* The content of slot 0, in one go. */
void dns_plan_settings(const struct dns_groups *groups, const struct dns_searches *searches,
                       struct buf *out);
/* The new content of a slot from 1 on; out stays empty when nothing is left in it. false: it is
 * what the old one holds. */
bool dns_plan_shard(const struct dns_plan *p, unsigned slot, const struct dns_shard *old,
                    struct buf *out);
void dns_plan_free(struct dns_plan *p);
