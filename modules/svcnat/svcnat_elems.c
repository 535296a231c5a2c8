/* svcnat_elems.c - see svcnat_elems.h
 *
 * One pass over all changes for each kind of element: first what goes, then what comes. So the
 * elements of one map follow each other and share messages, and a changed element is deleted before
 * it is added again. */
#include <stdlib.h>
#include <string.h>

#include "svcnat_elems_int.h"
#include "svcnat_hairpins.h"
#include "svcnat_picks.h"

static bool same(const struct nft_bytes *a, const struct nft_bytes *b)
{
	return a->n == b->n && !memcmp(a->b, b->b, a->n);
}

void pass_del(struct pass *p, enum svcnat_set set, const struct nft_bytes *key)
{
	nft_elem_del(p->t, SVCNAT_TABLE, svcnat_set_name(set, p->family), key);
	p->sent++;
}

void pass_add(struct pass *p, enum svcnat_set set, const struct nft_bytes *key,
              const struct nft_bytes *data)
{
	static const struct nft_bytes none;
	struct nft_bytes was;

	if (p->mirror && svcnat_mirror_get(p->mirror, set, p->family, key, &was)) {
		svcnat_mirror_take(p->mirror, set, p->family, key);
		if (same(&was, data ? data : &none))
			return;
		pass_del(p, set, key);
	}
	nft_elem_add(p->t, SVCNAT_TABLE, svcnat_set_name(set, p->family), key, data);
	p->sent++;
}

/* ---- walking -------------------------------------------------------------------------------- */

/* What a front meets that only one of the plans has. */
static const struct svcnat_front no_front;

const struct svcnat_kept *pass_old(const struct pass *p, const struct svcnat_change *c)
{
	return p->mirror ? NULL : c->old;
}

struct fronts {
	struct pass *p;
	front_fn *fn;
};

static void on_pair(const struct svcnat_front *old, const struct svcnat_front *new, void *arg)
{
	const struct fronts *f = arg;

	if ((old ? old : new)->at.len == f->p->family)
		f->fn(f->p, old ? old : &no_front, new ? new : &no_front);
}

void pass_fronts(struct pass *p, const struct svcnat_change *v, size_t n, front_fn *fn)
{
	struct fronts f = { p, fn };

	for (size_t i = 0; i < n; i++)
		svcnat_plan_pairs(pass_old(p, &v[i]), v[i].new, on_pair, &f);
}

struct nft_bytes bytes_of_mark(uint32_t number)
{
	struct nft_bytes out = { 0 };

	nft_put_mark(&out, number);
	return out;
}

struct nft_bytes bytes_of_endpoint(const struct svcnat_endpoint *e)
{
	struct nft_bytes out = { 0 };

	nft_put_ip(&out, &e->at.ip);
	nft_put_port(&out, e->at.port);
	return out;
}

/* ---- endpoints ------------------------------------------------------------------------------ */

static const struct svcnat_list nobody;

const struct svcnat_list *inner_list(const struct svcnat_front *f)
{
	return f->inner.list ? f->inner.list : &nobody;
}

const struct svcnat_list *outer_list(const struct svcnat_front *f)
{
	return f->two_ways && f->outer.list ? f->outer.list : &nobody;
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
		struct nft_bytes key = svcnat_index_key(f, first + i);

		if (!same_at(old, new, i))
			pass_del(p, f->node_port ? SVCNAT_PORT_EPS : SVCNAT_EPS, &key);
	}
}

static void add_list(struct pass *p, const struct svcnat_front *f, unsigned first,
                     const struct svcnat_list *old, const struct svcnat_list *new)
{
	for (unsigned i = 0; i < new->n; i++) {
		struct nft_bytes key = svcnat_index_key(f, first + i),
				 data = bytes_of_endpoint(&new->eps[i]);

		if (!same_at(new, old, i))
			pass_add(p, f->node_port ? SVCNAT_PORT_EPS : SVCNAT_EPS, &key, &data);
	}
}

static void drop_endpoints(struct pass *p, const struct svcnat_front *old,
                           const struct svcnat_front *new)
{
	drop_list(p, old, 0, inner_list(old), inner_list(new));
	drop_list(p, old, SVCNAT_OUTER_INDEX, outer_list(old), outer_list(new));
}

