/* endpoints.c - the endpoints controller: Service selectors and Pods in, EndpointSlices out, in the
 * same loop turn, so that what reads slices (svcnat, dns, ingress) is up to date before the call
 * that changed a Pod returns.
 *
 * A compact copy of every selector and every Pod's labels is kept, because a changed Pod has to be
 * held against all Services of its namespace; objects are parsed only where they match. Slices are
 * derived, so they live in the run directory; what somebody else makes of them is put right.
 * Hand-written slices are left alone. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/event.h>
#include <knetd/list.h>
#include <knetd/map.h>
#include <knetd/module.h>
#include <knetd/view.h>

#include "endpoints_plan.h"
#include "labels.h"

struct entry { /* a Service's selector, or a Pod's labels */
	struct labels *labels;
	struct list visit; /* in `visits` */
	char key[];
};

static struct map services, pods;              /* by "namespace/name" */
static struct list visits = LIST_INIT(visits); /* Services whose slices are planned in this sync */
/* Versions of what the last sync wrote: its own changes come back with the next one. */
static uint64_t own_after, own_until;

static void entry_drop(struct map *m, const char *key)
{
	struct entry *e = map_del(m, key, strlen(key));

	if (e) {
		list_del(&e->visit);
		free(e->labels);
	}
	free(e);
}

/* Takes labels over. */
static struct entry *entry_set(struct map *m, const char *key, struct labels *labels)
{
	size_t n = strlen(key);
	struct entry *e = map_get(m, key, n);

	if (!e) {
		e = xcalloc(1, sizeof(*e) + n + 1);
		memcpy(e->key, key, n);
		list_init(&e->visit);
		map_put(m, e->key, n, e);
	}
	free(e->labels);
	e->labels = labels;
	return e;
}

static void visit(struct entry *e)
{
	if (list_empty(&e->visit))
		list_add_tail(&visits, &e->visit);
}

static void map_empty(struct map *m)
{
	struct entry *e;

	for (size_t i = 0; (e = map_next(m, &i));) {
		list_del(&e->visit);
		free(e->labels);
		free(e);
	}
	map_free(m);
}

static struct labels *read_labels(const struct object *o)
{
	auto_doc yyjson_doc *doc = object_doc(o);
	yyjson_val *root = yyjson_doc_get_root(doc);

	if (o->kind == KIND_POD)
		return labels_new(json_at(root, "metadata.labels"));
	/* an ExternalName Service has no endpoints, whatever its selector says */
	if (json_str(root, "spec.type") && !strcmp(json_str(root, "spec.type"), "ExternalName"))
		return NULL;
	return labels_new(json_at(root, "spec.selector"));
}

static void read_all(void)
{
	const struct object *o;

	map_empty(&services);
	map_empty(&pods);
	for (size_t i = 0; (o = store_next_object(KIND_SERVICE, &i));)
		visit(entry_set(&services, o->key, read_labels(o)));
	for (size_t i = 0; (o = store_next_object(KIND_POD, &i));)
		entry_set(&pods, o->key, read_labels(o));
}

static void visit_selecting(const char *ns, const struct labels *labels)
{
	const struct list *group = store_group(KIND_SERVICE, ns);

	for (const struct list *l = group ? group->next : NULL; l && l != group; l = l->next) {
		const struct object *o = container_of(l, const struct object, in_group);
		struct entry *e = map_get(&services, o->key, strlen(o->key));

		if (e && labels_match(e->labels, labels))
			visit(e);
	}
}

/* Services that selected the Pod before and those that do now. */
static void pod_changed(const char *key, const char *ns, const struct object *now)
{
	struct entry *e = map_get(&pods, key, strlen(key));

	if (e)
		visit_selecting(ns, e->labels);
	if (!now) {
		entry_drop(&pods, key);
		return;
	}
	e = entry_set(&pods, key, read_labels(now));
	visit_selecting(ns, e->labels);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct object *const *)a)->name,
	              (*(const struct object *const *)b)->name);
}

static const struct object **matching_pods(const struct object *service,
                                           const struct labels *selector, struct arena *a,
                                           size_t *n)
{
	const struct list *group = store_group(KIND_POD, service->ns);
	const struct object **found;
	size_t total = 0;

	*n = 0;
	for (const struct list *l = group ? group->next : NULL; l && l != group; l = l->next)
		total++;
	found = arena_alloc(a, total * sizeof(struct object *));
	for (const struct list *l = group ? group->next : NULL; l && l != group; l = l->next) {
		const struct object *o = container_of(l, const struct object, in_group);
		struct entry *e = map_get(&pods, o->key, strlen(o->key));

		if (e && labels_match(selector, e->labels))
			found[(*n)++] = o;
	}
	qsort(found, *n, sizeof(*found), by_name);
	return found;
}

