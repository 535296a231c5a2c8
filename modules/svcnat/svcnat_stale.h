/* svcnat_stale.h - UDP flows that lead elsewhere by now. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "svcnat_elems.h"

/* Forgets the flows to fronts of these Services that are answered by none of their present
 * endpoints; after the commit. full: v has every Service there is, and nothing is known of what the
 * kernel tracks. */
void svcnat_stale_purge(const struct svcnat_change *v, size_t n, bool full);
void svcnat_stale_forget(void); /* frees what is remembered */
