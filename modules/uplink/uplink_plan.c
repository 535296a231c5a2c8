/* uplink_plan.c - see uplink_plan.h. Addresses and routes that somebody else put on the link are
 * left alone: only what carries our mark is taken away. */
#include "uplink_plan.h"

static bool is_static(void)
{
	return conf.node.uplink == CONF_UPLINK_STATIC;
}

static int wanted(const struct rt_addr *a)
{
	const struct conf_cidrs *at = &conf.node.uplink_at;

	for (unsigned i = 0; i < at->n; i++)
		if (at->v[i].bits == a->bits && ip_equal(&at->v[i].ip, &a->ip))
			return (int)i;
	return -1;
}

void uplink_saw_addr(const struct rt_addr *a, void *arg)
{
	struct uplink_seen *s = arg;
	int i = is_static() && a->ifindex == s->ifindex ? wanted(a) : -1;

	if (i >= 0)
		s->addresses |= 1u << i;
	else if (a->proto == RT_ADDR_UPLINK && s->n_stale < UPLINK_STALE)
		s->stale[s->n_stale++] = *a;
}

void uplink_saw_route(const struct rt_route *r, void *arg)
{
	struct uplink_seen *s = arg;
	unsigned family = r->dst.ip.len == 16;

	if (!r->dst.bits && !r->local && r->ifindex == s->ifindex &&
	    ip_equal(&r->via, &conf.node.gateways[family]))
		s->gateways[family] = true;
}

static bool is_near(const struct ip *gateway)
{
	const struct conf_cidrs *at = &conf.node.uplink_at;

	for (unsigned i = 0; i < at->n; i++) {
		struct cidr net;
		char text[CIDR_TEXT];

		if (cidr_parse(&net, cidr_text(&at->v[i], text)) && cidr_has(&net, gateway))
			return true; /* the host's bits are cleared by then */
	}
	return gateway->len == 16 && ip_is_link_local(gateway);
}

void uplink_default_route(unsigned ifindex, const struct ip *gateway, struct rt_route *out)
{
	*out = (struct rt_route){
		.dst.ip.len = gateway->len,
		.via = *gateway,
		.ifindex = ifindex,
		.onlink = !is_near(gateway),
	};
}

unsigned uplink_mend(struct rt *rt, const struct uplink_seen *seen)
{
	const struct conf_cidrs *at = &conf.node.uplink_at;
	unsigned n = seen->n_stale;

	for (unsigned i = 0; i < seen->n_stale; i++)
		rt_addr_del(rt, seen->stale[i].ifindex, &seen->stale[i].ip, seen->stale[i].bits);
	for (unsigned i = 0; is_static() && i < at->n; i++)
		if (!(seen->addresses >> i & 1)) {
			rt_addr_uplink(rt, seen->ifindex, &at->v[i].ip, at->v[i].bits);
			n++;
		}
	for (unsigned i = 0; is_static() && i < 2; i++)
		if (conf.node.gateways[i].len && !seen->gateways[i]) {
			struct rt_route r;

			uplink_default_route(seen->ifindex, &conf.node.gateways[i], &r);
			rt_route_replace(rt, &r);
			n++;
		}
	return n;
}
