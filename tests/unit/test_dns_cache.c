/* test_dns_cache.c - what upstreams send: checked, kept, aged, merged into our answers. */
#include "dns_lab.h"

#include "../../modules/dns/dns_cache.h"

static struct dns_query q;
static struct dns_forwarded fwd;
static uint8_t query[600];

static void ask(const char *name, const char *type)
{
	assert_int_equal(dns_query_parse(&q, query, lab_query(query, name, type, 0)), 0);
	memcpy(fwd.target, q.name, q.name_len);
	fwd.target_len = q.name_len;
	fwd.alias = false;
}

static size_t add_rr(uint8_t *p, size_t n, uint16_t type, uint32_t ttl, const void *rdata,
                     uint16_t len)
{
	dns_put16(p + n, 0xc000 | DNS_HEADER);
	dns_put16(p + n + 2, type);
	dns_put16(p + n + 4, DNS_IN);
	dns_put32(p + n + 6, ttl);
	dns_put16(p + n + 10, len);
	memcpy(p + n + 12, rdata, len);
	return n + 12 + len;
}

/* An upstream's answer to what was asked: n addresses and an OPT record. */
static size_t reply(uint8_t *p, unsigned answers, uint32_t ttl, enum dns_rcode rcode)
{
	size_t n = DNS_HEADER + q.name_len + 4u;

	memcpy(p, query, n);
	dns_put16(p + 2, DNS_QR | DNS_RD | DNS_RA | rcode);
	dns_put16(p + 6, (uint16_t)answers);
	dns_put16(p + 8, 0);
	dns_put16(p + 10, 1);
	for (unsigned i = 0; i < answers; i++)
		n = add_rr(p, n, DNS_A, ttl + i, (uint8_t[]){ 192, 0, 2, (uint8_t)i }, 4);
	return n + dns_opt_write(p + n, false, 0);
}

static size_t denial(uint8_t *p, uint32_t ttl, uint32_t minimum)
{
	uint8_t soa[22] = { 0 };
	size_t n = reply(p, 0, 0, DNS_NXDOMAIN) - DNS_OPT_SIZE;

	dns_put32(soa + 18, minimum);
	dns_put16(p + 8, 1);
	dns_put16(p + 10, 0);
	return add_rr(p, n, DNS_SOA, ttl, soa, sizeof(soa));
}

static void test_check(void **state)
{
	uint8_t p[2000];
	struct dns_upstream_msg m;
	size_t n;

	(void)state;
	ask("www.example.com", "A");
	n = reply(p, 2, 60, DNS_NOERROR);
	assert_true(dns_upstream_check(p, n, 0x1234, &fwd, DNS_A, &m));
	assert_int_equal(m.len, n - DNS_OPT_SIZE);
	assert_int_equal(m.ttl, 60);
	assert_int_equal(dns_get16(p + 10), 0);
	n = reply(p, 2, 60, DNS_NOERROR);
	assert_false(dns_upstream_check(p, n, 0x1235, &fwd, DNS_A, &m)); /* another id */
	assert_false(dns_upstream_check(p, n, 0x1234, &fwd, DNS_AAAA, &m));
	for (size_t cut = 0; cut < n; cut++)
		assert_false(dns_upstream_check(p, cut, 0x1234, &fwd, DNS_A, &m));
	p[DNS_HEADER + 1] ^= 0x20; /* the letters' case does not matter */
	assert_true(dns_upstream_check(p, n, 0x1234, &fwd, DNS_A, &m));
	p[DNS_HEADER + 1] ^= 0x01;
	assert_false(dns_upstream_check(p, n, 0x1234, &fwd, DNS_A, &m));
	n = reply(p, 0, 0, DNS_SERVFAIL);
	assert_true(dns_upstream_check(p, n, 0x1234, &fwd, DNS_A, &m));
	assert_int_equal(m.ttl, 0);
	n = reply(p, 2, 60, DNS_NOERROR);
	p[2] |= DNS_TC >> 8; /* and cut in the middle of a record */
	assert_true(dns_upstream_check(p, n - DNS_OPT_SIZE - 3, 0x1234, &fwd, DNS_A, &m));
	assert_true(m.truncated);
	assert_int_equal(dns_get16(p + 6), 1);
	assert_int_equal(m.ttl, 0);
}