static bool ours(const struct object *slice)
{
	auto_doc yyjson_doc *doc = object_doc(slice);
	yyjson_val *labels = json_at(yyjson_doc_get_root(doc), "metadata.labels");

	yyjson_val *by = yyjson_obj_get(labels, ENDPOINTS_MANAGED_BY);

	return yyjson_equals_str(by, ENDPOINTS_MANAGER) || yyjson_equals_str(by, ENDPOINTS_MIRROR);
}

/* Endpoints that were written here. */
static bool ours_v1(const struct object *endpoints)
{
	return strstr(endpoints->json,
	              "\"" ENDPOINTS_V1_MANAGED_BY "\":\"" ENDPOINTS_V1_MANAGER "\"") != NULL;
}

static bool planned(const struct endpoints_plan *plan, const char *name)
{
	for (unsigned i = 0; i < plan->n; i++)
		if (!strcmp(plan->slices[i].name, name))
			return true;
	return false;
}

/* Deletes our slices of the Service that the plan no longer has. */
static void sweep(const char *key, const char *ns, const struct endpoints_plan *plan,
                  struct arena *a)
{
	const struct list *group = store_group(KIND_ENDPOINTSLICE, key);
	const char *names[1024];
	unsigned n = 0;

	for (const struct list *l = group ? group->next : NULL; l && l != group; l = l->next) {
		const struct object *o = container_of(l, const struct object, in_group);

		if (n < ARRAY_LEN(names) && !planned(plan, o->name) && ours(o))
			names[n++] = arena_strdup(a, o->name);
	}
	while (n > 0)
		store_delete(KIND_ENDPOINTSLICE, ns, names[--n]);
}

static int put_plan(const struct object *service, struct endpoints_plan *plan, struct err *e)
{
	int ret = 0;

	for (unsigned i = 0; i < plan->n; i++) {
		struct planned_slice *s = &plan->slices[i];

		if (!ret)
			ret = store_put(KIND_ENDPOINTSLICE, service->ns, s->name, s->doc, STORE_RUN,
			                NULL, e);
		yyjson_mut_doc_free(s->doc);
	}
	if (!ret && plan->endpoints)
		ret = store_put(KIND_ENDPOINTS, service->ns, service->name, plan->endpoints,
		                STORE_RUN, NULL, e);
	yyjson_mut_doc_free(plan->endpoints);
	return ret;
}

/* Endpoints of ours that the Service has no use for any more. */
static void sweep_v1(const struct object *service)
{
	const struct object *o = store_get(KIND_ENDPOINTS, service->ns, service->name);

	if (o && ours_v1(o))
		store_delete(KIND_ENDPOINTS, service->ns, service->name);
}

static bool is_external(const struct object *service)
{
	auto_doc yyjson_doc *doc = object_doc(service);
	const char *type = json_str(yyjson_doc_get_root(doc), "spec.type");

	return type && !strcmp(type, "ExternalName");
}

static int write_service(const struct object *service, const struct labels *selector, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct endpoints_plan plan = { 0 };
	const struct object *by_hand;
	size_t n;

	if (selector) {
		const struct object **found = matching_pods(service, selector, &a, &n);

		endpoints_plan(service, found, n, store_group(KIND_ENDPOINTSLICE, service->key), &a,
		               &plan);
		if (plan.lost_port)
			event_emit(KIND_SERVICE, service->ns, service->name, EVENT_WARNING,
			           "TargetPortNotFound",
			           "pod %s has no port named \"%s\": it is left out of that port",
			           plan.lost_pod, plan.lost_port);
	} else {
		sweep_v1(service);
		by_hand = store_get(KIND_ENDPOINTS, service->ns, service->name);
		if (by_hand && !is_external(service))
			endpoints_mirror(service, by_hand, &a, &plan);
	}
	sweep(service->key, service->ns, &plan, &a);
	return put_plan(service, &plan, e);
}

static int write_visited(struct err *e)
{
	int ret = 0;

	while (!ret && !list_empty(&visits)) {
		struct entry *s = container_of(visits.next, struct entry, visit);
		const struct object *o = store_get_key(KIND_SERVICE, s->key);

		list_del(&s->visit);
		if (o)
			ret = write_service(o, s->labels, e);
	}
	return ret;
}

