/* test_dns_answer.c - objects in the store, questions, answers: the Kubernetes DNS specification
 * and the message rules, through the real plan and snapshots. */
#include "dns_lab.h"

#define Z "cluster.local"
#define SOA " | cluster.local. SOA ns.dns.cluster.local."

static void test_cluster_ip(void **state)
{
	(void)state;
	is("web.default.svc." Z, "A",
	   "NOERROR AA RA | web.default.svc.cluster.local. A 10.96.0.20");
	is("web.default.svc." Z, "AAAA",
	   "NOERROR AA RA | web.default.svc.cluster.local. AAAA fd00:10:96::20");
	is("web.default.svc." Z, "TXT", "NOERROR AA RA |" SOA);
	is("_http._tcp.web.default.svc." Z, "SRV",
	   "NOERROR AA RA | _http._tcp.web.default.svc.cluster.local. SRV 0 100 80 "
	   "web.default.svc.cluster.local. | | "
	   "web.default.svc.cluster.local. A 10.96.0.20, web.default.svc.cluster.local. AAAA "
	   "fd00:10:96::20");
	is("_dns._udp.web.default.svc." Z, "SRV",
	   "NOERROR AA RA | _dns._udp.web.default.svc.cluster.local. SRV 0 100 53 "
	   "web.default.svc.cluster.local. | | "
	   "web.default.svc.cluster.local. A 10.96.0.20, web.default.svc.cluster.local. AAAA "
	   "fd00:10:96::20");
	is("_http._tcp.web.default.svc." Z, "A", "NOERROR AA RA |" SOA);
	is("_tcp.web.default.svc." Z, "SRV", "NOERROR AA RA |" SOA);
	is("_sctp.web.default.svc." Z, "SRV", "NXDOMAIN AA RA |" SOA);
	is("_http._udp.web.default.svc." Z, "SRV", "NXDOMAIN AA RA |" SOA);
	is("only4.default.svc." Z, "AAAA", "NOERROR AA RA |" SOA);
	is("only4.default.svc." Z, "SRV",
	   "NOERROR AA RA | only4.default.svc.cluster.local. SRV 0 100 80 "
	   "only4.default.svc.cluster.local. | | "
	   "only4.default.svc.cluster.local. A 10.96.0.21");
	is("nope.default.svc." Z, "A", "NXDOMAIN AA RA |" SOA);
	is("x.web.default.svc." Z, "A", "NXDOMAIN AA RA |" SOA);
	is("web.nope.svc." Z, "A", "NXDOMAIN AA RA |" SOA);
}

static void test_headless(void **state)
{
	(void)state;
	lab_turn = 0;
	is("db.default.svc." Z, "A",
	   "NOERROR AA RA | db.default.svc.cluster.local. A 10.244.0.5, "
	   "db.default.svc.cluster.local. A 10.244.0.6");
	is("db.default.svc." Z, "AAAA",
	   "NOERROR AA RA | db.default.svc.cluster.local. AAAA fd00:10:244::5");
	is("db-0.db.default.svc." Z, "A",
	   "NOERROR AA RA | db-0.db.default.svc.cluster.local. A 10.244.0.5");
	is("db-0.db.default.svc." Z, "AAAA",
	   "NOERROR AA RA | db-0.db.default.svc.cluster.local. AAAA fd00:10:244::5");
	is("10-244-0-6.db.default.svc." Z, "A",
	   "NOERROR AA RA | 10-244-0-6.db.default.svc.cluster.local. A 10.244.0.6");
	is("10-244-0-5.db.default.svc." Z, "A", "NXDOMAIN AA RA |" SOA);
	is("db-1.db.default.svc." Z, "A", "NXDOMAIN AA RA |" SOA);
	is("_sql._tcp.db.default.svc." Z, "SRV",
	   "NOERROR AA RA | _sql._tcp.db.default.svc.cluster.local. SRV 0 50 5432 "
	   "10-244-0-6.db.default.svc.cluster.local., "
	   "_sql._tcp.db.default.svc.cluster.local. SRV 0 50 5432 "
	   "db-0.db.default.svc.cluster.local. | | "
	   "10-244-0-6.db.default.svc.cluster.local. A 10.244.0.6, "
	   "db-0.db.default.svc.cluster.local. A 10.244.0.5, "
	   "db-0.db.default.svc.cluster.local. AAAA fd00:10:244::5");
	/* nothing ready: the name does not exist */
	is("down.default.svc." Z, "A", "NXDOMAIN AA RA |" SOA);
}

