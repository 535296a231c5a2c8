/* fields_net.c - fields of networking.k8s.io/v1 and discovery.k8s.io/v1. See fields.h. */
#include "fields_int.h"

// clang-format off
static const struct field disc_endpoint_conditions_fields[] = {
	{ "ready", BOOL, POINTER, 1, NULL, NULL, "" },
	{ "serving", BOOL, POINTER, 2, NULL, NULL, "" },
	{ "terminating", BOOL, POINTER, 3, NULL, NULL, "" },
	END
};
static const struct message disc_endpoint_conditions = { "io.k8s.api.discovery.v1.EndpointConditions", "", disc_endpoint_conditions_fields };

static const struct field disc_for_zone_fields[] = {
	{ "name", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	END
};
static const struct message disc_for_zone = { "io.k8s.api.discovery.v1.ForZone", "", disc_for_zone_fields };

static const struct field disc_endpoint_hints_fields[] = {
	{ "forZones", OBJECT, LIST, 1, &disc_for_zone, NULL, "" },
	END
};
static const struct message disc_endpoint_hints = { "io.k8s.api.discovery.v1.EndpointHints", "", disc_endpoint_hints_fields };

static const struct field disc_endpoint_fields[] = {
	{ "addresses", STRING, LIST | REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "conditions", OBJECT, 0, 2, &disc_endpoint_conditions, NULL, "" },
	{ "hostname", STRING, POINTER, 3, NULL, NULL, "" },
	{ "targetRef", OBJECT, POINTER | ATOMIC, 4, &core_object_reference, NULL, "" },
	{ "deprecatedTopology", STRING, MAP, 5, NULL, NULL, "" },
	{ "nodeName", STRING, POINTER, 6, NULL, NULL, "" },
	{ "zone", STRING, POINTER, 7, NULL, NULL, "" },
	{ "hints", OBJECT, POINTER, 8, &disc_endpoint_hints, NULL, "" },
	END
};
static const struct message disc_endpoint = { "io.k8s.api.discovery.v1.Endpoint", "", disc_endpoint_fields };

static const struct field disc_endpoint_port_fields[] = {
	{ "name", STRING, POINTER, 1, NULL, NULL, "" },
	{ "protocol", STRING, POINTER, 2, NULL, NULL, "" },
	{ "port", INT32, POINTER, 3, NULL, NULL, "" },
	{ "appProtocol", STRING, POINTER, 4, NULL, NULL, "" },
	END
};
static const struct message disc_endpoint_port = { "io.k8s.api.discovery.v1.EndpointPort", "", disc_endpoint_port_fields };

static const struct field disc_endpoint_slice_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "" },
	{ "addressType", STRING, REQUIRED | POINTER, 4, NULL, NULL, "" },
	{ "endpoints", OBJECT, LIST | REQUIRED | POINTER, 2, &disc_endpoint, NULL, "" },
	{ "ports", OBJECT, LIST | POINTER, 3, &disc_endpoint_port, NULL, "" },
	END
};
const struct message disc_endpoint_slice = { "io.k8s.api.discovery.v1.EndpointSlice", "", disc_endpoint_slice_fields };

static const struct field net_service_backend_port_fields[] = {
	{ "name", STRING, 0, 1, NULL, NULL, "" },
	{ "number", INT32, 0, 2, NULL, NULL, "" },
	END
};
static const struct message net_service_backend_port = { "io.k8s.api.networking.v1.ServiceBackendPort", "", net_service_backend_port_fields };

static const struct field net_ingress_service_backend_fields[] = {
	{ "name", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "port", OBJECT, 0, 2, &net_service_backend_port, NULL, "" },
	END
};
static const struct message net_ingress_service_backend = { "io.k8s.api.networking.v1.IngressServiceBackend", "", net_ingress_service_backend_fields };

static const struct field net_ingress_backend_fields[] = {
	{ "service", OBJECT, POINTER, 4, &net_ingress_service_backend, NULL, "" },
	{ "resource", OBJECT, POINTER | ATOMIC, 3, &core_typed_local_object_reference, NULL, "" },
	END
};
static const struct message net_ingress_backend = { "io.k8s.api.networking.v1.IngressBackend", "", net_ingress_backend_fields };

