/* svcnat_counts.h - how many connections each Service got, as the kernel counts them.
 *
 * Each series costs whoever collects them, and each element some of the kernel's memory, so no more
 * than `[service] metrics` Services are counted: who is first. */
#pragma once

#include <knetd/buf.h>

#include "svcnat_mirror.h"
#include "svcnat_plan.h"

/* Says of the Service's fronts whether they are counted. With a mirror only those are that the
 * kernel counts already; svcnat_counts_fill() then gives others the places that are left. */
void svcnat_counts_choose(struct svcnat_service *s, const char *key,
                          const struct svcnat_mirror *mirror);
void svcnat_counts_fill(struct svcnat_kept *k);
void svcnat_counts_drop(const char *key); /* there is no such Service any more */
void svcnat_counts_write(struct buf *out, size_t services);
void svcnat_counts_forget(void);
