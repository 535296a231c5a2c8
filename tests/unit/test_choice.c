/* test_choice.c - which endpoints take connections: slices in the real store -> view -> choice. The
 * tables hold the cases of Kubernetes' topology_test.go and of the terminating-endpoint tests of
 * its proxiers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <netinet/in.h>

#include <cmocka.h>

#include <knetd/auto.h>
#include <knetd/buf.h>
#include <knetd/choice.h>
#include <knetd/conf.h>
#include <knetd/store.h>

static char dir[] = "/tmp/knettestXXXXXX";

/* An endpoint is a word: the last number of its address, then r(eady), s(erving), t(erminating),
 * l(ocal), :zones, @nodes ("3rl:a,b@n1"). Ready ones serve. Results are the numbers. */
struct row {
	const char *what, *node, *zone, *endpoints;
	const char *cluster, *local;
	bool any;
};

static void put(enum kind kind, const char *ns, const char *name, const char *json)
{
	auto_doc yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	auto_mut yyjson_mut_doc *mut = yyjson_doc_mut_copy(doc, NULL);
	struct err e = { 0 };

	if (!doc)
		fail_msg("bad JSON: %s", json);
	store_begin();
	assert_int_equal(store_put(kind, ns, name, mut, 0, NULL, &e), 0);
	assert_int_equal(store_commit(&e), 0);
}

/* ":a,b" as a list of named hints; returns what follows. */
static const char *hint_list(struct buf *b, const char *p, const char *member)
{
	buf_printf(b, "%s\"%s\":[", b->data[b->len - 1] == '{' ? "" : ",", member);
	do {
		size_t n = strcspn(++p, ",@: ");

		buf_printf(b, "%s{\"name\":\"%.*s\"}", p[-1] == ',' ? "," : "", (int)n, p);
		p += n;
	} while (*p == ',');
	buf_str(b, "]");
	return p;
}

static const char *one_endpoint(struct buf *b, const char *p)
{
	size_t digits = strspn(p, "0123456789"), flags = strcspn(p, ":@ ");
	bool ready = memchr(p, 'r', flags), local = memchr(p, 'l', flags);

	buf_printf(b,
	           "{\"addresses\":[\"10.0.0.%.*s\"],\"nodeName\":\"%s\",\"conditions\":{\"ready\":"
	           "%s,\"serving\":%s,\"terminating\":%s},\"hints\":{",
	           (int)digits, p, local ? conf.node.name : "elsewhere", ready ? "true" : "false",
	           ready || memchr(p, 's', flags) ? "true" : "false",
	           memchr(p, 't', flags) ? "true" : "false");
	p += flags;
	if (*p == ':')
		p = hint_list(b, p, "forZones");
	if (*p == '@')
		p = hint_list(b, p, "forNodes");
	buf_str(b, "}}");
	return p;
}

static void put_slice(const char *name, const char *ports, const char *endpoints)
{
	struct buf b = { 0 };

	buf_printf(&b,
	           "{\"metadata\":{\"labels\":{\"kubernetes.io/service-name\":\"web\"}},"
	           "\"addressType\":\"IPv4\",\"ports\":[%s],\"endpoints\":[",
	           ports);
	for (const char *p = endpoints; *p; p += strspn(p, " ")) {
		if (p > endpoints)
			buf_str(&b, ",");
		p = one_endpoint(&b, p);
	}
	buf_add(&b, "]}", 3);
	put(KIND_ENDPOINTSLICE, "d", name, b.data);
	buf_free(&b);
}

static const char *numbers(const struct endpoint_set *set, char out[static 256])
{
	out[0] = 0;
	for (unsigned i = 0; i < set->n; i++)
		snprintf(out + strlen(out), 256 - strlen(out), "%s%u", i ? " " : "",
		         set->v[i].ip.b[3]);
	return out;
}

