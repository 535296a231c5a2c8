/* policy_build.c - a class's policies made into stages of pieces; see policy_int.h.
 *
 * NetworkPolicies add up: all their rules are one stage. A policy of another tier (tier ADMIN
 * before them, BASELINE behind) has its rules in order: neighbours that say the same are one stage.
 */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "policy_cover.h"
#include "policy_int.h"

enum line { PEERS, NETS4, NETS6, LINES };

struct stage { /* under construction */
	enum policy_action action;
	bool admin;
	struct cover lines[LINES];
	size_t pieces[LINES];
};
struct building {
	struct pod_class *class;
	const struct identity *member;
	struct port_sets *sets;
	struct arena arena;
	struct map added; /* terms with ports, so that each comes once a stage */
	struct stage *stages;
	unsigned n, cap; /* stages of this class; those with room for more */
};
#define MANY 16 /* policies: from there on it is worth remembering what was added */

/* ---- places on a line ----------------------------------------------------------------------- */

static struct place place_of(const struct ip *ip)
{
	struct place at = { 0 };

	for (unsigned i = 0; i < ip->len; i++) {
		at.high = at.high << 8 | at.low >> 56;
		at.low = at.low << 8 | ip->b[i];
	}
	return at;
}

static struct ip ip_at(struct place at, uint8_t len)
{
	struct ip ip = { .len = len };

	for (unsigned i = len; i-- > 0;) {
		ip.b[i] = (uint8_t)at.low;
		at.low = at.low >> 8 | at.high << 56;
		at.high >>= 8;
	}
	return ip;
}

/* With all of the host's bits set. */
static struct place last_of(const struct cidr *c)
{
	struct place at = place_of(&c->ip);
	unsigned host = c->ip.len * 8u - c->bits;

	if (host > 64)
		at.high |= UINT64_MAX >> (128 - host);
	if (host)
		at.low |= host < 64 ? UINT64_MAX >> (64 - host) : UINT64_MAX;
	return at;
}

static enum line line_of(const struct ip *ip)
{
	return ip->len == 4 ? NETS4 : NETS6;
}

static void add_peers(struct stage *s, uint32_t first, uint32_t last, const struct port_set *ports)
{
	cover_add(&s->lines[PEERS], place_at(first), place_at(last), ports);
}

/* ---- one rule ------------------------------------------------------------------------------- */

static void add_space(struct stage *s, const struct space *space, const struct port_set *ports)
{
	add_peers(s, PEER_OF(space), PEER_OF(space) | PEER_CLASSES, ports);
}

static void add_whole(struct stage *s, const struct term *t, const struct port_set *ports)
{
	const struct space *space;

	if (t->reach.own) {
		add_space(s, t->reach.own, ports);
	} else if (policy_selector_all(t->reach.spaces)) {
		add_peers(s, PEER_FIRST, UINT32_MAX, ports);
	} else {
		for (size_t i = 0; (space = space_next(&i));)
			if (reach_covers(&t->reach, space))
				add_space(s, space, ports);
	}
}

/* Pods that found no number: whether labels choose them cannot be told apart, so they are denied.
 */
static void add_crowds(struct stage *s, const struct term *t, const struct port_set *ports)
{
	const struct space *space;

	for (size_t i = 0; (space = space_next(&i));)
		if (space->crowded && reach_covers(&t->reach, space))
			add_peers(s, PEER_OF(space) | PEER_CLASSES, PEER_OF(space) | PEER_CLASSES,
			          ports);
}

static void add_term(struct stage *s, const struct term *t, const struct port_set *ports)
{
	if (!t->whole && s->action == POLICY_DROP)
		add_crowds(s, t, ports);
	if (t->whole)
		add_whole(s, t, ports);
	for (size_t i = 0; i < t->n; i++)
		add_peers(s, t->set[i].first, t->set[i].last, ports);
}

struct added {
	const struct term *term;
	const struct port_set *ports;
	uintptr_t stage;
};

/* Many policies say the same of the same pods. */
static bool is_new(struct building *b, const struct term *t, const struct port_set *ports)
{
	struct added key = { t, ports, b->n }, *mine;

	if (b->class->n_policies < MANY)
		return true;
	if (map_get(&b->added, &key, sizeof(key)))
		return false;
	mine = arena_alloc(&b->arena, sizeof(*mine));
	*mine = key;
	map_put(&b->added, mine, sizeof(*mine), mine);
	return true;
}

