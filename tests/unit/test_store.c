/* test_store.c - transactions, the ring of changes, and what is left after a restart, a reboot and
 * a full disk. The real LMDB on real files. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <knetd/auto.h>
#include <knetd/log.h>
#include <knetd/store.h>

#include "../../knetd/store_lmdb.h"

static char base[] = "/tmp/knettestXXXXXX";
static char state_dir[64], run_dir[64];

static int put_flags(enum kind kind, const char *name, const char *json, unsigned flags,
                     struct err *e)
{
	auto_doc yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	auto_mut yyjson_mut_doc *mut = yyjson_doc_mut_copy(doc, NULL);

	assert_non_null(doc);
	return store_put(kind, kind_info[kind].namespaced ? "default" : "", name, mut, flags, NULL,
	                 e);
}

static void put(enum kind kind, const char *name, const char *json)
{
	struct err e = { 0 };

	if (put_flags(kind, name, json, 0, &e))
		fail_msg("%s", e.text);
}

static void commit(void)
{
	struct err e = { 0 };

	if (store_commit(&e))
		fail_msg("%s", e.text);
}

static void put_now(enum kind kind, const char *name, const char *json)
{
	store_begin();
	put(kind, name, json);
	commit();
}

static const struct object *get(const char *name)
{
	return store_get(KIND_SERVICE, "default", name);
}

/* A member's text, or number written as text; "" when it is not there. */
static const char *field(const struct object *o, const char *path)
{
	static char out[4][64];
	static unsigned turn;
	auto_doc yyjson_doc *doc = object_doc(o);
	yyjson_val *v = json_at(yyjson_doc_get_root(doc), path);
	char *text = out[turn++ % 4];

	if (yyjson_is_str(v))
		snprintf(text, 64, "%s", yyjson_get_str(v));
	else if (yyjson_is_int(v))
		snprintf(text, 64, "%lld", (long long)yyjson_get_sint(v));
	else
		text[0] = 0;
	return text;
}

static void reopen(void)
{
	struct err e = { 0 };

	store_close();
	if (store_open(state_dir, run_dir, &e))
		fail_msg("%s", e.text);
}

/* ---- metadata ------------------------------------------------------------------------------- */

static void test_stamped(void **state)
{
	const struct object *o;
	char uid[64], born[64], version[64], want[64];

	(void)state;
	put_now(KIND_SERVICE, "web",
	        "{\"spec\":{\"a\":1},\"metadata\":{\"uid\":\"mine\",\"name\":\"other\",\"labels\":{"
	        "\"x\":\"y\"}}}");
	o = get("web");
	assert_string_equal(o->key, "default/web");
	assert_string_equal(o->ns, "default");
	assert_string_equal(o->name, "web");
	assert_string_equal(field(o, "apiVersion"), "v1");
	assert_string_equal(field(o, "kind"), "Service");
	assert_string_equal(field(o, "metadata.name"), "web");
	assert_string_equal(field(o, "metadata.namespace"), "default");
	assert_string_equal(field(o, "metadata.labels.x"), "y");
	assert_string_equal(field(o, "metadata.generation"), "1");
	strcpy(uid, field(o, "metadata.uid"));
	strcpy(born, field(o, "metadata.creationTimestamp"));
	strcpy(version, field(o, "metadata.resourceVersion"));
	assert_int_equal(strlen(uid), 36); /* ours: nobody brings his own */
	assert_int_equal(strlen(born), 20);
	snprintf(want, sizeof(want), "%llu", (unsigned long long)o->version);
	assert_string_equal(version, want);
	assert_int_equal(o->json_len, strlen(o->json));

	put_now(KIND_SERVICE, "web", "{\"spec\":{\"a\":1},\"status\":{\"b\":1}}");
	o = get("web");
	assert_string_equal(field(o, "metadata.generation"), "1"); /* the spec is the same */
	assert_string_equal(field(o, "metadata.uid"), uid);
	assert_string_equal(field(o, "metadata.creationTimestamp"), born);
	assert_string_not_equal(field(o, "metadata.resourceVersion"), version);
	put_now(KIND_SERVICE, "web", "{\"spec\":{\"a\":2}}");
	assert_string_equal(field(get("web"), "metadata.generation"), "2");
}

