/* lb_gateway.c - see lb_gateway.h */
#include <netinet/in.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/json_mut.h>
#include <knetd/store.h>
#include <knetd/view.h>

#include "lb_door.h"
#include "lb_gateway.h"
#include "lb_status.h"

/* ---- asking --------------------------------------------------------------------------------- */

static bool is_pools(const struct lb_pools *pools, const struct ip *ip)
{
	for (unsigned i = 0; i < pools->n; i++)
		if (lb_pool_range(&pools->v[i], ip))
			return true;
	return false;
}

static void want(struct lb_ask *out, const struct ip *ip)
{
	unsigned f = lb_family(ip);

	if (out->wanted[f].len)
		out->wrong = "it asks for two addresses of one family";
	out->wanted[f] = *ip;
	out->wants[f] = true;
}

static void want_any(struct lb_ask *out)
{
	out->wants[LB_IPV4] = out->wants[LB_IPV6] = true;
}

/* Addresses that are no pool's may be the node's own: they are left to the module ingress. */
static void read_wanted(yyjson_val *root, const struct lb_pools *pools, struct lb_ask *out)
{
	yyjson_val *list = json_at(root, "spec.addresses"), *v;
	size_t i, n;

	if (!yyjson_arr_size(list))
		want_any(out);
	yyjson_arr_foreach (list, i, n, v) {
		const char *type = json_str(v, "type"), *value = json_str(v, "value");
		struct ip ip;

		if (type && strcmp(type, "IPAddress") != 0)
			continue;
		if (!value || !*value)
			want_any(out);
		else if (ip_parse(&ip, value) && is_pools(pools, &ip))
			want(out, &ip);
	}
	out->first = out->wants[LB_IPV4] ? LB_IPV4 : LB_IPV6;
	if (out->wrong)
		memset(out->wanted, 0, sizeof(out->wanted));
}

static void read_status(yyjson_val *root, struct lb_ask *out)
{
	yyjson_val *list = json_at(root, "status.addresses"), *v;
	size_t i, n;

	out->plain = true;
	yyjson_arr_foreach (list, i, n, v) {
		const char *text = json_str(v, "value"), *type = json_str(v, "type");
		struct ip ip;
		bool good = text && ip_parse(&ip, text) && !out->has[lb_family(&ip)].len;

		if (good)
			out->has[lb_family(&ip)] = ip;
		out->plain &= good && type && !strcmp(type, "IPAddress");
	}
}

static void read_ports(yyjson_val *root, struct arena *a, struct lb_ask *out)
{
	yyjson_val *list = json_at(root, "spec.listeners"), *v;
	size_t i, n;

	out->ports = arena_alloc(a, (yyjson_arr_size(list) + 1) * sizeof(*out->ports));
	yyjson_arr_foreach (list, i, n, v)
		out->ports[out->n_ports++] = (struct lb_port){
			yyjson_equals_str(yyjson_obj_get(v, "protocol"), "UDP") ? IPPROTO_UDP
										: IPPROTO_TCP,
			(uint16_t)json_int(v, "port", 0),
		};
	out->n_ports = lb_ports_sort(out->ports, out->n_ports);
}

static void read_doors(const struct object *gateway, yyjson_val *root, struct arena *a,
                       struct lb_ask *out)
{
	struct lb_doors *doors = arena_alloc(a, sizeof(*doors));

	lb_doors_read(gateway->key, root, doors);
	out->doors = doors->v;
	out->n_doors = doors->n;
}

void lb_gateway_read(const struct object *gateway, const struct lb_pools *pools, struct arena *a,
                     struct lb_ask *out)
{
	yyjson_doc *doc = object_doc(gateway);
	yyjson_val *root = yyjson_doc_get_root(doc);

	*out = (struct lb_ask){ .key = arena_printf(a, LB_GATEWAY "%s", gateway->key),
		                .ns = gateway->ns,
		                .backend = "",
		                .doc = doc };
	out->marked = yyjson_obj_get(json_at(root, "metadata.annotations"), LB_FROM_POOL) != NULL;
	if (!view_gateway_ours(gateway))
		return;
	out->labels = json_at(root, "metadata.labels");
	out->pool = lb_ask_annotation(root, "address-pool", "address-pool", a);
	out->share = lb_ask_annotation(root, "allow-shared-ip", "allow-shared-ip", a);
	read_wanted(root, pools, out);
	read_status(root, out);
	read_ports(root, a, out);
	read_doors(gateway, root, a, out);
	out->ours = out->wants[LB_IPV4] || out->wants[LB_IPV6];
}

/* ---- answering ------------------------------------------------------------------------------ */

static void set_addresses(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct lb_result *r)
{
	yyjson_mut_val *status = mut_object_in(doc, root, "status"), *list = yyjson_mut_arr(doc);
	char text[IP_TEXT];

	for (unsigned i = 0; i < r->n; i++) {
		yyjson_mut_val *entry = yyjson_mut_arr_add_obj(doc, list);

		mut_set_text(doc, entry, "type", "IPAddress");
		mut_set_text(doc, entry, "value", ip_text(&r->ips[i], text));
	}
	mut_set(doc, status, "addresses", list);
}

static int put(const struct object *o, yyjson_mut_doc *doc, struct err *e)
{
	return store_put(o->kind, o->ns, o->name, doc, o->run ? STORE_RUN : 0, NULL, e);
}

static int give(const struct object *gateway, const char *pool, const struct lb_result *r,
                struct err *e)
{
	auto_doc yyjson_doc *old = object_doc(gateway);
	auto_mut yyjson_mut_doc *doc = yyjson_doc_mut_copy(old, NULL);
	yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);

	set_addresses(doc, root, r);
	lb_status_mark(doc, root, pool);
	return put(gateway, doc, e);
}

int lb_gateway_write(const struct object *gateway, const struct lb_ask *ask,
                     const struct lb_result *r, struct err *e)
{
	lb_status_tell(gateway, r);
	if (!r->n)
		return ask->marked ? lb_gateway_unmark(gateway, e) : 0;
	if (lb_status_says(ask, r) && !strcmp(lb_status_mark_of(ask), r->pool))
		return 0;
	return give(gateway, r->pool, r, e);
}

int lb_gateway_unmark(const struct object *gateway, struct err *e)
{
	return give(gateway, NULL, &(struct lb_result){ .n = 0 }, e);
}
