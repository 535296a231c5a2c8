/* test_snapshot.c - sealed memory files. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <knetd/snapshot.h>

static int seal(const char *text, size_t n)
{
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };
	int fd;

	buf_add(&b, text, n);
	fd = snapshot_seal(&b, "test", &e);
	assert_true(fd >= 0);
	return fd;
}

static void test_round_trip(void **state)
{
	struct snapshot *s = snapshot_map(seal("hello\0there", 11), NULL);

	(void)state;
	assert_non_null(s);
	assert_int_equal(s->len, 11);
	assert_int_equal(s->refs, 1);
	assert_memory_equal(s->data, "hello\0there", 11);
	assert_ptr_equal(snapshot_ref(s), s);
	snapshot_unref(s);
	assert_memory_equal(s->data, "hello", 5); /* one user is left */
	snapshot_unref(s);
	snapshot_unref(NULL);
}

static void test_empty(void **state)
{
	struct snapshot *s = snapshot_map(seal("", 0), NULL);

	(void)state;
	assert_non_null(s);
	assert_null(s->data);
	assert_int_equal(s->len, 0);
	snapshot_unref(s);
}

static void test_large(void **state)
{
	auto_buf struct buf b = { 0 };
	struct snapshot *s;

	(void)state;
	for (uint32_t i = 0; i < 1000000; i++)
		buf_add(&b, &i, sizeof(i));
	s = snapshot_map(snapshot_seal(&b, "large", NULL), NULL);
	assert_non_null(s);
	assert_int_equal(s->len, 4000000);
	assert_int_equal(((const uint32_t *)s->data)[999999], 999999);
	snapshot_unref(s);
}

static void test_nobody_can_change_it(void **state)
{
	int fd = seal("fixed", 5);

	(void)state;
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(ftruncate(fd, 100), -1);
	assert_ptr_equal(mmap(NULL, 5, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL), -1);
	close(fd);
}

/* A file that could shrink under a reader is a SIGBUS to come. */
static void test_unsealed_is_refused(void **state)
{
	struct err e = { 0 };
	int fd = memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING), pipe_fds[2];

	(void)state;
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW), 0);
	assert_null(snapshot_map(fd, &e));
	assert_int_equal(e.code, EINVAL);
	assert_int_equal(fcntl(fd, F_GETFD), -1); /* taken also on failure */
	assert_int_equal(pipe(pipe_fds), 0);
	assert_null(snapshot_map(pipe_fds[0], &e));
	close(pipe_fds[1]);
	assert_null(snapshot_map(-1, &e));
}

static void test_buffer_that_overflowed(void **state)
{
	auto_buf struct buf b = { .max = 4 };
	struct err e = { 0 };

	(void)state;
	buf_str(&b, "too long");
	assert_int_equal(snapshot_seal(&b, "dns", &e), -EFBIG);
	assert_non_null(strstr(e.text, "dns"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_nobody_can_change_it),
		cmocka_unit_test(test_unsealed_is_refused),
		cmocka_unit_test(test_buffer_that_overflowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
