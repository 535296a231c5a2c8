/* The table of fields: each message reachable from a kind holds together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>

#include "../../modules/api/fields.h"

static const struct message *seen[1024];
static size_t n_seen;

static bool is_scalar(const struct field *f)
{
	return f->type < FIELD_OBJECT && !(f->how & (FIELD_LIST | FIELD_MAP));
}

static void check_keys(const struct message *m, const struct field *f)
{
	char keys[128], *save, *key;

	if (f->how & FIELD_SET) {
		assert_true(f->how & FIELD_LIST && f->type < FIELD_OBJECT);
		assert_string_equal(f->keys, "");
		return;
	}
	if (!f->keys)
		return;
	assert_true(f->how & FIELD_LIST && f->type == FIELD_OBJECT);
	snprintf(keys, sizeof(keys), "%s", f->keys);
	for (key = strtok_r(keys, ",", &save); key; key = strtok_r(NULL, ",", &save)) {
		const struct field *member = field_find(f->message, key);

		if (!member || !is_scalar(member))
			fail_msg("%s.%s: no scalar member %s", m->name, f->name, key);
	}
}

static void check_field(const struct message *m, const struct field *f)
{
	assert_true(f->type <= FIELD_OPEN);
	assert_true((f->type == FIELD_OBJECT) == (f->message != NULL));
	assert_false(f->how & FIELD_LIST && f->how & FIELD_MAP);
	assert_true((*f->name == 0) == ((f->how & FIELD_EMBEDDED) != 0));
	if (field_find(m, f->name) != f && *f->name)
		fail_msg("%s.%s is there twice", m->name, f->name);
	for (const struct field *o = m->fields; f->number && o != f; o++)
		if (o->number == f->number)
			fail_msg("%s: %s and %s have number %u", m->name, o->name, f->name,
			         f->number);
	check_keys(m, f);
}

static void walk(const struct message *m)
{
	for (size_t i = 0; i < n_seen; i++) {
		if (seen[i] == m)
			return;
		if (!strcmp(seen[i]->name, m->name))
			fail_msg("two messages are named %s", m->name);
	}
	assert_true(n_seen < ARRAY_LEN(seen));
	seen[n_seen++] = m;
	for (const struct field *f = m->fields; f->name; f++) {
		check_field(m, f);
		if (f->message)
			walk(f->message);
	}
}

static void test_messages_hold_together(void **state)
{
	(void)state;
	n_seen = 0;
	for (int k = 0; k < KIND_COUNT; k++) {
		const struct message *m = kind_message[k];

		assert_ptr_equal(field_find(m, "apiVersion"), &m->fields[0]);
		assert_ptr_equal(field_find(m, "kind"), &m->fields[1]);
		assert_string_equal(strrchr(m->name, '.') + 1, kind_info[k].kind);
		assert_true((field_find(m, "status") != NULL) >= kind_info[k].has_status);
		walk(m);
	}
	assert_true(n_seen > 250);
}

static bool has_own_docs(const char *name)
{
	static const char *const kinds[] = {
		"meta.v1.", "discovery.v1.", "networking.v1.",    "gateway.",       ".policy.",
		"knetd.",   "core.v1.End",   "core.v1.Namespace", "core.v1.Service"
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strstr(name, kinds[i]) && !strstr(name, "ServiceAccount"))
			return true;
	return false;
}

/* `kubectl explain` has a sentence for every field of the networking kinds. */
static void test_networking_fields_are_explained(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_seen; i++) {
		const struct message *m = seen[i];

		if (!has_own_docs(m->name))
			continue;
		if (!*m->doc)
			fail_msg("%s has no sentence", m->name);
		for (const struct field *f = m->fields; f->name; f++)
			if (*f->name && !strchr(f->doc, ' ') && !strchr(f->doc, '.'))
				fail_msg("%s.%s has no sentence", m->name, f->name);
	}
}

/* Custom resources are never protobuf; all that a Go client sends as protobuf has numbers. */
static void test_protobuf_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_seen; i++) {
		bool custom = strstr(seen[i]->name, "gateway.") ||
		              strstr(seen[i]->name, ".policy.") || strstr(seen[i]->name, "knetd.");

		for (const struct field *f = seen[i]->fields; f->name; f++) {
			bool type_meta = !strcmp(f->name, "apiVersion") || !strcmp(f->name, "kind");

			if (custom ? f->number != 0 : !f->number && !type_meta)
				fail_msg("%s.%s has number %u", seen[i]->name, f->name, f->number);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_hold_together),
		cmocka_unit_test(test_networking_fields_are_explained),
		cmocka_unit_test(test_protobuf_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
