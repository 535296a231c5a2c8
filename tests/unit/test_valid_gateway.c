/* test_valid_gateway.c - the rules of Gateway API's kinds and of AddressPool. */
#include "valid_table.h"

// clang-format off
#define O(spec) "{" META ",'spec':{" spec "}}"
#define OBJ "Invalid value: 'object': "
#define ARR "Invalid value: 'array': "
#define HOST "^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"

static const struct row classes[] = {
	{ NULL, O("'controllerName':'example.com/c'"), "" },
	{ NULL, O(""), "spec.controllerName: Required value" },
	{ NULL, "{" META "}", "spec: Required value" },
	{ NULL, O("'controllerName':'c'"), "spec.controllerName: Invalid value: 'c': spec.controllerName in body should match '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\\/[A-Za-z0-9\\/\\-._~%!$&'()*+,;=:]+$'" },
	{ O("'controllerName':'a.b/c'"), O("'controllerName':'a.b/d'"), "spec.controllerName: Invalid value: 'string': Value is immutable" },
};

#define L(list) O("'gatewayClassName':'g','listeners':[" list "]")
#define ONE(more) L("{'name':'a','port':80,'protocol':'HTTP'" more "}")
#define ADDRESSES(list) O("'gatewayClassName':'g','addresses':[" list "],'listeners':[{'name':'a','port':80,'protocol':'HTTP'}]")
#define CERT "'certificateRefs':[{'name':'c'}]"

static const struct row gateways[] = {
	{ NULL, ONE(""), "" },
	{ NULL, O(""), "spec.gatewayClassName: Required value; spec.listeners: Required value" },
	{ NULL, L(""), "spec.listeners: Invalid value: 0: spec.listeners in body should have at least 1 items" },
	{ NULL, L("{}"), "spec.listeners[0].name: Required value; spec.listeners[0].port: Required value; spec.listeners[0].protocol: Required value" },
	{ NULL, L("{'name':'a','port':0,'protocol':'HTTP'}"), "spec.listeners[0].port: Invalid value: 0: spec.listeners[0].port in body should be greater than or equal to 1" },
	{ NULL, L("{'name':'a','port':65536,'protocol':'HTTP'}"), "spec.listeners[0].port: Invalid value: 65536: spec.listeners[0].port in body should be less than or equal to 65535" },
	{ NULL, ONE(",'hostname':'*.example.com'"), "" },
	{ NULL, ONE(",'hostname':'*'"), "spec.listeners[0].hostname: Invalid value: '*': spec.listeners[0].hostname in body should match '" HOST "'" },
	{ NULL, ONE(",'tls':{" CERT "}"), "spec.listeners: " ARR "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']" },
	{ NULL, L("{'name':'a','port':443,'protocol':'HTTPS','tls':{" CERT "}}"), "" },
	{ NULL, L("{'name':'a','port':443,'protocol':'HTTPS','tls':{}}"), "spec.listeners[0].tls: " OBJ "certificateRefs or options must be specified when mode is Terminate" },
	{ NULL, L("{'name':'a','port':443,'protocol':'HTTPS','tls':{'mode':'Passthrough'}}"), "spec.listeners: " ARR "tls mode must be Terminate for protocol HTTPS" },
	{ NULL, L("{'name':'a','port':443,'protocol':'TLS','tls':{'mode':'Passthrough'}}"), "" },
	{ NULL, L("{'name':'a','port':443,'protocol':'TLS','tls':{'mode':'Pass'}}"), "spec.listeners[0].tls.mode: Unsupported value: 'Pass': supported values: 'Terminate', 'Passthrough'" },
	{ NULL, L("{'name':'a','port':53,'protocol':'UDP','hostname':'a.b'}"), "spec.listeners: " ARR "hostname must not be specified for protocols ['TCP', 'UDP']" },
	{ NULL, L("{'name':'a','port':80,'protocol':'HTTP'},{'name':'a','port':81,'protocol':'HTTP'}"), "spec.listeners: " ARR "Listener name must be unique within the Gateway" },
	{ NULL, L("{'name':'a','port':80,'protocol':'HTTP'},{'name':'b','port':80,'protocol':'HTTP'}"), "spec.listeners: " ARR "Combination of port, protocol and hostname must be unique for each listener" },
	{ NULL, L("{'name':'a','port':80,'protocol':'HTTP','hostname':'a.b'},{'name':'b','port':80,'protocol':'HTTP'}"), "" },
	{ NULL, L("{'name':'a','port':443,'protocol':'TLS','tls':{" CERT "}}"), "spec.listeners: " ARR "tls mode must be set for protocol TLS" },
	{ NULL, ONE(",'allowedRoutes':{'namespaces':{'from':'None'}}"), "spec.listeners[0].allowedRoutes.namespaces.from: Unsupported value: 'None': supported values: 'All', 'Selector', 'Same'" },
	{ NULL, ADDRESSES("{'value':'10.0.0.1'},{'type':'IPAddress','value':'10.0.0.2'},{},{}"), "" },
	{ NULL, ADDRESSES("{'value':'10.0.0.1'},{'type':'IPAddress','value':'10.0.0.1'}"), "spec.addresses: " ARR "IPAddress values must be unique" },
	{ NULL, ADDRESSES("{'type':'Hostname','value':'a.b'},{'type':'Hostname','value':'a.b'}"), "spec.addresses: " ARR "Hostname values must be unique" },
	{ NULL, O("'gatewayClassName':'g','allowedListeners':{'namespaces':{'from':'None'}},'listeners':[{'name':'a','port':80,'protocol':'HTTP'}]"), "" },
	{ NULL, O("'gatewayClassName':'g','allowedListeners':{'namespaces':{'from':'Some'}},'listeners':[{'name':'a','port':80,'protocol':'HTTP'}]"), "spec.allowedListeners.namespaces.from: Unsupported value: 'Some': supported values: 'All', 'Selector', 'Same', 'None'" },
	{ NULL, ONE(",'allowedRoutes':{'namespaces':{'from':'Some'}}"), "spec.listeners[0].allowedRoutes.namespaces.from: Unsupported value: 'Some': supported values: 'All', 'Selector', 'Same'" },
};

