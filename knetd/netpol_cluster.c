/* netpol_cluster.c - see netpol_cluster.h
 *
 * A peer of a sort that is not known, or not implemented (domainNames), fails closed as the API
 * asks: a rule that accepts takes nothing of it, any other is one that denies all. */
#include <netinet/in.h>
#include <string.h>

#include <knetd/arena.h>
#include <knetd/label_selector.h>
#include <knetd/netpol_cluster.h>
#include <knetd/pod_port.h>

/* ---- pods ----------------------------------------------------------------------------------- */

static bool asks_nothing(yyjson_val *selector)
{
	return !yyjson_obj_size(yyjson_obj_get(selector, "matchLabels")) &&
	       !yyjson_arr_size(yyjson_obj_get(selector, "matchExpressions"));
}

/* The namespaces of a subject or a peer, and what it asks of their pods. */
struct choice {
	yyjson_val *spaces, *pods;
};

static bool read_choice(yyjson_val *v, struct choice *out)
{
	yyjson_val *spaces = yyjson_obj_get(v, "namespaces"), *pods = yyjson_obj_get(v, "pods");

	out->spaces = spaces ? spaces : yyjson_obj_get(pods, "namespaceSelector");
	out->pods = spaces ? NULL : yyjson_obj_get(pods, "podSelector");
	return spaces || pods;
}

static bool in_spaces(const struct choice *choice, const struct netpol_end *end)
{
	return end->ns && label_selector_match(choice->spaces, end->ns_labels);
}

static bool chooses(const struct choice *choice, const struct netpol_end *end)
{
	if (!in_spaces(choice, end))
		return false;
	if (end->unlabelled)
		return asks_nothing(choice->pods);
	return label_selector_match(choice->pods, json_at(end->pod, "metadata.labels"));
}

/* ---- peers ---------------------------------------------------------------------------------- */

static bool in_networks(yyjson_val *list, const struct ip *ip)
{
	struct cidr cidr;
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (list, i, n, v)
		if (yyjson_is_str(v) && cidr_parse(&cidr, yyjson_get_str(v)) && cidr_has(&cidr, ip))
			return true;
	return false;
}

static bool peer_known(yyjson_val *peer)
{
	struct choice choice;

	return read_choice(peer, &choice) || yyjson_obj_get(peer, "nodes") ||
	       yyjson_obj_get(peer, "networks");
}

static bool peer_matches(yyjson_val *peer, const struct netpol_end *end)
{
	yyjson_val *nodes = yyjson_obj_get(peer, "nodes");
	struct choice choice;

	if (read_choice(peer, &choice))
		return chooses(&choice, end);
	if (nodes)
		return end->node_labels && label_selector_match(nodes, end->node_labels);
	return in_networks(yyjson_obj_get(peer, "networks"), &end->ip);
}

static bool peers_match(yyjson_val *peers, const struct netpol_end *end)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (peers, i, n, v)
		if (peer_matches(v, end))
			return true;
	return false;
}

/* ---- protocols ------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	uint8_t number;
} transports[] = { { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "sctp", IPPROTO_SCTP } };

static bool port_matches(yyjson_val *port, uint16_t wanted)
{
	yyjson_val *range = yyjson_obj_get(port, "range");

	if (range)
		return wanted >= json_int(range, "start", 1) && wanted <= json_int(range, "end", 0);
	return wanted == json_int(port, "number", -1);
}

static bool protocol_matches(yyjson_val *p, const struct netpol_connection *c)
{
	const char *name = json_str(p, "destinationNamedPort");

	for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++) {
		yyjson_val *v = yyjson_obj_get(p, transports[i].name),
			   *port = yyjson_obj_get(v, "destinationPort");

		if (v && transports[i].number == c->proto)
			return !port || port_matches(port, c->port);
	}
	return name && c->port && pod_named_port(c->to.pod, name, c->proto) == c->port;
}

static bool protocols_match(yyjson_val *list, const struct netpol_connection *c)
{
	yyjson_val *v;
	size_t i, n;

	if (!yyjson_arr_size(list))
		return true;
	yyjson_arr_foreach (list, i, n, v)
		if (protocol_matches(v, c))
			return true;
	return false;
}

/* ---- rules ---------------------------------------------------------------------------------- */

