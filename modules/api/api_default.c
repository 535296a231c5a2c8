/* api_default.c - what an object gets where its manifest says nothing, and what an update takes
 * over from the state before. */
#include <string.h>

#include <knetd/auto.h>
#include <knetd/ip.h>
#include <knetd/life.h>

#include "api.h"

static bool missing(yyjson_mut_val *obj, const char *key)
{
	yyjson_mut_val *v = yyjson_mut_obj_get(obj, key);

	return !v || yyjson_mut_is_null(v) || yyjson_mut_equals_str(v, "");
}

static void set_if_missing(yyjson_mut_doc *doc, yyjson_mut_val *obj, const char *key,
                           const char *value)
{
	if (missing(obj, key))
		mut_set(doc, obj, key, yyjson_mut_strcpy(doc, value));
}

/* ---- Service -------------------------------------------------------------------------------- */

static void take_over(yyjson_mut_doc *doc, yyjson_mut_val *spec, yyjson_val *old_spec,
                      const char *key)
{
	yyjson_val *v = yyjson_obj_get(old_spec, key);

	if (v && missing(spec, key))
		mut_set(doc, spec, key, yyjson_val_mut_copy(doc, v));
}

static bool same_port(yyjson_mut_val *a, yyjson_val *b)
{
	const char *p = mut_str(a, "protocol"), *q = json_str(b, "protocol");

	return yyjson_mut_get_sint(yyjson_mut_obj_get(a, "port")) == json_int(b, "port", 0) &&
	       !strcmp(p ? p : "TCP", q ? q : "TCP");
}

static bool has_node_ports(const char *type)
{
	return type && (!strcmp(type, "NodePort") || !strcmp(type, "LoadBalancer"));
}

/* A Service that stops having node ports gives back those that it was given; others are told
 * (valid_service). */
static void drop_node_port(yyjson_mut_val *port, yyjson_val *was)
{
	if (json_int(was, "nodePort", 0) ==
	    yyjson_mut_get_sint(yyjson_mut_obj_get(port, "nodePort")))
		yyjson_mut_obj_remove_key(port, "nodePort");
}

static void default_service_ports(yyjson_mut_doc *doc, yyjson_mut_val *spec, yyjson_val *old_spec,
                                  bool node_ports)
{
	yyjson_val *old_ports = has_node_ports(json_str(old_spec, "type"))
	                                ? yyjson_obj_get(old_spec, "ports")
	                                : NULL;
	yyjson_mut_val *p;
	yyjson_val *was;
	size_t i, n, k, m;

	yyjson_mut_arr_foreach (yyjson_mut_obj_get(spec, "ports"), i, n, p) {
		set_if_missing(doc, p, "protocol", "TCP");
		if (missing(p, "targetPort") && yyjson_mut_obj_get(p, "port"))
			mut_set(doc, p, "targetPort",
			        yyjson_mut_val_mut_copy(doc, yyjson_mut_obj_get(p, "port")));
		if (!yyjson_mut_get_sint(yyjson_mut_obj_get(p, "nodePort")))
			yyjson_mut_obj_remove_key(p, "nodePort");
		if (i >= SERVICE_PORTS_MAX)
			continue; /* told by the validation */
		yyjson_arr_foreach (old_ports, k, m, was) {
			if (!same_port(p, was))
				continue;
			if (node_ports)
				take_over(doc, p, was, "nodePort");
			else
				drop_node_port(p, was);
		}
	}
}

static void default_traffic(yyjson_mut_doc *doc, yyjson_mut_val *spec, yyjson_val *old_spec,
                            const char *type)
{
	const char *was = json_str(old_spec, "externalTrafficPolicy"),
		   *now = mut_str(spec, "externalTrafficPolicy");
	yyjson_mut_val *config;

	if (strcmp(type, "ExternalName") != 0)
		set_if_missing(doc, spec, "internalTrafficPolicy", "Cluster");
	if (has_node_ports(type) || yyjson_mut_arr_size(yyjson_mut_obj_get(spec, "externalIPs")))
		set_if_missing(doc, spec, "externalTrafficPolicy", "Cluster");
	else if (was && now && !strcmp(was, now))
		yyjson_mut_obj_remove_key(spec, "externalTrafficPolicy");
	if (!strcmp(type, "LoadBalancer") && missing(spec, "allocateLoadBalancerNodePorts"))
		mut_set(doc, spec, "allocateLoadBalancerNodePorts", yyjson_mut_bool(doc, true));
	if (!yyjson_mut_equals_str(yyjson_mut_obj_get(spec, "sessionAffinity"), "ClientIP") ||
	    mut_at(spec, "sessionAffinityConfig.clientIP.timeoutSeconds"))
		return;
	config = yyjson_mut_obj(doc);
	yyjson_mut_obj_add_int(doc, yyjson_mut_obj_add_obj(doc, config, "clientIP"),
	                       "timeoutSeconds", 10800);
	mut_set(doc, spec, "sessionAffinityConfig", config);
}

static void default_service(yyjson_mut_doc *doc, yyjson_mut_val *root, yyjson_val *old)
{
	static const char *const kept[] = { "clusterIP", "clusterIPs", "ipFamilies",
		                            "ipFamilyPolicy", "healthCheckNodePort" };
	yyjson_mut_val *spec = yyjson_mut_obj_get(root, "spec");
	yyjson_val *old_spec = yyjson_obj_get(old, "spec");
	const char *type, *was = json_str(old_spec, "type");

	if (!spec)
		spec = yyjson_mut_obj_add_obj(doc, root, "spec");
	set_if_missing(doc, spec, "type", "ClusterIP");
	set_if_missing(doc, spec, "sessionAffinity", "None");
	type = mut_str(spec, "type");
	if (strcmp(type, "ExternalName") != 0 && was && strcmp(was, "ExternalName") != 0)
		for (size_t i = 0; i < ARRAY_LEN(kept); i++)
			take_over(doc, spec, old_spec, kept[i]);
	default_traffic(doc, spec, old_spec, type);
	default_service_ports(doc, spec, old_spec, has_node_ports(type));
}

