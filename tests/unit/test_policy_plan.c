/* test_policy_plan.c - what NetworkPolicies come to: known cases, one by one. */
#include "policy_stage.h"

#define SEL(labels) "{\"matchLabels\":{" labels "}}"
#define WEB SEL("\"app\":\"web\"")
#define DB SEL("\"app\":\"db\"")
#define TEAM_A SEL("\"team\":\"a\"")

static void attach(const char *ns, const char *pod, const char *name, const char *ips)
{
	put(KIND_PODNETWORK, ns, name,
	    "{\"spec\":{\"podRef\":{\"name\":\"%s\"}},\"status\":{\"ips\":[%s]}}", pod, ips);
}

static void pod(const char *ns, const char *name, const char *labels, const char *rest)
{
	put(KIND_POD, ns, name, "{\"metadata\":{\"labels\":{%s}},%s}", labels, rest);
}

#define SQL                                                                                        \
	"\"spec\":{\"containers\":[{\"ports\":[{\"name\":\"sql\",\"containerPort\":5432},{"        \
	"\"name\":\"dns\",\"containerPort\":5353,\"protocol\":\"UDP\"}]}]}"
#define ALT "\"spec\":{\"containers\":[{\"ports\":[{\"name\":\"sql\",\"containerPort\":6432}]}]}"

/* shop (team a): web, api. data (team b): db, replica (another number for sql), all here. */
static void world(void)
{
	drop_all();
	put(KIND_NAMESPACE, "", "shop", "{\"metadata\":{\"labels\":{\"team\":\"a\"}}}");
	put(KIND_NAMESPACE, "", "data", "{\"metadata\":{\"labels\":{\"team\":\"b\"}}}");
	pod("shop", "web", "\"app\":\"web\"", "\"spec\":{}");
	pod("shop", "api", "\"app\":\"api\"", "\"spec\":{}");
	pod("data", "db", "\"app\":\"db\"", SQL);
	pod("data", "replica", "\"app\":\"db\",\"role\":\"replica\"", ALT);
	attach("shop", "web", "web-eth0", "\"10.244.0.1\",\"fd00::1\"");
	attach("shop", "api", "api-eth0", "\"10.244.0.2\",\"fd00::2\"");
	attach("data", "db", "db-eth0", "\"10.244.0.3\",\"fd00::3\"");
	attach("data", "replica", "replica-eth0", "\"10.244.0.4\",\"fd00::4\"");
}

static void policy(const char *ns, const char *name, const char *spec)
{
	put(KIND_NETWORKPOLICY, ns, name, "{\"spec\":%s}", spec);
}

static const struct {
	const char *name, *v4, *v6;
} who[] = {
	{ "web", "10.244.0.1", "fd00::1" },       { "api", "10.244.0.2", "fd00::2" },
	{ "db", "10.244.0.3", "fd00::3" },        { "replica", "10.244.0.4", "fd00::4" },
	{ "away", "10.9.0.1", "fd99::1" },        { "outside", "192.0.2.9", "2001:db8::9" },
	{ "dns", "10.96.0.10", "fd00:10:96::a" }, { "new", "10.244.0.9", "fd00::9" },
};

static bool address(struct ip *out, const char *name, bool six)
{
	for (size_t i = 0; i < ARRAY_LEN(who); i++)
		if (!strcmp(who[i].name, name))
			return ip_parse(out, six ? who[i].v6 : who[i].v4);
	return ip_parse(out, name);
}

static uint8_t proto_number(const char *name)
{
	return !strcmp(name, "tcp")    ? IPPROTO_TCP
	       : !strcmp(name, "udp")  ? IPPROTO_UDP
	       : !strcmp(name, "sctp") ? IPPROTO_SCTP
	                               : IPPROTO_ICMP;
}

static const char *now = ""; /* the case */

/* "web db tcp 80 yes", in both families. */
static void expect(const char *line)
{
	char from[40], to[40], proto[8], answer[4];
	unsigned port;

	assert_int_equal(sscanf(line, "%39s %39s %7s %u %3s", from, to, proto, &port, answer), 5);
	for (int six = 0; six < 2; six++) {
		struct ip a, b;
		const struct policy_class *why;
		bool yes;

		assert_true(address(&a, from, six) && address(&b, to, six));
		yes = policy_plan_allows(&a, &b, proto_number(proto), (uint16_t)port, &why);
		if (yes != !strcmp(answer, "yes"))
			fail_msg("%s: IPv%d: %s", now, six ? 6 : 4, line);
		assert_int_equal(yes, !why);
	}
}

