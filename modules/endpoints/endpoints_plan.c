/* endpoints_plan.c - see endpoints_plan.h. The rules are those of Kubernetes' EndpointSlice
 * controller (pkg/controller/endpointslice): which Pods count, what ready, serving and terminating
 * mean, how named target ports are looked up (endpoints_pod.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/map.h>
#include <knetd/store.h>

#include "endpoints_int.h"

#define TOLERATE "service.alpha.kubernetes.io/tolerate-unready-endpoints"
#define SERVICE_NAME "kubernetes.io/service-name"
#define HEADLESS "service.kubernetes.io/headless"

/* ---- writing -------------------------------------------------------------------------------- */

void add_str(yyjson_mut_doc *d, yyjson_mut_val *obj, const char *key, const char *val)
{
	yyjson_mut_obj_add(obj, yyjson_mut_strcpy(d, key), yyjson_mut_strcpy(d, val));
}

static void add_conditions(const struct planning *pl, yyjson_mut_doc *d, yyjson_mut_val *ep,
                           yyjson_val *pod)
{
	yyjson_mut_val *c = yyjson_mut_obj_add_obj(d, ep, "conditions");
	bool terminating = json_str(pod, "metadata.deletionTimestamp") != NULL,
	     serving = pod_ready(pod);

	yyjson_mut_obj_add_bool(d, c, "ready", pl->publish || (serving && !terminating));
	yyjson_mut_obj_add_bool(d, c, "serving", serving);
	yyjson_mut_obj_add_bool(d, c, "terminating", terminating);
}

void add_pod_reference(yyjson_mut_doc *d, yyjson_mut_val *address, yyjson_val *pod)
{
	static const char *const members[] = { "namespace", "name", "uid" };
	yyjson_mut_val *ref = yyjson_mut_obj_add_obj(d, address, "targetRef");

	add_str(d, ref, "kind", "Pod");
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		add_str(d, ref, members[i], json_str(json_at(pod, "metadata"), members[i]));
}

/* Pods lie on few nodes, most often on one: the last one is remembered. */
static const char *zone_of(struct planning *pl, const char *node)
{
	char zone[VIEW_ZONE];

	if (!pl->node || strcmp(pl->node, node) != 0) {
		pl->node = arena_strdup(pl->arena, node);
		pl->zone = arena_strdup(pl->arena, view_zone(store_get(KIND_NODE, "", node), zone));
	}
	return pl->zone;
}

static void add_hint(yyjson_mut_doc *d, yyjson_mut_val *hints, const char *list, const char *name)
{
	yyjson_mut_val *v = yyjson_mut_obj_add_arr(d, hints, list);

	add_str(d, yyjson_mut_arr_add_obj(d, v), "name", name);
}

/* Any trafficDistribution means the endpoint's own zone first, PreferSameNode its node before that.
 * Only ready endpoints have hints, as Kubernetes' controller writes them. */
static void add_hints(const struct planning *pl, yyjson_mut_doc *d, yyjson_mut_val *ep,
                      const char *node, const char *zone)
{
	bool same_node = !strcmp(pl->service.distribution, "PreferSameNode");
	yyjson_mut_val *hints;

	if (!*pl->service.distribution || !(*zone || same_node))
		return;
	hints = yyjson_mut_obj_add_obj(d, ep, "hints");
	if (*zone)
		add_hint(d, hints, "forZones", zone);
	if (same_node)
		add_hint(d, hints, "forNodes", node);
}

static void add_node(struct planning *pl, yyjson_mut_doc *d, yyjson_mut_val *ep, const char *node)
{
	const char *zone = zone_of(pl, node);

	add_str(d, ep, "nodeName", node);
	if (*zone)
		add_str(d, ep, "zone", zone);
	if (yyjson_mut_get_bool(yyjson_mut_obj_get(yyjson_mut_obj_get(ep, "conditions"), "ready")))
		add_hints(pl, d, ep, node, zone);
}

