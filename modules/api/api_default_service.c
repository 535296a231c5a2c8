/* api_default_service.c - what a Service gets where its manifest says nothing, what an update takes
 * over from the state before, and what a change of type takes away (SetDefaults_Service,
 * patchAllocatedValues, normalizeClusterIPs and dropTypeDependentFields in Kubernetes).
 *
 * The rule of the last: a field is dropped when it no longer applies, may have been filled in by
 * the daemon, and was not changed by the same request. Otherwise the validation tells. */
#include <string.h>

#include "api_valid.h"

static bool has_type(yyjson_val *spec, const char *type)
{
	const char *s = json_str(spec, "type");

	return s && !strcmp(s, type);
}

static bool old_has_node_ports(yyjson_val *spec)
{
	return has_type(spec, "NodePort") || has_type(spec, "LoadBalancer");
}

static bool has_node_ports(yyjson_mut_val *spec)
{
	return text_is(spec, "type", "NodePort") || text_is(spec, "type", "LoadBalancer");
}

static bool old_wants_health(yyjson_val *spec)
{
	const char *policy = json_str(spec, "externalTrafficPolicy");

	return has_type(spec, "LoadBalancer") && policy && !strcmp(policy, "Local");
}

/* ---- defaults ------------------------------------------------------------------------------- */

static void default_ports(yyjson_mut_doc *doc, yyjson_mut_val *spec)
{
	yyjson_mut_val *p;
	size_t i, n;

	yyjson_mut_arr_foreach (yyjson_mut_obj_get(spec, "ports"), i, n, p) {
		yyjson_mut_val *to = yyjson_mut_obj_get(p, "targetPort");

		set_if_missing(doc, p, "protocol", "TCP");
		if ((missing(p, "targetPort") ||
		     (yyjson_mut_is_int(to) && !yyjson_mut_get_sint(to))) &&
		    has(p, "port"))
			mut_set(doc, p, "targetPort",
			        yyjson_mut_val_mut_copy(doc, yyjson_mut_obj_get(p, "port")));
		if (!number_of(p, "nodePort"))
			yyjson_mut_obj_remove_key(p, "nodePort");
	}
}

static void default_affinity(yyjson_mut_doc *doc, yyjson_mut_val *spec)
{
	yyjson_mut_val *config;

	set_if_missing(doc, spec, "sessionAffinity", "None");
	if (text_is(spec, "sessionAffinity", "None"))
		yyjson_mut_obj_remove_key(spec, "sessionAffinityConfig");
	if (!text_is(spec, "sessionAffinity", "ClientIP") ||
	    mut_at(spec, "sessionAffinityConfig.clientIP.timeoutSeconds"))
		return;
	config = yyjson_mut_obj(doc);
	yyjson_mut_obj_add_int(doc, yyjson_mut_obj_add_obj(doc, config, "clientIP"),
	                       "timeoutSeconds", 10800);
	mut_set(doc, spec, "sessionAffinityConfig", config);
}

static void default_balancer(yyjson_mut_doc *doc, yyjson_mut_val *root, yyjson_mut_val *spec)
{
	yyjson_mut_val *v;
	size_t i, n;

	if (!text_is(spec, "type", "LoadBalancer"))
		return;
	if (missing(spec, "allocateLoadBalancerNodePorts"))
		mut_set(doc, spec, "allocateLoadBalancerNodePorts", yyjson_mut_bool(doc, true));
	yyjson_mut_arr_foreach (mut_at(root, "status.loadBalancer.ingress"), i, n, v)
		if (!missing(v, "ip"))
			set_if_missing(doc, v, "ipMode", "VIP");
}

/* ---- taken over ----------------------------------------------------------------------------- */

static void take_over(yyjson_mut_doc *doc, yyjson_mut_val *spec, yyjson_val *was, const char *key)
{
	yyjson_val *v = yyjson_obj_get(was, key);

	if (v)
		mut_set(doc, spec, key, yyjson_val_mut_copy(doc, v));
}

