/* policy_match.c - see policy_match.h */
#include <netinet/in.h>
#include <string.h>

#include <knetd/label_selector.h>
#include <knetd/object.h>

#include "policy_match.h"

/* ---- selectors ------------------------------------------------------------------------------ */

static bool in_values(yyjson_val *values, const char *s)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (values, i, n, v)
		if (yyjson_equals_str(v, s))
			return true;
	return false;
}

static yyjson_val *labels_of(const struct policy_end *end)
{
	return json_at(end->pod, "metadata.labels");
}

/* Without policyTypes: always ingress, and egress when there are rules for it. */
static bool has_direction(yyjson_val *spec, enum policy_direction direction)
{
	yyjson_val *types = yyjson_obj_get(spec, "policyTypes");

	if (yyjson_arr_size(types))
		return in_values(types, direction == POLICY_INGRESS ? "Ingress" : "Egress");
	return direction == POLICY_INGRESS || yyjson_arr_size(yyjson_obj_get(spec, "egress"));
}

bool policy_selects(yyjson_val *policy, const char *ns, enum policy_direction direction,
                    const struct policy_end *pod)
{
	yyjson_val *spec = yyjson_obj_get(policy, "spec");

	return pod->ns && !strcmp(pod->ns, ns) && has_direction(spec, direction) &&
	       label_selector_match(yyjson_obj_get(spec, "podSelector"), labels_of(pod));
}

/* ---- ports ---------------------------------------------------------------------------------- */

static uint8_t proto_of(yyjson_val *port)
{
	const char *name = json_str(port, "protocol");

	return !name || !strcmp(name, "TCP") ? IPPROTO_TCP
	       : !strcmp(name, "UDP")        ? IPPROTO_UDP
	                                     : IPPROTO_SCTP;
}

/* The number that the pod gives the name; 0 for none. */
static uint16_t named_port(yyjson_val *pod, const char *name, uint8_t proto)
{
	yyjson_val *container, *port;
	size_t i, n, k, m;

	yyjson_arr_foreach (json_at(pod, "spec.containers"), i, n, container)
		yyjson_arr_foreach (yyjson_obj_get(container, "ports"), k, m, port)
			if (proto_of(port) == proto && json_str(port, "name") &&
			    !strcmp(json_str(port, "name"), name))
				return (uint16_t)json_int(port, "containerPort", 0);
	return 0;
}

static bool port_matches(yyjson_val *rule, const struct policy_connection *c)
{
	yyjson_val *port = yyjson_obj_get(rule, "port");
	int64_t first = json_int(rule, "port", 0);

	if (proto_of(rule) != c->proto)
		return false;
	if (!port || yyjson_is_null(port))
		return true;
	if (yyjson_is_str(port))
		return c->port && named_port(c->to.pod, yyjson_get_str(port), c->proto) == c->port;
	return c->port >= first && c->port <= json_int(rule, "endPort", first);
}

static bool ports_match(yyjson_val *ports, const struct policy_connection *c)
{
	yyjson_val *v;
	size_t i, n;

	if (!yyjson_arr_size(ports))
		return true;
	yyjson_arr_foreach (ports, i, n, v)
		if (port_matches(v, c))
			return true;
	return false;
}

/* ---- peers ---------------------------------------------------------------------------------- */

static bool in_cidr(yyjson_val *text, const struct ip *ip)
{
	struct cidr range;

	return yyjson_is_str(text) && cidr_parse(&range, yyjson_get_str(text)) &&
	       cidr_has(&range, ip);
}

static bool block_matches(yyjson_val *block, const struct ip *ip)
{
	yyjson_val *v;
	size_t i, n;

	if (!in_cidr(yyjson_obj_get(block, "cidr"), ip))
		return false;
	yyjson_arr_foreach (yyjson_obj_get(block, "except"), i, n, v)
		if (in_cidr(v, ip))
			return false;
	return true;
}

static bool peer_matches(yyjson_val *peer, const char *ns, const struct policy_end *end)
{
	yyjson_val *block = yyjson_obj_get(peer, "ipBlock");
	yyjson_val *spaces = yyjson_obj_get(peer, "namespaceSelector");

	if (block)
		return block_matches(block, &end->ip);
	if (!end->ns)
		return false;
	if (spaces ? !label_selector_match(spaces, end->ns_labels) : strcmp(end->ns, ns) != 0)
		return false;
	return label_selector_match(yyjson_obj_get(peer, "podSelector"), labels_of(end));
}

static bool peers_match(yyjson_val *peers, const char *ns, const struct policy_end *end)
{
	yyjson_val *v;
	size_t i, n;

	if (!yyjson_arr_size(peers))
		return true;
	yyjson_arr_foreach (peers, i, n, v)
		if (peer_matches(v, ns, end))
			return true;
	return false;
}

bool policy_allows(yyjson_val *policy, const char *ns, enum policy_direction direction,
                   const struct policy_connection *c)
{
	bool in = direction == POLICY_INGRESS;
	yyjson_val *rules = json_at(policy, in ? "spec.ingress" : "spec.egress"), *rule;
	const struct policy_end *other = in ? &c->from : &c->to;
	size_t i, n;

	yyjson_arr_foreach (rules, i, n, rule)
		if (peers_match(yyjson_obj_get(rule, in ? "from" : "to"), ns, other) &&
		    ports_match(yyjson_obj_get(rule, "ports"), c))
			return true;
	return false;
}
