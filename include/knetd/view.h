/* view.h - typed views of the objects that several modules read: Services and their endpoints.
 * Everything is allocated in the caller's arena; strings point there. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/arena.h>
#include <knetd/ip.h>
#include <knetd/object.h>

struct service_port {
	const char *name; /* "" when unnamed */
	uint8_t proto;    /* IPPROTO_TCP, _UDP, _SCTP */
	uint16_t port, node_port;
	uint16_t target_port;     /* 0 when it is a name */
	const char *target_name;  /* NULL when it is a number */
	const char *app_protocol; /* "" */
};

#define SERVICE_ADDRESSES_MAX 64 /* external and load-balancer addresses, each */
#define SERVICE_RANGES_MAX 1024

struct service_view {
	const char *ns, *name;
	const char *type;          /* "ClusterIP", "NodePort", "LoadBalancer", "ExternalName" */
	bool headless;             /* clusterIP: None */
	bool other_proxy;          /* a label leaves it to another proxy than the node's */
	const char *external_name; /* "" */
	unsigned n_ips;            /* clusterIPs */
	struct ip ips[2];
	unsigned n_external, n_ingress;
	struct ip *external_ips; /* spec.externalIPs; only what can be read, no two alike */
	struct ip *ingress_ips;  /* status.loadBalancer.ingress[].ip of ipMode VIP */
	bool ranged;             /* loadBalancerSourceRanges are given, whatever they are */
	unsigned n_ranges;
	struct cidr *ranges; /* those that can be read, of both families */
	bool cut;            /* there were more addresses or ranges than the maximum */
	bool internal_local, external_local; /* the traffic policies are Local */
	uint32_t affinity;                   /* seconds a client stays with its endpoint; 0: none */
	uint16_t health_port;                /* healthCheckNodePort, 0: none */
	const char *distribution;            /* trafficDistribution, "" */
	bool publish_not_ready;
	unsigned n_ports;
	struct service_port *ports;
	yyjson_val
		*selector; /* NULL or empty: endpoints are written by hand; valid while doc lives */
	yyjson_doc *doc;   /* the caller frees it with yyjson_doc_free */
};
uint8_t view_proto(const char *name); /* IPPROTO_; of NULL TCP, of what is unknown 0 */
/* false when the object cannot be read as one (never for objects that passed validation). */
bool view_service(const struct object *o, struct arena *a, struct service_view *out);
/* Has it addresses that the node's proxy serves: it is not headless, no ExternalName, and no label
 * leaves it to somebody else. */
bool view_service_proxied(const struct service_view *v);

/* Is the Gateway of a class of ours (controller knetd.io/gateway), and that class accepted? */
bool view_gateway_ours(const struct object *gateway);
/* Is there a pool of addresses for whoever asks? */
bool view_pools_give(void);

#define VIEW_ZONE 64 /* a label's value */
/* The zone of a Node (may be NULL), from its label topology.kubernetes.io/zone; "" when it has
 * none. Returns out. */
const char *view_zone(const struct object *node, char out[static VIEW_ZONE]);
/* The zone of the node that this is; valid until the next call. */
const char *view_node_zone(void);

#define VIEW_NODE_IPS 64
/* The InternalIPs of a Node (NULL: none), in its order; returns how many of `most` there are. */
unsigned view_node_ips(const struct object *node, struct ip *out, unsigned most);
/* Is one of the InternalIPs of the node in the range? */
bool view_node_in(const struct cidr *range);
/* Are node ports open at that address of the node ([service] node_port_addresses)? Not asked for
 * loopback addresses, which have a key of their own. */
bool view_node_ports_at(const struct ip *ip);

/* What an endpoint's hints say of this node. */
#define HINTS_NODES 1u /* it has node hints, */
#define HINTS_NODE 2u  /* and this node is among them */
#define HINTS_ZONES 4u /* it has zone hints, */
#define HINTS_ZONE 8u  /* and this node's zone is among them */

struct view_endpoint { /* one address of an EndpointSlice with the port asked for */
	struct ip ip;
	uint16_t port; /* 0: the slice has no such port */
	bool ready, serving, terminating;
	bool local;           /* on this node */
	uint8_t hints;        /* HINTS_ */
	const char *node;     /* nodeName, "" */
	const char *hostname; /* "" */
	const char *target;   /* targetRef.name of a Pod, "" */
};
struct endpoint_set {
	unsigned n;
	struct view_endpoint *v;
};
/* The endpoints behind one port of a Service, of one family (4, 16, or 0 for both), over all its
 * slices, in a stable order (by address bytes, then port); of two with one address and port the
 * better one (ready, then serving), local when either is. usable_only: just those that are ready
 * (publishNotReadyAddresses has already made them so). port NULL: every address once, with port 0.
 */
void view_endpoints(const char *ns, const char *service, const struct service_port *port,
                    uint8_t family, bool usable_only, struct arena *a, struct endpoint_set *out);
/* The same as names see it, of both families: every address of an endpoint, not just the first, and
 * an address once for each hostname that it has. */
void view_endpoints_named(const char *ns, const char *service, const struct service_port *port,
                          bool usable_only, struct arena *a, struct endpoint_set *out);
/* Gives back what view_endpoints keeps for the next call; the core calls it after each turn. */
void view_forget(void);
