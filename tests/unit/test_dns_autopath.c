/* test_dns_autopath.c - the search path of a pod, walked by the server: where each question of a
 * pod's resolver leads, from which step on, and which are left to the resolver. */
#include <arpa/inet.h>

#include "dns_lab.h"

#include "../../modules/dns/dns_resolv.h"

#define Z "cluster.local"
#define SOA " | cluster.local. SOA ns.dns.cluster.local."

static void from(const char *ip)
{
	lab_from = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = *ip != 0 };
	if (*ip)
		assert_int_equal(inet_pton(AF_INET, ip, &lab_from.sin_addr), 1);
}

static int setup(void **state)
{
	(void)state;
	lab_open();
	lab_put(KIND_NAMESPACE, "", "shop", "{}");
	lab_put(KIND_NAMESPACE, "", "other", "{}");
	lab_service("shop", "web", "10.96.0.20", "http/TCP/80", "");
	lab_service("other", "db", "10.96.0.21,fd00::21", "sql/TCP/5432", "");
	lab_pod("shop", "asks", "10.244.0.5,fd00::5", "");
	lab_pod("shop", "two", "10.244.0.6",
	        "\"dnsConfig\":{\"options\":[{\"name\":\"ndots\",\"value\":\"2\"}]}");
	dns_resolv_searches("search a.example b.example\nsearch lan cluster.local corp.example.\n",
	                    &lab_searches);
	assert_int_equal(lab_searches.n, 2);
	assert_true(endpoint_parse(&lab_upstreams.upstream[0].at, "192.0.2.1:53"));
	lab_upstreams.n_upstreams = lab_upstreams.group[0].n = 1;
	lab_sync(true);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lab_close();
	return 0;
}

static void test_inside(void **state)
{
	(void)state;
	from("10.244.0.5");
	is("web.shop.svc." Z, "A", "NOERROR AA RA | web.shop.svc.cluster.local. A 10.96.0.20");
	is("db.other.shop.svc." Z, "A",
	   "NOERROR AA RA | db.other.shop.svc.cluster.local. CNAME db.other.svc.cluster.local., "
	   "db.other.svc.cluster.local. A 10.96.0.21");
	is("db.other.shop.svc." Z, "AAAA",
	   "NOERROR AA RA | db.other.shop.svc.cluster.local. CNAME db.other.svc.cluster.local., "
	   "db.other.svc.cluster.local. AAAA fd00::21");
	is("web.shop.shop.svc." Z, "AAAA",
	   "NOERROR AA RA | web.shop.shop.svc.cluster.local. CNAME "
	   "web.shop.svc.cluster.local." SOA);
	is("db.other.svc.shop.svc." Z, "A",
	   "NOERROR AA RA | db.other.svc.shop.svc.cluster.local. CNAME "
	   "db.other.svc.cluster.local., "
	   "db.other.svc.cluster.local. A 10.96.0.21");
}

/* The steps behind: lan, corp.example, then the name itself. */
static void test_outside(void **state)
{
	(void)state;
	from("10.244.0.5");
	is("www.example.com.shop.svc." Z, "A", "FORWARD www.example.com.lan. alias");
	assert_int_equal(lab_forwarded.step, 3);
	lab_step = lab_forwarded.step;
	is("www.example.com.shop.svc." Z, "A", "FORWARD www.example.com.corp.example. alias");
	lab_step = lab_forwarded.step;
	is("www.example.com.shop.svc." Z, "A", "FORWARD www.example.com. alias");
	lab_step = lab_forwarded.step;
	is("www.example.com.shop.svc." Z, "A", "NXDOMAIN AA RA |" SOA);
	lab_step = DNS_STEP_END;
	is("www.example.com.shop.svc." Z, "A", "NXDOMAIN AA RA |" SOA);
	lab_step = 0;
}

static void test_left_alone(void **state)
{
	static const char *const names[] = {
		"nope.shop.svc." Z,             /* one label: a resolver's last resort */
		"web-0.web.shop.svc." Z,        /* meant for the Service that is there */
		"www.example.com.other.svc." Z, /* another namespace's path */
		"www.example.com.svc." Z,       /* the path's second question */
		"www.example.com.shop.pod." Z,
	};

	(void)state;
	from("10.244.0.5");
	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		is(names[i], "A", "NXDOMAIN AA RA |" SOA);
	is("www.example.com.shop.svc." Z, "TXT", "NXDOMAIN AA RA |" SOA);
	is("www.example.com.shop.svc." Z, "SRV", "NXDOMAIN AA RA |" SOA);
	from("10.244.0.6"); /* ndots:2 */
	is("www.example.com.shop.svc." Z, "A", "NXDOMAIN AA RA |" SOA);
	from("10.244.0.99"); /* no pod */
	is("www.example.com.shop.svc." Z, "A", "NXDOMAIN AA RA |" SOA);
	from("");
	is("www.example.com.shop.svc." Z, "A", "NXDOMAIN AA RA |" SOA);
}

static void test_off(void **state)
{
	(void)state;
	from("10.244.0.5");
	conf.dns.autopath = false;
	lab_sync(true);
	is("www.example.com.shop.svc." Z, "A", "NXDOMAIN AA RA |" SOA);
	conf.dns.autopath = true;
	lab_upstreams.n_upstreams = lab_upstreams.group[0].n = 0; /* nobody to ask */
	lab_sync(true);
	is("www.example.com.shop.svc." Z, "A", "NXDOMAIN AA |" SOA);
	is("db.other.shop.svc." Z, "A",
	   "NOERROR AA | db.other.shop.svc.cluster.local. CNAME db.other.svc.cluster.local., "
	   "db.other.svc.cluster.local. A 10.96.0.21");
	lab_upstreams.n_upstreams = lab_upstreams.group[0].n = 1;
	lab_sync(true);
}

/* Where the alias does not fit the resolver walks by itself. */
static void test_no_room(void **state)
{
	char name[300];

	(void)state;
	from("10.244.0.5");
	snprintf(name, sizeof(name), "%063d.%063d.%063d.%027d.a.shop.svc." Z, 0, 0, 0, 0);
	is(name, "A", "NXDOMAIN AA RA |" SOA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inside),     cmocka_unit_test(test_outside),
		cmocka_unit_test(test_left_alone), cmocka_unit_test(test_off),
		cmocka_unit_test(test_no_room),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
