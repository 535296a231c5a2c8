/* test_endpoints.c - Service selectors x Pods -> EndpointSlices, through the real store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <knetd/arena.h>
#include <knetd/auto.h>
#include <knetd/module.h>
#include <knetd/view.h>

#include "../../modules/endpoints/labels.h"

extern const struct module endpoints_module;
static char dir[] = "/tmp/knettestXXXXXX";
static struct cursor cursor;

static void put_in(enum kind kind, const char *ns, const char *name, const char *json)
{
	auto_doc yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	auto_mut yyjson_mut_doc *mut = yyjson_doc_mut_copy(doc, NULL);
	struct err e = { 0 };

	assert_non_null(doc);
	store_begin();
	assert_int_equal(store_put(kind, ns, name, mut, kind == KIND_POD ? STORE_RUN : 0, NULL, &e),
	                 0);
	assert_int_equal(store_commit(&e), 0);
}

static void put(enum kind kind, const char *name, const char *json)
{
	put_in(kind, "default", name, json);
}

static void del(enum kind kind, const char *name)
{
	store_begin();
	assert_int_equal(store_delete(kind, "default", name), 0);
	assert_int_equal(store_commit(NULL), 0);
}

static void sync_now(bool full)
{
	struct changes c = { .full = full, .kinds = endpoints_module.watches, .cursor = &cursor };

	if (full)
		cursor_now(&cursor);

	assert_int_equal(endpoints_module.sync(&c, NULL), 0);
}

/* "10.244.0.1:8080 10.244.0.2:8080!" - '!' marks one that is not ready. */
static const char *endpoints(const char *service)
{
	static char text[512];
	struct arena a = { 0 };
	struct service_view view;
	struct endpoint_set set;
	char ip[IP_TEXT];

	text[0] = 0;
	assert_true(view_service(store_get(KIND_SERVICE, "default", service), &a, &view));
	view_endpoints("default", service, &view.ports[0], 0, false, &a, &set);
	for (unsigned i = 0; i < set.n; i++)
		sprintf(text + strlen(text), "%s%s:%u%s", i ? " " : "", ip_text(&set.v[i].ip, ip),
		        set.v[i].port, set.v[i].ready ? "" : "!");
	yyjson_doc_free(view.doc);
	arena_free(&a);
	return text;
}

static void pod(const char *name, const char *labels, const char *ip, const char *more,
                const char *ready)
{
	char json[1024];

	snprintf(json, sizeof(json),
	         "{\"metadata\":{\"labels\":%s%s},\"spec\":{\"containers\":[{\"ports\":[{\"name\":"
	         "\"http\",\"containerPort\":%s}]}]},"
	         "\"status\":{\"podIP\":\"%s\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"%"
	         "s\"}]}}",
	         labels, more, name[0] == 'b' ? "9090" : "8080", ip, ready);
	put(KIND_POD, name, json);
}

#define WEB "{\"app\":\"web\"}"

static void service(const char *more)
{
	char json[512];

	snprintf(
		json, sizeof(json),
		"{\"spec\":{\"clusterIP\":\"10.96.0.5\",\"ipFamilies\":[\"IPv4\"],\"selector\":" WEB
		",\"ports\":[{\"name\":\"w\",\"port\":80,\"targetPort\":\"http\"}]%s}}",
		more);
	put(KIND_SERVICE, "web", json);
}

static void test_life(void **state)
{
	(void)state;
	service("");
	sync_now(true);
	assert_string_equal(endpoints("web"), "");
	assert_int_equal(store_count(KIND_ENDPOINTSLICE), 1); /* an empty one, as in Kubernetes */
	pod("a1", WEB, "10.244.0.1", "", "True");
	pod("a2", "{\"app\":\"web\",\"more\":\"x\"}", "10.244.0.2", "", "False");
	pod("other", "{\"app\":\"db\"}", "10.244.0.3", "", "True");
	sync_now(false);
	assert_string_equal(endpoints("web"), "10.244.0.1:8080 10.244.0.2:8080!");
	pod("a2", "{\"app\":\"gone\"}", "10.244.0.2", "", "True"); /* leaves by its label */
	sync_now(false);
	assert_string_equal(endpoints("web"), "10.244.0.1:8080");
	del(KIND_POD, "a1");
	sync_now(false);
	assert_string_equal(endpoints("web"), "");
}

