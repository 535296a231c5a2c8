/* test_trace.c - NetworkPolicies against connections, and the trace of a packet over a store. */
#include "dns_lab.h"

#include <errno.h>
#include <netinet/in.h>

#include <knetd/label_selector.h>
#include <knetd/netpol_match.h>

#include "../../modules/trace/trace_plan.h"

/* ---- policies ------------------------------------------------------------------------------- */

#define WEB "{\"metadata\":{\"labels\":{\"app\":\"web\",\"tier\":\"front\"}}}"
#define DB                                                                                         \
	"{\"metadata\":{\"labels\":{\"app\":\"db\"}},\"spec\":{\"containers\":[{\"ports\":[{"      \
	"\"name\":\"sql\",\"containerPort\":5432}]}]}}"
#define POLICY(spec) "{\"spec\":" spec "}"

static void test_label_selectors(void **state)
{
	static const struct {
		const char *selector;
		bool want;
	} cases[] = {
		{ "{}", true },
		{ "{\"matchLabels\":{\"app\":\"web\"}}", true },
		{ "{\"matchLabels\":{\"app\":\"web\",\"tier\":\"back\"}}", false },
		{ "{\"matchLabels\":{\"none\":\"\"}}", false },
		{ "{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"In\",\"values\":[\"db\","
		  "\"web\"]}]}",
		  true },
		{ "{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"NotIn\",\"values\":["
		  "\"web\"]}]}",
		  false },
		{ "{\"matchExpressions\":[{\"key\":\"none\",\"operator\":\"NotIn\",\"values\":["
		  "\"web\"]}]}",
		  true },
		{ "{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"Exists\"}]}", true },
		{ "{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"DoesNotExist\"}]}",
		  false },
		{ "{\"matchLabels\":{\"app\":\"web\"},\"matchExpressions\":[{\"key\":\"x\","
		  "\"operator\":\"Exists\"}]}",
		  false },
		{ "{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"Unheard\"}]}", false },
	};
	auto_doc yyjson_doc *pod = yyjson_read(WEB, strlen(WEB), 0);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_doc yyjson_doc *doc =
			yyjson_read(cases[i].selector, strlen(cases[i].selector), 0);

		assert_non_null(doc);
		if (label_selector_match(yyjson_doc_get_root(doc),
		                         json_at(yyjson_doc_get_root(pod), "metadata.labels")) !=
		    cases[i].want)
			fail_msg("%s", cases[i].selector);
	}
	assert_true(label_selector_match(NULL, NULL));
}

