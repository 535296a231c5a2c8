/* test_store_file.c - the store's file of an older release, of a newer one, and damaged in every
 * way: it is read as far as it can be, said what is wrong, and nothing crashes. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <lmdb.h>

#include <knetd/auto.h>
#include <knetd/log.h>
#include <knetd/store.h>

#include "../../knetd/store_lmdb.h"

static char base[] = "/tmp/knettestXXXXXX";
static char state_dir[64], run_dir[64], path[96];

static const char *name_of(char name[static 24], unsigned i)
{
	snprintf(name, 24, "s%u", i);
	return name;
}

static int put(unsigned i, size_t size)
{
	auto_mut yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc);
	auto_free char *text = xmalloc(size + 1);
	char name[24];

	memset(text, 'x', size);
	text[size] = 0;
	yyjson_mut_doc_set_root(doc, root);
	yyjson_mut_obj_add_uint(doc, root, "i", i);
	yyjson_mut_obj_add_str(doc, root, "fill", text);
	store_begin();
	store_put(KIND_SERVICE, "default", name_of(name, i), doc, 0, NULL, NULL);
	return store_commit(NULL);
}

static void wipe(void)
{
	static const char *const files[] = { "state/store/data.mdb", "state/store/lock.mdb",
		                             "run/store/data.mdb", "run/store/lock.mdb" };
	char file[96];

	store_close();
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(file, sizeof(file), "%s/%s", base, files[i]);
		unlink(file);
	}
}

static void open_store(void)
{
	struct err e = { 0 };

	if (store_open(state_dir, run_dir, &e))
		fail_msg("%s", e.text);
}

/* ---- other releases ------------------------------------------------------------------------- */

static void put_raw(const char *dir, const char *const (*entries)[2], size_t n)
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	mkdir(dir, 0700);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_open(env, dir, 0, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
	for (size_t i = 0; i < n; i++) {
		MDB_val k = { strlen(entries[i][0]) + 1, (char *)entries[i][0] };
		MDB_val v = { strlen(entries[i][1]) + 1, (char *)entries[i][1] };

		assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
	}
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

#define OLD(name, version)                                                                         \
	{                                                                                          \
		"services/default/" name,                                                          \
			"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":"      \
			"\"" name "\",\"namespace\":\"default\",\"resourceVersion\":\"" version    \
			"\"},\"spec\":{}}"                                                         \
	}

/* As release 0.1.0 left it: texts, no checksums, no format. */
static void test_previous_release(void **state)
{
	static const char *const entries[][2] = {
		OLD("one", "1700000000000001"),
		OLD("two", "1700000000000002"),
		{ "services/default/torn", "{\"meta" },
	};
	char dir[96], boot[64] = "";
	const char *run[][2] = { { "boot-id", boot },
		                 { "podnetworks/default/p",
		                   "{\"metadata\":{\"name\":\"p\",\"namespace\":\"default\","
		                   "\"resourceVersion\":\"1700000000000003\"}}" } };
	auto_close int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY);

	(void)state;
	wipe();
	assert_true(read(fd, boot, sizeof(boot) - 1) > 0);
	boot[strcspn(boot, "\n")] = 0;
	snprintf(dir, sizeof(dir), "%s/store", state_dir);
	put_raw(dir, entries, ARRAY_LEN(entries));
	snprintf(dir, sizeof(dir), "%s/store", run_dir);
	put_raw(dir, (const char *const(*)[2])run, 2);
	for (int i = 0; i < 2; i++) { /* upgraded, then as it is now */
		open_store();
		assert_null(store_damage());
		assert_int_equal(store_count(KIND_SERVICE), 2);
		assert_string_equal(store_get(KIND_SERVICE, "default", "one")->json, entries[0][1]);
		assert_int_equal(store_get(KIND_SERVICE, "default", "two")->version,
		                 1700000000000002);
		assert_true(store_is_damaged(KIND_SERVICE, "default", "torn"));
		assert_non_null(store_get(KIND_PODNETWORK, "default", "p"));
		store_close();
	}
}