/* ---- others --------------------------------------------------------------------------------- */

static void default_policy(yyjson_mut_doc *doc, yyjson_mut_val *root)
{
	yyjson_mut_val *spec = yyjson_mut_obj_get(root, "spec"), *types;

	if (!spec)
		spec = yyjson_mut_obj_add_obj(doc, root, "spec");
	if (missing(spec, "podSelector"))
		mut_set(doc, spec, "podSelector", yyjson_mut_obj(doc));
	if (yyjson_mut_arr_size(yyjson_mut_obj_get(spec, "policyTypes")))
		return;
	types = yyjson_mut_arr(doc);
	yyjson_mut_arr_add_str(doc, types, "Ingress");
	if (yyjson_mut_arr_size(yyjson_mut_obj_get(spec, "egress")))
		yyjson_mut_arr_add_str(doc, types, "Egress");
	mut_set(doc, spec, "policyTypes", types);
}

/* spec.finalizers is changed by the subresource finalize alone. */
static void default_finalizer(yyjson_mut_doc *doc, yyjson_mut_val *root, yyjson_val *old)
{
	yyjson_mut_val *spec = yyjson_mut_obj_get(root, "spec"), *list;
	yyjson_val *was = yyjson_obj_get(old, "spec");

	if (old) {
		if (was)
			mut_set(doc, root, "spec", yyjson_val_mut_copy(doc, was));
		else
			yyjson_mut_obj_remove_key(root, "spec");
		return;
	}
	if (!yyjson_mut_is_obj(spec)) {
		spec = yyjson_mut_obj(doc);
		mut_set(doc, root, "spec", spec);
	}
	list = yyjson_mut_obj_get(spec, "finalizers");
	if (yyjson_mut_is_arr(list) && yyjson_mut_arr_size(list))
		return;
	list = yyjson_mut_arr(doc);
	yyjson_mut_arr_add_str(doc, list, FINALIZER_NAMESPACE);
	mut_set(doc, spec, "finalizers", list);
}

static void default_namespace(yyjson_mut_doc *doc, yyjson_mut_val *root, yyjson_val *old)
{
	yyjson_mut_val *status = yyjson_mut_obj_get(root, "status"),
		       *meta = yyjson_mut_obj_get(root, "metadata");
	yyjson_mut_val *labels = yyjson_mut_obj_get(meta, "labels");
	const char *name = mut_str(meta, "name");

	if (!yyjson_mut_is_obj(status)) {
		status = yyjson_mut_obj(doc);
		mut_set(doc, root, "status", status);
	}
	if (!mut_at(status, "phase"))
		mut_set(doc, status, "phase", yyjson_mut_str(doc, "Active"));
	default_finalizer(doc, root, old);
	if (!name)
		return;
	if (!labels)
		labels = yyjson_mut_obj_add_obj(doc, meta, "labels");
	mut_set(doc, labels, "kubernetes.io/metadata.name", yyjson_mut_strcpy(doc, name));
}

static void default_slice(yyjson_mut_doc *doc, yyjson_mut_val *root)
{
	yyjson_mut_val *p;
	size_t i, n;

	if (missing(root, "endpoints"))
		mut_set(doc, root, "endpoints", yyjson_mut_arr(doc));
	yyjson_mut_arr_foreach (yyjson_mut_obj_get(root, "ports"), i, n, p) {
		set_if_missing(doc, p, "protocol", "TCP");
		if (missing(p, "name"))
			mut_set(doc, p, "name", yyjson_mut_str(doc, ""));
	}
}

/* stringData is a way to write data; it is never stored. */
static void default_secret(yyjson_mut_doc *doc, yyjson_mut_val *root)
{
	yyjson_mut_val *from = yyjson_mut_obj_get(root, "stringData"), *data, *key, *v;
	auto_buf struct buf b = { 0 };
	size_t i, n;

	set_if_missing(doc, root, "type", "Opaque");
	if (!from)
		return;
	data = yyjson_mut_obj_get(root, "data");
	if (!data)
		data = yyjson_mut_obj_add_obj(doc, root, "data");
	yyjson_mut_obj_foreach (from, i, n, key, v) {
		buf_reset(&b);
		buf_base64(&b, yyjson_mut_get_str(v), yyjson_mut_get_len(v));
		mut_set(doc, data, yyjson_mut_get_str(key),
		        yyjson_mut_strncpy(doc, b.len ? b.data : "", b.len));
	}
	yyjson_mut_obj_remove_key(root, "stringData");
}

void default_object(enum kind kind, yyjson_mut_doc *doc, yyjson_mut_val *root, yyjson_val *old)
{
	if (kind == KIND_SERVICE)
		default_service(doc, root, old);
	else if (kind == KIND_NETWORKPOLICY)
		default_policy(doc, root);
	else if (kind == KIND_NAMESPACE)
		default_namespace(doc, root, old);
	else if (kind == KIND_ENDPOINTSLICE)
		default_slice(doc, root);
	else if (kind == KIND_SECRET)
		default_secret(doc, root);
}
