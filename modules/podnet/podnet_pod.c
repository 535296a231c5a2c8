/* podnet_pod.c - see podnet_pod.h
 *
 * A Pod has its addresses from one attachment, named by an annotation: the first one, or a newer
 * one of the same interface name (a new sandbox comes before the old one's DEL). Every other
 * attachment of the pod has a PodNetwork and leaves the Pod alone.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <knetd/arena.h>
#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/json_mut.h>
#include <knetd/life.h>
#include <knetd/store.h>

#include "podnet_plan.h"
#include "podnet_pod.h"

/* The reasons of our own Ready condition: one with another reason is somebody else's. */
#define READY_UP "NetworkAttached"
#define READY_DOWN "NetworkDetached"

/* ---- editing documents ------------------------------------------------------------------------
 */

static yyjson_mut_doc *editable(const struct object *o)
{
	auto_doc yyjson_doc *doc = o ? object_doc(o) : NULL;
	yyjson_mut_doc *mut;

	if (doc)
		return yyjson_doc_mut_copy(doc, NULL);
	mut = yyjson_mut_doc_new(NULL);
	yyjson_mut_doc_set_root(mut, yyjson_mut_obj(mut));
	return mut;
}

/* The store's answer to who owns the Pod's addresses: "" when nobody does. */
static void attachment_of(const struct object *pod, char out[static 254])
{
	auto_doc yyjson_doc *doc = NULL;
	yyjson_val *annotations;
	const char *name;

	*out = 0;
	if (!strstr(pod->json, "\"" POD_ATTACHMENT "\"")) /* spares the parser most Pods */
		return;
	doc = object_doc(pod);
	annotations = json_at(yyjson_doc_get_root(doc), "metadata.annotations");
	name = yyjson_get_str(yyjson_obj_get(annotations, POD_ATTACHMENT));
	snprintf(out, 254, "%s", name ? name : "");
}

/* ---- attach --------------------------------------------------------------------------------- */

static int ensure_namespace(const char *ns, struct err *e)
{
	auto_mut yyjson_mut_doc *doc = NULL;
	yyjson_mut_val *root, *labels;

	if (store_get(KIND_NAMESPACE, "", ns))
		return 0;
	doc = editable(NULL);
	root = yyjson_mut_doc_get_root(doc);
	labels = mut_object_in(doc, mut_object_in(doc, root, "metadata"), "labels");
	mut_set_text(doc, labels, "kubernetes.io/metadata.name", ns);
	yyjson_mut_arr_add_str(doc,
	                       mut_array_in(doc, mut_object_in(doc, root, "spec"), "finalizers"),
	                       "kubernetes");
	mut_set_text(doc, mut_object_in(doc, root, "status"), "phase", "Active");
	return store_put(KIND_NAMESPACE, "", ns, doc, 0, NULL, e);
}

static int add_labels(yyjson_mut_doc *doc, yyjson_mut_val *meta, const char *text, struct err *e)
{
	auto_arena struct arena arena = { 0 };
	const char *key, *value;
	int ret;

	while ((ret = plan_label_next(&text, &arena, &key, &value)) > 0)
		mut_set_text(doc, mut_object_in(doc, meta, "labels"), key, value);
	return ret < 0 ? err_set(e, EINVAL,
	                         "annotation " POD_LABELS ": not of the form app=web,tier=front")
	               : 0;
}

/* The runtime tells the pod's annotations; ours are not for others to set. */
static int add_annotations(yyjson_mut_doc *doc, yyjson_mut_val *meta, yyjson_val *told,
                           struct err *e)
{
	yyjson_mut_val *annotations = mut_object_in(doc, meta, "annotations");
	size_t i, max;
	yyjson_val *k, *v;
	int ret = 0;

	if (!told)
		return 0;
	yyjson_obj_foreach (told, i, max, k, v) {
		const char *key = yyjson_get_str(k);

		if (!yyjson_is_str(v) || !strcmp(key, POD_ATTACHMENT) ||
		    !strcmp(key, POD_CREATED_BY))
			continue;
		mut_set_text(doc, annotations, key, yyjson_get_str(v));
		if (!strcmp(key, POD_LABELS))
			ret = add_labels(doc, meta, yyjson_get_str(v), e);
		if (ret)
			return ret;
	}
	return 0;
}

