/* test_valid.c - one object a line, and what is said about it: types, unknown fields, each kind's
 * rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>

#include "../../modules/api/api_object.h"

/* The object as checked and completed, NULL where something is wrong; said: "field: message; ..."
 */
static char *check(enum kind kind, const char *json, struct buf *said)
{
	auto_arena struct arena a = { 0 };
	struct causes causes = { .arena = &a };
	struct documents d;
	struct err e = { 0 };
	char *out = NULL;

	assert_int_equal(json_read(json, strlen(json), &a, &d, &e), 0);
	schema_check(kind, d.v[0].root, &causes);
	if (!causes.n) {
		default_object(kind, d.doc, d.v[0].root, NULL);
		valid_object(kind, d.doc, d.v[0].root, NULL, &causes);
	}
	for (unsigned i = 0; i < causes.n; i++)
		buf_printf(said, "%s: %.*s; ", causes.v[i].field,
		           (int)strcspn(causes.v[i].message, "("), causes.v[i].message);
	for (unsigned i = 0; i < causes.n_unknown; i++)
		buf_printf(said, "unknown %s; ", causes.unknown[i]);
	if (!causes.n)
		out = yyjson_mut_val_write(d.v[0].root, 0, NULL);
	documents_free(&d);
	buf_add(said, "", 1);
	return out;
}

#define NAMED "{\"metadata\":{\"name\":\"x\"},"

