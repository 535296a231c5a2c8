/* Trees of structs as bytes: what was written is read, what is shared is shared, what is broken is
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>
#include <knetd/buf.h>
#include <knetd/http.h>
#include <knetd/pack.h>

struct leaf {
	struct span text;
	uint32_t value;
};
struct branch {
	const struct leaf *leaves;
	uint32_t n_leaves;
	const struct leaf *shared;
	const uint32_t *numbers;
	uint32_t n_numbers;
};
struct root {
	const struct branch *branches;
	uint32_t n_branches;
};

static const struct pack_shape leaf_shape = { sizeof(struct leaf),
	                                      (const struct pack_field[]){
						      PACK_SPAN_AT(struct leaf, text), PACK_END } };
static const struct pack_shape branch_shape = {
	sizeof(struct branch),
	(const struct pack_field[]){ PACK_ARRAY_AT(struct branch, leaves, &leaf_shape),
	                             PACK_ONE_AT(struct branch, shared, &leaf_shape),
	                             PACK_ARRAY_AT(struct branch, numbers, NULL), PACK_END }
};
static const struct pack_shape root_shape = {
	sizeof(struct root),
	(const struct pack_field[]){ PACK_ARRAY_AT(struct root, branches, &branch_shape), PACK_END }
};

static const uint32_t numbers[] = { 7, 8, 9 };
static const struct leaf shared = { { "both", 4 }, 1 };
static const struct leaf leaves[] = { { { "one", 3 }, 2 }, { { "", 0 }, 3 } };
static const struct branch branches[] = { { leaves, 2, &shared, numbers, 3 },
	                                  { NULL, 0, &shared, NULL, 0 },
	                                  { NULL, 0, NULL, NULL, 0 } };
static const struct root tree = { branches, 3 };

static void test_round(void **state)
{
	auto_buf struct buf b = { 0 };
	struct root *r;

	(void)state;
	pack_write(&b, &tree, &root_shape);
	assert_false(b.failed);
	r = pack_open(b.data, b.len, &root_shape);
	assert_non_null(r);
	assert_int_equal(r->n_branches, 3);
	assert_int_equal(r->branches[0].n_leaves, 2);
	assert_string_equal(r->branches[0].leaves[0].text.p, "one");
	assert_int_equal(r->branches[0].leaves[1].value, 3);
	assert_string_equal(r->branches[0].leaves[1].text.p, "");
	assert_int_equal(r->branches[0].numbers[2], 9);
	assert_ptr_equal(r->branches[0].shared, r->branches[1].shared);
	assert_string_equal(r->branches[1].shared->text.p, "both");
	assert_null(r->branches[2].shared);
	assert_null(r->branches[1].leaves);
}

/* Cut or with any one byte changed: refused, or read without leaving the bytes (ASan watches). */
static void test_broken(void **state)
{
	auto_buf struct buf b = { 0 };

	(void)state;
	pack_write(&b, &tree, &root_shape);
	for (size_t i = 0; i < b.len; i++) {
		auto_free char *cut = memcpy(xmalloc(b.len), b.data, b.len);
		auto_free char *bent = memcpy(xmalloc(b.len), b.data, b.len);

		assert_null(pack_open(cut, i, &root_shape));
		bent[i] = (char)(bent[i] ^ 0x41);
		pack_open(bent, b.len, &root_shape);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_round),
		                            cmocka_unit_test(test_broken) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