static const struct port_set *one_port(struct building *b, uint8_t proto, uint16_t port)
{
	return port_set_of(b->sets, &(struct policy_ports){ proto, proto, port, port }, 1);
}

static void add_named(struct building *b, struct stage *s, const struct term *t)
{
	for (size_t i = 0; i < t->n; i++)
		add_peers(s, t->set[i].first, t->set[i].last,
		          one_port(b, t->port.proto, t->set[i].port));
}

static void add_block(struct stage *s, const struct block *block, const struct port_set *ports)
{
	auto_free struct cover_hole *holes = xcalloc(block->n_except + 1, sizeof(*holes));
	unsigned n = 0;

	for (unsigned i = 0; i < block->n_except; i++)
		if (block->except[i].ip.len == block->cidr.ip.len)
			holes[n++] = (struct cover_hole){ place_of(&block->except[i].ip),
				                          last_of(&block->except[i]) };
	cover_add_but(&s->lines[line_of(&block->cidr.ip)], place_of(&block->cidr.ip),
	              last_of(&block->cidr), holes, n, ports);
}

struct in_block { /* pods with addresses in a block, at ports that they give names to */
	struct building *b;
	struct stage *s;
	const struct rule *rule;
	const struct block *block;
};

static bool block_has(const struct block *b, const struct ip *ip)
{
	if (ip->len != b->cidr.ip.len || !cidr_has(&b->cidr, ip))
		return false;
	for (unsigned i = 0; i < b->n_except; i++)
		if (ip->len == b->except[i].ip.len && cidr_has(&b->except[i], ip))
			return false;
	return true;
}

static void add_pod_in_block(void *arg, const struct ip *ip, const struct identity *id)
{
	struct in_block *in = arg;

	if (id->finished || !block_has(in->block, ip))
		return;
	for (unsigned i = 0; i < in->rule->n_names; i++) {
		uint16_t port = identity_port(id, &in->rule->names[i]);

		if (port)
			cover_add(&in->s->lines[line_of(ip)], place_of(ip), place_of(ip),
			          one_port(in->b, in->rule->names[i].proto, port));
	}
}

static void add_names_in_blocks(struct building *b, struct stage *s, const struct rule *r)
{
	struct in_block in = { b, s, r, NULL };

	for (unsigned i = 0; r->names_in_blocks && i < r->n_blocks; i++) {
		in.block = &r->blocks[i];
		pods_each_address(add_pod_in_block, &in);
	}
}

/* The ports that are the same for all peers: numbers, and, for ingress, the class's own names. */
static const struct port_set *ports_of(struct building *b, const struct rule *r)
{
	auto_free struct policy_ports *v = NULL;
	unsigned n = r->n_ports;

	if (!r->n_names || b->class->side == SIDE_OUT)
		return port_set_of(b->sets, r->ports, n);
	v = xcalloc(n + r->n_names, sizeof(*v));
	if (n)
		memcpy(v, r->ports, n * sizeof(*v));
	for (unsigned i = 0; i < r->n_names; i++) {
		uint16_t port = identity_port(b->member, &r->names[i]);

		if (port)
			v[n++] = (struct policy_ports){ r->names[i].proto, r->names[i].proto, port,
				                        port };
	}
	return port_set_of(b->sets, v, ports_merge(v, n));
}

static void add_rule(struct building *b, struct stage *s, const struct rule *r)
{
	const struct port_set *ports = ports_of(b, r);

	if (r->any_peer) {
		cover_add(&s->lines[NETS4], place_at(0), place_at(UINT32_MAX), ports);
		cover_add(&s->lines[NETS6], place_at(0), PLACE_END, ports);
	}
	for (unsigned i = 0; i < r->n_terms; i++)
		if (is_new(b, r->terms[i], ports))
			add_term(s, r->terms[i], ports);
	for (unsigned i = 0; i < r->n_blocks; i++)
		add_block(s, &r->blocks[i], ports);
	for (unsigned i = 0; i < r->n_named; i++)
		if (is_new(b, r->named[i], NULL))
			add_named(b, s, r->named[i]);
	if (b->class->side == SIDE_OUT)
		add_names_in_blocks(b, s, r);
}

/* ---- stages --------------------------------------------------------------------------------- */

static struct stage *stage_for(struct building *b, const struct compiled *c,
                               enum policy_action action)
{
	bool admin = c->tier == TIER_ADMIN;
	struct stage *last = b->n ? &b->stages[b->n - 1] : NULL;

