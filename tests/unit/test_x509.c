/* test_x509.c - certificates made here say what was wished, are signed by whom they should, and any
 * change of a byte is noticed; names; PEM. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <knetd/auto.h>
#include <knetd/tls.h>
#include <knetd/x509.h>

static struct lab {
	struct x509_key ca_key, key;
	uint8_t ca[X509_MAX], cert[X509_MAX];
	size_t ca_n, n;
	struct x509_info ca_info, info;
} lab;

static const int64_t begin = 1767225600, end = 1798761600; /* 2026, 2027 */

static int make(void **state)
{
	struct x509_wish ca = { .common_name = "ca",
		                .key = &lab.ca_key,
		                .ca = true,
		                .not_before = begin,
		                .not_after = 2524608000 + 86400 }; /* 2050-01-02 */
	struct x509_wish wish = { .common_name = "node",
		                  .organization = "people",
		                  .key = &lab.key,
		                  .not_before = begin,
		                  .not_after = end };
	struct err e = { 0 };

	(void)state;
	x509_names_add(&wish.names, "localhost");
	x509_names_add(&wish.names, "10.96.0.1");
	x509_names_add(&wish.names, "fd00::1");
	x509_key_new(&lab.ca_key);
	x509_key_new(&lab.key);
	lab.ca_n = x509_write(&ca, NULL, NULL, lab.ca);
	if (x509_read(lab.ca, lab.ca_n, &lab.ca_info, &e))
		return -1;
	lab.n = x509_write(&wish, &lab.ca_info, &lab.ca_key, lab.cert);
	return x509_read(lab.cert, lab.n, &lab.info, &e);
}

static void test_says_what_was_wished(void **state)
{
	(void)state;
	assert_int_equal(lab.info.not_before, begin);
	assert_int_equal(lab.info.not_after, end);
	assert_string_equal(lab.info.common_name, "node");
	assert_string_equal(lab.info.organization, "people");
	assert_false(lab.info.ca);
	assert_true(lab.info.server_auth);
	assert_false(lab.info.client_auth);
	assert_int_equal(lab.info.names.n, 3);
	assert_string_equal(lab.info.names.v[0].dns, "localhost");
	assert_int_equal(lab.info.names.v[1].ip.len, 4);
	assert_int_equal(lab.info.names.v[2].ip.len, 16);
	assert_int_equal(lab.info.key.n, 65);
	assert_memory_equal(lab.info.key.p, lab.key.public, 65);
	assert_true(lab.ca_info.ca);
	assert_int_equal(lab.ca_info.not_after, 2524608000 + 86400);
	assert_int_equal(lab.ca_info.key_id.n, 20);
}

static void test_signatures(void **state)
{
	struct x509_info other = lab.ca_info;

	(void)state;
	assert_true(x509_signed_by(&lab.info, &lab.ca_info));
	assert_true(x509_signed_by(&lab.ca_info, &lab.ca_info));
	assert_false(x509_signed_by(&lab.ca_info, &lab.info));
	other.key = lab.info.key; /* the name is right, the key is not */
	assert_false(x509_signed_by(&lab.info, &other));
}

/* Cut anywhere it is no certificate; with a byte changed it is none, or not signed. */
static void test_broken_ones(void **state)
{
	auto_free struct x509_info *info = malloc(sizeof(*info));
	struct err e = { 0 };

	(void)state;
	for (size_t n = 0; n < lab.n; n++) {
		auto_free uint8_t *copy = malloc(n ? n : 1);

		memcpy(copy, lab.cert, n);
		assert_int_equal(x509_read(copy, n, info, &e), -EINVAL);
	}
	for (size_t i = 0; i < lab.n; i += 7) {
		auto_free uint8_t *copy = malloc(lab.n);

		memcpy(copy, lab.cert, lab.n);
		copy[i] ^= 0x41;
		if (!x509_read(copy, lab.n, info, &e) && info->signed_part.n)
			assert_true(!x509_signed_by(info, &lab.ca_info) ||
			            i > (size_t)(lab.info.signed_part.p - lab.cert) +
			                            lab.info.signed_part.n);
	}
}

static void test_times(void **state)
{
	struct x509_wish wish = { .common_name = "t", .key = &lab.key };
	uint8_t out[X509_MAX];
	struct x509_info info;
	struct err e = { 0 };

	(void)state;
	for (int64_t t = 0; t < 4102444800; t += 86400 * 97 + 12345) { /* to 2100 */
		wish.not_before = t;
		wish.not_after = t + 1;
		assert_int_equal(x509_read(out, x509_write(&wish, NULL, NULL, out), &info, &e), 0);
		assert_int_equal(info.not_before, t);
		assert_int_equal(info.not_after, t + 1);
		t += 86400 * 3000; /* each costs a signature */
	}
}

