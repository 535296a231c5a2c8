/* dns_zones.c - see dns_zones.h */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/list.h>
#include <knetd/log.h>

#include "dns_file.h"
#include "dns_snapshot.h"
#include "dns_zonefile.h"
#include "dns_zones.h"

struct zone {
	struct list in_all;
	char *where; /* the file's path, or the ConfigMap's key */
	bool given;  /* by the ConfigMap */
	bool listed; /* the file is still among those that are meant */
	struct dns_file file;
	struct dns_zonefile data; /* apex_len 0: none was good yet */
};

static struct list all = LIST_INIT(all); /* files in their order, then the ConfigMap's */
static unsigned n_all;

static void zone_free(struct zone *z)
{
	list_del(&z->in_all);
	n_all--;
	dns_zonefile_free(&z->data);
	free(z->where);
	free(z);
}

static struct zone *zone_get(const char *where, bool given)
{
	struct list *l, *next;
	struct zone *z;

	list_each (l, next, &all) {
		z = container_of(l, struct zone, in_all);
		if (z->given == given && !strcmp(z->where, where))
			return z;
	}
	return NULL;
}

/* Files beyond the maximum are told of once. */
static bool room_for(const char *path)
{
	static bool told;

	if (n_all < DNS_ZONES_MAX)
		return !(told = false);
	if (!told)
		log_err("dns: zones: %s and others are left out: at most %u zones", path,
		        DNS_ZONES_MAX);
	told = true;
	return false;
}

static struct zone *zone_add(const char *where, bool given, struct err *e)
{
	struct zone *z;

	if (n_all == DNS_ZONES_MAX) {
		err_set(e, E2BIG, "%s: at most %u zones", where, DNS_ZONES_MAX);
		return NULL;
	}
	z = xcalloc(1, sizeof(*z));
	z->where = xstrdup(where);
	z->given = given;
	list_add_tail(&all, &z->in_all);
	n_all++;
	return z;
}

/* ---- one zone ----------------------------------------------------------------------------------
 */

static struct zone *with_apex(const uint8_t *apex, size_t len, const struct zone *but)
{
	struct list *l, *next;

	list_each (l, next, &all) {
		struct zone *z = container_of(l, struct zone, in_all);

		if (z != but && z->data.apex_len == len && !memcmp(z->data.apex, apex, len))
			return z;
	}
	return NULL;
}

static bool in_cluster(const struct dns_zonefile *data)
{
	uint8_t zone[DNS_NAME_MAX];
	size_t len = dns_name_from_text(zone, conf.dns.domain);

	return dns_name_under(data->apex, data->apex_len, zone, len);
}

static int check(const struct zone *z, const struct dns_zonefile *data, struct err *e)
{
	const struct zone *other = with_apex(data->apex, data->apex_len, z);
	char text[DNS_NAME_MAX + 1];

	dns_name_to_text(text, data->apex, data->apex_len);
	if (other)
		return err_set(e, EEXIST, "%s: the zone %.100s is in %s already", z->where, text,
		               other->where);
	if (in_cluster(data))
		return err_set(e, EINVAL, "%s: the zone %.100s is the cluster's own", z->where,
		               text);
	return 0;
}

static int use(struct zone *z, const char *text, struct err *e)
{
	struct dns_zonefile data = { 0 };
	uint8_t origin[DNS_NAME_MAX];
	const char *slash = strrchr(z->where, '/');
	size_t len = dns_zonefile_origin(slash ? slash + 1 : z->where, origin);
	char apex[DNS_NAME_MAX + 1];
	int ret;

	if (!len) { /* a file may still say $ORIGIN */
		origin[0] = 0;
		len = 1;
	}
	ret = dns_zonefile_parse(&data, z->where, origin, len, text, e);
	if (!ret)
		ret = check(z, &data, e);
	if (ret) {
		dns_zonefile_free(&data);
		return ret;
	}
	if (data.n_warnings)
		log_warn("dns: zones: %s%s", data.warning,
		         data.n_warnings > 1 ? " (and more)" : "");
	log_info("dns: zone %s: %u records of %s", dns_name_to_text(apex, data.apex, data.apex_len),
	         data.n_records, z->where);
	dns_zonefile_free(&z->data);
	z->data = data;
	return 0;
}

/* ---- files -------------------------------------------------------------------------------------
 */

