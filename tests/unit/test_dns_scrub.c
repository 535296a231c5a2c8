/* test_dns_scrub.c - what of an upstream's answer is kept. */
#include "dns_lab.h"

#include "../../modules/dns/dns_scrub.h"

static uint8_t msg[70000], out[DNS_TCP_MAX];
static size_t n;
static uint8_t target[DNS_NAME_MAX];
static struct dns_scrub rules;

static void begin(const char *name, const char *type)
{
	static uint8_t zone[DNS_NAME_MAX];

	n = lab_query(msg, name, type, 0);
	dns_put16(msg + 2, DNS_QR | DNS_RD | DNS_RA);
	rules = (struct dns_scrub){ .target = target, .type = lab_type(type), .zone = zone };
	rules.target_len = dns_name_from_text(target, name);
	rules.zone_len = dns_name_from_text(zone, "cluster.local");
}

static void put_name(const char *text)
{
	n += *text == '.' ? (msg[n] = 0, 1) : dns_name_from_text(msg + n, text);
}

static void rr(unsigned section, const char *owner, const char *type, const char *data)
{
	size_t length;
	struct ip ip;

	put_name(owner);
	dns_put16(msg + n, *type == '#' ? (uint16_t)atoi(type + 1) : lab_type(type));
	dns_put16(msg + n + 2, DNS_IN);
	dns_put32(msg + n + 4, 60);
	length = n + 8;
	n += 10;
	if (ip_parse(&ip, data)) {
		memcpy(msg + n, ip.b, ip.len);
		n += ip.len;
	} else {
		if (!strcmp(type, "MX"))
			n += 2;
		put_name(data);
		if (!strcmp(type, "SOA")) {
			put_name(data);
			memset(msg + n, 0, 20);
			n += 20;
		}
	}
	dns_put16(msg + length, (uint16_t)(n - length - 2));
	dns_put16(msg + 6 + section * 2, (uint16_t)(dns_get16(msg + 6 + section * 2) + 1));
}

static const char *scrubbed(void)
{
	size_t len = dns_scrub(&rules, msg, n, out, sizeof(out));

	return len ? lab_text(out, len) : "NONSENSE";
}

static void test_plain(void **state)
{
	(void)state;
	begin("www.example", "A");
	rr(0, "www.example", "A", "192.0.2.1");
	rr(0, "www.example", "A", "192.0.2.2");
	assert_string_equal(scrubbed(),
	                    "NOERROR RA | www.example. A 192.0.2.1, www.example. A 192.0.2.2");
	begin("www.example", "A");
	assert_string_equal(scrubbed(), "NOERROR RA");
	begin(".", "NS");
	rules.target_len = 1;
	target[0] = 0;
	rr(0, ".", "NS", "a.root");
	assert_string_equal(scrubbed(), "NOERROR RA | . NS a.root.");
}

static void test_strangers_are_dropped(void **state)
{
	(void)state;
	begin("www.example", "A");
	rr(0, "bank.example", "A", "192.0.2.66");
	rr(0, "www.example", "A", "192.0.2.1");
	rr(0, "www.example", "AAAA", "2001:db8::1");
	rr(0, "bank.example", "CNAME", "www.example");
	rr(1, "example", "NS", "evil.example");
	rr(1, "example", "SOA", "evil.example");
	rr(2, "evil.example", "A", "192.0.2.66");
	assert_string_equal(scrubbed(), "NOERROR RA | www.example. A 192.0.2.1");
}

static void test_chain(void **state)
{
	(void)state;
	begin("a.example", "A");
	rr(0, "c.other", "A", "192.0.2.3"); /* in any order */
	rr(0, "b.example", "CNAME", "c.other");
	rr(0, "a.example", "CNAME", "b.example");
	rr(0, "a.example", "CNAME", "d.example"); /* a second alias */
	rr(0, "d.example", "A", "192.0.2.66");
	rr(0, "a.example", "A", "192.0.2.66"); /* beside an alias */
	assert_string_equal(scrubbed(), "NOERROR RA | c.other. A 192.0.2.3, b.example. CNAME "
	                                "c.other., a.example. CNAME b.example.");
	begin("a.example", "CNAME");
	rr(0, "a.example", "CNAME", "b.example");
	rr(0, "b.example", "CNAME", "c.example");
	assert_string_equal(scrubbed(), "NOERROR RA | a.example. CNAME b.example.");
}

static void test_circles(void **state)
{
	char owner[32], next[32];

	(void)state;
	begin("a.example", "A");
	rr(0, "a.example", "CNAME", "b.example");
	rr(0, "b.example", "CNAME", "a.example");
	assert_string_equal(scrubbed(), "NONSENSE");
	begin("a.example", "A");
	rr(0, "a.example", "CNAME", "a.example");
	assert_string_equal(scrubbed(), "NONSENSE");
	for (unsigned links = DNS_SCRUB_CHAIN; links <= DNS_SCRUB_CHAIN + 1; links++) {
		begin("c0.example", "A");
		for (unsigned i = 0; i < links; i++) {
			snprintf(owner, sizeof(owner), "c%u.example", i);
			snprintf(next, sizeof(next), "c%u.example", i + 1);
			rr(0, owner, "CNAME", next);
		}
		if (links == DNS_SCRUB_CHAIN)
			assert_string_not_equal(scrubbed(), "NONSENSE");
		else
			assert_string_equal(scrubbed(), "NONSENSE");
	}
}

