/* trace_hostport.c - when the address is the node's and the port leads to a pod: which, and what
 * happens to the source. The Services have been asked before: theirs is the first translation. */
#include <string.h>
#include <strings.h>

#include <knetd/auto.h>
#include <knetd/store.h>

#include "trace_plan.h"

#define STEP "hostport"

static bool matches(const struct trace *t, yyjson_val *port, bool specific)
{
	const char *text = json_str(port, "hostIP"), *proto = json_str(port, "protocol");
	struct ip at = { 0 };
	bool any = !text || (ip_parse(&at, text) && ip_is_any(&at));

	if (json_int(port, "hostPort", 0) != t->port || !proto ||
	    strcasecmp(proto, trace_proto(t->proto)) != 0 || any == specific)
		return false;
	return any ? !at.len || at.len == t->to.len : ip_equal(&at, &t->to);
}

static bool pod_address(yyjson_val *network, uint8_t family, struct ip *out)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (json_at(network, "status.ips"), i, n, v)
		if (yyjson_is_str(v) && ip_parse(out, yyjson_get_str(v)) && out->len == family)
			return true;
	return false;
}

static bool leads(struct trace *t, yyjson_val *network, bool specific, struct endpoint *out)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (json_at(network, "spec.hostPorts"), i, n, v)
		if (matches(t, v, specific) && pod_address(network, t->to.len, &out->ip)) {
			out->port = (uint16_t)json_int(v, "containerPort", 0);
			return true;
		}
	return false;
}

static const struct object *find(struct trace *t, bool specific, struct endpoint *out)
{
	const struct object *o;

	for (size_t i = 0; (o = store_next_object(KIND_PODNETWORK, &i));) {
		auto_doc yyjson_doc *doc = NULL;

		if (!strstr(o->json, "\"hostPorts\"")) /* spares the parser most of them */
			continue;
		doc = object_doc(o);
		if (leads(t, yyjson_doc_get_root(doc), specific, out))
			return o;
	}
	return NULL;
}

bool trace_hostport(struct trace *t)
{
	const char *at = trace_at(t, &t->to, t->port);
	bool from_localhost = ip_is_loopback(&t->to);
	const struct object *o;
	struct endpoint to;

	o = find(t, true, &to);
	if (!o)
		o = find(t, false, &to);
	if (!o || !t->port)
		return false;
	t->to = to.ip;
	t->port = to.port;
	trace_say(t, STEP, TRACE_OK, NULL, "%s is a host port: it leads to %s", at,
	          trace_at(t, &t->to, t->port));
	trace_source(t, from_localhost
	                        ? "from localhost: the pod sees an address of the node as the "
	                          "source (masquerade)"
	                        : NULL);
	trace_way(t, true);
	return true;
}
