/* trace_service.c - through a Service: who may come, which endpoints take the connection, what the
 * ruleset does where there is none, and what becomes of the source address. */
#include <netinet/in.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/choice.h>
#include <knetd/conf.h>
#include <knetd/store.h>

#include "trace_front.h"

#define STEP "service"
#define DNS_PORT 53

static bool in_range(const struct ip *ip)
{
	for (unsigned i = 0; i < conf.service.cidrs.n; i++)
		if (cidr_has(&conf.service.cidrs.v[i], ip))
			return true;
	return false;
}

/* ---- what is told of endpoints -------------------------------------------------------------- */

static const char *describe(struct trace *t, const struct view_endpoint *e)
{
	return arena_printf(t->arena, "%s%s%s (%s%s%s)", trace_at(t, &e->ip, e->port),
	                    *e->target ? " of " : "", e->target,
	                    e->ready          ? "ready"
	                    : !e->terminating ? "not ready"
	                    : e->serving      ? "terminating, serving"
	                                      : "terminating",
	                    *e->node && !e->local ? ", on " : "", e->local ? "" : e->node);
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

/* ---- where it ends -------------------------------------------------------------------------- */

/* early: before the kernel looked for a way, which a sending program of the node is told. */
static void refuse(struct trace *t, bool early, const char *why)
{
	trace_stop(t, STEP,
	           t->proto == IPPROTO_TCP ? "REJECT: connection refused (TCP reset)"
	           : early && t->source == TRACE_NODE
	                   ? "REJECT: the program is told that it may not (EPERM)"
	                   : "REJECT: ICMP port unreachable",
	           "%s", why);
}

static void drop(struct trace *t, const char *why)
{
	trace_stop(t, STEP, "DROP: the connection times out", "%s", why);
}

static void nobody(struct trace *t, const struct front *f, bool any, bool listed)
{
	if (any)
		drop(t, arena_printf(t->arena,
		                     "none of the endpoints is on this node, and "
		                     "%sTrafficPolicy Local allows no others",
		                     f->kind == FRONT_CLUSTER ? "internal" : "external"));
	else
		refuse(t, true,
		       listed ? "none of the endpoints is ready"
		              : "the Service has no endpoints for this port: does its selector "
		                "match a pod, and has the pod such a port?");
}

/* ---- whether it gets that far ------------------------------------------------------------------
 */

/* The node's own packets need a way before the ruleset is asked. To the Service ranges there always
 * is one. */
static bool has_way(struct trace *t, const struct front *f)
{
	if (t->source != TRACE_NODE || f->kind == FRONT_CLUSTER || f->kind == FRONT_NODE_PORT ||
	    trace_is_node(t, &t->to) || t->node->source_to(&t->to).len)
		return true;
	trace_stop(t, "route", "no route: \"Network is unreachable\"",
	           "the node has no route to %s, and its own packets need one before Services are "
	           "asked",
	           trace_ip(t, &t->to));
	return false;
}

/* ---- who may come --------------------------------------------------------------------------- */

/* Where the node has the address itself its packets come from there, and may when the node may. */
static bool node_may_come(const struct trace *t, const struct cidr *range)
{
	struct ip from = t->node->source_to(&t->to);

	return cidr_has(range, &from) || (ip_equal(&from, &t->to) && view_node_in(range));
}

static bool may_come(const struct trace *t, const struct cidr *range)
{
	if (t->source == TRACE_NODE && !t->bound)
		return node_may_come(t, range);
	for (unsigned i = 0; i < t->n_ips; i++)
		if (cidr_has(range, &t->ips[i]))
			return true;
	return false;
}

/* A family without ranges is open, as kube-proxy has it. */
static bool admitted(struct trace *t, const struct front *f)
{
	unsigned of_family = 0;

	if (f->kind != FRONT_BALANCER)
		return true;
	for (unsigned i = 0; i < f->v.n_ranges; i++) {
		if (f->v.ranges[i].ip.len != t->to.len)
			continue;
		if (may_come(t, &f->v.ranges[i]))
			return true;
		of_family++;
	}
	if (of_family)
		drop(t, "the sender is in none of loadBalancerSourceRanges");
	return !of_family;
}

/* ---- the source address --------------------------------------------------------------------- */

static const char *masquerade_of_cluster(const struct trace *t, bool needed)
{
	if (t->source == TRACE_NODE)
		return "the node's own connection gets an address of the link it leaves by "
		       "(masquerade)";
	if (t->source == TRACE_OUTSIDE && needed)
		return "from outside the pods' ranges to a ClusterIP: the endpoint sees the node's "
		       "address as the source (masquerade)";
	if (conf.service.masquerade == CONF_MASQUERADE_ALL)
		return "[service] masquerade = all: the endpoint sees the node's address as the "
		       "source (masquerade)";
	return NULL;
}

/* Why the source is not kept on the way to that endpoint; NULL when it is. */
static const char *masqueraded(const struct trace *t, const struct front *f,
                               const struct ip *endpoint, bool localhost)
{
	bool needed = conf.service.masquerade != CONF_MASQUERADE_NEEDED || !trace_in_pods(endpoint);

	if (f->kind == FRONT_CLUSTER)
		return masquerade_of_cluster(t, needed);
	if (localhost)
		return "from localhost: the endpoint sees an address of the node as the source "
		       "(masquerade)";
	if (f->v.external_local)
		return t->source == TRACE_NODE ? "the node's own connection gets an address of the "
		                                 "link it leaves by (masquerade)"
		                               : NULL;
	return needed ? "externalTrafficPolicy Cluster: the endpoint sees the node's address as "
	                "the source (masquerade)"
	              : NULL;
}

/* ---- to the endpoints ----------------------------------------------------------------------- */

static bool is_local(const struct trace *t, const struct front *f)
{
	if (f->kind == FRONT_CLUSTER)
		return f->v.internal_local;
	return f->v.external_local && t->source == TRACE_OUTSIDE;
}

static unsigned count_ready(const struct endpoint_set *set)
{
	unsigned n = 0;

	for (unsigned i = 0; i < set->n; i++)
		n += set->v[i].ready;
	return n;
}

static void note_choice(struct trace *t, const struct front *f, const struct endpoint_set *all,
                        const struct endpoint_set *list)
{
	bool local = is_local(t, f);

	if (local)
		trace_say(t, STEP, TRACE_NOTE, NULL,
		          "%sTrafficPolicy Local: endpoints of this node alone",
		          f->kind == FRONT_CLUSTER ? "internal" : "external");
	else if (f->kind != FRONT_CLUSTER && f->v.external_local)
		trace_say(t, STEP, TRACE_NOTE, NULL,
		          "externalTrafficPolicy Local binds who comes from outside: pods and the "
		          "node reach all endpoints");
	if (list->n && !list->v[0].ready)
		trace_say(t, STEP, TRACE_NOTE, NULL,
		          "no endpoint is ready: those that are terminating and still serve are "
		          "the last resort");
	else if (!local && list->n < count_ready(all))
		trace_say(t, STEP, TRACE_NOTE, NULL,
		          "hints (trafficDistribution): endpoints meant for this node or its zone");
	if (f->v.affinity)
		trace_say(t, STEP, TRACE_NOTE, NULL,
		          "sessionAffinity ClientIP: a client that came within the last %u s stays "
		          "with its endpoint",
		          f->v.affinity);
}

/* One way for each endpoint; what is told is the first that arrives, or else the first. */
static void follow_endpoints(struct trace *t, const struct front *f, const struct endpoint_set *set)
{
	bool localhost = ip_is_loopback(&t->to);
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
		          "fail",
		          lost, set->n);
	t->to = set->v[chosen].ip;
	t->port = set->v[chosen].port;
	trace_say(t, "endpoint", TRACE_OK, NULL, "%s is followed here, one of %u dealt at random",
	          describe(t, &set->v[chosen]), set->n);
	trace_source(t, masqueraded(t, f, &t->to, localhost));
	trace_way(t, true);
}

