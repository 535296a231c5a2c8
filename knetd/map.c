/* map.c - see map.h. Open addressing with linear probing; a deleted slot stays as a tombstone until
 * the table is rebuilt, so that deleting while walking does not move entries. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <knetd/auto.h>
#include <knetd/map.h>

struct map_slot {
	const void *key;
	void *value; /* NULL: free (key NULL) or tombstone (key set) */
	uint32_t hash;
	uint32_t n;
};

uint64_t hash_seed(void)
{
	static uint64_t seed;

	while (!seed)
		if (getrandom(&seed, sizeof(seed), 0) < 0)
			seed = (uintptr_t)&seed;
	return seed;
}

/* wyhash's mixing step (public domain idea): quick on short keys, good enough behind a random seed.
 */
static uint64_t mix(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
	__uint128_t r = (__uint128_t)a * b;

	return (uint64_t)r ^ (uint64_t)(r >> 64);
#else /* the same halves, by hand */
	uint64_t ah = a >> 32, al = (uint32_t)a, bh = b >> 32, bl = (uint32_t)b;
	uint64_t low = al * bl, mid = ah * bl + (low >> 32), other = al * bh + (uint32_t)mid;

	return a * b ^ (ah * bh + (mid >> 32) + (other >> 32));
#endif
}

uint64_t hash_bytes(const void *key, size_t n, uint64_t seed)
{
	const uint8_t *p = key;
	uint64_t h = seed ^ mix(n ^ 0x9e3779b97f4a7c15ull, 0xd6e8feb86659fd93ull), w;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&w, p, 8);
		h = mix(h ^ w, 0xa0761d6478bd642full);
	}
	w = 0;
	memcpy(&w, p, n);
	return mix(h ^ w, 0xe7037ed1a0b428dbull ^ n);
}

static struct map_slot *find(const struct map *m, const void *key, size_t n, uint32_t hash)
{
	struct map_slot *grave = NULL;

	for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		struct map_slot *s = &m->slots[i];

		if (!s->value) {
			if (!s->key)
				return grave ? grave : s;
			if (!grave)
				grave = s;
		} else if (s->hash == hash && s->n == n && !memcmp(s->key, key, n)) {
			return s;
		}
	}
}

void *map_get(const struct map *m, const void *key, size_t n)
{
	return m->len ? find(m, key, n, hash_bytes(key, n, hash_seed()))->value : NULL;
}

static void rebuild(struct map *m, size_t cap)
{
	struct map old = *m;

	m->slots = xcalloc(cap, sizeof(*m->slots));
	m->cap = cap;
	m->used = m->len;
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].value)
			*find(m, old.slots[i].key, old.slots[i].n, old.slots[i].hash) =
				old.slots[i];
	free(old.slots);
}

void *map_put(struct map *m, const void *key, size_t n, void *value)
{
	uint32_t hash = hash_bytes(key, n, hash_seed());
	struct map_slot *s;
	void *old;

	if ((m->used + 1) * 4 > m->cap * 3)
		rebuild(m, m->len * 2 < 8 ? 16 : m->len * 2 >= m->cap ? m->cap * 2 : m->cap);
	s = find(m, key, n, hash);
	old = s->value;
	if (!old) {
		m->len++;
		m->used += !s->key;
	}
	*s = (struct map_slot){ .key = key, .value = value, .hash = hash, .n = n };
	return old;
}

static const char tombstone;

void *map_del(struct map *m, const void *key, size_t n)
{
	struct map_slot *s = m->len ? find(m, key, n, hash_bytes(key, n, hash_seed())) : NULL;
	void *old = s ? s->value : NULL;

	if (old) {
		*s = (struct map_slot){ .key = &tombstone };
		m->len--;
	}
	return old;
}

void *map_next(const struct map *m, size_t *i)
{
	while (*i < m->cap) {
		void *v = m->slots[(*i)++].value;

		if (v)
			return v;
	}
	return NULL;
}

void map_free(struct map *m)
{
	free(m->slots);
	*m = (struct map){ 0 };
}
