/* test_cni.c - CNI requests, results and errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/object.h>

#include "../../modules/podnet/cni.h"

#define IDS "\"containerID\":\"c1\",\"netns\":\"/run/netns/x\",\"ifName\":\"eth0\""
#define NET "\"cniVersion\":\"1.0.0\",\"name\":\"pods\",\"type\":\"knet\""

static struct cni_request request;
static struct cni_error error;

static enum cni_code parse(enum cni_verb verb, const char *body)
{
	error = (struct cni_error){ 0 };
	return cni_request_parse(&request, verb, body, strlen(body), &error);
}

static int forget(void **state)
{
	(void)state;
	cni_request_free(&request);
	return 0;
}

static void expect_error(enum cni_verb verb, const char *body, enum cni_code code,
                         const char *words)
{
	assert_int_equal(parse(verb, body), code);
	assert_int_equal(error.code, code);
	if (!strstr(error.msg, words))
		fail_msg("\"%s\" is not in \"%s\"", words, error.msg);
	cni_request_free(&request);
}

static void reads_what_containerd_sends(void **state)
{
	const char *body =
		"{" IDS ",\"args\":\"K8S_POD_INFRA_CONTAINER_ID=c1;K8S_POD_UID=u-1;IgnoreUnknown=1;"
		"K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0\",\"config\":{" NET
		",\"runtimeConfig\":{"
		"\"portMappings\":[{\"HostPort\":0,\"ContainerPort\":80}],\"DNS\":{},"
		"\"io.kubernetes.cri.pod-annotations\":{\"a\":\"b\"},\"IPs\":[\"10.1.2.3/"
		"24\",\"fd00::5\"]}}}";

	(void)state;
	assert_int_equal(parse(CNI_ADD, body), CNI_OK);
	assert_string_equal(request.container, "c1");
	assert_string_equal(request.network, "pods");
	assert_string_equal(request.pod_ns, "shop");
	assert_string_equal(request.pod_name, "web-0");
	assert_string_equal(request.pod_uid, "u-1");
	assert_int_equal(request.n_ips, 2);
	assert_int_equal(request.ips[0].b[3], 3);
	assert_int_equal(request.ips[1].len, 16);
	assert_non_null(request.annotations);
	assert_int_equal(request.version, CNI_1_0_0);
}

static void takes_absent_and_null_parts(void **state)
{
	(void)state;
	assert_int_equal(
		parse(CNI_ADD,
	              "{" IDS ",\"args\":\"\",\"config\":{" NET ",\"runtimeConfig\":"
	              "{\"io.kubernetes.cri.pod-annotations\":null,\"portMappings\":null}}}"),
		CNI_OK);
	assert_string_equal(request.pod_ns, "default");
	assert_string_equal(request.pod_name, "");
	assert_null(request.annotations);
}

static void finds_requested_addresses_everywhere(void **state)
{
	(void)state;
	assert_int_equal(parse(CNI_ADD,
	                       "{" IDS ",\"args\":\"IP=10.0.0.9\",\"config\":{" NET
	                       ",\"args\":{\"cni\":{\"ips\":[\"fd00::9/64\",\"10.0.0.9/16\"]}}}}"),
	                 CNI_OK);
	assert_int_equal(request.n_ips, 2);
	cni_request_free(&request);
	expect_error(CNI_ADD,
	             "{" IDS ",\"args\":\"IP=10.0.0.9\",\"config\":{" NET
	             ",\"runtimeConfig\":{\"ips\":[\"10.0.0.8\"]}}}",
	             CNI_BAD_CONFIG, "family");
	expect_error(CNI_ADD, "{" IDS ",\"args\":\"IP=nonsense\",\"config\":{" NET "}}",
	             CNI_BAD_CONFIG, "nonsense");
	expect_error(CNI_ADD, "{" IDS ",\"config\":{" NET ",\"runtimeConfig\":{\"ips\":[5]}}}",
	             CNI_BAD_CONFIG, "no IP");
}

static void names_what_is_wrong_in_the_environment(void **state)
{
	char body[600], id[260];

	(void)state;
	expect_error(CNI_ADD, "{\"config\":{" NET "}}", CNI_BAD_ENVIRONMENT,
	             "CNI_CONTAINERID is missing");
	expect_error(CNI_ADD, "{\"containerID\":\"../x\",\"config\":{" NET "}}",
	             CNI_BAD_ENVIRONMENT, "CNI_CONTAINERID");
	expect_error(CNI_ADD, "{\"containerID\":\"c\\u0000d\",\"config\":{" NET "}}",
	             CNI_BAD_ENVIRONMENT, "CNI_CONTAINERID");
	expect_error(CNI_DEL, "{\"containerID\":\"c\",\"config\":{" NET "}}", CNI_BAD_ENVIRONMENT,
	             "CNI_IFNAME");
	expect_error(CNI_ADD, "{\"containerID\":\"c\",\"ifName\":\"eth0/1\",\"config\":{" NET "}}",
	             CNI_BAD_ENVIRONMENT, "CNI_IFNAME");
	expect_error(CNI_ADD,
	             "{\"containerID\":\"c\",\"ifName\":\"sixteencharacter\",\"config\":{" NET "}}",
	             CNI_BAD_ENVIRONMENT, "CNI_IFNAME");
	expect_error(CNI_ADD, "{\"containerID\":\"c\",\"ifName\":\"eth0\",\"config\":{" NET "}}",
	             CNI_BAD_ENVIRONMENT, "CNI_NETNS is missing");
	expect_error(CNI_ADD,
	             "{\"containerID\":\"c\",\"ifName\":\"eth0\",\"netns\":\"x\",\"config\":{" NET
	             "}}",
	             CNI_BAD_ENVIRONMENT, "CNI_NETNS");
	expect_error(CNI_ADD, "{" IDS ",\"args\":\"novalue\",\"config\":{" NET "}}",
	             CNI_BAD_ENVIRONMENT, "CNI_ARGS");
	expect_error(CNI_ADD, "{" IDS ",\"args\":\"K8S_POD_NAME=Web_0\",\"config\":{" NET "}}",
	             CNI_BAD_ENVIRONMENT, "K8S_POD_NAME");
	expect_error(CNI_ADD, "{" IDS ",\"args\":\"K8S_POD_NAMESPACE=a.b\",\"config\":{" NET "}}",
	             CNI_BAD_ENVIRONMENT, "K8S_POD_NAMESPACE");
	memset(id, 'a', 201);
	id[201] = 0;
	snprintf(body, sizeof(body),
	         "{\"containerID\":\"%s\",\"ifName\":\"eth0\",\"config\":{" NET "}}", id);
	expect_error(CNI_DEL, body, CNI_BAD_ENVIRONMENT, "CNI_CONTAINERID");
}

static void checks_versions(void **state)
{
	char body[256];

	(void)state;
	for (int v = 0; v < CNI_VERSIONS; v++) {
		snprintf(body, sizeof(body),
		         "{" IDS ",\"config\":{\"cniVersion\":\"%s\",\"name\":\"n\"}}",
		         cni_version_name[v]);
		assert_int_equal(parse(CNI_ADD, body), CNI_OK);
		assert_int_equal(request.version, v);
		cni_request_free(&request);
	}
	expect_error(CNI_ADD, "{" IDS ",\"config\":{\"name\":\"n\"}}", CNI_VERSION_UNKNOWN,
	             "not supported");
	expect_error(CNI_ADD, "{" IDS ",\"config\":{\"cniVersion\":\"9.9\",\"name\":\"n\"}}",
	             CNI_VERSION_UNKNOWN, "9.9");
	expect_error(CNI_CHECK, "{" IDS ",\"config\":{\"cniVersion\":\"0.3.1\",\"name\":\"n\"}}",
	             CNI_VERSION_UNKNOWN, "CHECK needs cniVersion 0.4.0");
	expect_error(CNI_GC, "{\"config\":{\"cniVersion\":\"1.0.0\",\"name\":\"n\"}}",
	             CNI_VERSION_UNKNOWN, "GC");
	expect_error(CNI_STATUS, "{\"config\":{\"cniVersion\":\"1.0.0\",\"name\":\"n\"}}",
	             CNI_VERSION_UNKNOWN, "STATUS");
}

static void checks_the_configuration(void **state)
{
	(void)state;
	expect_error(CNI_ADD, "", CNI_DECODE, "JSON");
	expect_error(CNI_ADD, "[]", CNI_DECODE, "JSON");
	expect_error(CNI_ADD, "{\"config\":5}", CNI_DECODE, "JSON");
	expect_error(CNI_ADD, "{" IDS ",\"config\":{\"cniVersion\":\"1.0.0\"}}", CNI_BAD_CONFIG,
	             "name");
	expect_error(CNI_ADD, "{" IDS ",\"config\":{" NET ",\"ipam\":{\"type\":\"host-local\"}}}",
	             CNI_UNSUPPORTED_FIELD, "ipam.type \"host-local\"");
	expect_error(CNI_CHECK, "{" IDS ",\"config\":{" NET "}}", CNI_BAD_CONFIG, "prevResult");
	expect_error(CNI_GC, "{\"config\":{\"cniVersion\":\"1.1.0\",\"name\":\"n\"}}",
	             CNI_BAD_CONFIG, "valid-attachments");
}

/* libcni's nil list is null in JSON: none is valid. */
static void reads_an_empty_list_of_attachments(void **state)
{
	(void)state;
	assert_int_equal(parse(CNI_GC, "{\"config\":{\"cniVersion\":\"1.1.0\",\"name\":\"n\","
	                               "\"cni.dev/valid-attachments\":null}}"),
	                 CNI_OK);
	assert_false(cni_attachments_have(request.valid, "c1", "eth0"));
}