static void test_named_ports_may_differ(void **state)
{
	(void)state;
	service("");
	pod("a1", WEB, "10.244.0.1", "", "True");
	pod("b1", WEB, "10.244.0.2", "", "True"); /* its port "http" is another number */
	sync_now(true);
	assert_string_equal(endpoints("web"), "10.244.0.1:8080 10.244.0.2:9090");
	assert_int_equal(store_count(KIND_ENDPOINTSLICE), 2);
	del(KIND_POD, "b1");
	sync_now(false);
	assert_int_equal(store_count(KIND_ENDPOINTSLICE), 1);
}

static void test_terminating_and_not_ready(void **state)
{
	(void)state;
	service(",\"publishNotReadyAddresses\":true");
	pod("a1", WEB, "10.244.0.1", ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"", "True");
	sync_now(true);
	assert_string_equal(endpoints("web"), "10.244.0.1:8080"); /* published all the same */
	service("");
	sync_now(false);
	assert_string_equal(endpoints("web"), "10.244.0.1:8080!");
}

static void test_hand_written_slices_stay(void **state)
{
	(void)state;
	service("");
	put(KIND_ENDPOINTSLICE, "mine",
	    "{\"metadata\":{\"labels\":{\"kubernetes.io/"
	    "service-name\":\"web\"}},\"addressType\":\"IPv4\","
	    "\"endpoints\":[{\"addresses\":[\"192.0.2.1\"]}],\"ports\":[{\"name\":\"w\",\"port\":"
	    "80}]}");
	sync_now(true);
	assert_string_equal(endpoints("web"), "192.0.2.1:80");
	del(KIND_SERVICE, "web");
	sync_now(false);
	assert_non_null(store_get(KIND_ENDPOINTSLICE, "default", "mine"));
	assert_int_equal(store_count(KIND_ENDPOINTSLICE), 1);
}

static void test_nothing_written_twice(void **state)
{
	uint64_t before;

	(void)state;
	service("");
	pod("a1", WEB, "10.244.0.1", "", "True");
	sync_now(true);
	before = store_version();
	sync_now(true);
	assert_true(store_version() == before);
}

/* A slice's or an Endpoints object's member as JSON text; "" when it is not there. */
static const char *member(enum kind kind, const char *name, const char *path)
{
	static char text[2048];
	const struct object *o = store_get(kind, "default", name);
	auto_doc yyjson_doc *doc = o ? object_doc(o) : NULL;
	yyjson_val *v = json_at(yyjson_doc_get_root(doc), path);
	auto_free char *json = v ? yyjson_val_write(v, 0, NULL) : NULL;

	snprintf(text, sizeof(text), "%s", json ? json : "");
	return text;
}

static void test_endpoints_v1(void **state)
{
	uint64_t before;

	(void)state;
	service("");
	pod("a1", WEB, "10.244.0.1", "", "True");
	pod("a2", WEB, "10.244.0.2", "", "False");
	pod("a3", WEB, "10.244.0.3", ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"", "True");
	sync_now(true);
	assert_string_equal(member(KIND_ENDPOINTS, "web", "subsets"),
	                    "[{\"addresses\":[{\"ip\":\"10.244.0.1\",\"targetRef\":{\"kind\":"
	                    "\"Pod\",\"name\":\"a1\"}}],\"notReadyAddresses\":[{\"ip\":\"10.244."
	                    "0.2\",\"targetRef\":{\"kind\":\"Pod\",\"name\":\"a2\"}}],\"ports\":["
	                    "{\"name\":\"w\",\"protocol\":\"TCP\",\"port\":8080}]}]");
	before = store_version();
	sync_now(false); /* what is written here is no reason to write again */
	assert_true(store_version() == before);
	del(KIND_ENDPOINTS, "web");
	sync_now(false);
	assert_non_null(store_get(KIND_ENDPOINTS, "default", "web"));
	del(KIND_SERVICE, "web");
	sync_now(false);
	assert_null(store_get(KIND_ENDPOINTS, "default", "web"));
}

static void test_ended_pods_do_not_count(void **state)
{
	(void)state;
	service("");
	put(KIND_POD, "done",
	    "{\"metadata\":{\"labels\":" WEB "},\"status\":{\"phase\":\"Succeeded\",\"podIP\":"
	    "\"10.244.0.9\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}");
	sync_now(true);
	assert_string_equal(endpoints("web"), "");
}

#define BARE "{\"spec\":{\"clusterIP\":\"10.96.0.6\",\"ports\":[{\"name\":\"w\",\"port\":80}]}}"
#define BY_HAND(more)                                                                              \
	"{\"metadata\":{\"labels\":{\"a\":\"b\"" more "}},\"subsets\":[{\"addresses\":[{\"ip\":"   \
	"\"192.0.2.1\"},{\"ip\":\"2001:db8::1\"}],\"notReadyAddresses\":[{\"ip\":\"192.0.2.2\"}]," \
	"\"ports\":[{\"name\":\"w\",\"port\":8080}]}]}"