#define SET(list) O("'parentRef':{'name':'g'},'listeners':[" list "]")

static const struct row listener_sets[] = {
	{ NULL, SET("{'name':'a','port':80,'protocol':'HTTP'}"), "" },
	{ NULL, O(""), "spec.parentRef: Required value; spec.listeners: Required value" },
	{ NULL, O("'parentRef':{},'listeners':[{'name':'a','port':80,'protocol':'HTTP'}]"), "spec.parentRef.name: Required value" },
	{ NULL, SET(""), "spec.listeners: Invalid value: 0: spec.listeners in body should have at least 1 items" },
	{ NULL, SET("{'name':'a','port':0,'protocol':'HTTP'}"), "spec.listeners[0].port: Invalid value: 0: spec.listeners[0].port in body should be greater than or equal to 1" },
	{ NULL, SET("{'name':'a','port':80,'protocol':'HTTP','hostname':'*'}"), "spec.listeners[0].hostname: Invalid value: '*': spec.listeners[0].hostname in body should match '" HOST "'" },
	{ NULL, SET("{'name':'a','port':80,'protocol':'HTTP'},{'name':'a','port':81,'protocol':'HTTP'}"), "spec.listeners: " ARR "Listener name must be unique within the Gateway" },
	{ NULL, SET("{'name':'a','port':443,'protocol':'HTTPS','tls':{'mode':'Passthrough'}}"), "spec.listeners: " ARR "tls mode must be Terminate for protocol HTTPS" },
};

#define R(rule) O("'rules':[{" rule "}]")
#define F(filter) R("'filters':[{" filter "}]")
#define MP(path) R("'matches':[{'path':{" path "}}]")
#define AT_F "spec.rules[0].filters[0]"
#define AT_P "spec.rules[0].matches[0].path: " OBJ
#define EXACT " when type one of ['Exact', 'PathPrefix']"

