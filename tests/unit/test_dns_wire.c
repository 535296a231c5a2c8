/* test_dns_wire.c - the DNS protocol as strangers speak it: messages made field by field, and what
 * becomes of them; EDNS, its options, cookies; and that no answer is larger than allowed. */
#include "dns_lab.h"

#include <arpa/inet.h>

#include "../../modules/dns/dns_cookie_secret.h"
#include "../../modules/dns/dns_edns.h"

#define WEB "web.default.svc.cluster.local"
#define NOW 1559731985u

static struct sockaddr_in client = { .sin_family = AF_INET };

static struct dns_query last;

/* An answer's text; the bytes are in lab_out. */
static const char *put(const uint8_t *query, size_t n, bool stream)
{
	struct dns_asker by = {
		.stream = stream, .from = (struct sockaddr *)&client, .now = NOW, .idle = 100
	};

	lab_reply = (struct dns_reply){ .p = lab_out,
		                        .max = stream ? DNS_TCP_MAX : DNS_UDP_MAX,
		                        .turn = lab_turn };
	switch (dns_answer(&lab_zone, query, n, &by, &last, &lab_forwarded, &lab_reply)) {
	case DNS_DROP:
		return "DROP";
	case DNS_FORWARD:
		return "FORWARD";
	case DNS_REPLY:
		break;
	}
	assert_true(lab_reply.len <= (stream ? DNS_TCP_MAX : last.udp_size));
	return lab_text(lab_out, lab_reply.len);
}

static void starts(const char *got, const char *want, const char *what)
{
	if (strncmp(got, want, strlen(want)) != 0)
		fail_msg("%s\n got  %s\n want %s", what, got, want);
}

/* ---- one byte changed -------------------------------------------------------------------------
 */

