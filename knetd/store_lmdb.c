/* store_lmdb.c - LMDB: ACID without recovery. The state environment syncs every commit; the run
 * environment is on a tmpfs and does not.
 *
 * A request's writes go to both environments in one go: everything is put first, then the run side
 * commits, then the state side. A crash between the two commits can only leave derived objects
 * ahead of what they derive from, and those are computed again at start. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <lmdb.h>

#include "store_lmdb.h"

#define NEARLY_FULL (128 << 10)    /* bytes: less than a commit may have to write */
#define MAP_SIZE ((size_t)4 << 30) /* address space, not memory or disk */

static struct {
	MDB_env *env;
	MDB_dbi dbi;
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

static int open_dbi(enum store_env env, struct err *e)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(envs[env].env, NULL, 0, &txn);

	if (rc)
		return fail(e, rc, "begin");
	rc = mdb_dbi_open(txn, NULL, 0, &envs[env].dbi);
	if (rc) {
		mdb_txn_abort(txn);
		return fail(e, rc, "open database");
	}
	rc = mdb_txn_commit(txn);
	return rc ? write_fail(env, e, rc, "commit") : 0;
}

int lmdb_open(enum store_env env, const char *dir, struct err *e)
{
	unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (env == ENV_RUN ? MDB_NOSYNC : 0);
	int rc;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_set(e, errno, "store: %s: %s", dir, strerror(errno));
	rc = mdb_env_create(&envs[env].env);
	if (rc)
		return fail(e, rc, "create");
	mdb_env_set_mapsize(envs[env].env, MAP_SIZE);
	mdb_env_set_maxreaders(envs[env].env, 4);
	rc = mdb_env_open(envs[env].env, dir, flags, 0600);
	if (rc)
		return fail(e, rc, dir);
	return open_dbi(env, e);
}

void lmdb_close(void)
{
	for (int i = 0; i < ENV_COUNT; i++) {
		if (envs[i].env)
			mdb_env_close(envs[i].env);
		envs[i].env = NULL;
	}
}

int lmdb_each(enum store_env env,
              int (*fn)(enum store_env env, const char *key, const char *text, size_t n,
                        struct err *e),
              struct err *e)
{
	MDB_val key, data;
	MDB_cursor *cursor;
	MDB_txn *txn;
	int rc = mdb_txn_begin(envs[env].env, NULL, MDB_RDONLY, &txn), ret = 0;

	if (rc)
		return fail(e, rc, "begin");
	rc = mdb_cursor_open(txn, envs[env].dbi, &cursor);
	if (rc) {
		mdb_txn_abort(txn);
		return fail(e, rc, "cursor");
	}
	while (!ret && !(rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)))
		if (key.mv_size && data.mv_size) /* both are stored with their NUL */
			ret = fn(env, key.mv_data, data.mv_data, data.mv_size - 1, e);
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
	if (rc) {
		mdb_txn_abort(txn);
		return fail(e, rc, "clear");
	}
	rc = mdb_txn_commit(txn);
	return rc ? write_fail(env, e, rc, "commit") : 0;
}

static int put(MDB_txn *txn, const struct lmdb_write *w)
{
	MDB_val key = { .mv_size = strlen(w->key) + 1, .mv_data = (char *)w->key };
	MDB_val data = { .mv_size = w->n + 1, .mv_data = (char *)w->data };
	int rc;

	if (w->data)
		return mdb_put(txn, envs[w->env].dbi, &key, &data, 0);
	rc = mdb_del(txn, envs[w->env].dbi, &key, NULL);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int put_all(MDB_txn *txn[ENV_COUNT], const struct lmdb_write *w, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		enum store_env env = w[i].env;
		int rc = txn[env] ? 0 : mdb_txn_begin(envs[env].env, NULL, 0, &txn[env]);

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