static void test_lifetimes(void **state)
{
	uint8_t p[2000];
	struct dns_upstream_msg m;

	(void)state;
	ask("www.example.com", "A");
	assert_true(dns_upstream_check(p, denial(p, 600, 30), 0x1234, &fwd, DNS_A, &m));
	assert_int_equal(m.ttl, 30);
	assert_true(dns_upstream_check(p, denial(p, 20, 300), 0x1234, &fwd, DNS_A, &m));
	assert_int_equal(m.ttl, 20);
	assert_true(dns_upstream_check(p, denial(p, 99999, 99999), 0x1234, &fwd, DNS_A, &m));
	assert_int_equal(m.ttl, 1800);
	assert_true(
		dns_upstream_check(p, reply(p, 1, 99999, DNS_NOERROR), 0x1234, &fwd, DNS_A, &m));
	assert_int_equal(m.ttl, 3600);
	assert_true(dns_upstream_check(p, reply(p, 0, 0, DNS_NXDOMAIN), 0x1234, &fwd, DNS_A,
	                               &m)); /* no SOA */
	assert_int_equal(m.ttl, 0);
}

static void keep(uint64_t now_ms, uint32_t ttl)
{
	uint8_t p[2000];
	struct dns_upstream_msg m;

	assert_true(dns_upstream_check(p, reply(p, 1, ttl, DNS_NOERROR), 0x1234, &fwd, DNS_A, &m));
	dns_cache_put(&q, &fwd, now_ms, p, &m);
}

static void test_cache(void **state)
{
	struct dns_cached hit;
	char name[32];

	(void)state;
	ask("www.example.com", "A");
	assert_false(dns_cache_get(&q, &fwd, 0, true, &hit));
	keep(1000, 10);
	ask("WWW.example.com", "A");
	assert_true(dns_cache_get(&q, &fwd, 4500, false, &hit));
	assert_int_equal(hit.age, 3);
	assert_false(dns_cache_get(&q, &fwd, 11000, false, &hit));
	assert_true(dns_cache_get(&q, &fwd, 11000, true, &hit));      /* stale */
	assert_false(dns_cache_get(&q, &fwd, 100000000, true, &hit)); /* too stale */
	q.dnssec_ok = true;
	assert_false(dns_cache_get(&q, &fwd, 4500, false, &hit));
	keep(1000, 0);
	assert_false(dns_cache_get(&q, &fwd, 1000, true, &hit));
	for (unsigned i = 0; i < DNS_CACHE_ENTRIES + 100; i++) {
		snprintf(name, sizeof(name), "n%u.example.com", i);
		ask(name, "A");
		keep(1000, 60);
	}
	assert_int_equal(dns_cache_len(), DNS_CACHE_ENTRIES);
	ask("n0.example.com", "A");
	assert_false(dns_cache_get(&q, &fwd, 1000, false, &hit)); /* the oldest went */
	dns_cache_clear();
	assert_int_equal(dns_cache_len(), 0);
}

static const char *merge(const uint8_t *msg, size_t n, uint32_t age, uint32_t floor, size_t max)
{
	struct dns_reply out = { .p = lab_out, .max = max, .len = DNS_HEADER + q.name_len + 4u };

	memcpy(lab_out + DNS_HEADER, q.raw, q.name_len + 4u);
	dns_upstream_merge(&out, &q, &fwd, msg, n, age, floor);
	assert_true(out.len <= max);
	return lab_text(out.p, out.len);
}

