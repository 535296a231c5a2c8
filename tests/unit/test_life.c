/* test_life.c - what follows deletions, through the real store: one row a case of the garbage
 * collector, then namespaces, bounded turns, and a start that finds everything half-done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/event.h>
#include <knetd/life.h>
#include <knetd/loop.h>
#include <knetd/module.h>

extern const struct module life_module;
static char dir[] = "/tmp/knettestXXXXXX";
static struct cursor cursor;

static const char *ns_of(enum kind kind)
{
	return kind_info[kind].namespaced ? "default" : "";
}

/* What the disk is spared is quick: these tests are about what follows. */
static unsigned flags_for(enum kind kind)
{
	return kind == KIND_NAMESPACE ? 0 : STORE_RUN;
}

static void put_more(enum kind kind, const char *ns, const char *name, const char *meta,
                     const char *more)
{
	auto_free char *json = xasprintf("{\"metadata\":{%s}%s}", meta, more);
	auto_doc yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	auto_mut yyjson_mut_doc *mut = yyjson_doc_mut_copy(doc, NULL);
	struct err e = { 0 };

	assert_non_null(doc);
	assert_int_equal(store_put(kind, ns, name, mut, flags_for(kind), NULL, &e), 0);
}

static void commit(void)
{
	struct err e = { 0 };

	assert_int_equal(store_commit(&e), 0);
}

static void put(enum kind kind, const char *ns, const char *name, const char *meta,
                const char *more)
{
	store_begin();
	put_more(kind, ns, name, meta, more);
	commit();
}

static void delete (enum kind kind, const char *name, enum propagation p)
{
	struct life_options how = { .propagation = p, .grace = -1 };
	struct err e = { 0 };

	store_begin();
	assert_int_equal(life_delete(store_get(kind, ns_of(kind), name), &how, NULL, &e), 0);
	assert_int_equal(store_commit(&e), 0);
}

static void sync_now(bool full)
{
	struct changes c = { .full = full, .kinds = life_module.watches, .cursor = &cursor };
	struct err e = { 0 };

	if (full)
		cursor_now(&cursor);
	if (life_module.sync(&c, &e))
		fail_msg("%s", e.text);
}

/* Until nothing changes any more. */
static unsigned settle(void)
{
	uint64_t before;
	unsigned turns = 0;

	do {
		before = store_version();
		sync_now(false);
		turns++;
		assert_true(turns < 1000);
	} while (store_version() != before);
	return turns;
}

static const char *uid_of(enum kind kind, const char *name)
{
	static char uid[64];
	auto_doc yyjson_doc *doc = object_doc(store_get(kind, ns_of(kind), name));

	snprintf(uid, sizeof(uid), "%s", json_str(yyjson_doc_get_root(doc), "metadata.uid"));
	return uid;
}

static char *reference(const char *name, bool block)
{
	return xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"name\":\"%s\",\"uid\":"
	                 "\"%s\",\"blockOwnerDeletion\":%s}",
	                 name, uid_of(KIND_CONFIGMAP, name), block ? "true" : "false");
}

/* "a" has no owner; "b<a" is owned by a, "c<a,b" by both, "b<a!" blocks a's deletion, "b+" has a
 * finalizer of somebody's, "b<?" an owner that never was. */
static void make(const char *spec)
{
	char name[8] = { spec[0] }, *owners = strchr(spec, '<');
	struct buf meta = { 0 };

	buf_printf(&meta, "\"labels\":{}");
	if (strchr(spec, '+'))
		buf_str(&meta, ",\"finalizers\":[\"example.com/x\"]");
	if (owners)
		buf_str(&meta, ",\"ownerReferences\":[");
	for (char *o = owners ? owners + 1 : NULL; o && *o && *o != '+'; o++) {
		char owner[2] = { *o };
		auto_free char *ref = NULL;

		if (*o == ',' || *o == '!')
			continue;
		ref = *o == '?'
		              ? xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"name\":"
		                          "\"never\",\"uid\":\"none\"}")
		      : *o == '*' ? xasprintf("{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\","
		                              "\"name\":\"x\",\"uid\":\"none\"}")
		                  : reference(owner, o[1] == '!');
		buf_printf(&meta, "%s%s", o == owners + 1 ? "" : ",", ref);
	}
	if (owners)
		buf_str(&meta, "]");
	buf_add(&meta, "", 1);
	put(KIND_CONFIGMAP, "default", name, meta.data, "");
	buf_free(&meta);
}

