/* podnet_source.c - see podnet_source.h
 *
 *     pod's namespace           eth0  10.244.0.7/32     net1  10.244.0.8/32, interface 5
 *     rule 10700                                        from 10.244.0.8 lookup 107005
 *     table main                default dev eth0
 *     table 107005                                      default dev net1
 *
 * So an answer leaves by the link that the request came by, and every reverse path check, ours and
 * the kernel's strict one, holds for pods of any number of interfaces. What the pod begins by
 * itself leaves by the default one. The table's number is 107000 and the interface's own.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/json_mut.h>
#include <knetd/log.h>
#include <knetd/store.h>

#include "podnet.h"
#include "podnet_attach.h"
#include "podnet_source.h"

#define TABLES 107000

int source_setup(struct rt *pod, const struct attachment *a, unsigned ifindex, struct err *e)
{
	int ret;

	for (unsigned i = 0; i < a->n_ips; i++) {
		struct rt_route out = { .dst.ip.len = a->ips[i].len,
			                .via = attach_gateway(a->ips[i].len),
			                .ifindex = ifindex,
			                .onlink = true,
			                .table = TABLES + ifindex };

		rt_route_replace(pod, &out);
		rt_rule_add(pod, &a->ips[i], TABLES + ifindex);
	}
	ret = rt_flush(pod, e);
	if (ret != -EOPNOTSUPP && ret != -EAFNOSUPPORT)
		return ret;
	return err_set(e, EOPNOTSUPP,
	               "%s: pods with several interfaces need CONFIG_IP_MULTIPLE_TABLES and "
	               "CONFIG_IPV6_MULTIPLE_TABLES in the kernel",
	               a->ifname);
}

/* ---- CHECK ---------------------------------------------------------------------------------- */

struct found {
	const struct attachment *a;
	unsigned ifindex, rules, routes;
};

static void saw_rule(const struct ip *from, uint32_t table, void *arg)
{
	struct found *f = arg;

	for (unsigned i = 0; i < f->a->n_ips; i++)
		f->rules += table == TABLES + f->ifindex && ip_equal(from, &f->a->ips[i]);
}

static void saw_route(const struct rt_route *r, void *arg)
{
	struct ip gateway = attach_gateway(r->dst.ip.len);
	struct found *f = arg;

	f->routes += r->ifindex == f->ifindex && !r->dst.bits && ip_equal(&r->via, &gateway);
}

enum cni_code source_check(struct rt *pod, const struct attachment *a, unsigned ifindex,
                           struct cni_error *er)
{
	struct found f = { .a = a, .ifindex = ifindex };
	struct err e;

	if (rt_rule_each(pod, saw_rule, &f, &e) ||
	    rt_route_each_in(pod, TABLES + ifindex, saw_route, &f, &e))
		return cni_error_set(er, CNI_IO, "%s", e.text);
	if (f.rules < a->n_ips)
		return cni_error_set(er, CNI_CHECK_FAILED,
		                     "a rule for the addresses of %s in the pod is missing",
		                     a->ifname);
	if (f.routes < a->n_ips)
		return cni_error_set(er, CNI_CHECK_FAILED,
		                     "a route in table %u of the pod is missing", TABLES + ifindex);
	return CNI_OK;
}

/* ---- DEL ------------------------------------------------------------------------------------ */

static struct rt *open_pod(const char *netns)
{
	struct err e;
	auto_close int fd = *netns ? netns_open(netns, &e) : -1;

	if (fd < 0 || netns_inode(fd) == podnet.own_netns)
		return NULL;
	return rt_open(fd, &e);
}

static void delete_rules(struct rt *pod, const struct attachment *a)
{
	struct err e;

	for (unsigned i = 0; i < a->n_ips; i++)
		rt_rule_del(pod, &a->ips[i]);
	rt_flush(pod, &e); /* what is gone already is as good */
}

void source_forget(const struct attachment *gone, const char *netns)
{
	struct rt *pod = open_pod(netns);

	if (!pod)
		return;
	delete_rules(pod, gone);
	rt_close(pod);
}

/* An object's version tells its age: only taking the default route over writes it again, and who
 * has been named comes before all. 0: no object. */
static uint64_t age_of(const struct attachment *a)
{
	const struct object *o = store_get(KIND_PODNETWORK, a->ns, a->object);
	struct attachment stored;

	if (!o || !attachment_read(&stored, o))
		return 0;
	return stored.default_route ? 1 : o->version + 1;
}

static struct attachment *heir_of(const struct attachment *leaver)
{
	struct attachment *a, *oldest = NULL;
	uint64_t age, least = UINT64_MAX;

	if (!leaver->default_route)
		return NULL;
	for (size_t i = 0; (a = attachment_next(&i));) {
		if (a->state != ATTACHED || a == leaver ||
		    strcmp(a->container, leaver->container) != 0)
			continue;
		age = age_of(a);
		if (age && age < least) {
			least = age;
			oldest = a;
		}
	}
	return oldest;
}

int source_name_heir(const struct attachment *leaver, struct err *e)
{
	const struct attachment *heir = heir_of(leaver);
	auto_doc yyjson_doc *doc = NULL;
	auto_mut yyjson_mut_doc *mut = NULL;

	if (!heir)
		return 0;
	doc = object_doc(store_get(KIND_PODNETWORK, heir->ns, heir->object));
	mut = yyjson_doc_mut_copy(doc, NULL);
	mut_set(mut, mut_at(yyjson_mut_doc_get_root(mut), "spec"), "defaultRoute",
	        yyjson_mut_true(mut));
	return store_put(KIND_PODNETWORK, heir->ns, heir->object, mut, STORE_RUN, NULL, e);
}

static int take_over(struct rt *pod, const struct attachment *heir, struct err *e)
{
	struct rt_link link;
	int ret = rt_link_get(pod, heir->ifname, &link, e);

	if (ret || memcmp(link.mac, heir->mac, sizeof(link.mac)) != 0)
		return ret; /* another pod's namespace by now */
	for (unsigned i = 0; i < heir->n_ips; i++)
		attach_queue_default(pod, link.ifindex, heir->ips[i].len);
	ret = rt_flush(pod, e);
	if (!ret)
		delete_rules(pod, heir); /* table main says the same now */
	return ret;
}

void source_hand_on(const struct attachment *leaver)
{
	struct attachment *heir = heir_of(leaver);
	auto_doc yyjson_doc *doc = NULL;
	const char *netns;
	struct rt *pod;
	struct err e;

	if (!heir)
		return;
	heir->default_route = true;
	doc = object_doc(store_get(KIND_PODNETWORK, heir->ns, heir->object));
	netns = json_str(yyjson_doc_get_root(doc), "spec.netns");
	pod = open_pod(netns ? netns : "");
	if (!pod) /* gone, as at the end of every pod */
		return;
	if (take_over(pod, heir, &e))
		log_warn("podnet: default route of %s: %s", heir->key, e.text);
	rt_close(pod);
}
