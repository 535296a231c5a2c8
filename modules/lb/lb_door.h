/* lb_door.h - the doors of Gateways: the ports at which the proxy listens for them, as the module
 * ingress says in the status of their listeners and of those of their ListenerSets. A port that is
 * only asked for is none: somebody else may have it. */
#pragma once

#include <knetd/store.h>

#include "lb_alloc.h"

#define LB_DOORS_MAX 256 /* of one address: more than a worker has sockets */

struct lb_doors {
	unsigned n;
	struct lb_port v[LB_DOORS_MAX];
};

/* Those of a Gateway (its key and text), in order, each once. */
void lb_doors_read(const char *gateway, yyjson_val *root, struct lb_doors *out);
void lb_doors_add(struct lb_doors *d, const struct lb_port *v, unsigned n);

/* The key of the Gateway that a ListenerSet adds to, as it was last looked at; NULL: none. Valid
 * until it is looked at again. */
const char *lb_doors_gateway(const char *set);
/* Looks at a ListenerSet again; NULL: it is gone. */
void lb_doors_look(const char *key, const struct object *set);
void lb_doors_look_all(void);
void lb_doors_free(void);
