/* fields.c - which message a kind is, and a look into them. */
#include <assert.h>
#include <string.h>

#include <knetd/auto.h>

#include "fields_int.h"

const struct message *const kind_message[KIND_COUNT] = {
	[KIND_NAMESPACE] = &core_namespace,
	[KIND_NODE] = &core_node,
	[KIND_POD] = &core_pod,
	[KIND_SERVICE] = &core_service,
	[KIND_ENDPOINTS] = &core_endpoints,
	[KIND_ENDPOINTSLICE] = &disc_endpoint_slice,
	[KIND_INGRESS] = &net_ingress,
	[KIND_INGRESSCLASS] = &net_ingress_class,
	[KIND_NETWORKPOLICY] = &net_network_policy,
	[KIND_CLUSTERNETWORKPOLICY] = &policy_cluster_network_policy,
	[KIND_CONFIGMAP] = &core_config_map,
	[KIND_SECRET] = &core_secret,
	[KIND_EVENT] = &core_event,
	[KIND_GATEWAYCLASS] = &gateway_gateway_class,
	[KIND_GATEWAY] = &gateway_gateway,
	[KIND_LISTENERSET] = &gateway_listener_set,
	[KIND_HTTPROUTE] = &gateway_http_route,
	[KIND_GRPCROUTE] = &gateway_grpc_route,
	[KIND_TLSROUTE] = &gateway_tls_route,
	[KIND_TCPROUTE] = &gateway_tcp_route,
	[KIND_UDPROUTE] = &gateway_udp_route,
	[KIND_REFERENCEGRANT] = &gateway_reference_grant,
	[KIND_BACKENDTLSPOLICY] = &gateway_backend_tls_policy,
	[KIND_ADDRESSPOOL] = &knetd_address_pool,
	[KIND_PODNETWORK] = &knetd_pod_network,
};

static_assert(ARRAY_LEN(kind_message) == KIND_COUNT, "a kind without a message");

const struct field *field_find(const struct message *m, const char *name)
{
	const struct field *inner;

	for (const struct field *f = m->fields; f->name; f++) {
		if (!(f->how & FIELD_EMBEDDED) && !strcmp(f->name, name))
			return f;
		if ((f->how & FIELD_EMBEDDED) && (inner = field_find(f->message, name)))
			return inner;
	}
	return NULL;
}