static const struct {
	enum kind kind;
	const char *json, *said;
} cases[] = {
	/* names and metadata */
	{ KIND_CONFIGMAP, NAMED "\"data\":{}}", "" },
	{ KIND_CONFIGMAP, "{}",
	  "metadata.name: Required value: name or generateName is required; " },
	{ KIND_CONFIGMAP, "{\"metadata\":{\"name\":\"a.b-c\"}}", "" },
	{ KIND_CONFIGMAP, "{\"metadata\":{\"name\":\"A\"}}",
	  "metadata.name: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of "
	  "lower case alphanumeric characters, "
	  "'-' or '.', and must start and end with an alphanumeric character ; " },
	{ KIND_NAMESPACE, "{\"metadata\":{\"name\":\"a.b\"}}",
	  "metadata.name: Invalid value: \"a.b\": a lowercase RFC 1123 label must consist of lower "
	  "case alphanumeric characters or "
	  "'-', and must start and end with an alphanumeric character ; " },
	{ KIND_CONFIGMAP, "{\"metadata\":{\"name\":\"x\",\"labels\":{\"a b\":\"c\",\"d\":\"-e\"}}}",
	  "metadata.labels: Invalid value: \"a b\": name part must consist of alphanumeric "
	  "characters, '-', '_' or '.'; "
	  "metadata.labels: Invalid value: \"-e\": a valid label must be an empty string or "
	  "consist of alphanumeric "
	  "characters, '-', '_' or '.'; " },
	{ KIND_CONFIGMAP,
	  "{\"metadata\":{\"name\":\"x\",\"annotations\":{\"example.com/a\":\"any thing\"}}}", "" },
	/* types, unknown fields, nulls */
	{ KIND_CONFIGMAP, NAMED "\"data\":{\"a\":1},\"colour\":\"red\"}",
	  "data.a: Invalid value: number: must be string; unknown colour; " },
	{ KIND_CONFIGMAP, NAMED "\"data\":[],\"immutable\":\"yes\"}",
	  "data: Invalid value: array: must be object of strings; immutable: Invalid value: "
	  "string: must be bool; " },
	{ KIND_CONFIGMAP, NAMED "\"data\":null}", "" },
	{ KIND_POD,
	  NAMED "\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"b\",\"ports\":[{"
	        "\"containerPort\":\"80\"}]}]}}",
	  "spec.containers[0].ports[0].containerPort: Invalid value: string: must be int32; " },
	{ KIND_POD, NAMED "\"status\":{\"podIPs\":[\"10.0.0.1\"]}}",
	  "status.podIPs[0]: Invalid value: string: must be object; " },
	/* Ingress */
	{ KIND_INGRESS, NAMED "\"spec\":{}}",
	  "spec: Invalid value: \"\": either `defaultBackend` or `rules` must be specified; " },
	{ KIND_INGRESS,
	  NAMED "\"spec\":{\"rules\":[{\"host\":\"10.0.0.1\",\"http\":{\"paths\":[{\"path\":\"a\","
	        "\"backend\":{}},"
	        "{\"path\":\"/a//"
	        "b\",\"pathType\":\"Prefix\",\"backend\":{\"service\":{\"name\":\"s\",\"port\":{"
	        "\"number\":0}}}},"
	        "{\"path\":\"b\",\"pathType\":\"Exact\",\"backend\":{\"service\":{\"name\":\"s\","
	        "\"port\":{\"name\":\"http\"}}}}]}}]}}",
	  "spec.rules[0].host: Invalid value: \"10.0.0.1\": must be a DNS name, not an IP address; "
	  "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified; "
	  "spec.rules[0].http.paths[0].backend: Required value: service or resource backend is "
	  "required; "
	  "spec.rules[0].http.paths[1].path: Invalid value: \"/a//b\": must not contain '//', "
	  "'/./', '/../' or '%2f'; "
	  "spec.rules[0].http.paths[1].backend.service.port.number: Invalid value: 0: must be "
	  "between 1 and 65535, inclusive; "
	  "spec.rules[0].http.paths[2].path: Invalid value: \"b\": must be an absolute path; " },
	{ KIND_INGRESS,
	  NAMED
	  "\"spec\":{\"defaultBackend\":{\"service\":{\"name\":\"s\",\"port\":{\"number\":80}}},"
	  "\"rules\":[{\"host\":\"*.example.com\"}]}}",
	  "" },
	/* EndpointSlice */
	{ KIND_ENDPOINTSLICE, NAMED "\"endpoints\":[]}", "addressType: Required value; " },
	{ KIND_ENDPOINTSLICE,
	  NAMED "\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"fd00::1\"]},{"
	        "\"addresses\":[]}],\"ports\":[{\"port\":0}]}",
	  "endpoints[0].addresses[0]: Invalid value: \"fd00::1\": must be an IPv4 address; "
	  "endpoints[1].addresses: Required value: must contain at least 1 address; "
	  "ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive; " },
	/* NetworkPolicy */
	{ KIND_NETWORKPOLICY,
	  NAMED "\"spec\":{\"podSelector\":{},\"ingress\":[{\"from\":[{\"ipBlock\":{\"cidr\":\"10."
	        "0.0.0/8\",\"except\":[\"11.0.0.0/8\"]}},"
	        "{}],\"ports\":[{\"port\":90,\"endPort\":80}]}],\"policyTypes\":[\"Sideways\"]}}",
	  "spec.ingress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to "
	  "`port`; "
	  "spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: \"11.0.0.0/8\": must be a "
	  "strict subset of `cidr`; "
	  "spec.ingress[0].from[1]: Required value: must specify a peer; "
	  "spec.policyTypes[0]: Unsupported value: \"Sideways\": supported values: \"Egress\", "
	  "\"Ingress\"; " },
	/* Service; what depends on other Services is in tests/api */
	{ KIND_SERVICE, "{\"metadata\":{\"name\":\"1a\"},\"spec\":{\"ports\":[{\"port\":1}]}}",
	  "metadata.name: Invalid value: \"1a\": a DNS-1035 label must consist of lower case "
	  "alphanumeric characters or '-', start "
	  "with an alphabetic character, and end with an alphanumeric character ; " },
	{ KIND_SERVICE, NAMED "\"spec\":null}", "spec.ports: Required value; " },
	{ KIND_SERVICE, NAMED "\"spec\":{\"clusterIP\":\"None\"}}", "" },
	{ KIND_SERVICE, NAMED "\"spec\":{\"type\":\"ExternalName\"}}",
	  "spec.externalName: Required value; " },
	{ KIND_SERVICE,
	  NAMED
	  "\"spec\":{\"ports\":[{\"port\":1,\"targetPort\":\"much-too-long-name\"},{\"port\":1}]}}",
	  "spec.ports[0].targetPort: Invalid value: \"much-too-long-name\": must be no more than "
	  "15 characters; "
	  "spec.ports[0].name: Required value; spec.ports[1].name: Required value; spec.ports[1]: "
	  "Duplicate value: \"1\"; " },
	{ KIND_SERVICE,
	  NAMED "\"spec\":{\"ports\":[{\"port\":1}],\"sessionAffinity\":\"ClientIP\","
	        "\"sessionAffinityConfig\":{\"clientIP\":"
	        "{\"timeoutSeconds\":0}},\"loadBalancerSourceRanges\":[\"10.0.0.0\"],\"ports\":[{"
	        "\"port\":1}]}}",
	  NULL }, /* "ports" twice: not read at all */
	{ KIND_SERVICE,
	  NAMED "\"spec\":{\"ports\":[{\"port\":1}],\"sessionAffinity\":\"ClientIP\","
	        "\"sessionAffinityConfig\":{\"clientIP\":"
	        "{\"timeoutSeconds\":0}},\"loadBalancerSourceRanges\":[\"10.0.0.0\"]}}",
	  "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: must be greater "
	  "than 0 and less than or equal to 86400; "
	  "spec.loadBalancerSourceRanges[0]: Invalid value: \"10.0.0.0\": must be a valid CIDR "
	  "value, ; " },
};

