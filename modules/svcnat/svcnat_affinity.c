/* svcnat_affinity.c - the elements by which a client stays with its endpoint: ids of endpoints, in
 * the place of the endpoint, and who is meant by an id. svcnat_picks.c has the rules. */
#include "svcnat_elems_int.h"

static bool same_id_at(const struct svcnat_list *list, const struct svcnat_list *other, unsigned i)
{
	return i < other->n && list->eps[i].id == other->eps[i].id;
}

static void drop_list_ids(struct pass *p, const struct svcnat_front *f, unsigned first,
                          const struct svcnat_list *old, const struct svcnat_list *new)
{
	for (unsigned i = 0; i < old->n; i++) {
		struct nft_bytes key = svcnat_index_key(f, first + i);

		if (old->eps[i].id && !same_id_at(old, new, i))
			pass_del(p, f->node_port ? SVCNAT_PORT_IDS : SVCNAT_IDS, &key);
	}
}

static void add_list_ids(struct pass *p, const struct svcnat_front *f, unsigned first,
                         const struct svcnat_list *old, const struct svcnat_list *new)
{
	for (unsigned i = 0; i < new->n; i++) {
		struct nft_bytes key = svcnat_index_key(f, first + i),
				 data = bytes_of_mark(new->eps[i].id);

		if (new->eps[i].id && !same_id_at(new, old, i))
			pass_add(p, f->node_port ? SVCNAT_PORT_IDS : SVCNAT_IDS, &key, &data);
	}
}

static void drop_ids(struct pass *p, const struct svcnat_front *old, const struct svcnat_front *new)
{
	drop_list_ids(p, old, 0, inner_list(old), inner_list(new));
	drop_list_ids(p, old, SVCNAT_OUTER_INDEX, outer_list(old), outer_list(new));
}

static void add_ids(struct pass *p, const struct svcnat_front *old, const struct svcnat_front *new)
{
	add_list_ids(p, new, 0, inner_list(old), inner_list(new));
	add_list_ids(p, new, SVCNAT_OUTER_INDEX, outer_list(old), outer_list(new));
}

static bool has_id(const struct svcnat_list *list, uint32_t id, unsigned guess)
{
	if (guess < list->n && list->eps[guess].id == id)
		return true;
	for (unsigned i = 0; i < list->n; i++)
		if (list->eps[i].id == id)
			return true;
	return false;
}

/* The ids that `from` has and `without` has not. */
static void each_who(struct pass *p, const struct svcnat_kept *from,
                     const struct svcnat_kept *without, bool adding)
{
	if (!from || !from->s.affinity)
		return;
	for (unsigned i = 0; i < from->s.n_lists; i++) {
		const struct svcnat_list *list = &from->s.lists[i];
		const struct svcnat_list *other = svcnat_plan_list(without, list);

		for (unsigned k = 0; k < list->n && list->family == p->family; k++) {
			struct nft_bytes key = bytes_of_mark(list->eps[k].id),
					 data = bytes_of_endpoint(&list->eps[k]);

			if (has_id(other, list->eps[k].id, k))
				continue;
			if (adding)
				pass_add(p, SVCNAT_WHO, &key, &data);
			else
				pass_del(p, SVCNAT_WHO, &key);
		}
	}
}

static void drop_who(struct pass *p, const struct svcnat_change *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		each_who(p, pass_old(p, &v[i]), v[i].new, false);
}

static void add_who(struct pass *p, const struct svcnat_change *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		each_who(p, v[i].new, pass_old(p, &v[i]), true);
}

void affinity_drop(struct pass *p, const struct svcnat_change *v, size_t n)
{
	pass_fronts(p, v, n, drop_ids);
	drop_who(p, v, n);
}

void affinity_add(struct pass *p, const struct svcnat_change *v, size_t n)
{
	add_who(p, v, n);
	pass_fronts(p, v, n, add_ids);
}