static void test_policies(void **state)
{
	/* from WEB in namespace shop (labels team=a) at 10.244.0.5 to DB in namespace data at
	 * 10.244.0.6:5432/TCP; policies live in data (ingress) or in shop (egress) */
	static const struct {
		enum netpol_direction direction;
		const char *policy;
		bool selects, allows;
	} cases[] = {
		{ NETPOL_INGRESS, POLICY("{\"podSelector\":{}}"), true, false },
		{ NETPOL_INGRESS, POLICY("{\"podSelector\":{\"matchLabels\":{\"app\":\"web\"}}}"),
		  false, false },
		{ NETPOL_INGRESS, POLICY("{\"policyTypes\":[\"Egress\"]}"), false, false },
		{ NETPOL_INGRESS, POLICY("{\"ingress\":[{}]}"), true, true },
		{ NETPOL_INGRESS, POLICY("{\"ingress\":[{\"from\":[{\"podSelector\":{}}]}]}"), true,
		  false }, /* pods of its own namespace alone */
		{ NETPOL_INGRESS, POLICY("{\"ingress\":[{\"from\":[{\"namespaceSelector\":{}}]}]}"),
		  true, true },
		{ NETPOL_INGRESS,
		  POLICY("{\"ingress\":[{\"from\":[{\"namespaceSelector\":{\"matchLabels\":{"
		         "\"team\":\"a\"}},\"podSelector\":{\"matchLabels\":{\"app\":\"web\"}}}]}]"
		         "}"),
		  true, true },
		{ NETPOL_INGRESS,
		  POLICY("{\"ingress\":[{\"from\":[{\"namespaceSelector\":{\"matchLabels\":{"
		         "\"team\":\"b\"}}},{\"podSelector\":{\"matchLabels\":{\"app\":\"web\"}}}]}"
		         "]}"),
		  true, false },
		{ NETPOL_INGRESS,
		  POLICY("{\"ingress\":[{\"from\":[{\"ipBlock\":{\"cidr\":\"10.244.0.0/24\"}}]}]}"),
		  true, true },
		{ NETPOL_INGRESS,
		  POLICY("{\"ingress\":[{\"from\":[{\"ipBlock\":{\"cidr\":\"10.244.0.0/24\","
		         "\"except\":[\"10.244.0.4/30\"]}}]}]}"),
		  true, false },
		{ NETPOL_INGRESS, POLICY("{\"ingress\":[{\"ports\":[{\"port\":5432}]}]}"), true,
		  true },
		{ NETPOL_INGRESS,
		  POLICY("{\"ingress\":[{\"ports\":[{\"port\":5432,\"protocol\":\"UDP\"}]}]}"),
		  true, false },
		{ NETPOL_INGRESS, POLICY("{\"ingress\":[{\"ports\":[{\"protocol\":\"TCP\"}]}]}"),
		  true, true },
		{ NETPOL_INGRESS,
		  POLICY("{\"ingress\":[{\"ports\":[{\"port\":5000,\"endPort\":6000}]}]}"), true,
		  true },
		{ NETPOL_INGRESS,
		  POLICY("{\"ingress\":[{\"ports\":[{\"port\":5433,\"endPort\":6000}]}]}"), true,
		  false },
		{ NETPOL_INGRESS, POLICY("{\"ingress\":[{\"ports\":[{\"port\":\"sql\"}]}]}"), true,
		  true },
		{ NETPOL_INGRESS, POLICY("{\"ingress\":[{\"ports\":[{\"port\":\"http\"}]}]}"), true,
		  false },
		{ NETPOL_EGRESS, POLICY("{\"ingress\":[{}]}"), false, false },
		{ NETPOL_EGRESS, POLICY("{\"egress\":[{\"ports\":[{\"port\":53}]}]}"), true,
		  false },
		{ NETPOL_EGRESS,
		  POLICY("{\"egress\":[{\"ports\":[{\"port\":53}]},{\"to\":[{\"namespaceSelector\":"
		         "{\"matchExpressions\":[{\"key\":\"team\",\"operator\":\"DoesNotExist\"}]}"
		         "}],"
		         "\"ports\":[{\"port\":\"sql\"}]}]}"),
		  true, true },
		{ NETPOL_EGRESS, POLICY("{\"policyTypes\":[\"Egress\"],\"podSelector\":{}}"), true,
		  false },
	};
	auto_doc yyjson_doc *web = yyjson_read(WEB, strlen(WEB), 0);
	auto_doc yyjson_doc *db = yyjson_read(DB, strlen(DB), 0);
	auto_doc yyjson_doc *labels = yyjson_read("{\"team\":\"a\"}", 12, 0);
	struct netpol_connection c = { .proto = IPPROTO_TCP, .port = 5432 };

	(void)state;
	c.from = (struct netpol_end){ .ns = "shop",
		                      .pod = yyjson_doc_get_root(web),
		                      .ns_labels = yyjson_doc_get_root(labels) };
	c.to = (struct netpol_end){ .ns = "data", .pod = yyjson_doc_get_root(db) };
	assert_true(ip_parse(&c.from.ip, "10.244.0.5") && ip_parse(&c.to.ip, "10.244.0.6"));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_doc yyjson_doc *doc = yyjson_read(cases[i].policy, strlen(cases[i].policy), 0);
		yyjson_val *policy = yyjson_doc_get_root(doc);
		enum netpol_direction d = cases[i].direction;
		const char *ns = d == NETPOL_INGRESS ? "data" : "shop";

		assert_non_null(doc);
		if (netpol_selects(policy, ns, d, d == NETPOL_INGRESS ? &c.to : &c.from) !=
		            cases[i].selects ||
		    (cases[i].selects && netpol_allows(policy, ns, d, &c) != cases[i].allows))
			fail_msg("%s", cases[i].policy);
		assert_false(netpol_selects(policy, "elsewhere", d, &c.to));
	}
}

