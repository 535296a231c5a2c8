/* test_podnet_pod.c - the Pod object through attach and detach, and PodNetworks read back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/store.h>

#include "../../modules/podnet/podnet_pod.h"

static char dir[] = "/tmp/test-podnet-XXXXXX";
static struct err e;

static int open_store(void **state)
{
	char run[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(run, sizeof(run), "%s/run", dir);
	assert_int_equal(mkdir(run, 0700), 0);
	assert_int_equal(conf_load(NULL, &e), 0);
	return store_open(dir, run, &e);
}

static int close_store(void **state)
{
	char command[96];

	(void)state;
	store_close();
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static struct attachment make(const char *pod, const char *ifname, const char *object,
                              const char *ip)
{
	struct attachment a = { .container = "c1", .network = "net", .ns = "shop", .n_ips = 1 };

	snprintf(a.ifname, sizeof(a.ifname), "%s", ifname);
	snprintf(a.pod, sizeof(a.pod), "%s", pod);
	snprintf(a.object, sizeof(a.object), "%s", object);
	snprintf(a.link, sizeof(a.link), "knet00000000001");
	attachment_key(a.key, a.container, a.ifname);
	assert_true(ip_parse(&a.ips[0], ip));
	return a;
}

/* As ADD does it. annotations is a JSON object or NULL. */
static int attach(const struct attachment *a, const char *annotations)
{
	auto_doc yyjson_doc *doc =
		annotations ? yyjson_read(annotations, strlen(annotations), 0) : NULL;
	struct cni_request r = {
		.netns = "/n", .pod_uid = "", .pod_ns = a->ns, .pod_name = a->pod
	};
	auto_mut yyjson_mut_doc *network = NULL;
	int ret;

	r.annotations = yyjson_doc_get_root(doc);
	network = attachment_doc(a, &r);
	store_begin();
	ret = pod_attached(a, &r, &e);
	if (ret) {
		store_abort();
		return ret;
	}
	assert_int_equal(store_put(KIND_PODNETWORK, a->ns, a->object, network, STORE_RUN, NULL, &e),
	                 0);
	return store_commit(&e);
}

static void detach(const struct attachment *a)
{
	store_begin();
	assert_int_equal(pod_detached(a, &e), 0);
	assert_int_equal(store_delete(KIND_PODNETWORK, a->ns, a->object), 0);
	assert_int_equal(store_commit(&e), 0);
}

static void create_node(const char *addresses)
{
	auto_free char *text = xasprintf("{\"status\":{\"addresses\":[%s]}}", addresses);
	auto_doc yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
	auto_mut yyjson_mut_doc *mut = yyjson_doc_mut_copy(doc, NULL);

	store_begin();
	assert_int_equal(store_put(KIND_NODE, "", conf.node.name, mut, 0, NULL, &e), 0);
	assert_int_equal(store_commit(&e), 0);
}

static const struct object *pod_named(const char *name)
{
	return store_get(KIND_POD, "shop", name);
}

static void expect(const char *pod, const char *path, const char *want)
{
	auto_doc yyjson_doc *doc = object_doc(pod_named(pod));
	const char *found = json_str(yyjson_doc_get_root(doc), path);

	if (!want)
		assert_null(found);
	else
		assert_string_equal(found ? found : "(none)", want);
}

static void expect_ready(const char *pod, const char *want)
{
	auto_doc yyjson_doc *doc = object_doc(pod_named(pod));
	yyjson_val *all = json_at(yyjson_doc_get_root(doc), "status.conditions");

	assert_int_equal(yyjson_arr_size(all), 1);
	assert_string_equal(json_str(yyjson_arr_get_first(all), "status"), want);
}

