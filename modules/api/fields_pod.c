/* fields_pod.c - fields of Pod (k8s.io/api/core/v1). See fields.h. */
#include "fields_int.h"

// clang-format off
static const struct field core_container_port_fields[] = {
	{ "name", STRING, 0, 1, NULL, NULL, "Name of the port, which Services and policies may use." },
	{ "hostPort", INT32, 0, 2, NULL, NULL, "Port of the node that leads to it." },
	{ "containerPort", INT32, REQUIRED | POINTER, 3, NULL, NULL, "The port." },
	{ "protocol", STRING, 0, 4, NULL, NULL, "TCP, UDP or SCTP; TCP when unset." },
	{ "hostIP", STRING, 0, 5, NULL, NULL, "Address of the node for hostPort; all when unset." },
	END
};
static const struct message core_container_port = { "io.k8s.api.core.v1.ContainerPort", "A port that a container listens on.", core_container_port_fields };

static const struct field core_config_map_env_source_fields[] = {
	{ "", OBJECT, EMBEDDED | ATOMIC, 1, &core_local_object_reference, NULL, "" },
	{ "optional", BOOL, POINTER, 2, NULL, NULL, "" },
	END
};
static const struct message core_config_map_env_source = { "io.k8s.api.core.v1.ConfigMapEnvSource", "", core_config_map_env_source_fields };

static const struct field core_secret_env_source_fields[] = {
	{ "", OBJECT, EMBEDDED | ATOMIC, 1, &core_local_object_reference, NULL, "" },
	{ "optional", BOOL, POINTER, 2, NULL, NULL, "" },
	END
};
static const struct message core_secret_env_source = { "io.k8s.api.core.v1.SecretEnvSource", "", core_secret_env_source_fields };

static const struct field core_env_from_source_fields[] = {
	{ "prefix", STRING, 0, 1, NULL, NULL, "" },
	{ "configMapRef", OBJECT, POINTER, 2, &core_config_map_env_source, NULL, "" },
	{ "secretRef", OBJECT, POINTER, 3, &core_secret_env_source, NULL, "" },
	END
};
static const struct message core_env_from_source = { "io.k8s.api.core.v1.EnvFromSource", "", core_env_from_source_fields };

static const struct field core_config_map_key_selector_fields[] = {
	{ "", OBJECT, EMBEDDED | ATOMIC, 1, &core_local_object_reference, NULL, "" },
	{ "key", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "optional", BOOL, POINTER, 3, NULL, NULL, "" },
	END
};
static const struct message core_config_map_key_selector = { "io.k8s.api.core.v1.ConfigMapKeySelector", "", core_config_map_key_selector_fields };

static const struct field core_secret_key_selector_fields[] = {
	{ "", OBJECT, EMBEDDED | ATOMIC, 1, &core_local_object_reference, NULL, "" },
	{ "key", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "optional", BOOL, POINTER, 3, NULL, NULL, "" },
	END
};
static const struct message core_secret_key_selector = { "io.k8s.api.core.v1.SecretKeySelector", "", core_secret_key_selector_fields };

static const struct field core_file_key_selector_fields[] = {
	{ "volumeName", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "path", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "key", STRING, REQUIRED | POINTER, 3, NULL, NULL, "" },
	{ "optional", BOOL, POINTER, 4, NULL, NULL, "" },
	END
};
static const struct message core_file_key_selector = { "io.k8s.api.core.v1.FileKeySelector", "", core_file_key_selector_fields };

static const struct field core_env_var_source_fields[] = {
	{ "fieldRef", OBJECT, POINTER | ATOMIC, 1, &core_object_field_selector, NULL, "" },
	{ "resourceFieldRef", OBJECT, POINTER | ATOMIC, 2, &core_resource_field_selector, NULL, "" },
	{ "configMapKeyRef", OBJECT, POINTER | ATOMIC, 3, &core_config_map_key_selector, NULL, "" },
	{ "secretKeyRef", OBJECT, POINTER | ATOMIC, 4, &core_secret_key_selector, NULL, "" },
	{ "fileKeyRef", OBJECT, POINTER | ATOMIC, 5, &core_file_key_selector, NULL, "" },
	END
};
static const struct message core_env_var_source = { "io.k8s.api.core.v1.EnvVarSource", "", core_env_var_source_fields };

static const struct field core_env_var_fields[] = {
	{ "name", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "value", STRING, 0, 2, NULL, NULL, "" },
	{ "valueFrom", OBJECT, POINTER, 3, &core_env_var_source, NULL, "" },
	END
};
static const struct message core_env_var = { "io.k8s.api.core.v1.EnvVar", "", core_env_var_fields };

static const struct field core_resource_claim_fields[] = {
	{ "name", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "request", STRING, 0, 2, NULL, NULL, "" },
	END
};
static const struct message core_resource_claim = { "io.k8s.api.core.v1.ResourceClaim", "", core_resource_claim_fields };

static const struct field core_resource_requirements_fields[] = {
	{ "limits", QUANTITY, MAP, 1, NULL, NULL, "" },
	{ "requests", QUANTITY, MAP, 2, NULL, NULL, "" },
	{ "claims", OBJECT, LIST, 3, &core_resource_claim, "name", "" },
	END
};
static const struct message core_resource_requirements = { "io.k8s.api.core.v1.ResourceRequirements", "", core_resource_requirements_fields };

