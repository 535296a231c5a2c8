/* test_policy_random.c - random pods, namespaces and policies, changed at random: after each step
 * the plan says of every pair what the simple evaluator says, its pieces do not overlap, and it is
 * what a plan made at once would be. KNETD_SEEDS=N tries more. */
#include <knetd/netpol_cluster.h>

#include "policy_stage.h"

#define SLOTS 11 /* places for pods */
#define POLICIES 8
#define CLUSTERS 4 /* ClusterNetworkPolicies */
#define STEPS 10
#define SEEDS 16

static uint64_t seed;

static unsigned roll(unsigned n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(seed >> 33) % n;
}

static bool one_in(unsigned n)
{
	return !roll(n);
}

/* ---- random documents ----------------------------------------------------------------------- */

static const char *const spaces[] = { "a", "b", "kube-system" };
static const char *const keys[] = { "app", "tier", "k8s-app" };
static const char *const values[] = { "x", "y", "kube-dns" };
static const unsigned ports[] = { 53, 80, 81, 5000 };
static const char *const names[] = { "p", "q", "dns" };
static const char *const protos[] = { "TCP", "UDP", "SCTP" };

#define ANY(list) ((list)[roll(ARRAY_LEN(list))])

static void add_labels(struct buf *b)
{
	buf_str(b, "{");
	for (size_t i = 0, n = 0; i < ARRAY_LEN(keys); i++)
		if (one_in(2))
			buf_printf(b, "%s\"%s\":\"%s\"", n++ ? "," : "", keys[i], ANY(values));
	buf_str(b, "}");
}

static void add_expression(struct buf *b)
{
	static const char *const operators[] = { "In", "NotIn", "Exists", "DoesNotExist" };
	unsigned op = roll(4);

	buf_printf(b, "{\"key\":\"%s\",\"operator\":\"%s\"", ANY(keys), operators[op]);
	if (op < 2)
		buf_printf(b, ",\"values\":[\"%s\",\"%s\"]", ANY(values), ANY(values));
	buf_str(b, "}");
}

static void add_selector(struct buf *b)
{
	if (one_in(3)) {
		buf_str(b, "{}");
	} else if (one_in(2)) {
		buf_printf(b, "{\"matchLabels\":{\"%s\":\"%s\"}}", ANY(keys), ANY(values));
	} else {
		buf_str(b, "{\"matchExpressions\":[");
		add_expression(b);
		if (one_in(2)) {
			buf_str(b, ",");
			add_expression(b);
		}
		buf_str(b, "]}");
	}
}

static void add_space_selector(struct buf *b)
{
	if (one_in(3))
		buf_printf(b, "{\"matchLabels\":{\"kubernetes.io/metadata.name\":\"%s\"}}",
		           ANY(spaces));
	else
		add_selector(b);
}

static void add_block(struct buf *b)
{
	static const char *const blocks[] = {
		"\"0.0.0.0/0\",\"except\":[\"10.244.0.0/29\",\"10.0.0.0/30\",\"10.244.0.4/30\"]",
		"\"::/0\",\"except\":[\"fd00::8/125\",\"2001:db8::/32\"]",
		"\"10.244.0.0/24\",\"except\":[\"10.244.0.2/31\",\"10.244.0.0/30\"]",
		"\"10.244.0.0/28\"",
		"\"10.244.0.5/32\"",
		"\"fd00::/64\",\"except\":[\"fd00::2/127\",\"fd00::7/128\"]",
		"\"fd00::4/126\"",
		"\"192.0.2.0/24\"",
		"\"10.96.0.0/16\"",
		"\"::/0\"",
	};

	buf_printf(b, "{\"ipBlock\":{\"cidr\":%s}}", ANY(blocks));
}

static void add_peer(struct buf *b)
{
	bool both = one_in(3);

	if (one_in(3)) {
		add_block(b);
		return;
	}
	buf_str(b, "{");
	if (both || one_in(2)) {
		buf_str(b, "\"namespaceSelector\":");
		add_space_selector(b);
		buf_str(b, both ? ",\"podSelector\":" : "");
		if (both)
			add_selector(b);
	} else {
		buf_str(b, "\"podSelector\":");
		add_selector(b);
	}
	buf_str(b, "}");
}

