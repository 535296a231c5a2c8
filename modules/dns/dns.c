/* dns.c - the module: cluster DNS, served by workers from snapshots that the plan makes.
 *
 * Of the names nothing is kept here but the snapshots themselves, which the workers map too: an
 * update copies the shards it touches (dns_plan.h). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/kern.h>
#include <knetd/log.h>
#include <knetd/loop.h>
#include <knetd/module.h>
#include <knetd/worker.h>

#include "dns_host.h"
#include "dns_metrics.h"
#include "dns_plan.h"
#include "dns_resolv.h"

#define RESOLV_CHECK_MS 5000
#define RESOLV_MAX (64 * 1024)

extern const struct module dns_module;
extern const struct worker_role dns_role;

static struct {
	struct worker_pool *pool;
	struct conf_endpoints addresses; /* cluster DNS, of families there are */
	struct conf_endpoints upstreams;
	struct stat resolv; /* of the file that was read last */
	struct timer resolv_timer;
	struct snapshot *slot[DNS_SLOTS]; /* in force; NULL: empty */
} dns;

/* ---- snapshots ---------------------------------------------------------------------------------
 */

static bool same(const struct snapshot *old, const struct buf *b)
{
	return old ? old->len == b->len && !memcmp(old->data, b->data, b->len) : !b->len;
}

/* Puts b's bytes in force in a slot; they stay mapped here for the next update. */
static int publish(unsigned slot, const struct buf *b, struct err *e)
{
	struct snapshot *s = NULL;
	auto_close int fd = -1;

	if (b->failed)
		return err_set(e, EFBIG, "snapshot %u is too large", slot);
	if (b->len) {
		int mine;

		fd = snapshot_seal(b, "dns", e);
		if (fd < 0)
			return fd;
		mine = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (mine < 0)
			return err_set(e, errno, "snapshot: %s", strerror(errno));
		s = snapshot_map(mine, e);
		if (!s)
			return -e->code;
	}
	worker_pool_publish(dns.pool, slot, TAKE_FD(fd));
	snapshot_unref(dns.slot[slot]);
	dns.slot[slot] = s;
	return 0;
}

static int publish_settings(struct err *e)
{
	auto_buf struct buf out = { 0 };

	dns_plan_settings(&dns.upstreams, &out);
	return same(dns.slot[0], &out) ? 0 : publish(0, &out, e);
}

static int publish_shard(const struct dns_plan *p, unsigned slot, bool full, struct err *e)
{
	const struct snapshot *s = dns.slot[slot];
	auto_buf struct buf out = { 0 };
	struct dns_shard old = { 0 };

	if (!full && s && !dns_shard_open(&old, s->data, s->len))
		return err_set(e, EINVAL, "snapshot %u cannot be read", slot);
	dns_plan_shard(p, slot, &old, &out);
	/* a full pass mostly finds things as they should be; an update mostly does not */
	return full && same(s, &out) ? 0 : publish(slot, &out, e);
}

static int publish_plan(const struct dns_plan *p, bool full, struct err *e)
{
	int ret = full ? publish_settings(e) : 0;

	for (unsigned slot = 1; slot < DNS_SLOTS && !ret; slot++)
		if (p->rebuild[slot])
			ret = publish_shard(p, slot, full, e);
	if (!ret)
		worker_pool_flush(dns.pool);
	return ret;
}

static int apply(struct changes *c, struct err *e)
{
	struct change change;
	struct dns_plan plan;
	bool full = c->full;
	int ret;

	dns_plan_begin(&plan);
	while (changes_next(c, &change))
		dns_plan_change(&plan, &change);
	if (full)
		dns_plan_all(&plan);
	else
		dns_plan_changes_end(&plan);
	ret = publish_plan(&plan, full, e);
	dns_plan_free(&plan);
	return ret || !full ? ret : dns_host_apply(&dns.addresses, e);
}

/* ---- upstreams ---------------------------------------------------------------------------------
 */