/* ---- the plan ------------------------------------------------------------------------------- */

static struct ip route_to_documentation(const struct ip *to)
{
	struct ip none = { 0 }, own = { .len = 4, .b = { 10, 0, 1, 1 } };

	return to->len == 4 && to->b[0] == 192 ? own : none;
}

static void attach(const char *ns, const char *pod, const char *ips)
{
	char json[512];

	snprintf(
		json, sizeof(json),
		"{\"spec\":{\"hostInterface\":\"veth%s\",\"podRef\":{\"name\":\"%s\"}},\"status\":{"
		"\"ips\":[%s]}}",
		pod, pod, ips);
	lab_put(KIND_PODNETWORK, ns, pod, json);
	snprintf(json, sizeof(json), "{\"metadata\":{\"labels\":{\"app\":\"%s\"}},\"spec\":{}}",
	         pod);
	lab_put(KIND_POD, ns, pod, json);
}

#define NO_HEADLESS "10.96.0.99"

static int setup(void **state)
{
	(void)state;
	lab_open();
	lab_put(KIND_NAMESPACE, "", "default", "{}");
	lab_put(KIND_NAMESPACE, "", "shop", "{}");
	attach("default", "a", "\"10.244.0.1\",\"fd00:10:244::1\"");
	attach("shop", "b", "\"10.244.0.2\"");
	lab_put(KIND_POD, "default", "lonely", "{\"spec\":{}}");
	lab_put(KIND_POD, "default", "hosted", "{\"spec\":{\"hostNetwork\":true}}");
	lab_service("shop", "web", "10.96.0.20,fd00:10:96::20", "http/TCP/80,ask/UDP/80", "");
	lab_slice("shop", "web", "web-1",
	          "[{\"name\":\"http\",\"port\":8080,\"protocol\":\"TCP\"}]", "10.244.0.2");
	lab_service("default", "self", "10.96.0.21", "/TCP/80", "");
	lab_slice("default", "self", "self-1", "[{\"port\":8080,\"protocol\":\"TCP\"}]",
	          "10.244.0.1");
	lab_service("default", "sick", "10.96.0.22", "/TCP/80", "");
	lab_slice("default", "sick", "sick-1", "[{\"port\":8080,\"protocol\":\"TCP\"}]",
	          "10.244.0.2!");
	lab_service("default", "stale", "10.96.0.23", "/TCP/80", "");
	lab_slice("default", "stale", "stale-1", "[{\"port\":8080,\"protocol\":\"TCP\"}]",
	          "10.244.0.77 10.244.0.2");
	lab_put(KIND_SERVICE, "default", "outer",
	        "{\"spec\":{\"type\":\"LoadBalancer\",\"clusterIP\":\"10.96.0.30\",\"clusterIPs\":["
	        "\"10.96.0.30\"],\"externalIPs\":[\"198.51.100.12\"],\"ports\":[{\"port\":80,"
	        "\"nodePort\":30080}],\"externalTrafficPolicy\":\"Local\","
	        "\"internalTrafficPolicy\":"
	        "\"Local\",\"loadBalancerSourceRanges\":[\" 203.0.113.0/24\",\"10.244.0.0/24\"],"
	        "\"sessionAffinity\":\"ClientIP\"},\"status\":{\"loadBalancer\":{\"ingress\":[{"
	        "\"ip\":\"198.51.100.11\"},{\"ip\":\"198.51.100.13\",\"ipMode\":\"Proxy\"}]}}}");
	lab_slice("default", "outer", "outer-1", "[{\"port\":8080,\"protocol\":\"TCP\"}]",
	          "10.244.0.2");
	lab_put(KIND_SERVICE, "default", "inner",
	        "{\"spec\":{\"type\":\"NodePort\",\"clusterIP\":\"10.96.0.31\",\"clusterIPs\":["
	        "\"10.96.0.31\"],\"ports\":[{\"port\":80,\"nodePort\":30081}]}}");
	lab_slice("default", "inner", "inner-1", "[{\"port\":8080,\"protocol\":\"TCP\"}]",
	          "10.244.0.2");
	lab_put(KIND_SERVICE, "default", "given",
	        "{\"metadata\":{\"labels\":{\"service.kubernetes.io/headless\":\"\"}},\"spec\":{"
	        "\"type\":\"NodePort\",\"clusterIP\":\"10.96.0.32\",\"clusterIPs\":[\"10.96.0.32\"]"
	        ",\"ports\":[{\"port\":80,\"nodePort\":30082}]}}");
	lab_put(KIND_NODE, "", conf.node.name,
	        "{\"status\":{\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"10.0.0.1\"}]}"
	        "}");
	lab_service("default", "peers", "None", "/TCP/80", "");
	lab_slice("default", "peers", "peers-1", "[{\"port\":80,\"protocol\":\"TCP\"}]",
	          "10.244.0.2=p-0");
	lab_service("default", "alias", "", "",
	            ",\"type\":\"ExternalName\",\"externalName\":\"web.shop.svc.cluster.local\"");
	lab_service(
		"default", "loop", "", "",
		",\"type\":\"ExternalName\",\"externalName\":\"loop.default.svc.cluster.local\"");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lab_close();
	return 0;
}

