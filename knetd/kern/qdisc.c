/* qdisc.c - token buckets (tc-tbf) as root queues of links. */
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "rt_int.h"

#define HANDLE 0x10000u /* 1: */
/* What may wait behind the bucket: 50 ms of the rate, and two of the largest packets that a sender
 * with segmentation offload makes. */
#define QUEUE_PART 20
#define QUEUE_MIN 131072u
#define TICK_NS 64 /* PSCHED_SHIFT 6 */

static uint32_t queue_limit(const struct rt_tbf *t)
{
	uint64_t queue = t->rate / QUEUE_PART;

	queue = (queue < QUEUE_MIN ? QUEUE_MIN : queue) + t->burst;
	return queue < UINT32_MAX ? (uint32_t)queue : UINT32_MAX;
}

void rt_tbf_set(struct rt *rt, unsigned ifindex, const struct rt_tbf *t)
{
	struct nlmsghdr *h = rt_begin(rt, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE);
	struct tc_tbf_qopt q = { .limit = queue_limit(t) };
	struct nlattr *options;
	struct tcmsg *m;

	if (!h)
		return;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->tcm_ifindex = (int)ifindex;
	m->tcm_parent = TC_H_ROOT;
	m->tcm_handle = HANDLE;
	/* with the link layer named the kernel wants no table of sizes */
	q.rate.linklayer = TC_LINKLAYER_ETHERNET;
	q.rate.rate = t->rate < UINT32_MAX ? (uint32_t)t->rate : UINT32_MAX;
	mnl_attr_put_strz(h, TCA_KIND, "tbf");
	options = mnl_attr_nest_start(h, TCA_OPTIONS);
	mnl_attr_put(h, TCA_TBF_PARMS, sizeof(q), &q);
	mnl_attr_put_u32(h, TCA_TBF_BURST, t->burst);
	if (t->rate >= UINT32_MAX)
		mnl_attr_put_u64(h, TCA_TBF_RATE64, t->rate);
	mnl_attr_nest_end(h, options);
	rt_end(rt, h);
}

void qdisc_describe(const struct nlmsghdr *h, char out[static RT_TEXT])
{
	const struct tcmsg *m = mnl_nlmsg_get_payload(h);

	snprintf(out, RT_TEXT, "token bucket of link %d", m->tcm_ifindex);
}

/* ---- questions ------------------------------------------------------------------------------ */

struct each {
	void (*fn)(unsigned ifindex, const struct rt_tbf *t, void *arg);
	void *arg;
};

#define NS 1000000000u

/* ticks * TICK_NS * rate / NS, in parts that fit 64 bits. */
static uint32_t bytes_of(uint32_t ticks, uint64_t rate)
{
	uint64_t ns = (uint64_t)ticks * TICK_NS, whole, part, bytes;

	if (__builtin_mul_overflow(ns / NS, rate, &whole) ||
	    __builtin_mul_overflow(ns % NS, rate / NS, &part) ||
	    __builtin_add_overflow(whole, part, &bytes) ||
	    __builtin_add_overflow(bytes, ns % NS * (rate % NS) / NS, &bytes))
		return UINT32_MAX;
	return bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}

static void one(const struct nlmsghdr *h, void *arg)
{
	const struct tcmsg *m = mnl_nlmsg_get_payload(h);
	const struct nlattr *kind = nl_attr(h, sizeof(*m), TCA_KIND);
	const struct nlattr *options = nl_attr(h, sizeof(*m), TCA_OPTIONS);
	const struct nlattr *parms = nl_nested(options, TCA_TBF_PARMS);
	const struct nlattr *rate64 = nl_nested(options, TCA_TBF_RATE64);
	const struct each *each = arg;
	struct tc_tbf_qopt q;
	struct rt_tbf t;

	if (m->tcm_parent != TC_H_ROOT || !kind || !parms ||
	    mnl_attr_get_payload_len(kind) != sizeof("tbf") ||
	    memcmp(mnl_attr_get_payload(kind), "tbf", sizeof("tbf")) != 0 ||
	    mnl_attr_get_payload_len(parms) < sizeof(q))
		return;
	memcpy(&q, mnl_attr_get_payload(parms), sizeof(q));
	t.rate = rate64 && mnl_attr_get_payload_len(rate64) == 8 ? mnl_attr_get_u64(rate64)
	                                                         : q.rate.rate;
	t.burst = bytes_of(q.buffer, t.rate);
	each->fn((unsigned)m->tcm_ifindex, &t, each->arg);
}

int rt_tbf_each(struct rt *rt, void (*fn)(unsigned ifindex, const struct rt_tbf *t, void *arg),
                void *arg, struct err *e)
{
	struct each each = { fn, arg };
	struct nl_message m;
	struct nlmsghdr *h = nl_message(&m, RTM_GETQDISC, NLM_F_DUMP);
	int ret;

	mnl_nlmsg_put_extra_header(h, sizeof(struct tcmsg));
	ret = nl_ask(rt->nl, h, one, &each);
	return ret ? err_set(e, -ret, "list of queues: %s", strerror(-ret)) : 0;
}
