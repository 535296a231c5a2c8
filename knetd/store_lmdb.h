/* store_lmdb.h - the two LMDB environments under store.c, and nobody else's business. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <knetd/err.h>

enum store_env { ENV_STATE, ENV_RUN, ENV_COUNT };

/* What an environment's entries look like. A text and its NUL in format 1 (release 0.1.0); then a
 * checksum of key and text behind it. Older ones are brought up when they are opened, in one
 * transaction; newer ones are refused. */
#ifndef STORE_FORMAT
#define STORE_FORMAT 2
#endif

/* Address space, not memory or disk; no file ever becomes larger. A 32-bit machine has little: two
 * are mapped. */
#define STORE_MAP_SIZE (sizeof(size_t) == 8 ? (size_t)4 << 30 : (size_t)512 << 20)

/* A damaged file does not keep an environment from being opened: lmdb_each gives what can be read,
 * and every write is refused with -EIO. lmdb_damage then says what is wrong, else NULL. */
int lmdb_open(enum store_env env, const char *dir, struct err *e);
/* What was opened becomes of our format, and names us as its writer. Behind the opening of all: a
 * start that one of them refuses has changed none. What an older format was stays beside it, as
 * data.mdb.format-N. */
int lmdb_upgrade(enum store_env env, struct err *e);
/* What lmdb_upgrade has done is undone, by names alone: a signal handler may. */
void lmdb_undo_upgrade(void);
/* As lmdb_open for who only reads, beside a daemon that writes. False: there is nothing yet, or of
 * a format that has to be upgraded before it is read. */
int lmdb_look(enum store_env env, const char *dir, bool *readable, struct err *e);
void lmdb_close(void);
const char *lmdb_damage(enum store_env env);
/* Empties a damaged environment whose content does not matter any more. */
int lmdb_start_anew(enum store_env env, struct err *e);
/* Calls fn for every entry; the text ends with NUL, and is NULL when it is damaged. */
int lmdb_each(enum store_env env,
              int (*fn)(enum store_env env, const char *key, const char *text, size_t n,
                        struct err *e),
              struct err *e);
/* Empties the environment at once. */
int lmdb_clear(enum store_env env, struct err *e);

/* One transaction over both environments. data NULL deletes; a missing key is fine. */
struct lmdb_write {
	enum store_env env;
	const char *key;
	const char *data; /* n bytes and a NUL */
	size_t n;
};
/* store_file.c: all entries of an LMDB file, without LMDB. -EILSEQ names the first damage; what can
 * be read is delivered all the same. No file is an empty one. */
typedef void file_entry_fn(void *arg, const void *key, size_t n_key, const void *data, size_t n);
int store_file_walk(const char *path, file_entry_fn *fn, void *arg, struct err *e);

int lmdb_write(const struct lmdb_write *w, size_t n, struct err *e);
