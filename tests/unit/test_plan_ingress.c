/* test_plan_ingress.c - Ingresses of the store as rules of the table: what is where, in which
 * order, and what is compiled again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/store.h>

#include "../../modules/ingress/backends.h"
#include "../../modules/ingress/certs.h"
#include "../../modules/ingress/ingress_cache.h"
#include "../../modules/ingress/ingress_plan.h"
#include "../../modules/ingress/proxy_policy.h"
#include "proxy_told.h"

static char directory[] = "/tmp/knetd-ingress-XXXXXX";
static struct plan plan;
static bool anew = true; /* the next plan is the first */

/* ---- the store --------------------------------------------------------------------------------
 */

static void put(enum kind kind, const char *ns, const char *name, const char *json)
{
	auto_free char *text = xstrdup(json);
	yyjson_doc *doc;
	yyjson_mut_doc *mut;
	struct err e = { 0 };

	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	doc = yyjson_read(text, strlen(text), 0);
	assert_non_null(doc);
	mut = yyjson_doc_mut_copy(doc, NULL);
	store_begin();
	if (store_put(kind, ns, name, mut, 0, NULL, &e) || store_commit(&e))
		fail_msg("%s", e.text);
	yyjson_mut_doc_free(mut);
	yyjson_doc_free(doc);
}

/* paths: a list of "{'path':...}"; notes: members of annotations, each with its prefix. */
static void ingress(const char *name, const char *host, const char *paths, const char *notes,
                    const char *more)
{
	auto_free char *json =
		xasprintf("{'metadata':{'annotations':{%s}},'spec':{'ingressClassName':'knetd',%s"
	                  "'rules':[{'host':'%s','http':{'paths':[%s]}}]}}",
	                  notes, more, host, paths);

	put(KIND_INGRESS, "default", name, json);
}

#define PATH_OF(path, type, service)                                                               \
	"{'path':'" path "','pathType':'" type "','backend':{'service':{'name':'" service          \
	"','port':{'number':80}}}}"
#define NOTE(name, value) "'nginx.ingress.kubernetes.io/" name "':'" value "'"

static void replan(void)
{
	struct ingress_doors doors = { .n = 2 };
	struct table_listener row = { .name = { "ingress", 7 },
		                      .host = { "", 0 },
		                      .protocol = LISTEN_HTTP,
		                      .client_ca = TABLE_NONE };
	struct endpoint http = { .port = 80 }, https = { .port = 443 };
	struct plan_listener *whose;
	bool all;

	ingress_refresh();
	all = anew || ingress_is_stale();
	if (all) {
		plan_clear(&plan);
		doors.http[0] = plan_listener(&plan, plan_port(&plan, &http, false), &row, &whose);
		doors.https[1] = plan_port(&plan, &https, false);
	}
	ingress_plan(&plan, &doors, all);
	certs_begin();
	ingress_keep_certs();
	certs_sweep();
	backends_sweep();
	tell(&plan);
	anew = false;
}

/* All that changed since the last time. True when a new plan is wanted. */
static bool changed(void)
{
	static struct cursor cursor;
	static bool begun;
	struct change x;
	bool any = false;

	if (!begun) {
		cursor_now(&cursor);
		ingress_forget();
		begun = true;
		return true;
	}
	while (cursor_next(&cursor, &x) == CURSOR_CHANGE)
		any |= ingress_changed(&x);
	return any;
}

/* The rules of a host at a port; with a path those of it alone, into *rule the first of them. */
static unsigned rules_of(unsigned port, const char *host, const char *path,
                         const struct table_rule **rule)
{
	uint32_t set = proxy_table()->ports[port].listeners[0].rules;
	unsigned n = 0;

	for (unsigned i = 0; i < TABLE_SHARDS; i++) {
		const struct table_shard *s = proxy_shard(i);

		for (uint32_t k = 0; s && k < s->n_places; k++) {
			const struct table_place *p = &s->places[k];

			if (p->host.rules != set || !span_is(p->host.name, host) ||
			    (path && !p->whole && !span_is(p->path, path)))
				continue;
			if (rule && p->n_rules)
				*rule = p->rules;
			n += p->n_rules;
		}
	}
	return n;
}

static const struct table_rule *rule_of(const char *host, const char *path)
{
	const struct table_rule *r = NULL;

	assert_true(rules_of(0, host, path, &r) > 0);
	return r;
}

