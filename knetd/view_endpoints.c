/* view_endpoints.c - see view.h: what stands behind a Service, out of its slices. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/store.h>
#include <knetd/view.h>

/* ---- hints and ports ------------------------------------------------------------------------ */

static bool names(yyjson_val *list, const char *name)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (list, i, n, v)
		if (*name && yyjson_equals_str(yyjson_obj_get(v, "name"), name))
			return true;
	return false;
}

static uint8_t view_hints(yyjson_val *hints)
{
	yyjson_val *nodes = yyjson_obj_get(hints, "forNodes"),
		   *zones = yyjson_obj_get(hints, "forZones");
	uint8_t out = 0;

	if (yyjson_arr_size(nodes))
		out |= HINTS_NODES | (names(nodes, conf.node.name) ? HINTS_NODE : 0);
	if (yyjson_arr_size(zones))
		out |= HINTS_ZONES | (names(zones, view_node_zone()) ? HINTS_ZONE : 0);
	return out;
}

/* The number that a slice gives the Service's port: matched by name and protocol, as kube-proxy
 * does. 0 when the slice has none. */
static uint16_t slice_port(yyjson_val *ports, const struct service_port *want)
{
	yyjson_val *port;
	size_t i, n;

	yyjson_arr_foreach (ports, i, n, port) {
		const char *name = json_str(port, "name");

		if (!strcmp(name ? name : "", want->name) &&
		    view_proto(json_str(port, "protocol")) == want->proto)
			return json_int(port, "port", 0);
	}
	return 0;
}

/* ---- one slice ------------------------------------------------------------------------------ */

struct reading {
	const struct service_port *port;
	uint8_t family;
	bool usable_only, named;
	struct arena *arena;
	struct endpoint_set *out;
	size_t cap;
	const char *node; /* the last one's: most endpoints of a slice are on few nodes */
};

static const char *copy_or_empty(struct arena *a, const char *s)
{
	return s && *s ? arena_strdup(a, s) : "";
}

static const char *node_of(struct reading *r, yyjson_val *v)
{
	const char *node = yyjson_get_str(yyjson_obj_get(v, "nodeName"));

	if (!node)
		return "";
	if (!r->node || strcmp(r->node, node) != 0)
		r->node = arena_strdup(r->arena, node);
	return r->node;
}

static void add_endpoint(struct reading *r, yyjson_val *v, const char *address, uint16_t port)
{
	yyjson_val *said = yyjson_obj_get(v, "conditions");
	struct view_endpoint e = { .port = port };

	/* nil means ready (EndpointConditions); serving follows ready when it is not said */
	e.ready = json_bool(said, "ready", true);
	if ((r->usable_only && !e.ready) || !address || !ip_parse(&e.ip, address) ||
	    (r->family && e.ip.len != r->family))
		return;
	e.serving = json_bool(said, "serving", e.ready);
	e.terminating = json_bool(said, "terminating", false);
	e.node = node_of(r, v);
	e.local = *e.node && !strcmp(e.node, conf.node.name);
	e.hints = view_hints(yyjson_obj_get(v, "hints"));
	e.hostname = copy_or_empty(r->arena, yyjson_get_str(yyjson_obj_get(v, "hostname")));
	e.target = copy_or_empty(r->arena, json_str(v, "targetRef.name"));
	if (r->out->n == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 16;
		r->out->v = memcpy(arena_alloc(r->arena, r->cap * sizeof(e)),
		                   r->out->v ? r->out->v : &e, r->out->n * sizeof(e));
	}
	r->out->v[r->out->n++] = e;
}

static void add_slice(struct reading *r, yyjson_val *root)
{
	uint16_t number = r->port ? slice_port(yyjson_obj_get(root, "ports"), r->port) : 0;
	yyjson_val *type = yyjson_obj_get(root, "addressType"), *v, *address;
	size_t i, n, k, m;

	if ((r->port && !number) ||
	    (r->family && yyjson_equals_str(type, r->family == 4 ? "IPv6" : "IPv4")))
		return;
	yyjson_arr_foreach (yyjson_obj_get(root, "endpoints"), i, n, v) {
		yyjson_arr_foreach (yyjson_obj_get(v, "addresses"), k, m, address) {
			add_endpoint(r, v, yyjson_get_str(address), number);
			/* who sends packets uses the first, as the API says he should */
			if (!r->named)
				break;
		}
	}
}

