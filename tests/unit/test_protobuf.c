/* test_protobuf.c - protobuf bodies: one a line in a notation of this test's own (encode), and the
 * object that is read from it, or what is said. Real bytes of a Go client stand at the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>

#include "../../modules/api/api.h"
#include "../../modules/api/fields.h"

/* ---- an encoder ----------------------------------------------------------------------------- */

static void put_varint(struct buf *b, uint64_t n)
{
	for (; n >= 128; n >>= 7)
		buf_add(b, &(char){ (char)(n | 128) }, 1);
	buf_add(b, &(char){ (char)n }, 1);
}

/* "1:5" a number, "1:'ab'" bytes, "1{...}" a message, "1%" eight bytes, "x0aff" raw bytes. */
static const char *encode(const char *s, struct buf *b)
{
	while (*s && *s != '}') {
		char *next;
		uint64_t tag;

		if (*s == ' ') {
			s++;
			continue;
		}
		if (*s == 'x') {
			for (s++; *s && *s != ' ' && *s != '}'; s += 2) {
				char hex[] = { s[0], s[1], 0 };

				buf_add(b, &(char){ (char)strtoul(hex, NULL, 16) }, 1);
			}
			continue;
		}
		tag = strtoul(s, &next, 10) << 3;
		s = next + 1;
		if (*next == '{') {
			auto_buf struct buf inner = { 0 };

			s = encode(s, &inner) + 1;
			put_varint(b, tag | 2);
			put_varint(b, inner.len);
			buf_add(b, inner.data, inner.len);
		} else if (*next == '%') {
			put_varint(b, tag | 1);
			buf_add(b, "12345678", 8);
		} else if (*s == '\'') {
			size_t n = strcspn(s + 1, "'");

			put_varint(b, tag | 2);
			put_varint(b, n);
			buf_add(b, s + 1, n);
			s += n + 2;
		} else {
			put_varint(b, tag);
			put_varint(b, (uint64_t)strtoll(s, &next, 10));
			s = next;
		}
	}
	return s;
}

static void check_bytes(const struct message *m, const char *bytes, size_t n, const char *wanted)
{
	auto_arena struct arena a = { 0 };
	auto_free char *json = NULL;
	struct documents d;
	struct err e = { 0 };

	if (protobuf_read(m, bytes, n, &a, &d, &e)) {
		assert_string_equal(e.text, wanted);
	} else {
		json = yyjson_mut_val_write(d.v[0].root, 0, NULL);
		assert_non_null(json);
		assert_string_equal(json, wanted);
	}
	documents_free(&d);
}

/* The envelope around an object, and the NUL that stands behind a body. */
static void wrap(const struct buf *object, struct buf *out)
{
	buf_add(out, "k8s", 4);
	put_varint(out, 2 << 3 | 2);
	put_varint(out, object->len);
	buf_add(out, object->data, object->len);
	buf_add(out, "", 1);
}

static void check(const struct message *m, const char *object, const char *wanted)
{
	auto_buf struct buf b = { 0 }, inner = { 0 };

	encode(object, &inner);
	wrap(&inner, &b);
	check_bytes(m, b.data, b.len - 1, wanted);
}

/* ---- objects -------------------------------------------------------------------------------- */

