/* policy_events.c - see policy_events.h */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/event.h>
#include <knetd/loop.h>

#include "policy_events.h"
#include "policy_int.h"

#define LOOKS_A_TURN 64
#define TURN_MS 20

struct look { /* a policy to be looked at */
	struct list in_list;
	uint64_t due;
	bool told; /* that it selects nobody */
	enum kind kind;
	size_t key_len;
	char *name; /* in key */
	char key[]; /* the kind, "namespace/name" */
};

static void on_timer(struct timer *t);
static struct timer timer = { .fn = on_timer };
static struct list waiting = LIST_INIT(waiting); /* in order of due */
static struct list empty = LIST_INIT(empty);     /* told that they select nobody */
static struct map looks;                         /* struct look by key */

/* ---- what cannot be met --------------------------------------------------------------------- */

static bool node_runs(uint8_t family)
{
	for (unsigned i = 0; i < conf.podnet.cidrs.n; i++)
		if (conf.podnet.cidrs.v[i].ip.len == family)
			return true;
	return false;
}

static const struct cidr *foreign_block(const struct rule *r)
{
	for (unsigned i = 0; i < r->n_blocks; i++)
		if (!node_runs(r->blocks[i].cidr.ip.len))
			return &r->blocks[i].cidr;
	return NULL;
}

static bool selected_have(const struct policy *p, const struct named_port *port)
{
	struct list *l, *next;

	list_each (l, next, &p->space->identities) {
		const struct identity *id = container_of(l, struct identity, in_space);

		if (reach_has(&p->compiled->subject, id) && identity_port(id, port))
			return true;
	}
	return false;
}

static bool chosen_have(const struct rule *r, const struct named_port *port)
{
	for (unsigned i = 0; i < r->n_named; i++) {
		const struct named_port *its = &r->named[i]->key.port;

		if (its->proto == port->proto && !strcmp(its->name, port->name) && r->named[i]->n)
			return true;
	}
	return false;
}

/* The first name that nobody has whose port it would be. */
static const struct named_port *missing_port(const struct policy *p, const struct rule *r,
                                             enum policy_way way)
{
	for (unsigned i = 0; i < r->n_names; i++)
		if (way == POLICY_IN ? !selected_have(p, &r->names[i])
		                     : !chosen_have(r, &r->names[i]))
			return &r->names[i];
	return NULL;
}

static const char *proto_name(uint8_t proto)
{
	return proto == IPPROTO_TCP ? "TCP" : proto == IPPROTO_UDP ? "UDP" : "SCTP";
}

static void warn(const struct object *o, const char *reason, const char *text)
{
	event_emit(o->kind, o->ns, o->name, EVENT_WARNING, reason, "%s", text);
}

static void tell_block(const struct object *o, const struct cidr *block)
{
	char text[CIDR_TEXT], words[160];

	snprintf(words, sizeof(words), "ipBlock %s: this node's pods have no %s",
	         cidr_text(block, text), block->ip.len == 4 ? "IPv4" : "IPv6");
	warn(o, "FamilyNotFound", words);
}

static void tell_port(const struct object *o, const struct named_port *port, enum policy_way way)
{
	char words[160];

	snprintf(words, sizeof(words), "no pod that it %s has a port named %s (%s)",
	         way == POLICY_IN ? "selects" : "allows to be reached", port->name,
	         proto_name(port->proto));
	warn(o, "PortNotFound", words);
}

static void tell_rules(const struct object *o, const struct policy *p)
{
	const struct named_port *port = NULL;
	const struct cidr *block = NULL;

	for (int way = 0; way < 2; way++)
		for (unsigned i = 0; i < p->compiled->n_rules[way]; i++) {
			const struct rule *r = &p->compiled->rules[way][i];

			if (!block && (block = foreign_block(r)))
				tell_block(o, block);
			if (!port && (port = missing_port(p, r, way)))
				tell_port(o, port, way);
		}
}

