/* test_node.c - facts of the machine as a Node, and what of an existing one stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <knetd/auto.h>
#include <knetd/store.h>

#include "../../modules/node/node_plan.h"

static char dir[] = "/tmp/knettestXXXXXX";

static struct node_facts facts(const char *now)
{
	static struct cidr cidrs[2];
	struct node_facts f = { .name = "edge",
		                .pod_cidrs = cidrs,
		                .n_pod_cidrs = 2,
		                .machine_id = "m",
		                .boot_id = "b",
		                .kernel = "6.1",
		                .os_image = "Debian",
		                .arch = "amd64",
		                .now = now,
		                .cpus = 2,
		                .memory_kb = 1024,
		                .pods = 254 };

	assert_true(cidr_parse(&cidrs[0], "10.244.0.0/24"));
	assert_true(cidr_parse(&cidrs[1], "fd00::/64"));
	assert_true(ip_parse(&f.addresses[0], "192.0.2.7"));
	assert_true(ip_parse(&f.addresses[1], "2001:db8::7"));
	f.n_addresses = 2;
	return f;
}

static const struct object *write_node(const struct node_facts *f)
{
	const struct object *out;
	auto_mut yyjson_mut_doc *doc = node_plan(f, store_get(KIND_NODE, "", "edge"));

	store_begin();
	assert_int_equal(store_put(KIND_NODE, "", "edge", doc, 0, &out, NULL), 0);
	assert_int_equal(store_commit(NULL), 0);
	return out;
}

static void label(const char *key)
{
	auto_doc yyjson_doc *doc = object_doc(store_get(KIND_NODE, "", "edge"));
	auto_mut yyjson_mut_doc *mut = yyjson_doc_mut_copy(doc, NULL);
	yyjson_mut_val *meta = yyjson_mut_obj_get(yyjson_mut_doc_get_root(mut), "metadata");

	yyjson_mut_obj_add_str(mut, yyjson_mut_obj_get(meta, "labels"), key, "x");
	store_begin();
	assert_int_equal(store_put(KIND_NODE, "", "edge", mut, 0, NULL, NULL), 0);
	assert_int_equal(store_commit(NULL), 0);
}

static void test_node(void **state)
{
	struct node_facts f = facts("2026-01-01T00:00:00Z"), later = facts("2026-01-02T00:00:00Z");
	const struct object *o;
	uint64_t version;

	(void)state;
	o = write_node(&f);
	assert_non_null(strstr(o->json, "\"podCIDR\":\"10.244.0.0/24\",\"podCIDRs\":[\"10.244.0.0/"
	                                "24\",\"fd00::/64\"]"));
	assert_non_null(strstr(o->json, "{\"type\":\"InternalIP\",\"address\":\"192.0.2.7\"},{"
	                                "\"type\":\"InternalIP\",\"address\":\"2001:db8::7\"},{"
	                                "\"type\":\"Hostname\",\"address\":\"edge\"}"));
	assert_non_null(strstr(o->json, "\"kubernetes.io/hostname\":\"edge\""));
	assert_non_null(strstr(o->json, "{\"type\":\"Ready\",\"lastHeartbeatTime\":\"2026-01-01T00:"
	                                "00:00Z\",\"lastTransitionTime\":\"2026-01-01T00:00:00Z\","
	                                "\"status\":\"True\""));
	version = o->version;
	assert_true(write_node(&later)->version == version); /* no heartbeats */
	label("mine");
	later.n_addresses = 0;
	o = write_node(&later);
	assert_non_null(strstr(o->json, "\"mine\":\"x\""));
	assert_non_null(strstr(o->json, "192.0.2.7")); /* the uplink may come back */
	later.n_addresses = 1;
	assert_true(ip_parse(&later.addresses[0], "192.0.2.8"));
	o = write_node(&later);
	assert_non_null(strstr(o->json, "192.0.2.8"));
	assert_null(strstr(o->json, "192.0.2.7"));
	assert_null(strstr(o->json, "2001:db8::7"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_node) };
	char path[64];
	int failed;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/run", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(store_open(dir, path, NULL), 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	store_close();
	snprintf(path, sizeof(path), "rm -rf %s", dir);
	return failed + (system(path) != 0);
}