static const char *const ways[] = { [NETPOL_INGRESS] = "ingress", [NETPOL_EGRESS] = "egress" };
static const char *const sides[] = { [NETPOL_INGRESS] = "from", [NETPOL_EGRESS] = "to" };

bool cluster_peers_known(yyjson_val *peers)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (peers, i, n, v)
		if (!peer_known(v))
			return false;
	return true;
}

static enum cluster_verdict verdict_of(yyjson_val *rule)
{
	const char *action = json_str(rule, "action");

	if (action && !strcmp(action, "Accept"))
		return CLUSTER_ACCEPT;
	return action && !strcmp(action, "Pass") ? CLUSTER_PASS : CLUSTER_DENY;
}

static enum cluster_verdict rule_judges(yyjson_val *rule, enum netpol_direction direction,
                                        const struct netpol_connection *c)
{
	const struct netpol_end *other = direction == NETPOL_INGRESS ? &c->from : &c->to;
	enum cluster_verdict verdict = verdict_of(rule);
	yyjson_val *peers = yyjson_obj_get(rule, sides[direction]);

	if (verdict != CLUSTER_ACCEPT && !cluster_peers_known(peers))
		return CLUSTER_DENY;
	return peers_match(peers, other) && protocols_match(yyjson_obj_get(rule, "protocols"), c)
	               ? verdict
	               : CLUSTER_NONE;
}

/* ---- policies ------------------------------------------------------------------------------- */

static bool read_subject(yyjson_val *policy, struct choice *out)
{
	return read_choice(json_at(policy, "spec.subject"), out);
}

bool cluster_policy_selects(yyjson_val *policy, const struct netpol_end *pod)
{
	struct choice subject;

	if (!read_subject(policy, &subject))
		return false;
	return pod->unlabelled ? in_spaces(&subject, pod) : chooses(&subject, pod);
}

enum cluster_verdict cluster_policy_judge(yyjson_val *policy, enum netpol_direction direction,
                                          const struct netpol_connection *c, unsigned *rule)
{
	const struct netpol_end *pod = direction == NETPOL_INGRESS ? &c->to : &c->from;
	yyjson_val *rules = yyjson_obj_get(yyjson_obj_get(policy, "spec"), ways[direction]), *v;
	struct choice subject;
	bool sure = read_subject(policy, &subject) && chooses(&subject, pod);
	size_t i, n;

	yyjson_arr_foreach (rules, i, n, v) {
		enum cluster_verdict verdict = rule_judges(v, direction, c);

		if (verdict == CLUSTER_NONE || (!sure && verdict != CLUSTER_DENY))
			continue;
		*rule = (unsigned)i;
		return verdict;
	}
	return CLUSTER_NONE;
}

char *cluster_policy_trouble(yyjson_val *policy, struct arena *a)
{
	yyjson_val *spec = yyjson_obj_get(policy, "spec"), *rule, *v;
	size_t i, n, k, m;

	for (enum netpol_direction way = NETPOL_INGRESS; way <= NETPOL_EGRESS; way++)
		yyjson_arr_foreach (yyjson_obj_get(spec, ways[way]), i, n, rule)
			yyjson_arr_foreach (yyjson_obj_get(rule, sides[way]), k, m, v)
				if (!peer_known(v))
					return arena_printf(
						a, "spec.%s[%zu].%s[%zu]: %s: the rule %s",
						ways[way], i, sides[way], k,
						yyjson_obj_get(v, "domainNames")
							? "domainNames are not supported"
							: "a peer of an unknown kind",
						verdict_of(rule) == CLUSTER_ACCEPT
							? "accepts nothing of it"
							: "denies everything");
	return NULL;
}

bool cluster_policy_admin(yyjson_val *policy)
{
	const char *tier = json_str(policy, "spec.tier");

	return tier && !strcmp(tier, "Admin");
}

int cluster_policy_order(yyjson_val *a, yyjson_val *b)
{
	int64_t x = json_int(a, "spec.priority", 0), y = json_int(b, "spec.priority", 0);
	const char *m = json_str(a, "metadata.name"), *n = json_str(b, "metadata.name");

	if (cluster_policy_admin(a) != cluster_policy_admin(b))
		return cluster_policy_admin(a) ? -1 : 1;
	if (x != y)
		return x < y ? -1 : 1;
	return strcmp(m ? m : "", n ? n : "");
}
