/* dns_upstreams.c - see dns_upstreams.h.
 *
 * The file is read when inotify tells of it (dns_watch.c), and looked at every few seconds and at
 * SIGHUP. inotify alone would not do: resolv.conf is mostly a link into another program's directory
 * under /run, which may not be there yet, or is a mount; a stat sees all of that, and costs
 * microseconds. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/log.h>
#include <knetd/loop.h>
#include <knetd/map.h>

#include "dns_resolv.h"
#include "dns_upstreams.h"
#include "dns_watch.h"

#define CHECK_MS 5000
#define FILE_MAX (64 * 1024)

static struct {
	void (*changed)(void);
	struct dns_upstreams file; /* what it said last */
	struct dns_searches searches;
	struct stat seen; /* of the file that was read last */
	struct timer timer;
	bool other_list, other_stubs; /* given at run time: */
	struct dns_upstreams list;
	struct stub_domains stubs;
	char loop[DNS_LOOP_LABEL / 2 + 1];
	struct dns_groups now;
	struct dns_numbers numbers;
} ups;

const struct dns_groups *dns_upstreams_now(void)
{
	return &ups.now;
}

const struct dns_searches *dns_upstreams_searches(void)
{
	return &ups.searches;
}

static void tell(const struct dns_groups *g)
{
	char text[UPSTREAM_TEXT];

	if (!g->group[0].n)
		log_warn("dns: no upstreams: names outside %s cannot be resolved", conf.dns.domain);
	for (unsigned i = 0; i < g->n; i++) {
		const struct dns_group *group = &g->group[i];
		char domain[DNS_NAME_MAX + 1];

		dns_name_to_text(domain, group->suffix, group->suffix_len);
		for (unsigned k = group->first; k < group->first + group->n; k++)
			log_info("dns: upstream %s%s%s", upstream_text(&g->upstream[k], text),
			         i ? " for " : "", i ? domain : "");
		if (i && !group->n)
			log_warn("dns: no upstreams for %s: its names cannot be resolved", domain);
	}
}

/* Puts together what is in force; true when that is something new. */
static bool settle(void)
{
	static struct dns_groups next;
	static struct dns_searches told;
	bool searches = memcmp(&told, &ups.searches, sizeof(told)) != 0;
	const struct dns_upstreams *list = ups.other_list            ? &ups.list
	                                   : conf.dns.upstreams_file ? &ups.file
	                                                             : &conf.dns.upstreams;

	dns_groups_build(&next, list, ups.other_stubs ? &ups.stubs : &conf.dns.stubs,
	                 conf.dns.policy, dns_resolv_own);
	told = ups.searches;
	memcpy(next.loop, ups.loop, sizeof(next.loop));
	if (dns_groups_equal(&next, &ups.now))
		return searches;
	dns_groups_number(&next, &ups.numbers);
	ups.now = next;
	tell(&ups.now);
	return true;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* A file that is gone for a moment leaves things as they are. */
static void read_file(void)
{
	static char text[FILE_MAX];
	auto_close int fd = open(conf.dns.resolv_conf, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || same_file(&st, &ups.seen))
		return;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return;
	ups.seen = st;
	text[n] = '\0';
	dns_resolv_parse(text, &ups.file);
	dns_resolv_searches(text, &ups.searches);
}

void dns_upstreams_reload(void)
{
	if (!conf.dns.upstreams_file)
		return;
	read_file();
	if (settle())
		ups.changed();
}

static void check(struct timer *t)
{
	dns_watch_again();
	dns_upstreams_reload();
	timer_set(t, CHECK_MS);
}

void dns_upstreams_override(const struct dns_upstreams *list, const struct stub_domains *stubs)
{
	ups.other_list = list;
	ups.other_stubs = stubs;
	if (list)
		ups.list = *list;
	if (stubs)
		ups.stubs = *stubs;
	if (settle())
		ups.changed();
}

/* What loops are told by is the same for every control process of this daemon, so that the workers'
 * settings, and what they know of upstreams, outlive a restart; and it is nobody else's. */
static void name_loops(void)
{
	char key[512] = "";
	auto_close int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, key, 64);
	struct stat net = { 0 };

	if (n <= 0 || stat("/proc/self/ns/net", &net) < 0)
		return;
	n += snprintf(key + n, sizeof(key) - (size_t)n, "%llu %s", (unsigned long long)net.st_ino,
	              conf.node.run_dir);
	snprintf(ups.loop, sizeof(ups.loop), "%016llx",
	         (unsigned long long)hash_bytes(key, (size_t)n, 0x6c6f6f70));
}

void dns_upstreams_init(void (*changed)(void))
{
	ups.changed = changed;
	name_loops();
	if (conf.dns.upstreams_file) {
		dns_watch_begin(conf.dns.resolv_conf, dns_upstreams_reload);
		read_file();
		ups.timer.fn = check;
		timer_set(&ups.timer, CHECK_MS);
	}
	settle();
}

void dns_upstreams_exit(void)
{
	timer_del(&ups.timer);
	dns_watch_end();
}