static void expect_all(const char *lines)
{
	auto_free char *copy = strdup(lines);
	char *rest = copy;

	check_classes();
	for (char *line = strsep(&rest, ";"); line; line = strsep(&rest, ";"))
		if (*line)
			expect(line);
}

/* ---- cases ---------------------------------------------------------------------------------- */

#define ALLOW(peers, ports) "{\"from\":[" peers "],\"ports\":[" ports "]}"
#define INGRESS(of, rules) "{\"podSelector\":" of ",\"ingress\":[" rules "]}"
#define EGRESS(of, rules)                                                                          \
	"{\"podSelector\":" of ",\"policyTypes\":[\"Egress\"],\"egress\":[" rules "]}"

static const struct {
	const char *name, *ns, *spec, *lines;
} cases[] = {
	{ "nothing is said of types: ingress alone", "data", "{\"podSelector\":{}}",
	  "web db tcp 80 no;web replica icmp 0 no;db web tcp 80 yes;web api tcp 80 yes;outside db "
	  "udp 1 no;db db tcp 80 yes" },
	{ "egress rules: egress too", "data", "{\"podSelector\":{},\"egress\":[{}]}",
	  "web db tcp 80 no;db web tcp 80 yes" },
	{ "only egress", "data", "{\"podSelector\":{},\"policyTypes\":[\"Egress\"]}",
	  "web db tcp 80 yes;db web tcp 80 no;db outside tcp 80 no" },
	{ "both, without rules", "data",
	  "{\"podSelector\":{},\"policyTypes\":[\"Ingress\",\"Egress\"]}",
	  "web db tcp 80 no;db web tcp 80 no;db replica tcp 1 no" },
	{ "an empty rule allows all", "data", INGRESS("{}", "{}"),
	  "web db tcp 80 yes;outside db sctp 9 yes;outside db icmp 0 yes" },
	{ "some pods only", "data", INGRESS(SEL("\"role\":\"replica\""), ""),
	  "web db tcp 80 yes;web replica tcp 80 no" },
	{ "pods of the own namespace", "data", INGRESS("{}", ALLOW("{\"podSelector\":{}}", "")),
	  "web db tcp 80 no;db replica tcp 80 yes;outside db tcp 80 no" },
	{ "pods by labels in the own namespace", "shop",
	  INGRESS("{}", ALLOW("{\"podSelector\":" WEB "}", "")),
	  "web api tcp 80 yes;api web tcp 80 no;db api tcp 80 no" },
	{ "all namespaces", "data", INGRESS("{}", ALLOW("{\"namespaceSelector\":{}}", "")),
	  "web db tcp 80 yes;dns db tcp 80 yes;outside db tcp 80 no;away db tcp 80 no" },
	{ "a namespace by labels", "data",
	  INGRESS("{}", ALLOW("{\"namespaceSelector\":" TEAM_A "}", "")),
	  "web db tcp 80 yes;replica db tcp 80 no" },
	{ "both: and", "data",
	  INGRESS("{}", ALLOW("{\"namespaceSelector\":" TEAM_A ",\"podSelector\":" WEB "}", "")),
	  "web db tcp 80 yes;api db tcp 80 no;replica db tcp 80 no" },
	{ "two: or", "data",
	  INGRESS("{}", ALLOW("{\"namespaceSelector\":" SEL(
				      "\"team\":\"x\"") "},{\"podSelector\":" DB "}",
	                      "")),
	  "web db tcp 80 no;replica db tcp 80 yes" },
	{ "expressions", "data",
	  INGRESS("{}",
	          ALLOW("{\"namespaceSelector\":{},\"podSelector\":{\"matchExpressions\":[{"
	                "\"key\":\"app\",\"operator\":\"NotIn\",\"values\":[\"web\",\"db\"]}]}}",
	                "")),
	  "web db tcp 80 no;api db tcp 80 yes;dns db tcp 80 yes;replica db tcp 80 no" },
	{ "a block with exceptions", "data",
	  INGRESS("{}",
	          ALLOW("{\"ipBlock\":{\"cidr\":\"10.244.0.0/16\",\"except\":[\"10.244.0.2/"
	                "32\",\"10.244.128.0/17\"]}},{\"ipBlock\":{\"cidr\":\"fd00::/"
	                "64\",\"except\":[\"fd00::2/127\"]}},{\"ipBlock\":{\"cidr\":\"fd00::3/"
	                "128\"}}",
	                "")),
	  "web db tcp 80 yes;api db tcp 80 no;outside db tcp 80 no;db replica tcp 80 yes" },
	{ "all addresses", "data",
	  INGRESS("{}", ALLOW("{\"ipBlock\":{\"cidr\":\"0.0.0.0/0\"}},{\"ipBlock\":{\"cidr\":\"::/"
	                      "0\"}}",
	                      "{\"port\":80}")),
	  "web db tcp 80 yes;outside db tcp 80 yes;outside db tcp 81 no;outside db udp 80 no" },
	{ "ports", "data",
	  INGRESS("{}", "{\"ports\":[{\"port\":80},{\"port\":90,\"endPort\":99,\"protocol\":"
	                "\"UDP\"},{\"protocol\":\"SCTP\"}]}"),
	  "web db tcp 80 yes;web db tcp 81 no;web db udp 89 no;web db udp 90 yes;web db udp 99 "
	  "yes;web db udp 100 no;outside db sctp 1 yes;outside db icmp 0 no" },
	{ "a name, for ingress: of the pod itself", "data",
	  INGRESS("{}", "{\"ports\":[{\"port\":\"sql\"},{\"port\":\"dns\"}]}"),
	  "web db tcp 5432 yes;web replica tcp 5432 no;web replica tcp 6432 yes;web db tcp 6432 "
	  "no;web db udp 5432 no;web db udp 5353 no;web db tcp 5353 no" },
	{ "a name, for egress: of the other pod", "shop",
	  EGRESS("{}", "{\"to\":[{\"namespaceSelector\":{}}],\"ports\":[{\"port\":\"sql\"}]}"),
	  "web db tcp 5432 yes;web replica tcp 5432 no;web replica tcp 6432 yes;web outside tcp "
	  "5432 no;web api tcp 5432 no;db web tcp 1 yes" },
	{ "a name, for egress to anybody", "shop",
	  EGRESS("{}", "{\"ports\":[{\"port\":\"sql\"},{\"port\":443}]}"),
	  "web db tcp 5432 yes;web replica tcp 6432 yes;web db tcp 6432 no;web outside tcp 443 "
	  "yes;web outside tcp 5432 no" },
	{ "a name, for egress to a block", "shop",
	  EGRESS("{}", "{\"to\":[{\"ipBlock\":{\"cidr\":\"10.244.0.4/32\"}},{\"ipBlock\":{"
	               "\"cidr\":\"fd00::4/128\"}}],\"ports\":[{\"port\":\"sql\"}]}"),
	  "web db tcp 5432 no;web replica tcp 6432 yes;web replica tcp 5432 no" },
	{ "cluster DNS, as everybody writes it", "shop",
	  EGRESS("{}",
	         "{\"to\":[{\"namespaceSelector\":" SEL(
			 "\"kubernetes.io/"
			 "metadata.name\":\"kube-"
			 "system\"") ",\"podSelector\":" SEL("\"k8s-app\":\"kube-dns\"") "}],"
	                                                                                 "\"ports\""
	                                                                                 ":[{"
	                                                                                 "\"port\":"
	                                                                                 "53,"
	                                                                                 "\"protoco"
	                                                                                 "l\":"
	                                                                                 "\"UDP\"},"
	                                                                                 "{\"port\""
	                                                                                 ":53}]}"),
	  "web dns udp 53 yes;web dns tcp 53 yes;web dns tcp 80 no;web db udp 53 no" },
	{ "cluster DNS, by names of ports", "shop",
	  EGRESS("{}", "{\"to\":[{\"namespaceSelector\":{}}],\"ports\":[{\"port\":\"dns-tcp\"},{"
	               "\"port\":\"dns\",\"protocol\":\"UDP\"}]}"),
	  "web dns udp 53 yes;web dns tcp 53 yes;web db udp 5353 yes;web db udp 53 no" },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		world();
		policy(cases[i].ns, "p", cases[i].spec);
		update(i % 2);
		now = cases[i].name;
		expect_all(cases[i].lines);
	}
}