static void use_upstreams(const struct conf_endpoints *found)
{
	char ip[IP_TEXT];

	dns.upstreams = *found;
	if (!found->n)
		log_warn("dns: no upstreams: names outside %s cannot be resolved", conf.dns.domain);
	for (unsigned i = 0; i < found->n; i++)
		log_info("dns: upstream %s port %u", ip_text(&found->v[i].ip, ip),
		         found->v[i].port);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool same_endpoints(const struct conf_endpoints *a, const struct conf_endpoints *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (!endpoint_equal(&a->v[i], &b->v[i]))
			return false;
	return true;
}

/* True when the upstreams changed. A file that is gone for a moment leaves them as they are. */
static bool read_resolv(void)
{
	static char text[RESOLV_MAX];
	auto_close int fd = open(conf.dns.resolv_conf, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct conf_endpoints found = { 0 };
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || same_file(&st, &dns.resolv))
		return false;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return false;
	dns.resolv = st;
	text[n] = '\0';
	dns_resolv_parse(text, &found);
	if (same_endpoints(&found, &dns.upstreams))
		return false;
	use_upstreams(&found);
	return true;
}

static void resolv_check(struct timer *t)
{
	struct err e = { 0 };

	if (read_resolv()) {
		if (publish_settings(&e))
			log_err("dns: %s", e.text);
		worker_pool_flush(dns.pool);
	}
	timer_set(t, RESOLV_CHECK_MS);
}

static void upstreams_init(void)
{
	struct conf_endpoints list = { 0 };

	if (conf.dns.upstreams_file) {
		if (!read_resolv())
			use_upstreams(&list);
		dns.resolv_timer.fn = resolv_check;
		timer_set(&dns.resolv_timer, RESOLV_CHECK_MS);
		return;
	}
	for (unsigned i = 0; i < conf.dns.upstreams.n; i++)
		if (!dns_resolv_own(&conf.dns.upstreams.v[i]))
			list.v[list.n++] = conf.dns.upstreams.v[i];
	use_upstreams(&list);
}

/* ---- start and end -----------------------------------------------------------------------------
 */

static void add_listen(struct worker_listen *v, unsigned *n, const struct conf_endpoints *list,
                       bool ours)
{
	for (unsigned i = 0; i < list->n; i++)
		for (unsigned stream = 0; stream < 2; stream++)
			v[(*n)++] = (struct worker_listen){ .at = list->v[i],
				                            .stream = stream,
				                            .transparent = ours };
}

static void table_changed(const char *table)
{
	(void)table;
	log_info("dns: somebody changed table inet " DNS_TABLE "; making it anew");
	module_resync(&dns_module);
}

static int init(struct err *e)
{
	struct worker_listen listen[4 * CONF_ADDRS];
	unsigned n = 0;

	dns_host_addresses(&dns.addresses);
	add_listen(listen, &n, &dns.addresses, true);
	add_listen(listen, &n, &conf.dns.listen, false);
	upstreams_init();
	dns.pool = worker_pool_start(&dns_role, listen, n, e);
	if (!dns.pool && e->code == EADDRINUSE)
		return err_wrap(e, "another DNS server is in the way ([dns] address, listen)");
	return dns.pool ? nft_watch(DNS_TABLE, table_changed, e) : -e->code;
}

static void finish(bool remove)
{
	timer_del(&dns.resolv_timer);
	worker_pool_free(dns.pool, remove);
	if (remove)
		dns_host_remove(&dns.addresses);
	for (unsigned i = 0; i < DNS_SLOTS; i++)
		snapshot_unref(dns.slot[i]);
}

static void metrics(struct buf *out)
{
	dns_metrics(dns.pool, &dns.upstreams, out);
}

const struct module dns_module = {
	.name = "dns",
	.watches = KIND_BIT(KIND_SERVICE) | KIND_BIT(KIND_ENDPOINTSLICE) |
	           KIND_BIT(KIND_NAMESPACE) | KIND_BIT(KIND_POD),
	.init = init,
	.sync = apply,
	.metrics = metrics,
	.exit = finish,
};
