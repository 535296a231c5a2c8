/* view.c - see view.h: Services, and the node. view_endpoints.c: what is behind a Service. */
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/store.h>
#include <knetd/view.h>

#define AFFINITY_DEFAULT 10800 /* seconds, Kubernetes' default */

uint8_t view_proto(const char *name)
{
	if (!name || !strcmp(name, "TCP"))
		return IPPROTO_TCP;
	return !strcmp(name, "UDP") ? IPPROTO_UDP : !strcmp(name, "SCTP") ? IPPROTO_SCTP : 0;
}

static const char *copy_or_empty(struct arena *a, const char *s)
{
	return s ? arena_strdup(a, s) : "";
}

static void view_port(yyjson_val *v, struct arena *a, struct service_port *p)
{
	yyjson_val *target = yyjson_obj_get(v, "targetPort");

	p->name = copy_or_empty(a, json_str(v, "name"));
	p->proto = view_proto(json_str(v, "protocol"));
	p->port = json_int(v, "port", 0);
	p->node_port = json_int(v, "nodePort", 0);
	p->app_protocol = copy_or_empty(a, json_str(v, "appProtocol"));
	if (yyjson_is_str(target))
		p->target_name = arena_strdup(a, yyjson_get_str(target));
	else
		p->target_port = json_int(v, "targetPort", p->port);
}

static void view_ips(yyjson_val *spec, struct service_view *out)
{
	yyjson_val *list = yyjson_obj_get(spec, "clusterIPs");
	const char *one = json_str(spec, "clusterIP");
	size_t n = yyjson_arr_size(list);

	for (size_t i = 0; i < n && out->n_ips < ARRAY_LEN(out->ips); i++) {
		const char *text = yyjson_get_str(yyjson_arr_get(list, i));

		out->headless |= text && !strcmp(text, "None");
		if (text && ip_parse(&out->ips[out->n_ips], text))
			out->n_ips++;
	}
	out->headless |= one && !strcmp(one, "None");
	if (!n && one && ip_parse(&out->ips[0], one))
		out->n_ips = 1;
}

static void add_ip(struct ip *list, unsigned *n, const char *text, bool *cut)
{
	struct ip ip;

	if (!text || !ip_parse(&ip, text) || ip_is_in(&ip, list, *n))
		return;
	if (*n == SERVICE_ADDRESSES_MAX)
		*cut = true;
	else
		list[(*n)++] = ip;
}

static struct ip *room(yyjson_val *list, struct arena *a)
{
	size_t n = yyjson_arr_size(list);

	if (n > SERVICE_ADDRESSES_MAX)
		n = SERVICE_ADDRESSES_MAX;
	return arena_alloc(a, n * sizeof(struct ip));
}

/* Addresses of ipMode Proxy are not the node's: what arrives for them has another destination. */
static void view_outside(yyjson_val *root, yyjson_val *spec, struct arena *a,
                         struct service_view *out)
{
	yyjson_val *external = yyjson_obj_get(spec, "externalIPs"),
		   *ingress = json_at(root, "status.loadBalancer.ingress"), *v;
	size_t i, n;

	out->external_ips = room(external, a);
	yyjson_arr_foreach (external, i, n, v)
		add_ip(out->external_ips, &out->n_external, yyjson_get_str(v), &out->cut);
	if (strcmp(out->type, "LoadBalancer") != 0)
		return;
	out->ingress_ips = room(ingress, a);
	yyjson_arr_foreach (ingress, i, n, v) {
		const char *mode = json_str(v, "ipMode");

		if (!mode || strcmp(mode, "Proxy") != 0)
			add_ip(out->ingress_ips, &out->n_ingress, json_str(v, "ip"), &out->cut);
	}
}

/* Kubernetes allows blanks around a range. */
static bool parse_range(struct cidr *out, const char *text)
{
	char trimmed[CIDR_TEXT];
	size_t n;

	text += strspn(text, " \t\r\n");
	n = strcspn(text, " \t\r\n");
	if (n >= sizeof(trimmed) || text[n + strspn(text + n, " \t\r\n")])
		return false;
	memcpy(trimmed, text, n);
	trimmed[n] = 0;
	return cidr_parse(out, trimmed);
}

static void view_ranges(yyjson_val *spec, struct arena *a, struct service_view *out)
{
	yyjson_val *list = yyjson_obj_get(spec, "loadBalancerSourceRanges"), *v;
	size_t most = yyjson_arr_size(list), i, n;

	out->ranged = most > 0;
	if (most > SERVICE_RANGES_MAX)
		most = SERVICE_RANGES_MAX;
	out->ranges = arena_alloc(a, most * sizeof(*out->ranges));
	yyjson_arr_foreach (list, i, n, v) {
		struct cidr c;

		if (!yyjson_is_str(v) || !parse_range(&c, yyjson_get_str(v)))
			continue;
		if (out->n_ranges < most)
			out->ranges[out->n_ranges++] = c;
		else
			out->cut = true;
	}
}

