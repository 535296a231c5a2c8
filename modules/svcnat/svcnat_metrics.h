/* svcnat_metrics.h - what /metrics tells of Services. */
#pragma once

#include <stdint.h>

#include <knetd/buf.h>
#include <knetd/map.h>

struct svcnat_metrics {
	uint64_t syncs, failures, nanoseconds, last; /* last: seconds since 1970 */
	uint64_t service_changes, endpoint_changes;
	uint64_t transactions, elements;
	uint64_t walks, walk_nanoseconds, flows_deleted;
	size_t endpoints;
};
extern struct svcnat_metrics svcnat_metrics;

uint64_t svcnat_metrics_now(void); /* nanoseconds of a clock that only goes forward */
/* applied: struct svcnat_kept by key. */
void svcnat_metrics_write(struct buf *out, const struct map *applied);
