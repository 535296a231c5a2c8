/* policy_cluster.c - one ClusterNetworkPolicy read; see policy_int.h. Its rules stay in their
 * order: the first that fits decides. What a rule's peers leave unclear (a kind that is not known,
 * domainNames) fails closed, as the API asks: it accepts nothing of them, or denies everything. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/label_selector.h>
#include <knetd/netpol_cluster.h>
#include <knetd/store.h>

#include "policy_cover.h"
#include "policy_int.h"

static const char *const ways[] = { [POLICY_IN] = "ingress", [POLICY_OUT] = "egress" };
static const char *const sides[] = { [POLICY_IN] = "from", [POLICY_OUT] = "to" };

static const struct {
	const char *name;
	uint8_t number;
} transports[] = { { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "sctp", IPPROTO_SCTP } };

static void *room(struct compiled *c, size_t n, size_t size)
{
	return n ? arena_alloc(&c->arena, n * size) : NULL;
}

/* ---- protocols ------------------------------------------------------------------------------ */

static void add_ports(struct rule *r, uint8_t proto, yyjson_val *port)
{
	yyjson_val *range = yyjson_obj_get(port, "range");
	int64_t first = 0, last = UINT16_MAX;

	if (range) {
		first = json_int(range, "start", 1);
		last = json_int(range, "end", 0);
	} else if (port) {
		first = last = json_int(port, "number", -1);
	}
	if (first >= 0 && first <= last && last <= UINT16_MAX)
		r->ports[r->n_ports++] =
			(struct policy_ports){ proto, proto, (uint16_t)first, (uint16_t)last };
}

/* Whatever protocol the pod has the name for. */
static void add_name(struct rule *r, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(transports); i++) {
		struct named_port *p = &r->names[r->n_names];

		if (strlen(name) >= sizeof(p->name))
			return;
		memset(p, 0, sizeof(*p));
		p->proto = transports[i].number;
		strcpy(p->name, name);
		r->n_names++;
	}
}

static void read_protocol(struct rule *r, yyjson_val *v)
{
	const char *name = json_str(v, "destinationNamedPort");

	for (size_t i = 0; i < ARRAY_LEN(transports); i++) {
		yyjson_val *of = yyjson_obj_get(v, transports[i].name);

		if (of)
			add_ports(r, transports[i].number, yyjson_obj_get(of, "destinationPort"));
	}
	if (name)
		add_name(r, name);
}

static void every_port(struct compiled *c, struct rule *r)
{
	r->any_port = true;
	r->ports = room(c, 1, sizeof(*r->ports));
	r->ports[0] = (struct policy_ports){ 0, UINT8_MAX, 0, UINT16_MAX };
	r->n_ports = 1;
}

static void read_protocols(struct compiled *c, struct rule *r, yyjson_val *list)
{
	size_t n = yyjson_arr_size(list), i, max;
	yyjson_val *v;

	if (!n) {
		every_port(c, r);
		return;
	}
	r->ports = room(c, n * ARRAY_LEN(transports), sizeof(*r->ports));
	r->names = room(c, n * ARRAY_LEN(transports), sizeof(*r->names));
	yyjson_arr_foreach (list, i, max, v)
		read_protocol(r, v);
	r->n_ports = (unsigned)ports_merge(r->ports, r->n_ports);
}

/* ---- peers ---------------------------------------------------------------------------------- */

static void add_block(struct rule *r, const char *text)
{
	struct block *b = &r->blocks[r->n_blocks];

	if (text && cidr_parse(&b->cidr, text))
		r->n_blocks++;
}

static void add_address(struct rule *r, const char *text)
{
	struct block *b = &r->blocks[r->n_blocks];

	if (!text || !ip_parse(&b->cidr.ip, text))
		return;
	b->cidr.bits = (uint8_t)(b->cidr.ip.len * 8);
	r->n_blocks++;
}

/* The addresses of nodes as their Nodes say them; r NULL: only counted. */
static size_t each_node(yyjson_val *selector, struct rule *r)
{
	const struct object *o;
	yyjson_val *v;
	size_t count = 0, k, m;

	for (size_t i = 0; (o = store_next_object(KIND_NODE, &i));) {
		auto_doc yyjson_doc *doc = object_doc(o);
		yyjson_val *root = yyjson_doc_get_root(doc);

		if (!label_selector_match(selector, json_at(root, "metadata.labels")))
			continue;
		yyjson_arr_foreach (json_at(root, "status.addresses"), k, m, v) {
			count++;
			if (r)
				add_address(r, json_str(v, "address"));
		}
	}
	return count;
}

static size_t count_blocks(yyjson_val *peers)
{
	yyjson_val *v;
	size_t i, n, count = 0;

	yyjson_arr_foreach (peers, i, n, v) {
		yyjson_val *nodes = yyjson_obj_get(v, "nodes");

		count += yyjson_arr_size(yyjson_obj_get(v, "networks"));
		count += nodes ? each_node(nodes, NULL) : 0;
	}
	return count;
}

