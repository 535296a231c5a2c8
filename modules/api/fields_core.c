/* fields_core.c - fields of the other kinds of the core group, and authorization.k8s.io. See
 * fields.h. */
#include "fields_int.h"

// clang-format off
static const struct field core_namespace_spec_fields[] = {
	{ "finalizers", STRING, LIST, 1, NULL, NULL, "Who has something to do before the Namespace may go." },
	END
};
static const struct message core_namespace_spec = { "io.k8s.api.core.v1.NamespaceSpec", "What a Namespace asks for.", core_namespace_spec_fields };

static const struct field core_namespace_condition_fields[] = {
	{ "type", STRING, REQUIRED | POINTER, 1, NULL, NULL, "Name of the aspect." },
	{ "status", STRING, REQUIRED | POINTER, 2, NULL, NULL, "True, False or Unknown." },
	{ "lastTransitionTime", TIME, 0, 4, NULL, NULL, "When status last changed." },
	{ "reason", STRING, 0, 5, NULL, NULL, "Why, in one word for programs." },
	{ "message", STRING, 0, 6, NULL, NULL, "Why, in a sentence for people." },
	END
};
static const struct message core_namespace_condition = { "io.k8s.api.core.v1.NamespaceCondition", "One aspect of a Namespace's state.", core_namespace_condition_fields };

static const struct field core_namespace_status_fields[] = {
	{ "phase", STRING, 0, 1, NULL, NULL, "Active or Terminating." },
	{ "conditions", OBJECT, LIST, 2, &core_namespace_condition, "type", "What stands in the way of deletion, for one that is Terminating." },
	END
};
static const struct message core_namespace_status = { "io.k8s.api.core.v1.NamespaceStatus", "The state of a Namespace.", core_namespace_status_fields };

static const struct field core_namespace_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "Name, namespace, labels and what the server keeps about the object." },
	{ "spec", OBJECT, 0, 2, &core_namespace_spec, NULL, "What is asked for." },
	{ "status", OBJECT, 0, 3, &core_namespace_status, NULL, "Its state." },
	END
};
const struct message core_namespace = { "io.k8s.api.core.v1.Namespace", "A room for names: objects in different Namespaces may have the same name.", core_namespace_fields };

static const struct field core_service_port_fields[] = {
	{ "name", STRING, 0, 1, NULL, NULL, "Name of the port, unique in the Service; needed when there are several." },
	{ "protocol", STRING, 0, 2, NULL, NULL, "TCP, UDP or SCTP; TCP when unset." },
	{ "appProtocol", STRING, POINTER, 6, NULL, NULL, "What is spoken on the port, as kubernetes.io/h2c; a hint for gateways." },
	{ "port", INT32, REQUIRED | POINTER, 3, NULL, NULL, "Port that clients connect to." },
	{ "targetPort", INT_OR_STRING, 0, 4, NULL, NULL, "Port of the pods, as a number or as the name of a container's port; the same as port when unset." },
	{ "nodePort", INT32, 0, 5, NULL, NULL, "Port of every node that leads to the Service; for types NodePort and LoadBalancer, chosen from the configured range when unset." },
	END
};
static const struct message core_service_port = { "io.k8s.api.core.v1.ServicePort", "One port of a Service.", core_service_port_fields };

static const struct field core_client_ip_config_fields[] = {
	{ "timeoutSeconds", INT32, POINTER, 1, NULL, NULL, "For how long after its last connection a client keeps its endpoint; 10800 when unset." },
	END
};
static const struct message core_client_ip_config = { "io.k8s.api.core.v1.ClientIPConfig", "Stickiness by the client's address.", core_client_ip_config_fields };

static const struct field core_session_affinity_config_fields[] = {
	{ "clientIP", OBJECT, POINTER, 1, &core_client_ip_config, NULL, "Details of ClientIP." },
	END
};
static const struct message core_session_affinity_config = { "io.k8s.api.core.v1.SessionAffinityConfig", "Details of sessionAffinity.", core_session_affinity_config_fields };