static void look(struct arena *a, struct choice *out)
{
	static const struct service_port port = { .name = "", .proto = IPPROTO_TCP, .port = 80 };
	struct endpoint_set all;

	view_endpoints("d", "web", &port, 4, false, a, &all);
	choice_make(&all, a, out);
}

#define PORT "{\"name\":\"\",\"protocol\":\"TCP\",\"port\":80}"

static void be(const char *node, const char *zone)
{
	char json[256];

	snprintf(conf.node.name, sizeof(conf.node.name), "%s", node);
	snprintf(json, sizeof(json), "{\"metadata\":{\"labels\":{%s%s%s}}}",
	         zone ? "\"topology.kubernetes.io/zone\":\"" : "", zone ? zone : "",
	         zone ? "\"" : "");
	put(KIND_NODE, "", node, json);
}

static void check_row(const struct row *r)
{
	struct arena a = { 0 };
	struct choice c;
	char cluster[256], local[256];

	be(r->node ? r->node : "here", r->zone);
	put_slice("one", PORT, r->endpoints);
	look(&a, &c);
	numbers(&c.cluster, cluster);
	numbers(&c.local, local);
	if (strcmp(cluster, r->cluster) != 0 || strcmp(local, r->local) != 0 || c.any != r->any)
		fail_msg("%s: cluster \"%s\" not \"%s\", local \"%s\" not \"%s\", any %d", r->what,
		         cluster, r->cluster, local, r->local, c.any);
	arena_free(&a);
}

static const struct row topology[] = {
	{ "zone hints", NULL, "a", "3r:a 4r:b 5r:c 6r:a", "3 6", "", true },
	{ "no hints", NULL, "a", "3r 4r 5r 6r", "3 4 5 6", "", true },
	{ "Local looks at no hint", NULL, "a", "3rl:a 4rl:b 5r:c 6r:a", "3 6", "3 4", true },
	{ "the node has no zone", NULL, NULL, "3r:a", "3", "", true },
	{ "the node's zone is empty", NULL, "", "3r:a", "3", "", true },
	{ "nothing for the node's zone", NULL, "b", "3r:a", "3", "", true },
	{ "one of the zone not ready", NULL, "a", "3r:a 4r:b 5r:c 6:a", "3", "", true },
	{ "all of the zone not ready", NULL, "a", "3:a 4r:b 5r:c 6:a", "4 5", "", true },
	{ "one without a hint", NULL, "a", "3r:a 4r:b 5r 6r:a", "3 4 5 6", "", true },
	{ "one without a hint that is not ready", NULL, "a", "3r:a 4r:b 5", "3", "", true },
	{ "several hints each", NULL, "c", "3r:a,b,c 4r:b,c 5r:b,d 6r:c", "3 4 6", "", true },
	{ "hints against place", NULL, "a", "0rl:a 1rl:b 2r:a 3r:b", "0 2", "0 1", true },
	{ "node hints", "n1", "a", "3r:a@n1 4r:b@n2 5r:c@n3 6r:a@n4", "3", "", true },
	{ "node hints, one without", "n1", "a", "3r:a@n1 4r 5r:c@n3 6r:a@n4", "3 4 5 6", "", true },
	{ "node hints, one with a zone alone", "n1", "a", "3r:a@n1 4r:a 5r:c@n3", "3 4", "", true },
	{ "none for the node: its zone", "n0", "a", "3r:a@n1 4r:b@n2 5r:c@n3 6r:a@n4", "3 6", "",
	  true },
	{ "none for node and zone: all", "n0", "z", "3r:a@n1 4r:b@n2", "3 4", "", true },
	{ "the node's own is not ready: its zone", "n1", "a", "3:a@n1 4r:b@n2 6r:a@n4", "6", "",
	  true },
	{ "nothing at all", NULL, NULL, "", "", "", false },
	{ "all elsewhere", NULL, NULL, "0r 1r", "0 1", "", true },
	{ "all here", NULL, NULL, "0rl 1rl", "0 1", "0 1", true },
	{ "some here", NULL, NULL, "0rl 1r", "0 1", "0", true },
	{ "none ready", NULL, NULL, "0 1", "", "", false },
	{ "none ready, yet serving", NULL, NULL, "0s 1s", "", "", false },
	{ "some ready", NULL, NULL, "0 1r", "1", "", true },
	{ "all terminating", NULL, NULL, "0stl 1st", "0 1", "0", true },
	{ "all elsewhere and terminating", NULL, NULL, "0st 1st", "0 1", "", true },
	{ "terminating ones here, a ready one elsewhere", NULL, NULL, "0r 1l 2stl 3st", "0", "2",
	  true },
	{ "terminating ones are no matter of hints", NULL, "a", "0st:b 1st:a", "0 1", "", true },
	{ "ready to the end, by publishNotReadyAddresses", NULL, NULL, "0rtl 1stl", "0", "0",
	  true },
};

