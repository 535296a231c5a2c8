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

static void put(enum kind kind, const char *name, const char *json)
{
	auto_doc yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	auto_mut yyjson_mut_doc *mut = yyjson_doc_mut_copy(doc, NULL);
	struct err e = { 0 };

	assert_non_null(doc);
	store_begin();
	assert_int_equal(store_put(kind, "default", name, mut, 0, NULL, &e), 0);
	assert_int_equal(store_commit(&e), 0);
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
		cmocka_unit_test(test_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
