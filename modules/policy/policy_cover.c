/* policy_cover.c - see policy_cover.h
 *
 * The line is cut wherever a box begins or ends. Over the segments between two cuts the same boxes
 * lie, so its ports are the union of theirs; few such unions are different, so each is made once.
 */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "policy_cover.h"

struct cut {
	struct place at;
	uint32_t set;
	int change; /* +1: a box begins, -1: one has ended */
};

struct port_sets {
	struct arena arena;
	struct map by_ports, unions;
	const struct port_set **v; /* by id */
	uint32_t n, cap;

	/* of cover_settle, kept for the next */
	struct cut *cuts;
	size_t cuts_cap;
	uint32_t *over;   /* by set: boxes of it over the segment */
	uint32_t *active; /* sets with any, sorted */
	uint32_t over_cap;
	struct cover out;
};

/* ---- sets of ports -------------------------------------------------------------------------- */

static bool is_all(const struct policy_ports *p)
{
	return p->proto_first == 0 && p->proto_last == UINT8_MAX && p->first == 0 &&
	       p->last == UINT16_MAX;
}

static int by_ports(const void *a, const void *b)
{
	const struct policy_ports *x = a, *y = b;

	if (x->proto_first != y->proto_first)
		return x->proto_first < y->proto_first ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

/* All of all swallows everything. */
size_t ports_merge(struct policy_ports *v, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (is_all(&v[i])) {
			v[0] = v[i];
			return 1;
		}
	if (n)
		qsort(v, n, sizeof(*v), by_ports);
	for (size_t i = 0; i < n; i++) {
		struct policy_ports *last = kept ? &v[kept - 1] : NULL;

		if (last && last->proto_first == v[i].proto_first &&
		    v[i].first <= (uint32_t)last->last + 1) {
			if (v[i].last > last->last)
				last->last = v[i].last;
		} else {
			v[kept++] = v[i];
		}
	}
	return kept;
}

static const struct port_set *set_new(struct port_sets *sets, const struct policy_ports *v,
                                      size_t n)
{
	struct port_set *s = arena_alloc(&sets->arena, sizeof(*s) + n * sizeof(*v));

	s->id = sets->n;
	s->n = (uint32_t)n;
	if (n)
		memcpy(s->v, v, n * sizeof(*v));
	if (sets->n == sets->cap) {
		sets->cap = sets->cap ? sets->cap * 2 : 16;
		sets->v = xrealloc(sets->v, sets->cap * sizeof(*sets->v));
	}
	sets->v[sets->n++] = s;
	map_put(&sets->by_ports, s->v, n * sizeof(*v), s);
	return s;
}

const struct port_set *port_set_of(struct port_sets *sets, const struct policy_ports *v, size_t n)
{
	const struct port_set *s = map_get(&sets->by_ports, v, n * sizeof(*v));

	return s ? s : set_new(sets, v, n);
}

struct port_sets *port_sets_new(void)
{
	return xcalloc(1, sizeof(struct port_sets));
}

void port_sets_free(struct port_sets *sets)
{
	map_free(&sets->by_ports);
	map_free(&sets->unions);
	free(sets->v);
	free(sets->cuts);
	free(sets->over);
	free(sets->active);
	cover_free(&sets->out);
	arena_free(&sets->arena);
	free(sets);
}

/* ---- boxes ---------------------------------------------------------------------------------- */

void cover_add(struct cover *c, struct place first, struct place last, const struct port_set *ports)
{
	if (!ports->n)
		return;
	if (!c->v || c->n == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 16;
		c->v = xrealloc(c->v, c->cap * sizeof(*c->v));
	}
	c->v[c->n++] = (struct cover_box){ first, last, ports };
}

static int by_hole(const void *a, const void *b)
{
	const struct cover_hole *x = a, *y = b;

	return place_before(x->first, y->first) ? -1 : place_before(y->first, x->first);
}

void cover_add_but(struct cover *c, struct place first, struct place last, struct cover_hole *holes,
                   size_t n, const struct port_set *ports)
{
	if (n)
		qsort(holes, n, sizeof(*holes), by_hole);
	for (size_t i = 0; i < n; i++) {
		if (place_before(holes[i].last, first))
			continue;
		if (place_before(last, holes[i].first))
			break;
		if (place_before(first, holes[i].first))
			cover_add(c, first, place_previous(holes[i].first), ports);
		if (!place_before(holes[i].last, last))
			return;
		first = place_next(holes[i].last);
	}
	cover_add(c, first, last, ports);
}

void cover_free(struct cover *c)
{
	free(c->v);
	*c = (struct cover){ 0 };
}

/* ---- the sweep ------------------------------------------------------------------------------ */

struct sweep {
	struct port_sets *sets;
	uint32_t *over, *active;
	size_t n_active, pieces, work;
};

/* Where the cuts that are in order from `from` on end. */
static size_t run_end(const struct cut *v, size_t from, size_t n)
{
	size_t i = from + (from < n);

	while (i < n && !place_before(v[i].at, v[i - 1].at))
		i++;
	return i;
}

static void merge(const struct cut *a, size_t n_a, const struct cut *b, size_t n_b, struct cut *out)
{
	while (n_a && n_b) {
		if (place_before(b->at, a->at)) {
			*out++ = *b++;
			n_b--;
		} else {
			*out++ = *a++;
			n_a--;
		}
	}
	memcpy(out, n_a ? a : b, (n_a + n_b) * sizeof(*out));
}

/* Terms come in order: what is sorted already is merged, two runs and two runs, from one array into
 * the other. Returns the one that has it all. */
static struct cut *sort_cuts(struct cut *v, struct cut *spare, size_t n)
{
	while (run_end(v, 0, n) < n) {
		struct cut *from = v;

		for (size_t i = 0; i < n;) {
			size_t middle = run_end(from, i, n), end = run_end(from, middle, n);

			merge(from + i, middle - i, from + middle, end - middle, spare + i);
			i = end;
		}
		v = spare;
		spare = from;
	}
	return v;
}

static size_t make_cuts(const struct cover *c, struct cut *cuts)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct cover_box *b = &c->v[i];

		cuts[n++] = (struct cut){ b->first, b->ports->id, 1 };
		if (!place_equal(b->last, PLACE_END))
			cuts[n++] = (struct cut){ place_next(b->last), b->ports->id, -1 };
	}
	return n;
}

