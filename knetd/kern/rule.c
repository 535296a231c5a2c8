/* rule.c - policy routing rules of the form "from ADDRESS lookup TABLE". */
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "rt_int.h"

static struct nlmsghdr *begin(struct rt *rt, uint16_t type, uint16_t flags, const struct ip *from)
{
	struct nlmsghdr *h = rt_begin(rt, type, flags);
	struct fib_rule_hdr *m;

	if (!h)
		return NULL;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->family = from->len == 4 ? AF_INET : AF_INET6;
	m->src_len = from->len * 8;
	m->action = FR_ACT_TO_TBL;
	rt_put_ip(h, FRA_SRC, from);
	mnl_attr_put_u32(h, FRA_PRIORITY, RT_RULE_PRIORITY);
	return h;
}

void rt_rule_add(struct rt *rt, const struct ip *from, uint32_t table)
{
	struct nlmsghdr *h = begin(rt, RTM_NEWRULE, NLM_F_CREATE, from);

	if (!h)
		return;
	mnl_attr_put_u32(h, FRA_TABLE, table);
	rt_end(rt, h);
}

void rt_rule_del(struct rt *rt, const struct ip *from)
{
	struct nlmsghdr *h = begin(rt, RTM_DELRULE, 0, from);

	if (h)
		rt_end(rt, h);
}

void rule_describe(const struct nlmsghdr *h, char out[static RT_TEXT])
{
	struct ip from = rt_get_ip(nl_attr(h, sizeof(struct fib_rule_hdr), FRA_SRC));
	char text[IP_TEXT];

	snprintf(out, RT_TEXT, "rule from %s", ip_text(&from, text));
}

struct each {
	void (*fn)(const struct ip *from, uint32_t table, void *arg);
	void *arg;
};

static void one(const struct nlmsghdr *h, void *arg)
{
	const struct fib_rule_hdr *m = mnl_nlmsg_get_payload(h);
	const struct nlattr *table = nl_attr(h, sizeof(*m), FRA_TABLE);
	struct ip from = rt_get_ip(nl_attr(h, sizeof(*m), FRA_SRC));
	const struct each *each = arg;

	if (m->action == FR_ACT_TO_TBL && from.len && m->src_len == from.len * 8 && table)
		each->fn(&from, mnl_attr_get_u32(table), each->arg);
}

int rt_rule_each(struct rt *rt, void (*fn)(const struct ip *from, uint32_t table, void *arg),
                 void *arg, struct err *e)
{
	static const unsigned char families[] = { AF_INET, AF_INET6 };
	struct each each = { fn, arg };

	for (unsigned i = 0; i < 2; i++) {
		struct nl_message m;
		struct nlmsghdr *h = nl_message(&m, RTM_GETRULE, NLM_F_DUMP);
		struct fib_rule_hdr *r = mnl_nlmsg_put_extra_header(h, sizeof(*r));
		int ret;

		r->family = families[i];
		ret = nl_ask(rt->nl, h, one, &each);
		if (ret && ret != -EAFNOSUPPORT && ret != -EOPNOTSUPP)
			return err_set(e, -ret, "list of rules: %s", strerror(-ret));
	}
	return 0;
}
