/* podnet_host.c - the machine's own settings that pods need: forwarding, and what a link is to be.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/log.h>
#include <knetd/loop.h>

#include "podnet.h"

#define MTU_DEFAULT 1500
#define MTU_FRESH_MS 10000

/* ---- forwarding ----------------------------------------------------------------------------- */

static bool accepts_ra(const char *link)
{
	char path[80];
	FILE *f;
	int c;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/accept_ra", link);
	f = fopen(path, "re");
	if (!f)
		return false;
	c = fgetc(f);
	fclose(f);
	return c == '1';
}

/* A router ignores router advertisements, and the kernel drops the default route it learnt by one
 * the moment forwarding is switched on: 2 means "accept them although forwarding". */
static void keep_learnt_routes(void)
{
	struct rt_link uplink;
	char path[64];
	struct err e;

	if (rt_uplink(podnet.host, &uplink, &e) || !accepts_ra(uplink.name))
		return;
	snprintf(path, sizeof(path), "net/ipv6/conf/%s/accept_ra", uplink.name);
	if (sysctl_set(-1, path, "2", &e))
		log_warn("podnet: %s", e.text);
}

static bool prepare_ipv6(void)
{
	struct err e;

	if (!ipam_has_family(&podnet.ipam, 16))
		return false;
	keep_learnt_routes();
	if (sysctl_set(-1, "net/ipv6/conf/all/forwarding", "1", &e) == 0)
		return true;
	log_warn("podnet: no IPv6 for pods: %s", e.text);
	return false;
}

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

/* ---- MTU ------------------------------------------------------------------------------------ */

/* The uplink may come after us and may change; asking costs a walk over the routes, so not for each
 * of a burst of pods. */
unsigned host_mtu(void)
{
	static uint64_t asked;
	static unsigned known = MTU_DEFAULT;
	struct rt_link uplink;
	struct err e;

	if (conf.podnet.mtu)
		return conf.podnet.mtu;
	if (!asked || loop_now() - asked > MTU_FRESH_MS) {
		known = rt_uplink(podnet.host, &uplink, &e) == 0 ? uplink.mtu : MTU_DEFAULT;
		asked = loop_now();
	}
	return known;
}
