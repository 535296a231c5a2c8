/* store_lmdb.c - LMDB: ACID without recovery. The state environment syncs every commit; the run
 * environment is on a tmpfs and does not.
 *
 * A request's writes go to both environments in one go: everything is put first, then the run side
 * commits, then the state side. A crash between the two commits can only leave derived objects
 * ahead of what they derive from, and those are computed again at start. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <lmdb.h>

#include <knetd/arena.h>
#include <knetd/auto.h>
#include <knetd/map.h>

#include "store_lmdb.h"

#define NEARLY_FULL (128 << 10) /* bytes: less than a commit may have to write */

#define FORMAT_KEY "format" /* no '/': not an object's key */
#define WRITER_KEY "writer" /* likewise */
#define SUM_SIZE 8
#define SUM_SEED 0x6b6e657464u

static struct {
	MDB_env *env; /* NULL when it is closed or damaged */
	MDB_dbi dbi;
	char dir[128], path[144], copy[160];
	bool upgraded;    /* since the start: copy is what it was */
	char damage[400]; /* "" when it is whole */
} envs[ENV_COUNT];

static int fail(struct err *e, int rc, const char *what)
{
	int code = rc == ENOSPC || rc == MDB_MAP_FULL ? ENOSPC : EIO;

	return err_set(e, code, "store: %s: %s", what, mdb_strerror(rc));
}

/* LMDB calls a write that fitted only in part EIO. */
static bool disk_full(enum store_env env)
{
	struct statvfs s;
	const char *dir;

	return !mdb_env_get_path(envs[env].env, &dir) && !statvfs(dir, &s) &&
	       (uint64_t)s.f_bavail * s.f_frsize < NEARLY_FULL;
}

static int write_fail(enum store_env env, struct err *e, int rc, const char *what)
{
	const char *dir = "";

	if (rc != ENOSPC && rc != EDQUOT && (rc != EIO || !disk_full(env)))
		return fail(e, rc, what);
	mdb_env_get_path(envs[env].env, &dir);
	return err_set(e, ENOSPC, "store: the disk of %s is full: make room there and try again",
	               dir);
}

/* ---- entries and formats -------------------------------------------------------------------- */

static uint64_t sum(const char *key, const char *text, size_t n)
{
	return hash_bytes(text, n, hash_bytes(key, strlen(key), SUM_SEED));
}

/* The text's length, or -1 when it is damaged. */
static ssize_t text_length(const char *key, const char *data, size_t n)
{
	uint64_t have;

	if (n < SUM_SIZE + 1 || data[n - SUM_SIZE - 1])
		return -1;
	memcpy(&have, data + n - SUM_SIZE, SUM_SIZE);
	n -= SUM_SIZE + 1;
	return have == sum(key, data, n) ? (ssize_t)n : -1;
}

static int put_text(MDB_txn *txn, MDB_dbi dbi, const char *key, const char *text, size_t n)
{
	MDB_val k = { .mv_size = strlen(key) + 1, .mv_data = (char *)key };
	MDB_val v = { .mv_size = n + 1 + SUM_SIZE };
	uint64_t s = sum(key, text, n);
	int rc = mdb_put(txn, dbi, &k, &v, MDB_RESERVE);

	if (rc)
		return rc;
	memcpy(v.mv_data, text, n);
	((char *)v.mv_data)[n] = 0;
	memcpy((char *)v.mv_data + n + 1, &s, SUM_SIZE);
	return 0;
}

/* Format 1 to 2: every entry gets its checksum. */
static int add_sums(MDB_txn *txn, MDB_dbi dbi)
{
	auto_arena struct arena a = { 0 };
	struct old {
		struct old *next;
		const char *key, *text;
		size_t n;
	} *all = NULL;
	MDB_cursor *cursor;
	MDB_val k, v;
	int rc = mdb_cursor_open(txn, dbi, &cursor);

	if (rc)
		return rc;
	while (!(rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT))) {
		const char *key = k.mv_data, *text = v.mv_data;
		struct old *o = arena_alloc(&a, sizeof(*o));

		if (key[k.mv_size - 1] || !v.mv_size)
			continue;
		*o = (struct old){ all, arena_strdup(&a, key), arena_alloc(&a, v.mv_size),
			           v.mv_size - 1 };
		memcpy((char *)o->text, text, v.mv_size);
		all = o;
	}
	mdb_cursor_close(cursor);
	for (rc = rc == MDB_NOTFOUND ? 0 : rc; all && !rc; all = all->next)
		rc = put_text(txn, dbi, all->key, all->text, all->n);
	return rc;
}