	if (last && last->action == action && last->admin == admin)
		return last;
	if (!b->stages || b->n == b->cap) {
		b->stages = xrealloc(b->stages, (b->cap + 1) * sizeof(*b->stages));
		b->stages[b->cap++] = (struct stage){ 0 };
	}
	last = &b->stages[b->n++];
	last->action = action;
	last->admin = admin;
	for (enum line line = 0; line < LINES; line++)
		last->lines[line].n = 0;
	return last;
}

static void add_policy(struct building *b, const struct policy *p)
{
	enum policy_way way = (enum policy_way)b->class->side;
	const struct compiled *c = p->compiled;
	bool doubts = policy_doubts(c, b->member);

	if (c->tier == TIER_BASELINE && b->class->plan.rest == POLICY_DROP)
		return; /* NetworkPolicies have the last word */
	for (unsigned i = 0; i < c->n_rules[way]; i++)
		if (!doubts || c->rules[way][i].action == POLICY_DROP)
			add_rule(b, stage_for(b, c, c->rules[way][i].action), &c->rules[way][i]);
	if (c->tier == TIER_NETWORK)
		b->class->plan.rest = POLICY_DROP;
}

/* Too many stages or pieces: the class takes nothing. */
static void settle_stages(struct building *b)
{
	b->class->too_many |= b->n > POLICY_STAGES_MAX;
	for (unsigned i = 0; i < b->n; i++)
		for (enum line line = 0; line < LINES; line++) {
			struct stage *s = &b->stages[i];

			b->class->too_many |= !cover_settle(&s->lines[line], b->sets,
			                                    POLICY_PIECES_MAX, &s->pieces[line]);
		}
}

/* ---- the plan ------------------------------------------------------------------------------- */

/* Member by member: what lies between them stays 0, and is hashed. */
static void copy_peers(struct policy_peers_piece *out, const struct cover *c)
{
	for (size_t i = 0; i < c->n; i++)
		for (uint32_t k = 0; k < c->v[i].ports->n; k++, out++) {
			out->first = (uint32_t)c->v[i].first.low;
			out->last = (uint32_t)c->v[i].last.low;
			out->ports = c->v[i].ports->v[k];
		}
}

static void copy_nets(struct policy_net_piece *out, const struct cover *c, uint8_t len)
{
	for (size_t i = 0; i < c->n; i++)
		for (uint32_t k = 0; k < c->v[i].ports->n; k++, out++) {
			out->first = ip_at(c->v[i].first, len);
			out->last = ip_at(c->v[i].last, len);
			out->ports = c->v[i].ports->v[k];
		}
}

static size_t size_of(const struct stage *s)
{
	return s->pieces[PEERS] * sizeof(struct policy_peers_piece) +
	       (s->pieces[NETS4] + s->pieces[NETS6]) * sizeof(struct policy_net_piece);
}

static char *copy_stage(struct policy_stage *out, const struct stage *s, char *memory)
{
	struct policy_peers_piece *peers = (void *)memory;
	struct policy_net_piece *nets4, *nets6;

	nets4 = (void *)(peers + s->pieces[PEERS]);
	nets6 = nets4 + s->pieces[NETS4];
	copy_peers(peers, &s->lines[PEERS]);
	copy_nets(nets4, &s->lines[NETS4], 4);
	copy_nets(nets6, &s->lines[NETS6], 16);
	*out = (struct policy_stage){ .action = s->action,
		                      .admin = s->admin,
		                      .n_peers = (unsigned)s->pieces[PEERS],
		                      .n_nets4 = (unsigned)s->pieces[NETS4],
		                      .n_nets6 = (unsigned)s->pieces[NETS6],
		                      .peers = peers,
		                      .nets4 = nets4,
		                      .nets6 = nets6 };
	return memory + size_of(s);
}

/* Everything that is sent to the kernel, and nothing that lies between it. */
static uint64_t content_of(const struct policy_class *c)
{
	uint64_t h = hash_seed() ^ ((uint64_t)c->rest << 8 | c->way);

	for (unsigned i = 0; i < c->n_stages; i++) {
		const struct policy_stage *s = &c->stages[i];
		uint32_t head[] = { s->action, s->admin, s->n_peers, s->n_nets4, s->n_nets6 };

		h = hash_bytes(head, sizeof(head), h);
		h = hash_bytes(s->peers, s->n_peers * sizeof(*s->peers), h);
		h = hash_bytes(s->nets4, s->n_nets4 * sizeof(*s->nets4), h);
		h = hash_bytes(s->nets6, s->n_nets6 * sizeof(*s->nets6), h);
	}
	return h;
}