static void test_mirrored_endpoints(void **state)
{
	(void)state;
	put(KIND_SERVICE, "web", BARE);
	sync_now(true);
	assert_string_equal(endpoints("web"), "");
	put(KIND_ENDPOINTS, "web", BY_HAND(""));
	sync_now(false);
	assert_string_equal(endpoints("web"), "192.0.2.1:8080 192.0.2.2:8080! 2001:db8::1:8080");
	assert_int_equal(store_count(KIND_ENDPOINTSLICE), 2); /* one a family */
	put(KIND_ENDPOINTS, "web",
	    BY_HAND(",\"endpointslice.kubernetes.io/skip-mirror\":\"true\""));
	sync_now(false);
	assert_int_equal(store_count(KIND_ENDPOINTSLICE), 0);
	put(KIND_ENDPOINTS, "web", BY_HAND(""));
	sync_now(false);
	del(KIND_ENDPOINTS, "web");
	sync_now(false);
	assert_int_equal(store_count(KIND_ENDPOINTSLICE), 0);
	put(KIND_ENDPOINTS, "web", BY_HAND(""));
	del(KIND_SERVICE, "web");
	sync_now(false);
	assert_int_equal(store_count(KIND_ENDPOINTSLICE), 0);
	assert_null(store_get(KIND_ENDPOINTS, "default", "web"));
}

static void many_pods(unsigned from, unsigned to)
{
	char name[16], ip[32];

	for (unsigned i = from; i < to; i++) {
		snprintf(name, sizeof(name), "a%03u", i);
		snprintf(ip, sizeof(ip), "10.244.%u.%u", i / 200, 1 + i % 200);
		pod(name, WEB, ip, "", "True");
	}
}

static unsigned written_since(uint64_t version)
{
	const struct object *o;
	unsigned n = 0;

	for (size_t i = 0; (o = store_next_object(KIND_ENDPOINTSLICE, &i));)
		n += o->version > version;
	return n;
}

static void test_one_pod_touches_one_slice(void **state)
{
	uint64_t before;

	(void)state;
	service("");
	many_pods(10, 260);
	sync_now(true);
	assert_int_equal(store_count(KIND_ENDPOINTSLICE), 3);
	before = store_version();
	del(KIND_POD, "a012"); /* of the first */
	sync_now(false);
	assert_int_equal(written_since(before), 1);
	before = store_version();
	many_pods(1, 2); /* sorts before all others, and takes the gap */
	sync_now(false);
	assert_int_equal(written_since(before), 1);
	endpoints_module.exit(false); /* a restart puts nobody elsewhere */
	before = store_version();
	sync_now(true);
	assert_true(store_version() == before);
}

static void test_labels_and_annotations_of_the_service(void **state)
{
	const struct object *o;
	size_t i = 0;

	(void)state;
	put(KIND_SERVICE, "web",
	    "{\"metadata\":{\"labels\":{\"team\":\"a\",\"kubernetes.io/service-name\":\"other\"},"
	    "\"annotations\":{\"service.alpha.kubernetes.io/"
	    "tolerate-unready-endpoints\":\"true\"}},"
	    "\"spec\":{\"clusterIP\":\"None\",\"clusterIPs\":[\"None\"],\"ipFamilies\":[\"IPv4\"],"
	    "\"selector\":" WEB "}}");
	put(KIND_POD, "a1",
	    "{\"metadata\":{\"labels\":" WEB "},\"spec\":{\"hostname\":\"h\",\"subdomain\":\"web\","
	    "\"nodeName\":\"n\"},\"status\":{\"podIPs\":[{\"ip\":\"fd00::1\"},{\"ip\":\"10.244.0."
	    "1\"}]}}");
	sync_now(true);
	o = store_next_object(KIND_ENDPOINTSLICE, &i);
	assert_non_null(o);
	assert_string_equal(member(KIND_ENDPOINTSLICE, o->name, "metadata.labels"),
	                    "{\"kubernetes.io/service-name\":\"web\","
	                    "\"endpointslice.kubernetes.io/"
	                    "managed-by\":\"endpointslice-controller.knetd.io\","
	                    "\"service.kubernetes.io/headless\":\"\",\"team\":\"a\"}");
	assert_string_equal(member(KIND_ENDPOINTSLICE, o->name, "ports"), "[]");
	assert_non_null(strstr(o->json, "{\"addresses\":[\"10.244.0.1\"],\"conditions\":{\"ready\":"
	                                "true,\"serving\":false,\"terminating\":false},"
	                                "\"hostname\":\"h\",\"nodeName\":\"n\""));
}

