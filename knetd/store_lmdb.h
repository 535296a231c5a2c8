/* store_lmdb.h - the two LMDB environments under store.c, and nobody else's business. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <knetd/err.h>

enum store_env { ENV_STATE, ENV_RUN, ENV_COUNT };

int lmdb_open(enum store_env env, const char *dir, struct err *e);
void lmdb_close(void);
/* Calls fn for every entry; the text ends with NUL. */
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
int lmdb_write(const struct lmdb_write *w, size_t n, struct err *e);
