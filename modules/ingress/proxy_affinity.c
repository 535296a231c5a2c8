/* proxy_affinity.c - see proxy_affinity.h */
#include <stdio.h>
#include <string.h>

#include <knetd/map.h>

#include "proxy_affinity.h"

#define ID_SEED 0x6b6e657464ull /* not a secret: ids are the same for all workers */
#define ID_DIGITS 16

uint64_t affinity_id(const struct table_backend *b, const struct endpoint *at)
{
	uint64_t h = hash_bytes(b->name.p, b->name.n, ID_SEED);

	h = hash_bytes(at->ip.b, at->ip.len, h);
	h = hash_bytes(&at->port, sizeof(at->port), h);
	return h ? h : 1;
}

/* Rendezvous: each endpoint's claim is independent of the others. */
static uint64_t claim(uint64_t id, uint64_t number)
{
	uint64_t x = id ^ (number * 0x9e3779b97f4a7c15ull);

	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	return x ^ (x >> 32);
}

uint32_t affinity_pick(const struct table_backend *b, uint64_t number)
{
	uint64_t best = 0;
	uint32_t at = 0;

	for (uint32_t i = 0; i < b->n_endpoints; i++) {
		uint64_t id = affinity_id(b, &b->endpoints[i].at), c = claim(id, number);

		if (id == number)
			return i;
		if (c >= best && !b->endpoints[i].draining) {
			best = c;
			at = i;
		}
	}
	return at;
}

bool affinity_has(const struct table_backend *b, uint64_t id)
{
	for (uint32_t i = 0; i < b->n_endpoints; i++)
		if (affinity_id(b, &b->endpoints[i].at) == id)
			return true;
	return false;
}

uint64_t affinity_read(struct span value)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t id = 0;

	for (size_t i = 0; i < value.n; i++) {
		const char *at = value.p[i] ? strchr(digits, value.p[i]) : NULL;

		if (!at || value.n != ID_DIGITS)
			return 0;
		id = id << 4 | (at - digits);
	}
	return id;
}

struct span affinity_cookie(struct scratch *s, const struct table_affinity *a, uint64_t id)
{
	static const char *const same_sites[] = {
		[SAME_SITE_UNSAID] = "",
		[SAME_SITE_NONE] = "; SameSite=None",
		[SAME_SITE_LAX] = "; SameSite=Lax",
		[SAME_SITE_STRICT] = "; SameSite=Strict",
	};
	char age[32] = "";

	if (a->max_age != TABLE_NONE)
		snprintf(age, sizeof(age), "; Max-Age=%u", a->max_age);
	return scratch_printf(s, "%.*s=%016llx; Path=%.*s%s%.*s%s%s%s; HttpOnly", (int)a->name.n,
	                      a->name.p, (unsigned long long)id, (int)a->path.n, a->path.p,
	                      a->domain.n ? "; Domain=" : "", (int)a->domain.n, a->domain.p, age,
	                      a->same_site <= SAME_SITE_STRICT ? same_sites[a->same_site] : "",
	                      a->secure || a->same_site == SAME_SITE_NONE ? "; Secure" : "");
}
