/* dns_guard.h - who is answered, and how often. Pods, the node and Service addresses always; others
 * when they are in `[dns] allow`, and over UDP at most rate_limit times a second (dns_limit.h),
 * unless they show a cookie of ours, which nobody has who only claims an address. */
#pragma once

#include "dns_worker.h"

enum dns_verdict {
	DNS_GUARD_PASS,
	DNS_GUARD_REPLY, /* with what is in out, in place of an answer */
	DNS_GUARD_DROP,
};

/* For a datagram. q: filled for DNS_GUARD_REPLY. */
enum dns_verdict dns_guard(const struct dns_settings *set, const struct dns_client *client,
                           const uint8_t *query, size_t n, struct dns_query *q,
                           struct dns_reply *out);
/* May this peer have the connection fd? */
bool dns_guard_admits(const struct dns_settings *set, int fd, const struct sockaddr *peer);
