/* gzip.h - the gzip coding of whole texts in memory (RFC 1952), by zlib. Output is bounded by the
 * buffer's own maximum; nothing is kept between calls. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <knetd/buf.h>

/* Appends the text packed. level 1 (quick) to 4; about 0.3 MB of memory for the time of the call.
 * False when it does not fit, or there is no memory: out is then as it was. */
bool gzip_pack(const char *p, size_t n, int level, struct buf *out);

/* Appends what was packed, all of which has to be there, nothing behind it. -EINVAL broken or cut
 * off, -EFBIG more than out->max; out is then as it was. */
int gzip_unpack(const char *p, size_t n, struct buf *out);
