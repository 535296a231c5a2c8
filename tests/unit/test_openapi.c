/* OpenAPI documents against the table of fields they are made from, and which form an Accept header
 * gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>

#include "../../modules/api/api_form.h"
#include "../../modules/api/api_openapi.h"

static bool lists(yyjson_val *list, const char *text)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (list, i, n, v)
		if (yyjson_equals_str(v, text))
			return true;
	return false;
}

static void check_fields(yyjson_val *schema, const struct message *m)
{
	yyjson_val *properties = yyjson_obj_get(schema, "properties");

	for (const struct field *f = m->fields; f->name; f++) {
		yyjson_val *p = yyjson_obj_get(properties, f->name);

		if (f->how & FIELD_EMBEDDED) {
			check_fields(schema, f->message);
			continue;
		}
		if (!p)
			fail_msg("%s.%s is not in the document", m->name, f->name);
		assert_int_equal(lists(yyjson_obj_get(schema, "required"), f->name),
		                 (f->how & FIELD_REQUIRED) != 0);
		assert_int_equal(yyjson_obj_get(p, "x-kubernetes-patch-merge-key") != NULL,
		                 f->keys && *f->keys);
		assert_int_equal(yyjson_equals_str(yyjson_obj_get(p, "type"), "array"),
		                 (f->how & FIELD_LIST) != 0);
	}
}

static void test_v3_says_the_table(void **state)
{
	(void)state;
	for (int k = 0; k < KIND_COUNT; k++) {
		auto_buf struct buf b = { 0 };
		auto_doc yyjson_doc *doc = NULL;
		yyjson_val *schemas;
		struct messages all;

		openapi_v3_write(&b, kind_info[k].group, kind_info[k].version);
		doc = yyjson_read(b.data, b.len, 0);
		assert_non_null(doc);
		schemas = json_at(yyjson_doc_get_root(doc), "components.schemas");
		messages_collect(&all, kind_info[k].group, kind_info[k].version);
		assert_true(all.n < MESSAGES_MAX);
		for (size_t i = 0; i < all.n; i++) {
			yyjson_val *schema = yyjson_obj_get(schemas, all.v[i]->name);

			assert_non_null(schema);
			check_fields(schema, all.v[i]);
			assert_int_equal(yyjson_is_arr(yyjson_obj_get(
						 schema, "x-kubernetes-group-version-kind")),
			                 message_kind(all.v[i]) >= 0);
		}
		assert_non_null(yyjson_obj_get(schemas, kind_message[k]->name));
	}
}

/* The length of one protobuf message, walked field by field; 0 when it is broken. */
static size_t fields_in(const unsigned char *p, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; count++) {
		uint64_t len = 0;
		unsigned shift = 0;

		for (int part = 0; part < 2; part++) {
			len = shift = 0;
			do {
				if (i == n || shift > 28)
					return 0;
				len |= (uint64_t)(p[i] & 0x7f) << shift;
				shift += 7;
			} while (p[i++] & 0x80);
			if (!part && (len & 7) != 2)
				return 0;
		}
		if (len > n - i)
			return 0;
		i += len;
	}
	return count;
}

static void test_v2_has_every_kind(void **state)
{
	auto_buf struct buf b = { 0 };

	(void)state;
	openapi_v2_write(&b);
	assert_int_equal(fields_in((unsigned char *)b.data, b.len), 4);
	for (int k = 0; k < KIND_COUNT; k++) {
		const char *name = kind_message[k]->name;

		assert_non_null(memmem(b.data, b.len, name, strlen(name)));
		name = kind_info[k].plural;
		assert_non_null(memmem(b.data, b.len, name, strlen(name)));
	}
}

static void test_first_form_that_can_be_made(void **state)
{
	static const struct {
		const char *accept;
		unsigned can;
		enum form form;
	} cases[] = {
		{ "", FORMS_OBJECT, FORM_JSON },
		{ "application/json", FORMS_OBJECT, FORM_JSON },
		{ "application/json, */*", FORMS_OBJECT, FORM_JSON },
		{ "application/yaml,application/json", FORMS_OBJECT, FORM_YAML },
		{ "application/json,application/yaml", FORMS_OBJECT, FORM_JSON },
		{ "application/vnd.kubernetes.protobuf", FORMS_OBJECT, FORM_NONE },
		{ "application/vnd.kubernetes.protobuf,application/json", FORMS_OBJECT, FORM_JSON },
		{ "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;"
		  "v=v1beta1;g=meta.k8s.io,application/json",
		  FORMS_OBJECT, FORM_TABLE },
		{ "application/json;as=Table;v=v1beta1;g=meta.k8s.io", FORMS_OBJECT,
		  FORM_TABLE_V1BETA1 },
		{ "application/json;as=Table;v=v9;g=meta.k8s.io", FORMS_OBJECT, FORM_NONE },
		{ "application/json;as=Table;v=v1;g=meta.k8s.io,application/json", FORMS_PLAIN,
		  FORM_JSON },
		{ "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;v=v1;g=meta."
		  "k8s.io,application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
		  FORMS_OBJECT, FORM_METADATA },
		{ "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
		  "application/json",
		  FORMS_DISCOVERY, FORM_DISCOVERY_V2 },
		{ "application/json; g=apidiscovery.k8s.io; v=v2beta1; as=APIGroupDiscoveryList",
		  FORMS_DISCOVERY, FORM_DISCOVERY_V2BETA1 },
		{ "image/png", FORMS_OBJECT, FORM_NONE },
		{ ",,;,", FORMS_OBJECT, FORM_NONE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (form_choose(cases[i].accept, cases[i].can) != cases[i].form)
			fail_msg("%s: %d", cases[i].accept,
			         form_choose(cases[i].accept, cases[i].can));
}

static void test_version_asked_for(void **state)
{
	static const char text[] =
		"{\"metadata\":{\"name\":\"a\",\"managedFields\":[{\"apiVersion\":\"x\"}],"
		"\"annotations\":{\"a\":\"\\\"apiVersion\\\":\\\"y\\\"\"}},\"kind\":\"Gateway\","
		"\"apiVersion\":\"gateway.networking.k8s.io/v1\",\"spec\":{}}";
	const struct object o = { .kind = KIND_GATEWAY,
		                  .json = text,
		                  .json_len = sizeof(text) - 1 };
	auto_buf struct buf b = { 0 };

	(void)state;
	form_put_object(&b, &o, "v1", FORM_JSON);
	assert_int_equal(b.len, o.json_len);
	buf_reset(&b);
	form_put_object(&b, &o, "v1beta1", FORM_JSON);
	buf_add(&b, "", 1);
	assert_non_null(
		strstr(b.data, "\"apiVersion\":\"gateway.networking.k8s.io/v1beta1\",\"spec"));
	assert_non_null(strstr(b.data, "{\"apiVersion\":\"x\"}"));
	assert_int_equal(b.len, o.json_len + 5 + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v3_says_the_table),
		cmocka_unit_test(test_v2_has_every_kind),
		cmocka_unit_test(test_first_form_that_can_be_made),
		cmocka_unit_test(test_version_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
