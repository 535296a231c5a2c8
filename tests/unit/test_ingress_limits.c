/* test_ingress_limits.c - how many requests of a client, and whose password is right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>

#include "../../modules/ingress/proxy_auth.h"
#include "../../modules/ingress/proxy_limit.h"

static struct span text(const char *s)
{
	return (struct span){ s, strlen(s) };
}

static struct ip address(const char *s)
{
	struct ip ip;

	assert_true(ip_parse(&ip, s));
	return ip;
}

/* ---- limits
 * --------------------------------------------------------------------------------------- */

static unsigned taken(const struct table_limit *l, const struct ip *who, uint64_t now, unsigned n)
{
	unsigned ok = 0;
	uint32_t held = 0;

	while (n--)
		ok += limit_take(l, who, now, &held);
	return ok;
}

static void test_rate(void **state)
{
	struct table_limit l = { .zone = text("a/rate"), .per_minute = 120, .burst = 9 };
	struct ip one = address("10.0.0.1"), two = address("fd00::1");

	(void)state;
	assert_int_equal(taken(&l, &one, 1000, 50), 10); /* one and the burst */
	assert_int_equal(taken(&l, &two, 1000, 50), 10); /* each client for himself */
	assert_int_equal(taken(&l, &one, 1400, 50), 0);
	assert_int_equal(taken(&l, &one, 1500, 50), 1); /* two a second */
	assert_int_equal(taken(&l, &one, 4500, 50), 6);
	assert_int_equal(taken(&l, &one, 1u << 30, 50), 10); /* no more than the burst */
}

static void test_zones(void **state)
{
	struct table_limit a = { .zone = text("a/x"), .per_minute = 60 },
			   b = { .zone = text("a/y"), .per_minute = 60 };
	struct ip one = address("10.0.0.1");

	(void)state;
	assert_int_equal(taken(&a, &one, 1000, 5), 1);
	assert_int_equal(taken(&b, &one, 1000, 5), 1);
}

static void test_exempt(void **state)
{
	struct cidr office;
	struct table_limit l = {
		.zone = text("a/z"), .per_minute = 60, .exempt = &office, .n_exempt = 1
	};
	struct ip in = address("192.0.2.9"), out = address("192.0.3.9");

	(void)state;
	assert_true(cidr_parse(&office, "192.0.2.0/24"));
	assert_int_equal(taken(&l, &in, 1000, 20), 20);
	assert_int_equal(taken(&l, &out, 1000, 20), 1);
}

static void test_at_once(void **state)
{
	struct table_limit l = { .zone = text("a/c"), .at_once = 2 };
	struct ip one = address("10.0.0.1");
	uint32_t held[3] = { 0 };

	(void)state;
	assert_true(limit_take(&l, &one, 1, &held[0]) && limit_take(&l, &one, 1, &held[1]));
	assert_false(limit_take(&l, &one, 1, &held[2]));
	assert_int_equal(held[2], 0);
	limit_done(&held[0]);
	limit_done(&held[0]); /* a second time is harmless */
	assert_true(limit_take(&l, &one, 1, &held[2]));
	assert_false(limit_take(&l, &one, 1, &held[0]));
	limit_done(&held[1]);
	limit_done(&held[2]);
}

/* Many clients never push out one whose requests are under way. */
static void test_full(void **state)
{
	struct table_limit l = { .zone = text("a/f"), .at_once = 1 };
	struct ip one = address("10.9.9.9");
	uint32_t held = 0, other = 0;

	(void)state;
	assert_true(limit_take(&l, &one, 1, &held));
	for (unsigned i = 0; i < 100000; i++) {
		struct ip x = { 4, { 11, i >> 16, i >> 8, i } };

		assert_true(limit_take(&l, &x, i, &other));
		limit_done(&other);
	}
	assert_false(limit_take(&l, &one, 1, &other));
	limit_done(&held);
}

/* ---- passwords
 * ------------------------------------------------------------------------------------ */

static enum auth_answer ask(const struct table_basic *b, const char *user_password)
{
	auto_buf struct buf value = { 0 };

	buf_str(&value, "Basic ");
	buf_base64(&value, user_password, strlen(user_password));
	return auth_check(b, (struct span){ value.data, value.len });
}

static void test_passwords(void **state)
{
	static const char sha[] = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=";
	const struct table_user users[] = { { text("ann"), text(sha) },
		                            { text("bob"), text(sha) } };
	const struct table_basic b = { .users = users, .n_users = 2 }, none = { .n_users = 0 };

	(void)state;
	for (int again = 0; again < 2; again++) {
		assert_int_equal(ask(&b, "ann:secret"), AUTH_GOOD);
		assert_int_equal(ask(&b, "bob:secret"), AUTH_GOOD);
		assert_int_equal(ask(&b, "bob:secre"), AUTH_BAD);
		assert_int_equal(ask(&b, "eve:secret"), AUTH_BAD);
		assert_int_equal(ask(&b, "bob"), AUTH_BAD);
		assert_int_equal(ask(&b, ":secret"), AUTH_BAD);
		assert_int_equal(ask(&none, "bob:secret"), AUTH_BAD);
	}
	assert_int_equal(auth_check(&b, text("Bearer x")), AUTH_BAD);
	assert_int_equal(auth_check(&b, text("Basic ????")), AUTH_BAD);
	assert_int_equal(auth_check(&b, text("Basic ")), AUTH_BAD);
	assert_int_equal(auth_check(&b, text("basic Ym9iOnNlY3JldA==")), AUTH_GOOD);
	assert_int_equal(auth_check(&b, (struct span){ NULL, 0 }), AUTH_BAD);
}

/* Passwords that cost much are looked at for a share of the time only; what is known stays quick.
 */
static void test_flood(void **state)
{
	const struct table_user users[] = {
		{ text("ann"),
		  text("$2b$10$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a") },
		{ text("bob"), text("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=") },
	};
	const struct table_basic b = { .users = users, .n_users = 2 };
	enum auth_answer last = AUTH_BAD;
	char guess[32];

	(void)state;
	assert_int_equal(ask(&b, "bob:secret"), AUTH_GOOD);
	for (unsigned i = 0; i < 2000 && last == AUTH_BAD; i++) {
		snprintf(guess, sizeof(guess), "ann:%u", i);
		last = ask(&b, guess);
	}
	assert_int_equal(last, AUTH_LATER);
	assert_int_equal(ask(&b, "bob:secret"), AUTH_GOOD);
	assert_int_equal(ask(&b, "ann:0"), AUTH_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate),   cmocka_unit_test(test_zones),
		cmocka_unit_test(test_exempt), cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_full),   cmocka_unit_test(test_passwords),
		cmocka_unit_test(test_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