static void add_port(struct buf *b)
{
	buf_printf(b, "{\"protocol\":\"%s\"", ANY(protos));
	if (one_in(3)) {
		buf_printf(b, ",\"port\":\"%s\"", ANY(names));
	} else if (!one_in(4)) {
		unsigned port = ANY(ports);

		buf_printf(b, ",\"port\":%u", port);
		if (one_in(3))
			buf_printf(b, ",\"endPort\":%u", port + roll(100));
	}
	buf_str(b, "}");
}

static void add_list(struct buf *b, const char *name, unsigned most, void (*item)(struct buf *b))
{
	unsigned n = roll(most + 1);

	buf_printf(b, "\"%s\":[", name);
	for (unsigned i = 0; i < n; i++) {
		if (i)
			buf_str(b, ",");
		item(b);
	}
	buf_str(b, "]");
}

static void add_rule(struct buf *b, const char *peers)
{
	buf_str(b, "{");
	add_list(b, peers, 3, add_peer);
	buf_str(b, ",");
	add_list(b, "ports", 2, add_port);
	buf_str(b, "}");
}

static void add_ingress_rule(struct buf *b)
{
	add_rule(b, "from");
}

static void add_egress_rule(struct buf *b)
{
	add_rule(b, "to");
}

static void put_policy(unsigned i)
{
	static const char *const types[] = { "", ",\"policyTypes\":[\"Ingress\"]",
		                             ",\"policyTypes\":[\"Egress\"]",
		                             ",\"policyTypes\":[\"Ingress\",\"Egress\"]" };
	auto_buf struct buf b = { 0 };
	char name[8];

	buf_str(&b, "{\"spec\":{\"podSelector\":");
	add_selector(&b);
	buf_printf(&b, "%s,", ANY(types));
	add_list(&b, "ingress", 3, add_ingress_rule);
	buf_str(&b, ",");
	add_list(&b, "egress", 2, add_egress_rule);
	buf_str(&b, "}}");
	buf_add(&b, "", 1);
	snprintf(name, sizeof(name), "p%u", i);
	for (size_t k = 0; k < ARRAY_LEN(spaces); k++)
		if (store_get(KIND_NETWORKPOLICY, spaces[k], name))
			drop(KIND_NETWORKPOLICY, spaces[k], name);
	if (!one_in(5))
		put(KIND_NETWORKPOLICY, ANY(spaces), name, "%s", b.data);
}

/* ---- of the cluster ------------------------------------------------------------------------- */

static void add_pods(struct buf *b)
{
	if (one_in(2)) {
		buf_str(b, "\"namespaces\":");
		add_space_selector(b);
		return;
	}
	buf_str(b, "\"pods\":{\"podSelector\":");
	add_selector(b);
	if (!one_in(3)) {
		buf_str(b, ",\"namespaceSelector\":");
		add_space_selector(b);
	}
	buf_str(b, "}");
}

static void add_sender(struct buf *b)
{
	buf_str(b, "{");
	add_pods(b);
	buf_str(b, "}");
}

static void add_receiver(struct buf *b)
{
	static const char *const networks[] = { "10.244.0.4/30\",\"fd00::4/126", "0.0.0.0/0",
		                                "::/0", "192.0.2.0/24\",\"2001:db8::/32",
		                                "10.96.0.10/32" };

	buf_str(b, "{");
	if (one_in(3)) {
		buf_printf(b, "\"networks\":[\"%s\"]", ANY(networks));
	} else if (one_in(4)) {
		buf_str(b, "\"nodes\":");
		add_selector(b);
	} else if (one_in(12)) {
		buf_str(b, "\"domainNames\":[\"a.b\"]");
	} else {
		add_pods(b);
	}
	buf_str(b, "}");
}