static const struct row terminating[] = {
	{ "ready ones here", NULL, NULL, "1rl 2rl 3stl 4tl 5r", "1 2 5", "1 2", true },
	{ "ready ones here alone", NULL, NULL, "1rl 2rl 3stl 4tl", "1 2", "1 2", true },
	{ "only terminating ones here, ready ones elsewhere", NULL, NULL, "2stl 3stl 4tl 5r", "5",
	  "2 3", true },
	{ "only terminating ones here, that do not serve", NULL, NULL, "4tl 5r", "5", "", true },
	{ "only terminating ones anywhere", NULL, NULL, "2stl 3tl 5st", "2 5", "2", true },
	{ "terminating ones elsewhere", NULL, NULL, "4tl 5st", "5", "", true },
	{ "terminating ones that do not serve", NULL, NULL, "1tl 2tl 5t", "", "", false },
	{ "not ready here, terminating elsewhere", NULL, NULL, "1l 5st", "5", "", true },
};

static void test_topology(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(topology); i++)
		check_row(&topology[i]);
}

static void test_terminating(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(terminating); i++)
		check_row(&terminating[i]);
}

static void expect(const char *cluster, const char *local)
{
	struct arena a = { 0 };
	struct choice c;
	char text[256];

	look(&a, &c);
	assert_string_equal(numbers(&c.cluster, text), cluster);
	assert_string_equal(numbers(&c.local, text), local);
	arena_free(&a);
}

static void drop(const char *name)
{
	store_begin();
	assert_int_equal(store_delete(KIND_ENDPOINTSLICE, "d", name), 0);
	assert_int_equal(store_commit(NULL), 0);
}

/* An endpoint that moves from one slice to another stands in both for a while. */
static void test_duplicates(void **state)
{
	(void)state;
	be("here", NULL);
	put_slice("one", PORT, "1r 2 3stl 4r");
	put_slice("two", PORT, "1 2rl 3l 4rl");
	expect("1 2 4", "2 4");
	put_slice("one", PORT, "1 2rl 3l 4rl");
	put_slice("two", PORT, "1r 2 3stl 4r");
	expect("1 2 4", "2 4");
	put_slice("two", PORT, "3stl");
	put_slice("one", PORT, "3l");
	expect("3", "3");
	put_slice("two", "{\"name\":\"other\",\"protocol\":\"TCP\",\"port\":81}", "9rl");
	put_slice("one", "{\"name\":\"\",\"protocol\":\"UDP\",\"port\":80}", "8rl");
	expect("", ""); /* neither has the port */
	view_forget();
	put_slice("one", PORT, "8rl");
	expect("8", "8");
	drop("two");
}