static void test_zone_names(void **state)
{
	(void)state;
	is(Z, "SOA", "NOERROR AA RA | cluster.local. SOA ns.dns.cluster.local.");
	is(Z, "NS",
	   "NOERROR AA RA | cluster.local. NS ns.dns.cluster.local. | | ns.dns.cluster.local. A "
	   "10.96.0.10, "
	   "ns.dns.cluster.local. AAAA fd00:10:96::a");
	is(Z, "A", "NOERROR AA RA |" SOA);
	is("ns.dns." Z, "A", "NOERROR AA RA | ns.dns.cluster.local. A 10.96.0.10");
	is("dns." Z, "A", "NOERROR AA RA |" SOA);
	is("svc." Z, "A", "NOERROR AA RA |" SOA);
	is("svc." Z, "NS", "NOERROR AA RA |" SOA);
	is("pod." Z, "A", "NOERROR AA RA |" SOA);
	is("default.svc." Z, "A", "NOERROR AA RA |" SOA);
	is("empty.svc." Z, "A", "NOERROR AA RA |" SOA);
	is("foo.svc." Z, "NS", "NXDOMAIN AA RA |" SOA);
	is("foo." Z, "A", "NXDOMAIN AA RA |" SOA);
	is("dns-version." Z, "TXT", "NOERROR AA RA | dns-version.cluster.local. TXT \"1.1.0\"");
	is("dns-version." Z, "A", "NOERROR AA RA |" SOA);
	is("example.org." Z, "PTR", "NXDOMAIN AA RA |" SOA);
	is("xcluster.local", "A", "FORWARD xcluster.local.");
	is("local", "A", "FORWARD local.");
	is(".", "NS", "FORWARD .");
}

static void test_pod_names(void **state)
{
	(void)state;
	is("10-1-2-3.default.pod." Z, "A",
	   "NOERROR AA RA | 10-1-2-3.default.pod.cluster.local. A 10.1.2.3");
	is("10-1-2-3.default.pod." Z, "AAAA", "NOERROR AA RA |" SOA);
	is("fd00--1.default.pod." Z, "AAAA",
	   "NOERROR AA RA | fd00--1.default.pod.cluster.local. AAAA fd00::1");
	is("fd00--1-2.default.pod." Z, "AAAA",
	   "NOERROR AA RA | fd00--1-2.default.pod.cluster.local. AAAA fd00::1:2");
	is("10-1-2-300.default.pod." Z, "A", "NXDOMAIN AA RA |" SOA);
	is("10-1-2-3.nope.pod." Z, "A", "NXDOMAIN AA RA |" SOA);
	is("x.10-1-2-3.default.pod." Z, "A", "NXDOMAIN AA RA |" SOA);
	is("default.pod." Z, "A", "NOERROR AA RA |" SOA);
}

