/* api_table_cells.c - the columns of each kind, named and filled as a cluster's own printers do. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <knetd/auto.h>

#include "api_table_cells.h"

static void put(struct buf *b, const char *s, const char *absent)
{
	buf_str(b, s && *s ? s : absent);
}

static void put_at(struct buf *b, yyjson_val *o, const char *path, const char *absent)
{
	put(b, json_str(o, path), absent);
}

/* Strings of a list, with commas; key: the member of each item, NULL for the item itself. */
static void put_list(struct buf *b, yyjson_val *list, const char *key, const char *absent)
{
	yyjson_val *v;
	size_t i, n, before = b->len;

	yyjson_arr_foreach (list, i, n, v) {
		const char *s = yyjson_get_str(key ? yyjson_obj_get(v, key) : v);

		if (s && *s) {
			buf_str(b, b->len > before ? "," : "");
			buf_str(b, s);
		}
	}
	if (b->len == before)
		buf_str(b, absent);
}

static void put_labels(struct buf *b, yyjson_val *labels, const char *absent)
{
	yyjson_val *key, *v;
	size_t i, n;

	if (!yyjson_obj_size(labels)) {
		buf_str(b, absent);
		return;
	}
	yyjson_obj_foreach (labels, i, n, key, v) {
		buf_printf(b, "%s%s=", i ? "," : "", yyjson_get_str(key));
		put(b, yyjson_get_str(v), "");
	}
}

/* "5d3h": k8s.io/apimachinery/pkg/util/duration, HumanDuration. */
static void put_age(struct buf *b, const char *since)
{
	struct tm tm = { 0 };
	long s, m, h, d;

	if (!since || !strptime(since, "%Y-%m-%dT%H:%M:%S", &tm)) {
		buf_str(b, "<unknown>");
		return;
	}
	s = (long)(time(NULL) - timegm(&tm));
	s = s < 0 ? 0 : s;
	m = s / 60, h = m / 60, d = h / 24;
	if (s < 120)
		buf_printf(b, "%lds", s);
	else if (m < 10 && s % 60)
		buf_printf(b, "%ldm%lds", m, s % 60);
	else if (h < 3)
		buf_printf(b, "%ldm", m);
	else if (h < 8 && m % 60)
		buf_printf(b, "%ldh%ldm", h, m % 60);
	else if (h < 48)
		buf_printf(b, "%ldh", h);
	else if (d < 8 && h % 24)
		buf_printf(b, "%ldd%ldh", d, h % 24);
	else if (d < 730)
		buf_printf(b, "%ldd", d);
	else
		buf_printf(b, "%ldy", d / 365);
}

static void name(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "metadata.name", "");
}

static void age(struct buf *b, yyjson_val *o)
{
	put_age(b, json_str(o, "metadata.creationTimestamp"));
}

#define NAME                                                                                       \
	{                                                                                          \
		"Name", name, false, false                                                         \
	}
#define AGE                                                                                        \
	{                                                                                          \
		"Age", age, false, false                                                           \
	}
#define END                                                                                        \
	{                                                                                          \
		NULL, NULL, false, false                                                           \
	}

/* ---- Namespace, Pod, PodNetwork ------------------------------------------------------------- */

static void phase(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "status.phase", "<none>");
}

static void pod_ready(struct buf *b, yyjson_val *o)
{
	yyjson_val *statuses = json_at(o, "status.containerStatuses"), *v;
	size_t i, n, ready = 0, all = yyjson_arr_size(json_at(o, "spec.containers"));

	yyjson_arr_foreach (statuses, i, n, v)
		ready += json_bool(v, "ready", false);
	if (all) {
		buf_printf(b, "%zu/%zu", ready, all);
		return;
	}
	/* no container is known here: the condition stands for the pod */
	yyjson_arr_foreach (json_at(o, "status.conditions"), i, n, v)
		if (yyjson_equals_str(yyjson_obj_get(v, "type"), "Ready"))
			ready = yyjson_equals_str(yyjson_obj_get(v, "status"), "True");
	buf_printf(b, "%zu/1", ready);
}

