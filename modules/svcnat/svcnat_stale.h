/* svcnat_stale.h - UDP flows to endpoints that are gone. */
#pragma once

#include "svcnat_elems.h"

/* Forgets the flows to what the old plan had and the new one has not; after the commit. */
void svcnat_stale_purge(const struct svcnat_change *c);