static void add_protocol(struct buf *b)
{
	static const char *const transports[] = { "tcp", "udp", "sctp" };
	unsigned port = ANY(ports);

	if (one_in(4))
		buf_printf(b, "{\"destinationNamedPort\":\"%s\"}", ANY(names));
	else if (one_in(2))
		buf_printf(b, "{\"%s\":{\"destinationPort\":{\"number\":%u}}}", ANY(transports),
		           port);
	else
		buf_printf(b,
		           "{\"%s\":{\"destinationPort\":{\"range\":{\"start\":%u,\"end\":%u}}}}",
		           ANY(transports), port, port + 1 + roll(100));
}

static void add_cluster_rule(struct buf *b, const char *peers, void (*peer)(struct buf *b))
{
	static const char *const actions[] = { "Accept", "Deny", "Pass" };

	buf_printf(b, "{\"action\":\"%s\",", ANY(actions));
	add_list(b, peers, 3, peer);
	buf_str(b, ",");
	add_list(b, "protocols", 2, add_protocol);
	buf_str(b, "}");
}

static void add_cluster_ingress(struct buf *b)
{
	add_cluster_rule(b, "from", add_sender);
}

static void add_cluster_egress(struct buf *b)
{
	add_cluster_rule(b, "to", add_receiver);
}

static void put_cluster(unsigned i)
{
	auto_buf struct buf b = { 0 };
	char name[8];

	buf_printf(&b, "{\"spec\":{\"tier\":\"%s\",\"priority\":%u,\"subject\":{",
	           one_in(2) ? "Admin" : "Baseline", roll(3));
	add_pods(&b);
	buf_str(&b, "},");
	add_list(&b, "ingress", 4, add_cluster_ingress);
	buf_str(&b, ",");
	add_list(&b, "egress", 4, add_cluster_egress);
	buf_str(&b, "}}");
	buf_add(&b, "", 1);
	snprintf(name, sizeof(name), "c%u", i);
	if (!one_in(4))
		put(KIND_CLUSTERNETWORKPOLICY, "", name, "%s", b.data);
	else if (store_get(KIND_CLUSTERNETWORKPOLICY, "", name))
		drop(KIND_CLUSTERNETWORKPOLICY, "", name);
}

/* A node's address is outside's, or, sometimes, that of a place for pods. */
static void put_node(void)
{
	auto_buf struct buf b = { 0 };

	add_labels(&b);
	buf_add(&b, "", 1);
	put(KIND_NODE, "", "n",
	    "{\"metadata\":{\"labels\":%s},\"status\":{\"addresses\":[{\"address\":\"%s\"},{"
	    "\"address\":\"2001:db8::1\"},{\"address\":\"n\"}]}}",
	    b.data, one_in(3) ? "10.244.0.3" : "192.0.2.1");
}

static void put_space(void)
{
	const char *name = ANY(spaces);
	auto_buf struct buf b = { 0 };

	if (one_in(4)) {
		if (store_get(KIND_NAMESPACE, "", name))
			drop(KIND_NAMESPACE, "", name);
		return;
	}
	add_labels(&b);
	b.len--;
	buf_printf(&b, "%s\"kubernetes.io/metadata.name\":\"%s\"}", b.len > 1 ? "," : "", name);
	buf_add(&b, "", 1);
	put(KIND_NAMESPACE, "", name, "{\"metadata\":{\"labels\":%s}}", b.data);
}

/* ---- pods ----------------------------------------------------------------------------------- */

static struct slot {
	const char *ns; /* NULL: nobody */
	bool here, pod, host, finished, unlabelled;
	yyjson_doc *doc;
} slots[SLOTS];

static void slot_name(char out[static 8], unsigned i)
{
	snprintf(out, 8, "s%u", i);
}

static void clear(unsigned i)
{
	char name[8];

	slot_name(name, i);
	if (slots[i].pod)
		drop(KIND_POD, slots[i].ns, name);
	if (slots[i].here)
		drop(KIND_PODNETWORK, slots[i].ns, name);
	yyjson_doc_free(slots[i].doc);
	slots[i] = (struct slot){ 0 };
}