/* ---- zones and hints ------------------------------------------------------------------------ */

static void node(const char *name, const char *zone)
{
	char json[256];

	snprintf(json, sizeof(json),
	         "{\"metadata\":{\"labels\":{\"topology.kubernetes.io/zone\":\"%s\"}}}", zone);
	put_in(KIND_NODE, "", name, json);
}

static void pod_on(const char *name, const char *node, const char *ip, const char *ready)
{
	char json[512];

	snprintf(json, sizeof(json),
	         "{\"metadata\":{\"labels\":" WEB "},\"spec\":{%s%s%s\"hostNetwork\":false},"
	         "\"status\":{\"podIP\":\"%s\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"%s"
	         "\"}]}}",
	         *node ? "\"nodeName\":\"" : "", node, *node ? "\"," : "", ip, ready);
	put(KIND_POD, name, json);
}

/* The slice's endpoints, each as "last-number zone hints". */
static const char *hints(void)
{
	static char text[1024];
	size_t at = 0, i, n;
	const struct object *o = store_next_object(KIND_ENDPOINTSLICE, &at);
	auto_doc yyjson_doc *doc = object_doc(o);
	yyjson_val *v;

	text[0] = 0;
	yyjson_arr_foreach (json_at(yyjson_doc_get_root(doc), "endpoints"), i, n, v) {
		yyjson_val *h = yyjson_obj_get(v, "hints"),
			   *address = yyjson_arr_get(yyjson_obj_get(v, "addresses"), 0);
		auto_free char *said = h ? yyjson_val_write(h, 0, NULL) : NULL;

		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s %s %s",
		         i ? "; " : "", strrchr(yyjson_get_str(address), '.') + 1,
		         json_str(v, "zone") ? json_str(v, "zone") : "-", said ? said : "-");
	}
	return text;
}

#define ZONES(z) "{\"forZones\":[{\"name\":\"" z "\"}]}"
#define BOTH(z, n) "{\"forZones\":[{\"name\":\"" z "\"}],\"forNodes\":[{\"name\":\"" n "\"}]}"

static void test_hints(void **state)
{
	(void)state;
	node("n1", "a");
	node("n2", "b");
	node("n3", "");
	pod_on("p1", "n1", "10.0.0.1", "True");
	pod_on("p2", "n2", "10.0.0.2", "True");
	pod_on("p3", "n3", "10.0.0.3", "True");
	pod_on("p4", "n1", "10.0.0.4", "False");
	pod_on("p5", "", "10.0.0.5", "True");
	pod_on("p6", "unknown", "10.0.0.6", "True");
	service("");
	sync_now(true);
	assert_string_equal(hints(), "1 a -; 2 b -; 3 - -; 4 a -; 5 - -; 6 - -");
	service(",\"trafficDistribution\":\"PreferClose\"");
	sync_now(false);
	assert_string_equal(hints(), "1 a " ZONES("a") "; 2 b " ZONES("b") "; 3 - -; 4 a -; 5 - -; "
	                                                                   "6 - -");
	service(",\"trafficDistribution\":\"PreferSameZone\"");
	sync_now(false);
	assert_string_equal(hints(), "1 a " ZONES("a") "; 2 b " ZONES("b") "; 3 - -; 4 a -; 5 - -; "
	                                                                   "6 - -");
	service(",\"trafficDistribution\":\"PreferSameNode\"");
	sync_now(false);
	assert_string_equal(
		hints(), "1 a " BOTH("a", "n1") "; 2 b " BOTH(
				 "b", "n2") "; 3 - "
					    "{\"forNodes\":[{\"name\":\"n3\"}]}; 4 a -; 5 - -; 6 - "
					    "{\"forNodes\":[{\"name\":\"unknown\"}]}");
	service(""); /* the wish is taken back */
	sync_now(false);
	assert_string_equal(hints(), "1 a -; 2 b -; 3 - -; 4 a -; 5 - -; 6 - -");
}

static void test_a_node_changes_its_zone(void **state)
{
	uint64_t before;

	(void)state;
	node("n1", "a");
	pod_on("p1", "n1", "10.0.0.1", "True");
	service(",\"trafficDistribution\":\"PreferClose\"");
	sync_now(true);
	node("n1", "b");
	sync_now(false);
	assert_string_equal(hints(), "1 b " ZONES("b"));
	put_in(KIND_NODE, "", "n1",
	       "{\"metadata\":{\"labels\":{\"topology.kubernetes.io/zone\":\"b\",\"x\":\"y\"}}}");
	before = store_version();
	sync_now(false);
	assert_true(store_version() == before);
	store_begin();
	assert_int_equal(store_delete(KIND_NODE, "", "n1"), 0);
	assert_int_equal(store_commit(NULL), 0);
	sync_now(false);
	assert_string_equal(hints(), "1 - -");
}