static const struct field core_service_spec_fields[] = {
	{ "ports", OBJECT, LIST, 1, &core_service_port, "port,protocol", "Ports of the Service." },
	{ "selector", STRING, MAP | ATOMIC, 2, NULL, NULL, "Labels of the pods that serve it; without one, EndpointSlices are written by somebody else." },
	{ "clusterIP", STRING, 0, 3, NULL, NULL, "The Service's address: chosen when unset, None for a headless Service, fixed once set." },
	{ "clusterIPs", STRING, LIST, 18, NULL, NULL, "The Service's addresses, one a family; the first is clusterIP." },
	{ "type", STRING, 0, 4, NULL, NULL, "ClusterIP, NodePort, LoadBalancer or ExternalName; ClusterIP when unset." },
	{ "externalIPs", STRING, LIST, 5, NULL, NULL, "Further addresses that lead to the Service; whoever routes them here is not knetd's business." },
	{ "sessionAffinity", STRING, 0, 7, NULL, NULL, "None, or ClientIP: the same client gets the same endpoint." },
	{ "loadBalancerIP", STRING, 0, 8, NULL, NULL, "The address a load balancer should have; out of use in new manifests." },
	{ "loadBalancerSourceRanges", STRING, LIST, 9, NULL, NULL, "CIDRs of the clients that may use the load balancer's addresses; all when unset." },
	{ "externalName", STRING, 0, 10, NULL, NULL, "The DNS name that the Service stands for, with type ExternalName." },
	{ "externalTrafficPolicy", STRING, 0, 11, NULL, NULL, "For outside traffic: Cluster (all endpoints) or Local (endpoints of this node, client addresses are kept)." },
	{ "healthCheckNodePort", INT32, 0, 12, NULL, NULL, "Port where load balancers ask whether the node has endpoints; with type LoadBalancer and externalTrafficPolicy Local." },
	{ "publishNotReadyAddresses", BOOL, 0, 13, NULL, NULL, "Treats pods as ready, whether they are or not." },
	{ "sessionAffinityConfig", OBJECT, POINTER, 14, &core_session_affinity_config, NULL, "Details of sessionAffinity." },
	{ "ipFamilies", STRING, LIST, 19, NULL, NULL, "Address families of the Service, as IPv4 and IPv6; follows from ipFamilyPolicy when unset." },
	{ "ipFamilyPolicy", STRING, POINTER, 17, NULL, NULL, "SingleStack, PreferDualStack or RequireDualStack; SingleStack when unset." },
	{ "allocateLoadBalancerNodePorts", BOOL, POINTER, 20, NULL, NULL, "Whether type LoadBalancer gets node ports; true when unset." },
	{ "loadBalancerClass", STRING, POINTER, 21, NULL, NULL, "Which implementation serves type LoadBalancer; the default one when unset." },
	{ "internalTrafficPolicy", STRING, POINTER, 22, NULL, NULL, "For traffic of pods and nodes: Cluster (all endpoints) or Local (endpoints of this node)." },
	{ "trafficDistribution", STRING, POINTER, 23, NULL, NULL, "Which endpoints are preferred: PreferSameZone, PreferSameNode or PreferClose; no preference when unset." },
	END
};
static const struct message core_service_spec = { "io.k8s.api.core.v1.ServiceSpec", "What a Service asks for.", core_service_spec_fields };

static const struct field core_port_status_fields[] = {
	{ "port", INT32, REQUIRED | POINTER, 1, NULL, NULL, "The port." },
	{ "protocol", STRING, REQUIRED | POINTER, 2, NULL, NULL, "TCP, UDP or SCTP." },
	{ "error", STRING, POINTER, 3, NULL, NULL, "What is wrong with the port, in CamelCase." },
	END
};
static const struct message core_port_status = { "io.k8s.api.core.v1.PortStatus", "The state of one port of a load balancer.", core_port_status_fields };

static const struct field core_load_balancer_ingress_fields[] = {
	{ "ip", STRING, 0, 1, NULL, NULL, "The address, for load balancers that have one." },
	{ "hostname", STRING, 0, 2, NULL, NULL, "The DNS name, for load balancers that have one." },
	{ "ipMode", STRING, POINTER, 3, NULL, NULL, "VIP (packets arrive with this address) or Proxy." },
	{ "ports", OBJECT, LIST, 4, &core_port_status, NULL, "The state of its ports." },
	END
};
static const struct message core_load_balancer_ingress = { "io.k8s.api.core.v1.LoadBalancerIngress", "One address of a load balancer.", core_load_balancer_ingress_fields };

