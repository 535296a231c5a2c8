/* file.h - small files read and replaced whole. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include <knetd/buf.h>
#include <knetd/err.h>

/* Appends the file to out, which gets a NUL behind its len. -EFBIG when it is longer than max. */
int file_read(const char *path, size_t max, struct buf *out, struct err *e);
/* All of it, to wherever the descriptor leads: 0 or -errno. */
int file_write(int fd, const void *data, size_t n);
/* Writes PATH.new, syncs it and renames it over path: after a crash there is the old or the new
 * file, never half of one. */
int file_replace(const char *path, const void *data, size_t n, mode_t mode, struct err *e);
/* The same, unless the file has that content already. */
int file_settle(const char *path, const void *data, size_t n, mode_t mode, struct err *e);
/* The directory, and those above it that are not there. The path is absolute. */
int file_make_dirs(const char *path, mode_t mode, struct err *e);
