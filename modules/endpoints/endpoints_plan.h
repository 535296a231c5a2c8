/* endpoints_plan.h - a Service and the Pods it selects, as EndpointSlices and Endpoints; Endpoints
 * written by hand, as EndpointSlices. Pure. */
#pragma once

#include <knetd/arena.h>
#include <knetd/list.h>
#include <knetd/object.h>

#define ENDPOINTS_MANAGED_BY "endpointslice.kubernetes.io/managed-by"
#define ENDPOINTS_MANAGER "endpointslice-controller.knetd.io"
#define ENDPOINTS_MIRROR "endpointslicemirroring-controller.k8s.io"
#define ENDPOINTS_V1_MANAGED_BY "endpoints.kubernetes.io/managed-by" /* of Endpoints */
#define ENDPOINTS_V1_MANAGER "endpoint-controller"
/* Endpoints in a slice, as Kubernetes' controller has it: one Pod's change writes one slice of at
 * most 25 KB. */
#define ENDPOINTS_SLICE_MAX 100
#define ENDPOINTS_V1_MAX 1000 /* addresses of an Endpoints object; more are cut, and said so */

struct planned_slice {
	const char *name;
	yyjson_mut_doc *doc; /* the caller frees it */
};
struct endpoints_plan {
	unsigned n, cap;
	struct planned_slice *slices;     /* in the arena */
	const char *lost_port, *lost_pod; /* a Pod without the port that targetPort names; NULL */
	yyjson_mut_doc *endpoints; /* the Endpoints object, NULL: none; the caller frees it */
};

/* pods: those that the selector matches, in the order the endpoints shall have. Pods of one family
 * whose target ports resolve to the same numbers share slices; there is always at least one slice
 * a family of the Service, as in Kubernetes. existing (may be NULL): the Service's slices as they
 * stand; where there are many, a Pod stays in the one it is in. */
void endpoints_plan(const struct object *service, const struct object *const *pods, size_t n_pods,
                    const struct list *existing, struct arena *a, struct endpoints_plan *out);
/* Endpoints that somebody wrote for a Service without a selector. Nothing when they ask not to be
 * mirrored. */
void endpoints_mirror(const struct object *service, const struct object *endpoints, struct arena *a,
                      struct endpoints_plan *out);