static void test_header_fields(void **state)
{
	static const struct {
		const char *what;
		unsigned at, value;
		const char *want;
	} rows[] = {
		{ "sound", 2, 1, "NOERROR AA" },
		{ "a response", 2, 0x81, "DROP" },
		{ "opcode IQUERY", 2, 1 << 3, "NOTIMP" },
		{ "opcode STATUS", 2, 2 << 3, "NOTIMP" },
		{ "opcode 3", 2, 3 << 3, "NOTIMP" },
		{ "opcode NOTIFY", 2, 4 << 3, "NOTIMP" },
		{ "opcode UPDATE", 2, 5 << 3, "NOTIMP" },
		{ "opcode DSO", 2, 6 << 3, "NOTIMP" },
		{ "opcode 15", 2, 15 << 3, "NOTIMP" },
		{ "AA in a query", 2, 4 | 1, "NOERROR AA" },
		{ "TC in a query", 2, 2 | 1, "NOERROR AA" },
		{ "RA in a query", 3, 0x80, "NOERROR AA" },
		{ "Z in a query", 3, 0x40, "NOERROR AA" },
		{ "AD in a query", 3, 0x20, "NOERROR AA" },
		{ "an rcode in a query", 3, 5, "NOERROR AA" },
		{ "no question", 5, 0, "FORMERR" },
		{ "two questions", 5, 2, "FORMERR" },
		{ "65281 questions", 4, 0xff, "FORMERR" },
		{ "an answer", 7, 1, "FORMERR" },
		{ "an authority", 9, 1, "FORMERR" },
		{ "an additional that is not there", 11, 1, "FORMERR" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t q[600];
		size_t n = lab_query(q, WEB, "A", 0);

		q[rows[i].at] = (uint8_t)rows[i].value;
		starts(put(q, n, false), rows[i].want, rows[i].what);
		if (strcmp(rows[i].want, "DROP") != 0) {
			assert_int_equal(dns_get16(lab_out), 0x1234);
			assert_int_equal(lab_out[2] & 0x78, q[2] & 0x78);
			assert_int_equal(lab_out[2] & 1, q[2] & 1); /* RD comes back */
			assert_int_equal(lab_out[3] & 0x60, 0);     /* AD and Z do not */
		}
	}
}

static void test_flags(void **state)
{
	uint8_t q[600];
	size_t n = lab_query(q, WEB, "A", 0);

	(void)state;
	q[3] = 0x10; /* CD comes back: RFC 4035 3.2.2 */
	put(q, n, false);
	assert_int_equal(lab_out[3], 0x90);
	q[2] = 0; /* without RD the cluster's own names are answered too */
	starts(put(q, n, false), "NOERROR AA", "no RD");
	n = lab_query(q, "www.example.com", "A", 0);
	q[2] = 0;
	starts(put(q, n, false), "REFUSED RA", "no RD, outside");
}

static void test_types_and_classes(void **state)
{
	uint8_t q[600];
	size_t n = lab_query(q, WEB, "A", 0);

	(void)state;
	for (unsigned type = 0; type < 0x10000; type += type < 300 ? 1 : 997) {
		dns_put16(q + n - 4, (uint16_t)type);
		put(q, n, false);
		if (type == DNS_AXFR || type == DNS_IXFR)
			assert_int_equal(lab_out[3] & 15, DNS_REFUSED);
		else
			assert_int_equal(lab_out[3] & 15, DNS_NOERROR);
	}
	dns_put16(q + n - 4, DNS_A);
	for (unsigned class = 0; class < 0x10000; class += class < 300 ? 1 : 997) {
		dns_put16(q + n - 2, (uint16_t) class);
		starts(put(q, n, false), class == DNS_IN ? "NOERROR" : "REFUSED", "class");
	}
	n = lab_query(q, "version.bind", "TXT", 0);
	q[n - 1] = 3;
	starts(put(q, n, false), "REFUSED", "version.bind");
	/* IXFR tells its serial in the authority section */
	n = lab_query(q, "cluster.local", "AXFR", 0);
	dns_put16(q + n - 4, DNS_IXFR);
	q[9] = 1;
	starts(put(q, n, true), "REFUSED", "IXFR");
}

/* ---- names ------------------------------------------------------------------------------------
 */

/* A query whose name is these bytes. */
static size_t raw_query(uint8_t *p, const void *name, size_t n)
{
	memset(p, 0, DNS_HEADER);
	p[2] = 1;
	p[5] = 1;
	memcpy(p + DNS_HEADER, name, n);
	dns_put16(p + DNS_HEADER + n, DNS_A);
	dns_put16(p + DNS_HEADER + n + 2, DNS_IN);
	return DNS_HEADER + n + 4;
}

static void test_names(void **state)
{
	uint8_t q[600], name[300] = { 0 };
	size_t n;

	(void)state;
#define NAME(bytes) raw_query(q, bytes, sizeof(bytes) - 1)
	starts(put(q, NAME("\xc0\x0c"), false), "FORMERR", "a pointer at itself");
	starts(put(q, NAME("\3web\xc0\x0c"), false), "FORMERR", "a pointer back");
	starts(put(q, NAME("\xc0\x00"), false), "FORMERR", "a pointer at the header");
	starts(put(q,
	           NAME("\x40"
	                "a\0"),
	           false),
	       "FORMERR", "label type 01");
	starts(put(q,
	           NAME("\x80"
	                "a\0"),
	           false),
	       "FORMERR", "label type 10");
	starts(put(q, NAME("\3w\0b\5local\0"), false), "FORWARD", "a NUL in a label");
	assert_memory_equal(lab_forwarded.target, "\3w\0b\5local", 11);
	starts(put(q, NAME("\7web.def\7cluster\5local\0"), false), "NXDOMAIN AA",
	       "a dot in a label is not two labels");
	starts(put(q, NAME("\3a.b\1c\0"), false), "FORWARD", "a dot in a label, outside");
	/* a dot in a label does not make a name of the zone */
	starts(put(q, NAME("\15cluster.local\0"), false), "FORWARD", "one label");
	assert_int_equal(lab_forwarded.target_len, 15);
	/* labels of 63, a name of 255 */
	for (unsigned i = 0; i < 4; i++) {
		name[i * 64] = 63;
		memset(name + i * 64 + 1, 'a' + (int)i, 63);
	}
	name[192] = 61;
	name[254] = 0;
	n = raw_query(q, name, 255);
	assert_string_not_equal(put(q, n, false), "DROP");
	assert_int_equal(last.name_len, 255);
	assert_int_equal(lab_forwarded.target_len, 255);
	name[192] = 62;
	name[255] = 0;
	starts(put(q, raw_query(q, name, 256), false), "FORMERR", "256 bytes");
	/* 127 labels */
	for (unsigned i = 0; i < 127; i++)
		memcpy(name + 2 * i, "\1x", 2);
	name[254] = 0;
	put(q, raw_query(q, name, 255), false);
	assert_int_equal(last.n_labels, 127);
#undef NAME
}

static void test_cut_and_trailing(void **state)
{
	uint8_t q[700];
	size_t n = lab_query(q, WEB, "A", 1232);

	(void)state;
	for (size_t cut = 0; cut < n; cut++)
		starts(put(q, cut, false), cut < DNS_HEADER ? "DROP" : "FORMERR", "cut");
	memset(q + n, 0xaa, 60);
	starts(put(q, n + 60, false), "NOERROR AA", "trailing garbage is ignored");
	assert_null(memmem(lab_out, lab_reply.len, "\xaa\xaa", 2));
}

/* ---- EDNS -------------------------------------------------------------------------------------
 */

/* A query with an OPT record that holds these options. */
static size_t with_options(uint8_t *q, const char *name, const void *options, size_t n)
{
	size_t at = lab_query(q, name, "A", 1232);

	dns_put16(q + at - 2, (uint16_t)n);
	memcpy(q + at, options, n);
	return at + n;
}

static const uint8_t *find_option(unsigned code, unsigned *len)
{
	size_t at = DNS_HEADER;
	struct dns_rr rr;
	unsigned n = dns_get16(lab_out + 6) + dns_get16(lab_out + 8) + dns_get16(lab_out + 10);

	if (dns_get16(lab_out + 4))
		at = dns_name_skip(lab_out, lab_reply.len, at) + 4;
	for (; n; n--, at = rr.end) {
		assert_true(dns_rr_read(lab_out, lab_reply.len, at, &rr));
		for (size_t o = rr.rdata; rr.type == DNS_OPT && o < rr.end;
		     o += 4u + dns_get16(lab_out + o + 2))
			if (dns_get16(lab_out + o) == code) {
				*len = dns_get16(lab_out + o + 2);
				return lab_out + o + 4;
			}
	}
	return NULL;
}

static void test_opt_record(void **state)
{
	uint8_t q[700];
	size_t n = lab_query(q, WEB, "A", 0), at;

	(void)state;
	put(q, n, false);
	assert_int_equal(dns_get16(lab_out + 10), 0); /* no OPT for who sent none */
	n = lab_query(q, WEB, "A", 1);
	starts(put(q, n, false), "NOERROR AA", "size 1");
	assert_int_equal(last.udp_size, 512); /* RFC 6891 6.2.3 */
	n = lab_query(q, WEB, "A", 65535);
	put(q, n, false);
	assert_int_equal(last.udp_size, DNS_UDP_MAX);
	for (unsigned version = 1; version < 256; version++) {
		q[n - 5] = (uint8_t)version;
		put(q, n, false);
		assert_int_equal(lab_out[3] & 15, 0);
		assert_int_equal(lab_out[lab_reply.len - 6], DNS_BADVERS >> 4);
		assert_int_equal(lab_out[lab_reply.len - 5], 0); /* the version we speak */
	}
	n = lab_query(q, WEB, "A", 1232);
	at = n - DNS_OPT_SIZE;
	q[11] = 0;
	q[7] = 1;
	starts(put(q, n, false), "FORMERR", "OPT as an answer");
	q[7] = 0;
	q[9] = 1;
	starts(put(q, n, false), "FORMERR", "OPT as an authority");
	q[9] = 0;
	q[11] = 2;
	memcpy(q + n, q + at, DNS_OPT_SIZE);
	starts(put(q, n + DNS_OPT_SIZE, false), "FORMERR", "two of them");
	q[11] = 1;
	memmove(q + at + 3, q + at + 1, DNS_OPT_SIZE - 1);
	memcpy(q + at, "\1x", 3);
	starts(put(q, n + 2, false), "FORMERR", "owned by x.");
}

static void test_options(void **state)
{
	static const struct {
		const char *what, *bytes;
		unsigned n;
		const char *want;
	} rows[] = {
		{ "NSID", "\0\3\0\0", 4, "NOERROR AA" },
		{ "client subnet", "\0\10\0\7\0\1\30\0\300\0\2", 11, "NOERROR AA" },
		{ "padding", "\0\14\0\4\0\0\0\0", 8, "NOERROR AA" },
		{ "unknown", "\376\1\0\2xy", 6, "NOERROR AA" },
		{ "many", "\0\3\0\0\0\3\0\0\0\14\0\1\0\376\1\0\0", 17, "NOERROR AA" },
		{ "half a header", "\0\3\0", 3, "FORMERR" },
		{ "longer than the record", "\0\3\0\5abcd", 8, "FORMERR" },
		{ "a cookie of 7", "\0\12\0\7abcdefg", 11, "FORMERR" },
		{ "a cookie of 9", "\0\12\0\11abcdefghi", 13, "FORMERR" },
		{ "a cookie of 15", "\0\12\0\17abcdefghijklmno", 19, "FORMERR" },
		{ "a cookie of 16", "\0\12\0\20abcdefghijklmnop", 20, "NOERROR AA" },
		{ "a cookie of 40", "\0\12\0\50abcdefghijklmnopabcdefghijklmnopabcdefgh", 44,
		  "NOERROR AA" },
		{ "a cookie of 41", "\0\12\0\51abcdefghijklmnopabcdefghijklmnopabcdefghi", 45,
		  "FORMERR" },
	};
	unsigned len;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t q[700];
		size_t n = with_options(q, WEB, rows[i].bytes, rows[i].n);

		starts(put(q, n, false), rows[i].want, rows[i].what);
		for (unsigned code = 1; code < 16; code++)
			assert_true(code == 10 || !find_option(code, &len));
	}
}

