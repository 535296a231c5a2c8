/* netpol_match.c - see netpol_match.h */
#include <netinet/in.h>
#include <string.h>

#include <knetd/label_selector.h>
#include <knetd/netpol_match.h>
#include <knetd/object.h>
#include <knetd/pod_port.h>

/* ---- selectors ------------------------------------------------------------------------------ */

bool netpol_labels_said(yyjson_val *pod)
{
	yyjson_val *meta = yyjson_obj_get(pod, "metadata");
	yyjson_val *annotations = yyjson_obj_get(meta, "annotations");

	return !yyjson_equals_str(yyjson_obj_get(annotations, "knetd.io/created-by"), "cni") ||
	       yyjson_obj_get(annotations, "knetd.io/labels") ||
	       yyjson_obj_size(yyjson_obj_get(meta, "labels"));
}

static bool chooses(yyjson_val *selector, const struct netpol_end *end)
{
	if (end->unlabelled)
		return !yyjson_obj_size(yyjson_obj_get(selector, "matchLabels")) &&
		       !yyjson_arr_size(yyjson_obj_get(selector, "matchExpressions"));
	return label_selector_match(selector, json_at(end->pod, "metadata.labels"));
}

/* Without policyTypes: always ingress, and egress when there are rules for it. */
bool netpol_isolates(yyjson_val *policy, enum netpol_direction direction)
{
	yyjson_val *spec = yyjson_obj_get(policy, "spec");
	yyjson_val *types = yyjson_obj_get(spec, "policyTypes");

	if (yyjson_arr_size(types))
		return json_array_has(types, direction == NETPOL_INGRESS ? "Ingress" : "Egress");
	return direction == NETPOL_INGRESS || yyjson_arr_size(yyjson_obj_get(spec, "egress"));
}

bool netpol_selects(yyjson_val *policy, const char *ns, enum netpol_direction direction,
                    const struct netpol_end *pod)
{
	yyjson_val *spec = yyjson_obj_get(policy, "spec");

	return pod->ns && !strcmp(pod->ns, ns) && netpol_isolates(policy, direction) &&
	       chooses(yyjson_obj_get(spec, "podSelector"), pod);
}

/* ---- ports ---------------------------------------------------------------------------------- */

static uint8_t proto_of(yyjson_val *port)
{
	const char *name = json_str(port, "protocol");

	return !name || !strcmp(name, "TCP") ? IPPROTO_TCP
	       : !strcmp(name, "UDP")        ? IPPROTO_UDP
	                                     : IPPROTO_SCTP;
}

static bool port_matches(yyjson_val *rule, const struct netpol_connection *c)
{
	yyjson_val *port = yyjson_obj_get(rule, "port");
	int64_t first = json_int(rule, "port", 0);

	if (proto_of(rule) != c->proto)
		return false;
	if (!port || yyjson_is_null(port))
		return true;
	if (yyjson_is_str(port))
		return c->port &&
		       pod_named_port(c->to.pod, yyjson_get_str(port), c->proto) == c->port;
	return c->port >= first && c->port <= json_int(rule, "endPort", first);
}

static bool ports_match(yyjson_val *ports, const struct netpol_connection *c)
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

static bool peer_matches(yyjson_val *peer, const char *ns, const struct netpol_end *end)
{
	yyjson_val *block = yyjson_obj_get(peer, "ipBlock");
	yyjson_val *spaces = yyjson_obj_get(peer, "namespaceSelector");

	if (block)
		return block_matches(block, &end->ip);
	if (!end->ns)
		return false;
	if (spaces ? !label_selector_match(spaces, end->ns_labels) : strcmp(end->ns, ns) != 0)
		return false;
	return chooses(yyjson_obj_get(peer, "podSelector"), end);
}

static bool peers_match(yyjson_val *peers, const char *ns, const struct netpol_end *end)
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

bool netpol_allows(yyjson_val *policy, const char *ns, enum netpol_direction direction,
                   const struct netpol_connection *c)
{
	bool in = direction == NETPOL_INGRESS;
	yyjson_val *rules = json_at(policy, in ? "spec.ingress" : "spec.egress"), *rule;
	const struct netpol_end *other = in ? &c->from : &c->to;
	size_t i, n;

	yyjson_arr_foreach (rules, i, n, rule)
		if (peers_match(yyjson_obj_get(rule, in ? "from" : "to"), ns, other) &&
		    ports_match(yyjson_obj_get(rule, "ports"), c))
			return true;
	return false;
}
