/* podnet_limits.c - see podnet_limits.h
 *
 * No second link per pod to shape what it sends: a bucket on the pod's own end does, and a sender
 * that is too fast is held back at its socket instead of losing packets on the host. The price: a
 * pod with CAP_NET_ADMIN can lift what it sends, never what it receives.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "podnet_limits.h"

#define BURST_PART 20    /* 50 ms of the rate */
#define BURST_MIN 32768u /* bytes */
#define BURST_MAX 512000000u
#define LINK_HEADER 64u /* room beside the MTU in a packet */
#define VALUE_MAX 128

/* ---- bandwidth ------------------------------------------------------------------------------ */

struct cni_rate limits_rate(const struct cni_rate *asked, unsigned mtu)
{
	struct cni_rate out = *asked;

	if (!out.rate)
		return (struct cni_rate){ 0 };
	if (!out.burst) {
		out.burst = out.rate / 8 / BURST_PART;
		out.burst = out.burst < BURST_MIN ? BURST_MIN : out.burst;
		out.burst = out.burst > BURST_MAX ? BURST_MAX : out.burst;
	}
	if (out.burst < mtu + LINK_HEADER) /* a full packet would never pass */
		out.burst = mtu + LINK_HEADER;
	return out;
}

static struct rt_tbf bucket(const struct cni_rate *limit)
{
	return (struct rt_tbf){ .rate = limit->rate / 8, .burst = (uint32_t)limit->burst };
}

static int set_one(struct rt *rt, unsigned ifindex, const struct cni_rate *limit, struct err *e)
{
	struct rt_tbf t = bucket(limit);
	int ret;

	rt_tbf_set(rt, ifindex, &t);
	ret = rt_flush(rt, e);
	if (ret == -ENOENT || ret == -EOPNOTSUPP)
		return err_set(e, EOPNOTSUPP,
		               "bandwidth: this kernel has no token bucket (CONFIG_NET_SCH_TBF)");
	return ret;
}

int limits_set(struct rt *host, struct rt *pod, const struct attachment *a,
               const struct rt_link *made, struct err *e)
{
	int ret = 0;

	if (a->ingress.rate)
		ret = set_one(host, made->ifindex, &a->ingress, e);
	if (!ret && a->egress.rate)
		ret = set_one(pod, (unsigned)made->peer_index, &a->egress, e);
	return ret;
}

struct found {
	unsigned ifindex;
	struct rt_tbf want;
	bool there;
};

/* The kernel keeps a burst in ticks of 64 ns, 32 bits of them: only the rate comes back whole. */
static bool same(const struct rt_tbf *is, const struct rt_tbf *want)
{
	uint64_t ms = want->rate ? want->burst * 1000ull / want->rate : 0;

	return is->rate == want->rate &&
	       (ms > 250000 ||
	        (is->burst <= want->burst + 8 && is->burst + want->burst / 64 + 8 >= want->burst));
}

static void saw(unsigned ifindex, const struct rt_tbf *t, void *arg)
{
	struct found *f = arg;

	if (ifindex == f->ifindex && same(t, &f->want))
		f->there = true;
}

int limits_check(struct rt *rt, unsigned ifindex, const struct cni_rate *limit, const char *link,
                 struct err *e)
{
	struct found f = { .ifindex = ifindex, .want = bucket(limit) };
	int ret;

	if (!limit->rate)
		return 0;
	ret = rt_tbf_each(rt, saw, &f, e);
	if (ret || f.there)
		return ret;
	return err_set(e, ENOENT, "%s is not held to %llu bits a second", link,
	               (unsigned long long)limit->rate);
}

bool limits_on_host(void)
{
	const struct attachment *a;

	for (size_t i = 0; (a = attachment_next(&i));)
		if (a->ingress.rate)
			return true;
	return false;
}

int limits_repair(struct rt *host, const struct plan_seen *s, struct err *e)
{
	const struct attachment *a;
	int ret = 0;

	for (size_t i = 0; !ret && (a = attachment_next(&i));) {
		const struct rt_link *l = a->ingress.rate ? plan_link(s, a->link) : NULL;
		const struct rt_tbf *is = l ? plan_bucket(s, l->ifindex) : NULL;
		struct rt_tbf want = bucket(&a->ingress);

		if (l && (!is || !same(is, &want)))
			ret = set_one(host, l->ifindex, &a->ingress, e);
	}
	return ret;
}

/* ---- sysctls -------------------------------------------------------------------------------- */

static int refuse(const struct cni_sysctl *s, int code, struct err *e)
{
	if (code == -ENOENT)
		return err_set(e, EINVAL, "sysctl %s: there is no such key in the pod", s->key);
	return err_set(e, EINVAL, "sysctl %s: the kernel refuses \"%.64s\": %s", s->key, s->value,
	               strerror(-code));
}

int limits_sysctls(int netns_fd, const struct cni_request *r, struct err *e)
{
	char old[CNI_SYSCTLS][VALUE_MAX];
	struct err unused;
	int ret = 0;

	for (unsigned i = 0; i < r->n_sysctls; i++) {
		const struct cni_sysctl *s = &r->sysctls[i];

		ret = sysctl_get(netns_fd, s->path, old[i], VALUE_MAX, e);
		if (!ret)
			ret = sysctl_set(netns_fd, s->path, s->value, e);
		if (!ret)
			continue;
		while (i--)
			sysctl_set(netns_fd, r->sysctls[i].path, old[i], &unused);
		return refuse(s, ret, e);
	}
	return ret;
}