static void add_ips(struct buf *b, unsigned i, const char *before, const char *behind)
{
	buf_printf(b, "[%s\"10.244.0.%u\"%s,%s\"fd00::%x\"%s]", before, i, behind, before, i,
	           behind);
}

static void add_container_ports(struct buf *b)
{
	buf_str(b, "\"containers\":[{\"ports\":[");
	for (unsigned i = 0; i < 2; i++)
		buf_printf(b, "%s{\"name\":\"%s\",\"containerPort\":%u,\"protocol\":\"%s\"}",
		           i ? "," : "", ANY(names), ANY(ports), ANY(protos));
	buf_str(b, "]}]");
}

static void put_pod(struct slot *s, unsigned i, const char *name)
{
	auto_buf struct buf b = { 0 };

	buf_str(&b, "{\"metadata\":{\"labels\":");
	if (s->unlabelled)
		buf_str(&b, "{},\"annotations\":{\"knetd.io/created-by\":\"cni\"}");
	else
		add_labels(&b);
	buf_printf(&b, "},\"spec\":{\"hostNetwork\":%s,", s->host ? "true" : "false");
	add_container_ports(&b);
	buf_printf(&b, "},\"status\":{\"phase\":\"%s\",\"podIPs\":",
	           s->finished ? "Failed" : "Running");
	add_ips(&b, i, "{\"ip\":", "}");
	buf_str(&b, "}}");
	buf_add(&b, "", 1);
	put(KIND_POD, s->ns, name, "%s", b.data);
	s->doc = object_doc(store_get(KIND_POD, s->ns, name));
}

static void put_attachment(const struct slot *s, unsigned i, const char *name)
{
	auto_buf struct buf b = { 0 };

	buf_printf(&b, "{\"spec\":{\"podRef\":{\"name\":\"%s\"}},\"status\":{\"ips\":", name);
	add_ips(&b, i, "", "");
	buf_str(&b, "}}");
	buf_add(&b, "", 1);
	put(KIND_PODNETWORK, s->ns, name, "%s", b.data);
}

static void put_slot(unsigned i)
{
	struct slot *s = &slots[i];
	char name[8];

	clear(i);
	if (one_in(6))
		return;
	slot_name(name, i);
	*s = (struct slot){ .ns = ANY(spaces), .here = !one_in(5), .pod = true };
	s->host = !s->here && one_in(3);
	s->finished = one_in(8);
	s->unlabelled = one_in(6);
	if (s->here && one_in(10)) {
		s->pod = s->finished = false;
		s->unlabelled = true;
	}
	if (s->pod)
		put_pod(s, i, name);
	if (s->here)
		put_attachment(s, i, name);
}

/* ---- the evaluator -------------------------------------------------------------------------- */

static struct judge {
	unsigned n;
	struct {
		const char *ns;
		yyjson_doc *doc;
	} policies[POLICIES];
	unsigned n_clusters;
	yyjson_doc *clusters[CLUSTERS]; /* in their order */
	yyjson_doc *spaces[ARRAY_LEN(spaces)], *dns, *node;
} judge;

static int by_order(const void *a, const void *b)
{
	return cluster_policy_order(yyjson_doc_get_root(*(yyjson_doc *const *)a),
	                            yyjson_doc_get_root(*(yyjson_doc *const *)b));
}

