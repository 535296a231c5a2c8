/* fuzz_dns_upstream.c - any bytes as an upstream's answer, all the way to what a client gets:
 * checked, scrubbed, merged, kept. Bytes: how (1: over TCP, 2: behind an alias, 4: DNSSEC, 8: MX),
 * then the message.
 *
 * What is kept must be sound: every name can be read, nothing of a foreign name is in it, to scrub
 * it once more changes nothing, and no reply is larger than the client takes. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "../../modules/dns/dns_cache.h"
#include "../../modules/dns/dns_scrub.h"
#include "../../modules/dns/dns_upstream_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define A_MX 15

static const uint8_t zone[] = "\7cluster\5local";
static const uint8_t name[] = "\3www\7example\3com";
static uint8_t clean[DNS_TCP_MAX], twice[DNS_TCP_MAX], reply_bytes[DNS_TCP_MAX];

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void each_record(const uint8_t *p, size_t n)
{
	size_t at = DNS_HEADER + sizeof(name) + 4, len;
	uint8_t owner[DNS_NAME_MAX];
	struct dns_rr rr;

	for (unsigned i = dns_get16(p + 6) + dns_get16(p + 8); i; i--, at = rr.end) {
		must(dns_rr_read(p, n, at, &rr) && dns_name_read(p, n, at, owner, &len));
		if (rr.type == DNS_CNAME || rr.type == DNS_NS)
			must(dns_name_read(p, n, rr.rdata, owner, &len) == rr.end);
		if (rr.type == DNS_A)
			must(rr.rdlen == 4);
	}
	must(at == n && !dns_get16(p + 10));
}

static void check_reply(const struct dns_reply *out, size_t max)
{
	size_t at = DNS_HEADER;
	struct dns_rr rr;

	must(out->len >= DNS_HEADER && out->len <= max && out->p[2] & 0x80);
	at = dns_name_skip(out->p, out->len, at) + 4;
	for (unsigned n = dns_get16(out->p + 6) + dns_get16(out->p + 8) + dns_get16(out->p + 10); n;
	     n--, at = rr.end)
		must(dns_rr_read(out->p, out->len, at, &rr));
	must(at == out->len);
}

/* What the cache makes of it is as long as what is made of the message itself. The cache is small:
 * soon every entry is written over others. */
static void keep(const struct dns_query *q, const struct dns_forwarded *fwd, const uint8_t *msg,
                 const struct dns_upstream_msg *m, struct dns_reply *out, size_t len)
{
	static const struct dns_cache_settings small = { 60, 60, DNS_CACHE_MIN, 60, true };
	static uint64_t now;
	struct dns_cached hit;
	size_t max = out->max;

	dns_cache_configure(&small);
	now += 500;
	dns_cache_put(q, fwd, now, msg, m);
	must(dns_cache_len(false) + dns_cache_len(true) <= 4);
	if (m->truncated || (m->rcode != DNS_NOERROR && m->rcode != DNS_NXDOMAIN))
		return; /* what was kept before stays */
	if (!dns_cache_get(q, fwd, now, true, &hit))
		return;
	must(m->ttl && hit.len == m->len);
	dns_cache_reply(out, q, fwd, &hit, 0);
	check_reply(out, max);
	must(out->len == len);
}

static void merge(const uint8_t *msg, const struct dns_upstream_msg *m,
                  const struct dns_forwarded *fwd, uint16_t type, bool stream)
{
	static const uint8_t alias[] =
		"\0\1\1\0\0\1\0\0\0\0\0\0\3ext\1d\3svc\7cluster\5local\0\0\1\0\1";
	uint8_t plain[DNS_HEADER + sizeof(name) + 4] = { 0, 1, 1, 0, 0, 1 };
	struct dns_reply out = { .p = reply_bytes, .max = stream ? DNS_TCP_MAX : DNS_UDP_MAX };
	struct dns_forwarded with = *fwd;
	struct dns_reply begun;
	struct dns_query q;

	memcpy(plain + DNS_HEADER, name, sizeof(name));
	dns_put16(plain + DNS_HEADER + sizeof(name), type);
	dns_put16(plain + DNS_HEADER + sizeof(name) + 2, DNS_IN);
	must(!dns_query_parse(&q, fwd->alias ? alias : plain,
	                      fwd->alias ? sizeof(alias) - 1 : sizeof(plain)));
	dns_reply_begin(&out, &q, stream);
	if (fwd->alias) {
		with.owner = (uint16_t)(0xc000 | (out.len + 12));
		must(dns_reply_record(&out, &q, DNS_QUESTION, DNS_CNAME, 5, name, sizeof(name)));
		out.answers++;
	}
	begun = out;
	dns_upstream_merge(&out, &q, &with, msg, m->len, 5, 0);
	check_reply(&out, stream ? DNS_TCP_MAX : q.udp_size);
	keep(&q, &with, msg, m, &begun, out.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free uint8_t *copy = NULL;
	struct dns_forwarded fwd = { .target_len = sizeof(name) };
	struct dns_upstream_msg m;
	struct dns_scrub s = {
		.target = name, .target_len = sizeof(name), .zone = zone, .zone_len = sizeof(zone)
	};
	size_t n;

	if (size < 2)
		return 0;
	copy = malloc(size - 1); /* exactly as long, so that the sanitizer sees one byte too many */
	memcpy(copy, data + 1, size - 1);
	memcpy(fwd.target, name, sizeof(name));
	fwd.alias = data[0] & 2;
	s.dnssec = data[0] & 4;
	s.type = data[0] & 8 && !fwd.alias ? A_MX : DNS_A;
	if (!dns_upstream_check(copy, size - 1, 1, &fwd, s.type, &m))
		return 0;
	must(m.len <= size - 1);
	n = dns_scrub(&s, copy, m.len, clean, sizeof(clean));
	if (!n)
		return 0;
	each_record(clean, n);
	must(dns_upstream_check(clean, n, 1, &fwd, s.type, &m) && m.len == n);
	must(dns_scrub(&s, clean, n, twice, sizeof(twice)) == n && !memcmp(clean, twice, n));
	merge(clean, &m, &fwd, s.type, data[0] & 1);
	return 0;
}
