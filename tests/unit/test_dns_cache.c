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
	assert_true(m.denial);
	assert_true(dns_upstream_check(p, reply(p, 1, 0x80000001, DNS_NOERROR), 0x1234, &fwd, DNS_A,
	                               &m)); /* RFC 2181: negative, so 0 */
	assert_int_equal(m.ttl, 0);
	assert_true(
		dns_upstream_check(p, reply(p, 3, 99999, DNS_NOERROR), 0x1234, &fwd, DNS_A, &m));
	assert_int_equal(m.ttl, 99999);
	assert_false(m.denial);
	assert_true(dns_upstream_check(p, reply(p, 0, 0, DNS_NXDOMAIN), 0x1234, &fwd, DNS_A,
	                               &m)); /* no SOA */
	assert_int_equal(m.ttl, 0);
}

static const struct dns_cache_settings standard = {
	.ttl = 3600, .deny_ttl = 1800, .size = 4u << 20, .stale = 24 * 3600, .prefetch = true
};

static void configure(struct dns_cache_settings set)
{
	dns_cache_clear();
	dns_cache_configure(&set);
}

static void put(uint64_t now_ms, uint8_t *p, size_t n)
{
	struct dns_upstream_msg m;

	assert_true(dns_upstream_check(p, n, 0x1234, &fwd, q.type, &m));
	dns_cache_put(&q, &fwd, now_ms, p, &m);
}

static void keep(uint64_t now_ms, uint32_t ttl)
{
	uint8_t p[8000];

	put(now_ms, p, reply(p, 1, ttl, DNS_NOERROR));
}

static void keep_denial(uint64_t now_ms, uint32_t ttl)
{
	uint8_t p[2000];

	put(now_ms, p, denial(p, ttl, ttl));
}

static bool cached(uint64_t now_ms)
{
	struct dns_cached hit;

	return dns_cache_get(&q, &fwd, now_ms, false, &hit);
}

static bool stale(uint64_t now_ms)
{
	struct dns_cached hit;

	return dns_cache_get(&q, &fwd, now_ms, true, &hit);
}

static void test_cache(void **state)
{
	struct dns_cached hit;

	(void)state;
	configure(standard);
	ask("www.example.com", "A");
	assert_false(stale(0));
	keep(1000, 10);
	ask("WWW.example.com", "A");
	assert_true(dns_cache_get(&q, &fwd, 4500, false, &hit));
	assert_int_equal(hit.age, 3);
	assert_false(cached(11000));
	assert_true(stale(11000));
	assert_true(stale(11000 + 24 * 3600 * 1000 - 1));
	assert_false(stale(11000 + 24 * 3600 * 1000));
	q.dnssec_ok = true;
	assert_false(cached(4500));
	q.dnssec_ok = false;
	q.flags |= DNS_CD;
	assert_false(cached(4500));
	q.flags &= ~DNS_CD;
	ask("www.example.com", "AAAA");
	assert_false(cached(4500));
	configure((struct dns_cache_settings){ .ttl = 3600, .size = 1 << 20 }); /* stale: off */
	ask("www.example.com", "A");
	keep(1000, 10);
	assert_true(cached(10999));
	assert_false(stale(11000));
}

