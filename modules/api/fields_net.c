/* fields_net.c - fields of networking.k8s.io/v1 and discovery.k8s.io/v1. See fields.h. */
#include "fields_int.h"

// clang-format off
static const struct field disc_endpoint_conditions_fields[] = {
	{ "ready", BOOL, POINTER, 1, NULL, NULL, "Whether it may get new connections; unset counts as true." },
	{ "serving", BOOL, POINTER, 2, NULL, NULL, "Whether it answers, also while it ends." },
	{ "terminating", BOOL, POINTER, 3, NULL, NULL, "Whether it is ending." },
	END
};
static const struct message disc_endpoint_conditions = { "io.k8s.api.discovery.v1.EndpointConditions", "The state of an endpoint.", disc_endpoint_conditions_fields };

static const struct field disc_for_zone_fields[] = {
	{ "name", STRING, REQUIRED | POINTER, 1, NULL, NULL, "Name of the zone." },
	END
};
static const struct message disc_for_zone = { "io.k8s.api.discovery.v1.ForZone", "A zone that should use the endpoint.", disc_for_zone_fields };

static const struct field disc_for_node_fields[] = {
	{ "name", STRING, REQUIRED | POINTER, 1, NULL, NULL, "Name of the node." },
	END
};
static const struct message disc_for_node = { "io.k8s.api.discovery.v1.ForNode", "A node that should use the endpoint.", disc_for_node_fields };

static const struct field disc_endpoint_hints_fields[] = {
	{ "forZones", OBJECT, LIST, 1, &disc_for_zone, NULL, "Clients in these zones." },
	{ "forNodes", OBJECT, LIST, 2, &disc_for_node, NULL, "Clients on these nodes." },
	END
};
static const struct message disc_endpoint_hints = { "io.k8s.api.discovery.v1.EndpointHints", "Who should use an endpoint.", disc_endpoint_hints_fields };

static const struct field disc_endpoint_fields[] = {
	{ "addresses", STRING, LIST | REQUIRED | POINTER, 1, NULL, NULL, "Its addresses; they are taken for the same endpoint, and the first one is used." },
	{ "conditions", OBJECT, 0, 2, &disc_endpoint_conditions, NULL, "Its state." },
	{ "hostname", STRING, POINTER, 3, NULL, NULL, "Host name, for DNS names of a headless Service." },
	{ "targetRef", OBJECT, POINTER | ATOMIC, 4, &core_object_reference, NULL, "The pod behind it." },
	{ "deprecatedTopology", STRING, MAP, 5, NULL, NULL, "Labels of an older version." },
	{ "nodeName", STRING, POINTER, 6, NULL, NULL, "Node it is on." },
	{ "zone", STRING, POINTER, 7, NULL, NULL, "Zone it is in." },
	{ "hints", OBJECT, POINTER, 8, &disc_endpoint_hints, NULL, "Who should use it." },
	END
};
static const struct message disc_endpoint = { "io.k8s.api.discovery.v1.Endpoint", "One place where a Service is served.", disc_endpoint_fields };

static const struct field disc_endpoint_port_fields[] = {
	{ "name", STRING, POINTER, 1, NULL, NULL, "Name of the Service's port it is for; unique in the slice." },
	{ "protocol", STRING, POINTER, 2, NULL, NULL, "TCP, UDP or SCTP; TCP when unset." },
	{ "port", INT32, POINTER, 3, NULL, NULL, "Port of the endpoints; unset is every port." },
	{ "appProtocol", STRING, POINTER, 4, NULL, NULL, "What is spoken on the port." },
	END
};
static const struct message disc_endpoint_port = { "io.k8s.api.discovery.v1.EndpointPort", "One port of all endpoints of a slice.", disc_endpoint_port_fields };

static const struct field disc_endpoint_slice_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "Name, namespace, labels and what the server keeps about the object." },
	{ "addressType", STRING, REQUIRED | POINTER, 4, NULL, NULL, "IPv4, IPv6 or FQDN; fixed once set." },
	{ "endpoints", OBJECT, LIST | REQUIRED | POINTER, 2, &disc_endpoint, NULL, "The endpoints, 1000 at most." },
	{ "ports", OBJECT, LIST | POINTER, 3, &disc_endpoint_port, NULL, "Ports that all of them have." },
	END
};
const struct message disc_endpoint_slice = { "io.k8s.api.discovery.v1.EndpointSlice", "A part of a Service's endpoints; the label kubernetes.io/service-name says of which.", disc_endpoint_slice_fields };

