/* dns_metrics.h - what /metrics says of DNS. */
#pragma once

#include <knetd/buf.h>
#include <knetd/conf.h>
#include <knetd/worker.h>

#include "dns_groups.h"

void dns_metrics(const struct worker_pool *pool, const struct dns_groups *upstreams,
                 struct buf *out);
