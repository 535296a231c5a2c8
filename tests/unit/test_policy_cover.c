/* test_policy_cover.c - unions of boxes made disjoint: random ones against what each box says of
 * each place, and the ends of the line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>

#include "../../modules/policy/policy_cover.h"

#define END PLACE_END
#define AT(n) place_at(n)
#define LINE 40 /* places that are tried, at either end */

static unsigned roll(unsigned n)
{
	static uint64_t seed = 1;

	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(seed >> 33) % n;
}

static bool set_has(const struct port_set *s, uint8_t proto, uint16_t port)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (proto >= s->v[i].proto_first && proto <= s->v[i].proto_last &&
		    port >= s->v[i].first && port <= s->v[i].last)
			return true;
	return false;
}

static unsigned times(const struct cover *c, struct place at, uint8_t proto, uint16_t port)
{
	unsigned n = 0;

	for (size_t i = 0; i < c->n; i++)
		n += !place_before(at, c->v[i].first) && !place_before(c->v[i].last, at) &&
		     set_has(c->v[i].ports, proto, port);
	return n;
}

/* In order, apart, and no two that could be one. */
static void check_order(const struct cover *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct cover_box *before = i ? &c->v[i - 1] : NULL;

		assert_true(!place_before(c->v[i].last, c->v[i].first) && c->v[i].ports->n);
		assert_true(!before || place_before(before->last, c->v[i].first));
		assert_false(before && place_equal(place_next(before->last), c->v[i].first) &&
		             before->ports == c->v[i].ports);
	}
}

static const struct port_set *random_ports(struct port_sets *sets)
{
	struct policy_ports v[3];
	unsigned n = 1 + roll(3);

	for (unsigned i = 0; i < n; i++) {
		uint8_t proto = roll(2) ? 6 : 17;
		uint16_t first = roll(6);

		v[i] = (struct policy_ports){ proto, proto, first, first + roll(3) };
	}
	if (!roll(6))
		v[0] = (struct policy_ports){ 0, UINT8_MAX, 0, UINT16_MAX };
	return port_set_of(sets, v, ports_merge(v, n));
}

/* Before the end, or behind the beginning. */
static struct place near(unsigned n, bool end)
{
	return end ? (struct place){ UINT64_MAX, UINT64_MAX - n } : AT(n);
}

static struct place random_place(void)
{
	return near(roll(LINE), !roll(3));
}

static void add_random(struct cover *c, struct port_sets *sets)
{
	struct place a = random_place(), b = random_place();
	bool turned;

	if (roll(2)) {
		b = a;
		for (unsigned n = roll(4); n && !place_equal(b, END); n--)
			b = place_next(b);
	}
	turned = place_before(b, a);
	cover_add(c, turned ? b : a, turned ? a : b, random_ports(sets));
}

static void compare(const struct cover *boxes, const struct cover *made)
{
	for (unsigned i = 0; i < 2 * LINE; i++) {
		struct place at = near(i % LINE, i >= LINE);

		for (unsigned k = 0; k < 3 * 9; k++) {
			uint8_t proto = k / 9 == 0 ? 6 : k / 9 == 1 ? 17 : 1;

			assert_int_equal(times(made, at, proto, k % 9),
			                 times(boxes, at, proto, k % 9) > 0);
		}
	}
}

static void test_random(void **state)
{
	struct port_sets *sets = port_sets_new();

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		struct cover boxes = { 0 }, made = { 0 };
		size_t pieces = 0;

		for (unsigned n = roll(9); n; n--)
			add_random(&boxes, sets);
		for (size_t k = 0; k < boxes.n; k++)
			cover_add(&made, boxes.v[k].first, boxes.v[k].last, boxes.v[k].ports);
		assert_true(cover_settle(&made, sets, 1000, &pieces));
		check_order(&made);
		for (size_t k = 0; k < made.n; k++)
			pieces -= made.v[k].ports->n;
		assert_int_equal(pieces, 0);
		compare(&boxes, &made);
		cover_free(&boxes);
		cover_free(&made);
	}
	port_sets_free(sets);
}