static void test_unchanged_write_is_no_change(void **state)
{
	auto_doc yyjson_doc *doc = NULL;
	auto_mut yyjson_mut_doc *mut = NULL;
	const struct object *o, *out;
	struct cursor c;
	struct change change;
	uint64_t version;

	(void)state;
	put_now(KIND_SERVICE, "same", "{\"spec\":{\"resourceVersion\":\"5\",\"a\":[1,2]}}");
	o = get("same");
	version = store_version();
	cursor_now(&c);
	doc = object_doc(o);
	mut = yyjson_doc_mut_copy(doc, NULL); /* as a client writes back what it read */
	store_begin();
	assert_int_equal(store_put(KIND_SERVICE, "default", "same", mut, 0, &out, NULL), 0);
	commit();
	assert_ptr_equal(out, o);
	assert_ptr_equal(get("same"), o);
	assert_true(store_version() == version);
	assert_int_equal(cursor_next(&c, &change), CURSOR_END);
	put_now(KIND_SERVICE, "same",
	        "{\"spec\":{\"resourceVersion\":\"6\",\"a\":[1,2]}}"); /* not that one */
	assert_true(store_version() > version);
}

static void test_refused(void **state)
{
	static char big[STORE_OBJECT_MAX + 100];
	char name[400];
	struct err e = { 0 };

	(void)state;
	snprintf(big, sizeof(big), "{\"spec\":\"%*s\"}", STORE_OBJECT_MAX, "x");
	store_begin();
	assert_int_equal(put_flags(KIND_SERVICE, "big", big, 0, &e), -EINVAL);
	assert_non_null(strstr(e.text, "big"));
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	assert_int_equal(put_flags(KIND_SERVICE, name, "{}", 0, &e), -EINVAL);
	assert_int_equal(store_delete(KIND_SERVICE, "default", name), -ENOENT);
	assert_int_equal(store_delete(KIND_SERVICE, "default", "nobody"), -ENOENT);
	commit();
	assert_null(get("big"));
}

/* ---- transactions --------------------------------------------------------------------------- */

static void test_abort_undoes_everything(void **state)
{
	const struct object *kept, *gone;
	struct cursor c;
	struct change change;
	size_t count;

	(void)state;
	put_now(KIND_SERVICE, "kept", "{\"spec\":{\"a\":1}}");
	put_now(KIND_SERVICE, "gone", "{\"spec\":{\"a\":1}}");
	kept = get("kept");
	gone = get("gone");
	count = store_count(KIND_SERVICE);
	cursor_now(&c);
	store_begin();
	put(KIND_SERVICE, "kept", "{\"spec\":{\"a\":2}}");
	assert_string_equal(field(get("kept"), "spec.a"), "2"); /* reads see the writes */
	put(KIND_SERVICE, "kept", "{\"spec\":{\"a\":3}}");
	assert_int_equal(store_delete(KIND_SERVICE, "default", "gone"), 0);
	assert_null(get("gone"));
	put(KIND_SERVICE, "gone", "{\"spec\":{\"a\":4}}");
	put(KIND_SERVICE, "new", "{}");
	assert_int_equal(store_delete(KIND_SERVICE, "default", "new"), 0);
	put(KIND_SERVICE, "new", "{}");
	store_abort();
	assert_ptr_equal(get("kept"), kept);
	assert_ptr_equal(get("gone"), gone);
	assert_null(get("new"));
	assert_int_equal(store_count(KIND_SERVICE), count);
	assert_int_equal(cursor_next(&c, &change), CURSOR_END);
	reopen();
	assert_string_equal(field(get("kept"), "spec.a"), "1");
	assert_null(get("new"));
}

static void test_committed_survives(void **state)
{
	char json[64];
	uint64_t version;

	(void)state;
	store_begin();
	for (int i = 0; i < 200; i++) {
		char name[24];

		snprintf(name, sizeof(name), "many-%d", i);
		snprintf(json, sizeof(json), "{\"spec\":{\"i\":%d}}", i);
		put(KIND_SERVICE, name, json);
	}
	put(KIND_NAMESPACE, "default", "{}");
	store_delete(KIND_SERVICE, "default", "many-7");
	commit();
	version = store_version();
	reopen();
	assert_true(store_version() >= version); /* never back, also when the newest was deleted */
	assert_string_equal(field(get("many-199"), "spec.i"), "199");
	assert_null(get("many-7"));
	assert_non_null(store_get(KIND_NAMESPACE, "", "default"));
	assert_string_equal(store_get(KIND_NAMESPACE, "", "default")->key, "default");
}

