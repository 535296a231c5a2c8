/* test_valid_kinds.c - the rules of metadata and of the built-in kinds beside Service. */
#include "valid_table.h"

// clang-format off
#define LABEL_SAID "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character"
#define SUBDOMAIN_SAID "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
#define QNAME_SAID "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
#define VALUE_SAID "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
#define KEY_SAID "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
#define WILD_SAID "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character"
#define BAD_IP "must be a valid IP address,"
#define BAD_CIDR "must be a valid CIDR value,"
#define BAD_PORT "must be between 1 and 65535, inclusive"
#define PROTO "supported values: 'SCTP', 'TCP', 'UDP'"
#define IMMUTABLE "field is immutable when `immutable` is set"
#define M(meta) "{'metadata':{" meta "}}"
#define N(more) M("'name':'x'," more)
#define O(more) "{" META "," more "}"
#define OWNER(more) "'ownerReferences':[{'apiVersion':'v1','kind':'Pod','name':'a','uid':'u'" more "}]"

static const struct row metadata[] = { /* of a ConfigMap */
	{ NULL, M("'name':'a.b-c'"), "" },
	{ NULL, M("'name':'A'"), "metadata.name: Invalid value: 'A': " SUBDOMAIN_SAID },
	{ NULL, M("'name':'-a'"), "metadata.name: Invalid value: '-a': " SUBDOMAIN_SAID },
	{ NULL, M("'name':'a..b'"), "metadata.name: Invalid value: 'a..b': " SUBDOMAIN_SAID },
	{ NULL, "{}", "metadata.name: Required value: name or generateName is required" },
	{ NULL, M("'name':'x','generateName':'web-'"), "" },
	{ NULL, M("'name':'x','generateName':'Web-'"), "metadata.generateName: Invalid value: 'Wea': " SUBDOMAIN_SAID },
	{ NULL, N("'labels':{'a':'b','example.com/c':''}"), "" },
	{ NULL, N("'labels':{'a b':'c'}"), "metadata.labels: Invalid value: 'a b': " QNAME_SAID },
	{ NULL, N("'labels':{'/a':'c'}"), "metadata.labels: Invalid value: '/a': prefix part must be non-empty" },
	{ NULL, N("'labels':{'A/b':'c'}"), "metadata.labels: Invalid value: 'A/b': prefix part " SUBDOMAIN_SAID },
	{ NULL, N("'labels':{'a/':'c'}"), "metadata.labels: Invalid value: 'a/': name part must be non-empty; metadata.labels: Invalid value: 'a/': " QNAME_SAID },
	{ NULL, N("'labels':{'a123456789a123456789a123456789a123456789a123456789a123456789abcd':''}"), "metadata.labels: Invalid value: 'a123456789a123456789a123456789a123456789a123456789a123456789abcd': name part must be no more than 63 characters" },
	{ NULL, N("'labels':{'a':'-b'}"), "metadata.labels: Invalid value: '-b': " VALUE_SAID },
	{ NULL, N("'labels':{'a':'a123456789a123456789a123456789a123456789a123456789a123456789abcd'}"), "metadata.labels: Invalid value: 'a123456789a123456789a123456789a123456789a123456789a123456789abcd': must be no more than 63 characters" },
	{ NULL, N("'annotations':{'example.com/a':'any thing','Example.com/b':''}"), "" },
	{ NULL, N("'annotations':{'a b':''}"), "metadata.annotations: Invalid value: 'a b': " QNAME_SAID },
	{ NULL, N("'finalizers':['example.com/a','orphan']"), "" },
	{ NULL, N("'finalizers':['a b']"), "metadata.finalizers: Invalid value: 'a b': " QNAME_SAID },
	{ NULL, N("'finalizers':['orphan','foregroundDeletion']"), "metadata.finalizers: Invalid value: ['orphan','foregroundDeletion']: finalizer orphan and foregroundDeletion cannot be both set" },
	{ NULL, N(OWNER(",'controller':true,'blockOwnerDeletion':true")), "" },
	{ NULL, N("'ownerReferences':[{}]"), "metadata.ownerReferences.apiVersion: Invalid value: '': version must not be empty; metadata.ownerReferences.kind: Invalid value: '': kind must not be empty; metadata.ownerReferences.name: Invalid value: '': name must not be empty; metadata.ownerReferences.uid: Invalid value: '': uid must not be empty" },
	{ NULL, N("'ownerReferences':[{'apiVersion':'v1','kind':'Event','name':'a','uid':'u'}]"), "metadata.ownerReferences: Invalid value: {'apiVersion':'v1','kind':'Event','name':'a','uid':'u'}: /v1, Kind=Event is disallowed from being an owner" },
	{ NULL, N("'ownerReferences':[{'apiVersion':'v1','kind':'A','name':'a','uid':'1','controller':true},{'apiVersion':'v1','kind':'B','name':'b','uid':'2','controller':true}]"), "metadata.ownerReferences: Invalid value: [{'apiVersion':'v1','kind':'A','name':'a','uid':'1','controller':true},{'apiVersion':'v1','kind':'B','name':'b','uid':'2: Only one reference can have Controller set to true. Found 'true' in references for A/a and B/b" },
};