/* ---- what others do to slices --------------------------------------------------------------- */

#define OUR_SLICE(service)                                                                         \
	"{\"metadata\":{\"labels\":{\"kubernetes.io/service-name\":\"" service "\","               \
	"\"endpointslice.kubernetes.io/managed-by\":\"endpointslice-controller.knetd.io\"}},"      \
	"\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"192.0.2.1\"]}],\"ports\":[]}"

static void test_slices_are_put_right(void **state)
{
	char name[300];
	size_t i = 0;

	(void)state;
	service("");
	pod("a1", WEB, "10.244.0.1", "", "True");
	sync_now(true);
	snprintf(name, sizeof(name), "%s", store_next_object(KIND_ENDPOINTSLICE, &i)->name);
	put(KIND_ENDPOINTSLICE, name, OUR_SLICE("web")); /* overwritten */
	sync_now(false);
	assert_string_equal(endpoints("web"), "10.244.0.1:8080");
	put(KIND_ENDPOINTSLICE, name, OUR_SLICE("other")); /* given to another Service */
	sync_now(false);
	assert_string_equal(endpoints("web"), "10.244.0.1:8080");
	put(KIND_ENDPOINTSLICE, "web-false", OUR_SLICE("web")); /* one that pretends to be ours */
	sync_now(false);
	assert_int_equal(store_count(KIND_ENDPOINTSLICE), 1);
	del(KIND_ENDPOINTSLICE, name);
	sync_now(false);
	assert_string_equal(endpoints("web"), "10.244.0.1:8080");
	put(KIND_ENDPOINTS, "web", "{\"metadata\":{},\"subsets\":[]}");
	sync_now(false);
	assert_non_null(strstr(member(KIND_ENDPOINTS, "web", "subsets"), "10.244.0.1"));
	del(KIND_ENDPOINTS, "web");
	sync_now(false);
	assert_non_null(strstr(member(KIND_ENDPOINTS, "web", "subsets"), "10.244.0.1"));
}

/* The controller's own writes come back to it as changes, and are none. */
static void test_own_writes_are_no_news(void **state)
{
	uint64_t before;

	(void)state;
	service("");
	pod("a1", WEB, "10.244.0.1", "", "True");
	sync_now(true);
	pod("a2", WEB, "10.244.0.2", "", "True");
	sync_now(false);
	before = store_version();
	for (unsigned i = 0; i < 3; i++)
		sync_now(false);
	assert_true(store_version() == before);
}

static struct labels *labels(const char *json)
{
	auto_doc yyjson_doc *doc = yyjson_read(json, strlen(json), 0);

	return labels_new(yyjson_doc_get_root(doc));
}

static void test_labels(void **state)
{
	struct labels *set = labels("{\"b\":\"2\",\"a\":\"1\",\"aa\":\"1\"}");
	struct labels *one = labels("{\"b\":\"2\"}"), *no = labels("{\"a\":\"2\"}"),
		      *none = labels("{}");

	(void)state;
	assert_true(labels_match(one, set));
	assert_true(labels_match(set, set));
	assert_false(labels_match(no, set));
	assert_false(labels_match(none, set)); /* an empty selector selects nothing */
	assert_false(labels_match(set, one));
	free(set);
	free(one);
	free(no);
}

static int set_up(void **state)
{
	char run[64];

	(void)state;
	strcpy(dir, "/tmp/knettestXXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(run, sizeof(run), "%s/run", dir);
	assert_int_equal(mkdir(run, 0700), 0);
	cursor_now(&cursor);
	return store_open(dir, run, NULL);
}

static int tear_down(void **state)
{
	char cmd[64];

	(void)state;
	endpoints_module.exit(false);
	store_close();
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_named_ports_may_differ, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_terminating_and_not_ready, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hand_written_slices_stay, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_written_twice, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_endpoints_v1, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ended_pods_do_not_count, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mirrored_endpoints, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_one_pod_touches_one_slice, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_labels_and_annotations_of_the_service, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(test_hints, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_node_changes_its_zone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_slices_are_put_right, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_own_writes_are_no_news, set_up, tear_down),
		cmocka_unit_test(test_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