static void test_too_many_names(void **state)
{
	struct x509_wish wish = { .common_name = "t", .key = &lab.key, .not_after = end };
	uint8_t out[X509_MAX];
	char text[260];

	(void)state;
	for (int i = 0; i < X509_NAMES; i++) {
		snprintf(text, sizeof(text), "%0100d.example.org", i);
		assert_true(x509_names_add(&wish.names, text));
	}
	assert_false(x509_names_add(&wish.names, "one.more"));
	assert_int_equal(x509_write(&wish, NULL, NULL, out),
	                 0); /* does not fit, and does not overflow */
}

static void test_names(void **state)
{
	static const char *const bad[] = {
		"", ".", "a..b", ".a", "a.", "a b", "a\"b", "*a*", "a/b"
	};
	struct x509_names a = { 0 }, b = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (x509_names_add(&a, bad[i]))
			fail_msg("\"%s\" was taken", bad[i]);
	assert_true(x509_names_add(&a, "*.example.org") && x509_names_add(&a, "127.0.0.1"));
	assert_true(x509_names_add(&a, "Localhost") && x509_names_add(&a, "localhost"));
	assert_int_equal(a.n, 3);
	assert_true(x509_names_match(&a, "x.example.org"));
	assert_true(x509_names_match(&a, "X.EXAMPLE.org"));
	assert_false(x509_names_match(&a, "x.y.example.org"));
	assert_false(x509_names_match(&a, ".example.org"));
	assert_false(x509_names_match(&a, "example.org"));
	assert_true(x509_names_match(&a, "LOCALHOST"));
	assert_true(x509_names_match(&a, "127.0.0.1"));
	assert_false(x509_names_match(&a, "127.0.0.2"));
	assert_false(x509_names_match(&a, ""));
	assert_false(x509_names_equal(&a, &b));
	assert_true(x509_names_equal(&a, &a));
}

static void test_identity(void **state)
{
	static const char no_end[] = "-----BEGIN CERTIFICATE-----\nMIIB\n";
	auto_buf struct buf pem = { 0 }, wrong = { 0 };
	struct tls_identity *id = NULL;
	struct err e = { 0 };

	(void)state;
	pem_write_key(&pem, &lab.key);
	assert_int_equal(tls_identity_new(&id, pem.data, pem.len, &e), -EINVAL);
	assert_string_equal(e.text, "there is no certificate");
	pem_write(&pem, "CERTIFICATE", lab.cert, lab.n);
	assert_int_equal(tls_identity_new(&id, pem.data, pem.len - 1, &e), 0); /* no last newline */
	assert_string_equal(tls_identity_info(id)->common_name, "node");
	assert_int_equal(tls_identity_ask_clients(id, lab.ca, lab.ca_n, &e), 0);
	tls_free(tls_new(id));
	tls_identity_unref(id);
	pem_write_key(&wrong, &lab.ca_key);
	pem_write(&wrong, "CERTIFICATE", lab.cert, lab.n);
	assert_int_equal(tls_identity_new(&id, wrong.data, wrong.len, &e), -EINVAL);
	assert_string_equal(e.text, "the private key is not the certificate's");
	assert_int_equal(tls_identity_new(&id, no_end, sizeof(no_end) - 1, &e), -EINVAL);
	assert_int_equal(tls_identity_new(&id, "", 0, &e), -EINVAL);
}

/* ---- whom a client trusts ----------------------------------------------------------------------
 */

static void test_anchors(void **state)
{
	auto_buf struct buf pem = { 0 }, out = { 0 };
	uint8_t *cut;
	struct tls_anchors *a;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(tls_anchors_read(&out, "", 0, &e), -EINVAL);
	pem_write(&pem, "CERTIFICATE", lab.cert, lab.n); /* no authority's */
	assert_int_equal(tls_anchors_read(&out, pem.data, pem.len, &e), -EINVAL);
	pem_write(&pem, "CERTIFICATE", lab.ca, lab.ca_n);
	pem_write(&pem, "CERTIFICATE", lab.ca, lab.ca_n);
	assert_int_equal(tls_anchors_read(&out, pem.data, pem.len, &e), 0);
	a = tls_anchors_open(out.data, out.len);
	assert_non_null(a);
	tls_anchors_free(a);
	for (size_t n = 0; n < out.len; n++) { /* exactly as long: nothing beyond is read */
		cut = malloc(n ? n : 1);
		memcpy(cut, out.data, n);
		a = tls_anchors_open(cut, n);
		assert_null(a);
		free(cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_says_what_was_wished),
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_broken_ones),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_too_many_names),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_anchors),
	};

	return cmocka_run_group_tests(tests, make, NULL);
}
