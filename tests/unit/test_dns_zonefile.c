/* test_dns_zonefile.c - zone files read, and questions put to what they say; files that are wrong,
 * and the words that say so. */
#include "dns_lab.h"

#include "../../modules/dns/dns_hosts.h"
#include "../../modules/dns/dns_zonefile.h"

static struct buf local_slot;

/* Puts text, a zone below "example.", and hosts in force. */
static void serve(const char *text, const char *hosts)
{
	struct dns_zonefile z = { 0 };
	struct dns_hosts h = { 0 };
	auto_buf struct buf entries = { 0 };
	uint8_t origin[DNS_NAME_MAX];
	struct err e = { 0 };
	size_t n = dns_zonefile_origin("example.zone", origin);
	unsigned n_hosts;

	if (dns_zonefile_parse(&z, "z", origin, n, text, &e))
		fail_msg("%s", e.text);
	assert_int_equal(dns_hosts_parse(&h, "h", hosts, &e), 0);
	n_hosts = dns_hosts_entries(&h, 5, &entries);
	buf_add(&entries, z.entries.data, z.entries.len);
	buf_reset(&local_slot);
	dns_local_build(&local_slot, n_hosts, 1, &entries);
	assert_true(dns_local_open(&lab_zone.local, local_slot.data, local_slot.len));
	dns_hosts_free(&h);
	dns_zonefile_free(&z);
}

static void check(const char *name, const char *type, const char *want)
{
	const char *got = lab_ask(name, type);

	if (strcmp(got, want) != 0)
		fail_msg("%s %s\n got  %s\n want %s", name, type, got, want);
}

#define HEAD "$TTL 1h\n@ IN SOA ns hostmaster 7 2h 30m 1d 5m\n@ NS ns\nns A 192.0.2.53\n"
#define SOA " example. SOA ns.example."

