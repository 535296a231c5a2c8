/* podnet.c - pod networks: the module's start, its full pass, and the doors /cni/v1/VERB.
 *
 * A pod is attached by one call that returns when everything is in force (podnet_calls.c); there is
 * nothing to sync afterwards. The module's sync is the repair: the whole state again, compared. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/event.h>
#include <knetd/http.h>
#include <knetd/log.h>
#include <knetd/module.h>

#include "hostport.h"
#include "hostport_plan.h"
#include "leaving.h"
#include "podnet.h"
#include "podnet_attach.h"
#include "podnet_flows.h"
#include "podnet_metrics.h"

struct podnet podnet;

/* ---- start, sync, stop ------------------------------------------------------------------------
 */

static void take_known(const struct attachment *a)
{
	struct err e;

	for (unsigned i = 0; i < a->n_ips; i++)
		if (ipam_take_this(&podnet.ipam, &a->ips[i],
		                   &e)) /* the ranges were changed: kept, not counted */
			log_warn("podnet: %s: %s", a->key, e.text);
	if (hostport_take(a, &e))
		log_warn("podnet: %s: %s", a->key, e.text);
}

static void load(void)
{
	struct attachment newest;

	attachments_load(take_known);
	if (!attachments_newest(&newest))
		return;
	for (unsigned i = 0; i < newest.n_ips; i++)
		ipam_resume_behind(&podnet.ipam, &newest.ips[i]);
	log_info("podnet: %zu attachments known", attachments_count());
}

static void on_table_changed(const char *table)
{
	log_info("podnet: %s was changed by somebody else: repairing",
	         table ? table : "some table");
	module_resync(&podnet_module);
}

static void on_forwarding_off(void)
{
	log_warn("podnet: forwarding was switched off by somebody else: repairing");
	module_resync(&podnet_module);
}

/* A pod's namespace died and no DEL has come yet, or never will. What DEL itself takes away is not
 * in the index any more. */
static void on_link_gone(const char *name)
{
	if (!name || attachment_of_link(name))
		module_resync(&podnet_module);
}

static int init(struct err *e)
{
	auto_close int own = netns_open("/proc/self/ns/net", e);
	int ret;

	if (own < 0)
		return own;
	podnet.own_netns = netns_inode(own);
	podnet.host = rt_open(-1, e);
	if (!podnet.host)
		return -e->code;
	ret = ipam_init(&podnet.ipam, &conf.podnet.cidrs, &conf.podnet.reserved, e);
	if (ret)
		return ret;
	load();
	store_on_flush(podnet_settle);
	ret = forwarding_watch(on_forwarding_off, e);
	if (!ret)
		ret = link_watch(on_link_gone, e);
	if (ret)
		return ret;
	return nft_watch("knetd_podnet", on_table_changed, e);
}

/* Taken and given back: there is no cheaper question, and none is needed. */
static bool is_nobodys(const struct ip *ip)
{
	struct err e;

	if (ipam_take_this(&podnet.ipam, ip, &e))
		return false;
	ipam_release(&podnet.ipam, ip);
	return true;
}

static bool of_nobody(const struct conntrack_flow *f, void *arg)
{
	(void)arg;
	return is_nobodys(&f->client.ip) || is_nobodys(&f->from.ip);
}

/* An earlier run may have died behind a DEL, before the pod's connections were forgotten. Who gets
 * the address next is not to have them. Once: whoever leaves from now on is seen off by us. */
static void forget_old_connections(void)
{
	static bool done;
	struct err e;

	if (!done && conntrack_purge(0, 0, of_nobody, NULL, &e))
		log_warn("podnet: %s", e.text);
	done = true;
}

static int sync_all(struct changes *c, struct err *e)
{
	int ret = host_prepare(e);

	(void)c;
	if (!ret)
		ret = host_route_ranges(e);
	if (!ret)
		ret = rules_replace(e);
	if (!ret)
		ret = podnet_repair(e);
	if (!ret)
		forget_old_connections();
	flows_replace();
	podnet.trouble.code = 0;
	if (ret)
		podnet.trouble = *e;
	return ret;
}

static void remove_all(void)
{
	struct attachment *a;
	struct err e;

	for (size_t i = 0; (a = attachment_next(&i));) {
		rt_link_del(podnet.host, a->link);
		rt_flush(podnet.host, &e); /* one that is gone must not keep the others */
	}
	host_unroute_ranges();
	rules_remove();
	flows_remove();
}

