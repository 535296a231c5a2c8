/* podnet_calls.c - the CNI verbs.
 *
 * ADD does the kernel's work first and commits to the store last; the answer leaves after both.
 * What fails on the way takes everything before it back. A daemon that dies in between leaves a
 * link that no PodNetwork knows, which the next start sweeps. DEL commits first and cuts then, for
 * the same reason: what is half gone is never known as whole.
 *
 * A commit may be good only at the end of the turn (store.h): podnet_settle then cuts what DEL has
 * given up, or takes back what ADD has made. DEL itself is never refused, whatever the disk says:
 * a runtime would keep the sandbox and its name for ever. What it writes is owed; when we die
 * before it is written, the next start finds a PodNetwork without a link.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <knetd/auto.h>
#include <knetd/log.h>
#include <knetd/store.h>

#include "hostport.h"
#include "leaving.h"
#include "pod_files.h"
#include "podnet.h"
#include "podnet_attach.h"
#include "podnet_flows.h"
#include "podnet_ips.h"
#include "podnet_limits.h"
#include "podnet_metrics.h"
#include "podnet_plan.h"
#include "podnet_pod.h"
#include "podnet_source.h"

static enum cni_code from_err(struct cni_error *er, const struct err *e)
{
	switch (e->code) {
	case ENOSPC:
	case EADDRINUSE:
	case EAGAIN:
		return cni_error_set(er, CNI_TRY_AGAIN, "%s", e->text);
	case ERANGE:
	case EINVAL:
	case EAFNOSUPPORT:
	case EOPNOTSUPP:
		return cni_error_set(er, CNI_BAD_CONFIG, "%s", e->text);
	}
	return cni_error_set(er, CNI_IO, "%s", e->text);
}

/* ---- ADD ------------------------------------------------------------------------------------ */

struct sandbox { /* the pod's network namespace, while a call works in it */
	int netns;
	struct rt *rt;
};

static void sandbox_close(struct sandbox *s)
{
	rt_close(s->rt);
	if (s->netns >= 0)
		close(s->netns);
}
#define auto_sandbox __attribute__((cleanup(sandbox_close)))

static enum cni_code open_sandbox(const struct cni_request *r, struct sandbox *s,
                                  struct cni_error *er)
{
	struct err e;

	s->netns = netns_open(r->netns, &e);
	if (s->netns < 0)
		return cni_error_set(er, CNI_BAD_ENVIRONMENT, "CNI_NETNS: %s", e.text);
	if (netns_inode(s->netns) == podnet.own_netns)
		return cni_error_set(er, CNI_BAD_ENVIRONMENT, "CNI_NETNS: %.200s is the host's own",
		                     r->netns);
	s->rt = rt_open(s->netns, &e);
	return s->rt ? CNI_OK : from_err(er, &e);
}

/* A random locally administered unicast address (IEEE 802: bit 1 set, bit 0 clear). */
static int random_mac(uint8_t mac[static 6], struct err *e)
{
	if (getrandom(mac, 6, 0) != 6)
		return err_set(e, errno, "getrandom: %s", strerror(errno));
	mac[0] = (mac[0] & 0xfc) | 0x02;
	return 0;
}

