/* http_chunked.c - the chunked coding, byte by byte where it must be, in runs where it can; see
 * http.h. RFC 9112 7.1. Extensions mean nothing to us and are skipped, trailers are the caller's to
 * read, but they have to look like what they are. What is not data is bounded in proportion to what
 * is: a body of chunks of one byte with an extension each would cost its reader a thousandfold. */
#include <string.h>

#include <knetd/http.h>

#define META_MAX 8192   /* bytes around the data, beyond what the data itself has earned */
#define META_A_CHUNK 16 /* so many a chunk are nobody's fault */
#define DIGITS_MAX 16

enum state {
	SIZE_FIRST,
	SIZE,
	EXTENSION,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER_START,
	TRAILER_NAME,
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

	if (digit < 0 || c->left >> 59 || c->digits == DIGITS_MAX)
		return false;
	c->left = c->left << 4 | digit;
	c->digits++;
	c->state = SIZE;
	return true;
}

/* RFC 9110: what a field's value, or a quoted string, may have; CR leads on. */
static bool is_text(char b)
{
	return b == '\t' || ((unsigned char)b >= 0x20 && b != 0x7f);
}

static bool is_token(char b)
{
	return b > 0x20 && b < 0x7f && !strchr("\"(),/:;<=>?@[\\]{}", b);
}

static bool to_if(struct http_chunked *c, enum state next, bool good)
{
	c->state = next;
	return good;
}

/* One byte that is not data. False when it may not stand there. */
static bool step(struct http_chunked *c, char b)
{
	switch ((enum state)c->state) {
	case SIZE_FIRST:
		c->digits = 0;
		return size_digit(c, b);
	case SIZE:
		if (b == '\r' || b == ';')
			return to_if(c, b == '\r' ? SIZE_LF : EXTENSION, true);
		return size_digit(c, b);
	case EXTENSION:
		return b == '\r' ? to_if(c, SIZE_LF, true) : is_text(b);
	case SIZE_LF:
		return to_if(c, c->left ? DATA : TRAILER_START, b == '\n');
	case DATA_CR:
		return to_if(c, DATA_LF, b == '\r');
	case DATA_LF:
		return to_if(c, SIZE_FIRST, b == '\n');
	case TRAILER_START:
		return b == '\r' ? to_if(c, END_LF, true) : to_if(c, TRAILER_NAME, is_token(b));
	case TRAILER_NAME:
		return b == ':' ? to_if(c, TRAILER, true) : is_token(b);
	case TRAILER:
		return b == '\r' ? to_if(c, TRAILER_LF, true) : is_text(b);
	case TRAILER_LF:
		return to_if(c, TRAILER_START, b == '\n');
	case END_LF:
		return to_if(c, DONE, b == '\n');
	case DATA:
	case DONE:
		break;
	}
	return false;
}

/* A chunk's data begins: it has earned the bytes around it. */
static void earn(struct http_chunked *c)
{
	uint64_t earned = META_A_CHUNK + 2 * c->left;

	c->meta = c->meta > earned ? c->meta - (uint32_t)earned : 0;
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
		if (c->state == DATA)
			earn(c);
		if (c->state == TRAILER_START && p[i - 1] == '\n' && !c->trails) {
			c->trails = true;
			break; /* they begin a call of their own */
		}
	}
	*done = c->state == DONE;
	if (c->state != DATA || i == n)
		return i;
	*data = p + i;
	*data_n = n - i < c->left ? n - i : c->left;
	c->left -= *data_n;
	if (!c->left)
		c->state = DATA_CR;
	return i + *data_n;
}
