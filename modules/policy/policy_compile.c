/* policy_compile.c - one NetworkPolicy read; see policy_int.h. What exceeds a maximum is left out:
 * that denies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/view.h>

#include "policy_cover.h"
#include "policy_int.h"

/* The first trouble is told; the others are of its kind. */
static void trouble(struct compiled *c, const char *fmt, unsigned most)
{
	if (!c->trouble)
		c->trouble = arena_printf(&c->arena, fmt, most);
}

/* At most so many of them. */
static unsigned bounded(struct compiled *c, yyjson_val *list, unsigned most, const char *fmt)
{
	size_t n = yyjson_arr_size(list);

	if (n > most)
		trouble(c, fmt, most);
	return n > most ? most : (unsigned)n;
}

static void *room(struct compiled *c, size_t n, size_t size)
{
	return n ? arena_alloc(&c->arena, n * size) : NULL;
}

/* ---- ports ---------------------------------------------------------------------------------- */

static void read_name(struct reading *in, struct rule *r, uint8_t proto, const char *name)
{
	struct named_port *p = &r->names[r->n_names];

	if (strlen(name) >= sizeof(p->name)) {
		trouble(in->c, "names of ports have less than %u characters",
		        (unsigned)sizeof(p->name));
		return;
	}
	memset(p, 0, sizeof(*p));
	p->proto = proto;
	strcpy(p->name, name);
	for (unsigned i = 0; i < r->n_names; i++)
		if (!memcmp(&r->names[i], p, sizeof(*p)))
			return; /* once is enough */
	r->n_names++;
}

static void read_port(struct reading *in, struct rule *r, yyjson_val *v)
{
	yyjson_val *port = yyjson_obj_get(v, "port");
	uint8_t proto = view_proto(json_str(v, "protocol"));
	int64_t first = json_int(v, "port", 0), last = json_int(v, "endPort", first);

	if (!proto)
		return;
	if (yyjson_is_str(port)) {
		read_name(in, r, proto, yyjson_get_str(port));
		return;
	}
	if (!port || yyjson_is_null(port)) {
		first = 0;
		last = UINT16_MAX;
	}
	if (first >= 0 && first <= last && last <= UINT16_MAX)
		r->ports[r->n_ports++] =
			(struct policy_ports){ proto, proto, (uint16_t)first, (uint16_t)last };
}

static void read_ports(struct reading *in, struct rule *r, yyjson_val *list)
{
	unsigned n = bounded(in->c, list, POLICY_PORTS_MAX, "of a rule's ports, %u are in force");
	yyjson_val *v;
	size_t i, max;

	r->any_port = !n;
	r->ports = room(in->c, n + !n, sizeof(*r->ports));
	r->names = room(in->c, n, sizeof(*r->names));
	if (!n)
		r->ports[r->n_ports++] = (struct policy_ports){ 0, UINT8_MAX, 0, UINT16_MAX };
	yyjson_arr_foreach (list, i, max, v)
		if (i < n)
			read_port(in, r, v);
	r->n_ports = (unsigned)ports_merge(r->ports, r->n_ports);
}

/* ---- peers ---------------------------------------------------------------------------------- */

static void read_except(struct reading *in, struct block *b, yyjson_val *list)
{
	yyjson_val *v;
	size_t i, max;

	b->except = room(in->c, yyjson_arr_size(list), sizeof(*b->except));
	yyjson_arr_foreach (list, i, max, v)
		if (yyjson_is_str(v) && cidr_parse(&b->except[b->n_except], yyjson_get_str(v)))
			b->n_except++;
}

static void read_block(struct reading *in, struct rule *r, yyjson_val *v)
{
	yyjson_val *except = yyjson_obj_get(v, "except");
	const char *text = json_str(v, "cidr");
	struct block *b = &r->blocks[r->n_blocks];

	if (!text || !cidr_parse(&b->cidr, text))
		return;
	if (yyjson_arr_size(except) > POLICY_EXCEPT_MAX) {
		trouble(in->c, "an ipBlock with more than %u exceptions is not in force",
		        POLICY_EXCEPT_MAX);
		return;
	}
	read_except(in, b, except);
	r->n_blocks++;
}

static void keep_term(struct reading *in, struct term **list, unsigned *n, struct term *t)
{
	in->c->starved |= !t;
	in->cut |= !t;
	if (t)
		list[(*n)++] = t;
	else
		trouble(in->c, "all policies together choose pods in more than %u ways",
		        POLICY_TERMS_MAX);
}

#define TOO_MANY_NAMED "of a rule's named ports with each of its peers, %u are in force"

void policy_room_for(struct reading *in, struct rule *r, unsigned peers)
{
	size_t named = in->way == POLICY_OUT ? (size_t)peers * r->n_names : 0;

	in->cut = false;
	r->named_cap = named < POLICY_NAMED_MAX ? (unsigned)named : POLICY_NAMED_MAX;
	r->terms = room(in->c, peers, sizeof(*r->terms));
	r->named = room(in->c, r->named_cap, sizeof(struct term *));
}

static void read_names_in_blocks(struct reading *in, struct rule *r)
{
	if ((size_t)r->n_names * r->n_blocks > POLICY_NAMED_MAX) {
		trouble(in->c, TOO_MANY_NAMED, POLICY_NAMED_MAX);
		in->cut = true;
	} else {
		r->names_in_blocks = in->c->by_address = true;
	}
}

/* What an accepting rule leaves out is denied; another one that leaves something out denies all. */
void policy_read_end(struct reading *in, struct rule *r)
{
	if (in->way == POLICY_OUT && r->n_names && r->n_blocks)
		read_names_in_blocks(in, r);
	if (in->cut && r->action != POLICY_ACCEPT)
		policy_deny_all(in->c, r);
}