static const struct {
	enum kind kind;
	const char *bytes, *json;
} cases[] = {
	{ KIND_CONFIGMAP, "", "{}" },
	/* zero values are nothing said, except where they are */
	{ KIND_CONFIGMAP, "1{1:'x' 2:'' 3:'' 7:0 8{}}", "{\"metadata\":{\"name\":\"x\"}}" },
	{ KIND_CONFIGMAP, "1{1:''} 4:0", "{\"immutable\":false}" },
	{ KIND_SERVICE, "2{1{1:'' 2:'TCP' 3:80 4{1:0 2:0 3:''} 5:0} 3:'' 4:'' 7:'' 13:0} 3{1{}}",
	  "{\"spec\":{\"ports\":[{\"protocol\":\"TCP\",\"port\":80}]}}" },
	{ KIND_NETWORKPOLICY, "1{1:'x'} 2{1{} 2{2{1{}}}}",
	  "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"podSelector\":{},\"ingress\":[{\"from\":[{"
	  "\"podSelector\":{}}]}]}}" },
	/* maps, bytes, base64 */
	{ KIND_CONFIGMAP, "2{1:'a' 2:'b'} 2{1:'c'} 2{} 3{1:'f' 2:'foobar'}",
	  "{\"data\":{\"a\":\"b\",\"c\":\"\",\"\":\"\"},\"binaryData\":{\"f\":\"Zm9vYmFy\"}}" },
	{ KIND_SECRET, "2{1:'k' 2:'f'} 2{1:'l' 2:'fo'} 3:'Opaque'",
	  "{\"data\":{\"k\":\"Zg==\",\"l\":\"Zm8=\"},\"type\":\"Opaque\"}" },
	{ KIND_CONFIGMAP, "2{1:'a' 2:'b'} 2{1:'a' 2:'c'}", "protobuf: data: duplicate key \"a\"" },
	/* int or string */
	{ KIND_SERVICE, "2{1{3:80 4{1:1 3:'http'}} 1{3:81 4{2:8081}}}",
	  "{\"spec\":{\"ports\":[{\"port\":80,\"targetPort\":\"http\"},{\"port\":81,"
	  "\"targetPort\":8081}]}}" },
	{ KIND_NETWORKPOLICY, "2{2{1{2{1:0 2:0}}}}",
	  "{\"spec\":{\"ingress\":[{\"ports\":[{\"port\":0}]}]}}" },
	{ KIND_SERVICE, "2{1{4{1:2}}}",
	  "protobuf: spec.ports[0].targetPort: not an int32 or string" },
	/* times */
	{ KIND_CONFIGMAP, "1{8{1:0 2:0} 9{}}",
	  "{\"metadata\":{\"creationTimestamp\":\"1970-01-01T00:00:00Z\"}}" },
	{ KIND_CONFIGMAP, "1{8{1:1735689599 2:999999999}}",
	  "{\"metadata\":{\"creationTimestamp\":\"2024-12-31T23:59:59Z\"}}" },
	{ KIND_EVENT, "10{1:1735689599 2:123456789}",
	  "{\"eventTime\":\"2024-12-31T23:59:59.123456Z\"}" },
	{ KIND_CONFIGMAP, "1{8{1:253402300800}}",
	  "protobuf: metadata.creationTimestamp: not a time" },
	/* an embedded message has no name in JSON */
	{ KIND_INGRESS, "2{3{1:'a.b' 2{1{1{1:'/' 3:'Prefix' 2{4{1:'s' 2{1:'' 2:80}}}}}}}}",
	  "{\"spec\":{\"rules\":[{\"host\":\"a.b\",\"http\":{\"paths\":[{\"path\":\"/\","
	  "\"pathType\":\"Prefix\",\"backend\":{\"service\":{\"name\":\"s\",\"port\":{\"number\":"
	  "80}}}}]}}]}}" },
	/* quantities, FieldsV1 */
	{ KIND_POD, "2{2{1:'c' 8{1{1:'cpu' 2{1:'100m'}} 1{1:'memory' 2{}}}}}",
	  "{\"spec\":{\"containers\":[{\"name\":\"c\",\"resources\":{\"limits\":{\"cpu\":\"100m\","
	  "\"memory\":\"0\"}}}]}}" },
	{ KIND_CONFIGMAP, "1{17{1:'m' 2:'Update' 4{1:1} 7{1:'{\"f:data\":{\"f:a\":{}}}'}}}",
	  "{\"metadata\":{\"managedFields\":[{\"manager\":\"m\",\"operation\":\"Update\",\"time\":"
	  "\"1970-01-01T00:00:01Z\",\"fieldsV1\":{\"f:data\":{\"f:a\":{}}}}]}}" },
	{ KIND_CONFIGMAP, "1{17{7{1:'[1'}}}",
	  "protobuf: metadata.managedFields[0].fieldsV1: JSON: line 1: unexpected end of data" },
	/* numbers: signs, ranges; pieces of one message; what is repeated */
	{ KIND_POD, "2{25:-5 4:-1}",
	  "{\"spec\":{\"priority\":-5,"
	  "\"terminationGracePeriodSeconds\":-1}}" },
	{ KIND_POD, "2{25:4294967296}", "protobuf: spec.priority: 4294967296 is not an int32" },
	{ KIND_SERVICE, "2{3:'None'} 2{7:'None' 3:'10.0.0.1'} 2{7:''}",
	  "{\"spec\":{\"clusterIP\":\"10.0.0.1\"}}" },
	{ KIND_CONFIGMAP, "1{14:'a' 14:''}", "{\"metadata\":{\"finalizers\":[\"a\",\"\"]}}" },
	/* unknown numbers are skipped, whatever they hold */
	{ KIND_CONFIGMAP, "900:1 901:'x' 902% 903{1:1} 4:1", "{\"immutable\":true}" },
	/* what is refused */
	{ KIND_CONFIGMAP, "4:'x'", "protobuf: immutable: proto: wrong wireType = 2" },
	{ KIND_SERVICE, "2{1:5}", "protobuf: spec.ports[0]: proto: wrong wireType = 0" },
	{ KIND_CONFIGMAP, "2:1", "protobuf: data: proto: wrong wireType = 0" },
	{ KIND_CONFIGMAP, "2{1:7}", "protobuf: data: proto: wrong wireType = 0" },
	{ KIND_SERVICE, "2{1{3:80} 1{x1808}} 3{}",
	  "{\"spec\":{\"ports\":[{\"port\":80},{\"port\":8}]}}" },
	{ KIND_SERVICE, "2{1{3:80} 1{x0a7f41}}", "protobuf: spec.ports[1]: unexpected EOF" },
	{ KIND_SERVICE, "2{1{x18ffffffffffffffffff7f}}",
	  "protobuf: spec.ports[0]: proto: integer overflow" },
	{ KIND_SERVICE, "2{x0001}", "protobuf: spec: proto: illegal tag" },
	{ KIND_SERVICE, "2{x0b}", "protobuf: spec: proto: illegal wireType" },
	{ KIND_CONFIGMAP, "1{1{xc328}}", "protobuf: metadata.name: not UTF-8" },
	{ KIND_CONFIGMAP, "2{1{xff} 2:'a'}", "protobuf: data: not UTF-8" },
	{ KIND_CONFIGMAP, "1{1{xe2}}", "protobuf: metadata.name: not UTF-8" },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check(kind_message[cases[i].kind], cases[i].bytes, cases[i].json);
}

