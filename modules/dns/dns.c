/* dns.c - the module: cluster DNS, served by workers from snapshots that the plan makes.
 *
 * Of the names nothing is kept here but the snapshots themselves, which the workers map too: an
 * update copies the shards it touches (dns_plan.h). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/event.h>
#include <knetd/http.h>
#include <knetd/kern.h>
#include <knetd/log.h>
#include <knetd/loop.h>
#include <knetd/module.h>
#include <knetd/worker.h>

#include "dns_config_map.h"
#include "dns_cookie_secret.h"
#include "dns_host.h"
#include "dns_log.h"
#include "dns_metrics.h"
#include "dns_names.h"
#include "dns_plan.h"
#include "dns_records.h"
#include "dns_trust.h"
#include "dns_show.h"
#include "dns_upstreams.h"

extern const struct module dns_module;
extern const struct worker_role dns_role;

static struct {
	struct worker_pool *pool;
	struct conf_endpoints addresses;      /* cluster DNS, of families there are */
	struct snapshot *slot[DNS_SLOTS_ALL]; /* in force; NULL: empty */
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

	dns_plan_settings(dns_upstreams_now(), dns_upstreams_searches(), &out);
	return same(dns.slot[0], &out) ? 0 : publish(0, &out, e);
}

/* Without it what has to be proved by name cannot be asked; everything else goes on. */
static void publish_trust(void)
{
	auto_buf struct buf out = { 0 };
	struct err e = { 0 };

	if (dns_trust_build(dns_upstreams_now(), &out, &e) ||
	    (!same(dns.slot[DNS_SLOT_TRUST], &out) && publish(DNS_SLOT_TRUST, &out, &e)))
		log_err("dns: %s", e.text);
}

static int publish_shard(const struct dns_plan *p, unsigned slot, bool full, struct err *e)
{
	const struct snapshot *s = dns.slot[slot];
	auto_buf struct buf out = { 0 };
	struct dns_shard old = { 0 };

	if (!full && s && !dns_shard_open(&old, s->data, s->len))
		return err_set(e, EINVAL, "snapshot %u cannot be read", slot);
	/* one endpoint of a large headless Service leaves the others' addresses as they are */
	if (!dns_plan_shard(p, slot, &old, &out) && !full)
		return 0;
	return full && same(s, &out) ? 0 : publish(slot, &out, e);
}

static int publish_names(struct err *e)
{
	static const unsigned slots[] = { DNS_SLOT_LOCAL, DNS_SLOT_REWRITE };
	int ret = 0;

	for (unsigned i = 0; i < ARRAY_LEN(slots) && !ret; i++) {
		auto_buf struct buf out = { 0 };

		if (dns_names_take(slots[i], &out) && !same(dns.slot[slots[i]], &out))
			ret = publish(slots[i], &out, e);
	}
	return ret;
}

static int publish_plan(const struct dns_plan *p, bool full, struct err *e)
{
	int ret = full ? publish_settings(e) : 0;

	if (full)
		publish_trust();
	for (unsigned slot = 1; slot < DNS_SLOTS && !ret; slot++)
		if (p->rebuild[slot])
			ret = publish_shard(p, slot, full, e);
	if (!ret)
		ret = publish_names(e);
	if (!ret)
		worker_pool_flush(dns.pool);
	return ret;
}

static void tell_cut(const struct dns_cut *cut)
{
	for (; cut; cut = cut->next)
		event_emit(KIND_SERVICE, cut->ns, cut->service, EVENT_WARNING,
		           "DNSRecordsTruncated",
		           "there are more records of one name than a DNS answer holds; those of "
		           "the first %u bytes are served",
		           DNS_SET_MAX);
}

