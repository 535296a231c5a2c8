/* trace_front.c - see trace_front.h. The order is the ruleset's: an address with a port first, a
 * ClusterIP with any port, then the node ports of the node's own addresses. */
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/store.h>

#include "trace_front.h"

static const struct service_port *find_port(const struct trace *t, const struct service_view *v)
{
	for (unsigned i = 0; i < v->n_ports; i++)
		if (!t->port || (v->ports[i].port == t->port && v->ports[i].proto == t->proto))
			return &v->ports[i];
	return NULL;
}

/* ---- node ports ----------------------------------------------------------------------------- */

static bool in_service_range(const struct ip *ip)
{
	for (unsigned i = 0; i < conf.service.cidrs.n; i++)
		if (cidr_has(&conf.service.cidrs.v[i], ip))
			return true;
	return false;
}

/* Are node ports open at that address? */
static bool has_node_ports(const struct trace *t)
{
	if (ip_is_loopback(&t->to))
		return t->source == TRACE_NODE && conf.service.node_port_localhost;
	return trace_is_node(t, &t->to) && !in_service_range(&t->to) && view_node_ports_at(&t->to);
}

static const struct service_port *find_node_port(const struct trace *t,
                                                 const struct service_view *v)
{
	for (unsigned i = 0; t->port && i < v->n_ports; i++)
		if (v->ports[i].node_port == t->port && v->ports[i].proto == t->proto)
			return &v->ports[i];
	return NULL;
}

/* ---- one Service ---------------------------------------------------------------------------- */

static bool has_family(const struct service_view *v, uint8_t len)
{
	for (unsigned i = 0; i < v->n_ips; i++)
		if (v->ips[i].len == len)
			return true;
	return false;
}

static bool has_ip(const struct trace *t, const struct ip *list, unsigned n)
{
	return ip_is_in(&t->to, list, n);
}

static void match(const struct trace *t, bool node_ports, struct front *f)
{
	const struct service_view *v = &f->v;

	f->kind = FRONT_NONE;
	f->port = find_port(t, v);
	if (has_ip(t, v->ips, v->n_ips)) {
		f->kind = FRONT_CLUSTER;
		return;
	}
	if (!view_service_proxied(v) || !has_family(v, t->to.len))
		return;
	if (f->port && has_ip(t, v->ingress_ips, v->n_ingress)) {
		f->kind = FRONT_BALANCER;
	} else if (f->port && conf.service.external_ips &&
	           has_ip(t, v->external_ips, v->n_external)) {
		f->kind = FRONT_EXTERNAL;
	} else if (node_ports) {
		f->port = find_node_port(t, v);
		f->kind = f->port ? FRONT_NODE_PORT : FRONT_NONE;
	}
}

/* What the ruleset looks at first is worth most. */
static unsigned worth(const struct front *f)
{
	static const unsigned worths[] = { [FRONT_NONE] = 0,
		                           [FRONT_CLUSTER] = 3,
		                           [FRONT_BALANCER] = 2,
		                           [FRONT_EXTERNAL] = 2,
		                           [FRONT_NODE_PORT] = 1 };

	return worths[f->kind];
}

/* Spares the parser most Services: what is looked for stands in the text. IPv6 may stand there in
 * another form. */
static bool may_match(const struct trace *t, const struct object *o, bool node_ports)
{
	char ip[IP_TEXT], port[32];

	snprintf(port, sizeof(port), "\"nodePort\":%u", t->port);
	return t->to.len == 16 || strstr(o->json, ip_text(&t->to, ip)) ||
	       (node_ports && strstr(o->json, port));
}

bool front_find(struct trace *t, struct front *out)
{
	bool node_ports = has_node_ports(t);
	const struct object *o;

	*out = (struct front){ 0 };
	for (size_t i = 0; (o = store_next_object(KIND_SERVICE, &i));) {
		struct front f = { 0 };

		if (!may_match(t, o, node_ports))
			continue;
		if (view_service(o, t->arena, &f.v))
			match(t, node_ports, &f);
		if (worth(&f) > worth(out)) {
			yyjson_doc_free(out->v.doc);
			*out = f;
		} else {
			yyjson_doc_free(f.v.doc);
		}
	}
	if (out->kind && !t->port && out->port) {
		t->port = out->port->port;
		t->proto = out->port->proto;
		trace_say(t, "service", TRACE_NOTE, NULL,
		          "no port is given: %u/%s, the first of the Service, is taken", t->port,
		          trace_proto(t->proto));
	}
	return out->kind != FRONT_NONE;
}

const char *front_name(struct trace *t, const struct front *f)
{
	static const char *const names[] = { [FRONT_NONE] = "",
		                             [FRONT_CLUSTER] = "the ClusterIP",
		                             [FRONT_BALANCER] = "a load balancer's address",
		                             [FRONT_EXTERNAL] = "an external IP",
		                             [FRONT_NODE_PORT] = "a node port" };

	return arena_printf(t->arena, "%s of Service %s/%s", names[f->kind], f->v.ns, f->v.name);
}

/* ---- addresses that are none ---------------------------------------------------------------- */

static bool listed(yyjson_val *list, const char *member, const struct ip *want)
{
	yyjson_val *v;
	struct ip ip;
	size_t i, n;

	yyjson_arr_foreach (list, i, n, v) {
		const char *text = yyjson_get_str(member ? yyjson_obj_get(v, member) : v);

		if (text && ip_parse(&ip, text) && ip_equal(&ip, want))
			return true;
	}
	return false;
}

void front_note_others(struct trace *t)
{
	const char *ip = trace_ip(t, &t->to);
	const struct object *o;

	for (size_t i = 0; (o = store_next_object(KIND_SERVICE, &i));) {
		auto_doc yyjson_doc *doc = may_match(t, o, false) ? object_doc(o) : NULL;
		yyjson_val *root = yyjson_doc_get_root(doc);

		if (!doc)
			continue;
		if (!conf.service.external_ips &&
		    listed(json_at(root, "spec.externalIPs"), NULL, &t->to))
			trace_say(t, "service", TRACE_NOTE, NULL,
			          "%s is an external IP of Service %s, but [service] external_ips "
			          "is no: an address like any other",
			          ip, o->key);
		else if (listed(json_at(root, "status.loadBalancer.ingress"), "ip", &t->to))
			trace_say(t, "service", TRACE_NOTE, NULL,
			          "%s is a load balancer's address of Service %s, but not one that "
			          "the node serves with this port",
			          ip, o->key);
	}
}
