/* neigh.c - permanent neighbour entries: with them a packet never waits for ARP or ND. */
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>

#include "rt_int.h"

void rt_neigh_add(struct rt *rt, unsigned ifindex, const struct ip *ip, const uint8_t mac[static 6])
{
	struct nlmsghdr *h = rt_begin(rt, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
	struct ndmsg *m;

	if (!h)
		return;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->ndm_family = ip->len == 4 ? AF_INET : AF_INET6;
	m->ndm_ifindex = (int)ifindex;
	m->ndm_state = NUD_PERMANENT;
	rt_put_ip(h, NDA_DST, ip);
	mnl_attr_put(h, NDA_LLADDR, 6, mac);
	rt_end(rt, h);
}

void neigh_describe(const struct nlmsghdr *h, char out[static RT_TEXT])
{
	struct ip ip = rt_get_ip(nl_attr(h, sizeof(struct ndmsg), NDA_DST));
	char text[IP_TEXT];

	snprintf(out, RT_TEXT, "neighbour %s", ip_text(&ip, text));
}