#define PORTS(list) "{" IDS ",\"config\":{" NET ",\"runtimeConfig\":{\"portMappings\":" list "}}}"

static void reads_host_ports(void **state)
{
	(void)state;
	assert_int_equal(
		parse(CNI_ADD,
	              PORTS("[{\"HostPort\":8080,\"ContainerPort\":80,\"Protocol\":\"tcp\","
	                    "\"HostIP\":\"\"},{\"hostPort\":0},"
	                    "{\"hostPort\":53,\"containerPort\":5353,\"protocol\":\"UDP\","
	                    "\"hostIP\":"
	                    "\"fd00::1\"},{\"hostPort\":8080,\"containerPort\":1,\"protocol\":"
	                    "\"Sctp\",\"hostIP\":null},{\"hostPort\":53,\"containerPort\":53,"
	                    "\"protocol\":\"udp\",\"hostIP\":\"0.0.0.0\"},{}]")),
		CNI_OK);
	assert_int_equal(request.n_ports, 4);
	assert_int_equal(request.ports[0].host, 8080);
	assert_int_equal(request.ports[0].pod, 80);
	assert_string_equal(cni_proto_name(request.ports[0].proto), "TCP");
	assert_int_equal(request.ports[0].host_ip.len, 0);
	assert_int_equal(request.ports[1].host_ip.len, 16);
	assert_string_equal(cni_proto_name(request.ports[2].proto), "SCTP");
	assert_int_equal(request.ports[3].host_ip.len, 4);
}

