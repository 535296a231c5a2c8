/* dns_cache.c - see dns_cache.h */
#include <stdlib.h>
#include <string.h>

#include <knetd/map.h>

#include "dns_cache.h"
#include "dns_count.h"
#include "dns_ring.h"

#define FAILURES 512     /* remembered; two places for each hash */
#define FAILURE_MS 1000  /* the first time, RFC 9520 3.2 */
#define FAILURE_MAX 5000 /* an upstream that is back is noticed in that time */
#define POPULAR 3        /* hits that make an answer worth to be asked for again */
#define TTLS_MAX (DNS_CACHE_MESSAGE / 11)

struct entry {
	struct dns_ring_entry ring;
	uint64_t stored_ms;
	uint32_t ttl;
	uint16_t type, len, n_ttls, hits;
	struct dns_run run;
	uint8_t flags, name_len;
	bool refreshing;
	uint16_t ttl_at[]; /* then the message, its question in lower case */
};

struct failure {
	uint64_t hash;
	uint64_t until_ms;
	uint32_t wait_ms;
};

static struct {
	struct dns_cache_settings set;
	struct dns_ring ring[2]; /* good answers, denials */
	struct failure failure[FAILURES];
} cache = { .set = { .ttl = 3600,
	             .deny_ttl = 1800,
	             .size = 4u << 20,
	             .stale = 24 * 3600,
	             .prefetch = true } };

/* ---- whose answer it is ------------------------------------------------------------------------
 */

static uint8_t question_flags(const struct dns_query *q)
{
	return (uint8_t)(q->dnssec_ok | (q->flags & DNS_CD));
}

size_t dns_question_key(const struct dns_query *q, const struct dns_forwarded *fwd,
                        uint8_t out[static DNS_QUESTION_KEY])
{
	memcpy(out, fwd->target, fwd->target_len);
	dns_put16(out + fwd->target_len, q->type);
	out[fwd->target_len + 2] = question_flags(q);
	return fwd->target_len + 3u;
}

static uint64_t question_hash(const struct dns_query *q, const struct dns_forwarded *fwd)
{
	uint64_t rest = (uint64_t)q->type << 8 | question_flags(q);

	return hash_bytes(fwd->target, fwd->target_len, hash_seed() ^ rest << 40);
}

static const uint8_t *entry_message(const struct entry *e)
{
	return (const uint8_t *)(e->ttl_at + e->n_ttls);
}

static struct entry *ring_find(const struct dns_ring *r, const struct dns_query *q,
                               const struct dns_forwarded *fwd, uint64_t hash)
{
	for (struct dns_ring_entry *pos = dns_ring_find(r, hash); pos;
	     pos = dns_ring_next(r, pos)) {
		struct entry *e = (struct entry *)pos;

		if (e->type == q->type && e->flags == question_flags(q) &&
		    e->name_len == fwd->target_len &&
		    !memcmp(entry_message(e) + DNS_HEADER, fwd->target, fwd->target_len))
			return e;
	}
	return NULL;
}

/* ---- hits --------------------------------------------------------------------------------------
 */

/* In the last tenth of its life a popular answer is asked for again, so that nobody ever waits. */
static bool refresh_now(struct entry *e, uint64_t now_ms)
{
	if (!cache.set.prefetch || e->refreshing || e->hits < POPULAR ||
	    (e->ring.until_ms - now_ms) * 10 >= e->ttl * 1000ull)
		return false;
	e->refreshing = true;
	return true;
}

bool dns_cache_get(const struct dns_query *q, const struct dns_forwarded *fwd, uint64_t now_ms,
                   bool stale, struct dns_cached *out)
{
	uint64_t hash = question_hash(q, fwd);
	struct entry *e = ring_find(&cache.ring[0], q, fwd, hash);
	bool denial = !e;

	if (!e)
		e = ring_find(&cache.ring[1], q, fwd, hash);
	if (!e || (now_ms >= e->ring.until_ms &&
	           (!stale || now_ms - e->ring.until_ms >= cache.set.stale * 1000ull)))
		return false;
	e->ring.used = true;
	e->hits += e->hits < POPULAR;
	*out = (struct dns_cached){
		.msg = entry_message(e),
		.len = e->len,
		.age = (uint32_t)((now_ms - e->stored_ms) / 1000),
		.ttl = e->ttl_at,
		.n_ttls = e->n_ttls,
		.run = e->run,
		.denial = denial,
		.refresh = !stale && refresh_now(e, now_ms),
	};
	return true;
}

/* Their TTLs are equal: it does not matter which is counted down. */
static void turn_run(struct dns_reply *out, const struct dns_cached *hit)
{
	const uint8_t *from = hit->msg + hit->run.at;
	uint8_t *to = out->p + hit->run.at;
	size_t size = hit->run.size, before = out->turn % hit->run.n * size;
	size_t after = hit->run.n * size - before;

	memcpy(to, from + before, after);
	memcpy(to + after, from, before);
}

void dns_cache_reply(struct dns_reply *out, const struct dns_query *q,
                     const struct dns_forwarded *fwd, const struct dns_cached *hit, uint32_t floor)
{
	size_t start = DNS_HEADER + fwd->target_len + 4u, n = hit->len - start;

	if (fwd->alias || out->len != start || !dns_reply_room(out, q, n)) {
		dns_upstream_merge(out, q, fwd, hit->msg, hit->len, hit->age, floor);
		return;
	}
	dns_reply_bytes(out, hit->msg + start, n);
	if (hit->run.n > 1)
		turn_run(out, hit);
	for (unsigned i = 0; i < hit->n_ttls; i++)
		dns_put32(out->p + hit->ttl[i],
		          dns_ttl_aged(dns_get32(hit->msg + hit->ttl[i]), hit->age, floor));
	dns_upstream_counts(out, hit->msg);
	dns_upstream_end(out, q, fwd, hit->msg);
}