static const struct row routes[] = {
	{ NULL, O(""), "" },
	{ NULL, O("'parentRefs':[{'name':'g'}],'hostnames':['a.b','*.a.b']"), "" },
	{ NULL, O("'parentRefs':[{}]"), "spec.parentRefs[0].name: Required value" },
	{ NULL, O("'parentRefs':[{'name':'g'},{'name':'g'}]"), "spec.parentRefs: " ARR "sectionName or port must be unique when parentRefs includes 2 or more references to the same parent" },
	{ NULL, O("'parentRefs':[{'name':'g'},{'name':'g','sectionName':'a'}]"), "spec.parentRefs: " ARR "sectionName or port must be specified when parentRefs includes 2 or more references to the same parent" },
	{ NULL, O("'parentRefs':[{'name':'g','sectionName':'b'},{'name':'g','sectionName':'a'}]"), "" },
	{ NULL, O("'hostnames':['A']"), "spec.hostnames[0]: Invalid value: 'A': spec.hostnames[0] in body should match '" HOST "'" },
	{ NULL, R("'backendRefs':[{'name':'s','port':80,'weight':0}]"), "" },
	{ NULL, R("'backendRefs':[{'name':'s'}]"), "spec.rules[0].backendRefs[0]: " OBJ "Must have port for Service reference" },
	{ NULL, R("'backendRefs':[{'name':'s','kind':'Other','group':'a.b'}]"), "" },
	{ NULL, R("'backendRefs':[{'port':80}]"), "spec.rules[0].backendRefs[0].name: Required value" },
	{ NULL, R("'backendRefs':[{'name':'s','port':80,'weight':-1}]"), "spec.rules[0].backendRefs[0].weight: Invalid value: -1: spec.rules[0].backendRefs[0].weight in body should be greater than or equal to 0" },
	{ NULL, R("'backendRefs':[{'name':'s','port':80,'weight':1000001}]"), "spec.rules[0].backendRefs[0].weight: Invalid value: 1000001: spec.rules[0].backendRefs[0].weight in body should be less than or equal to 1000000" },
	{ NULL, F("'type':'URLRewrite','urlRewrite':{'hostname':'a.b'}"), "" },
	{ NULL, F("'type':'URLRewrite'"), AT_F ": " OBJ "filter.urlRewrite must be specified for URLRewrite filter.type" },
	{ NULL, F("'type':'RequestMirror','urlRewrite':{}"), AT_F ": " OBJ "filter.requestMirror must be specified for RequestMirror filter.type; " AT_F ": " OBJ "filter.urlRewrite must be nil if the filter.type is not URLRewrite" },
	{ NULL, F("'urlRewrite':{}"), AT_F ".type: Required value" },
	{ NULL, F("'type':'Rewrite'"), AT_F ".type: Unsupported value: 'Rewrite': supported values: 'RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestMirror', 'RequestRedirect', 'URLRewrite', 'ExtensionRef', 'CORS', 'ExternalAuth'" },
	{ NULL, R("'filters':[{'type':'RequestRedirect','requestRedirect':{}},{'type':'URLRewrite','urlRewrite':{}}]"), "spec.rules[0].filters: " ARR "May specify either httpRouteFilterRequestRedirect or httpRouteFilterRequestRewrite, but not both" },
	{ NULL, R("'filters':[{'type':'URLRewrite','urlRewrite':{}},{'type':'URLRewrite','urlRewrite':{}}]"), "spec.rules[0].filters: " ARR "URLRewrite filter cannot be repeated" },
	{ NULL, R("'backendRefs':[{'name':'s','port':80}],'filters':[{'type':'RequestRedirect','requestRedirect':{}}]"), "spec.rules[0]: " OBJ "RequestRedirect filter must not be used together with backendRefs" },
	{ NULL, F("'type':'RequestRedirect','requestRedirect':{'statusCode':303}"), "" },
	{ NULL, F("'type':'RequestRedirect','requestRedirect':{'statusCode':304}"), AT_F ".requestRedirect.statusCode: Unsupported value: 304: supported values: '301', '302', '303', '307', '308'" },
	{ NULL, F("'type':'RequestRedirect','requestRedirect':{'scheme':'ftp'}"), AT_F ".requestRedirect.scheme: Unsupported value: 'ftp': supported values: 'http', 'https'" },
	{ NULL, F("'type':'URLRewrite','urlRewrite':{'path':{'type':'ReplaceFullPath'}}"), AT_F ".urlRewrite.path: " OBJ "replaceFullPath must be specified when type is set to 'ReplaceFullPath'" },
	{ NULL, F("'type':'URLRewrite','urlRewrite':{'path':{'type':'ReplaceFullPath','replaceFullPath':'/','replacePrefixMatch':'/'}}"), AT_F ".urlRewrite.path: " OBJ "type must be 'ReplacePrefixMatch' when replacePrefixMatch is set" },
	{ NULL, F("'type':'URLRewrite','urlRewrite':{'path':{'type':'ReplacePrefixMatch','replacePrefixMatch':'/'}}"), "" },
	{ NULL, R("'matches':[{'path':{'type':'Exact','value':'/a'}}],'filters':[{'type':'URLRewrite','urlRewrite':{'path':{'type':'ReplacePrefixMatch','replacePrefixMatch':'/'}}}]"), "spec.rules[0]: " OBJ "When using URLRewrite filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified" },
	{ NULL, F("'type':'RequestMirror','requestMirror':{'backendRef':{'name':'s','port':80},'percent':50}"), "" },
	{ NULL, F("'type':'RequestMirror','requestMirror':{'backendRef':{'name':'s'}}"), AT_F ".requestMirror.backendRef: " OBJ "Must have port for Service reference" },
	{ NULL, F("'type':'RequestHeaderModifier','requestHeaderModifier':{'set':[{'name':'X-A','value':'b'}],'remove':['X-B']}"), "" },
	{ NULL, F("'type':'RequestHeaderModifier','requestHeaderModifier':{'set':[{'name':'X A','value':'b'}]}"), AT_F ".requestHeaderModifier.set[0].name: Invalid value: 'X A': " AT_F ".requestHeaderModifier.set[0].name in body should match '^[A-Za-z0-9!#$%&'*+\\-.^_\\x60|~]+$'" },
	{ NULL, MP("'value':'/a'"), "" },
	{ NULL, MP("'type':'Regex'"), "spec.rules[0].matches[0].path.type: Unsupported value: 'Regex': supported values: 'Exact', 'PathPrefix', 'RegularExpression'" },
	{ NULL, MP("'value':'a'"), AT_P "value must be an absolute path and start with '/'" EXACT },
	{ NULL, MP("'value':'/a//b'"), AT_P "must not contain '//'" EXACT },
	{ NULL, MP("'type':'Exact','value':'/a/..'"), AT_P "must not end with '/..'" EXACT },
	{ NULL, MP("'value':'/a b'"), AT_P "must only contain valid characters (matching ^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$) for types ['Exact', 'PathPrefix']" },
	{ NULL, MP("'type':'RegularExpression','value':'a//b'"), "" },
	{ NULL, R("'matches':[{'method':'get'}]"), "spec.rules[0].matches[0].method: Unsupported value: 'get': supported values: 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'" },
	{ NULL, R("'matches':[{'headers':[{'name':'a'}]}]"), "spec.rules[0].matches[0].headers[0].value: Required value" },
	{ NULL, R("'timeouts':{'request':'10s','backendRequest':'500ms'}"), "" },
	{ NULL, R("'timeouts':{'request':'10'}"), "spec.rules[0].timeouts.request: Invalid value: '10': spec.rules[0].timeouts.request in body should match '^([0-9]{1,5}(h|m|s|ms)){1,4}$'" },
	{ NULL, R("'timeouts':{'request':'1s','backendRequest':'1m'}"), "spec.rules[0].timeouts: " OBJ "backendRequest timeout cannot be longer than request timeout" },
	{ NULL, O("'rules':[{'name':'a'},{'name':'a'}]"), "spec.rules: " ARR "Rule name must be unique within the route" },
};

