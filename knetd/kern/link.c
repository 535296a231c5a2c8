/* link.c - network links: veth pairs, up, down, gone. */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "rt_int.h"

/* Places in IFLA_INET6_CONF, from linux/ipv6.h, which does not go together with netinet/in.h. */
enum { DEVCONF_FORWARDING = 0, DEVCONF_ACCEPT_RA = 3, DEVCONF_DISABLE_IPV6 = 26 };

static struct nlmsghdr *begin(struct rt *rt, uint16_t type, uint16_t flags, const char *name)
{
	struct nlmsghdr *h = rt_begin(rt, type, flags);

	if (!h)
		return NULL;
	mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	return h;
}

static void put_peer(struct nlmsghdr *h, const struct rt_veth *v)
{
	struct nlattr *peer = mnl_attr_nest_start(h, VETH_INFO_PEER);

	mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(h, IFLA_IFNAME, v->peer);
	mnl_attr_put(h, IFLA_ADDRESS, sizeof(v->peer_mac), v->peer_mac);
	mnl_attr_put_u32(h, IFLA_MTU, v->mtu);
	if (v->peer_netns_fd >= 0)
		mnl_attr_put_u32(h, IFLA_NET_NS_FD, (uint32_t)v->peer_netns_fd);
	mnl_attr_nest_end(h, peer);
}

/* What the kernel does not take for a link that is just being made. Settings go by netlink where
 * they can: looking a file up under /proc/sys/net costs more with every namespace there is. */
static void put_rest(struct rt *rt, const struct rt_veth *v)
{
	struct nlmsghdr *h = begin(rt, RTM_NEWLINK, 0, v->name);
	struct nlattr *families, *inet, *conf;

	if (!h)
		return;
	if (v->alias)
		mnl_attr_put_str(h, IFLA_IFALIAS, v->alias);
	families = mnl_attr_nest_start(h, IFLA_AF_SPEC);
	inet = mnl_attr_nest_start(h, AF_INET);
	conf = mnl_attr_nest_start(h, IFLA_INET_CONF);
	mnl_attr_put_u32(h, IPV4_DEVCONF_RP_FILTER, v->rp_filter);
	if (v->route_localnet)
		mnl_attr_put_u32(h, IPV4_DEVCONF_ROUTE_LOCALNET, 1);
	mnl_attr_nest_end(h, conf);
	mnl_attr_nest_end(h, inet);
	mnl_attr_nest_end(h, families);
	rt_end(rt, h);
}

/* Neither end is up: the first would be refused as long as the second is not there (ENOTCONN). */
void rt_veth_add(struct rt *rt, const struct rt_veth *v)
{
	struct nlmsghdr *h = begin(rt, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, v->name);
	struct nlattr *info, *data;

	if (!h)
		return;
	mnl_attr_put(h, IFLA_ADDRESS, sizeof(v->mac), v->mac);
	mnl_attr_put_u32(h, IFLA_MTU, v->mtu);
	info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_strz(h, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
	put_peer(h, v);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, info);
	rt_end(rt, h);
	put_rest(rt, v);
}

void rt_link_up(struct rt *rt, const char *name)
{
	struct nlmsghdr *h = begin(rt, RTM_NEWLINK, 0, name);
	struct ifinfomsg *m;

	if (!h)
		return;
	m = mnl_nlmsg_get_payload(h);
	m->ifi_flags = m->ifi_change = IFF_UP;
	rt_end(rt, h);
}

