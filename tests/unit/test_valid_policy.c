/* test_valid_policy.c - the rules of ClusterNetworkPolicy. */
#include "valid_table.h"

// clang-format off
#define SPEC(more) "{" META ",'spec':{'tier':'Admin','priority':5,'subject':{'namespaces':{}}" more "}}"
#define TO(peer) SPEC(",'egress':[{'action':'Deny','to':[" peer "]}]")
#define PORTS(list) SPEC(",'ingress':[{'action':'Pass','from':[{'namespaces':{}}],'protocols':[" list "]}]")
#define PEER "spec.egress[0].to[0]"
#define PROTO "spec.ingress[0].protocols[0]"
#define FEW(at) at ": Invalid value: 0: " at " in body should have at least 1 properties"
#define BAD_NET "Invalid value: 'string': Invalid CIDR format provided"

static const struct row rows[] = {
	{ NULL, SPEC(""), "" },
	{ NULL, "{" META "}", "spec: Required value" },
	{ NULL, "{" META ",'spec':{}}", "spec.tier: Required value; spec.priority: Required value; spec.subject: Required value" },
	{ NULL, "{" META ",'spec':{'tier':'admin','priority':1001,'subject':{'namespaces':{}}}}", "spec.tier: Unsupported value: 'admin': supported values: 'Admin', 'Baseline'; spec.priority: Invalid value: 1001: spec.priority in body should be less than or equal to 1000" },
	{ NULL, "{" META ",'spec':{'tier':'Baseline','priority':-1,'subject':{'namespaces':{}}}}", "spec.priority: Invalid value: -1: spec.priority in body should be greater than or equal to 0" },
	{ NULL, "{" META ",'spec':{'tier':'Baseline','priority':0,'subject':{}}}", FEW("spec.subject") },
	{ NULL, "{" META ",'spec':{'tier':'Baseline','priority':0,'subject':{'namespaces':{},'pods':{'podSelector':{}}}}}", "spec.subject: Too many: 2: must have at most 1 items" },
	{ NULL, "{" META ",'spec':{'tier':'Baseline','priority':0,'subject':{'pods':{}}}}", "spec.subject.pods.podSelector: Required value" },
	{ NULL, "{" META ",'spec':{'tier':'Baseline','priority':0,'subject':{'pods':{'podSelector':{'matchExpressions':[{'key':'a','operator':'Like'}]}}}}}", "spec.subject.pods.podSelector.matchExpressions[0].operator: Invalid value: 'Like': not a valid selector operator" },
	{ NULL, SPEC(",'egress':[{}]"), "spec.egress[0].action: Required value; spec.egress[0].to: Required value" },
	{ NULL, SPEC(",'egress':[{'action':'Allow','to':[]}]"), "spec.egress[0].action: Unsupported value: 'Allow': supported values: 'Accept', 'Deny', 'Pass'; spec.egress[0].to: Invalid value: 0: spec.egress[0].to in body should have at least 1 items" },
	{ NULL, SPEC(",'ingress':[{'action':'Deny','from':[{'networks':['10.0.0.0/8']}]}]"), FEW("spec.ingress[0].from[0]") },
	{ NULL, SPEC(",'ingress':[{'action':'Deny','from':[{'namespaces':{}}],'protocols':[]}]"), "spec.ingress[0].protocols: Invalid value: 0: spec.ingress[0].protocols in body should have at least 1 items" },
	{ NULL, TO("{'networks':['10.0.0.0/8','fd00::/8','0.0.0.0/0','::/0','192.0.2.1/32']}"), "" },
	{ NULL, TO("{'networks':['10.0.0.1/8']}"), PEER ".networks[0]: " BAD_NET },
	{ NULL, TO("{'networks':['10.0.0.0','fd00::1/8']}"), PEER ".networks[0]: " BAD_NET "; " PEER ".networks[1]: " BAD_NET },
	{ NULL, TO("{'networks':['10.0.0.0/8','10.0.0.0/8']}"), PEER ".networks[1]: Duplicate value: '10.0.0.0/8'" },
	{ NULL, TO("{'networks':[]}"), PEER ".networks: Invalid value: 0: " PEER ".networks in body should have at least 1 items" },
	{ NULL, TO("{'networks':['10.0.0.0/8'],'nodes':{}}"), PEER ": Too many: 2: must have at most 1 items" },
	{ NULL, TO("{'nodes':{'matchLabels':{'a':'b'}}},{'pods':{'namespaceSelector':{},'podSelector':{}}},{'domainNames':['*.example.com','a.b.']}"), "" },
	{ NULL, TO("{'domainNames':['example']}"), PEER ".domainNames[0]: Invalid value: 'example': " PEER ".domainNames[0] in body should match '^(\\*\\.)?([a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\\.)+[a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\\.?$'" },
	{ NULL, PORTS("{'tcp':{'destinationPort':{'number':80}}},{'udp':{'destinationPort':{'range':{'start':1,'end':2}}}},{'destinationNamedPort':'web'}"), "" },
	{ NULL, PORTS("{}"), FEW(PROTO) },
	{ NULL, PORTS("{'icmp':{}}"), FEW(PROTO) },
	{ NULL, PORTS("{'tcp':{}}"), FEW(PROTO ".tcp") },
	{ NULL, PORTS("{'tcp':{'destinationPort':{}}}"), FEW(PROTO ".tcp.destinationPort") },
	{ NULL, PORTS("{'tcp':{'destinationPort':{'number':80}},'sctp':{'destinationPort':{'number':80}}}"), PROTO ": Too many: 2: must have at most 1 items" },
	{ NULL, PORTS("{'tcp':{'destinationPort':{'number':80,'range':{'start':1,'end':2}}}}"), PROTO ".tcp.destinationPort: Too many: 2: must have at most 1 items" },
	{ NULL, PORTS("{'sctp':{'destinationPort':{'number':0}}}"), PROTO ".sctp.destinationPort.number: Invalid value: 0: " PROTO ".sctp.destinationPort.number in body should be greater than or equal to 1" },
	{ NULL, PORTS("{'sctp':{'destinationPort':{'range':{'start':0,'end':65536}}}}"), PROTO ".sctp.destinationPort.range.start: Invalid value: 0: " PROTO ".sctp.destinationPort.range.start in body should be greater than or equal to 1; " PROTO ".sctp.destinationPort.range.end: Invalid value: 65536: " PROTO ".sctp.destinationPort.range.end in body should be less than or equal to 65535" },
	{ NULL, PORTS("{'udp':{'destinationPort':{'range':{'start':5}}}}"), PROTO ".udp.destinationPort.range.end: Required value" },
	{ NULL, PORTS("{'udp':{'destinationPort':{'range':{'start':5,'end':5}}}}"), PROTO ".udp.destinationPort.range: Invalid value: 'object': Start port must be less than End port" },
	{ NULL, SPEC(",'egress':[{'action':'Deny','to':[{'nodes':{}}],'protocols':[{'destinationNamedPort':'web'}]}]"), "spec.egress[0]: Invalid value: 'object': networks/nodes/domainNames peer cannot be set with namedPorts since there are no namedPorts for networks/nodes/domainNames" },
};
// clang-format on

