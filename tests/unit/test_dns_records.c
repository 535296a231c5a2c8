/* test_dns_records.c - what records there are: their TTL, pods' names, what endpoints say, wrong
 * aliases, and more than an answer holds. */
#include "dns_lab.h"

#include "../../modules/dns/dns_records.h"

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

/* ---- what endpoints say --------------------------------------------------------------------- */

#define DB "db.spec.svc." Z
#define PORTS "[{\"name\":\"sql\",\"protocol\":\"TCP\",\"port\":5432}]"

static void put_slice(const char *service, const char *name, const char *ports,
                      const char *endpoints)
{
	char *json = NULL;

	assert_true(asprintf(&json,
	                     "{\"metadata\":{\"labels\":{\"kubernetes.io/service-name\":\"%s\"}},"
	                     "\"ports\":%s,\"endpoints\":[%s]}",
	                     service, ports, endpoints) > 0);
	lab_put(KIND_ENDPOINTSLICE, "spec", name, json);
	free(json);
}

static void start_headless(const char *more)
{
	lab_put(KIND_NAMESPACE, "", "spec", "{}");
	lab_service("spec", "db", "None", "sql/TCP/5432", more);
	lab_turn = 0;
}

/* One machine under two names: both exist, its address stands once in the Service's own answer. */
static void test_two_hostnames_of_one_address(void **state)
{
	(void)state;
	start_headless("");
	put_slice("db", "db-a", PORTS,
	          "{\"addresses\":[\"10.244.7.5\"],\"hostname\":\"one\"},"
	          "{\"addresses\":[\"10.244.7.5\"],\"hostname\":\"two\"}");
	put_slice("db", "db-b", PORTS, "{\"addresses\":[\"10.244.7.5\"],\"hostname\":\"two\"}");
	lab_sync(false);
	is(DB, "A", "NOERROR AA | " DB ". A 10.244.7.5");
	is("one." DB, "A", "NOERROR AA | one." DB ". A 10.244.7.5");
	is("two." DB, "A", "NOERROR AA | two." DB ". A 10.244.7.5");
	is("10-244-7-5." DB, "A", NXDOMAIN);
	is("_sql._tcp." DB, "SRV",
	   "NOERROR AA | _sql._tcp." DB ". SRV 0 50 5432 one." DB "., _sql._tcp." DB
	   ". SRV 0 50 5432 two." DB ". | | one." DB ". A 10.244.7.5, two." DB ". A 10.244.7.5");
	is("5.7.244.10.in-addr.arpa", "PTR",
	   "NOERROR AA | 5.7.244.10.in-addr.arpa. PTR one." DB
	   "., 5.7.244.10.in-addr.arpa. PTR two." DB ".");
	lab_delete(KIND_ENDPOINTSLICE, "spec", "db-a");
	lab_delete(KIND_ENDPOINTSLICE, "spec", "db-b");
}

static void test_several_addresses_of_an_endpoint(void **state)
{
	(void)state;
	start_headless("");
	put_slice("db", "db-a", PORTS,
	          "{\"addresses\":[\"10.244.7.6\",\"10.244.7.7\"],\"hostname\":\"one\"}");
	lab_sync(false);
	is("one." DB, "A", "NOERROR AA | one." DB ". A 10.244.7.6, one." DB ". A 10.244.7.7");
	is("7.7.244.10.in-addr.arpa", "PTR",
	   "NOERROR AA | 7.7.244.10.in-addr.arpa. PTR one." DB ".");
	lab_delete(KIND_ENDPOINTSLICE, "spec", "db-a");
}

static void test_unready_endpoints(void **state)
{
	static const char *const unready = "{\"addresses\":[\"10.244.7.8\"],\"hostname\":\"one\","
					   "\"conditions\":{\"ready\":false,\"serving\":true,"
					   "\"terminating\":true}}";

	(void)state;
	start_headless("");
	put_slice("db", "db-a", PORTS, unready);
	lab_sync(false);
	is(DB, "A", NXDOMAIN);
	is("one." DB, "A", NXDOMAIN);
	is("_sql._tcp." DB, "SRV", NXDOMAIN);
	start_headless(",\"publishNotReadyAddresses\":true");
	lab_sync(false);
	is(DB, "A", "NOERROR AA | " DB ". A 10.244.7.8");
	is("one." DB, "A", "NOERROR AA | one." DB ". A 10.244.7.8");
	lab_put(KIND_SERVICE, "spec", "db",
	        "{\"metadata\":{\"annotations\":{\"service.alpha.kubernetes.io/"
	        "tolerate-unready-endpoints\":\"true\"}},\"spec\":{\"clusterIPs\":[\"None\"]}}");
	lab_sync(false);
	is(DB, "A", "NOERROR AA | " DB ". A 10.244.7.8");
	lab_delete(KIND_ENDPOINTSLICE, "spec", "db-a");
	lab_sync(false);
	is(DB, "A", NXDOMAIN);
}

static void alias_to(const char *external)
{
	char more[400];

	snprintf(more, sizeof(more), ",\"type\":\"ExternalName\",\"externalName\":\"%s\"",
	         external);
	lab_service("spec", "alias", "", "", more);
	lab_sync(false);
}

static void test_names_that_are_none(void **state)
{
	static const char *const wrong[] = { "192.0.2.1", "2001:db8::1", "", ".", "a..b" };

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(wrong); i++) {
		alias_to(wrong[i]);
		is("alias.spec.svc." Z, "A", NXDOMAIN);
		is("alias.spec.svc." Z, "CNAME", NXDOMAIN);
	}
	alias_to("192.0.2.com.");
	is("alias.spec.svc." Z, "CNAME", "NOERROR AA | alias.spec.svc." Z ". CNAME 192.0.2.com.");
}