/* From the format that is its place to the next one; NULL: entries stay as they are. */
static int (*const upgrades[STORE_FORMAT])(MDB_txn *txn, MDB_dbi dbi) = { NULL, add_sums };

/* The text of an entry of ours, at most size - 1 bytes; "" when there is none. */
static const char *get_text(MDB_txn *txn, MDB_dbi dbi, const char *key, char *text, size_t size)
{
	MDB_val k = { .mv_size = strlen(key) + 1, .mv_data = (char *)key }, v;
	size_t n = 0;

	if (!mdb_get(txn, dbi, &k, &v))
		n = v.mv_size < size ? v.mv_size : size - 1;
	memcpy(text, n ? v.mv_data : "", n);
	text[n] = 0;
	return text;
}

static unsigned read_format(MDB_txn *txn, MDB_dbi dbi)
{
	char text[16];

	return *get_text(txn, dbi, FORMAT_KEY, text, sizeof(text)) ? strtoul(text, NULL, 10) : 1;
}

static int check_format(enum store_env env, MDB_txn *txn, struct err *e)
{
	unsigned format = read_format(txn, envs[env].dbi);
	char writer[32], was[180], back[96] = "";
	const char *by = get_text(txn, envs[env].dbi, WRITER_KEY, writer, sizeof(writer));

	if (format && format <= STORE_FORMAT)
		return 0;
	snprintf(was, sizeof(was), "%s.format-%d", envs[env].path, STORE_FORMAT);
	if (access(was, F_OK) == 0)
		snprintf(back, sizeof(back),
		         ", or put data.mdb.format-%d in data.mdb's place to lose what came after "
		         "it",
		         STORE_FORMAT);
	return err_set(e, EPROTO,
	               "store: %s was written by %s%s (format %u; knetd " KNETD_VERSION
	               " knows %u): run that release, or move the directory away to start empty%s",
	               envs[env].dir, *by ? "knetd " : "a newer release", by, format, STORE_FORMAT,
	               back);
}

/* What it is now, before its format changes. */
static int keep_copy(enum store_env env, unsigned format, struct err *e)
{
	char was[160], fresh[180];
	auto_close int fd = -1;
	int rc;

	snprintf(was, sizeof(was), "%s.format-%u", envs[env].path, format);
	snprintf(fresh, sizeof(fresh), "%s.new", was);
	memcpy(envs[env].copy, was, sizeof(was));
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	rc = fd < 0 ? errno : mdb_env_copyfd(envs[env].env, fd);
	if (!rc && (fsync(fd) < 0 || rename(fresh, envs[env].copy) < 0))
		rc = errno;
	if (rc) {
		unlink(fresh);
		return write_fail(env, e, rc, fresh);
	}
	envs[env].upgraded = true;
	return 0;
}

static int upgrade_in(enum store_env env, MDB_txn *txn, unsigned format, struct err *e)
{
	MDB_dbi dbi = envs[env].dbi;
	char text[32];
	int rc = 0;

	for (unsigned f = format; !rc && f < STORE_FORMAT; f++)
		rc = upgrades[f] ? upgrades[f](txn, dbi) : 0;
	snprintf(text, sizeof(text), "%d", STORE_FORMAT);
	if (!rc && format < STORE_FORMAT)
		rc = put_text(txn, dbi, FORMAT_KEY, text, strlen(text));
	if (!rc && strcmp(get_text(txn, dbi, WRITER_KEY, text, sizeof(text)), KNETD_VERSION) != 0)
		rc = put_text(txn, dbi, WRITER_KEY, KNETD_VERSION, strlen(KNETD_VERSION));
	return rc ? write_fail(env, e, rc, "upgrade") : 0;
}

/* The format, and whether anything has to be written. */
static unsigned look_at(enum store_env env, bool *empty, bool *ours)
{
	char text[32];
	MDB_stat st = { 0 };
	unsigned format = 1;
	MDB_txn *txn;

	*empty = *ours = false;
	if (mdb_txn_begin(envs[env].env, NULL, MDB_RDONLY, &txn))
		return format;
	format = read_format(txn, envs[env].dbi);
	*ours = !strcmp(get_text(txn, envs[env].dbi, WRITER_KEY, text, sizeof(text)),
	                KNETD_VERSION);
	*empty = !mdb_stat(txn, envs[env].dbi, &st) && !st.ms_entries;
	mdb_txn_abort(txn);
	return format;
}