/* The names of a new attachment; its addresses are still missing. */
static int describe(struct attachment *a, const struct cni_request *r, struct err *e)
{
	int ret;

	*a = (struct attachment){ 0 };
	attachment_key(a->key, r->container, r->ifname);
	snprintf(a->container, sizeof(a->container), "%s", r->container);
	snprintf(a->ifname, sizeof(a->ifname), "%s", r->ifname);
	snprintf(a->network, sizeof(a->network), "%s", r->network);
	snprintf(a->ns, sizeof(a->ns), "%s", r->pod_ns);
	snprintf(a->pod, sizeof(a->pod), "%s", r->pod_name);
	for (unsigned salt = 0; salt == 0 || attachment_of_link(a->link) || leaving_has(a->link);
	     salt++)
		plan_link_name(a->link, a->container, a->ifname, salt);
	a->default_route = !attachments_of_container(r->container) && !cni_result_has_ips(r->prev);
	a->n_ports = r->n_ports;
	a->ports = r->ports;
	plan_object_name(a->object, a->pod, a->container, a->link);
	a->files = r->files && a->default_route;
	a->mtu = host_mtu();
	a->ingress = limits_rate(&r->ingress, a->mtu);
	a->egress = limits_rate(&r->egress, a->mtu);
	if (r->has_mac) {
		memcpy(a->mac, r->mac, sizeof(a->mac));
		ret = 0;
	} else {
		ret = random_mac(a->mac, e);
	}
	return ret ? ret : random_mac(a->link_mac, e);
}

/* What is there once on this node. A host port that another pod holds is a reason to try again
 * later (11) and not a wrong configuration (7): the holder may be the pod's own predecessor, just
 * about to go, and the same request is good the moment it has gone. */
static int take(struct attachment *a, const struct cni_request *r, bool ipv6, struct err *e)
{
	int ret = ips_take(a, r, ipv6, e);

	if (ret)
		return ret;
	ret = hostport_take(a, e);
	if (ret)
		ips_release(a);
	return ret;
}

/* Does the interface in the way belong to an attachment whose deletion is under way? Then it is
 * deleted at once. */
static bool make_way(const struct attachment *a, struct rt *pod)
{
	struct rt_link in_pod;
	struct err e;

	return rt_link_get(pod, a->ifname, &in_pod, &e) == 0 &&
	       leaving_hurry_index(podnet.host, in_pod.peer_index);
}

static enum cni_code connect_pod(const struct attachment *a, const struct cni_request *r,
                                 const struct sandbox *s, bool made_before, struct cni_error *er)
{
	struct rt_link made;
	struct err e;
	int ret = attach_pair(podnet.host, a, s->netns, &made, &e);

	if (ret == -EEXIST && make_way(a, s->rt))
		ret = attach_pair(podnet.host, a, s->netns, &made, &e);
	if (ret == -EEXIST)
		return cni_error_set(er, CNI_BAD_ENVIRONMENT,
		                     "CNI_IFNAME: %s exists already in the pod%s", a->ifname,
		                     made_before ? ": a plugin before this one made it, and each "
		                                   "makes an interface of its own"
		                                 : "");
	if (ret)
		return from_err(er, &e);
	if (attach_setup(podnet.host, s->rt, a, s->netns, &made, &e) ||
	    limits_set(podnet.host, s->rt, a, &made, &e) || limits_sysctls(s->netns, r, &e))
		return from_err(er, &e);
	flows_link_added(a->link);
	return CNI_OK;
}

static int keep(const struct attachment *a, const struct cni_request *r, struct err *e)
{
	auto_mut yyjson_mut_doc *doc = attachment_doc(a, r);
	int ret;

	store_begin();
	ret = pod_attached(a, r, e);
	if (!ret)
		ret = store_put(KIND_PODNETWORK, a->ns, a->object, doc, STORE_RUN, NULL, e);
	if (!ret)
		return store_commit(e);
	store_abort();
	return ret;
}

/* dns: of the files that were written, NULL for none; what the request says goes before. */
static void answer_add(const struct cni_request *r, const struct attachment *a, yyjson_doc *dns,
                       struct buf *out)
{
	char mac[18], link_mac[18];
	struct cni_result result = {
		.version = r->version,
		.prev = r->prev,
		.dns = r->dns ? r->dns : yyjson_doc_get_root(dns),
		.n_interfaces = 2,
		.interfaces = { { .name = a->link,
		                  .mac = mac_text(a->link_mac, link_mac),
		                  .mtu = a->mtu },
		                { .name = a->ifname,
		                  .mac = mac_text(a->mac, mac),
		                  .sandbox = r->netns,
		                  .mtu = a->mtu } },
		.n_addresses = a->n_ips,
	};