/* ---- group commit --------------------------------------------------------------------------- */

static unsigned heard, heard_failed;

static void listener(const struct err *failed)
{
	heard++;
	heard_failed += failed != NULL;
}

static void begin_deferring(void)
{
	static bool listening;

	if (!listening)
		store_on_flush(listener);
	listening = true;
	heard = heard_failed = 0;
	store_defer(true);
}

static uint64_t flushes(void)
{
	struct store_stats s;

	store_read_stats(&s);
	return s.flushes;
}

static void test_deferred(void **state)
{
	uint64_t before, version;
	struct cursor c, later;
	struct change change;

	(void)state;
	reopen();
	put_now(KIND_SERVICE, "d1", "{\"spec\":1}");
	before = flushes();
	version = store_version();
	cursor_now(&c);
	begin_deferring();
	assert_int_equal(store_flush(NULL), 0); /* nothing to do, nobody to tell */
	put_now(KIND_SERVICE, "d1", "{\"spec\":2}");
	put_now(KIND_SERVICE, "d2", "{\"spec\":1}");
	store_begin();
	put(KIND_SERVICE, "d2", "{\"spec\":2}");
	put(KIND_SERVICE, "d3", "{}");
	store_abort(); /* takes back its own writes alone */
	assert_string_equal(field(get("d2"), "spec"), "1");
	assert_null(get("d3"));
	store_begin();
	store_delete(KIND_SERVICE, "default", "d1");
	commit();
	assert_null(get("d1")); /* reads see it */
	assert_true(store_pending());
	assert_true(store_version() == version); /* but nobody is told */
	assert_int_equal(cursor_next(&c, &change), CURSOR_END);
	assert_int_equal(heard, 0);

	assert_int_equal(store_flush(NULL), 0);
	assert_int_equal(heard, 1);
	assert_int_equal(heard_failed, 0);
	assert_false(store_pending());
	assert_true(flushes() == before + 1);
	assert_true(store_version() > version);
	assert_true(cursor_at(&later, KIND_SERVICE, version));
	assert_int_equal(cursor_next(&later, &change), CURSOR_CHANGE);
	assert_string_equal(field(change.new, "spec"), "2");
	assert_int_equal(cursor_next(&later, &change), CURSOR_CHANGE);
	assert_true(change.version == change.new->version);
	assert_string_equal(change.new->name, "d2");
	assert_int_equal(cursor_next(&later, &change), CURSOR_CHANGE);
	assert_null(change.new);
	assert_true(change.version == store_version());
	assert_int_equal(cursor_next(&later, &change), CURSOR_END);
	store_defer(false);
	reopen();
	assert_null(get("d1"));
	assert_string_equal(field(get("d2"), "spec"), "1");
}

/* ---- groups --------------------------------------------------------------------------------- */

static unsigned group_size(enum kind kind, const char *group)
{
	const struct list *head = store_group(kind, group), *pos;
	unsigned n = 0;

	if (!head)
		return 0;
	for (pos = head->next; pos != head; pos = pos->next)
		n++;
	return n;
}

#define SLICE(service)                                                                             \
	"{\"metadata\":{\"labels\":{\"kubernetes.io/service-name\":\"" service "\"}}}"

static void test_groups(void **state)
{
	(void)state;
	put_now(KIND_ENDPOINTSLICE, "a", SLICE("one"));
	put_now(KIND_ENDPOINTSLICE, "b", SLICE("one"));
	put_now(KIND_ENDPOINTSLICE, "c", "{}");
	assert_int_equal(group_size(KIND_ENDPOINTSLICE, "default/one"), 2);
	put_now(KIND_ENDPOINTSLICE, "a", SLICE("two")); /* moves */
	assert_int_equal(group_size(KIND_ENDPOINTSLICE, "default/one"), 1);
	assert_int_equal(group_size(KIND_ENDPOINTSLICE, "default/two"), 1);
	store_begin();
	put(KIND_ENDPOINTSLICE, "a", SLICE("three"));
	store_delete(KIND_ENDPOINTSLICE, "default", "b");
	assert_null(store_group(KIND_ENDPOINTSLICE, "default/one"));
	store_abort();
	assert_int_equal(group_size(KIND_ENDPOINTSLICE, "default/one"), 1);
	assert_null(store_group(KIND_ENDPOINTSLICE, "default/three"));
	reopen();
	assert_int_equal(group_size(KIND_ENDPOINTSLICE, "default/one"), 1);
	assert_int_equal(group_size(KIND_ENDPOINTSLICE, "default/two"), 1);
	assert_int_equal(group_size(KIND_ENDPOINTSLICE, "default"), 1);
	assert_int_equal(group_size(KIND_SERVICE, "default"), store_count(KIND_SERVICE));
}