static void create_pod(const char *name, const char *status)
{
	auto_free char *text =
		xasprintf("{\"metadata\":{\"labels\":{\"app\":\"x\"}},\"spec\":{}%s}", status);
	auto_doc yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
	auto_mut yyjson_mut_doc *mut = yyjson_doc_mut_copy(doc, NULL);

	store_begin();
	assert_int_equal(store_put(KIND_POD, "shop", name, mut, 0, NULL, &e), 0);
	assert_int_equal(store_commit(&e), 0);
}

static void makes_and_deletes_a_pod(void **state)
{
	struct attachment a = make("web-0", "eth0", "web-0-1", "10.0.0.1");

	(void)state;
	assert_int_equal(attach(&a, "{\"knetd.io/labels\":\"app=web,tier=front\",\"k\":\"v\","
	                            "\"knetd.io/created-by\":\"forged\"}"),
	                 0);
	assert_non_null(store_get(KIND_NAMESPACE, "", "shop"));
	expect("web-0", "metadata.labels.app", "web");
	expect("web-0", "metadata.labels.tier", "front");
	expect("web-0", "metadata.annotations.k", "v");
	expect("web-0", "status.podIP", "10.0.0.1");
	expect("web-0", "status.phase", "Running");
	expect_ready("web-0", "True");
	assert_true(pod_named("web-0")->run);
	detach(&a);
	assert_null(pod_named("web-0"));
}

static void completes_a_pod_of_the_api(void **state)
{
	struct attachment a = make("api-0", "eth0", "api-0-1", "10.0.0.1");

	(void)state;
	create_pod("api-0", "");
	assert_int_equal(attach(&a, "{\"knetd.io/labels\":\"tier=front\"}"), 0);
	expect("api-0", "metadata.labels.app", "x");
	expect("api-0", "metadata.labels.tier", "front");
	expect("api-0", "status.podIP", "10.0.0.1");
	assert_false(pod_named("api-0")->run);
	detach(&a);
	assert_non_null(pod_named("api-0"));
	expect("api-0", "status.podIP", NULL);
	expect_ready("api-0", "False");
	assert_int_equal(attach(&a, NULL), 0);
	expect_ready("api-0", "True");
	detach(&a);
}

static void respects_a_ready_condition(void **state)
{
	struct attachment a = make("own-0", "eth0", "own-0-1", "10.0.0.1");

	(void)state;
	create_pod("own-0",
	           ",\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\"}]}");
	assert_int_equal(attach(&a, NULL), 0);
	expect_ready("own-0", "False");
	detach(&a);
	expect_ready("own-0", "False");
}

static void refuses_bad_labels(void **state)
{
	struct attachment a = make("bad-0", "eth0", "bad-0-1", "10.0.0.1");

	(void)state;
	assert_int_equal(attach(&a, "{\"knetd.io/labels\":\"not a label\"}"), -EINVAL);
	assert_non_null(strstr(e.text, "knetd.io/labels"));
	assert_null(pod_named("bad-0"));
}

static void keeps_the_first_interface(void **state)
{
	struct attachment eth0 = make("two-0", "eth0", "two-0-1", "10.0.0.1");
	struct attachment net1 = make("two-0", "net1", "two-0-2", "10.0.0.2");

	(void)state;
	assert_int_equal(attach(&eth0, NULL), 0);
	assert_int_equal(attach(&net1, NULL), 0);
	expect("two-0", "status.podIP", "10.0.0.1");
	detach(&net1);
	expect("two-0", "status.podIP", "10.0.0.1");
	detach(&eth0);
	assert_null(pod_named("two-0"));
}

static void newer_sandbox_wins(void **state)
{
	struct attachment old = make("re-0", "eth0", "re-0-1", "10.0.0.1");
	struct attachment new = make("re-0", "eth0", "re-0-2", "10.0.0.2");

	(void)state;
	assert_int_equal(attach(&old, NULL), 0);
	assert_int_equal(attach(&new, NULL), 0);
	expect("re-0", "status.podIP", "10.0.0.2");
	detach(&old);
	expect("re-0", "status.podIP", "10.0.0.2");
	detach(&new);
	assert_null(pod_named("re-0"));
}

