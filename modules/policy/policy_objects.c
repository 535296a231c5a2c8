/* policy_objects.c - policies, each compiled once a version; see policy_int.h. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/store.h>

#include "policy_int.h"

static struct map policies; /* by key */
static struct list cluster = LIST_INIT(cluster);
static bool any_dirty;
static bool freed; /* policies have changed or gone */
static unsigned n_starved, n_by_address;
static bool cluster_changed;

/* What isolates pods whose labels nobody has said, where some policy isolates anybody. */
static const struct signature *strictest(void)
{
	static struct signature s;

	if (!s.a)
		s = signature_new();
	return &s;
}

/* ---- who is isolated ------------------------------------------------------------------------ */

bool policy_doubts(const struct compiled *c, const struct identity *id)
{
	return c->tier != TIER_NETWORK && !id->labelled && !reach_has(&c->subject, id);
}

static bool isolates(const struct compiled *c, const struct identity *id, enum policy_way way)
{
	return c && c->isolates[way] && reach_covers(&c->subject, id->space) &&
	       (reach_has(&c->subject, id) || policy_doubts(c, id));
}

bool policy_isolates(const struct policy *p, const struct identity *id, enum policy_way way)
{
	return isolates(p->compiled, id, way);
}

/* Named ports of a policy for ingress are those of the pod that it selects: pods that give them
 * other numbers are another class. */
static struct signature sign(const struct policy *p, const struct compiled *c,
                             const struct identity *id, enum policy_way way)
{
	struct signature s = p->signature;
	bool doubts = policy_doubts(c, id);

	if (doubts)
		s = signature_with(&s, &doubts, sizeof(doubts));
	for (unsigned i = 0; way == POLICY_IN && i < c->n_rules[way]; i++) {
		const struct rule *r = &c->rules[way][i];

		for (unsigned k = 0; k < r->n_names; k++) {
			uint16_t port = identity_port(id, &r->names[k]);

			s = signature_with(&s, &port, sizeof(port));
		}
	}
	return s;
}

static void toggle(const struct policy *p, const struct compiled *c, struct identity *id,
                   enum policy_way way)
{
	struct signature s;

	if (!isolates(c, id, way))
		return;
	s = sign(p, c, id, way);
	signature_toggle(&id->signature[way], &s);
	identity_touch(id);
}

struct policy_walk policies_of(const struct identity *id)
{
	return (struct policy_walk){ .own = { .a = &id->space->policies, .labels = &id->labels },
		                     .cluster = &cluster };
}

/* First those of the namespace, then all of the cluster: there are few. */
struct policy *policies_next(struct policy_walk *w)
{
	const struct list *node = anchors_next(&w->own);

	if (node)
		return container_of(node, struct policy, in_anchors);
	w->cluster = w->cluster->next;
	return w->cluster == &cluster ? NULL : container_of(w->cluster, struct policy, in_cluster);
}

struct signature policies_sign(const struct identity *id, enum policy_way way)
{
	struct signature all = { 0, 0 }, one;
	struct policy_walk w = policies_of(id);
	const struct policy *p;

	while ((p = policies_next(&w))) {
		if (!isolates(p->compiled, id, way))
			continue;
		one = sign(p, p->compiled, id, way);
		signature_toggle(&all, &one);
	}
	if (!id->labelled && id->space->isolating[way])
		signature_toggle(&all, strictest());
	return all;
}

/* ---- a policy changes ----------------------------------------------------------------------- */

static void resign_in(struct policy *p, const struct compiled *old, enum policy_way way,
                      struct space *s)
{
	struct list *l;

	for (l = s->identities.next; l != &s->identities; l = l->next) {
		struct identity *id = container_of(l, struct identity, in_space);

		if (id->labelled) {
			toggle(p, old, id, way);
			toggle(p, p->compiled, id, way);
		} else {
			id->signature[way] = policies_sign(id, way);
			identity_touch(id);
		}
	}
}

static void resign(struct policy *p, const struct compiled *old, enum policy_way way)
{
	struct space *s;

	if (p->space)
		resign_in(p, old, way, p->space);
	for (size_t i = 0; !p->space && (s = space_next(&i));)
		resign_in(p, old, way, s);
}

static void count(struct space *s, const struct compiled *c, int change)
{
	if (!c)
		return;
	for (enum policy_way way = POLICY_IN; s && way <= POLICY_OUT; way++)
		if (c->isolates[way])
			s->isolating[way] += change;
	n_starved += c->starved ? change : 0;
	n_by_address += c->by_address ? change : 0;
}

static struct compiled *compile(const struct policy *p, const struct object *o)
{
	bool too_many = policies.len > POLICY_POLICIES_MAX;

	return p->space ? policy_compile(o, p->space, too_many)
	                : policy_compile_cluster(o, too_many);
}

static void recompile(struct policy *p, const struct object *o)
{
	struct compiled *old = p->compiled;

	p->compiled = o ? compile(p, o) : NULL;
	count(p->space, old, -1);
	count(p->space, p->compiled, 1);
	if (old && p->space)
		anchors_del(&p->space->policies, old->subject.pods, &p->in_anchors);
	if (p->compiled && p->space)
		anchors_add(&p->space->policies, p->compiled->subject.pods, &p->in_anchors);
	cluster_changed |= !p->space;
	for (enum policy_way way = POLICY_IN; way <= POLICY_OUT; way++) {
		resign(p, old, way);
		p->dirty[way] = any_dirty = true;
	}
	p->moved = old && p->compiled &&
	           (old->tier != p->compiled->tier || old->priority != p->compiled->priority);
	policy_compiled_free(old);
	o = o ? object_ref(o) : NULL; /* maybe the same as before */
	object_unref(p->object);
	p->object = (struct object *)o;
}

