/* buf.h - a growable run of bytes with a stated maximum.
 *
 * A failed append (over the maximum) sets `failed` and changes nothing else, so a writer may append
 * many times and check once at the end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *data;
	size_t len, cap, max; /* bytes; max 0 means BUF_MAX */
	bool failed;
};

#define BUF_MAX ((size_t)256 << 20)

void buf_free(struct buf *b);  /* leaves it empty and usable, max kept */
void buf_reset(struct buf *b); /* len = 0, memory kept */
/* Room for n more bytes behind len, or NULL when over max; the caller adds to len itself. */
char *buf_room(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *data, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Appends s as a JSON string with its quotes. */
void buf_json(struct buf *b, const char *s, size_t n);
void buf_base64(struct buf *b, const void *data, size_t n); /* RFC 4648, padded */
/* Bytes behind base64 text (RFC 4648, padded; line ends may stand inside), or -1 and where it goes
 * wrong. out may be NULL; it needs no more room than s. */
int64_t base64_read(const char *s, size_t n, char *out, size_t *bad);
/* Drops the first n bytes. */
void buf_drop(struct buf *b, size_t n);

static inline void auto_buf_(struct buf *b)
{
	buf_free(b);
}
#define auto_buf __attribute__((cleanup(auto_buf_)))