/* One record behind HEAD: what is asked and what must come. */
static const struct {
	const char *lines, *name, *type, *want;
} good[] = {
	{ "", "example", "SOA", "NOERROR AA RA | example. SOA ns.example." },
	{ "", "example", "NS",
	  "NOERROR AA RA | example. NS ns.example. | | ns.example. A 192.0.2.53" },
	{ "", "ns.example", "A", "NOERROR AA RA | ns.example. A 192.0.2.53" },
	{ "", "ns.example", "AAAA", "NOERROR AA RA | |" SOA },
	{ "", "nope.example", "A", "NXDOMAIN AA RA | |" SOA },
	{ "", "example", "A", "NOERROR AA RA | |" SOA },
	{ "", "other", "A", "FORWARD other." },
	{ "", "badexample", "A", "FORWARD badexample." },
	{ "www A 192.0.2.1", "www.example", "A", "NOERROR AA RA | www.example. A 192.0.2.1" },
	{ "www A 192.0.2.1", "WWW.Example", "A", "NOERROR AA RA | WWW.Example. A 192.0.2.1" },
	{ "www IN A 192.0.2.1", "www.example", "A", "NOERROR AA RA | www.example. A 192.0.2.1" },
	{ "www 5 IN A 192.0.2.1", "www.example", "A", "NOERROR AA RA | www.example. A 192.0.2.1" },
	{ "www IN 5m A 192.0.2.1", "www.example", "A", "NOERROR AA RA | www.example. A 192.0.2.1" },
	{ "www 1w2d3h4m5s CLASS1 TYPE1 192.0.2.1", "www.example", "A", NULL },
	{ "www a 192.0.2.1", "www.example", "A", "NOERROR AA RA | www.example. A 192.0.2.1" },
	{ "WWW.EXAMPLE. A 192.0.2.1", "www.example", "A",
	  "NOERROR AA RA | www.example. A 192.0.2.1" },
	{ "www AAAA 2001:db8::1", "www.example", "AAAA",
	  "NOERROR AA RA | www.example. AAAA 2001:db8::1" },
	{ "www A 192.0.2.1 ; why\n\tAAAA 2001:db8::1", "www.example", "AAAA",
	  "NOERROR AA RA | www.example. AAAA 2001:db8::1" },
	{ "$ORIGIN sub\nwww A 192.0.2.1", "www.sub.example", "A",
	  "NOERROR AA RA | www.sub.example. A 192.0.2.1" },
	{ "$ORIGIN sub.example.\n@ A 192.0.2.1", "sub.example", "A",
	  "NOERROR AA RA | sub.example. A 192.0.2.1" },
	{ "a ( A\n 192.0.2.1 ; inside\n )", "a.example", "A",
	  "NOERROR AA RA | a.example. A 192.0.2.1" },
	{ "a(A 192.0.2.1)", "a.example", "A", "NOERROR AA RA | a.example. A 192.0.2.1" },
	{ "\n\n  \n; nothing\na A 192.0.2.1\r\n", "a.example", "A",
	  "NOERROR AA RA | a.example. A 192.0.2.1" },
	{ "a\\.b A 192.0.2.1", "a.b.example", "A", "NXDOMAIN AA RA | |" SOA },
	{ "\\097 A 192.0.2.1", "a.example", "A", "NOERROR AA RA | a.example. A 192.0.2.1" },
	{ "t TXT one", "t.example", "TXT", "NOERROR AA RA | t.example. TXT \"one\"" },
	{ "t TXT \"a ; b\"", "t.example", "TXT", "NOERROR AA RA | t.example. TXT \"a ; b\"" },
	{ "t TXT a\\;b", "t.example", "TXT", "NOERROR AA RA | t.example. TXT \"a;b\"" },
	{ "t TXT \"q\\\"q\"", "t.example", "TXT", "NOERROR AA RA | t.example. TXT \"q\"q\"" },
	{ "t TXT \"\\065\\066\" two", "t.example", "TXT", "NOERROR AA RA | t.example. TXT \"AB\"" },
	{ "t TXT (\"a\"\n\"b\")", "t.example", "TXT", "NOERROR AA RA | t.example. TXT \"a\"" },
	{ "c CNAME ns", "c.example", "CNAME", "NOERROR AA RA | c.example. CNAME ns.example." },
	{ "c CNAME NS", "c.example", "A",
	  "NOERROR AA RA | c.example. CNAME ns.example., ns.example. A 192.0.2.53" },
	{ "c CNAME ns", "c.example", "TXT", "NOERROR AA RA | c.example. CNAME ns.example. |" SOA },
	{ "c CNAME gone", "c.example", "A",
	  "NXDOMAIN AA RA | c.example. CNAME gone.example. |" SOA },
	{ "c CNAME www.test.", "c.example", "A", "FORWARD www.test. alias" },
	{ "c CNAME c", "c.example", "A", "SERVFAIL RA" },
	{ "c CNAME web.default.svc.cluster.local.", "c.example", "A",
	  "NOERROR AA RA | c.example. CNAME web.default.svc.cluster.local., "
	  "web.default.svc.cluster.local. A 10.96.0.7" },
	{ "@ MX 10 ns", "example", "MX",
	  "NOERROR AA RA | example. TYPE15 | | ns.example. A 192.0.2.53" },
	{ "_x._tcp SRV 1 2 80 ns", "_x._tcp.example", "SRV",
	  "NOERROR AA RA | _x._tcp.example. SRV 1 2 80 ns.example. | | ns.example. A 192.0.2.53" },
	{ "_x._tcp SRV 1 2 80 ns", "_tcp.example", "A", "NOERROR AA RA | |" SOA },
	{ "a.b.c A 192.0.2.1", "b.c.example", "A", "NOERROR AA RA | |" SOA },
	{ "a.b.c A 192.0.2.1", "x.b.c.example", "A", "NXDOMAIN AA RA | |" SOA },
	{ "p PTR ns", "p.example", "PTR", "NOERROR AA RA | p.example. PTR ns.example." },
	{ "c CAA 0 issue \"ca.test\"", "c.example", "257", "NOERROR AA RA | c.example. TYPE257" },
	{ "n NAPTR 1 2 \"s\" \"SIP+D2U\" \"\" ns", "n.example", "35",
	  "NOERROR AA RA | n.example. TYPE35" },
	{ "h TYPE65 \\# 3 00 01 00", "h.example", "65", "NOERROR AA RA | h.example. TYPE65" },
	{ "h HTTPS \\# 3 000100", "h.example", "65", "NOERROR AA RA | h.example. TYPE65" },
	{ "h TYPE4711 \\# 0", "h.example", "4711", "NOERROR AA RA | h.example. TYPE4711" },
	{ "s SSHFP 1 2 ab cd", "s.example", "44", "NOERROR AA RA | s.example. TYPE44" },
	{ "w A 192.0.2.1\nw A 192.0.2.1", "w.example", "A",
	  "NOERROR AA RA | w.example. A 192.0.2.1" },
	{ "h HINFO x y", "h.example", "HINFO", "NOERROR AA RA | h.example. HINFO \"x\"" },
	{ "c CNAME ns", "c.example", "ANY", "NOERROR AA RA | c.example. CNAME ns.example." },
	/* wildcards: RFC 4592 2.2.1 */
	{ "* A 192.0.2.9", "any.example", "A", "NOERROR AA RA | any.example. A 192.0.2.9" },
	{ "* A 192.0.2.9", "a.b.example", "A", "NOERROR AA RA | a.b.example. A 192.0.2.9" },
	{ "* A 192.0.2.9", "any.example", "MX", "NOERROR AA RA | |" SOA },
	{ "* A 192.0.2.9", "ns.example", "AAAA", "NOERROR AA RA | |" SOA },
	{ "* A 192.0.2.9", "x.ns.example", "A", "NXDOMAIN AA RA | |" SOA },
	{ "* A 192.0.2.9\na.b TXT x", "c.b.example", "A", "NXDOMAIN AA RA | |" SOA },
	{ "* A 192.0.2.9", "*.example", "A", "NOERROR AA RA | *.example. A 192.0.2.9" },
	{ "* CNAME ns", "any.example", "A",
	  "NOERROR AA RA | any.example. CNAME ns.example., ns.example. A 192.0.2.53" },
	{ "x.*.w A 192.0.2.9", "y.w.example", "A", "NOERROR AA RA | |" SOA },
	/* delegations: who wants recursion is forwarded */
	{ "sub NS ns.sub\nns.sub A 192.0.2.54", "www.sub.example", "A",
	  "FORWARD www.sub.example." },
	{ "sub NS ns.sub\nns.sub A 192.0.2.54", "sub.example", "NS", "FORWARD sub.example." },
	{ "sub NS ns.sub\nns.sub A 192.0.2.54", "ns.sub.example", "A", "FORWARD ns.sub.example." },
	{ "sub NS ns.sub\nsub DS 1 2 3 ab", "sub.example", "43",
	  "NOERROR AA RA | sub.example. TYPE43" },
	{ "sub NS ns.sub\n* A 192.0.2.9", "x.sub.example", "A", "FORWARD x.sub.example." },
	/* DNAME */
	{ "d DNAME example.", "ns.d.example", "A",
	  "NOERROR AA RA | d.example. TYPE39, ns.d.example. CNAME ns.example., ns.example. A "
	  "192.0.2.53" },
	{ "d DNAME test.", "a.b.d.example", "A", "FORWARD a.b.test. alias" },
	{ "d DNAME test.", "d.example", "39", "NOERROR AA RA | d.example. TYPE39" },
	{ "d DNAME test.", "d.example", "A", "NOERROR AA RA | |" SOA },
	/* hosts: below, in test_good */
	{ "* A 192.0.2.9", "host.example", "A", "NOERROR AA RA | host.example. A 192.0.2.77" },
	{ "* A 192.0.2.9", "host.example", "TXT", "NOERROR AA RA" },
	{ "* A 192.0.2.9", "x.host.example", "A", "NOERROR AA RA | x.host.example. A 192.0.2.9" },
	{ "", "77.2.0.192.in-addr.arpa", "PTR",
	  "NOERROR AA RA | 77.2.0.192.in-addr.arpa. PTR host.example." },
	{ "web CNAME host", "web.example", "A",
	  "NOERROR AA RA | web.example. CNAME host.example., host.example. A 192.0.2.77" },
};