static bool is_local(yyjson_val *spec, const char *policy)
{
	return yyjson_equals_str(yyjson_obj_get(spec, policy), "Local");
}

static void view_policies(yyjson_val *root, yyjson_val *spec, struct arena *a,
                          struct service_view *out)
{
	yyjson_val *labels = json_at(root, "metadata.labels");

	out->other_proxy = yyjson_obj_get(labels, "service.kubernetes.io/service-proxy-name") ||
	                   yyjson_obj_get(labels, "service.kubernetes.io/headless");
	out->internal_local = is_local(spec, "internalTrafficPolicy");
	out->external_local = is_local(spec, "externalTrafficPolicy");
	if (yyjson_equals_str(yyjson_obj_get(spec, "sessionAffinity"), "ClientIP"))
		out->affinity = json_int(spec, "sessionAffinityConfig.clientIP.timeoutSeconds",
		                         AFFINITY_DEFAULT);
	out->health_port = json_int(spec, "healthCheckNodePort", 0);
	out->distribution = copy_or_empty(a, json_str(spec, "trafficDistribution"));
	out->publish_not_ready = json_bool(spec, "publishNotReadyAddresses", false);
}

bool view_service(const struct object *o, struct arena *a, struct service_view *out)
{
	yyjson_val *root, *spec, *ports, *port;
	const char *type;
	size_t i, n;

	*out = (struct service_view){ .doc = object_doc(o) };
	root = yyjson_doc_get_root(out->doc);
	spec = yyjson_obj_get(root, "spec");
	ports = yyjson_obj_get(spec, "ports");
	type = json_str(spec, "type");
	out->ns = arena_strdup(a, o->ns);
	out->name = arena_strdup(a, o->name);
	out->type = arena_strdup(a, type ? type : "ClusterIP");
	out->external_name = copy_or_empty(a, json_str(spec, "externalName"));
	out->selector = yyjson_obj_get(spec, "selector");
	view_policies(root, spec, a, out);
	if (strcmp(out->type, "ExternalName") != 0) {
		view_ips(spec, out);
		view_outside(root, spec, a, out);
		view_ranges(spec, a, out);
	}
	out->ports = arena_alloc(a, yyjson_arr_size(ports) * sizeof(*out->ports));
	yyjson_arr_foreach (ports, i, n, port)
		view_port(port, a, &out->ports[out->n_ports++]);
	return spec != NULL;
}

bool view_service_proxied(const struct service_view *v)
{
	return !v->headless && !v->other_proxy && strcmp(v->type, "ExternalName") != 0;
}

/* ---- the node ------------------------------------------------------------------------------- */

const char *view_zone(const struct object *node, char out[static VIEW_ZONE])
{
	auto_doc yyjson_doc *doc = node ? object_doc(node) : NULL;
	yyjson_val *labels = doc ? json_at(yyjson_doc_get_root(doc), "metadata.labels") : NULL;
	const char *zone = yyjson_get_str(yyjson_obj_get(labels, "topology.kubernetes.io/zone"));

	snprintf(out, VIEW_ZONE, "%s", zone ? zone : "");
	return out;
}

/* A Node is written often, its zone hardly ever: it is parsed once a version. */
const char *view_node_zone(void)
{
	static char zone[VIEW_ZONE];
	static uint64_t version;
	const struct object *node = store_get(KIND_NODE, "", conf.node.name);

	if (!node || node->version != version)
		view_zone(node, zone);
	version = node ? node->version : 0;
	return zone;
}

unsigned view_node_ips(const struct object *node, struct ip *out, unsigned most)
{
	auto_doc yyjson_doc *doc = node ? object_doc(node) : NULL;
	unsigned found = 0;
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (json_at(yyjson_doc_get_root(doc), "status.addresses"), i, n, v) {
		const char *text = json_str(v, "address");

		if (found < most && text &&
		    yyjson_equals_str(yyjson_obj_get(v, "type"), "InternalIP") &&
		    ip_parse(&out[found], text))
			found++;
	}
	return found;
}

bool view_node_in(const struct cidr *range)
{
	struct ip ips[VIEW_NODE_IPS];
	unsigned n = view_node_ips(store_get(KIND_NODE, "", conf.node.name), ips, VIEW_NODE_IPS);

	for (unsigned i = 0; i < n; i++)
		if (cidr_has(range, &ips[i]))
			return true;
	return false;
}

bool view_node_ports_at(const struct ip *ip)
{
	if (conf.service.node_port_primary)
		return view_node_in(&(struct cidr){ *ip, ip->len * 8 });
	for (unsigned i = 0; i < conf.service.node_port_at.n; i++)
		if (cidr_has(&conf.service.node_port_at.v[i], ip))
			return true;
	return !conf.service.node_port_at.n;
}