/* ---- duplicates ----------------------------------------------------------------------------- */

static int by_address(const void *a, const void *b)
{
	const struct view_endpoint *x = a, *y = b;
	int d = memcmp(&x->ip, &y->ip, sizeof(x->ip));

	return d ? d : (int)x->port - (int)y->port;
}

/* Of those with one address and port the best first, so that what is kept does not depend on the
 * order of the slices. */
static int by_worth(const void *a, const void *b)
{
	const struct view_endpoint *x = a, *y = b;
	int d = by_address(x, y);

	if (!d)
		d = y->ready - x->ready;
	if (!d)
		d = y->serving - x->serving;
	if (!d)
		d = x->terminating - y->terminating;
	if (!d)
		d = x->hints - y->hints;
	if (!d)
		d = strcmp(x->node, y->node);
	if (!d)
		d = strcmp(x->hostname, y->hostname);
	return d ? d : strcmp(x->target, y->target);
}

static int by_name(const void *a, const void *b)
{
	const struct view_endpoint *x = a, *y = b;
	int d = by_address(x, y);

	return d ? d : strcmp(x->hostname, y->hostname);
}

static int by_name_and_worth(const void *a, const void *b)
{
	int d = by_name(a, b);

	return d ? d : by_worth(a, b);
}

static void merge(struct endpoint_set *set, bool named)
{
	int (*same)(const void *, const void *) = named ? by_name : by_address;
	unsigned kept = 0;

	if (set->n > 1)
		qsort(set->v, set->n, sizeof(*set->v), named ? by_name_and_worth : by_worth);
	for (unsigned i = 0; i < set->n; i++) {
		if (!kept || same(&set->v[kept - 1], &set->v[i]) != 0)
			set->v[kept++] = set->v[i];
		else
			set->v[kept - 1].local |= set->v[i].local;
	}
	set->n = kept;
}

/* ---- what was parsed last -------------------------------------------------------------------- */

/* In one turn several modules look at the same Service, each at every port and family of it: its
 * slices are parsed once. They are held, so that they are known by their addresses. */
static struct {
	unsigned n, cap;
	struct object **objects;
	yyjson_doc **docs;
} last;

static bool is_last(const struct list *slices)
{
	unsigned n = 0;

	for (const struct list *l = slices->next; l != slices; l = l->next, n++)
		if (n == last.n || last.objects[n] != container_of(l, struct object, in_group))
			return false;
	return n == last.n;
}

void view_forget(void)
{
	for (unsigned i = 0; i < last.n; i++) {
		yyjson_doc_free(last.docs[i]);
		object_unref(last.objects[i]);
	}
	last.n = 0;
}

static void parse(const struct list *slices)
{
	view_forget();
	for (const struct list *l = slices->next; l != slices; l = l->next) {
		const struct object *o = container_of(l, const struct object, in_group);

		if (last.n == last.cap) {
			last.cap = last.cap ? last.cap * 2 : 16;
			last.objects = xrealloc(last.objects, last.cap * sizeof(*last.objects));
			last.docs = xrealloc(last.docs, last.cap * sizeof(*last.docs));
		}
		last.objects[last.n] = object_ref(o);
		last.docs[last.n++] = object_doc(o);
	}
}

static void read_slices(struct reading *r, const char *ns, const char *service)
{
	const struct list *slices =
		store_group(KIND_ENDPOINTSLICE, arena_printf(r->arena, "%s/%s", ns, service));

	*r->out = (struct endpoint_set){ 0 };
	if (!slices)
		return;
	if (!is_last(slices))
		parse(slices);
	for (unsigned i = 0; i < last.n; i++)
		add_slice(r, yyjson_doc_get_root(last.docs[i]));
	merge(r->out, r->named);
}

void view_endpoints(const char *ns, const char *service, const struct service_port *port,
                    uint8_t family, bool usable_only, struct arena *a, struct endpoint_set *out)
{
	struct reading r = {
		.port = port, .family = family, .usable_only = usable_only, .arena = a, .out = out
	};

	read_slices(&r, ns, service);
}

void view_endpoints_named(const char *ns, const char *service, const struct service_port *port,
                          bool usable_only, struct arena *a, struct endpoint_set *out)
{
	struct reading r = {
		.port = port, .usable_only = usable_only, .named = true, .arena = a, .out = out
	};

	read_slices(&r, ns, service);
}