static bool read_zone(const char *path)
{
	struct zone *z = zone_get(path, false);
	auto_buf struct buf text = { 0 };
	struct err e = { 0 };
	int ret;

	if (!z && room_for(path))
		z = zone_add(path, false, &e);
	if (!z)
		return false;
	z->listed = true;
	ret = dns_file_read(&z->file, path, &text, &e);
	if (ret > 0)
		ret = use(z, text.data, &e) ? -e.code : 1;
	if (ret < 0)
		log_err("dns: zones: %s; %s", e.text,
		        z->data.apex_len ? "the zone stays as it was" : "it is not served");
	return ret > 0;
}

/* An item of the list: a file, a pattern, or a directory whose *.zone are meant. */
static bool read_item(const char *item)
{
	char path[512];
	struct stat st;
	bool any = false;
	glob_t g;

	if (!stat(item, &st) && S_ISDIR(st.st_mode))
		snprintf(path, sizeof(path), "%s/*.zone", item);
	else if (!strpbrk(item, "*?["))
		return read_zone(item);
	else
		snprintf(path, sizeof(path), "%s", item);
	if (glob(path, 0, NULL, &g))
		return false; /* none are there */
	for (size_t i = 0; i < g.gl_pathc; i++)
		any |= read_zone(g.gl_pathv[i]);
	globfree(&g);
	return any;
}

static bool drop_unlisted(void)
{
	struct list *l, *next;
	bool any = false;

	list_each (l, next, &all) {
		struct zone *z = container_of(l, struct zone, in_all);

		if (z->given || z->listed)
			continue;
		log_info("dns: zones: %s is gone", z->where);
		any |= z->data.apex_len != 0;
		zone_free(z);
	}
	return any;
}

bool dns_zones_read(void)
{
	auto_free char *copy = xstrdup(conf.dns.zones);
	struct list *l, *next;
	char *save = NULL;
	bool any = false;

	list_each (l, next, &all)
		container_of(l, struct zone, in_all)->listed = false;
	for (char *item = strtok_r(copy, ", \t", &save); item; item = strtok_r(NULL, ", \t", &save))
		any |= read_item(item);
	return drop_unlisted() || any;
}

/* ---- the ConfigMap -----------------------------------------------------------------------------
 */

int dns_zones_set(const char *key, const char *text, struct err *e)
{
	struct zone *z = zone_get(key, true);
	bool new = !z;
	int ret;

	if (!z)
		z = zone_add(key, true, e);
	if (!z)
		return -e->code;
	ret = use(z, text, e);
	if (ret && new)
		zone_free(z);
	return ret;
}

void dns_zones_unset(const char *key)
{
	struct zone *z = zone_get(key, true);

	if (z)
		zone_free(z);
}

/* ---- all of them -------------------------------------------------------------------------------
 */

/* Is there a zone between the name and the apex that it was read for? */
static bool of_another(const struct zone *z, const struct dns_entry *entry)
{
	for (size_t at = 0; (size_t)entry->key_len - at > z->data.apex_len;
	     at += entry->key[at] + 1u)
		if (with_apex(entry->key + at, entry->key_len - at, z))
			return true;
	return false;
}

static bool has_lower(const struct zone *z)
{
	struct list *l, *next;

	list_each (l, next, &all) {
		const struct dns_zonefile *d = &container_of(l, struct zone, in_all)->data;
		size_t at = 0;

		while (d->apex_len - at > z->data.apex_len)
			at += d->apex[at] + 1u;
		if (at && d->apex_len - at == z->data.apex_len &&
		    !memcmp(d->apex + at, z->data.apex, z->data.apex_len))
			return true;
	}
	return false;
}

static void add_entries(const struct zone *z, struct buf *out)
{
	const struct buf *from = &z->data.entries;

	if (!has_lower(z)) {
		buf_add(out, from->data, from->len);
		return;
	}
	for (size_t at = 0; at < from->len;) {
		const struct dns_entry *entry = (const struct dns_entry *)(from->data + at);

		if (!of_another(z, entry))
			buf_add(out, entry, entry->size);
		at += entry->size;
	}
}

unsigned dns_zones_entries(struct buf *out)
{
	struct list *l, *next;
	unsigned n = 0;

	list_each (l, next, &all) {
		const struct zone *z = container_of(l, struct zone, in_all);

		if (!z->data.apex_len)
			continue;
		add_entries(z, out);
		n++;
	}
	return n;
}

void dns_zones_exit(void)
{
	while (!list_empty(&all))
		zone_free(container_of(all.next, struct zone, in_all));
}