/* want: '+' arrives, '-' stops; then what has to be in the result or in a step */
struct way {
	const char *from, *to, *want;
};

static bool told(const struct trace *t, const char *want)
{
	bool found = strstr(t->result, want) != NULL;

	for (unsigned k = 0; k < t->n; k++)
		found |= strstr(t->steps[k].text, want) != NULL;
	return found;
}

static void check_ways(const struct way *ways, size_t n)
{
	const struct trace_node node = { .n = 2,
		                         .ips = { { .len = 4, .b = { 10, 0, 0, 1 } },
		                                  { .len = 4, .b = { 10, 0, 1, 1 } } },
		                         .source_to = route_to_documentation };

	for (size_t i = 0; i < n; i++) {
		auto_arena struct arena arena = { 0 };
		static struct trace t;
		struct err e = { 0 };

		t = (struct trace){ .arena = &arena, .node = &node };
		if (trace_plan(&t, "default", ways[i].from, ways[i].to, &e))
			fail_msg("%s: %s", ways[i].to, e.text);
		if (t.stopped != (ways[i].want[0] == '-') || !told(&t, ways[i].want + 1)) {
			for (unsigned k = 0; k < t.n; k++)
				print_message("  %s: %s [%s]\n", t.steps[k].step, t.steps[k].text,
				              t.steps[k].detail);
			fail_msg("%s -> %s: %s, not %s", ways[i].from, ways[i].to, t.result,
			         ways[i].want);
		}
		assert_true(t.n && (t.steps[t.n - 1].verdict == TRACE_STOP) == t.stopped);
	}
}

