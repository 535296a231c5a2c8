/* trace_service.c - when the address is one of the Service ranges: which Service, which port, which
 * endpoints; what the ruleset does where there is none. */
#include <netinet/in.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/store.h>
#include <knetd/view.h>

#include "trace_plan.h"

#define STEP "service"
#define DNS_PORT 53

static bool in_range(const struct ip *ip)
{
	for (unsigned i = 0; i < conf.service.cidrs.n; i++)
		if (cidr_has(&conf.service.cidrs.v[i], ip))
			return true;
	return false;
}

/* The Service whose clusterIP it is; its view is the caller's to free. */
static bool find_service(struct trace *t, struct service_view *out)
{
	const struct object *o;

	for (size_t i = 0; (o = store_next_object(KIND_SERVICE, &i));) {
		if (!view_service(o, t->arena, out)) {
			yyjson_doc_free(out->doc);
			continue;
		}
		for (unsigned k = 0; k < out->n_ips; k++)
			if (ip_equal(&out->ips[k], &t->to))
				return true;
		yyjson_doc_free(out->doc);
	}
	return false;
}

static bool listed(yyjson_val *list, const char *member, const char *ip)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (list, i, n, v) {
		const char *text = yyjson_get_str(member ? yyjson_obj_get(v, member) : v);

		if (text && !strcmp(text, ip))
			return true;
	}
	return false;
}

/* Addresses that a Service has beside its clusterIPs. */
static void note_other_addresses(struct trace *t)
{
	const char *ip = trace_ip(t, &t->to);
	const struct object *o;

	for (size_t i = 0; (o = store_next_object(KIND_SERVICE, &i));) {
		auto_doc yyjson_doc *doc = object_doc(o);
		yyjson_val *root = yyjson_doc_get_root(doc);
		bool external = listed(json_at(root, "spec.externalIPs"), NULL, ip);

		if (external || listed(json_at(root, "status.loadBalancer.ingress"), "ip", ip))
			trace_say(
				t, STEP, TRACE_NOTE, NULL,
				"%s is %s of Service %s, which this version does not serve: it is "
				"an address like any other",
				ip, external ? "an external IP" : "a load balancer's address",
				o->key);
	}
}

/* ---- endpoints ------------------------------------------------------------------------------ */

static const char *describe(struct trace *t, const struct view_endpoint *e)
{
	return arena_printf(t->arena, "%s%s%s%s (%s)", trace_at(t, &e->ip, e->port),
	                    *e->target ? " of " : "", e->target, "",
	                    e->terminating ? (e->serving ? "terminating, serving" : "terminating")
	                    : e->ready     ? "ready"
	                                   : "not ready");
}

static const char *list_endpoints(struct trace *t, const struct endpoint_set *set)
{
	const char *text = "";

	for (unsigned i = 0; i < set->n && i < TRACE_LISTED; i++)
		text = arena_printf(t->arena, "%s%s%s", text, i ? ", " : "",
		                    describe(t, &set->v[i]));
	if (set->n > TRACE_LISTED)
		text = arena_printf(t->arena, "%s and %u more", text, set->n - TRACE_LISTED);
	return text;
}

static void note_wishes(struct trace *t, const struct service_view *v)
{
	yyjson_val *spec = yyjson_obj_get(yyjson_doc_get_root(v->doc), "spec");
	const char *affinity = json_str(spec, "sessionAffinity");
	const char *internal = json_str(spec, "internalTrafficPolicy");

	if (affinity && !strcmp(affinity, "ClientIP"))
		trace_say(t, STEP, TRACE_NOTE, NULL,
		          "sessionAffinity ClientIP is not in force in this version: each "
		          "connection is dealt anew");
	if (internal && !strcmp(internal, "Local"))
		trace_say(t, STEP, TRACE_NOTE, NULL,
		          "internalTrafficPolicy Local is not looked at in this version: all "
		          "endpoints take part");
}

static void refuse(struct trace *t, const char *why)
{
	trace_stop(t, STEP,
	           t->proto == IPPROTO_TCP ? "REJECT: connection refused (TCP reset)"
	                                   : "REJECT: ICMP port unreachable",
	           "%s", why);
}

/* One way for each endpoint; what is told is the first that arrives, or else the first. */
static void follow_endpoints(struct trace *t, const struct endpoint_set *set)
{
	unsigned lost = 0, chosen = 0;

	for (unsigned i = set->n; i-- > 0;) {
		if (trace_owner(&set->v[i].ip) || !trace_in_pods(&set->v[i].ip))
			chosen = i;
		else
			lost++;
	}
	if (lost && lost < set->n)
		trace_say(t, "endpoint", TRACE_NOTE, NULL,
		          "%u of %u endpoints are no pod's any more: connections dealt to them "
		          "are lost",
		          lost, set->n);
	t->to = set->v[chosen].ip;
	t->port = set->v[chosen].port;
	trace_say(t, "endpoint", TRACE_OK, NULL, "%s is followed here, one of %u dealt at random",
	          describe(t, &set->v[chosen]), set->n);
	trace_way(t, true);
}

