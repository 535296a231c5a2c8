/* dns_programmed.h - how long it takes until a changed Service's names are in force: what the
 * service level indicator "DNS programming latency" of Kubernetes counts. */
#pragma once

#include <stdint.h>

#include <knetd/buf.h>

enum dns_programmed_kind {
	DNS_CLUSTER_IP,
	DNS_HEADLESS, /* its endpoints come from a selector */
	DNS_HEADLESS_BY_HAND,
	DNS_PROGRAMMED_KINDS
};

/* n[kind] Services changed, and what they are is in force now; since: as loop_now_ns counts, when
 * the changes were read. */
void dns_programmed(const unsigned n[static DNS_PROGRAMMED_KINDS], uint64_t since);
void dns_programmed_metrics(struct buf *out);
