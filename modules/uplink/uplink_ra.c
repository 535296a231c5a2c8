/* uplink_ra.c - see uplink_ra.h. What was told, and until when, stays in a file for the next
 * control process: routers say it again only now and then. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/file.h>
#include <knetd/kern.h>
#include <knetd/log.h>
#include <knetd/loop.h>
#include <knetd/uplink.h>

#include "uplink_names.h"
#include "uplink_ra.h"

#define KEPT "ra.names"
#define KEPT_MAX 8192
#define LOOK_MAX_S 3600

static struct uplink_names names;
static unsigned (*uplink)(void);
static void on_end(struct timer *t);
static struct timer end = { .fn = on_end };

/* Also while the machine sleeps, as the routers' clocks do. */
static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec;
}

static void put(const char *name, const struct buf *text)
{
	auto_free char *path = xasprintf("%s/" UPLINK_DIR "/%s", conf.node.run_dir, name);
	struct err e = { 0 };

	if (file_settle(path, text->len ? text->data : "", text->len, 0644, &e))
		log_warn("uplink: %s", e.text);
}

static void settle(void)
{
	auto_buf struct buf kept = { 0 }, text = { 0 };
	uint64_t at = now(), next = uplink_names_expire(&names, at);
	struct resolv r;

	uplink_names_print(&names, &kept);
	uplink_names_resolv(&names, &r);
	resolv_print(&r, &text);
	put(KEPT, &kept);
	put("resolv.conf", &text);
	timer_del(&end);
	if (next != UPLINK_FOREVER)
		timer_set(&end, 1000 * (next - at < LOOK_MAX_S ? next - at : LOOK_MAX_S));
}

static void on_end(struct timer *t)
{
	(void)t;
	settle();
}

static void on_options(unsigned ifindex, const uint8_t *options, size_t n)
{
	if (!uplink || ifindex != uplink())
		return;
	uplink_names_hear(&names, options, n, now());
	settle();
}

static void read_kept(void)
{
	auto_free char *path = xasprintf("%s/" UPLINK_DIR "/" KEPT, conf.node.run_dir);
	auto_buf struct buf b = { 0 };
	struct err e;

	if (file_read(path, KEPT_MAX, &b, &e) == 0) {
		uplink_names_parse(&names, b.data);
		settle();
	}
}

int uplink_ra_init(unsigned (*link)(void), struct err *e)
{
	auto_free char *dir = xasprintf("%s/" UPLINK_DIR, conf.node.run_dir);
	int ret = file_make_dirs(dir, 0755, e);

	if (ret)
		return ret;
	uplink = link;
	read_kept();
	return ra_watch(on_options, e);
}

void uplink_ra_exit(void)
{
	timer_del(&end);
	uplink = NULL;
}