static void pod_restarts(struct buf *b, yyjson_val *o)
{
	yyjson_val *v;
	size_t i, n;
	int64_t sum = 0;

	yyjson_arr_foreach (json_at(o, "status.containerStatuses"), i, n, v)
		sum += json_int(v, "restartCount", 0) % 1000000;
	buf_printf(b, "%lld", (long long)sum);
}

static void pod_ip(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "status.podIP", "<none>");
}

static void pod_node(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "spec.nodeName", "<none>");
}

/* "192.0.2.1:8080->80/TCP" */
static void attached_ports(struct buf *b, yyjson_val *o)
{
	yyjson_val *v;
	size_t i, max;

	yyjson_arr_foreach (json_at(o, "spec.hostPorts"), i, max, v) {
		const char *ip = json_str(v, "hostIP");
		bool six = ip && strchr(ip, ':');

		buf_printf(b, "%s%s%s%s%s%lld->%lld/%s", i ? "," : "", six ? "[" : "", ip ? ip : "",
		           six ? "]" : "", ip ? ":" : "", (long long)json_int(v, "hostPort", 0),
		           (long long)json_int(v, "containerPort", 0), json_str(v, "protocol"));
	}
	if (!yyjson_arr_size(json_at(o, "spec.hostPorts")))
		buf_str(b, "<none>");
}

static void none(struct buf *b, yyjson_val *o)
{
	(void)o;
	buf_str(b, "<none>");
}

/* ---- Service, EndpointSlice ----------------------------------------------------------------- */

static void service_type(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "spec.type", "<none>");
}

static void service_ip(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "spec.clusterIP", "<none>");
}

/* Addresses and names of the balancer, then externalIPs. */
static void service_external(struct buf *b, yyjson_val *o)
{
	const char *type = json_str(o, "spec.type");
	bool balancer = type && !strcmp(type, "LoadBalancer");
	yyjson_val *external = json_at(o, "spec.externalIPs"), *v;
	size_t i, n, before = b->len;

	if (type && !strcmp(type, "ExternalName")) {
		put_at(b, o, "spec.externalName", "<none>");
		return;
	}
	yyjson_arr_foreach (balancer ? json_at(o, "status.loadBalancer.ingress") : NULL, i, n, v) {
		const char *ip = json_str(v, "ip"), *name = json_str(v, "hostname");

		buf_str(b, b->len > before ? "," : "");
		put(b, ip ? ip : name, "");
	}
	if (b->len > before && yyjson_arr_size(external))
		buf_str(b, ",");
	put_list(b, external, NULL, b->len > before ? "" : balancer ? "<pending>" : "<none>");
}

static void service_ports(struct buf *b, yyjson_val *o)
{
	yyjson_val *v;
	size_t i, n = 0;

	yyjson_arr_foreach (json_at(o, "spec.ports"), i, n, v) {
		buf_printf(b, "%s%lld", i ? "," : "", (long long)json_int(v, "port", 0));
		if (json_int(v, "nodePort", 0))
			buf_printf(b, ":%lld", (long long)json_int(v, "nodePort", 0));
		buf_str(b, "/");
		put_at(b, v, "protocol", "TCP");
	}
	if (!n)
		buf_str(b, "<none>");
}

static void service_selector(struct buf *b, yyjson_val *o)
{
	put_labels(b, json_at(o, "spec.selector"), "<none>");
}

static void slice_type(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "addressType", "");
}

static void slice_ports(struct buf *b, yyjson_val *o)
{
	yyjson_val *v;
	size_t i, n = 0;

	yyjson_arr_foreach (yyjson_obj_get(o, "ports"), i, n, v) {
		if (json_int(v, "port", 0))
			buf_printf(b, "%s%lld", i ? "," : "", (long long)json_int(v, "port", 0));
		else
			buf_str(b, i ? ",*" : "*");
	}
	if (!n)
		buf_str(b, "<unset>");
}

static void slice_endpoints(struct buf *b, yyjson_val *o)
{
	yyjson_val *v, *address;
	size_t i, n, k, m, shown = 0;

	yyjson_arr_foreach (yyjson_obj_get(o, "endpoints"), i, n, v)
		yyjson_arr_foreach (yyjson_obj_get(v, "addresses"), k, m, address)
			if (yyjson_get_str(address) && shown++ < 3)
				buf_printf(b, "%s%s", shown > 1 ? "," : "",
				           yyjson_get_str(address));
	if (shown > 3)
		buf_printf(b, " + %zu more...", shown - 3);
	if (!shown)
		buf_str(b, "<unset>");
}