static void test_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_buf struct buf said = { 0 };
		auto_arena struct arena a = { 0 };
		struct documents d;

		if (!cases[i].said) {
			assert_int_not_equal(
				json_read(cases[i].json, strlen(cases[i].json), &a, &d, NULL), 0);
			documents_free(&d);
			continue;
		}
		free(check(cases[i].kind, cases[i].json, &said));
		if (strcmp(said.data, cases[i].said) != 0)
			fail_msg("%s\n  says %s\n  not  %s", cases[i].json, said.data,
			         cases[i].said);
	}
}

static void test_what_is_filled_in(void **state)
{
	static const struct {
		enum kind kind;
		const char *json, *want;
	} filled[] = {
		{ KIND_SERVICE, NAMED "\"spec\":{\"ports\":[{\"port\":80}]}}",
		  NAMED "\"spec\":{\"ports\":[{\"port\":80,\"protocol\":\"TCP\",\"targetPort\":80}]"
		        ",\"type\":\"ClusterIP\","
		        "\"sessionAffinity\":\"None\",\"internalTrafficPolicy\":\"Cluster\"}}" },
		{ KIND_SERVICE,
		  NAMED "\"spec\":{\"ports\":[{\"port\":80,\"targetPort\":\"http\",\"protocol\":"
		        "\"UDP\"}],\"type\":"
		        "\"LoadBalancer\",\"sessionAffinity\":\"ClientIP\"}}",
		  NAMED "\"spec\":{\"ports\":[{\"port\":80,\"targetPort\":\"http\",\"protocol\":"
		        "\"UDP\"}],\"type\":\"LoadBalancer\","
		        "\"sessionAffinity\":\"ClientIP\",\"internalTrafficPolicy\":\"Cluster\","
		        "\"externalTrafficPolicy\":\"Cluster\","
		        "\"allocateLoadBalancerNodePorts\":true,\"sessionAffinityConfig\":{"
		        "\"clientIP\":{\"timeoutSeconds\":10800}}}}" },
		{ KIND_NETWORKPOLICY, NAMED "\"spec\":{\"egress\":[{}]}}",
		  NAMED "\"spec\":{\"egress\":[{}],\"podSelector\":{},\"policyTypes\":[\"Ingress\","
		        "\"Egress\"]}}" },
		{ KIND_NAMESPACE, "{\"metadata\":{\"name\":\"x\"}}",
		  "{\"metadata\":{\"name\":\"x\",\"labels\":{\"kubernetes.io/"
		  "metadata.name\":\"x\"}},\"status\":{\"phase\":\"Active\"},\"spec\":{"
		  "\"finalizers\":[\"kubernetes\"]}}" },
		{ KIND_SECRET, NAMED "\"stringData\":{\"a\":\"hello\",\"b\":\"\"}}",
		  NAMED "\"type\":\"Opaque\",\"data\":{\"a\":\"aGVsbG8=\",\"b\":\"\"}}" },
		{ KIND_ENDPOINTSLICE,
		  NAMED "\"addressType\":\"IPv4\",\"ports\":[{\"port\":1}],\"endpoints\":null}",
		  NAMED "\"addressType\":\"IPv4\",\"ports\":[{\"port\":1,\"protocol\":\"TCP\","
		        "\"name\":\"\"}],\"endpoints\":[]}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(filled); i++) {
		auto_buf struct buf said = { 0 };
		auto_free char *got = check(filled[i].kind, filled[i].json, &said);

		assert_string_equal(said.data, "");
		assert_string_equal(got, filled[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_wrong),
		cmocka_unit_test(test_what_is_filled_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
