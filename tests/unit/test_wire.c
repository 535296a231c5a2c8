/* test_wire.c - frames of ARP and neighbour discovery, byte for byte, and what is read from them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>

#include "../../knetd/kern/wire_frame.h"

static const uint8_t mac[6] = { 2, 1, 2, 3, 4, 5 };

static struct ip ip(const char *text)
{
	struct ip out;

	assert_true(ip_parse(&out, text));
	return out;
}

static void assert_frame(const struct wire_frame *f, const char *hex)
{
	char have[2 * WIRE_FRAME_MAX + 1] = "";

	for (size_t i = 0; i < f->n; i++)
		snprintf(have + 2 * i, 3, "%02x", f->b[i]);
	assert_string_equal(have, hex);
}

static void test_arp(void **state)
{
	struct ip at = ip("192.0.2.7"), other = ip("192.0.2.1");
	const struct ip nobody = { 0 };
	struct wire_frame f;

	(void)state;
	wire_arp_claim(&f, mac, &at, false);
	assert_frame(&f, "0001080006040001"
	                 "020102030405c0000207"
	                 "000000000000c0000207");
	assert_int_equal(f.to[0], 0xff);
	wire_arp_claim(&f, mac, &at, true);
	assert_frame(&f, "0001080006040002"
	                 "020102030405c0000207"
	                 "020102030405c0000207");
	wire_arp_ask(&f, mac, &nobody, &at);
	assert_frame(&f, "0001080006040001"
	                 "02010203040500000000"
	                 "000000000000c0000207");
	wire_arp_ask(&f, mac, &at, &other);
	assert_frame(&f, "0001080006040001"
	                 "020102030405c0000207"
	                 "000000000000c0000201");
}

/* The checksums come from RFC 1071's sum, written down in Python. */
static void test_nd(void **state)
{
	struct ip at = ip("2001:db8::7"), other = ip("2001:db8::1:2:3");
	const uint8_t group[6] = { 0x33, 0x33, 0xff, 2, 0, 3 };
	const struct ip nobody = { 0 };
	struct wire_frame f;

	(void)state;
	wire_nd_claim(&f, mac, &at, false);
	assert_frame(&f, "6000000000203aff"
	                 "20010db8000000000000000000000007"
	                 "ff020000000000000000000000000001"
	                 "8800f31620000000"
	                 "20010db8000000000000000000000007"
	                 "0201020102030405");
	wire_nd_claim(&f, mac, &at, true);
	assert_int_equal(f.b[44], 0xa0);
	wire_nd_ask(&f, mac, &nobody, &other);
	assert_frame(&f, "6000000000183aff"
	                 "00000000000000000000000000000000"
	                 "ff0200000000000000000001ff020003"
	                 "87004ce400000000"
	                 "20010db8000000000000000100020003");
	assert_memory_equal(f.to, group, sizeof(group));
	wire_nd_ask(&f, mac, &at, &other);
	assert_frame(&f, "6000000000203aff"
	                 "20010db8000000000000000000000007"
	                 "ff0200000000000000000001ff020003"
	                 "8700161200000000"
	                 "20010db8000000000000000100020003"
	                 "0101020102030405");
}

static void test_arp_is_read(void **state)
{
	struct ip at = ip("192.0.2.7"), other = ip("192.0.2.1");
	const struct ip nobody = { 0 };
	struct wire_claim c;
	struct wire_frame f;

	(void)state;
	for (unsigned reply = 0; reply < 2; reply++) {
		wire_arp_claim(&f, mac, &at, reply);
		assert_true(wire_arp_read(&c, f.b, f.n));
		assert_true(ip_equal(&c.ip, &at) && ip_equal(&c.to, &at));
		assert_memory_equal(c.mac, mac, sizeof(mac));
		for (size_t n = 0; n < f.n; n++)
			assert_false(wire_arp_read(&c, f.b, n));
	}
	f.b[27] = 9; /* a reply to another's question */
	assert_true(wire_arp_read(&c, f.b, f.n) && c.to.b[3] == 9);
	wire_arp_ask(&f, mac, &at, &other);
	assert_false(wire_arp_read(&c, f.b, f.n));
	wire_arp_ask(&f, mac, &nobody, &at);
	assert_false(wire_arp_read(&c, f.b, f.n));
	for (unsigned i = 0; i < 6; i++) { /* another hardware or protocol */
		wire_arp_claim(&f, mac, &at, true);
		f.b[i] ^= 1;
		assert_false(wire_arp_read(&c, f.b, f.n));
	}
}

static void test_nd_is_read(void **state)
{
	const uint8_t unknown[6] = { 0 };
	struct ip at = ip("2001:db8::7");
	struct wire_claim c;
	struct wire_frame f;

	(void)state;
	wire_nd_claim(&f, mac, &at, false);
	assert_true(wire_nd_read(&c, f.b + 40, f.n - 40));
	assert_true(ip_equal(&c.ip, &at));
	assert_memory_equal(c.mac, mac, sizeof(mac));
	assert_true(wire_nd_read(&c, f.b + 40, 24));
	assert_memory_equal(c.mac, unknown, sizeof(mac));
	for (size_t n = 0; n < 32; n++)
		if (n != 24)
			assert_false(wire_nd_read(&c, f.b + 40, n));
	f.b[40 + 25] = 0; /* an option without length */
	assert_false(wire_nd_read(&c, f.b + 40, f.n - 40));
	f.b[40 + 25] = 1;
	f.b[40 + 8] = 0xff; /* nobody has a group's address */
	assert_false(wire_nd_read(&c, f.b + 40, f.n - 40));
	wire_nd_ask(&f, mac, &at, &at);
	assert_false(wire_nd_read(&c, f.b + 40, f.n - 40));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arp),
		cmocka_unit_test(test_nd),
		cmocka_unit_test(test_arp_is_read),
		cmocka_unit_test(test_nd_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
