/* test_valid_service.c - the rules of Service, create and update. What depends on other Services
 * (addresses, node ports) is in test_service_addresses.c. */
#include "valid_table.h"

// clang-format off
#define S(spec) "{" META ",'spec':{" spec "}}"
#define P "'ports':[{'port':80}]"
#define SP(spec) S(P "," spec)
#define NO_LB "Forbidden: may only be used when `type` is 'LoadBalancer'"
#define BAD_IP "must be a valid IP address,"
#define BAD_CIDR "must be a valid CIDR value,"
#define LABEL_SAID "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character"
#define SUBDOMAIN_SAID "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
#define QNAME_SAID "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"

static const struct row created[] = {
	/* names */
	{ NULL, SP("'type':'ClusterIP'"), "" },
	{ NULL, "{'metadata':{'name':'1a'},'spec':{" P "}}", "metadata.name: Invalid value: '1a': a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character" },
	{ NULL, "{'metadata':{'name':'a.b'},'spec':{" P "}}", "metadata.name: Invalid value: 'a.b': a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character" },
	{ NULL, "{'metadata':{'name':'a123456789a123456789a123456789a123456789a123456789a123456789abcd'},'spec':{" P "}}", "metadata.name: Invalid value: 'a123456789a123456789a123456789a123456789a123456789a123456789abcd': must be no more than 63 characters" },
	/* ports */
	{ NULL, S(""), "spec.ports: Required value" },
	{ NULL, S("'ports':[]"), "spec.ports: Required value" },
	{ NULL, "{" META "}", "spec.ports: Required value" },
	{ NULL, S("'ports':[{}]"), "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive" },
	{ NULL, S("'ports':[{'port':0}]"), "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive; spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive" },
	{ NULL, S("'ports':[{'port':65535}]"), "" },
	{ NULL, S("'ports':[{'port':65536}]"), "spec.ports[0].port: Invalid value: 65536: must be between 1 and 65535, inclusive; spec.ports[0].targetPort: Invalid value: 65536: must be between 1 and 65535, inclusive" },
	{ NULL, S("'ports':[{'port':-1,'targetPort':1}]"), "spec.ports[0].port: Invalid value: -1: must be between 1 and 65535, inclusive" },
	{ NULL, S("'ports':[{'port':80,'protocol':'tcp'}]"), "spec.ports[0].protocol: Unsupported value: 'tcp': supported values: 'SCTP', 'TCP', 'UDP'" },
	{ NULL, S("'ports':[{'port':80,'protocol':'SCTP'}]"), "" },
	{ NULL, S("'ports':[{'port':80,'name':'a_b'}]"), "spec.ports[0].name: Invalid value: 'a_b': " LABEL_SAID },
	{ NULL, S("'ports':[{'port':80,'name':'a.b'}]"), "spec.ports[0].name: Invalid value: 'a.b': must not contain dots" },
	{ NULL, S("'ports':[{'port':80,'name':'a'},{'port':81}]"), "spec.ports[1].name: Required value" },
	{ NULL, S("'ports':[{'port':80,'name':'a'},{'port':81,'name':'a'}]"), "spec.ports[1].name: Duplicate value: 'a'" },
	{ NULL, S("'ports':[{'port':80,'name':'a'},{'port':80,'name':'b'}]"), "spec.ports[1]: Duplicate value: {'protocol':'TCP','port':80}" },
	{ NULL, S("'ports':[{'port':80,'name':'a'},{'port':80,'protocol':'UDP','name':'b'}]"), "" },
	{ NULL, S("'ports':[{'port':80,'targetPort':'http'}]"), "" },
	{ NULL, S("'ports':[{'port':80,'targetPort':0}]"), "" },
	{ NULL, S("'ports':[{'port':80,'targetPort':''}]"), "" },
	{ NULL, S("'ports':[{'port':80,'targetPort':65536}]"), "spec.ports[0].targetPort: Invalid value: 65536: must be between 1 and 65535, inclusive" },
	{ NULL, S("'ports':[{'port':80,'targetPort':'much-too-long-name'}]"), "spec.ports[0].targetPort: Invalid value: 'much-too-long-name': must be no more than 15 characters" },
	{ NULL, S("'ports':[{'port':80,'targetPort':'a--b'}]"), "spec.ports[0].targetPort: Invalid value: 'a--b': must not contain consecutive hyphens" },
	{ NULL, S("'ports':[{'port':80,'targetPort':'-a'}]"), "spec.ports[0].targetPort: Invalid value: '-a': must not begin or end with a hyphen" },
	{ NULL, S("'ports':[{'port':80,'targetPort':'80'}]"), "spec.ports[0].targetPort: Invalid value: '80': must contain at least one letter (a-z)" },
	{ NULL, S("'ports':[{'port':80,'targetPort':'A'}]"), "spec.ports[0].targetPort: Invalid value: 'A': must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-); spec.ports[0].targetPort: Invalid value: 'A': must contain at least one letter (a-z)" },
	{ NULL, S("'ports':[{'port':80,'appProtocol':'kubernetes.io/h2c'}]"), "" },
	{ NULL, S("'ports':[{'port':80,'appProtocol':'a b'}]"), "spec.ports[0].appProtocol: Invalid value: 'a b': " QNAME_SAID },
	{ NULL, S("'ports':[{'port':80,'nodePort':30000}]"), "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'" },
	{ NULL, S("'type':'NodePort','ports':[{'port':80,'name':'a','nodePort':30000},{'port':81,'name':'b','nodePort':30000}]"), "spec.ports[1].nodePort: Duplicate value: 30000" },
	{ NULL, S("'type':'NodePort','ports':[{'port':80,'name':'a','nodePort':30000},{'port':80,'protocol':'UDP','name':'b','nodePort':30000}]"), "" },
	{ NULL, S("'type':'LoadBalancer','ports':[{'port':10250}]"), "spec.ports[0]: Invalid value: 10250: may not expose port 10250 externally since it is used by kubelet" },
	/* type */
	{ NULL, SP("'type':'Cluster'"), "spec.type: Unsupported value: 'Cluster': supported values: 'ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'" },
	{ NULL, SP("'type':'NodePort','clusterIP':'None'"), "spec.clusterIPs[0]: Invalid value: 'None': may not be set to 'None' for NodePort services" },
	{ NULL, SP("'type':'LoadBalancer','clusterIP':'None'"), "spec.clusterIPs[0]: Invalid value: 'None': may not be set to 'None' for LoadBalancer services" },
	{ NULL, S("'clusterIP':'None'"), "" },
	{ NULL, S("'type':'ExternalName','externalName':'a.example.com'"), "" },
	{ NULL, S("'type':'ExternalName','externalName':'a.example.com.'"), "" },
	{ NULL, S("'type':'ExternalName'"), "spec.externalName: Required value" },
	{ NULL, S("'type':'ExternalName','externalName':'-a'"), "spec.externalName: Invalid value: '-a': " SUBDOMAIN_SAID },
	{ NULL, S("'type':'ExternalName','externalName':'a','clusterIP':'10.96.0.9'"), "spec.clusterIPs: Forbidden: may not be set for ExternalName services" },
	{ NULL, S("'type':'ExternalName','externalName':'a','ipFamilies':['IPv4'],'ipFamilyPolicy':'SingleStack'"), "spec.ipFamilies: Forbidden: may not be set for ExternalName services; spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services" },
	/* addresses */
	{ NULL, SP("'clusterIP':'10.96.0.9'"), "" },
	{ NULL, SP("'clusterIP':'10.96.0.09'"), "spec.clusterIPs[0]: Invalid value: '10.96.0.09': " BAD_IP },
	{ NULL, SP("'clusterIP':'x'"), "spec.clusterIPs[0]: Invalid value: 'x': " BAD_IP },
	{ NULL, SP("'clusterIPs':['10.96.0.9']"), "spec.clusterIPs: Invalid value: ['10.96.0.9']: must be empty when `clusterIP` is not specified" },
	{ NULL, SP("'clusterIP':'10.96.0.8','clusterIPs':['10.96.0.9']"), "spec.clusterIPs: Invalid value: ['10.96.0.9']: first value must match `clusterIP`" },
	{ NULL, SP("'clusterIP':'None','clusterIPs':['None','10.96.0.9']"), "spec.clusterIPs: Invalid value: ['None','10.96.0.9']: 'None' must be the first and only value" },
	{ NULL, SP("'ipFamilyPolicy':'RequireDualStack','clusterIP':'10.96.0.8','clusterIPs':['10.96.0.8','fd00:10:96::8']"), "" },
	{ NULL, SP("'clusterIP':'10.96.0.8','clusterIPs':['10.96.0.8','fd00:10:96::8']"), "spec.ipFamilyPolicy: Invalid value: 'SingleStack': must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified" },
	{ NULL, SP("'ipFamilyPolicy':'RequireDualStack','clusterIP':'10.96.0.8','clusterIPs':['10.96.0.8','10.96.0.9']"), "spec.clusterIPs: Invalid value: ['10.96.0.8','10.96.0.9']: may specify no more than one IP for each IP family" },
	{ NULL, SP("'ipFamilyPolicy':'RequireDualStack','clusterIP':'10.96.0.8','clusterIPs':['10.96.0.8','fd00:10:96::8','10.96.0.9']"), "spec.clusterIPs: Invalid value: ['10.96.0.8','fd00:10:96::8','10.96.0.9']: may only hold up to 2 values; spec.clusterIPs: Invalid value: ['10.96.0.8','fd00:10:96::8','10.96.0.9']: may specify no more than one IP for each IP family" },
	{ NULL, SP("'clusterIP':'10.96.0.8','ipFamilies':['IPv6']"), "spec.clusterIPs[0]: Invalid value: '10.96.0.8': expected an IPv6 value as indicated by `ipFamilies[0]`" },
	{ NULL, SP("'ipFamilies':['IPv6']"), "" },
	{ NULL, SP("'ipFamilies':['IPv5']"), "spec.ipFamilies[0]: Unsupported value: 'IPv5': supported values: 'IPv4', 'IPv6'" },
	{ NULL, SP("'ipFamilies':['IPv4','IPv4'],'ipFamilyPolicy':'PreferDualStack'"), "spec.ipFamilies[1]: Duplicate value: 'IPv4'" },
	{ NULL, SP("'ipFamilies':['IPv4','IPv6']"), "spec.ipFamilyPolicy: Invalid value: 'SingleStack': must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified" },
	{ NULL, SP("'ipFamilyPolicy':'Dual'"), "spec.ipFamilyPolicy: Unsupported value: 'Dual': supported values: 'PreferDualStack', 'RequireDualStack', 'SingleStack'" },
	{ NULL, SP("'externalIPs':['1.2.3.4','fd00::1']"), "" },
	{ NULL, SP("'externalIPs':['x']"), "spec.externalIPs[0]: Invalid value: 'x': " BAD_IP },
	{ NULL, SP("'externalIPs':['0.0.0.0']"), "spec.externalIPs[0]: Invalid value: '0.0.0.0': may not be unspecified (0.0.0.0)" },
	{ NULL, SP("'externalIPs':['127.0.0.1','::1']"), "spec.externalIPs[0]: Invalid value: '127.0.0.1': may not be in the loopback range (127.0.0.0/8, ::1/128); spec.externalIPs[1]: Invalid value: '::1': may not be in the loopback range (127.0.0.0/8, ::1/128)" },
	{ NULL, SP("'externalIPs':['169.254.1.1','fe80::1']"), "spec.externalIPs[0]: Invalid value: '169.254.1.1': may not be in the link-local range (169.254.0.0/16, fe80::/10); spec.externalIPs[1]: Invalid value: 'fe80::1': may not be in the link-local range (169.254.0.0/16, fe80::/10)" },
	{ NULL, SP("'externalIPs':['224.0.0.1','ff02::1']"), "spec.externalIPs[0]: Invalid value: '224.0.0.1': may not be in the link-local multicast range (224.0.0.0/24, ff02::/10); spec.externalIPs[1]: Invalid value: 'ff02::1': may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)" },
	/* selector */
	{ NULL, SP("'selector':{'a b':'c'}"), "spec.selector: Invalid value: 'a b': " QNAME_SAID },
	{ NULL, SP("'selector':{'app':'web'},'publishNotReadyAddresses':true"), "" },
	/* affinity */
	{ NULL, SP("'sessionAffinity':'Cookie'"), "spec.sessionAffinity: Unsupported value: 'Cookie': supported values: 'ClientIP', 'None'" },
	{ NULL, SP("'sessionAffinity':'ClientIP'"), "" },
	{ NULL, SP("'sessionAffinity':'ClientIP','sessionAffinityConfig':{'clientIP':{'timeoutSeconds':0}}"), "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: must be greater than 0 and less than 86400" },
	{ NULL, SP("'sessionAffinity':'ClientIP','sessionAffinityConfig':{'clientIP':{'timeoutSeconds':86401}}"), "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400" },
	{ NULL, SP("'sessionAffinity':'ClientIP','sessionAffinityConfig':{'clientIP':{'timeoutSeconds':86400}}"), "" },
	/* load balancer */
	{ NULL, SP("'type':'LoadBalancer','loadBalancerSourceRanges':['10.0.0.0/8',' 1.2.3.4/32 ']"), "" },
	{ NULL, SP("'type':'LoadBalancer','loadBalancerSourceRanges':['10.0.0.0']"), "spec.loadBalancerSourceRanges[0]: Invalid value: '10.0.0.0': " BAD_CIDR },
	{ NULL, SP("'loadBalancerSourceRanges':['10.0.0.0/8']"), "spec.loadBalancerSourceRanges: " NO_LB },
	{ NULL, "{'metadata':{'name':'x','annotations':{'service.beta.kubernetes.io/load-balancer-source-ranges':'10.0.0.0/8, 1.2.3.4/32'}},'spec':{" P ",'type':'LoadBalancer'}}", "" },
	{ NULL, "{'metadata':{'name':'x','annotations':{'service.beta.kubernetes.io/load-balancer-source-ranges':'10.0.0.0/8,x'}},'spec':{" P ",'type':'LoadBalancer'}}", "metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]: Invalid value: 'x': " BAD_CIDR },
	{ NULL, "{'metadata':{'name':'x','annotations':{'service.beta.kubernetes.io/load-balancer-source-ranges':''}},'spec':{" P "}}", "metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]: " NO_LB },
	{ NULL, SP("'allocateLoadBalancerNodePorts':true"), "spec.allocateLoadBalancerNodePorts: " NO_LB },
	{ NULL, SP("'type':'LoadBalancer','allocateLoadBalancerNodePorts':false"), "" },
	{ NULL, SP("'type':'LoadBalancer','loadBalancerClass':'example.com/lb'"), "" },
	{ NULL, SP("'type':'LoadBalancer','loadBalancerClass':'a b'"), "spec.loadBalancerClass: Invalid value: 'a b': " QNAME_SAID },
	{ NULL, SP("'loadBalancerClass':'a'"), "spec.loadBalancerClass: " NO_LB },
	{ NULL, SP("'type':'LoadBalancer','loadBalancerIP':'x'"), "spec.loadBalancerIP: Invalid value: 'x': " BAD_IP },
	/* traffic */
	{ NULL, SP("'type':'NodePort','externalTrafficPolicy':'Local'"), "" },
	{ NULL, SP("'externalTrafficPolicy':'Local'"), "spec.externalTrafficPolicy: Invalid value: 'Local': may only be set for externally-accessible services" },
	{ NULL, SP("'externalIPs':['1.2.3.4'],'externalTrafficPolicy':'Local'"), "" },
	{ NULL, SP("'type':'NodePort','externalTrafficPolicy':'None'"), "spec.externalTrafficPolicy: Unsupported value: 'None': supported values: 'Cluster', 'Local'" },
	{ NULL, SP("'internalTrafficPolicy':'None'"), "spec.internalTrafficPolicy: Unsupported value: 'None': supported values: 'Cluster', 'Local'" },
	{ NULL, SP("'type':'NodePort','externalTrafficPolicy':'Local','healthCheckNodePort':31000"), "spec.healthCheckNodePort: Invalid value: 31000: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'" },
	{ NULL, SP("'type':'LoadBalancer','externalTrafficPolicy':'Local','healthCheckNodePort':31000"), "" },
	{ NULL, SP("'type':'LoadBalancer','externalTrafficPolicy':'Local','healthCheckNodePort':65536"), "spec.healthCheckNodePort: Invalid value: 65536: must be between 1 and 65535, inclusive" },
	{ NULL, SP("'trafficDistribution':'PreferClose'"), "" },
	{ NULL, SP("'trafficDistribution':'Near'"), "spec.trafficDistribution: Unsupported value: 'Near': supported values: 'PreferClose', 'PreferSameNode', 'PreferSameZone'" },
	{ NULL, "{'metadata':{'name':'x','annotations':{'service.kubernetes.io/topology-mode':'a','service.kubernetes.io/topology-aware-hints':'b'}},'spec':{" P "}}", "metadata.annotations[service.kubernetes.io/topology-mode]: Invalid value: 'a': must match annotations[service.kubernetes.io/topology-aware-hints] when both are specified" },
};

