/* dns_snapshot.c - reading and writing the shards described in dns_snapshot.h. */
#include <stdlib.h>
#include <string.h>

#include <knetd/map.h>

#include "dns_snapshot.h"

/* Shards are read by workers of an earlier start too: the seed must stay. Names come from the
 * cluster's own objects; a query cannot add any. */
#define HASH_SEED 0x6b6e657464646e73ull

uint64_t dns_hash(const uint8_t *key, size_t n)
{
	return hash_bytes(key, n, HASH_SEED);
}

uint64_t dns_owner(const char *ns, const char *name)
{
	return hash_bytes(name, strlen(name), hash_bytes(ns, strlen(ns), HASH_SEED));
}

uint64_t dns_owner_pod(const char *ns, const char *name)
{
	return hash_bytes(name, strlen(name), hash_bytes(ns, strlen(ns), HASH_SEED + DNS_KEY_POD));
}

size_t dns_address_key(uint8_t out[static 17], uint8_t kind, const struct ip *ip)
{
	out[0] = kind;
	memcpy(out + 1, ip->b, ip->len);
	return ip->len + 1u;
}

/* ---- reading -----------------------------------------------------------------------------------
 */

bool dns_shard_open(struct dns_shard *s, const void *p, size_t n)
{
	const struct dns_shard_head *head = p;
	uint64_t places;

	*s = (struct dns_shard){ 0 };
	if (n < sizeof(*head) || head->magic != DNS_SHARD_MAGIC || head->size > n)
		return false;
	places = (uint64_t)head->mask + 1;
	if ((places & head->mask) || sizeof(*head) + places * sizeof(struct dns_place) > n)
		return false;
	*s = (struct dns_shard){
		.p = p,
		.index = (const struct dns_place *)(head + 1),
		.mask = head->mask,
		.n = head->size,
	};
	return true;
}

const struct dns_settings *dns_settings_open(const void *p, size_t n)
{
	const struct dns_settings *s = p;

	if (n < sizeof(*s) || s->magic != DNS_SETTINGS_MAGIC || s->soa_len > sizeof(s->soa) ||
	    !s->zone_len || s->n_ranges > DNS_RANGES || !dns_groups_sound(&s->groups) ||
	    s->searches.n > DNS_SEARCHES || s->allow.n > CONF_DNS_ALLOW)
		return NULL;
	return s;
}

static const struct dns_entry *entry_at(const struct dns_shard *s, uint32_t at)
{
	const struct dns_entry *e = (const struct dns_entry *)(s->p + at);

	if (at % 8 || at > s->n || s->n - at < sizeof(*e) || s->n - at < e->size ||
	    e->size < sizeof(*e) + e->key_len)
		return NULL;
	return e;
}

const struct dns_entry *dns_shard_find(const struct dns_shard *s, const uint8_t *key, size_t n,
                                       uint64_t hash, uint32_t *place)
{
	if (!s->p)
		return NULL;
	while (*place <= s->mask) {
		const struct dns_place *pl = &s->index[((uint32_t)hash + (*place)++) & s->mask];
		const struct dns_entry *e;

		if (!pl->at)
			return NULL;
		if (pl->hash != (uint32_t)hash)
			continue;
		e = entry_at(s, pl->at);
		if (e && e->key_len == n && !memcmp(e->key, key, n))
			return e;
	}
	return NULL;
}

static size_t even(size_t n)
{
	return (n + 1) & ~(size_t)1;
}

static size_t set_size(const struct dns_set *set)
{
	return even(sizeof(*set) + set->answers_len + set->extras_len);
}

/* The set at an offset in the entry, NULL when it does not lie in there. */
static const struct dns_set *set_at(const struct dns_entry *e, size_t at)
{
	const struct dns_set *set = (const struct dns_set *)((const uint8_t *)e + at);

	if (at + sizeof(*set) > e->size || at + set_size(set) > e->size)
		return NULL;
	return set;
}

const struct dns_set *dns_entry_any(const struct dns_entry *e)
{
	return e->n_sets ? set_at(e, even(sizeof(*e) + e->key_len)) : NULL;
}

const struct dns_set *dns_entry_set(const struct dns_entry *e, uint16_t type)
{
	size_t at = even(sizeof(*e) + e->key_len);

	for (unsigned i = 0; i < e->n_sets; i++) {
		const struct dns_set *set = set_at(e, at);

		if (!set || set->type == type)
			return set;
		at += set_size(set);
	}
	return NULL;
}

