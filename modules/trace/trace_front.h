/* trace_front.h - what of a Service an address and port are. Pure, as the rest of the trace. */
#pragma once

#include <knetd/view.h>

#include "trace_plan.h"

enum front_kind { FRONT_NONE, FRONT_CLUSTER, FRONT_BALANCER, FRONT_EXTERNAL, FRONT_NODE_PORT };

struct front {
	enum front_kind kind;
	struct service_view v;           /* v.doc is the caller's to free */
	const struct service_port *port; /* NULL: the Service has no such port; ClusterIPs alone */
};

/* The Service that t->to is a front of. When t has no port the first of the Service is taken. False
 * when there is none; then nothing has to be freed. */
bool front_find(struct trace *t, struct front *out);
/* "the ClusterIP of Service shop/web" */
const char *front_name(struct trace *t, const struct front *f);
/* Says it when t->to is an address of a Service that the node does not serve. */
void front_note_others(struct trace *t);
