/* podnet_attach.c - see podnet_attach.h
 *
 *     pod's namespace                    host
 *     eth0  10.244.0.7/32   <--veth-->   knet1a2b3c4d5e6   169.254.1.1/32, fe80::1/64
 *           default via 169.254.1.1      10.244.0.7/32 dev knet1a2b3c4d5e6
 *
 * No bridge: every packet between pods is routed and crosses the IP hooks. Both ends know each
 * other's hardware address from the start, so no packet ever waits for ARP or neighbour discovery,
 * and an address that comes back with another hardware address needs nobody to be told (no
 * gratuitous ARP): the node's entry is written with it, other pods and machines outside only ever
 * resolve the node.
 *
 * Round trips to the kernel are what an attach costs: one message makes the pair with its peer born
 * in the pod; one question tells both indexes; then one batch for the host's side and one for the
 * pod's. The host's side comes up first: the side that comes up second finds a carrier and sends at
 * once, and that is the side whose process is about to start.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <knetd/log.h>
#include <knetd/auto.h>

#include "hostport_plan.h"
#include "podnet_attach.h"
#include "podnet_limits.h"
#include "podnet_plan.h"
#include "podnet_source.h"

#define GAP_SECONDS 60
#define CARRIER_TRIES 200 /* of a tenth of a millisecond: the daemon waits with us */

struct ip attach_gateway(uint8_t family)
{
	static const struct ip v4 = { 4, { 169, 254, 1, 1 } };
	static const struct ip v6 = { 16, { 0xfe, 0x80, [15] = 1 } };

	return family == 4 ? v4 : v6;
}

static struct cidr whole(const struct ip *ip)
{
	return (struct cidr){ .ip = *ip, .bits = ip->len * 8 };
}

static bool has_family(const struct attachment *a, uint8_t family)
{
	for (unsigned i = 0; i < a->n_ips; i++)
		if (a->ips[i].len == family)
			return true;
	return false;
}

bool attach_has_ipv6(struct rt *pod)
{
	struct rt_link lo;
	struct err e;

	return rt_link_get(pod, "lo", &lo, &e) == 0 && lo.ipv6.there;
}

/* netns_fd -1: on the host. */
static int set_link_sysctl(int netns_fd, const char *family, const char *link, const char *key,
                           const char *value, struct err *e)
{
	char path[96];

	snprintf(path, sizeof(path), "net/%s/conf/%s/%s", family, link, key);
	return sysctl_set(netns_fd, path, value, e);
}

/* A pod does not route the host: accept_ra 1 hears no router where the kernel forwards, 2 does. The
 * link says what it inherited; a file is written only where that will not do. */
static int set_host_ipv6(const struct attachment *a, const struct rt_link *made, struct err *e)
{
	int ret = 0;

	if (!made->ipv6.there || made->ipv6.accept_ra > 1 || !made->ipv6.forwarding)
		ret = set_link_sysctl(-1, "ipv6", a->link, "accept_ra", "0", e);
	if (!ret && made->ipv6.disabled)
		ret = set_link_sysctl(-1, "ipv6", a->link, "disable_ipv6", "0", e);
	return ret;
}

/* rp_filter 1: a pod cannot send under another's address (the only route back to its own is this
 * link). The kernel takes the larger of this and conf/all; podnet_rules.c drops what a 2 there lets
 * pass, and this holds while somebody else has flushed our rules. */
int attach_pair(struct rt *host, const struct attachment *a, int netns_fd, struct rt_link *made,
                struct err *e)
{
	struct rt_veth v = {
		.name = a->link,
		.peer = a->ifname,
		.peer_netns_fd = netns_fd,
		.mtu = a->mtu,
		.rp_filter = 1,
		.route_localnet = has_family(a, 4) && hostports_on_loopback(a, 4),
	};
	char alias[LINK_ALIAS_SIZE];
	struct err unused;
	int ret;

	plan_link_alias(alias, a->container, a->ifname);
	v.alias = alias;
	memcpy(v.mac, a->link_mac, sizeof(v.mac));
	memcpy(v.peer_mac, a->mac, sizeof(v.peer_mac));
	rt_veth_add(host, &v);
	ret = rt_flush(host, e);
	if (ret == -EOPNOTSUPP)
		return err_set(e, EOPNOTSUPP, "this kernel has no links for pods (CONFIG_VETH)");
	if (ret)
		return ret;
	ret = rt_link_get(host, a->link, made, e);
	if (ret) {
		rt_link_del(host, a->link);
		rt_flush(host, &unused);
	}
	return ret;
}

void attach_queue_host(struct rt *host, const struct attachment *a, const struct ip *ip,
                       unsigned ifindex, bool gateway)
{
	struct ip router = attach_gateway(ip->len);
	struct rt_route to_pod = { .dst = whole(ip), .ifindex = ifindex };

	if (gateway)
		rt_addr_add(host, ifindex, &router, router.len == 4 ? 32 : 64, false);
	rt_neigh_add(host, ifindex, ip, a->mac);
	rt_route_replace(host, &to_pod);
}

