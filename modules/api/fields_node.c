/* fields_node.c - fields of Node (k8s.io/api/core/v1). See fields.h. */
#include "fields_int.h"

// clang-format off
static const struct field core_taint_fields[] = {
	{ "key", STRING, REQUIRED | POINTER, 1, NULL, NULL, "Name of the taint." },
	{ "value", STRING, 0, 2, NULL, NULL, "Value of the taint." },
	{ "effect", STRING, REQUIRED | POINTER, 3, NULL, NULL, "NoSchedule, PreferNoSchedule or NoExecute." },
	{ "timeAdded", TIME, POINTER, 4, NULL, NULL, "When it was added." },
	END
};
static const struct message core_taint = { "io.k8s.api.core.v1.Taint", "Keeps pods away from a node that do not tolerate it.", core_taint_fields };

static const struct field core_config_map_node_config_source_fields[] = {
	{ "namespace", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "name", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "uid", STRING, 0, 3, NULL, NULL, "" },
	{ "resourceVersion", STRING, 0, 4, NULL, NULL, "" },
	{ "kubeletConfigKey", STRING, REQUIRED | POINTER, 5, NULL, NULL, "" },
	END
};
static const struct message core_config_map_node_config_source = { "io.k8s.api.core.v1.ConfigMapNodeConfigSource", "", core_config_map_node_config_source_fields };

static const struct field core_node_config_source_fields[] = {
	{ "configMap", OBJECT, POINTER, 2, &core_config_map_node_config_source, NULL, "" },
	END
};
static const struct message core_node_config_source = { "io.k8s.api.core.v1.NodeConfigSource", "", core_node_config_source_fields };

static const struct field core_node_spec_fields[] = {
	{ "podCIDR", STRING, 0, 1, NULL, NULL, "Range of addresses for the node's pods." },
	{ "podCIDRs", STRING, LIST | SET, 7, NULL, "", "Ranges of addresses for the node's pods, one a family; the first is podCIDR." },
	{ "providerID", STRING, 0, 3, NULL, NULL, "Name of the machine at its provider." },
	{ "unschedulable", BOOL, 0, 4, NULL, NULL, "Whether new pods stay away." },
	{ "taints", OBJECT, LIST, 5, &core_taint, NULL, "Taints of the node." },
	{ "configSource", OBJECT, POINTER, 6, &core_node_config_source, NULL, "" },
	{ "externalID", STRING, 0, 2, NULL, NULL, "" },
	END
};
static const struct message core_node_spec = { "io.k8s.api.core.v1.NodeSpec", "What is set for a Node.", core_node_spec_fields };

static const struct field core_node_condition_fields[] = {
	{ "type", STRING, REQUIRED | POINTER, 1, NULL, NULL, "Name of the aspect, as Ready." },
	{ "status", STRING, REQUIRED | POINTER, 2, NULL, NULL, "True, False or Unknown." },
	{ "lastHeartbeatTime", TIME, 0, 3, NULL, NULL, "When it was last looked at." },
	{ "lastTransitionTime", TIME, 0, 4, NULL, NULL, "When status last changed." },
	{ "reason", STRING, 0, 5, NULL, NULL, "Why, in one word for programs." },
	{ "message", STRING, 0, 6, NULL, NULL, "Why, in a sentence for people." },
	END
};
static const struct message core_node_condition = { "io.k8s.api.core.v1.NodeCondition", "One aspect of a Node's state.", core_node_condition_fields };

static const struct field core_node_address_fields[] = {
	{ "type", STRING, REQUIRED | POINTER, 1, NULL, NULL, "Hostname, InternalIP, ExternalIP, InternalDNS or ExternalDNS." },
	{ "address", STRING, REQUIRED | POINTER, 2, NULL, NULL, "The address." },
	END
};
static const struct message core_node_address = { "io.k8s.api.core.v1.NodeAddress", "One address of a Node.", core_node_address_fields };

static const struct field core_daemon_endpoint_fields[] = {
	{ "Port", INT32, REQUIRED | POINTER, 1, NULL, NULL, "" },
	END
};
static const struct message core_daemon_endpoint = { "io.k8s.api.core.v1.DaemonEndpoint", "", core_daemon_endpoint_fields };

