/* node_plan.h - this machine as a Node object. Pure. */
#pragma once

#include <knetd/ip.h>
#include <knetd/object.h>

struct node_facts {
	const char *name;
	struct ip addresses[2]; /* of the uplink, one a family */
	unsigned n_addresses;
	const struct cidr *pod_cidrs;
	unsigned n_pod_cidrs;
	const char *machine_id, *boot_id, *kernel, *os_image, *arch; /* "" when unknown */
	const char *now;                                             /* RFC 3339 */
	long cpus, memory_kb, pods;
};

/* The object as it should stand; what others wrote into it (labels, taints, further conditions)
 * stays. old may be NULL. The caller frees it. */
yyjson_mut_doc *node_plan(const struct node_facts *f, const struct object *old);