static void test_policies_add_up(void **state)
{
	(void)state;
	world();
	policy("data", "none", "{\"podSelector\":{}}");
	policy("data", "web",
	       INGRESS(DB, ALLOW("{\"namespaceSelector\":{},\"podSelector\":" WEB "}",
	                         "{\"port\":80}")));
	policy("data", "api",
	       INGRESS("{}",
	               ALLOW("{\"namespaceSelector\":" TEAM_A "}", "{\"port\":80},{\"port\":81}")));
	update(false);
	expect_all("web db tcp 80 yes;web db tcp 81 yes;api db tcp 80 yes;web db tcp 82 no");
	drop(KIND_NETWORKPOLICY, "data", "api");
	update(false);
	expect_all("web db tcp 80 yes;web db tcp 81 no;api db tcp 80 no");
}

static void test_without_policies(void **state)
{
	size_t i = 0;

	(void)state;
	world();
	policy("data", "none", "{\"podSelector\":{}}");
	assert_true(update(false));
	assert_true(policy_plan_any());
	assert_false(update(false));
	drop(KIND_NETWORKPOLICY, "data", "none");
	assert_true(update(false));
	assert_false(policy_plan_any());
	assert_null(policy_plan_next_pod(&i));
	assert_false(update(true));
}

/* Pods of which nobody has said the labels take the strictest, and are peers for who takes all. */
static void test_unlabelled(void **state)
{
	const char *made = "{\"metadata\":{\"annotations\":{\"knetd.io/created-by\":\"cni\"%s}%s}}";

	(void)state;
	world();
	put(KIND_POD, "data", "new", made, "", "");
	attach("data", "new", "new-eth0", "\"10.244.0.9\",\"fd00::9\"");
	policy("data", "db",
	       INGRESS(DB, ALLOW("{\"podSelector\":" DB "},{\"podSelector\":{"
	                         "\"matchExpressions\":[{\"key\":\"x\",\"operator\":"
	                         "\"DoesNotExist\"}]}}",
	                         "")));
	update(false);
	expect_all("web new tcp 80 no;new web tcp 80 yes;new db tcp 80 no;db replica tcp 80 yes");
	policy("data", "all", INGRESS("{}", ALLOW("{\"namespaceSelector\":{}}", "{\"port\":81}")));
	update(false);
	expect_all("web new tcp 80 no;web new tcp 81 yes;new db tcp 81 yes;new db tcp 80 no");
	drop(KIND_NETWORKPOLICY, "data", "all");
	put(KIND_POD, "data", "new", made, ",\"knetd.io/labels\":\"\"", "");
	update(false);
	expect_all("web new tcp 80 yes;new db tcp 80 yes");
	put(KIND_POD, "data", "new", made, "", ",\"labels\":{\"app\":\"db\"}");
	update(false);
	expect_all("web new tcp 80 no;db new tcp 80 yes");
	drop(KIND_POD, "data", "new"); /* its attachment stands */
	update(false);
	expect_all("web new tcp 80 no;db new tcp 80 no");
	drop(KIND_PODNETWORK, "data", "new-eth0");
	update(false);
	expect_all("web new tcp 80 yes");
}