/* ---- Ingress, IngressClass, NetworkPolicy --------------------------------------------------- */

static void ingress_class(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "spec.ingressClassName", "<none>");
}

static void ingress_hosts(struct buf *b, yyjson_val *o)
{
	put_list(b, json_at(o, "spec.rules"), "host", "*");
}

static void ingress_address(struct buf *b, yyjson_val *o)
{
	put_list(b, json_at(o, "status.loadBalancer.ingress"), "ip", "");
}

static void ingress_ports(struct buf *b, yyjson_val *o)
{
	buf_str(b, yyjson_arr_size(json_at(o, "spec.tls")) ? "80, 443" : "80");
}

static void class_controller(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "spec.controller", "");
}

static void class_parameters(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "spec.parameters.name", "<none>");
}

static void policy_pods(struct buf *b, yyjson_val *o)
{
	put_labels(b, json_at(o, "spec.podSelector.matchLabels"), "<none>");
}

static void spec_tier(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "spec.tier", "");
}

static void spec_priority(struct buf *b, yyjson_val *o)
{
	buf_printf(b, "%lld", (long long)json_int(o, "spec.priority", 0));
}

/* ---- ConfigMap, Secret, Event --------------------------------------------------------------- */

static void data_size(struct buf *b, yyjson_val *o)
{
	buf_printf(b, "%zu",
	           yyjson_obj_size(yyjson_obj_get(o, "data")) +
	                   yyjson_obj_size(yyjson_obj_get(o, "binaryData")));
}

static void object_type(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "type", "");
}

static void event_last(struct buf *b, yyjson_val *o)
{
	const char *last = json_str(o, "lastTimestamp"), *first = json_str(o, "eventTime");

	put_age(b, last && *last     ? last
	           : first && *first ? first
	                             : json_str(o, "metadata.creationTimestamp"));
}

static void event_reason(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "reason", "");
}

static void event_object(struct buf *b, yyjson_val *o)
{
	const char *kind = json_str(o, "involvedObject.kind");

	for (; kind && *kind; kind++)
		buf_printf(b, "%c", *kind >= 'A' && *kind <= 'Z' ? *kind + 32 : *kind);
	buf_str(b, "/");
	put_at(b, o, "involvedObject.name", "");
}

static void event_source(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "source.component", "");
}

static void event_message(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "message", "");
}

static void event_count(struct buf *b, yyjson_val *o)
{
	buf_printf(b, "%lld", (long long)json_int(o, "count", 1));
}

/* ---- Node, Endpoints ------------------------------------------------------------------------ */

/* The member `key` of the first item of a list whose `by` is `value`. */
static const char *item_of(yyjson_val *list, const char *by, const char *value, const char *key)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (list, i, n, v)
		if (yyjson_equals_str(yyjson_obj_get(v, by), value))
			return json_str(v, key);
	return NULL;
}

static const char *condition(yyjson_val *o, const char *type)
{
	return item_of(json_at(o, "status.conditions"), "type", type, "status");
}

static void node_status(struct buf *b, yyjson_val *o)
{
	const char *ready = condition(o, "Ready");

	buf_str(b, !ready ? "Unknown" : !strcmp(ready, "True") ? "Ready" : "NotReady");
	if (json_bool(o, "spec.unschedulable", false))
		buf_str(b, ",SchedulingDisabled");
}

static void node_roles(struct buf *b, yyjson_val *o)
{
	static const char prefix[] = "node-role.kubernetes.io/";
	yyjson_val *key, *v;
	size_t i, n, before = b->len;

	yyjson_obj_foreach (json_members(json_at(o, "metadata.labels")), i, n, key, v) {
		const char *s = yyjson_get_str(key);

		if (!strncmp(s, prefix, sizeof(prefix) - 1)) {
			buf_str(b, b->len > before ? "," : "");
			buf_str(b, s + sizeof(prefix) - 1);
		}
	}
	if (b->len == before)
		buf_str(b, "<none>");
}

