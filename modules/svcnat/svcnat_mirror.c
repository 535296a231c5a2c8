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

int svcnat_mirror_read(struct svcnat_mirror *m, struct err *e)
{
	struct reading r = { .m = m };

	for (r.family = 4; r.family <= 16; r.family += 12) {
		if (!svcnat_has_family(r.family))
			continue;
		for (r.set = 0; r.set < SVCNAT_MIRRORED; r.set++) {
			int ret = nft_elem_each(SVCNAT_TABLE, svcnat_set_name(r.set, r.family), saw,
			                        &r, e);

			if (ret && ret != -ENOENT)
				return ret;
		}
	}
	return 0;
}

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
