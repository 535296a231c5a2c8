/* fields_knetd.c - fields of knetd.io/v1alpha1. See fields.h. */
#include "fields_int.h"

// clang-format off
static const struct field knetd_address_pool_spec_fields[] = {
	{ "addresses", STRING, LIST, 0, NULL, NULL, "CIDRs (192.0.2.0/28), ranges (192.0.2.10-192.0.2.20) and single addresses to hand out from, of either family; may be left out with node." },
	{ "node", BOOL, 0, 0, NULL, NULL, "Hands out the node's own addresses (its InternalIPs) too, when no other is free: Services share them port by port, and nothing has to be announced." },
	{ "autoAssign", BOOL, 0, 0, NULL, NULL, "Whether a Service gets an address without asking for this pool; true when unset." },
	{ "avoidBuggyIPs", BOOL, 0, 0, NULL, NULL, "Leaves out IPv4 addresses that end in .0 and .255, which some old equipment refuses." },
	{ "namespaces", STRING, LIST | SET, 0, NULL, "", "Namespaces whose Services may use the pool; all when neither this nor namespaceSelector is set." },
	{ "namespaceSelector", OBJECT, ATOMIC, 0, &meta_label_selector, NULL, "Labels of the namespaces whose Services may use the pool." },
	{ "serviceSelector", OBJECT, ATOMIC, 0, &meta_label_selector, NULL, "Labels of the Services that may use the pool; all when unset." },
	{ "interfaces", STRING, LIST | SET, 0, NULL, "", "Links on which the addresses are announced; as [lb] announce says when unset." },
	{ "priority", INT32, 0, 0, NULL, NULL, "Of several pools that fit, the one with the lowest number is used first; 0, the last, when unset." },
	END
};
static const struct message knetd_address_pool_spec = { "io.knetd.v1alpha1.AddressPoolSpec", "What an AddressPool hands out, and to whom.", knetd_address_pool_spec_fields };

static const struct field knetd_address_pool_status_fields[] = {
	{ "assignedIPv4", INT64, 0, 0, NULL, NULL, "IPv4 addresses in use." },
	{ "assignedIPv6", INT64, 0, 0, NULL, NULL, "IPv6 addresses in use." },
	{ "availableIPv4", INT64, 0, 0, NULL, NULL, "IPv4 addresses that are free." },
	{ "availableIPv6", INT64, 0, 0, NULL, NULL, "IPv6 addresses that are free; no more than 2^63-1 is said." },
	END
};
static const struct message knetd_address_pool_status = { "io.knetd.v1alpha1.AddressPoolStatus", "How much of an AddressPool is in use.", knetd_address_pool_status_fields };

static const struct field knetd_address_pool_fields[] = {
	TYPE_META
	OBJECT_META
	{ "spec", OBJECT, REQUIRED, 0, &knetd_address_pool_spec, NULL, "What is handed out." },
	{ "status", OBJECT, 0, 0, &knetd_address_pool_status, NULL, "How much of it is in use." },
	END
};
const struct message knetd_address_pool = { "io.knetd.v1alpha1.AddressPool", "Addresses for Services of type LoadBalancer.", knetd_address_pool_fields };

static const struct field knetd_pod_ref_fields[] = {
	{ "namespace", STRING, 0, 0, NULL, NULL, "Its namespace." },
	{ "name", STRING, 0, 0, NULL, NULL, "Its name." },
	{ "uid", STRING, 0, 0, NULL, NULL, "Its uid, when the runtime said it." },
	END
};
static const struct message knetd_pod_ref = { "io.knetd.v1alpha1.PodReference", "Names a pod.", knetd_pod_ref_fields };

static const struct field knetd_host_port_fields[] = {
	{ "hostIP", STRING, 0, 0, NULL, NULL, "Address of the node; absent: each of them, 0.0.0.0 or ::, each of that family." },
	{ "hostPort", INT32, REQUIRED, 0, NULL, NULL, "Port on the node." },
	{ "containerPort", INT32, REQUIRED, 0, NULL, NULL, "Port in the pod." },
	{ "protocol", STRING, REQUIRED, 0, NULL, NULL, "TCP, UDP or SCTP." },
	END
};
static const struct message knetd_host_port = { "io.knetd.v1alpha1.HostPort", "A port of the node that leads to one of the pod.", knetd_host_port_fields };

static const struct field knetd_pod_network_spec_fields[] = {
	{ "containerID", STRING, REQUIRED, 0, NULL, NULL, "The container (sandbox) that the runtime named." },
	{ "netns", STRING, 0, 0, NULL, NULL, "Path of the pod's network namespace." },
	{ "ifName", STRING, REQUIRED, 0, NULL, NULL, "Name of the interface in the pod." },
	{ "network", STRING, REQUIRED, 0, NULL, NULL, "Name of the network in the CNI configuration." },
	{ "hostInterface", STRING, REQUIRED, 0, NULL, NULL, "Name of the other end, on the host." },
	{ "mac", STRING, 0, 0, NULL, NULL, "Hardware address in the pod." },
	{ "hostMac", STRING, 0, 0, NULL, NULL, "Hardware address on the host." },
	{ "defaultRoute", BOOL, 0, 0, NULL, NULL, "Whether the pod's default routes go through this interface." },
	{ "mtu", INT32, 0, 0, NULL, NULL, "Largest packet of the interface." },
	{ "hostPorts", OBJECT, LIST, 0, &knetd_host_port, NULL, "Ports of the node that lead to the pod." },
	{ "podRef", OBJECT, 0, 0, &knetd_pod_ref, NULL, "The pod it belongs to." },
	END
};
static const struct message knetd_pod_network_spec = { "io.knetd.v1alpha1.PodNetworkSpec", "What was attached.", knetd_pod_network_spec_fields };

static const struct field knetd_pod_network_status_fields[] = {
	{ "phase", STRING, 0, 0, NULL, NULL, "Attached." },
	{ "ips", STRING, LIST, 0, NULL, NULL, "Addresses of the pod on this interface." },
	{ "conditions", OBJECT, LIST, 0, &meta_condition, "type", "Ready: everything is in force." },
	END
};
static const struct message knetd_pod_network_status = { "io.knetd.v1alpha1.PodNetworkStatus", "The state of an attachment.", knetd_pod_network_status_fields };

static const struct field knetd_pod_network_fields[] = {
	TYPE_META
	OBJECT_META
	{ "spec", OBJECT, 0, 0, &knetd_pod_network_spec, NULL, "What was attached." },
	{ "status", OBJECT, 0, 0, &knetd_pod_network_status, NULL, "Its state." },
	END
};
const struct message knetd_pod_network = { "io.knetd.v1alpha1.PodNetwork", "One attachment of a container to the network; written by knetd alone.", knetd_pod_network_fields };

// clang-format on
