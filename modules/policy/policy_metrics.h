/* policy_metrics.h - what /metrics tells of policies. */
#pragma once

#include <stdint.h>

#include <knetd/buf.h>

struct policy_metrics {
	uint64_t syncs, failures, nanoseconds, last; /* last: seconds since 1970 */
	uint64_t transactions, elements;
	uint64_t walks, walk_nanoseconds, flows_cut;
};
extern struct policy_metrics policy_metrics;

uint64_t policy_metrics_now(void); /* nanoseconds of a clock that only goes forward */
void policy_metrics_write(struct buf *out);