static const struct row namespaces[] = {
	{ NULL, M("'name':'a'"), "" },
	{ NULL, M("'name':'a.b'"), "metadata.name: Invalid value: 'a.b': must not contain dots" },
	{ NULL, M("'name':'Ab'"), "metadata.name: Invalid value: 'Ab': " LABEL_SAID },
	{ NULL, O("'spec':{'finalizers':['kubernetes','example.com/a']}"), "" },
	{ NULL, O("'spec':{'finalizers':['other']}"), "spec.finalizers: Invalid value: 'other': name is neither a standard finalizer name nor is it fully qualified" },
};

static const struct row config_maps[] = {
	{ NULL, O("'data':{'a.b-C_1':'text'},'binaryData':{'c':'AAEC'}"), "" },
	{ NULL, O("'data':{'a/b':''}"), "data[a/b]: Invalid value: 'a/b': " KEY_SAID },
	{ NULL, O("'data':{'..':''}"), "data[..]: Invalid value: '..': must not be '..'" },
	{ NULL, O("'data':{'.':''}"), "data[.]: Invalid value: '.': must not be '.'" },
	{ NULL, O("'data':{'..a':''}"), "data[..a]: Invalid value: '..a': must not start with '..'" },
	{ NULL, O("'data':{'':''}"), "data[]: Invalid value: '': " KEY_SAID },
	{ NULL, O("'data':{'a':''},'binaryData':{'a':''}"), "data[a]: Invalid value: 'a': duplicate of key present in binaryData" },
	{ NULL, O("'binaryData':{'a b':''}"), "binaryData[a b]: Invalid value: 'a b': " KEY_SAID },
	{ O("'data':{'a':'1'},'immutable':true"), O("'data':{'a':'1'},'immutable':true"), "" },
	{ O("'data':{'a':'1'},'immutable':true"), O("'data':{'a':'2'},'immutable':true"), "data: Forbidden: " IMMUTABLE },
	{ O("'data':{'a':'1'},'immutable':true"), O("'data':{'a':'1'}"), "immutable: Forbidden: " IMMUTABLE },
	{ O("'immutable':true"), O("'binaryData':{'a':''},'immutable':true"), "binaryData: Forbidden: " IMMUTABLE },
	{ O("'data':{'a':'1'}"), O("'data':{'a':'2'},'immutable':true"), "" },
};

static const struct row secrets[] = {
	{ NULL, O("'data':{'a':'aGVsbG8='}"), "" },
	{ NULL, O("'data':{'a/b':''}"), "data[a/b]: Invalid value: 'a/b': " KEY_SAID },
	{ NULL, O("'stringData':{'tls.crt':'c','tls.key':'k'},'type':'kubernetes.io/tls'"), "" },
	{ NULL, O("'data':{'tls.crt':''},'type':'kubernetes.io/tls'"), "data[tls.key]: Required value" },
	{ NULL, O("'type':'kubernetes.io/tls'"), "data[tls.crt]: Required value; data[tls.key]: Required value" },
	{ NULL, O("'type':'kubernetes.io/basic-auth'"), "data[username]: Required value; data[password]: Required value" },
	{ NULL, O("'data':{'username':''},'type':'kubernetes.io/basic-auth'"), "" },
	{ NULL, O("'type':'kubernetes.io/ssh-auth'"), "data[ssh-privatekey]: Required value" },
	{ NULL, O("'type':'kubernetes.io/dockercfg'"), "data[.dockercfg]: Required value" },
	{ NULL, O("'type':'kubernetes.io/dockerconfigjson'"), "data[.dockerconfigjson]: Required value" },
	{ NULL, O("'data':{'.dockerconfigjson':'e30='},'type':'kubernetes.io/dockerconfigjson'"), "" },
	{ NULL, O("'data':{'.dockerconfigjson':'Ww=='},'type':'kubernetes.io/dockerconfigjson'"), "data[.dockerconfigjson]: Invalid value: '<secret contents redacted>': is not a JSON object" },
	{ NULL, O("'type':'kubernetes.io/service-account-token'"), "metadata.annotations[kubernetes.io/service-account.name]: Required value" },
	{ NULL, O("'type':'example.com/own'"), "" },
	{ O("'type':'a'"), O("'type':'b'"), "type: Invalid value: 'b': field is immutable" },
	{ O("'data':{'a':''},'immutable':true"), O("'data':{'a':'YQ=='}"), "immutable: Forbidden: " IMMUTABLE "; data: Forbidden: " IMMUTABLE },
};

