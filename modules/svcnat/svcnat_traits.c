/* svcnat_traits.c - the elements that say whose clients are masqueraded, whose connections are
 * counted, and who may come at all. */
#include <knetd/auto.h>

#include "svcnat_elems_int.h"

static bool in_snat(const struct svcnat_front *f)
{
	return front_is_there(f) && f->masquerade == SVCNAT_SOURCE_ALL;
}

static bool in_own_snat(const struct svcnat_front *f)
{
	return front_is_there(f) && f->masquerade == SVCNAT_SOURCE_NODE;
}

static bool in_guarded(const struct svcnat_front *f)
{
	return f->guarded;
}

static bool in_hits(const struct svcnat_front *f)
{
	return f->counted;
}

static const struct trait {
	enum svcnat_set set, port_set;
	bool (*has)(const struct svcnat_front *f);
} traits[] = {
	{ SVCNAT_SNAT, SVCNAT_SNAT_PORTS, in_snat },
	{ SVCNAT_OWN_SNAT, SVCNAT_OWN_SNAT_PORTS, in_own_snat },
	{ SVCNAT_GUARDED, SVCNAT_GUARDED, in_guarded }, /* node ports are not */
	{ SVCNAT_HITS, SVCNAT_HIT_PORTS, in_hits },
};

static void drop_traits(struct pass *p, const struct svcnat_front *old,
                        const struct svcnat_front *new)
{
	struct nft_bytes key = svcnat_front_key(old);

	for (size_t i = 0; i < ARRAY_LEN(traits); i++)
		if (traits[i].has(old) && !traits[i].has(new))
			pass_del(p, old->node_port ? traits[i].port_set : traits[i].set, &key);
}

static void add_traits(struct pass *p, const struct svcnat_front *old,
                       const struct svcnat_front *new)
{
	struct nft_bytes key = svcnat_front_key(new);

	for (size_t i = 0; i < ARRAY_LEN(traits); i++)
		if (traits[i].has(new) && !traits[i].has(old))
			pass_add(p, new->node_port ? traits[i].port_set : traits[i].set, &key,
			         NULL);
}

/* ---- who may come --------------------------------------------------------------------------- */

static bool same_cidr(const struct cidr *a, const struct cidr *b)
{
	return a->bits == b->bits && ip_equal(&a->ip, &b->ip);
}

static bool allows(const struct svcnat_kept *k, const struct svcnat_front *f,
                   const struct cidr *range)
{
	for (unsigned i = 0; k && f->guarded && i < k->s.n_ranges; i++)
		if (same_cidr(&k->s.ranges[i], range))
			return true;
	return false;
}

static const struct svcnat_front nothing;

static const struct svcnat_front *same_front(const struct svcnat_kept *k,
                                             const struct svcnat_front *like)
{
	for (unsigned i = 0; k && i < k->s.n_fronts; i++)
		if (!svcnat_front_order(&k->s.fronts[i], like))
			return &k->s.fronts[i];
	return &nothing;
}

/* The pairs of front and range that `from` has and `without` has not. */
static void each_allowed(struct pass *p, const struct svcnat_kept *from,
                         const struct svcnat_kept *without, bool adding)
{
	const char *set = svcnat_set_name(SVCNAT_ALLOWED, p->family);

	for (unsigned i = 0; from && from->s.n_ranges && i < from->s.n_fronts; i++) {
		const struct svcnat_front *f = &from->s.fronts[i];
		struct nft_bytes key = svcnat_front_key(f);
		const struct svcnat_front *other;

		if (!f->guarded || f->at.len != p->family)
			continue;
		other = same_front(without, f);
		for (unsigned k = 0; k < from->s.n_ranges; k++) {
			const struct cidr *range = &from->s.ranges[k];

			if (range->ip.len != p->family || allows(without, other, range))
				continue;
			if (adding)
				nft_elem_prefix_add(p->t, SVCNAT_TABLE, set, &key, range);
			else
				nft_elem_prefix_del(p->t, SVCNAT_TABLE, set, &key, range);
			p->sent++;
		}
	}
}

/* A full pass has laid these anew with the rules. */
static void change_allowed(struct pass *p, const struct svcnat_change *v, size_t n, bool adding)
{
	for (size_t i = 0; !p->mirror && i < n; i++)
		each_allowed(p, adding ? v[i].new : v[i].old, adding ? v[i].old : v[i].new, adding);
}

void svcnat_elems_allow(struct nft_txn *t, const struct svcnat_kept *k)
{
	struct pass p = { .t = t };

	for (p.family = 4; p.family <= 16; p.family += 12)
		if (svcnat_has_family(p.family))
			each_allowed(&p, k, NULL, true);
}

void traits_drop(struct pass *p, const struct svcnat_change *v, size_t n)
{
	pass_fronts(p, v, n, drop_traits);
	change_allowed(p, v, n, false);
}

void traits_add(struct pass *p, const struct svcnat_change *v, size_t n)
{
	change_allowed(p, v, n, true);
	pass_fronts(p, v, n, add_traits);
}