static void test_reverse(void **state)
{
	(void)state;
	is("20.0.96.10.in-addr.arpa", "PTR",
	   "NOERROR AA RA | 20.0.96.10.in-addr.arpa. PTR web.default.svc.cluster.local.");
	is("0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa", "PTR",
	   "NOERROR AA RA | "
	   "0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa. PTR "
	   "web.default.svc.cluster.local.");
	is("5.0.244.10.in-addr.arpa", "PTR",
	   "NOERROR AA RA | 5.0.244.10.in-addr.arpa. PTR db-0.db.default.svc.cluster.local.");
	is("20.0.96.10.in-addr.arpa", "A",
	   "NOERROR AA RA | | 96.10.in-addr.arpa. SOA ns.dns.cluster.local.");
	is("99.0.96.10.in-addr.arpa", "PTR",
	   "NXDOMAIN AA RA | | 96.10.in-addr.arpa. SOA ns.dns.cluster.local.");
	is("99.0.244.10.in-addr.arpa", "PTR",
	   "NXDOMAIN AA RA | | 0.244.10.in-addr.arpa. SOA ns.dns.cluster.local.");
	is("96.10.in-addr.arpa", "SOA",
	   "NOERROR AA RA | 96.10.in-addr.arpa. SOA ns.dns.cluster.local.");
	is("96.10.in-addr.arpa", "NS",
	   "NOERROR AA RA | 96.10.in-addr.arpa. NS ns.dns.cluster.local. | | "
	   "ns.dns.cluster.local. A 10.96.0.10, ns.dns.cluster.local. AAAA fd00:10:96::a");
	is("6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa", "SOA", "FORWARD 6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa.");
	is("0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa", "SOA",
	   "NOERROR AA RA | 0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa. SOA "
	   "ns.dns.cluster.local.");
	is("96.10.in-addr.arpa", "PTR",
	   "NOERROR AA RA | | 96.10.in-addr.arpa. SOA ns.dns.cluster.local.");
	is("0.96.10.in-addr.arpa", "PTR",
	   "NOERROR AA RA | | 96.10.in-addr.arpa. SOA ns.dns.cluster.local.");
	is("web.default.svc.96.10.in-addr.arpa", "A",
	   "NXDOMAIN AA RA | | 96.10.in-addr.arpa. SOA ns.dns.cluster.local.");
	is("5.1.244.10.in-addr.arpa", "PTR", "FORWARD 5.1.244.10.in-addr.arpa.");
	is("10.in-addr.arpa", "NS", "FORWARD 10.in-addr.arpa.");
	is("8.8.8.8.in-addr.arpa", "PTR", "FORWARD 8.8.8.8.in-addr.arpa.");
	is("2.0.0.192.in-addr.arpa", "PTR",
	   "NOERROR AA RA | 2.0.0.192.in-addr.arpa. PTR far.far.default.svc.cluster.local.");
	is("arpa", "NS", "FORWARD arpa.");
}

static void test_two_owners(void **state)
{
	(void)state;
	lab_service("default", "db2", "None", "", "");
	lab_slice("default", "db2", "db2-x", "[]", "10.244.0.5=twin");
	lab_sync(false);
	assert_non_null(strstr(lab_ask("5.0.244.10.in-addr.arpa", "PTR"),
	                       "db-0.db.default.svc.cluster.local."));
	assert_non_null(strstr(lab_ask("5.0.244.10.in-addr.arpa", "PTR"),
	                       "twin.db2.default.svc.cluster.local."));
	lab_delete(KIND_SERVICE, "default", "db2");
	lab_sync(false);
	is("5.0.244.10.in-addr.arpa", "PTR",
	   "NOERROR AA RA | 5.0.244.10.in-addr.arpa. PTR db-0.db.default.svc.cluster.local.");
	lab_delete(KIND_ENDPOINTSLICE, "default", "db2-x");
	lab_sync(false);
}