/* The next pod with that address. */
static bool next_pod(const struct dns_shard *shards, const struct ip *ip, uint32_t *place,
                     struct dns_pod *out)
{
	uint8_t key[17];
	size_t n = dns_address_key(key, DNS_KEY_POD, ip);
	uint64_t hash = dns_hash(key, n);
	const struct dns_entry *e = dns_shard_find(&shards[dns_slot(hash)], key, n, hash, place);
	const uint8_t *p = e ? e->key + n : NULL;

	if (!e || sizeof(*e) + n + 2 > e->size || sizeof(*e) + n + 2 + p[1] > e->size)
		return false;
	*out = (struct dns_pod){ .flags = p[0], .ns = p + 1 };
	return true;
}

bool dns_zone_pod(const struct dns_shard *shards, const struct ip *ip, struct dns_pod *out)
{
	uint32_t place = 0;

	return next_pod(shards, ip, &place, out);
}

bool dns_zone_pod_in(const struct dns_shard *shards, const struct ip *ip, const uint8_t *ns)
{
	struct dns_pod pod;

	for (uint32_t place = 0; next_pod(shards, ip, &place, &pod);)
		if (pod.ns[0] == ns[0] && !memcmp(pod.ns, ns, ns[0] + 1u))
			return true;
	return false;
}

/* ---- writing -----------------------------------------------------------------------------------
 */

static void pad_to(struct buf *b, size_t from, size_t align)
{
	static const uint8_t zeros[8];

	buf_add(b, zeros, -(b->len - from) & (align - 1));
}

void dns_entry_begin(struct dns_writer *w, struct buf *b, uint64_t owner, const uint8_t *key,
                     size_t n)
{
	struct dns_entry e = { .owner = owner, .key_len = (uint8_t)n };

	*w = (struct dns_writer){ .b = b, .entry = b->len };
	buf_add(b, &e, sizeof(e));
	buf_add(b, key, n);
	pad_to(b, w->entry, 2);
}

void dns_entry_end(struct dns_writer *w)
{
	pad_to(w->b, w->entry, 8);
	if (!w->b->failed)
		((struct dns_entry *)(w->b->data + w->entry))->size =
			(uint32_t)(w->b->len - w->entry);
}

void dns_entry_pod(struct buf *b, uint64_t owner, const struct ip *ip, unsigned flags,
                   const uint8_t *ns)
{
	uint8_t key[17], byte = (uint8_t)flags;
	struct dns_entry e = { .owner = owner,
		               .key_len = (uint8_t)dns_address_key(key, DNS_KEY_POD, ip) };
	struct dns_writer w = { .b = b, .entry = b->len };

	buf_add(b, &e, sizeof(e));
	buf_add(b, key, e.key_len);
	buf_add(b, &byte, 1);
	buf_add(b, ns, ns[0] + 1u);
	dns_entry_end(&w);
}

void dns_set_begin(struct dns_writer *w, uint16_t type)
{
	struct dns_set set = { .type = type };

	w->set = w->b->len;
	buf_add(w->b, &set, sizeof(set));
}

void dns_set_end(struct dns_writer *w)
{
	struct dns_set *set = (struct dns_set *)(w->b->data + w->set);

	if (w->b->failed)
		return;
	if (!set->n_answers) {
		w->b->len = w->set;
		return;
	}
	((struct dns_entry *)(w->b->data + w->entry))->n_sets++;
	pad_to(w->b, w->entry, 2);
}

