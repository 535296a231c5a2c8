/* test_dns_rewrite.c - rules read, put into the table, and names tried on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>

#include "../../modules/dns/dns_rewrite.h"

static void name_text(const uint8_t *name, char *out)
{
	*out = 0;
	for (; *name; name += *name + 1)
		out += sprintf(out, "%.*s.", *name, (const char *)name + 1);
}

/* What name becomes, "-" when no rule fits. rules: separated by ';'. */
static const char *rewritten(const char *rules, const char *name)
{
	static char text[1024];
	uint8_t wire[DNS_NAME_MAX], out[DNS_NAME_MAX];
	auto_buf struct buf table = { 0 };
	static struct dns_rewrites list;
	struct dns_rewriter r;
	struct err e = { 0 };
	char copy[8192], *save;
	size_t n;

	memset(&list, 0, sizeof(list));
	snprintf(copy, sizeof(copy), "%s", rules);
	for (char *rule = strtok_r(copy, ";", &save); rule; rule = strtok_r(NULL, ";", &save))
		if (dns_rewrite_parse(&list, rule, &e))
			fail_msg("%s: %s", rule, e.text);
	dns_rewrite_build(&list, &table);
	assert_int_equal(dns_rewrite_open(&r, table.data, table.len), list.n > 0);
	if (!dns_rewrite(&r, wire, dns_name_from_text(wire, name), out, &n))
		return "-";
	assert_int_equal(dns_name_skip(out, n, 0), n);
	name_text(out, text);
	return text;
}

static const struct {
	const char *rules, *name, *want;
} good[] = {
	{ "exact a.example b.example", "a.example", "b.example." },
	{ "a.example b.example", "a.example", "b.example." },
	{ "name a.example b.example", "A.Example", "b.example." },
	{ "name exact a.example. b.example. answer auto", "a.example", "b.example." },
	{ "exact A.EXAMPLE B.example", "a.example", "b.example." },
	{ "exact a.example b.example", "x.a.example", "-" },
	{ "exact a.example b.example", "example", "-" },
	{ "suffix .old.example .svc.cluster.local", "web.default.old.example",
	  "web.default.svc.cluster.local." },
	{ "suffix .old.example. .new.example.", "web.old.example", "web.new.example." },
	{ "suffix .old.example .new.example", "old.example", "-" },
	{ "suffix .old.example .new.example", "webold.example", "-" },
	{ "suffix old.example new.example", "webold.example", "webnew.example." },
	{ "suffix old.example new.example", "old.example", "new.example." },
	{ "prefix old- new-", "old-web.example", "new-web.example." },
	{ "prefix old. new.", "old.example", "new.example." },
	{ "prefix old. new.", "older.example", "-" },
	{ "prefix old new.x", "old.example", "new.x.example." },
	{ "exact a.example b.example; suffix .example .test", "a.example", "b.example." },
	{ "suffix .example .test; exact a.example b.example", "a.example", "a.test." },
	{ "suffix .example .test; suffix .a.example .b", "x.a.example", "x.a.test." },
	{ "suffix .a.example .b; suffix .example .test", "x.a.example", "x.b." },
	{ "exact a.b c.d; exact c.d e.f", "a.b", "c.d." }, /* one pass */
	{ "exact a.b c.d; exact a.b e.f", "a.b", "c.d." },
	{ "", "a.example", "-" },
};

static void names(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (strcmp(rewritten(good[i].rules, good[i].name), good[i].want) != 0)
			fail_msg("%s | %s: %s", good[i].rules, good[i].name,
			         rewritten(good[i].rules, good[i].name));
}

#define LABEL_63 "123456789-123456789-123456789-123456789-123456789-123456789-123"

static const struct {
	const char *rule, *want;
} bad[] = {
	{ "", "FROM TO is expected" },
	{ "exact", "FROM TO is expected" },
	{ "regex (.*) b.example", "exact, prefix or suffix is expected" },
	{ "exact a b c", "FROM TO is expected" },
	{ "name exact a b c d", "FROM TO is expected" },
	{ "exact . b.example", "is no name" },
	{ "exact .a b.example", "must not begin with a dot" },
	{ "exact a..b c", "empty label" },
	{ "exact a.b c\001", "cannot stand here" },
	{ "exact *.a b", "cannot stand here" },
	{ "exact " LABEL_63 "4 b", "more than 63" },
	{ "suffix .a b", "both suffixes begin with a dot" },
	{ "suffix a .b", "both suffixes begin with a dot" },
	{ "exact a " LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63, "too long" },
};

static void bad_rules(void **state)
{
	static struct dns_rewrites list;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = { 0 };

		if (!dns_rewrite_parse(&list, bad[i].rule, &e))
			fail_msg("%s: taken", bad[i].rule);
		if (!strstr(e.text, bad[i].want))
			fail_msg("%s: %s", bad[i].rule, e.text);
	}
	assert_int_equal(list.n, 0);
}

/* Names that grow too long are left as they are. */
static void too_long(void **state)
{
	char name[300];

	(void)state;
	snprintf(name, sizeof(name), "%s.%s.%s.a.b", LABEL_63, LABEL_63, LABEL_63);
	assert_string_equal(rewritten("suffix .b ." LABEL_63, name), "-");
	assert_string_equal(rewritten("prefix 12 x12x", name), "-");
	assert_string_not_equal(rewritten("suffix .b .c", name), "-");
}

static void many(void **state)
{
	static struct dns_rewrites list;
	char rule[128];
	struct err e = { 0 };

	(void)state;
	for (unsigned i = 0; i < DNS_REWRITE_MAX; i++) {
		snprintf(rule, sizeof(rule), "suffix .z%u.example .y%u.example", i, i);
		assert_int_equal(dns_rewrite_parse(&list, rule, &e), 0);
	}
	assert_int_not_equal(dns_rewrite_parse(&list, "a b", &e), 0);
	assert_non_null(strstr(e.text, "at most 256"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(bad_rules),
		cmocka_unit_test(too_long),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
