/* lb_gateway.h - Gateways of ours as they ask the pools, beside Services. */
#pragma once

#include "lb_alloc.h"

/* Claims of Gateways: LB_GATEWAY "namespace/name". */
#define LB_GATEWAY "Gateway "

/* What it asks: one address of each family that there is, or those of spec.addresses that are a
 * pool's. Not ours: of another class, or it asks for nothing that is to be had here. */
void lb_gateway_read(const struct object *gateway, const struct lb_pools *pools, struct arena *a,
                     struct lb_ask *out);
/* status.addresses and our mark beside it; without addresses only what we wrote is taken back, for
 * then they are the module ingress'. */
int lb_gateway_write(const struct object *gateway, const struct lb_ask *ask,
                     const struct lb_result *r, struct err *e);
int lb_gateway_unmark(const struct object *gateway, struct err *e);