static void test_attachment_without_pod(void **state)
{
	(void)state;
	world();
	put(KIND_PODNETWORK, "data", "loose",
	    "{\"spec\":{},\"status\":{\"ips\":[\"10.244.0.9\",\"fd00::9\"]}}");
	policy("data", "db", INGRESS(DB, ""));
	update(false);
	expect_all("web new tcp 80 no;new web tcp 80 yes");
}

static void test_host_network(void **state)
{
	(void)state;
	world();
	put(KIND_POD, "shop", "host",
	    "{\"metadata\":{\"labels\":{\"app\":\"web\"}},\"spec\":{\"hostNetwork\":true},"
	    "\"status\":{\"podIPs\":[{\"ip\":\"10.9.0.1\"},{\"ip\":\"fd99::1\"}]}}");
	policy("data", "db", INGRESS("{}", ALLOW("{\"namespaceSelector\":{}}", "")));
	policy("shop", "none", "{\"podSelector\":{},\"policyTypes\":[\"Ingress\",\"Egress\"]}");
	update(false);
	expect_all("away db tcp 80 no;db away tcp 80 yes;away outside tcp 80 yes");
}

static void put_away(const char *phase)
{
	put(KIND_POD, "shop", "away",
	    "{\"metadata\":{\"labels\":{\"app\":\"web\"}},\"status\":{\"phase\":\"%s\",\"podIPs\":["
	    "{\"ip\":\"10.9.0.1\"},{\"ip\":\"fd99::1\"}]}}",
	    phase);
}

