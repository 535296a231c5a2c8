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

struct service_view {
	const char *ns, *name;
	const char *type;          /* "ClusterIP", "NodePort", "LoadBalancer", "ExternalName" */
	bool headless;             /* clusterIP: None */
	const char *external_name; /* "" */
	unsigned n_ips;            /* clusterIPs */
	struct ip ips[2];
	bool publish_not_ready;
	unsigned n_ports;
	struct service_port *ports;
	yyjson_val
		*selector; /* NULL or empty: endpoints are written by hand; valid while doc lives */
	yyjson_doc *doc;   /* the caller frees it with yyjson_doc_free */
};
/* false when the object cannot be read as one (never for objects that passed validation). */
bool view_service(const struct object *o, struct arena *a, struct service_view *out);

struct view_endpoint { /* one address of an EndpointSlice with the port asked for */
	struct ip ip;
	uint16_t port; /* 0: the slice has no such port */
	bool ready, serving, terminating;
	const char *hostname; /* "" */
	const char *target;   /* targetRef.name of a Pod, "" */
};
struct endpoint_set {
	unsigned n;
	struct view_endpoint *v;
};
/* The endpoints behind one port of a Service, of one family (4, 16, or 0 for both), over all its
 * slices, duplicates dropped, in a stable order (by address bytes, then port). usable_only: just
 * those that traffic may be sent to (ready, or publishNotReadyAddresses already made them so).
 * port NULL: every address once, with port 0. */
void view_endpoints(const char *ns, const char *service, const struct service_port *port,
                    uint8_t family, bool usable_only, struct arena *a, struct endpoint_set *out);
