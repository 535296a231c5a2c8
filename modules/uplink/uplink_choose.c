/* uplink_choose.c - see knetd/uplink.h */
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>

#include <knetd/conf.h>
#include <knetd/uplink.h>

void uplink_saw_link(const struct rt_link *l, void *arg)
{
	struct uplink_links *links = arg;

	if (links->n < UPLINK_LINKS && strncmp(l->name, "knet", 4) != 0)
		links->v[links->n++] = *l;
}

bool uplink_is_candidate(const struct rt_link *l)
{
	return l->type == ARPHRD_ETHER && !l->made && !l->port && !(l->flags & IFF_LOOPBACK);
}

static bool has_carrier(const struct rt_link *l)
{
	return l->flags & IFF_RUNNING;
}

static const struct rt_link *named(const struct uplink_links *links, const char *name)
{
	for (unsigned i = 0; i < links->n; i++)
		if (!strcmp(links->v[i].name, name))
			return &links->v[i];
	return NULL;
}

/* The one that was chosen, if it is still there, else the first; and the first with a carrier. */
static const struct rt_link *automatic(const struct uplink_choice *c,
                                       const struct uplink_links *links)
{
	const struct rt_link *first = NULL, *carried = NULL, *chosen = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < links->n; i++) {
		const struct rt_link *l = &links->v[i];

		if (!uplink_is_candidate(l))
			continue;
		n++;
		first = first ? first : l;
		carried = carried || !has_carrier(l) ? carried : l;
		chosen = l->ifindex == c->ifindex ? l : chosen;
	}
	if (chosen && (c->carried || !carried))
		return chosen;
	return carried ? carried : n == 1 ? first : NULL;
}

const struct rt_link *uplink_choose(struct uplink_choice *c, const struct uplink_links *links,
                                    const char *name)
{
	const struct rt_link *l = strcmp(name, "auto") ? named(links, name) : automatic(c, links);

	if (!l || l->ifindex != c->ifindex)
		*c = (struct uplink_choice){ .ifindex = l ? l->ifindex : 0 };
	c->carried |= l && has_carrier(l);
	return l;
}

static int set_up(struct rt *rt, const struct uplink_links *links, struct err *e)
{
	bool automatic = !strcmp(conf.node.uplink_link, "auto");

	for (unsigned i = 0; i < links->n; i++) {
		const struct rt_link *l = &links->v[i];

		if (!(l->flags & IFF_UP) &&
		    (automatic ? uplink_is_candidate(l) : !strcmp(l->name, conf.node.uplink_link)))
			rt_link_up(rt, l->name);
	}
	return rt_flush(rt, e);
}

int uplink_find(struct rt *rt, struct uplink_choice *c, struct rt_link *out, struct err *e)
{
	struct uplink_links links = { 0 };
	const struct rt_link *l;
	int ret = rt_link_each(rt, uplink_saw_link, &links, e);

	if (!ret)
		ret = set_up(rt, &links, e);
	if (ret)
		return ret;
	l = uplink_choose(c, &links, conf.node.uplink_link);
	if (!l)
		return 0;
	*out = *l;
	return 1;
}