static void put_new(const char *phase)
{
	put(KIND_POD, "shop", "new",
	    "{\"metadata\":{\"labels\":{\"app\":\"web\"}},\"status\":{\"phase\":\"%s\"}}", phase);
}

/* Pods elsewhere are peers; finished ones are none, but still isolated while they are attached. */
static void test_elsewhere_and_finished(void **state)
{
	(void)state;
	world();
	put_away("Running");
	put_new("Running");
	attach("shop", "new", "new-eth0", "\"10.244.0.9\",\"fd00::9\"");
	policy("data", "db", INGRESS("{}", ALLOW("{\"namespaceSelector\":{}}", "")));
	policy("shop", "none", "{\"podSelector\":{}}");
	update(false);
	expect_all("away db tcp 80 yes;new db tcp 80 yes;db away tcp 80 yes;db new tcp 80 no");
	put_away("Succeeded");
	put_new("Failed");
	update(false);
	expect_all("away db tcp 80 no;new db tcp 80 no;db away tcp 80 yes;db new tcp 80 no");
	put_away("Running");
	update(false);
	expect_all("away db tcp 80 yes;new db tcp 80 no");
}

static void test_several_attachments(void **state)
{
	(void)state;
	world();
	attach("shop", "web", "web-net1", "\"10.9.0.1\",\"fd99::1\"");
	policy("data", "db",
	       INGRESS(DB, ALLOW("{\"namespaceSelector\":{},\"podSelector\":" WEB "}", "")));
	policy("shop", "web", INGRESS(WEB, ""));
	update(false);
	expect_all("web db tcp 80 yes;away db tcp 80 yes;db away tcp 80 no;db web tcp 80 no");
	drop(KIND_PODNETWORK, "shop", "web-eth0");
	update(false);
	expect_all("web db tcp 80 no;away db tcp 80 yes;db away tcp 80 no;db web tcp 80 yes");
}

/* An attachment here is stronger than what some Pod's status says. */
static void test_address_claimed_twice(void **state)
{
	(void)state;
	world();
	put_away("Running");
	policy("data", "db", INGRESS("{}", ALLOW("{\"namespaceSelector\":" TEAM_A "}", "")));
	update(false);
	expect_all("away db tcp 80 yes");
	pod("data", "thief", "\"app\":\"x\"", "\"spec\":{}");
	attach("data", "thief", "thief-eth0", "\"10.9.0.1\",\"fd99::1\"");
	update(false);
	expect_all("away db tcp 80 no;db away tcp 80 no");
	drop(KIND_PODNETWORK, "data", "thief-eth0");
	update(false);
	expect_all("away db tcp 80 yes");
}

static void test_namespace_labels_change(void **state)
{
	(void)state;
	world();
	policy("data", "db",
	       INGRESS("{}", ALLOW("{\"namespaceSelector\":" TEAM_A ",\"podSelector\":" WEB "}",
	                           "{\"port\":80}") "," ALLOW("{\"namespaceSelector\":" TEAM_A "}",
	                                                      "{\"port\":81}")));
	update(false);
	expect_all("web db tcp 80 yes;web db tcp 81 yes;api db tcp 80 no;api db tcp 81 yes");
	put(KIND_NAMESPACE, "", "shop", "{\"metadata\":{\"labels\":{\"team\":\"c\"}}}");
	assert_true(update(false));
	expect_all("web db tcp 80 no;web db tcp 81 no;api db tcp 81 no");
	put(KIND_NAMESPACE, "", "shop", "{\"metadata\":{\"labels\":{\"team\":\"a\"}}}");
	assert_true(update(false));
	expect_all("web db tcp 80 yes;web db tcp 81 yes;api db tcp 81 yes");
	drop(KIND_NAMESPACE, "", "shop");
	assert_true(update(false));
	expect_all("web db tcp 80 no;web db tcp 81 no");
}

/* ---- numbers -------------------------------------------------------------------------------- */

static const struct policy_pod *at(const char *name)
{
	struct ip ip;

	assert_true(address(&ip, name, false));
	return policy_plan_pod_at(&ip);
}