/* Which are left: "a b~" - '~' marks one that is ending, and its references in brackets. */
static const char *left(void)
{
	static char text[256];

	text[0] = 0;
	for (char c = 'a'; c <= 'z'; c++) {
		char name[2] = { c };
		const struct object *o = store_get(KIND_CONFIGMAP, "default", name);
		auto_doc yyjson_doc *doc = o ? object_doc(o) : NULL;
		yyjson_val *v;
		size_t i, n;

		if (!o)
			continue;
		sprintf(text + strlen(text), "%s%c%s", *text ? " " : "", c,
		        life_ending(o) ? "~" : "");
		yyjson_arr_foreach (json_at(yyjson_doc_get_root(doc), "metadata.ownerReferences"),
		                    i, n, v)
			sprintf(text + strlen(text), "%s%s", i ? "," : "<", json_str(v, "name"));
	}
	return text;
}

static const struct {
	const char *made[6];
	enum propagation how;
	const char *left; /* after "a" was deleted */
} cases[] = {
	{ { "a", "b<a" }, PROPAGATION_DEFAULT, "" },
	{ { "a", "b<a", "c<b", "d<c" }, PROPAGATION_BACKGROUND, "" },
	{ { "a", "b", "c<a,b" }, PROPAGATION_DEFAULT, "b c<b" },
	{ { "a", "b<a+" }, PROPAGATION_DEFAULT, "b~<a" },
	{ { "a", "b" }, PROPAGATION_DEFAULT, "b" },
	{ { "a", "b<a*" }, PROPAGATION_DEFAULT, "b<x" }, /* a kind that is not ours may be there */
	{ { "a", "b<a?" }, PROPAGATION_DEFAULT, "" },
	{ { "a", "b<?" }, PROPAGATION_DEFAULT, "" },
	{ { "a", "b<a", "c<b" }, PROPAGATION_ORPHAN, "b c<b" },
	{ { "a", "b", "c<a,b" }, PROPAGATION_ORPHAN, "b c<b" },
	{ { "a+", "b<a" }, PROPAGATION_ORPHAN, "a~ b" },
	{ { "a" }, PROPAGATION_FOREGROUND, "" },
	{ { "a", "b<a!", "c<b!" }, PROPAGATION_FOREGROUND, "" },
	{ { "a", "b<a!+" }, PROPAGATION_FOREGROUND, "a~ b~<a" },
	{ { "a", "b<a+" }, PROPAGATION_FOREGROUND, "b~<a" }, /* it does not block */
	{ { "a", "b<a!", "c<b!+" }, PROPAGATION_FOREGROUND, "a~ b~<a c~<b" },
	{ { "a", "b", "c<a!,b" }, PROPAGATION_FOREGROUND, "b c<b" },
};

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *seen;

		life_module.exit(false);
		store_begin();
		for (char c = 'a'; c <= 'z'; c++)
			store_delete(KIND_CONFIGMAP, "default", (char[2]){ c });
		assert_int_equal(store_commit(NULL), 0);
		sync_now(true);
		for (size_t k = 0; k < ARRAY_LEN(cases[i].made) && cases[i].made[k]; k++)
			make(cases[i].made[k]);
		delete (KIND_CONFIGMAP, "a", cases[i].how);
		if (i % 2) /* a restart in between: nothing but the store is known */
			life_module.exit(false);
		settle();
		seen = left();
		if (strcmp(seen, cases[i].left) != 0)
			fail_msg("case %zu: \"%s\" is left, not \"%s\"", i, seen, cases[i].left);
	}
}

static void test_namespaces_are_emptied_in_turns(void **state)
{
	char name[16];
	unsigned turns;

	(void)state;
	put(KIND_NAMESPACE, "", "big", "\"labels\":{}", "");
	store_begin();
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		put_more(KIND_CONFIGMAP, "big", name, "\"labels\":{}", "");
	}
	commit();
	put(KIND_ENDPOINTSLICE, "big", "slice",
	    "\"labels\":{\"kubernetes.io/service-name\":\"web\"}", "");
	put(KIND_CONFIGMAP, "bigger", "other", "\"labels\":{}", "");
	sync_now(true);
	delete (KIND_NAMESPACE, "big", PROPAGATION_DEFAULT);
	sync_now(false);
	assert_true(store_count(KIND_CONFIGMAP) > 2000); /* bounded */
	turns = settle();
	assert_true(turns >= 4);
	assert_null(store_get(KIND_NAMESPACE, "", "big"));
	assert_null(store_group(KIND_CONFIGMAP, "big"));
	assert_int_equal(store_count(KIND_ENDPOINTSLICE), 0);
	assert_non_null(store_get(KIND_CONFIGMAP, "bigger", "other"));
}