static const struct field core_load_balancer_status_fields[] = {
	{ "ingress", OBJECT, LIST, 1, &core_load_balancer_ingress, NULL, "One entry an address." },
	END
};
static const struct message core_load_balancer_status = { "io.k8s.api.core.v1.LoadBalancerStatus", "The addresses of a load balancer.", core_load_balancer_status_fields };

static const struct field core_service_status_fields[] = {
	{ "loadBalancer", OBJECT, 0, 1, &core_load_balancer_status, NULL, "The addresses of its load balancer." },
	{ "conditions", OBJECT, LIST, 2, &meta_condition, "type", "Aspects of its state." },
	END
};
static const struct message core_service_status = { "io.k8s.api.core.v1.ServiceStatus", "The state of a Service.", core_service_status_fields };

static const struct field core_service_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "Name, namespace, labels and what the server keeps about the object." },
	{ "spec", OBJECT, 0, 2, &core_service_spec, NULL, "What is asked for." },
	{ "status", OBJECT, 0, 3, &core_service_status, NULL, "Its state." },
	END
};
const struct message core_service = { "io.k8s.api.core.v1.Service", "One address and name in front of a set of pods.", core_service_fields };

static const struct field core_object_reference_fields[] = {
	{ "kind", STRING, 0, 1, NULL, NULL, "Its kind." },
	{ "namespace", STRING, 0, 2, NULL, NULL, "Its namespace." },
	{ "name", STRING, 0, 3, NULL, NULL, "Its name." },
	{ "uid", STRING, 0, 4, NULL, NULL, "Its uid." },
	{ "apiVersion", STRING, 0, 5, NULL, NULL, "Its group and version." },
	{ "resourceVersion", STRING, 0, 6, NULL, NULL, "The state of it that is meant." },
	{ "fieldPath", STRING, 0, 7, NULL, NULL, "The part of it that is meant." },
	END
};
const struct message core_object_reference = { "io.k8s.api.core.v1.ObjectReference", "Names an object.", core_object_reference_fields };

static const struct field core_endpoint_address_fields[] = {
	{ "ip", STRING, REQUIRED | POINTER, 1, NULL, NULL, "The address." },
	{ "hostname", STRING, 0, 3, NULL, NULL, "Host name of the endpoint, for DNS names of a headless Service." },
	{ "nodeName", STRING, POINTER, 4, NULL, NULL, "Node the endpoint is on." },
	{ "targetRef", OBJECT, POINTER | ATOMIC, 2, &core_object_reference, NULL, "The pod behind it." },
	END
};
static const struct message core_endpoint_address = { "io.k8s.api.core.v1.EndpointAddress", "One address of Endpoints.", core_endpoint_address_fields };

static const struct field core_endpoint_port_fields[] = {
	{ "name", STRING, 0, 1, NULL, NULL, "Name of the Service's port it is for." },
	{ "port", INT32, REQUIRED | POINTER, 2, NULL, NULL, "Port of the endpoint." },
	{ "protocol", STRING, 0, 3, NULL, NULL, "TCP, UDP or SCTP; TCP when unset." },
	{ "appProtocol", STRING, POINTER, 4, NULL, NULL, "What is spoken on the port." },
	END
};
static const struct message core_endpoint_port = { "io.k8s.api.core.v1.EndpointPort", "One port of Endpoints.", core_endpoint_port_fields };

static const struct field core_endpoint_subset_fields[] = {
	{ "addresses", OBJECT, LIST, 1, &core_endpoint_address, NULL, "Addresses that are ready." },
	{ "notReadyAddresses", OBJECT, LIST, 2, &core_endpoint_address, NULL, "Addresses that are not ready." },
	{ "ports", OBJECT, LIST, 3, &core_endpoint_port, NULL, "Their ports." },
	END
};
static const struct message core_endpoint_subset = { "io.k8s.api.core.v1.EndpointSubset", "Addresses with the same ports.", core_endpoint_subset_fields };

static const struct field core_endpoints_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "Name, namespace, labels and what the server keeps about the object." },
	{ "subsets", OBJECT, LIST, 2, &core_endpoint_subset, NULL, "All addresses and ports, in groups." },
	END
};
const struct message core_endpoints = { "io.k8s.api.core.v1.Endpoints", "Endpoints of the Service of the same name; mirrored into EndpointSlices, which new tools should use.", core_endpoints_fields };

