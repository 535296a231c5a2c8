/* ingress_status.c - where each Ingress is reached, in its status. What says already what it should
 * is not written; what an Ingress that is no longer ours still says of us is taken out. */
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/json_mut.h>
#include <knetd/view.h>

#include "ingress_cache.h"
#include "ingress_plan.h"

struct reached {
	unsigned n;
	struct ip ips[VIEW_NODE_IPS];
};

static void read_reached(struct reached *r)
{
	memset(r, 0, sizeof(*r)); /* it is compared whole */
	if (conf.ingress.any_address) {
		r->n = view_node_ips(store_get(KIND_NODE, "", conf.node.name), r->ips,
		                     VIEW_NODE_IPS);
		return;
	}
	for (unsigned i = 0; i < conf.ingress.addresses.n && r->n < VIEW_NODE_IPS; i++)
		r->ips[r->n++] = conf.ingress.addresses.v[i].ip;
}

static void add_port(yyjson_mut_doc *doc, yyjson_mut_val *ports, uint16_t port)
{
	yyjson_mut_val *p;

	if (!port)
		return;
	p = yyjson_mut_arr_add_obj(doc, ports);
	yyjson_mut_obj_add_uint(doc, p, "port", port);
	yyjson_mut_obj_add_str(doc, p, "protocol", "TCP");
}

static yyjson_mut_val *list_of(yyjson_mut_doc *doc, const struct reached *r)
{
	yyjson_mut_val *list = yyjson_mut_arr(doc), *x, *ports;
	char text[IP_TEXT];

	for (unsigned i = 0; i < r->n; i++) {
		x = yyjson_mut_arr_add_obj(doc, list);
		yyjson_mut_obj_add_strcpy(doc, x, "ip", ip_text(&r->ips[i], text));
		ports = yyjson_mut_obj_add_arr(doc, x, "ports");
		add_port(doc, ports, conf.ingress.http);
		add_port(doc, ports, conf.ingress.https);
	}
	return list;
}

static int write_one(struct compiled *c, const struct reached *r, struct err *e)
{
	auto_doc yyjson_doc *doc = object_doc(c->object);
	auto_mut yyjson_mut_doc *mut = yyjson_doc_mut_copy(doc, NULL);
	yyjson_mut_val *root = yyjson_mut_doc_get_root(mut), *list = list_of(mut, r),
		       *now = mut_at(root, "status.loadBalancer.ingress"), *balancer;
	bool same = yyjson_mut_equals(now, list) || (!now && !r->n);
	const struct object *out;
	int ret;

	ingress_written(c);
	if (c->ours ? same : !now || !same)
		return 0;
	balancer = mut_object_in(mut, mut_object_in(mut, root, "status"), "loadBalancer");
	if (c->ours && r->n)
		mut_set(mut, balancer, "ingress", list);
	else
		yyjson_mut_obj_remove_key(balancer, "ingress");
	ret = store_put(KIND_INGRESS, c->object->ns, c->object->name, mut,
	                c->object->run ? STORE_RUN : 0, &out, e);
	if (ret)
		return ret;
	object_unref((struct object *)c->object); /* the version that comes back is known then */
	c->object = object_ref(out);
	return 0;
}

static bool moved(const struct reached *r)
{
	static struct reached last;
	bool other = memcmp(&last, r, sizeof(last)) != 0;

	last = *r;
	return other;
}

int ingress_status_write(struct err *e)
{
	struct reached r;
	struct compiled *c;
	int ret = 0;

	read_reached(&r);
	if (moved(&r))
		ingress_write_all();
	if (!ingress_unwritten())
		return 0;
	store_begin();
	while (!ret && (c = ingress_unwritten()))
		ret = write_one(c, &r, e);
	if (!ret)
		return store_commit(e);
	store_abort();
	return ret;
}
