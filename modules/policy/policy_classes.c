/* policy_classes.c - identities into classes, and the numbers of these; see policy_int.h. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "policy_int.h"

static struct map classes; /* by key, of all sides */
static struct numbers ways[2];
static struct list touched = LIST_INIT(touched);
static struct list emptied = LIST_INIT(emptied);
static bool any_dirty;
static bool crowded; /* some namespace is */
static bool changed; /* somebody changed his class */

/* ---- numbers ------------------------------------------------------------------------------- */

/* While the kernel takes an update over, packets see pods' numbers already as they will be and what
 * is said of the numbers still as it was (policy_apply.c). So nobody gets a number that stands for
 * something else: one that was given back rests until the next update, and a class that gets both
 * new members and another content gets another number too. */
static unsigned round; /* of updates */
static uint32_t base;  /* of the numbers of both ways */

/* Returns false when all are taken. */
static bool number_take(struct numbers *n, uint32_t most, struct pod_class *c, uint32_t *out)
{
	if (!n->n_free && n->n == most)
		return false;
	if (!n->n_free && n->n == n->cap) {
		n->cap = n->cap ? n->cap * 2 : 16;
		n->v = xrealloc(n->v, n->cap * sizeof(*n->v));
		n->free = xrealloc(n->free, n->cap * sizeof(*n->free));
		n->resting = xrealloc(n->resting, n->cap * sizeof(*n->resting));
	}
	*out = n->n_free ? n->free[--n->n_free] : n->n++;
	n->v[*out] = c;
	return true;
}

static void number_give(struct numbers *n, uint32_t number)
{
	n->v[number] = NULL;
	n->resting[n->n_resting++] = number;
}

static void numbers_wake(struct numbers *n)
{
	while (n->n_resting)
		n->free[n->n_free++] = n->resting[--n->n_resting];
	if (n->n_free == n->n)
		n->n = n->n_free = 0;
}

static void begin_round(void)
{
	struct space *s;

	round++;
	numbers_wake(&ways[POLICY_IN]);
	numbers_wake(&ways[POLICY_OUT]);
	for (size_t i = 0; (s = space_next(&i));)
		numbers_wake(&s->classes);
}

void numbers_free(struct numbers *n)
{
	free(n->v);
	free(n->free);
	free(n->resting);
	*n = (struct numbers){ 0 };
}

/* ---- classes -------------------------------------------------------------------------------- */

static struct class_key key_of(const struct identity *id, enum side side)
{
	return (struct class_key){ .signature = id->signature[side],
		                   .index = side == SIDE_PEER ? id->space->index : 0,
		                   .side = side };
}

static bool class_number(struct pod_class *c)
{
	uint32_t number;

	if (c->side == SIDE_PEER) {
		if (!number_take(&c->space->classes, PEER_CLASSES, c, &number))
			return false;
		c->number = number | PEER_OF(c->space);
		terms_number_given(c->number);
	} else {
		if (!number_take(&ways[c->side], UINT32_MAX - 1, c, &number))
			return false;
		c->number = base + number + 1;
	}
	return true;
}

static void class_unnumber(const struct pod_class *c, uint32_t number)
{
	if (c->side == SIDE_PEER)
		number_give(&c->space->classes, number & PEER_CLASSES);
	else
		number_give(&ways[c->side], number - base - 1);
}

void class_renumber(struct pod_class *c)
{
	uint32_t was = c->number;

	if (class_number(c))
		class_unnumber(c, was);
}

bool class_gained(const struct pod_class *c)
{
	return c->gained == round;
}

static struct pod_class *class_new(struct identity *id, enum side side)
{
	struct pod_class *c = xcalloc(1, sizeof(*c));

	c->side = side;
	c->space = side == SIDE_PEER ? id->space : NULL;
	if (!class_number(c)) {
		free(c);
		return NULL;
	}
	if (c->space)
		space_ref(c->space);
	c->dirty = any_dirty = true;
	list_init(&c->members);
	list_init(&c->in_emptied);
	c->key = key_of(id, side);
	map_put(&classes, &c->key, sizeof(c->key), c);
	return c;
}

static void class_free(struct pod_class *c)
{
	map_del(&classes, &c->key, sizeof(c->key));
	list_del(&c->in_emptied);
	class_unnumber(c, c->number);
	if (c->space)
		space_put(c->space);
	free(c->policies);
	free(c->memory);
	free(c);
}

static void class_rename(struct pod_class *c, const struct identity *id)
{
	map_del(&classes, &c->key, sizeof(c->key));
	c->key = key_of(id, c->side);
	c->dirty = any_dirty = true;
	c->renamed = round;
	map_put(&classes, &c->key, sizeof(c->key), c);
}

/* ---- settling ------------------------------------------------------------------------------- */

void identity_touch(struct identity *id)
{
	if (list_empty(&id->in_touched))
		list_add_tail(&touched, &id->in_touched);
}

static bool signed_by_any(const struct signature *s)
{
	return s->a || s->b;
}

