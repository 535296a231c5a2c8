/* dns_names.c - see dns_names.h */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/log.h>
#include <knetd/loop.h>

#include "dns_file.h"
#include "dns_hosts.h"
#include "dns_local.h"
#include "dns_names.h"
#include "dns_zones.h"

#define CHECK_MS 5000

static struct {
	void (*changed)(void);
	struct timer timer;
	bool stale[DNS_SLOTS_ALL];
	struct dns_file hosts_file;
	struct hosts { /* as entries: a name of the ConfigMap hides that of the file */
		struct buf entries;
		unsigned n;
	} file, given_hosts;
	struct dns_rewrites rules, given; /* of the configuration, of the ConfigMap */
} names;

/* ---- hosts -------------------------------------------------------------------------------------
 */

static int use_hosts(struct hosts *hosts, const char *where, const char *text, struct err *e)
{
	struct dns_hosts h = { 0 };
	int ret = dns_hosts_parse(&h, where, text, e);

	if (!ret) {
		buf_reset(&hosts->entries);
		hosts->n = dns_hosts_entries(&h, conf.dns.ttl, &hosts->entries);
		names.stale[DNS_SLOT_LOCAL] = true;
	}
	dns_hosts_free(&h);
	return ret;
}

static void read_hosts(void)
{
	auto_buf struct buf text = { 0 };
	struct err e = { 0 };
	int ret = *conf.dns.hosts ? dns_file_read(&names.hosts_file, conf.dns.hosts, &text, &e) : 0;

	if (ret > 0)
		ret = use_hosts(&names.file, conf.dns.hosts, text.data, &e) ? -e.code : 1;
	if (ret < 0)
		log_err("dns: hosts: %s; %s", e.text,
		        names.file.n ? "what it said before stays" : "nothing of it is served");
	else if (ret > 0)
		log_info("dns: hosts: %u names and addresses in %s", names.file.n, conf.dns.hosts);
}

int dns_names_set_hosts(const char *where, const char *hosts, struct err *e)
{
	return use_hosts(&names.given_hosts, where, hosts, e);
}

/* What stands first is found first. */
static unsigned add_hosts(struct buf *entries)
{
	const struct hosts *v[] = { &names.given_hosts, &names.file };
	unsigned n = 0;

	for (unsigned i = 0; i < ARRAY_LEN(v); i++) {
		buf_add(entries, v[i]->entries.data, v[i]->entries.len);
		entries->failed |= v[i]->entries.failed;
		n += v[i]->n;
	}
	return n;
}

/* ---- rewrite rules -----------------------------------------------------------------------------
 */

static int read_rules(struct err *e)
{
	auto_free char *copy = xstrdup(conf.dns.rewrite);
	char *save = NULL;

	for (char *rule = strtok_r(copy, ",", &save); rule; rule = strtok_r(NULL, ",", &save))
		if (dns_rewrite_parse(&names.rules, rule, e))
			return err_wrap(e, "[dns] rewrite: \"%.80s\"", rule);
	return 0;
}

void dns_names_set_rewrites(const struct dns_rewrites *rules)
{
	names.given = rules ? *rules : (struct dns_rewrites){ 0 };
	names.stale[DNS_SLOT_REWRITE] = true;
}

/* Those of the configuration come first. */
static void build_rules(struct buf *out)
{
	static struct dns_rewrites all;

	all = names.rules;
	for (unsigned i = 0; i < names.given.n && all.n < DNS_REWRITE_MAX; i++)
		all.v[all.n++] = names.given.v[i];
	if (all.n < names.rules.n + names.given.n)
		log_err("dns: rewrite: at most %u rules: the last ones are left out",
		        DNS_REWRITE_MAX);
	dns_rewrite_build(&all, out);
}

/* ---- zones -------------------------------------------------------------------------------------
 */

int dns_names_set_zone(const char *key, const char *text, struct err *e)
{
	int ret = 0;

	if (text)
		ret = dns_zones_set(key, text, e);
	else
		dns_zones_unset(key);
	if (!ret)
		names.stale[DNS_SLOT_LOCAL] = true;
	return ret;
}

/* ---- all of it ---------------------------------------------------------------------------------
 */

static void build_local(struct buf *out)
{
	auto_buf struct buf entries = { 0 };
	unsigned hosts = add_hosts(&entries), zones = dns_zones_entries(&entries);

	dns_local_build(out, hosts, zones, &entries);
}

bool dns_names_take(unsigned slot, struct buf *out)
{
	if (!names.stale[slot])
		return false;
	names.stale[slot] = false;
	if (slot == DNS_SLOT_LOCAL)
		build_local(out);
	else
		build_rules(out);
	return true;
}

void dns_names_all(void)
{
	names.stale[DNS_SLOT_LOCAL] = names.stale[DNS_SLOT_REWRITE] = true;
}

void dns_names_reload(void)
{
	read_hosts();
	if (dns_zones_read())
		names.stale[DNS_SLOT_LOCAL] = true;
	if (names.stale[DNS_SLOT_LOCAL] && names.changed)
		names.changed();
}

static void check(struct timer *t)
{
	dns_names_reload();
	timer_set(t, CHECK_MS);
}

int dns_names_init(void (*changed)(void), struct err *e)
{
	int ret = read_rules(e);

	if (ret)
		return ret;
	dns_names_reload();
	names.changed = changed;
	names.timer.fn = check;
	if (*conf.dns.hosts || *conf.dns.zones)
		timer_set(&names.timer, CHECK_MS);
	return 0;
}

void dns_names_exit(void)
{
	timer_del(&names.timer);
	dns_zones_exit();
	buf_free(&names.file.entries);
	buf_free(&names.given_hosts.entries);
}
