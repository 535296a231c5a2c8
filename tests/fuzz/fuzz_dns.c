/* fuzz_dns.c - any bytes as a query, as an upstream's answer, and as a snapshot. The first byte
 * says which; answers must be well-formed and no larger than the client takes. */
#include <netinet/in.h>
#include <stdlib.h>

#include <knetd/auto.h>
#include <knetd/view.h>

#include "../../modules/dns/dns_plan.h"
#include "../../modules/dns/dns_records.h"
#include "../../modules/dns/dns_resolv.h"
#include "../../modules/dns/dns_upstream_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dns_zone zone;
static struct buf slot[DNS_SLOTS];
static uint8_t reply_bytes[DNS_TCP_MAX];

static void add_service(const struct dns_target *to, const char *name, const char *type,
                        const char *external)
{
	struct service_port port = { .name = "http", .proto = IPPROTO_TCP, .port = 80 };
	struct service_view svc = { .ns = "d",
		                    .name = name,
		                    .type = type,
		                    .external_name = external,
		                    .ports = &port,
		                    .n_ports = 1 };
	auto_arena struct arena a = { 0 };

	svc.n_ips = !*external && ip_parse(&svc.ips[0], "10.96.0.20") &&
	                            ip_parse(&svc.ips[1], "fd00::1")
	                    ? 2
	                    : 0;
	dns_records_service(to, &svc, &a);
}

/* web.d, ext.d -> example.com, in.d -> web.d, loop.d -> loop.d */
static void make_zone(void)
{
	static struct dns_groups groups;
	static struct dns_searches searches;
	struct dns_upstreams upstreams = { 0 };
	struct dns_shard none = { 0 };
	struct dns_plan plan;
	struct dns_target to;

	conf_load(NULL, NULL);
	upstreams_add(&upstreams, "192.0.2.1");
	dns_groups_build(&groups, &upstreams, &conf.dns.stubs, CONF_DNS_SEQUENTIAL, dns_resolv_own);
	dns_plan_begin(&plan);
	to = (struct dns_target){ .zone = plan.zone,
		                  .zone_len = plan.zone_len,
		                  .ttl = conf.dns.ttl,
		                  .fresh = plan.fresh,
		                  .rebuild = plan.rebuild };
	add_service(&to, "web", "ClusterIP", "");
	add_service(&to, "ext", "ExternalName", "example.com");
	add_service(&to, "in", "ExternalName", "web.d.svc.cluster.local");
	add_service(&to, "loop", "ExternalName", "loop.d.svc.cluster.local");
	dns_records_namespace(&to, "d");
	for (unsigned i = 1; i < DNS_SLOTS; i++) {
		dns_plan_shard(&plan, i, &none, &slot[i]);
		dns_shard_open(&zone.shard[i], slot[i].data, slot[i].len);
	}
	dns_plan_settings(&groups, &searches, &slot[0]);
	zone.set = dns_settings_open(slot[0].data, slot[0].len);
	dns_shard_open(&zone.shard[0], zone.set->shard,
	               slot[0].len - offsetof(struct dns_settings, shard));
	dns_plan_free(&plan);
}

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_reply(const struct dns_reply *out, size_t max)
{
	size_t at = DNS_HEADER;
	struct dns_rr rr;

	must(out->len >= DNS_HEADER && out->len <= max && out->p[2] & 0x80);
	if (dns_get16(out->p + 4))
		at = dns_name_skip(out->p, out->len, at) + 4;
	for (unsigned n = dns_get16(out->p + 6) + dns_get16(out->p + 8) + dns_get16(out->p + 10); n;
	     n--, at = rr.end)
		must(dns_rr_read(out->p, out->len, at, &rr));
	must(at == out->len);
}