static void test_good(void **state)
{
	char text[2048];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		snprintf(text, sizeof(text), "%s%s", HEAD, good[i].lines);
		serve(text, "192.0.2.77 host.example\n");
		if (good[i].want)
			check(good[i].name, good[i].type, good[i].want);
	}
}

#define LABEL_63 "123456789-123456789-123456789-123456789-123456789-123456789-123"

static const struct {
	const char *text, *want;
} bad[] = {
	{ "", "z:1: a SOA record is expected" },
	{ "@ 5 NS ns\n", "z:2: a SOA record is expected" },
	{ "@ 5 SOA ns h 1 2 3 4 5\n", "z:1: the zone has no NS records" },
	{ HEAD "@ SOA ns h 1 2 3 4 6", "z:5: a second SOA record" },
	{ HEAD "$ORIGIN .\ntest SOA ns h 1 2 3 4 5", "z:6: a second SOA record" },
	{ "$ORIGIN .\n@ 5 SOA ns h 1 2 3 4 5\n@ 5 NS a", "the root zone cannot be served" },
	{ "@ 5 SOA ns h 1 2 3 4\n", "z:1: SOA \"ns\": SERVER MAILBOX SERIAL" },
	{ "@ SOA ns h 1 2 3 4 5\n@ NS ns\n$TTL x", "z:3: \"x\": a time is expected" },
	{ HEAD "$TTL", "z:5: $TTL takes one value" },
	{ HEAD "$INCLUDE other.zone", "z:5: $INCLUDE is not supported" },
	{ HEAD "$GENERATE 1-9 a$ A 192.0.2.$", "z:5: $GENERATE is not supported" },
	{ HEAD "$WHAT now", "z:5: \"$WHAT\": $ORIGIN or $TTL is expected" },
	{ HEAD "$ORIGIN a..b", "z:5: \"a..b\": a name is expected" },
	{ HEAD "a..b A 192.0.2.1", "z:5: \"a..b\": a name is expected" },
	{ HEAD ".a A 192.0.2.1", "a name is expected" },
	{ HEAD LABEL_63 "4 A 192.0.2.1", "a name is expected" },
	{ HEAD LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63 " A 192.0.2.1",
	  "a name is expected" },
	{ HEAD "a\\25 A 192.0.2.1", "a name is expected" },
	{ HEAD "a\\256 A 192.0.2.1", "a name is expected" },
	{ HEAD "\"a\" A 192.0.2.1", "a name is expected" },
	{ " A 192.0.2.1", "z:1: the first record has no owner" },
	{ HEAD "a", "z:5: OWNER [TTL] [IN] TYPE DATA is expected" },
	{ HEAD "a 5 IN", "OWNER [TTL] [IN] TYPE DATA is expected" },
	{ HEAD "a CH A 192.0.2.1", "\"CH\": a type is expected" },
	{ HEAD "a 5 6 A 192.0.2.1", "\"6\": a type is expected" },
	{ HEAD "a B 192.0.2.1", "\"B\": a type is expected" },
	{ HEAD "a ANY x", "\"ANY\": a type is expected" },
	{ HEAD "a TYPE255 \\# 0", "a type is expected" },
	{ HEAD "a TYPE65536 \\# 0", "a type is expected" },
	{ HEAD "a 2147483648 A 192.0.2.1", "a type is expected" },
	{ HEAD "a \"A\" 192.0.2.1", "a type is expected" },
	{ HEAD "a A", "A: an IPv4 address is expected" },
	{ HEAD "a A 192.0.2", "A \"192.0.2\": an IPv4 address is expected" },
	{ HEAD "a A 192.0.2.1 x", "an IPv4 address is expected" },
	{ HEAD "a A 2001:db8::1", "an IPv4 address is expected" },
	{ HEAD "a AAAA 192.0.2.1", "an IPv6 address is expected" },
	{ HEAD "a MX ns", "MX \"ns\": PREFERENCE NAME is expected" },
	{ HEAD "a MX 65536 ns", "PREFERENCE NAME is expected" },
	{ HEAD "a SRV 1 2 ns", "PRIORITY WEIGHT PORT NAME is expected" },
	{ HEAD "a CNAME a b", "CNAME \"a\": a name is expected" },
	{ HEAD "a TXT", "TXT: strings of at most 255 bytes is expected" },
	{ HEAD "a TXT \"open", "z:5: a closing \" is expected" },
	{ HEAD "a TXT " LABEL_63 LABEL_63 LABEL_63 LABEL_63 LABEL_63, "strings of at most 255" },
	{ HEAD "a CAA 256 issue x", "FLAGS TAG \"VALUE\" is expected" },
	{ HEAD "a HTTPS 1 .", "HTTPS: \\# LENGTH HEX is expected" },
	{ HEAD "a TYPE4711 x", "TYPE4711: \\# LENGTH HEX is expected" },
	{ HEAD "a TYPE4711 \\# 2 ab", "as many as LENGTH says" },
	{ HEAD "a TYPE4711 \\# 1 abc", "\\# LENGTH HEX is expected" },
	{ HEAD "a TYPE4711 \\# 1 xy", "\\# LENGTH HEX is expected" },
	{ HEAD "a TYPE4711 \\# 5000 ab", "at most 4096 bytes" },
	{ HEAD "a A \\# 4 c0000201", "\\# is for types that are not known" },
	{ HEAD "a ( A 192.0.2.1\n\n", "z:5: a closing ) is expected" },
	{ HEAD "a A 192.0.2.1 )", "z:5: ) without a (" },
	{ HEAD "a CNAME b\na A 192.0.2.1", "z:5: a.example has CNAME and other data" },
	{ HEAD "a CNAME b\na CNAME c", "z:6: a.example has a second CNAME record" },
	{ HEAD "a DNAME b\na DNAME c", "a.example has a second DNAME record" },
	{ HEAD "a DNAME b\nx.a A 192.0.2.1", "z:6: a record below the DNAME of a.example" },
	{ HEAD "* NS ns", "z:5: NS records of a wildcard" },
	{ "@ NS ns\n", "z:1: a TTL is expected" },
};

