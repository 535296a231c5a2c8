/* svcnat_elems.c - see svcnat_elems.h
 *
 * One pass over all changes for each kind of element: first what goes, then what comes. So the
 * elements of one map follow each other and share messages, and a changed element is deleted before
 * it is added again. Changes are few or (at start) all; passing over them often costs nothing
 * beside what the kernel does. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/map.h>

#include "svcnat_elems.h"
#include "svcnat_rules.h"

struct pass {
	struct nft_txn *t;
	uint8_t family;
	bool fresh; /* the kernel has nothing of what the changes call old */
	size_t sent;
};

typedef void port_fn(struct pass *p, const struct svcnat_port *old, const struct svcnat_port *new);

static void add(struct pass *p, enum svcnat_set set, const struct nft_bytes *key,
                const struct nft_bytes *data)
{
	nft_elem_add(p->t, SVCNAT_TABLE, svcnat_set_name(set, p->family), key, data);
	p->sent++;
}

static void del(struct pass *p, enum svcnat_set set, const struct nft_bytes *key)
{
	nft_elem_del(p->t, SVCNAT_TABLE, svcnat_set_name(set, p->family), key);
	p->sent++;
}

/* ---- walking -------------------------------------------------------------------------------- */

static const struct svcnat_kept *old_of(const struct pass *p, const struct svcnat_change *c)
{
	return p->fresh ? NULL : c->old;
}

/* What a port meets that only one of the lists has: no endpoints, and so no class element either;
 * input then refuses. */
static const struct svcnat_port no_port;

/* Both lists are in order. */
static void each_port(struct pass *p, const struct svcnat_change *c, port_fn *fn)
{
	const struct svcnat_kept *was = old_of(p, c), *is = c->new;
	unsigned n_old = was ? was->s.n_ports : 0, n_new = is ? is->s.n_ports : 0;

	for (unsigned i = 0, k = 0; i < n_old || k < n_new;) {
		const struct svcnat_port *old = i < n_old ? &was->s.ports[i] : &no_port;
		const struct svcnat_port *new = k < n_new ? &is->s.ports[k] : &no_port;
		int d = i == n_old ? 1 : k == n_new ? -1 : svcnat_port_order(old, new);
		const struct svcnat_port *either = d <= 0 ? old : new;

		i += d <= 0;
		k += d >= 0;
		if (either->vip.len == p->family)
			fn(p, d <= 0 ? old : &no_port, d >= 0 ? new : &no_port);
	}
}

static void each_change(struct pass *p, const struct svcnat_change *v, size_t n, port_fn *fn)
{
	for (size_t i = 0; i < n; i++)
		each_port(p, &v[i], fn);
}

/* ---- endpoints ------------------------------------------------------------------------------ */

static struct nft_bytes port_key(const struct svcnat_port *port)
{
	struct nft_bytes key = { 0 };

	nft_put_ip(&key, &port->vip);
	nft_put_proto(&key, port->proto);
	nft_put_port(&key, port->port);
	return key;
}

static struct nft_bytes index_key(const struct svcnat_port *port, unsigned index)
{
	struct nft_bytes key = port_key(port);

	nft_put_mark(&key, index);
	return key;
}

/* Whether port has at this index what other has there too. */
static bool same_at(const struct svcnat_port *port, const struct svcnat_port *other, unsigned index)
{
	return index < other->n && endpoint_equal(&port->eps[index], &other->eps[index]);
}

static void drop_endpoints(struct pass *p, const struct svcnat_port *old,
                           const struct svcnat_port *new)
{
	for (unsigned i = 0; i < old->n; i++) {
		struct nft_bytes key = index_key(old, i);

		if (!same_at(old, new, i))
			del(p, SVCNAT_EPS, &key);
	}
}

static void add_endpoints(struct pass *p, const struct svcnat_port *old,
                          const struct svcnat_port *new)
{
	for (unsigned i = 0; i < new->n; i++) {
		struct nft_bytes key = index_key(new, i), data = { 0 };

		if (same_at(new, old, i))
			continue;
		nft_put_ip(&data, &new->eps[i].ip);
		nft_put_port(&data, new->eps[i].port);
		add(p, SVCNAT_EPS, &key, &data);
	}
}