/* ---- the ring ------------------------------------------------------------------------------- */

static void test_ring(void **state)
{
	struct change change;
	struct cursor c, later;
	uint64_t before = store_version();

	(void)state;
	cursor_now(&c);
	put_now(KIND_SERVICE, "r", "{\"spec\":1}");
	put_now(KIND_SERVICE, "r", "{\"spec\":2}");
	store_begin();
	put(KIND_SERVICE, "r", "{\"spec\":3}"); /* leaves a gap in the versions */
	store_abort();
	store_begin();
	store_delete(KIND_SERVICE, "default", "r");
	put(KIND_SERVICE, "r2", "{}");
	commit();

	assert_int_equal(cursor_next(&c, &change), CURSOR_CHANGE);
	assert_null(change.old);
	assert_string_equal(field(change.new, "spec"), "1");
	assert_true(change.version == change.new->version &&change.version > before);
	assert_true(cursor_at(&later, KIND_SERVICE, change.version));
	assert_int_equal(cursor_next(&c, &change), CURSOR_CHANGE);
	assert_string_equal(field(change.old, "spec"), "1");
	assert_string_equal(field(change.new, "spec"), "2");
	assert_int_equal(cursor_next(&later, &change), CURSOR_CHANGE);
	assert_string_equal(field(change.new, "spec"), "2");
	assert_int_equal(cursor_next(&c, &change), CURSOR_CHANGE);
	assert_null(change.new);
	assert_string_equal(field(change.old, "spec"), "2");
	assert_true(change.version > change.old->version); /* a deletion has a version of its own */
	assert_int_equal(cursor_next(&c, &change), CURSOR_CHANGE);
	assert_string_equal(change.new->name, "r2");
	assert_true(change.version == store_version() && change.version == change.new->version);
	assert_int_equal(cursor_next(&c, &change), CURSOR_END);
	assert_true(cursor_at(&later, KIND_SERVICE, before));
	assert_int_equal(cursor_next(&later, &change), CURSOR_CHANGE);
	assert_string_equal(field(change.new, "spec"), "1");
}

static void test_ring_lost(void **state)
{
	struct change change;
	struct cursor c, exact;
	uint64_t version = store_version();
	char json[32];
	int n = 0;

	(void)state;
	cursor_now(&c);
	store_begin();
	for (int i = 0; i < STORE_RING; i++) {
		snprintf(json, sizeof(json), "{\"spec\":%d}", i);
		put(KIND_SERVICE, "busy", json);
	}
	commit();
	exact = c;
	while (cursor_next(&exact, &change) == CURSOR_CHANGE)
		n++;
	assert_int_equal(n, STORE_RING); /* exactly as many as promised */
	assert_true(cursor_at(&exact, KIND_SERVICE, version));
	put_now(KIND_SERVICE, "busy", "{\"spec\":\"one more\"}");
	assert_int_equal(cursor_next(&c, &change), CURSOR_LOST);
	assert_int_equal(cursor_next(&c, &change), CURSOR_LOST);
	assert_false(cursor_at(&c, KIND_SERVICE, version));
	assert_false(cursor_at(&c, KIND_SERVICE, 1));
	assert_false(cursor_at(&c, KIND_SERVICE,
	                       store_version() + 1)); /* from the future: of another store */
	assert_true(cursor_at(&c, KIND_SERVICE, store_version()));
	assert_int_equal(cursor_next(&c, &change), CURSOR_END);
	assert_true(cursor_at(&c, KIND_SECRET, version)); /* nothing of that kind was dropped */
	assert_int_equal(cursor_next(&c, &change), CURSOR_CHANGE);
	store_forget(3600);
	assert_true(cursor_at(&c, KIND_SECRET, version));
	assert_int_equal(cursor_next(&c, &change), CURSOR_CHANGE);
}