/* What is kept, of which kind, and how long. RFC 2308, 2181. */
static void test_what_is_kept(void **state)
{
	enum { SOA = 1, TRUNCATED = 2 };
	static const struct {
		const char *what;
		unsigned answers;
		uint32_t ttl, minimum; /* of the answers or the SOA */
		enum dns_rcode rcode;
		unsigned how;
		uint32_t kept; /* seconds */
		bool denial;
	} table[] = {
		{ "an answer", 1, 60, 0, DNS_NOERROR, 0, 60, false },
		{ "the least of several", 3, 60, 0, DNS_NOERROR, 0, 60, false },
		{ "an answer for ever", 1, 0x7fffffff, 0, DNS_NOERROR, 0, 3600, false },
		{ "an answer for once", 1, 0, 0, DNS_NOERROR, 0, 0, false },
		{ "a negative TTL", 1, 0x80000000, 0, DNS_NOERROR, 0, 0, false },
		{ "a truncated answer", 1, 60, 0, DNS_NOERROR, TRUNCATED, 0, false },
		{ "a large answer", 250, 60, 0, DNS_NOERROR, 0, 60, false },
		{ "a larger one", 260, 60, 0, DNS_NOERROR, 0, 0, false },
		{ "no such name", 0, 600, 30, DNS_NXDOMAIN, SOA, 30, true },
		{ "no such name, SOA for shorter", 0, 20, 300, DNS_NXDOMAIN, SOA, 20, true },
		{ "no such name for ever", 0, 999999, 999999, DNS_NXDOMAIN, SOA, 1800, true },
		{ "no such name for once", 0, 60, 0, DNS_NXDOMAIN, SOA, 0, true },
		{ "no such name, without SOA", 0, 0, 0, DNS_NXDOMAIN, 0, 0, true },
		{ "no such record", 0, 600, 30, DNS_NOERROR, SOA, 30, true },
		{ "no such record, without SOA", 0, 0, 0, DNS_NOERROR, 0, 0, true },
		{ "an alias to no such name", 1, 10, 30, DNS_NXDOMAIN, SOA, 10, true },
		{ "an alias to no such record", 1, 60, 30, DNS_NOERROR, SOA, 30, false },
		{ "a failure", 0, 0, 0, DNS_SERVFAIL, 0, 0, false },
		{ "a failure with an answer", 1, 60, 0, DNS_SERVFAIL, 0, 0, false },
		{ "a refusal with SOA", 0, 60, 60, DNS_REFUSED, SOA, 0, false },
	};
	static uint8_t p[8000];
	struct dns_cached hit;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		size_t n;

		configure(standard);
		ask("www.example.com", "A");
		n = reply(p, table[i].answers, table[i].ttl, table[i].rcode) - DNS_OPT_SIZE;
		dns_put16(p + 10, 0);
		if (table[i].how & SOA) {
			uint8_t soa[22] = { 0 };

			dns_put32(soa + 18, table[i].minimum);
			dns_put16(p + 8, 1);
			n = add_rr(p, n, DNS_SOA, table[i].ttl, soa, sizeof(soa));
		}
		if (table[i].how & TRUNCATED)
			p[2] |= DNS_TC >> 8;
		put(0, p, n);
		if (cached(0) != (table[i].kept > 0) || cached(table[i].kept * 1000ull))
			fail_msg("%s", table[i].what);
		if (!table[i].kept)
			continue;
		if (!dns_cache_get(&q, &fwd, table[i].kept * 1000ull - 1, false, &hit) ||
		    hit.denial != table[i].denial)
			fail_msg("%s", table[i].what);
	}
}

/* A name is one thing or the other: the newest counts. */
static void test_changes(void **state)
{
	(void)state;
	configure(standard);
	ask("www.example.com", "A");
	keep(0, 60);
	keep_denial(1000, 60);
	assert_int_equal(dns_cache_len(false), 0);
	assert_int_equal(dns_cache_len(true), 1);
	keep(2000, 60);
	assert_int_equal(dns_cache_len(false), 1);
	assert_int_equal(dns_cache_len(true), 0);
	keep(3000, 0); /* no longer to be kept */
	assert_false(stale(3000));
}

static void test_failures(void **state)
{
	uint8_t p[2000];

	(void)state;
	configure(standard);
	ask("www.example.com", "A");
	keep(0, 60);
	put(1000, p, reply(p, 0, 0, DNS_SERVFAIL));
	assert_true(cached(1000)); /* it hides nothing */
	assert_true(dns_cache_failed(&q, &fwd, 1999));
	assert_false(dns_cache_failed(&q, &fwd, 2000));
	dns_cache_fail(&q, &fwd, 2000);
	assert_true(dns_cache_failed(&q, &fwd, 3999));
	dns_cache_fail(&q, &fwd, 4000);
	assert_true(dns_cache_failed(&q, &fwd, 7999));
	dns_cache_fail(&q, &fwd, 8000);
	assert_true(dns_cache_failed(&q, &fwd, 12999)); /* never longer */
	assert_false(dns_cache_failed(&q, &fwd, 13000));
	dns_cache_fail(&q, &fwd, 60000); /* long after: as the first time */
	assert_false(dns_cache_failed(&q, &fwd, 61000));
	ask("other.example.com", "A");
	assert_false(dns_cache_failed(&q, &fwd, 60000));
	ask("www.example.com", "A");
	dns_cache_fail(&q, &fwd, 60000);
	keep(60500, 60);
	assert_false(dns_cache_failed(&q, &fwd, 60500));
}

static bool to_refresh(uint64_t now_ms)
{
	struct dns_cached hit;

	assert_true(dns_cache_get(&q, &fwd, now_ms, false, &hit));
	return hit.refresh;
}

static void test_prefetch(void **state)
{
	struct dns_cache_settings set = standard;

	(void)state;
	configure(standard);
	ask("www.example.com", "A");
	keep(0, 100);
	assert_false(to_refresh(1000));
	assert_false(to_refresh(2000));
	assert_false(to_refresh(90000)); /* a tenth is left */
	assert_true(to_refresh(90001));
	assert_false(to_refresh(90002)); /* told once */
	keep(90003, 100);
	assert_false(to_refresh(190000)); /* it is not popular any more */
	assert_false(to_refresh(190001));
	assert_true(to_refresh(190002));
	set.prefetch = false;
	configure(set);
	keep(0, 100);
	for (unsigned i = 0; i < 5; i++)
		assert_false(to_refresh(99000));
}