static void test_merge(void **state)
{
	size_t ttl = DNS_HEADER + sizeof("\3www\7example\3com") + 4 + 6;
	uint8_t p[8000];
	struct dns_upstream_msg m;

	(void)state;
	ask("wWw.example.com", "A");
	assert_true(dns_upstream_check(p, reply(p, 2, 60, DNS_NOERROR), 0x1234, &fwd, DNS_A, &m));
	assert_string_equal(
		merge(p, m.len, 7, 0, 512),
		"NOERROR RA | wWw.example.com. A 192.0.2.0, wWw.example.com. A 192.0.2.1");
	assert_int_equal(dns_get32(lab_out + ttl), 53);
	merge(p, m.len, 1000, 30, 512);
	assert_int_equal(dns_get32(lab_out + ttl), 30); /* stale */
	assert_true(dns_upstream_check(p, reply(p, 200, 60, DNS_NOERROR), 0x1234, &fwd, DNS_A, &m));
	assert_memory_equal(merge(p, m.len, 0, 0, 512), "NOERROR TC RA", 13);
	assert_memory_equal(merge(p, m.len, 0, 0, DNS_TCP_MAX), "NOERROR RA", 10);
	assert_true(dns_upstream_check(p, denial(p, 600, 30), 0x1234, &fwd, DNS_A, &m));
	assert_memory_equal(merge(p, m.len, 0, 0, 512), "NXDOMAIN RA | | wWw.example.com. SOA", 36);
}

/* The answer for an ExternalName's target behind our own alias: names are written out. */
static void test_merge_alias(void **state)
{
	uint8_t p[2000];
	struct dns_upstream_msg m;
	size_t n;

	(void)state;
	ask("www.example.com", "A");
	n = reply(p, 0, 0, DNS_NOERROR) - DNS_OPT_SIZE;
	n = add_rr(p, n, DNS_CNAME, 60, "\4real\xc0\x10", 7);
	n = add_rr(p, n, DNS_TXT, 60, "\1x", 2);
	dns_put16(p + n, 0xc000 | (DNS_HEADER + q.name_len + 4 + 12));
	memcpy(p + n + 2, "\0\1\0\1\0\0\0\74\0\4\xc0\0\2\x9", 14);
	n += 16;
	dns_put16(p + 6, 3);
	dns_put16(p + 10, 0);
	assert_true(dns_upstream_check(p, n, 0x1234, &fwd, DNS_A, &m));
	ask("alias.cluster.local", "A");
	dns_name_from_text(fwd.target, "www.example.com");
	fwd.target_len = sizeof("\3www\7example\3com");
	fwd.alias = true;
	fwd.owner = DNS_QUESTION; /* what the target owns is the question's, as after a rewrite */
	assert_string_equal(merge(p, m.len, 0, 0, 512),
	                    "NOERROR RA | alias.cluster.local. CNAME real.example.com., "
	                    "real.example.com. A 192.0.2.9");
}

static void test_names(void **state)
{
	uint8_t p[64] = { 0 }, out[DNS_NAME_MAX];
	size_t len;

	(void)state;
	p[20] = 0xc0;
	p[21] = 20; /* itself */
	assert_int_equal(dns_name_read(p, sizeof(p), 20, out, &len), 0);
	p[20] = 0xc0;
	p[21] = 22;
	p[22] = 0xc0;
	p[23] = 20; /* each other */
	assert_int_equal(dns_name_read(p, sizeof(p), 22, out, &len), 0);
	p[20] = 1;
	p[21] = 'a';
	p[22] = 0xc0;
	p[23] = 20; /* a name that grows for ever */
	assert_int_equal(dns_name_read(p, sizeof(p), 20, out, &len), 0);
	p[10] = 1;
	p[11] = 'b';
	p[23] = 10;
	assert_int_equal(dns_name_read(p, sizeof(p), 20, out, &len), 24);
	assert_int_equal(len, 5);
	assert_memory_equal(out, "\1a\1b", 5);
	p[20] = 0x40; /* a label type that never was */
	assert_int_equal(dns_name_read(p, sizeof(p), 20, out, &len), 0);
	assert_int_equal(dns_name_skip(p, sizeof(p), 20), 0);
	assert_int_equal(dns_name_from_text(out, "a..b"), 0);
	assert_int_equal(dns_name_from_text(out, ""), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),       cmocka_unit_test(test_lifetimes),
		cmocka_unit_test(test_cache),       cmocka_unit_test(test_merge),
		cmocka_unit_test(test_merge_alias), cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