static int begin(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_non_null(mkdtemp(directory));
	assert_int_equal(conf_load(NULL, &e), 0);
	snprintf(conf.node.state_dir, sizeof(conf.node.state_dir), "%s", directory);
	assert_int_equal(store_open(directory, directory, &e), 0);
	changed();
	plan_init(&plan);
	return 0;
}

static int end(void **state)
{
	auto_free char *command = xasprintf("rm -rf %s", directory);

	(void)state;
	tell_nothing();
	plan_free(&plan);
	store_close();
	return system(command);
}

/* ---- what is tested -----------------------------------------------------------------------------
 */

static void test_rules(void **state)
{
	(void)state;
	ingress("rules", "A.Example",
	        PATH_OF("/", "Prefix", "one") "," PATH_OF("/b/", "Prefix", "two") "," PATH_OF(
			"/b", "Exact", "three"),
	        "", "");
	assert_true(changed());
	replan();
	assert_int_equal(rules_of(0, "a.example", NULL, NULL), 3);
	assert_int_equal(rules_of(0, "a.example", "/b", NULL), 2);
	assert_int_equal(rule_of("a.example", "/b")[0].kind, PATH_EXACT);
	assert_int_equal(rule_of("a.example", "/b")[1].kind, PATH_PREFIX);
	assert_int_equal(rule_of("a.example", "")->path.n, 0);
	assert_null(rule_of("a.example", "")->action->policy);
	/* HTTPS has the very same hosts */
	assert_int_equal(rules_of(1, "a.example", NULL, NULL), 3);
}

static void test_annotations(void **state)
{
	const struct table_action *a;

	(void)state;
	ingress("notes", "n.example", PATH_OF("/x(/|$)(.*)", "ImplementationSpecific", "one"),
	        NOTE("rewrite-target", "/$2") "," NOTE("limit-rps", "3") "," NOTE(
			"proxy-body-size", "1k") "," NOTE("server-snippet", "x"),
	        "");
	assert_true(changed());
	replan();
	assert_int_equal(rule_of("n.example", NULL)->kind, PATH_REGEX);
	assert_true(rule_of("n.example", NULL)->nocase);
	assert_memory_equal(rule_of("n.example", NULL)->path.p, "^/x(/|$)(.*)", 12);
	a = rule_of("n.example", NULL)->action;
	assert_int_equal(a->n_filters, 1);
	assert_int_equal(a->filters[0].rewrite->kind, REWRITE_REGEX);
	assert_int_equal(a->policy->limit->per_minute, 180);
	assert_int_equal(a->policy->limit->burst, 15);
	assert_int_equal(a->policy->body_max, 1024);
	assert_int_equal(a->policy->refuse, 0);
}

static void test_unsafe(void **state)
{
	(void)state;
	ingress("unsafe", "u.example", PATH_OF("/", "Prefix", "one"),
	        NOTE("whitelist-source-range", "x"), "");
	assert_true(changed());
	replan();
	assert_int_equal(rule_of("u.example", "")->action->policy->refuse, 503);
}

static void test_https(void **state)
{
	(void)state;
	ingress("tls", "t.example", PATH_OF("/", "Prefix", "one"), "",
	        "'tls':[{'hosts':['t.example']}],");
	assert_true(changed());
	replan();
	assert_true(rule_of("t.example", "")->action->policy->to_https);
	assert_int_equal(rule_of("t.example", "")->action->policy->https_port, 443);
}

static void test_canary(void **state)
{
	const struct table_action *a;

	(void)state;
	ingress("main", "c.example", PATH_OF("/", "Prefix", "one"), "", "");
	ingress("canary", "c.example", PATH_OF("/", "Prefix", "two"),
	        NOTE("canary", "true") "," NOTE("canary-weight", "5"), "");
	assert_true(changed());
	replan();
	assert_int_equal(rules_of(0, "c.example", NULL, NULL), 1);
	a = rule_of("c.example", "")->action;
	assert_int_equal(a->n_choices, 2);
	assert_int_equal(a->choices[1].weight, 0);
	assert_int_equal(a->policy->n_canaries, 1);
	assert_int_equal(a->policy->canaries[0].choice, 1);
	assert_int_equal(a->policy->canaries[0].weight, 5);
	assert_int_equal(a->policy->otherwise, TABLE_NONE);
}