	for (unsigned i = 0; i < a->n_ips; i++) {
		struct cni_address *out_ip = &result.addresses[i];

		*out_ip = (struct cni_address){ .ip = a->ips[i],
			                        .bits = a->ips[i].len * 8,
			                        .interface = 1 };
		if (a->default_route)
			out_ip->gateway = attach_gateway(a->ips[i].len);
	}
	cni_result_write(out, &result);
}

/* From a described attachment with addresses to one that is in force and known. */
static enum cni_code establish(struct attachment *a, const struct cni_request *r,
                               const struct sandbox *s, yyjson_doc **dns, struct cni_error *er)
{
	enum cni_code code = connect_pod(a, r, s, cni_result_has_interface(r->prev, a->ifname), er);
	struct err e;

	if (code)
		return code;
	if ((a->files && pod_files_write(a, r, dns, &e)) || hostport_open(a, &e) || keep(a, r, &e))
		return from_err(er, &e);
	if (store_pending())
		a->state = COMING;
	attachment_insert(a);
	return CNI_OK;
}

/* What establish left behind when it failed: perhaps a link, which then keeps the addresses. */
static void undo(struct attachment *a)
{
	pod_files_remove(a);
	hostport_close(a);
	if (attach_cut(podnet.host, a))
		leaving_add(a->link, a->ips, a->n_ips);
	else
		ips_release(a);
}

static enum cni_code refuse_known(const struct attachment *known, struct cni_error *er)
{
	if (known->state != ATTACHED)
		return cni_error_set(
			er, CNI_TRY_AGAIN, "%s of this container is being %s by another call",
			known->ifname, known->state == COMING ? "attached" : "detached");
	return cni_error_set(er, CNI_BAD_ENVIRONMENT,
	                     "CNI_IFNAME: %s is attached already for this container",
	                     known->ifname);
}

enum cni_code podnet_add(const struct cni_request *r, struct buf *out, struct cni_error *er)
{
	const struct attachment *known = attachment_find(r->container, r->ifname);
	auto_sandbox struct sandbox s = { .netns = -1 };
	auto_doc yyjson_doc *dns = NULL;
	struct attachment a;
	enum cni_code code;
	struct err e;

	if (known)
		return refuse_known(known, er);
	code = open_sandbox(r, &s, er);
	if (code)
		return code;
	if (describe(&a, r, &e))
		return from_err(er, &e);
	if (take(&a, r, podnet.ipv6 && attach_has_ipv6(s.rt), &e))
		return from_err(er, &e);
	code = establish(&a, r, &s, &dns, er);
	if (code) {
		undo(&a);
		return code;
	}
	answer_add(r, &a, dns, out);
	return CNI_OK;
}

/* ---- DEL, GC -------------------------------------------------------------------------------- */

static int forget(const struct attachment *a, struct err *e)
{
	int ret;

	store_begin();
	store_owe();
	ret = pod_detached(a, e);
	if (!ret)
		ret = source_name_heir(a, e);
	if (!ret && store_delete(KIND_PODNETWORK, a->ns, a->object))
		log_warn("podnet: %s/%s was not in the store", a->ns, a->object);
	if (!ret)
		return store_commit(e);
	store_abort();
	return ret;
}

/* It was in force: there may be connections with its addresses, even when the link is gone. */
static void cut(struct attachment *a)
{
	bool link = attach_cut(podnet.host, a);

	pod_files_remove(a);
	hostport_close(a);
	leaving_add(link ? a->link : "", a->ips, a->n_ips);
	source_hand_on(a);
	attachment_remove(a);
}

static int detach(struct attachment *a, struct err *e)
{
	int ret;

	if (a->state == GOING)
		return 0;
	ret = forget(a, e);
	if (ret)
		return ret;
	if (!store_pending()) {
		cut(a);
		return 0;
	}
	attachment_going(a);
	return 0;
}