static void test_packed(void **state)
{
	static const struct field fields[] = {
		{ "n", FIELD_INT64, FIELD_LIST, 1, NULL, NULL, "" },
		{ "m", FIELD_INT32, FIELD_MAP, 2, NULL, NULL, "" },
		{ NULL, 0, 0, 0, NULL, NULL, NULL },
	};
	static const struct message m = { "Numbers", "", fields };

	(void)state;
	check(&m, "1:1 1{x02ac02} 1:3 2{1:'a' 2:7} 2{1:'b'}",
	      "{\"n\":[1,2,300,3],\"m\":{\"a\":7,\"b\":0}}");
	check(&m, "1{x0280}", "protobuf: n[0]: unexpected EOF");
}

/* ---- the envelope --------------------------------------------------------------------------- */

static void envelope(const struct message *m, const char *text, const char *wanted)
{
	auto_buf struct buf b = { 0 };

	buf_add(&b, "k8s", 4);
	encode(text, &b);
	buf_add(&b, "", 1);
	check_bytes(m, b.data, b.len - 1, wanted);
}

static void test_envelope(void **state)
{
	const struct message *m = kind_message[KIND_CONFIGMAP];

	(void)state;
	envelope(m, "1{1:'v1' 2:'ConfigMap'} 2{1{1:'x'}} 3:'' 4:''",
	         "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"x\"}}");
	envelope(m, "1{1:'v1' 2:'Secret'} 2{1:5}", "{\"apiVersion\":\"v1\",\"kind\":\"Secret\"}");
	envelope(m, "1{}", "{}");
	envelope(m, "2:1", "protobuf: proto: wrong wireType = 0");
	envelope(m, "3:'gzip'", "protobuf: an encoded object inside is not read");
	envelope(m, "x12", "protobuf: unexpected EOF");
	envelope(&meta_delete_options,
	         "1{2:'DeleteOptions'} 2{1:0 2{1:'u'} 4:'Background' 5:'All'}",
	         "{\"kind\":\"DeleteOptions\",\"gracePeriodSeconds\":0,\"preconditions\":{\"uid\":"
	         "\"u\"},\"propagationPolicy\":\"Background\",\"dryRun\":[\"All\"]}");
	check_bytes(m, "k8s", 3,
	            "provided data does not appear to be a protobuf message, expected "
	            "prefix [107 56 115 0]");
	check_bytes(m, "{\"kind\"}", 8,
	            "provided data does not appear to be a protobuf message, "
	            "expected prefix [107 56 115 0]");
	assert_true(message_has_protobuf(m));
	assert_false(message_has_protobuf(kind_message[KIND_HTTPROUTE]));
}

