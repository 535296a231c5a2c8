/* svcnat_place.c - see svcnat_place.h */
#include <stdlib.h>
#include <string.h>

#include "svcnat_place.h"

static uint32_t last_id;

static int order(const void *a, const void *b)
{
	const struct svcnat_endpoint *x = a, *y = b;
	int d = ip_order(&x->at.ip, &y->at.ip);

	return d ? d : x->at.port - y->at.port;
}

/* Puts survivors where they were and says in `stays` which of the new ones those are; the rest of
 * `out` is holes. */
static void keep_survivors(const struct svcnat_list *old, const struct svcnat_list *new,
                           struct svcnat_endpoint *out, bool *stays)
{
	for (unsigned i = 0; i < old->n; i++) {
		struct svcnat_endpoint *at =
			new->n ? bsearch(&old->eps[i], new->eps, new->n, sizeof(*at), order) : NULL;

		if (!at || stays[at - new->eps])
			continue;
		out[i] = old->eps[i];
		stays[at - new->eps] = true;
	}
}

void svcnat_place(const struct svcnat_list *old, struct svcnat_list *new, struct arena *arena)
{
	unsigned most = old->n + new->n, next = 0, end = most;
	struct svcnat_endpoint *out = arena_alloc(arena, most * sizeof(*out));
	bool *stays = arena_alloc(arena, new->n);

	if (new->n)
		qsort(new->eps, new->n, sizeof(*new->eps), order);
	keep_survivors(old, new, out, stays);
	for (unsigned i = 0; i < new->n; i++) {
		if (stays[i])
			continue;
		while (out[next].at.ip.len)
			next++;
		out[next] = new->eps[i];
	}
	for (next = 0; next < new->n; next++) { /* move the last ones into holes below n */
		if (out[next].at.ip.len)
			continue;
		while (!out[--end].at.ip.len)
			;
		out[next] = out[end];
		out[end] = (struct svcnat_endpoint){ 0 };
	}
	new->eps = out;
}

/* ---- what the kernel has -------------------------------------------------------------------- */

static bool read_target(const struct nft_bytes *data, uint8_t family, struct endpoint *out)
{
	if (data->n != family + 4u)
		return false;
	out->ip.len = family;
	memcpy(out->ip.b, data->b, family);
	out->port = data->b[family] << 8 | data->b[family + 1];
	return true;
}

/* An id counts only while the kernel knows the endpoint by it. */
static uint32_t read_id(const struct svcnat_mirror *m, const struct svcnat_front *f,
                        const struct nft_bytes *key, const struct endpoint *at)
{
	enum svcnat_set ids = f->node_port ? SVCNAT_PORT_IDS : SVCNAT_IDS;
	struct nft_bytes id, data;
	struct endpoint known;
	uint32_t number;

	if (!svcnat_mirror_get(m, ids, f->at.len, key, &id) || id.n != sizeof(number) ||
	    !svcnat_mirror_get(m, SVCNAT_WHO, f->at.len, &id, &data) ||
	    !read_target(&data, f->at.len, &known) || !endpoint_equal(&known, at))
		return 0;
	memcpy(&number, id.b, sizeof(number));
	return number;
}

/* The kernel's list behind a front, up to its first gap. */
static void read_list(const struct svcnat_mirror *m, const struct svcnat_front *f, unsigned first,
                      unsigned most, struct svcnat_list *out)
{
	enum svcnat_set eps = f->node_port ? SVCNAT_PORT_EPS : SVCNAT_EPS;

	for (out->n = 0; out->n < most; out->n++) {
		struct nft_bytes key = svcnat_index_key(f, first + out->n), data;
		struct svcnat_endpoint *e = &out->eps[out->n];

		if (!svcnat_mirror_get(m, eps, f->at.len, &key, &data) ||
		    !read_target(&data, f->at.len, &e->at))
			break;
		e->id = read_id(m, f, &key, &e->at);
	}
}

/* A front that leads to the list, and at which index the list begins there. */
static const struct svcnat_front *front_of(const struct svcnat_service *s,
                                           const struct svcnat_list *list, unsigned *first)
{
	for (unsigned i = 0; i < s->n_fronts; i++) {
		const struct svcnat_front *f = &s->fronts[i];

		*first = f->inner.list == list ? 0 : SVCNAT_OUTER_INDEX;
		if (f->inner.list == list || (f->two_ways && f->outer.list == list))
			return f;
	}
	return NULL;
}

void svcnat_place_as_seen(const struct svcnat_mirror *m, struct svcnat_service *s,
                          struct arena *arena)
{
	for (unsigned i = 0; i < s->n_lists; i++) {
		struct svcnat_list *list = &s->lists[i];
		unsigned first, most = list->n + 64; /* and some that have gone */
		const struct svcnat_front *f = front_of(s, list, &first);
		struct svcnat_list seen = { 0 };

		if (f) {
			seen.eps = arena_alloc(arena, most * sizeof(*seen.eps));
			read_list(m, f, first, most, &seen);
		}
		svcnat_place(&seen, list, arena);
	}
}

/* ---- ids ------------------------------------------------------------------------------------ */

void svcnat_place_ids(struct svcnat_service *s)
{
	for (unsigned i = 0; i < s->n_lists; i++)
		for (unsigned k = 0; k < s->lists[i].n; k++) {
			struct svcnat_endpoint *e = &s->lists[i].eps[k];

			if (!s->affinity)
				e->id = 0;
			else if (!e->id)
				e->id = ++last_id;
		}
}

void svcnat_place_ids_above(uint32_t id)
{
	if (id > last_id)
		last_id = id;
}