/* A Service that is gone takes its slices and Endpoints along. */
static void service_gone(const struct object *old)
{
	auto_arena struct arena a = { 0 };

	entry_drop(&services, old->key);
	store_delete(KIND_ENDPOINTS, old->ns, old->name); /* also by hand, as Kubernetes does */
	sweep(old->key, old->ns, &(struct endpoints_plan){ 0 }, &a);
}

/* What was written here and then by somebody else, or deleted, comes back; Endpoints by hand are
 * mirrored. Slices by hand are nothing to us. */
static void derived_changed(const struct change *c, const struct object *o)
{
	const char *service;
	struct entry *e;

	if (!o || (c->kind == KIND_ENDPOINTSLICE && !ours(o)))
		return;
	service = c->kind == KIND_ENDPOINTSLICE ? o->group : o->key;
	e = map_get(&services, service, strlen(service));
	if (e)
		visit(e);
}

/* Another zone of a node stands in every slice. */
static void node_changed(const struct change *c)
{
	char was[VIEW_ZONE], is[VIEW_ZONE];
	struct entry *e;

	if (!strcmp(view_zone(c->old, was), view_zone(c->new, is)))
		return;
	for (size_t i = 0; (e = map_next(&services, &i));)
		visit(e);
}

static void one_change(const struct change *c)
{
	const struct object *o = c->new ? c->new : c->old;

	if (c->kind == KIND_ENDPOINTS || c->kind == KIND_ENDPOINTSLICE) {
		derived_changed(c, c->old);
		derived_changed(c, c->new);
	} else if (c->kind == KIND_NODE)
		node_changed(c);
	else if (c->kind == KIND_POD)
		pod_changed(o->key, o->ns, store_get(KIND_POD, o->ns, o->name));
	else if (store_get(KIND_SERVICE, o->ns, o->name))
		visit(entry_set(&services, o->key,
		                read_labels(store_get(KIND_SERVICE, o->ns, o->name))));
	else
		service_gone(o);
}

static void sweep_orphans_v1(struct arena *a)
{
	const struct object **v = arena_alloc(a, (store_count(KIND_ENDPOINTS) + 1) * sizeof(*v));
	const struct object *o;
	size_t n = 0;

	for (size_t i = 0; (o = store_next_object(KIND_ENDPOINTS, &i));)
		if (ours_v1(o) && !store_get(KIND_SERVICE, o->ns, o->name))
			v[n++] = o;
	while (n > 0) {
		n--;
		store_delete(KIND_ENDPOINTS, v[n]->ns, v[n]->name);
	}
}

/* Slices of ours whose Service is gone (a crash between the two). */
static void sweep_orphans(void)
{
	auto_arena struct arena a = { 0 };
	struct endpoints_plan none = { 0 };
	const struct object *o;
	size_t cap = store_count(KIND_ENDPOINTSLICE), n = 0;
	const char **keys = arena_alloc(&a, 2 * cap * sizeof(char *));

	for (size_t i = 0; (o = store_next_object(KIND_ENDPOINTSLICE, &i));) {
		const char *slash = strchr(o->group, '/');

		if (!slash || store_get(KIND_SERVICE, o->ns, slash + 1) || !ours(o))
			continue;
		keys[n++] = arena_strdup(&a, o->group);
		keys[n++] = arena_strdup(&a, o->ns);
	}
	for (size_t i = 0; i < n; i += 2)
		sweep(keys[i], keys[i + 1], &none, &a);
	sweep_orphans_v1(&a);
}

static int endpoints_sync(struct changes *c, struct err *e)
{
	struct change change;
	int ret;

	store_begin();
	if (c->full) {
		read_all();
		sweep_orphans();
	}
	while (changes_next(c, &change))
		if (change.version <= own_after || change.version > own_until)
			one_change(&change);
	ret = write_visited(e);
	if (ret) {
		store_abort();
		return ret;
	}
	own_after = store_version();
	ret = store_commit(e);
	own_until = store_version();
	return ret;
}

static void endpoints_exit(bool remove)
{
	(void)remove;
	map_empty(&services);
	map_empty(&pods);
}

const struct module endpoints_module = {
	.name = "endpoints",
	.watches = KIND_BIT(KIND_SERVICE) | KIND_BIT(KIND_POD) | KIND_BIT(KIND_ENDPOINTS) |
	           KIND_BIT(KIND_ENDPOINTSLICE) | KIND_BIT(KIND_NODE),
	.sync = endpoints_sync,
	.exit = endpoints_exit,
};