static void judge_open(void)
{
	static const char dns[] =
		"{\"metadata\":{\"labels\":{\"k8s-app\":\"kube-dns\"}},\"spec\":{\"containers\":[{"
		"\"ports\":[{\"name\":\"dns\",\"containerPort\":53,\"protocol\":\"UDP\"},{\"name\":"
		"\"dns-tcp\",\"containerPort\":53}]}]}}";
	const struct object *o;
	char text[80];

	judge = (struct judge){ .dns = yyjson_read(dns, strlen(dns), 0) };
	for (size_t i = 0; (o = store_next_object(KIND_NETWORKPOLICY, &i));) {
		judge.policies[judge.n].ns = o->ns;
		judge.policies[judge.n++].doc = object_doc(o);
	}
	for (size_t i = 0; (o = store_next_object(KIND_CLUSTERNETWORKPOLICY, &i));)
		judge.clusters[judge.n_clusters++] = object_doc(o);
	qsort(judge.clusters, judge.n_clusters, sizeof(judge.clusters[0]), by_order);
	o = store_get(KIND_NODE, "", "n");
	judge.node = o ? object_doc(o) : NULL;
	for (size_t i = 0; i < ARRAY_LEN(spaces); i++) {
		o = store_get(KIND_NAMESPACE, "", spaces[i]);
		snprintf(text, sizeof(text),
		         "{\"metadata\":{\"labels\":{\"kubernetes.io/metadata.name\":\"%s\"}}}",
		         spaces[i]);
		judge.spaces[i] = o ? object_doc(o) : yyjson_read(text, strlen(text), 0);
	}
}

static void judge_close(void)
{
	for (unsigned i = 0; i < judge.n; i++)
		yyjson_doc_free(judge.policies[i].doc);
	for (unsigned i = 0; i < judge.n_clusters; i++)
		yyjson_doc_free(judge.clusters[i]);
	yyjson_doc_free(judge.node);
	for (size_t i = 0; i < ARRAY_LEN(spaces); i++)
		yyjson_doc_free(judge.spaces[i]);
	yyjson_doc_free(judge.dns);
}

static yyjson_val *labels_of_space(const char *ns)
{
	for (size_t i = 0; i < ARRAY_LEN(spaces); i++)
		if (!strcmp(spaces[i], ns))
			return json_at(yyjson_doc_get_root(judge.spaces[i]), "metadata.labels");
	return NULL;
}

enum { OUTSIDE = SLOTS, DNS, PLACES };

static struct ip ip_of(unsigned place, bool six)
{
	char text[IP_TEXT];
	struct ip ip = { 0 };

	if (place == OUTSIDE)
		snprintf(text, sizeof(text), six ? "2001:db8::1" : "192.0.2.1");
	else if (place == DNS)
		snprintf(text, sizeof(text), six ? "fd00:10:96::a" : "10.96.0.10");
	else
		snprintf(text, sizeof(text), six ? "fd00::%x" : "10.244.0.%u", place);
	assert_true(ip_parse(&ip, text));
	return ip;
}

static yyjson_val *labels_of_node(const struct ip *ip)
{
	yyjson_val *root = yyjson_doc_get_root(judge.node), *v;
	struct ip has;
	size_t i, n;

	yyjson_arr_foreach (json_at(root, "status.addresses"), i, n, v)
		if (ip_parse(&has, json_str(v, "address")) && ip_equal(&has, ip))
			return json_at(root, "metadata.labels");
	return NULL;
}

/* As the one that is judged, or as its peer: finished pods and those of the host are none. */
static struct netpol_end end_of(unsigned place, bool six, bool peer)
{
	struct netpol_end end = { .ip = ip_of(place, six) };

	if (place == DNS) {
		end.ns = "kube-system";
		end.pod = yyjson_doc_get_root(judge.dns);
	} else if (place != OUTSIDE && slots[place].ns && !slots[place].host &&
	           !(peer && slots[place].finished)) {
		end.ns = slots[place].ns;
		end.pod = yyjson_doc_get_root(slots[place].doc);
		end.unlabelled = slots[place].unlabelled;
	}
	end.ns_labels = end.ns ? labels_of_space(end.ns) : NULL;
	end.node_labels = labels_of_node(&end.ip);
	return end;
}