bool dns_record_add(struct dns_writer *w, const struct dns_record *r)
{
	static const uint8_t question[2] = { 0xc0, DNS_HEADER };
	size_t owner_len = r->owner ? r->owner_len : sizeof(question);
	size_t size = owner_len + 10 + r->rdlen;
	struct dns_set *set = (struct dns_set *)(w->b->data + w->set);
	uint8_t fixed[10];

	if (w->b->failed)
		return false;
	if (set->answers_len + set->extras_len + size > DNS_SET_MAX) {
		w->full |= !r->extra;
		return false;
	}
	dns_put16(fixed, r->type);
	dns_put16(fixed + 2, DNS_IN);
	dns_put32(fixed + 4, r->ttl);
	dns_put16(fixed + 8, r->rdlen);
	buf_add(w->b, r->owner ? r->owner : question, owner_len);
	buf_add(w->b, fixed, sizeof(fixed));
	buf_add(w->b, r->rdata, r->rdlen);
	if (w->b->failed)
		return false;
	set = (struct dns_set *)(w->b->data + w->set);
	if (r->extra) {
		set->n_extras++;
		set->extras_len += (uint16_t)size;
		return true;
	}
	set->rr_size = !set->n_answers || set->rr_size == size ? (uint16_t)size : 0;
	set->n_answers++;
	set->answers_len += (uint16_t)size;
	return true;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool owned_by(const struct dns_entry *e, struct dns_owners owners)
{
	return owners.n && bsearch(&e->owner, owners.v, owners.n, sizeof(*owners.v), by_number);
}

static size_t first_entry(const struct dns_shard *s)
{
	return sizeof(struct dns_shard_head) + ((size_t)s->mask + 1) * sizeof(struct dns_place);
}

/* Copies runs of neighbours that stay, each in one piece. Returns how many entries were copied. */
static uint32_t copy_kept(struct buf *out, const struct dns_shard *old, struct dns_owners drop)
{
	size_t at, run, end;
	uint32_t kept = 0;

	if (!old->p)
		return 0;
	for (at = run = end = first_entry(old); at < old->n; at = end) {
		const struct dns_entry *e = entry_at(old, (uint32_t)at);

		if (!e)
			break;
		end = at + e->size;
		if (!owned_by(e, drop)) {
			kept++;
			continue;
		}
		buf_add(out, old->p + run, at - run);
		run = end;
	}
	buf_add(out, old->p + run, end - run);
	return kept;
}

bool dns_shard_same(const struct dns_shard *old, struct dns_owners drop, const struct buf *fresh)
{
	const struct dns_entry *e;
	size_t same = 0;

	for (size_t at = old->p ? first_entry(old) : old->n; at < old->n; at += e->size) {
		e = entry_at(old, (uint32_t)at);
		if (!e)
			return false;
		if (!owned_by(e, drop))
			continue;
		if (fresh->len - same < e->size || memcmp(fresh->data + same, e, e->size) != 0)
			return false;
		same += e->size;
	}
	return same == fresh->len;
}

static uint32_t count_entries(const struct buf *b)
{
	uint32_t n = 0;

	for (size_t at = 0; at < b->len; n++)
		at += ((const struct dns_entry *)(b->data + at))->size;
	return n;
}

static uint32_t index_mask(uint32_t n_entries)
{
	uint32_t places = 4;

	while (places < n_entries + n_entries / 2)
		places *= 2;
	return places - 1;
}

static void index_fill(uint8_t *shard, size_t at)
{
	struct dns_shard_head *head = (struct dns_shard_head *)shard;
	struct dns_place *index = (struct dns_place *)(head + 1);
	const struct dns_entry *e;

	for (; at < head->size; at += e->size) {
		uint32_t hash, i;

		e = (const struct dns_entry *)(shard + at);
		hash = i = (uint32_t)dns_hash(e->key, e->key_len);
		while (index[i & head->mask].at)
			i++;
		index[i & head->mask] = (struct dns_place){ .hash = hash, .at = (uint32_t)at };
	}
}

void dns_shard_build(struct buf *out, const struct dns_shard *old, struct dns_owners drop,
                     const struct buf *fresh)
{
	const struct dns_shard_head *before = (const struct dns_shard_head *)old->p;
	struct dns_shard_head head = { .magic = DNS_SHARD_MAGIC };
	size_t start = out->len, index;

	head.n_entries = count_entries(fresh);
	head.mask = index_mask((before ? before->n_entries : 0) + head.n_entries);
	index = (head.mask + 1) * sizeof(struct dns_place);
	buf_room(out, sizeof(head) + index + old->n + fresh->len); /* all of it at once */
	buf_add(out, &head, sizeof(head));
	if (buf_room(out, index)) {
		memset(out->data + out->len, 0, index);
		out->len += index;
	}
	head.n_entries += copy_kept(out, old, drop);
	buf_add(out, fresh->data, fresh->len);
	if (out->failed)
		return;
	head.size = (uint32_t)(out->len - start);
	memcpy(out->data + start, &head, sizeof(head));
	index_fill((uint8_t *)out->data + start, sizeof(head) + index);
}