void rt_link_no_autoaddr(struct rt *rt, const char *name)
{
	struct nlmsghdr *h = begin(rt, RTM_NEWLINK, 0, name);
	struct nlattr *families, *inet6;

	if (!h)
		return;
	families = mnl_attr_nest_start(h, IFLA_AF_SPEC);
	inet6 = mnl_attr_nest_start(h, AF_INET6);
	mnl_attr_put_u8(h, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(h, inet6);
	mnl_attr_nest_end(h, families);
	rt_end(rt, h);
}

void rt_link_mtu(struct rt *rt, const char *name, unsigned mtu)
{
	struct nlmsghdr *h = begin(rt, RTM_NEWLINK, 0, name);

	if (!h)
		return;
	mnl_attr_put_u32(h, IFLA_MTU, mtu);
	rt_end(rt, h);
}

void rt_link_del(struct rt *rt, const char *name)
{
	struct nlmsghdr *h = begin(rt, RTM_DELLINK, 0, name);

	if (h)
		rt_end(rt, h);
}

/* An attribute that the kernel does not end with a NUL. */
static void copy_text(char *out, size_t size, const struct nlattr *a)
{
	size_t n = a ? mnl_attr_get_payload_len(a) : 0;

	if (n >= size)
		n = size - 1;
	if (n)
		memcpy(out, mnl_attr_get_payload(a), n);
	out[n] = '\0';
}

void link_describe(const struct nlmsghdr *h, char out[static RT_TEXT])
{
	char name[IF_NAMESIZE];

	copy_text(name, sizeof(name), nl_attr(h, sizeof(struct ifinfomsg), IFLA_IFNAME));
	snprintf(out, RT_TEXT, "link %s", name);
}

/* ---- questions ------------------------------------------------------------------------------ */

static const struct nlattr *attr(const struct nlmsghdr *h, uint16_t type, size_t size)
{
	const struct nlattr *a = nl_attr(h, sizeof(struct ifinfomsg), type);

	return a && mnl_attr_get_payload_len(a) >= size ? a : NULL;
}

static void read_ipv6(const struct nlattr *families, struct rt_link *out)
{
	const struct nlattr *conf = nl_nested(nl_nested(families, AF_INET6), IFLA_INET6_CONF);
	const uint32_t *v;

	if (!conf || mnl_attr_get_payload_len(conf) <= DEVCONF_DISABLE_IPV6 * sizeof(*v))
		return;
	v = mnl_attr_get_payload(conf);
	out->ipv6.there = true;
	out->ipv6.disabled = v[DEVCONF_DISABLE_IPV6];
	out->ipv6.forwarding = v[DEVCONF_FORWARDING];
	out->ipv6.accept_ra = v[DEVCONF_ACCEPT_RA];
}

/* A VRF has slaves too, but those keep their addresses. */
static bool is_port(const struct nlattr *info)
{
	char kind[16];

	copy_text(kind, sizeof(kind), nl_nested(info, IFLA_INFO_SLAVE_KIND));
	return !strcmp(kind, "bridge") || !strcmp(kind, "bond") || !strcmp(kind, "team");
}

static bool is_made(const struct nlattr *info)
{
	return info && nl_nested(info, IFLA_INFO_KIND);
}

void link_read(const struct nlmsghdr *h, struct rt_link *out)
{
	const struct ifinfomsg *m = mnl_nlmsg_get_payload(h);
	const struct nlattr *a;

	*out = (struct rt_link){ .ifindex = (unsigned)m->ifi_index,
		                 .flags = m->ifi_flags,
		                 .type = m->ifi_type };
	copy_text(out->name, sizeof(out->name), attr(h, IFLA_IFNAME, 1));
	copy_text(out->alias, sizeof(out->alias), attr(h, IFLA_IFALIAS, 1));
	if ((a = attr(h, IFLA_MTU, 4)))
		out->mtu = mnl_attr_get_u32(a);
	if ((a = attr(h, IFLA_LINK, 4)))
		out->peer_index = (int)mnl_attr_get_u32(a);
	if ((a = attr(h, IFLA_ADDRESS, sizeof(out->mac))))
		memcpy(out->mac, mnl_attr_get_payload(a), sizeof(out->mac));
	out->port = is_port(attr(h, IFLA_LINKINFO, 0));
	out->made = is_made(attr(h, IFLA_LINKINFO, 0));
	read_ipv6(attr(h, IFLA_AF_SPEC, 0), out);
}

static struct nlmsghdr *question(struct nl_message *m, uint16_t flags, unsigned ifindex)
{
	struct nlmsghdr *h = nl_message(m, RTM_GETLINK, flags);
	struct ifinfomsg *i = mnl_nlmsg_put_extra_header(h, sizeof(*i));

	i->ifi_index = (int)ifindex;
	mnl_attr_put_u32(h, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return h;
}

static void only(const struct nlmsghdr *h, void *arg)
{
	link_read(h, arg);
}

int link_get(struct rt *rt, const char *name, unsigned ifindex, struct rt_link *out, struct err *e)
{
	struct nl_message m;
	struct nlmsghdr *h = question(&m, 0, ifindex);
	int ret;

	if (name)
		mnl_attr_put_strz(h, IFLA_IFNAME, name);
	ret = nl_ask(rt->nl, h, only, out);
	if (ret && name)
		return err_set(e, -ret, "link %s: %s", name, strerror(-ret));
	return ret ? err_set(e, -ret, "link %u: %s", ifindex, strerror(-ret)) : 0;
}

int rt_link_get(struct rt *rt, const char *name, struct rt_link *out, struct err *e)
{
	return link_get(rt, name, 0, out, e);
}

struct each {
	void (*fn)(const struct rt_link *l, void *arg);
	void *arg;
};

static void one(const struct nlmsghdr *h, void *arg)
{
	const struct each *each = arg;
	struct rt_link l;

	link_read(h, &l);
	each->fn(&l, each->arg);
}

int rt_link_each(struct rt *rt, void (*fn)(const struct rt_link *l, void *arg), void *arg,
                 struct err *e)
{
	struct each each = { fn, arg };
	struct nl_message m;
	int ret = nl_ask(rt->nl, question(&m, NLM_F_DUMP, 0), one, &each);

	return ret ? err_set(e, -ret, "list of links: %s", strerror(-ret)) : 0;
}