#define ADDR(list) "'addressType':'IPv4','endpoints':[{'addresses':[" list "]}]"
#define EP(more) "'addressType':'IPv4','endpoints':[{'addresses':['10.0.0.1']," more "}]"
#define PORTS(list) "'addressType':'IPv4','endpoints':[],'ports':[" list "]"

static const struct row slices[] = {
	{ NULL, O(ADDR("'10.0.0.1'")), "" },
	{ NULL, O("'endpoints':[]"), "addressType: Required value" },
	{ NULL, O("'addressType':'IP','endpoints':[]"), "addressType: Unsupported value: 'IP': supported values: 'FQDN', 'IPv4', 'IPv6'" },
	{ NULL, O(ADDR("")), "endpoints[0].addresses: Required value: must contain at least 1 address" },
	{ NULL, O(ADDR("'fd00::1'")), "endpoints[0].addresses[0]: Invalid value: 'fd00::1': must be a valid IPv4 address" },
	{ NULL, O(ADDR("'10.0.0.01'")), "endpoints[0].addresses[0]: Invalid value: '10.0.0.01': must be a valid IPv4 address" },
	{ NULL, O(ADDR("'127.0.0.1'")), "endpoints[0].addresses[0]: Invalid value: '127.0.0.1': may not be in the loopback range (127.0.0.0/8, ::1/128)" },
	{ NULL, O(ADDR("'169.254.0.1'")), "endpoints[0].addresses[0]: Invalid value: '169.254.0.1': may not be in the link-local range (169.254.0.0/16, fe80::/10)" },
	{ NULL, O(ADDR("'224.0.0.5'")), "endpoints[0].addresses[0]: Invalid value: '224.0.0.5': may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)" },
	{ NULL, O("'addressType':'IPv6','endpoints':[{'addresses':['fd00::1']}]"), "" },
	{ NULL, O("'addressType':'IPv6','endpoints':[{'addresses':['::1']}]"), "endpoints[0].addresses[0]: Invalid value: '::1': may not be in the loopback range (127.0.0.0/8, ::1/128)" },
	{ NULL, O("'addressType':'FQDN','endpoints':[{'addresses':['a.example.com']}]"), "" },
	{ NULL, O("'addressType':'FQDN','endpoints':[{'addresses':['a']}]"), "endpoints[0].addresses[0]: Invalid value: 'a': should be a domain with at least two segments separated by dots" },
	{ NULL, O(EP("'hostname':'a.b'")), "endpoints[0].hostname: Invalid value: 'a.b': must not contain dots" },
	{ NULL, O(EP("'hostname':'A'")), "endpoints[0].hostname: Invalid value: 'A': " LABEL_SAID },
	{ NULL, O(EP("'nodeName':'A'")), "endpoints[0].nodeName: Invalid value: 'A': " SUBDOMAIN_SAID },
	{ NULL, O(EP("'hints':{'forZones':[{'name':'a'},{'name':'a'}]}")), "endpoints[0].hints.forZones[1].name: Duplicate value: 'a'" },
	{ NULL, O(EP("'hints':{'forZones':[{'name':'a b'}]}")), "endpoints[0].hints.forZones[0].name: Invalid value: 'a b': " VALUE_SAID },
	{ NULL, O(EP("'hints':{'forZones':[{'name':'1'},{'name':'2'},{'name':'3'},{'name':'4'},{'name':'5'},{'name':'6'},{'name':'7'},{'name':'8'},{'name':'9'}]}")), "endpoints[0].hints.forZones: Too many: 9: must have at most 8 items" },
	{ NULL, O(EP("'hints':{'forZones':[{'name':'a'}],'forNodes':[{'name':'n1'},{'name':'n2.x'}]}")), "" },
	{ NULL, O(EP("'hints':{'forNodes':[{'name':'a'},{'name':'a'}]}")), "endpoints[0].hints.forNodes[1].name: Duplicate value: 'a'" },
	{ NULL, O(EP("'hints':{'forNodes':[{'name':'A'}]}")), "endpoints[0].hints.forNodes[0].name: Invalid value: 'A': " SUBDOMAIN_SAID },
	{ NULL, O(EP("'hints':{'forNodes':[{'name':'1'},{'name':'2'},{'name':'3'},{'name':'4'},{'name':'5'},{'name':'6'},{'name':'7'},{'name':'8'},{'name':'9'}]}")), "endpoints[0].hints.forNodes: Too many: 9: must have at most 8 items" },
	{ NULL, O(EP("'deprecatedTopology':{'a b':'c'}")), "endpoints[0].deprecatedTopology: Invalid value: 'a b': " QNAME_SAID },
	{ NULL, O(PORTS("{'port':80},{'name':'b','port':0}")), "ports[1].port: Invalid value: 0: " BAD_PORT },
	{ NULL, O(PORTS("{'port':80},{'port':81}")), "ports[1].name: Duplicate value: ''" },
	{ NULL, O(PORTS("{'name':'a.b','port':81}")), "ports[0].name: Invalid value: 'a.b': must not contain dots" },
	{ NULL, O(PORTS("{'protocol':'X','port':81}")), "ports[0].protocol: Unsupported value: 'X': " PROTO },
	{ NULL, O(PORTS("{'appProtocol':'a b','port':81}")), "ports[0].appProtocol: Invalid value: 'a b': " QNAME_SAID },
	{ O(ADDR("'10.0.0.1'")), O("'addressType':'IPv6','endpoints':[]"), "addressType: Invalid value: 'IPv6': field is immutable" },
	{ O(ADDR("'10.0.0.1'")), O(ADDR("'10.0.0.2'")), "" },
};

