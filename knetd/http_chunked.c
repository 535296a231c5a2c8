/* http_chunked.c - the chunked coding, byte by byte where it must be, in runs where it can; see
 * http.h. RFC 9112 7.1. Extensions are skipped, trailers too, both within a bound: they mean
 * nothing to us, and an endless one is an attack. */
#include <string.h>

#include <knetd/http.h>

#define META_MAX 4096

enum state {
	SIZE_FIRST,
	SIZE,
	EXTENSION,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER_START,
	TRAILER,
	TRAILER_LF,
	END_LF,
	DONE
};

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool size_digit(struct http_chunked *c, char b)
{
	int digit = hex(b);

	if (digit < 0 || c->left >> 59)
		return false;
	c->left = c->left << 4 | digit;
	c->state = SIZE;
	return true;
}

/* One byte that is not data. False when it may not stand there. */
static bool step(struct http_chunked *c, char b)
{
	switch ((enum state)c->state) {
	case SIZE_FIRST:
		return size_digit(c, b);
	case SIZE:
		if (b == '\r' || b == ';') {
			c->state = b == '\r' ? SIZE_LF : EXTENSION;
			return true;
		}
		return size_digit(c, b);
	case EXTENSION:
		if (b == '\r')
			c->state = SIZE_LF;
		return b == '\r' || b == '\t' || (unsigned char)b >= 0x20;
	case SIZE_LF:
		c->state = c->left ? DATA : TRAILER_START;
		return b == '\n';
	case DATA_CR:
		c->state = DATA_LF;
		return b == '\r';
	case DATA_LF:
		c->state = SIZE_FIRST;
		return b == '\n';
	case TRAILER_START:
		c->state = b == '\r' ? END_LF : TRAILER;
		return b == '\r' || (unsigned char)b > 0x20;
	case TRAILER:
		if (b == '\r')
			c->state = TRAILER_LF;
		return b == '\r' || b == '\t' || (unsigned char)b >= 0x20;
	case TRAILER_LF:
		c->state = TRAILER_START;
		return b == '\n';
	case END_LF:
		c->state = DONE;
		return b == '\n';
	case DATA:
	case DONE:
		break;
	}
	return false;
}

long http_chunked(struct http_chunked *c, const char *p, size_t n, const char **data,
                  size_t *data_n, bool *done)
{
	size_t i = 0;

	*data = p;
	*data_n = 0;
	*done = c->state == DONE;
	while (i < n && c->state != DATA && c->state != DONE) {
		if (!step(c, p[i++]) || ++c->meta > META_MAX)
			return -1;
	}
	*done = c->state == DONE;
	if (c->state != DATA || i == n)
		return i;
	*data = p + i;
	*data_n = n - i < c->left ? n - i : c->left;
	c->left -= *data_n;
	if (!c->left)
		c->state = DATA_CR;
	c->meta = 0; /* the bound holds between one run of data and the next */
	return i + *data_n;
}