static void test_numbers_are_kept(void **state)
{
	uint32_t web, api, db;
	uint64_t content;

	(void)state;
	world();
	policy("data", "db", INGRESS("{}", ALLOW("{\"namespaceSelector\":{}}", "")));
	update(true);
	web = at("web")->peer;
	api = at("api")->peer;
	db = at("db")->in;
	assert_int_equal(web, api);
	assert_true(db && db == at("replica")->in && !at("db")->out && !at("web")->in);
	content = policy_plan_class(POLICY_IN, db)->content;

	/* one of two leaves the class that both had, one keeps the number */
	policy("data", "web",
	       INGRESS(SEL("\"role\":\"replica\""),
	               ALLOW("{\"namespaceSelector\":{},\"podSelector\":" WEB "}", "")));
	assert_true(update(false));
	assert_true((at("web")->peer == web) != (at("api")->peer == web));
	assert_true(at("db")->in == db && at("replica")->in != db);
	assert_true(policy_plan_class(POLICY_IN, db)->content == content);

	/* a policy that says something else keeps its class's number */
	policy("data", "db", INGRESS("{}", ALLOW("{\"namespaceSelector\":{}}", "{\"port\":80}")));
	assert_true(update(false));
	assert_true(at("db")->in == db);
	assert_true(policy_plan_class(POLICY_IN, db)->content != content);

	/* what is said in other words changes nothing */
	web = at("web")->peer;
	put(KIND_POD, "shop", "web", "{\"metadata\":{\"labels\":{\"app\":\"web\",\"new\":\"x\"}}}");
	update(false);
	assert_true(at("web")->peer == web);
	update(true);
	assert_true(at("web")->peer == web && at("db")->in == db);
	put(KIND_POD, "shop", "web",
	    "{\"metadata\":{\"labels\":{\"app\":\"web\",\"new\":\"x\"}},\"status\":{\"phase\":"
	    "\"Running\"}}");
	assert_false(update(false));
}

static void test_selected(void **state)
{
	(void)state;
	world();
	policy("data", "db", INGRESS(DB, ""));
	policy("data", "none", INGRESS(WEB, ""));
	update(false);
	assert_int_equal(policy_plan_selects(store_get(KIND_NETWORKPOLICY, "data", "db")), 2);
	assert_int_equal(policy_plan_selects(store_get(KIND_NETWORKPOLICY, "data", "none")), 0);
	assert_null(policy_plan_trouble(store_get(KIND_NETWORKPOLICY, "data", "db")));
}

/* What exceeds a maximum denies, and says so. */
static void test_too_many_peers(void **state)
{
	auto_buf struct buf peers = { 0 };
	const char *trouble;

	(void)state;
	world();
	for (unsigned i = 0; i < POLICY_PEERS_MAX; i++)
		buf_printf(&peers, "{\"ipBlock\":{\"cidr\":\"192.168.%u.%u/32\"}},", i >> 8,
		           i & 255);
	buf_str(&peers, "{\"podSelector\":{}}");
	buf_add(&peers, "", 1);
	put(KIND_NETWORKPOLICY, "data", "p",
	    "{\"spec\":{\"podSelector\":{},\"ingress\":[{\"from\":[%s]}]}}", peers.data);
	update(false);
	expect_all("replica db tcp 80 no");
	trouble = policy_plan_trouble(store_get(KIND_NETWORKPOLICY, "data", "p"));
	assert_non_null(trouble);
	assert_string_equal(trouble, "of a rule's peers, 1024 are in force");
}

/* Named ports with peers, each with each, have a maximum of their own. */
static void test_too_many_named(void **state)
{
	auto_buf struct buf b = { 0 };

	(void)state;
	world();
	buf_str(&b, "{\"spec\":{\"podSelector\":{},\"egress\":[{\"to\":[");
	for (unsigned i = 0; i < 70; i++)
		buf_printf(&b, "%s{\"namespaceSelector\":{\"matchLabels\":{\"n\":\"%u\"}}}",
		           i ? "," : "", i);
	buf_str(&b, ",{\"namespaceSelector\":{}}],\"ports\":[{\"port\":\"sql\"}");
	for (unsigned i = 0; i < 70; i++)
		buf_printf(&b, ",{\"port\":\"n%u\"}", i);
	buf_str(&b, "]}]}}");
	buf_add(&b, "", 1);
	put(KIND_NETWORKPOLICY, "shop", "p", "%s", b.data);
	update(false);
	assert_string_equal(policy_plan_trouble(store_get(KIND_NETWORKPOLICY, "shop", "p")),
	                    "of a rule's named ports with each of its peers, 4096 are in force");
	expect_all("web db tcp 5432 no");
}

#define CROWD ((1 << POLICY_PEER_BITS) + 10)