#define IP4 "'clusterIP':'10.96.0.9','clusterIPs':['10.96.0.9']"
#define DUAL "'ipFamilyPolicy':'RequireDualStack','clusterIP':'10.96.0.9','clusterIPs':['10.96.0.9','fd00:10:96::9'],'ipFamilies':['IPv4','IPv6']"
#define LB "'type':'LoadBalancer'"

static const struct row updated[] = {
	{ SP(IP4), SP(IP4), "" },
	{ SP(IP4), SP("'selector':{'a':'b'}"), "" },
	{ SP(IP4), SP("'clusterIP':''"), "" },
	{ SP(IP4), SP("'clusterIP':'10.96.0.8'"), "spec.clusterIPs[0]: Invalid value: ['10.96.0.8']: may not change once set" },
	{ SP(IP4), SP("'clusterIP':'10.96.0.8','clusterIPs':['10.96.0.8']"), "spec.clusterIPs[0]: Invalid value: ['10.96.0.8']: may not change once set" },
	{ SP(IP4), SP("'clusterIP':'None'"), "spec.clusterIPs[0]: Invalid value: ['None']: may not change once set" },
	{ S("'clusterIP':'None'"), S("'clusterIP':'None','ipFamilies':['IPv6','IPv4'],'ipFamilyPolicy':'RequireDualStack'"), "" },
	{ SP(IP4), SP(IP4 ",'ipFamilies':['IPv6']"), "spec.clusterIPs[0]: Invalid value: '10.96.0.9': expected an IPv6 value as indicated by `ipFamilies[0]`" },
	/* one family to two, and back */
	{ SP(IP4), SP(IP4 ",'ipFamilyPolicy':'PreferDualStack'"), "" },
	{ SP(IP4), SP(IP4 ",'ipFamilyPolicy':'RequireDualStack','ipFamilies':['IPv4','IPv6']"), "" },
	{ SP(IP4), SP(DUAL), "" },
	{ SP(IP4), SP("'ipFamilyPolicy':'RequireDualStack','clusterIP':'fd00:10:96::9','clusterIPs':['fd00:10:96::9','10.96.0.9']"), "spec.clusterIPs[0]: Invalid value: ['fd00:10:96::9','10.96.0.9']: may not change once set; spec.ipFamilies[0]: Invalid value: ['IPv6','IPv4']: may not change once set" },
	{ SP(DUAL), SP("'ipFamilyPolicy':'SingleStack'"), "" },
	{ SP(DUAL), SP("'ipFamilyPolicy':'SingleStack',"IP4), "" },
	{ SP(DUAL), SP(IP4), "spec.ipFamilyPolicy: Invalid value: 'RequireDualStack': must be 'SingleStack' to release the secondary cluster IP" },
	{ SP(DUAL), SP("'ipFamilies':['IPv4']"), "spec.ipFamilyPolicy: Invalid value: 'RequireDualStack': must be 'SingleStack' to release the secondary IP family" },
	{ SP(DUAL), SP("'selector':{'a':'b'}"), "" },
	{ SP(DUAL), SP("'ipFamilyPolicy':'RequireDualStack','clusterIP':'10.96.0.9','clusterIPs':['10.96.0.9','fd00:10:96::8'],'ipFamilies':['IPv4','IPv6']"), "spec.clusterIPs[1]: Invalid value: ['10.96.0.9','fd00:10:96::8']: may not change once set" },
	/* type */
	{ SP(IP4), S("'type':'ExternalName','externalName':'a'"), "" },
	{ SP(IP4), S("'type':'ExternalName','externalName':'a'," IP4), "" },
	{ SP(IP4), S("'type':'ExternalName','externalName':'a','clusterIP':'10.96.0.8','clusterIPs':['10.96.0.8']"), "spec.clusterIPs: Forbidden: may not be set for ExternalName services" },
	{ S("'type':'ExternalName','externalName':'a'"), S(P), "" },
	{ S("'type':'ExternalName','externalName':'a'"), SP(IP4), "" },
	{ S("'type':'NodePort','ports':[{'port':80,'nodePort':30000}]"), S("'type':'ClusterIP','ports':[{'port':80,'nodePort':30000}]"), "" },
	{ S("'type':'NodePort','ports':[{'port':80,'nodePort':30000}]"), S("'type':'ClusterIP','ports':[{'port':80,'nodePort':30001}]"), "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'" },
	{ SP(LB ",'allocateLoadBalancerNodePorts':true,'loadBalancerClass':'a','externalTrafficPolicy':'Local','healthCheckNodePort':31000"), SP("'type':'ClusterIP','allocateLoadBalancerNodePorts':true,'loadBalancerClass':'a','externalTrafficPolicy':'Local','healthCheckNodePort':31000"), "" },
	{ SP(LB ",'loadBalancerClass':'a'"), SP("'type':'ClusterIP','loadBalancerClass':'b'"), "spec.loadBalancerClass: " NO_LB },
	{ SP(LB ",'externalTrafficPolicy':'Local'"), SP("'type':'ClusterIP','externalTrafficPolicy':'Cluster'"), "spec.externalTrafficPolicy: Invalid value: 'Cluster': may only be set for externally-accessible services" },
	/* immutable while it is a load balancer */
	{ SP(LB ",'loadBalancerClass':'a'"), SP(LB ",'loadBalancerClass':'b'"), "spec.loadBalancerClass: Invalid value: 'b': may not change once set" },
	{ SP(LB ",'loadBalancerClass':'a'"), SP(LB), "spec.loadBalancerClass: Invalid value: null: may not change once set" },
	{ SP(LB), SP(LB ",'loadBalancerClass':'b'"), "spec.loadBalancerClass: Invalid value: 'b': may not change once set" },
	{ SP(IP4), SP(LB ",'loadBalancerClass':'b'"), "" },
	{ SP(LB ",'externalTrafficPolicy':'Local','healthCheckNodePort':31000"), SP(LB ",'externalTrafficPolicy':'Local','healthCheckNodePort':31001"), "spec.healthCheckNodePort: Forbidden: field is immutable" },
	{ SP(LB ",'externalTrafficPolicy':'Local','healthCheckNodePort':31000"), SP(LB ",'externalTrafficPolicy':'Local'"), "" },
	{ SP(LB ",'externalTrafficPolicy':'Local','healthCheckNodePort':31000"), SP(LB ",'externalTrafficPolicy':'Cluster','healthCheckNodePort':31000"), "" },
	{ SP(LB ",'externalTrafficPolicy':'Local','healthCheckNodePort':31000"), SP(LB ",'externalTrafficPolicy':'Cluster','healthCheckNodePort':31001"), "spec.healthCheckNodePort: Invalid value: 31001: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'" },
};