static enum dns_result ask(const struct dns_zone *z, const uint8_t *p, size_t n, bool stream,
                           struct dns_query *q, struct dns_forwarded *fwd, struct dns_reply *out)
{
	static const struct sockaddr_in from = { .sin_family = AF_INET };
	struct dns_asker by = { .stream = stream,
		                .from = (const struct sockaddr *)&from,
		                .now = 1559731985,
		                .idle = 100 };
	enum dns_result r;

	*out = (struct dns_reply){ .p = reply_bytes,
		                   .max = stream ? DNS_TCP_MAX : DNS_UDP_MAX,
		                   .turn = 1 };
	r = dns_answer(z, p, n, &by, q, fwd, out);
	if (r == DNS_REPLY)
		check_reply(out, stream ? DNS_TCP_MAX : q->udp_size);
	return r;
}

static void as_query(const uint8_t *p, size_t n, bool stream)
{
	uint8_t packed[DNS_QUERY_PACKED];
	struct dns_forwarded fwd;
	struct dns_query q, again;
	struct dns_reply out;

	if (ask(&zone, p, n, stream, &q, &fwd, &out) != DNS_FORWARD)
		return;
	n = dns_query_pack(&q, packed);
	must(n <= sizeof(packed) && dns_query_parse(&again, packed, n) == 0 &&
	     again.type == q.type);
}

/* The answer to a question for www.example.com, or for an alias of example.com. */
static void as_answer(uint8_t *p, size_t n, bool alias)
{
	static const uint8_t plain[] = "\0\1\1\0\0\1\0\0\0\0\0\0\3www\7example\3com\0\0\1\0\1";
	static const uint8_t by_alias[] =
		"\0\1\1\0\0\1\0\0\0\0\0\0\3ext\1d\3svc\7cluster\5local\0\0\1\0\1";
	struct dns_upstream_msg m;
	struct dns_forwarded fwd;
	struct dns_query q;
	struct dns_reply out;

	must(ask(&zone, alias ? by_alias : plain, alias ? sizeof(by_alias) - 1 : sizeof(plain) - 1,
	         false, &q, &fwd, &out) == DNS_FORWARD);
	if (!dns_upstream_check(p, n, 1, &fwd, DNS_A, &m))
		return;
	must(m.len <= n);
	dns_upstream_merge(&out, &q, &fwd, p, m.len, 5, 0);
	check_reply(&out, q.udp_size);
}

/* Bytes as all shards of a zone, asked for a name: nothing outside of them may be read. */
static void as_snapshot(const uint8_t *p, size_t n)
{
	static const uint8_t query[] =
		"\0\1\1\0\0\1\0\0\0\0\0\0\3web\1d\3svc\7cluster\5local\0\0\1\0\1";
	struct dns_zone broken = { .set = zone.set };
	const struct dns_entry *e;
	const struct dns_set *set;
	uint32_t place = 0;

	for (unsigned i = 0; i < DNS_SLOTS; i++)
		dns_shard_open(&broken.shard[i], p, n);
	for (uint32_t i = 0; broken.shard[1].p && i <= broken.shard[1].mask && i < 64; i++) {
		place = 0;
		e = dns_shard_find(&broken.shard[1], query + DNS_HEADER, 6,
		                   broken.shard[1].index[i].hash, &place);
		set = e ? dns_entry_set(e, DNS_A) : NULL;
		if (set)
			reply_bytes[0] ^= set->answers_len ? set->rr[set->answers_len - 1] : 0;
	}
	dns_settings_open(p, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free uint8_t *copy = NULL;

	if (!zone.set)
		make_zone();
	if (size < 2)
		return 0;
	copy = malloc(size - 1); /* exactly as long, so that the sanitizer sees one byte too many */
	memcpy(copy, data + 1, size - 1);
	switch (data[0] % 5) {
	case 0:
	case 1:
		as_query(copy, size - 1, data[0] % 5);
		break;
	case 2:
	case 3:
		as_answer(copy, size - 1, data[0] % 5 == 3);
		break;
	case 4:
		as_snapshot(copy, size - 1);
		break;
	}
	return 0;
}
