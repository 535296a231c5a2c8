/* gateway_policies.h - BackendTLSPolicies as they were read, for what is made of them and for their
 * status. */
#pragma once

#include <knetd/arena.h>
#include <knetd/map.h>

#include "gateway_tls.h"

#define POLICY_TARGETS 16
#define POLICY_ANCESTORS 16
#define POLICY_CONTROLLER "knetd.io/gateway"

struct policy {
	const char *ns, *name, *born, *key;
	int64_t generation;
	unsigned n_targets, n_ancestors;
	struct policy_target {
		const char *service, *section; /* "" for the whole Service */
	} targets[POLICY_TARGETS];
	struct policy_ancestor {
		const char *ns, *gateway;
	} ancestors[POLICY_ANCESTORS];
	struct table_backend_tls tls;
	/* NULL: all is well. Of the conditions Accepted and ResolvedRefs. */
	const char *accepted, *accepted_why, *resolved, *resolved_why;
};

/* What the last read found, in the order of precedence. */
struct policies {
	struct arena arena;
	struct policy *list;
	unsigned n;
	struct map by_target; /* "ns/service/section": the first one */
};
extern struct policies policies;