static const struct field net_ingress_tls_fields[] = {
	{ "hosts", STRING, LIST, 1, NULL, NULL, "" },
	{ "secretName", STRING, 0, 2, NULL, NULL, "" },
	END
};
static const struct message net_ingress_tls = { "io.k8s.api.networking.v1.IngressTLS", "", net_ingress_tls_fields };

static const struct field net_http_ingress_path_fields[] = {
	{ "path", STRING, 0, 1, NULL, NULL, "" },
	{ "pathType", STRING, REQUIRED | POINTER, 3, NULL, NULL, "" },
	{ "backend", OBJECT, REQUIRED | POINTER, 2, &net_ingress_backend, NULL, "" },
	END
};
static const struct message net_http_ingress_path = { "io.k8s.api.networking.v1.HTTPIngressPath", "", net_http_ingress_path_fields };

static const struct field net_http_ingress_rule_value_fields[] = {
	{ "paths", OBJECT, LIST | REQUIRED | POINTER, 1, &net_http_ingress_path, NULL, "" },
	END
};
static const struct message net_http_ingress_rule_value = { "io.k8s.api.networking.v1.HTTPIngressRuleValue", "", net_http_ingress_rule_value_fields };

static const struct field net_ingress_rule_value_fields[] = {
	{ "http", OBJECT, POINTER, 1, &net_http_ingress_rule_value, NULL, "" },
	END
};
static const struct message net_ingress_rule_value = { "io.k8s.api.networking.v1.IngressRuleValue", "", net_ingress_rule_value_fields };

static const struct field net_ingress_rule_fields[] = {
	{ "host", STRING, 0, 1, NULL, NULL, "" },
	{ "", OBJECT, EMBEDDED, 2, &net_ingress_rule_value, NULL, "" },
	END
};
static const struct message net_ingress_rule = { "io.k8s.api.networking.v1.IngressRule", "", net_ingress_rule_fields };

static const struct field net_ingress_spec_fields[] = {
	{ "ingressClassName", STRING, POINTER, 4, NULL, NULL, "" },
	{ "defaultBackend", OBJECT, POINTER, 1, &net_ingress_backend, NULL, "" },
	{ "tls", OBJECT, LIST, 2, &net_ingress_tls, NULL, "" },
	{ "rules", OBJECT, LIST, 3, &net_ingress_rule, NULL, "" },
	END
};
static const struct message net_ingress_spec = { "io.k8s.api.networking.v1.IngressSpec", "", net_ingress_spec_fields };

static const struct field net_ingress_port_status_fields[] = {
	{ "port", INT32, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "protocol", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "error", STRING, POINTER, 3, NULL, NULL, "" },
	END
};
static const struct message net_ingress_port_status = { "io.k8s.api.networking.v1.IngressPortStatus", "", net_ingress_port_status_fields };

static const struct field net_ingress_load_balancer_ingress_fields[] = {
	{ "ip", STRING, 0, 1, NULL, NULL, "" },
	{ "hostname", STRING, 0, 2, NULL, NULL, "" },
	{ "ports", OBJECT, LIST, 4, &net_ingress_port_status, NULL, "" },
	END
};
static const struct message net_ingress_load_balancer_ingress = { "io.k8s.api.networking.v1.IngressLoadBalancerIngress", "", net_ingress_load_balancer_ingress_fields };

static const struct field net_ingress_load_balancer_status_fields[] = {
	{ "ingress", OBJECT, LIST, 1, &net_ingress_load_balancer_ingress, NULL, "" },
	END
};
static const struct message net_ingress_load_balancer_status = { "io.k8s.api.networking.v1.IngressLoadBalancerStatus", "", net_ingress_load_balancer_status_fields };

static const struct field net_ingress_status_fields[] = {
	{ "loadBalancer", OBJECT, 0, 1, &net_ingress_load_balancer_status, NULL, "" },
	END
};
static const struct message net_ingress_status = { "io.k8s.api.networking.v1.IngressStatus", "", net_ingress_status_fields };

static const struct field net_ingress_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "" },
	{ "spec", OBJECT, 0, 2, &net_ingress_spec, NULL, "" },
	{ "status", OBJECT, 0, 3, &net_ingress_status, NULL, "" },
	END
};
const struct message net_ingress = { "io.k8s.api.networking.v1.Ingress", "", net_ingress_fields };