#define SUB(more) O("'subsets':[{" more "}]")

static const struct row endpoints[] = {
	{ NULL, SUB("'addresses':[{'ip':'10.0.0.1'}],'ports':[{'port':80}]"), "" },
	{ NULL, SUB("'notReadyAddresses':[{'ip':'10.0.0.1'}]"), "" },
	{ NULL, SUB(""), "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`" },
	{ NULL, SUB("'addresses':[{'ip':'x'}]"), "subsets[0].addresses[0].ip: Invalid value: 'x': " BAD_IP },
	{ NULL, SUB("'addresses':[{'ip':'127.0.0.1'}]"), "subsets[0].addresses[0].ip: Invalid value: '127.0.0.1': may not be in the loopback range (127.0.0.0/8, ::1/128)" },
	{ NULL, SUB("'notReadyAddresses':[{'ip':'169.254.169.254'}]"), "subsets[0].notReadyAddresses[0].ip: Invalid value: '169.254.169.254': may not be in the link-local range (169.254.0.0/16, fe80::/10)" },
	{ NULL, SUB("'addresses':[{'ip':'10.0.0.1','hostname':'A'}]"), "subsets[0].addresses[0].hostname: Invalid value: 'A': " LABEL_SAID },
	{ NULL, SUB("'addresses':[{'ip':'10.0.0.1','nodeName':'A'}]"), "subsets[0].addresses[0].nodeName: Invalid value: 'A': " SUBDOMAIN_SAID },
	{ NULL, SUB("'addresses':[{'ip':'10.0.0.1'}],'ports':[{'port':0}]"), "subsets[0].ports[0].port: Invalid value: 0: " BAD_PORT },
	{ NULL, SUB("'addresses':[{'ip':'10.0.0.1'}],'ports':[{'port':1,'name':'a'},{'port':2}]"), "subsets[0].ports[1].name: Required value" },
	{ NULL, SUB("'addresses':[{'ip':'10.0.0.1'}],'ports':[{'port':1,'protocol':'X'}]"), "subsets[0].ports[0].protocol: Unsupported value: 'X': " PROTO },
};

#define POD(spec) O("'spec':{" spec "}")
#define CT(more) POD("'containers':[{'name':'a','image':'i'" more "}]")
#define CP(port) CT(",'ports':[{" port "}]")
#define POD_FIXED "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"