static void test_newer_release(void **state)
{
	static const char *const entries[][2] = { { "format", "3" }, OLD("one", "1") };
	char dir[96];
	struct err e = { 0 };

	(void)state;
	wipe();
	snprintf(dir, sizeof(dir), "%s/store", state_dir);
	put_raw(dir, entries, 2);
	assert_true(store_open(state_dir, run_dir, &e) < 0);
	assert_non_null(strstr(e.text, "newer release"));
	assert_non_null(strstr(e.text, state_dir));
}

/* ---- versions ------------------------------------------------------------------------------- */

static void test_version_is_ahead_of_every_earlier_run(void **state)
{
	uint64_t version;

	(void)state;
	wipe();
	open_store();
	put(1, 10);
	store_begin();
	store_delete(KIND_SERVICE, "default", "s1"); /* the newest version is of no object */
	assert_int_equal(store_commit(NULL), 0);
	for (int i = 0; i < 5; i++) { /* restarts quicker than the ceiling's steps of a second */
		version = store_version();
		store_close();
		open_store();
		assert_true(store_version() > version);
	}
}

/* ---- damage --------------------------------------------------------------------------------- */

static uint8_t *whole;
static size_t size;

static void read_whole(void)
{
	auto_close int fd = open(path, O_RDONLY);
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	size = st.st_size;
	free(whole);
	whole = xmalloc(size);
	assert_int_equal(read(fd, whole, size), size);
}

static void write_file(const uint8_t *p, size_t n)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, p, n), n);
}

#define OBJECTS 300

static void make_store(void)
{
	wipe();
	open_store();
	store_defer(true); /* a few commits of the disk, not one for each */
	for (unsigned i = 0; i < OBJECTS; i++) {
		if (i % 50 == 0)
			store_flush(NULL);
		put(i, i % 10 ? 200 : 9000); /* some in pages of their own */
	}
	store_flush(NULL);
	for (unsigned i = 0; i < OBJECTS; i += 7) {
		char name[24];

		store_begin();
		store_delete(KIND_SERVICE, "default", name_of(name, i));
		assert_int_equal(store_commit(NULL), 0);
	}
	store_flush(NULL);
	store_close();
	read_whole();
}

/* Opens what lies there now. Whatever it gives is true; when it is whole, writing works. */
static size_t judge(bool *refused)
{
	struct err e = { 0 };
	const struct object *o;
	size_t n = 0;

	*refused = store_open(state_dir, run_dir, &e) != 0;
	if (*refused) {
		assert_true(strlen(e.text) > 10);
		return 0;
	}
	for (size_t i = 0; (o = store_next_object(KIND_SERVICE, &i)); n++) {
		auto_doc yyjson_doc *doc = object_doc(o);

		assert_int_equal(json_int(yyjson_doc_get_root(doc), "i", -1), atoi(o->name + 1));
	}
	if (store_damage()) {
		assert_non_null(strstr(store_damage(), "data.mdb"));
		assert_int_equal(put(1000, 10), -EIO);
		assert_null(store_get(KIND_SERVICE, "default", "s1000"));
	} else {
		assert_int_equal(put(1000, 5000), 0);
	}
	store_close();
	return n;
}

static void test_truncated(void **state)
{
	size_t all, last = 0;
	bool refused;

	(void)state;
	make_store();
	all = judge(&refused);
	assert_int_equal(all, OBJECTS - (OBJECTS + 6) / 7);
	for (size_t n = 0; n < size; n += 4096 * 5 + 1000) {
		write_file(whole, n);
		last = judge(&refused);
		assert_true(last <= all);
	}
	write_file(whole, size - 4096 * 8);
	last = judge(&refused);
	assert_true(!refused && last > 0);
}

/* Bytes are changed anywhere, seeded; most often in the heads of pages, where LMDB trusts most. */
static void test_flipped(void **state)
{
	unsigned seed = getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : (unsigned)getpid(),
		 damaged = 0;
	auto_free uint8_t *copy = NULL;
	bool refused;

	(void)state;
	print_message("SEED=%u\n", seed);
	srand(seed);
	make_store();
	copy = xmalloc(size);
	for (int round = 0; round < 150; round++) {
		memcpy(copy, whole, size);
		for (int k = 0; k < 1 + round % 4; k++) {
			size_t page = rand() % (size / 4096), at = rand() % (round % 3 ? 64 : 4096);

			copy[page * 4096 + at] = rand();
		}
		write_file(copy, size);
		judge(&refused);
		damaged += refused;
	}
	assert_true(damaged < 150);
}