static void test_where_it_goes(void **state)
{
	static const struct way ways[] = {
		{ "a", "web.shop:80", "+at pod shop/b, 10.244.0.2:8080/TCP" },
		{ "shop/b", "web:80", "+at pod shop/b" },
		{ "shop/b", "web:80", "+hairpin" },
		{ "pod/a", "web.shop", "+no port is given: 80/TCP" },
		{ "10.244.0.1", "10.96.0.20:80", "+at pod shop/b" },
		{ "a", "web:80", "-no such name" },
		{ "a", "web.shop.:80", "-not known" }, /* upstreams may know it */
		{ "a", "WEB.Shop.svc.Cluster.local.:80", "+at pod shop/b" },
		{ "a", "web.shop:81", "-has no port 81/TCP; it has 80/TCP, 80/UDP" },
		{ "a", "web.shop:80/udp", "-REJECT: ICMP port unreachable" },
		{ "a", "[fd00:10:96::20]:80", "-REJECT" }, /* no IPv6 endpoints */
		{ "shop/b", "[fd00:10:96::20]:80", "-no address of that family" },
		{ "a", "sick:80", "-none of the endpoints is ready" },
		{ "a", "self:80", "+hairpin" },
		{ "a", "stale:80", "+1 of 2 endpoints are no pod's any more" },
		{ "a", "10.96.7.7:80", "-DROP" },
		{ "a", "10.96.0.10:53/udp", "+notrack" },
		{ "a", "10.96.0.10", "+the cluster DNS answers" },
		{ "a", "10.96.0.10:54", "-DROP" },
		{ "a", "peers:80", "+10.244.0.2 is pod shop/b" },
		{ "a", "p-0.peers:80", "+A 10.244.0.2" },
		{ "a", "p-1.peers:80", "-not known" },
		{ "a", "10-244-0-2.shop.pod:80", "+at pod shop/b" },
		{ "a", "alias:80", "+is an alias for web.shop.svc.cluster.local" },
		{ "a", "loop:80", "-in circles" },
		{ "a", "10.244.0.99", "-no pod has that address: \"No route to host\"" },
		{ "a", "10.244.0.1:1", "+never leaves the pod" },
		{ "a", "127.0.0.1", "+stays with the sender" },
		{ "a", "192.0.2.9:443", "+masquerade" },
		{ "a", "198.51.100.1", "-no route" },
		{ "a", "10.0.0.1:22", "+at the node" },
		{ "node", "web.shop.svc.cluster.local:80", "+(masquerade)" },
		{ "hosted", "10.96.0.20:80", "+uses the node's own network" },
		{ "lonely", "10.96.0.20:80", "-has no attachment" },
		{ "203.0.113.5", "10.96.0.20:80", "+comes from outside" },
	};

	(void)state;
	check_ways(ways, ARRAY_LEN(ways));
}