static const struct field net_service_backend_port_fields[] = {
	{ "name", STRING, 0, 1, NULL, NULL, "Name of the port." },
	{ "number", INT32, 0, 2, NULL, NULL, "Number of the port." },
	END
};
static const struct message net_service_backend_port = { "io.k8s.api.networking.v1.ServiceBackendPort", "A port of a Service: one of both.", net_service_backend_port_fields };

static const struct field net_ingress_service_backend_fields[] = {
	{ "name", STRING, REQUIRED | POINTER, 1, NULL, NULL, "Name of the Service, in the Ingress' namespace." },
	{ "port", OBJECT, ATOMIC, 2, &net_service_backend_port, NULL, "Its port." },
	END
};
static const struct message net_ingress_service_backend = { "io.k8s.api.networking.v1.IngressServiceBackend", "A Service that gets requests.", net_ingress_service_backend_fields };

static const struct field net_ingress_backend_fields[] = {
	{ "service", OBJECT, POINTER, 4, &net_ingress_service_backend, NULL, "A Service." },
	{ "resource", OBJECT, POINTER | ATOMIC, 3, &core_typed_local_object_reference, NULL, "Another object, which implementations may understand." },
	END
};
static const struct message net_ingress_backend = { "io.k8s.api.networking.v1.IngressBackend", "Where requests go: one of both.", net_ingress_backend_fields };

static const struct field net_ingress_tls_fields[] = {
	{ "hosts", STRING, LIST, 1, NULL, NULL, "Host names." },
	{ "secretName", STRING, 0, 2, NULL, NULL, "Secret with tls.crt and tls.key." },
	END
};
static const struct message net_ingress_tls = { "io.k8s.api.networking.v1.IngressTLS", "A certificate and the hosts it is for.", net_ingress_tls_fields };

static const struct field net_http_ingress_path_fields[] = {
	{ "path", STRING, 0, 1, NULL, NULL, "The path, which begins with a slash." },
	{ "pathType", STRING, REQUIRED | POINTER, 3, NULL, NULL, "Exact, Prefix (by elements of the path) or ImplementationSpecific." },
	{ "backend", OBJECT, REQUIRED | POINTER, 2, &net_ingress_backend, NULL, "Where its requests go." },
	END
};
static const struct message net_http_ingress_path = { "io.k8s.api.networking.v1.HTTPIngressPath", "A path and where its requests go.", net_http_ingress_path_fields };

static const struct field net_http_ingress_rule_value_fields[] = {
	{ "paths", OBJECT, LIST | REQUIRED | POINTER, 1, &net_http_ingress_path, NULL, "The paths; the longest that matches wins." },
	END
};
static const struct message net_http_ingress_rule_value = { "io.k8s.api.networking.v1.HTTPIngressRuleValue", "The paths of a host.", net_http_ingress_rule_value_fields };

static const struct field net_ingress_rule_value_fields[] = {
	{ "http", OBJECT, POINTER, 1, &net_http_ingress_rule_value, NULL, "Its paths." },
	END
};
static const struct message net_ingress_rule_value = { "io.k8s.api.networking.v1.IngressRuleValue", "What holds for a host.", net_ingress_rule_value_fields };

static const struct field net_ingress_rule_fields[] = {
	{ "host", STRING, 0, 1, NULL, NULL, "Host name, maybe *.example.com; every one when unset." },
	{ "", OBJECT, EMBEDDED, 2, &net_ingress_rule_value, NULL, "" },
	END
};
static const struct message net_ingress_rule = { "io.k8s.api.networking.v1.IngressRule", "What holds for one host.", net_ingress_rule_fields };

static const struct field net_ingress_spec_fields[] = {
	{ "ingressClassName", STRING, POINTER, 4, NULL, NULL, "IngressClass that serves it; knetd's is knetd." },
	{ "defaultBackend", OBJECT, POINTER, 1, &net_ingress_backend, NULL, "Where requests go that no rule matches." },
	{ "tls", OBJECT, LIST, 2, &net_ingress_tls, NULL, "Certificates." },
	{ "rules", OBJECT, LIST, 3, &net_ingress_rule, NULL, "What holds for each host." },
	END
};
static const struct message net_ingress_spec = { "io.k8s.api.networking.v1.IngressSpec", "What an Ingress asks for.", net_ingress_spec_fields };