static const struct field core_container_resize_policy_fields[] = {
	{ "resourceName", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "restartPolicy", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	END
};
static const struct message core_container_resize_policy = { "io.k8s.api.core.v1.ContainerResizePolicy", "", core_container_resize_policy_fields };

static const struct field core_volume_mount_fields[] = {
	{ "name", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "readOnly", BOOL, 0, 2, NULL, NULL, "" },
	{ "recursiveReadOnly", STRING, POINTER, 7, NULL, NULL, "" },
	{ "mountPath", STRING, REQUIRED | POINTER, 3, NULL, NULL, "" },
	{ "subPath", STRING, 0, 4, NULL, NULL, "" },
	{ "mountPropagation", STRING, POINTER, 5, NULL, NULL, "" },
	{ "subPathExpr", STRING, 0, 6, NULL, NULL, "" },
	END
};
static const struct message core_volume_mount = { "io.k8s.api.core.v1.VolumeMount", "", core_volume_mount_fields };

static const struct field core_volume_device_fields[] = {
	{ "name", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "devicePath", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	END
};
static const struct message core_volume_device = { "io.k8s.api.core.v1.VolumeDevice", "", core_volume_device_fields };

static const struct field core_exec_action_fields[] = {
	{ "command", STRING, LIST, 1, NULL, NULL, "" },
	END
};
static const struct message core_exec_action = { "io.k8s.api.core.v1.ExecAction", "", core_exec_action_fields };

static const struct field core_http_header_fields[] = {
	{ "name", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "value", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	END
};
static const struct message core_http_header = { "io.k8s.api.core.v1.HTTPHeader", "", core_http_header_fields };

static const struct field core_http_get_action_fields[] = {
	{ "path", STRING, 0, 1, NULL, NULL, "" },
	{ "port", INT_OR_STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "host", STRING, 0, 3, NULL, NULL, "" },
	{ "scheme", STRING, 0, 4, NULL, NULL, "" },
	{ "httpHeaders", OBJECT, LIST, 5, &core_http_header, NULL, "" },
	END
};
static const struct message core_http_get_action = { "io.k8s.api.core.v1.HTTPGetAction", "", core_http_get_action_fields };

static const struct field core_tcp_socket_action_fields[] = {
	{ "port", INT_OR_STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "host", STRING, 0, 2, NULL, NULL, "" },
	END
};
static const struct message core_tcp_socket_action = { "io.k8s.api.core.v1.TCPSocketAction", "", core_tcp_socket_action_fields };

static const struct field core_grpc_action_fields[] = {
	{ "port", INT32, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "service", STRING, POINTER, 2, NULL, NULL, "" },
	END
};
static const struct message core_grpc_action = { "io.k8s.api.core.v1.GRPCAction", "", core_grpc_action_fields };

static const struct field core_probe_handler_fields[] = {
	{ "exec", OBJECT, POINTER, 1, &core_exec_action, NULL, "" },
	{ "httpGet", OBJECT, POINTER, 2, &core_http_get_action, NULL, "" },
	{ "tcpSocket", OBJECT, POINTER, 3, &core_tcp_socket_action, NULL, "" },
	{ "grpc", OBJECT, POINTER, 4, &core_grpc_action, NULL, "" },
	END
};
static const struct message core_probe_handler = { "io.k8s.api.core.v1.ProbeHandler", "", core_probe_handler_fields };

static const struct field core_probe_fields[] = {
	{ "", OBJECT, EMBEDDED, 1, &core_probe_handler, NULL, "" },
	{ "initialDelaySeconds", INT32, 0, 2, NULL, NULL, "" },
	{ "timeoutSeconds", INT32, 0, 3, NULL, NULL, "" },
	{ "periodSeconds", INT32, 0, 4, NULL, NULL, "" },
	{ "successThreshold", INT32, 0, 5, NULL, NULL, "" },
	{ "failureThreshold", INT32, 0, 6, NULL, NULL, "" },
	{ "terminationGracePeriodSeconds", INT64, POINTER, 7, NULL, NULL, "" },
	END
};
static const struct message core_probe = { "io.k8s.api.core.v1.Probe", "", core_probe_fields };

static const struct field core_sleep_action_fields[] = {
	{ "seconds", INT32, REQUIRED | POINTER, 1, NULL, NULL, "" },
	END
};
static const struct message core_sleep_action = { "io.k8s.api.core.v1.SleepAction", "", core_sleep_action_fields };

static const struct field core_lifecycle_handler_fields[] = {
	{ "exec", OBJECT, POINTER, 1, &core_exec_action, NULL, "" },
	{ "httpGet", OBJECT, POINTER, 2, &core_http_get_action, NULL, "" },
	{ "tcpSocket", OBJECT, POINTER, 3, &core_tcp_socket_action, NULL, "" },
	{ "sleep", OBJECT, POINTER, 4, &core_sleep_action, NULL, "" },
	END
};
static const struct message core_lifecycle_handler = { "io.k8s.api.core.v1.LifecycleHandler", "", core_lifecycle_handler_fields };

static const struct field core_lifecycle_fields[] = {
	{ "postStart", OBJECT, POINTER, 1, &core_lifecycle_handler, NULL, "" },
	{ "preStop", OBJECT, POINTER, 2, &core_lifecycle_handler, NULL, "" },
	{ "stopSignal", STRING, POINTER, 3, NULL, NULL, "" },
	END
};
static const struct message core_lifecycle = { "io.k8s.api.core.v1.Lifecycle", "", core_lifecycle_fields };

static const struct field core_capabilities_fields[] = {
	{ "add", STRING, LIST, 1, NULL, NULL, "" },
	{ "drop", STRING, LIST, 2, NULL, NULL, "" },
	END
};
static const struct message core_capabilities = { "io.k8s.api.core.v1.Capabilities", "", core_capabilities_fields };

static const struct field core_se_linux_options_fields[] = {
	{ "user", STRING, 0, 1, NULL, NULL, "" },
	{ "role", STRING, 0, 2, NULL, NULL, "" },
	{ "type", STRING, 0, 3, NULL, NULL, "" },
	{ "level", STRING, 0, 4, NULL, NULL, "" },
	END
};
static const struct message core_se_linux_options = { "io.k8s.api.core.v1.SELinuxOptions", "", core_se_linux_options_fields };

static const struct field core_windows_security_context_options_fields[] = {
	{ "gmsaCredentialSpecName", STRING, POINTER, 1, NULL, NULL, "" },
	{ "gmsaCredentialSpec", STRING, POINTER, 2, NULL, NULL, "" },
	{ "runAsUserName", STRING, POINTER, 3, NULL, NULL, "" },
	{ "hostProcess", BOOL, POINTER, 4, NULL, NULL, "" },
	END
};
static const struct message core_windows_security_context_options = { "io.k8s.api.core.v1.WindowsSecurityContextOptions", "", core_windows_security_context_options_fields };

static const struct field core_seccomp_profile_fields[] = {
	{ "type", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "localhostProfile", STRING, POINTER, 2, NULL, NULL, "" },
	END
};
static const struct message core_seccomp_profile = { "io.k8s.api.core.v1.SeccompProfile", "", core_seccomp_profile_fields };

static const struct field core_app_armor_profile_fields[] = {
	{ "type", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "localhostProfile", STRING, POINTER, 2, NULL, NULL, "" },
	END
};
static const struct message core_app_armor_profile = { "io.k8s.api.core.v1.AppArmorProfile", "", core_app_armor_profile_fields };

static const struct field core_security_context_fields[] = {
	{ "capabilities", OBJECT, POINTER, 1, &core_capabilities, NULL, "" },
	{ "privileged", BOOL, POINTER, 2, NULL, NULL, "" },
	{ "seLinuxOptions", OBJECT, POINTER, 3, &core_se_linux_options, NULL, "" },
	{ "windowsOptions", OBJECT, POINTER, 10, &core_windows_security_context_options, NULL, "" },
	{ "runAsUser", INT64, POINTER, 4, NULL, NULL, "" },
	{ "runAsGroup", INT64, POINTER, 8, NULL, NULL, "" },
	{ "runAsNonRoot", BOOL, POINTER, 5, NULL, NULL, "" },
	{ "readOnlyRootFilesystem", BOOL, POINTER, 6, NULL, NULL, "" },
	{ "allowPrivilegeEscalation", BOOL, POINTER, 7, NULL, NULL, "" },
	{ "procMount", STRING, POINTER, 9, NULL, NULL, "" },
	{ "seccompProfile", OBJECT, POINTER, 11, &core_seccomp_profile, NULL, "" },
	{ "appArmorProfile", OBJECT, POINTER, 12, &core_app_armor_profile, NULL, "" },
	END
};
static const struct message core_security_context = { "io.k8s.api.core.v1.SecurityContext", "", core_security_context_fields };

static const struct field core_container_restart_rule_on_exit_codes_fields[] = {
	{ "operator", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "values", INT32, LIST | SET, 2, NULL, "", "" },
	END
};
static const struct message core_container_restart_rule_on_exit_codes = { "io.k8s.api.core.v1.ContainerRestartRuleOnExitCodes", "", core_container_restart_rule_on_exit_codes_fields };

static const struct field core_container_restart_rule_fields[] = {
	{ "action", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "exitCodes", OBJECT, POINTER, 2, &core_container_restart_rule_on_exit_codes, NULL, "" },
	END
};
static const struct message core_container_restart_rule = { "io.k8s.api.core.v1.ContainerRestartRule", "", core_container_restart_rule_fields };

static const struct field core_container_fields[] = {
	{ "name", STRING, REQUIRED | POINTER, 1, NULL, NULL, "Name of the container, unique in the pod." },
	{ "image", STRING, 0, 2, NULL, NULL, "Image it is made of." },
	{ "command", STRING, LIST, 3, NULL, NULL, "What it runs, in place of what the image says." },
	{ "args", STRING, LIST, 4, NULL, NULL, "Arguments of what it runs." },
	{ "workingDir", STRING, 0, 5, NULL, NULL, "" },
	{ "ports", OBJECT, LIST, 6, &core_container_port, "containerPort,protocol", "Ports it listens on; others can be reached as well." },
	{ "envFrom", OBJECT, LIST, 19, &core_env_from_source, NULL, "" },
	{ "env", OBJECT, LIST, 7, &core_env_var, "name", "" },
	{ "resources", OBJECT, 0, 8, &core_resource_requirements, NULL, "" },
	{ "resizePolicy", OBJECT, LIST, 23, &core_container_resize_policy, NULL, "" },
	{ "restartPolicy", STRING, POINTER, 24, NULL, NULL, "" },
	{ "restartPolicyRules", OBJECT, LIST, 25, &core_container_restart_rule, NULL, "" },
	{ "volumeMounts", OBJECT, LIST, 9, &core_volume_mount, "mountPath", "" },
	{ "volumeDevices", OBJECT, LIST, 21, &core_volume_device, "devicePath", "" },
	{ "livenessProbe", OBJECT, POINTER, 10, &core_probe, NULL, "How to find out whether it is to be restarted; done by the kubelet, not by knetd." },
	{ "readinessProbe", OBJECT, POINTER, 11, &core_probe, NULL, "How to find out whether it may get traffic; done by the kubelet, not by knetd." },
	{ "startupProbe", OBJECT, POINTER, 22, &core_probe, NULL, "" },
	{ "lifecycle", OBJECT, POINTER, 12, &core_lifecycle, NULL, "" },
	{ "terminationMessagePath", STRING, 0, 13, NULL, NULL, "" },
	{ "terminationMessagePolicy", STRING, 0, 20, NULL, NULL, "" },
	{ "imagePullPolicy", STRING, 0, 14, NULL, NULL, "" },
	{ "securityContext", OBJECT, POINTER, 15, &core_security_context, NULL, "" },
	{ "stdin", BOOL, 0, 16, NULL, NULL, "" },
	{ "stdinOnce", BOOL, 0, 17, NULL, NULL, "" },
	{ "tty", BOOL, 0, 18, NULL, NULL, "" },
	END
};
static const struct message core_container = { "io.k8s.api.core.v1.Container", "A container of a pod; knetd looks at its name and ports.", core_container_fields };

static const struct field core_ephemeral_container_common_fields[] = {
	{ "name", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "image", STRING, 0, 2, NULL, NULL, "" },
	{ "command", STRING, LIST, 3, NULL, NULL, "" },
	{ "args", STRING, LIST, 4, NULL, NULL, "" },
	{ "workingDir", STRING, 0, 5, NULL, NULL, "" },
	{ "ports", OBJECT, LIST, 6, &core_container_port, "containerPort,protocol", "" },
	{ "envFrom", OBJECT, LIST, 19, &core_env_from_source, NULL, "" },
	{ "env", OBJECT, LIST, 7, &core_env_var, "name", "" },
	{ "resources", OBJECT, 0, 8, &core_resource_requirements, NULL, "" },
	{ "resizePolicy", OBJECT, LIST, 23, &core_container_resize_policy, NULL, "" },
	{ "restartPolicy", STRING, POINTER, 24, NULL, NULL, "" },
	{ "restartPolicyRules", OBJECT, LIST, 25, &core_container_restart_rule, NULL, "" },
	{ "volumeMounts", OBJECT, LIST, 9, &core_volume_mount, "mountPath", "" },
	{ "volumeDevices", OBJECT, LIST, 21, &core_volume_device, "devicePath", "" },
	{ "livenessProbe", OBJECT, POINTER, 10, &core_probe, NULL, "" },
	{ "readinessProbe", OBJECT, POINTER, 11, &core_probe, NULL, "" },
	{ "startupProbe", OBJECT, POINTER, 22, &core_probe, NULL, "" },
	{ "lifecycle", OBJECT, POINTER, 12, &core_lifecycle, NULL, "" },
	{ "terminationMessagePath", STRING, 0, 13, NULL, NULL, "" },
	{ "terminationMessagePolicy", STRING, 0, 20, NULL, NULL, "" },
	{ "imagePullPolicy", STRING, 0, 14, NULL, NULL, "" },
	{ "securityContext", OBJECT, POINTER, 15, &core_security_context, NULL, "" },
	{ "stdin", BOOL, 0, 16, NULL, NULL, "" },
	{ "stdinOnce", BOOL, 0, 17, NULL, NULL, "" },
	{ "tty", BOOL, 0, 18, NULL, NULL, "" },
	END
};
static const struct message core_ephemeral_container_common = { "io.k8s.api.core.v1.EphemeralContainerCommon", "", core_ephemeral_container_common_fields };

static const struct field core_ephemeral_container_fields[] = {
	{ "", OBJECT, EMBEDDED, 1, &core_ephemeral_container_common, NULL, "" },
	{ "targetContainerName", STRING, 0, 2, NULL, NULL, "" },
	END
};
static const struct message core_ephemeral_container = { "io.k8s.api.core.v1.EphemeralContainer", "", core_ephemeral_container_fields };

static const struct field core_sysctl_fields[] = {
	{ "name", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "value", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	END
};
static const struct message core_sysctl = { "io.k8s.api.core.v1.Sysctl", "", core_sysctl_fields };

static const struct field core_pod_security_context_fields[] = {
	{ "seLinuxOptions", OBJECT, POINTER, 1, &core_se_linux_options, NULL, "" },
	{ "windowsOptions", OBJECT, POINTER, 8, &core_windows_security_context_options, NULL, "" },
	{ "runAsUser", INT64, POINTER, 2, NULL, NULL, "" },
	{ "runAsGroup", INT64, POINTER, 6, NULL, NULL, "" },
	{ "runAsNonRoot", BOOL, POINTER, 3, NULL, NULL, "" },
	{ "supplementalGroups", INT64, LIST, 4, NULL, NULL, "" },
	{ "supplementalGroupsPolicy", STRING, POINTER, 12, NULL, NULL, "" },
	{ "fsGroup", INT64, POINTER, 5, NULL, NULL, "" },
	{ "sysctls", OBJECT, LIST, 7, &core_sysctl, NULL, "" },
	{ "fsGroupChangePolicy", STRING, POINTER, 9, NULL, NULL, "" },
	{ "seccompProfile", OBJECT, POINTER, 10, &core_seccomp_profile, NULL, "" },
	{ "appArmorProfile", OBJECT, POINTER, 11, &core_app_armor_profile, NULL, "" },
	{ "seLinuxChangePolicy", STRING, POINTER, 13, NULL, NULL, "" },
	END
};
static const struct message core_pod_security_context = { "io.k8s.api.core.v1.PodSecurityContext", "", core_pod_security_context_fields };

static const struct field core_node_selector_requirement_fields[] = {
	{ "key", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "operator", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "values", STRING, LIST, 3, NULL, NULL, "" },
	END
};
static const struct message core_node_selector_requirement = { "io.k8s.api.core.v1.NodeSelectorRequirement", "", core_node_selector_requirement_fields };

static const struct field core_node_selector_term_fields[] = {
	{ "matchExpressions", OBJECT, LIST, 1, &core_node_selector_requirement, NULL, "" },
	{ "matchFields", OBJECT, LIST, 2, &core_node_selector_requirement, NULL, "" },
	END
};
static const struct message core_node_selector_term = { "io.k8s.api.core.v1.NodeSelectorTerm", "", core_node_selector_term_fields };

static const struct field core_node_selector_fields[] = {
	{ "nodeSelectorTerms", OBJECT, LIST | REQUIRED | POINTER, 1, &core_node_selector_term, NULL, "" },
	END
};
static const struct message core_node_selector = { "io.k8s.api.core.v1.NodeSelector", "", core_node_selector_fields };

static const struct field core_preferred_scheduling_term_fields[] = {
	{ "weight", INT32, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "preference", OBJECT, REQUIRED | POINTER | ATOMIC, 2, &core_node_selector_term, NULL, "" },
	END
};
static const struct message core_preferred_scheduling_term = { "io.k8s.api.core.v1.PreferredSchedulingTerm", "", core_preferred_scheduling_term_fields };

static const struct field core_node_affinity_fields[] = {
	{ "requiredDuringSchedulingIgnoredDuringExecution", OBJECT, POINTER | ATOMIC, 1, &core_node_selector, NULL, "" },
	{ "preferredDuringSchedulingIgnoredDuringExecution", OBJECT, LIST, 2, &core_preferred_scheduling_term, NULL, "" },
	END
};
static const struct message core_node_affinity = { "io.k8s.api.core.v1.NodeAffinity", "", core_node_affinity_fields };

static const struct field core_pod_affinity_term_fields[] = {
	{ "labelSelector", OBJECT, POINTER | ATOMIC, 1, &meta_label_selector, NULL, "" },
	{ "namespaces", STRING, LIST, 2, NULL, NULL, "" },
	{ "topologyKey", STRING, REQUIRED | POINTER, 3, NULL, NULL, "" },
	{ "namespaceSelector", OBJECT, POINTER | ATOMIC, 4, &meta_label_selector, NULL, "" },
	{ "matchLabelKeys", STRING, LIST, 5, NULL, NULL, "" },
	{ "mismatchLabelKeys", STRING, LIST, 6, NULL, NULL, "" },
	END
};
static const struct message core_pod_affinity_term = { "io.k8s.api.core.v1.PodAffinityTerm", "", core_pod_affinity_term_fields };

static const struct field core_weighted_pod_affinity_term_fields[] = {
	{ "weight", INT32, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "podAffinityTerm", OBJECT, REQUIRED | POINTER, 2, &core_pod_affinity_term, NULL, "" },
	END
};
static const struct message core_weighted_pod_affinity_term = { "io.k8s.api.core.v1.WeightedPodAffinityTerm", "", core_weighted_pod_affinity_term_fields };

static const struct field core_pod_affinity_fields[] = {
	{ "requiredDuringSchedulingIgnoredDuringExecution", OBJECT, LIST, 1, &core_pod_affinity_term, NULL, "" },
	{ "preferredDuringSchedulingIgnoredDuringExecution", OBJECT, LIST, 2, &core_weighted_pod_affinity_term, NULL, "" },
	END
};
static const struct message core_pod_affinity = { "io.k8s.api.core.v1.PodAffinity", "", core_pod_affinity_fields };

static const struct field core_pod_anti_affinity_fields[] = {
	{ "requiredDuringSchedulingIgnoredDuringExecution", OBJECT, LIST, 1, &core_pod_affinity_term, NULL, "" },
	{ "preferredDuringSchedulingIgnoredDuringExecution", OBJECT, LIST, 2, &core_weighted_pod_affinity_term, NULL, "" },
	END
};
static const struct message core_pod_anti_affinity = { "io.k8s.api.core.v1.PodAntiAffinity", "", core_pod_anti_affinity_fields };

static const struct field core_affinity_fields[] = {
	{ "nodeAffinity", OBJECT, POINTER, 1, &core_node_affinity, NULL, "" },
	{ "podAffinity", OBJECT, POINTER, 2, &core_pod_affinity, NULL, "" },
	{ "podAntiAffinity", OBJECT, POINTER, 3, &core_pod_anti_affinity, NULL, "" },
	END
};
static const struct message core_affinity = { "io.k8s.api.core.v1.Affinity", "", core_affinity_fields };

static const struct field core_toleration_fields[] = {
	{ "key", STRING, 0, 1, NULL, NULL, "" },
	{ "operator", STRING, 0, 2, NULL, NULL, "" },
	{ "value", STRING, 0, 3, NULL, NULL, "" },
	{ "effect", STRING, 0, 4, NULL, NULL, "" },
	{ "tolerationSeconds", INT64, POINTER, 5, NULL, NULL, "" },
	END
};
static const struct message core_toleration = { "io.k8s.api.core.v1.Toleration", "", core_toleration_fields };

static const struct field core_host_alias_fields[] = {
	{ "ip", STRING, REQUIRED | POINTER, 1, NULL, NULL, "The address." },
	{ "hostnames", STRING, LIST, 2, NULL, NULL, "Its names." },
	END
};
static const struct message core_host_alias = { "io.k8s.api.core.v1.HostAlias", "Names for an address in the pod's hosts file.", core_host_alias_fields };

static const struct field core_pod_dns_config_option_fields[] = {
	{ "name", STRING, 0, 1, NULL, NULL, "" },
	{ "value", STRING, POINTER, 2, NULL, NULL, "" },
	END
};
static const struct message core_pod_dns_config_option = { "io.k8s.api.core.v1.PodDNSConfigOption", "", core_pod_dns_config_option_fields };

static const struct field core_pod_dns_config_fields[] = {
	{ "nameservers", STRING, LIST, 1, NULL, NULL, "Further name servers." },
	{ "searches", STRING, LIST, 2, NULL, NULL, "Further search domains." },
	{ "options", OBJECT, LIST, 3, &core_pod_dns_config_option, NULL, "Further resolver options." },
	END
};
static const struct message core_pod_dns_config = { "io.k8s.api.core.v1.PodDNSConfig", "DNS settings of a pod.", core_pod_dns_config_fields };

static const struct field core_pod_readiness_gate_fields[] = {
	{ "conditionType", STRING, REQUIRED | POINTER, 1, NULL, NULL, "Type of the condition." },
	END
};
static const struct message core_pod_readiness_gate = { "io.k8s.api.core.v1.PodReadinessGate", "A further condition for a pod to be ready.", core_pod_readiness_gate_fields };

static const struct field core_topology_spread_constraint_fields[] = {
	{ "maxSkew", INT32, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "topologyKey", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "whenUnsatisfiable", STRING, REQUIRED | POINTER, 3, NULL, NULL, "" },
	{ "labelSelector", OBJECT, POINTER | ATOMIC, 4, &meta_label_selector, NULL, "" },
	{ "minDomains", INT32, POINTER, 5, NULL, NULL, "" },
	{ "nodeAffinityPolicy", STRING, POINTER, 6, NULL, NULL, "" },
	{ "nodeTaintsPolicy", STRING, POINTER, 7, NULL, NULL, "" },
	{ "matchLabelKeys", STRING, LIST, 8, NULL, NULL, "" },
	END
};
static const struct message core_topology_spread_constraint = { "io.k8s.api.core.v1.TopologySpreadConstraint", "", core_topology_spread_constraint_fields };

static const struct field core_pod_os_fields[] = {
	{ "name", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	END
};
static const struct message core_pod_os = { "io.k8s.api.core.v1.PodOS", "", core_pod_os_fields };

static const struct field core_pod_scheduling_gate_fields[] = {
	{ "name", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	END
};
static const struct message core_pod_scheduling_gate = { "io.k8s.api.core.v1.PodSchedulingGate", "", core_pod_scheduling_gate_fields };

static const struct field core_pod_resource_claim_fields[] = {
	{ "name", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "resourceClaimName", STRING, POINTER, 3, NULL, NULL, "" },
	{ "resourceClaimTemplateName", STRING, POINTER, 4, NULL, NULL, "" },
	END
};
static const struct message core_pod_resource_claim = { "io.k8s.api.core.v1.PodResourceClaim", "", core_pod_resource_claim_fields };

static const struct field core_pod_spec_fields[] = {
	{ "volumes", OBJECT, LIST, 1, &core_volume, "name", "" },
	{ "initContainers", OBJECT, LIST, 20, &core_container, "name", "Containers that run before the others." },
	{ "containers", OBJECT, LIST | REQUIRED | POINTER, 2, &core_container, "name", "Its containers." },
	{ "ephemeralContainers", OBJECT, LIST, 34, &core_ephemeral_container, "name", "" },
	{ "restartPolicy", STRING, 0, 3, NULL, NULL, "Always, OnFailure or Never." },
	{ "terminationGracePeriodSeconds", INT64, POINTER, 4, NULL, NULL, "Seconds it may take to end." },
	{ "activeDeadlineSeconds", INT64, POINTER, 5, NULL, NULL, "" },
	{ "dnsPolicy", STRING, 0, 6, NULL, NULL, "ClusterFirst, ClusterFirstWithHostNet, Default or None." },
	{ "nodeSelector", STRING, MAP | ATOMIC, 7, NULL, NULL, "" },
	{ "serviceAccountName", STRING, 0, 8, NULL, NULL, "Account it runs as." },
	{ "serviceAccount", STRING, 0, 9, NULL, NULL, "" },
	{ "automountServiceAccountToken", BOOL, POINTER, 21, NULL, NULL, "" },
	{ "nodeName", STRING, 0, 10, NULL, NULL, "Node it runs on." },
	{ "hostNetwork", BOOL, 0, 11, NULL, NULL, "Whether it uses the node's network; it has no addresses of its own then." },
	{ "hostPID", BOOL, 0, 12, NULL, NULL, "" },
	{ "hostIPC", BOOL, 0, 13, NULL, NULL, "" },
	{ "shareProcessNamespace", BOOL, POINTER, 27, NULL, NULL, "" },
	{ "securityContext", OBJECT, POINTER, 14, &core_pod_security_context, NULL, "" },
	{ "imagePullSecrets", OBJECT, LIST, 15, &core_local_object_reference, "name", "" },
	{ "hostname", STRING, 0, 16, NULL, NULL, "Host name of the pod; its name when unset." },
	{ "subdomain", STRING, 0, 17, NULL, NULL, "Name of a headless Service; gives the pod a DNS name HOSTNAME.SUBDOMAIN.NAMESPACE.svc." },
	{ "affinity", OBJECT, POINTER, 18, &core_affinity, NULL, "" },
	{ "schedulerName", STRING, 0, 19, NULL, NULL, "" },
	{ "tolerations", OBJECT, LIST, 22, &core_toleration, NULL, "" },
	{ "hostAliases", OBJECT, LIST, 23, &core_host_alias, "ip", "Lines for the pod's hosts file." },
	{ "priorityClassName", STRING, 0, 24, NULL, NULL, "" },
	{ "priority", INT32, POINTER, 25, NULL, NULL, "" },
	{ "dnsConfig", OBJECT, POINTER, 26, &core_pod_dns_config, NULL, "DNS settings beside dnsPolicy." },
	{ "readinessGates", OBJECT, LIST, 28, &core_pod_readiness_gate, NULL, "Further conditions for the pod to be ready." },
	{ "runtimeClassName", STRING, POINTER, 29, NULL, NULL, "" },
	{ "enableServiceLinks", BOOL, POINTER, 30, NULL, NULL, "" },
	{ "preemptionPolicy", STRING, POINTER, 31, NULL, NULL, "" },
	{ "overhead", QUANTITY, MAP, 32, NULL, NULL, "" },
	{ "topologySpreadConstraints", OBJECT, LIST, 33, &core_topology_spread_constraint, "topologyKey,whenUnsatisfiable", "" },
	{ "setHostnameAsFQDN", BOOL, POINTER, 35, NULL, NULL, "" },
	{ "os", OBJECT, POINTER, 36, &core_pod_os, NULL, "" },
	{ "hostUsers", BOOL, POINTER, 37, NULL, NULL, "" },
	{ "schedulingGates", OBJECT, LIST, 38, &core_pod_scheduling_gate, "name", "" },
	{ "resourceClaims", OBJECT, LIST, 39, &core_pod_resource_claim, "name", "" },
	{ "resources", OBJECT, POINTER, 40, &core_resource_requirements, NULL, "" },
	{ "hostnameOverride", STRING, POINTER, 41, NULL, NULL, "" },
	END
};
static const struct message core_pod_spec = { "io.k8s.api.core.v1.PodSpec", "What a Pod asks for; knetd looks at what has to do with the network.", core_pod_spec_fields };

static const struct field core_pod_condition_fields[] = {
	{ "type", STRING, REQUIRED | POINTER, 1, NULL, NULL, "Name of the aspect, as Ready." },
	{ "status", STRING, REQUIRED | POINTER, 2, NULL, NULL, "True, False or Unknown." },
	{ "lastProbeTime", TIME, 0, 3, NULL, NULL, "When it was last looked at." },
	{ "lastTransitionTime", TIME, 0, 4, NULL, NULL, "When status last changed." },
	{ "reason", STRING, 0, 5, NULL, NULL, "Why, in one word for programs." },
	{ "message", STRING, 0, 6, NULL, NULL, "Why, in a sentence for people." },
	{ "observedGeneration", INT64, 0, 7, NULL, NULL, "The metadata.generation that was looked at." },
	END
};
static const struct message core_pod_condition = { "io.k8s.api.core.v1.PodCondition", "One aspect of a Pod's state.", core_pod_condition_fields };

static const struct field core_host_ip_fields[] = {
	{ "ip", STRING, REQUIRED | POINTER, 1, NULL, NULL, "The address." },
	END
};
static const struct message core_host_ip = { "io.k8s.api.core.v1.HostIP", "An address of the node.", core_host_ip_fields };

static const struct field core_pod_ip_fields[] = {
	{ "ip", STRING, REQUIRED | POINTER, 1, NULL, NULL, "The address." },
	END
};
static const struct message core_pod_ip = { "io.k8s.api.core.v1.PodIP", "An address of the pod.", core_pod_ip_fields };

static const struct field core_container_state_waiting_fields[] = {
	{ "reason", STRING, 0, 1, NULL, NULL, "" },
	{ "message", STRING, 0, 2, NULL, NULL, "" },
	END
};
static const struct message core_container_state_waiting = { "io.k8s.api.core.v1.ContainerStateWaiting", "", core_container_state_waiting_fields };

static const struct field core_container_state_running_fields[] = {
	{ "startedAt", TIME, 0, 1, NULL, NULL, "" },
	END
};
static const struct message core_container_state_running = { "io.k8s.api.core.v1.ContainerStateRunning", "", core_container_state_running_fields };

static const struct field core_container_state_terminated_fields[] = {
	{ "exitCode", INT32, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "signal", INT32, 0, 2, NULL, NULL, "" },
	{ "reason", STRING, 0, 3, NULL, NULL, "" },
	{ "message", STRING, 0, 4, NULL, NULL, "" },
	{ "startedAt", TIME, 0, 5, NULL, NULL, "" },
	{ "finishedAt", TIME, 0, 6, NULL, NULL, "" },
	{ "containerID", STRING, 0, 7, NULL, NULL, "" },
	END
};
static const struct message core_container_state_terminated = { "io.k8s.api.core.v1.ContainerStateTerminated", "", core_container_state_terminated_fields };

static const struct field core_container_state_fields[] = {
	{ "waiting", OBJECT, POINTER, 1, &core_container_state_waiting, NULL, "" },
	{ "running", OBJECT, POINTER, 2, &core_container_state_running, NULL, "" },
	{ "terminated", OBJECT, POINTER, 3, &core_container_state_terminated, NULL, "" },
	END
};
static const struct message core_container_state = { "io.k8s.api.core.v1.ContainerState", "", core_container_state_fields };

static const struct field core_volume_mount_status_fields[] = {
	{ "name", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "mountPath", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "readOnly", BOOL, 0, 3, NULL, NULL, "" },
	{ "recursiveReadOnly", STRING, POINTER, 4, NULL, NULL, "" },
	END
};
static const struct message core_volume_mount_status = { "io.k8s.api.core.v1.VolumeMountStatus", "", core_volume_mount_status_fields };

static const struct field core_linux_container_user_fields[] = {
	{ "uid", INT64, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "gid", INT64, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "supplementalGroups", INT64, LIST, 3, NULL, NULL, "" },
	END
};
static const struct message core_linux_container_user = { "io.k8s.api.core.v1.LinuxContainerUser", "", core_linux_container_user_fields };

static const struct field core_container_user_fields[] = {
	{ "linux", OBJECT, POINTER, 1, &core_linux_container_user, NULL, "" },
	END
};
static const struct message core_container_user = { "io.k8s.api.core.v1.ContainerUser", "", core_container_user_fields };

static const struct field core_resource_health_fields[] = {
	{ "resourceID", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "health", STRING, 0, 2, NULL, NULL, "" },
	END
};
static const struct message core_resource_health = { "io.k8s.api.core.v1.ResourceHealth", "", core_resource_health_fields };

static const struct field core_resource_status_fields[] = {
	{ "name", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "resources", OBJECT, LIST, 2, &core_resource_health, "resourceID", "" },
	END
};
static const struct message core_resource_status = { "io.k8s.api.core.v1.ResourceStatus", "", core_resource_status_fields };

static const struct field core_container_status_fields[] = {
	{ "name", STRING, REQUIRED | POINTER, 1, NULL, NULL, "Name of the container." },
	{ "state", OBJECT, 0, 2, &core_container_state, NULL, "What it does now." },
	{ "lastState", OBJECT, 0, 3, &core_container_state, NULL, "What it did before." },
	{ "ready", BOOL, REQUIRED | POINTER, 4, NULL, NULL, "Whether it is ready." },
	{ "restartCount", INT32, REQUIRED | POINTER, 5, NULL, NULL, "How often it was restarted." },
	{ "image", STRING, REQUIRED | POINTER, 6, NULL, NULL, "Image it runs." },
	{ "imageID", STRING, REQUIRED | POINTER, 7, NULL, NULL, "Id of the image." },
	{ "containerID", STRING, 0, 8, NULL, NULL, "Id of the container." },
	{ "started", BOOL, POINTER, 9, NULL, NULL, "Whether it has started." },
	{ "allocatedResources", QUANTITY, MAP, 10, NULL, NULL, "" },
	{ "resources", OBJECT, POINTER, 11, &core_resource_requirements, NULL, "" },
	{ "volumeMounts", OBJECT, LIST, 12, &core_volume_mount_status, "mountPath", "" },
	{ "user", OBJECT, POINTER, 13, &core_container_user, NULL, "" },
	{ "allocatedResourcesStatus", OBJECT, LIST, 14, &core_resource_status, "name", "" },
	{ "stopSignal", STRING, POINTER, 15, NULL, NULL, "" },
	END
};
static const struct message core_container_status = { "io.k8s.api.core.v1.ContainerStatus", "The state of a container.", core_container_status_fields };

static const struct field core_pod_resource_claim_status_fields[] = {
	{ "name", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "resourceClaimName", STRING, POINTER, 2, NULL, NULL, "" },
	END
};
static const struct message core_pod_resource_claim_status = { "io.k8s.api.core.v1.PodResourceClaimStatus", "", core_pod_resource_claim_status_fields };

static const struct field core_container_extended_resource_request_fields[] = {
	{ "containerName", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "resourceName", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "requestName", STRING, REQUIRED | POINTER, 3, NULL, NULL, "" },
	END
};
static const struct message core_container_extended_resource_request = { "io.k8s.api.core.v1.ContainerExtendedResourceRequest", "", core_container_extended_resource_request_fields };

static const struct field core_pod_extended_resource_claim_status_fields[] = {
	{ "requestMappings", OBJECT, LIST | REQUIRED | POINTER, 1, &core_container_extended_resource_request, NULL, "" },
	{ "resourceClaimName", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	END
};
static const struct message core_pod_extended_resource_claim_status = { "io.k8s.api.core.v1.PodExtendedResourceClaimStatus", "", core_pod_extended_resource_claim_status_fields };

static const struct field core_pod_status_fields[] = {
	{ "phase", STRING, 0, 1, NULL, NULL, "Pending, Running, Succeeded, Failed or Unknown." },
	{ "conditions", OBJECT, LIST, 2, &core_pod_condition, "type", "Aspects of its state; Ready decides whether Services use it." },
	{ "message", STRING, 0, 3, NULL, NULL, "Why it is in this state, in a sentence." },
	{ "reason", STRING, 0, 4, NULL, NULL, "Why it is in this state, in one word." },
	{ "nominatedNodeName", STRING, 0, 11, NULL, NULL, "Node that makes room for it." },
	{ "hostIP", STRING, 0, 5, NULL, NULL, "Address of its node." },
	{ "hostIPs", OBJECT, LIST, 16, &core_host_ip, "ip", "Addresses of its node." },
	{ "podIP", STRING, 0, 6, NULL, NULL, "Its address." },
	{ "podIPs", OBJECT, LIST, 12, &core_pod_ip, "ip", "Its addresses, one a family; the first is podIP." },
	{ "startTime", TIME, POINTER, 7, NULL, NULL, "When it was started." },
	{ "initContainerStatuses", OBJECT, LIST, 10, &core_container_status, NULL, "The state of its init containers." },
	{ "containerStatuses", OBJECT, LIST, 8, &core_container_status, NULL, "The state of its containers." },
	{ "qosClass", STRING, 0, 9, NULL, NULL, "Guaranteed, Burstable or BestEffort." },
	{ "ephemeralContainerStatuses", OBJECT, LIST, 13, &core_container_status, NULL, "The state of its ephemeral containers." },
	{ "resize", STRING, 0, 14, NULL, NULL, "" },
	{ "resourceClaimStatuses", OBJECT, LIST, 15, &core_pod_resource_claim_status, "name", "" },
	{ "observedGeneration", INT64, 0, 17, NULL, NULL, "The metadata.generation that was looked at." },
	{ "extendedResourceClaimStatus", OBJECT, POINTER, 18, &core_pod_extended_resource_claim_status, NULL, "" },
	END
};
static const struct message core_pod_status = { "io.k8s.api.core.v1.PodStatus", "The state of a Pod.", core_pod_status_fields };

static const struct field core_pod_fields[] = {
	TYPE_META
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "Name, namespace, labels and what the server keeps about the object." },
	{ "spec", OBJECT, 0, 2, &core_pod_spec, NULL, "What is asked for." },
	{ "status", OBJECT, 0, 3, &core_pod_status, NULL, "Its state." },
	END
};
const struct message core_pod = { "io.k8s.api.core.v1.Pod", "Some containers with one network: its labels, named ports, readiness and addresses.", core_pod_fields };

// clang-format on
