/* lb_lan.c - see lb_lan.h
 *
 * `auto` is the link of the default route, each family's own. When that route goes away, as it does
 * for a moment whenever a DHCP client thinks again, the link stays chosen until there is another.
 */
#include <fnmatch.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/log.h>

#include "lb_lan.h"

#define LINKS_MAX 1024 /* of the node, without pods' */
#define LO_IFINDEX 1
#define POD_PREFIX "knet"

static struct lb_lan lans[LB_LANS];
static struct rt_link *links; /* all of the node */
static unsigned n_links, cap_links;
static unsigned uplink[2]; /* of IPv4, of IPv6 */

/* ---- what there is -------------------------------------------------------------------------- */

static void saw_link(const struct rt_link *l, void *arg)
{
	(void)arg;
	if (!strncmp(l->name, POD_PREFIX, strlen(POD_PREFIX)) || n_links == LINKS_MAX)
		return;
	if (n_links == cap_links) {
		cap_links = cap_links ? cap_links * 2 : 16;
		links = xrealloc(links, cap_links * sizeof(*links));
	}
	links[n_links++] = *l;
}

static const struct rt_link *link_by_index(unsigned ifindex)
{
	for (unsigned i = 0; i < n_links; i++)
		if (links[i].ifindex == ifindex)
			return &links[i];
	return NULL;
}

static bool is_up(const struct rt_link *l)
{
	return (l->flags & IFF_UP) && (l->flags & IFF_RUNNING);
}

static bool speaks(const struct rt_link *l)
{
	return l->type == ARPHRD_ETHER && !(l->flags & IFF_NOARP);
}

static void open_wire(struct lb_lan *lan, wire_fn *fn)
{
	struct err e;

	wire_close(lan->wire);
	lan->wire = NULL;
	if (!speaks(&lan->link))
		return;
	lan->wire = wire_open(&lan->link, fn, NULL, &e);
	if (!lan->wire)
		log_warn("lb: link %s: nothing can be announced: %s", lan->link.name, e.text);
}

static wire_fn *on_claim;

static void refresh(struct lb_lan *lan, const struct rt_link *now)
{
	bool other_mac = memcmp(lan->link.mac, now->mac, sizeof(now->mac)) != 0;
	bool was_speaking = speaks(&lan->link);

	lan->link = *now;
	if (other_mac || was_speaking != speaks(now))
		open_wire(lan, on_claim);
	lan->again |= other_mac || (is_up(now) && !lan->up);
	lan->up = is_up(now);
}

/* ifindex 0: no such route now. */
static void keep_uplink(unsigned which, unsigned now)
{
	if (now && link_by_index(now))
		uplink[which] = now;
	else if (!link_by_index(uplink[which]))
		uplink[which] = 0;
}

int lb_lan_read(struct rt *rt, wire_fn *fn, struct err *e)
{
	int ret;

	on_claim = fn;
	n_links = 0;
	ret = rt_link_each(rt, saw_link, NULL, e);
	if (ret)
		return ret;
	if (conf.lb.announce.automatic) {
		keep_uplink(0, rt_uplink_of(rt, 4));
		keep_uplink(1, rt_uplink_of(rt, 16));
	}
	for (unsigned i = 0; i < LB_LANS; i++) {
		const struct rt_link *now = link_by_index(lans[i].link.ifindex);

		lans[i].used = false;
		if (lans[i].link.ifindex && now)
			refresh(&lans[i], now);
		else if (lans[i].link.ifindex)
			lans[i].up = false; /* gone: nobody chooses it */
	}
	return 0;
}

bool lb_lan_saw(const struct rt_link *l)
{
	const struct rt_link *known = link_by_index(l->ifindex);
	struct lb_lan *lan = lb_lan_by_index(l->ifindex);

	if (lan && !is_up(l))
		lan->up = false; /* it may be up again before it is looked at */
	return !known || strcmp(known->name, l->name) != 0 || is_up(known) != is_up(l) ||
	       (lan && lan->up != is_up(l)) || memcmp(known->mac, l->mac, sizeof(l->mac)) != 0 ||
	       known->port != l->port;
}

