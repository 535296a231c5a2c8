/* svcnat_mirror.c - see svcnat_mirror.h */
#include <errno.h>
#include <string.h>

#include "svcnat_mirror.h"
#include "svcnat_rules.h"

struct seen {
	uint8_t key_n, data_n;
	uint8_t set, family; /* these two and the key are what it is found by */
	uint8_t bytes[];     /* key, data */
};

#define PREFIX 2 /* set and family in front of the key */

struct reading {
	struct svcnat_mirror *m;
	enum svcnat_set set;
	uint8_t family;
};

static void saw(const struct nft_bytes *key, const struct nft_bytes *data, void *arg)
{
	const struct reading *r = arg;
	struct seen *s = arena_alloc(&r->m->arena, sizeof(*s) + key->n + data->n);

	s->key_n = key->n;
	s->data_n = data->n;
	s->set = r->set;
	s->family = r->family;
	memcpy(s->bytes, key->b, key->n);
	memcpy(s->bytes + key->n, data->b, data->n);
	map_put(&r->m->seen, &s->set, PREFIX + key->n, s);
}

/* ---- whole maps ----------------------------------------------------------------------------- */

/* These have an element an endpoint, the others one a front or less. */
static bool is_long(enum svcnat_set set)
{
	return set == SVCNAT_EPS || set == SVCNAT_IDS || set == SVCNAT_PORT_EPS ||
	       set == SVCNAT_PORT_IDS || set == SVCNAT_HAIRPIN;
}

static int list_sets(struct reading *r, bool are_long, struct err *e)
{
	for (r->set = 0; r->set < SVCNAT_MIRRORED; r->set++) {
		int ret = 0;

		if (is_long(r->set) == are_long)
			ret = nft_elem_each(SVCNAT_TABLE, svcnat_set_name(r->set, r->family), saw,
			                    r, e);
		if (ret && ret != -ENOENT)
			return ret;
	}
	return 0;
}

/* ---- what the words speak of ---------------------------------------------------------------- */

#define WORDS_ARE_NUMBERS (SVCNAT_WORD_OUTER - 1)

static bool is_word(const struct seen *s)
{
	return s->set == SVCNAT_SVC || s->set == SVCNAT_OUTER || s->set == SVCNAT_PORTS ||
	       s->set == SVCNAT_OUTER_PORTS;
}

static bool has_endpoint(const struct seen *s)
{
	return s->set == SVCNAT_EPS || s->set == SVCNAT_PORT_EPS;
}

struct seen_list {
	struct seen **v;
	size_t n;
};

/* In a list of their own: more is about to be seen. */
static struct seen_list those(struct svcnat_mirror *m, uint8_t family,
                              bool (*which)(const struct seen *s))
{
	struct seen_list out = { arena_alloc(&m->arena, m->seen.len * sizeof(*out.v)), 0 };
	struct seen *s;

	for (size_t i = 0; (s = map_next(&m->seen, &i));)
		if (s->family == family && which(s))
			out.v[out.n++] = s;
	return out;
}

static uint32_t word_of(const struct seen *s)
{
	uint32_t word = 0;

	if (s->data_n == sizeof(word))
		memcpy(&word, s->bytes + s->key_n, sizeof(word));
	return word;
}

static size_t count_endpoints(const struct seen_list *words)
{
	size_t n = 0;

	for (size_t i = 0; i < words->n; i++)
		n += word_of(words->v[i]) & WORDS_ARE_NUMBERS;
	return n;
}

#define ASK_AT_ONCE 1024

struct asking {
	struct reading r;
	struct nft_bytes keys[ASK_AT_ONCE];
	size_t n;
	int ret;
	struct err *e;
};

static void ask_now(struct asking *a)
{
	if (!a->ret)
		a->ret = nft_elem_get(SVCNAT_TABLE, svcnat_set_name(a->r.set, a->r.family), a->keys,
		                      a->n, saw, &a->r, a->e);
	a->n = 0;
}

static void ask(struct asking *a, const struct nft_bytes *key)
{
	a->keys[a->n++] = *key;
	if (a->n == ASK_AT_ONCE)
		ask_now(a);
}

