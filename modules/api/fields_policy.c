/* fields_policy.c - fields of policy.networking.k8s.io, as of network-policy-api 0.3 with its
 * experimental channel; v1alpha2 and v1beta1 are the same. See fields.h. */
#include "fields_int.h"

// clang-format off
static const struct field policy_port_range_fields[] = {
	{ "start", INT32, REQUIRED, 0, NULL, NULL, "First port." },
	{ "end", INT32, REQUIRED, 0, NULL, NULL, "Last port; greater than start." },
	END
};
static const struct message policy_port_range = { "io.k8s.networking.policy.PortRange", "A range of ports.", policy_port_range_fields };

static const struct field policy_port_fields[] = {
	{ "number", INT32, 0, 0, NULL, NULL, "One port." },
	{ "range", OBJECT, 0, 0, &policy_port_range, NULL, "Ports from start to end." },
	END
};
static const struct message policy_port = { "io.k8s.networking.policy.Port", "A port or a range of them: one of the two.", policy_port_fields };

static const struct field policy_transport_fields[] = {
	{ "destinationPort", OBJECT, 0, 0, &policy_port, NULL, "Ports that the traffic goes to." },
	END
};
static const struct message policy_transport = { "io.k8s.networking.policy.ClusterNetworkPolicyProtocolPorts", "Ports of one protocol.", policy_transport_fields };

static const struct field policy_protocol_fields[] = {
	{ "tcp", OBJECT, 0, 0, &policy_transport, NULL, "TCP to these ports." },
	{ "udp", OBJECT, 0, 0, &policy_transport, NULL, "UDP to these ports." },
	{ "sctp", OBJECT, 0, 0, &policy_transport, NULL, "SCTP to these ports." },
	{ "destinationNamedPort", STRING, 0, 0, NULL, NULL, "The port that containers of the pod give this name; of whatever protocol it has there." },
	END
};
static const struct message policy_protocol = { "io.k8s.networking.policy.ClusterNetworkPolicyProtocol", "A protocol and its ports: one of these.", policy_protocol_fields };

static const struct field policy_pods_fields[] = {
	{ "namespaceSelector", OBJECT, ATOMIC, 0, &meta_label_selector, NULL, "Labels of their namespaces; of all when empty." },
	{ "podSelector", OBJECT, ATOMIC | REQUIRED, 0, &meta_label_selector, NULL, "Labels of the pods; all of the namespaces when empty." },
	END
};
static const struct message policy_pods = { "io.k8s.networking.policy.NamespacedPod", "Pods by their labels and those of their namespaces.", policy_pods_fields };

static const struct field policy_subject_fields[] = {
	{ "namespaces", OBJECT, ATOMIC, 0, &meta_label_selector, NULL, "All pods of namespaces with these labels." },
	{ "pods", OBJECT, 0, 0, &policy_pods, NULL, "Pods with these labels." },
	END
};
static const struct message policy_subject = { "io.k8s.networking.policy.ClusterNetworkPolicySubject", "The pods that a policy is for: one of the two. Pods of the host network are never among them.", policy_subject_fields };

static const struct field policy_ingress_peer_fields[] = {
	{ "namespaces", OBJECT, ATOMIC, 0, &meta_label_selector, NULL, "All pods of namespaces with these labels." },
	{ "pods", OBJECT, 0, 0, &policy_pods, NULL, "Pods with these labels." },
	END
};
static const struct message policy_ingress_peer = { "io.k8s.networking.policy.ClusterNetworkPolicyIngressPeer", "Who sends: one of these.", policy_ingress_peer_fields };

