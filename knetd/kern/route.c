/* route.c - routes of both families: in tables main and local, and in one by number. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "rt_int.h"

/* Marks our routes in `ip route` ("proto 107"): a number no routing daemon uses. */
#define PROTOCOL 107
#define METRIC_LAST UINT32_MAX /* of an unreachable route: anybody's own to there wins */

static unsigned char scope_of(const struct rt_route *r)
{
	if (r->local)
		return RT_SCOPE_HOST;
	return r->via.len || r->unreachable || r->dst.ip.len == 16 ? RT_SCOPE_UNIVERSE
	                                                           : RT_SCOPE_LINK;
}

static struct nlmsghdr *begin(struct rt *rt, uint16_t type, uint16_t flags,
                              const struct rt_route *r)
{
	struct nlmsghdr *h = rt_begin(rt, type, flags);
	struct rtmsg *m;

	if (!h)
		return NULL;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->rtm_family = r->dst.ip.len == 4 ? AF_INET : AF_INET6;
	m->rtm_dst_len = r->dst.bits;
	m->rtm_table = r->table ? RT_TABLE_UNSPEC : r->local ? RT_TABLE_LOCAL : RT_TABLE_MAIN;
	m->rtm_type = r->local ? RTN_LOCAL : r->unreachable ? RTN_UNREACHABLE : RTN_UNICAST;
	m->rtm_scope = RT_SCOPE_NOWHERE;
	if (r->dst.bits)
		rt_put_ip(h, RTA_DST, &r->dst.ip);
	if (r->ifindex)
		mnl_attr_put_u32(h, RTA_OIF, r->ifindex);
	if (r->table)
		mnl_attr_put_u32(h, RTA_TABLE, r->table);
	if (r->unreachable)
		mnl_attr_put_u32(h, RTA_PRIORITY, METRIC_LAST);
	return h;
}

static void put_new(struct rt *rt, uint16_t flags, const struct rt_route *r)
{
	struct nlmsghdr *h = begin(rt, RTM_NEWROUTE, NLM_F_CREATE | flags, r);
	struct rtmsg *m;

	if (!h)
		return;
	m = mnl_nlmsg_get_payload(h);
	m->rtm_protocol = PROTOCOL;
	m->rtm_scope = scope_of(r);
	m->rtm_flags = r->onlink ? RTNH_F_ONLINK : 0;
	rt_put_ip(h, RTA_GATEWAY, &r->via);
	rt_put_ip(h, RTA_PREFSRC, &r->src);
	if (r->expires)
		mnl_attr_put_u32(h, RTA_EXPIRES, r->expires);
	rt_end(rt, h);
}

void rt_route_replace(struct rt *rt, const struct rt_route *r)
{
	put_new(rt, NLM_F_REPLACE, r);
}

void rt_route_add(struct rt *rt, const struct rt_route *r)
{
	put_new(rt, NLM_F_APPEND, r);
}

/* Scope and protocol stay out of it: the destination and the link say enough. */
void rt_route_del(struct rt *rt, const struct rt_route *r)
{
	struct nlmsghdr *h = begin(rt, RTM_DELROUTE, 0, r);

	if (h)
		rt_end(rt, h);
}

void route_describe(const struct nlmsghdr *h, char out[static RT_TEXT])
{
	const struct rtmsg *m = mnl_nlmsg_get_payload(h);
	struct ip dst = rt_get_ip(nl_attr(h, sizeof(*m), RTA_DST));
	char text[IP_TEXT];

	if (dst.len)
		snprintf(out, RT_TEXT, "route %s/%u", ip_text(&dst, text), m->rtm_dst_len);
	else
		snprintf(out, RT_TEXT, "default route of IPv%c",
		         m->rtm_family == AF_INET ? '4' : '6');
}

/* ---- questions ------------------------------------------------------------------------------ */

struct each {
	void (*fn)(const struct rt_route *r, uint32_t metric, void *arg);
	void *arg;
	uint32_t table; /* 0: main and local */
};

static uint32_t number(const struct nlmsghdr *h, uint16_t type, uint32_t absent)
{
	const struct nlattr *a = nl_attr(h, sizeof(struct rtmsg), type);

	return a && mnl_attr_get_payload_len(a) == 4 ? mnl_attr_get_u32(a) : absent;
}