static void test_external_name(void **state)
{
	(void)state;
	is("ext.default.svc." Z, "CNAME",
	   "NOERROR AA RA | ext.default.svc.cluster.local. CNAME www.example.com.");
	is("ext.default.svc." Z, "A", "FORWARD www.example.com. alias");
	is("ext.default.svc." Z, "TXT", "FORWARD www.example.com. alias");
	is("ext.default.svc." Z, "MX", "FORWARD www.example.com. alias");
	is("x.ext.default.svc." Z, "CNAME", "NXDOMAIN AA RA |" SOA);
	is("inner.default.svc." Z, "A",
	   "NOERROR AA RA | inner.default.svc.cluster.local. CNAME web.default.svc.cluster.local., "
	   "web.default.svc.cluster.local. A 10.96.0.20");
	is("outer.default.svc." Z, "A",
	   "NOERROR AA RA | outer.default.svc.cluster.local. CNAME "
	   "inner.default.svc.cluster.local., "
	   "inner.default.svc.cluster.local. CNAME web.default.svc.cluster.local., "
	   "web.default.svc.cluster.local. A 10.96.0.20");
	is("inner.default.svc." Z, "SRV",
	   "NOERROR AA RA | inner.default.svc.cluster.local. CNAME web.default.svc.cluster.local., "
	   "web.default.svc.cluster.local. SRV 0 50 53 web.default.svc.cluster.local., "
	   "web.default.svc.cluster.local. SRV 0 50 80 web.default.svc.cluster.local.");
	is("inner.default.svc." Z, "MX",
	   "NOERROR AA RA | inner.default.svc.cluster.local. CNAME web.default.svc.cluster.local. "
	   "| "
	   "cluster.local. SOA ns.dns.cluster.local.");
	is("dangling.default.svc." Z, "A",
	   "NXDOMAIN AA RA | dangling.default.svc.cluster.local. CNAME "
	   "gone.default.svc.cluster.local. | cluster.local. SOA "
	   "ns.dns.cluster.local.");
	is("loop.default.svc." Z, "A", "SERVFAIL RA");
}

static void test_case_is_kept(void **state)
{
	(void)state;
	is("WeB.DeFault.sVc.cluSTER.LOcal", "A",
	   "NOERROR AA RA | WeB.DeFault.sVc.cluSTER.LOcal. A 10.96.0.20");
	is("5.0.244.10.IN-addr.ARPA", "PTR",
	   "NOERROR AA RA | 5.0.244.10.IN-addr.ARPA. PTR db-0.db.default.svc.cluster.local.");
	is("WWW.Example.COM", "A", "FORWARD www.example.com.");
}

static void test_rotation(void **state)
{
	const char *first;
	char seen[2][300];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		lab_turn = i;
		first = lab_ask("db.default.svc." Z, "A");
		if (i < 2)
			snprintf(seen[i], sizeof(seen[i]), "%.299s", first);
		else
			assert_string_equal(first, seen[i % 2]);
		lab_ask("_sql._tcp.db.default.svc." Z, "SRV");
	}
	assert_string_not_equal(seen[0], seen[1]);
}

static void test_any_and_transfer(void **state)
{
	(void)state;
	is("web.default.svc." Z, "ANY",
	   "NOERROR AA RA | web.default.svc.cluster.local. A 10.96.0.20");
	is("www.example.com", "ANY", "NOERROR RA | www.example.com. HINFO \"RFC8482\"");
	is(Z, "AXFR", "REFUSED RA");
}

/* ---- messages -----------------------------------------------------------------------------------
 */

static void bytes_are(const uint8_t *p, size_t n, const char *want)
{
	assert_string_equal(lab_ask_bytes(p, n, false), want);
}