/* LMDB would look for the second head where the newer of the two says that pages begin. */
static void test_heads_of_two_minds(void **state)
{
	static const uint32_t sizes[] = { 512, 8192, 65536, 1u << 26 };
	bool refused;

	(void)state;
	if (sizeof(size_t) != 8)
		skip(); /* what is changed here is found where a 64-bit machine has it */
	make_store();
	for (size_t head = 0; head < 2; head++)
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			auto_free uint8_t *copy = xmalloc(size);

			memcpy(copy, whole, size);
			memcpy(copy + head * 4096 + 40, &sizes[i], 4);
			write_file(copy, size);
			assert_int_equal(judge(&refused), 0);
			assert_false(refused);
		}
}

/* ---- damage that LMDB would believe --------------------------------------------------------- */

static uint64_t u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint8_t *node(uint8_t *page, unsigned i)
{
	return page + (page[16 + 2 * i] | page[17 + 2 * i] << 8);
}

static unsigned nodes(const uint8_t *page)
{
	return ((page[12] | page[13] << 8) - 16) / 2;
}

enum where { HEAD, FREE_TREE, BRANCH, LEAF, TEXT };

/* A page of what is in use. */
static uint8_t *find(uint8_t *copy, enum where where)
{
	uint8_t *head = copy + (u64(copy + 4096 + 144) > u64(copy + 144)) * 4096, *branch, *n;

	branch = copy + u64(head + 128) * 4096;
	if (where == HEAD)
		return head;
	if (where == FREE_TREE)
		return copy + u64(head + 80) * 4096;
	assert_int_equal(branch[10], 1);
	if (where == BRANCH)
		return branch;
	for (unsigned b = 0; b < nodes(branch); b++) {
		uint8_t *leaf = copy + (u64(node(branch, b)) & 0xffffffff) * 4096;

		assert_int_equal(leaf[10], 2);
		if (where == LEAF)
			return leaf;
		for (unsigned i = 0; i < nodes(leaf); i++)
			if ((n = node(leaf, i))[4] == 1)
				return copy + u64(n + 8 + n[6]) * 4096;
	}
	fail_msg("no page of that kind");
	return NULL;
}

static void swap(uint8_t *a, uint8_t *b, size_t n)
{
	uint8_t tmp[8];

	memcpy(tmp, a, n);
	memcpy(a, b, n);
	memcpy(b, tmp, n);
}

static void swap_keys(uint8_t *copy)
{
	uint8_t *leaf = find(copy, LEAF);

	swap(leaf + 16, leaf + 18, 2);
}

static void use_entry_twice(uint8_t *copy)
{
	uint8_t *leaf = find(copy, LEAF);

	memcpy(leaf + 18, leaf + 16, 2);
}

static void swap_separators(uint8_t *copy)
{
	uint8_t *branch = find(copy, BRANCH);

	swap(branch + 18, branch + 20, 2);
}

static void cut_branch(uint8_t *copy)
{
	uint8_t *branch = find(copy, BRANCH);

	memcpy(branch + 12, &(uint16_t){ 18 }, 2);
}

/* Pages 9, 8, 7 are a run that a long text goes into; 9, 5, 7 seem to be. */
static void swap_free_pages(uint8_t *copy)
{
	uint8_t *leaf = find(copy, FREE_TREE);

	assert_int_equal(leaf[10], 2);
	for (unsigned i = 0; i < nodes(leaf); i++) {
		uint8_t *list = node(leaf, i) + 16;

		if (node(leaf, i)[4] || u64(list) < 2)
			continue;
		swap(list + 8, list + 16, 8);
		return;
	}
	fail_msg("no list of free pages");
}

static void age_free_pages(uint8_t *copy)
{
	memset(node(find(copy, FREE_TREE), 0) + 8, 0, 8); /* of transaction 0 */
}