static const struct field net_ingress_class_parameters_reference_fields[] = {
	{ "apiGroup", STRING, POINTER, 1, NULL, NULL, "" },
	{ "kind", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "name", STRING, REQUIRED | POINTER, 3, NULL, NULL, "" },
	{ "scope", STRING, POINTER, 4, NULL, NULL, "" },
	{ "namespace", STRING, POINTER, 5, NULL, NULL, "" },
	END
};
static const struct message net_ingress_class_parameters_reference = { "io.k8s.api.networking.v1.IngressClassParametersReference", "", net_ingress_class_parameters_reference_fields };

static const struct field net_ingress_class_spec_fields[] = {
	{ "controller", STRING, 0, 1, NULL, NULL, "" },
	{ "parameters", OBJECT, POINTER, 2, &net_ingress_class_parameters_reference, NULL, "" },
	END
};
static const struct message net_ingress_class_spec = { "io.k8s.api.networking.v1.IngressClassSpec", "", net_ingress_class_spec_fields };

static const struct field net_ingress_class_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "" },
	{ "spec", OBJECT, 0, 2, &net_ingress_class_spec, NULL, "" },
	END
};
const struct message net_ingress_class = { "io.k8s.api.networking.v1.IngressClass", "", net_ingress_class_fields };

static const struct field net_network_policy_port_fields[] = {
	{ "protocol", STRING, POINTER, 1, NULL, NULL, "" },
	{ "port", INT_OR_STRING, POINTER, 2, NULL, NULL, "" },
	{ "endPort", INT32, POINTER, 3, NULL, NULL, "" },
	END
};
static const struct message net_network_policy_port = { "io.k8s.api.networking.v1.NetworkPolicyPort", "", net_network_policy_port_fields };

static const struct field net_ip_block_fields[] = {
	{ "cidr", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "except", STRING, LIST, 2, NULL, NULL, "" },
	END
};
static const struct message net_ip_block = { "io.k8s.api.networking.v1.IPBlock", "", net_ip_block_fields };

static const struct field net_network_policy_peer_fields[] = {
	{ "podSelector", OBJECT, POINTER | ATOMIC, 1, &meta_label_selector, NULL, "" },
	{ "namespaceSelector", OBJECT, POINTER | ATOMIC, 2, &meta_label_selector, NULL, "" },
	{ "ipBlock", OBJECT, POINTER, 3, &net_ip_block, NULL, "" },
	END
};
static const struct message net_network_policy_peer = { "io.k8s.api.networking.v1.NetworkPolicyPeer", "", net_network_policy_peer_fields };

static const struct field net_network_policy_ingress_rule_fields[] = {
	{ "ports", OBJECT, LIST, 1, &net_network_policy_port, NULL, "" },
	{ "from", OBJECT, LIST, 2, &net_network_policy_peer, NULL, "" },
	END
};
static const struct message net_network_policy_ingress_rule = { "io.k8s.api.networking.v1.NetworkPolicyIngressRule", "", net_network_policy_ingress_rule_fields };

static const struct field net_network_policy_egress_rule_fields[] = {
	{ "ports", OBJECT, LIST, 1, &net_network_policy_port, NULL, "" },
	{ "to", OBJECT, LIST, 2, &net_network_policy_peer, NULL, "" },
	END
};
static const struct message net_network_policy_egress_rule = { "io.k8s.api.networking.v1.NetworkPolicyEgressRule", "", net_network_policy_egress_rule_fields };

static const struct field net_network_policy_spec_fields[] = {
	{ "podSelector", OBJECT, REQUIRED | POINTER | ATOMIC, 1, &meta_label_selector, NULL, "" },
	{ "ingress", OBJECT, LIST, 2, &net_network_policy_ingress_rule, NULL, "" },
	{ "egress", OBJECT, LIST, 3, &net_network_policy_egress_rule, NULL, "" },
	{ "policyTypes", STRING, LIST, 4, NULL, NULL, "" },
	END
};
static const struct message net_network_policy_spec = { "io.k8s.api.networking.v1.NetworkPolicySpec", "", net_network_policy_spec_fields };

static const struct field net_network_policy_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "" },
	{ "spec", OBJECT, 0, 2, &net_network_policy_spec, NULL, "" },
	END
};
const struct message net_network_policy = { "io.k8s.api.networking.v1.NetworkPolicy", "", net_network_policy_fields };

// clang-format on