static void test_bad(void **state)
{
	uint8_t origin[DNS_NAME_MAX];
	size_t n = dns_zonefile_origin("example.zone", origin);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct dns_zonefile z = { 0 };
		struct err e = { 0 };

		if (!dns_zonefile_parse(&z, "z", origin, n, bad[i].text, &e))
			fail_msg("taken: %s", bad[i].text);
		if (!strstr(e.text, bad[i].want))
			fail_msg("%s\n got  %s\n want %s", bad[i].text, e.text, bad[i].want);
		assert_int_equal(z.apex_len, 0);
	}
}

static const struct {
	const char *lines, *want; /* want: the first warning */
} warned[] = {
	{ "", "" },
	{ "a.test. A 192.0.2.1", "z:5: a.test lies outside of the zone: left out" },
	{ "a A 192.0.2.1\na 5 A 192.0.2.2",
	  "z:6: A records of one name differ in their TTL: 3600" },
	{ "@ MX 1 gone", "z:5: gone.example, that MX leads to, has no address" },
	{ "@ MX 1 b\nb CNAME ns", "z:5: b.example, that MX leads to, is an alias" },
	{ "@ MX 1 elsewhere.test.", "" },
	{ "@ MX 1 w\n* A 192.0.2.1", "" },
	{ "_a._tcp SRV 1 1 1 gone", "that SRV leads to, has no address" },
	{ "sub NS ns.sub", "z:5: ns.sub.example, that NS leads to, has no address" },
	{ "sub NS ns.sub\nns.sub A 192.0.2.1", "" },
};

