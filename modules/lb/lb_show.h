/* lb_show.h - who holds which address, for `knetctl lb` and /metrics. */
#pragma once

#include <knetd/buf.h>

#include "lb_alloc.h"

/* The answer of GET /knetd/v1/lb: held addresses in their order, then Services that wait. */
void lb_show_json(struct lb_alloc *a, struct buf *out);
void lb_show_metrics(const struct lb_alloc *a, struct buf *out);
