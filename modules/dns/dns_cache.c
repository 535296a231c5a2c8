/* dns_cache.c - see dns_cache.h */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/list.h>
#include <knetd/map.h>

#include "dns_cache.h"

#define STALE_MS (24 * 3600 * 1000ull)

struct entry {
	struct list lru; /* the newest at the end */
	uint64_t stored_ms, expires_ms;
	uint16_t key_len, msg_len;
	uint8_t bytes[]; /* key, message */
};

static struct map entries;
static struct list lru = LIST_INIT(lru);
static size_t bytes;

size_t dns_question_key(const struct dns_query *q, const struct dns_forwarded *fwd,
                        uint8_t out[static DNS_QUESTION_KEY])
{
	memcpy(out, fwd->target, fwd->target_len);
	dns_put16(out + fwd->target_len, q->type);
	out[fwd->target_len + 2] = (uint8_t)(q->dnssec_ok | (q->flags & DNS_CD));
	return fwd->target_len + 3u;
}

static size_t entry_size(const struct entry *e)
{
	return sizeof(*e) + e->key_len + e->msg_len;
}

static void entry_free(struct entry *e)
{
	map_del(&entries, e->bytes, e->key_len);
	list_del(&e->lru);
	bytes -= entry_size(e);
	free(e);
}

bool dns_cache_get(const struct dns_query *q, const struct dns_forwarded *fwd, uint64_t now_ms,
                   bool stale, struct dns_cached *out)
{
	uint8_t key[DNS_QUESTION_KEY];
	struct entry *e = map_get(&entries, key, dns_question_key(q, fwd, key));

	if (!e || (now_ms >= e->expires_ms && (!stale || now_ms - e->expires_ms > STALE_MS)))
		return false;
	list_del(&e->lru);
	list_add_tail(&lru, &e->lru);
	*out = (struct dns_cached){
		.msg = e->bytes + e->key_len,
		.len = e->msg_len,
		.age = (uint32_t)((now_ms - e->stored_ms) / 1000),
	};
	return true;
}

static void make_room(size_t size)
{
	while (!list_empty(&lru) &&
	       (entries.len >= DNS_CACHE_ENTRIES || bytes + size > DNS_CACHE_BYTES))
		entry_free(container_of(lru.next, struct entry, lru));
}

void dns_cache_put(const struct dns_query *q, const struct dns_forwarded *fwd, uint64_t now_ms,
                   const uint8_t *msg, const struct dns_upstream_msg *m)
{
	uint8_t key[DNS_QUESTION_KEY];
	size_t key_len = dns_question_key(q, fwd, key);
	struct entry *e = map_get(&entries, key, key_len);

	if (!m->ttl || m->len > DNS_CACHE_MESSAGE)
		return;
	if (e)
		entry_free(e);
	make_room(sizeof(*e) + key_len + m->len);
	e = xmalloc(sizeof(*e) + key_len + m->len);
	e->stored_ms = now_ms;
	e->expires_ms = now_ms + m->ttl * 1000ull;
	e->key_len = (uint16_t)key_len;
	e->msg_len = (uint16_t)m->len;
	memcpy(e->bytes, key, key_len);
	memcpy(e->bytes + key_len, msg, m->len);
	map_put(&entries, e->bytes, key_len, e);
	list_add_tail(&lru, &e->lru);
	bytes += entry_size(e);
}

void dns_cache_clear(void)
{
	while (!list_empty(&lru))
		entry_free(container_of(lru.next, struct entry, lru));
	map_free(&entries);
}

size_t dns_cache_len(void)
{
	return entries.len;
}
