/* test_map.c - the hash table against a model that cannot be wrong: an array of flags. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/list.h>
#include <knetd/map.h>

#define KEYS 500

static struct entry {
	char key[16];
	int generation;
} entries[2][KEYS]; /* two values for each key */

static struct entry *model[KEYS];

static void check(const struct map *m)
{
	size_t n = 0, seen = 0;
	struct entry *e;

	for (int i = 0; i < KEYS; i++) {
		assert_ptr_equal(map_get(m, entries[0][i].key, strlen(entries[0][i].key)),
		                 model[i]);
		n += model[i] != NULL;
	}
	assert_int_equal(m->len, n);
	for (size_t i = 0; (e = map_next(m, &i)); seen++)
		assert_ptr_equal(model[atoi(e->key)], e);
	assert_int_equal(seen, n);
}

static void test_churn(void **state)
{
	struct map m = { 0 };

	(void)state;
	srandom(1);
	for (int i = 0; i < KEYS; i++)
		for (int k = 0; k < 2; k++)
			snprintf(entries[k][i].key, sizeof(entries[k][i].key), "%d", i);
	for (int step = 0; step < 200000; step++) {
		int i = random() % KEYS;
		struct entry *e = &entries[random() % 2][i];
		size_t n = strlen(e->key);

		/* phases of growing, of churning, of shrinking */
		if (random() % 100 < (step / 20000 % 3 == 2 ? 20 : 55))
			assert_ptr_equal(map_put(&m, e->key, n, e), model[i]), model[i] = e;
		else
			assert_ptr_equal(map_del(&m, e->key, n), model[i]), model[i] = NULL;
		if (step % 997 == 0)
			check(&m);
	}
	check(&m);
	assert_true(m.cap <= 4096); /* graves do not make it grow for ever */
	map_free(&m);
	assert_null(map_get(&m, "1", 1));
	assert_null(map_del(&m, "1", 1));
}

static void test_keys_are_bytes(void **state)
{
	struct map m = { 0 };
	int a, b, c, d;
	char copy[] = "key";

	(void)state;
	map_put(&m, "", 0, &a);
	map_put(&m, "a\0b", 3, &b);
	map_put(&m, "a\0c", 3, &c);
	map_put(&m, "a", 1, &d);
	assert_ptr_equal(map_get(&m, "", 0), &a);
	assert_ptr_equal(map_get(&m, "a\0b", 3), &b);
	assert_ptr_equal(map_get(&m, "a\0c", 3), &c);
	assert_ptr_equal(map_get(&m, "a", 1), &d);
	assert_null(map_get(&m, "a\0", 2));
	/* a replaced entry's key memory is let go of */
	map_put(&m, copy, 3, &a);
	assert_ptr_equal(map_put(&m, "key", 3, &b), &a);
	memset(copy, 'x', sizeof(copy));
	assert_ptr_equal(map_get(&m, "key", 3), &b);
	map_free(&m);
}

static void test_delete_while_walking(void **state)
{
	struct map m = { 0 };
	struct entry *e;
	int left = 0;

	(void)state;
	for (int i = 0; i < KEYS; i++)
		map_put(&m, entries[0][i].key, strlen(entries[0][i].key), &entries[0][i]);
	for (size_t i = 0; (e = map_next(&m, &i));)
		if (atoi(e->key) % 3)
			assert_ptr_equal(map_del(&m, e->key, strlen(e->key)), e);
	for (size_t i = 0; (e = map_next(&m, &i)); left++)
		assert_int_equal(atoi(e->key) % 3, 0);
	assert_int_equal(left, (KEYS + 2) / 3);
	map_free(&m);
}

/* Every length on both sides of a word, every bit of it: no two alike. */
static void test_hash(void **state)
{
	uint8_t bytes[24] = { 0 };
	uint64_t seen[24 * 8 + 25];
	int n = 0;

	(void)state;
	for (size_t len = 0; len <= sizeof(bytes); len++)
		seen[n++] = hash_bytes(bytes, len, 7);
	for (size_t bit = 0; bit < sizeof(bytes) * 8; bit++) {
		bytes[bit / 8] = 1 << bit % 8;
		seen[n++] = hash_bytes(bytes, sizeof(bytes), 7);
		bytes[bit / 8] = 0;
	}
	for (int i = 0; i < n; i++)
		for (int k = 0; k < i; k++)
			assert_true(seen[i] != seen[k]);
	assert_true(hash_bytes("web", 3, 1) != hash_bytes("web", 3, 2));
}

static void test_list(void **state)
{
	struct list head = LIST_INIT(head), nodes[3], *pos, *nxt;
	int n = 0;

	(void)state;
	assert_true(list_empty(&head));
	for (int i = 0; i < 3; i++)
		list_add_tail(&head, &nodes[i]);
	list_each (pos, nxt, &head) {
		assert_ptr_equal(pos, &nodes[n++]);
		list_del(pos);
		list_del(pos); /* twice does no harm */
	}
	assert_int_equal(n, 3);
	assert_true(list_empty(&head));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_churn),
		cmocka_unit_test(test_keys_are_bytes),
		cmocka_unit_test(test_delete_while_walking),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