static void test_grace_of_pods(void **state)
{
	auto_doc yyjson_doc *doc = NULL;

	(void)state;
	put(KIND_POD, "default", "loose", "\"labels\":{}", "");
	put(KIND_POD, "default", "wired", "\"annotations\":{\"" POD_ATTACHMENT "\":\"x\"}", "");
	sync_now(true);
	delete (KIND_POD, "loose", PROPAGATION_DEFAULT);
	delete (KIND_POD, "wired", PROPAGATION_DEFAULT);
	settle();
	assert_null(store_get(KIND_POD, "default", "loose"));
	assert_true(life_ending(store_get(KIND_POD, "default", "wired")));
	doc = object_doc(store_get(KIND_POD, "default", "wired"));
	assert_in_range(life_grace_left(yyjson_doc_get_root(doc)), 1, 30000);
	put(KIND_POD, "default", "wired", /* its interface is gone */
	    "\"deletionTimestamp\":\"2999-01-01T00:00:00Z\"", "");
	settle();
	assert_null(store_get(KIND_POD, "default", "wired"));
}

static void test_events_are_bounded(void **state)
{
	char name[16];

	(void)state;
	sync_now(true);
	store_begin();
	for (unsigned i = 0; i < 2100; i++) {
		snprintf(name, sizeof(name), "e%u", i);
		put_more(KIND_EVENT, "default", name, "\"labels\":{}", "");
	}
	commit();
	settle();
	assert_int_equal(store_count(KIND_EVENT), 2000);
	assert_null(store_get(KIND_EVENT, "default", "e0"));
	assert_non_null(store_get(KIND_EVENT, "default", "e2099"));
}

/* The same words about the same object are one Event; too many notes at once are let go. */
static void test_events_of_our_own(void **state)
{
	auto_doc yyjson_doc *doc = NULL;
	const struct object *o;
	size_t i = 0;

	(void)state;
	put(KIND_NAMESPACE, "", "default", "\"labels\":{}", "");
	put(KIND_POD, "default", "p", "\"labels\":{}", "");
	for (unsigned k = 0; k < 3; k++)
		event_emit(KIND_POD, "default", "p", EVENT_WARNING, "Tested", "port %d", 80);
	event_emit(KIND_POD, "nowhere", "p", EVENT_NORMAL, "Tested", "nobody reads it");
	events_flush();
	event_emit(KIND_POD, "default", "p", EVENT_WARNING, "Tested", "port %d", 80);
	events_flush();
	assert_int_equal(store_count(KIND_EVENT), 1);
	o = store_next_object(KIND_EVENT, &i);
	assert_true(o->run);
	doc = object_doc(o);
	assert_int_equal(json_int(yyjson_doc_get_root(doc), "count", 0), 4);
	assert_string_equal(json_str(yyjson_doc_get_root(doc), "message"), "port 80");
	assert_string_equal(json_str(yyjson_doc_get_root(doc), "involvedObject.uid"),
	                    uid_of(KIND_POD, "p"));
	for (unsigned k = 0; k < EVENT_NOTES_MAX + 5; k++)
		event_emit(KIND_NAMESPACE, "", "default", EVENT_NORMAL, "Tested", "%u", k);
	assert_int_equal(events_dropped(), 5);
	events_flush();
	assert_int_equal(store_count(KIND_EVENT), 1 + EVENT_NOTES_MAX);
}

static int open_store(void **state)
{
	struct err e = { 0 };
	char cmd[64];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s/*", dir);
	assert_int_equal(system(cmd), 0);
	snprintf(cmd, sizeof(cmd), "%s/run", dir);
	mkdir(cmd, 0700);
	conf.api.event_ttl = 3600;
	return store_open(dir, cmd, &e);
}

static int close_store(void **state)
{
	(void)state;
	life_module.exit(false);
	store_close();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_table, open_store, close_store),
		cmocka_unit_test_setup_teardown(test_namespaces_are_emptied_in_turns, open_store,
		                                close_store),
		cmocka_unit_test_setup_teardown(test_grace_of_pods, open_store, close_store),
		cmocka_unit_test_setup_teardown(test_events_are_bounded, open_store, close_store),
		cmocka_unit_test_setup_teardown(test_events_of_our_own, open_store, close_store),
	};
	char cmd[64];
	int failed;

	assert_non_null(mkdtemp(dir));
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return failed + (system(cmd) != 0);
}
