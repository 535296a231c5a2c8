/* dns_cookie.c - see dns_cookie.h. Our part is version 1, three zero bytes, the time, and
 * SipHash-2-4 of the client's part, those eight bytes and the client's address (RFC 9018 4). */
#include <string.h>

#include "dns_cookie.h"
#include "dns_wire.h"

/* RFC 9018 4.3, seconds */
#define AGE_MAX 3600
#define AGE_RENEW 1800
#define AHEAD_MAX 300

static uint64_t get64le(const uint8_t *p)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

static uint64_t rotate(uint64_t v, unsigned bits)
{
	return v << bits | v >> (64 - bits);
}

static void sip_rounds(uint64_t v[static 4], unsigned n)
{
	while (n--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

/* n: at most 255, as the last word tells it in a byte. */
static uint64_t siphash(const uint8_t key[static 16], const uint8_t *p, size_t n)
{
	uint64_t k[2] = { get64le(key), get64le(key + 8) }, m;
	uint64_t v[4] = { k[0] ^ 0x736f6d6570736575, k[1] ^ 0x646f72616e646f6d,
		          k[0] ^ 0x6c7967656e657261, k[1] ^ 0x7465646279746573 };
	uint8_t last[8] = { 0 };

	last[7] = (uint8_t)n;
	memcpy(last, p + (n & ~(size_t)7), n & 7);
	for (size_t i = 0; i <= n / 8; i++) {
		m = get64le(i < n / 8 ? p + 8 * i : last);
		v[3] ^= m;
		sip_rounds(v, 2);
		v[0] ^= m;
	}
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The hash over the first 16 bytes and the address, as it stands on the wire. */
static void hash(uint8_t out[static 8], const uint8_t cookie[static 16], const struct ip *from,
                 const uint8_t secret[static DNS_COOKIE_SECRET])
{
	uint8_t text[32];
	uint64_t h;

	memcpy(text, cookie, 16);
	memcpy(text + 16, from->b, from->len);
	h = siphash(secret, text, 16u + from->len);
	for (unsigned i = 0; i < 8; i++)
		out[i] = (uint8_t)(h >> 8 * i);
}

enum dns_cookie dns_cookie_check(const uint8_t *cookie, size_t n, const struct ip *from,
                                 const uint8_t secret[static DNS_COOKIE_SECRET], uint32_t now)
{
	uint8_t want[8], differ = 0;
	int32_t age;

	if (n != DNS_COOKIE_CLIENT + DNS_COOKIE_OURS || cookie[DNS_COOKIE_CLIENT] != 1)
		return DNS_COOKIE_BAD;
	age = (int32_t)(now - dns_get32(cookie + 12)); /* serial numbers: 2106 is no border */
	if (age > AGE_MAX || age < -AHEAD_MAX)
		return DNS_COOKIE_BAD;
	hash(want, cookie, from, secret);
	for (unsigned i = 0; i < 8; i++)
		differ |= want[i] ^ cookie[16 + i];
	return differ ? DNS_COOKIE_BAD : age > AGE_RENEW ? DNS_COOKIE_OLD : DNS_COOKIE_GOOD;
}

void dns_cookie_make(uint8_t cookie[static DNS_COOKIE_CLIENT + DNS_COOKIE_OURS],
                     const struct ip *from, const uint8_t secret[static DNS_COOKIE_SECRET],
                     uint32_t now)
{
	dns_put32(cookie + 8, 1u << 24);
	dns_put32(cookie + 12, now);
	hash(cookie + 16, cookie, from, secret);
}