#define ST(status) "{" META ",'spec':{" P "," LB "},'status':{" status "}}"

static const struct row statuses[] = {
	{ NULL, ST("'loadBalancer':{'ingress':[{'ip':'1.2.3.4'}]}"), "" },
	{ NULL, ST("'loadBalancer':{'ingress':[{'ip':'1.2.3.4','ipMode':'Proxy'}]}"), "" },
	{ NULL, ST("'loadBalancer':{'ingress':[{'ip':'1.2.3'}]}"), "status.loadBalancer.ingress[0].ip: Invalid value: '1.2.3': " BAD_IP },
	{ NULL, ST("'loadBalancer':{'ingress':[{'ip':'1.2.3.4','ipMode':'Vip'}]}"), "status.loadBalancer.ingress[0].ipMode: Unsupported value: 'Vip': supported values: 'Proxy', 'VIP'" },
	{ NULL, ST("'loadBalancer':{'ingress':[{'hostname':'a.b','ipMode':'VIP'}]}"), "status.loadBalancer.ingress[0].ipMode: Forbidden: may not be specified when `ip` is not set" },
	{ NULL, ST("'loadBalancer':{'ingress':[{'hostname':'1.2.3.4'}]}"), "status.loadBalancer.ingress[0].hostname: Invalid value: '1.2.3.4': must be a DNS name, not an IP address" },
	{ NULL, ST("'loadBalancer':{'ingress':[{'hostname':'A'}]}"), "status.loadBalancer.ingress[0].hostname: Invalid value: 'A': " SUBDOMAIN_SAID },
	{ NULL, ST("'loadBalancer':{'ingress':[{'hostname':'a','ports':[{'port':0,'protocol':'X'}]}]}"), "status.loadBalancer.ingress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive; status.loadBalancer.ingress[0].ports[0].protocol: Unsupported value: 'X': supported values: 'SCTP', 'TCP', 'UDP'" },
	{ NULL, "{" META ",'spec':{" P "},'status':{'loadBalancer':{'ingress':[{'ip':'1.2.3.4','ipMode':'VIP'}]}}}", "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'" },
};
// clang-format on