static const struct row pods[] = {
	{ NULL, O("'spec':{}"), "" },
	{ NULL, "{" META "}", "" },
	{ NULL, CP("'containerPort':80,'name':'http'"), "" },
	{ NULL, POD("'containers':[{'image':'i'}]"), "spec.containers[0].name: Required value" },
	{ NULL, POD("'containers':[{'name':'A'}]"), "spec.containers[0].name: Invalid value: 'A': " LABEL_SAID },
	{ NULL, POD("'containers':[{'name':'a'},{'name':'a'}]"), "spec.containers[1].name: Duplicate value: 'a'" },
	{ NULL, CP(""), "spec.containers[0].ports[0].containerPort: Required value" },
	{ NULL, CP("'containerPort':65536"), "spec.containers[0].ports[0].containerPort: Invalid value: 65536: " BAD_PORT },
	{ NULL, CP("'containerPort':80,'hostPort':70000"), "spec.containers[0].ports[0].hostPort: Invalid value: 70000: " BAD_PORT },
	{ NULL, CP("'containerPort':80,'protocol':'X'"), "spec.containers[0].ports[0].protocol: Unsupported value: 'X': " PROTO },
	{ NULL, CP("'containerPort':80,'name':'much-too-long-name'"), "spec.containers[0].ports[0].name: Invalid value: 'much-too-long-name': must be no more than 15 characters" },
	{ NULL, CP("'containerPort':80,'hostIP':'x'"), "spec.containers[0].ports[0].hostIP: Invalid value: 'x': " BAD_IP },
	{ NULL, CT(",'ports':[{'name':'a','containerPort':1},{'name':'a','containerPort':2}]"), "spec.containers[0].ports[1].name: Duplicate value: 'a'" },
	{ NULL, CT(",'ports':[{'hostPort':1,'containerPort':1},{'hostPort':1,'containerPort':2}]"), "spec.containers[0].ports[1].hostPort: Duplicate value: 'TCP//1'" },
	{ NULL, POD("'hostNetwork':true,'containers':[{'name':'a','ports':[{'containerPort':80}]}]"), "" },
	{ NULL, POD("'hostNetwork':true,'containers':[{'name':'a','ports':[{'containerPort':80,'hostPort':81}]}]"), "spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true" },
	{ NULL, CT(",'imagePullPolicy':'Sometimes'"), "spec.containers[0].imagePullPolicy: Unsupported value: 'Sometimes': supported values: 'Always', 'IfNotPresent', 'Never'" },
	{ NULL, POD("'restartPolicy':'Maybe'"), "spec.restartPolicy: Unsupported value: 'Maybe': supported values: 'Always', 'OnFailure', 'Never'" },
	{ NULL, POD("'dnsPolicy':'Maybe'"), "spec.dnsPolicy: Unsupported value: 'Maybe': supported values: 'ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'" },
	{ NULL, POD("'dnsPolicy':'None'"), "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None" },
	{ NULL, POD("'dnsPolicy':'None','dnsConfig':{}"), "spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None" },
	{ NULL, POD("'dnsConfig':{'nameservers':['1.1.1.1','x']}"), "spec.dnsConfig.nameservers[1]: Invalid value: 'x': " BAD_IP },
	{ NULL, POD("'dnsConfig':{'searches':['a.b.','A']}"), "spec.dnsConfig.searches[1]: Invalid value: 'A': " SUBDOMAIN_SAID },
	{ NULL, POD("'hostname':'a.b'"), "spec.hostname: Invalid value: 'a.b': must not contain dots" },
	{ NULL, POD("'subdomain':'A'"), "spec.subdomain: Invalid value: 'A': " LABEL_SAID },
	{ NULL, POD("'nodeName':'A'"), "spec.nodeName: Invalid value: 'A': " SUBDOMAIN_SAID },
	{ NULL, O("'status':{'podIPs':[{'ip':'10.0.0.1'},{'ip':'fd00::1'}]}"), "" },
	{ NULL, O("'status':{'podIPs':[{'ip':'10.0.0.1'},{'ip':'10.0.0.2'}]}"), "status.podIPs: Invalid value: [{'ip':'10.0.0.1'},{'ip':'10.0.0.2'}]: may specify no more than one IP for each IP family" },
	{ NULL, O("'status':{'podIPs':[{'ip':'x'}]}"), "status.podIPs[0]: Invalid value: 'x': " BAD_IP },
	{ CT(""), CT(""), "" },
	{ CT(""), POD("'containers':[{'name':'a','image':'j'}]"), "" },
	{ CT(""), CP("'containerPort':80"), POD_FIXED },
	{ CT(""), POD("'containers':[{'name':'a','image':'i'},{'name':'b'}]"), "spec.containers: Forbidden: pod updates may not add or remove containers" },
	{ CT(""), POD("'containers':[{'name':'a','image':'i'}],'hostname':'h'"), POD_FIXED },
	{ CT(""), POD("'containers':[{'name':'a','image':'i'}],'nodeName':'n'"), "" },
	{ CT(""), POD("'containers':[{'name':'a','image':'i'}],'tolerations':[{'operator':'Exists'}]"), "" },
	{ O("'spec':{}"), CT(""), "" },
};

