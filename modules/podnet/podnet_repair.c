/* podnet_repair.c - the full pass: what the store says should be, what the kernel has, and the
 * difference mended. At start, after a failure, and when somebody else changed our table.
 *
 *   link in the kernel, PodNetwork in the store   addresses and routes that are missing are put
 * back link, no PodNetwork                           a crash between the two: the link is deleted
 *   PodNetwork, no link                           the pod's namespace died: the object goes, its
 * Pod too
 *
 * The inside of a pod's namespace is the pod's own affair: CHECK looks there, this does not.
 */
#include <errno.h>
#include <net/if.h>

#include <knetd/conf.h>
#include <knetd/auto.h>
#include <knetd/event.h>
#include <knetd/log.h>
#include <knetd/store.h>

#include "hostport.h"
#include "leaving.h"
#include "pod_files.h"
#include "podnet.h"
#include "podnet_attach.h"
#include "podnet_limits.h"
#include "podnet_plan.h"
#include "podnet_pod.h"

static int look(struct plan_seen *s, struct err *e)
{
	int ret = rt_link_each(podnet.host, plan_saw_link, s, e);

	if (!ret)
		ret = rt_addr_each(podnet.host, plan_saw_addr, s, e);
	if (!ret)
		ret = rt_route_each(podnet.host, plan_saw_route, s, e);
	if (!ret && limits_on_host())
		ret = rt_tbf_each(podnet.host, plan_saw_bucket, s, e);
	plan_sort(s);
	return ret;
}

/* ---- PodNetworks without a link ---------------------------------------------------------------
 */

static int delete_objects_of_lost(const struct plan_seen *s, struct err *e)
{
	struct attachment *a;
	int ret = 0;

	for (size_t i = 0; !ret && (a = attachment_next(&i));) {
		if (plan_link(s, a->link))
			continue;
		log_info("podnet: %s lost its link: forgotten", a->key);
		ret = pod_detached(a, e);
		if (!ret)
			store_delete(KIND_PODNETWORK, a->ns, a->object);
	}
	return ret;
}

static void drop_lost(const struct plan_seen *s)
{
	struct attachment *a;

	for (size_t i = 0; (a = attachment_next(&i));) {
		if (plan_link(s, a->link))
			continue;
		if (a->pod[0])
			event_emit(KIND_POD, a->ns, a->pod, EVENT_WARNING, "SandboxChanged",
			           "interface %s is gone with its network namespace", a->ifname);
		hostport_close(a);
		leaving_add("", a->ips, a->n_ips); /* its connections live on */
		attachment_remove(a);
	}
}

static int forget_lost(const struct plan_seen *s, struct err *e)
{
	int ret;

	store_begin();
	store_owe();
	ret = delete_objects_of_lost(s, e);
	if (!ret)
		ret = pods_forget_lost(e);
	if (ret) {
		store_abort();
		return ret;
	}
	ret = store_commit(e);
	if (!ret)
		drop_lost(s);
	return ret;
}

/* ---- links without a PodNetwork ----------------------------------------------------------------
 */

static void sweep(const struct plan_seen *s)
{
	for (size_t i = 0; i < s->n_links; i++) {
		const struct rt_link *l = &s->links[i];
		struct ip ips[LEAVING_IPS];
		unsigned n = 0, held = 0;
		struct err e;

		if (!plan_link_is_ours(l) || attachment_of_link(l->name) || leaving_has(l->name))
			continue;
		log_info("podnet: link %s belongs to no pod: deleted", l->name);
		n = plan_routed_ips(s, l->ifindex, ips, LEAVING_IPS);
		for (unsigned k = 0; k < n; k++) /* one that a pod has by now is not the stray's */
			if (ipam_take_this(&podnet.ipam, &ips[k], &e) == 0)
				ips[held++] = ips[k];
		leaving_add(l->name, ips, held);
	}
}

/* ---- what a link has lost ----------------------------------------------------------------------
 */

static bool lacks(const struct plan_seen *s, const struct rt_link *l, const struct ip *ip,
                  bool *gateway)
{
	struct ip router = attach_gateway(ip->len);

	*gateway = !plan_has_addr(s, l->ifindex, &router);
	return *gateway || !plan_has_host_route(s, l->ifindex, ip);
}

/* Was there something to mend? */
static bool mend_one(const struct plan_seen *s, const struct attachment *a, const struct rt_link *l)
{
	bool up = l->flags & IFF_UP, whole = up;

	if (!up)
		rt_link_up(podnet.host, a->link);
	for (unsigned k = 0; k < a->n_ips; k++) {
		bool gateway, less = lacks(s, l, &a->ips[k], &gateway);

		if (up && !less)
			continue;
		whole = false;
		attach_queue_host(podnet.host, a, &a->ips[k], l->ifindex, gateway);
	}
	return !whole;
}

static int mend(const struct plan_seen *s, struct err *e)
{
	const struct attachment *a;

	for (size_t i = 0; (a = attachment_next(&i));) {
		const struct rt_link *l = plan_link(s, a->link);

		if (l && mend_one(s, a, l) && a->pod[0])
			event_emit(KIND_POD, a->ns, a->pod, EVENT_WARNING, "NetworkRepaired",
			           "interface %s had lost its address or route on the node: put "
			           "back",
			           a->ifname);
	}
	return rt_flush(podnet.host, e);
}

/* A route that goes when its link goes down. Some are there: each by itself. */
static void mend_loopback(const struct plan_seen *s)
{
	bool all =
		conf.service.node_port_localhost; /* which may have been off when pods were made */
	const struct attachment *a;

	for (size_t i = 0; (a = attachment_next(&i));) {
		const struct rt_link *l = all || a->n_ports ? plan_link(s, a->link) : NULL;
		struct err e;

		if (!l || (!all && l->flags & IFF_UP))
			continue;
		if (all)
			attach_allow_loopback(a);
		attach_queue_loopback(podnet.host, a, l->ifindex);
		rt_flush(podnet.host, &e);
	}
}

int podnet_repair(struct err *e)
{
	struct plan_seen seen = { 0 };
	int ret = look(&seen, e);

	if (!ret)
		ret = forget_lost(&seen, e);
	if (!ret) {
		sweep(&seen);
		ret = mend(&seen, e);
		mend_loopback(&seen);
		if (!ret)
			ret = limits_repair(podnet.host, &seen, e);
	}
	plan_seen_free(&seen);
	if (!ret)
		ret = pod_files_repair(e);
	return ret ? ret : leaving_retry(e);
}
