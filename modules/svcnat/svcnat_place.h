/* svcnat_place.h - which index an endpoint has in the kernel's map. */
#pragma once

#include "svcnat_mirror.h"
#include "svcnat_plan.h"

/* Reorders the new endpoints so that as few indexes as can be differ from the old ones: survivors
 * keep their places and ids, new ones fill the holes, and what is left of the holes is filled from
 * the end. A hole among the old ones has ip.len 0. */
void svcnat_place(const struct svcnat_list *old, struct svcnat_list *new, struct arena *arena);

/* The same for all lists of a Service, with what the kernel's maps hold in place of the old ones.
 */
void svcnat_place_as_seen(const struct svcnat_mirror *m, struct svcnat_service *s,
                          struct arena *arena);

/* Gives endpoints of a Service with affinity that have no id one that nobody has; without affinity
 * takes ids away. */
void svcnat_place_ids(struct svcnat_service *s);
/* No id up to this one is given any more. */
void svcnat_place_ids_above(uint32_t id);