static void set_addresses(yyjson_mut_doc *doc, yyjson_mut_val *status, const struct attachment *a)
{
	yyjson_mut_val *list = yyjson_mut_arr(doc);
	char text[IP_TEXT];

	for (unsigned i = 0; i < a->n_ips; i++)
		yyjson_mut_obj_add_strcpy(doc, yyjson_mut_arr_add_obj(doc, list), "ip",
		                          ip_text(&a->ips[i], text));
	if (a->n_ips)
		mut_set_text(doc, status, "podIP", ip_text(&a->ips[0], text));
	mut_set(doc, status, "podIPs", list);
}

/* The node's own addresses, as its Node object has them; without one nothing is said. */
static void set_host_addresses(yyjson_mut_doc *doc, yyjson_mut_val *status)
{
	const struct object *node = store_get(KIND_NODE, "", conf.node.name);
	auto_doc yyjson_doc *from = node ? object_doc(node) : NULL;
	yyjson_mut_val *list = yyjson_mut_arr(doc);
	yyjson_val *v;
	size_t i, max;

	yyjson_arr_foreach (json_at(yyjson_doc_get_root(from), "status.addresses"), i, max, v) {
		const char *ip = json_str(v, "address");

		if (!ip || !yyjson_equals_str(yyjson_obj_get(v, "type"), "InternalIP"))
			continue;
		if (!yyjson_mut_arr_size(list))
			mut_set_text(doc, status, "hostIP", ip);
		yyjson_mut_obj_add_strcpy(doc, yyjson_mut_arr_add_obj(doc, list), "ip", ip);
	}
	if (yyjson_mut_arr_size(list))
		mut_set(doc, status, "hostIPs", list);
}

static yyjson_mut_val *ready_condition(yyjson_mut_val *conditions)
{
	size_t i, max;
	yyjson_mut_val *c;

	yyjson_mut_arr_foreach (conditions, i, max, c)
		if (yyjson_mut_equals_str(yyjson_mut_obj_get(c, "type"), "Ready"))
			return c;
	return NULL;
}

/* A Ready condition that came through the API is left as it is: its writer knows the pod better. */
static void set_ready(yyjson_mut_doc *doc, yyjson_mut_val *status, bool up)
{
	yyjson_mut_val *conditions = mut_array_in(doc, status, "conditions"),
		       *c = ready_condition(conditions);
	const char *reason = yyjson_mut_get_str(yyjson_mut_obj_get(c, "reason"));
	char now[TIME_TEXT];

	if (c && (!reason || (strcmp(reason, READY_UP) != 0 && strcmp(reason, READY_DOWN) != 0)))
		return;
	if (!c) {
		c = yyjson_mut_arr_add_obj(doc, conditions);
		mut_set_text(doc, c, "type", "Ready");
	}
	mut_set_text(doc, c, "status", up ? "True" : "False");
	mut_set_text(doc, c, "reason", up ? READY_UP : READY_DOWN);
	mut_set_text(doc, c, "lastTransitionTime", time_text(time(NULL), now));
}

/* What a Pod that nobody sent through the API needs to look like one. */
static void fill_new(yyjson_mut_doc *doc, yyjson_mut_val *root)
{
	yyjson_mut_val *spec = mut_object_in(doc, root, "spec");

	mut_set_text(doc, mut_object_in(doc, mut_object_in(doc, root, "metadata"), "annotations"),
	             POD_CREATED_BY, "cni");
	mut_array_in(doc, spec, "containers");
	mut_set_text(doc, spec, "nodeName", conf.node.name);
}

static void fill_status(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct attachment *a)
{
	yyjson_mut_val *status = mut_object_in(doc, root, "status");
	char now[TIME_TEXT];

	mut_set_text(doc, status, "phase", "Running");
	set_addresses(doc, status, a);
	set_host_addresses(doc, status);
	if (!yyjson_mut_obj_get(status, "startTime"))
		mut_set_text(doc, status, "startTime", time_text(time(NULL), now));
	set_ready(doc, status, true);
}

