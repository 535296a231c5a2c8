/* policy_terms.c - reaches and terms: which pods a rule speaks of, and which peer numbers these
 * are; see policy_int.h. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "policy_int.h"

static struct map terms;                           /* by key */
static struct list anywhere = LIST_INIT(anywhere); /* those of no namespace of their own */
static struct anchors by_label;                    /* of them, those that are not whole */
static bool any_dirty;
static struct list born = LIST_INIT(born);

/* ---- signatures ----------------------------------------------------------------------------- */

struct signature signature_new(void)
{
	static uint64_t count;
	uint64_t seed = hash_seed();

	count++;
	return (struct signature){ hash_bytes(&count, sizeof(count), seed),
		                   hash_bytes(&count, sizeof(count), ~seed) };
}

struct signature signature_with(const struct signature *s, const void *data, size_t n)
{
	return (struct signature){ hash_bytes(data, n, s->a), hash_bytes(data, n, s->b) };
}

void signature_toggle(struct signature *s, const struct signature *with)
{
	s->a ^= with->a;
	s->b ^= with->b;
}

bool signature_equal(const struct signature *a, const struct signature *b)
{
	return a->a == b->a && a->b == b->b;
}

/* ---- reaches -------------------------------------------------------------------------------- */

struct reach reach_open(struct space *own, yyjson_val *spaces, yyjson_val *pods)
{
	return (struct reach){ .own = spaces ? NULL : space_ref(own),
		               .spaces = spaces ? policy_selector_get(spaces) : NULL,
		               .pods = policy_selector_get(pods) };
}

struct reach reach_among(yyjson_val *spaces, yyjson_val *pods)
{
	return (struct reach){ NULL, policy_selector_get(spaces), policy_selector_get(pods) };
}

struct reach reach_everybody(void)
{
	return reach_among(NULL, NULL);
}

struct reach reach_copy(const struct reach *r)
{
	if (r->own)
		space_ref(r->own);
	if (r->spaces)
		policy_selector_ref(r->spaces);
	policy_selector_ref(r->pods);
	return *r;
}

void reach_close(struct reach *r)
{
	if (r->own)
		space_put(r->own);
	policy_selector_put(r->spaces);
	policy_selector_put(r->pods);
	*r = (struct reach){ 0 };
}

bool reach_covers(const struct reach *r, const struct space *s)
{
	return r->own ? r->own == s : policy_selector_match(r->spaces, &s->labels);
}

bool reach_has(const struct reach *r, const struct identity *id)
{
	return id->labelled ? policy_selector_match(r->pods, &id->labels)
	                    : policy_selector_all(r->pods);
}

/* ---- terms ---------------------------------------------------------------------------------- */

static void soil(struct term *t)
{
	t->dirty = any_dirty = true;
}

/* Is the identity among them; *port is the number it gives the name. */
static bool has(const struct term *t, const struct identity *id, uint16_t *port)
{
	*port = 0;
	if (!reach_has(&t->reach, id))
		return false;
	if (t->port.proto)
		*port = identity_port(id, &t->port);
	return !t->port.proto || *port;
}

static struct signature sign(const struct term *t, uint16_t port)
{
	return port ? signature_with(&t->signature, &port, sizeof(port)) : t->signature;
}

static void sign_those(const struct identity *id, const struct anchors *a, struct signature *s)
{
	struct anchor_walk w = { .a = a, .labels = &id->labels };
	const struct list *node;
	uint16_t port;

	while ((node = anchors_next(&w))) {
		const struct term *t = container_of(node, struct term, in_anchors);
		struct signature one;

		if (!reach_covers(&t->reach, id->space) || !has(t, id, &port))
			continue;
		one = sign(t, port);
		signature_toggle(s, &one);
	}
}

struct signature terms_sign(const struct identity *id)
{
	struct signature s = { 0, 0 };

	sign_those(id, &id->space->by_label, &s);
	sign_those(id, &by_label, &s);
	return s;
}