static void test_keepalive(void **state)
{
	const uint8_t *p;
	unsigned len;
	uint8_t q[700];
	size_t n = with_options(q, WEB, "\0\13\0\0", 4);

	(void)state;
	put(q, n, false);
	assert_null(find_option(11, &len)); /* over UDP it is ignored */
	put(q, n, true);
	p = find_option(11, &len);
	assert_non_null(p);
	assert_int_equal(len, 2);
	assert_int_equal(dns_get16(p), 100);
}

/* RFC 8914 */
static void test_extended_error(void **state)
{
	const struct dns_settings *set = lab_zone.set;
	const uint8_t *p;
	unsigned len;
	uint8_t q[700];
	size_t n = lab_query(q, WEB, "A", 1232);

	(void)state;
	lab_zone.set = NULL;
	starts(put(q, n, false), "SERVFAIL", "nothing known yet");
	p = find_option(15, &len);
	assert_non_null(p);
	assert_int_equal(dns_get16(p), DNS_EDE_NOT_READY);
	put(q, lab_query(q, WEB, "A", 0), false);
	assert_int_equal(dns_get16(lab_out + 10), 0);
	lab_zone.set = set;
}

/* ---- cookies ----------------------------------------------------------------------------------
 */

static void hex(uint8_t *out, const char *text)
{
	for (unsigned v; sscanf(text, "%2x", &v) == 1; text += 2)
		*out++ = (uint8_t)v;
}