static void add_endpoint(struct planning *pl, yyjson_mut_doc *d, const struct member *m)
{
	yyjson_mut_val *list = yyjson_mut_obj_get(yyjson_mut_doc_get_root(d), "endpoints");
	yyjson_mut_val *ep = yyjson_mut_arr_add_obj(d, list);
	const char *hostname = json_str(m->pod, "spec.hostname"),
		   *subdomain = json_str(m->pod, "spec.subdomain");
	const char *node = json_str(m->pod, "spec.nodeName");

	yyjson_mut_arr_append(yyjson_mut_obj_add_arr(d, ep, "addresses"),
	                      yyjson_mut_strcpy(d, m->address));
	add_conditions(pl, d, ep, m->pod);
	if (hostname && subdomain && !strcmp(subdomain, pl->object->name))
		add_str(d, ep, "hostname", hostname);
	if (node)
		add_node(pl, d, ep, node);
	add_pod_reference(d, ep, m->pod);
}

void add_ports(const struct planning *pl, yyjson_mut_doc *d, yyjson_mut_val *to,
               const struct pod_ports *ports)
{
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(d, to, "ports");

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

void add_owner(yyjson_mut_doc *d, yyjson_mut_val *meta, const char *kind, yyjson_val *owner)
{
	yyjson_mut_val *ref =
		yyjson_mut_arr_add_obj(d, yyjson_mut_obj_add_arr(d, meta, "ownerReferences"));

	add_str(d, ref, "apiVersion", "v1");
	add_str(d, ref, "kind", kind);
	add_str(d, ref, "name", json_str(owner, "metadata.name"));
	add_str(d, ref, "uid", json_str(owner, "metadata.uid"));
	yyjson_mut_obj_add_bool(d, ref, "controller", true);
	yyjson_mut_obj_add_bool(d, ref, "blockOwnerDeletion", true);
}

void add_labels_of(yyjson_mut_doc *d, yyjson_mut_val *labels, yyjson_val *from)
{
	static const char *const own[] = { SERVICE_NAME, ENDPOINTS_MANAGED_BY, HEADLESS,
		                           ENDPOINTS_V1_MANAGED_BY };
	yyjson_val *key, *v;
	size_t i, n;

	yyjson_obj_foreach (json_members(json_at(from, "metadata.labels")), i, n, key, v) {
		bool skip = !yyjson_is_str(v);

		for (size_t k = 0; k < ARRAY_LEN(own); k++)
			skip |= yyjson_equals_str(key, own[k]);
		if (!skip)
			add_str(d, labels, yyjson_get_str(key), yyjson_get_str(v));
	}
}

/* ---- slices -----------------------------------------------------------------------------------
 */

/* A name that stays while the Service, family, port numbers and part stay. */
static const char *slice_name(const struct planning *pl, uint8_t family,
                              const struct pod_ports *ports, unsigned part)
{
	uint64_t h = hash_bytes(ports->v, ports->n * sizeof(ports->v[0]), family + 256ull * part);

	return arena_printf(pl->arena, "%.240s-%08x", pl->object->name, (unsigned)h);
}

struct planned_slice *plan_slice(struct endpoints_plan *out, struct arena *a)
{
	if (out->n == out->cap) {
		unsigned cap = out->cap ? out->cap * 2 : 4;
		struct planned_slice *grown = arena_alloc(a, cap * sizeof(*grown));

		if (out->n)
			memcpy(grown, out->slices, out->n * sizeof(*grown));
		out->slices = grown;
		out->cap = cap;
	}
	return &out->slices[out->n++];
}

static yyjson_mut_doc *slice_new(const struct planning *pl, uint8_t family,
                                 const struct pod_ports *ports)
{
	yyjson_mut_doc *d = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(d), *meta, *labels;

	yyjson_mut_doc_set_root(d, root);
	meta = yyjson_mut_obj_add_obj(d, root, "metadata");
	labels = yyjson_mut_obj_add_obj(d, meta, "labels");
	add_str(d, labels, SERVICE_NAME, pl->object->name);
	add_str(d, labels, ENDPOINTS_MANAGED_BY, ENDPOINTS_MANAGER);
	if (pl->service.headless)
		add_str(d, labels, HEADLESS, "");
	add_labels_of(d, labels, pl->service_root);
	add_owner(d, meta, "Service", pl->service_root);
	add_str(d, root, "addressType", family == 4 ? "IPv4" : "IPv6");
	yyjson_mut_obj_add_arr(d, root, "endpoints");
	add_ports(pl, d, root, ports);
	return d;
}

/* Which slice each Pod is in as they stand: Pod's name -> slice's name, both in the arena. */
static void read_places(const struct planning *pl, struct map *places)
{
	for (const struct list *l = pl->existing ? pl->existing->next : NULL;
	     l && l != pl->existing; l = l->next) {
		const struct object *o = container_of(l, const struct object, in_group);
		auto_doc yyjson_doc *doc = object_doc(o);
		char *slice = arena_strdup(pl->arena, o->name);
		yyjson_val *v;
		size_t i, n;

		yyjson_arr_foreach (yyjson_obj_get(yyjson_doc_get_root(doc), "endpoints"), i, n,
		                    v) {
			const char *pod = json_str(v, "targetRef.name");

			if (pod)
				map_put(places, arena_strdup(pl->arena, pod), strlen(pod), slice);
		}
	}
}

/* A Pod stays where it is while there is room; newcomers fill the first gap. So one Pod's change
 * touches one slice. parts: how many there may be. */
static void place(const struct planning *pl, struct bucket *b, uint8_t family, unsigned parts,
                  unsigned *filled)
{
	struct map places = { 0 }, names = { 0 };
	unsigned first = 0;

	read_places(pl, &places);
	for (unsigned p = 0; p < parts; p++) {
		const char *name = slice_name(pl, family, &b->ports, p);

		map_put(&names, name, strlen(name), &filled[p]);
	}
	for (size_t i = 0; i < b->n; i++) {
		struct member *m = &b->v[i];
		const char *was = map_get(&places, m->name, strlen(m->name));
		unsigned *at = was ? map_get(&names, was, strlen(was)) : NULL;

		if (!at || *at == ENDPOINTS_SLICE_MAX)
			continue;
		m->placed = true;
		m->part = at - filled;
		++*at;
	}
	for (size_t i = 0; i < b->n; i++) {
		if (b->v[i].placed)
			continue;
		while (filled[first] == ENDPOINTS_SLICE_MAX)
			first++;
		b->v[i].part = first;
		filled[first]++;
	}
	map_free(&places);
	map_free(&names);
}

static void write_bucket(struct planning *pl, struct bucket *b, uint8_t family)
{
	unsigned parts = 2 * (b->n / ENDPOINTS_SLICE_MAX) + 2;
	unsigned *filled = arena_alloc(pl->arena, parts * sizeof(*filled));
	yyjson_mut_doc **docs = arena_alloc(pl->arena, parts * sizeof(*docs));

	if (b->n > ENDPOINTS_SLICE_MAX)
		place(pl, b, family, parts, filled);
	else
		filled[0] = b->n;
	for (unsigned p = 0; p < parts; p++) {
		if (!filled[p] && (p || b->n)) /* an empty Service has one empty slice */
			continue;
		docs[p] = slice_new(pl, family, &b->ports);
		*plan_slice(pl->out, pl->arena) = (struct planned_slice){
			.name = slice_name(pl, family, &b->ports, p),
			.doc = docs[p],
		};
	}
	for (size_t i = 0; i < b->n; i++)
		add_endpoint(pl, docs[b->v[i].part], &b->v[i]);
}

/* ---- families ---------------------------------------------------------------------------------
 */

static struct bucket *bucket_for(const struct planning *pl, struct bucket **all,
                                 const struct pod_ports *ports)
{
	struct bucket *b;

	for (b = *all; b; b = b->next)
		if (!memcmp(&b->ports, ports, sizeof(*ports)))
			return b;
	b = arena_alloc(pl->arena, sizeof(*b));
	b->ports = *ports;
	b->next = *all;
	return *all = b;
}

static void bucket_add(const struct planning *pl, struct bucket *b, const struct member *m)
{
	if (b->n == b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 8;
		struct member *grown = arena_alloc(pl->arena, cap * sizeof(*grown));

		if (b->n)
			memcpy(grown, b->v, b->n * sizeof(*grown));
		b->v = grown;
		b->cap = cap;
	}
	b->v[b->n++] = *m;
}

static void note_lost(const struct planning *pl, const struct member *m,
                      const struct pod_ports *ports)
{
	for (unsigned i = 0; i < ports->n && !pl->out->lost_port; i++)
		if (!ports->v[i] && pl->service.ports[i].target_name) {
			pl->out->lost_port = pl->service.ports[i].target_name;
			pl->out->lost_pod = arena_strdup(pl->arena, m->name);
		}
}

static struct bucket *sort_out(const struct planning *pl, uint8_t family, yyjson_val *const *pods,
                               size_t n)
{
	struct bucket *all = NULL;

	for (size_t i = 0; i < n; i++) {
		const char *address = pod_counts(pods[i]) ? pod_address(pods[i], family) : NULL;
		struct member m = { .name = json_str(pods[i], "metadata.name"),
			            .address = address,
			            .pod = pods[i] };
		struct pod_ports ports;

		if (!address)
			continue;
		pod_ports(pl, pods[i], &ports);
		note_lost(pl, &m, &ports);
		bucket_add(pl, bucket_for(pl, &all, &ports), &m);
	}
	if (!all)
		bucket_for(pl, &all, &(struct pod_ports){ 0 });
	return all;
}

/* The families are the Service's ipFamilies; an old object without them has its addresses'. */
static unsigned families_of(const struct planning *pl, uint8_t out[2])
{
	yyjson_val *list = json_at(pl->service_root, "spec.ipFamilies"), *v;
	unsigned n = 0;
	size_t i, max;

	yyjson_arr_foreach (list, i, max, v)
		if (n < 2)
			out[n++] = yyjson_equals_str(v, "IPv6") ? 16 : 4;
	for (i = 0; !yyjson_arr_size(list) && i < pl->service.n_ips; i++)
		out[n++] = pl->service.ips[i].len;
	return n;
}

static bool publishes(const struct planning *pl)
{
	yyjson_val *annotations = json_at(pl->service_root, "metadata.annotations");

	return pl->service.publish_not_ready ||
	       yyjson_equals_str(yyjson_obj_get(annotations, TOLERATE), "true");
}

void endpoints_plan(const struct object *service, const struct object *const *pods, size_t n_pods,
                    const struct list *existing, struct arena *a, struct endpoints_plan *out)
{
	struct planning pl = { .object = service, .existing = existing, .arena = a, .out = out };
	yyjson_doc **docs = arena_alloc(a, (n_pods + 1) * sizeof(*docs));
	yyjson_val **roots = arena_alloc(a, (n_pods + 1) * sizeof(*roots));
	uint8_t families[2];
	unsigned n;

	*out = (struct endpoints_plan){ 0 };
	view_service(service, a, &pl.service);
	pl.service_root = yyjson_doc_get_root(pl.service.doc);
	pl.publish = publishes(&pl);
	for (size_t i = 0; i < n_pods; i++) {
		docs[i] = object_doc(pods[i]);
		roots[i] = yyjson_doc_get_root(docs[i]);
	}
	n = families_of(&pl, families);
	for (unsigned f = 0; f < n; f++) {
		struct bucket *all = sort_out(&pl, families[f], roots, n_pods);

		for (struct bucket *b = all; b; b = b->next)
			write_bucket(&pl, b, families[f]);
		if (!f)
			out->endpoints = plan_v1(&pl, all);
	}
	for (size_t i = 0; i < n_pods; i++)
		yyjson_doc_free(docs[i]);
	yyjson_doc_free(pl.service.doc);
}
