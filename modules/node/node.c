/* node.c - the Node object of this machine: made at start, written again when what it says is no
 * longer so (addresses change; somebody deleted or changed it). Looking costs one walk over the
 * addresses twice a minute; an unchanged Node is not written, so there are no heartbeats. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/json_mut.h>
#include <knetd/kern.h>
#include <knetd/loop.h>
#include <knetd/module.h>

#include "node_plan.h"

#define LOOK_MS 30000
#define LOOK_SOON_MS 2000 /* while no address is found: load balancers may wait for it */

extern const struct module node_module;

static struct rt *rt;
static void on_timer(struct timer *t);
static struct timer timer = { .fn = on_timer };

/* ---- facts ---------------------------------------------------------------------------------- */

struct addresses {
	unsigned ifindex, n;
	struct ip v[2];
};

static void saw_addr(const struct rt_addr *a, void *arg)
{
	struct addresses *out = arg;

	if (a->ifindex != out->ifindex || a->proto == RT_ADDR_SERVED || ip_is_link_local(&a->ip))
		return;
	for (unsigned i = 0; i < out->n; i++)
		if (out->v[i].len == a->ip.len)
			return;
	out->v[out->n++] = a->ip;
}

/* A machine without a default route has none; the Node then goes on saying the last ones, as a
 * kubelet's does: the uplink may only be late, or on its way back. */
static void find_addresses(struct addresses *out)
{
	struct rt_link uplink;
	struct err e;

	*out = (struct addresses){ 0 };
	if (rt_uplink(rt, &uplink, &e))
		return;
	out->ifindex = uplink.ifindex;
	if (rt_addr_each(rt, saw_addr, out, &e))
		out->n = 0;
}

static void read_line(const char *path, char *out, size_t size)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, out, size - 1);

	out[n > 0 ? n : 0] = 0;
	out[strcspn(out, "\n")] = 0;
}

/* PRETTY_NAME="Debian GNU/Linux 12 (bookworm)", os-release(5) */
static void read_os_image(char *out, size_t size)
{
	char text[4096];
	auto_close int fd = open("/etc/os-release", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	char *p;

	text[n > 0 ? n : 0] = 0;
	p = strstr(text, "PRETTY_NAME=");
	if (!p) {
		snprintf(out, size, "Linux");
		return;
	}
	p += strlen("PRETTY_NAME=");
	p += *p == '"';
	snprintf(out, size, "%.*s", (int)strcspn(p, "\"\n"), p);
}

static const char *arch_name(const char *machine)
{
	static const char *const names[][2] = { { "x86_64", "amd64" }, { "aarch64", "arm64" } };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(machine, names[i][0]))
			return names[i][1];
	return machine;
}

static long pods_of(const struct conf_cidrs *cidrs)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < cidrs->n; i++)
		if (cidrs->v[i].ip.len == 4 || n == 0)
			n += cidr_size(&cidrs->v[i]);
	return n > 1000000 ? 1000000 : n > 2 ? n - 2 : 0;
}

/* Once: what does not change while we run. */
static const struct node_facts *machine(void)
{
	static char machine_id[64], boot_id[64], os_image[128];
	static struct utsname u;
	static struct node_facts f;
	struct sysinfo info = { 0 };

	if (f.name)
		return &f;
	uname(&u);
	sysinfo(&info);
	read_line("/etc/machine-id", machine_id, sizeof(machine_id));
	read_line("/proc/sys/kernel/random/boot_id", boot_id, sizeof(boot_id));
	read_os_image(os_image, sizeof(os_image));
	f = (struct node_facts){
		.name = conf.node.name,
		.pod_cidrs = conf.podnet.cidrs.v,
		.n_pod_cidrs = conf.podnet.cidrs.n,
		.machine_id = machine_id,
		.boot_id = boot_id,
		.kernel = u.release,
		.os_image = os_image,
		.arch = arch_name(u.machine),
		.cpus = sysconf(_SC_NPROCESSORS_ONLN),
		.memory_kb = (long)(info.totalram / 1024 * info.mem_unit),
		.pods = pods_of(&conf.podnet.cidrs),
	};
	return &f;
}

/* ---- the module ----------------------------------------------------------------------------- */

static int write_node(struct err *e)
{
	struct node_facts f = *machine();
	const struct object *old = store_get(KIND_NODE, "", f.name);
	auto_mut yyjson_mut_doc *doc = NULL;
	struct addresses addresses;
	char now[TIME_TEXT];
	int ret;

	find_addresses(&addresses);
	timer_set(&timer, addresses.n ? LOOK_MS : LOOK_SOON_MS);
	memcpy(f.addresses, addresses.v, sizeof(f.addresses));
	f.n_addresses = addresses.n;
	f.now = time_text(time(NULL), now);
	doc = node_plan(&f, old);
	store_begin();
	ret = store_put(KIND_NODE, "", f.name, doc, 0, NULL, e);
	if (!ret)
		return store_commit(e);
	store_abort();
	return ret;
}

static void on_timer(struct timer *t)
{
	(void)t;
	module_resync(&node_module); /* which sets the timer again */
}

static int node_sync(struct changes *c, struct err *e)
{
	struct change change;
	bool own = c->full;

	while (changes_next(c, &change))
		own |= !strcmp((change.new ? change.new : change.old)->name, conf.node.name);
	return own ? write_node(e) : 0;
}

static int node_init(struct err *e)
{
	rt = rt_open(-1, e);
	if (!rt)
		return -e->code;
	timer_set(&timer, LOOK_MS);
	return 0;
}

static void node_exit(bool remove)
{
	(void)remove;
	timer_del(&timer);
	rt_close(rt);
	rt = NULL;
}

const struct module node_module = {
	.name = "node",
	.watches = KIND_BIT(KIND_NODE),
	.init = node_init,
	.sync = node_sync,
	.exit = node_exit,
};