static const struct field net_ingress_port_status_fields[] = {
	{ "port", INT32, REQUIRED | POINTER, 1, NULL, NULL, "The port." },
	{ "protocol", STRING, REQUIRED | POINTER, 2, NULL, NULL, "TCP, UDP or SCTP." },
	{ "error", STRING, POINTER, 3, NULL, NULL, "What is wrong with the port, in CamelCase." },
	END
};
static const struct message net_ingress_port_status = { "io.k8s.api.networking.v1.IngressPortStatus", "The state of one port of a load balancer.", net_ingress_port_status_fields };

static const struct field net_ingress_load_balancer_ingress_fields[] = {
	{ "ip", STRING, 0, 1, NULL, NULL, "The address." },
	{ "hostname", STRING, 0, 2, NULL, NULL, "The DNS name." },
	{ "ports", OBJECT, LIST, 4, &net_ingress_port_status, NULL, "The state of its ports." },
	END
};
static const struct message net_ingress_load_balancer_ingress = { "io.k8s.api.networking.v1.IngressLoadBalancerIngress", "One address where an Ingress is reached.", net_ingress_load_balancer_ingress_fields };

static const struct field net_ingress_load_balancer_status_fields[] = {
	{ "ingress", OBJECT, LIST, 1, &net_ingress_load_balancer_ingress, NULL, "One entry an address." },
	END
};
static const struct message net_ingress_load_balancer_status = { "io.k8s.api.networking.v1.IngressLoadBalancerStatus", "Where an Ingress is reached.", net_ingress_load_balancer_status_fields };

static const struct field net_ingress_status_fields[] = {
	{ "loadBalancer", OBJECT, 0, 1, &net_ingress_load_balancer_status, NULL, "Where it is reached." },
	END
};
static const struct message net_ingress_status = { "io.k8s.api.networking.v1.IngressStatus", "The state of an Ingress.", net_ingress_status_fields };

static const struct field net_ingress_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "Name, namespace, labels and what the server keeps about the object." },
	{ "spec", OBJECT, 0, 2, &net_ingress_spec, NULL, "What is asked for." },
	{ "status", OBJECT, 0, 3, &net_ingress_status, NULL, "Its state." },
	END
};
const struct message net_ingress = { "io.k8s.api.networking.v1.Ingress", "Sends HTTP requests to Services, by host and path.", net_ingress_fields };

static const struct field net_ingress_class_parameters_reference_fields[] = {
	{ "apiGroup", STRING, POINTER, 1, NULL, NULL, "Its group; the core group when unset." },
	{ "kind", STRING, REQUIRED | POINTER, 2, NULL, NULL, "Its kind." },
	{ "name", STRING, REQUIRED | POINTER, 3, NULL, NULL, "Its name." },
	{ "scope", STRING, POINTER, 4, NULL, NULL, "Cluster or Namespace." },
	{ "namespace", STRING, POINTER, 5, NULL, NULL, "Its namespace, with scope Namespace." },
	END
};
static const struct message net_ingress_class_parameters_reference = { "io.k8s.api.networking.v1.IngressClassParametersReference", "Names an object with parameters of a class.", net_ingress_class_parameters_reference_fields };

static const struct field net_ingress_class_spec_fields[] = {
	{ "controller", STRING, 0, 1, NULL, NULL, "Who serves Ingresses of the class." },
	{ "parameters", OBJECT, POINTER, 2, &net_ingress_class_parameters_reference, NULL, "Further parameters, kept in another object." },
	END
};
static const struct message net_ingress_class_spec = { "io.k8s.api.networking.v1.IngressClassSpec", "What an IngressClass asks for.", net_ingress_class_spec_fields };

static const struct field net_ingress_class_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "Name, namespace, labels and what the server keeps about the object." },
	{ "spec", OBJECT, 0, 2, &net_ingress_class_spec, NULL, "What is asked for." },
	END
};
const struct message net_ingress_class = { "io.k8s.api.networking.v1.IngressClass", "A kind of Ingress, and the controller that serves it.", net_ingress_class_fields };