/* Absent conditions mean ready; an address with leading zeros is none. */
static void test_shapes(void **state)
{
	(void)state;
	be("here", NULL);
	put(KIND_ENDPOINTSLICE, "d", "one",
	    "{\"metadata\":{\"labels\":{\"kubernetes.io/service-name\":\"web\"}},\"ports\":[" PORT
	    "],\"endpoints\":[{\"addresses\":[\"10.0.0.1\"],\"nodeName\":\"here\"},"
	    "{\"addresses\":[\"10.0.0.2\"],\"conditions\":{\"ready\":false}},"
	    "{\"addresses\":[\"10.0.0.3\"],\"conditions\":{\"ready\":false,\"terminating\":true}},"
	    "{\"addresses\":[\"10.0.0.4\"],\"conditions\":{\"serving\":true}},"
	    "{\"addresses\":[\"010.000.000.05\"]},{\"addresses\":[\"10.0.0.6\",\"10.0.0.7\"]},"
	    "{\"addresses\":[\"fd00::1\"]},{\"addresses\":[]},{}]}");
	expect("1 4 6", "1");
	put(KIND_ENDPOINTSLICE, "d", "one",
	    "{\"metadata\":{\"labels\":{\"kubernetes.io/service-name\":\"web\"}},\"ports\":"
	    "[{\"name\":\"\"}],\"endpoints\":[{\"addresses\":[\"10.0.0.1\"]}]}");
	expect("", ""); /* a port without a number means any port: of no use here */
}

/* ---- the Service's own wishes --------------------------------------------------------------- */

static void read_service(struct arena *a, const char *json, struct service_view *v)
{
	put(KIND_SERVICE, "d", "web", json);
	assert_true(view_service(store_get(KIND_SERVICE, "d", "web"), a, v));
}

static void test_outside_addresses(void **state)
{
	struct arena a = { 0 };
	struct service_view v;
	char text[CIDR_TEXT];

	(void)state;
	read_service(&a,
	             "{\"spec\":{\"type\":\"LoadBalancer\",\"clusterIP\":\"10.96.0.1\","
	             "\"externalIPs\":[\"192.0.2.1\",\"192.000.002.002\",\"2001:db8::1\","
	             "\"192.0.2.1\"],\"loadBalancerSourceRanges\":[\" 10.0.0.0/8\",\"fd00::/8 \","
	             "\"10.1.2.3/16\",\"010.0.0.0/8\",\"x\",\"10.0.0.0/8 y\",\"\"]},"
	             "\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.2.7\"},"
	             "{\"ip\":\"192.0.2.8\",\"ipMode\":\"Proxy\"},{\"ip\":\"2001:db8::7\","
	             "\"ipMode\":\"VIP\"},{\"hostname\":\"h\"},{\"ip\":\"001.2.3.4\"}]}}}",
	             &v);
	assert_int_equal(v.n_external, 2);
	assert_string_equal(ip_text(&v.external_ips[0], text), "192.0.2.1");
	assert_string_equal(ip_text(&v.external_ips[1], text), "2001:db8::1");
	assert_int_equal(v.n_ingress, 2);
	assert_string_equal(ip_text(&v.ingress_ips[0], text), "192.0.2.7");
	assert_string_equal(ip_text(&v.ingress_ips[1], text), "2001:db8::7");
	assert_true(v.ranged);
	assert_int_equal(v.n_ranges, 3);
	assert_string_equal(cidr_text(&v.ranges[0], text), "10.0.0.0/8");
	assert_string_equal(cidr_text(&v.ranges[1], text), "fd00::/8");
	assert_string_equal(cidr_text(&v.ranges[2], text), "10.1.0.0/16");
	assert_false(v.cut);
	yyjson_doc_free(v.doc);
	read_service(&a,
	             "{\"spec\":{\"type\":\"NodePort\",\"clusterIP\":\"10.96.0.1\"},"
	             "\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.2.7\"}]}}}",
	             &v);
	assert_int_equal(v.n_ingress, 0); /* left over from another type */
	assert_false(v.ranged);
	yyjson_doc_free(v.doc);
	arena_free(&a);
}

