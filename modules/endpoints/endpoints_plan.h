/* endpoints_plan.h - a Service and the Pods it selects, as EndpointSlices. Pure. */
#pragma once

#include <knetd/arena.h>
#include <knetd/object.h>

#define ENDPOINTS_MANAGED_BY "endpointslice.kubernetes.io/managed-by"
#define ENDPOINTS_MANAGER "endpointslice-controller.knetd.io"
#define ENDPOINTS_SLICE_MAX 1000 /* endpoints in a slice, by the API's validation */

struct planned_slice {
	const char *name;
	yyjson_mut_doc *doc; /* the caller frees it */
};
struct endpoints_plan {
	unsigned n, cap;
	struct planned_slice *slices; /* in the arena */
};

/* pods: those that the selector matches, in the order the endpoints shall have. Pods of one family
 * whose target ports resolve to the same numbers share slices; there is always at least one slice
 * a family of the Service, as in Kubernetes. */
void endpoints_plan(const struct object *service, const struct object *const *pods, size_t n_pods,
                    struct arena *a, struct endpoints_plan *out);
