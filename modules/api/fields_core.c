/* fields_core.c - fields of the other kinds of the core group, and authorization.k8s.io. See
 * fields.h. */
#include "fields_int.h"

// clang-format off
static const struct field core_namespace_spec_fields[] = {
	{ "finalizers", STRING, LIST, 1, NULL, NULL, "" },
	END
};
static const struct message core_namespace_spec = { "io.k8s.api.core.v1.NamespaceSpec", "", core_namespace_spec_fields };

static const struct field core_namespace_condition_fields[] = {
	{ "type", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "status", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "lastTransitionTime", TIME, 0, 4, NULL, NULL, "" },
	{ "reason", STRING, 0, 5, NULL, NULL, "" },
	{ "message", STRING, 0, 6, NULL, NULL, "" },
	END
};
static const struct message core_namespace_condition = { "io.k8s.api.core.v1.NamespaceCondition", "", core_namespace_condition_fields };

static const struct field core_namespace_status_fields[] = {
	{ "phase", STRING, 0, 1, NULL, NULL, "" },
	{ "conditions", OBJECT, LIST, 2, &core_namespace_condition, "type", "" },
	END
};
static const struct message core_namespace_status = { "io.k8s.api.core.v1.NamespaceStatus", "", core_namespace_status_fields };

static const struct field core_namespace_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "" },
	{ "spec", OBJECT, 0, 2, &core_namespace_spec, NULL, "" },
	{ "status", OBJECT, 0, 3, &core_namespace_status, NULL, "" },
	END
};
const struct message core_namespace = { "io.k8s.api.core.v1.Namespace", "", core_namespace_fields };

static const struct field core_service_port_fields[] = {
	{ "name", STRING, 0, 1, NULL, NULL, "" },
	{ "protocol", STRING, 0, 2, NULL, NULL, "" },
	{ "appProtocol", STRING, POINTER, 6, NULL, NULL, "" },
	{ "port", INT32, REQUIRED | POINTER, 3, NULL, NULL, "" },
	{ "targetPort", INT_OR_STRING, 0, 4, NULL, NULL, "" },
	{ "nodePort", INT32, 0, 5, NULL, NULL, "" },
	END
};
static const struct message core_service_port = { "io.k8s.api.core.v1.ServicePort", "", core_service_port_fields };

static const struct field core_client_ip_config_fields[] = {
	{ "timeoutSeconds", INT32, POINTER, 1, NULL, NULL, "" },
	END
};
static const struct message core_client_ip_config = { "io.k8s.api.core.v1.ClientIPConfig", "", core_client_ip_config_fields };

static const struct field core_session_affinity_config_fields[] = {
	{ "clientIP", OBJECT, POINTER, 1, &core_client_ip_config, NULL, "" },
	END
};
static const struct message core_session_affinity_config = { "io.k8s.api.core.v1.SessionAffinityConfig", "", core_session_affinity_config_fields };

static const struct field core_service_spec_fields[] = {
	{ "ports", OBJECT, LIST, 1, &core_service_port, "port,protocol", "" },
	{ "selector", STRING, MAP | ATOMIC, 2, NULL, NULL, "" },
	{ "clusterIP", STRING, 0, 3, NULL, NULL, "" },
	{ "clusterIPs", STRING, LIST, 18, NULL, NULL, "" },
	{ "type", STRING, 0, 4, NULL, NULL, "" },
	{ "externalIPs", STRING, LIST, 5, NULL, NULL, "" },
	{ "sessionAffinity", STRING, 0, 7, NULL, NULL, "" },
	{ "loadBalancerIP", STRING, 0, 8, NULL, NULL, "" },
	{ "loadBalancerSourceRanges", STRING, LIST, 9, NULL, NULL, "" },
	{ "externalName", STRING, 0, 10, NULL, NULL, "" },
	{ "externalTrafficPolicy", STRING, 0, 11, NULL, NULL, "" },
	{ "healthCheckNodePort", INT32, 0, 12, NULL, NULL, "" },
	{ "publishNotReadyAddresses", BOOL, 0, 13, NULL, NULL, "" },
	{ "sessionAffinityConfig", OBJECT, POINTER, 14, &core_session_affinity_config, NULL, "" },
	{ "ipFamilies", STRING, LIST, 19, NULL, NULL, "" },
	{ "ipFamilyPolicy", STRING, POINTER, 17, NULL, NULL, "" },
	{ "allocateLoadBalancerNodePorts", BOOL, POINTER, 20, NULL, NULL, "" },
	{ "loadBalancerClass", STRING, POINTER, 21, NULL, NULL, "" },
	{ "internalTrafficPolicy", STRING, POINTER, 22, NULL, NULL, "" },
	{ "trafficDistribution", STRING, POINTER, 23, NULL, NULL, "" },
	END
};
static const struct message core_service_spec = { "io.k8s.api.core.v1.ServiceSpec", "", core_service_spec_fields };