static const struct row grpc[] = {
	{ NULL, R("'matches':[{'method':{'service':'a.B','method':'C'}}]"), "" },
	{ NULL, R("'matches':[{'method':{}}]"), "spec.rules[0].matches[0].method: " OBJ "One or both of 'service' or 'method' must be specified" },
	{ NULL, R("'matches':[{'method':{'service':'a/b'}}]"), "spec.rules[0].matches[0].method: " OBJ "service must only contain valid characters (matching ^(?i)\\.?[a-z_][a-z_0-9]*(\\.[a-z_][a-z_0-9]*)*$)" },
	{ NULL, R("'matches':[{'method':{'method':'a.b'}}]"), "spec.rules[0].matches[0].method: " OBJ "method must only contain valid characters (matching ^[A-Za-z_][A-Za-z_0-9]*$)" },
	{ NULL, F("'type':'URLRewrite'"), AT_F ".type: Unsupported value: 'URLRewrite': supported values: 'ResponseHeaderModifier', 'RequestHeaderModifier', 'RequestMirror', 'ExtensionRef'" },
};

static const struct row tcp[] = {
	{ NULL, R("'backendRefs':[{'name':'s','port':80}]"), "" },
	{ NULL, O(""), "spec.rules: Required value" },
	{ NULL, R(""), "spec.rules[0].backendRefs: Required value" },
	{ NULL, R("'backendRefs':[]"), "spec.rules[0].backendRefs: Invalid value: 0: spec.rules[0].backendRefs in body should have at least 1 items" },
	{ NULL, R("'backendRefs':[{'name':'s'}]"), "spec.rules[0].backendRefs[0]: " OBJ "Must have port for Service reference" },
};

