/* svcnat_metrics.h - what /metrics tells of Services. */
#pragma once

#include <stdint.h>

#include <knetd/buf.h>

#include "svcnat_plan.h"

struct svcnat_metrics {
	uint64_t syncs, failures, nanoseconds, last; /* last: seconds since 1970 */
	uint64_t service_changes, endpoint_changes;
	uint64_t transactions, elements;
	uint64_t walks, walk_nanoseconds, flows_deleted;
	size_t endpoints;
	size_t hidden_internal, hidden_external; /* Services that a policy leaves without any */
};
extern struct svcnat_metrics svcnat_metrics;

uint64_t svcnat_metrics_now(void); /* nanoseconds of a clock that only goes forward */
/* The Service is applied (sign 1), or no more (-1). */
void svcnat_metrics_service(const struct svcnat_kept *k, int sign);
void svcnat_metrics_write(struct buf *out, size_t services);
