/* policy_plan.c - the plan kept up to date; see policy_plan.h, and policy_int.h for how. */
#include <string.h>

#include <knetd/store.h>

#include "policy_int.h"

static bool loaded; /* without policies nothing is kept */

/* ---- what changed --------------------------------------------------------------------------- */

static void refresh(const struct change *change)
{
	const struct object *o = change->new ? change->new : change->old;

	if (change->kind == KIND_NETWORKPOLICY || change->kind == KIND_CLUSTERNETWORKPOLICY)
		policies_refresh(o->key);
	else if (change->kind == KIND_NODE)
		policies_refresh_nodes();
	else if (change->kind == KIND_POD)
		pods_refresh(o->ns, o->name);
	else if (change->kind == KIND_PODNETWORK)
		pods_refresh_attachment(o->ns, o->name);
	else if (change->kind == KIND_NAMESPACE)
		space_refresh(o->name);
}

static void refresh_all(void)
{
	struct space *s;

	for (size_t i = 0; (s = space_next(&i));)
		space_refresh(s->name);
	policies_refresh_all();
	pods_refresh_all();
	loaded = true;
}

static bool settle(void)
{
	bool addresses = pods_take_changed();
	bool moved = classes_settle();
	bool dirty, built;

	terms_settle();
	dirty = policies_mark(addresses);
	dirty |= classes_dirty();
	built = dirty && classes_build();
	policies_clean();
	terms_clean();
	return addresses || moved || built;
}

static void skip(struct changes *c)
{
	struct change change;

	while (changes_next(c, &change))
		;
}

bool policy_plan_update(struct changes *c)
{
	bool was = loaded;
	struct change change;

	if (!store_count(KIND_NETWORKPOLICY) && !store_count(KIND_CLUSTERNETWORKPOLICY)) {
		skip(c);
		policy_plan_forget();
		return was;
	}
	if (c->full || !loaded) {
		skip(c);
		refresh_all();
	}
	while (changes_next(c, &change))
		refresh(&change);
	policies_feed();
	return settle() || !was;
}

void policy_plan_number_above(bool half)
{
	classes_number_above(half ? POLICY_HALF : 0);
	spaces_index_above(half ? 1u << (31 - POLICY_PEER_BITS) : 0);
}

void policy_plan_forget(void)
{
	if (!loaded)
		return;
	policies_forget();
	pods_forget();
	classes_forget();
	terms_settle();
	loaded = false;
}

/* ---- reading -------------------------------------------------------------------------------- */

bool policy_plan_any(void)
{
	return loaded && policies_count();
}

const struct policy_class *policy_plan_class(enum policy_way way, uint32_t number)
{
	const struct pod_class *c = class_at(way, number);

	return c ? &c->plan : NULL;
}

const struct policy_class *policy_plan_next_class(size_t *i)
{
	const struct pod_class *c = class_next(i);

	return c ? &c->plan : NULL;
}

static bool is_of(const struct pod_class *c, const struct policy *p)
{
	for (unsigned i = 0; i < c->n_policies; i++)
		if (c->policies[i] == p)
			return true;
	return false;
}

static bool chooses_in(const struct policy *p, const struct space *s)
{
	for (enum policy_way way = POLICY_IN; way <= POLICY_OUT; way++)
		for (unsigned i = 0; i < p->compiled->n_rules[way]; i++) {
			const struct rule *r = &p->compiled->rules[way][i];

			for (unsigned k = 0; k < r->n_terms; k++)
				if (!r->terms[k]->whole && reach_covers(&r->terms[k]->reach, s))
					return true;
		}
	return false;
}

/* Does it choose pods by labels in a namespace in which these say more than numbers can? */
static bool meets_crowd(const struct policy *p)
{
	const struct space *s;

	for (size_t i = 0; (s = space_next(&i));)
		if (s->crowded && chooses_in(p, s))
			return true;
	return false;
}

const char *policy_plan_trouble(const struct object *policy)
{
	const struct policy *p = policy_find(policy);
	const struct pod_class *c;

	if (!p || p->compiled->trouble)
		return p ? p->compiled->trouble : NULL;
	for (size_t i = 0; (c = class_next(&i));)
		if (c->too_many && is_of(c, p))
			return "with the other policies of its pods it comes to more pieces than "
			       "the kernel is given; these pods take nothing";
	if (meets_crowd(p))
		return "policies tell the pods of a namespace apart in more than 4095 ways; "
		       "those beyond are no peers of rules that ask for labels";
	return NULL;
}