/* The term comes or goes. */
static void toggle_space(const struct term *t, struct space *s)
{
	struct signature one;
	struct list *l;
	uint16_t port;

	for (l = s->identities.next; l != &s->identities; l = l->next) {
		struct identity *id = container_of(l, struct identity, in_space);

		if (!has(t, id, &port))
			continue;
		one = sign(t, port);
		signature_toggle(&id->signature[SIDE_PEER], &one);
		identity_touch(id);
	}
}

static void toggle_all(const struct term *t)
{
	struct space *s;

	if (t->whole)
		return;
	if (t->reach.own)
		toggle_space(t, t->reach.own);
	else
		for (size_t i = 0; (s = space_next(&i));)
			if (reach_covers(&t->reach, s))
				toggle_space(t, s);
}

static struct term_key key_of(const struct reach *r, const struct named_port *port)
{
	struct term_key key;

	memset(&key, 0, sizeof(key)); /* its padding is hashed too */
	key.own = r->own;
	key.spaces = r->spaces;
	key.pods = r->pods;
	if (port)
		memcpy(&key.port, port, sizeof(*port));
	return key;
}

static struct term *term_new(struct reach *r, const struct term_key *key)
{
	struct term *t;

	if (terms.len >= POLICY_TERMS_MAX)
		return NULL;
	t = xcalloc(1, sizeof(*t));
	t->reach = *r;
	t->key = *key;
	t->port = key->port;
	t->whole = policy_selector_all(r->pods) && !t->port.proto;
	t->signature = signature_new();
	t->born = true;
	soil(t);
	map_put(&terms, &t->key, sizeof(t->key), t);
	list_add_tail(&born, &t->in_born);
	list_add_tail(r->own ? &r->own->terms : &anywhere, &t->in_all);
	list_init(&t->in_anchors);
	if (!t->whole)
		anchors_add(r->own ? &r->own->by_label : &by_label, r->pods, &t->in_anchors);
	toggle_all(t);
	*r = (struct reach){ 0 };
	return t;
}

struct term *term_get(struct reach *r, const struct named_port *port)
{
	struct term_key key = key_of(r, port);
	struct term *t = map_get(&terms, &key, sizeof(key));

	if (!t)
		t = term_new(r, &key);
	if (t)
		t->refs++;
	reach_close(r);
	return t;
}

void term_put(struct term *t)
{
	if (--t->refs)
		return;
	toggle_all(t);
	map_del(&terms, &t->key, sizeof(t->key));
	if (!terms.len)
		map_free(&terms);
	list_del(&t->in_born);
	list_del(&t->in_all);
	if (!t->whole)
		anchors_del(t->reach.own ? &t->reach.own->by_label : &by_label, t->reach.pods,
		            &t->in_anchors);
	reach_close(&t->reach);
	free(t->set);
	free(t);
}

struct term *term_next(size_t *i)
{
	return map_next(&terms, i);
}

/* ---- sets of numbers ------------------------------------------------------------------------ */

/* The first range that does not end before the number. */
static size_t place_of(const struct term *t, uint32_t number)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (t->set[middle].last < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void insert(struct term *t, size_t at, uint32_t first, uint32_t last, uint16_t port)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 2;
		t->set = xrealloc(t->set, t->cap * sizeof(*t->set));
	}
	memmove(&t->set[at + 1], &t->set[at], (t->n - at) * sizeof(*t->set));
	t->set[at] = (struct term_range){ first, last, port };
	t->n++;
}

static void erase(struct term *t, size_t at)
{
	t->n--;
	memmove(&t->set[at], &t->set[at + 1], (t->n - at) * sizeof(*t->set));
}

/* The number, which lies in the range at that place, out of it. */
static void take_out(struct term *t, size_t at, uint32_t number)
{
	struct term_range *r = &t->set[at], was = *r;

	if (was.first == was.last) {
		erase(t, at);
	} else if (number == was.first) {
		r->first++;
	} else {
		r->last = number - 1;
		if (number < was.last)
			insert(t, at + 1, number + 1, was.last, was.port);
	}
}