/* Has the Pod its addresses from another interface that still stands? */
static bool served_by_other(const struct object *pod, const struct attachment *a)
{
	const struct object *o;
	struct attachment other;
	char name[254];

	attachment_of(pod, name);
	o = *name ? store_get(KIND_PODNETWORK, a->ns, name) : NULL;
	return o && attachment_read(&other, o) && strcmp(other.ifname, a->ifname) != 0;
}

static unsigned flags_of(const struct object *pod)
{
	return !pod || pod->run ? STORE_RUN : 0;
}

int pod_attached(const struct attachment *a, const struct cni_request *r, struct err *e)
{
	const struct object *pod = a->pod[0] ? store_get(KIND_POD, a->ns, a->pod) : NULL;
	auto_mut yyjson_mut_doc *doc = NULL;
	yyjson_mut_val *root, *meta;
	int ret = ensure_namespace(a->ns, e);

	if (ret || !a->pod[0] || (pod && served_by_other(pod, a)))
		return ret;
	doc = editable(pod);
	root = yyjson_mut_doc_get_root(doc);
	meta = mut_object_in(doc, root, "metadata");
	ret = add_annotations(doc, meta, r->annotations, e);
	if (ret)
		return ret;
	if (!pod)
		fill_new(doc, root);
	mut_set_text(doc, mut_object_in(doc, meta, "annotations"), POD_ATTACHMENT, a->object);
	fill_status(doc, root, a);
	return store_put(KIND_POD, a->ns, a->pod, doc, flags_of(pod), NULL, e);
}

/* ---- detach --------------------------------------------------------------------------------- */

static int take_network_off(const struct object *pod, struct err *e)
{
	auto_mut yyjson_mut_doc *doc = editable(pod);
	yyjson_mut_val *root = yyjson_mut_doc_get_root(doc),
		       *status = mut_object_in(doc, root, "status");
	yyjson_mut_val *annotations =
		yyjson_mut_obj_get(yyjson_mut_obj_get(root, "metadata"), "annotations");
	bool made_here =
		yyjson_mut_equals_str(yyjson_mut_obj_get(annotations, POD_CREATED_BY), "cni");
	const struct object *off;
	int ret;

	if (made_here && !strstr(pod->json, "\"finalizers\""))
		return store_delete(KIND_POD, pod->ns, pod->name);
	yyjson_mut_obj_remove_key(annotations, POD_ATTACHMENT);
	yyjson_mut_obj_remove_key(status, "podIP");
	yyjson_mut_obj_remove_key(status, "podIPs");
	set_ready(doc, status, false);
	ret = store_put(KIND_POD, pod->ns, pod->name, doc, flags_of(pod), &off, e);
	if (ret || (!made_here && !life_ending(off)))
		return ret;
	return life_delete(off, &(struct life_options){ .grace = 0 }, NULL, e);
}

int pod_detached(const struct attachment *a, struct err *e)
{
	auto_object struct object *pod = NULL;
	const struct object *there = a->pod[0] ? store_get(KIND_POD, a->ns, a->pod) : NULL;
	char name[254];

	if (!there)
		return 0;
	attachment_of(there, name);
	if (strcmp(name, a->object) != 0)
		return 0;
	pod = object_ref(there);
	return take_network_off(pod, e);
}

struct lost {
	struct lost *next;
	struct object *pod;
};

/* First all are found, then they are written: nothing may be written while the store is walked. */
static struct lost *find_lost(struct arena *arena)
{
	struct lost *first = NULL;
	const struct object *pod;
	char name[254];

	for (size_t i = 0; (pod = store_next_object(KIND_POD, &i));) {
		struct lost *l;

		attachment_of(pod, name);
		if (!*name || store_get(KIND_PODNETWORK, pod->ns, name))
			continue;
		l = arena_alloc(arena, sizeof(*l));
		*l = (struct lost){ .next = first, .pod = object_ref(pod) };
		first = l;
	}
	return first;
}

int pods_forget_lost(struct err *e)
{
	auto_arena struct arena arena = { 0 };
	int ret = 0;

	for (struct lost *l = find_lost(&arena); l; l = l->next) {
		if (!ret)
			ret = take_network_off(l->pod, e);
		object_unref(l->pod);
	}
	return ret;
}
