/* policy_cover.h - a union of boxes, each a range on a line and a set of ports, made into pieces
 * that do not overlap. The line are peer numbers or addresses. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <knetd/arena.h>
#include <knetd/map.h>

#include "policy_plan.h"

/* On the line: 128 bits, in halves, for not every machine's compiler has a number of that size. */
struct place {
	uint64_t high, low;
};

#define PLACE_END ((struct place){ UINT64_MAX, UINT64_MAX })

static inline struct place place_at(uint64_t low)
{
	return (struct place){ 0, low };
}

static inline bool place_equal(struct place a, struct place b)
{
	return a.high == b.high && a.low == b.low;
}

static inline bool place_before(struct place a, struct place b)
{
	return a.high < b.high || (a.high == b.high && a.low < b.low);
}

/* The neighbours: of the last one the first, and the other way round. */
static inline struct place place_next(struct place a)
{
	return (struct place){ a.high + (a.low == UINT64_MAX), a.low + 1 };
}

static inline struct place place_previous(struct place a)
{
	return (struct place){ a.high - (a.low == 0), a.low - 1 };
}

struct port_set { /* sorted, apart from each other; equal ones have one number */
	uint32_t id;
	uint32_t n;
	struct policy_ports v[];
};
/* Sorted, and those that touch made one. Of one protocol each, or all of all. Returns how many. */
size_t ports_merge(struct policy_ports *v, size_t n);

struct port_sets; /* shared by many covers */
struct port_sets *port_sets_new(void);
void port_sets_free(struct port_sets *sets);
/* The set of merged ports. */
const struct port_set *port_set_of(struct port_sets *sets, const struct policy_ports *v, size_t n);

struct cover_box {
	struct place first, last;
	const struct port_set *ports;
};
struct cover { /* zeroed is empty; n = 0 empties it again */
	struct cover_box *v;
	size_t n, cap;
};
void cover_add(struct cover *c, struct place first, struct place last,
               const struct port_set *ports);
/* The same without holes (sorted here; they may overlap, and lie outside). */
struct cover_hole {
	struct place first, last;
};
void cover_add_but(struct cover *c, struct place first, struct place last, struct cover_hole *holes,
                   size_t n, const struct port_set *ports);
#define COVER_WORK_MAX (1u << 20) /* entries of sets looked at to join them */
/* What was added, as boxes that do not overlap, in order; neighbours with equal ports are one.
 * *pieces (a range, one entry of its ports) of it there are. False: more than most, or too much
 * work; what there is then is not all. */
bool cover_settle(struct cover *c, struct port_sets *sets, size_t most, size_t *pieces);
void cover_free(struct cover *c);