/* What the NetworkPolicies say: CLUSTER_NONE of a pod that none isolates. */
static enum cluster_verdict of_namespace(enum netpol_direction d, const struct netpol_connection *c,
                                         const struct netpol_end *own)
{
	enum cluster_verdict verdict = CLUSTER_NONE;

	for (unsigned i = 0; own->ns && i < judge.n; i++) {
		const char *ns = judge.policies[i].ns;
		yyjson_val *policy = yyjson_doc_get_root(judge.policies[i].doc);

		if (netpol_selects(policy, ns, d, own)) {
			if (netpol_allows(policy, ns, d, c))
				return CLUSTER_ACCEPT;
			verdict = CLUSTER_DENY;
		}
		if (own->unlabelled && !strcmp(ns, own->ns) && netpol_isolates(policy, d))
			verdict = CLUSTER_DENY;
	}
	return verdict;
}

static enum cluster_verdict of_tier(bool admin, enum netpol_direction d,
                                    const struct netpol_connection *c, const struct netpol_end *own)
{
	enum cluster_verdict verdict = CLUSTER_NONE;
	unsigned rule;

	for (unsigned i = 0; verdict == CLUSTER_NONE && i < judge.n_clusters; i++) {
		yyjson_val *policy = yyjson_doc_get_root(judge.clusters[i]);

		if (cluster_policy_admin(policy) == admin && cluster_policy_selects(policy, own))
			verdict = cluster_policy_judge(policy, d, c, &rule);
	}
	return verdict == CLUSTER_PASS ? CLUSTER_NONE : verdict;
}

static bool allowed(enum netpol_direction d, const struct netpol_connection *c)
{
	const struct netpol_end *own = d == NETPOL_INGRESS ? &c->to : &c->from;
	enum cluster_verdict verdict = of_tier(true, d, c, own);

	if (verdict == CLUSTER_NONE)
		verdict = of_namespace(d, c, own);
	if (verdict == CLUSTER_NONE)
		verdict = of_tier(false, d, c, own);
	return verdict != CLUSTER_DENY;
}

static bool truth(unsigned from, unsigned to, bool six, uint8_t proto, uint16_t port)
{
	struct netpol_connection c = { .proto = proto, .port = port };

	if (from == to)
		return true;
	if (from < SLOTS && slots[from].here) {
		c.from = end_of(from, six, false);
		c.to = end_of(to, six, true);
		if (!allowed(NETPOL_EGRESS, &c))
			return false;
	}
	if (to < SLOTS && slots[to].here) {
		c.from = end_of(from, six, true);
		c.to = end_of(to, six, false);
		return allowed(NETPOL_INGRESS, &c);
	}
	return true;
}

/* ---- the comparison ------------------------------------------------------------------------- */

static void dump(void)
{
	const struct object *o;

	for (size_t i = 0; (o = store_next_object(KIND_NETWORKPOLICY, &i));)
		print_message("%s %s\n", o->key, o->json);
	for (size_t i = 0; (o = store_next_object(KIND_CLUSTERNETWORKPOLICY, &i));)
		print_message("%s %s\n", o->key, o->json);
	for (size_t i = 0; (o = store_next_object(KIND_NODE, &i));)
		print_message("%s %s\n", o->key, o->json);
	for (size_t i = 0; (o = store_next_object(KIND_NAMESPACE, &i));)
		print_message("%s %s\n", o->key, o->json);
	for (size_t i = 0; (o = store_next_object(KIND_POD, &i));)
		print_message("%s %s\n", o->key, o->json);
	for (size_t i = 0; (o = store_next_object(KIND_PODNETWORK, &i));)
		print_message("%s %s\n", o->key, o->json);
}

static unsigned asked, passed;

static void compare(unsigned from, unsigned to, bool six, uint8_t proto, uint16_t port)
{
	struct ip a = ip_of(from, six), b = ip_of(to, six);
	bool want = truth(from, to, six, proto, port);

	asked++;
	passed += want;
	if (policy_plan_allows(&a, &b, proto, port, NULL) == want)
		return;
	dump();
	fail_msg("s%u to s%u IPv%d protocol %u port %u: should %s", from, to, six ? 6 : 4, proto,
	         port, want ? "pass" : "be denied");
}