static void refuses_host_ports_by_entry_and_field(void **state)
{
	static const struct {
		const char *body, *words;
	} cases[] = {
		{ PORTS("{}"), "portMappings: a list" },
		{ PORTS("[7]"), "portMappings[0]: an object" },
		{ PORTS("[{\"HostPort\":65536}]"), "portMappings[0].hostPort" },
		{ PORTS("[{\"HostPort\":-1}]"), "portMappings[0].hostPort" },
		{ PORTS("[{\"HostPort\":1.5}]"), "portMappings[0].hostPort" },
		{ PORTS("[{\"HostPort\":\"80\"}]"), "portMappings[0].hostPort" },
		{ PORTS("[{\"HostPort\":0},{\"HostPort\":1}]"), "portMappings[1].containerPort" },
		{ PORTS("[{\"HostPort\":1,\"ContainerPort\":0}]"),
		  "portMappings[0].containerPort" },
		{ PORTS("[{\"HostPort\":1,\"ContainerPort\":2,\"Protocol\":\"icmp\"}]"),
		  "portMappings[0].protocol: \"icmp\"" },
		{ PORTS("[{\"HostPort\":1,\"ContainerPort\":2,\"Protocol\":6}]"),
		  "portMappings[0].protocol" },
		{ PORTS("[{\"HostPort\":1,\"ContainerPort\":2,\"Protocol\":\"tcp\\u0000\"}]"),
		  "portMappings[0].protocol" },
		{ PORTS("[{\"HostPort\":1,\"ContainerPort\":2,\"HostIP\":\"1.2.3\"}]"),
		  "portMappings[0].hostIP: \"1.2.3\"" },
		{ PORTS("[{\"HostPort\":1,\"ContainerPort\":2,\"HostIP\":[]}]"),
		  "portMappings[0].hostIP" },
		{ PORTS("[{\"HostPort\":1,\"ContainerPort\":2},{\"HostPort\":1,\"ContainerPort\":3,"
		        "\"HostIP\":\"1.2.3.4\"}]"),
		  "portMappings[1].hostPort: 1/TCP is asked for twice" },
		{ PORTS("[{\"HostPort\":1,\"ContainerPort\":2,\"HostIP\":\"::\"},{\"HostPort\":1,"
		        "\"ContainerPort\":3,\"HostIP\":\"fd00::1\"}]"),
		  "twice" },
	};
	char many[CNI_PORTS_MAX * 2 + 400] =
		"{" IDS ",\"config\":{" NET ",\"runtimeConfig\":{\"portMappings\":[0";

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_error(CNI_ADD, cases[i].body, CNI_BAD_CONFIG, cases[i].words);
	for (int i = 0; i < CNI_PORTS_MAX; i++)
		strcat(many, ",0");
	strcat(many, "]}}}");
	expect_error(CNI_ADD, many, CNI_BAD_CONFIG, "257 entries, at most 256");
}

