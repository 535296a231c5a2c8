/* svcnat_elems.c - see svcnat_elems.h
 *
 * One pass over all changes for each kind of element: first what goes, then what comes. So the
 * elements of one map follow each other and share messages, and a changed element is deleted before
 * it is added again. */
#include <stdlib.h>
#include <string.h>

#include "svcnat_elems.h"
#include "svcnat_hairpins.h"
#include "svcnat_picks.h"
#include "svcnat_rules.h"

struct pass {
	struct nft_txn *t;
	struct svcnat_mirror *mirror;
	uint8_t family;
	uint32_t old_affinity, new_affinity; /* of the Service at hand */
	size_t sent;
};

typedef void front_fn(struct pass *p, const struct svcnat_front *old,
                      const struct svcnat_front *new);

static bool same(const struct nft_bytes *a, const struct nft_bytes *b)
{
	return a->n == b->n && !memcmp(a->b, b->b, a->n);
}

static void del(struct pass *p, enum svcnat_set set, const struct nft_bytes *key)
{
	nft_elem_del(p->t, SVCNAT_TABLE, svcnat_set_name(set, p->family), key);
	p->sent++;
}

/* data NULL in sets. What the mirror shows in its place is not sent again. */
static void add(struct pass *p, enum svcnat_set set, const struct nft_bytes *key,
                const struct nft_bytes *data)
{
	static const struct nft_bytes none;
	struct nft_bytes was;

	if (p->mirror && svcnat_mirror_get(p->mirror, set, p->family, key, &was)) {
		svcnat_mirror_take(p->mirror, set, p->family, key);
		if (same(&was, data ? data : &none))
			return;
		del(p, set, key);
	}
	nft_elem_add(p->t, SVCNAT_TABLE, svcnat_set_name(set, p->family), key, data);
	p->sent++;
}

/* ---- walking -------------------------------------------------------------------------------- */

/* What a front meets that only one of the plans has. */
static const struct svcnat_front no_front;

static const struct svcnat_kept *old_of(const struct pass *p, const struct svcnat_change *c)
{
	return p->mirror ? NULL : c->old;
}

/* Both are in order. */
static void each_front(struct pass *p, const struct svcnat_change *c, front_fn *fn)
{
	const struct svcnat_kept *was = old_of(p, c), *is = c->new;
	unsigned n_old = was ? was->s.n_fronts : 0, n_new = is ? is->s.n_fronts : 0;

	p->old_affinity = was ? was->s.affinity : 0;
	p->new_affinity = is ? is->s.affinity : 0;
	for (unsigned i = 0, k = 0; i < n_old || k < n_new;) {
		const struct svcnat_front *old = i < n_old ? &was->s.fronts[i] : &no_front;
		const struct svcnat_front *new = k < n_new ? &is->s.fronts[k] : &no_front;
		int d = i == n_old ? 1 : k == n_new ? -1 : svcnat_front_order(old, new);
		const struct svcnat_front *either = d <= 0 ? old : new;

		i += d <= 0;
		k += d >= 0;
		if (either->at.len == p->family)
			fn(p, d <= 0 ? old : &no_front, d >= 0 ? new : &no_front);
	}
}

static void each_change(struct pass *p, const struct svcnat_change *v, size_t n, front_fn *fn)
{
	for (size_t i = 0; i < n; i++)
		each_front(p, &v[i], fn);
}

static bool there(const struct svcnat_front *f)
{
	return f->at.len != 0;
}

static struct nft_bytes index_key(const struct svcnat_front *f, unsigned index)
{
	struct nft_bytes key = svcnat_front_key(f);

	nft_put_mark(&key, index);
	return key;
}

static struct nft_bytes mark(uint32_t number)
{
	struct nft_bytes out = { 0 };

	nft_put_mark(&out, number);
	return out;
}

static struct nft_bytes target(const struct svcnat_endpoint *e)
{
	struct nft_bytes out = { 0 };

	nft_put_ip(&out, &e->at.ip);
	nft_put_port(&out, e->at.port);
	return out;
}

/* ---- endpoints ------------------------------------------------------------------------------ */

typedef void list_fn(struct pass *p, const struct svcnat_front *f, unsigned first,
                     const struct svcnat_list *old, const struct svcnat_list *new);

static const struct svcnat_list empty;

static const struct svcnat_list *inner(const struct svcnat_front *f)
{
	return f->inner.list ? f->inner.list : &empty;
}

static const struct svcnat_list *outer(const struct svcnat_front *f)
{
	return f->two_ways && f->outer.list ? f->outer.list : &empty;
}

/* Whether the list has at this index what the other has there too. */
static bool same_at(const struct svcnat_list *list, const struct svcnat_list *other, unsigned i)
{
	return i < other->n && endpoint_equal(&list->eps[i].at, &other->eps[i].at);
}