static void assert_found(const uint8_t *copy, const char *what)
{
	write_file(copy, size);
	open_store();
	if (!store_damage())
		fail_msg("not found: %s", what);
	assert_int_equal(put(1000, 10), -EIO);
	store_close();
}

static void test_believable(void **state)
{
	static const struct {
		const char *what;
		enum where where;
		unsigned at;
		uint8_t bits;
	} flips[] = {
		{ "a page that says it is written already", LEAF, 10, 0x10 },
		{ "a page that says it need not be written", LEAF, 11, 0x40 },
		{ "a branch that says so", BRANCH, 11, 0x80 },
		{ "a text's pages that say they are written already", TEXT, 10, 0x10 },
		{ "a text that owns others' pages", TEXT, 12, 0x04 },
		{ "a text that owns pages behind the file", TEXT, 14, 0x01 },
		{ "a head of the other's turn", HEAD, 144, 0x01 },
		{ "a head far ahead", HEAD, 149, 0x01 },
		{ "a free tree of lists", HEAD, 44, 0x04 },
		{ "a tree of numbers", HEAD, 92, 0x08 },
		{ "more pages than a file may have", HEAD, 139, 0x01 },
	};
	static const struct {
		const char *what;
		void (*fn)(uint8_t *copy);
	} tricks[] = {
		{ "keys out of order", swap_keys },
		{ "an entry used twice", use_entry_twice },
		{ "branches out of order", swap_separators },
		{ "a branch of one entry", cut_branch },
		{ "free pages out of order", swap_free_pages },
		{ "free pages of no transaction", age_free_pages },
	};
	auto_free uint8_t *copy = NULL;

	(void)state;
	if (sizeof(size_t) != 8)
		skip(); /* as above */
	make_store();
	copy = xmalloc(size);
	for (size_t i = 0; i < ARRAY_LEN(flips); i++) {
		uint8_t *page;

		memcpy(copy, whole, size);
		page = find(copy, flips[i].where);
		page[flips[i].at] ^= flips[i].bits;
		assert_found(copy, flips[i].what);
	}
	for (size_t i = 0; i < ARRAY_LEN(tricks); i++) {
		memcpy(copy, whole, size);
		tricks[i].fn(copy);
		assert_found(copy, tricks[i].what);
	}
}

/* A text that changed by one bit is not given out as if nothing had happened. */
static void test_changed_text(void **state)
{
	uint8_t *at;
	bool refused;
	size_t all;

	(void)state;
	make_store();
	all = judge(&refused);
	at = memmem(whole, size, "\"name\":\"s11\"", 12);
	for (size_t from = 0; at; at = memmem(whole + from, size - from, "\"name\":\"s11\"", 12)) {
		at[9] = '5'; /* in old copies of the page too */
		from = at - whole + 1;
	}
	write_file(whole, size);
	open_store();
	assert_int_equal(store_count(KIND_SERVICE), all - 1);
	assert_true(store_is_damaged(KIND_SERVICE, "default", "s11"));
	assert_int_equal(put(11, 10), 0); /* written anew it is whole */
	assert_false(store_is_damaged(KIND_SERVICE, "default", "s11"));
	store_close();
}

static int set_up(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERR);
	if (!freopen("/dev/null", "w", stderr) || !mkdtemp(base))
		return -1;
	snprintf(state_dir, sizeof(state_dir), "%s/state", base);
	snprintf(run_dir, sizeof(run_dir), "%s/run", base);
	snprintf(path, sizeof(path), "%s/store/data.mdb", state_dir);
	return mkdir(state_dir, 0700) || mkdir(run_dir, 0700);
}

static int tear_down(void **state)
{
	static const char *const dirs[] = { "state/store", "run/store", "state", "run" };
	char dir[96];

	(void)state;
	wipe();
	free(whole);
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		snprintf(dir, sizeof(dir), "%s/%s", base, dirs[i]);
		rmdir(dir);
	}
	return rmdir(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_previous_release),
		cmocka_unit_test(test_newer_release),
		cmocka_unit_test(test_version_is_ahead_of_every_earlier_run),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_heads_of_two_minds),
		cmocka_unit_test(test_believable),
		cmocka_unit_test(test_changed_text),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