static void node_version(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "status.nodeInfo.kubeletVersion", "");
}

static void node_internal(struct buf *b, yyjson_val *o)
{
	put(b, item_of(json_at(o, "status.addresses"), "type", "InternalIP", "address"), "<none>");
}

static void node_external(struct buf *b, yyjson_val *o)
{
	put(b, item_of(json_at(o, "status.addresses"), "type", "ExternalIP", "address"), "<none>");
}

static void node_os(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "status.nodeInfo.osImage", "<unknown>");
}

static void node_kernel(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "status.nodeInfo.kernelVersion", "<unknown>");
}

static void node_runtime(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "status.nodeInfo.containerRuntimeVersion", "<unknown>");
}

static void put_address(struct buf *b, const char *ip, yyjson_val *port)
{
	if (!port)
		buf_str(b, ip);
	else
		buf_printf(b, strchr(ip, ':') ? "[%s]:%lld" : "%s:%lld", ip,
		           (long long)json_int(port, "port", 0));
}

/* Three are shown, as elsewhere. */
static void endpoints_all(struct buf *b, yyjson_val *o)
{
	yyjson_val *subset, *address;
	size_t i, n, k, m, shown = 0;

	yyjson_arr_foreach (yyjson_obj_get(o, "subsets"), i, n, subset) {
		yyjson_val *ports = yyjson_obj_get(subset, "ports");
		size_t n_ports = yyjson_arr_size(ports);

		yyjson_arr_foreach (yyjson_obj_get(subset, "addresses"), k, m, address)
			for (size_t p = 0; p < (n_ports ? n_ports : 1); p++) {
				const char *ip = json_str(address, "ip");

				if (!ip || shown++ >= 3)
					continue;
				buf_str(b, shown > 1 ? "," : "");
				put_address(b, ip, yyjson_arr_get(ports, p));
			}
	}
	if (shown > 3)
		buf_printf(b, " + %zu more...", shown - 3);
	if (!shown)
		buf_str(b, "<none>");
}

/* ---- Gateway API, AddressPool --------------------------------------------------------------- */

static void gc_controller(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "spec.controllerName", "");
}

static void is_accepted(struct buf *b, yyjson_val *o)
{
	put(b, condition(o, "Accepted"), "");
}

static void attached_pod(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "spec.podRef.name", "<none>");
}

static void attached_as(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "spec.ifName", "");
}

static void attached_ready(struct buf *b, yyjson_val *o)
{
	put(b, condition(o, "Ready"), "Unknown");
}

static void attached_network(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "spec.network", "");
}

static void attached_mtu(struct buf *b, yyjson_val *o)
{
	int64_t mtu = json_int(o, "spec.mtu", 0);

	if (mtu)
		buf_printf(b, "%lld", (long long)mtu);
	else
		buf_str(b, "<unknown>");
}

static void attached_default(struct buf *b, yyjson_val *o)
{
	buf_str(b, json_bool(o, "spec.defaultRoute", true) ? "true" : "false");
}

static void attached_mac(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "spec.mac", "");
}

static void attached_link(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "spec.hostInterface", "");
}

/* As runtimes show them: the first twelve are enough to tell and to look for. */
static void attached_container(struct buf *b, yyjson_val *o)
{
	const char *id = json_str(o, "spec.containerID");

	buf_printf(b, "%.12s", id ? id : "");
}

static void attached_netns(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "spec.netns", "");
}

static void attached_ips(struct buf *b, yyjson_val *o)
{
	put_list(b, json_at(o, "status.ips"), NULL, "<none>");
}

static void is_programmed(struct buf *b, yyjson_val *o)
{
	put(b, condition(o, "Programmed"), "");
}

static void description(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "spec.description", "");
}

static void gateway_class(struct buf *b, yyjson_val *o)
{
	put_at(b, o, "spec.gatewayClassName", "");
}

static void gateway_addresses(struct buf *b, yyjson_val *o)
{
	put_list(b, json_at(o, "status.addresses"), "value", "");
}

/* As the columns of a custom resource show a list: its JSON. */
static void hostnames(struct buf *b, yyjson_val *o)
{
	size_t n = 0;
	auto_free char *text = yyjson_val_write(json_at(o, "spec.hostnames"), 0, &n);

	buf_add(b, text ? text : "", n);
}