static const struct field core_port_status_fields[] = {
	{ "port", INT32, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "protocol", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "error", STRING, POINTER, 3, NULL, NULL, "" },
	END
};
static const struct message core_port_status = { "io.k8s.api.core.v1.PortStatus", "", core_port_status_fields };

static const struct field core_load_balancer_ingress_fields[] = {
	{ "ip", STRING, 0, 1, NULL, NULL, "" },
	{ "hostname", STRING, 0, 2, NULL, NULL, "" },
	{ "ipMode", STRING, POINTER, 3, NULL, NULL, "" },
	{ "ports", OBJECT, LIST, 4, &core_port_status, NULL, "" },
	END
};
static const struct message core_load_balancer_ingress = { "io.k8s.api.core.v1.LoadBalancerIngress", "", core_load_balancer_ingress_fields };

static const struct field core_load_balancer_status_fields[] = {
	{ "ingress", OBJECT, LIST, 1, &core_load_balancer_ingress, NULL, "" },
	END
};
static const struct message core_load_balancer_status = { "io.k8s.api.core.v1.LoadBalancerStatus", "", core_load_balancer_status_fields };

static const struct field core_service_status_fields[] = {
	{ "loadBalancer", OBJECT, 0, 1, &core_load_balancer_status, NULL, "" },
	{ "conditions", OBJECT, LIST, 2, &meta_condition, "type", "" },
	END
};
static const struct message core_service_status = { "io.k8s.api.core.v1.ServiceStatus", "", core_service_status_fields };

static const struct field core_service_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "" },
	{ "spec", OBJECT, 0, 2, &core_service_spec, NULL, "" },
	{ "status", OBJECT, 0, 3, &core_service_status, NULL, "" },
	END
};
const struct message core_service = { "io.k8s.api.core.v1.Service", "", core_service_fields };

static const struct field core_object_reference_fields[] = {
	{ "kind", STRING, 0, 1, NULL, NULL, "" },
	{ "namespace", STRING, 0, 2, NULL, NULL, "" },
	{ "name", STRING, 0, 3, NULL, NULL, "" },
	{ "uid", STRING, 0, 4, NULL, NULL, "" },
	{ "apiVersion", STRING, 0, 5, NULL, NULL, "" },
	{ "resourceVersion", STRING, 0, 6, NULL, NULL, "" },
	{ "fieldPath", STRING, 0, 7, NULL, NULL, "" },
	END
};
const struct message core_object_reference = { "io.k8s.api.core.v1.ObjectReference", "", core_object_reference_fields };

static const struct field core_endpoint_address_fields[] = {
	{ "ip", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "hostname", STRING, 0, 3, NULL, NULL, "" },
	{ "nodeName", STRING, POINTER, 4, NULL, NULL, "" },
	{ "targetRef", OBJECT, POINTER | ATOMIC, 2, &core_object_reference, NULL, "" },
	END
};
static const struct message core_endpoint_address = { "io.k8s.api.core.v1.EndpointAddress", "", core_endpoint_address_fields };