/* ---- names at the limit
 * --------------------------------------------------------------------------
 */

#define LABEL63 "a23456789-b23456789-c23456789-d23456789-e23456789-f23456789-g23"

static char *text(const char *format, ...)
{
	static char texts[8][1200];
	static unsigned n;
	char *out = texts[n++ % ARRAY_LEN(texts)];
	va_list args;

	va_start(args, format);
	vsnprintf(out, sizeof(texts[0]), format, args);
	va_end(args);
	return out;
}

/* A domain so long that <63>.<63>.svc.<domain> takes `len` bytes of the 255 that a name may have.
 */
static void limit(size_t len, const char *hostname, bool fits)
{
	size_t n = len - 2 * 64 - 4 - 2;
	const char *name, *host;

	for (size_t i = 0; i < n; i++)
		conf.dns.domain[i] = i % 20 == 19 && i != n - 1 ? '.' : 'd';
	conf.dns.domain[n] = '\0';
	lab_slice(LABEL63, LABEL63, "limit", "[{\"name\":\"x\",\"protocol\":\"TCP\",\"port\":80}]",
	          text("10.244.0.99=%s", hostname));
	lab_sync(true);
	name = text("%s.%s.svc.%s", LABEL63, LABEL63, conf.dns.domain);
	host = text("%s.%s", hostname, name);
	assert_int_equal(strlen(name) + 2, len);
	is(name, "A", text("NOERROR AA | %s. A 10.244.0.99", name));
	if (fits)
		is(host, "A", text("NOERROR AA | %s. A 10.244.0.99", host));
	is("99.0.244.10.in-addr.arpa", "PTR",
	   fits ? text("NOERROR AA | 99.0.244.10.in-addr.arpa. PTR %s.", host)
	        : text("NXDOMAIN AA | | 0.244.10.in-addr.arpa. SOA ns.dns.%s.", conf.dns.domain));
}

/* What would be longer has no name, and nothing leads to it; the rest of the Service is there. */
static void test_names_at_the_limit(void **state)
{
	char domain[sizeof(conf.dns.domain)];

	(void)state;
	strcpy(domain, conf.dns.domain);
	lab_put(KIND_NAMESPACE, "", LABEL63, "{}");
	lab_service(LABEL63, LABEL63, "None", "x/TCP/80", "");
	limit(190, LABEL63, true); /* 254 */
	limit(191, LABEL63, true);
	limit(192, LABEL63, false);
	limit(250, "host", true);
	limit(250, "hosts", false);
	limit(255, "h", false);
	strcpy(conf.dns.domain, domain);
	lab_delete(KIND_ENDPOINTSLICE, LABEL63, "limit");
	lab_sync(true);
}

/* ---- more than an answer holds ------------------------------------------------------------------
 */

#define MANY 5000

static void put_many(unsigned from, unsigned to, const char *slice)
{
	auto_buf struct buf b = { 0 };

	for (unsigned i = from; i < to; i++)
		buf_printf(&b, "%s{\"addresses\":[\"10.%u.%u.%u\"]}", i == from ? "" : ",",
		           100 + i / 60000, i / 250, 1 + i % 250);
	buf_add(&b, "", 1);
	put_slice("many", slice, PORTS, b.data);
}

/* Every record that is served is whole, and its target is there. */
static void check_answer(const char *name, const char *type, unsigned least)
{
	uint8_t query[600];
	unsigned answers, targets = 0;
	struct dns_rr rr;
	size_t at;

	lab_ask_bytes(query, lab_query(query, name, type, 1232), true);
	answers = dns_get16(lab_out + 6);
	assert_int_equal(lab_out[3] & 15, DNS_NOERROR);
	assert_false(lab_out[2] & 2);
	assert_true(answers >= least && lab_reply.len > 60000 && lab_reply.len <= DNS_TCP_MAX);
	at = dns_name_skip(lab_out, lab_reply.len, DNS_HEADER) + 4;
	for (unsigned i = 0; i < answers; i++, at = rr.end) {
		assert_true(dns_rr_read(lab_out, lab_reply.len, at, &rr));
		assert_int_equal(rr.type, lab_type(type));
		targets += rr.type == DNS_SRV;
	}
	assert_true(targets == 0 || targets == answers);
}

static void test_more_than_an_answer_holds(void **state)
{
	struct dns_plan plan;

	(void)state;
	lab_service("spec", "many", "None", "sql/TCP/5432", "");
	put_many(0, 100, "many-0");
	lab_sync(false);
	dns_plan_begin(&plan);
	dns_plan_all(&plan);
	assert_null(plan.cut);
	dns_plan_free(&plan);
	for (unsigned i = 1; i < MANY / 1000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "many-%u", i);
		put_many(i * 1000, i * 1000 + 1000, name);
	}
	lab_sync(false);
	check_answer("many.spec.svc." Z, "A", 3900);
	check_answer("_sql._tcp.many.spec.svc." Z, "SRV", 900);
	dns_plan_begin(&plan);
	dns_plan_all(&plan);
	assert_non_null(plan.cut);
	assert_string_equal(plan.cut->ns, "spec");
	assert_string_equal(plan.cut->service, "many");
	assert_null(plan.cut->next);
	dns_plan_free(&plan);
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
		cmocka_unit_test(test_two_hostnames_of_one_address),
		cmocka_unit_test(test_several_addresses_of_an_endpoint),
		cmocka_unit_test(test_unready_endpoints),
		cmocka_unit_test(test_names_that_are_none),
		cmocka_unit_test(test_names_at_the_limit),
		cmocka_unit_test(test_more_than_an_answer_holds),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