/* ---- classes -------------------------------------------------------------------------------- */

static void drop_class(struct pass *p, const struct svcnat_port *old, const struct svcnat_port *new)
{
	struct nft_bytes key;

	if (!old->n || old->n == new->n)
		return;
	key = port_key(old);
	del(p, SVCNAT_SVC, &key);
}

static void add_class(struct pass *p, const struct svcnat_port *old, const struct svcnat_port *new)
{
	struct nft_bytes key, data = { 0 };

	if (!new->n || old->n == new->n)
		return;
	key = port_key(new);
	nft_put_mark(&data, new->n);
	add(p, SVCNAT_SVC, &key, &data);
}

static void make_picks(struct pass *p, const struct svcnat_port *old, const struct svcnat_port *new)
{
	if (new->n && old->n != new->n)
		svcnat_rules_pick(p->t, new->n);
}

/* ---- ClusterIPs ----------------------------------------------------------------------------- */

static bool has_vip(const struct svcnat_kept *k, const struct ip *vip)
{
	for (unsigned i = 0; k && i < k->s.n_vips; i++)
		if (ip_equal(&k->s.vips[i], vip))
			return true;
	return false;
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

struct hairpin { /* an endpoint's address; many ports and Services may share it */
	struct ip ip;
	bool in_kernel, touched;
	unsigned refs;
	struct hairpin *next; /* of the touched ones */
};

static struct map hairpins; /* by address bytes */
static struct hairpin *touched;

static struct hairpin *hairpin(const struct ip *ip)
{
	struct hairpin *h = map_get(&hairpins, ip->b, ip->len);

	if (!h) {
		h = xcalloc(1, sizeof(*h));
		h->ip = *ip;
		map_put(&hairpins, h->ip.b, h->ip.len, h);
	}
	if (!h->touched) {
		h->touched = true;
		h->next = touched;
		touched = h;
	}
	return h;
}

static void count_hairpins(struct pass *p, const struct svcnat_port *old,
                           const struct svcnat_port *new)
{
	(void)p;
	for (unsigned i = 0; i < new->n; i++)
		if (!same_at(new, old, i))
			hairpin(&new->eps[i].ip)->refs++;
	for (unsigned i = 0; i < old->n; i++)
		if (!same_at(old, new, i))
			hairpin(&old->eps[i].ip)->refs--;
}

static void send_hairpin(struct pass *p, struct hairpin *h)
{
	struct nft_bytes key = { 0 };

	nft_put_ip(&key, &h->ip);
	nft_put_ip(&key, &h->ip);
	if (h->refs && !h->in_kernel)
		add(p, SVCNAT_HAIRPIN, &key, NULL);
	if (!h->refs && h->in_kernel)
		del(p, SVCNAT_HAIRPIN, &key);
	h->in_kernel = h->refs > 0;
}

/* Each address is touched once, so the order of adding and deleting does not matter here. */
static void send_hairpins(struct pass *p)
{
	struct hairpin *h;

	while ((h = touched)) {
		touched = h->next;
		h->touched = false;
		send_hairpin(p, h);
		if (h->refs)
			continue;
		map_del(&hairpins, h->ip.b, h->ip.len);
		free(h);
	}
}

void svcnat_elems_forget(void)
{
	struct hairpin *h;

	for (size_t i = 0; (h = map_next(&hairpins, &i));)
		free(h);
	map_free(&hairpins);
	touched = NULL;
}

/* ---- all of it ------------------------------------------------------------------------------ */

size_t svcnat_elems_send(struct nft_txn *t, const struct svcnat_change *v, size_t n, bool fresh)
{
	struct pass p = { .t = t, .fresh = fresh };

	if (fresh)
		svcnat_elems_forget();
	for (p.family = 4; p.family <= 16; p.family += 12) {
		if (!svcnat_has_family(p.family))
			continue;
		each_change(&p, v, n, drop_endpoints);
		each_change(&p, v, n, drop_class);
		drop_vips(&p, v, n);
		each_change(&p, v, n, make_picks);
		add_vips(&p, v, n);
		each_change(&p, v, n, add_endpoints);
		each_change(&p, v, n, add_class);
		each_change(&p, v, n, count_hairpins);
		send_hairpins(&p);
	}
	return p.sent;
}