static const struct field core_endpoint_port_fields[] = {
	{ "name", STRING, 0, 1, NULL, NULL, "" },
	{ "port", INT32, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "protocol", STRING, 0, 3, NULL, NULL, "" },
	{ "appProtocol", STRING, POINTER, 4, NULL, NULL, "" },
	END
};
static const struct message core_endpoint_port = { "io.k8s.api.core.v1.EndpointPort", "", core_endpoint_port_fields };

static const struct field core_endpoint_subset_fields[] = {
	{ "addresses", OBJECT, LIST, 1, &core_endpoint_address, NULL, "" },
	{ "notReadyAddresses", OBJECT, LIST, 2, &core_endpoint_address, NULL, "" },
	{ "ports", OBJECT, LIST, 3, &core_endpoint_port, NULL, "" },
	END
};
static const struct message core_endpoint_subset = { "io.k8s.api.core.v1.EndpointSubset", "", core_endpoint_subset_fields };

static const struct field core_endpoints_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "" },
	{ "subsets", OBJECT, LIST, 2, &core_endpoint_subset, NULL, "" },
	END
};
const struct message core_endpoints = { "io.k8s.api.core.v1.Endpoints", "", core_endpoints_fields };

static const struct field core_config_map_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "" },
	{ "immutable", BOOL, POINTER, 4, NULL, NULL, "" },
	{ "data", STRING, MAP, 2, NULL, NULL, "" },
	{ "binaryData", BYTES, MAP, 3, NULL, NULL, "" },
	END
};
const struct message core_config_map = { "io.k8s.api.core.v1.ConfigMap", "", core_config_map_fields };

static const struct field core_secret_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "" },
	{ "immutable", BOOL, POINTER, 5, NULL, NULL, "" },
	{ "data", BYTES, MAP, 2, NULL, NULL, "" },
	{ "stringData", STRING, MAP, 4, NULL, NULL, "" },
	{ "type", STRING, 0, 3, NULL, NULL, "" },
	END
};
const struct message core_secret = { "io.k8s.api.core.v1.Secret", "", core_secret_fields };

static const struct field core_event_source_fields[] = {
	{ "component", STRING, 0, 1, NULL, NULL, "" },
	{ "host", STRING, 0, 2, NULL, NULL, "" },
	END
};
static const struct message core_event_source = { "io.k8s.api.core.v1.EventSource", "", core_event_source_fields };

static const struct field core_event_series_fields[] = {
	{ "count", INT32, 0, 1, NULL, NULL, "" },
	{ "lastObservedTime", MICRO_TIME, 0, 2, NULL, NULL, "" },
	END
};
static const struct message core_event_series = { "io.k8s.api.core.v1.EventSeries", "", core_event_series_fields };

static const struct field core_event_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, REQUIRED | POINTER, 1, &meta_object_meta, NULL, "" },
	{ "involvedObject", OBJECT, REQUIRED | POINTER | ATOMIC, 2, &core_object_reference, NULL, "" },
	{ "reason", STRING, 0, 3, NULL, NULL, "" },
	{ "message", STRING, 0, 4, NULL, NULL, "" },
	{ "source", OBJECT, 0, 5, &core_event_source, NULL, "" },
	{ "firstTimestamp", TIME, 0, 6, NULL, NULL, "" },
	{ "lastTimestamp", TIME, 0, 7, NULL, NULL, "" },
	{ "count", INT32, 0, 8, NULL, NULL, "" },
	{ "type", STRING, 0, 9, NULL, NULL, "" },
	{ "eventTime", MICRO_TIME, 0, 10, NULL, NULL, "" },
	{ "series", OBJECT, POINTER, 11, &core_event_series, NULL, "" },
	{ "action", STRING, 0, 12, NULL, NULL, "" },
	{ "related", OBJECT, POINTER | ATOMIC, 13, &core_object_reference, NULL, "" },
	{ "reportingComponent", STRING, POINTER, 14, NULL, NULL, "" },
	{ "reportingInstance", STRING, POINTER, 15, NULL, NULL, "" },
	END
};
const struct message core_event = { "io.k8s.api.core.v1.Event", "", core_event_fields };