static void through_port(struct trace *t, const struct front *f)
{
	const struct service_port *port = f->port;
	const struct endpoint_set *list;
	struct endpoint_set all;
	struct choice choice;

	view_endpoints(f->v.ns, f->v.name, port, t->to.len, false, t->arena, &all);
	choice_make(&all, t->arena, &choice);
	list = is_local(t, f) ? &choice.local : &choice.cluster;
	trace_say(t, STEP, TRACE_OK, all.n ? list_endpoints(t, &all) : NULL,
	          "%s is %s, port %u%s%s%s: %u of %u endpoints take connections",
	          trace_at(t, &t->to, t->port), front_name(t, f), port->port,
	          *port->name ? " (" : "", port->name, *port->name ? ")" : "", list->n, all.n);
	if (!has_way(t, f) || !admitted(t, f))
		return;
	note_choice(t, f, &all, list);
	if (list->n)
		follow_endpoints(t, f, list);
	else
		nobody(t, f, choice.any, all.n > 0);
}

/* ---- the Service ---------------------------------------------------------------------------- */

static const char *list_ports(struct trace *t, const struct service_view *v)
{
	const char *text = "";

	for (unsigned i = 0; i < v->n_ports && i < TRACE_LISTED; i++)
		text = arena_printf(t->arena, "%s%s%u/%s", text, i ? ", " : "", v->ports[i].port,
		                    trace_proto(v->ports[i].proto));
	return text;
}

static void through_front(struct trace *t, const struct front *f)
{
	if (!view_service_proxied(&f->v))
		trace_stop(t, STEP, "DROP: the connection times out",
		           "Service %s/%s has a label that leaves it to another proxy: its "
		           "address is none here",
		           f->v.ns, f->v.name);
	else if (!f->port)
		refuse(t, false,
		       arena_printf(t->arena, "Service %s/%s has no port %u/%s; it has %s", f->v.ns,
		                    f->v.name, t->port, trace_proto(t->proto),
		                    list_ports(t, &f->v)));
	else
		through_port(t, f);
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
		trace_policies(t, false);
		if (t->stopped)
			return true;
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
	struct front f;

	if (is_dns(t))
		return true;
	if (front_find(t, &f)) {
		through_front(t, &f);
		yyjson_doc_free(f.v.doc);
		return true;
	}
	if (in_range(&t->to)) {
		trace_stop(t, STEP, "DROP: the connection times out",
		           "%s lies in the Service range, but no Service has it",
		           trace_ip(t, &t->to));
		return true;
	}
	front_note_others(t);
	return false;
}