void podnet_settle(const struct err *failed)
{
	struct attachment *a;

	metrics_settled();
	while ((a = attachment_moving()))
		if (a->state == COMING && !failed)
			attachment_settled(a);
		else
			cut(a);
}

/* Whatever is missing already is as good as deleted. */
enum cni_code podnet_del(const struct cni_request *r, struct buf *out, struct cni_error *er)
{
	struct attachment *a = attachment_find(r->container, r->ifname), gone;
	struct err e;

	(void)out;
	if (!a)
		return CNI_OK;
	gone = *a;
	if (detach(a, &e))
		return from_err(er, &e);
	if (!gone.default_route)
		source_forget(&gone, r->netns);
	return CNI_OK;
}

/* Goes on after an error and tells the first. */
enum cni_code podnet_gc(const struct cni_request *r, struct buf *out, struct cni_error *er)
{
	struct err e, first = { 0 };
	unsigned removed = 0, failed = 0;
	struct attachment *a;

	(void)out;
	for (size_t i = 0; !r->no_gc && (a = attachment_next(&i));) {
		if (strcmp(a->network, r->network) != 0 ||
		    cni_attachments_have(r->valid, a->container, a->ifname))
			continue;
		log_info("podnet: %s is left over and is removed", a->key);
		if (detach(a, &e)) {
			first = failed++ ? first : e;
			log_warn("podnet: %s: %s", a->key, e.text);
		} else {
			removed++;
		}
	}
	metrics_removed(removed);
	if (!failed)
		return CNI_OK;
	from_err(er, &first);
	snprintf(er->details, sizeof(er->details), "%u removed, %u not: this is the first of them",
	         removed, failed);
	return er->code;
}

/* ---- CHECK, STATUS -------------------------------------------------------------------------- */

static enum cni_code check_prev_result(const struct attachment *a, yyjson_val *prev,
                                       struct cni_error *er)
{
	char text[IP_TEXT];

	if (!cni_result_has_interface(prev, a->ifname))
		return cni_error_set(er, CNI_CHECK_FAILED, "prevResult has no interface %s",
		                     a->ifname);
	for (unsigned i = 0; i < a->n_ips; i++)
		if (!cni_result_has_ip(prev, &a->ips[i]))
			return cni_error_set(er, CNI_CHECK_FAILED, "prevResult has no address %s",
			                     ip_text(&a->ips[i], text));
	return CNI_OK;
}

enum cni_code podnet_check(const struct cni_request *r, struct buf *out, struct cni_error *er)
{
	const struct attachment *a = attachment_find(r->container, r->ifname);
	auto_sandbox struct sandbox s = { .netns = -1 };
	enum cni_code code;

	(void)out;
	if (!a)
		return cni_error_set(er, CNI_UNKNOWN_CONTAINER,
		                     "container %.64s has no attachment %s", r->container,
		                     r->ifname);
	code = check_prev_result(a, r->prev, er);
	if (!code)
		code = open_sandbox(r, &s, er);
	return code ? code : attach_check(podnet.host, s.rt, a, er);
}

enum cni_code podnet_status(const struct cni_request *r, struct buf *out, struct cni_error *er)
{
	(void)r;
	(void)out;
	if (podnet.trouble.code)
		return cni_error_set(er, CNI_LIMITED, "%s", podnet.trouble.text);
	for (uint8_t family = 4; family <= 16; family += 12)
		if (ipam_has_family(&podnet.ipam, family) && !ipam_room(&podnet.ipam, family) &&
		    !leaving_has_family(family))
			return cni_error_set(er, CNI_NOT_AVAILABLE,
			                     "no IPv%c address is left in the pod ranges",
			                     family == 4 ? '4' : '6');
	return CNI_OK;
}
