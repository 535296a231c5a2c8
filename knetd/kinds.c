/* kinds.c - the kinds of object knetd keeps, in Kubernetes' own words. One line adds a kind. */
#include <assert.h>

#include <knetd/auto.h>
#include <knetd/object.h>

#define DISCOVERY "discovery.k8s.io"
#define NETWORKING "networking.k8s.io"
#define KNETD "knetd.io"

// clang-format off
const struct kind_info kind_info[KIND_COUNT] = {
	/* group, version, apiVersion, kind, plural, singular, short names, namespaced, read-only */
	[KIND_NAMESPACE] = { "", "v1", "v1", "Namespace", "namespaces", "namespace", "ns", false, false },
	[KIND_POD] = { "", "v1", "v1", "Pod", "pods", "pod", "po", true, false },
	[KIND_SERVICE] = { "", "v1", "v1", "Service", "services", "service", "svc", true, false },
	[KIND_ENDPOINTSLICE] = { DISCOVERY, "v1", DISCOVERY "/v1", "EndpointSlice", "endpointslices", "endpointslice", "", true, false },
	[KIND_INGRESS] = { NETWORKING, "v1", NETWORKING "/v1", "Ingress", "ingresses", "ingress", "ing", true, false },
	[KIND_INGRESSCLASS] = { NETWORKING, "v1", NETWORKING "/v1", "IngressClass", "ingressclasses", "ingressclass", "", false, false },
	[KIND_NETWORKPOLICY] = { NETWORKING, "v1", NETWORKING "/v1", "NetworkPolicy", "networkpolicies", "networkpolicy", "netpol", true, false },
	[KIND_CONFIGMAP] = { "", "v1", "v1", "ConfigMap", "configmaps", "configmap", "cm", true, false },
	[KIND_SECRET] = { "", "v1", "v1", "Secret", "secrets", "secret", "", true, false },
	[KIND_EVENT] = { "", "v1", "v1", "Event", "events", "event", "ev", true, false },
	[KIND_PODNETWORK] = { KNETD, "v1alpha1", KNETD "/v1alpha1", "PodNetwork", "podnetworks", "podnetwork", "pnet", true, true },
};
// clang-format on

static_assert(ARRAY_LEN(kind_info) == KIND_COUNT, "a kind without a line");
