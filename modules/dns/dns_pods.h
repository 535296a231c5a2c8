/* dns_pods.h - what cluster DNS knows of a Pod: its addresses, and how its resolver searches. Pure.
 */
#pragma once

#include <knetd/object.h>

#include "dns_records.h"

struct dns_pod_facts {
	unsigned n_ips; /* one a family, in the Pod's order */
	struct ip ips[2];
	unsigned flags; /* DNS_POD_ */
};

/* NULL, a Pod on the node's own addresses, and one that has ended have none. */
void dns_pod_read(const struct object *pod, struct dns_pod_facts *out);
bool dns_pod_same(const struct dns_pod_facts *a, const struct dns_pod_facts *b);
void dns_records_pod(const struct dns_target *t, const struct object *pod);
