/* test_dns_plan.c - whatever changes come, and however they are bundled, the shards that were
 * updated hold the same as shards built from nothing; and an update touches few of them. */
#include "dns_lab.h"

#include "../../modules/dns/dns_resolv.h"

/* ---- the content of all shards, as one comparable thing
 * ------------------------------------------ */

struct seen {
	unsigned slot;
	const struct dns_entry *e;
};

static int by_content(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;
	size_t n = x->e->size < y->e->size ? x->e->size : y->e->size;
	int d = (int)x->slot - (int)y->slot;

	d = d ? d : memcmp(x->e, y->e, n);
	return d ? d : (int)x->e->size - (int)y->e->size;
}

static void lab_dump(struct buf *out)
{
	static struct seen seen[80000];
	size_t n = 0;

	for (unsigned slot = 1; slot < DNS_SLOTS; slot++) {
		const struct dns_shard *s = &lab_zone.shard[slot];
		size_t at = s->p ? sizeof(struct dns_shard_head) +
		                            (s->mask + 1) * sizeof(struct dns_place)
		                 : 0;

		while (at < s->n) {
			const struct dns_entry *e = (const struct dns_entry *)(s->p + at);

			assert_true(e->size >= sizeof(*e) && n < ARRAY_LEN(seen));
			seen[n++] = (struct seen){ slot, e };
			at += e->size;
		}
		assert_int_equal(at, s->n);
	}
	qsort(seen, n, sizeof(*seen), by_content);
	for (size_t i = 0; i < n; i++) {
		buf_add(out, &seen[i].slot, sizeof(unsigned));
		buf_add(out, seen[i].e, seen[i].e->size);
	}
}

static void same_as_from_nothing(void)
{
	auto_buf struct buf updated = { 0 }, fresh = { 0 };

	lab_dump(&updated);
	lab_sync(true);
	lab_dump(&fresh);
	assert_int_equal(updated.len, fresh.len);
	if (fresh.len)
		assert_memory_equal(updated.data, fresh.data, fresh.len);
}

/* ---- random changes
 * ------------------------------------------------------------------------------ */

#define NAMES 12

static unsigned seed = 1;

