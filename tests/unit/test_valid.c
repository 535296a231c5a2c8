/* test_valid.c - types, unknown fields, what is filled in, strategic patches. Each kind's rules:
 * test_valid_*.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>

#include <knetd/conf.h>

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
	{ KIND_SERVICE, NAMED "\"spec\":{\"ports\":[],\"ports\":[]}}",
	  NULL }, /* "ports" twice: not read at all */
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
		        "\"sessionAffinity\":\"None\",\"internalTrafficPolicy\":\"Cluster\","
		        "\"ipFamilyPolicy\":\"SingleStack\",\"ipFamilies\":[\"IPv4\"]}"
		        ",\"status\":{\"loadBalancer\":{}}}" },
		{ KIND_SERVICE,
		  NAMED "\"spec\":{\"ports\":[{\"port\":80,\"targetPort\":\"http\",\"protocol\":"
		        "\"UDP\"}],\"type\":"
		        "\"LoadBalancer\",\"sessionAffinity\":\"ClientIP\"}}",
		  NAMED "\"spec\":{\"ports\":[{\"port\":80,\"targetPort\":\"http\",\"protocol\":"
		        "\"UDP\"}],\"type\":\"LoadBalancer\","
		        "\"sessionAffinity\":\"ClientIP\",\"sessionAffinityConfig\":{"
		        "\"clientIP\":{\"timeoutSeconds\":10800}},\"internalTrafficPolicy\":"
		        "\"Cluster\",\"externalTrafficPolicy\":\"Cluster\","
		        "\"allocateLoadBalancerNodePorts\":true,\"ipFamilyPolicy\":"
		        "\"SingleStack\",\"ipFamilies\":[\"IPv4\"]}"
		        ",\"status\":{\"loadBalancer\":{}}}" },
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

	if (conf_load(NULL, NULL))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
