// clang-format off
/* podnet_flows.c - see podnet_flows.h. As `nft list table inet knetd_podnet_flows` shows it:
 *
 *   flowtable flows { hook ingress priority filter; devices = { the links of pods and the uplink } }
 *   chain forward (filter, 300: behind everybody else's)
 *     iifname "knet*" ct state established,related meta l4proto tcp flow add @flows
 *     iifname "knet*" ct state established,related meta l4proto udp flow add @flows
 *
 * A connection begins as ever: Services, policies and whatever else stands in the way have judged its
 * first packets. From then on its packets go from link to link; the kernel translates them, keeps
 * to the MTU and to bandwidths, and takes the chains again when it ends or a route changes.
 *
 * What it must not do is outlive a policy or an endpoint. Whoever ends connections (policies, UDP of
 * endpoints that are gone, host ports) has conntrack forget them: what is forgotten is in no flow
 * table. Kernels before June 2023 (5.10.182, 5.15.115, 6.1.32, 6.3.6) refuse that for one in a flow
 * table, and have no way to take a single one out. There the table goes, with all connections in
 * it, and comes again RETURN_MS later, when what had to be forgotten is: until then all of them
 * pass the chains. That costs some 10 ms of waiting, at changes that end something. */
// clang-format on
#include <netinet/in.h>
#include <string.h>

#include <knetd/conf.h>
#include <knetd/kern_check.h>
#include <knetd/log.h>
#include <knetd/loop.h>

#include "podnet.h"
#include "podnet_flows.h"
#include "podnet_plan.h"

#define TABLE PODNET_TABLE "_flows"
#define FLOWS "flows"
#define LAST 300
#define RETURN_MS 1000

static bool stands;
static char uplink[16]; /* that is in the table, "" none */

/* ---- the table ------------------------------------------------------------------------------ */

struct links {
	unsigned n;
	const char *v[NFT_FLOW_LINKS];
};

static void add_link(struct links *l, const char *name)
{
	if (l->n < NFT_FLOW_LINKS)
		l->v[l->n++] = name;
}

static void add_uplink(struct links *l)
{
	struct rt_link now;
	struct err e;

	if (rt_uplink(podnet.host, &now, &e) || !strcmp(now.name, uplink))
		return;
	memcpy(uplink, now.name, sizeof(uplink));
	add_link(l, uplink);
}

static void add_rule(struct nft_txn *t, uint8_t proto)
{
	struct nft_rule *r = nft_rule_new(TABLE, "forward");

	nft_iif_named(r, LINK_PREFIX);
	nft_ct_state_established(r);
	nft_l4proto(r, proto);
	nft_flow_add(r, FLOWS);
	nft_rule_add(t, r);
}

static int replace(struct err *e)
{
	static struct links l;
	struct nft_txn *t = nft_begin();
	const struct attachment *a;

	l.n = 0;
	uplink[0] = '\0';
	add_uplink(&l);
	for (size_t i = 0; (a = attachment_next(&i));)
		if (a->state != GOING)
			add_link(&l, a->link);
	nft_table_replace(t, TABLE);
	nft_flowtable_add(t, TABLE, FLOWS, l.v, l.n);
	nft_chain_add(t, TABLE, "forward", NFT_HOOK_FORWARD, NFT_CHAIN_FILTER, LAST);
	add_rule(t, IPPROTO_TCP);
	add_rule(t, IPPROTO_UDP);
	return nft_commit(t, e);
}

static void come_back(struct timer *timer)
{
	(void)timer;
	flows_replace();
}
static struct timer return_timer = { .fn = come_back };

void flows_remove(void)
{
	struct err e;

	timer_del(&return_timer);
	stands = false;
	if (nft_table_remove(TABLE, &e))
		log_warn("podnet: %s", e.text);
}

/* ---- gone for a moment ---------------------------------------------------------------------- */

static void give_back(void)
{
	flows_remove();
	nft_settle();
	timer_set(&return_timer, RETURN_MS);
}

/* ---- what others call ----------------------------------------------------------------------- */

void flows_replace(void)
{
	struct err e;

	timer_del(&return_timer);
	if (!conf.podnet.flow_tables || kern_lacks(KERN_FLOW_TABLES)) {
		flows_remove();
		return;
	}
	conntrack_on_busy(give_back);
	stands = replace(&e) == 0;
	if (!stands)
		log_warn("podnet: no flow table: %s", e.text);
}

/* Also when the uplink came later than we did. */
void flows_link_added(const char *link)
{
	struct links l = { .n = 0 };
	struct nft_txn *t;
	struct err e;

	if (!stands)
		return;
	add_link(&l, link);
	add_uplink(&l);
	t = nft_begin();
	nft_flowtable_add(t, TABLE, FLOWS, l.v, l.n);
	if (nft_commit(t, &e) == 0)
		return;
	log_info("podnet: %s: repairing", e.text);
	flows_replace();
}