/* What made ADD fail must not make DEL fail: containerd would keep the sandbox for ever. */
static void del_asks_for_little(void **state)
{
	(void)state;
	assert_int_equal(
		parse(CNI_DEL,
	              "{\"containerID\":\"c\",\"ifName\":\"eth0\",\"netns\":\"\",\"args\":\"junk\","
	              "\"config\":{\"cniVersion\":\"0.3.1\",\"runtimeConfig\":"
	              "{\"portMappings\":[{\"HostPort\":1}]}}}"),
		CNI_OK);
}

static void expect_text(const struct buf *b, const char *want)
{
	assert_int_equal(b->len, strlen(want));
	assert_memory_equal(b->data, want, b->len);
}

static struct cni_result sample(enum cni_version version)
{
	struct cni_result r = { .version = version, .n_interfaces = 2, .n_addresses = 1 };

	r.interfaces[0] =
		(struct cni_interface){ .name = "knet1", .mac = "02:00:00:00:00:01", .mtu = 1500 };
	r.interfaces[1] = (struct cni_interface){
		.name = "eth0", .mac = "02:00:00:00:00:02", .sandbox = "/n", .mtu = 1500
	};
	r.addresses[0] = (struct cni_address){ .bits = 32, .interface = 1 };
	ip_parse(&r.addresses[0].ip, "10.0.0.2");
	ip_parse(&r.addresses[0].gateway, "169.254.1.1");
	return r;
}

