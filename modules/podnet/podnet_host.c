/* podnet_host.c - the machine's own settings that pods need: forwarding, and what a link is to be.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/kern_check.h>
#include <knetd/log.h>
#include <knetd/loop.h>

#include "podnet.h"

#define MTU_DEFAULT 1500
#define MTU_FRESH_MS 10000
#define MTU_RETRY_MS 500 /* while there is no uplink */
#define UPLINKS_MAX 16

/* ---- forwarding ----------------------------------------------------------------------------- */

struct uplinks { /* links that default routes leave by */
	unsigned n;
	unsigned ifindex[UPLINKS_MAX];
};

static bool is_uplink(const struct uplinks *u, unsigned ifindex)
{
	for (unsigned i = 0; i < u->n; i++)
		if (u->ifindex[i] == ifindex)
			return true;
	return false;
}

static void saw_route(const struct rt_route *r, void *arg)
{
	struct uplinks *u = arg;

	if (!r->dst.bits && !r->local && u->n < UPLINKS_MAX && !is_uplink(u, r->ifindex))
		u->ifindex[u->n++] = r->ifindex;
}

static void saw_link(const struct rt_link *l, void *arg)
{
	char path[64];
	struct err e;

	if (!is_uplink(arg, l->ifindex) || l->ipv6.accept_ra != 1)
		return;
	snprintf(path, sizeof(path), "net/ipv6/conf/%s/accept_ra", l->name);
	if (sysctl_set(-1, path, "2", &e))
		log_warn("podnet: %s", e.text);
}

/* A router ignores router advertisements, and the kernel drops the default route it learnt by one
 * the moment forwarding is switched on: 2 means "accept them although forwarding". */
static void keep_learnt_routes(void)
{
	struct uplinks u = { 0 };
	struct err e;

	if (rt_route_each(podnet.host, saw_route, &u, &e) ||
	    (u.n && rt_link_each(podnet.host, saw_link, &u, &e)))
		log_warn("podnet: %s", e.text);
}

static int switch_ipv6_on(struct err *e)
{
	if (sysctl_is("net/ipv6/conf/all/disable_ipv6", "1"))
		return err_set(e, EAFNOSUPPORT,
		               "it is off on this machine (net.ipv6.conf.all.disable_ipv6=1)");
	keep_learnt_routes();
	return sysctl_set(-1, "net/ipv6/conf/all/forwarding", "1", e);
}

/* Told when it changes: passes are many. */
static bool prepare_ipv6(void)
{
	static bool told;
	struct err e;

	if (!ipam_has_family(&podnet.ipam, 16) || kern_lacks(KERN_IPV6))
		return false;
	if (switch_ipv6_on(&e) == 0) {
		told = false;
		return true;
	}
	if (!told)
		log_warn("podnet: no IPv6 for pods: %s", e.text);
	told = true;
	return false;
}

/* What was off before stays on when we end: by then others may count on it. */
int host_prepare(struct err *e)
{
	int ret = 0;

	if (ipam_has_family(&podnet.ipam, 4))
		ret = sysctl_set(-1, "net/ipv4/ip_forward", "1", e);
	podnet.ipv6 = prepare_ipv6();
	if (!ret && !podnet.ipv6 && !ipam_has_family(&podnet.ipam, 4))
		return err_set(e, EAFNOSUPPORT,
		               "pods have only IPv6 ranges, and there is no IPv6 here");
	return ret;
}

/* ---- addresses without a pod ---------------------------------------------------------------- */

static bool has_routes(uint8_t family)
{
	return family == 4 || podnet.ipv6;
}

int host_route_ranges(struct err *e)
{
	for (unsigned i = 0; i < podnet.ipam.n; i++) {
		struct rt_route r = { .dst = podnet.ipam.ranges[i].cidr, .unreachable = true };

		if (has_routes(r.dst.ip.len))
			rt_route_replace(podnet.host, &r);
	}
	return rt_flush(podnet.host, e);
}

void host_unroute_ranges(void)
{
	struct err e;

	for (unsigned i = 0; i < podnet.ipam.n; i++) {
		struct rt_route r = { .dst = podnet.ipam.ranges[i].cidr, .unreachable = true };

		rt_route_del(podnet.host, &r);
		rt_flush(podnet.host, &e); /* one that is gone already is as good */
	}
}

/* ---- MTU ------------------------------------------------------------------------------------ */

/* The uplink may come after us and may change; asking costs a walk over the routes, so not for each
 * of a burst of pods. */
unsigned host_mtu(void)
{
	static uint64_t ask_again;
	static unsigned known = MTU_DEFAULT;
	struct rt_link uplink;
	struct err e;

	if (conf.podnet.mtu)
		return conf.podnet.mtu;
	if (loop_now() >= ask_again) {
		bool found = rt_uplink(podnet.host, &uplink, &e) == 0;

		known = found ? uplink.mtu : MTU_DEFAULT;
		ask_again = loop_now() + (found ? MTU_FRESH_MS : MTU_RETRY_MS);
	}
	return known;
}
