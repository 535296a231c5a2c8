/* svcnat_elems.h - from the difference of two plans to elements of the maps. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <knetd/kern.h>

#include "svcnat_mirror.h"
#include "svcnat_plan.h"

struct svcnat_change { /* NULL: there was none, there is none any more */
	const struct svcnat_kept *old, *new;
};

/* Queues what turns the kernel's elements of all old ones into those of all new ones. With a mirror
 * the old ones do not count: what the kernel has is what the mirror holds. Returns the number of
 * elements sent. */
size_t svcnat_elems_send(struct nft_txn *t, const struct svcnat_change *v, size_t n,
                         struct svcnat_mirror *mirror);
/* Queues the deletion of what is left in the mirror, at most `most`; 0 when nothing is. */
size_t svcnat_elems_sweep(struct nft_txn *t, struct svcnat_mirror *mirror, size_t *i, size_t most);
/* Queues who may come to the guarded fronts of one Service, for a table that says nobody. */
void svcnat_elems_allow(struct nft_txn *t, const struct svcnat_kept *k);
/* About how many elements the change is worth. */
size_t svcnat_elems_weight(const struct svcnat_change *c);
/* Frees what is remembered. */
void svcnat_elems_forget(void);
