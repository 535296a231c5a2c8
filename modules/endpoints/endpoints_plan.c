/* endpoints_plan.c - see endpoints_plan.h. The rules are those of Kubernetes' EndpointSlice
 * controller (pkg/controller/endpointslice): which Pods count, what ready, serving and terminating
 * mean, how named target ports are looked up. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/map.h>
#include <knetd/view.h>

#include "endpoints_plan.h"

#define PORTS_MAX 100 /* of a slice, by the API's validation */

struct planning {
	const struct object *object;
	struct service_view service;
	yyjson_val *service_root;
	struct arena *arena;
	struct endpoints_plan *out;
};

/* The target ports of one Pod, in the order of the Service's ports; 0 where a name is not found. */
struct pod_ports {
	unsigned n;
	uint16_t v[PORTS_MAX];
};

static const char *proto_name(uint8_t proto)
{
	return proto == IPPROTO_UDP ? "UDP" : proto == IPPROTO_SCTP ? "SCTP" : "TCP";
}

/* knetd.io/ports: "http=8080,metrics=9090" names the ports of a Pod that has no container list. */
static uint16_t annotated_port(yyjson_val *pod, const char *name)
{
	const char *p = yyjson_get_str(
		yyjson_obj_get(json_at(pod, "metadata.annotations"), "knetd.io/ports"));
	size_t n = strlen(name);

	while (p && *p) {
		p += strspn(p, ", ");
		if (!strncmp(p, name, n) && p[n] == '=') {
			long port = strtol(p + n + 1, NULL, 10);

			return port > 0 && port < 65536 ? port : 0;
		}
		p += strcspn(p, ",");
	}
	return 0;
}

static uint16_t named_port(yyjson_val *pod, const char *name, uint8_t proto)
{
	yyjson_val *containers = json_at(pod, "spec.containers"), *container, *port;
	size_t i, n, k, m;

	yyjson_arr_foreach (containers, i, n, container) {
		yyjson_arr_foreach (yyjson_obj_get(container, "ports"), k, m, port) {
			const char *p = json_str(port, "name"), *t = json_str(port, "protocol");

			if (p && !strcmp(p, name) && !strcmp(t ? t : "TCP", proto_name(proto)))
				return json_int(port, "containerPort", 0);
		}
	}
	return annotated_port(pod, name);
}

static void pod_ports(const struct planning *pl, yyjson_val *pod, struct pod_ports *out)
{
	*out = (struct pod_ports){ 0 };
	for (unsigned i = 0; i < pl->service.n_ports && i < PORTS_MAX; i++) {
		const struct service_port *p = &pl->service.ports[i];

		out->v[out->n++] =
			p->target_name ? named_port(pod, p->target_name, p->proto) : p->target_port;
	}
}

static bool pod_ready(yyjson_val *pod)
{
	yyjson_val *conditions = json_at(pod, "status.conditions"), *c;
	size_t i, n;

	yyjson_arr_foreach (conditions, i, n, c) {
		const char *type = json_str(c, "type"), *status = json_str(c, "status");

		if (type && status && !strcmp(type, "Ready"))
			return !strcmp(status, "True");
	}
	return false;
}

/* The Pod's address of that family, or NULL. */
static const char *pod_address(yyjson_val *pod, uint8_t family)
{
	yyjson_val *list = json_at(pod, "status.podIPs"), *item;
	const char *one = json_str(pod, "status.podIP");
	struct ip ip;
	size_t i, n;

	yyjson_arr_foreach (list, i, n, item) {
		const char *text = json_str(item, "ip");

		if (text && ip_parse(&ip, text) && ip.len == family)
			return text;
	}
	return one && ip_parse(&ip, one) && ip.len == family ? one : NULL;
}

static bool pod_counts(yyjson_val *pod)
{
	const char *phase = json_str(pod, "status.phase");

	return !phase || (strcmp(phase, "Succeeded") != 0 && strcmp(phase, "Failed") != 0);
}

static void add_str(yyjson_mut_doc *d, yyjson_mut_val *obj, const char *key, const char *val)
{
	yyjson_mut_obj_add(obj, yyjson_mut_str(d, key), yyjson_mut_strcpy(d, val));
}

