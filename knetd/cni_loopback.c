/* cni_loopback.c - `loopback`, the CNI plugin that brings lo up in a new namespace. containerd
 * calls it beside every pod's own network and fails the pod without it. It needs no daemon. */
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/cni_plugin.h>
#include <knetd/kern.h>

#include "cni_input.h"

#define LO "lo"
#define LO_MAC "00:00:00:00:00:00"

static const char *netns_path(void)
{
	const char *path = getenv("CNI_NETNS");

	return path ? path : "";
}

static struct rt *open_pod(struct cni_error *er)
{
	auto_close int netns = -1;
	struct err e;
	struct rt *rt;

	if (!*netns_path()) {
		cni_error_set(er, CNI_BAD_ENVIRONMENT, "CNI_NETNS is missing");
		return NULL;
	}
	netns = netns_open(netns_path(), &e);
	if (netns < 0) {
		cni_error_set(er, CNI_BAD_ENVIRONMENT, "CNI_NETNS: %s", e.text);
		return NULL;
	}
	rt = rt_open(netns, &e);
	if (!rt)
		cni_error_set(er, CNI_IO, "%s", e.text);
	return rt;
}

struct lo_addresses {
	unsigned ifindex;
	struct cni_result *result;
};

static void saw_addr(const struct rt_addr *a, void *arg)
{
	struct lo_addresses *lo = arg;
	struct cni_result *r = lo->result;

	if (a->ifindex == lo->ifindex && r->n_addresses < CNI_RESULT_MAX)
		r->addresses[r->n_addresses++] =
			(struct cni_address){ .ip = a->ip, .bits = a->bits };
}

static enum cni_code bring_up(struct rt *pod, struct cni_result *result, struct cni_error *er)
{
	struct lo_addresses lo = { .result = result };
	struct rt_link link;
	struct err e;

	rt_link_up(pod, LO);
	if (rt_flush(pod, &e) || rt_link_get(pod, LO, &link, &e))
		return cni_error_set(er, CNI_IO, "%s", e.text);
	lo.ifindex = link.ifindex;
	if (rt_addr_each(pod, saw_addr, &lo, &e))
		return cni_error_set(er, CNI_IO, "%s", e.text);
	return CNI_OK;
}

/* With a result of a plugin before us, that result is passed on as it is. */
static enum cni_code add(const struct cni_input *in, enum cni_version version, struct buf *out,
                         struct cni_error *er)
{
	struct cni_result result = {
		.version = version,
		.prev = yyjson_obj_get(in->config, "prevResult"),
		.n_interfaces = 1,
		.interfaces = { { .name = LO, .mac = LO_MAC, .sandbox = netns_path() } },
	};
	struct rt *pod = open_pod(er);
	enum cni_code code;

	if (!pod)
		return er->code;
	code = bring_up(pod, &result, er);
	rt_close(pod);
	if (code)
		return code;
	if (yyjson_is_obj(result.prev))
		result.n_interfaces = result.n_addresses = 0;
	cni_result_write(out, &result);
	return CNI_OK;
}

static enum cni_code check(struct cni_error *er)
{
	struct rt *pod = open_pod(er);
	struct rt_link link;
	struct err e;
	int ret;

	if (!pod)
		return er->code;
	ret = rt_link_get(pod, LO, &link, &e);
	rt_close(pod);
	if (ret)
		return cni_error_set(er, CNI_IO, "%s", e.text);
	return link.flags & IFF_UP ? CNI_OK : cni_error_set(er, CNI_CHECK_FAILED, "lo is down");
}

/* DEL, GC and STATUS have nothing to do: lo dies with its namespace. */
static enum cni_code run(const struct cni_input *in, struct buf *out, struct cni_error *er)
{
	int version = cni_version_find(in->version);

	if (!strcmp(in->command, "VERSION")) {
		cni_versions_write(out, in->version);
		return CNI_OK;
	}
	if (version < 0)
		return cni_error_set(er, CNI_VERSION_UNKNOWN,
		                     "cniVersion \"%.32s\" is not supported",
		                     in->version ? in->version : "");
	if (!strcmp(in->command, "ADD"))
		return add(in, version, out, er);
	return strcmp(in->command, "CHECK") ? CNI_OK : check(er);
}

int cni_loopback_main(int argc, char **argv)
{
	auto_buf struct buf out = { 0 };
	auto_input struct cni_input in = { 0 };
	struct cni_error er;

	(void)argc;
	(void)argv;
	if (cni_input_read(&in, &er) || run(&in, &out, &er))
		return cni_input_fail(&in, &er);
	return cni_output(&out);
}
