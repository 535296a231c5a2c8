/* kinds.c - the kinds of object knetd keeps, in Kubernetes' own words. One line adds a kind. */
#include <assert.h>

#include <knetd/auto.h>
#include <knetd/object.h>

#define DISCOVERY "discovery.k8s.io"
#define NETWORKING "networking.k8s.io"
#define POLICY "policy.networking.k8s.io"
#define GATEWAY "gateway.networking.k8s.io"
#define KNETD "knetd.io"

// clang-format off
const struct kind_info kind_info[KIND_COUNT] = {
	/* group, version, apiVersion, kind, plural, singular, short names, also served, category, namespaced, status, read-only */
	[KIND_NAMESPACE] = { "", "v1", "v1", "Namespace", "namespaces", "namespace", "ns", "", "", false, true, false },
	[KIND_NODE] = { "", "v1", "v1", "Node", "nodes", "node", "no", "", "", false, true, false },
	[KIND_POD] = { "", "v1", "v1", "Pod", "pods", "pod", "po", "", "all", true, true, false },
	[KIND_SERVICE] = { "", "v1", "v1", "Service", "services", "service", "svc", "", "all", true, true, false },
	[KIND_ENDPOINTS] = { "", "v1", "v1", "Endpoints", "endpoints", "endpoints", "ep", "", "", true, false, false },
	[KIND_ENDPOINTSLICE] = { DISCOVERY, "v1", DISCOVERY "/v1", "EndpointSlice", "endpointslices", "endpointslice", "", "", "", true, false, false },
	[KIND_INGRESS] = { NETWORKING, "v1", NETWORKING "/v1", "Ingress", "ingresses", "ingress", "ing", "", "", true, true, false },
	[KIND_INGRESSCLASS] = { NETWORKING, "v1", NETWORKING "/v1", "IngressClass", "ingressclasses", "ingressclass", "", "", "", false, false, false },
	[KIND_NETWORKPOLICY] = { NETWORKING, "v1", NETWORKING "/v1", "NetworkPolicy", "networkpolicies", "networkpolicy", "netpol", "", "", true, false, false },
	[KIND_CLUSTERNETWORKPOLICY] = { POLICY, "v1beta1", POLICY "/v1beta1", "ClusterNetworkPolicy", "clusternetworkpolicies", "clusternetworkpolicy", "cnp", "v1alpha2", "", false, true, false },
	[KIND_CONFIGMAP] = { "", "v1", "v1", "ConfigMap", "configmaps", "configmap", "cm", "", "", true, false, false },
	[KIND_SECRET] = { "", "v1", "v1", "Secret", "secrets", "secret", "", "", "", true, false, false },
	[KIND_EVENT] = { "", "v1", "v1", "Event", "events", "event", "ev", "", "", true, false, false },
	[KIND_GATEWAYCLASS] = { GATEWAY, "v1", GATEWAY "/v1", "GatewayClass", "gatewayclasses", "gatewayclass", "gc", "v1beta1", "gateway-api", false, true, false },
	[KIND_GATEWAY] = { GATEWAY, "v1", GATEWAY "/v1", "Gateway", "gateways", "gateway", "gtw", "v1beta1", "gateway-api", true, true, false },
	[KIND_LISTENERSET] = { GATEWAY, "v1", GATEWAY "/v1", "ListenerSet", "listenersets", "listenerset", "lset", "", "gateway-api", true, true, false },
	[KIND_HTTPROUTE] = { GATEWAY, "v1", GATEWAY "/v1", "HTTPRoute", "httproutes", "httproute", "", "v1beta1", "gateway-api", true, true, false },
	[KIND_GRPCROUTE] = { GATEWAY, "v1", GATEWAY "/v1", "GRPCRoute", "grpcroutes", "grpcroute", "", "", "gateway-api", true, true, false },
	[KIND_TLSROUTE] = { GATEWAY, "v1", GATEWAY "/v1", "TLSRoute", "tlsroutes", "tlsroute", "", "v1alpha3 v1alpha2", "gateway-api", true, true, false },
	[KIND_TCPROUTE] = { GATEWAY, "v1", GATEWAY "/v1", "TCPRoute", "tcproutes", "tcproute", "", "v1alpha2", "gateway-api", true, true, false },
	[KIND_UDPROUTE] = { GATEWAY, "v1", GATEWAY "/v1", "UDPRoute", "udproutes", "udproute", "", "v1alpha2", "gateway-api", true, true, false },
	[KIND_REFERENCEGRANT] = { GATEWAY, "v1beta1", GATEWAY "/v1beta1", "ReferenceGrant", "referencegrants", "referencegrant", "refgrant", "v1", "gateway-api", true, false, false },
	[KIND_BACKENDTLSPOLICY] = { GATEWAY, "v1", GATEWAY "/v1", "BackendTLSPolicy", "backendtlspolicies", "backendtlspolicy", "btlspolicy", "v1alpha3", "gateway-api", true, true, false },
	[KIND_ADDRESSPOOL] = { KNETD, "v1alpha1", KNETD "/v1alpha1", "AddressPool", "addresspools", "addresspool", "pool", "", "", false, true, false },
	[KIND_PODNETWORK] = { KNETD, "v1alpha1", KNETD "/v1alpha1", "PodNetwork", "podnetworks", "podnetwork", "pnet", "", "", true, false, true },
};
// clang-format on

static_assert(ARRAY_LEN(kind_info) == KIND_COUNT, "a kind without a line");