static void test_cluster_policy(void **state)
{
	(void)state;
	RUN_ROWS(KIND_CLUSTERNETWORKPOLICY, rows);
}

/* 25 rules, 25 peers, a name of 100: one more is too much. */
static void test_limits(void **state)
{
	static const char *const peer = "{'namespaces':{}}";
	auto_buf struct buf b = { 0 };
	struct row row = { .said = "" };

	(void)state;
	for (unsigned n = 25; n <= 26; n++) {
		buf_reset(&b);
		buf_str(&b, "{" META ",'spec':{'tier':'Admin','priority':1000,'subject':{"
		            "'namespaces':{}},'ingress':[{'action':'Deny','from':[");
		for (unsigned i = 0; i < n; i++)
			buf_printf(&b, "%s%s", i ? "," : "", peer);
		buf_printf(&b, "],'name':'%0*d'}]}}", n == 25 ? 100 : 101, 0);
		buf_add(&b, "", 1);
		row.json = b.data;
		if (n == 26)
			row.said =
				"spec.ingress[0].name: Too long: may not be more than 100 bytes;"
				" spec.ingress[0].from: Too many: 26: must have at most 25 items";
		run_rows_as(KIND_CLUSTERNETWORKPOLICY, &row, 1, false);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cluster_policy),
		cmocka_unit_test(test_limits),
	};

	if (conf_load(NULL, NULL))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
