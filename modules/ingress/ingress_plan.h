/* ingress_plan.h - Ingress objects, Services and endpoints of the store -> the routes snapshot.
 * Pure. */
#pragma once

#include <knetd/buf.h>

#define INGRESS_CLASS "knetd"
#define INGRESS_CONTROLLER "knetd.io/ingress"

/* Appends the whole table to out; *routes is the number of rules. */
void ingress_plan(struct buf *out, unsigned *routes);