static void forgets_lost_ones(void **state)
{
	struct attachment a = make("lost-0", "eth0", "lost-0-1", "10.0.0.1");
	struct attachment b = make("lost-1", "eth0", "lost-1-1", "10.0.0.2");

	(void)state;
	create_pod("lost-1", "");
	assert_int_equal(attach(&a, NULL), 0);
	assert_int_equal(attach(&b, NULL), 0);
	store_begin();
	store_delete(KIND_PODNETWORK, "shop", "lost-0-1");
	store_delete(KIND_PODNETWORK, "shop", "lost-1-1");
	assert_int_equal(pods_forget_lost(&e), 0);
	assert_int_equal(store_commit(&e), 0);
	assert_null(pod_named("lost-0"));
	expect("lost-1", "status.podIP", NULL);
}

static void reads_a_podnetwork_back(void **state)
{
	struct attachment a = make("back-0", "eth0", "back-0-1", "fd00::7"), b;

	(void)state;
	memcpy(a.mac, "\x02\x00\x00\xaa\xbb\xcc", 6);
	assert_int_equal(attach(&a, NULL), 0);
	assert_true(attachment_read(&b, store_get(KIND_PODNETWORK, "shop", "back-0-1")));
	assert_memory_equal(&a, &b, sizeof(a));
	assert_true(attachments_newest(&b));
	assert_string_equal(b.object, "back-0-1");
	detach(&a);
}

static void says_where_it_runs(void **state)
{
	struct attachment a = make("placed", "eth0", "placed-1", "10.0.0.40");
	auto_doc yyjson_doc *doc = NULL;
	yyjson_val *ips;

	(void)state;
	create_node("{\"type\":\"Hostname\",\"address\":\"node\"},"
	            "{\"type\":\"InternalIP\",\"address\":\"192.0.2.1\"},"
	            "{\"type\":\"InternalIP\",\"address\":\"2001:db8::1\"}");
	assert_int_equal(attach(&a, NULL), 0);
	expect("placed", "status.hostIP", "192.0.2.1");
	doc = object_doc(pod_named("placed"));
	ips = json_at(yyjson_doc_get_root(doc), "status.hostIPs");
	assert_int_equal(yyjson_arr_size(ips), 2);
	assert_string_equal(json_str(yyjson_arr_get(ips, 1), "ip"), "2001:db8::1");
	detach(&a);
}

static void keeps_its_host_ports(void **state)
{
	struct cni_port ports[CNI_PORTS_MAX],
		given[] = { { 6, 80, 8080, { 0 } }, { 17, 53, 5353, { 4, { 192, 0, 2, 1 } } } };
	struct attachment a = make("ported", "eth0", "ported-1", "10.0.0.41");

	(void)state;
	a.n_ports = 2;
	a.ports = given;
	assert_int_equal(attach(&a, NULL), 0);
	assert_int_equal(
		attachment_read_ports(ports, store_get(KIND_PODNETWORK, "shop", "ported-1")), 2);
	assert_int_equal(ports[0].pod, 8080);
	assert_int_equal(ports[0].host_ip.len, 0);
	assert_int_equal(ports[1].proto, 17);
	assert_true(ip_equal(&ports[1].host_ip, &given[1].host_ip));
	detach(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_and_deletes_a_pod),
		cmocka_unit_test(completes_a_pod_of_the_api),
		cmocka_unit_test(respects_a_ready_condition),
		cmocka_unit_test(refuses_bad_labels),
		cmocka_unit_test(keeps_the_first_interface),
		cmocka_unit_test(newer_sandbox_wins),
		cmocka_unit_test(forgets_lost_ones),
		cmocka_unit_test(reads_a_podnetwork_back),
		cmocka_unit_test(says_where_it_runs),
		cmocka_unit_test(keeps_its_host_ports),
	};

	return cmocka_run_group_tests(tests, open_store, close_store);
}