/* ---- failures ----------------------------------------------------------------------------------
 */

/* The place of a failure, or the better one of its two places for it. */
static struct failure *failure_place(uint64_t hash)
{
	struct failure *f = &cache.failure[hash % FAILURES & ~1u];

	if (f[0].hash == hash)
		return &f[0];
	return f[1].hash == hash || f[1].until_ms < f[0].until_ms ? &f[1] : &f[0];
}

void dns_cache_fail(const struct dns_query *q, const struct dns_forwarded *fwd, uint64_t now_ms)
{
	uint64_t hash = question_hash(q, fwd);
	struct failure *f = failure_place(hash);

	/* what failed again soon after the last time is asked less often */
	if (f->hash != hash || now_ms > f->until_ms + FAILURE_MAX)
		*f = (struct failure){ .hash = hash };
	f->wait_ms = f->wait_ms ? f->wait_ms * 2 : FAILURE_MS;
	if (f->wait_ms > FAILURE_MAX)
		f->wait_ms = FAILURE_MAX;
	f->until_ms = now_ms + f->wait_ms;
}

bool dns_cache_failed(const struct dns_query *q, const struct dns_forwarded *fwd, uint64_t now_ms)
{
	uint64_t hash = question_hash(q, fwd);
	const struct failure *f = failure_place(hash);

	return f->hash == hash && now_ms < f->until_ms;
}

/* ---- keeping -----------------------------------------------------------------------------------
 */

static void forget(const struct dns_query *q, const struct dns_forwarded *fwd, uint64_t hash)
{
	struct failure *f = failure_place(hash);

	for (unsigned i = 0; i < 2; i++) {
		struct entry *e = ring_find(&cache.ring[i], q, fwd, hash);

		if (e)
			dns_ring_kill(&cache.ring[i], &e->ring);
	}
	if (f->hash == hash)
		*f = (struct failure){ 0 };
}

static void store(const struct dns_query *q, const struct dns_forwarded *fwd, uint64_t hash,
                  uint64_t now_ms, const uint8_t *msg, const struct dns_upstream_msg *m)
{
	uint32_t cap = m->denial ? cache.set.deny_ttl : cache.set.ttl;
	uint32_t ttl = m->ttl < cap ? m->ttl : cap;
	struct dns_ring *r = &cache.ring[m->denial];
	uint16_t at[TTLS_MAX];
	unsigned n = dns_upstream_ttls(msg, m->len, fwd, at, TTLS_MAX);
	struct entry *e;
	uint8_t *copy;

	r->size = (m->denial ? cache.set.size / 4 : cache.set.size - cache.set.size / 4) & ~7u;
	e = (struct entry *)dns_ring_add(r, hash, sizeof(*e) + n * sizeof(*at) + m->len, now_ms,
	                                 now_ms + ttl * 1000ull);
	e->stored_ms = now_ms;
	e->ttl = ttl;
	e->type = q->type;
	e->len = (uint16_t)m->len;
	e->n_ttls = (uint16_t)n;
	e->run = dns_upstream_run(msg, m->len, fwd);
	e->hits = 0;
	e->flags = question_flags(q);
	e->name_len = fwd->target_len;
	e->refreshing = false;
	memcpy(e->ttl_at, at, n * sizeof(*at));
	copy = (uint8_t *)(e->ttl_at + n);
	memcpy(copy, msg, m->len);
	memcpy(copy + DNS_HEADER, fwd->target, fwd->target_len);
	/* what is told to live longer than it is kept would outlive us at the client's */
	for (unsigned i = 0; i < n; i++)
		if (dns_get32(copy + at[i]) > (m->denial ? ttl : cap))
			dns_put32(copy + at[i], m->denial ? ttl : cap);
}

static void count_entries(void)
{
	dns_count_set(DNS_COUNT_CACHE_GOOD, cache.ring[0].n);
	dns_count_set(DNS_COUNT_CACHE_DENIALS, cache.ring[1].n);
	dns_count_set(DNS_COUNT_CACHE_EVICTED, cache.ring[0].evicted);
	dns_count_set(DNS_COUNT_CACHE_EVICTED_DENIALS, cache.ring[1].evicted);
}

void dns_cache_put(const struct dns_query *q, const struct dns_forwarded *fwd, uint64_t now_ms,
                   const uint8_t *msg, const struct dns_upstream_msg *m)
{
	uint64_t hash = question_hash(q, fwd);

	if (m->truncated)
		return;
	if (m->rcode != DNS_NOERROR && m->rcode != DNS_NXDOMAIN) {
		dns_cache_fail(q, fwd, now_ms);
		return;
	}
	forget(q, fwd, hash);
	if (m->ttl && m->len <= DNS_CACHE_MESSAGE &&
	    (m->denial ? cache.set.deny_ttl : cache.set.ttl))
		store(q, fwd, hash, now_ms, msg, m);
	count_entries();
}

void dns_cache_configure(const struct dns_cache_settings *set)
{
	uint32_t size = set->size < DNS_CACHE_MIN ? DNS_CACHE_MIN : set->size;

	if (size != cache.set.size)
		dns_cache_clear();
	cache.set = *set;
	cache.set.size = size;
}

void dns_cache_clear(void)
{
	dns_ring_free(&cache.ring[0]);
	dns_ring_free(&cache.ring[1]);
	memset(cache.failure, 0, sizeof(cache.failure));
	count_entries();
}

size_t dns_cache_len(bool denials)
{
	return cache.ring[denials].n;
}