void policy_deny_all(struct compiled *c, struct rule *r)
{
	r->action = POLICY_DROP;
	r->any_peer = true;
	r->ports = room(c, 1, sizeof(*r->ports));
	r->ports[0] = (struct policy_ports){ 0, UINT8_MAX, 0, UINT16_MAX };
	r->n_ports = 1;
}

/* For egress, names of ports are those of the pods that the peer chooses. */
void policy_read_reach(struct reading *in, struct rule *r, struct reach *reach)
{
	for (unsigned i = 0; in->way == POLICY_OUT && i < r->n_names; i++) {
		struct reach copy;

		if (r->n_named == r->named_cap) {
			trouble(in->c, TOO_MANY_NAMED, POLICY_NAMED_MAX);
			in->cut = true;
			break;
		}
		copy = reach_copy(reach);
		keep_term(in, r->named, &r->n_named, term_get(&copy, &r->names[i]));
	}
	if (r->n_ports || in->way == POLICY_IN)
		keep_term(in, r->terms, &r->n_terms, term_get(reach, NULL));
	else
		reach_close(reach);
}

static void read_peer(struct reading *in, struct rule *r, yyjson_val *v)
{
	yyjson_val *block = yyjson_obj_get(v, "ipBlock");
	struct reach reach;

	if (block) {
		read_block(in, r, block);
		return;
	}
	reach = reach_open(in->space, yyjson_obj_get(v, "namespaceSelector"),
	                   yyjson_obj_get(v, "podSelector"));
	policy_read_reach(in, r, &reach);
}

static void read_peers(struct reading *in, struct rule *r, yyjson_val *list)
{
	unsigned n = bounded(in->c, list, POLICY_PEERS_MAX, "of a rule's peers, %u are in force");
	yyjson_val *v;
	size_t i, max;

	r->any_peer = !n;
	r->blocks = room(in->c, n, sizeof(*r->blocks));
	policy_room_for(in, r, n + !n);
	if (!n && r->named_cap) {
		struct reach all = reach_everybody();
		unsigned ports = r->n_ports;

		r->n_ports = 0; /* those are for any peer, a pod or not */
		policy_read_reach(in, r, &all);
		r->n_ports = ports;
	}
	yyjson_arr_foreach (list, i, max, v)
		if (i < n)
			read_peer(in, r, v);
	policy_read_end(in, r);
}

/* ---- the policy ----------------------------------------------------------------------------- */

static void read_rules(struct reading *in, yyjson_val *list, const char *peers)
{
	struct compiled *c = in->c;
	unsigned n =
		bounded(c, list, POLICY_RULES_MAX, "of its rules for one way, %u are in force");
	yyjson_val *v;
	size_t i, max;

	c->rules[in->way] = room(c, n, sizeof(struct rule));
	yyjson_arr_foreach (list, i, max, v) {
		struct rule *r;

		if (i >= n)
			break;
		r = &c->rules[in->way][c->n_rules[in->way]++];
		r->action = POLICY_ACCEPT;
		read_ports(in, r, yyjson_obj_get(v, "ports"));
		read_peers(in, r, yyjson_obj_get(v, peers));
	}
}

static bool has_type(yyjson_val *types, const char *name)
{
	yyjson_val *v;
	size_t i, max;

	yyjson_arr_foreach (types, i, max, v)
		if (yyjson_equals_str(v, name))
			return true;
	return false;
}

/* Without policyTypes: always ingress, and egress when there are rules for it. */
static void read_types(struct compiled *c, yyjson_val *spec)
{
	yyjson_val *types = yyjson_obj_get(spec, "policyTypes");
	bool said = yyjson_arr_size(types);

	c->isolates[POLICY_IN] = !said || has_type(types, "Ingress");
	c->isolates[POLICY_OUT] = said ? has_type(types, "Egress")
	                               : yyjson_arr_size(yyjson_obj_get(spec, "egress")) > 0;
}

struct compiled *policy_compile(const struct object *o, struct space *space, bool too_many)
{
	auto_doc yyjson_doc *doc = object_doc(o);
	yyjson_val *spec = yyjson_obj_get(yyjson_doc_get_root(doc), "spec");
	struct compiled *c = xcalloc(1, sizeof(*c));
	struct reading in = { .c = c, .space = space };

	c->tier = TIER_NETWORK;
	c->subject = reach_open(space, NULL, yyjson_obj_get(spec, "podSelector"));
	read_types(c, spec);
	c->starved = too_many;
	if (too_many) {
		trouble(c, "there are more than %u policies; its rules are not in force",
		        POLICY_POLICIES_MAX);
		return c;
	}
	if (c->isolates[POLICY_IN])
		read_rules(&in, yyjson_obj_get(spec, "ingress"), "from");
	in.way = POLICY_OUT;
	if (c->isolates[POLICY_OUT])
		read_rules(&in, yyjson_obj_get(spec, "egress"), "to");
	return c;
}

static void rule_close(struct rule *r)
{
	for (unsigned i = 0; i < r->n_terms; i++)
		term_put(r->terms[i]);
	for (unsigned i = 0; i < r->n_named; i++)
		term_put(r->named[i]);
}

void policy_compiled_free(struct compiled *c)
{
	if (!c)
		return;
	for (enum policy_way way = POLICY_IN; way <= POLICY_OUT; way++)
		for (unsigned i = 0; i < c->n_rules[way]; i++)
			rule_close(&c->rules[way][i]);
	reach_close(&c->subject);
	arena_free(&c->arena);
	free(c);
}