static void writes_results_of_each_version(void **state)
{
	struct cni_result r = sample(CNI_0_3_1);
	auto_buf struct buf old = { 0 }, new = { 0 };

	(void)state;
	cni_result_write(&old, &r);
	expect_text(&old,
	            "{\"cniVersion\":\"0.3.1\",\"interfaces\":[{\"name\":\"knet1\",\"mac\":\"02:00:"
	            "00:00:00:01\"},"
	            "{\"name\":\"eth0\",\"mac\":\"02:00:00:00:00:02\",\"sandbox\":\"/n\"}],"
	            "\"ips\":[{\"version\":\"4\",\"interface\":1,\"address\":\"10.0.0.2/"
	            "32\",\"gateway\":\"169.254.1.1\"}],"
	            "\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"169.254.1.1\"}],\"dns\":{}}\n");
	r = sample(CNI_1_1_0);
	cni_result_write(&new, &r);
	expect_text(&new,
	            "{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"knet1\",\"mac\":\"02:00:"
	            "00:00:00:01\","
	            "\"mtu\":1500},{\"name\":\"eth0\",\"mac\":\"02:00:00:00:00:02\",\"mtu\":1500,"
	            "\"sandbox\":\"/n\"}],"
	            "\"ips\":[{\"interface\":1,\"address\":\"10.0.0.2/"
	            "32\",\"gateway\":\"169.254.1.1\"}],"
	            "\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"169.254.1.1\"}],\"dns\":{}}\n");
}

static void carries_the_previous_result(void **state)
{
	const char *prev = "{\"interfaces\":[{\"name\":\"br0\"}],\"ips\":[{\"address\":\"1.2.3.4/"
			   "24\",\"interface\":0}],"
			   "\"dns\":{\"nameservers\":[\"9.9.9.9\"]}}";
	auto_doc yyjson_doc *doc = yyjson_read(prev, strlen(prev), 0);
	struct cni_result r = sample(CNI_1_0_0);
	auto_buf struct buf out = { 0 };

	(void)state;
	r.prev = yyjson_doc_get_root(doc);
	cni_result_write(&out, &r);
	buf_add(&out, "", 1);
	assert_non_null(strstr(out.data, "\"interfaces\":[{\"name\":\"br0\"},{\"name\":\"knet1\""));
	assert_non_null(strstr(
		out.data, "{\"address\":\"1.2.3.4/"
			  "24\",\"interface\":0},{\"interface\":2,\"address\":\"10.0.0.2/32\""));
	assert_non_null(strstr(out.data, "\"dns\":{\"nameservers\":[\"9.9.9.9\"]}"));
}

static void writes_errors_and_versions(void **state)
{
	struct cni_error er;
	auto_buf struct buf out = { 0 }, versions = { 0 };

	(void)state;
	cni_error_set(&er, CNI_TRY_AGAIN, "say \"later\"");
	snprintf(er.details, sizeof(er.details), "why");
	cni_error_write(&out, &er, "0.4.0");
	expect_text(&out, "{\"cniVersion\":\"0.4.0\",\"code\":11,\"msg\":\"say "
	                  "\\\"later\\\"\",\"details\":\"why\"}\n");
	cni_versions_write(&versions, NULL);
	expect_text(&versions, "{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"0.3.1\",\"0.4."
	                       "0\",\"1.0.0\",\"1.1.0\"]}\n");
}