static const struct field core_config_map_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "Name, namespace, labels and what the server keeps about the object." },
	{ "immutable", BOOL, POINTER, 4, NULL, NULL, "When true, the data cannot be changed any more." },
	{ "data", STRING, MAP, 2, NULL, NULL, "Names and texts." },
	{ "binaryData", BYTES, MAP, 3, NULL, NULL, "Names and bytes, in base64." },
	END
};
const struct message core_config_map = { "io.k8s.api.core.v1.ConfigMap", "Settings by name.", core_config_map_fields };

static const struct field core_secret_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "Name, namespace, labels and what the server keeps about the object." },
	{ "immutable", BOOL, POINTER, 5, NULL, NULL, "When true, the data cannot be changed any more." },
	{ "data", BYTES, MAP, 2, NULL, NULL, "Names and bytes, in base64." },
	{ "stringData", STRING, MAP, 4, NULL, NULL, "Names and texts, which are put into data; never answered." },
	{ "type", STRING, 0, 3, NULL, NULL, "What it is for, as kubernetes.io/tls; Opaque when unset." },
	END
};
const struct message core_secret = { "io.k8s.api.core.v1.Secret", "Secrets by name: certificates, keys, passwords.", core_secret_fields };

static const struct field core_event_source_fields[] = {
	{ "component", STRING, 0, 1, NULL, NULL, "Name of the program." },
	{ "host", STRING, 0, 2, NULL, NULL, "Node it runs on." },
	END
};
static const struct message core_event_source = { "io.k8s.api.core.v1.EventSource", "Who reports.", core_event_source_fields };

static const struct field core_event_series_fields[] = {
	{ "count", INT32, 0, 1, NULL, NULL, "How many there were." },
	{ "lastObservedTime", MICRO_TIME, 0, 2, NULL, NULL, "When the last one was seen." },
	END
};
static const struct message core_event_series = { "io.k8s.api.core.v1.EventSeries", "A run of equal events.", core_event_series_fields };

static const struct field core_event_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, REQUIRED | POINTER, 1, &meta_object_meta, NULL, "Name, namespace, labels and what the server keeps about the object." },
	{ "involvedObject", OBJECT, REQUIRED | POINTER | ATOMIC, 2, &core_object_reference, NULL, "The object it happened to." },
	{ "reason", STRING, 0, 3, NULL, NULL, "What happened, in one word for programs." },
	{ "message", STRING, 0, 4, NULL, NULL, "What happened, in a sentence for people." },
	{ "source", OBJECT, 0, 5, &core_event_source, NULL, "Who reports it." },
	{ "firstTimestamp", TIME, 0, 6, NULL, NULL, "When it was seen first." },
	{ "lastTimestamp", TIME, 0, 7, NULL, NULL, "When it was seen last." },
	{ "count", INT32, 0, 8, NULL, NULL, "How often it was seen." },
	{ "type", STRING, 0, 9, NULL, NULL, "Normal or Warning." },
	{ "eventTime", MICRO_TIME, 0, 10, NULL, NULL, "When it was seen first, to the microsecond." },
	{ "series", OBJECT, POINTER, 11, &core_event_series, NULL, "The run of equal events it stands for." },
	{ "action", STRING, 0, 12, NULL, NULL, "What the reporter did." },
	{ "related", OBJECT, POINTER | ATOMIC, 13, &core_object_reference, NULL, "A second object that has to do with it." },
	{ "reportingComponent", STRING, POINTER, 14, NULL, NULL, "Name of the program that reports it." },
	{ "reportingInstance", STRING, POINTER, 15, NULL, NULL, "Which instance of it." },
	END
};
const struct message core_event = { "io.k8s.api.core.v1.Event", "Something that happened to an object; kept for a while.", core_event_fields };

static const struct field auth_field_selector_attributes_fields[] = {
	{ "rawSelector", STRING, 0, 1, NULL, NULL, "As it stands in the query." },
	{ "requirements", OBJECT, LIST, 2, &meta_field_selector_requirement, NULL, "Taken apart." },
	END
};
static const struct message auth_field_selector_attributes = { "io.k8s.api.authorization.v1.FieldSelectorAttributes", "The field selector of the request.", auth_field_selector_attributes_fields };