static void put_crowd(void)
{
	struct err e;

	store_begin();
	for (unsigned i = 0; i < CROWD; i++) {
		auto_mut yyjson_mut_doc *copy = NULL;
		auto_doc yyjson_doc *doc = NULL;
		char json[160], name[16];

		snprintf(name, sizeof(name), "c%u", i);
		snprintf(
			json, sizeof(json),
			"{\"metadata\":{\"labels\":{\"n\":\"%u\"}},\"status\":{\"podIPs\":[{\"ip\":"
			"\"10.8.%u.%u\"}]}}",
			i, i >> 8, i & 255);
		doc = yyjson_read(json, strlen(json), 0);
		copy = yyjson_doc_mut_copy(doc, NULL);
		assert_int_equal(store_put(KIND_POD, "shop", name, copy, STORE_RUN, NULL, &e), 0);
	}
	assert_int_equal(store_commit(&e), 0);
}

static void put_crowd_policy(unsigned number)
{
	auto_buf struct buf b = { 0 };
	char name[16];

	for (unsigned i = 0; i < 1000; i++)
		buf_printf(&b,
		           "%s{\"namespaceSelector\":{},\"podSelector\":{\"matchLabels\":{\"n\":\"%"
		           "u\"}}}",
		           i ? "," : "", number * 1000 + i);
	buf_add(&b, "", 1);
	snprintf(name, sizeof(name), "p%u", number);
	put(KIND_NETWORKPOLICY, "data", name,
	    "{\"spec\":{\"podSelector\":" SEL(
		    "\"role\":\"replica\"") ",\"ingress\":[{\"from\":[%s]}]}}",
	    b.data);
}

static unsigned count_denied(const char *whom)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CROWD; i++) {
		struct ip from = { 4, { 10, 8, (uint8_t)(i >> 8), (uint8_t)i } }, to;

		assert_true(address(&to, whom, false));
		n += !policy_plan_allows(&from, &to, IPPROTO_TCP, 80, NULL);
	}
	return n;
}

/* More kinds of pods in a namespace than numbers: those that find none are nobody's by labels. */
static void test_crowd(void **state)
{
	const struct object *policy;

	(void)state;
	world();
	put_crowd();
	for (unsigned i = 0; i < 5; i++)
		put_crowd_policy(i);
	update(true);
	policy = store_get(KIND_NETWORKPOLICY, "data", "p0");
	assert_int_equal(count_denied("replica"), 12); /* web and api share the first */
	assert_non_null(policy_plan_trouble(policy));

	/* a rule that denies by labels denies those of whom nobody knows whether they have them */
	assert_int_equal(count_denied("db"), 0);
	put(KIND_CLUSTERNETWORKPOLICY, "", "deny",
	    "{\"spec\":{\"tier\":\"Admin\",\"priority\":1,\"subject\":{\"namespaces\":{}},"
	    "\"ingress\":[{"
	    "\"action\":\"Deny\",\"from\":[{\"pods\":{\"namespaceSelector\":{},"
	    "\"podSelector\":" SEL("\"n\":\"none\"") "}}]}]}}");
	update(false);
	assert_int_equal(count_denied("db"), 12);
	for (unsigned i = 0; i < 40; i += 2) {
		char name[16];

		snprintf(name, sizeof(name), "c%u", i);
		drop(KIND_POD, "shop", name);
	}
	update(false);
	update(false); /* who found none has the numbers of those that left: they rested meanwhile
	                */
	assert_int_equal(count_denied("replica"), 20);
	assert_int_equal(count_denied("db"), 0);
	assert_null(policy_plan_trouble(policy));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_policies_add_up),
		cmocka_unit_test(test_without_policies),
		cmocka_unit_test(test_unlabelled),
		cmocka_unit_test(test_attachment_without_pod),
		cmocka_unit_test(test_host_network),
		cmocka_unit_test(test_elsewhere_and_finished),
		cmocka_unit_test(test_several_attachments),
		cmocka_unit_test(test_address_claimed_twice),
		cmocka_unit_test(test_namespace_labels_change),
		cmocka_unit_test(test_numbers_are_kept),
		cmocka_unit_test(test_selected),
		cmocka_unit_test(test_too_many_peers),
		cmocka_unit_test(test_too_many_named),
		cmocka_unit_test(test_crowd),
	};

	return cmocka_run_group_tests(tests, stage_open, stage_close);
}