static void add_endpoints(struct pass *p, const struct svcnat_front *old,
                          const struct svcnat_front *new)
{
	add_list(p, new, 0, inner_list(old), inner_list(new));
	add_list(p, new, SVCNAT_OUTER_INDEX, outer_list(old), outer_list(new));
}

/* ---- words ---------------------------------------------------------------------------------- */

/* One of a front's two words, where it stands. was, is: whether there was one and is one. */
struct words {
	enum svcnat_set set;
	bool was, is;
	uint32_t old, new;
};

static void words_of(const struct svcnat_front *old, const struct svcnat_front *new,
                     struct words out[2])
{
	bool node_port = old->node_port || new->node_port;

	out[0] = (struct words){ .set = node_port ? SVCNAT_PORTS : SVCNAT_SVC,
		                 .was = front_is_there(old),
		                 .is = front_is_there(new) };
	out[1] = (struct words){ .set = node_port ? SVCNAT_OUTER_PORTS : SVCNAT_OUTER,
		                 .was = old->two_ways,
		                 .is = new->two_ways };
	out[0].old = old->inner.word;
	out[0].new = new->inner.word;
	out[1].old = old->outer.word;
	out[1].new = new->outer.word;
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

	words_of(old, new, w);
	for (unsigned i = 0; i < 2; i++)
		if (w[i].was && !unchanged(&w[i]))
			pass_del(p, w[i].set, &key);
}

static void add_words(struct pass *p, const struct svcnat_front *old,
                      const struct svcnat_front *new)
{
	struct nft_bytes key = svcnat_front_key(new), data;
	struct words w[2];

	words_of(old, new, w);
	for (unsigned i = 0; i < 2; i++) {
		if (!w[i].is || unchanged(&w[i]))
			continue;
		data = bytes_of_mark(w[i].new);
		pass_add(p, w[i].set, &key, &data);
	}
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
			pass_add(p, SVCNAT_CLUSTER, &key, NULL);
		else
			pass_del(p, SVCNAT_CLUSTER, &key);
	}
}

static void drop_vips(struct pass *p, const struct svcnat_change *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		each_vip(p, pass_old(p, &v[i]), v[i].new, false);
}

static void add_vips(struct pass *p, const struct svcnat_change *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		each_vip(p, v[i].new, pass_old(p, &v[i]), true);
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
	count_list(inner_list(new), inner_list(old));
	count_list(outer_list(new), outer_list(old));
}

static void send_hairpin(const struct ip *ip, bool is_there, void *arg)
{
	struct nft_bytes key = { 0 };

	nft_put_ip(&key, ip);
	nft_put_ip(&key, ip);
	if (is_there)
		pass_add(arg, SVCNAT_HAIRPIN, &key, NULL);
	else
		pass_del(arg, SVCNAT_HAIRPIN, &key);
}

void svcnat_elems_forget(void)
{
	hairpins_forget();
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void send_family(struct pass *p, const struct svcnat_change *v, size_t n)
{
	pass_fronts(p, v, n, drop_words);
	pass_fronts(p, v, n, drop_endpoints);
	affinity_drop(p, v, n);
	traits_drop(p, v, n);
	drop_vips(p, v, n);
	add_vips(p, v, n);
	traits_add(p, v, n);
	affinity_add(p, v, n);
	pass_fronts(p, v, n, add_endpoints);
	pass_fronts(p, v, n, add_words);
	pass_fronts(p, v, n, count_hairpins);
	hairpins_changed(send_hairpin, p);
}

size_t svcnat_elems_send(struct nft_txn *t, const struct svcnat_change *v, size_t n,
                         struct svcnat_mirror *mirror)
{
	struct pass p = { .t = t, .mirror = mirror };

	svcnat_picks_send(t); /* the chains before the elements that lead there */
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
		pass_del(&p, set, &key);
	return p.sent;
}

static size_t weight(const struct svcnat_kept *k)
{
	size_t n = 0;

	for (unsigned i = 0; k && i < k->s.n_fronts; i++)
		n += 2 + 2 * (inner_list(&k->s.fronts[i])->n + outer_list(&k->s.fronts[i])->n);
	return n;
}

size_t svcnat_elems_weight(const struct svcnat_change *c)
{
	return weight(c->old) + weight(c->new);
}