static unsigned pick(unsigned n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

static void random_service(const char *ns, const char *name)
{
	char ips[80];

	switch (pick(4)) {
	case 0:
		lab_delete(KIND_SERVICE, ns, name);
		return;
	case 1:
		lab_service(ns, name, "None", pick(2) ? "http/TCP/80,dns/UDP/53" : "/TCP/80",
		            pick(4) ? "" : ",\"publishNotReadyAddresses\":true");
		return;
	case 2:
		lab_service(
			ns, name, "", "",
			pick(3) ? ",\"type\":\"ExternalName\",\"externalName\":\"www.example.com\""
				: ",\"type\":\"ExternalName\",\"externalName\":\"192.0.2.1\"");
		return;
	default:
		snprintf(ips, sizeof(ips), "10.96.0.%u,fd00:10:96::%x", 1 + pick(200),
		         1 + pick(200));
		lab_service(ns, name, ips, "http/TCP/80", "");
	}
}

static void random_slice(const char *ns, const char *service, const char *slice)
{
	static const char *const ports[] = {
		"[]", "[{\"name\":\"http\",\"protocol\":\"TCP\",\"port\":8080}]",
		"[{\"name\":\"dns\",\"protocol\":\"UDP\",\"port\":53},"
		"{\"name\":\"http\",\"protocol\":\"TCP\",\"port\":8081}]"
	};
	bool v6 = !pick(3);
	char endpoints[900];
	size_t n = 0;

	if (!pick(4)) {
		lab_delete(KIND_ENDPOINTSLICE, ns, slice);
		return;
	}
	endpoints[0] = '\0';
	for (unsigned i = pick(5); i; i--) {
		n += sprintf(endpoints + n, v6 ? "fd00:10:244::%x" : "10.244.0.%u", 1 + pick(40));
		if (!pick(3)) /* the same ones, over and over */
			n += sprintf(endpoints + n, "=host-%u", pick(3));
		n += sprintf(endpoints + n, "%s ", pick(5) ? "" : "!");
	}
	lab_slice(ns, service, slice, ports[pick(3)], endpoints);
}

static void random_pod(const char *ns)
{
	static const char *const specs[] = { "", "\"hostNetwork\":true",
		                             "\"dnsPolicy\":\"Default\"", "" };
	char name[16], ips[64];

	snprintf(name, sizeof(name), "pod-%u", pick(NAMES));
	if (!pick(4)) {
		lab_delete(KIND_POD, ns, name);
		return;
	}
	snprintf(ips, sizeof(ips), "10.244.0.%u%s", 1 + pick(40), pick(2) ? "" : ",fd00:10:244::1");
	lab_pod(ns, name, pick(5) ? ips : "", specs[pick(4)]);
}

static void random_change(void)
{
	const char *ns = pick(2) ? "one" : "two";
	char service[16], slice[32];

	snprintf(service, sizeof(service), "svc-%u", pick(NAMES));
	/* a slice's name does not say whose it is: sometimes it moves to another Service */
	snprintf(slice, sizeof(slice), "slice-%u", pick(2 * NAMES));
	if (!pick(12)) {
		if (pick(2))
			lab_put(KIND_NAMESPACE, "", ns, "{}");
		else
			lab_delete(KIND_NAMESPACE, "", ns);
	} else if (!pick(4)) {
		random_pod(ns);
	} else if (pick(2)) {
		random_service(ns, service);
	} else {
		random_slice(ns, service, slice);
	}
}

/* The answers for all names there may be, as one text. */
static void ask_all(struct buf *out)
{
	static const char *const forms[] = { "svc-%u.%s.svc.cluster.local",
		                             "host-%u.svc-1.%s.svc.cluster.local",
		                             "_http._tcp.svc-%u.%s.svc.cluster.local",
		                             "_tcp.svc-%u.%s.svc.cluster.local",
		                             "10-244-0-%u.%s.pod.cluster.local" };
	static const char *const types[] = { "A", "AAAA", "SRV" };
	char name[80];

	for (unsigned i = 0; i < NAMES * 2 * ARRAY_LEN(forms) * ARRAY_LEN(types); i++) {
		snprintf(name, sizeof(name), forms[i / (NAMES * 2) % ARRAY_LEN(forms)],
		         i / 2 % NAMES, i % 2 ? "one" : "two");
		lab_turn = 0;
		buf_str(out, lab_ask(name, types[i / (NAMES * 2 * ARRAY_LEN(forms))]));
		buf_str(out, "\n");
	}
}

static void test_updates_equal_rebuilds(void **state)
{
	(void)state;
	conf.dns.pods = CONF_PODS_VERIFIED;
	lab_sync(true);
	for (unsigned round = 0; round < 400; round++) {
		auto_buf struct buf before = { 0 }, after = { 0 };

		for (unsigned n = 1 + pick(8); n; n--)
			random_change();
		lab_sync(false);
		if (round % 4 != 0)
			continue;
		ask_all(&before);
		same_as_from_nothing();
		ask_all(&after);
		buf_add(&before, "", 1);
		buf_add(&after, "", 1);
		assert_string_equal(before.data, after.data);
	}
	conf.dns.pods = CONF_PODS_INSECURE;
}

static void test_update_touches_few_shards(void **state)
{
	char name[16], ip[32];

	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "many-%u", i);
		snprintf(ip, sizeof(ip), "10.96.%u.%u", 1 + i / 250, 1 + i % 250);
		lab_service("one", name, ip, "http/TCP/80", "");
	}
	lab_put(KIND_NAMESPACE, "", "one", "{}");
	lab_sync(true);
	lab_service("one", "many-7", "10.96.1.8", "http/TCP/81", "");
	assert_in_range(lab_sync(false), 1, 2); /* its name, its address */
	lab_slice("one", "many-7", "many-7-x", "[]", "10.244.0.1");
	assert_int_equal(lab_sync(false), 0); /* endpoints behind a cluster address have no names */
	lab_delete(KIND_SERVICE, "one", "many-7");
	assert_in_range(lab_sync(false), 1, 3); /* and perhaps its namespace */
	same_as_from_nothing();
}

/* ---- many Services
 * ------------------------------------------------------------------------------ */

#define MANY 10000

static size_t bytes_of_all(void)
{
	size_t n = 0;

	for (unsigned i = 1; i < DNS_SLOTS; i++)
		n += lab_slot[i].len;
	return n;
}

static void put_many_services(void)
{
	char name[16], ips[48];

	lab_put(KIND_NAMESPACE, "", "many", "{}");
	store_begin();
	lab_batch = true;
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "svc-%u", i);
		snprintf(ips, sizeof(ips), "10.96.%u.%u,fd00:10:96::%x", 10 + i / 250, 1 + i % 250,
		         0x1000 + i);
		lab_service("many", name, ips, "http/TCP/80,metrics/TCP/9090", "");
	}
	lab_batch = false;
	assert_int_equal(store_commit(NULL), 0);
	lab_sync(true);
}