/* Replaced states are kept up to so many bytes: few large ones push out what many small ones do. */
static void test_ring_bytes(void **state)
{
	static char json[1 << 20];
	struct store_stats s;
	struct change change;
	struct cursor c;
	int n = 0;

	(void)state;
	cursor_now(&c);
	for (int i = 0; i < 2 * STORE_RING_BYTES / (int)sizeof(json); i++) {
		memset(json, 'a' + i % 20, sizeof(json));
		memcpy(json, "{\"spec\":\"", 9);
		memcpy(json + sizeof(json) - 3, "\"}", 3);
		put_now(KIND_SERVICE, "large", json);
	}
	assert_int_equal(cursor_next(&c, &change), CURSOR_LOST);
	assert_false(cursor_at(&c, KIND_SERVICE, 1));
	for (uint64_t v = store_version(); cursor_at(&c, KIND_SERVICE, v - 1); v--)
		n++;
	assert_in_range(n, STORE_RING_BYTES / sizeof(json) / 2, STORE_RING_BYTES / sizeof(json));
	store_read_stats(&s);
	assert_in_range(s.changes, n, STORE_RING);
	assert_in_range(s.held, STORE_RING_BYTES - sizeof(json), STORE_RING_BYTES + (4 << 20));
}

/* ---- restarts and reboots ------------------------------------------------------------------- */

static void pretend_reboot(void)
{
	struct lmdb_write w = { .env = ENV_RUN, .key = "boot-id", .data = "another", .n = 7 };
	char path[96];

	store_close();
	snprintf(path, sizeof(path), "%s/store", state_dir);
	assert_int_equal(lmdb_open(ENV_STATE, path, NULL), 0);
	snprintf(path, sizeof(path), "%s/store", run_dir);
	assert_int_equal(lmdb_open(ENV_RUN, path, NULL), 0);
	assert_int_equal(lmdb_write(&w, 1, NULL), 0);
	lmdb_close();
}

#define POD                                                                                        \
	"{\"spec\":{},\"status\":{\"podIP\":\"10.0.0.1\",\"podIPs\":[{\"ip\":\"10.0.0.1\"}],"      \
	"\"phase\":\"Running\"}}"

static void test_reboot(void **state)
{
	const struct object *pod;
	struct err e = { 0 };

	(void)state;
	store_begin();
	assert_int_equal(put_flags(KIND_PODNETWORK, "lease", "{}", STORE_RUN, &e), 0);
	assert_int_equal(put_flags(KIND_POD, "derived", POD, STORE_RUN, &e), 0);
	put(KIND_POD, "written", POD);
	commit();
	reopen(); /* a restart keeps them */
	assert_non_null(store_get(KIND_PODNETWORK, "default", "lease"));
	assert_true(store_get(KIND_POD, "default", "derived")->run);
	assert_string_equal(field(store_get(KIND_POD, "default", "written"), "status.podIP"),
	                    "10.0.0.1");

	pretend_reboot();
	assert_int_equal(store_open(state_dir, run_dir, &e), 0);
	assert_null(store_get(KIND_PODNETWORK, "default", "lease"));
	assert_null(store_get(KIND_POD, "default", "derived"));
	pod = store_get(KIND_POD, "default", "written");
	assert_non_null(pod);
	assert_string_equal(field(pod, "status.podIP"), ""); /* nobody has that address now */
	assert_string_equal(field(pod, "status.phase"), "Running");
	reopen();
	assert_string_equal(field(store_get(KIND_POD, "default", "written"), "status.podIP"), "");
}

/* Moved between the environments, an object is in one of them. */
static void test_from_run_to_state(void **state)
{
	struct err e = { 0 };

	(void)state;
	store_begin();
	assert_int_equal(put_flags(KIND_SERVICE, "moves", "{\"spec\":1}", STORE_RUN, &e), 0);
	commit();
	put_now(KIND_SERVICE, "moves", "{\"spec\":1}"); /* the same text, but to be kept */
	assert_false(get("moves")->run);
	pretend_reboot();
	assert_int_equal(store_open(state_dir, run_dir, &e), 0);
	assert_non_null(get("moves"));
	store_begin();
	assert_int_equal(put_flags(KIND_SERVICE, "moves", "{\"spec\":1}", STORE_RUN, &e), 0);
	commit();
	pretend_reboot();
	assert_int_equal(store_open(state_dir, run_dir, &e), 0);
	assert_null(get("moves"));
}

