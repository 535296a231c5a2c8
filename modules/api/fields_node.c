/* fields_node.c - fields of Node (k8s.io/api/core/v1). See fields.h. */
#include "fields_int.h"

// clang-format off
static const struct field core_taint_fields[] = {
	{ "key", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "value", STRING, 0, 2, NULL, NULL, "" },
	{ "effect", STRING, REQUIRED | POINTER, 3, NULL, NULL, "" },
	{ "timeAdded", TIME, POINTER, 4, NULL, NULL, "" },
	END
};
static const struct message core_taint = { "io.k8s.api.core.v1.Taint", "", core_taint_fields };

static const struct field core_config_map_node_config_source_fields[] = {
	{ "namespace", STRING, POINTER, 1, NULL, NULL, "" },
	{ "name", STRING, POINTER, 2, NULL, NULL, "" },
	{ "uid", STRING, 0, 3, NULL, NULL, "" },
	{ "resourceVersion", STRING, 0, 4, NULL, NULL, "" },
	{ "kubeletConfigKey", STRING, POINTER, 5, NULL, NULL, "" },
	END
};
static const struct message core_config_map_node_config_source = { "io.k8s.api.core.v1.ConfigMapNodeConfigSource", "", core_config_map_node_config_source_fields };

static const struct field core_node_config_source_fields[] = {
	{ "configMap", OBJECT, POINTER, 2, &core_config_map_node_config_source, NULL, "" },
	END
};
static const struct message core_node_config_source = { "io.k8s.api.core.v1.NodeConfigSource", "", core_node_config_source_fields };

static const struct field core_node_spec_fields[] = {
	{ "podCIDR", STRING, 0, 1, NULL, NULL, "" },
	{ "podCIDRs", STRING, LIST | SET, 7, NULL, "", "" },
	{ "providerID", STRING, 0, 3, NULL, NULL, "" },
	{ "unschedulable", BOOL, 0, 4, NULL, NULL, "" },
	{ "taints", OBJECT, LIST, 5, &core_taint, NULL, "" },
	{ "configSource", OBJECT, POINTER, 6, &core_node_config_source, NULL, "" },
	{ "externalID", STRING, 0, 2, NULL, NULL, "" },
	END
};
static const struct message core_node_spec = { "io.k8s.api.core.v1.NodeSpec", "", core_node_spec_fields };

static const struct field core_node_condition_fields[] = {
	{ "type", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "status", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "lastHeartbeatTime", TIME, 0, 3, NULL, NULL, "" },
	{ "lastTransitionTime", TIME, 0, 4, NULL, NULL, "" },
	{ "reason", STRING, 0, 5, NULL, NULL, "" },
	{ "message", STRING, 0, 6, NULL, NULL, "" },
	END
};
static const struct message core_node_condition = { "io.k8s.api.core.v1.NodeCondition", "", core_node_condition_fields };

