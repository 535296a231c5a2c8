/* test_gzip.c - packing and unpacking, and what unpacking refuses. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>
#include <knetd/gzip.h>

static struct buf text(size_t n)
{
	struct buf b = { 0 };

	while (b.len < n)
		buf_printf(&b, "{\"name\":\"service-%zu\"},", b.len);
	return b;
}

static void test_there_and_back(void **state)
{
	static const size_t sizes[] = { 0, 1, 65535, 65536, 65537, 1000000 };

	(void)state;
	for (int level = 1; level <= 4; level++)
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			auto_buf struct buf plain = text(sizes[i]), packed = { 0 }, back = { 0 };

			buf_str(&back, "before");
			assert_true(gzip_pack(plain.data, plain.len, level, &packed));
			assert_memory_equal(packed.data, "\x1f\x8b\x08", 3);
			back.max = plain.len + 6;
			assert_int_equal(gzip_unpack(packed.data, packed.len, &back), 0);
			assert_int_equal(back.len, plain.len + 6);
			assert_memory_equal(back.data, "before", 6);
			if (plain.len)
				assert_memory_equal(back.data + 6, plain.data, plain.len);
		}
}

static void test_bounds(void **state)
{
	auto_buf struct buf plain = text(300000), packed = { 0 }, small = { .max = 100 };
	auto_buf struct buf out = { .max = plain.len - 1 };

	(void)state;
	assert_false(gzip_pack(plain.data, plain.len, 1, &small));
	assert_int_equal(small.len, 0);
	assert_true(gzip_pack(plain.data, plain.len, 1, &packed));
	assert_int_equal(gzip_unpack(packed.data, packed.len, &out), -EFBIG);
	assert_int_equal(out.len, 0);
}

static void test_what_is_broken(void **state)
{
	auto_buf struct buf plain = text(3000), packed = { 0 }, out = { 0 };

	(void)state;
	assert_true(gzip_pack(plain.data, plain.len, 1, &packed));
	for (size_t n = 0; n < packed.len; n++)
		assert_int_equal(gzip_unpack(packed.data, n, &out), -EINVAL);
	packed.data[packed.len - 6] ^= 1; /* the checksum */
	assert_int_equal(gzip_unpack(packed.data, packed.len, &out), -EINVAL);
	packed.data[packed.len - 6] ^= 1;
	buf_add(&packed, "x", 1);
	assert_int_equal(gzip_unpack(packed.data, packed.len, &out), -EINVAL);
	assert_int_equal(gzip_unpack("plain text", 10, &out), -EINVAL);
	assert_int_equal(out.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_what_is_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