static const struct row nodes[] = {
	{ NULL, O("'spec':{'podCIDRs':['10.244.0.0/24','fd00::/64']}"), "" },
	{ NULL, O("'spec':{'podCIDRs':['x']}"), "spec.podCIDRs[0]: Invalid value: 'x': " BAD_CIDR },
	{ NULL, O("'spec':{'podCIDRs':['10.244.0.0/24','10.244.1.0/24']}"), "spec.podCIDRs: Invalid value: ['10.244.0.0/24','10.244.1.0/24']: may specify no more than one CIDR for each IP family" },
	{ NULL, O("'spec':{'taints':[{'key':'a','effect':'NoSchedule'}]}"), "" },
	{ NULL, O("'spec':{'taints':[{'key':'a'}]}"), "metadata.taints[0].effect: Required value" },
	{ NULL, O("'spec':{'taints':[{'key':'a','effect':'Never'}]}"), "metadata.taints[0].effect: Unsupported value: 'Never': supported values: 'NoSchedule', 'PreferNoSchedule', 'NoExecute'" },
	{ NULL, O("'spec':{'taints':[{'key':'a','effect':'NoSchedule'},{'key':'a','effect':'NoSchedule'}]}"), "metadata.taints[1]: Duplicate value: 'a'" },
	{ O("'spec':{'podCIDRs':['10.244.0.0/24']}"), O("'spec':{'podCIDRs':['10.244.1.0/24']}"), "spec.podCIDRs: Forbidden: node updates may not change podCIDR except from '' to valid" },
	{ O("'spec':{}"), O("'spec':{'podCIDRs':['10.244.1.0/24']}"), "" },
	{ O("'spec':{'providerID':'a'}"), O("'spec':{'providerID':'b'}"), "spec.providerID: Forbidden: node updates may not change providerID except from '' to valid" },
};

static const struct row events[] = {
	{ NULL, O("'involvedObject':{'kind':'Pod','name':'a'}"), "" },
	{ NULL, "{" META "}", "involvedObject: Required value" },
	{ NULL, "{'metadata':{'name':'x','namespace':'a'},'involvedObject':{'namespace':'b'}}", "involvedObject.namespace: Invalid value: 'b': does not match event.namespace" },
	{ NULL, "{'metadata':{'name':'x','namespace':'a'},'involvedObject':{}}", "involvedObject.namespace: Invalid value: '': does not match event.namespace" },
	{ NULL, "{'metadata':{'name':'x','namespace':'default'},'involvedObject':{}}", "" },
	{ NULL, O("'involvedObject':{},'eventTime':'2026-01-01T00:00:00.000000Z','reportingComponent':'a','reportingInstance':'b','action':'c','reason':'d'"), "" },
	{ NULL, O("'involvedObject':{},'eventTime':'2026-01-01T00:00:00.000000Z','reportingComponent':'a'"), "reportingInstance: Required value; action: Required value; reason: Required value" },
};

#define SVC "'service':{'name':'s','port':{'number':80}}"
#define ING(spec) O("'spec':{" spec "}")
#define PATH(p) ING("'rules':[{'http':{'paths':[{" p "}]}}]")
#define AT_PATH "spec.rules[0].http.paths[0]"