/* Of several next hops the first one. */
static void read_hop(const struct nlmsghdr *h, struct rt_route *r)
{
	const struct nlattr *a = nl_attr(h, sizeof(struct rtmsg), RTA_MULTIPATH);
	const struct rtnexthop *hop;

	r->ifindex = number(h, RTA_OIF, 0);
	r->via = rt_get_ip(nl_attr(h, sizeof(struct rtmsg), RTA_GATEWAY));
	if (!a || mnl_attr_get_payload_len(a) < sizeof(*hop))
		return;
	hop = mnl_attr_get_payload(a);
	r->ifindex = (unsigned)hop->rtnh_ifindex;
	r->onlink = hop->rtnh_flags & RTNH_F_ONLINK;
}

static void one(const struct nlmsghdr *h, void *arg)
{
	const struct rtmsg *m = mnl_nlmsg_get_payload(h);
	const struct each *each = arg;
	uint32_t table = number(h, RTA_TABLE, m->rtm_table);
	struct rt_route r = { .dst.bits = m->rtm_dst_len,
		              .local = m->rtm_type == RTN_LOCAL,
		              .onlink = m->rtm_flags & RTNH_F_ONLINK,
		              .table = each->table };

	if ((each->table ? table != each->table
	                 : table != RT_TABLE_MAIN && table != RT_TABLE_LOCAL) ||
	    (m->rtm_flags & RTM_F_CLONED) ||
	    (m->rtm_type != RTN_UNICAST && m->rtm_type != RTN_LOCAL))
		return;
	r.dst.ip = rt_get_ip(nl_attr(h, sizeof(*m), RTA_DST));
	r.dst.ip.len = m->rtm_family == AF_INET ? 4 : 16;
	r.src = rt_get_ip(nl_attr(h, sizeof(*m), RTA_PREFSRC));
	read_hop(h, &r);
	each->fn(&r, number(h, RTA_PRIORITY, 0), each->arg);
}

static int list(struct rt *rt, unsigned char family, struct each *each, struct err *e)
{
	struct nl_message m;
	struct nlmsghdr *h = nl_message(&m, RTM_GETROUTE, NLM_F_DUMP);
	struct rtmsg *r = mnl_nlmsg_put_extra_header(h, sizeof(*r));
	int ret;

	r->rtm_family = family;
	ret = nl_ask(rt->nl, h, one, each);
	return ret ? err_set(e, -ret, "list of routes: %s", strerror(-ret)) : 0;
}

struct plain {
	void (*fn)(const struct rt_route *r, void *arg);
	void *arg;
};

static void without_metric(const struct rt_route *r, uint32_t metric, void *arg)
{
	struct plain *p = arg;

	(void)metric;
	p->fn(r, p->arg);
}

int rt_route_each_in(struct rt *rt, uint32_t table, void (*fn)(const struct rt_route *r, void *arg),
                     void *arg, struct err *e)
{
	struct plain p = { fn, arg };
	struct each each = { without_metric, &p, table };
	int ret = list(rt, AF_INET, &each, e);

	return ret ? ret : list(rt, AF_INET6, &each, e);
}

int rt_route_each(struct rt *rt, void (*fn)(const struct rt_route *r, void *arg), void *arg,
                  struct err *e)
{
	return rt_route_each_in(rt, 0, fn, arg, e);
}

struct best {
	unsigned ifindex; /* 0: none yet */
	uint32_t metric;
};

static void better(const struct rt_route *r, uint32_t metric, void *arg)
{
	struct best *best = arg;

	if (r->dst.bits || r->local || !r->ifindex || (best->ifindex && best->metric <= metric))
		return;
	*best = (struct best){ r->ifindex, metric };
}

static int best_of(struct rt *rt, unsigned char family, struct best *best, struct err *e)
{
	struct each each = { better, best, 0 };

	*best = (struct best){ 0 };
	return list(rt, family, &each, e);
}

unsigned rt_uplink_of(struct rt *rt, uint8_t family)
{
	struct best best;

	return best_of(rt, family == 4 ? AF_INET : AF_INET6, &best, NULL) ? 0 : best.ifindex;
}

int rt_uplink(struct rt *rt, struct rt_link *out, struct err *e)
{
	struct best best;
	int ret = best_of(rt, AF_INET, &best, e);

	if (!ret && !best.ifindex)
		ret = best_of(rt, AF_INET6, &best, e);
	if (ret)
		return ret;
	if (!best.ifindex)
		return err_set(e, ENETUNREACH, "no default route");
	return link_get(rt, NULL, best.ifindex, out, e);
}
