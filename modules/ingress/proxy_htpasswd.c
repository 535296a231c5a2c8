/* proxy_htpasswd.c - passwords against the hashes that htpasswd(1) writes. bcrypt and sha-crypt are
 * the C library's; apr1 (md5-crypt under another name) and {SHA} are none of its.
 *
 * What costs much is bounded here: a worker does nothing else meanwhile. */
#include <crypt.h>
#include <stdlib.h>
#include <string.h>

#include <bearssl.h>

#include <knetd/auto.h>
#include <knetd/buf.h>

#include "proxy_htpasswd.h"

#define HASH_MAX 256

static bool begins(struct span s, const char *text)
{
	return s.n >= strlen(text) && !memcmp(s.p, text, strlen(text));
}

static bool is_bcrypt(struct span hash)
{
	return begins(hash, "$2y$") || begins(hash, "$2a$") || begins(hash, "$2b$");
}

static bool is_sha_crypt(struct span hash)
{
	return begins(hash, "$5$") || begins(hash, "$6$");
}

const char *htpasswd_trouble(struct span hash)
{
	if (hash.n >= HASH_MAX)
		return "its hash is too long";
	if (is_bcrypt(hash)) {
		if (hash.n != 60)
			return "its bcrypt hash is not 60 characters long";
		return atoi(hash.p + 4) > HTPASSWD_BCRYPT_COST
		               ? "its bcrypt cost is above 12: each check would stop everything "
		                 "for long"
		               : NULL;
	}
	if (is_sha_crypt(hash))
		return begins((struct span){ hash.p + 3, hash.n - 3 }, "rounds=") &&
		                       atol(hash.p + 10) > HTPASSWD_SHA_ROUNDS
		               ? "its hash asks for more than 100000 rounds"
		               : NULL;
	if (begins(hash, "$apr1$") || begins(hash, "$1$"))
		return NULL;
	if (begins(hash, "{SHA}"))
		return hash.n == 5 + 28 ? NULL : "its {SHA} hash is not 28 characters long";
	return "its hash is of no kind that is known here (bcrypt, apr1, md5-crypt, sha-crypt, "
	       "{SHA})";
}

/* The time it takes tells nothing of where they differ. */
static bool same(const char *a, const char *b, size_t n)
{
	unsigned char differ = 0;

	for (size_t i = 0; i < n; i++)
		differ |= (unsigned char)a[i] ^ (unsigned char)b[i];
	return !differ;
}

/* ---- {SHA} ------------------------------------------------------------------------------------
 */

static bool check_sha(struct span hash, struct span password)
{
	auto_buf struct buf text = { 0 };
	unsigned char digest[br_sha1_SIZE];
	br_sha1_context c;

	br_sha1_init(&c);
	br_sha1_update(&c, password.p, password.n);
	br_sha1_out(&c, digest);
	buf_base64(&text, digest, sizeof(digest));
	return text.len == hash.n - 5 && same(text.data, hash.p + 5, text.len);
}

/* ---- md5-crypt ----------------------------------------------------------------------------------
 */

static char *put64(char *p, unsigned a, unsigned b, unsigned c, unsigned n)
{
	static const char digits[] =
		"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	unsigned v = a << 16 | b << 8 | c;

	for (; n; n--, v >>= 6)
		*p++ = digits[v & 63];
	return p;
}

static void md5_begin(br_md5_context *c, unsigned char d[16], struct span magic, struct span salt,
                      struct span pw)
{
	br_md5_context inner;

	br_md5_init(&inner);
	br_md5_update(&inner, pw.p, pw.n);
	br_md5_update(&inner, salt.p, salt.n);
	br_md5_update(&inner, pw.p, pw.n);
	br_md5_out(&inner, d);
	br_md5_init(c);
	br_md5_update(c, pw.p, pw.n);
	br_md5_update(c, magic.p, magic.n);
	br_md5_update(c, salt.p, salt.n);
	for (size_t n = pw.n; n; n -= n > 16 ? 16 : n)
		br_md5_update(c, d, n > 16 ? 16 : n);
	for (size_t n = pw.n; n; n >>= 1)
		br_md5_update(c, n & 1 ? "" : pw.p, 1);
	br_md5_out(c, d);
}

static void md5_rounds(unsigned char d[16], struct span salt, struct span pw)
{
	br_md5_context c;

	for (unsigned i = 0; i < 1000; i++) {
		br_md5_init(&c);
		br_md5_update(&c, i & 1 ? pw.p : (const char *)d, i & 1 ? pw.n : 16);
		if (i % 3)
			br_md5_update(&c, salt.p, salt.n);
		if (i % 7)
			br_md5_update(&c, pw.p, pw.n);
		br_md5_update(&c, i & 1 ? (const char *)d : pw.p, i & 1 ? 16 : pw.n);
		br_md5_out(&c, d);
	}
}

static bool check_md5(struct span hash, size_t magic_n, struct span pw)
{
	struct span magic = { hash.p, magic_n }, salt = { hash.p + magic_n, 0 };
	unsigned char d[16];
	br_md5_context c;
	char text[22], *p = text;

	while (salt.n < 8 && magic_n + salt.n < hash.n && salt.p[salt.n] != '$')
		salt.n++;
	if (hash.n != magic_n + salt.n + 1 + sizeof(text))
		return false;
	md5_begin(&c, d, magic, salt, pw);
	md5_rounds(d, salt, pw);
	for (unsigned i = 0; i < 5; i++)
		p = put64(p, d[i], d[i + 6], i < 4 ? d[i + 12] : d[5], 4);
	put64(p, 0, 0, d[11], 2);
	return same(text, hash.p + hash.n - sizeof(text), sizeof(text));
}

/* ---- the C library's
 * ------------------------------------------------------------------------------ */

static bool check_crypt(struct span hash, struct span password)
{
	char setting[HASH_MAX], word[HTPASSWD_PASSWORD_MAX + 1];
	const char *out;

	memcpy(setting, hash.p, hash.n);
	setting[hash.n] = 0;
	memcpy(word, password.p, password.n);
	word[password.n] = 0;
	out = crypt(word, setting);
	explicit_bzero(word, sizeof(word));
	return out && strlen(out) == hash.n && same(out, hash.p, hash.n);
}

bool htpasswd_verify(struct span hash, struct span password)
{
	if (htpasswd_trouble(hash) || password.n > HTPASSWD_PASSWORD_MAX ||
	    memchr(password.p, 0, password.n))
		return false;
	if (begins(hash, "{SHA}"))
		return check_sha(hash, password);
	if (begins(hash, "$apr1$"))
		return check_md5(hash, 6, password);
	if (begins(hash, "$1$"))
		return check_md5(hash, 3, password);
	return check_crypt(hash, password);
}