static size_t active_at(const struct sweep *s, uint32_t set)
{
	size_t i = 0;

	while (i < s->n_active && s->active[i] < set)
		i++;
	return i;
}

static void step(struct sweep *s, const struct cut *cut)
{
	uint32_t was = s->over[cut->set];
	size_t i;

	s->over[cut->set] += cut->change;
	if (!was) {
		i = active_at(s, cut->set);
		memmove(&s->active[i + 1], &s->active[i], (s->n_active - i) * sizeof(*s->active));
		s->active[i] = cut->set;
		s->n_active++;
	} else if (!s->over[cut->set]) {
		i = active_at(s, cut->set);
		s->n_active--;
		memmove(&s->active[i], &s->active[i + 1], (s->n_active - i) * sizeof(*s->active));
	}
}

struct joined { /* a union that was made before */
	const struct port_set *set;
	uint32_t of[];
};

static const struct port_set *join(struct sweep *s)
{
	size_t bytes = s->n_active * sizeof(*s->active), n = 0;
	auto_free struct policy_ports *all = NULL;
	struct joined *j;

	for (size_t i = 0; i < s->n_active; i++)
		n += s->sets->v[s->active[i]]->n;
	all = xcalloc(n + 1, sizeof(*all));
	s->work += n;
	n = 0;
	for (size_t i = 0; i < s->n_active; i++) {
		const struct port_set *one = s->sets->v[s->active[i]];

		memcpy(&all[n], one->v, one->n * sizeof(*all));
		n += one->n;
	}
	j = arena_alloc(&s->sets->arena, sizeof(*j) + bytes);
	memcpy(j->of, s->active, bytes);
	j->set = port_set_of(s->sets, all, ports_merge(all, n));
	map_put(&s->sets->unions, j->of, bytes, j);
	return j->set;
}

static const struct port_set *ports_over(struct sweep *s)
{
	const struct joined *j;

	s->work += s->n_active;
	if (s->n_active == 1)
		return s->sets->v[s->active[0]];
	j = map_get(&s->sets->unions, s->active, s->n_active * sizeof(*s->active));
	return j ? j->set : join(s);
}

static void emit(struct sweep *s, struct place first, struct place last)
{
	const struct port_set *ports = ports_over(s);
	struct cover *out = &s->sets->out;
	struct cover_box *before = out->n ? &out->v[out->n - 1] : NULL;

	if (before && before->ports == ports && place_equal(place_next(before->last), first)) {
		before->last = last;
		return;
	}
	cover_add(out, first, last, ports);
	s->pieces += ports->n;
}

static void make_room(struct port_sets *sets, size_t boxes)
{
	if (sets->cuts_cap < 4 * boxes) { /* twice the cuts: see sort_cuts */
		sets->cuts_cap = 8 * boxes;
		sets->cuts = xrealloc(sets->cuts, sets->cuts_cap * sizeof(*sets->cuts));
	}
	if (sets->over_cap < sets->n) {
		sets->over_cap = 2 * sets->n;
		sets->over = xrealloc(sets->over, sets->over_cap * sizeof(*sets->over));
		sets->active = xrealloc(sets->active, sets->over_cap * sizeof(*sets->active));
	}
	if (sets->n)
		memset(sets->over, 0, sets->n * sizeof(*sets->over));
}

bool cover_settle(struct cover *c, struct port_sets *sets, size_t most, size_t *pieces)
{
	struct sweep s = { .sets = sets };
	struct cover swap = *c;
	const struct cut *cuts;
	size_t n;

	make_room(sets, c->n);
	s.over = sets->over;
	s.active = sets->active;
	n = make_cuts(c, sets->cuts);
	cuts = n ? sort_cuts(sets->cuts, sets->cuts + n, n) : NULL;
	for (size_t i = 0; i < n && s.pieces <= most && s.work < COVER_WORK_MAX;) {
		struct place at = cuts[i].at;

		for (; i < n && place_equal(cuts[i].at, at); i++)
			step(&s, &cuts[i]);
		if (s.n_active)
			emit(&s, at, i < n ? place_previous(cuts[i].at) : PLACE_END);
	}
	*c = sets->out;
	sets->out = swap;
	sets->out.n = 0;
	*pieces = s.pieces;
	return s.pieces <= most && s.work < COVER_WORK_MAX;
}
