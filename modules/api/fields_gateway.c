/* fields_gateway.c - fields of gateway.networking.k8s.io. See fields.h. */
#include "fields_int.h"

// clang-format off
static const struct field gateway_gateway_class_fields[] = {
	TYPE_META
	OBJECT_META
	{ "spec", OPEN, 0, 0, NULL, NULL, "" },
	{ "status", OPEN, 0, 0, NULL, NULL, "" },
	END
};
const struct message gateway_gateway_class = { "io.k8s.networking.gateway.GatewayClass", "", gateway_gateway_class_fields };

static const struct field gateway_gateway_fields[] = {
	TYPE_META
	OBJECT_META
	{ "spec", OPEN, 0, 0, NULL, NULL, "" },
	{ "status", OPEN, 0, 0, NULL, NULL, "" },
	END
};
const struct message gateway_gateway = { "io.k8s.networking.gateway.Gateway", "", gateway_gateway_fields };

static const struct field gateway_http_route_fields[] = {
	TYPE_META
	OBJECT_META
	{ "spec", OPEN, 0, 0, NULL, NULL, "" },
	{ "status", OPEN, 0, 0, NULL, NULL, "" },
	END
};
const struct message gateway_http_route = { "io.k8s.networking.gateway.HTTPRoute", "", gateway_http_route_fields };

static const struct field gateway_grpc_route_fields[] = {
	TYPE_META
	OBJECT_META
	{ "spec", OPEN, 0, 0, NULL, NULL, "" },
	{ "status", OPEN, 0, 0, NULL, NULL, "" },
	END
};
const struct message gateway_grpc_route = { "io.k8s.networking.gateway.GRPCRoute", "", gateway_grpc_route_fields };

static const struct field gateway_tls_route_fields[] = {
	TYPE_META
	OBJECT_META
	{ "spec", OPEN, 0, 0, NULL, NULL, "" },
	{ "status", OPEN, 0, 0, NULL, NULL, "" },
	END
};
const struct message gateway_tls_route = { "io.k8s.networking.gateway.TLSRoute", "", gateway_tls_route_fields };

static const struct field gateway_tcp_route_fields[] = {
	TYPE_META
	OBJECT_META
	{ "spec", OPEN, 0, 0, NULL, NULL, "" },
	{ "status", OPEN, 0, 0, NULL, NULL, "" },
	END
};
const struct message gateway_tcp_route = { "io.k8s.networking.gateway.TCPRoute", "", gateway_tcp_route_fields };

static const struct field gateway_udp_route_fields[] = {
	TYPE_META
	OBJECT_META
	{ "spec", OPEN, 0, 0, NULL, NULL, "" },
	{ "status", OPEN, 0, 0, NULL, NULL, "" },
	END
};
const struct message gateway_udp_route = { "io.k8s.networking.gateway.UDPRoute", "", gateway_udp_route_fields };

static const struct field gateway_reference_grant_fields[] = {
	TYPE_META
	OBJECT_META
	{ "spec", OPEN, 0, 0, NULL, NULL, "" },
	END
};
const struct message gateway_reference_grant = { "io.k8s.networking.gateway.ReferenceGrant", "", gateway_reference_grant_fields };

static const struct field gateway_backend_tls_policy_fields[] = {
	TYPE_META
	OBJECT_META
	{ "spec", OPEN, 0, 0, NULL, NULL, "" },
	{ "status", OPEN, 0, 0, NULL, NULL, "" },
	END
};
const struct message gateway_backend_tls_policy = { "io.k8s.networking.gateway.BackendTLSPolicy", "", gateway_backend_tls_policy_fields };

// clang-format on