static void pool_addresses(struct buf *b, yyjson_val *o)
{
	bool node = json_bool(o, "spec.node", false);
	size_t before = b->len;

	put_list(b, json_at(o, "spec.addresses"), NULL, node ? "" : "<none>");
	if (node)
		buf_str(b, b->len > before ? ",node" : "node");
}

static void pool_auto(struct buf *b, yyjson_val *o)
{
	buf_str(b, json_bool(o, "spec.autoAssign", true) ? "true" : "false");
}

static void put_count(struct buf *b, yyjson_val *o, const char *path)
{
	int64_t n = json_int(o, path, 0);

	if (n > INT32_MAX)
		buf_str(b, "many");
	else
		buf_printf(b, "%lld", (long long)n);
}

/* "3/11" of a family: in use and free; a pool without that family has none of either. */
static void put_use(struct buf *b, yyjson_val *o, const char *used, const char *available)
{
	if (!json_int(o, used, 0) && !json_int(o, available, 0)) {
		buf_str(b, "<none>");
		return;
	}
	put_count(b, o, used);
	buf_str(b, "/");
	put_count(b, o, available);
}

static void pool_v4(struct buf *b, yyjson_val *o)
{
	put_use(b, o, "status.assignedIPv4", "status.availableIPv4");
}

static void pool_v6(struct buf *b, yyjson_val *o)
{
	put_use(b, o, "status.assignedIPv6", "status.availableIPv6");
}

#define NAME_AND_AGE                                                                               \
	(const struct table_column[])                                                              \
	{                                                                                          \
		NAME, AGE, END                                                                     \
	}