static void test_created(void **state)
{
	(void)state;
	RUN_ROWS(KIND_SERVICE, created);
}

static void test_updated(void **state)
{
	(void)state;
	RUN_ROWS(KIND_SERVICE, updated);
}

static void test_status(void **state)
{
	(void)state;
	RUN_STATUS_ROWS(KIND_SERVICE, statuses);
}

/* What becomes of a Service, not only whether it may be. */
static void test_completed(void **state)
{
	static const struct {
		const char *old, *json, *path, *want;
	} rows[] = {
		{ NULL, S(P), "ipFamilies", "['IPv4']" },
		{ NULL, S(P), "ipFamilyPolicy", "'SingleStack'" },
		{ NULL, SP("'ipFamilyPolicy':'PreferDualStack'"), "ipFamilies", "['IPv4','IPv6']" },
		{ NULL, SP("'ipFamilyPolicy':'PreferDualStack','ipFamilies':['IPv6']"),
		  "ipFamilies", "['IPv6','IPv4']" },
		{ NULL, SP("'clusterIP':'fd00:10:96::9'"), "ipFamilies", "['IPv6']" },
		{ NULL, S("'clusterIP':'None'"), "ipFamilyPolicy", "'RequireDualStack'" },
		{ NULL, S("'clusterIP':'None'"), "ipFamilies", "['IPv4','IPv6']" },
		{ NULL, S("'clusterIP':'None','selector':{'a':'b'}"), "ipFamilies", "['IPv4']" },
		{ NULL, S("'clusterIP':'None','selector':{'a':'b'}"), "clusterIPs", "['None']" },
		{ NULL, SP("'type':'NodePort'"), "externalTrafficPolicy", "'Cluster'" },
		{ NULL, SP("'sessionAffinity':'None','sessionAffinityConfig':{}"),
		  "sessionAffinityConfig", "null" },
		{ NULL, SP(LB), "allocateLoadBalancerNodePorts", "true" },
		{ SP(DUAL), SP("'ipFamilyPolicy':'SingleStack'"), "clusterIPs", "['10.96.0.9']" },
		{ SP(DUAL), SP("'ipFamilyPolicy':'SingleStack'"), "ipFamilies", "['IPv4']" },
		{ SP(DUAL), S(P), "clusterIPs", "['10.96.0.9','fd00:10:96::9']" },
		{ SP(IP4), S("'type':'ExternalName','externalName':'a'"), "clusterIPs", "null" },
		{ SP(LB ",'externalTrafficPolicy':'Local','healthCheckNodePort':31000"), S(P),
		  "healthCheckNodePort", "null" },
		{ SP(LB ",'externalTrafficPolicy':'Local','healthCheckNodePort':31000"),
		  SP(LB ",'externalTrafficPolicy':'Local'"), "healthCheckNodePort", "31000" },
		{ SP(LB), S(P ",'allocateLoadBalancerNodePorts':true"),
		  "allocateLoadBalancerNodePorts", "null" },
		/* a port keeps its number by its name, unless another wants that */
		{ S("'type':'NodePort','ports':[{'name':'a','port':80,'nodePort':30001},"
		    "{'name':'b','port':81,'nodePort':30002}]"),
		  S("'type':'NodePort','ports':[{'name':'b','port':90},{'name':'c','port':91,"
		    "'nodePort':30001},{'name':'a','port':80}]"),
		  "ports",
		  "[{'name':'b','port':90,'protocol':'TCP','targetPort':90,'nodePort':30002},"
		  "{'name':'c','port':91,'nodePort':30001,'protocol':'TCP','targetPort':91},"
		  "{'name':'a','port':80,'protocol':'TCP','targetPort':80}]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct row row = { rows[i].old, rows[i].json, "" };
		auto_free char *out = NULL, *want = unquote(rows[i].want), *got = NULL;
		auto_buf struct buf said = { 0 };
		auto_doc yyjson_doc *doc = NULL;
		yyjson_val *v;

		judge(KIND_SERVICE, &row, false, &said, &out);
		assert_string_equal(said.data, "");
		doc = yyjson_read(out, strlen(out), 0);
		v = yyjson_obj_get(yyjson_obj_get(yyjson_doc_get_root(doc), "spec"), rows[i].path);
		got = v ? yyjson_val_write(v, 0, NULL) : xstrdup("null");
		assert_string_equal(got, want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_created),
		cmocka_unit_test(test_updated),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_completed),
	};

	if (conf_load(NULL, NULL))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