static const struct row ingresses[] = {
	{ NULL, ING(""), "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified" },
	{ NULL, ING("'defaultBackend':{" SVC "}"), "" },
	{ NULL, ING("'defaultBackend':{'service':{'name':'s','port':{'name':'http'}}}"), "" },
	{ NULL, ING("'defaultBackend':{}"), "spec.defaultBackend: Invalid value: '': resource or service backend is required" },
	{ NULL, ING("'defaultBackend':{" SVC ",'resource':{'kind':'K','name':'n'}}"), "spec.defaultBackend: Invalid value: '': cannot set both resource and service backends" },
	{ NULL, ING("'defaultBackend':{'resource':{'apiGroup':'example.com','kind':'K','name':'n'}}"), "" },
	{ NULL, ING("'defaultBackend':{'resource':{}}"), "spec.defaultBackend.resource.kind: Required value: kind is required; spec.defaultBackend.resource.name: Required value: name is required" },
	{ NULL, ING("'defaultBackend':{'service':{'port':{'number':80}}}"), "spec.defaultBackend.service.name: Required value" },
	{ NULL, ING("'defaultBackend':{'service':{'name':'s'}}"), "spec.defaultBackend: Required value: port name or number is required" },
	{ NULL, ING("'defaultBackend':{'service':{'name':'s','port':{'name':'a','number':80}}}"), "spec.defaultBackend: Invalid value: '': cannot set both port name & port number" },
	{ NULL, ING("'defaultBackend':{'service':{'name':'s','port':{'number':65536}}}"), "spec.defaultBackend.service.port.number: Invalid value: 65536: " BAD_PORT },
	{ NULL, PATH("'path':'/','pathType':'Prefix','backend':{" SVC "}"), "" },
	{ NULL, PATH("'path':'/','backend':{" SVC "}"), AT_PATH ".pathType: Required value: pathType must be specified" },
	{ NULL, PATH("'path':'/','pathType':'Regex','backend':{" SVC "}"), AT_PATH ".pathType: Unsupported value: 'Regex': supported values: 'Exact', 'ImplementationSpecific', 'Prefix'" },
	{ NULL, PATH("'path':'a','pathType':'Exact','backend':{" SVC "}"), AT_PATH ".path: Invalid value: 'a': must be an absolute path" },
	{ NULL, PATH("'pathType':'Prefix','backend':{" SVC "}"), AT_PATH ".path: Invalid value: '': must be an absolute path" },
	{ NULL, PATH("'pathType':'ImplementationSpecific','backend':{" SVC "}"), "" },
	{ NULL, PATH("'path':'a','pathType':'ImplementationSpecific','backend':{" SVC "}"), AT_PATH ".path: Invalid value: 'a': must be an absolute path" },
	{ NULL, PATH("'path':'/a//b','pathType':'Prefix','backend':{" SVC "}"), AT_PATH ".path: Invalid value: '/a//b': must not contain '//'" },
	{ NULL, PATH("'path':'/a/../b','pathType':'Prefix','backend':{" SVC "}"), AT_PATH ".path: Invalid value: '/a/../b': must not contain '/../'" },
	{ NULL, PATH("'path':'/a%2fb','pathType':'Prefix','backend':{" SVC "}"), AT_PATH ".path: Invalid value: '/a%2fb': must not contain '%2f'" },
	{ NULL, PATH("'path':'/a/..','pathType':'Exact','backend':{" SVC "}"), AT_PATH ".path: Invalid value: '/a/..': cannot end with '/..'" },
	{ NULL, ING("'rules':[{'host':'10.0.0.1'}]"), "spec.rules[0].host: Invalid value: '10.0.0.1': must be a DNS name, not an IP address" },
	{ NULL, ING("'rules':[{'host':'A'}]"), "spec.rules[0].host: Invalid value: 'A': " SUBDOMAIN_SAID },
	{ NULL, ING("'rules':[{'host':'*.example.com'}]"), "" },
	{ NULL, ING("'rules':[{'host':'a.*.com'}]"), "spec.rules[0].host: Invalid value: 'a.*.com': " WILD_SAID },
	{ NULL, ING("'rules':[{'host':'*'}]"), "spec.rules[0].host: Invalid value: '*': " WILD_SAID },
	{ NULL, ING("'rules':[{'http':{'paths':[]}}]"), "spec.rules[0].http.paths: Required value" },
	{ NULL, ING("'defaultBackend':{" SVC "},'tls':[{'hosts':['*.a.b','A'],'secretName':'B'}]"), "spec.tls[0].hosts[1]: Invalid value: 'A': " SUBDOMAIN_SAID "; spec.tls[0].secretName: Invalid value: 'B': " SUBDOMAIN_SAID },
	{ NULL, ING("'defaultBackend':{" SVC "},'ingressClassName':'A'"), "spec.ingressClassName: Invalid value: 'A': " SUBDOMAIN_SAID },
	{ NULL, "{'metadata':{'name':'x','annotations':{'kubernetes.io/ingress.class':'a'}},'spec':{'defaultBackend':{" SVC "},'ingressClassName':'b'}}", "annotations.kubernetes.io/ingress.class: Invalid value: 'a': must match `ingressClassName` when both are specified" },
};

static const struct row classes[] = {
	{ NULL, O("'spec':{'controller':'example.com/c'}"), "" },
	{ NULL, O("'spec':{}"), "spec.controller: Required value" },
	{ NULL, O("'spec':{'controller':'c'}"), "spec.controller: Invalid value: 'c': must be a domain-prefixed path (such as 'acme.io/foo')" },
	{ NULL, O("'spec':{'controller':'A/c'}"), "spec.controller: Invalid value: 'A': " SUBDOMAIN_SAID },
	{ NULL, O("'spec':{'controller':'a.b/c','parameters':{'kind':'K','name':'n'}}"), "" },
	{ NULL, O("'spec':{'controller':'a.b/c','parameters':{'kind':'K','name':'n','scope':'Namespace'}}"), "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'" },
	{ NULL, O("'spec':{'controller':'a.b/c','parameters':{'kind':'K','name':'n','scope':'Cluster','namespace':'a'}}"), "spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'" },
	{ NULL, O("'spec':{'controller':'a.b/c','parameters':{'name':'n','scope':'All'}}"), "spec.parameters.kind: Required value: kind is required; spec.parameters.scope: Unsupported value: 'All': supported values: 'Cluster', 'Namespace'" },
	{ O("'spec':{'controller':'a.b/c'}"), O("'spec':{'controller':'a.b/d'}"), "spec.controller: Invalid value: 'a.b/d': field is immutable" },
};

#define NP(more) O("'spec':{'podSelector':{}," more "}")
#define FROM(peer) NP("'ingress':[{'from':[" peer "]}]")
#define NPORT(port) NP("'egress':[{'ports':[{" port "}]}]")