static void test_damaged_entry(void **state)
{
	struct lmdb_write w[] = {
		{ .env = ENV_STATE, .key = "services/default/torn", .data = "{\"meta", .n = 6 },
		{ .env = ENV_STATE, .key = "unicorns/default/x", .data = "{}", .n = 2 },
		{ .env = ENV_STATE, .key = "services/default/odd", .data = "[]", .n = 2 },
	};

	(void)state;
	put_now(KIND_SERVICE, "whole", "{}");
	assert_int_equal(lmdb_write(w, 3, NULL), 0);
	reopen();
	assert_non_null(get("whole"));
	assert_null(get("torn"));
	for (int i = 0; i < 3; i++)
		w[i].data = NULL;
	assert_int_equal(lmdb_write(w, 3, NULL), 0);
}

/* ---- a full disk ---------------------------------------------------------------------------- */

/* In a child with a mount namespace of its own. */
static int on_a_full_disk(void)
{
	static char json[30000];
	char dir[96], name[24];
	struct err e = { 0 };
	int i, ret = 0;

	snprintf(dir, sizeof(dir), "%s/small", base);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    (mkdir(dir, 0700) && errno != EEXIST) || mount("tmpfs", dir, "tmpfs", 0, "size=512k"))
		return 77;
	store_close();
	if (store_open(dir, run_dir, &e))
		return 1;
	snprintf(json, sizeof(json), "{\"spec\":\"%*s\"}", 20000, "x");
	for (i = 0; i < 100 && !ret; i++) {
		auto_doc yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
		auto_mut yyjson_mut_doc *mut = yyjson_doc_mut_copy(doc, NULL);

		snprintf(name, sizeof(name), "full-%d", i);
		store_begin();
		if (store_put(KIND_SERVICE, "default", name, mut, 0, NULL, &e))
			return 2;
		ret = store_commit(&e);
	}
	if (ret != -ENOSPC || e.code != ENOSPC || !strstr(e.text, "is full") || i < 3)
		return 3;
	if (get(name) || store_count(KIND_SERVICE) != (size_t)i - 1)
		return 4; /* the one that failed is not there, the others are */
	store_begin();
	store_delete(KIND_SERVICE, "default", "full-0");
	store_delete(KIND_SERVICE, "default", "full-1");
	if (mount("tmpfs", dir, "tmpfs", MS_REMOUNT, "size=4m") || store_commit(&e))
		return 5; /* with room again it goes on */
	store_close();
	if (store_open(dir, run_dir, &e))
		return 6;
	return store_count(KIND_SERVICE) == (size_t)i - 3 && get("full-2") ? 0 : 7;
}

/* A turn whose flush fails never was; the next ones are judged one by one. */
static int deferred_on_a_full_disk(void)
{
	static char big[1400000];
	struct cursor c;
	struct change change;
	struct err e = { 0 };
	size_t leases;
	char dir[96];

	snprintf(dir, sizeof(dir), "%s/small", base);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    (mkdir(dir, 0700) && errno != EEXIST) || mount("tmpfs", dir, "tmpfs", 0, "size=512k"))
		return 77;
	store_close();
	if (store_open(dir, run_dir, &e))
		return 1;
	put_now(KIND_SERVICE, "there", "{\"spec\":1}");
	leases = store_count(KIND_PODNETWORK);
	begin_deferring();
	store_on_flush(listener);
	cursor_now(&c);
	put_now(KIND_SERVICE, "there", "{\"spec\":2}");
	store_begin();
	put_flags(KIND_PODNETWORK, "undone", "{}", STORE_RUN, NULL);
	commit();
	store_begin();
	store_delete(KIND_SERVICE, "default", "there");
	commit();
	snprintf(big, sizeof(big), "{\"spec\":\"%*s\"}", 1300000, "x");
	put_now(KIND_SERVICE, "big", big);
	if (store_flush(&e) != -ENOSPC || !strstr(e.text, "is full") || heard_failed != 1)
		return 2;
	if (!get("there") || strcmp(field(get("there"), "spec"), "1") != 0 || get("big") ||
	    store_count(KIND_PODNETWORK) != leases || store_pending())
		return 3;
	if (cursor_next(&c, &change) != CURSOR_END)
		return 4;
	put_now(KIND_SERVICE, "small", "{\"spec\":1}"); /* durable now, not at the flush */
	if (store_pending() || cursor_next(&c, &change) != CURSOR_CHANGE)
		return 5;
	store_begin();
	put(KIND_SERVICE, "big", big);
	if (store_commit(&e) != -ENOSPC || get("big"))
		return 6;
	for (int i = 0; i < 70; i++) {
		snprintf(big, sizeof(big), "{\"spec\":\"%d\"}", i);
		put_now(KIND_SERVICE, "small", big);
	}
	if (!store_pending() || store_flush(&e)) /* grouped again */
		return 7;
	store_close();
	if (store_open(dir, run_dir, &e))
		return 8;
	return get("there") && get("small") && !get("big") && store_count(KIND_PODNETWORK) == leases
	               ? 0
	               : 9;
}

