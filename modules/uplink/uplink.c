/* uplink.c - the machine's own link, when [node] uplink says that it is ours: the link is up, has
 * the configured addresses and default routes (static), or takes router advertisements (slaac),
 * with the name servers they tell (uplink_ra.c). DHCP is dhcpcd's, which the first process runs
 * (knetd/init/dhcp.c).
 *
 * Level-triggered: every pass reads what the kernel has and mends the difference. A pass follows
 * each change of a link, of a default route, or of an address of ours; and comes by itself once in
 * a while, for what nobody told. */
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/log.h>
#include <knetd/loop.h>
#include <knetd/module.h>

#include "uplink_plan.h"
#include "uplink_ra.h"

#define LOOK_MS 30000
#define LOOK_SOON_MS 500 /* while there is no link yet */

extern const struct module uplink_module;

static struct rt *rt;
static struct uplink_choice choice;
static void on_timer(struct timer *t);
static struct timer timer = { .fn = on_timer };

static void on_timer(struct timer *t)
{
	(void)t;
	module_resync(&uplink_module); /* which sets the timer again */
}

static void on_lan(const struct rt_link *l, const struct rt_addr *gone)
{
	(void)l;
	(void)gone;
	module_resync(&uplink_module);
}

/* Forwarding is on here, or soon will be: 2 means "although". */
static int take_advertisements(const struct rt_link *l, struct err *e)
{
	static const struct {
		const char *name, *value;
	} settings[] = { { "disable_ipv6", "0" }, { "autoconf", "1" }, { "accept_ra", "2" } };
	char path[64];
	int ret = 0;

	for (size_t i = 0; !ret && i < ARRAY_LEN(settings); i++) {
		snprintf(path, sizeof(path), "net/ipv6/conf/%s/%s", l->name, settings[i].name);
		ret = sysctl_set(-1, path, settings[i].value, e);
	}
	return ret;
}

static void tell(const struct rt_link *l, unsigned mended)
{
	static unsigned told;

	if (told == l->ifindex && mended)
		log_info("uplink: %s: %u %s put right", l->name, mended,
		         mended == 1 ? "thing" : "things");
	else if (told != l->ifindex)
		log_info("uplink: %s", l->name);
	told = l->ifindex;
}

static int mend(const struct rt_link *l, struct err *e)
{
	struct uplink_seen seen = { .ifindex = l->ifindex };
	int ret = rt_addr_each(rt, uplink_saw_addr, &seen, e);
	unsigned n;

	if (!ret)
		ret = rt_route_each(rt, uplink_saw_route, &seen, e);
	if (!ret && conf.node.uplink == CONF_UPLINK_SLAAC)
		ret = take_advertisements(l, e);
	if (ret)
		return ret;
	n = uplink_mend(rt, &seen);
	ret = rt_flush(rt, e);
	if (!ret)
		tell(l, n);
	return ret;
}

static int uplink_sync(struct changes *c, struct err *e)
{
	struct rt_link l;
	int ret;

	(void)c;
	if (!rt)
		return 0;
	ret = uplink_find(rt, &choice, &l, e);
	timer_set(&timer, ret > 0 ? LOOK_MS : LOOK_SOON_MS);
	return ret > 0 ? mend(&l, e) : ret;
}

static bool is_ours(void)
{
	return conf.node.uplink == CONF_UPLINK_STATIC || conf.node.uplink == CONF_UPLINK_SLAAC;
}

static unsigned chosen(void)
{
	return choice.ifindex;
}

static int uplink_init(struct err *e)
{
	int ret;

	if (!is_ours())
		return 0;
	rt = rt_open(-1, e);
	ret = rt ? lan_watch(on_lan, e) : -e->code;
	if (!ret && conf.node.uplink == CONF_UPLINK_SLAAC)
		ret = uplink_ra_init(chosen, e);
	return ret;
}

/* What the machine's network is stays, also with -x. */
static void uplink_exit(bool remove)
{
	(void)remove;
	timer_del(&timer);
	uplink_ra_exit();
	rt_close(rt);
	rt = NULL;
}

const struct module uplink_module = {
	.name = "uplink",
	.init = uplink_init,
	.sync = uplink_sync,
	.exit = uplink_exit,
};
