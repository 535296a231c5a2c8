/* view.c - see view.h */
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/store.h>
#include <knetd/view.h>

static uint8_t proto_number(const char *name)
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
	p->proto = proto_number(json_str(v, "protocol"));
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

bool view_service(const struct object *o, struct arena *a, struct service_view *out)
{
	yyjson_val *spec, *ports, *port;
	const char *type;
	size_t i, n;

	*out = (struct service_view){ .doc = object_doc(o) };
	spec = yyjson_obj_get(yyjson_doc_get_root(out->doc), "spec");
	ports = yyjson_obj_get(spec, "ports");
	type = json_str(spec, "type");
	out->ns = arena_strdup(a, o->ns);
	out->name = arena_strdup(a, o->name);
	out->type = arena_strdup(a, type ? type : "ClusterIP");
	out->external_name = copy_or_empty(a, json_str(spec, "externalName"));
	out->publish_not_ready = json_bool(spec, "publishNotReadyAddresses", false);
	out->selector = yyjson_obj_get(spec, "selector");
	if (strcmp(out->type, "ExternalName") != 0)
		view_ips(spec, out);
	out->ports = arena_alloc(a, yyjson_arr_size(ports) * sizeof(*out->ports));
	yyjson_arr_foreach (ports, i, n, port)
		view_port(port, a, &out->ports[out->n_ports++]);
	return spec != NULL;
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
		    proto_number(json_str(port, "protocol")) == want->proto)
			return json_int(port, "port", 0);
	}
	return 0;
}

static void view_endpoint(yyjson_val *v, struct arena *a, struct view_endpoint *out)
{
	/* nil means ready (EndpointConditions); serving follows ready when it is not said */
	out->ready = json_bool(v, "conditions.ready", true);
	out->serving = json_bool(v, "conditions.serving", out->ready);
	out->terminating = json_bool(v, "conditions.terminating", false);
	out->hostname = copy_or_empty(a, json_str(v, "hostname"));
	out->target = copy_or_empty(a, json_str(v, "targetRef.name"));
}

static int by_address(const void *a, const void *b)
{
	const struct view_endpoint *x = a, *y = b;
	int d = memcmp(&x->ip, &y->ip, sizeof(x->ip));

	return d ? d : (int)x->port - (int)y->port;
}

static void add_slice(const struct object *o, const struct service_port *port, uint8_t family,
                      bool usable_only, struct arena *a, struct endpoint_set *out, size_t *cap)
{
	auto_doc yyjson_doc *doc = object_doc(o);
	yyjson_val *root = yyjson_doc_get_root(doc), *endpoint, *address;
	uint16_t number = port ? slice_port(yyjson_obj_get(root, "ports"), port) : 0;
	size_t i, n, k, m;

	if (port && !number)
		return;
	yyjson_arr_foreach (yyjson_obj_get(root, "endpoints"), i, n, endpoint) {
		struct view_endpoint e = { .port = number };

		view_endpoint(endpoint, a, &e);
		if (usable_only && !e.ready)
			continue;
		/* consumers use the first address of an endpoint, as the API says they should */
		yyjson_arr_foreach (yyjson_obj_get(endpoint, "addresses"), k, m, address) {
			if (k > 0 || !ip_parse(&e.ip, yyjson_get_str(address)) ||
			    (family && e.ip.len != family))
				break;
			if (out->n == *cap) {
				*cap = *cap ? *cap * 2 : 16;
				out->v = memcpy(arena_alloc(a, *cap * sizeof(e)),
				                out->v ? out->v : &e, out->n * sizeof(e));
			}
			out->v[out->n++] = e;
		}
	}
}

void view_endpoints(const char *ns, const char *service, const struct service_port *port,
                    uint8_t family, bool usable_only, struct arena *a, struct endpoint_set *out)
{
	const struct list *slices =
		store_group(KIND_ENDPOINTSLICE, arena_printf(a, "%s/%s", ns, service));
	size_t cap = 0;
	unsigned kept = 0;

	*out = (struct endpoint_set){ 0 };
	if (!slices)
		return;
	for (const struct list *l = slices->next; l != slices; l = l->next)
		add_slice(container_of(l, const struct object, in_group), port, family, usable_only,
		          a, out, &cap);
	if (out->n > 1)
		qsort(out->v, out->n, sizeof(*out->v), by_address);
	for (unsigned i = 0; i < out->n; i++)
		if (!kept || by_address(&out->v[kept - 1], &out->v[i]) != 0)
			out->v[kept++] = out->v[i];
	out->n = kept;
}
