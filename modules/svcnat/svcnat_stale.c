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

static bool still_there(const struct svcnat_port *now, const struct endpoint *ep)
{
	for (unsigned i = 0; now && i < now->n; i++)
		if (endpoint_equal(&now->eps[i], ep))
			return true;
	return false;
}

static void forget(const struct svcnat_port *port, const struct endpoint *ep)
{
	struct endpoint original = { port->vip, port->port };
	struct err e;

	if (conntrack_purge(port->proto, &original, ep, &e))
		log_warn("svcnat: %s", e.text);
}

static void purge_port(const struct svcnat_port *old, const struct svcnat_port *new)
{
	const struct endpoint *gone[SINGLE_PURGES];
	unsigned n = 0;

	for (unsigned i = 0; i < old->n && n <= SINGLE_PURGES; i++) {
		if (still_there(new, &old->eps[i]))
			continue;
		if (n < SINGLE_PURGES)
			gone[n] = &old->eps[i];
		n++;
	}
	if (n > SINGLE_PURGES || (n > 0 && n == old->n)) {
		forget(old, NULL);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		forget(old, gone[i]);
}

static const struct svcnat_port *find(const struct svcnat_kept *k, const struct svcnat_port *like)
{
	for (unsigned i = 0; k && i < k->s.n_ports; i++)
		if (!svcnat_port_order(&k->s.ports[i], like))
			return &k->s.ports[i];
	return NULL;
}

void svcnat_stale_purge(const struct svcnat_change *c)
{
	for (unsigned i = 0; c->old && i < c->old->s.n_ports; i++) {
		const struct svcnat_port *old = &c->old->s.ports[i];

		if (old->proto == IPPROTO_UDP)
			purge_port(old, find(c->new, old));
	}
}
