/* test_tls_hello.c - ClientHellos, built by hand: what is read out of them, and which are broken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include <knetd/buf.h>
#include <knetd/tls_hello.h>

static void put(struct buf *b, unsigned size, size_t v)
{
	while (size--) {
		char c = (char)(v >> (8 * size));

		buf_add(b, &c, 1);
	}
}

static void put_counted(struct buf *b, unsigned size, const struct buf *what)
{
	put(b, size, what->len);
	buf_add(b, what->data, what->len);
}

/* One extension: its content is a list behind a length of two bytes. */
static void extension(struct buf *b, unsigned type, const char *list, size_t n)
{
	put(b, 2, type);
	put(b, 2, n + 2);
	put(b, 2, n);
	buf_add(b, list, n);
}

static void sni(struct buf *b, const char *name)
{
	auto_buf struct buf list = { 0 };

	put(&list, 1, 0);
	put(&list, 2, strlen(name));
	buf_str(&list, name);
	extension(b, 0, list.data, list.len);
}

/* A message in records of at most `most` bytes. */
static void hello(struct buf *out, const struct buf *extensions, size_t most)
{
	static const char suites[] = "\xc0\x2b\xc0\x2f\x13\x01";
	auto_buf struct buf body = { 0 }, msg = { 0 };

	put(&body, 2, 0x0303);
	for (int i = 0; i < 32; i++)
		put(&body, 1, i);
	put(&body, 1, 0);
	put(&body, 2, sizeof(suites) - 1);
	buf_add(&body, suites, sizeof(suites) - 1);
	put(&body, 2, 0x0100);
	put_counted(&body, 2, extensions);
	put(&msg, 1, 1);
	put_counted(&msg, 3, &body);
	for (size_t i = 0; i < msg.len; i += most) {
		size_t n = msg.len - i < most ? msg.len - i : most;

		put(out, 3, 0x160301);
		put(out, 2, n);
		buf_add(out, msg.data + i, n);
	}
}

static int read_with(const struct buf *extensions, size_t most, struct tls_hello *h)
{
	auto_buf struct buf out = { 0 };
	int used;

	hello(&out, extensions, most);
	for (size_t n = 0; n < out.len; n++) /* never more than there is */
		if (tls_hello_read(h, out.data, n) > 0)
			fail();
	used = tls_hello_read(h, out.data, out.len);
	if (used > 0)
		assert_int_equal(used, out.len);
	buf_str(&out, "more");
	assert_int_equal(tls_hello_read(h, out.data, out.len), used);
	return used;
}

static void test_read(void **state)
{
	static const char signatures[] = "\x04\x03\x08\x04\x04\x01";
	auto_buf struct buf ext = { 0 };
	struct tls_hello h;

	(void)state;
	sni(&ext, "Shop.Example.ORG.");
	extension(&ext, 16, "\x02h2\x08http/1.1", 12);
	extension(&ext, 13, signatures, sizeof(signatures) - 1);
	for (size_t most = 16384; most; most /= 3) {
		assert_true(read_with(&ext, most, &h) > 0);
		assert_string_equal(h.sni, "shop.example.org");
		assert_true(h.alpn && h.h2 && h.http1 && h.ecdsa && h.rsa);
	}
	buf_reset(&ext);
	assert_true(read_with(&ext, 16384, &h) > 0);
	assert_string_equal(h.sni, "");
	assert_true(!h.alpn && !h.h2 && !h.http1 && h.ecdsa && h.rsa);
	extension(&ext, 13, "\x04\x01\x02\x03", 4); /* RSA; ECDSA with SHA-1 alone */
	extension(&ext, 16, "\x08http/0.9", 9);
	assert_true(read_with(&ext, 16384, &h) > 0);
	assert_true(h.rsa && !h.ecdsa && h.alpn && !h.h2 && !h.http1);
	extension(&ext, 16, "\x02h2", 3); /* twice */
	assert_int_equal(read_with(&ext, 16384, &h), -EINVAL);
}

static void test_broken_names(void **state)
{
	static const char *const names[] = {
		"", ".", "a b", "a/b", "a\x01", "\xc3\xa4.org", "*.a"
	};
	auto_buf struct buf ext = { 0 };
	struct tls_hello h;
	char longest[300];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		buf_reset(&ext);
		sni(&ext, names[i]);
		assert_int_equal(read_with(&ext, 16384, &h), -EINVAL);
	}
	buf_reset(&ext);
	sni(&ext, "a");
	sni(&ext, "b");
	assert_int_equal(read_with(&ext, 16384, &h), -EINVAL);
	for (size_t n = 254; n < 258; n++) {
		memset(longest, 'a', n);
		longest[n] = 0;
		buf_reset(&ext);
		sni(&ext, longest);
		assert_int_equal(read_with(&ext, 16384, &h) > 0, n < 256);
	}
	buf_reset(&ext);
	extension(&ext, 0,
	          "\0\0\x04"
	          "a\0.b",
	          7);
	assert_int_equal(read_with(&ext, 16384, &h), -EINVAL);
}

static void test_broken(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		int result;
	} rows[] = {
		{ "", 0, 0 },
		{ "\x16", 1, 0 },
		{ "\x16\x03", 2, 0 },
		{ "GET / HTTP/1.1\r\n", 16, -EPROTO },
		{ "\x16GET", 4, -EPROTO },
		{ "\x15\x03\x01\x00\x02\x01\x00", 7, -EPROTO },
		{ "\x16\x03\x01\x00\x00", 5, -EINVAL },                   /* an empty record */
		{ "\x16\x03\x01\xff\xff", 5, -EINVAL },                   /* one that is too long */
		{ "\x16\x03\x01\x00\x04\x02\x00\x00\x00", 9, -EINVAL },   /* a ServerHello */
		{ "\x16\x03\x01\x00\x04\x01\xff\xff\xff", 9, -EINVAL },   /* 16 MB of it */
		{ "\x16\x03\x01\x00\x04\x01\x00\x00\x00", 9, -EINVAL },   /* nothing in it */
		{ "\x16\x03\x01\x00\x05\x01\x00\x00\x00x", 10, -EINVAL }, /* something behind it */
		{ "\x16\x03\x01\x00\x04\x01\x00\x00\x02\x17\x03\x03\x00\x01x", 15, -EINVAL },
	};
	struct tls_hello h;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(tls_hello_read(&h, rows[i].bytes, rows[i].n), rows[i].result);
}

static void test_bounded(void **state)
{
	auto_buf struct buf ext = { 0 }, out = { 0 };
	struct tls_hello h;
	char fill[15000] = { 0 };

	(void)state;
	extension(&ext, 21, fill, sizeof(fill));
	assert_true(read_with(&ext, 16384, &h) > 0);
	hello(&out, &ext, 1); /* six bytes for each one */
	assert_int_equal(tls_hello_read(&h, out.data, TLS_HELLO_MAX - 1), 0);
	assert_int_equal(tls_hello_read(&h, out.data, TLS_HELLO_MAX), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_broken_names),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
