/* choice.h - which of a port's endpoints take connections on this node: the rules of Kubernetes'
 * pkg/proxy/topology.go. Pure. */
#pragma once

#include <stdbool.h>

#include <knetd/view.h>

struct choice {
	/* For traffic policy Cluster: the ready ones. When each of them has hints and one is meant
	 * for this node, or else for its zone, only those. With no ready one anywhere, those that
	 * are terminating but still serve. Empty just when `any` is false. */
	struct endpoint_set cluster;
	/* For traffic policy Local: those of this node, whatever the hints say, with the same last
	 * resort. */
	struct endpoint_set local;
	bool any; /* somewhere is one that serves: a policy without endpoints drops, it does not
	             refuse */
};

/* all: of one port and family, as view_endpoints() gives them with usable_only false. An endpoint
 * without a port is left out. The lists are in the arena, in the order of `all`. */
void choice_make(const struct endpoint_set *all, struct arena *a, struct choice *out);