/* What kubectl 1.32 sent for "create service clusterip web --tcp=80:8080 --tcp=443:https" and
 * "create ingress in --rule=a.b/x*=web:80,tls=t --default-backend=d:http". */
// clang-format off
static const char kubectl_service[] =
	"x0a0d0a027631120753657276696365128d010a1f0a0377656212001a0022002a003200380042005a0a0a036"
	"17070120377656212660a1b0a0738302d38303830120354435018502207080010903f1a0028000a220a09343"
	"4332d6874747073120354435018bb03220b080110001a0568747470732800120a0a0361707012037765621a0"
	"02209436c757374657249503a00420052005a00600068001a020a001a002200";
static const char kubectl_ingress[] =
	"x0a1f0a146e6574776f726b696e672e6b38732e696f2f76311207496e6772657373125d0a120a02696e12001"
	"a0022002a0032003800420012430a0f220d0a016412080a0468747470100012080a03612e621201741a260a0"
	"3612e62121f0a1d0a1b0a022f78120d220b0a0377656212040a0010501a065072656669781a020a001a00220"
	"0";
// clang-format on

static void test_bytes_of_kubectl(void **state)
{
	(void)state;
	envelope(kind_message[KIND_SERVICE], kubectl_service,
	         "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"web\","
	         "\"labels\":{\"app\":\"web\"}},\"spec\":{\"ports\":[{\"name\":\"80-8080\","
	         "\"protocol\":\"TCP\",\"port\":80,\"targetPort\":8080},{\"name\":\"443-https\","
	         "\"protocol\":\"TCP\",\"port\":443,\"targetPort\":\"https\"}],\"selector\":{"
	         "\"app\":\"web\"},\"type\":\"ClusterIP\"}}");
	envelope(kind_message[KIND_INGRESS], kubectl_ingress,
	         "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"Ingress\",\"metadata\":{"
	         "\"name\":\"in\"},\"spec\":{\"defaultBackend\":{\"service\":{\"name\":\"d\","
	         "\"port\":{\"name\":\"http\"}}},\"tls\":[{\"hosts\":[\"a.b\"],\"secretName\":"
	         "\"t\"}],\"rules\":[{\"host\":\"a.b\",\"http\":{\"paths\":[{\"path\":\"/x\","
	         "\"backend\":{\"service\":{\"name\":\"web\",\"port\":{\"number\":80}}},"
	         "\"pathType\":\"Prefix\"}]}}]}}");
}

/* A message that comes in pieces is merged, and what is looked at for each piece is counted. */
static void test_work_is_bounded(void **state)
{
	auto_buf struct buf b = { 0 }, object = { 0 };
	auto_arena struct arena a = { 0 };
	struct documents d;
	struct err e = { 0 };
	char entry[32];

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(entry, sizeof(entry), "1{11{1:'%u'}}", i);
		encode(entry, &object);
	}
	for (unsigned i = 0; i < 100000; i++)
		encode("1{}", &object);
	wrap(&object, &b);
	assert_int_not_equal(
		protobuf_read(kind_message[KIND_CONFIGMAP], b.data, b.len - 1, &a, &d, &e), 0);
	assert_string_equal(e.text, "protobuf: metadata.labels: too many members");
	documents_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),           cmocka_unit_test(test_packed),
		cmocka_unit_test(test_envelope),        cmocka_unit_test(test_bytes_of_kubectl),
		cmocka_unit_test(test_work_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