static void ask_number(const char *what, unsigned i)
{
	char name[64];

	snprintf(name, sizeof(name), "%s%u.example.com", what, i);
	ask(name, "A");
}

/* Floods of names, of those that exist and of those that do not. */
static void test_floods(void **state)
{
	struct dns_cache_settings set = standard;
	unsigned good = 0;

	(void)state;
	set.size = 256 << 10;
	configure(set);
	for (unsigned i = 0; i < 500; i++) {
		ask_number("good", i);
		keep(0, 3600);
	}
	for (unsigned i = 0; i < 100000; i++) {
		ask_number("nx", i);
		keep_denial(1000, 600);
	}
	assert_int_equal(dns_cache_len(false), 500);
	assert_in_range(dns_cache_len(true), 100, 64 * 1024 / 100);
	for (unsigned i = 0; i < 20000; i++) {
		ask_number("rnd", i);
		keep(1000, 3600);
		ask_number("good", i % 100);
		good += cached(2000);
	}
	assert_int_equal(good, 20000); /* what is used stays */
	ask_number("good", 300);
	assert_false(cached(2000)); /* what is not makes room */
	ask_number("rnd", 19999);
	assert_true(cached(2000));
	assert_in_range(dns_cache_len(false), 500, 192 * 1024 / 100);
	for (unsigned i = 0; i < 20000; i++) { /* all of them used: room is made all the same */
		ask_number("used", i);
		keep(3000, 3600);
		assert_true(cached(3000));
	}
	dns_cache_clear();
	assert_int_equal(dns_cache_len(false) + dns_cache_len(true), 0);
}

/* Against a model: entries of all sizes come, are replaced, are asked for; nothing is ever wrong.
 */
static void test_ring_model(void **state)
{
	static uint64_t until[400];
	struct dns_cache_settings set = standard;
	uint64_t dice = 88172645463325252ull, now = 0;
	unsigned hits = 0;

	(void)state;
	set.size = DNS_CACHE_MIN;
	configure(set);
	for (unsigned round = 0; round < 40000; round++) {
		struct dns_cached hit;
		unsigned i;

		dice ^= dice << 13;
		dice ^= dice >> 7;
		dice ^= dice << 17;
		i = dice >> 40 & 0x1ff;
		now += dice & 0x3f;
		if (i >= 400)
			continue;
		ask_number("m", i);
		if (dice >> 20 & 1) {
			static uint8_t p[8000];
			unsigned answers = 1 + (dice >> 24 & 0x7f), ttl = 1 + (dice >> 32 & 0xf);

			if (dice >> 21 & 1)
				put(now, p, reply(p, answers, ttl, DNS_NOERROR));
			else
				put(now, p, denial(p, ttl, ttl));
			until[i] = now + ttl * 1000ull;
			assert_true(cached(now));
		} else if (dns_cache_get(&q, &fwd, now, false, &hit)) {
			assert_true(now < until[i]);
			assert_memory_equal(hit.msg + DNS_HEADER, q.name, q.name_len);
			hits++;
		}
	}
	assert_true(hits > 1000);
	dns_cache_clear();
}

/* A hit is the same answer as the slow way makes of the message. */
static void test_hit(void **state)
{
	static const struct {
		unsigned answers;
		size_t max;
	} table[] = {
		{ 1, 512 }, { 3, 512 }, { 28, 512 }, { 29, 512 }, { 200, 512 }, { 200, 65535 }
	};
	static uint8_t p[8000], slow[65535], fast[65535];
	struct dns_cached hit;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		for (uint32_t age = 0; age < 100; age += 33) {
			size_t start = DNS_HEADER + sizeof("\3WwW\7example\3com") + 4;
			struct dns_reply a = { .p = slow, .max = table[i].max, .len = start };
			struct dns_reply b = { .p = fast, .max = table[i].max, .len = start };

			configure(standard);
			ask("wWw.example.com", "A");
			keep(0, 50);
			put(0, p, reply(p, table[i].answers, 90, DNS_NOERROR));
			assert_true(dns_cache_get(&q, &fwd, age * 1000, true, &hit));
			memcpy(slow + DNS_HEADER, q.raw, start - DNS_HEADER);
			memcpy(fast + DNS_HEADER, q.raw, start - DNS_HEADER);
			dns_upstream_merge(&a, &q, &fwd, hit.msg, hit.len, hit.age, 30);
			dns_cache_reply(&b, &q, &fwd, &hit, 30);
			assert_int_equal(a.len, b.len);
			assert_memory_equal(slow, fast, a.len);
		}
}