static void drop_list(struct pass *p, const struct svcnat_front *f, unsigned first,
                      const struct svcnat_list *old, const struct svcnat_list *new)
{
	for (unsigned i = 0; i < old->n; i++) {
		struct nft_bytes key = index_key(f, first + i);

		if (!same_at(old, new, i))
			del(p, f->node_port ? SVCNAT_PORT_EPS : SVCNAT_EPS, &key);
	}
}

static void add_list(struct pass *p, const struct svcnat_front *f, unsigned first,
                     const struct svcnat_list *old, const struct svcnat_list *new)
{
	for (unsigned i = 0; i < new->n; i++) {
		struct nft_bytes key = index_key(f, first + i), data = target(&new->eps[i]);

		if (!same_at(new, old, i))
			add(p, f->node_port ? SVCNAT_PORT_EPS : SVCNAT_EPS, &key, &data);
	}
}

static void drop_endpoints(struct pass *p, const struct svcnat_front *old,
                           const struct svcnat_front *new)
{
	drop_list(p, old, 0, inner(old), inner(new));
	drop_list(p, old, SVCNAT_OUTER_INDEX, outer(old), outer(new));
}

static void add_endpoints(struct pass *p, const struct svcnat_front *old,
                          const struct svcnat_front *new)
{
	add_list(p, new, 0, inner(old), inner(new));
	add_list(p, new, SVCNAT_OUTER_INDEX, outer(old), outer(new));
}

/* ---- affinity ------------------------------------------------------------------------------- */

static bool same_id_at(const struct svcnat_list *list, const struct svcnat_list *other, unsigned i)
{
	return i < other->n && list->eps[i].id == other->eps[i].id;
}

static void drop_list_ids(struct pass *p, const struct svcnat_front *f, unsigned first,
                          const struct svcnat_list *old, const struct svcnat_list *new)
{
	for (unsigned i = 0; i < old->n; i++) {
		struct nft_bytes key = index_key(f, first + i);

		if (old->eps[i].id && !same_id_at(old, new, i))
			del(p, f->node_port ? SVCNAT_PORT_IDS : SVCNAT_IDS, &key);
	}
}

static void add_list_ids(struct pass *p, const struct svcnat_front *f, unsigned first,
                         const struct svcnat_list *old, const struct svcnat_list *new)
{
	for (unsigned i = 0; i < new->n; i++) {
		struct nft_bytes key = index_key(f, first + i), data = mark(new->eps[i].id);

		if (new->eps[i].id && !same_id_at(new, old, i))
			add(p, f->node_port ? SVCNAT_PORT_IDS : SVCNAT_IDS, &key, &data);
	}
}

static void drop_ids(struct pass *p, const struct svcnat_front *old, const struct svcnat_front *new)
{
	if (!p->old_affinity)
		return;
	drop_list_ids(p, old, 0, inner(old), inner(new));
	drop_list_ids(p, old, SVCNAT_OUTER_INDEX, outer(old), outer(new));
}