/* What is owed outlives the turn that fails with it, unless it rested on what was undone. */
static int owed_on_a_full_disk(void)
{
	static char big[1400000];
	struct cursor c;
	struct change change;
	struct err e = { 0 };
	char dir[96];

	snprintf(dir, sizeof(dir), "%s/small", base);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    (mkdir(dir, 0700) && errno != EEXIST) || mount("tmpfs", dir, "tmpfs", 0, "size=512k"))
		return 77;
	store_close();
	if (store_open(dir, run_dir, &e))
		return 1;
	put_now(KIND_SERVICE, "goes", "{\"spec\":1}");
	put_now(KIND_SERVICE, "changes", "{\"spec\":1}");
	begin_deferring();
	cursor_now(&c);
	put_now(KIND_SERVICE, "young", "{\"spec\":1}");
	store_begin();
	store_owe();
	store_delete(KIND_SERVICE, "default", "goes");
	put(KIND_SERVICE, "changes", "{\"spec\":2}");
	put(KIND_SERVICE, "young", "{\"spec\":2}");
	commit();
	snprintf(big, sizeof(big), "{\"spec\":\"%*s\"}", 1300000, "x");
	put_now(KIND_SERVICE, "big", big);
	if (store_flush(&e) != -ENOSPC || store_pending())
		return 2;
	if (get("goes") || strcmp(field(get("changes"), "spec"), "2") != 0 || get("young") ||
	    get("big"))
		return 3;
	if (cursor_next(&c, &change) != CURSOR_CHANGE || change.new ||
	    cursor_next(&c, &change) != CURSOR_CHANGE || !change.new ||
	    cursor_next(&c, &change) != CURSOR_END)
		return 4;
	store_pay();
	if (store_owes())
		return 5;
	store_close();
	if (store_open(dir, run_dir, &e))
		return 6;
	return !get("goes") && strcmp(field(get("changes"), "spec"), "2") == 0 ? 0 : 7;
}

static void in_a_child(int (*fn)(void))
{
	int status, pid;

	if (geteuid())
		skip();
	pid = fork();
	if (!pid)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip(); /* no mounts here */
	assert_int_equal(status, 0);
}

static void test_full_disk(void **state)
{
	(void)state;
	in_a_child(on_a_full_disk);
	in_a_child(deferred_on_a_full_disk);
	in_a_child(owed_on_a_full_disk);
}

static void test_no_directory(void **state)
{
	struct err e = { 0 };

	(void)state;
	store_close();
	assert_true(store_open("/nonexistent", run_dir, &e) < 0);
	assert_non_null(strstr(e.text, "/nonexistent"));
	store_close();
	assert_int_equal(store_open(state_dir, run_dir, &e), 0);
}

static int set_up(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERR);
	if (!mkdtemp(base))
		return -1;
	snprintf(state_dir, sizeof(state_dir), "%s/state", base);
	snprintf(run_dir, sizeof(run_dir), "%s/run", base);
	if (mkdir(state_dir, 0700) || mkdir(run_dir, 0700))
		return -1;
	return store_open(state_dir, run_dir, NULL);
}

static int tear_down(void **state)
{
	static const char *const files[] = {
		"state/store/data.mdb",
		"state/store/lock.mdb",
		"run/store/data.mdb",
		"run/store/lock.mdb",
		"state/store",
		"run/store",
		"state",
		"run",
		"small",
	};
	char path[96];

	(void)state;
	store_close();
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", base, files[i]);
		remove(path);
	}
	return rmdir(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stamped),
		cmocka_unit_test(test_unchanged_write_is_no_change),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_abort_undoes_everything),
		cmocka_unit_test(test_committed_survives),
		cmocka_unit_test(test_deferred),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_ring),
		cmocka_unit_test(test_ring_lost),
		cmocka_unit_test(test_ring_bytes),
		cmocka_unit_test(test_reboot),
		cmocka_unit_test(test_from_run_to_state),
		cmocka_unit_test(test_damaged_entry),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_no_directory),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