void attach_queue_loopback(struct rt *host, const struct attachment *a, unsigned ifindex)
{
	struct rt_route r = { .dst = *cidr_loopback(16), .ifindex = ifindex, .local = true };

	if (has_family(a, 16) && hostports_on_loopback(a, 16))
		rt_route_add(host, &r);
}

void attach_allow_loopback(const struct attachment *a)
{
	struct err e;

	if (has_family(a, 4) && set_link_sysctl(-1, "ipv4", a->link, "route_localnet", "1", &e))
		log_warn("podnet: %s", e.text);
}

static int host_side(struct rt *host, const struct attachment *a, const struct rt_link *made,
                     struct err *e)
{
	int ret = has_family(a, 16) ? set_host_ipv6(a, made, e) : 0;

	if (ret)
		return ret;
	rt_link_up(host, a->link);
	for (unsigned i = 0; i < a->n_ips; i++)
		attach_queue_host(host, a, &a->ips[i], made->ifindex, true);
	attach_queue_loopback(host, a, made->ifindex);
	return rt_flush(host, e);
}

/* The default route goes through the on-link gateway; fe80::1 needs no route to itself. */
void attach_queue_default(struct rt *pod, unsigned ifindex, uint8_t family)
{
	struct ip gateway = attach_gateway(family);
	struct rt_route to_gateway = { .dst = whole(&gateway), .ifindex = ifindex };
	struct rt_route all = { .dst.ip.len = family, .via = gateway, .ifindex = ifindex };

	if (family == 4)
		rt_route_replace(pod, &to_gateway);
	rt_route_replace(pod, &all);
}

/* The link-local address that the kernel would make (RFC 4291, 2.5.1 and appendix A), but in force
 * at once: the kernel's own waits for duplicate address detection, and there is nobody on the other
 * side to have it too. */
static void queue_link_local(struct rt *pod, const struct attachment *a, unsigned ifindex)
{
	struct ip local = { 16, { 0xfe, 0x80 } };

	memcpy(local.b + 8, a->mac, 3);
	memcpy(local.b + 11, "\xff\xfe", 2);
	memcpy(local.b + 13, a->mac + 3, 3);
	local.b[8] ^= 2;
	rt_link_no_autoaddr(pod, a->ifname);
	rt_addr_add(pod, ifindex, &local, 64, false);
}

/* The kernel makes an IPv6 address's local route later, in a worker, also for one without duplicate
 * address detection; until then the pod would throw away what is sent to it. Ours bridges the gap.
 */
static void queue_local_route(struct rt *pod, const struct ip *ip, unsigned ifindex)
{
	struct rt_route local = {
		.dst = whole(ip), .ifindex = ifindex, .local = true, .expires = GAP_SECONDS
	};

	rt_route_replace(pod, &local);
}

static int pod_side(struct rt *pod, const struct attachment *a, unsigned ifindex, struct err *e)
{
	rt_link_up(pod, "lo");
	if (has_family(a, 16))
		queue_link_local(pod, a, ifindex);
	rt_link_up(pod, a->ifname);
	for (unsigned i = 0; i < a->n_ips; i++) {
		struct ip gateway = attach_gateway(a->ips[i].len);

		rt_addr_add(pod, ifindex, &a->ips[i], a->ips[i].len * 8, false);
		if (a->ips[i].len == 16)
			queue_local_route(pod, &a->ips[i], ifindex);
		rt_neigh_add(pod, ifindex, &gateway, a->link_mac);
		if (a->default_route)
			attach_queue_default(pod, ifindex, a->ips[i].len);
	}
	return rt_flush(pod, e);
}

/* EACCES: IPv6 is switched off for new links of that namespace. Everything in the batch may be said
 * twice. */
static int pod_side_with_ipv6(struct rt *pod, const struct attachment *a, int netns_fd,
                              unsigned ifindex, struct err *e)
{
	int ret = pod_side(pod, a, ifindex, e);

	if (ret != -EACCES || !has_family(a, 16))
		return ret;
	ret = set_link_sysctl(netns_fd, "ipv6", a->ifname, "disable_ipv6", "0", e);
	return ret ? ret : pod_side(pod, a, ifindex, e);
}

/* The host's end came up before there was another. The kernel hears of its carrier later, when it
 * has the time, and until then throws away what the host sends. Asking makes it listen at once
 * (from Linux 6.8 on; before, a worker does, which for a veth starts at once: on 6.1 with two busy
 * processors the first answer was good 17 times of 18, and the second the other time). One that is
 * late is no reason to refuse. */
static int await_carrier(struct rt *host, const struct attachment *a, struct err *e)
{
	const struct timespec pause = { .tv_nsec = 100000 };
	struct rt_link link;
	int ret = rt_link_get(host, a->link, &link, e);

	for (int i = 0; !ret && !(link.flags & IFF_RUNNING) && i < CARRIER_TRIES; i++) {
		nanosleep(&pause, NULL);
		ret = rt_link_get(host, a->link, &link, e);
	}
	return ret;
}