static void stop(bool remove)
{
	if (remove)
		remove_all();
	hostports_free();
	attachments_free();
	ipam_free(&podnet.ipam);
	rt_close(podnet.host);
	podnet.host = NULL;
}

/* ---- HTTP ----------------------------------------------------------------------------------- */

static unsigned http_status(enum cni_code code)
{
	switch (code) {
	case CNI_OK:
		return 200;
	case CNI_UNKNOWN_CONTAINER:
		return 404;
	case CNI_IO:
		return 500;
	case CNI_TRY_AGAIN:
	case CNI_NOT_AVAILABLE:
	case CNI_LIMITED:
		return 503;
	case CNI_CHECK_FAILED:
		return 409;
	case CNI_VERSION_UNKNOWN:
	case CNI_UNSUPPORTED_FIELD:
	case CNI_BAD_ENVIRONMENT:
	case CNI_DECODE:
	case CNI_BAD_CONFIG:
		break;
	}
	return 400;
}

static enum cni_code run(const struct cni_request *r, struct buf *out, struct cni_error *er)
{
	switch (r->verb) {
	case CNI_ADD:
		return podnet_add(r, out, er);
	case CNI_DEL:
		return podnet_del(r, out, er);
	case CNI_CHECK:
		return podnet_check(r, out, er);
	case CNI_GC:
		return podnet_gc(r, out, er);
	case CNI_STATUS:
		return podnet_status(r, out, er);
	case CNI_VERBS:
		break;
	}
	return CNI_OK;
}

/* In the words of the version that was asked in. */
static void undone(struct http_answer *answer, const struct err *e)
{
	struct cni_error er;

	cni_error_set(&er, e->code == ENOSPC ? CNI_TRY_AGAIN : CNI_IO, "%s", e->text);
	er.details[0] = 0;
	answer->status = http_status(er.code);
	answer->content_type = "application/json";
	cni_error_write(&answer->body, &er, cni_version_name[answer->form]);
}

/* What DEL and GC have done holds in any case (store_owe). */
static void done(struct http_answer *answer, const struct err *e)
{
	(void)answer;
	(void)e;
}

/* What a kubelet would say of its pod; here nobody else is there to say it. */
static void tell_pod(const struct cni_request *r, const struct cni_error *er)
{
	if (r->verb == CNI_ADD && r->pod_name && *r->pod_name)
		event_emit(KIND_POD, r->pod_ns, r->pod_name, EVENT_WARNING,
		           "FailedCreatePodSandBox", "interface %s: %s (CNI code %d)", r->ifname,
		           er->msg, er->code);
}

static void serve(enum cni_verb verb, const struct http_call *call, struct http_answer *answer)
{
	uint64_t began = metrics_now();
	struct cni_error er = { 0 };
	struct cni_request r;
	enum cni_code code = cni_request_parse(&r, verb, call->body, call->body_len, &er);

	if (!code)
		code = run(&r, &answer->body, &er);
	metrics_called(verb, code, began);
	answer->status = http_status(code);
	answer->undone = !code && (verb == CNI_DEL || verb == CNI_GC) ? done : undone;
	answer->form = r.version;
	if (code) {
		tell_pod(&r, &er);
		cni_error_write(&answer->body, &er, cni_version_name[r.version]);
	}
	cni_request_free(&r);
}

static void serve_add(const struct http_call *call, struct http_answer *answer)
{
	serve(CNI_ADD, call, answer);
}

static void serve_del(const struct http_call *call, struct http_answer *answer)
{
	serve(CNI_DEL, call, answer);
}

static void serve_check(const struct http_call *call, struct http_answer *answer)
{
	serve(CNI_CHECK, call, answer);
}

static void serve_gc(const struct http_call *call, struct http_answer *answer)
{
	serve(CNI_GC, call, answer);
}

static void serve_status(const struct http_call *call, struct http_answer *answer)
{
	serve(CNI_STATUS, call, answer);
}

static const struct route routes[] = {
	{ "POST", "/cni/v1/add", serve_add },       { "POST", "/cni/v1/del", serve_del },
	{ "POST", "/cni/v1/check", serve_check },   { "POST", "/cni/v1/gc", serve_gc },
	{ "POST", "/cni/v1/status", serve_status }, { NULL, NULL, NULL },
};

const struct module podnet_module = {
	.name = "podnet",
	.init = init,
	.sync = sync_all,
	.metrics = podnet_metrics,
	.routes = routes,
	.exit = stop,
};