static const struct field core_node_address_fields[] = {
	{ "type", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "address", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	END
};
static const struct message core_node_address = { "io.k8s.api.core.v1.NodeAddress", "", core_node_address_fields };

static const struct field core_daemon_endpoint_fields[] = {
	{ "Port", INT32, POINTER, 1, NULL, NULL, "" },
	END
};
static const struct message core_daemon_endpoint = { "io.k8s.api.core.v1.DaemonEndpoint", "", core_daemon_endpoint_fields };

static const struct field core_node_daemon_endpoints_fields[] = {
	{ "kubeletEndpoint", OBJECT, 0, 1, &core_daemon_endpoint, NULL, "" },
	END
};
static const struct message core_node_daemon_endpoints = { "io.k8s.api.core.v1.NodeDaemonEndpoints", "", core_node_daemon_endpoints_fields };

static const struct field core_node_system_info_fields[] = {
	{ "machineID", STRING, POINTER, 1, NULL, NULL, "" },
	{ "systemUUID", STRING, POINTER, 2, NULL, NULL, "" },
	{ "bootID", STRING, POINTER, 3, NULL, NULL, "" },
	{ "kernelVersion", STRING, POINTER, 4, NULL, NULL, "" },
	{ "osImage", STRING, POINTER, 5, NULL, NULL, "" },
	{ "containerRuntimeVersion", STRING, POINTER, 6, NULL, NULL, "" },
	{ "kubeletVersion", STRING, POINTER, 7, NULL, NULL, "" },
	{ "kubeProxyVersion", STRING, POINTER, 8, NULL, NULL, "" },
	{ "operatingSystem", STRING, POINTER, 9, NULL, NULL, "" },
	{ "architecture", STRING, POINTER, 10, NULL, NULL, "" },
	END
};
static const struct message core_node_system_info = { "io.k8s.api.core.v1.NodeSystemInfo", "", core_node_system_info_fields };

static const struct field core_container_image_fields[] = {
	{ "names", STRING, LIST | POINTER, 1, NULL, NULL, "" },
	{ "sizeBytes", INT64, 0, 2, NULL, NULL, "" },
	END
};
static const struct message core_container_image = { "io.k8s.api.core.v1.ContainerImage", "", core_container_image_fields };

static const struct field core_attached_volume_fields[] = {
	{ "name", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "devicePath", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	END
};
static const struct message core_attached_volume = { "io.k8s.api.core.v1.AttachedVolume", "", core_attached_volume_fields };

static const struct field core_node_config_status_fields[] = {
	{ "assigned", OBJECT, POINTER, 1, &core_node_config_source, NULL, "" },
	{ "active", OBJECT, POINTER, 2, &core_node_config_source, NULL, "" },
	{ "lastKnownGood", OBJECT, POINTER, 3, &core_node_config_source, NULL, "" },
	{ "error", STRING, 0, 4, NULL, NULL, "" },
	END
};
static const struct message core_node_config_status = { "io.k8s.api.core.v1.NodeConfigStatus", "", core_node_config_status_fields };

static const struct field core_node_runtime_handler_features_fields[] = {
	{ "recursiveReadOnlyMounts", BOOL, POINTER, 1, NULL, NULL, "" },
	{ "userNamespaces", BOOL, POINTER, 2, NULL, NULL, "" },
	END
};
static const struct message core_node_runtime_handler_features = { "io.k8s.api.core.v1.NodeRuntimeHandlerFeatures", "", core_node_runtime_handler_features_fields };

static const struct field core_node_runtime_handler_fields[] = {
	{ "name", STRING, POINTER, 1, NULL, NULL, "" },
	{ "features", OBJECT, POINTER, 2, &core_node_runtime_handler_features, NULL, "" },
	END
};
static const struct message core_node_runtime_handler = { "io.k8s.api.core.v1.NodeRuntimeHandler", "", core_node_runtime_handler_fields };

static const struct field core_node_features_fields[] = {
	{ "supplementalGroupsPolicy", BOOL, POINTER, 1, NULL, NULL, "" },
	END
};
static const struct message core_node_features = { "io.k8s.api.core.v1.NodeFeatures", "", core_node_features_fields };

static const struct field core_node_status_fields[] = {
	{ "capacity", QUANTITY, MAP, 1, NULL, NULL, "" },
	{ "allocatable", QUANTITY, MAP, 2, NULL, NULL, "" },
	{ "phase", STRING, 0, 3, NULL, NULL, "" },
	{ "conditions", OBJECT, LIST, 4, &core_node_condition, "type", "" },
	{ "addresses", OBJECT, LIST, 5, &core_node_address, "type", "" },
	{ "daemonEndpoints", OBJECT, 0, 6, &core_node_daemon_endpoints, NULL, "" },
	{ "nodeInfo", OBJECT, 0, 7, &core_node_system_info, NULL, "" },
	{ "images", OBJECT, LIST, 8, &core_container_image, NULL, "" },
	{ "volumesInUse", STRING, LIST, 9, NULL, NULL, "" },
	{ "volumesAttached", OBJECT, LIST, 10, &core_attached_volume, NULL, "" },
	{ "config", OBJECT, POINTER, 11, &core_node_config_status, NULL, "" },
	{ "runtimeHandlers", OBJECT, LIST, 12, &core_node_runtime_handler, NULL, "" },
	{ "features", OBJECT, POINTER, 13, &core_node_features, NULL, "" },
	END
};
static const struct message core_node_status = { "io.k8s.api.core.v1.NodeStatus", "", core_node_status_fields };

static const struct field core_node_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "" },
	{ "spec", OBJECT, 0, 2, &core_node_spec, NULL, "" },
	{ "status", OBJECT, 0, 3, &core_node_status, NULL, "" },
	END
};
const struct message core_node = { "io.k8s.api.core.v1.Node", "", core_node_fields };

// clang-format on
