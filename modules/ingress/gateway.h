/* gateway.h - Gateway API within the module: what ingress.c calls, in this order.
 *
 *   gateway_look     for each change of the kinds in GATEWAY_KINDS: what it makes stale
 *   gateway_plan     what is served: listeners and rules, handed to the plan
 *   gateway_status   what became of it, written to the objects; once it is in force */
#pragma once

#include <knetd/store.h>

#include "proxy_plan.h"

#define GATEWAY_CONTROLLER "knetd.io/gateway"
#define GATEWAY_CLASS "knetd"

enum {
	GATEWAY_ROUTES = KIND_BIT(KIND_HTTPROUTE) | KIND_BIT(KIND_GRPCROUTE) |
	                 KIND_BIT(KIND_TLSROUTE) | KIND_BIT(KIND_TCPROUTE) |
	                 KIND_BIT(KIND_UDPROUTE),
	GATEWAY_KINDS = GATEWAY_ROUTES | KIND_BIT(KIND_GATEWAYCLASS) | KIND_BIT(KIND_GATEWAY) |
	                KIND_BIT(KIND_LISTENERSET) | KIND_BIT(KIND_REFERENCEGRANT) |
	                KIND_BIT(KIND_BACKENDTLSPOLICY) | KIND_BIT(KIND_NAMESPACE) |
	                KIND_BIT(KIND_SERVICE) | KIND_BIT(KIND_SECRET) | KIND_BIT(KIND_CONFIGMAP) |
	                KIND_BIT(KIND_NODE) | KIND_BIT(KIND_ADDRESSPOOL)
};

/* True when something has to be planned, or said, anew. */
bool gateway_look(const struct change *c);
void gateway_look_all(void);
/* Of Gateways: then all has to be planned anew. */
bool gateway_is_stale(void);
/* Before the Ingresses, which join listeners that are there. all: the plan is clear; else the
 * routes that changed are all that is looked at. */
void gateway_plan(struct plan *p, bool all);
void gateway_keep_certs(void); /* those in use, between certs_begin and certs_sweep */
/* Asks which sockets are not open, and why: 0 or -errno; once they were asked for. */
void gateway_ports(int (*trouble)(const struct endpoint *at, bool stream));
int gateway_status(struct err *e);

void gateway_metrics(struct buf *out);
void gateway_free(void);
