/* podnet_rules.c - the table inet knetd_podnet, whole: each pass replaces it in one transaction.
 *
 *   postrouting   masquerade for what leaves the pod ranges
 */
#include <errno.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/log.h>

#include "podnet.h"

#define TABLE "knetd_podnet"
#define CHAIN "postrouting"
/* Behind the Services' own address translation (srcnat, 100), which knows better. */
#define PRIORITY 105

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

int rules_replace(struct err *e)
{
	struct nft_txn *t;

	if (!conf.podnet.masquerade) {
		rules_remove();
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

void rules_remove(void)
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
