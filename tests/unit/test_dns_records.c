/* test_dns_records.c - what the records of the zone hold beside names and addresses: their TTL. */
#include "dns_lab.h"

#define Z "cluster.local"

static void ttl_is(const char *name, const char *type, unsigned want)
{
	struct dns_rr rr;
	size_t at;

	lab_ask(name, type);
	at = dns_name_skip(lab_out, lab_reply.len, DNS_HEADER) + 4;
	assert_int_equal(dns_get16(lab_out + 6) + dns_get16(lab_out + 8), 1);
	assert_true(dns_rr_read(lab_out, lab_reply.len, at, &rr));
	assert_int_equal(rr.ttl, want);
	if (rr.type == DNS_SOA) /* RFC 2308: how long a denial is kept is the lower of the two */
		assert_int_equal(dns_get32(lab_out + rr.end - 4), want);
}

static void test_ttl(void **state)
{
	static const unsigned ttls[] = { 0, 5, 3600 };

	(void)state;
	lab_put(KIND_NAMESPACE, "", "default", "{}");
	lab_service("default", "web", "10.96.0.20", "http/TCP/80", "");
	lab_service("default", "db", "None", "sql/TCP/5432", "");
	lab_slice("default", "db", "db-x", "[{\"name\":\"sql\",\"protocol\":\"TCP\",\"port\":1}]",
	          "10.244.0.5=db-0");
	lab_service("default", "ext", "", "",
	            ",\"type\":\"ExternalName\",\"externalName\":\"www.example.com\"");
	for (unsigned i = 0; i < ARRAY_LEN(ttls); i++) {
		conf.dns.ttl = (uint16_t)ttls[i];
		lab_sync(true);
		ttl_is("web.default.svc." Z, "A", ttls[i]);
		ttl_is("web.default.svc." Z, "TXT", ttls[i]);
		ttl_is("nope.default.svc." Z, "A", ttls[i]);
		ttl_is("_http._tcp.web.default.svc." Z, "SRV", ttls[i]);
		ttl_is("db-0.db.default.svc." Z, "A", ttls[i]);
		ttl_is("ext.default.svc." Z, "CNAME", ttls[i]);
		ttl_is("20.0.96.10.in-addr.arpa", "PTR", ttls[i]);
		ttl_is("21.0.96.10.in-addr.arpa", "PTR", ttls[i]);
		ttl_is("5.0.244.10.in-addr.arpa", "PTR", ttls[i]);
		ttl_is("10-244-0-5.default.pod." Z, "A", ttls[i]);
		ttl_is("dns-version." Z, "TXT", ttls[i]);
		ttl_is(Z, "SOA", ttls[i]);
		ttl_is(Z, "NS", ttls[i]);
	}
	conf.dns.ttl = 5;
}

static void is(const char *name, const char *type, const char *want)
{
	const char *got = lab_ask(name, type);

	if (strcmp(got, want))
		fail_msg("%s %s\n got  %s\n want %s", name, type, got, want);
}

#define NXDOMAIN "NXDOMAIN AA | | cluster.local. SOA ns.dns.cluster.local."
#define NODATA "NOERROR AA | | cluster.local. SOA ns.dns.cluster.local."

static void test_pods_verified(void **state)
{
	(void)state;
	conf.dns.pods = CONF_PODS_VERIFIED;
	lab_put(KIND_NAMESPACE, "", "empty", "{}");
	lab_pod("default", "one", "10.244.0.5,fd00:10:244::5", "");
	lab_pod("default", "host", "192.0.2.1", "\"hostNetwork\":true");
	lab_sync(true);
	is("10-244-0-5.default.pod." Z, "A",
	   "NOERROR AA | 10-244-0-5.default.pod.cluster.local. A 10.244.0.5");
	is("10-244-0-5.default.pod." Z, "AAAA", NODATA);
	is("fd00-10-244--5.DEFAULT.pod." Z, "AAAA",
	   "NOERROR AA | fd00-10-244--5.DEFAULT.pod.cluster.local. AAAA fd00:10:244::5");
	is("10-244-0-6.default.pod." Z, "A", NXDOMAIN);
	is("10-244-0-5.empty.pod." Z, "A", NXDOMAIN);
	is("192-0-2-1.default.pod." Z, "A", NXDOMAIN);
	is("default.pod." Z, "A", NODATA);
	is("pod." Z, "A", NODATA);
	lab_delete(KIND_POD, "default", "one");
	lab_sync(false);
	is("10-244-0-5.default.pod." Z, "A", NXDOMAIN);
}

static void test_pods_disabled(void **state)
{
	(void)state;
	conf.dns.pods = CONF_PODS_DISABLED;
	lab_pod("default", "one", "10.244.0.5", "");
	lab_sync(true);
	is("10-244-0-5.default.pod." Z, "A", NXDOMAIN);
	is("default.pod." Z, "A", NXDOMAIN);
	is("pod." Z, "A", NXDOMAIN);
}

static void test_pods_insecure(void **state)
{
	(void)state;
	conf.dns.pods = CONF_PODS_INSECURE;
	lab_sync(true);
	is("10-244-0-77.default.pod." Z, "ANY",
	   "NOERROR AA | 10-244-0-77.default.pod.cluster.local. A 10.244.0.77");
	is("10-244-0-77.nope.pod." Z, "A", NXDOMAIN);
	is("10-244-0-256.default.pod." Z, "A", NXDOMAIN);
	is("pod." Z, "A", NODATA);
}

static int setup(void **state)
{
	(void)state;
	lab_open();
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
		cmocka_unit_test(test_ttl),
		cmocka_unit_test(test_pods_verified),
		cmocka_unit_test(test_pods_disabled),
		cmocka_unit_test(test_pods_insecure),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