static void compare_all(void)
{
	static const uint8_t numbers[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };

	judge_open();
	for (unsigned from = 0; from < PLACES; from++)
		for (unsigned to = 0; to < PLACES; to++)
			for (int six = 0; six < 2; six++) {
				for (size_t p = 0; p < ARRAY_LEN(numbers); p++)
					for (size_t i = 0; i < ARRAY_LEN(ports); i++)
						compare(from, to, six, numbers[p],
						        ports[i] + one_in(9));
				compare(from, to, six, IPPROTO_ICMP, 0);
			}
	judge_close();
}

/* Who shares numbers with whom, and what classes say of addresses: all but the numbers. */
static void shape(struct buf *out)
{
	const struct policy_pod *pods[SLOTS] = { 0 };
	const struct policy_class *c;
	unsigned classes = 0;

	buf_reset(out);
	for (unsigned i = 0; i < SLOTS; i++) {
		struct ip ip = ip_of(i, false);
		unsigned k = 0;

		pods[i] = policy_plan_pod_at(&ip);
		if (!pods[i])
			continue;
		while (!pods[k] || pods[k]->peer != pods[i]->peer)
			k++;
		buf_printf(out, "s%u peer as s%u", i, pods[i]->peer ? k : 99);
		for (enum policy_way way = POLICY_IN; way <= POLICY_OUT; way++) {
			c = policy_plan_class(way, way == POLICY_IN ? pods[i]->in : pods[i]->out);
			for (k = 0; !pods[k] || (way == POLICY_IN ? pods[k]->in != pods[i]->in
			                                          : pods[k]->out != pods[i]->out);)
				k++;
			buf_printf(out, " as s%u", c ? k : 99);
			for (unsigned n = 0; c && n < c->n_stages; n++)
				buf_printf(out, " %u %u", c->stages[n].n_nets4,
				           c->stages[n].n_nets6);
			for (unsigned n = 0; c && n < c->n_policies; n++)
				buf_printf(out, " %s", c->policies[n]->name);
		}
		buf_str(out, "\n");
	}
	for (size_t i = 0; policy_plan_next_class(&i);)
		classes++;
	buf_printf(out, "%u classes\n", classes);
	buf_add(out, "", 1);
}

static void change(void)
{
	switch (roll(6)) {
	case 0:
		if (one_in(4))
			put_node();
		else
			put_space();
		break;
	case 1:
		put_slot(roll(SLOTS));
		break;
	case 2:
		put_cluster(roll(CLUSTERS));
		break;
	default:
		put_policy(roll(POLICIES));
	}
}

static void try_seed(unsigned number)
{
	auto_buf struct buf kept = { 0 }, fresh = { 0 };

	seed = number * 7919u + 1;
	drop_all();
	memset(slots, 0, sizeof(slots));
	for (unsigned i = 0; i < SLOTS; i++)
		put_slot(i);
	for (size_t i = 0; i < ARRAY_LEN(spaces); i++)
		put_space();
	for (unsigned i = 0; i < POLICIES / 2; i++)
		put_policy(i);
	for (unsigned i = 0; number % 2 && i < CLUSTERS; i++)
		put_cluster(i);
	for (unsigned step = 0; step < STEPS; step++) {
		update(one_in(8));
		check_classes();
		compare_all();
		for (unsigned n = 1 + roll(3); n; n--)
			change();
	}
	update(false);
	shape(&kept);
	policy_plan_forget();
	update(true);
	shape(&fresh);
	if (policy_plan_any())
		assert_string_equal(kept.data, fresh.data);
	for (unsigned i = 0; i < SLOTS; i++)
		clear(i);
}

static void test_random(void **state)
{
	const char *more = getenv("KNETD_SEEDS");
	unsigned seeds = more ? (unsigned)atoi(more) : SEEDS;

	(void)state;
	for (unsigned i = 0; i < seeds; i++)
		try_seed(i);
	print_message("%u asked, %u pass\n", asked, passed);
	assert_true(passed > asked / 10 && passed < asked - asked / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, stage_open, stage_close);
}