static void add_conditions(const struct planning *pl, yyjson_mut_doc *d, yyjson_mut_val *ep,
                           yyjson_val *pod)
{
	yyjson_mut_val *c = yyjson_mut_obj_add_obj(d, ep, "conditions");
	bool terminating = json_str(pod, "metadata.deletionTimestamp") != NULL,
	     serving = pod_ready(pod);

	yyjson_mut_obj_add_bool(d, c, "ready",
	                        pl->service.publish_not_ready || (serving && !terminating));
	yyjson_mut_obj_add_bool(d, c, "serving", serving);
	yyjson_mut_obj_add_bool(d, c, "terminating", terminating);
}

static void add_target(yyjson_mut_doc *d, yyjson_mut_val *ep, yyjson_val *pod)
{
	yyjson_mut_val *ref = yyjson_mut_obj_add_obj(d, ep, "targetRef");

	add_str(d, ref, "kind", "Pod");
	add_str(d, ref, "namespace", json_str(pod, "metadata.namespace"));
	add_str(d, ref, "name", json_str(pod, "metadata.name"));
	add_str(d, ref, "uid", json_str(pod, "metadata.uid"));
}

static void add_endpoint(const struct planning *pl, yyjson_mut_doc *d, yyjson_val *pod,
                         const char *address)
{
	yyjson_mut_val *list = yyjson_mut_obj_get(yyjson_mut_doc_get_root(d), "endpoints");
	yyjson_mut_val *ep = yyjson_mut_arr_add_obj(d, list);
	const char *hostname = json_str(pod, "spec.hostname"),
		   *subdomain = json_str(pod, "spec.subdomain");
	const char *node = json_str(pod, "spec.nodeName");

	yyjson_mut_arr_append(yyjson_mut_obj_add_arr(d, ep, "addresses"),
	                      yyjson_mut_strcpy(d, address));
	add_conditions(pl, d, ep, pod);
	if (hostname && subdomain && !strcmp(subdomain, pl->object->name))
		add_str(d, ep, "hostname", hostname);
	if (node)
		add_str(d, ep, "nodeName", node);
	add_target(d, ep, pod);
}

static void add_ports(const struct planning *pl, yyjson_mut_doc *d, const struct pod_ports *ports)
{
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(d, yyjson_mut_doc_get_root(d), "ports");

	for (unsigned i = 0; i < ports->n; i++) {
		const struct service_port *p = &pl->service.ports[i];
		yyjson_mut_val *port;

		if (!ports->v[i])
			continue;
		port = yyjson_mut_arr_add_obj(d, list);
		add_str(d, port, "name", p->name);
		add_str(d, port, "protocol", proto_name(p->proto));
		yyjson_mut_obj_add_int(d, port, "port", ports->v[i]);
		if (p->app_protocol[0])
			add_str(d, port, "appProtocol", p->app_protocol);
	}
}

static void add_owner(const struct planning *pl, yyjson_mut_doc *d, yyjson_mut_val *meta)
{
	yyjson_mut_val *owner =
		yyjson_mut_arr_add_obj(d, yyjson_mut_obj_add_arr(d, meta, "ownerReferences"));

	add_str(d, owner, "apiVersion", "v1");
	add_str(d, owner, "kind", "Service");
	add_str(d, owner, "name", pl->object->name);
	add_str(d, owner, "uid", json_str(pl->service_root, "metadata.uid"));
	yyjson_mut_obj_add_bool(d, owner, "controller", true);
	yyjson_mut_obj_add_bool(d, owner, "blockOwnerDeletion", true);
}

/* A name that stays while the Service, family, port numbers and part stay. */
static const char *slice_name(const struct planning *pl, uint8_t family,
                              const struct pod_ports *ports, unsigned part)
{
	uint64_t h = hash_bytes(ports->v, ports->n * sizeof(ports->v[0]), family + 256ull * part);

	return arena_printf(pl->arena, "%.240s-%05x", pl->object->name, (unsigned)(h & 0xfffff));
}