int attach_setup(struct rt *host, struct rt *pod, const struct attachment *a, int netns_fd,
                 const struct rt_link *made, struct err *e)
{
	int ret = host_side(host, a, made, e);

	if (!ret)
		ret = pod_side_with_ipv6(pod, a, netns_fd, made->peer_index, e);
	if (!ret && !a->default_route)
		ret = source_setup(pod, a, made->peer_index, e);
	return ret ? ret : await_carrier(host, a, e);
}

/* The alias is looked at too: a name alone could be somebody else's link. */
bool attach_cut(struct rt *host, const struct attachment *a)
{
	char alias[LINK_ALIAS_SIZE];
	struct rt_link link;
	struct err e;
	int ret = rt_link_get(host, a->link, &link, &e);

	plan_link_alias(alias, a->container, a->ifname);
	if (ret == -ENODEV || (!ret && strcmp(link.alias, alias) != 0))
		return false;
	for (unsigned i = 0; i < a->n_ips; i++) {
		struct rt_route to_pod = { .dst = whole(&a->ips[i]), .ifindex = link.ifindex };

		rt_route_del(host, &to_pod);
	}
	rt_flush(host, &e); /* what is gone already is as good; the link takes the rest along */
	return true;
}

/* ---- CHECK ---------------------------------------------------------------------------------- */

struct found { /* of one attachment, while the kernel's lists pass by */
	const struct attachment *a;
	unsigned ifindex;
	unsigned addresses;
	unsigned defaults;
	unsigned host_routes;
};

static void saw_addr(const struct rt_addr *addr, void *arg)
{
	struct found *f = arg;

	if (addr->ifindex == f->ifindex && ip_is_in(&addr->ip, f->a->ips, f->a->n_ips))
		f->addresses++;
}

static void saw_pod_route(const struct rt_route *r, void *arg)
{
	struct found *f = arg;
	struct ip gateway = attach_gateway(r->dst.ip.len);

	if (r->ifindex == f->ifindex && r->dst.bits == 0 && ip_equal(&r->via, &gateway))
		f->defaults++;
}

static void saw_host_route(const struct rt_route *r, void *arg)
{
	struct found *f = arg;

	if (r->ifindex == f->ifindex && !r->local && r->dst.bits == r->dst.ip.len * 8 &&
	    ip_is_in(&r->dst.ip, f->a->ips, f->a->n_ips))
		f->host_routes++;
}

static enum cni_code check_host(struct rt *host, const struct attachment *a, struct cni_error *er)
{
	struct found f = { .a = a };
	struct rt_link link;
	struct err e;

	if (rt_link_get(host, a->link, &link, &e))
		return cni_error_set(er, CNI_CHECK_FAILED, "host interface %s: %s", a->link,
		                     e.text);
	if (!(link.flags & IFF_UP))
		return cni_error_set(er, CNI_CHECK_FAILED, "host interface %s is down", a->link);
	f.ifindex = link.ifindex;
	if (rt_route_each(host, saw_host_route, &f, &e))
		return cni_error_set(er, CNI_IO, "%s", e.text);
	if (f.host_routes < a->n_ips)
		return cni_error_set(er, CNI_CHECK_FAILED,
		                     "a route to the pod through %s is missing", a->link);
	if (limits_check(host, link.ifindex, &a->ingress, a->link, &e))
		return cni_error_set(er, CNI_CHECK_FAILED, "bandwidth: %.200s", e.text);
	return CNI_OK;
}

static enum cni_code check_pod(struct rt *pod, const struct attachment *a, struct cni_error *er)
{
	struct found f = { .a = a };
	struct rt_link link;
	struct err e;

	if (rt_link_get(pod, a->ifname, &link, &e))
		return cni_error_set(er, CNI_CHECK_FAILED, "interface %s in the pod: %s", a->ifname,
		                     e.text);
	if (!(link.flags & IFF_UP) || memcmp(link.mac, a->mac, sizeof(link.mac)) != 0)
		return cni_error_set(er, CNI_CHECK_FAILED,
		                     "interface %s in the pod is down or not ours", a->ifname);
	f.ifindex = link.ifindex;
	if (rt_addr_each(pod, saw_addr, &f, &e) || rt_route_each(pod, saw_pod_route, &f, &e))
		return cni_error_set(er, CNI_IO, "%s", e.text);
	if (f.addresses < a->n_ips)
		return cni_error_set(er, CNI_CHECK_FAILED, "an address of %s in the pod is missing",
		                     a->ifname);
	if (limits_check(pod, link.ifindex, &a->egress, a->ifname, &e))
		return cni_error_set(er, CNI_CHECK_FAILED, "bandwidth: %.200s", e.text);
	if (a->default_route && f.defaults < a->n_ips)
		return cni_error_set(er, CNI_CHECK_FAILED, "a default route in the pod is missing");
	return a->default_route ? CNI_OK : source_check(pod, a, f.ifindex, er);
}

enum cni_code attach_check(struct rt *host, struct rt *pod, const struct attachment *a,
                           struct cni_error *er)
{
	enum cni_code code = check_host(host, a, er);

	return code ? code : check_pod(pod, a, er);
}
