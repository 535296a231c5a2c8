/* node_plan.c - see node_plan.h. What a kubelet would say of its node, as far as it is a matter of
 * the network or cheap to know. There are no heartbeats: a Node is written when something changed.
 */
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/json_mut.h>

#include "node_plan.h"

static void add_address(yyjson_mut_doc *d, yyjson_mut_val *list, const char *type,
                        const char *address)
{
	yyjson_mut_val *a = yyjson_mut_arr_add_obj(d, list);

	mut_set_text(d, a, "type", type);
	mut_set_text(d, a, "address", address);
}

static void set_addresses(const struct node_facts *f, yyjson_mut_doc *d, yyjson_mut_val *status)
{
	yyjson_mut_val *list = yyjson_mut_arr(d);
	char text[IP_TEXT];

	if (!f->n_addresses && yyjson_mut_obj_get(status, "addresses"))
		return; /* the last known stay */
	for (unsigned i = 0; i < f->n_addresses; i++)
		add_address(d, list, "InternalIP", ip_text(&f->addresses[i], text));
	add_address(d, list, "Hostname", f->name);
	mut_set(d, status, "addresses", list);
}

static void set_cidrs(const struct node_facts *f, yyjson_mut_doc *d, yyjson_mut_val *spec)
{
	yyjson_mut_val *list = yyjson_mut_arr(d);
	char text[CIDR_TEXT];

	for (unsigned i = 0; i < f->n_pod_cidrs; i++)
		yyjson_mut_arr_add_strcpy(d, list, cidr_text(&f->pod_cidrs[i], text));
	if (!f->n_pod_cidrs)
		return;
	mut_set_text(d, spec, "podCIDR", cidr_text(&f->pod_cidrs[0], text));
	mut_set(d, spec, "podCIDRs", list);
}

static yyjson_mut_val *condition(yyjson_mut_doc *d, yyjson_mut_val *status, const char *type)
{
	yyjson_mut_val *list = yyjson_mut_obj_get(status, "conditions"), *c;
	size_t i, n;

	if (!yyjson_mut_is_arr(list)) {
		list = yyjson_mut_arr(d);
		mut_set(d, status, "conditions", list);
	}
	yyjson_mut_arr_foreach (list, i, n, c)
		if (yyjson_mut_equals_str(yyjson_mut_obj_get(c, "type"), type))
			return c;
	c = yyjson_mut_arr_add_obj(d, list);
	mut_set_text(d, c, "type", type);
	return c;
}

static void set_condition(const struct node_facts *f, yyjson_mut_doc *d, yyjson_mut_val *status,
                          const char *type, const char *value, const char *reason,
                          const char *message)
{
	yyjson_mut_val *c = condition(d, status, type);

	if (!yyjson_mut_equals_str(yyjson_mut_obj_get(c, "status"), value)) {
		mut_set_text(d, c, "lastHeartbeatTime", f->now);
		mut_set_text(d, c, "lastTransitionTime", f->now);
	}
	mut_set_text(d, c, "status", value);
	mut_set_text(d, c, "reason", reason);
	mut_set_text(d, c, "message", message);
}

static void set_info(const struct node_facts *f, yyjson_mut_doc *d, yyjson_mut_val *status)
{
	yyjson_mut_val *info = mut_object_in(d, status, "nodeInfo");

	mut_set_text(d, info, "machineID", f->machine_id);
	mut_set_text(d, info, "systemUUID", f->machine_id);
	mut_set_text(d, info, "bootID", f->boot_id);
	mut_set_text(d, info, "kernelVersion", f->kernel);
	mut_set_text(d, info, "osImage", f->os_image);
	mut_set_text(d, info, "containerRuntimeVersion", "containerd");
	mut_set_text(d, info, "kubeletVersion", "knetd " KNETD_VERSION);
	mut_set_text(d, info, "kubeProxyVersion", "knetd " KNETD_VERSION);
	mut_set_text(d, info, "operatingSystem", "linux");
	mut_set_text(d, info, "architecture", f->arch);
}

static void set_capacity(const struct node_facts *f, yyjson_mut_doc *d, yyjson_mut_val *status,
                         const char *key)
{
	yyjson_mut_val *c = mut_object_in(d, status, key);
	char text[32];

	snprintf(text, sizeof(text), "%ld", f->cpus);
	mut_set_text(d, c, "cpu", text);
	snprintf(text, sizeof(text), "%ldKi", f->memory_kb);
	mut_set_text(d, c, "memory", text);
	snprintf(text, sizeof(text), "%ld", f->pods);
	mut_set_text(d, c, "pods", text);
}

static void set_labels(const struct node_facts *f, yyjson_mut_doc *d, yyjson_mut_val *meta)
{
	yyjson_mut_val *labels = mut_object_in(d, meta, "labels");

	mut_set_text(d, labels, "kubernetes.io/hostname", f->name);
	mut_set_text(d, labels, "kubernetes.io/os", "linux");
	mut_set_text(d, labels, "kubernetes.io/arch", f->arch);
}

yyjson_mut_doc *node_plan(const struct node_facts *f, const struct object *old)
{
	auto_doc yyjson_doc *was = old ? object_doc(old) : NULL;
	yyjson_mut_doc *d = was ? yyjson_doc_mut_copy(was, NULL) : yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = was ? yyjson_mut_doc_get_root(d) : yyjson_mut_obj(d), *status;

	yyjson_mut_doc_set_root(d, root);
	set_labels(f, d, mut_object_in(d, root, "metadata"));
	set_cidrs(f, d, mut_object_in(d, root, "spec"));
	status = mut_object_in(d, root, "status");
	set_capacity(f, d, status, "capacity");
	set_capacity(f, d, status, "allocatable");
	set_condition(f, d, status, "NetworkUnavailable", "False", "KnetdIsUp",
	              "knetd keeps the network of this node");
	set_condition(f, d, status, "Ready", "True", "KnetdReady", "knetd is up");
	set_addresses(f, d, status);
	set_info(f, d, status);
	return d;
}
