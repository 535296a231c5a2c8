/* endpoints_v1.c - the older form, v1 Endpoints: written beside the slices, because many clients
 * read nothing else (kubectl 1.20's describe), and read where a Service without a selector has them
 * by hand. Kubernetes' pkg/controller/endpoint and endpointslicemirroring are the model.
 *
 * What is written is lean: an address with its Pod's name, and no node and no uid: those stand in
 * the slices. */
#include <string.h>

#include <knetd/auto.h>
#include <knetd/map.h>

#include "endpoints_int.h"

#define OVER_CAPACITY "endpoints.kubernetes.io/over-capacity"
#define SKIP_MIRROR "endpointslice.kubernetes.io/skip-mirror"
#define LEADER "control-plane.alpha.kubernetes.io/leader"

/* ---- Endpoints out of the plan ------------------------------------------------------------------
 */

static void add_v1_address(const struct planning *pl, yyjson_mut_doc *d, yyjson_mut_val *list,
                           const struct member *m)
{
	yyjson_mut_val *a = yyjson_mut_arr_add_obj(d, list), *ref;
	const char *hostname = json_str(m->pod, "spec.hostname"),
		   *subdomain = json_str(m->pod, "spec.subdomain");

	add_str(d, a, "ip", m->address);
	if (hostname && subdomain && !strcmp(subdomain, pl->object->name))
		add_str(d, a, "hostname", hostname);
	ref = yyjson_mut_obj_add_obj(d, a, "targetRef");
	add_str(d, ref, "kind", "Pod");
	add_str(d, ref, "name", m->name);
}

static bool listed(const struct planning *pl, const struct member *m)
{
	return pl->publish || !json_str(m->pod, "metadata.deletionTimestamp");
}

static void add_v1_list(const struct planning *pl, yyjson_mut_doc *d, yyjson_mut_val *subset,
                        const struct bucket *b, bool ready, unsigned *room)
{
	yyjson_mut_val *list = NULL;

	for (size_t i = 0; i < b->n && *room; i++) {
		const struct member *m = &b->v[i];

		if (!listed(pl, m) || (pl->publish || pod_ready(m->pod)) != ready)
			continue;
		if (!list)
			list = yyjson_mut_obj_add_arr(d, subset,
			                              ready ? "addresses" : "notReadyAddresses");
		add_v1_address(pl, d, list, m);
		--*room;
	}
}

static size_t count_listed(const struct planning *pl, const struct bucket *buckets)
{
	size_t n = 0;

	for (const struct bucket *b = buckets; b; b = b->next)
		for (size_t i = 0; i < b->n; i++)
			n += listed(pl, &b->v[i]);
	return n;
}

yyjson_mut_doc *plan_v1(const struct planning *pl, const struct bucket *buckets)
{
	yyjson_mut_doc *d = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(d), *meta, *labels, *subsets, *subset;
	unsigned room = ENDPOINTS_V1_MAX;

	yyjson_mut_doc_set_root(d, root);
	meta = yyjson_mut_obj_add_obj(d, root, "metadata");
	labels = yyjson_mut_obj_add_obj(d, meta, "labels");
	add_str(d, labels, ENDPOINTS_V1_MANAGED_BY, ENDPOINTS_V1_MANAGER);
	add_labels_of(d, labels, pl->service_root);
	if (count_listed(pl, buckets) > ENDPOINTS_V1_MAX)
		add_str(d, yyjson_mut_obj_add_obj(d, meta, "annotations"), OVER_CAPACITY,
		        "truncated");
	subsets = yyjson_mut_obj_add_arr(d, root, "subsets");
	for (const struct bucket *b = buckets; b; b = b->next) {
		subset = yyjson_mut_obj(d);
		add_v1_list(pl, d, subset, b, true, &room);
		add_v1_list(pl, d, subset, b, false, &room);
		if (!yyjson_mut_obj_size(subset))
			continue;
		add_ports(pl, d, subset, &b->ports);
		yyjson_mut_arr_append(subsets, subset);
	}
	if (!yyjson_mut_arr_size(subsets))
		yyjson_mut_obj_remove_key(root, "subsets");
	return d;
}

/* ---- Endpoints written by hand, as slices
 * --------------------------------------------------------
 */

static bool wants_mirror(yyjson_val *root)
{
	yyjson_val *labels = json_at(root, "metadata.labels"),
		   *annotations = json_at(root, "metadata.annotations");

	return !yyjson_equals_str(yyjson_obj_get(labels, SKIP_MIRROR), "true") &&
	       !yyjson_equals_str(yyjson_obj_get(labels, ENDPOINTS_V1_MANAGED_BY),
	                          ENDPOINTS_V1_MANAGER) &&
	       !yyjson_obj_get(annotations, LEADER);
}