/* False: it selects nobody, which is worth another look when pods come. */
static bool tell(const struct object *o, bool told)
{
	const struct policy *p = policy_find(o);
	const char *trouble = p ? policy_plan_trouble(o) : NULL;

	if (!p)
		return true;
	if (trouble && !told)
		warn(o, "NotInForce", trouble);
	if (!policy_plan_selects(o)) {
		if (!told)
			event_emit(o->kind, o->ns, o->name, EVENT_NORMAL, "NoPodsSelected",
			           "selects no pod yet");
		return false;
	}
	if (p->space) /* a name in a ClusterNetworkPolicy is that of any protocol */
		tell_rules(o, p);
	return true;
}

/* ---- when ----------------------------------------------------------------------------------- */

static void look_free(struct look *l)
{
	list_del(&l->in_list);
	map_del(&looks, l->key, l->key_len);
	free(l);
}

static struct look *look_get(const struct object *o)
{
	size_t n = strlen(o->key) + 2;
	auto_free char *key = xmalloc(n);
	struct look *l;

	key[0] = (char)('a' + o->kind);
	memcpy(key + 1, o->key, n - 1);
	l = map_get(&looks, key, n);
	if (l)
		return l;
	l = xcalloc(1, sizeof(*l) + n);
	l->kind = o->kind;
	l->key_len = n;
	memcpy(l->key, key, n);
	l->name = l->key + 1;
	list_init(&l->in_list);
	map_put(&looks, l->key, n, l);
	return l;
}

static void arm(void)
{
	const struct look *l;
	uint64_t now = loop_now();

	if (list_empty(&waiting) || timer.heap)
		return;
	l = container_of(waiting.next, struct look, in_list);
	timer_set(&timer, l->due > now ? l->due - now : TURN_MS);
}

static void wait(struct look *l)
{
	l->due = loop_now() + POLICY_EVENTS_WAIT_MS;
	list_del(&l->in_list);
	list_add_tail(&waiting, &l->in_list);
}

/* told: it stands in `empty` until it selects somebody or changes. */
static void look_at(struct look *l)
{
	const struct object *o = store_get_key(l->kind, l->name);

	if (!o || tell(o, l->told)) {
		look_free(l);
		return;
	}
	l->told = true;
	list_del(&l->in_list);
	list_add_tail(&empty, &l->in_list);
}

static void on_timer(struct timer *t)
{
	(void)t;
	for (unsigned i = 0; i < LOOKS_A_TURN && !list_empty(&waiting); i++) {
		struct look *l = container_of(waiting.next, struct look, in_list);

		if (l->due > loop_now())
			break;
		look_at(l);
	}
	arm();
}

/* ---- what changed --------------------------------------------------------------------------- */

static bool is_policy(enum kind kind)
{
	return kind == KIND_NETWORKPOLICY || kind == KIND_CLUSTERNETWORKPOLICY;
}

static void note(const struct object *o)
{
	struct look *l = look_get(o);

	l->told = false;
	wait(l);
}

static void note_all(enum kind kind)
{
	const struct object *o;

	for (size_t i = 0; (o = store_next_object(kind, &i));)
		note(o);
}

static void note_pods(void)
{
	while (!list_empty(&empty))
		wait(container_of(empty.next, struct look, in_list));
}

void policy_events_note(const struct changes *c)
{
	struct cursor ahead = *c->cursor;
	struct changes mine = { c->full, c->kinds, &ahead };
	bool pods = c->full;
	struct change change;

	if (c->full) {
		note_all(KIND_NETWORKPOLICY);
		note_all(KIND_CLUSTERNETWORKPOLICY);
	}
	while (changes_next(&mine, &change)) {
		pods |= !is_policy(change.kind);
		if (is_policy(change.kind) && change.new)
			note(change.new);
	}
	if (pods)
		note_pods();
	arm();
}

void policy_events_forget(void)
{
	struct look *l;

	timer_del(&timer);
	for (size_t i = 0; (l = map_next(&looks, &i));)
		look_free(l);
	map_free(&looks);
}