static void answers_questions_about_documents(void **state)
{
	const char *text =
		"{\"valid\":[{\"containerID\":\"c\",\"ifname\":\"eth0\"}],\"ips\":[{\"address\":"
		"\"10.0.0.1/32\"}],"
		"\"interfaces\":[{\"name\":\"eth0\",\"sandbox\":\"/n\"},{\"name\":\"host\"}]}";
	auto_doc yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
	yyjson_val *root = yyjson_doc_get_root(doc);
	struct ip one, eleven;

	(void)state;
	ip_parse(&one, "10.0.0.1");
	ip_parse(&eleven, "10.0.0.11");
	assert_true(cni_attachments_have(yyjson_obj_get(root, "valid"), "c", "eth0"));
	assert_false(cni_attachments_have(yyjson_obj_get(root, "valid"), "c", "eth1"));
	assert_true(cni_result_has_ip(root, &one));
	assert_false(cni_result_has_ip(root, &eleven));
	assert_true(cni_result_has_interface(root, "eth0"));
	assert_false(cni_result_has_interface(root, "host"));
}

#define WITH(more) "{" IDS ",\"config\":{" NET "," more "}}"
#define RUNTIME(more) WITH("\"runtimeConfig\":{" more "}")
#define ANNOTATED(more) RUNTIME("\"io.kubernetes.cri.pod-annotations\":" more)

static void reads_bandwidth(void **state)
{
	(void)state;
	assert_int_equal(parse(CNI_ADD, RUNTIME("\"bandwidth\":{\"IngressRate\":10000000,"
	                                        "\"IngressBurst\":4294967295}")),
	                 CNI_OK);
	assert_int_equal(request.ingress.rate, 10000000);
	assert_int_equal(request.ingress.burst, 0);
	assert_int_equal(request.egress.rate, 0);
	cni_request_free(&request);
	assert_int_equal(
		parse(CNI_ADD, RUNTIME("\"bandwidth\":{\"egressRate\":8000,\"egressBurst\":"
	                               "80000,\"ingressRate\":0,\"ingressBurst\":0}")),
		CNI_OK);
	assert_int_equal(request.egress.burst, 10000);
	cni_request_free(&request);
	assert_int_equal(parse(CNI_ADD, ANNOTATED("{\"kubernetes.io/ingress-bandwidth\":\"1.5M\","
	                                          "\"kubernetes.io/egress-bandwidth\":\"10Ki\"}")),
	                 CNI_OK);
	assert_int_equal(request.ingress.rate, 1500000);
	assert_int_equal(request.egress.rate, 10240);
}