static const struct field core_node_daemon_endpoints_fields[] = {
	{ "kubeletEndpoint", OBJECT, 0, 1, &core_daemon_endpoint, NULL, "" },
	END
};
static const struct message core_node_daemon_endpoints = { "io.k8s.api.core.v1.NodeDaemonEndpoints", "", core_node_daemon_endpoints_fields };

static const struct field core_node_swap_status_fields[] = {
	{ "capacity", INT64, POINTER, 1, NULL, NULL, "" },
	END
};
static const struct message core_node_swap_status = { "io.k8s.api.core.v1.NodeSwapStatus", "", core_node_swap_status_fields };

static const struct field core_node_system_info_fields[] = {
	{ "machineID", STRING, REQUIRED | POINTER, 1, NULL, NULL, "Id of the machine." },
	{ "systemUUID", STRING, REQUIRED | POINTER, 2, NULL, NULL, "UUID of the machine." },
	{ "bootID", STRING, REQUIRED | POINTER, 3, NULL, NULL, "Id of the boot." },
	{ "kernelVersion", STRING, REQUIRED | POINTER, 4, NULL, NULL, "Version of the kernel." },
	{ "osImage", STRING, REQUIRED | POINTER, 5, NULL, NULL, "Name of the operating system." },
	{ "containerRuntimeVersion", STRING, REQUIRED | POINTER, 6, NULL, NULL, "Name and version of the container runtime." },
	{ "kubeletVersion", STRING, REQUIRED | POINTER, 7, NULL, NULL, "Version of the node's agent." },
	{ "kubeProxyVersion", STRING, REQUIRED | POINTER, 8, NULL, NULL, "Version of the service proxy." },
	{ "operatingSystem", STRING, REQUIRED | POINTER, 9, NULL, NULL, "linux." },
	{ "architecture", STRING, REQUIRED | POINTER, 10, NULL, NULL, "As amd64 or arm64." },
	{ "swap", OBJECT, POINTER, 11, &core_node_swap_status, NULL, "" },
	END
};
static const struct message core_node_system_info = { "io.k8s.api.core.v1.NodeSystemInfo", "What a Node is made of.", core_node_system_info_fields };

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
	{ "capacity", QUANTITY, MAP, 1, NULL, NULL, "All resources of the node." },
	{ "allocatable", QUANTITY, MAP, 2, NULL, NULL, "Resources of the node that pods may use." },
	{ "phase", STRING, 0, 3, NULL, NULL, "Out of use." },
	{ "conditions", OBJECT, LIST, 4, &core_node_condition, "type", "Aspects of its state." },
	{ "addresses", OBJECT, LIST, 5, &core_node_address, "type", "Its addresses." },
	{ "daemonEndpoints", OBJECT, 0, 6, &core_node_daemon_endpoints, NULL, "Ports of its daemons." },
	{ "nodeInfo", OBJECT, 0, 7, &core_node_system_info, NULL, "What it is made of." },
	{ "images", OBJECT, LIST, 8, &core_container_image, NULL, "Container images that it has." },
	{ "volumesInUse", STRING, LIST, 9, NULL, NULL, "" },
	{ "volumesAttached", OBJECT, LIST, 10, &core_attached_volume, NULL, "" },
	{ "config", OBJECT, POINTER, 11, &core_node_config_status, NULL, "" },
	{ "runtimeHandlers", OBJECT, LIST, 12, &core_node_runtime_handler, NULL, "" },
	{ "features", OBJECT, POINTER, 13, &core_node_features, NULL, "" },
	END
};
static const struct message core_node_status = { "io.k8s.api.core.v1.NodeStatus", "The state of a Node.", core_node_status_fields };

static const struct field core_node_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "Name, namespace, labels and what the server keeps about the object." },
	{ "spec", OBJECT, 0, 2, &core_node_spec, NULL, "What is set for it." },
	{ "status", OBJECT, 0, 3, &core_node_status, NULL, "Its state." },
	END
};
const struct message core_node = { "io.k8s.api.core.v1.Node", "The machine that pods run on.", core_node_fields };

// clang-format on
