/* proxy_auth.c - see proxy_auth.h
 *
 * A hash is slow on purpose, and a worker does one thing at a time. So what was found out about a
 * name, a password and a hash is remembered (as an HMAC with a key of this process: memory holds
 * no password), and new ones are looked at as long as that takes a quarter of the time, after a
 * credit of half a second. Whoever floods with wrong passwords makes others wait for their first
 * request, not for the next ones. */
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <bearssl.h>

#include <knetd/auto.h>
#include <knetd/http.h>

#include "proxy_auth.h"
#include "proxy_htpasswd.h"

#define KNOWN 1024             /* credentials remembered, a power of two */
#define CREDIT_NS 500000000ull /* of the worker's time */
#define SHARE 4                /* one in so many */

static struct {
	unsigned char key[16];
	bool set, good;
} known[KNOWN];

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* ---- time ---------------------------------------------------------------------------------------
 */

static uint64_t paid_until; /* what was used, put one after the other and stretched by SHARE */

static bool may_spend(uint64_t now)
{
	return paid_until < now + CREDIT_NS * SHARE;
}

static void spent(uint64_t from, uint64_t to)
{
	if (paid_until < from)
		paid_until = from;
	paid_until += (to - from) * SHARE;
}

/* ---- what is known ------------------------------------------------------------------------------
 */

static void mac(br_hmac_context *c, struct span s)
{
	uint32_t n = s.n;

	br_hmac_update(c, &n, sizeof(n));
	br_hmac_update(c, s.p, s.n);
}

static void key_of(struct span user, struct span password, struct span hash,
                   unsigned char out[static 32])
{
	static unsigned char secret[32];
	static bool made;
	br_hmac_key_context k;
	br_hmac_context c;

	if (!made)
		made = getrandom(secret, sizeof(secret), 0) == sizeof(secret);
	br_hmac_key_init(&k, &br_sha256_vtable, secret, sizeof(secret));
	br_hmac_init(&c, &k, 0);
	mac(&c, user);
	mac(&c, password);
	mac(&c, hash);
	br_hmac_out(&c, out);
}

static enum auth_answer check(struct span user, struct span password, struct span hash)
{
	unsigned char key[32];
	uint64_t begun;
	size_t at;

	key_of(user, password, hash, key);
	memcpy(&at, key + 16, sizeof(at));
	at %= KNOWN;
	if (known[at].set && !memcmp(known[at].key, key, sizeof(known[at].key)))
		return known[at].good ? AUTH_GOOD : AUTH_BAD;
	begun = now_ns();
	if (!may_spend(begun))
		return AUTH_LATER;
	known[at].good = htpasswd_verify(hash, password);
	memcpy(known[at].key, key, sizeof(known[at].key));
	known[at].set = true;
	spent(begun, now_ns());
	return known[at].good ? AUTH_GOOD : AUTH_BAD;
}

/* ---- credentials --------------------------------------------------------------------------------
 */

static int digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Bytes written, -1 when it is no base64 or too long. */
static int decode(struct span s, char *out, size_t size)
{
	size_t n = 0;
	unsigned bits = 0, have = 0;

	while (s.n && s.p[s.n - 1] == '=')
		s.n--;
	for (size_t i = 0; i < s.n; i++) {
		int d = digit(s.p[i]);

		if (d < 0 || n == size)
			return -1;
		bits = bits << 6 | d;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = bits >> have;
		}
	}
	return n;
}

static int compare(struct span a, struct span b)
{
	int d = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return d ? d : a.n < b.n ? -1 : a.n > b.n;
}

static const struct table_user *find(const struct table_basic *b, struct span name)
{
	uint32_t lo = 0, hi = b->n_users;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		int d = compare(name, b->users[mid].name);

		if (!d)
			return &b->users[mid];
		if (d < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

/* A name that nobody has costs what a wrong password costs: names cannot be found out by time. */
static enum auth_answer check_user(const struct table_basic *b, struct span name,
                                   struct span password)
{
	const struct table_user *u = find(b, name);
	enum auth_answer answer;

	if (!u && !b->n_users)
		return AUTH_BAD;
	answer = check(name, password, u ? u->hash : b->users[0].hash);
	return u || answer == AUTH_LATER ? answer : AUTH_BAD;
}

enum auth_answer auth_check(const struct table_basic *b, struct span credentials)
{
	char text[512];
	const char *colon;
	enum auth_answer answer;
	int n;

	if (credentials.n < 6 || strncasecmp(credentials.p, "basic ", 6) != 0)
		return AUTH_BAD;
	credentials.p += 6;
	credentials.n -= 6;
	while (credentials.n && *credentials.p == ' ')
		credentials.p++, credentials.n--;
	n = decode(credentials, text, sizeof(text));
	colon = n > 0 ? memchr(text, ':', n) : NULL;
	if (!colon)
		return AUTH_BAD;
	answer = check_user(b, (struct span){ text, colon - text },
	                    (struct span){ colon + 1, text + n - colon - 1 });
	explicit_bzero(text, sizeof(text));
	return answer;
}