static struct policy *policy_new(const struct object *o)
{
	struct policy *p = xcalloc(1, sizeof(*p));

	p->key = xstrdup(o->key);
	p->signature = signature_new();
	p->space = o->kind == KIND_NETWORKPOLICY ? space_get(o->ns) : NULL;
	list_init(&p->in_cluster);
	if (!p->space)
		list_add_tail(&cluster, &p->in_cluster);
	map_put(&policies, p->key, strlen(p->key), p);
	return p;
}

static void policy_drop(struct policy *p)
{
	recompile(p, NULL);
	list_del(&p->in_cluster);
	if (p->space)
		space_put(p->space);
	map_del(&policies, p->key, strlen(p->key));
	if (!policies.len)
		map_free(&policies);
	free(p->key);
	free(p);
}

static struct policy *find(const char *key)
{
	return map_get(&policies, key, strlen(key));
}

static const struct object *object_of(const char *key)
{
	return store_get_key(strchr(key, '/') ? KIND_NETWORKPOLICY : KIND_CLUSTERNETWORKPOLICY,
	                     key);
}

void policies_set(const char *key, const struct object *o)
{
	struct policy *p = find(key);

	if (p && p->object == o)
		return;
	freed |= p != NULL;
	if (!o) {
		if (p)
			policy_drop(p);
		return;
	}
	recompile(p ? p : policy_new(o), o);
}

void policies_refresh(const char *key)
{
	policies_set(key, object_of(key));
}

void policies_refresh_all(void)
{
	const struct object *o;
	struct policy *p;

	for (size_t i = 0; (p = policy_next(&i));)
		if (!object_of(p->key)) {
			policy_drop(p);
			freed = true;
		}
	for (size_t i = 0; (o = store_next_object(KIND_NETWORKPOLICY, &i));)
		policies_refresh(o->key);
	for (size_t i = 0; (o = store_next_object(KIND_CLUSTERNETWORKPOLICY, &i));)
		policies_refresh(o->key);
	policies_refresh_nodes();
}

void policies_refresh_nodes(void)
{
	struct list *l;

	for (l = cluster.next; l != &cluster; l = l->next) {
		struct policy *p = container_of(l, struct policy, in_cluster);

		if (p->compiled->by_node)
			recompile(p, p->object);
	}
}

void policies_forget(void)
{
	struct policy *p;

	for (size_t i = 0; (p = policy_next(&i));)
		policy_drop(p);
}

/* ---- reading -------------------------------------------------------------------------------- */

struct policy *policy_find(const struct object *o)
{
	return find(o->key);
}

struct policy *policy_next(size_t *i)
{
	return map_next(&policies, i);
}

size_t policies_count(void)
{
	return policies.len;
}

static bool rests_on_dirty(const struct rule *r)
{
	for (unsigned i = 0; i < r->n_terms; i++)
		if (r->terms[i]->dirty)
			return true;
	for (unsigned i = 0; i < r->n_named; i++)
		if (r->named[i]->dirty)
			return true;
	return false;
}

static void mark(struct policy *p, enum policy_way way, bool addresses_changed)
{
	const struct compiled *c = p->compiled;

	if (addresses_changed && c->by_address && way == POLICY_OUT)
		p->dirty[way] = true;
	for (unsigned i = 0; !p->dirty[way] && i < c->n_rules[way]; i++)
		p->dirty[way] = rests_on_dirty(&c->rules[way][i]);
	any_dirty |= p->dirty[way];
}

bool policies_mark(bool addresses_changed)
{
	struct policy *p;

	addresses_changed &= n_by_address > 0;
	for (size_t i = 0; (addresses_changed || terms_dirty()) && (p = policy_next(&i));) {
		mark(p, POLICY_IN, addresses_changed);
		mark(p, POLICY_OUT, addresses_changed);
	}
	return any_dirty;
}

void policies_clean(void)
{
	struct policy *p;

	for (size_t i = 0; any_dirty && (p = policy_next(&i));)
		p->dirty[POLICY_IN] = p->dirty[POLICY_OUT] = p->moved = false;
	any_dirty = false;
}

/* There may be room now for those that found none. */
void policies_feed(void)
{
	struct policy *p;

	for (size_t i = 0; n_starved && freed && (p = policy_next(&i));)
		if (p->compiled->starved) {
			auto_object struct object *o = object_ref(p->object);

			recompile(p, o);
		}
	freed = false;
}

bool policy_plan_cluster_changed(void)
{
	bool was = cluster_changed;

	cluster_changed = false;
	return was;
}

static size_t selects_in(const struct policy *p, const struct space *s)
{
	const struct list *l;
	size_t n = 0;

	for (l = s->identities.next; l != &s->identities; l = l->next) {
		const struct identity *id = container_of(l, struct identity, in_space);

		if (!id->finished && reach_has(&p->compiled->subject, id))
			n += id->pods;
	}
	return n;
}

size_t policy_plan_selects(const struct object *o)
{
	const struct policy *p = policy_find(o);
	struct space *s;
	size_t n = 0;

	if (p && p->space)
		return selects_in(p, p->space);
	for (size_t i = 0; p && (s = space_next(&i));)
		if (reach_covers(&p->compiled->subject, s))
			n += selects_in(p, s);
	return n;
}