/* Pods that nothing isolates have no class, nor those that are not here; those that have finished,
 * or have no address, are nobody's peers. */
static bool wants_class(const struct identity *id, enum side side)
{
	if (side == SIDE_PEER)
		return id->placed && !id->finished;
	return id->here && signed_by_any(&id->signature[side]);
}

static void leave(struct identity *id, enum side side)
{
	struct pod_class *c = id->class[side];

	id->was[side] = NULL;
	if (!c ||
	    (wants_class(id, side) && signature_equal(&c->key.signature, &id->signature[side])))
		return;
	list_del(&id->in_class[side]);
	id->class[side] = NULL;
	id->was[side] = c;
	changed = true;
	if (!--c->n_members)
		list_add_tail(&emptied, &c->in_emptied);
}

static void join(struct identity *id, struct pod_class *c)
{
	if (id->was[c->side] != c) {
		if (c->side == SIDE_PEER && c->renamed == round)
			class_renumber(c);
		c->gained = round;
	}
	list_add_tail(&c->members, &id->in_class[c->side]);
	id->class[c->side] = c;
	c->n_members++;
	changed = true;
	list_del(&c->in_emptied);
}

static bool homeless(const struct identity *id, enum side side)
{
	return !id->class[side] && wants_class(id, side);
}

/* Into the class that there is for it; else, when all have left its old one, that one is renamed.
 */
static void settle_known(struct identity *id, enum side side)
{
	struct class_key key = key_of(id, side);
	struct pod_class *c = map_get(&classes, &key, sizeof(key)), *was = id->was[side];

	if (!c && was && !was->n_members) {
		c = was;
		class_rename(c, id);
	}
	if (c)
		join(id, c);
}

static void crowd(struct space *s)
{
	if (!crowded)
		terms_soil();
	s->crowded = crowded = true;
}

static void settle_new(struct identity *id, enum side side)
{
	struct class_key key = key_of(id, side);
	struct pod_class *c = map_get(&classes, &key, sizeof(key));

	if (!c)
		c = class_new(id, side);
	if (c)
		join(id, c);
	else
		crowd(id->space);
}

static void each_touched(void (*fn)(struct identity *id, enum side side), bool only_homeless)
{
	struct list *l;

	for (l = touched.next; l != &touched; l = l->next) {
		struct identity *id = container_of(l, struct identity, in_touched);

		for (enum side side = 0; side < SIDES; side++)
			if (!only_homeless || homeless(id, side))
				fn(id, side);
	}
}

static void free_emptied(void)
{
	struct list *l, *next;

	list_each (l, next, &emptied)
		class_free(container_of(l, struct pod_class, in_emptied));
}

/* Those that found no number look again: somebody may have left. */
static void touch_crowds(void)
{
	struct space *s;
	struct list *l;

	for (size_t i = 0; (s = space_next(&i));)
		for (l = s->identities.next; s->crowded && l != &s->identities; l = l->next) {
			struct identity *id = container_of(l, struct identity, in_space);

			if (homeless(id, SIDE_PEER))
				identity_touch(id);
		}
	for (size_t i = 0; (s = space_next(&i));)
		s->crowded = false;
	crowded = false;
	terms_soil(); /* rules that deny speak of crowds */
}

bool classes_settle(void)
{
	struct list *l, *next;
	bool was;

	begin_round();
	if (crowded)
		touch_crowds();
	each_touched(leave, false);
	each_touched(settle_known, true);
	free_emptied();
	each_touched(settle_new, true);
	list_each (l, next, &touched) {
		struct identity *id = container_of(l, struct identity, in_touched);

		list_del(&id->in_touched);
		if (!id->pods)
			identity_free(id);
	}
	was = changed;
	changed = false;
	return was;
}

bool classes_dirty(void)
{
	bool was = any_dirty;

	any_dirty = false;
	return was;
}

void classes_number_above(uint32_t number)
{
	base = number;
}

/* ---- reading -------------------------------------------------------------------------------- */

struct pod_class *class_at(enum policy_way way, uint32_t number)
{
	return number > base && number - base <= ways[way].n ? ways[way].v[number - base - 1]
	                                                     : NULL;
}

struct pod_class *class_of_peer(uint32_t number)
{
	const struct space *s = space_at(number >> POLICY_PEER_BITS);
	uint32_t i = number & PEER_CLASSES;

	return s && i < s->classes.n ? s->classes.v[i] : NULL;
}

struct pod_class *class_next(size_t *i)
{
	while (*i < (size_t)ways[POLICY_IN].n + ways[POLICY_OUT].n) {
		size_t at = (*i)++;
		struct pod_class *c = at < ways[POLICY_IN].n
		                              ? ways[POLICY_IN].v[at]
		                              : ways[POLICY_OUT].v[at - ways[POLICY_IN].n];

		if (c)
			return c;
	}
	return NULL;
}

/* All pods are gone by now, and so are the classes. */
void classes_forget(void)
{
	classes_settle();
	map_free(&classes);
	numbers_free(&ways[POLICY_IN]);
	numbers_free(&ways[POLICY_OUT]);
}