/* How many shards a change builds, and that they are a sliver of all. */
static void builds(unsigned least, unsigned most)
{
	unsigned n;

	lab_built = 0;
	n = lab_sync(false);
	assert_in_range(n, least, most);
	assert_true(lab_built < bytes_of_all() / 50);
}

static void test_one_change_among_many(void **state)
{
	(void)state;
	put_many_services();
	assert_true(bytes_of_all() > MANY * 200);
	lab_service("many", "fresh", "10.96.9.1,fd00:10:96::9", "http/TCP/80", "");
	builds(1, 4); /* its name, both addresses, its namespace */
	lab_service("many", "fresh", "10.96.9.1,fd00:10:96::9", "https/TCP/443", "");
	builds(1, 1); /* its name alone */
	lab_service("many", "fresh", "10.96.9.2,fd00:10:96::9", "https/TCP/443", "");
	builds(2, 3);
	lab_service("many", "fresh", "10.96.9.2,fd00:10:96::9", "https/TCP/443",
	            ",\"sessionAffinity\":\"ClientIP\"");
	builds(0, 0); /* nothing for DNS */
	lab_slice("many", "fresh", "fresh-x", "[]", "10.244.0.1");
	builds(0, 0);
	lab_pod("many", "pod", "10.244.9.1,fd00:10:244::9", "");
	builds(1, 2);
	lab_delete(KIND_POD, "many", "pod");
	builds(1, 2);
	lab_delete(KIND_SERVICE, "many", "fresh");
	builds(1, 4);
	same_as_from_nothing();
}

/* One endpoint of many: the shards of the others' addresses stay. */
static void test_one_endpoint_among_many(void **state)
{
	char endpoints[2000];
	size_t n = 0;

	(void)state;
	lab_service("many", "headless", "None", "http/TCP/80", "");
	for (unsigned i = 0; i < 100; i++)
		n += sprintf(endpoints + n, "10.244.7.%u ", 1 + i);
	lab_slice("many", "headless", "headless-a",
	          "[{\"name\":\"http\",\"protocol\":\"TCP\",\"port\":80}]", endpoints);
	assert_in_range(lab_sync(false), 50, 102);
	sprintf(endpoints + n, "10.244.8.1 ");
	lab_slice("many", "headless", "headless-a",
	          "[{\"name\":\"http\",\"protocol\":\"TCP\",\"port\":80}]", endpoints);
	builds(1, 2);
	endpoints[n] = '\0';
	lab_slice("many", "headless", "headless-a",
	          "[{\"name\":\"http\",\"protocol\":\"TCP\",\"port\":80}]", endpoints);
	builds(1, 2);
	same_as_from_nothing();
}

/* ---- pods
 * ------------------------------------------------------------------------------------ */

/* "ns", "ns autopath", or "" for an address that no pod has. */
static void pod_is(const char *address, const char *want)
{
	struct dns_pod pod;
	char got[80] = "";
	struct ip ip;

	assert_true(ip_parse(&ip, address));
	if (dns_zone_pod(lab_zone.shard, &ip, &pod))
		snprintf(got, sizeof(got), "%.*s%s", pod.ns[0], (const char *)pod.ns + 1,
		         pod.flags & DNS_POD_AUTOPATH ? " autopath" : "");
	assert_string_equal(got, want);
}

