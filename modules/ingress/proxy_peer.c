/* proxy_peer.c - the endpoints as this worker knows them: how busy each is, and how well.
 *
 * A peer is kept while its backend has it, and beyond that while connections do. So there are no
 * more than endpoints in the table, and a few that leave. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/map.h>

#include "proxy.h"
#include "proxy_affinity.h"

#define REST_FIRST_MS 1000
#define REST_LAST_MS 30000

struct peer_key { /* no padding: it is hashed as bytes */
	uint64_t uid;
	uint8_t ip[16];
	uint32_t len, port;
};
struct known {
	struct peer peer; /* first: a peer's place is its own */
	struct peer_key key;
};

static struct map known; /* struct known by key */
static uint64_t now_mark;

static struct peer_key key_of(uint64_t uid, const struct endpoint *at)
{
	struct peer_key k = { .uid = uid, .len = at->ip.len, .port = at->port };

	memcpy(k.ip, at->ip.b, at->ip.len);
	return k;
}

static struct peer *find(uint64_t uid, const struct endpoint *at)
{
	struct peer_key key = key_of(uid, at);
	struct known *k = map_get(&known, &key, sizeof(key));

	if (k)
		return &k->peer;
	k = xcalloc(1, sizeof(*k));
	k->key = key;
	k->peer = (struct peer){ .backend_uid = uid, .at = *at, .refs = 1, .mark = now_mark };
	list_init(&k->peer.idle);
	list_init(&k->peer.multi);
	map_put(&known, &k->key, sizeof(k->key), k);
	return &k->peer;
}

struct peer *peer_ref(struct peer *p)
{
	p->refs++;
	return p;
}

void peer_unref(struct peer *p)
{
	if (!--p->refs)
		free(container_of(p, struct known, peer));
}

/* ---- choice --------------------------------------------------------------------------------- */

uint32_t proxy_random(uint32_t below)
{
	static uint64_t state;

	if (!state)
		state = hash_seed() | 1;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(((state >> 32) * below) >> 32);
}

struct tried {
	const struct endpoint *v;
	unsigned n;
};

static bool was_tried(const struct tried *t, const struct endpoint *at)
{
	for (unsigned i = 0; i < t->n; i++)
		if (endpoint_equal(&t->v[i], at))
			return true;
	return false;
}

static bool resting(const struct peer *p)
{
	return p->resting_until > loop_now();
}

/* Lower is better: resting, then draining, then busy. */
static uint64_t burden(const struct peer *p, const struct table_endpoint *e)
{
	return (uint64_t)resting(p) << 40 | (uint64_t)e->draining << 41 | p->busy;
}

static struct peer *at(const struct table_backend *b, uint32_t i, const struct tried *x,
                       uint64_t *worth)
{
	const struct table_endpoint *e = &b->endpoints[i];
	struct peer *p = was_tried(x, &e->at) ? NULL : find(b->uid, &e->at);

	*worth = p ? burden(p, e) : UINT64_MAX;
	return p;
}

/* When the two were no good: the best of all. */
static struct peer *best_of_all(const struct table_backend *b, const struct tried *x)
{
	uint32_t start = proxy_random(b->n_endpoints);
	uint64_t best = UINT64_MAX, worth;
	struct peer *found = NULL;

	for (uint32_t i = 0; i < b->n_endpoints; i++) {
		struct peer *p = at(b, (start + i) % b->n_endpoints, x, &worth);

		if (p && worth < best) {
			best = worth;
			found = p;
		}
	}
	return found;
}

static struct peer *choose(const struct table_backend *b, const struct tried *x, uint64_t hash)
{
	uint32_t n = b->n_endpoints, first, second;
	uint64_t worth_a, worth_b;
	struct peer *p, *q;

	if (!n)
		return NULL;
	if (hash) {
		p = at(b, affinity_pick(b, hash), x, &worth_a);
		if (worth_a < 1ull << 40)
			return p;
	}
	first = proxy_random(n);
	second = n > 1 ? (first + 1 + proxy_random(n - 1)) % n : first;
	p = at(b, first, x, &worth_a);
	q = at(b, second, x, &worth_b);
	if (worth_b < worth_a) {
		p = q;
		worth_a = worth_b;
	}
	return worth_a < 1ull << 40 ? p : best_of_all(b, x);
}

struct peer *peer_choose_from(const struct table_backend *b, const struct endpoint *tried,
                              unsigned n_tried, uint64_t hash)
{
	return choose(b, &(struct tried){ tried, n_tried }, hash);
}

struct peer *peer_choose(const struct table_backend *b, const struct exchange *x, uint64_t hash)
{
	return peer_choose_from(b, x->tried, x->tries, hash);
}

const struct table_choice *choose_by_weight(const struct table_action *a)
{
	uint64_t total = 0, at;

	for (uint32_t i = 0; i < a->n_choices; i++)
		total += a->choices[i].weight;
	if (!total)
		return NULL;
	at = a->n_choices > 1 ? proxy_random((uint32_t)total) : 0;
	for (uint32_t i = 0;; i++) {
		if (at < a->choices[i].weight)
			return &a->choices[i];
		at -= a->choices[i].weight;
	}
}

/* ---- health --------------------------------------------------------------------------------- */

void peer_failed(struct peer *p)
{
	uint64_t ms = REST_FIRST_MS << (p->failures < 5 ? p->failures : 5);

	p->failures++;
	p->resting_until = loop_now() + (ms < REST_LAST_MS ? ms : REST_LAST_MS);
}

void peer_worked(struct peer *p)
{
	p->failures = 0;
	p->resting_until = 0;
}

/* ---- what the table has now ----------------------------------------------------------------- */

static void mark(const struct table_backend *b)
{
	for (uint32_t i = 0; i < b->n_endpoints; i++) {
		struct peer_key key = key_of(b->uid, &b->endpoints[i].at);
		struct known *k = map_get(&known, &key, sizeof(key));

		if (k)
			k->peer.mark = now_mark;
	}
}

void peers_changed(void)
{
	const struct table_backend *b;
	struct known *k;

	now_mark++;
	for (uint32_t i = 0; proxy_backend_next(&i, &b);)
		mark(b);
	for (size_t i = 0; (k = map_next(&known, &i));) {
		if (k->peer.mark == now_mark)
			continue;
		map_del(&known, &k->key, sizeof(k->key));
		leg_h1_close_idle(&k->peer);
		leg_h2_leave(&k->peer);
		peer_unref(&k->peer);
	}
}