static bool uses_node_port(yyjson_mut_val *ports, int64_t number)
{
	yyjson_mut_val *p;
	size_t i, n;

	yyjson_mut_arr_foreach (ports, i, n, p)
		if (number_of(p, "nodePort") == number)
			return true;
	return false;
}

/* A port keeps its node port by its name, unless another port asks for that number. */
static void keep_node_ports(yyjson_mut_doc *doc, yyjson_mut_val *spec, yyjson_val *was)
{
	yyjson_mut_val *ports = yyjson_mut_obj_get(spec, "ports"), *p;
	yyjson_val *old;
	size_t i, n, k, m;

	if (yyjson_mut_arr_size(ports) > SERVICE_PORTS_MAX)
		return; /* told by the validation */
	yyjson_mut_arr_foreach (ports, i, n, p) {
		int64_t number = 0;

		if (number_of(p, "nodePort"))
			continue;
		yyjson_arr_foreach (yyjson_obj_get(was, "ports"), k, m, old) {
			const char *name = json_str(old, "name");

			if (!strcmp(text_of(p, "name"), name ? name : ""))
				number = json_int(old, "nodePort", 0);
		}
		if (number && !uses_node_port(ports, number))
			mut_set(doc, p, "nodePort", yyjson_mut_sint(doc, number));
	}
}

static bool same_ips(yyjson_mut_val *spec, yyjson_val *was)
{
	yyjson_mut_val *list = yyjson_mut_obj_get(spec, "clusterIPs"), *v;
	yyjson_val *before = yyjson_obj_get(was, "clusterIPs");
	size_t i, n;

	if (yyjson_mut_arr_size(list) != yyjson_arr_size(before))
		return false;
	yyjson_mut_arr_foreach (list, i, n, v) {
		const char *s = yyjson_get_str(yyjson_arr_get(before, i));

		if (!s || !yyjson_mut_equals_str(v, s))
			return false;
	}
	return true;
}

static void set_cluster_ips(yyjson_mut_doc *doc, yyjson_mut_val *spec)
{
	yyjson_mut_val *list = yyjson_mut_arr(doc);

	yyjson_mut_arr_add_strcpy(doc, list, text_of(spec, "clusterIP"));
	mut_set(doc, spec, "clusterIPs", list);
}

/* clusterIP and clusterIPs say the same: old clients know only the one. */
static void join_ips(yyjson_mut_doc *doc, yyjson_mut_val *spec, yyjson_val *was)
{
	const char *before = json_str(was, "clusterIP");
	bool given = !missing(spec, "clusterIP"),
	     list = yyjson_mut_arr_size(yyjson_mut_obj_get(spec, "clusterIPs"));

	if (!list)
		yyjson_mut_obj_remove_key(spec, "clusterIPs");
	if (!was) {
		if (given && !list)
			set_cluster_ips(doc, spec);
	} else if (strcmp(text_of(spec, "clusterIP"), before ? before : "") != 0 &&
	           same_ips(spec, was)) {
		if (given)
			set_cluster_ips(doc, spec);
		else
			yyjson_mut_obj_remove_key(spec, "clusterIPs");
	}
}

static void keep_allocated(yyjson_mut_doc *doc, yyjson_mut_val *spec, yyjson_val *was)
{
	if (!text_is(spec, "type", "ExternalName") && !has_type(was, "ExternalName")) {
		if (missing(spec, "clusterIP"))
			take_over(doc, spec, was, "clusterIP");
		if (!yyjson_mut_arr_size(yyjson_mut_obj_get(spec, "clusterIPs")))
			take_over(doc, spec, was, "clusterIPs");
	}
	if (has_node_ports(spec) && old_has_node_ports(was))
		keep_node_ports(doc, spec, was);
	if (service_wants_health(spec) && old_wants_health(was) &&
	    !number_of(spec, "healthCheckNodePort"))
		take_over(doc, spec, was, "healthCheckNodePort");
}

/* ---- dropped -------------------------------------------------------------------------------- */