int lmdb_upgrade(enum store_env env, struct err *e)
{
	bool empty, ours;
	MDB_txn *txn;
	unsigned format;
	int rc;

	if (lmdb_damage(env))
		return 0;
	format = look_at(env, &empty, &ours);
	if (format == STORE_FORMAT && ours)
		return 0;
	if (format < STORE_FORMAT && !empty && keep_copy(env, format, e))
		return -e->code;
	rc = mdb_txn_begin(envs[env].env, NULL, 0, &txn);
	if (rc)
		return fail(e, rc, "begin");
	if (upgrade_in(env, txn, format, e)) {
		mdb_txn_abort(txn);
		return -e->code;
	}
	rc = mdb_txn_commit(txn);
	return rc ? write_fail(env, e, rc, "commit") : 0;
}

void lmdb_undo_upgrade(void)
{
	for (int i = 0; i < ENV_COUNT; i++)
		if (envs[i].upgraded)
			(void)!rename(envs[i].copy, envs[i].path);
}

static int open_dbi(enum store_env env, struct err *e)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(envs[env].env, NULL, MDB_RDONLY, &txn), ret;

	if (rc)
		return fail(e, rc, "begin");
	rc = mdb_dbi_open(txn, NULL, 0, &envs[env].dbi);
	ret = rc ? fail(e, rc, "open database") : check_format(env, txn, e);
	mdb_txn_abort(txn);
	return ret;
}

static int open_env_with(enum store_env env, unsigned flags, struct err *e)
{
	int rc, fd;

	rc = mdb_env_create(&envs[env].env);
	if (rc)
		return fail(e, rc, "create");
	mdb_env_set_mapsize(envs[env].env, STORE_MAP_SIZE);
	mdb_env_set_maxreaders(envs[env].env, 4);
	rc = mdb_env_open(envs[env].env, envs[env].dir, flags, 0600);
	if (rc)
		return fail(e, rc, envs[env].dir);
	/* LMDB leaves this one descriptor open for programs that are executed */
	if (!mdb_env_get_fd(envs[env].env, &fd))
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	return open_dbi(env, e);
}

static int open_env(enum store_env env, struct err *e)
{
	return open_env_with(env, MDB_NOTLS | MDB_NORDAHEAD | (env == ENV_RUN ? MDB_NOSYNC : 0), e);
}

static void set_paths(enum store_env env, const char *dir)
{
	snprintf(envs[env].dir, sizeof(envs[env].dir), "%s", dir);
	snprintf(envs[env].path, sizeof(envs[env].path), "%s/data.mdb", dir);
	envs[env].damage[0] = 0;
	envs[env].upgraded = false;
}

int lmdb_look(enum store_env env, const char *dir, bool *readable, struct err *e)
{
	bool empty, ours;
	int ret;

	*readable = false;
	set_paths(env, dir);
	if (access(envs[env].path, F_OK) < 0)
		return 0;
	ret = open_env_with(env, MDB_RDONLY | MDB_NOTLS | MDB_NORDAHEAD, e);
	if (!ret)
		*readable = look_at(env, &empty, &ours) == STORE_FORMAT;
	return ret;
}

int lmdb_open(enum store_env env, const char *dir, struct err *e)
{
	int ret;

	set_paths(env, dir);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_set(e, errno, "store: %s: %s", dir, strerror(errno));
	ret = store_file_walk(envs[env].path, NULL, NULL, e);
	if (ret != -EILSEQ)
		return ret ? ret : open_env(env, e);
	snprintf(envs[env].damage, sizeof(envs[env].damage),
	         "%s and can only be read: save what is needed, move the file away, start again",
	         e->text);
	return 0;
}

const char *lmdb_damage(enum store_env env)
{
	return envs[env].damage[0] ? envs[env].damage : NULL;
}

int lmdb_start_anew(enum store_env env, struct err *e)
{
	envs[env].damage[0] = 0;
	unlink(envs[env].path);
	return open_env(env, e) ? -e->code : lmdb_upgrade(env, e);
}

void lmdb_close(void)
{
	for (int i = 0; i < ENV_COUNT; i++) {
		if (envs[i].env)
			mdb_env_close(envs[i].env);
		envs[i].env = NULL;
	}
}

/* ---- reading -------------------------------------------------------------------------------- */

struct each {
	enum store_env env;
	int (*fn)(enum store_env env, const char *key, const char *text, size_t n, struct err *e);
	struct err *e;
	int ret;
};