static int apply(struct changes *c, struct err *e)
{
	struct change change;
	struct dns_plan plan;
	bool full = c->full, config = full;
	int ret;

	dns_plan_begin(&plan);
	while (changes_next(c, &change)) {
		if (change.kind == KIND_CONFIGMAP)
			config |= dns_config_map_is(change.new ? change.new : change.old);
		else
			dns_plan_change(&plan, &change);
	}
	if (config)
		dns_config_map_read(dns_config_map_now());
	if (full) {
		dns_names_all();
		dns_plan_all(&plan);
	} else {
		dns_plan_changes_end(&plan);
	}
	ret = publish_plan(&plan, full, e);
	if (!ret)
		dns_programmed(plan.changed, loop_now_ns());
	tell_cut(plan.cut);
	dns_plan_free(&plan);
	return ret || !full ? ret : dns_host_apply(&dns.addresses, e);
}

static void names_changed(void)
{
	struct err e = { 0 };

	if (publish_names(&e)) {
		log_err("dns: %s", e.text);
		module_resync(&dns_module);
	}
	worker_pool_flush(dns.pool);
}

static void upstreams_changed(void)
{
	struct err e = { 0 };

	publish_trust();
	if (publish_settings(&e))
		log_err("dns: %s", e.text);
	worker_pool_flush(dns.pool);
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

static void address_gone(const struct ip *ip)
{
	char text[IP_TEXT];

	for (unsigned i = 0; i < dns.addresses.n; i++) {
		if (ip && !ip_equal(ip, &dns.addresses.v[i].ip))
			continue;
		if (ip)
			log_info("dns: somebody took %s away from lo; adding it again",
			         ip_text(ip, text));
		module_resync(&dns_module);
		return;
	}
}

static int init(struct err *e)
{
	struct worker_listen listen[4 * CONF_ADDRS];
	unsigned n = 0;
	int ret;

	dns_cookie_secret_init();
	dns_host_addresses(&dns.addresses);
	add_listen(listen, &n, &dns.addresses, true);
	add_listen(listen, &n, &conf.dns.listen, false);
	dns_upstreams_init(upstreams_changed);
	if (dns_names_init(names_changed, e))
		return -e->code;
	dns.pool = worker_pool_start(&dns_role, listen, n, e);
	if (!dns.pool && e->code == EADDRINUSE)
		return err_wrap(e, "another DNS server is in the way ([dns] address, listen)");
	if (!dns.pool)
		return -e->code;
	dns_log_begin(dns.pool, conf.dns.log);
	ret = addr_watch(address_gone, e);
	return ret ? ret : nft_watch(DNS_TABLE, table_changed, e);
}

static void finish(bool remove)
{
	dns_upstreams_exit();
	dns_config_map_exit();
	dns_names_exit();
	dns_log_end();
	dns_ask_exit();
	worker_pool_free(dns.pool, remove);
	if (remove)
		dns_host_remove(&dns.addresses);
	for (unsigned i = 0; i < DNS_SLOTS_ALL; i++)
		snapshot_unref(dns.slot[i]);
}

static void reload(void)
{
	dns_upstreams_reload();
	dns_names_reload();
	publish_trust();
	worker_pool_flush(dns.pool);
}

static void metrics(struct buf *out)
{
	dns_metrics(dns.pool, dns_upstreams_now(), out);
	dns_log_metrics(out);
	dns_programmed_metrics(out);
}

static void show(const struct http_call *call, struct http_answer *answer)
{
	static struct dns_zone zone;

	for (unsigned i = 0; i < DNS_SLOTS_ALL; i++) {
		const struct snapshot *s = dns.slot[i];

		dns_zone_take(&zone, i, s ? s->data : NULL, s ? s->len : 0);
	}
	dns_show(&zone, call, answer);
}

static const struct route routes[] = {
	{ "GET", "/knetd/v1/dns", show },
	{ "GET", "/knetd/v1/dns/ask", dns_ask },
	{ "GET", "/knetd/v1/dns/log", dns_log_show },
	{ NULL, NULL, NULL },
};

const struct module dns_module = {
	.name = "dns",
	.watches = KIND_BIT(KIND_SERVICE) | KIND_BIT(KIND_ENDPOINTSLICE) |
	           KIND_BIT(KIND_NAMESPACE) | KIND_BIT(KIND_POD) | KIND_BIT(KIND_CONFIGMAP),
	.init = init,
	.sync = apply,
	.metrics = metrics,
	.reload = reload,
	.routes = routes,
	.exit = finish,
};