static void test_messages(void **state)
{
	uint8_t q[600];
	size_t n = lab_query(q, "web.default.svc." Z, "A", 0);

	(void)state;
	for (size_t cut = 0; cut < n; cut++)
		bytes_are(q, cut, cut < DNS_HEADER ? "DROP" : "FORMERR RA");
	q[2] |= 0x80;
	bytes_are(q, n, "DROP");
	q[2] = 0x20 | 1; /* opcode 4, NOTIFY */
	bytes_are(q, n, "NOTIMP RA");
	q[2] = 1;
	q[5] = 2;
	bytes_are(q, n, "FORMERR RA");
	q[5] = 0;
	bytes_are(q, n, "FORMERR RA");
	q[5] = 1;
	q[7] = 1;
	bytes_are(q, n, "FORMERR RA");
	q[7] = 0;
	q[n - 1] = 3; /* class CHAOS */
	bytes_are(q, n, "REFUSED RA");
	q[n - 1] = 255;
	bytes_are(q, n, "REFUSED RA");
	q[n - 1] = 1;
	q[DNS_HEADER] = 0xc0;
	q[DNS_HEADER + 1] = DNS_HEADER; /* a pointer at itself */
	bytes_are(q, n, "FORMERR RA");
	n = lab_query(q, "www.example.com", "A", 0);
	q[2] = 0; /* recursion not desired */
	bytes_are(q, n, "REFUSED RA");
}