/* Format 1 has no checksums: in a damaged file of that age the reader of the text is the judge. */
static void from_file(void *arg, const void *key, size_t n_key, const void *data, size_t n)
{
	struct each *each = arg;
	const char *text = data;
	ssize_t len;

	if (((const char *)key)[n_key - 1] || !n || each->ret)
		return;
	len = text_length(key, text, n);
	if (len < 0 && !text[n - 1] && memchr(text, 0, n) == text + n - 1)
		len = n - 1;
	each->ret = each->fn(each->env, key, len < 0 ? NULL : text, len < 0 ? 0 : len, each->e);
}

static int each_of_file(enum store_env env,
                        int (*fn)(enum store_env env, const char *key, const char *text, size_t n,
                                  struct err *e),
                        struct err *e)
{
	struct each each = { env, fn, e, 0 };
	struct err why;
	int ret = store_file_walk(envs[env].path, from_file, &each, &why);

	return each.ret ? each.ret : ret == -EILSEQ ? 0 : ret;
}

int lmdb_each(enum store_env env,
              int (*fn)(enum store_env env, const char *key, const char *text, size_t n,
                        struct err *e),
              struct err *e)
{
	MDB_val key, data;
	MDB_cursor *cursor;
	MDB_txn *txn;
	ssize_t len;
	int rc, ret = 0;

	if (lmdb_damage(env))
		return each_of_file(env, fn, e);
	rc = mdb_txn_begin(envs[env].env, NULL, MDB_RDONLY, &txn);
	if (rc)
		return fail(e, rc, "begin");
	rc = mdb_cursor_open(txn, envs[env].dbi, &cursor);
	if (rc) {
		mdb_txn_abort(txn);
		return fail(e, rc, "cursor");
	}
	while (!ret && !(rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT))) {
		const char *k = key.mv_data;

		if (!key.mv_size || k[key.mv_size - 1]) /* not one of ours */
			continue;
		len = text_length(k, data.mv_data, data.mv_size);
		ret = fn(env, k, len < 0 ? NULL : data.mv_data, len < 0 ? 0 : len, e);
	}
	mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	if (!ret && rc != MDB_NOTFOUND)
		return fail(e, rc, "read");
	return ret;
}

int lmdb_clear(enum store_env env, struct err *e)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(envs[env].env, NULL, 0, &txn);

	if (rc)
		return fail(e, rc, "begin");
	rc = mdb_drop(txn, envs[env].dbi, 0);
	if (rc || upgrade_in(env, txn, 1, e)) {
		mdb_txn_abort(txn);
		return rc ? fail(e, rc, "clear") : -e->code;
	}
	rc = mdb_txn_commit(txn);
	return rc ? write_fail(env, e, rc, "commit") : 0;
}

static int put(MDB_txn *txn, const struct lmdb_write *w)
{
	MDB_val key = { .mv_size = strlen(w->key) + 1, .mv_data = (char *)w->key };
	int rc;

	if (w->data)
		return put_text(txn, envs[w->env].dbi, w->key, w->data, w->n);
	rc = mdb_del(txn, envs[w->env].dbi, &key, NULL);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* After one write of its last page has failed LMDB refuses all others until it is opened again; the
 * commit that failed was undone there as it was here. */
static int begin(enum store_env env, MDB_txn **txn, struct err *e)
{
	int rc = mdb_txn_begin(envs[env].env, NULL, 0, txn);

	if (rc != MDB_PANIC)
		return rc;
	mdb_env_close(envs[env].env);
	envs[env].env = NULL;
	if (open_env(env, e)) {
		snprintf(envs[env].damage, sizeof(envs[env].damage), "%.300s: start again",
		         e->text);
		return EIO;
	}
	return mdb_txn_begin(envs[env].env, NULL, 0, txn);
}

static int put_all(MDB_txn *txn[ENV_COUNT], const struct lmdb_write *w, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		enum store_env env = w[i].env;
		int rc;

		if (lmdb_damage(env))
			return err_set(e, EIO, "%s", lmdb_damage(env));
		rc = txn[env] ? 0 : begin(env, &txn[env], e);
		if (!rc)
			rc = put(txn[env], &w[i]);
		if (rc)
			return write_fail(env, e, rc, w[i].key);
	}
	return 0;
}

int lmdb_write(const struct lmdb_write *w, size_t n, struct err *e)
{
	static const enum store_env order[ENV_COUNT] = { ENV_RUN, ENV_STATE };
	MDB_txn *txn[ENV_COUNT] = { NULL };
	int ret = put_all(txn, w, n, e), rc;

	for (int i = 0; i < ENV_COUNT; i++) {
		MDB_txn *t = txn[order[i]];

		if (t && ret)
			mdb_txn_abort(t);
		else if (t && (rc = mdb_txn_commit(t)))
			ret = write_fail(order[i], e, rc, "commit");
	}
	return ret;
}
