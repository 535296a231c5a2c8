/* podnet_host.c - the machine's own settings that pods need: forwarding, and masquerade for what
 * leaves the pod ranges. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/log.h>
#include <knetd/loop.h>

#include "podnet.h"

#define TABLE "knetd_podnet"
#define CHAIN "postrouting"
/* Behind the Services' own address translation (srcnat, 100), which knows better. */
#define PRIORITY 105
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

/* ---- masquerade ----------------------------------------------------------------------------- */

static const char *set_name(uint8_t family)
{
	return family == 4 ? "pods4" : "pods6";
}

static void add_set(struct nft_txn *t, uint8_t family)
{
	struct nft_set_def def = { .name = set_name(family), .interval = true };

	def.key[0] = family == 4 ? NFT_IPV4 : NFT_IPV6;
	nft_set_add(t, TABLE, &def);
	for (unsigned i = 0; i < podnet.ipam.n; i++)
		if (podnet.ipam.ranges[i].cidr.ip.len == family)
			nft_elem_range(t, TABLE, set_name(family), &podnet.ipam.ranges[i].cidr);
}

/* ip saddr @pods4 ip daddr != @pods4 ip daddr != SERVICES oif != "lo" masquerade. The node's own
 * addresses are delivered locally and never come by here. */
static void add_rule(struct nft_txn *t, uint8_t family)
{
	struct nft_rule *r = nft_rule_new(TABLE, CHAIN);

	nft_family(r, family);
	nft_load_addr(r, false, family, 0);
	nft_in_set(r, 0, set_name(family), true);
	nft_load_addr(r, true, family, 0);
	nft_in_set(r, 0, set_name(family), false);
	for (unsigned i = 0; i < conf.service.cidrs.n; i++)
		if (conf.service.cidrs.v[i].ip.len == family)
			nft_cmp_addr(r, true, &conf.service.cidrs.v[i], false);
	nft_oif_lo(r, false);
	nft_masquerade(r);
	nft_rule_add(t, r);
}

int host_masquerade(struct err *e)
{
	struct nft_txn *t;

	if (!conf.podnet.masquerade) {
		host_masquerade_remove();
		return 0;
	}
	t = nft_begin();
	nft_table_replace(t, TABLE);
	nft_chain_add(t, TABLE, CHAIN, NFT_HOOK_POSTROUTING, NFT_CHAIN_NAT, PRIORITY);
	for (uint8_t family = 4; family <= 16; family += 12) {
		if (!ipam_has_family(&podnet.ipam, family))
			continue;
		add_set(t, family);
		add_rule(t, family);
	}
	return nft_commit(t, e);
}

void host_masquerade_remove(void)
{
	struct nft_txn *t;
	struct err e;

	if (nft_table_exists(TABLE, &e) != 1)
		return;
	t = nft_begin();
	nft_table_del(t, TABLE);
	if (nft_commit(t, &e))
		log_warn("podnet: table " TABLE ": %s", e.text);
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