static void expect(struct cover *c, struct port_sets *sets, const struct place *want, size_t n)
{
	size_t pieces;

	assert_true(cover_settle(c, sets, n, &pieces));
	assert_int_equal(c->n, n);
	for (size_t i = 0; i < n; i++) {
		assert_true(place_equal(c->v[i].first, want[2 * i]));
		assert_true(place_equal(c->v[i].last, want[2 * i + 1]));
	}
	c->n = 0;
}

static void test_holes(void **state)
{
	struct port_sets *sets = port_sets_new();
	struct policy_ports all = { 0, UINT8_MAX, 0, UINT16_MAX };
	const struct port_set *any = port_set_of(sets, &all, 1);
	struct cover c = { 0 };
	struct cover_hole inside[] = { { AT(5), AT(6) }, { AT(2), AT(3) }, { AT(3), AT(3) } };
	struct cover_hole edges[] = { { AT(0), AT(0) },
		                      { END, END },
		                      { place_previous(END), END } };
	struct cover_hole whole[] = { { AT(0), END } },
			  beside[] = { { AT(0), AT(4) }, { AT(20), END } };

	(void)state;
	cover_add_but(&c, AT(0), AT(9), inside, 3, any);
	expect(&c, sets, (struct place[]){ AT(0), AT(1), AT(4), AT(4), AT(7), AT(9) }, 3);
	cover_add_but(&c, AT(0), END, edges, 3, any);
	expect(&c, sets, (struct place[]){ AT(1), near(2, true) }, 1);
	cover_add_but(&c, AT(3), END, whole, 1, any);
	expect(&c, sets, NULL, 0);
	cover_add_but(&c, AT(5), AT(19), beside, 2, any);
	expect(&c, sets, (struct place[]){ AT(5), AT(19) }, 1);
	cover_add(&c, AT(0), END, any);
	cover_add(&c, AT(7), AT(7), any);
	expect(&c, sets, (struct place[]){ AT(0), END }, 1);
	cover_add(&c, AT(10), AT(19), any);
	cover_add(&c, AT(0), AT(9), any);
	expect(&c, sets, (struct place[]){ AT(0), AT(19) }, 1);
	cover_add(&c, AT(0), AT(9), port_set_of(sets, &all, 0)); /* no ports, nothing */
	expect(&c, sets, NULL, 0);
	cover_free(&c);
	port_sets_free(sets);
}

static void test_too_many(void **state)
{
	struct port_sets *sets = port_sets_new();
	struct policy_ports some[] = { { 6, 6, 1, 1 }, { 6, 6, 3, 3 } };
	struct cover c = { 0 };
	size_t pieces;

	(void)state;
	cover_add(&c, AT(0), AT(9), port_set_of(sets, some, 2));
	assert_false(cover_settle(&c, sets, 1, &pieces));
	c.n = 0;
	for (unsigned i = 0; i < 2000; i++) { /* a staircase: each step has other ports */
		struct policy_ports p = { 6, 6, 0, (uint16_t)i };

		cover_add(&c, AT(i), END, port_set_of(sets, &p, 1));
	}
	assert_false(cover_settle(&c, sets, 100000, &pieces));
	cover_free(&c);
	port_sets_free(sets);
}

static void test_ports(void **state)
{
	struct policy_ports v[] = {
		{ 17, 17, 53, 53 }, { 6, 6, 90, 99 },  { 6, 6, 80, 80 },
		{ 6, 6, 81, 85 },   { 6, 6, 95, 120 }, { 6, 6, 65535, 65535 },
	};

	(void)state;
	assert_int_equal(ports_merge(v, ARRAY_LEN(v)), 4);
	assert_int_equal(v[0].first, 80);
	assert_int_equal(v[0].last, 85);
	assert_int_equal(v[1].last, 120);
	assert_int_equal(v[3].proto_first, 17);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
