/* policy_match.h - NetworkPolicies against one connection: which select a pod, which allow what.
 * Pure; as networking.k8s.io/v1 says. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <yyjson.h>

#include <knetd/ip.h>

struct policy_end { /* one end of a connection */
	struct ip ip;
	const char *ns;        /* NULL: no pod */
	yyjson_val *pod;       /* its Pod object, NULL when there is none */
	yyjson_val *ns_labels; /* of its Namespace */
};
struct policy_connection {
	struct policy_end from, to; /* to: behind any translation */
	uint8_t proto;
	uint16_t port; /* 0: any */
};
enum policy_direction { POLICY_INGRESS, POLICY_EGRESS };

/* Does a policy (an object in namespace ns) select the pod at that side of a connection, for that
 * direction? ingress: the end it goes to; egress: the end it comes from. */
bool policy_selects(yyjson_val *policy, const char *ns, enum policy_direction direction,
                    const struct policy_end *pod);
/* Has it a rule that allows the connection? Asked of one that selects. */
bool policy_allows(yyjson_val *policy, const char *ns, enum policy_direction direction,
                   const struct policy_connection *c);
