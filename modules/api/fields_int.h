/* fields_int.h - how the tables of fields.h are written. A line is
 *   { name, type, how, protobuf number, message, keys, doc } */
#pragma once

#include "fields.h"

// clang-format off
#define STRING FIELD_STRING
#define INT32 FIELD_INT32
#define INT64 FIELD_INT64
#define BOOL FIELD_BOOL
#define BYTES FIELD_BYTES
#define INT_OR_STRING FIELD_INT_OR_STRING
#define QUANTITY FIELD_QUANTITY
#define TIME FIELD_TIME
#define MICRO_TIME FIELD_MICRO_TIME
#define OBJECT FIELD_OBJECT
#define OPEN FIELD_OPEN
#define LIST FIELD_LIST
#define MAP FIELD_MAP
#define REQUIRED FIELD_REQUIRED
#define POINTER FIELD_POINTER
#define EMBEDDED FIELD_EMBEDDED
#define SET FIELD_SET
#define ATOMIC FIELD_ATOMIC
#define END { NULL, 0, 0, 0, NULL, NULL, NULL }
#define TYPE_META \
	{ "apiVersion", STRING, 0, 0, NULL, NULL, "The version of the schema this object is written in." }, \
	{ "kind", STRING, 0, 0, NULL, NULL, "What this object is." },
#define OBJECT_META \
	{ "metadata", OBJECT, 0, 0, &meta_object_meta, NULL, "Name, namespace, labels and what the server keeps about the object." },
// clang-format on

/* Used by more than one file. */
extern const struct message auth_self_subject_review;
extern const struct message auth_self_subject_rules_review;
extern const struct message core_config_map;
extern const struct message core_endpoints;
extern const struct message core_event;
extern const struct message core_local_object_reference;
extern const struct message core_namespace;
extern const struct message core_node;
extern const struct message core_object_field_selector;
extern const struct message core_object_reference;
extern const struct message core_pod;
extern const struct message core_resource_field_selector;
extern const struct message core_secret;
extern const struct message core_service;
extern const struct message core_typed_local_object_reference;
extern const struct message core_volume;
extern const struct message disc_endpoint_slice;
extern const struct message meta_condition;
extern const struct message meta_field_selector_requirement;
extern const struct message meta_label_selector;
extern const struct message meta_label_selector_requirement;
extern const struct message meta_object_meta;
extern const struct message net_ingress;
extern const struct message net_ingress_class;
extern const struct message net_network_policy;
extern const struct message gateway_gateway_class;
extern const struct message gateway_gateway;
extern const struct message gateway_listener_set;
extern const struct message gateway_http_route;
extern const struct message gateway_grpc_route;
extern const struct message gateway_tls_route;
extern const struct message gateway_tcp_route;
extern const struct message gateway_udp_route;
extern const struct message gateway_reference_grant;
extern const struct message gateway_backend_tls_policy;
extern const struct message policy_cluster_network_policy;
extern const struct message knetd_address_pool;
extern const struct message knetd_pod_network;