static const struct field auth_label_selector_attributes_fields[] = {
	{ "rawSelector", STRING, 0, 1, NULL, NULL, "As it stands in the query." },
	{ "requirements", OBJECT, LIST, 2, &meta_label_selector_requirement, NULL, "Taken apart." },
	END
};
static const struct message auth_label_selector_attributes = { "io.k8s.api.authorization.v1.LabelSelectorAttributes", "The label selector of the request.", auth_label_selector_attributes_fields };

static const struct field auth_resource_attributes_fields[] = {
	{ "namespace", STRING, 0, 1, NULL, NULL, "Namespace of the objects; empty for all." },
	{ "verb", STRING, 0, 2, NULL, NULL, "get, list, watch, create, update, patch, delete or deletecollection; * for all." },
	{ "group", STRING, 0, 3, NULL, NULL, "Group of the objects; * for all." },
	{ "version", STRING, 0, 4, NULL, NULL, "Version of the group; * for all." },
	{ "resource", STRING, 0, 5, NULL, NULL, "Plural name of the kind; * for all." },
	{ "subresource", STRING, 0, 6, NULL, NULL, "The subresource, as status." },
	{ "name", STRING, 0, 7, NULL, NULL, "Name of the object; empty for all." },
	{ "fieldSelector", OBJECT, POINTER, 8, &auth_field_selector_attributes, NULL, "The field selector of the request." },
	{ "labelSelector", OBJECT, POINTER, 9, &auth_label_selector_attributes, NULL, "The label selector of the request." },
	END
};
static const struct message auth_resource_attributes = { "io.k8s.api.authorization.v1.ResourceAttributes", "A request for objects.", auth_resource_attributes_fields };

static const struct field auth_non_resource_attributes_fields[] = {
	{ "path", STRING, 0, 1, NULL, NULL, "Path of the request." },
	{ "verb", STRING, 0, 2, NULL, NULL, "Method of the request, in lower case." },
	END
};
static const struct message auth_non_resource_attributes = { "io.k8s.api.authorization.v1.NonResourceAttributes", "A request for anything else.", auth_non_resource_attributes_fields };

static const struct field auth_self_subject_access_review_spec_fields[] = {
	{ "resourceAttributes", OBJECT, POINTER, 1, &auth_resource_attributes, NULL, "A request for objects." },
	{ "nonResourceAttributes", OBJECT, POINTER, 2, &auth_non_resource_attributes, NULL, "A request for anything else." },
	END
};
static const struct message auth_self_subject_access_review_spec = { "io.k8s.api.authorization.v1.SelfSubjectAccessReviewSpec", "The question: one of both.", auth_self_subject_access_review_spec_fields };

static const struct field auth_subject_access_review_status_fields[] = {
	{ "allowed", BOOL, REQUIRED | POINTER, 1, NULL, NULL, "Whether the request would be served." },
	{ "denied", BOOL, 0, 4, NULL, NULL, "Whether somebody has said no." },
	{ "reason", STRING, 0, 2, NULL, NULL, "Why." },
	{ "evaluationError", STRING, 0, 3, NULL, NULL, "What went wrong while the answer was looked for." },
	END
};
static const struct message auth_subject_access_review_status = { "io.k8s.api.authorization.v1.SubjectAccessReviewStatus", "The answer.", auth_subject_access_review_status_fields };

static const struct field auth_self_subject_access_review_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "Name, namespace, labels and what the server keeps about the object." },
	{ "spec", OBJECT, REQUIRED | POINTER, 2, &auth_self_subject_access_review_spec, NULL, "The question." },
	{ "status", OBJECT, 0, 3, &auth_subject_access_review_status, NULL, "The answer." },
	END
};
const struct message auth_self_subject_access_review = { "io.k8s.api.authorization.v1.SelfSubjectAccessReview", "Asks whether the caller may do something.", auth_self_subject_access_review_fields };

static const struct field auth_resource_rule_fields[] = {
	{ "verbs", STRING, LIST | REQUIRED | POINTER, 1, NULL, NULL, "What may be done." },
	{ "apiGroups", STRING, LIST, 2, NULL, NULL, "Groups of the objects." },
	{ "resources", STRING, LIST, 3, NULL, NULL, "Plural names of the kinds." },
	{ "resourceNames", STRING, LIST, 4, NULL, NULL, "Names of the objects; all when empty." },
	END
};
static const struct message auth_resource_rule = { "io.k8s.api.authorization.v1.ResourceRule", "What may be done with some kinds.", auth_resource_rule_fields };