/* What lies behind the words of one kind of fronts: endpoints, or with affinity their ids. */
static void ask_behind(struct asking *a, const struct seen_list *words, bool node_ports, bool ids)
{
	a->r.set = node_ports ? ids ? SVCNAT_PORT_IDS : SVCNAT_PORT_EPS
	           : ids      ? SVCNAT_IDS
	                      : SVCNAT_EPS;
	for (size_t i = 0; i < words->n; i++) {
		const struct seen *s = words->v[i];
		uint32_t word = word_of(s), n = word & WORDS_ARE_NUMBERS;
		uint32_t first = word & SVCNAT_WORD_OUTER ? SVCNAT_OUTER_INDEX : 0;
		bool of_ports = s->set == SVCNAT_PORTS || s->set == SVCNAT_OUTER_PORTS;

		if (of_ports != node_ports || (ids && !(word >> SVCNAT_WORD_AFFINITY)))
			continue;
		for (uint32_t k = 0; k < n; k++) {
			struct nft_bytes key = { .n = s->key_n };

			memcpy(key.b, s->bytes, s->key_n);
			nft_put_mark(&key, first + k);
			ask(a, &key);
		}
	}
	ask_now(a);
}

static void ask_hairpins(struct asking *a)
{
	struct seen_list endpoints = those(a->r.m, a->r.family, has_endpoint);

	a->r.set = SVCNAT_HAIRPIN;
	for (size_t i = 0; i < endpoints.n; i++) {
		const struct seen *s = endpoints.v[i];
		struct nft_bytes key = { .n = 2 * a->r.family }, is;

		if (s->data_n < a->r.family)
			continue;
		memcpy(key.b, s->bytes + s->key_n, a->r.family);
		memcpy(key.b + a->r.family, s->bytes + s->key_n, a->r.family);
		if (!svcnat_mirror_get(a->r.m, SVCNAT_HAIRPIN, a->r.family, &key, &is))
			ask(a, &key);
	}
	ask_now(a);
}

static int ask_all(const struct reading *r, const struct seen_list *words, struct err *e)
{
	static struct asking a; /* its keys are many */

	a = (struct asking){ .r = *r, .e = e };
	for (int i = 0; i < 4; i++)
		ask_behind(&a, words, i & 1, i & 2);
	ask_hairpins(&a);
	return a.ret;
}

/* A list of very many elements takes the kernel seconds, single ones do not: so those are asked for
 * that the words say are there. Others, which only somebody else can have put there, are not seen.
 */
static int read_family(struct reading *r, struct err *e)
{
	struct seen_list words;
	int ret = list_sets(r, false, e);

	if (ret)
		return ret;
	words = those(r->m, r->family, is_word);
	return count_endpoints(&words) > NFT_DUMP_ELEMENTS ? ask_all(r, &words, e)
	                                                   : list_sets(r, true, e);
}

int svcnat_mirror_read(struct svcnat_mirror *m, struct err *e)
{
	struct reading r = { .m = m };
	int ret = 0;

	for (r.family = 4; r.family <= 16 && !ret; r.family += 12)
		if (svcnat_has_family(r.family))
			ret = read_family(&r, e);
	return ret;
}

/* ---- looking -------------------------------------------------------------------------------- */

void svcnat_mirror_free(struct svcnat_mirror *m)
{
	map_free(&m->seen);
	arena_free(&m->arena);
}

static size_t name(uint8_t out[PREFIX + 64], enum svcnat_set set, uint8_t family,
                   const struct nft_bytes *key)
{
	out[0] = set;
	out[1] = family;
	memcpy(out + PREFIX, key->b, key->n);
	return PREFIX + key->n;
}

bool svcnat_mirror_get(const struct svcnat_mirror *m, enum svcnat_set set, uint8_t family,
                       const struct nft_bytes *key, struct nft_bytes *data)
{
	uint8_t id[PREFIX + 64];
	const struct seen *s = map_get(&m->seen, id, name(id, set, family, key));

	if (!s)
		return false;
	data->n = s->data_n;
	memcpy(data->b, s->bytes + s->key_n, s->data_n);
	return true;
}

void svcnat_mirror_take(struct svcnat_mirror *m, enum svcnat_set set, uint8_t family,
                        const struct nft_bytes *key)
{
	uint8_t id[PREFIX + 64];

	map_del(&m->seen, id, name(id, set, family, key));
}

bool svcnat_mirror_next(struct svcnat_mirror *m, size_t *i, enum svcnat_set *set, uint8_t *family,
                        struct nft_bytes *key)
{
	const struct seen *s = map_next(&m->seen, i);

	if (!s)
		return false;
	*set = s->set;
	*family = s->family;
	key->n = s->key_n;
	memcpy(key->b, s->bytes, s->key_n);
	map_del(&m->seen, &s->set, PREFIX + s->key_n);
	return true;
}

uint32_t svcnat_mirror_last_id(const struct svcnat_mirror *m)
{
	const struct seen *s;
	uint32_t last = 0, id;

	for (size_t i = 0; (s = map_next(&m->seen, &i));) {
		if (s->set != SVCNAT_WHO || s->key_n != sizeof(id))
			continue;
		memcpy(&id, s->bytes, sizeof(id));
		if (id > last)
			last = id;
	}
	return last;
}