static const struct field net_network_policy_port_fields[] = {
	{ "protocol", STRING, POINTER, 1, NULL, NULL, "TCP, UDP or SCTP; TCP when unset." },
	{ "port", INT_OR_STRING, POINTER, 2, NULL, NULL, "Port of the pod, as a number or as the name of a container's port; every port when unset." },
	{ "endPort", INT32, POINTER, 3, NULL, NULL, "Last port of a range that begins with port." },
	END
};
static const struct message net_network_policy_port = { "io.k8s.api.networking.v1.NetworkPolicyPort", "Ports that a rule allows.", net_network_policy_port_fields };

static const struct field net_ip_block_fields[] = {
	{ "cidr", STRING, REQUIRED | POINTER, 1, NULL, NULL, "The range." },
	{ "except", STRING, LIST, 2, NULL, NULL, "Ranges inside it that are left out." },
	END
};
static const struct message net_ip_block = { "io.k8s.api.networking.v1.IPBlock", "A range of addresses.", net_ip_block_fields };

static const struct field net_network_policy_peer_fields[] = {
	{ "podSelector", OBJECT, POINTER | ATOMIC, 1, &meta_label_selector, NULL, "Pods with these labels; of the policy's own namespace when namespaceSelector is unset." },
	{ "namespaceSelector", OBJECT, POINTER | ATOMIC, 2, &meta_label_selector, NULL, "Pods of namespaces with these labels." },
	{ "ipBlock", OBJECT, POINTER, 3, &net_ip_block, NULL, "Addresses; alone, without selectors." },
	END
};
static const struct message net_network_policy_peer = { "io.k8s.api.networking.v1.NetworkPolicyPeer", "Who may be talked to.", net_network_policy_peer_fields };

static const struct field net_network_policy_ingress_rule_fields[] = {
	{ "ports", OBJECT, LIST, 1, &net_network_policy_port, NULL, "Ports of the pods; all when empty." },
	{ "from", OBJECT, LIST, 2, &net_network_policy_peer, NULL, "Who may send; everybody when empty." },
	END
};
static const struct message net_network_policy_ingress_rule = { "io.k8s.api.networking.v1.NetworkPolicyIngressRule", "Traffic to the pods that is allowed: from one of these, to one of these ports.", net_network_policy_ingress_rule_fields };

static const struct field net_network_policy_egress_rule_fields[] = {
	{ "ports", OBJECT, LIST, 1, &net_network_policy_port, NULL, "Ports of the peers; all when empty." },
	{ "to", OBJECT, LIST, 2, &net_network_policy_peer, NULL, "Who may be sent to; everybody when empty." },
	END
};
static const struct message net_network_policy_egress_rule = { "io.k8s.api.networking.v1.NetworkPolicyEgressRule", "Traffic from the pods that is allowed: to one of these, at one of these ports.", net_network_policy_egress_rule_fields };

static const struct field net_network_policy_spec_fields[] = {
	{ "podSelector", OBJECT, POINTER | ATOMIC, 1, &meta_label_selector, NULL, "Labels of the pods it is for; all of the namespace when empty." },
	{ "ingress", OBJECT, LIST, 2, &net_network_policy_ingress_rule, NULL, "Traffic to the pods that is allowed; with none, all is refused." },
	{ "egress", OBJECT, LIST, 3, &net_network_policy_egress_rule, NULL, "Traffic from the pods that is allowed; with none and Egress in policyTypes, all is refused." },
	{ "policyTypes", STRING, LIST, 4, NULL, NULL, "Ingress, Egress or both; follows from the rules when unset." },
	END
};
static const struct message net_network_policy_spec = { "io.k8s.api.networking.v1.NetworkPolicySpec", "What a NetworkPolicy allows, and for which pods.", net_network_policy_spec_fields };

static const struct field net_network_policy_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "Name, namespace, labels and what the server keeps about the object." },
	{ "spec", OBJECT, 0, 2, &net_network_policy_spec, NULL, "What is allowed." },
	END
};
const struct message net_network_policy = { "io.k8s.api.networking.v1.NetworkPolicy", "Says which traffic some pods may have; pods that no policy selects may have all.", net_network_policy_fields };

// clang-format on