bool lb_lan_is_ours(const uint8_t mac[static 6])
{
	for (unsigned i = 0; i < n_links; i++)
		if (speaks(&links[i]) && !memcmp(links[i].mac, mac, sizeof(links[i].mac)))
			return true;
	return false;
}

/* ---- which of them -------------------------------------------------------------------------- */

struct lb_lan *lb_lan_by_index(unsigned ifindex)
{
	for (unsigned i = 0; ifindex && i < LB_LANS; i++)
		if (lans[i].link.ifindex == ifindex)
			return &lans[i];
	return NULL;
}

static struct lb_lan *take(const struct rt_link *l)
{
	struct lb_lan *lan = lb_lan_by_index(l->ifindex);

	for (unsigned i = 0; !lan && i < LB_LANS; i++)
		if (!lans[i].link.ifindex)
			lan = &lans[i];
	if (!lan)
		return NULL;
	if (!lan->link.ifindex) {
		*lan = (struct lb_lan){ .link = *l, .up = is_up(l) };
		open_wire(lan, on_claim);
	}
	lan->used = true;
	return lan;
}

static void choose(const struct rt_link *l, struct lb_lan *out[static LB_LANS], unsigned *n)
{
	static struct log_rate rate;
	struct lb_lan *lan = l ? take(l) : NULL;

	for (unsigned i = 0; i < *n; i++)
		if (out[i] == lan)
			return;
	if (lan)
		out[(*n)++] = lan;
	else if (l && log_may(&rate))
		log_warn("lb: link %s: addresses are announced on at most %d links", l->name,
		         LB_LANS);
}

/* A whole name also takes a port of a bridge: `knetctl lb test` tells what is wrong with it. */
static bool matches(const struct rt_link *l, const char *pattern)
{
	if (l->ifindex == LO_IFINDEX)
		return false;
	return !strcmp(l->name, pattern) || (!l->port && !fnmatch(pattern, l->name, 0));
}

static void choose_named(const char *pattern, struct lb_lan *out[static LB_LANS], unsigned *n)
{
	for (unsigned i = 0; i < n_links; i++)
		if (matches(&links[i], pattern))
			choose(&links[i], out, n);
}

unsigned lb_lan_choose(const char *const *names, unsigned n_names, uint8_t family,
                       struct lb_lan *out[static LB_LANS])
{
	const struct conf_links *c = &conf.lb.announce;
	unsigned n = 0, first = family == 16;

	for (unsigned i = 0; i < n_names; i++)
		choose_named(names[i], out, &n);
	if (n_names)
		return n;
	if (c->none)
		choose(link_by_index(LO_IFINDEX), out, &n);
	if (c->automatic)
		choose(link_by_index(uplink[first] ? uplink[first] : uplink[!first]), out, &n);
	for (unsigned i = 0; i < c->n; i++)
		choose_named(c->v[i], out, &n);
	return n;
}

void lb_lan_found(unsigned ifindex, uint8_t family)
{
	unsigned which = family == 16;

	if (!uplink[which] && ifindex != LO_IFINDEX && link_by_index(ifindex))
		uplink[which] = ifindex;
}

static void let_go(struct lb_lan *lan)
{
	wire_close(lan->wire);
	*lan = (struct lb_lan){ 0 };
}

void lb_lan_sweep(void)
{
	for (unsigned i = 0; i < LB_LANS; i++) {
		if (lans[i].link.ifindex && !lans[i].used)
			let_go(&lans[i]);
		lans[i].again = false;
	}
}

void lb_lan_free(void)
{
	for (unsigned i = 0; i < LB_LANS; i++)
		let_go(&lans[i]);
	free(links);
	links = NULL;
	n_links = cap_links = 0;
	uplink[0] = uplink[1] = 0;
}
