/* snapshot.h - what the control process tells its workers: sealed, read-only memory files.
 *
 * Position-independent: offsets, no pointers. A worker maps one, swaps, and drops the old one after
 * the last request that uses it. Content is written by a module's plan and checked by the worker
 * against the file's length before it is believed. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <knetd/buf.h>
#include <knetd/err.h>

/* A sealed memfd with b's bytes; the caller closes it. */
int snapshot_seal(const struct buf *b, const char *name, struct err *e);

struct snapshot {
	const void *data; /* NULL: empty */
	size_t len;
	unsigned refs;
};
/* Maps fd (its seals are checked) and closes it; refs = 1. NULL on failure. */
struct snapshot *snapshot_map(int fd, struct err *e);
struct snapshot *snapshot_ref(struct snapshot *s);
void snapshot_unref(struct snapshot *s); /* NULL is fine */
