/* svcnat_stale.c - see svcnat_stale.h */
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include <knetd/log.h>

#include "svcnat_stale.h"

/* Each purge walks the kernel's table of flows. When more endpoints of a port went away at once,
 * all of its flows are forgotten: the others' clients are only sent elsewhere with their next
 * datagram. */
#define SINGLE_PURGES 8

static bool still_there(const struct svcnat_list *now, const struct svcnat_endpoint *ep)
{
	for (unsigned i = 0; now && i < now->n; i++)
		if (endpoint_equal(&now->eps[i].at, &ep->at))
			return true;
	return false;
}

static void forget(const struct svcnat_front *f, const struct endpoint *ep)
{
	struct endpoint original = { f->at, f->port };
	struct err e;

	if (conntrack_purge(f->proto, &original, ep, &e))
		log_warn("svcnat: %s", e.text);
}

static void purge_front(const struct svcnat_front *f, const struct svcnat_list *old,
                        const struct svcnat_list *new)
{
	const struct endpoint *gone[SINGLE_PURGES];
	unsigned n = 0;

	for (unsigned i = 0; old && i < old->n && n <= SINGLE_PURGES; i++) {
		if (still_there(new, &old->eps[i]))
			continue;
		if (n < SINGLE_PURGES)
			gone[n] = &old->eps[i].at;
		n++;
	}
	if (n > SINGLE_PURGES || (n > 0 && n == old->n)) {
		forget(f, NULL);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		forget(f, gone[i]);
}

static const struct svcnat_front *find(const struct svcnat_kept *k, const struct svcnat_front *like)
{
	for (unsigned i = 0; k && i < k->s.n_fronts; i++)
		if (!svcnat_front_order(&k->s.fronts[i], like))
			return &k->s.fronts[i];
	return NULL;
}

void svcnat_stale_purge(const struct svcnat_change *c)
{
	for (unsigned i = 0; c->old && i < c->old->s.n_fronts; i++) {
		const struct svcnat_front *old = &c->old->s.fronts[i], *new = find(c->new, old);

		if (old->proto == IPPROTO_UDP && !old->node_port)
			purge_front(old, old->inner.list, new ? new->inner.list : NULL);
	}
}