static void refuses_bad_bandwidth(void **state)
{
	static const struct {
		const char *body, *words;
	} bad[] = {
		{ RUNTIME("\"bandwidth\":{\"ingressRate\":1000000}"), "ingressBurst is not" },
		{ RUNTIME("\"bandwidth\":{\"egressBurst\":1000000}"), "egressRate is not" },
		{ RUNTIME("\"bandwidth\":{\"ingressRate\":-5,\"ingressBurst\":9}"), "ingressRate" },
		{ RUNTIME("\"bandwidth\":{\"ingressRate\":999,\"ingressBurst\":9}"), "1k to 1P" },
		{ RUNTIME("\"bandwidth\":{\"ingressRate\":9999,\"ingressBurst\":4294967296}"),
		  "4294967295" },
		{ RUNTIME("\"bandwidth\":7"), "bandwidth" },
		{ ANNOTATED("{\"kubernetes.io/egress-bandwidth\":\"fast\"}"),
		  "kubernetes.io/egress-bandwidth" },
		{ ANNOTATED("{\"kubernetes.io/ingress-bandwidth\":\"99999999999999999999P\"}"),
		  "kubernetes.io/ingress-bandwidth" },
		{ ANNOTATED("{\"kubernetes.io/ingress-bandwidth\":\"5\"}"), "1k to 1P" },
		{ ANNOTATED("{\"a\":5}"), "a is no string" },
		{ ANNOTATED("[]"), "no object" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		expect_error(CNI_ADD, bad[i].body, CNI_BAD_CONFIG, bad[i].words);
	assert_int_equal(parse(CNI_ADD, ANNOTATED("null")), CNI_OK);
}

static void reads_hardware_addresses(void **state)
{
	static const char *const bad[] = { "01:00:00:00:00:01",
		                           "00:00:00:00:00:00",
		                           "02:0:0:0:0:1",
		                           "02:00:00:00:00:01:02",
		                           "02-00-00-00-00-01",
		                           "02:00:00:00:00:0\\u0012",
		                           "x" };
	char body[512];

	(void)state;
	assert_int_equal(parse(CNI_ADD, RUNTIME("\"mac\":\"02:AB:00:00:00:ff\"")), CNI_OK);
	assert_true(request.has_mac);
	assert_memory_equal(request.mac, "\x02\xab\x00\x00\x00\xff", 6);
	cni_request_free(&request);
	assert_int_equal(
		parse(CNI_ADD, "{" IDS ",\"args\":\"MAC=02:00:00:00:00:05\",\"config\":{" NET "}}"),
		CNI_OK);
	assert_int_equal(request.mac[5], 5);
	cni_request_free(&request);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(body, sizeof(body), WITH("\"args\":{\"cni\":{\"mac\":\"%s\"}}"), bad[i]);
		expect_error(CNI_ADD, body, CNI_BAD_CONFIG, "args.cni.mac");
	}
	assert_int_equal(parse(CNI_ADD, WITH("\"args\":{\"cni\":{}}")), CNI_OK);
	assert_false(request.has_mac);
}

static void reads_ranges(void **state)
{
	char text[IP_TEXT];

	(void)state;
	assert_int_equal(
		parse(CNI_ADD, RUNTIME("\"ipRanges\":[[{\"subnet\":\"10.1.2.0/24\"},{"
	                               "\"subnet\":\"10.1.3.0/24\",\"rangeStart\":"
	                               "\"10.1.3.9\",\"rangeEnd\":\"10.1.3.20\"}],[{"
	                               "\"subnet\":\"fd00::/64\",\"gateway\":\"fd00::1\"}]]")),
		CNI_OK);
	assert_int_equal(request.n_parts, 2);
	assert_int_equal(request.parts[0].n, 2);
	assert_string_equal(ip_text(&request.parts[0].v[0].last, text), "10.1.2.254");
	assert_string_equal(ip_text(&request.parts[0].v[1].first, text), "10.1.3.9");
	assert_string_equal(ip_text(&request.parts[1].v[0].first, text), "fd00::2");
	cni_request_free(&request);
	expect_error(CNI_ADD,
	             RUNTIME("\"ipRanges\":[[{\"subnet\":\"10.1.2.0/24\"}],[{\"subnet\":"
	                     "\"10.1.3.0/24\"}]]"),
	             CNI_BAD_CONFIG, "one set");
	expect_error(CNI_ADD,
	             RUNTIME("\"ipRanges\":[[{\"subnet\":\"10.1.2.0/24\",\"rangeStart\":"
	                     "\"10.1.3.1\"}]]"),
	             CNI_BAD_CONFIG, "10.1.2.0/24");
	expect_error(CNI_ADD, RUNTIME("\"ipRanges\":[[]]"), CNI_BAD_CONFIG, "no range");
	expect_error(CNI_ADD, WITH("\"ipam\":{\"type\":\"knet\",\"ranges\":[[{\"subnet\":7}]]}"),
	             CNI_BAD_CONFIG, "ipam.ranges");
}

static void reads_sysctls(void **state)
{
	static const struct {
		const char *members, *words;
	} bad[] = {
		{ "\"kernel.panic\":\"1\"", "kernel.panic" },
		{ "\"net/../kernel/panic\":\"1\"", "no key of net" },
		{ "\"net.ipv4..x\":\"1\"", "no key of net" },
		{ "\"net.ipv4.conf.eth9.forwarding\":\"1\"", "another interface" },
		{ "\"net.ipv6.neigh.lo.gc_stale_time\":\"1\"", "another interface" },
		{ "\"net.ipv4.ip_forward\":1", "strings" },
		{ "\"net.ipv4.ip_forward\":\"1\",\"net/ipv4/ip_forward\":\"1\"", "twice" },
		{ "\"net.\":\"1\"", "no key" },
	};
	char body[512];

	(void)state;
	assert_int_equal(parse(CNI_ADD, WITH("\"sysctl\":{\"net.ipv4.ip_unprivileged_port_start\":"
	                                     "\"0\",\"net/ipv4/conf/eth0/arp_filter\":\"1\","
	                                     "\"net.ipv4.conf.IFNAME.forwarding\":\"1\"}")),
	                 CNI_OK);
	assert_int_equal(request.n_sysctls, 3);
	assert_string_equal(request.sysctls[0].path, "net/ipv4/ip_unprivileged_port_start");
	assert_string_equal(request.sysctls[2].path, "net/ipv4/conf/eth0/forwarding");
	cni_request_free(&request);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(body, sizeof(body), WITH("\"sysctl\":{%s}"), bad[i].members);
		expect_error(CNI_ADD, body, CNI_BAD_CONFIG, bad[i].words);
	}
}