static const struct row grants[] = {
	{ NULL, O("'from':[{'group':'gateway.networking.k8s.io','kind':'HTTPRoute','namespace':'a'}],'to':[{'group':'','kind':'Service'}]"), "" },
	{ NULL, O("'from':[],'to':[{'group':'','kind':'Service'}]"), "spec.from: Invalid value: 0: spec.from in body should have at least 1 items" },
	{ NULL, O("'from':[{'group':'','kind':'Service','namespace':'A'}],'to':[{'group':'','kind':'Service'}]"), "spec.from[0].namespace: Invalid value: 'A': spec.from[0].namespace in body should match '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'" },
};

#define BT(v) O("'targetRefs':[{'group':'','kind':'Service','name':'s'}],'validation':{'hostname':'a.b'" v "}")

static const struct row policies[] = {
	{ NULL, BT(",'wellKnownCACertificates':'System'"), "" },
	{ NULL, BT(""), "spec.validation: " OBJ "must specify either CACertificateRefs or WellKnownCACertificates" },
	{ NULL, BT(",'wellKnownCACertificates':'System','caCertificateRefs':[{'group':'','kind':'ConfigMap','name':'a'}]"), "spec.validation: " OBJ "must not contain both CACertificateRefs and WellKnownCACertificates" },
	{ NULL, BT(",'wellKnownCACertificates':'knetd.io/own'"), "" },
	{ NULL, BT(",'wellKnownCACertificates':'Own'"), "spec.validation.wellKnownCACertificates: Invalid value: 'Own': spec.validation.wellKnownCACertificates in body should match '^(System|([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]))$'" },
};

static const struct row pools[] = {
	{ NULL, O("'addresses':['192.0.2.0/28','192.0.2.20-192.0.2.30','fd00::/120']"), "" },
	{ NULL, O("'addresses':['192.0.2.9','192.0.2.20 - 192.0.2.30'],'interfaces':['eth0']"), "" },
	{ NULL, O("'node':true"), "" },
	{ NULL, O("'node':false"), "spec.addresses: Required value: there are no addresses, and node is not set" },
	{ NULL, O("'addresses':[]"), "spec.addresses: Required value: there are no addresses, and node is not set" },
	{ NULL, "{'metadata':{'name':'knetd.ini'},'spec':{'node':true}}", "metadata.name: Invalid value: 'knetd.ini': is the name of the pool that [lb] pools makes" },
	{ NULL, O("'addresses':['127.0.0.9']"), "spec.addresses[0]: Invalid value: '127.0.0.9': may not hold addresses that no host can have (unspecified, loopback, link-local IPv6, multicast)" },
	{ NULL, O("'addresses':['200.0.0.0-230.0.0.0']"), "spec.addresses[0]: Invalid value: '200.0.0.0-230.0.0.0': may not hold addresses that no host can have (unspecified, loopback, link-local IPv6, multicast)" },
	{ NULL, O("'node':true,'interfaces':['eth0','a/b','']"), "spec.interfaces[1]: Invalid value: 'a/b': must be the name of a link (eth0); spec.interfaces[2]: Invalid value: '': must be the name of a link (eth0)" },
	{ NULL, O(""), "spec.addresses: Required value: there are no addresses, and node is not set" },
	{ NULL, O("'addresses':['x']"), "spec.addresses[0]: Invalid value: 'x': must be a CIDR (192.0.2.0/28), a range (192.0.2.10-192.0.2.20) or an address" },
	{ NULL, O("'addresses':['192.0.2.30-192.0.2.20']"), "spec.addresses[0]: Invalid value: '192.0.2.30-192.0.2.20': must be a CIDR (192.0.2.0/28), a range (192.0.2.10-192.0.2.20) or an address" },
	{ NULL, O("'addresses':['192.0.2.0/28','192.0.2.15-192.0.2.20']"), "spec.addresses[1]: Invalid value: '192.0.2.15-192.0.2.20': overlaps with '192.0.2.0/28'" },
};
// clang-format on

static void test_gateway_kinds(void **state)
{
	(void)state;
	RUN_ROWS(KIND_GATEWAYCLASS, classes);
	RUN_ROWS(KIND_GATEWAY, gateways);
	RUN_ROWS(KIND_LISTENERSET, listener_sets);
	RUN_ROWS(KIND_HTTPROUTE, routes);
	RUN_ROWS(KIND_GRPCROUTE, grpc);
	RUN_ROWS(KIND_TCPROUTE, tcp);
	RUN_ROWS(KIND_UDPROUTE, tcp);
	RUN_ROWS(KIND_REFERENCEGRANT, grants);
	RUN_ROWS(KIND_BACKENDTLSPOLICY, policies);
	RUN_ROWS(KIND_ADDRESSPOOL, pools);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gateway_kinds),
	};

	if (conf_load(NULL, NULL))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