static void test_edns(void **state)
{
	uint8_t q[600];
	size_t n = lab_query(q, "web.default.svc." Z, "A", 4096);

	(void)state;
	bytes_are(q, n, "NOERROR AA RA | web.default.svc.cluster.local. A 10.96.0.20 | | OPT 1232");
	q[n - 4] = 0x80; /* DO comes back */
	lab_ask_bytes(q, n, false);
	assert_int_equal(lab_out[lab_reply.len - 4] & 0x80, 0x80);
	q[n - 5] = 1; /* version 1 */
	bytes_are(q, n, "NOERROR RA | | | OPT 1232");
	assert_int_equal(lab_out[lab_reply.len - 6], 1); /* BADVERS: 1 << 4 */
	q[n - 5] = 0;
	memcpy(q + n, q + n - DNS_OPT_SIZE, DNS_OPT_SIZE);
	q[11] = 2; /* two OPT records */
	assert_memory_equal(lab_ask_bytes(q, n + DNS_OPT_SIZE, false), "FORMERR", 7);
	q[11] = 200;
	assert_memory_equal(lab_ask_bytes(q, n, false), "FORMERR", 7);
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

static void test_truncation(void **state)
{
	char endpoints[2048];
	uint8_t q[600];
	const char *text;
	size_t n = 0;

	(void)state;
	for (unsigned i = 1; i <= 100; i++)
		n += sprintf(endpoints + n, "10.244.0.%u ", i);
	lab_service("default", "big", "None", "http/TCP/80", "");
	lab_slice("default", "big", "big-x",
	          "[{\"name\":\"http\",\"protocol\":\"TCP\",\"port\":80}]", endpoints);
	lab_sync(false);
	n = lab_query(q, "big.default.svc." Z, "A", 0);
	for (lab_turn = 0; lab_turn < 200; lab_turn++) {
		text = lab_ask_bytes(q, n, false);
		assert_memory_equal(text, "NOERROR AA TC RA", 16);
		assert_int_equal(count(text, " A 10."), (512 - n) / 16);
		assert_int_equal(count(lab_ask_bytes(q, n, true), " A 10."), 100);
	}
	n = lab_query(q, "big.default.svc." Z, "A", 1232);
	assert_int_equal(count(lab_ask_bytes(q, n, false), " A 10."), (1232 - n) / 16);
	n = lab_query(q, "_http._tcp.big.default.svc." Z, "SRV", 0);
	for (lab_turn = 0; lab_turn < 200; lab_turn++) {
		text = lab_ask_bytes(q, n, true);
		assert_int_equal(count(text, " SRV 0 1 80 10-244-0-"), 100);
		assert_int_equal(count(text, "local. A 10."), 100);
		assert_memory_equal(lab_ask_bytes(q, n, false), "NOERROR AA TC RA", 16);
	}
	lab_turn = 0;
	lab_delete(KIND_SERVICE, "default", "big");
	lab_delete(KIND_ENDPOINTSLICE, "default", "big-x");
	lab_sync(false);
	is("big.default.svc." Z, "A", "NXDOMAIN AA RA |" SOA);
}

static void test_no_upstreams(void **state)
{
	(void)state;
	lab_upstreams.n_upstreams = lab_upstreams.group[0].n = 0;
	lab_sync(false);
	is("www.example.com", "A", "SERVFAIL");
	is("ext.default.svc." Z, "A",
	   "NOERROR AA | ext.default.svc.cluster.local. CNAME www.example.com.");
	lab_upstreams.n_upstreams = lab_upstreams.group[0].n = 1;
	lab_sync(false);
}

static void test_packing(void **state)
{
	uint8_t q[600], packed[DNS_QUERY_PACKED];
	struct dns_query one, two;
	size_t n = lab_query(q, "WWW.example.com", "AAAA", 900);

	(void)state;
	assert_int_equal(dns_query_parse(&one, q, n), 0);
	n = dns_query_pack(&one, packed);
	assert_int_equal(dns_query_parse(&two, packed, n), 0);
	assert_int_equal(two.udp_size, 900);
	assert_int_equal(two.id, one.id);
	assert_memory_equal(two.raw, one.raw, one.name_len + 4);
}

static int setup(void **state)
{
	(void)state;
	lab_open();
	assert_true(endpoint_parse(&lab_upstreams.upstream[0].at, "192.0.2.1:53"));
	lab_upstreams.n_upstreams = lab_upstreams.group[0].n = 1;
	lab_put(KIND_NAMESPACE, "", "empty", "{}");
	lab_service("default", "web", "10.96.0.20,fd00:10:96::20", "http/TCP/80,dns/UDP/53", "");
	lab_service("default", "only4", "10.96.0.21", "/TCP/80", "");
	lab_service("default", "db", "None", "sql/TCP/5432", "");
	lab_slice("default", "db", "db-a",
	          "[{\"name\":\"sql\",\"protocol\":\"TCP\",\"port\":5432}]",
	          "10.244.0.5=db-0 10.244.0.6 10.244.0.7=db-1!");
	lab_slice("default", "db", "db-b",
	          "[{\"name\":\"sql\",\"protocol\":\"TCP\",\"port\":5432}]", "fd00:10:244::5=db-0");
	lab_service("default", "down", "None", "", "");
	lab_slice("default", "down", "down-a", "[]", "10.244.0.9!");
	lab_service("default", "far", "None", "", "");
	lab_slice("default", "far", "far-a", "[]", "192.0.0.2=far");
	lab_service("default", "ext", "", "",
	            ",\"type\":\"ExternalName\",\"externalName\":\"WWW.example.com.\"");
	lab_service(
		"default", "inner", "", "",
		",\"type\":\"ExternalName\",\"externalName\":\"web.default.svc.cluster.local\"");
	lab_service(
		"default", "outer", "", "",
		",\"type\":\"ExternalName\",\"externalName\":\"inner.default.svc.cluster.local\"");
	lab_service(
		"default", "dangling", "", "",
		",\"type\":\"ExternalName\",\"externalName\":\"gone.default.svc.cluster.local\"");
	lab_service(
		"default", "loop", "", "",
		",\"type\":\"ExternalName\",\"externalName\":\"loop.default.svc.cluster.local\"");
	lab_sync(true);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lab_close();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cluster_ip),    cmocka_unit_test(test_headless),
		cmocka_unit_test(test_zone_names),    cmocka_unit_test(test_pod_names),
		cmocka_unit_test(test_reverse),       cmocka_unit_test(test_two_owners),
		cmocka_unit_test(test_external_name), cmocka_unit_test(test_case_is_kept),
		cmocka_unit_test(test_rotation),      cmocka_unit_test(test_any_and_transfer),
		cmocka_unit_test(test_messages),      cmocka_unit_test(test_edns),
		cmocka_unit_test(test_truncation),    cmocka_unit_test(test_no_upstreams),
		cmocka_unit_test(test_packing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