static void test_warnings(void **state)
{
	uint8_t origin[DNS_NAME_MAX];
	size_t n = dns_zonefile_origin("db.example", origin);
	char text[2048];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(warned); i++) {
		struct dns_zonefile z = { 0 };
		struct err e = { 0 };

		snprintf(text, sizeof(text), "%s%s", HEAD, warned[i].lines);
		if (dns_zonefile_parse(&z, "z", origin, n, text, &e))
			fail_msg("%s", e.text);
		if (*warned[i].want ? !strstr(z.warning, warned[i].want) : z.n_warnings)
			fail_msg("%s\n got  %s\n want %s", warned[i].lines, z.warning,
			         warned[i].want);
		dns_zonefile_free(&z);
	}
}

/* Without recursion a delegation is shown; without upstreams too. */
static void test_referral(void **state)
{
	uint8_t query[600];
	size_t n = lab_query(query, "www.sub.example", "A", 0);

	(void)state;
	serve(HEAD "sub NS ns.sub\nns.sub A 192.0.2.54\n", "");
	query[2] &= (uint8_t)~1u;
	assert_string_equal(lab_ask_bytes(query, n, false),
	                    "NOERROR RA | | sub.example. NS ns.sub.example. | "
	                    "ns.sub.example. A 192.0.2.54");
}

