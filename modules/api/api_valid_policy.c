/* api_valid_policy.c - the rules of ClusterNetworkPolicy: one member of several, ranges, networks.
 * Its CustomResourceDefinition counts properties for the first and writes CEL for the others; what
 * a schema says of single fields is judged in api_valid_schema.c. Selectors, which it leaves alone,
 * are held to what Kubernetes' own kinds ask of them. */
#include <string.h>

#include <knetd/ip.h>

#include "api_valid.h"

static const char *const subjects[] = { "namespaces", "pods", NULL };
static const char *const to_peers[] = { "namespaces", "pods",        "nodes",
	                                "networks",   "domainNames", NULL };
static const char *const transports[] = { "tcp", "udp", "sctp", NULL };
static const char *const protocols[] = { "tcp", "udp", "sctp", "destinationNamedPort", NULL };
static const char *const ports[] = { "number", "range", NULL };

/* minProperties and maxProperties 1: what is not known does not count, a server would prune it. */
static void check_one_of(struct causes *c, const struct at *at, yyjson_mut_val *obj,
                         const char *const *names)
{
	unsigned n = 0;

	for (; *names; names++)
		n += has(obj, *names);
	if (n > 1)
		wrong_many(c, at, n, 1);
	else if (!n)
		wrong_number(c, at, 0, "%s in body should have at least 1 properties",
		             at_text(c->arena, at));
}

static void check_member_selector(struct causes *c, const struct at *at, yyjson_mut_val *obj,
                                  const char *name)
{
	if (has(obj, name))
		check_selector(c, CHILD(at, name), yyjson_mut_obj_get(obj, name));
}

/* A subject, or a peer of any kind. */
static void check_pods(struct causes *c, const struct at *at, yyjson_mut_val *v,
                       const char *const *names)
{
	yyjson_mut_val *pods = yyjson_mut_obj_get(v, "pods");

	check_one_of(c, at, v, names);
	check_member_selector(c, at, v, "namespaces");
	check_member_selector(c, at, v, "nodes");
	check_member_selector(c, CHILD(at, "pods"), pods, "namespaceSelector");
	check_member_selector(c, CHILD(at, "pods"), pods, "podSelector");
}

static bool listed_before(yyjson_mut_val *list, size_t nth, const char *s)
{
	yyjson_mut_val *v;
	size_t i, n;

	yyjson_mut_arr_foreach (list, i, n, v)
		if (i < nth && yyjson_mut_equals_str(v, s))
			return true;
	return false;
}

static void check_set(struct causes *c, const struct at *at, yyjson_mut_val *list)
{
	yyjson_mut_val *v;
	size_t i, n;

	yyjson_mut_arr_foreach (list, i, n, v)
		if (listed_before(list, i, yyjson_mut_get_str(v)))
			wrong_twice(c, ITEM(at, i), yyjson_mut_get_str(v));
}

/* A CIDR without bits behind its prefix. */
static bool valid_network(const char *s)
{
	char text[CIDR_TEXT];
	const char *slash = strchr(s, '/');
	struct cidr cidr;
	struct ip ip;

	if (!slash || (size_t)(slash - s) >= sizeof(text) || !cidr_parse(&cidr, s))
		return false;
	memcpy(text, s, slash - s);
	text[slash - s] = 0;
	return ip_parse(&ip, text) && ip_equal(&ip, &cidr.ip);
}

static void check_networks(struct causes *c, const struct at *at, yyjson_mut_val *list)
{
	yyjson_mut_val *v;
	size_t i, n;

	yyjson_mut_arr_foreach (list, i, n, v)
		if (!valid_network(yyjson_mut_get_str(v)))
			wrong(c, ITEM(at, i), "string", "Invalid CIDR format provided");
	check_set(c, at, list);
}

static void check_protocol(struct causes *c, const struct at *at, yyjson_mut_val *p)
{
	check_one_of(c, at, p, protocols);
	for (const char *const *name = transports; *name; name++) {
		const struct at *here = CHILD(at, *name), *port = CHILD(here, "destinationPort");
		yyjson_mut_val *v = yyjson_mut_obj_get(p, *name),
			       *to = yyjson_mut_obj_get(v, "destinationPort"),
			       *range = yyjson_mut_obj_get(to, "range");

		if (v && !to)
			wrong_number(c, here, 0, "%s in body should have at least 1 properties",
			             at_text(c->arena, here));
		if (to)
			check_one_of(c, port, to, ports);
		if (range && number_of(range, "start") >= number_of(range, "end"))
			wrong(c, CHILD(port, "range"), "object",
			      "Start port must be less than End port");
	}
}

/* Only pods name their ports. */
static void check_named_ports(struct causes *c, const struct at *at, yyjson_mut_val *rule)
{
	yyjson_mut_val *v;
	bool named = false, nameless = false;
	size_t i, n;

	yyjson_mut_arr_foreach (yyjson_mut_obj_get(rule, "protocols"), i, n, v)
		named |= has(v, "destinationNamedPort");
	yyjson_mut_arr_foreach (yyjson_mut_obj_get(rule, "to"), i, n, v)
		nameless |= has(v, "networks") || has(v, "nodes") || has(v, "domainNames");
	if (named && nameless)
		wrong(c, at, "object",
		      "networks/nodes/domainNames peer cannot be set with namedPorts since there "
		      "are no namedPorts for networks/nodes/domainNames");
}

static void check_rule(struct causes *c, const struct at *at, yyjson_mut_val *rule,
                       const char *const *names, const char *peers)
{
	yyjson_mut_val *v;
	size_t i, n;

	yyjson_mut_arr_foreach (yyjson_mut_obj_get(rule, peers), i, n, v) {
		const struct at *here = ITEM(CHILD(at, peers), i);

		check_pods(c, here, v, names);
		check_networks(c, CHILD(here, "networks"), yyjson_mut_obj_get(v, "networks"));
		check_set(c, CHILD(here, "domainNames"), yyjson_mut_obj_get(v, "domainNames"));
	}
	yyjson_mut_arr_foreach (yyjson_mut_obj_get(rule, "protocols"), i, n, v)
		check_protocol(c, ITEM(CHILD(at, "protocols"), i), v);
	check_named_ports(c, at, rule);
}

void valid_cluster_policy(yyjson_mut_val *root, struct causes *c)
{
	yyjson_mut_val *spec = yyjson_mut_obj_get(root, "spec"), *v;
	unsigned before = c->n;
	size_t i, n;

	valid_schema(KIND_CLUSTERNETWORKPOLICY, root, c);
	if (c->n > before)
		return;
	check_pods(c, CHILD(AT("spec"), "subject"), yyjson_mut_obj_get(spec, "subject"), subjects);
	yyjson_mut_arr_foreach (yyjson_mut_obj_get(spec, "ingress"), i, n, v)
		check_rule(c, ITEM(CHILD(AT("spec"), "ingress"), i), v, subjects, "from");
	yyjson_mut_arr_foreach (yyjson_mut_obj_get(spec, "egress"), i, n, v)
		check_rule(c, ITEM(CHILD(AT("spec"), "egress"), i), v, to_peers, "to");
}
