/* tls_hello.c - see tls_hello.h. Every length is checked against what encloses it; whatever does
 * not end exactly where it has to is broken. */
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <knetd/tls_hello.h>

#define RECORD_HEAD 5
#define RECORD_MAX 16384
#define HANDSHAKE 22
#define CLIENT_HELLO 1

enum { EXT_SNI = 0, EXT_SIGNATURES = 13, EXT_ALPN = 16 };

struct bytes { /* what is left of something */
	const uint8_t *p;
	size_t n;
	bool bad; /* more was asked of it than there is */
};

static struct bytes take(struct bytes *b, size_t n)
{
	struct bytes part = { b->p, n, false };

	if (n > b->n) {
		b->bad = true;
		b->n = 0;
		return (struct bytes){ .bad = true };
	}
	b->p += n;
	b->n -= n;
	return part;
}

static unsigned number(struct bytes *b, unsigned size)
{
	struct bytes part = take(b, size);
	unsigned v = 0;

	while (part.n) {
		v = v << 8 | *part.p++;
		part.n--;
	}
	return v;
}

/* What a length of so many bytes stands before. */
static struct bytes counted(struct bytes *b, unsigned size)
{
	return take(b, number(b, size));
}

/* ---- its parts --------------------------------------------------------------------------------
 */

static bool read_name(struct tls_hello *h, struct bytes name)
{
	if (name.n && name.p[name.n - 1] == '.')
		name.n--;
	if (!name.n || name.n >= sizeof(h->sni) || *h->sni)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		if (!isalnum(name.p[i]) && !strchr("-._", name.p[i] ? name.p[i] : '/'))
			return false;
		h->sni[i] = (char)tolower(name.p[i]);
	}
	return true;
}

static bool read_sni(struct tls_hello *h, struct bytes ext)
{
	struct bytes list = counted(&ext, 2);

	if (!list.n || ext.n)
		return false;
	while (list.n && !list.bad) {
		unsigned type = number(&list, 1);
		struct bytes name = counted(&list, 2);

		if (!list.bad && type == 0 && !read_name(h, name))
			return false;
	}
	return !list.bad;
}

static bool read_alpn(struct tls_hello *h, struct bytes ext)
{
	struct bytes list = counted(&ext, 2);

	if (!list.n || ext.n || h->alpn)
		return false;
	h->alpn = true;
	while (list.n && !list.bad) {
		struct bytes name = counted(&list, 1);

		h->h2 |= name.n == 2 && !memcmp(name.p, "h2", 2);
		h->http1 |= name.n == 8 &&
		            (!memcmp(name.p, "http/1.1", 8) || !memcmp(name.p, "http/1.0", 8));
		if (!name.n)
			return false;
	}
	return !list.bad;
}

/* Pairs of a hash and what is signed with; ours begin with SHA-256. */
static bool read_signatures(struct tls_hello *h, struct bytes ext)
{
	struct bytes list = counted(&ext, 2);
	bool ecdsa = false, rsa = false;

	if (!list.n || list.n % 2 || ext.n)
		return false;
	while (list.n) {
		unsigned pair = number(&list, 2), hash = pair >> 8;

		ecdsa |= hash >= 4 && hash <= 6 && (pair & 0xff) == 3;
		rsa |= hash >= 4 && hash <= 6 && (pair & 0xff) == 1;
	}
	h->ecdsa &= ecdsa;
	h->rsa &= rsa;
	return true;
}

static bool read_suites(struct tls_hello *h, struct bytes suites)
{
	if (!suites.n || suites.n % 2)
		return false;
	while (suites.n)
		switch (number(&suites, 2)) {
		case 0xc02b: /* those of tls.c */
		case 0xc02c:
		case 0xcca9:
			h->ecdsa = true;
			break;
		case 0xc02f:
		case 0xc030:
		case 0xcca8:
			h->rsa = true;
			break;
		}
	return true;
}

static bool read_extensions(struct tls_hello *h, struct bytes all)
{
	while (all.n && !all.bad) {
		unsigned type = number(&all, 2);
		struct bytes ext = counted(&all, 2);

		if (all.bad || (type == EXT_SNI && !read_sni(h, ext)) ||
		    (type == EXT_ALPN && !read_alpn(h, ext)) ||
		    (type == EXT_SIGNATURES && !read_signatures(h, ext)))
			return false;
	}
	return !all.bad;
}

static bool read_message(struct tls_hello *h, struct bytes m)
{
	struct bytes suites, compressions, extensions;

	memset(h, 0, sizeof(*h));
	take(&m, 2 + 32);                   /* version, random */
	if (counted(&m, 1).n > 32 || m.bad) /* session */
		return false;
	suites = counted(&m, 2);
	compressions = counted(&m, 1);
	if (m.bad || !compressions.n || !read_suites(h, suites))
		return false;
	if (!m.n) /* no extensions: a client that old has SHA-1 alone */
		return true;
	extensions = counted(&m, 2);
	return !m.bad && !m.n && read_extensions(h, extensions);
}

/* ---- its records ------------------------------------------------------------------------------
 */

static size_t length_of(const uint8_t head[static 4])
{
	return (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
}

/* The message, which may be spread over records, as one run in msg. */
static int collect(struct bytes in, uint8_t *msg, size_t *len)
{
	const uint8_t *begin = in.p;
	size_t have = 0;

	while (have < 4 || have < 4 + length_of(msg)) {
		struct bytes record;

		if ((in.n > 0 && in.p[0] != HANDSHAKE) || (in.n > 1 && in.p[1] != 3))
			return in.p == begin ? -EPROTO : -EINVAL;
		if (in.n < RECORD_HEAD)
			return 0;
		record.n = (size_t)in.p[3] << 8 | in.p[4];
		if (!record.n || record.n > RECORD_MAX)
			return -EINVAL;
		take(&in, RECORD_HEAD);
		record = take(&in, in.n < record.n ? in.n : record.n);
		if (have + record.n > TLS_HELLO_MAX)
			return -EINVAL;
		memcpy(msg + have, record.p, record.n);
		have += record.n;
		if ((have && msg[0] != CLIENT_HELLO) ||
		    (have >= 4 && length_of(msg) > TLS_HELLO_MAX - 4 - RECORD_HEAD))
			return -EINVAL;
		if (!in.n && (have < 4 || have < 4 + length_of(msg)))
			return 0;
	}
	*len = 4 + length_of(msg);
	return have == *len ? (int)(in.p - begin) : -EINVAL; /* nothing may follow it yet */
}

int tls_hello_read(struct tls_hello *h, const void *p, size_t n)
{
	uint8_t msg[TLS_HELLO_MAX];
	size_t len;
	int used = collect((struct bytes){ p, n < TLS_HELLO_MAX ? n : TLS_HELLO_MAX, false }, msg,
	                   &len);

	if (!used && n >= TLS_HELLO_MAX)
		return -E2BIG;
	if (used > 0 && !read_message(h, (struct bytes){ msg + 4, len - 4, false }))
		return -EINVAL;
	return used;
}