static const struct field auth_field_selector_attributes_fields[] = {
	{ "rawSelector", STRING, 0, 1, NULL, NULL, "" },
	{ "requirements", OBJECT, LIST, 2, &meta_field_selector_requirement, NULL, "" },
	END
};
static const struct message auth_field_selector_attributes = { "io.k8s.api.authorization.v1.FieldSelectorAttributes", "", auth_field_selector_attributes_fields };

static const struct field auth_label_selector_attributes_fields[] = {
	{ "rawSelector", STRING, 0, 1, NULL, NULL, "" },
	{ "requirements", OBJECT, LIST, 2, &meta_label_selector_requirement, NULL, "" },
	END
};
static const struct message auth_label_selector_attributes = { "io.k8s.api.authorization.v1.LabelSelectorAttributes", "", auth_label_selector_attributes_fields };

static const struct field auth_resource_attributes_fields[] = {
	{ "namespace", STRING, 0, 1, NULL, NULL, "" },
	{ "verb", STRING, 0, 2, NULL, NULL, "" },
	{ "group", STRING, 0, 3, NULL, NULL, "" },
	{ "version", STRING, 0, 4, NULL, NULL, "" },
	{ "resource", STRING, 0, 5, NULL, NULL, "" },
	{ "subresource", STRING, 0, 6, NULL, NULL, "" },
	{ "name", STRING, 0, 7, NULL, NULL, "" },
	{ "fieldSelector", OBJECT, POINTER, 8, &auth_field_selector_attributes, NULL, "" },
	{ "labelSelector", OBJECT, POINTER, 9, &auth_label_selector_attributes, NULL, "" },
	END
};
static const struct message auth_resource_attributes = { "io.k8s.api.authorization.v1.ResourceAttributes", "", auth_resource_attributes_fields };

static const struct field auth_non_resource_attributes_fields[] = {
	{ "path", STRING, 0, 1, NULL, NULL, "" },
	{ "verb", STRING, 0, 2, NULL, NULL, "" },
	END
};
static const struct message auth_non_resource_attributes = { "io.k8s.api.authorization.v1.NonResourceAttributes", "", auth_non_resource_attributes_fields };

static const struct field auth_self_subject_access_review_spec_fields[] = {
	{ "resourceAttributes", OBJECT, POINTER, 1, &auth_resource_attributes, NULL, "" },
	{ "nonResourceAttributes", OBJECT, POINTER, 2, &auth_non_resource_attributes, NULL, "" },
	END
};
static const struct message auth_self_subject_access_review_spec = { "io.k8s.api.authorization.v1.SelfSubjectAccessReviewSpec", "", auth_self_subject_access_review_spec_fields };

static const struct field auth_subject_access_review_status_fields[] = {
	{ "allowed", BOOL, POINTER, 1, NULL, NULL, "" },
	{ "denied", BOOL, 0, 4, NULL, NULL, "" },
	{ "reason", STRING, 0, 2, NULL, NULL, "" },
	{ "evaluationError", STRING, 0, 3, NULL, NULL, "" },
	END
};
static const struct message auth_subject_access_review_status = { "io.k8s.api.authorization.v1.SubjectAccessReviewStatus", "", auth_subject_access_review_status_fields };

static const struct field auth_self_subject_access_review_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "" },
	{ "spec", OBJECT, REQUIRED | POINTER, 2, &auth_self_subject_access_review_spec, NULL, "" },
	{ "status", OBJECT, 0, 3, &auth_subject_access_review_status, NULL, "" },
	END
};
const struct message auth_self_subject_access_review = { "io.k8s.api.authorization.v1.SelfSubjectAccessReview", "", auth_self_subject_access_review_fields };

static const struct field core_typed_local_object_reference_fields[] = {
	{ "apiGroup", STRING, POINTER, 1, NULL, NULL, "" },
	{ "kind", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "name", STRING, REQUIRED | POINTER, 3, NULL, NULL, "" },
	END
};
const struct message core_typed_local_object_reference = { "io.k8s.api.core.v1.TypedLocalObjectReference", "", core_typed_local_object_reference_fields };

// clang-format on