static void reads_names(void **state)
{
	(void)state;
	assert_int_equal(
		parse(CNI_ADD, WITH("\"dns\":{\"nameservers\":[\"10.0.0.1\"],\"search\":[\"a\"]},"
	                            "\"runtimeConfig\":{\"dns\":{\"Servers\":[\"10.0.0.2\"],"
	                            "\"Searches\":[],\"Options\":[\"ndots:5\"]},"
	                            "\"aliases\":{\"pods\":[\"db\"],\"other\":[\"X\"]}}")),
		CNI_OK);
	assert_string_equal(json_str(request.dns, "nameservers") ? "" : "list", "list");
	assert_string_equal(request.names.servers[0], "10.0.0.2");
	assert_string_equal(request.names.searches[0], "a");
	assert_string_equal(yyjson_get_str(yyjson_arr_get(json_at(request.dns, "options"), 0)),
	                    "ndots:5");
	assert_int_equal(request.n_aliases, 1);
	cni_request_free(&request);
	expect_error(CNI_ADD, RUNTIME("\"dns\":{\"servers\":[\"x\"]}"), CNI_BAD_CONFIG, "servers");
	expect_error(CNI_ADD, WITH("\"dns\":{\"search\":[\"a\\nnameserver 1.2.3.4\"]}"),
	             CNI_BAD_CONFIG, "searches");
	expect_error(CNI_ADD, RUNTIME("\"aliases\":[\"not valid\"]"), CNI_BAD_CONFIG, "aliases");
	expect_error(CNI_ADD, WITH("\"files\":\"yes\""), CNI_BAD_CONFIG, "files");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(reads_what_containerd_sends, forget),
		cmocka_unit_test_teardown(takes_absent_and_null_parts, forget),
		cmocka_unit_test(finds_requested_addresses_everywhere),
		cmocka_unit_test(names_what_is_wrong_in_the_environment),
		cmocka_unit_test(checks_versions),
		cmocka_unit_test(checks_the_configuration),
		cmocka_unit_test_teardown(reads_an_empty_list_of_attachments, forget),
		cmocka_unit_test_teardown(reads_host_ports, forget),
		cmocka_unit_test(refuses_host_ports_by_entry_and_field),
		cmocka_unit_test_teardown(del_asks_for_little, forget),
		cmocka_unit_test(writes_results_of_each_version),
		cmocka_unit_test(carries_the_previous_result),
		cmocka_unit_test(writes_errors_and_versions),
		cmocka_unit_test(answers_questions_about_documents),
		cmocka_unit_test_teardown(reads_bandwidth, forget),
		cmocka_unit_test_teardown(refuses_bad_bandwidth, forget),
		cmocka_unit_test_teardown(reads_hardware_addresses, forget),
		cmocka_unit_test_teardown(reads_ranges, forget),
		cmocka_unit_test_teardown(reads_sysctls, forget),
		cmocka_unit_test_teardown(reads_names, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
