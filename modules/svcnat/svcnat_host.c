/* svcnat_host.c - see svcnat_host.h */
#include <stdbool.h>

#include <knetd/conf.h>
#include <knetd/kern.h>
#include <knetd/log.h>

#include "svcnat_host.h"
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

/* A segment outside of the window that conntrack has reckoned belongs to no connection for it, and
 * is not translated back: the client gets it from an address it does not know, and resets the
 * connection (kubernetes/kubernetes#74839). kube-proxy drops such segments, with a rule that all
 * packets meet; this costs none. */
static void be_liberal(void)
{
	struct err e;

	if (sysctl_set(-1, "net/netfilter/nf_conntrack_tcp_be_liberal", "1", &e))
		log_warn("svcnat: %s", e.text);
}

static void route_ranges(struct rt *rt)
{
	struct err e;

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
}

void svcnat_host_prepare(void)
{
	struct err e;
	struct rt *rt = rt_open(-1, &e);

	be_liberal();
	if (rt)
		route_ranges(rt);
	else
		log_warn("svcnat: %s", e.text);
	rt_close(rt);
}

void svcnat_host_remove(void)
{
	struct rt *rt = rt_open(-1, NULL);

	for (unsigned i = 0; rt && i < conf.service.cidrs.n; i++) {
		struct rt_route r = route_of(&conf.service.cidrs.v[i]);

		rt_route_del(rt, &r);
		rt_flush(rt, NULL); /* one that is gone already is as good */
	}
	rt_close(rt);
}