static void test_pods(void **state)
{
	struct ip ip;

	(void)state;
	lab_sync(true);
	lab_pod("apps", "both", "10.9.0.1,fd00:9::1", "");
	lab_pod("apps", "same", "10.9.0.2", "\"dnsPolicy\":\"ClusterFirst\"");
	lab_pod("apps", "five", "10.9.0.3",
	        "\"dnsConfig\":{\"options\":[{\"name\":\"ndots\",\"value\":\"5\"}]}");
	lab_pod("apps", "two", "10.9.0.4",
	        "\"dnsConfig\":{\"options\":[{\"name\":\"ndots\",\"value\":\"2\"}]}");
	lab_pod("apps", "searches", "10.9.0.5", "\"dnsConfig\":{\"searches\":[\"example.com\"]}");
	lab_pod("apps", "none", "10.9.0.6", "\"dnsPolicy\":\"None\"");
	lab_pod("apps", "host", "10.9.0.7", "\"hostNetwork\":true");
	lab_pod("apps", "waits", "", "");
	lab_put(KIND_POD, "apps", "ended",
	        "{\"status\":{\"phase\":\"Failed\",\"podIP\":\"10.9.0.8\"}}");
	lab_put(KIND_POD, "apps", "old",
	        "{\"status\":{\"phase\":\"Running\",\"podIP\":\"10.9.0.9\"}}");
	lab_sync(false);
	pod_is("10.9.0.1", "apps autopath");
	pod_is("fd00:9::1", "apps autopath");
	pod_is("10.9.0.2", "apps autopath");
	pod_is("10.9.0.3", "apps autopath");
	pod_is("10.9.0.4", "apps");
	pod_is("10.9.0.5", "apps");
	pod_is("10.9.0.6", "apps");
	pod_is("10.9.0.7", "");
	pod_is("10.9.0.8", "");
	pod_is("10.9.0.9", "apps autopath");
	assert_true(ip_parse(&ip, "10.9.0.1"));
	assert_true(dns_zone_pod_in(lab_zone.shard, &ip, (const uint8_t *)"\4apps"));
	assert_false(dns_zone_pod_in(lab_zone.shard, &ip, (const uint8_t *)"\3app"));

	/* another one takes the address over before the first is gone */
	lab_pod("jobs", "next", "10.9.0.1", "");
	lab_sync(false);
	assert_true(dns_zone_pod_in(lab_zone.shard, &ip, (const uint8_t *)"\4apps"));
	assert_true(dns_zone_pod_in(lab_zone.shard, &ip, (const uint8_t *)"\4jobs"));
	lab_delete(KIND_POD, "apps", "both");
	lab_sync(false);
	pod_is("10.9.0.1", "jobs autopath");
	pod_is("fd00:9::1", "");
	same_as_from_nothing();
}

static void test_pod_touches_its_own_shards(void **state)
{
	(void)state;
	lab_pod("apps", "one", "10.9.1.1,fd00:9::101", "");
	assert_in_range(lab_sync(false), 1, 2);
	lab_put(KIND_POD, "apps", "one",
	        "{\"status\":{\"podIPs\":[{\"ip\":\"10.9.1.1\"},{\"ip\":\"fd00:9::101\"}],"
	        "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}");
	assert_int_equal(lab_sync(false), 0); /* nothing in it is for DNS */
	lab_pod("apps", "one", "10.9.1.2,fd00:9::101", "");
	assert_in_range(lab_sync(false), 1, 3);
	pod_is("10.9.1.1", "");
	pod_is("10.9.1.2", "apps autopath");
	lab_delete(KIND_POD, "apps", "one");
	assert_in_range(lab_sync(false), 1, 2);
	pod_is("10.9.1.2", "");
}

/* ---- resolv.conf
 * --------------------------------------------------------------------------------- */

static void test_resolv(void **state)
{
	struct dns_upstreams found;
	char ip[IP_TEXT];

	(void)state;
	dns_resolv_parse(
		"# nameserver 9.9.9.9\nsearch a b\nnameserver 10.96.0.10\nnameserver 192.0.2.1\r\n"
		"\tnameserver\t2001:db8::1\nnameserver fe80::1%eth0\nnameserver 1.2.3\noptions "
		"ndots:5\nnameserver 192.0.2.1:99\nnameserver tls://192.0.2.1#x\nnameserver "
		"127.0.0.53",
		&found);
	assert_int_equal(found.n, 4);
	assert_true(dns_resolv_own(&found.v[0].at));
	assert_string_equal(ip_text(&found.v[1].at.ip, ip), "192.0.2.1");
	assert_int_equal(found.v[1].at.port, 53);
	assert_string_equal(ip_text(&found.v[2].at.ip, ip), "2001:db8::1");
	assert_string_equal(ip_text(&found.v[3].at.ip, ip), "127.0.0.53");
	dns_resolv_parse("", &found);
	assert_int_equal(found.n, 0);
	conf.dns.listen.n = 1; /* any address: loopback is ourselves */
	assert_true(endpoint_parse(&conf.dns.listen.v[0], "0.0.0.0:53"));
	dns_resolv_parse("nameserver 127.0.0.1\nnameserver 192.0.2.1", &found);
	assert_true(dns_resolv_own(&found.v[0].at));
	assert_false(dns_resolv_own(&found.v[1].at));
	conf.dns.listen.n = 0;
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
		cmocka_unit_test(test_updates_equal_rebuilds),
		cmocka_unit_test(test_update_touches_few_shards),
		cmocka_unit_test(test_one_change_among_many),
		cmocka_unit_test(test_one_endpoint_among_many),
		cmocka_unit_test(test_pods),
		cmocka_unit_test(test_pod_touches_its_own_shards),
		cmocka_unit_test(test_resolv),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
