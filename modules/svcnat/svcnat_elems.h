/* svcnat_elems.h - from the difference of two plans to elements of the maps. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <knetd/kern.h>

#include "svcnat_plan.h"

struct svcnat_change { /* NULL: there was none, there is none any more */
	const struct svcnat_kept *old, *new;
};

/* Queues what turns the kernel's elements of all old ones into those of all new ones; fresh: the
 * table has just been emptied, and v holds every Service there is. Returns the number of elements
 * sent. */
size_t svcnat_elems_send(struct nft_txn *t, const struct svcnat_change *v, size_t n, bool fresh);
/* Frees what is remembered. */
void svcnat_elems_forget(void);
