/* trace_way.c - from the sender to an address: a pod's, the node's, or one outside; what happens to
 * the source address on the way. */
#include <netinet/in.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/store.h>

#include "trace_plan.h"

#define STEP "route"

static bool in_ranges(const struct conf_cidrs *ranges, const struct ip *ip)
{
	for (unsigned i = 0; i < ranges->n; i++)
		if (cidr_has(&ranges->v[i], ip))
			return true;
	return false;
}

bool trace_in_pods(const struct ip *ip)
{
	return in_ranges(&conf.podnet.cidrs, ip);
}

bool trace_is_node(const struct trace *t, const struct ip *ip)
{
	static const struct ip gateway4 = { .len = 4, .b = { 169, 254, 1, 1 } },
			       gateway6 = { .len = 16, .b = { 0xfe, 0x80, [15] = 1 } };

	return ip_is_in(ip, t->node->ips, t->node->n) || ip_equal(ip, &gateway4) ||
	       ip_equal(ip, &gateway6);
}

static bool is_sender(const struct trace *t)
{
	return t->source == TRACE_POD && ip_is_in(&t->to, t->ips, t->n_ips);
}

static const char *port_note(struct trace *t)
{
	return t->port ? arena_printf(t->arena,
	                              "; whether something listens on %u/%s there is "
	                              "its own matter",
	                              t->port, trace_proto(t->proto))
	               : "";
}

void trace_source(struct trace *t, const char *masqueraded)
{
	const char *what =
		is_sender(t) ? "hairpin: the pod reaches itself, and sees the node's address as "
			       "the source (masquerade)"
		: masqueraded
			? masqueraded
			: "destination translated, source kept; conntrack turns the answers back";

	trace_say(t, "nat", TRACE_NOTE, NULL, "%s", what);
}

static void to_pod(struct trace *t, const struct object *attachment, bool service)
{
	auto_doc yyjson_doc *doc = object_doc(attachment);
	yyjson_val *root = yyjson_doc_get_root(doc);
	const char *link = json_str(root, "spec.hostInterface");
	const char *pod = json_str(root, "spec.podRef.name");
	const char *name =
		arena_printf(t->arena, "%s/%s", attachment->ns, pod ? pod : attachment->name);

	if (is_sender(t) && !service) {
		trace_say(t, STEP, TRACE_OK, NULL,
		          "%s is the sender's own address: the packet "
		          "never leaves the pod",
		          trace_ip(t, &t->to));
	} else {
		trace_policies(t, false);
		if (t->stopped)
			return;
		trace_say(t, STEP, TRACE_OK, NULL, "%s is pod %s, one host route by %s",
		          trace_ip(t, &t->to), name, link ? link : "its interface");
	}
	t->result = arena_printf(t->arena, "at pod %s, %s%s", name, trace_at(t, &t->to, t->port),
	                         port_note(t));
}

static void to_node(struct trace *t, bool service)
{
	trace_policies(t, true);
	trace_say(t, STEP, TRACE_OK, NULL, "%s is the node itself%s", trace_ip(t, &t->to),
	          service ? "" : "; it sees the sender's own address");
	t->result = arena_printf(t->arena, "at the node, %s%s", trace_at(t, &t->to, t->port),
	                         port_note(t));
}

static const char *outbound(struct trace *t)
{
	const struct ip *ip = &conf.podnet.outbound[t->to.len == 16];

	return ip->len ? trace_ip(t, ip) : "the node's address";
}

static void to_outside(struct trace *t)
{
	trace_policies(t, false);
	if (t->stopped)
		return;
	if (!t->node->source_to(&t->to).len) {
		trace_stop(t, STEP, "no route: \"Network is unreachable\"",
		           "the node has no route to %s", trace_ip(t, &t->to));
		return;
	}
	trace_say(t, STEP, TRACE_OK, NULL, "%s is outside: the node's routes lead there",
	          trace_ip(t, &t->to));
	if (t->source == TRACE_POD && conf.podnet.masquerade &&
	    in_ranges(&conf.podnet.masquerade_except, &t->to))
		trace_say(t, "nat", TRACE_NOTE, NULL,
		          "[podnet] masquerade_except: it leaves with the pod's address");
	else if (t->source == TRACE_POD && conf.podnet.masquerade)
		trace_say(t, "nat", TRACE_NOTE, NULL, "the packet leaves with %s (masquerade)",
		          outbound(t));
	else if (t->source == TRACE_POD)
		trace_say(t, "nat", TRACE_NOTE, NULL,
		          "[podnet] masquerade = no: it leaves with the pod's address, and %s "
		          "needs a route back",
		          trace_ip(t, &t->to));
	t->result = arena_printf(t->arena, "out of the node to %s; what happens there is not known",
	                         trace_at(t, &t->to, t->port));
}

void trace_way(struct trace *t, bool translated)
{
	const struct object *attachment = trace_owner(&t->to);

	if (attachment)
		to_pod(t, attachment, translated);
	else if (trace_is_node(t, &t->to) && !translated && trace_hostport(t))
		return;
	else if (trace_is_node(t, &t->to))
		to_node(t, translated);
	else if (trace_in_pods(&t->to))
		trace_stop(t, STEP, "no pod has that address: \"No route to host\"",
		           "%s lies in the pods' range, but no pod is attached with it: the node "
		           "refuses it",
		           trace_ip(t, &t->to));
	else
		to_outside(t);
}