static void test_our_names_are_ours(void **state)
{
	(void)state;
	begin("www.example", "A");
	rr(0, "www.example", "CNAME", "web.default.svc.cluster.local");
	rr(0, "web.default.svc.cluster.local", "A", "192.0.2.66");
	assert_string_equal(scrubbed(),
	                    "NOERROR RA | www.example. CNAME web.default.svc.cluster.local.");
	begin("www.example", "A");
	rr(0, "www.example", "CNAME", "web.notcluster.local");
	rr(0, "web.notcluster.local", "A", "192.0.2.1");
	assert_string_equal(scrubbed(), "NOERROR RA | www.example. CNAME web.notcluster.local., "
	                                "web.notcluster.local. A 192.0.2.1");
}

static void test_denials(void **state)
{
	(void)state;
	begin("www.sub.example", "A");
	msg[3] |= DNS_NXDOMAIN;
	rr(1, "com", "SOA", "a.com");
	rr(1, "sub.example", "SOA", "ns.example");
	rr(1, "sub.example", "#47", "x.sub.example");
	assert_string_equal(scrubbed(), "NXDOMAIN RA | | sub.example. SOA ns.example.");
	rules.dnssec = true;
	assert_string_equal(scrubbed(),
	                    "NXDOMAIN RA | | sub.example. SOA ns.example., sub.example. TYPE47");
	begin("www.example", "A"); /* of an alias' target */
	msg[3] |= DNS_NXDOMAIN;
	rr(0, "www.example", "CNAME", "gone.other");
	rr(1, "example", "SOA", "a.example");
	rr(1, "other", "SOA", "a.other");
	assert_string_equal(scrubbed(),
	                    "NXDOMAIN RA | www.example. CNAME gone.other. | other. SOA a.other.");
}

static void test_signatures(void **state)
{
	(void)state;
	begin("www.example", "A");
	rr(0, "www.example", "A", "192.0.2.1");
	rr(0, "www.example", "#46", "signature");
	rr(0, "bank.example", "#46", "signature");
	rr(0, "example", "#39", "other");
	assert_string_equal(scrubbed(), "NOERROR RA | www.example. A 192.0.2.1");
	rules.dnssec = true;
	assert_string_equal(scrubbed(), "NOERROR RA | www.example. A 192.0.2.1, www.example. "
	                                "TYPE46, example. TYPE39");
}

/* Every pointer in the result is ours: names are shared, and small. */
static void test_compression(void **state)
{
	size_t len;

	(void)state;
	begin("example", "MX");
	for (unsigned i = 0; i < 10; i++)
		rr(0, "example", "MX", "a-long-name-of-a-mail-server.mail.example");
	len = dns_scrub(&rules, msg, n, out, sizeof(out));
	assert_int_equal(dns_get16(out + 6), 10);
	/* header, question; the name once: owner, fixed part, preference, two labels, a pointer */
	assert_int_equal(len, DNS_HEADER + 13 + (2 + 10 + 2 + 29 + 5 + 2) + 9 * (2 + 10 + 2 + 2));
	begin("example", "A");
	rr(0, "example", "A", "192.0.2.1");
	dns_put16(msg + DNS_HEADER + 13, 0xc000 | (DNS_HEADER + 13)); /* points at itself */
	assert_string_equal(scrubbed(), "NONSENSE");
}

static void test_what_does_not_fit(void **state)
{
	size_t len;

	(void)state;
	begin("example", "A");
	for (unsigned i = 0; i < 100; i++)
		rr(0, "example", "A", "192.0.2.1");
	len = dns_scrub(&rules, msg, n, out, 512);
	assert_true(len <= 512 && len > 480);
	assert_true(out[2] & DNS_TC >> 8);
	assert_int_equal(dns_get16(out + 6), (len - DNS_HEADER - 13) / 16);
}

static void test_broken_data(void **state)
{
	(void)state;
	begin("example", "A");
	rr(0, "example", "A", "2001:db8::1"); /* too long for an address */
	assert_string_equal(scrubbed(), "NONSENSE");
	begin("example", "NS");
	rr(0, "example", "NS", "192.0.2.1"); /* no name */
	assert_string_equal(scrubbed(), "NONSENSE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_strangers_are_dropped),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_circles),
		cmocka_unit_test(test_our_names_are_ours),
		cmocka_unit_test(test_denials),
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_compression),
		cmocka_unit_test(test_what_does_not_fit),
		cmocka_unit_test(test_broken_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
