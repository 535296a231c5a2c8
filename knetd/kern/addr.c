/* addr.c - addresses on links. */
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rt_int.h"

static struct nlmsghdr *begin(struct rt *rt, uint16_t type, uint16_t flags, unsigned ifindex,
                              const struct ip *ip, unsigned bits)
{
	struct nlmsghdr *h = rt_begin(rt, type, flags);
	struct ifaddrmsg *m;

	if (!h)
		return NULL;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->ifa_family = ip->len == 4 ? AF_INET : AF_INET6;
	m->ifa_prefixlen = bits;
	m->ifa_index = ifindex;
	rt_put_ip(h, IFA_LOCAL, ip);
	rt_put_ip(h, IFA_ADDRESS, ip);
	return h;
}

void rt_addr_add(struct rt *rt, unsigned ifindex, const struct ip *ip, unsigned bits,
                 bool scope_link)
{
	struct nlmsghdr *h =
		begin(rt, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, ifindex, ip, bits);
	struct ifaddrmsg *m;

	if (!h)
		return;
	m = mnl_nlmsg_get_payload(h);
	m->ifa_scope = scope_link ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	mnl_attr_put_u32(h, IFA_FLAGS, IFA_F_NODAD | IFA_F_PERMANENT);
	rt_end(rt, h);
}

static void put_deprecated(struct nlmsghdr *h)
{
	const struct ifa_cacheinfo never = { .ifa_valid = UINT32_MAX, .ifa_prefered = 0 };

	mnl_attr_put(h, IFA_CACHEINFO, sizeof(never), &never);
}

void rt_addr_serve(struct rt *rt, unsigned ifindex, const struct ip *ip)
{
	struct nlmsghdr *h =
		begin(rt, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, ifindex, ip, ip->len * 8u);
	struct ifaddrmsg *m;

	if (!h)
		return;
	m = mnl_nlmsg_get_payload(h);
	m->ifa_scope = ip->len == 4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	mnl_attr_put_u32(h, IFA_FLAGS, IFA_F_NODAD | IFA_F_PERMANENT | IFA_F_NOPREFIXROUTE);
	mnl_attr_put_u8(h, IFA_PROTO, RT_ADDR_SERVED);
	if (ip->len == 16)
		put_deprecated(h);
	rt_end(rt, h);
}

void rt_addr_uplink(struct rt *rt, unsigned ifindex, const struct ip *ip, unsigned bits)
{
	struct nlmsghdr *h =
		begin(rt, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, ifindex, ip, bits);

	if (!h)
		return;
	mnl_attr_put_u32(h, IFA_FLAGS, IFA_F_PERMANENT);
	mnl_attr_put_u8(h, IFA_PROTO, RT_ADDR_UPLINK);
	rt_end(rt, h);
}

void rt_addr_del(struct rt *rt, unsigned ifindex, const struct ip *ip, unsigned bits)
{
	struct nlmsghdr *h = begin(rt, RTM_DELADDR, 0, ifindex, ip, bits);

	if (h)
		rt_end(rt, h);
}

void addr_describe(const struct nlmsghdr *h, char out[static RT_TEXT])
{
	const struct ifaddrmsg *m = mnl_nlmsg_get_payload(h);
	struct ip ip = rt_get_ip(nl_attr(h, sizeof(*m), IFA_LOCAL));
	char text[IP_TEXT];

	snprintf(out, RT_TEXT, "address %s/%u on link %u", ip_text(&ip, text), m->ifa_prefixlen,
	         m->ifa_index);
}

/* ---- questions ------------------------------------------------------------------------------ */

struct each {
	void (*fn)(const struct rt_addr *a, void *arg);
	void *arg;
};

void addr_read(const struct nlmsghdr *h, struct rt_addr *out)
{
	const struct ifaddrmsg *m = mnl_nlmsg_get_payload(h);
	const struct nlattr *flags = nl_attr(h, sizeof(*m), IFA_FLAGS);
	const struct nlattr *proto = nl_attr(h, sizeof(*m), IFA_PROTO);

	*out = (struct rt_addr){ .ifindex = m->ifa_index,
		                 .bits = m->ifa_prefixlen,
		                 .flags = m->ifa_flags };
	/* on a point-to-point link IFA_ADDRESS is the other end; IPv6 mostly has no IFA_LOCAL */
	out->ip = rt_get_ip(nl_attr(h, sizeof(*m), IFA_LOCAL));
	if (!out->ip.len)
		out->ip = rt_get_ip(nl_attr(h, sizeof(*m), IFA_ADDRESS));
	if (flags && mnl_attr_get_payload_len(flags) == 4)
		out->flags = mnl_attr_get_u32(flags);
	if (proto && mnl_attr_get_payload_len(proto) == 1)
		out->proto = mnl_attr_get_u8(proto);
}

static void one(const struct nlmsghdr *h, void *arg)
{
	const struct each *each = arg;
	struct rt_addr a;

	addr_read(h, &a);
	if (a.ip.len)
		each->fn(&a, each->arg);
}

int rt_addr_each(struct rt *rt, void (*fn)(const struct rt_addr *a, void *arg), void *arg,
                 struct err *e)
{
	struct each each = { fn, arg };
	struct nl_message m;
	struct nlmsghdr *h = nl_message(&m, RTM_GETADDR, NLM_F_DUMP);
	int ret;

	mnl_nlmsg_put_extra_header(h, sizeof(struct ifaddrmsg)); /* both families */
	ret = nl_ask(rt->nl, h, one, &each);
	return ret ? err_set(e, -ret, "list of addresses: %s", strerror(-ret)) : 0;
}