static void test_maxima(void **state)
{
	struct arena a = { 0 };
	struct service_view v;
	struct buf b = { 0 };

	(void)state;
	buf_str(&b, "{\"spec\":{\"type\":\"LoadBalancer\",\"externalIPs\":[\"192.0.2.1\"");
	for (unsigned i = 0; i < 70; i++)
		buf_printf(&b, ",\"198.51.100.%u\"", i);
	buf_str(&b, "],\"loadBalancerSourceRanges\":[\"10.0.0.0/8\"");
	for (unsigned i = 0; i < SERVICE_RANGES_MAX; i++)
		buf_printf(&b, ",\"10.%u.%u.0/24\"", i / 256, i % 256);
	buf_add(&b, "]}}", 4);
	read_service(&a, b.data, &v);
	assert_int_equal(v.n_external, SERVICE_ADDRESSES_MAX);
	assert_int_equal(v.n_ranges, SERVICE_RANGES_MAX);
	assert_true(v.cut);
	yyjson_doc_free(v.doc);
	buf_free(&b);
	arena_free(&a);
}

static void test_policies(void **state)
{
	struct arena a = { 0 };
	struct service_view v;

	(void)state;
	read_service(&a,
	             "{\"spec\":{\"type\":\"LoadBalancer\",\"clusterIP\":\"10.96.0.1\","
	             "\"sessionAffinity\":\"ClientIP\",\"internalTrafficPolicy\":\"Local\","
	             "\"externalTrafficPolicy\":\"Local\",\"healthCheckNodePort\":30100,"
	             "\"trafficDistribution\":\"PreferSameNode\"}}",
	             &v);
	assert_true(view_service_proxied(&v));
	assert_true(v.internal_local && v.external_local);
	assert_int_equal(v.affinity, 10800);
	assert_int_equal(v.health_port, 30100);
	assert_string_equal(v.distribution, "PreferSameNode");
	yyjson_doc_free(v.doc);
	read_service(
		&a,
		"{\"metadata\":{\"labels\":{\"service.kubernetes.io/service-proxy-name\":\"x\"}}"
		",\"spec\":{\"clusterIP\":\"10.96.0.1\",\"sessionAffinity\":\"ClientIP\","
		"\"sessionAffinityConfig\":{\"clientIP\":{\"timeoutSeconds\":7}},"
		"\"internalTrafficPolicy\":\"Cluster\"}}",
		&v);
	assert_false(view_service_proxied(&v));
	assert_false(v.internal_local || v.external_local);
	assert_int_equal(v.affinity, 7);
	assert_int_equal(v.health_port, 0);
	yyjson_doc_free(v.doc);
	arena_free(&a);
}

static const char *const taken_away[] = {
	"{\"spec\":{\"clusterIP\":\"None\"}}",
	"{\"spec\":{\"type\":\"ExternalName\",\"externalName\":\"x\",\"externalIPs\":[\"192.0.2."
	"1\"]"
	"}}",
	"{\"metadata\":{\"labels\":{\"service.kubernetes.io/headless\":\"\"}},"
	"\"spec\":{\"clusterIP\":\"10.96.0.1\"}}",
};

static void test_not_proxied(void **state)
{
	struct arena a = { 0 };
	struct service_view v;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(taken_away); i++) {
		read_service(&a, taken_away[i], &v);
		assert_false(view_service_proxied(&v));
		assert_int_equal(v.n_external, 0);
		yyjson_doc_free(v.doc);
	}
	arena_free(&a);
}

static int start(void **state)
{
	char run[64];
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(run, sizeof(run), "%s/run", dir);
	mkdir(run, 0700);
	assert_int_equal(store_open(dir, run, &e), 0);
	return 0;
}

static int stop(void **state)
{
	char cmd[64];

	(void)state;
	store_close();
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd) != 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_topology),          cmocka_unit_test(test_terminating),
		cmocka_unit_test(test_duplicates),        cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_outside_addresses), cmocka_unit_test(test_maxima),
		cmocka_unit_test(test_policies),          cmocka_unit_test(test_not_proxied),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
