/* netpol_match.h - NetworkPolicies against one connection: which select a pod, which allow what.
 * Pure; as networking.k8s.io/v1 says. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <yyjson.h>

#include <knetd/ip.h>

struct netpol_end { /* one end of a connection */
	struct ip ip;
	const char *ns;          /* NULL: no pod */
	yyjson_val *pod;         /* its Pod object, NULL when there is none */
	yyjson_val *ns_labels;   /* of its Namespace */
	bool unlabelled;         /* nobody has said its labels: only selectors of all choose it */
	yyjson_val *node_labels; /* of the Node that has the address, NULL: none has */
};
struct netpol_connection {
	struct netpol_end from, to; /* to: behind any translation */
	uint8_t proto;
	uint16_t port; /* 0: any */
};
enum netpol_direction { NETPOL_INGRESS, NETPOL_EGRESS };

/* Has anybody said the labels of a Pod? CNI ADD makes one of what the runtime tells; labels are not
 * among it unless an annotation says them, or somebody writes them later. */
bool netpol_labels_said(yyjson_val *pod);
/* Has a policy any say in that direction? Whom it selects is isolated there. */
bool netpol_isolates(yyjson_val *policy, enum netpol_direction direction);
/* Does a policy (an object in namespace ns) select the pod at that side of a connection, for that
 * direction? ingress: the end it goes to; egress: the end it comes from. */
bool netpol_selects(yyjson_val *policy, const char *ns, enum netpol_direction direction,
                    const struct netpol_end *pod);
/* Has it a rule that allows the connection? Asked of one that selects. */
bool netpol_allows(yyjson_val *policy, const char *ns, enum netpol_direction direction,
                   const struct netpol_connection *c);