static void test_no_room_below_a_dname(void **state)
{
	(void)state;
	serve(HEAD "d DNAME " LABEL_63 "." LABEL_63 "." LABEL_63 ".test.\n", "");
	check(LABEL_63 ".d.example", "A", "YXDOMAIN AA RA");
}

static void test_dname_in_a_circle(void **state)
{
	uint8_t query[600];
	size_t n = lab_query(query, "a.d.example", "A", 0);

	(void)state;
	serve(HEAD "d DNAME d.example.\n", "");
	assert_string_equal(lab_ask_bytes(query, n, true), "SERVFAIL RA");
}

/* The old zone stays when the new one is wrong. */
static void test_failure_changes_nothing(void **state)
{
	struct dns_zonefile z = { 0 };
	uint8_t origin[DNS_NAME_MAX];
	size_t n = dns_zonefile_origin("example", origin), len;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(dns_zonefile_parse(&z, "z", origin, n, HEAD, &e), 0);
	len = z.entries.len;
	assert_int_not_equal(dns_zonefile_parse(&z, "z", origin, n, HEAD "x", &e), 0);
	assert_int_equal(z.entries.len, len);
	assert_int_equal(z.n_records, 3);
	dns_zonefile_free(&z);
}

static void test_many_records(void **state)
{
	struct dns_zonefile z = { 0 };
	auto_buf struct buf text = { 0 };
	uint8_t origin[DNS_NAME_MAX];
	size_t n = dns_zonefile_origin("example", origin);
	struct err e = { 0 };

	(void)state;
	buf_str(&text, HEAD);
	for (unsigned i = 0; i < 20000; i++)
		buf_printf(&text, "h%u A 10.1.%u.%u\n", i, i / 250, i % 250);
	buf_add(&text, "", 1);
	assert_int_equal(dns_zonefile_parse(&z, "z", origin, n, text.data, &e), 0);
	assert_int_equal(z.n_records, 20003);
	dns_zonefile_free(&z);
	buf_reset(&text);
	buf_str(&text, HEAD);
	for (unsigned i = 0; i < 2001; i++)
		buf_printf(&text, "h A 10.1.%u.%u\n", i / 250, i % 250);
	buf_add(&text, "", 1);
	assert_int_not_equal(dns_zonefile_parse(&z, "z", origin, n, text.data, &e), 0);
	assert_non_null(strstr(e.text, "z:2005: too many records"));
}

static int begin(void **state)
{
	(void)state;
	lab_open();
	lab_service("default", "web", "10.96.0.7", "http/TCP/80", "");
	assert_true(endpoint_parse(&lab_upstreams.upstream[0].at, "192.0.2.1:53"));
	lab_upstreams.n_upstreams = lab_upstreams.group[0].n = 1;
	lab_sync(true);
	return 0;
}

static int end(void **state)
{
	(void)state;
	buf_free(&local_slot);
	lab_close();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_referral),
		cmocka_unit_test(test_no_room_below_a_dname),
		cmocka_unit_test(test_dname_in_a_circle),
		cmocka_unit_test(test_failure_changes_nothing),
		cmocka_unit_test(test_many_records),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