/* RFC 9018, appendix A. */
static void test_cookie_vectors(void **state)
{
	static const struct {
		const char *secret, *ip, *cookie;
		uint32_t now;
		enum dns_cookie want;
		const char *next; /* when it is to be replaced */
	} rows[] = {
		{ "e5e973e5a6b2a43f48e7dc849e37bfcf", "198.51.100.100", "2464c4abcf10c957",
		  1559731985, DNS_COOKIE_BAD, "010000005cf79f111f8130c3eee29480" },
		{ "e5e973e5a6b2a43f48e7dc849e37bfcf", "198.51.100.100",
		  "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559734385, DNS_COOKIE_OLD,
		  "010000005cf7a871d4a564a1442aca77" },
		{ "e5e973e5a6b2a43f48e7dc849e37bfcf", "198.51.100.100",
		  "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559731985, DNS_COOKIE_GOOD,
		  NULL },
		{ "445536bcd2513298075a5d379663c962", "2001:db8:220:1:59de:d0f4:8769:82b8",
		  "22681ab97d52c298", 1559741961, DNS_COOKIE_BAD,
		  "010000005cf7c609a6bb79d16625507a" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t secret[16], cookie[40], next[16];
		struct ip ip;
		size_t n = strlen(rows[i].cookie) / 2;

		hex(secret, rows[i].secret);
		hex(cookie, rows[i].cookie);
		assert_true(ip_parse(&ip, rows[i].ip));
		assert_int_equal(dns_cookie_check(cookie, n, &ip, secret, rows[i].now),
		                 rows[i].want);
		if (!rows[i].next)
			continue;
		hex(next, rows[i].next);
		dns_cookie_make(cookie, &ip, secret, rows[i].now);
		assert_memory_equal(cookie + 8, next, 16);
	}
}

static void test_cookie_checks(void **state)
{
	uint8_t secret[16] = "0123456789abcde", other[16] = "0123456789abcdf", c[24] = "client8";
	struct ip a, b;

	(void)state;
	ip_parse(&a, "192.0.2.1");
	ip_parse(&b, "192.0.2.2");
	dns_cookie_make(c, &a, secret, NOW);
	assert_int_equal(dns_cookie_check(c, 24, &a, secret, NOW), DNS_COOKIE_GOOD);
	assert_int_equal(dns_cookie_check(c, 24, &b, secret, NOW), DNS_COOKIE_BAD);
	assert_int_equal(dns_cookie_check(c, 24, &a, other, NOW), DNS_COOKIE_BAD);
	assert_int_equal(dns_cookie_check(c, 23, &a, secret, NOW), DNS_COOKIE_BAD);
	assert_int_equal(dns_cookie_check(c, 24, &a, secret, NOW + 1801), DNS_COOKIE_OLD);
	assert_int_equal(dns_cookie_check(c, 24, &a, secret, NOW + 3600), DNS_COOKIE_OLD);
	assert_int_equal(dns_cookie_check(c, 24, &a, secret, NOW + 3601), DNS_COOKIE_BAD);
	assert_int_equal(dns_cookie_check(c, 24, &a, secret, NOW - 300), DNS_COOKIE_GOOD);
	assert_int_equal(dns_cookie_check(c, 24, &a, secret, NOW - 301), DNS_COOKIE_BAD);
	for (unsigned bit = 0; bit < 24 * 8; bit++) {
		c[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(dns_cookie_check(c, 24, &a, secret, NOW), DNS_COOKIE_BAD);
		c[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void test_cookies_answered(void **state)
{
	uint8_t q[700], sent[28] = "\0\12\0\10client88", again[28] = "\0\12\0\30client88";
	uint8_t packed[DNS_QUERY_PACKED];
	const uint8_t *p;
	unsigned len;
	size_t n = with_options(q, WEB, sent, 12);

	(void)state;
	inet_pton(AF_INET, "192.0.2.7", &client.sin_addr);
	starts(put(q, n, false), "NOERROR AA", "a client's cookie");
	assert_int_equal(last.cookie_state, DNS_COOKIE_BAD);
	p = find_option(10, &len);
	assert_non_null(p);
	assert_int_equal(len, 24);
	assert_memory_equal(p, sent + 4, 8);
	memcpy(again + 4, p, 24);
	n = with_options(q, WEB, again, 28);
	put(q, n, false);
	assert_int_equal(last.cookie_state, DNS_COOKIE_GOOD);
	assert_memory_equal(find_option(10, &len), again + 4, 24); /* the same one back */
	inet_pton(AF_INET, "192.0.2.8", &client.sin_addr);
	starts(put(q, n, false), "NOERROR AA", "somebody else's: answered, with a new one");
	assert_int_equal(last.cookie_state, DNS_COOKIE_BAD);
	assert_memory_not_equal(find_option(10, &len), again + 4, 24);
	/* for the answer that comes later */
	n = dns_query_pack(&last, packed);
	assert_true(n <= sizeof(packed));
	put(packed, n, false);
	assert_memory_equal(find_option(10, &len), again + 4, 8);
	/* a query for a cookie alone, RFC 7873 5.4 */
	memset(q, 0, DNS_HEADER);
	q[11] = 1;
	dns_opt_write(q + DNS_HEADER, false, 0);
	q[DNS_HEADER + 10] = 12;
	memcpy(q + DNS_HEADER + DNS_OPT_SIZE, sent, 12);
	assert_string_equal(put(q, DNS_HEADER + DNS_OPT_SIZE + 12, false),
	                    "NOERROR RA | | | OPT 1232");
	assert_non_null(find_option(10, &len));
}

/* ---- sizes ------------------------------------------------------------------------------------
 */

/* Every size a client may tell, with and without a cookie: never larger, truncated exactly when
 * something is missing, always whole records. put() and lab_text look at the form. */
static void test_every_size(void **state)
{
	uint8_t q[700], cookie[12] = "\0\12\0\10client88";
	unsigned before[2] = { 0 };

	(void)state;
	for (unsigned size = 512; size <= 1300; size++) {
		for (unsigned with = 0; with < 2; with++) {
			size_t n = lab_query(q, "big.default.svc.cluster.local", "A", size);
			unsigned answers, room;

			if (with)
				n = with_options(q, "big.default.svc.cluster.local", cookie, 12);
			dns_put16(q + n - (with ? 12 : 0) - 8, (uint16_t)size);
			put(q, n, false);
			answers = dns_get16(lab_out + 6);
			room = (size < DNS_UDP_MAX ? size : DNS_UDP_MAX) - lab_reply.len;
			assert_int_equal(lab_out[2] & 2, 2);
			assert_true(room < 16); /* not one more would fit */
			assert_true(answers >= before[with]);
			before[with] = answers;
			assert_non_null(strstr(lab_text(lab_out, lab_reply.len), "OPT 1232"));
		}
	}
	put(q, lab_query(q, "big.default.svc.cluster.local", "A", 4096), true);
	assert_int_equal(dns_get16(lab_out + 6), 200);
}

static int set_up(void **state)
{
	char endpoints[2048] = "";

	(void)state;
	lab_open();
	lab_upstreams.n_upstreams = lab_upstreams.group[0].n = 1;
	lab_put(KIND_NAMESPACE, "", "default", "{}");
	lab_service("default", "web", "10.96.0.20,fd00:10:96::20", "http/TCP/80", "");
	lab_service("default", "big", "None", "", "");
	for (unsigned i = 0, n = 0; i < 100; i++)
		n += (unsigned)sprintf(endpoints + n, "10.244.%u.%u ", i / 200, i % 200 + 1);
	endpoints[strlen(endpoints) - 1] = '\0';
	lab_slice("default", "big", "big-x", "[]", endpoints);
	for (char *c = endpoints; (c = strstr(c, "244")); c++)
		c[1] = '5';
	lab_slice("default", "big", "big-y", "[]", endpoints);
	lab_sync(true);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	lab_close();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_fields),     cmocka_unit_test(test_flags),
		cmocka_unit_test(test_types_and_classes), cmocka_unit_test(test_names),
		cmocka_unit_test(test_cut_and_trailing),  cmocka_unit_test(test_opt_record),
		cmocka_unit_test(test_options),           cmocka_unit_test(test_keepalive),
		cmocka_unit_test(test_extended_error),    cmocka_unit_test(test_cookie_vectors),
		cmocka_unit_test(test_cookie_checks),     cmocka_unit_test(test_cookies_answered),
		cmocka_unit_test(test_every_size),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