static void test_secret(void **state)
{
	(void)state;
	ingress("auth", "p.example", PATH_OF("/", "Prefix", "one"),
	        NOTE("auth-type", "basic") "," NOTE("auth-secret", "users"), "");
	assert_true(changed());
	replan();
	assert_int_equal(rule_of("p.example", "")->action->policy->refuse, 503);
	put(KIND_SECRET, "default", "other", "{'data':{}}");
	assert_false(changed());
	/* bob, ann: {SHA} of "secret"; eve in clear, who cannot come in */
	put(KIND_SECRET, "default", "users",
	    "{'data':{'auth':'"
	    "Ym9iOntTSEF9NWVuNkc2TWV6UnJvVDNYS3FrZFBPbVkvQmZRPQphbm46e1NIQX01ZW42RzZNZXpScm9UM1hLcW"
	    "tkUE9tWS9CZlE9CmV2ZTpwbGFpbgo='}}");
	assert_true(changed());
	replan();
	assert_int_equal(rule_of("p.example", "")->action->policy->refuse, 0);
	assert_int_equal(rule_of("p.example", "")->action->policy->basic->n_users, 2);
	assert_memory_equal(rule_of("p.example", "")->action->policy->basic->users[0].name.p, "ann",
	                    3);
}

/* Labels and status are no change of rules. */
static void test_what_is_no_change(void **state)
{
	(void)state;
	put(KIND_INGRESS, "default", "rules",
	    "{'metadata':{'labels':{'a':'b'},'annotations':{}},'spec':{'ingressClassName':'knetd',"
	    "'rules':[{'host':'A.Example','http':{'paths':[" PATH_OF(
		    "/", "Prefix", "one") "," PATH_OF("/b/", "Prefix",
	                                              "two") "," PATH_OF("/b", "Exact",
	                                                                 "three") "]}}]}}");
	assert_false(changed());
}

static void test_classes(void **state)
{
	(void)state;
	put(KIND_INGRESSCLASS, "", "knetd", "{'spec':{'controller':'example.com/other'}}");
	assert_true(changed());
	replan();
	assert_int_equal(rules_of(0, "a.example", NULL, NULL), 0);
	store_begin();
	assert_int_equal(store_delete(KIND_INGRESSCLASS, "", "knetd"), 0);
	assert_int_equal(store_commit(NULL), 0);
	assert_true(changed());
	replan();
	assert_int_equal(rules_of(0, "a.example", NULL, NULL), 3);
}

static unsigned chance(unsigned below)
{
	static unsigned seed = 3;

	seed = seed * 1103515245 + 12345;
	return (seed >> 12) % below;
}

static void change_something(void)
{
	static const char *const paths[] = {
		PATH_OF("/", "Prefix", "one"),
		PATH_OF("/", "Prefix", "two") "," PATH_OF("/b", "Exact", "one"),
		PATH_OF("/b", "Prefix", "three"),
		PATH_OF("/x(/|$)(.*)", "ImplementationSpecific", "one"),
	};
	static const char *const notes[] = {
		"",
		"",
		NOTE("use-regex", "true"),
		NOTE("limit-rps", "3"),
		NOTE("canary", "true") "," NOTE("canary-weight", "5"),
	};
	static const char *const more[] = {
		"",
		"",
		"'tls':[{'hosts':['h1.example']}],",
		"'defaultBackend':{'service':{'name':'one','port':{'number':80}}},",
	};
	auto_free char *name = xasprintf("any%u", chance(20)),
		       *host = xasprintf("h%u.example", chance(6));

	if (chance(3) || !store_get(KIND_INGRESS, "default", name)) {
		ingress(name, host, paths[chance(4)], notes[chance(5)], more[chance(4)]);
		return;
	}
	store_begin();
	assert_int_equal(store_delete(KIND_INGRESS, "default", name), 0);
	assert_int_equal(store_commit(NULL), 0);
}

/* Whatever came and went: what is kept is what a full pass makes of the store. */
static void test_kept_is_made(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 150; i++) {
		auto_buf struct buf kept = { 0 }, made = { 0 };

		for (unsigned n = 1 + chance(4); n--;)
			change_something();
		changed();
		replan();
		plan_bytes(&plan, &kept);
		anew = true;
		replan();
		plan_bytes(&plan, &made);
		assert_int_equal(kept.len, made.len);
		assert_memory_equal(kept.data, made.data, kept.len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),        cmocka_unit_test(test_annotations),
		cmocka_unit_test(test_unsafe),       cmocka_unit_test(test_https),
		cmocka_unit_test(test_canary),       cmocka_unit_test(test_secret),
		cmocka_unit_test(test_classes),      cmocka_unit_test(test_what_is_no_change),
		cmocka_unit_test(test_kept_is_made),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
