/* buf.c - see buf.h */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/blocks.h>
#include <knetd/buf.h>

#define LEAST 256

/* A capacity that is no power of two is of bytes that others have made. */
static bool is_block(const struct buf *b)
{
	return b->cap >= LEAST && b->cap <= BLOCK_MOST && !(b->cap & (b->cap - 1));
}

void buf_free(struct buf *b)
{
	if (is_block(b))
		block_give(b->data, b->cap);
	else
		free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
	b->failed = false;
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

static void grow(struct buf *b, size_t cap)
{
	char *data;

	if (cap > BLOCK_MOST || (b->data && !is_block(b))) {
		b->data = xrealloc(b->data, cap);
	} else {
		data = block_take(cap);
		if (b->data)
			memcpy(data, b->data, b->len);
		block_give(b->data, b->cap);
		b->data = data;
	}
	b->cap = cap;
}

char *buf_room(struct buf *b, size_t n)
{
	size_t max = b->max ? b->max : BUF_MAX, cap;

	if (n > max || b->len > max - n) {
		b->failed = true;
		return NULL;
	}
	if (b->cap - b->len < n) {
		cap = b->cap ? b->cap : LEAST;
		while (cap - b->len < n)
			cap *= 2;
		grow(b, cap);
	}
	return b->data + b->len;
}

void buf_add(struct buf *b, const void *data, size_t n)
{
	char *room = n ? buf_room(b, n) : NULL;

	if (!room)
		return;
	memcpy(room, data, n);
	b->len += n;
}

void buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	char *room;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	room = n < 0 ? NULL : buf_room(b, (size_t)n + 1);
	if (!room)
		return;
	va_start(ap, fmt);
	vsnprintf(room, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += n;
}

void buf_json(struct buf *b, const char *s, size_t n)
{
	size_t start = 0;

	buf_add(b, "\"", 1);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = s[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_add(b, s + start, i - start);
		start = i + 1;
		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c == '\n')
			buf_str(b, "\\n");
		else
			buf_printf(b, "\\u%04x", c);
	}
	buf_add(b, s + start, n - start);
	buf_add(b, "\"", 1);
}

void buf_drop(struct buf *b, size_t n)
{
	b->len -= n;
	if (n)
		memmove(b->data, b->data + n, b->len);
}

void buf_base64(struct buf *b, const void *data, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *s = data;

	for (size_t k = 0; k < n; k += 3) {
		unsigned w =
			s[k] << 16 | (k + 1 < n ? s[k + 1] << 8 : 0) | (k + 2 < n ? s[k + 2] : 0);
		char four[] = { digits[w >> 18], digits[w >> 12 & 63],
			        k + 1 < n ? digits[w >> 6 & 63] : '=',
			        k + 2 < n ? digits[w & 63] : '=' };

		buf_add(b, four, sizeof(four));
	}
}