static const struct field auth_non_resource_rule_fields[] = {
	{ "verbs", STRING, LIST | REQUIRED | POINTER, 1, NULL, NULL, "What may be done." },
	{ "nonResourceURLs", STRING, LIST, 2, NULL, NULL, "Paths." },
	END
};
static const struct message auth_non_resource_rule = { "io.k8s.api.authorization.v1.NonResourceRule", "What may be done with other paths.", auth_non_resource_rule_fields };

static const struct field auth_self_subject_rules_review_spec_fields[] = {
	{ "namespace", STRING, 0, 1, NULL, NULL, "Namespace that is asked about." },
	END
};
static const struct message auth_self_subject_rules_review_spec = { "io.k8s.api.authorization.v1.SelfSubjectRulesReviewSpec", "The question.", auth_self_subject_rules_review_spec_fields };

static const struct field auth_subject_rules_review_status_fields[] = {
	{ "resourceRules", OBJECT, LIST | REQUIRED | POINTER, 1, &auth_resource_rule, NULL, "What may be done with objects." },
	{ "nonResourceRules", OBJECT, LIST | REQUIRED | POINTER, 2, &auth_non_resource_rule, NULL, "What may be done with other paths." },
	{ "incomplete", BOOL, REQUIRED | POINTER, 3, NULL, NULL, "Whether there may be more." },
	{ "evaluationError", STRING, 0, 4, NULL, NULL, "What went wrong while the answer was looked for." },
	END
};
static const struct message auth_subject_rules_review_status = { "io.k8s.api.authorization.v1.SubjectRulesReviewStatus", "The answer.", auth_subject_rules_review_status_fields };

static const struct field auth_self_subject_rules_review_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "Name, namespace, labels and what the server keeps about the object." },
	{ "spec", OBJECT, REQUIRED | POINTER, 2, &auth_self_subject_rules_review_spec, NULL, "The question." },
	{ "status", OBJECT, 0, 3, &auth_subject_rules_review_status, NULL, "The answer." },
	END
};
const struct message auth_self_subject_rules_review = { "io.k8s.api.authorization.v1.SelfSubjectRulesReview", "Asks what the caller may do.", auth_self_subject_rules_review_fields };

static const struct field auth_user_info_fields[] = {
	{ "username", STRING, 0, 1, NULL, NULL, "Name of the caller." },
	{ "uid", STRING, 0, 2, NULL, NULL, "Uid of the caller." },
	{ "groups", STRING, LIST, 3, NULL, NULL, "Groups of the caller." },
	END
};
static const struct message auth_user_info = { "io.k8s.api.authentication.v1.UserInfo", "A caller.", auth_user_info_fields };

static const struct field auth_self_subject_review_status_fields[] = {
	{ "userInfo", OBJECT, 0, 1, &auth_user_info, NULL, "The caller." },
	END
};
static const struct message auth_self_subject_review_status = { "io.k8s.api.authentication.v1.SelfSubjectReviewStatus", "The answer.", auth_self_subject_review_status_fields };

static const struct field auth_self_subject_review_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "Name, namespace, labels and what the server keeps about the object." },
	{ "status", OBJECT, 0, 2, &auth_self_subject_review_status, NULL, "The answer." },
	END
};
const struct message auth_self_subject_review = { "io.k8s.api.authentication.v1.SelfSubjectReview", "Asks who the caller is.", auth_self_subject_review_fields };

static const struct field core_typed_local_object_reference_fields[] = {
	{ "apiGroup", STRING, POINTER, 1, NULL, NULL, "Its group; the core group when unset." },
	{ "kind", STRING, REQUIRED | POINTER, 2, NULL, NULL, "Its kind." },
	{ "name", STRING, REQUIRED | POINTER, 3, NULL, NULL, "Its name." },
	END
};
const struct message core_typed_local_object_reference = { "io.k8s.api.core.v1.TypedLocalObjectReference", "Names an object of the same namespace.", core_typed_local_object_reference_fields };

// clang-format on