static void test_fronts(void **state)
{
	static const struct way standard[] = {
		{ "203.0.113.5", "198.51.100.11:80",
		  "-externalTrafficPolicy Local allows no others" },
		{ "203.0.114.5", "198.51.100.11:80", "-in none of loadBalancerSourceRanges" },
		{ "a", "198.51.100.11:80", "+a load balancer's address of Service default/outer" },
		{ "a", "198.51.100.11:80", "+source kept" },
		{ "a", "198.51.100.11:80", "+within the last 10800 s" },
		{ "a", "198.51.100.11:80", "+binds who comes from outside" },
		{ "a", "198.51.100.11:81", "-no route" },
		{ "a", "198.51.100.12:80", "-[service] external_ips is no" },
		{ "a", "198.51.100.13:80", "-not one that the node serves" },
		{ "node", "198.51.100.11:80", "-its own packets need one" },
		{ "a", "10.96.0.30:80", "-internalTrafficPolicy Local allows no others" },
		{ "203.0.113.5", "10.0.0.1:30080", "-DROP" },
		{ "203.0.114.5", "10.0.0.1:30080", "-DROP" },
		{ "a", "10.0.0.1:30080", "+source kept" },
		{ "203.0.113.5", "10.0.0.1:30081", "+externalTrafficPolicy Cluster: the endpoint" },
		{ "a", "10.0.0.1:30081", "+a node port of Service default/inner" },
		{ "shop/b", "10.0.0.1:30081", "+hairpin" },
		{ "node", "10.0.0.1:30081", "+(masquerade)" },
		{ "a", "10.0.1.1:30081", "+a node port" },
		{ "a", "10.0.0.1:30081/udp", "+at the node" },
		{ "node", "127.0.0.1:30081", "+stays with the sender" },
		{ "a", "10.96.0.32:80", "-leaves it to another proxy" },
		{ "a", "10.0.0.1:30082", "+at the node" },
		{ "203.0.113.5", "10.96.0.20:80", "+to a ClusterIP" },
	};
	static const struct way all[] = {
		{ "a", "198.51.100.12:80", "+an external IP of Service default/outer" },
		{ "203.0.114.5", "198.51.100.12:80", "-DROP" }, /* by the policy: no ranges there */
		{ "a", "10.96.0.20:80", "+masquerade = all" },
		{ "node", "127.0.0.1:30081", "+from localhost" },
		{ "a", "127.0.0.1:30081", "+stays with the sender" },
		{ "a", "10.0.0.1:30081", "+a node port" },
		{ "a", "10.0.1.1:30081", "+at the node" },
	};
	static const struct way needed[] = {
		{ "203.0.113.5", "10.0.1.1:30081", "+source kept" },
		{ "203.0.113.5", "10.0.0.1:30081", "+at the node" },
		{ "203.0.113.5", "10.96.0.20:80", "+source kept" },
		{ "shop/b", "10.0.1.1:30081", "+hairpin" },
	};

	(void)state;
	check_ways(standard, ARRAY_LEN(standard));
	conf.service.external_ips = conf.service.node_port_localhost = true;
	conf.service.node_port_primary = true;
	conf.service.masquerade = CONF_MASQUERADE_ALL;
	check_ways(all, ARRAY_LEN(all));
	conf.service.node_port_primary = false;
	conf.service.node_port_at.n = 1;
	assert_true(cidr_parse(&conf.service.node_port_at.v[0], "10.0.1.0/24"));
	conf.service.masquerade = CONF_MASQUERADE_NEEDED;
	check_ways(needed, ARRAY_LEN(needed));
}

static void test_ends_that_cannot_be_read(void **state)
{
	static const struct {
		const char *from, *to;
		int ret;
	} cases[] = {
		{ "nobody", "10.96.0.20", -ENOENT },
		{ "shop/a", "10.96.0.20", -ENOENT },
		{ "a", "web:0", -EINVAL },
		{ "a", "web:65536", -EINVAL },
		{ "a", "web:http", -EINVAL },
		{ "a", "web:80/icmp", -EINVAL },
		{ "a", ":80", -EINVAL },
		{ "a", "[fd00::1", -EINVAL },
		{ "a", "[web]:80", -EINVAL },
		{ "a", "a b", -EINVAL },
		{ "a", "http://web/", -EINVAL },
	};
	struct trace_node node = { .source_to = route_to_documentation };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_arena struct arena arena = { 0 };
		static struct trace t;
		struct err e = { 0 };

		t = (struct trace){ .arena = &arena, .node = &node };
		assert_int_equal(trace_plan(&t, "default", cases[i].from, cases[i].to, &e),
		                 cases[i].ret);
		assert_true(*e.text);
	}
}

/* ---- policies on the way -------------------------------------------------------------------- */

#define NP(spec) "{\"spec\":{" spec "}}"
#define CNP(tier, priority, more)                                                                  \
	"{\"spec\":{\"tier\":\"" tier "\",\"priority\":" #priority                                 \
	",\"subject\":{\"namespaces\":{}}," more "}}"
#define RULE(action, peer) "{\"action\":\"" action "\"," peer "}"
#define FROM_ALL "\"from\":[{\"namespaces\":{}}]"
#define TO_DNS                                                                                     \
	"\"to\":[{\"namespaceSelector\":{},\"podSelector\":{\"matchLabels\":{\"k8s-app\":"         \
	"\"kube-dns\"}}}],\"ports\":[{\"port\":53,\"protocol\":\"UDP\"}]"