static bool had_node_port(yyjson_val *was, int64_t number)
{
	yyjson_val *p;
	size_t i, n;

	yyjson_arr_foreach (yyjson_obj_get(was, "ports"), i, n, p)
		if (json_int(p, "nodePort", 0) == number)
			return true;
	return false;
}

static void drop_node_ports(yyjson_mut_val *spec, yyjson_val *was)
{
	yyjson_mut_val *ports = yyjson_mut_obj_get(spec, "ports"), *p;
	size_t i, n;

	yyjson_mut_arr_foreach (ports, i, n, p)
		if (number_of(p, "nodePort") && !had_node_port(was, number_of(p, "nodePort")))
			return;
	yyjson_mut_arr_foreach (ports, i, n, p)
		yyjson_mut_obj_remove_key(p, "nodePort");
}

static void drop_same(yyjson_mut_val *spec, yyjson_val *was, const char *field)
{
	if (same_value(yyjson_mut_obj_get(spec, field), yyjson_obj_get(was, field)))
		yyjson_mut_obj_remove_key(spec, field);
}

static void drop_cluster_ips(yyjson_mut_val *spec, yyjson_val *was)
{
	const char *ip = json_str(was, "clusterIP");

	if (text_is(spec, "clusterIP", ip ? ip : "") && same_ips(spec, was)) {
		yyjson_mut_obj_remove_key(spec, "clusterIP");
		yyjson_mut_obj_remove_key(spec, "clusterIPs");
	}
	drop_same(spec, was, "ipFamilies");
	drop_same(spec, was, "ipFamilyPolicy");
}

static void drop_by_type(yyjson_mut_doc *doc, yyjson_mut_val *root, yyjson_mut_val *spec,
                         yyjson_val *was)
{
	bool balancer = text_is(spec, "type", "LoadBalancer");

	if (text_is(spec, "type", "ExternalName") && !has_type(was, "ExternalName"))
		drop_cluster_ips(spec, was);
	if (old_has_node_ports(was) && !has_node_ports(spec))
		drop_node_ports(spec, was);
	if (old_wants_health(was) && !service_wants_health(spec))
		drop_same(spec, was, "healthCheckNodePort");
	if (has_type(was, "LoadBalancer") && !balancer) {
		drop_same(spec, was, "allocateLoadBalancerNodePorts");
		drop_same(spec, was, "loadBalancerClass");
	}
	if (json_str(was, "externalTrafficPolicy") && !service_external(spec))
		drop_same(spec, was, "externalTrafficPolicy");
	if (!balancer && mut_at(root, "status.loadBalancer.ingress"))
		mut_set(doc, yyjson_mut_obj_get(root, "status"), "loadBalancer",
		        yyjson_mut_obj(doc));
}

void default_service(yyjson_mut_doc *doc, yyjson_mut_val *root, yyjson_val *old)
{
	static const char *const empty[] = { "ipFamilyPolicy", "externalTrafficPolicy",
		                             "clusterIP" };
	yyjson_mut_val *spec = yyjson_mut_obj_get(root, "spec");
	yyjson_val *was = yyjson_obj_get(old, "spec");

	if (!spec)
		spec = yyjson_mut_obj_add_obj(doc, root, "spec");
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++)
		if (missing(spec, empty[i]))
			yyjson_mut_obj_remove_key(spec, empty[i]);
	set_if_missing(doc, spec, "type", "ClusterIP");
	mut_object_in(doc, mut_object_in(doc, root, "status"), "loadBalancer"); /* always there */
	default_affinity(doc, spec);
	default_ports(doc, spec);
	if (!text_is(spec, "type", "ExternalName"))
		set_if_missing(doc, spec, "internalTrafficPolicy", "Cluster");
	if (service_external(spec))
		set_if_missing(doc, spec, "externalTrafficPolicy", "Cluster");
	default_balancer(doc, root, spec);
	if (!number_of(spec, "healthCheckNodePort"))
		yyjson_mut_obj_remove_key(spec, "healthCheckNodePort");
	if (was)
		keep_allocated(doc, spec, was);
	join_ips(doc, spec, was);
	if (was)
		drop_by_type(doc, root, spec, was);
}