static void through_port(struct trace *t, const struct service_view *v,
                         const struct service_port *port)
{
	struct endpoint_set usable, all;
	const char *vip = trace_at(t, &t->to, t->port);

	view_endpoints(v->ns, v->name, port, t->to.len, true, t->arena, &usable);
	view_endpoints(v->ns, v->name, port, t->to.len, false, t->arena, &all);
	trace_say(t, STEP, TRACE_OK, all.n ? list_endpoints(t, &all) : NULL,
	          "%s is Service %s/%s, port %u%s%s%s: %u of %u endpoints take connections", vip,
	          v->ns, v->name, port->port, *port->name ? " (" : "", port->name,
	          *port->name ? ")" : "", usable.n, all.n);
	if (!usable.n) {
		refuse(t, all.n ? "none of the endpoints is ready"
		                : "the Service has no endpoints for this port: does its selector "
		                  "match a pod, and has the pod such a port?");
		return;
	}
	note_wishes(t, v);
	follow_endpoints(t, &usable);
}

/* ---- the Service ---------------------------------------------------------------------------- */

static const struct service_port *find_port(struct trace *t, const struct service_view *v)
{
	if (!t->port && v->n_ports) {
		t->port = v->ports[0].port;
		t->proto = v->ports[0].proto;
		trace_say(t, STEP, TRACE_NOTE, NULL,
		          "no port is given: %u/%s, the first of the "
		          "Service, is taken",
		          t->port, trace_proto(t->proto));
	}
	for (unsigned i = 0; i < v->n_ports; i++)
		if (v->ports[i].port == t->port && v->ports[i].proto == t->proto)
			return &v->ports[i];
	return NULL;
}

static const char *list_ports(struct trace *t, const struct service_view *v)
{
	const char *text = "";

	for (unsigned i = 0; i < v->n_ports && i < TRACE_LISTED; i++)
		text = arena_printf(t->arena, "%s%s%u/%s", text, i ? ", " : "", v->ports[i].port,
		                    trace_proto(v->ports[i].proto));
	return text;
}

static bool of_another_proxy(const struct service_view *v)
{
	yyjson_val *labels = json_at(yyjson_doc_get_root(v->doc), "metadata.labels");

	return yyjson_obj_get(labels, "service.kubernetes.io/service-proxy-name") ||
	       yyjson_obj_get(labels, "service.kubernetes.io/headless");
}

static void through_service(struct trace *t, const struct service_view *v)
{
	const struct service_port *port = find_port(t, v);

	if (of_another_proxy(v))
		trace_stop(t, STEP, "DROP",
		           "Service %s/%s has a label that leaves it to another proxy: its "
		           "address is none here",
		           v->ns, v->name);
	else if (!port)
		refuse(t,
		       arena_printf(t->arena, "Service %s/%s has no port %u/%s; it has %s", v->ns,
		                    v->name, t->port, trace_proto(t->proto), list_ports(t, v)));
	else
		through_port(t, v, port);
}

/* The cluster DNS is the node's own process behind its own address. */
static bool is_dns(struct trace *t)
{
	for (unsigned i = 0; i < conf.dns.address.n; i++) {
		if (!ip_equal(&conf.dns.address.v[i].ip, &t->to))
			continue;
		if (!t->port)
			t->port = DNS_PORT;
		if (t->port != DNS_PORT || t->proto == IPPROTO_SCTP)
			return false;
		trace_say(t, STEP, TRACE_OK, NULL,
		          "%s is the cluster DNS, answered on the node itself: no translation, "
		          "no connection tracking (notrack)",
		          trace_at(t, &t->to, t->port));
		t->result = "the cluster DNS answers";
		return true;
	}
	return false;
}

bool trace_service(struct trace *t)
{
	struct service_view v;

	if (is_dns(t))
		return true;
	if (find_service(t, &v)) {
		through_service(t, &v);
		yyjson_doc_free(v.doc);
		return true;
	}
	if (in_range(&t->to)) {
		trace_stop(t, STEP, "DROP: the connection times out",
		           "%s lies in the Service range, but no Service has it",
		           trace_ip(t, &t->to));
		return true;
	}
	note_other_addresses(t);
	return false;
}