static void copy(yyjson_mut_doc *d, yyjson_mut_val *to, yyjson_val *from, const char *key)
{
	yyjson_val *v = yyjson_obj_get(from, key);

	if (v)
		yyjson_mut_obj_add(to, yyjson_mut_str(d, key), yyjson_val_mut_copy(d, v));
}

static void mirror_ports(yyjson_mut_doc *d, yyjson_mut_val *root, yyjson_val *subset)
{
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(d, root, "ports"), *port;
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (yyjson_obj_get(subset, "ports"), i, n, v) {
		port = yyjson_mut_arr_add_obj(d, list);
		add_str(d, port, "name", json_str(v, "name") ? json_str(v, "name") : "");
		add_str(d, port, "protocol",
		        json_str(v, "protocol") ? json_str(v, "protocol") : "TCP");
		copy(d, port, v, "port");
		copy(d, port, v, "appProtocol");
	}
}

struct mirroring {
	const struct object *service, *endpoints;
	yyjson_val *root;
	struct arena *arena;
	struct endpoints_plan *out;
};

static yyjson_mut_doc *mirror_slice(const struct mirroring *mi, yyjson_val *subset, size_t number,
                                    uint8_t family, unsigned part)
{
	yyjson_mut_doc *d = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(d), *meta, *labels;
	uint64_t h = hash_bytes("mirror", 6, family + 256ull * part + 65536ull * number);

	yyjson_mut_doc_set_root(d, root);
	meta = yyjson_mut_obj_add_obj(d, root, "metadata");
	labels = yyjson_mut_obj_add_obj(d, meta, "labels");
	add_str(d, labels, "kubernetes.io/service-name", mi->service->name);
	add_str(d, labels, ENDPOINTS_MANAGED_BY, ENDPOINTS_MIRROR);
	add_labels_of(d, labels, mi->root);
	add_owner(d, meta, "Endpoints", mi->root);
	add_str(d, root, "addressType", family == 4 ? "IPv4" : "IPv6");
	yyjson_mut_obj_add_arr(d, root, "endpoints");
	mirror_ports(d, root, subset);
	*plan_slice(mi->out, mi->arena) = (struct planned_slice){
		.name = arena_printf(mi->arena, "%.240s-%08x", mi->service->name, (unsigned)h),
		.doc = d,
	};
	return d;
}

static void mirror_address(yyjson_mut_doc *d, yyjson_val *v, bool ready)
{
	yyjson_mut_val *list = yyjson_mut_obj_get(yyjson_mut_doc_get_root(d), "endpoints");
	yyjson_mut_val *ep = yyjson_mut_arr_add_obj(d, list);

	yyjson_mut_arr_append(yyjson_mut_obj_add_arr(d, ep, "addresses"),
	                      yyjson_mut_strcpy(d, json_str(v, "ip")));
	yyjson_mut_obj_add_bool(d, yyjson_mut_obj_add_obj(d, ep, "conditions"), "ready", ready);
	copy(d, ep, v, "hostname");
	copy(d, ep, v, "nodeName");
	copy(d, ep, v, "targetRef");
}

static void mirror_subset(const struct mirroring *mi, yyjson_val *subset, size_t number,
                          uint8_t family, unsigned *room)
{
	static const char *const lists[] = { "addresses", "notReadyAddresses" };
	yyjson_mut_doc *d = NULL;
	unsigned part = 0, filled = 0;
	yyjson_val *v;
	struct ip ip;
	size_t i, n;

	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		yyjson_arr_foreach (yyjson_obj_get(subset, lists[l]), i, n, v) {
			if (!*room || !json_str(v, "ip") || !ip_parse(&ip, json_str(v, "ip")) ||
			    ip.len != family)
				continue;
			if (!d || filled == ENDPOINTS_SLICE_MAX) {
				d = mirror_slice(mi, subset, number, family, part++);
				filled = 0;
			}
			mirror_address(d, v, !l);
			filled++;
			--*room;
		}
}

void endpoints_mirror(const struct object *service, const struct object *endpoints, struct arena *a,
                      struct endpoints_plan *out)
{
	auto_doc yyjson_doc *doc = object_doc(endpoints);
	struct mirroring mi = { service, endpoints, yyjson_doc_get_root(doc), a, out };
	unsigned room = ENDPOINTS_V1_MAX;
	yyjson_val *subset;
	size_t i, n;

	*out = (struct endpoints_plan){ 0 };
	if (!wants_mirror(mi.root))
		return;
	yyjson_arr_foreach (yyjson_obj_get(mi.root, "subsets"), i, n, subset) {
		mirror_subset(&mi, subset, i, 4, &room);
		mirror_subset(&mi, subset, i, 16, &room);
	}
}