static void add_ids(struct pass *p, const struct svcnat_front *old, const struct svcnat_front *new)
{
	if (!p->new_affinity)
		return;
	add_list_ids(p, new, 0, inner(old), inner(new));
	add_list_ids(p, new, SVCNAT_OUTER_INDEX, outer(old), outer(new));
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

static const struct svcnat_list *counterpart(const struct svcnat_kept *k,
                                             const struct svcnat_list *like)
{
	for (unsigned i = 0; k && i < k->s.n_lists; i++)
		if (!svcnat_list_order(&k->s.lists[i], like))
			return &k->s.lists[i];
	return &empty;
}

/* The ids that `from` has and `without` has not. */
static void each_who(struct pass *p, const struct svcnat_kept *from,
                     const struct svcnat_kept *without, bool adding)
{
	if (!from || !from->s.affinity)
		return;
	for (unsigned i = 0; i < from->s.n_lists; i++) {
		const struct svcnat_list *list = &from->s.lists[i];
		const struct svcnat_list *other = counterpart(without, list);

		for (unsigned k = 0; k < list->n && list->family == p->family; k++) {
			struct nft_bytes key = mark(list->eps[k].id), data = target(&list->eps[k]);

			if (has_id(other, list->eps[k].id, k))
				continue;
			if (adding)
				add(p, SVCNAT_WHO, &key, &data);
			else
				del(p, SVCNAT_WHO, &key);
		}
	}
}

static void drop_who(struct pass *p, const struct svcnat_change *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		each_who(p, old_of(p, &v[i]), v[i].new, false);
}

static void add_who(struct pass *p, const struct svcnat_change *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		each_who(p, v[i].new, old_of(p, &v[i]), true);
}

/* ---- words ---------------------------------------------------------------------------------- */

static uint32_t word(const struct svcnat_way *way, bool is_outer, uint32_t affinity, bool node_port)
{
	if (way->list && way->list->n)
		return svcnat_word(way->list->n, is_outer, affinity, node_port);
	return svcnat_word(0, way->empty == SVCNAT_DROP, 0, node_port);
}

static uint32_t inner_word(const struct svcnat_front *f, uint32_t affinity)
{
	return word(&f->inner, false, affinity, f->node_port);
}

static uint32_t outer_word(const struct svcnat_front *f, uint32_t affinity)
{
	return word(&f->outer, true, affinity, f->node_port);
}

/* One of a front's two words, where it stands. was, is: whether there was one and is one. */
struct words {
	enum svcnat_set set;
	bool was, is;
	uint32_t old, new;
};

static void words_of(const struct pass *p, const struct svcnat_front *old,
                     const struct svcnat_front *new, struct words out[2])
{
	bool node_port = old->node_port || new->node_port;

	out[0] = (struct words){ .set = node_port ? SVCNAT_PORTS : SVCNAT_SVC,
		                 .was = there(old),
		                 .is = there(new) };
	out[1] = (struct words){ .set = node_port ? SVCNAT_OUTER_PORTS : SVCNAT_OUTER,
		                 .was = old->two_ways,
		                 .is = new->two_ways };
	out[0].old = out[0].was ? inner_word(old, p->old_affinity) : 0;
	out[0].new = out[0].is ? inner_word(new, p->new_affinity) : 0;
	out[1].old = out[1].was ? outer_word(old, p->old_affinity) : 0;
	out[1].new = out[1].is ? outer_word(new, p->new_affinity) : 0;
}

static bool unchanged(const struct words *w)
{
	return w->was && w->is && w->old == w->new;
}

static void drop_words(struct pass *p, const struct svcnat_front *old,
                       const struct svcnat_front *new)
{
	struct nft_bytes key = svcnat_front_key(old);
	struct words w[2];

	words_of(p, old, new, w);
	for (unsigned i = 0; i < 2; i++)
		if (w[i].was && !unchanged(&w[i]))
			del(p, w[i].set, &key);
}

static void add_words(struct pass *p, const struct svcnat_front *old,
                      const struct svcnat_front *new)
{
	struct nft_bytes key = svcnat_front_key(new), data;
	struct words w[2];

	words_of(p, old, new, w);
	for (unsigned i = 0; i < 2; i++) {
		if (!w[i].is || unchanged(&w[i]))
			continue;
		data = mark(w[i].new);
		add(p, w[i].set, &key, &data);
	}
}

void svcnat_elems_words(const struct svcnat_kept *k)
{
	for (unsigned i = 0; k && i < k->s.n_fronts; i++) {
		const struct svcnat_front *f = &k->s.fronts[i];

		inner_word(f, k->s.affinity);
		if (f->two_ways)
			outer_word(f, k->s.affinity);
	}
}

/* ---- traits --------------------------------------------------------------------------------- */

static bool in_snat(const struct svcnat_front *f)
{
	return there(f) && f->masquerade == SVCNAT_SOURCE_ALL;
}

static bool in_own_snat(const struct svcnat_front *f)
{
	return there(f) && f->masquerade == SVCNAT_SOURCE_NODE;
}

static bool in_guarded(const struct svcnat_front *f)
{
	return f->guarded;
}

static const struct trait {
	enum svcnat_set set, port_set;
	bool (*has)(const struct svcnat_front *f);
} traits[] = {
	{ SVCNAT_SNAT, SVCNAT_SNAT_PORTS, in_snat },
	{ SVCNAT_OWN_SNAT, SVCNAT_OWN_SNAT_PORTS, in_own_snat },
	{ SVCNAT_GUARDED, SVCNAT_GUARDED, in_guarded }, /* node ports are not */
};

static void drop_traits(struct pass *p, const struct svcnat_front *old,
                        const struct svcnat_front *new)
{
	struct nft_bytes key = svcnat_front_key(old);

	for (size_t i = 0; i < sizeof(traits) / sizeof(traits[0]); i++)
		if (traits[i].has(old) && !traits[i].has(new))
			del(p, old->node_port ? traits[i].port_set : traits[i].set, &key);
}

static void add_traits(struct pass *p, const struct svcnat_front *old,
                       const struct svcnat_front *new)
{
	struct nft_bytes key = svcnat_front_key(new);

	for (size_t i = 0; i < sizeof(traits) / sizeof(traits[0]); i++)
		if (traits[i].has(new) && !traits[i].has(old))
			add(p, new->node_port ? traits[i].port_set : traits[i].set, &key, NULL);
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

static const struct svcnat_front *same_front(const struct svcnat_kept *k,
                                             const struct svcnat_front *like)
{
	for (unsigned i = 0; k && i < k->s.n_fronts; i++)
		if (!svcnat_front_order(&k->s.fronts[i], like))
			return &k->s.fronts[i];
	return &no_front;
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

/* ---- ClusterIPs ----------------------------------------------------------------------------- */

static bool has_vip(const struct svcnat_kept *k, const struct ip *vip)
{
	return k && ip_is_in(vip, k->s.vips, k->s.n_vips);
}

/* The vips that `from` has and `without` has not. */
static void each_vip(struct pass *p, const struct svcnat_kept *from,
                     const struct svcnat_kept *without, bool adding)
{
	for (unsigned i = 0; from && i < from->s.n_vips; i++) {
		const struct ip *vip = &from->s.vips[i];
		struct nft_bytes key = { 0 };

		if (vip->len != p->family || has_vip(without, vip))
			continue;
		nft_put_ip(&key, vip);
		if (adding)
			add(p, SVCNAT_CLUSTER, &key, NULL);
		else
			del(p, SVCNAT_CLUSTER, &key);
	}
}

static void drop_vips(struct pass *p, const struct svcnat_change *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		each_vip(p, old_of(p, &v[i]), v[i].new, false);
}

static void add_vips(struct pass *p, const struct svcnat_change *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		each_vip(p, v[i].new, old_of(p, &v[i]), true);
}

/* ---- hairpins ------------------------------------------------------------------------------- */

static void count_list(const struct svcnat_list *new, const struct svcnat_list *old)
{
	for (unsigned i = 0; i < new->n; i++)
		if (!same_at(new, old, i))
			hairpin_count(&new->eps[i].at.ip, 1);
	for (unsigned i = 0; i < old->n; i++)
		if (!same_at(old, new, i))
			hairpin_count(&old->eps[i].at.ip, -1);
}

static void count_hairpins(struct pass *p, const struct svcnat_front *old,
                           const struct svcnat_front *new)
{
	(void)p;
	count_list(inner(new), inner(old));
	count_list(outer(new), outer(old));
}

static void send_hairpin(const struct ip *ip, bool is_there, void *arg)
{
	struct nft_bytes key = { 0 };

	nft_put_ip(&key, ip);
	nft_put_ip(&key, ip);
	if (is_there)
		add(arg, SVCNAT_HAIRPIN, &key, NULL);
	else
		del(arg, SVCNAT_HAIRPIN, &key);
}

void svcnat_elems_forget(void)
{
	hairpins_forget();
	svcnat_picks_forget();
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void send_family(struct pass *p, const struct svcnat_change *v, size_t n)
{
	each_change(p, v, n, drop_words);
	each_change(p, v, n, drop_endpoints);
	each_change(p, v, n, drop_ids);
	each_change(p, v, n, drop_traits);
	change_allowed(p, v, n, false);
	drop_who(p, v, n);
	drop_vips(p, v, n);
	add_vips(p, v, n);
	add_who(p, v, n);
	change_allowed(p, v, n, true);
	each_change(p, v, n, add_traits);
	each_change(p, v, n, add_ids);
	each_change(p, v, n, add_endpoints);
	each_change(p, v, n, add_words);
	each_change(p, v, n, count_hairpins);
	hairpins_changed(send_hairpin, p);
}

size_t svcnat_elems_send(struct nft_txn *t, const struct svcnat_change *v, size_t n,
                         struct svcnat_mirror *mirror)
{
	struct pass p = { .t = t, .mirror = mirror };

	for (size_t i = 0; i < n; i++) /* the chains before the elements that lead there */
		svcnat_elems_words(v[i].new);
	svcnat_picks_send(t);
	for (p.family = 4; p.family <= 16; p.family += 12)
		if (svcnat_has_family(p.family))
			send_family(&p, v, n);
	return p.sent;
}

size_t svcnat_elems_sweep(struct nft_txn *t, struct svcnat_mirror *mirror, size_t *i, size_t most)
{
	struct pass p = { .t = t };
	struct nft_bytes key;
	enum svcnat_set set;

	while (p.sent < most && svcnat_mirror_next(mirror, i, &set, &p.family, &key))
		del(&p, set, &key);
	return p.sent;
}

static size_t weight(const struct svcnat_kept *k)
{
	size_t n = 0;

	for (unsigned i = 0; k && i < k->s.n_fronts; i++)
		n += 2 + 2 * (inner(&k->s.fronts[i])->n + outer(&k->s.fronts[i])->n);
	return n;
}

size_t svcnat_elems_weight(const struct svcnat_change *c)
{
	return weight(c->old) + weight(c->new);
}