static yyjson_mut_doc *slice_new(const struct planning *pl, uint8_t family,
                                 const struct pod_ports *ports)
{
	yyjson_mut_doc *d = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(d), *meta, *labels;

	yyjson_mut_doc_set_root(d, root);
	meta = yyjson_mut_obj_add_obj(d, root, "metadata");
	labels = yyjson_mut_obj_add_obj(d, meta, "labels");
	add_str(d, labels, "kubernetes.io/service-name", pl->object->name);
	add_str(d, labels, ENDPOINTS_MANAGED_BY, ENDPOINTS_MANAGER);
	if (pl->service.headless)
		add_str(d, labels, "service.kubernetes.io/headless", "");
	add_owner(pl, d, meta);
	add_str(d, root, "addressType", family == 4 ? "IPv4" : "IPv6");
	yyjson_mut_obj_add_arr(d, root, "endpoints");
	add_ports(pl, d, ports);
	return d;
}

/* One growing run of slices: a family and a set of port numbers. */
struct bucket {
	struct pod_ports ports;
	unsigned part;
	yyjson_mut_doc *doc; /* the slice that is being filled */
	struct bucket *next;
};

static void bucket_slice(const struct planning *pl, struct bucket *b, uint8_t family)
{
	struct endpoints_plan *out = pl->out;

	if (out->n == out->cap) {
		unsigned cap = out->cap ? out->cap * 2 : 4;
		struct planned_slice *grown = arena_alloc(pl->arena, cap * sizeof(*grown));

		if (out->n)
			memcpy(grown, out->slices, out->n * sizeof(*grown));
		out->slices = grown;
		out->cap = cap;
	}
	b->doc = slice_new(pl, family, &b->ports);
	out->slices[out->n++] = (struct planned_slice){
		.name = slice_name(pl, family, &b->ports, b->part++),
		.doc = b->doc,
	};
}

static struct bucket *bucket_for(const struct planning *pl, struct bucket **all,
                                 const struct pod_ports *ports, uint8_t family)
{
	struct bucket *b;

	for (b = *all; b; b = b->next)
		if (!memcmp(&b->ports, ports, sizeof(*ports)))
			break;
	if (!b) {
		b = arena_alloc(pl->arena, sizeof(*b));
		b->ports = *ports;
		b->next = *all;
		*all = b;
	}
	if (!b->doc || yyjson_mut_arr_size(yyjson_mut_obj_get(yyjson_mut_doc_get_root(b->doc),
	                                                      "endpoints")) == ENDPOINTS_SLICE_MAX)
		bucket_slice(pl, b, family);
	return b;
}

static void plan_family(const struct planning *pl, uint8_t family, const struct object *const *pods,
                        size_t n)
{
	struct bucket *all = NULL;

	for (size_t i = 0; i < n; i++) {
		auto_doc yyjson_doc *doc = object_doc(pods[i]);
		yyjson_val *pod = yyjson_doc_get_root(doc);
		const char *address = pod_counts(pod) ? pod_address(pod, family) : NULL;
		struct pod_ports ports;

		if (!address)
			continue;
		pod_ports(pl, pod, &ports);
		add_endpoint(pl, bucket_for(pl, &all, &ports, family)->doc, pod, address);
	}
	if (!all)
		bucket_for(pl, &all, &(struct pod_ports){ 0 }, family);
}

/* The families are the Service's ipFamilies; an old object without them has its addresses'. */
static bool wants_family(const struct planning *pl, uint8_t family)
{
	yyjson_val *list = json_at(pl->service_root, "spec.ipFamilies"), *v;
	const char *name = family == 4 ? "IPv4" : "IPv6";
	size_t i, n;

	yyjson_arr_foreach (list, i, n, v)
		if (yyjson_equals_str(v, name))
			return true;
	for (i = 0; !yyjson_arr_size(list) && i < pl->service.n_ips; i++)
		if (pl->service.ips[i].len == family)
			return true;
	return false;
}

void endpoints_plan(const struct object *service, const struct object *const *pods, size_t n_pods,
                    struct arena *a, struct endpoints_plan *out)
{
	struct planning pl = { .object = service, .arena = a, .out = out };

	*out = (struct endpoints_plan){ 0 };
	view_service(service, a, &pl.service);
	pl.service_root = yyjson_doc_get_root(pl.service.doc);
	if (wants_family(&pl, 4))
		plan_family(&pl, 4, pods, n_pods);
	if (wants_family(&pl, 16))
		plan_family(&pl, 16, pods, n_pods);
	yyjson_doc_free(pl.service.doc);
}