const struct table_column *const table_columns[KIND_COUNT] = {
	[KIND_NAMESPACE] =
		(const struct table_column[]){ NAME, { "Status", phase, false, false }, AGE, END },
	[KIND_POD] = (const struct table_column[]){ NAME,
	                                            { "Ready", pod_ready, false, false },
	                                            { "Status", phase, false, false },
	                                            { "Restarts", pod_restarts, false, false },
	                                            AGE,
	                                            { "IP", pod_ip, true, false },
	                                            { "Node", pod_node, true, false },
	                                            { "Nominated Node", none, true, false },
	                                            { "Readiness Gates", none, true, false },
	                                            END },
	[KIND_SERVICE] =
		(const struct table_column[]){ NAME,
	                                       { "Type", service_type, false, false },
	                                       { "Cluster-IP", service_ip, false, false },
	                                       { "External-IP", service_external, false, false },
	                                       { "Port(s)", service_ports, false, false },
	                                       AGE,
	                                       { "Selector", service_selector, true, false },
	                                       END },
	[KIND_ENDPOINTSLICE] =
		(const struct table_column[]){ NAME,
	                                       { "AddressType", slice_type, false, false },
	                                       { "Ports", slice_ports, false, false },
	                                       { "Endpoints", slice_endpoints, false, false },
	                                       AGE,
	                                       END },
	[KIND_INGRESS] =
		(const struct table_column[]){ NAME,
	                                       { "Class", ingress_class, false, false },
	                                       { "Hosts", ingress_hosts, false, false },
	                                       { "Address", ingress_address, false, false },
	                                       { "Ports", ingress_ports, false, false },
	                                       AGE,
	                                       END },
	[KIND_INGRESSCLASS] =
		(const struct table_column[]){ NAME,
	                                       { "Controller", class_controller, false, false },
	                                       { "Parameters", class_parameters, false, false },
	                                       AGE,
	                                       END },
	[KIND_NETWORKPOLICY] =
		(const struct table_column[]){
			NAME, { "Pod-Selector", policy_pods, false, false }, AGE, END },
	[KIND_CLUSTERNETWORKPOLICY] =
		(const struct table_column[]){ NAME,
	                                       { "Tier", spec_tier, false, false },
	                                       { "Priority", spec_priority, false, false },
	                                       AGE,
	                                       END },
	[KIND_CONFIGMAP] =
		(const struct table_column[]){ NAME, { "Data", data_size, false, true }, AGE, END },
	[KIND_SECRET] = (const struct table_column[]){ NAME,
	                                               { "Type", object_type, false, false },
	                                               { "Data", data_size, false, true },
	                                               AGE,
	                                               END },
	[KIND_EVENT] = (const struct table_column[]){ { "Last Seen", event_last, false, false },
	                                              { "Type", object_type, false, false },
	                                              { "Reason", event_reason, false, false },
	                                              { "Object", event_object, false, false },
	                                              { "Source", event_source, true, false },
	                                              { "Message", event_message, false, false },
	                                              { "Count", event_count, true, true },
	                                              { "Name", name, true, false },
	                                              END },
	[KIND_NODE] =
		(const struct table_column[]){ NAME,
	                                       { "Status", node_status, false, false },
	                                       { "Roles", node_roles, false, false },
	                                       AGE,
	                                       { "Version", node_version, false, false },
	                                       { "Internal-IP", node_internal, true, false },
	                                       { "External-IP", node_external, true, false },
	                                       { "OS-Image", node_os, true, false },
	                                       { "Kernel-Version", node_kernel, true, false },
	                                       { "Container-Runtime", node_runtime, true, false },
	                                       END },
	[KIND_ENDPOINTS] =
		(const struct table_column[]){
			NAME, { "Endpoints", endpoints_all, false, false }, AGE, END },
	[KIND_GATEWAYCLASS] =
		(const struct table_column[]){ NAME,
	                                       { "Controller", gc_controller, false, false },
	                                       { "Accepted", is_accepted, false, false },
	                                       AGE,
	                                       { "Description", description, true, false },
	                                       END },
	[KIND_GATEWAY] =
		(const struct table_column[]){ NAME,
	                                       { "Class", gateway_class, false, false },
	                                       { "Address", gateway_addresses, false, false },
	                                       { "Programmed", is_programmed, false, false },
	                                       AGE,
	                                       END },
	[KIND_LISTENERSET] =
		(const struct table_column[]){ NAME,
	                                       { "Accepted", is_accepted, false, false },
	                                       { "Programmed", is_programmed, false, false },
	                                       AGE,
	                                       END },
	[KIND_HTTPROUTE] =
		(const struct table_column[]){
			NAME, { "Hostnames", hostnames, false, false }, AGE, END },
	[KIND_GRPCROUTE] =
		(const struct table_column[]){
			NAME, { "Hostnames", hostnames, false, false }, AGE, END },
	[KIND_TLSROUTE] =
		(const struct table_column[]){
			NAME, { "Hostnames", hostnames, false, false }, AGE, END },
	[KIND_TCPROUTE] = NAME_AND_AGE,
	[KIND_UDPROUTE] = NAME_AND_AGE,
	[KIND_REFERENCEGRANT] = NAME_AND_AGE,
	[KIND_BACKENDTLSPOLICY] = NAME_AND_AGE,
	[KIND_ADDRESSPOOL] =
		(const struct table_column[]){ NAME,
	                                       { "Addresses", pool_addresses, false, false },
	                                       { "Auto-Assign", pool_auto, false, false },
	                                       { "IPv4-Used/Free", pool_v4, false, false },
	                                       { "IPv6-Used/Free", pool_v6, false, false },
	                                       AGE,
	                                       { "Priority", spec_priority, true, false },
	                                       END },
	[KIND_PODNETWORK] =
		(const struct table_column[]){ NAME,
	                                       { "Pod", attached_pod, false, false },
	                                       { "Interface", attached_as, false, false },
	                                       { "Addresses", attached_ips, false, false },
	                                       { "HostPorts", attached_ports, false, false },
	                                       { "Ready", attached_ready, false, false },
	                                       AGE,
	                                       { "Network", attached_network, true, false },
	                                       { "MTU", attached_mtu, true, false },
	                                       { "Default-Route", attached_default, true, false },
	                                       { "MAC", attached_mac, true, false },
	                                       { "Node-Link", attached_link, true, false },
	                                       { "Container", attached_container, true, false },
	                                       { "Netns", attached_netns, true, false },
	                                       END },
};

static_assert(ARRAY_LEN(table_columns) == KIND_COUNT, "a kind without columns");