/* Addresses take turns; an alias before them and what is behind stay where they are. */
static void test_turns(void **state)
{
	size_t start = DNS_HEADER + sizeof("\3www\7example\3com") + 4;
	unsigned first[5] = { 0 };
	uint8_t p[2000];
	size_t n;

	(void)state;
	configure(standard);
	ask("www.example.com", "A");
	n = add_rr(p, reply(p, 0, 0, DNS_NOERROR) - DNS_OPT_SIZE, DNS_CNAME, 90, "\4real\xc0\x10",
	           7);
	for (uint8_t i = 0; i < 4; i++)
		n = add_rr(p, n, DNS_A, 60, (uint8_t[]){ 192, 0, 2, i }, 4);
	n = add_rr(p, n, DNS_A, 50, (uint8_t[]){ 192, 0, 2, 9 }, 4);
	dns_put16(p + 6, 6);
	dns_put16(p + 10, 0);
	put(0, p, n);
	for (unsigned turn = 0; turn < 8; turn++) {
		struct dns_reply out = { .p = lab_out, .max = 512, .len = start, .turn = turn };
		struct dns_cached hit;
		unsigned seen = 0;

		memcpy(lab_out + DNS_HEADER, q.raw, start - DNS_HEADER);
		assert_true(dns_cache_get(&q, &fwd, 10000, false, &hit));
		dns_cache_reply(&out, &q, &fwd, &hit, 0);
		assert_int_equal(out.len, n);
		assert_int_equal(dns_get16(lab_out + start + 2), DNS_CNAME);
		for (unsigned i = 0; i < 4; i++) {
			const uint8_t *rr = lab_out + start + 19 + i * 16ul;

			assert_int_equal(dns_get32(rr + 6), 50);
			seen |= 1u << rr[15];
			first[rr[15]] += !i;
		}
		assert_int_equal(seen, 0xf);
		assert_int_equal(lab_out[n - 1], 9);
		assert_int_equal(dns_get32(lab_out + n - 10), 40);
	}
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(first[i], 2);
}

static void test_ad_bit(void **state)
{
	uint8_t p[2000];
	size_t n;

	(void)state;
	configure(standard);
	ask("www.example.com", "A");
	n = reply(p, 1, 60, DNS_NOERROR);
	p[3] |= 0x20;
	put(0, p, n);
	for (unsigned asked = 0; asked < 2; asked++) {
		struct dns_reply out = { .p = lab_out, .max = 512 };
		struct dns_cached hit;

		q.flags = (uint16_t)(DNS_RD | (asked ? 0x20 : 0));
		out.len = DNS_HEADER + q.name_len + 4u;
		assert_true(dns_cache_get(&q, &fwd, 0, false, &hit));
		dns_cache_reply(&out, &q, &fwd, &hit, 0);
		assert_int_equal(lab_out[3] >> 5 & 1, asked); /* RFC 6840 5.8 */
	}
}

/* Nothing is told to live longer than it is kept. */
static void test_caps(void **state)
{
	size_t ttl = DNS_HEADER + sizeof("\3www\7example\3com") + 4 + 6;
	struct dns_reply out;

	(void)state;
	configure((struct dns_cache_settings){ .ttl = 100, .deny_ttl = 50, .size = 1 << 20 });
	for (unsigned denials = 0; denials < 2; denials++) {
		struct dns_cached hit;

		ask("www.example.com", "A");
		if (denials)
			keep_denial(0, 86400);
		else
			keep(0, 86400);
		assert_true(dns_cache_get(&q, &fwd, 10000, false, &hit));
		out = (struct dns_reply){ .p = lab_out, .max = 512, .len = ttl - 6 };
		dns_cache_reply(&out, &q, &fwd, &hit, 0);
		assert_int_equal(dns_get32(lab_out + ttl), denials ? 40 : 90);
	}
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
		cmocka_unit_test(test_cache),       cmocka_unit_test(test_what_is_kept),
		cmocka_unit_test(test_changes),     cmocka_unit_test(test_failures),
		cmocka_unit_test(test_prefetch),    cmocka_unit_test(test_floods),
		cmocka_unit_test(test_ring_model),  cmocka_unit_test(test_turns),
		cmocka_unit_test(test_ad_bit),      cmocka_unit_test(test_hit),
		cmocka_unit_test(test_caps),        cmocka_unit_test(test_merge),
		cmocka_unit_test(test_merge_alias), cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