struct policy_case {
	struct {
		enum kind kind;
		const char *ns, *name, *json;
	} policies[4];
	struct way ways[6];
};

static const struct policy_case policy_cases[] = {
	{ { { KIND_NETWORKPOLICY, "shop", "none", NP("\"podSelector\":{}") } },
	  { { "a", "10.244.0.2:80", "-ingress: isolated by none in namespace shop, and none" },
	    { "a", "web.shop:80", "-DROP: the connection times out" },
	    { "node", "10.244.0.2:80", "+a node always reaches its own pods" },
	    { "hosted", "10.244.0.2:80", "+a node always reaches its own pods" },
	    { "shop/b", "self.default:80", "+at pod default/a" },
	    { "198.51.100.9", "10.244.0.2:80", "-isolated by none" } } },
	{ { { KIND_NETWORKPOLICY, "shop", "none", NP("\"podSelector\":{}") },
	    { KIND_NETWORKPOLICY, "shop", "some",
	      NP("\"podSelector\":{\"matchLabels\":{\"app\":\"b\"}},\"ingress\":[{\"from\":[{"
	         "\"namespaceSelector\":{},\"podSelector\":{\"matchLabels\":{\"app\":\"a\"}}}],"
	         "\"ports\":[{\"port\":80}]}]") } },
	  { { "a", "10.244.0.2:80", "+ingress: allowed by some, of 2 NetworkPolicies in shop" },
	    { "a", "10.244.0.2:81", "-isolated by none, some in namespace shop" },
	    { "a", "10.244.0.2", "-no port is given" },
	    { "node", "10.244.0.2:81", "+one host route" } } },
	{ { { KIND_NETWORKPOLICY, "default", "shut",
	      NP("\"podSelector\":{},\"policyTypes\":[\"Egress\"]") } },
	  { { "a", "web.shop:80", "-egress to the cluster DNS: isolated by shut" },
	    { "a", "10.96.0.10:53/udp", "-egress: isolated by shut" },
	    { "a", "10.0.0.1:22", "+a pod always reaches its own node" },
	    { "a", "192.0.2.9:80", "-egress: isolated by shut" },
	    { "a", "10.96.0.21:80", "+at pod default/a" } /* itself, by its Service */ } },
	{ { { KIND_NETWORKPOLICY, "default", "dns",
	      NP("\"podSelector\":{},\"egress\":[{" TO_DNS "}]") } },
	  { { "a", "10.96.0.10:53/udp", "+the cluster DNS answers" },
	    { "a", "10.96.0.10:53/tcp", "-egress: isolated by dns" },
	    { "a", "web.shop:80", "-egress: isolated by dns" },
	    { "a", "10.244.0.2:80", "-egress: isolated by dns" } } },
	{ { { KIND_NETWORKPOLICY, "default", "one",
	      NP("\"podSelector\":{\"matchLabels\":{\"app\":\"x\"}}") },
	    { KIND_POD, "default", "new",
	      "{\"metadata\":{\"annotations\":{\"knetd.io/created-by\":\"cni\"}}}" },
	    { KIND_PODNETWORK, "default", "new",
	      "{\"spec\":{\"podRef\":{\"name\":\"new\"}},\"status\":{\"ips\":[\"10.244.0.9\"]}}" },
	    { KIND_NETWORKPOLICY, "shop", "labelled",
	      NP("\"podSelector\":{},\"ingress\":[{\"from\":[{\"namespaceSelector\":{},"
	         "\"podSelector\":{\"matchExpressions\":[{\"key\":\"q\",\"operator\":"
	         "\"DoesNotExist\"}]}}]}]") } },
	  { { "shop/b", "10.244.0.9:80", "-nobody has said the pod's labels yet" },
	    { "shop/b", "10.244.0.1:80", "+at pod default/a" },
	    { "new", "10.244.0.2:80", "-isolated by labelled" } } },
	{ { { KIND_CLUSTERNETWORKPOLICY, "", "late",
	      CNP("Admin", 7, "\"ingress\":[" RULE("Accept", FROM_ALL) "]") },
	    { KIND_CLUSTERNETWORKPOLICY, "", "early",
	      CNP("Admin", 5,
	          "\"ingress\":[{\"name\":\"no web\",\"action\":\"Deny\"," FROM_ALL
	          ",\"protocols\":[{\"tcp\":{\"destinationPort\":{\"number\":80}}}]}]") },
	    { KIND_NETWORKPOLICY, "shop", "none", NP("\"podSelector\":{}") } },
	  { { "a", "10.244.0.2:80",
	      "-ingress: rule 1 (no web) of ClusterNetworkPolicy early (Admin, priority 5) "
	      "denies" },
	    { "a", "10.244.0.2:81",
	      "+ingress: rule 1 of ClusterNetworkPolicy late (Admin, priority 7) accepts" },
	    { "node", "10.244.0.2:80", "+a node always" },
	    { "198.51.100.9", "10.244.0.2:80", "-isolated by none" } } },
	{ { { KIND_CLUSTERNETWORKPOLICY, "", "on",
	      CNP("Admin", 5,
	          "\"ingress\":[" RULE("Pass", FROM_ALL) "," RULE("Deny", FROM_ALL) "]") },
	    { KIND_CLUSTERNETWORKPOLICY, "", "base",
	      CNP("Baseline", 0, "\"ingress\":[" RULE("Deny", FROM_ALL) "]") },
	    { KIND_NETWORKPOLICY, "shop", "all", NP("\"podSelector\":{},\"ingress\":[{}]") } },
	  { { "a", "10.244.0.2:80", "+passes it on: the next tier is asked" },
	    { "a", "10.244.0.2:81", "+allowed by all, of 1 NetworkPolicy in shop" },
	    { "shop/b", "10.244.0.1:80",
	      "-ClusterNetworkPolicy base (Baseline, priority 0) denies" } } },
	{ { { KIND_CLUSTERNETWORKPOLICY, "", "names",
	      CNP("Admin", 5,
	          "\"egress\":[" RULE("Accept", "\"to\":[{\"domainNames\":[\"a.b\"]}]") "," RULE(
			  "Deny", "\"to\":[{\"networks\":[\"192.0.2.0/24\"]}]") "]") } },
	  { { "a", "192.0.2.9:80", "-egress: rule 2 of ClusterNetworkPolicy names" },
	    { "a", "10.244.0.2:80", "+at pod shop/b" } } },
	{ { { KIND_CLUSTERNETWORKPOLICY, "", "closed",
	      CNP("Admin", 5,
	          "\"egress\":[" RULE("Pass", "\"to\":[{\"domainNames\":[\"a.b\"]}]") "]") } },
	  { { "a", "10.244.0.2:80", "-egress: rule 1 of ClusterNetworkPolicy closed" } } },
};

static void test_policies_on_the_way(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(policy_cases); i++) {
		const struct policy_case *c = &policy_cases[i];
		size_t n = 0, m = 0;

		for (; n < ARRAY_LEN(c->policies) && c->policies[n].name; n++)
			lab_put(c->policies[n].kind, c->policies[n].ns, c->policies[n].name,
			        c->policies[n].json);
		while (m < ARRAY_LEN(c->ways) && c->ways[m].from)
			m++;
		check_ways(c->ways, m);
		while (n--)
			lab_delete(c->policies[n].kind, c->policies[n].ns, c->policies[n].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_label_selectors),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_where_it_goes),
		cmocka_unit_test(test_fronts),
		cmocka_unit_test(test_ends_that_cannot_be_read),
		cmocka_unit_test(test_policies_on_the_way),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
