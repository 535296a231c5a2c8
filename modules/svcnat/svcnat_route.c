/* svcnat_route.c - see svcnat_route.h */
#include <stdbool.h>

#include <knetd/conf.h>
#include <knetd/kern.h>
#include <knetd/log.h>

#include "svcnat_route.h"
#include "svcnat_rules.h"

#define LO_IFINDEX 1

static const struct ip *dns_address_in(const struct cidr *range)
{
	for (unsigned i = 0; i < conf.dns.address.n; i++)
		if (cidr_has(range, &conf.dns.address.v[i].ip))
			return &conf.dns.address.v[i].ip;
	return NULL;
}

/* What the node's own connections to a Service start from: the cluster DNS address, the one address
 * of the range that is the node's. Without it IPv6 takes any address of any link, perhaps one that
 * pods cannot answer to. */
static struct rt_route route_of(const struct cidr *range)
{
	struct rt_route r = { .dst = *range, .ifindex = LO_IFINDEX, .local = true };
	const struct ip *dns = dns_address_in(range);

	if (dns)
		r.src = *dns;
	return r;
}

void svcnat_route_set(void)
{
	struct err e;
	struct rt *rt = rt_open(-1, &e);

	if (!rt) {
		log_warn("svcnat: %s", e.text);
		return;
	}
	rt_link_up(rt, "lo");
	for (unsigned i = 0; i < conf.service.cidrs.n; i++) {
		struct rt_route r = route_of(&conf.service.cidrs.v[i]);

		if (!svcnat_has_family(r.dst.ip.len))
			continue;
		if (r.src.len)
			rt_addr_add(rt, LO_IFINDEX, &r.src, r.src.len * 8u, false);
		rt_route_replace(rt, &r);
		if (rt_flush(rt, &e))
			log_warn("svcnat: Services are not reachable from the node: %s", e.text);
	}
	rt_close(rt);
}

void svcnat_route_remove(void)
{
	struct rt *rt = rt_open(-1, NULL);

	for (unsigned i = 0; rt && i < conf.service.cidrs.n; i++) {
		struct rt_route r = route_of(&conf.service.cidrs.v[i]);

		rt_route_del(rt, &r);
		rt_flush(rt, NULL); /* one that is gone already is as good */
	}
	rt_close(rt);
}