static void put_in(struct term *t, uint32_t number, uint16_t port)
{
	size_t at = place_of(t, number);
	struct term_range *before = at ? &t->set[at - 1] : NULL,
			  *behind = at < t->n ? &t->set[at] : NULL;

	if (before && (before->last + 1 != number || before->port != port))
		before = NULL;
	if (behind && (behind->first != number + 1 || behind->port != port))
		behind = NULL;
	if (before && behind) {
		before->last = behind->last;
		erase(t, at);
	} else if (before) {
		before->last = number;
	} else if (behind) {
		behind->first = number;
	} else {
		insert(t, at, number, number, port);
	}
}

static void set_number(struct term *t, uint32_t number, bool wanted, uint16_t port)
{
	size_t at = place_of(t, number);
	bool there = at < t->n && t->set[at].first <= number;

	if (there == wanted && (!there || t->set[at].port == port))
		return;
	soil(t);
	if (there)
		take_out(t, at, number);
	if (wanted)
		put_in(t, number, port);
}

static struct identity *member_of(const struct pod_class *c)
{
	return container_of(c->members.next, struct identity, in_class[c->side]);
}

static void fill_space(struct term *t, const struct space *s)
{
	uint16_t port;

	for (uint32_t i = 0; i < s->classes.n; i++) {
		const struct pod_class *c = s->classes.v[i];

		if (c && has(t, member_of(c), &port))
			set_number(t, c->number, true, port);
	}
}

static void fill(struct term *t)
{
	const struct space *s;

	if (t->whole)
		return;
	if (t->reach.own)
		fill_space(t, t->reach.own);
	else
		for (size_t i = 0; (s = space_next(&i));)
			if (reach_covers(&t->reach, s))
				fill_space(t, s);
}

/* ---- settling ------------------------------------------------------------------------------- */

static struct {
	uint32_t *v;
	size_t n, cap;
} given;

void terms_number_given(uint32_t number)
{
	if (given.n == given.cap) {
		given.cap = given.cap ? given.cap * 2 : 64;
		given.v = xrealloc(given.v, given.cap * sizeof(*given.v));
	}
	given.v[given.n++] = number;
}

static void settle_in(struct list *list, uint32_t number, const struct identity *id)
{
	struct list *l;

	for (l = list->next; l != list; l = l->next) {
		struct term *t = container_of(l, struct term, in_all);
		uint16_t port = 0;
		bool wanted;

		if (t->whole || t->born)
			continue;
		wanted = reach_covers(&t->reach, id->space) && has(t, id, &port);
		if (wanted || t->n)
			set_number(t, number, wanted, port);
	}
}

/* Terms of other namespaces never have it. */
static void settle_number(uint32_t number)
{
	const struct pod_class *c = class_of_peer(number);

	if (!c) /* nobody has it any more */
		return;
	settle_in(&c->space->terms, number, member_of(c));
	settle_in(&anywhere, number, member_of(c));
}

void terms_settle(void)
{
	for (size_t i = 0; i < given.n; i++)
		settle_number(given.v[i]);
	free(given.v);
	memset(&given, 0, sizeof(given));
	while (!list_empty(&born)) {
		struct term *t = container_of(born.next, struct term, in_born);

		fill(t);
		t->born = false;
		list_del(&t->in_born);
	}
}

void terms_soil(void)
{
	struct term *t;

	for (size_t i = 0; (t = term_next(&i));)
		soil(t);
}

bool terms_dirty(void)
{
	return any_dirty;
}

void terms_clean(void)
{
	struct term *t;

	for (size_t i = 0; any_dirty && (t = term_next(&i));)
		t->dirty = false;
	any_dirty = false;
}

/* A namespace comes, goes, or changes its labels: those that speak of it whole are not what they
 * were. The others follow their identities. */
void terms_space_marked(const struct space *s)
{
	struct list *l;

	for (l = anywhere.next; l != &anywhere; l = l->next) {
		struct term *t = container_of(l, struct term, in_all);

		if (t->whole && !policy_selector_all(t->reach.spaces) && reach_covers(&t->reach, s))
			soil(t);
	}
}