static const struct row policies[] = {
	{ NULL, O("'spec':{}"), "" },
	{ NULL, FROM("{'podSelector':{},'namespaceSelector':{}}"), "" },
	{ NULL, FROM("{}"), "spec.ingress[0].from[0]: Required value: must specify a peer" },
	{ NULL, FROM("{'ipBlock':{'cidr':'10.0.0.0/8'},'podSelector':{}}"), "spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer" },
	{ NULL, FROM("{'ipBlock':{}}"), "spec.ingress[0].from[0].ipBlock.cidr: Required value" },
	{ NULL, FROM("{'ipBlock':{'cidr':'x'}}"), "spec.ingress[0].from[0].ipBlock.cidr: Invalid value: 'x': " BAD_CIDR },
	{ NULL, FROM("{'ipBlock':{'cidr':'10.0.0.0/8','except':['10.1.0.0/16']}}"), "" },
	{ NULL, FROM("{'ipBlock':{'cidr':'10.0.0.0/8','except':['11.0.0.0/8']}}"), "spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: '11.0.0.0/8': must be a strict subset of `cidr`" },
	{ NULL, FROM("{'ipBlock':{'cidr':'10.0.0.0/8','except':['10.0.0.0/8']}}"), "spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: '10.0.0.0/8': must be a strict subset of `cidr`" },
	{ NULL, NPORT("'port':80,'endPort':90"), "" },
	{ NULL, NPORT("'port':90,'endPort':80"), "spec.egress[0].ports[0].endPort: Invalid value: 90: must be greater than or equal to `port`" },
	{ NULL, NPORT("'endPort':80"), "spec.egress[0].ports[0].endPort: Invalid value: 80: may not be specified when `port` is not specified" },
	{ NULL, NPORT("'port':'http','endPort':80"), "spec.egress[0].ports[0].endPort: Invalid value: 80: may not be specified when `port` is non-numeric" },
	{ NULL, NPORT("'port':0"), "spec.egress[0].ports[0].port: Invalid value: 0: " BAD_PORT },
	{ NULL, NPORT("'port':'-'"), "spec.egress[0].ports[0].port: Invalid value: '-': must contain at least one letter (a-z); spec.egress[0].ports[0].port: Invalid value: '-': must not begin or end with a hyphen" },
	{ NULL, NPORT("'protocol':'ICMP'"), "spec.egress[0].ports[0].protocol: Unsupported value: 'ICMP': " PROTO },
	{ NULL, NP("'policyTypes':['Sideways']"), "spec.policyTypes[0]: Unsupported value: 'Sideways': supported values: 'Ingress', 'Egress'" },
	{ NULL, NP("'policyTypes':['Ingress','Egress','Ingress']"), "spec.policyTypes: Invalid value: ['Ingress','Egress','Ingress']: may not specify more than two policyTypes" },
	{ NULL, O("'spec':{'podSelector':{'matchLabels':{'a b':'c'}}}"), "spec.podSelector.matchLabels: Invalid value: 'a b': " QNAME_SAID },
	{ NULL, O("'spec':{'podSelector':{'matchExpressions':[{'key':'a','operator':'In'}]}}"), "spec.podSelector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'" },
	{ NULL, O("'spec':{'podSelector':{'matchExpressions':[{'key':'a','operator':'Exists','values':['b']}]}}"), "spec.podSelector.matchExpressions[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'" },
	{ NULL, O("'spec':{'podSelector':{'matchExpressions':[{'key':'a','operator':'Like'}]}}"), "spec.podSelector.matchExpressions[0].operator: Invalid value: 'Like': not a valid selector operator" },
	{ NULL, O("'spec':{'podSelector':{'matchExpressions':[{'key':'a','operator':'In','values':['b c']}]}}"), "spec.podSelector.matchExpressions[0].values[0]: Invalid value: 'b c': " VALUE_SAID },
};
// clang-format on

static void test_kinds(void **state)
{
	(void)state;
	RUN_ROWS(KIND_CONFIGMAP, metadata);
	RUN_ROWS(KIND_NAMESPACE, namespaces);
	RUN_ROWS(KIND_CONFIGMAP, config_maps);
	RUN_ROWS(KIND_SECRET, secrets);
	RUN_ROWS(KIND_ENDPOINTSLICE, slices);
	RUN_ROWS(KIND_ENDPOINTS, endpoints);
	RUN_ROWS(KIND_POD, pods);
	RUN_ROWS(KIND_NODE, nodes);
	RUN_ROWS(KIND_EVENT, events);
	RUN_ROWS(KIND_INGRESS, ingresses);
	RUN_ROWS(KIND_INGRESSCLASS, classes);
	RUN_ROWS(KIND_NETWORKPOLICY, policies);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
	};

	if (conf_load(NULL, NULL))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