static const struct field policy_egress_peer_fields[] = {
	{ "namespaces", OBJECT, ATOMIC, 0, &meta_label_selector, NULL, "All pods of namespaces with these labels." },
	{ "pods", OBJECT, 0, 0, &policy_pods, NULL, "Pods with these labels." },
	{ "nodes", OBJECT, ATOMIC, 0, &meta_label_selector, NULL, "Addresses of nodes with these labels." },
	{ "networks", STRING, LIST | SET, 0, NULL, "", "Ranges of addresses (10.0.0.0/8); those of pods are not left out." },
	{ "domainNames", STRING, LIST | SET, 0, NULL, "", "Domain names. Not implemented: a rule with them accepts nothing." },
	END
};
static const struct message policy_egress_peer = { "io.k8s.networking.policy.ClusterNetworkPolicyEgressPeer", "Who is sent to: one of these.", policy_egress_peer_fields };

static const struct field policy_ingress_rule_fields[] = {
	{ "name", STRING, 0, 0, NULL, NULL, "Name of the rule, for people." },
	{ "action", STRING, REQUIRED, 0, NULL, NULL, "Accept or Deny, which is the last word; or Pass: the next tier decides." },
	{ "from", OBJECT, LIST | REQUIRED, 0, &policy_ingress_peer, NULL, "Who sends." },
	{ "protocols", OBJECT, LIST, 0, &policy_protocol, NULL, "Protocols and ports; all when unset." },
	END
};
static const struct message policy_ingress_rule = { "io.k8s.networking.policy.ClusterNetworkPolicyIngressRule", "What becomes of some traffic to the pods. The first rule that fits decides.", policy_ingress_rule_fields };

static const struct field policy_egress_rule_fields[] = {
	{ "name", STRING, 0, 0, NULL, NULL, "Name of the rule, for people." },
	{ "action", STRING, REQUIRED, 0, NULL, NULL, "Accept or Deny, which is the last word; or Pass: the next tier decides." },
	{ "to", OBJECT, LIST | REQUIRED, 0, &policy_egress_peer, NULL, "Who is sent to." },
	{ "protocols", OBJECT, LIST, 0, &policy_protocol, NULL, "Protocols and ports; all when unset." },
	END
};
static const struct message policy_egress_rule = { "io.k8s.networking.policy.ClusterNetworkPolicyEgressRule", "What becomes of some traffic of the pods. The first rule that fits decides.", policy_egress_rule_fields };

static const struct field policy_cluster_network_policy_spec_fields[] = {
	{ "tier", STRING, REQUIRED, 0, NULL, NULL, "Admin, judged before every NetworkPolicy, or Baseline, judged where none is for the pod." },
	{ "priority", INT32, REQUIRED, 0, NULL, NULL, "0 to 1000: of one tier the lowest is judged first." },
	{ "subject", OBJECT, REQUIRED, 0, &policy_subject, NULL, "The pods that it is for." },
	{ "ingress", OBJECT, LIST, 0, &policy_ingress_rule, NULL, "Rules for traffic to the pods, in their order." },
	{ "egress", OBJECT, LIST, 0, &policy_egress_rule, NULL, "Rules for traffic of the pods, in their order." },
	END
};
static const struct message policy_cluster_network_policy_spec = { "io.k8s.networking.policy.ClusterNetworkPolicySpec", "What a ClusterNetworkPolicy says, and of which pods.", policy_cluster_network_policy_spec_fields };

static const struct field policy_cluster_network_policy_status_fields[] = {
	{ "conditions", OBJECT, LIST, 0, &meta_condition, "type", "Whether the policy is accepted, and why not." },
	END
};
static const struct message policy_cluster_network_policy_status = { "io.k8s.networking.policy.ClusterNetworkPolicyStatus", "What is found of a ClusterNetworkPolicy.", policy_cluster_network_policy_status_fields };

static const struct field policy_cluster_network_policy_fields[] = {
	TYPE_META
	OBJECT_META
	{ "spec", OBJECT, REQUIRED, 0, &policy_cluster_network_policy_spec, NULL, "What it says." },
	{ "status", OBJECT, 0, 0, &policy_cluster_network_policy_status, NULL, "What is found of it." },
	END
};
const struct message policy_cluster_network_policy = { "io.k8s.networking.policy.ClusterNetworkPolicy", "Rules of who runs the cluster for the traffic of pods, before and behind NetworkPolicies.", policy_cluster_network_policy_fields };

// clang-format on