/* Of a subject or a peer; false: it is another sort of peer. */
static bool read_pods(yyjson_val *v, struct reach *out)
{
	yyjson_val *spaces = yyjson_obj_get(v, "namespaces"), *pods = yyjson_obj_get(v, "pods");

	if (spaces)
		*out = reach_among(spaces, NULL);
	else if (pods)
		*out = reach_among(yyjson_obj_get(pods, "namespaceSelector"),
		                   yyjson_obj_get(pods, "podSelector"));
	return spaces || pods;
}

static void read_peer(struct reading *in, struct rule *r, yyjson_val *v)
{
	yyjson_val *nodes = yyjson_obj_get(v, "nodes"), *net;
	struct reach reach;
	size_t i, n;

	if (read_pods(v, &reach)) {
		policy_read_reach(in, r, &reach);
		return;
	}
	yyjson_arr_foreach (yyjson_obj_get(v, "networks"), i, n, net)
		add_block(r, yyjson_get_str(net));
	if (nodes) {
		in->c->by_node = true;
		each_node(nodes, r);
	}
}

static void read_peers(struct reading *in, struct rule *r, yyjson_val *list)
{
	size_t n = yyjson_arr_size(list), i, max;
	yyjson_val *v;

	r->blocks = room(in->c, count_blocks(list), sizeof(*r->blocks));
	policy_room_for(in, r, (unsigned)n);
	yyjson_arr_foreach (list, i, max, v)
		read_peer(in, r, v);
	policy_read_end(in, r);
}

/* ---- rules ---------------------------------------------------------------------------------- */

/* Behind the Baseline tier nothing is left that could deny. */
static enum policy_action action_of(const struct compiled *c, yyjson_val *rule)
{
	const char *action = json_str(rule, "action");

	if (action && !strcmp(action, "Accept"))
		return POLICY_ACCEPT;
	if (action && !strcmp(action, "Pass"))
		return c->tier == TIER_ADMIN ? POLICY_PASS : POLICY_ACCEPT;
	return POLICY_DROP;
}

static bool accepts(yyjson_val *rule)
{
	const char *action = json_str(rule, "action");

	return action && !strcmp(action, "Accept");
}

static void read_rule(struct reading *in, struct rule *r, yyjson_val *v)
{
	yyjson_val *peers = yyjson_obj_get(v, sides[in->way]);

	r->action = action_of(in->c, v);
	if (!accepts(v) && !cluster_peers_known(peers)) {
		policy_deny_all(in->c, r);
		return;
	}
	read_protocols(in->c, r, yyjson_obj_get(v, "protocols"));
	read_peers(in, r, peers);
}

static void read_rules(struct reading *in, yyjson_val *list)
{
	struct compiled *c = in->c;
	yyjson_val *v;
	size_t i, n;

	c->rules[in->way] = room(c, yyjson_arr_size(list), sizeof(struct rule));
	yyjson_arr_foreach (list, i, n, v)
		read_rule(in, &c->rules[in->way][c->n_rules[in->way]++], v);
	c->isolates[in->way] = c->n_rules[in->way] > 0;
}

/* One policy too many: where it has rules it denies everything. */
static void deny(struct compiled *c, enum policy_way way, yyjson_val *list)
{
	c->isolates[way] = yyjson_arr_size(list) > 0;
	c->n_rules[way] = c->isolates[way];
	c->rules[way] = room(c, 1, sizeof(struct rule));
	policy_deny_all(c, c->rules[way]);
}

struct compiled *policy_compile_cluster(const struct object *o, bool too_many)
{
	auto_doc yyjson_doc *doc = object_doc(o);
	yyjson_val *root = yyjson_doc_get_root(doc), *spec = yyjson_obj_get(root, "spec");
	struct compiled *c = xcalloc(1, sizeof(*c));
	struct reading in = { .c = c };
	bool known;

	c->tier = cluster_policy_admin(root) ? TIER_ADMIN : TIER_BASELINE;
	c->priority = (int32_t)json_int(spec, "priority", 0);
	known = read_pods(yyjson_obj_get(spec, "subject"), &c->subject);
	if (!known)
		c->subject = reach_everybody();
	c->starved = too_many;
	if (too_many) {
		c->trouble = arena_printf(&c->arena,
		                          "there are more than %u policies; it denies everything",
		                          POLICY_POLICIES_MAX);
		deny(c, POLICY_IN, yyjson_obj_get(spec, ways[POLICY_IN]));
		deny(c, POLICY_OUT, yyjson_obj_get(spec, ways[POLICY_OUT]));
		return c;
	}
	c->trouble = cluster_policy_trouble(root, &c->arena);
	for (in.way = POLICY_IN; known && in.way <= POLICY_OUT; in.way++)
		read_rules(&in, yyjson_obj_get(spec, ways[in.way]));
	return c;
}