static void write_plan(struct building *b)
{
	struct pod_class *c = b->class;
	size_t n = c->n_policies, size = n * sizeof(struct object *);
	struct policy_stage *stages;
	const struct object **objects;
	char *memory;

	size += b->n * sizeof(*stages);
	for (unsigned i = 0; i < b->n; i++)
		size += size_of(&b->stages[i]);
	free(c->memory);
	c->memory = xcalloc(1, size + 1);
	stages = c->memory;
	objects = (void *)(stages + b->n);
	memory = (char *)(objects + n);
	for (size_t i = 0; i < n; i++)
		objects[i] = c->policies[i]->object;
	for (unsigned i = 0; i < b->n; i++)
		memory = copy_stage(&stages[i], &b->stages[i], memory);
	c->plan.n_policies = (unsigned)n;
	c->plan.policies = objects;
	c->plan.n_stages = b->n;
	c->plan.stages = stages;
	c->plan.content = content_of(&c->plan);
}

/* ---- whose policies ------------------------------------------------------------------------- */

static int by_order(const void *a, const void *b)
{
	const struct policy *x = *(const struct policy *const *)a,
			    *y = *(const struct policy *const *)b;

	if (x->compiled->tier != y->compiled->tier)
		return x->compiled->tier < y->compiled->tier ? -1 : 1;
	if (x->compiled->priority != y->compiled->priority)
		return x->compiled->priority < y->compiled->priority ? -1 : 1;
	return strcmp(x->object->name, y->object->name);
}

static void list_policies(struct pod_class *c, const struct identity *member)
{
	struct policy_walk w = policies_of(member);
	struct policy *p;
	unsigned cap = 0;

	free(c->policies);
	c->policies = NULL;
	c->n_policies = 0;
	while ((p = policies_next(&w))) {
		if (!policy_isolates(p, member, (enum policy_way)c->side))
			continue;
		if (c->n_policies == cap) {
			cap = cap ? cap * 2 : 4;
			c->policies = xrealloc(c->policies, cap * sizeof(struct policy *));
		}
		c->policies[c->n_policies++] = p;
	}
	if (c->n_policies)
		qsort(c->policies, c->n_policies, sizeof(struct policy *), by_order);
}

static void building_free(struct building *b)
{
	for (unsigned i = 0; i < b->cap; i++)
		for (enum line line = 0; line < LINES; line++)
			cover_free(&b->stages[i].lines[line]);
	free(b->stages);
	if (b->sets)
		port_sets_free(b->sets);
}

static void begin(struct building *b, struct pod_class *c)
{
	if (!b->sets)
		b->sets = port_sets_new();
	b->class = c;
	b->member = container_of(c->members.next, struct identity, in_class[c->side]);
	b->n = 0;
	if (c->dirty)
		list_policies(c, b->member);
	c->dirty = c->too_many = false;
	c->plan.number = c->number;
	c->plan.way = (enum policy_way)c->side;
	/* whose labels nobody has said is isolated wherever a policy of his namespace isolates */
	c->plan.rest = !b->member->labelled && b->member->space->isolating[c->side] ? POLICY_DROP
	                                                                            : POLICY_ACCEPT;
}

static void build(struct building *b, struct pod_class *c)
{
	begin(b, c);
	for (unsigned i = 0; i < c->n_policies; i++)
		add_policy(b, c->policies[i]);
	map_free(&b->added);
	arena_free(&b->arena);
	settle_stages(b);
	if (c->too_many) {
		b->n = 0;
		c->plan.rest = POLICY_DROP;
	}
	write_plan(b);
}

static bool is_dirty(struct pod_class *c)
{
	bool dirty = false;

	if (c->dirty) /* its policies may be gone */
		return true;
	for (unsigned i = 0; i < c->n_policies; i++) {
		dirty |= c->policies[i]->dirty[c->side];
		c->dirty |= c->policies[i]->moved;
	}
	return dirty;
}

bool classes_build(void)
{
	struct building b = { 0 }; /* its room is used again for each */
	struct pod_class *c;
	bool changed = false;

	for (size_t i = 0; (c = class_next(&i));) {
		uint64_t was = c->plan.content;
		bool known = c->memory != NULL;

		if (!is_dirty(c))
			continue;
		build(&b, c);
		changed |= was != c->plan.content;
		if (known && was != c->plan.content && class_gained(c)) {
			class_renumber(c);
			c->plan.number = c->number;
		}
	}
	building_free(&b);
	return changed;
}
