/* disks.c - [init] mount: disks that hold what must outlive the machine's power. A disk may come
 * later than we do (USB): it is waited for, for a while, as the kernel tells of devices. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <linux/netlink.h>

#include <knetd/auto.h>
#include <knetd/file.h>

#include "disks.h"
#include "init.h"

#define WAIT_MS 10000
#define MOUNTS_MAX (1 << 20)

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- which device --------------------------------------------------------------------------- */

bool disk_has_label(const uint8_t *super, const char *label)
{
	enum { MAGIC = 0x38, LABEL = 0x78, LABEL_SIZE = 16 };

	return super[MAGIC] == 0x53 && super[MAGIC + 1] == 0xef && strlen(label) <= LABEL_SIZE &&
	       !strncmp((const char *)super + LABEL, label, LABEL_SIZE);
}

static bool is_labelled(const char *device, const char *label)
{
	auto_close int fd = open(device, O_RDONLY | O_CLOEXEC);
	uint8_t super[DISK_SUPER_SIZE];

	return fd >= 0 && pread(fd, super, sizeof(super), DISK_SUPER_AT) == sizeof(super) &&
	       disk_has_label(super, label);
}

static bool find_label(const char *label, char *out, size_t size)
{
	DIR *dir = opendir("/sys/class/block");
	const struct dirent *d;
	bool found = false;

	while (dir && !found && (d = readdir(dir))) {
		snprintf(out, size, "/dev/%s", d->d_name);
		found = d->d_name[0] != '.' && is_labelled(out, label);
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool find_device(const char *source, char *out, size_t size)
{
	struct stat st;

	if (!strncmp(source, "LABEL=", 6))
		return find_label(source + 6, out, size);
	snprintf(out, size, "%s", source);
	return stat(source, &st) == 0;
}

/* Until a device has come or gone, or the time is over. */
static void await_news(int uevents, uint64_t until)
{
	struct pollfd p = { .fd = uevents, .events = POLLIN };
	uint64_t now = now_ms();
	char text[4096];

	if (poll(&p, 1, now < until ? (int)(until - now) : 0) > 0)
		while (recv(uevents, text, sizeof(text), MSG_DONTWAIT) > 0)
			;
}

static bool await_device(const char *source, char *out, size_t size)
{
	auto_close int uevents =
		socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	struct sockaddr_nl all = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	uint64_t until = now_ms() + WAIT_MS;
	bool found;

	if (bind(uevents, (struct sockaddr *)&all, sizeof(all)) < 0)
		init_say("news of devices: %m");
	while (!(found = find_device(source, out, size)) && now_ms() < until)
		await_news(uevents, until);
	return found;
}

/* ---- mount ---------------------------------------------------------------------------------- */

unsigned long disk_flag(const char *word)
{
	static const struct {
		const char *word;
		unsigned long flag;
	} flags[] = {
		{ "ro", MS_RDONLY },     { "nosuid", MS_NOSUID },   { "nodev", MS_NODEV },
		{ "noexec", MS_NOEXEC }, { "noatime", MS_NOATIME }, { "sync", MS_SYNCHRONOUS },
	};

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (!strcmp(word, flags[i].word))
			return flags[i].flag;
	return 0;
}

/* What the kernel takes as bits goes there, the rest is the file system's. */
unsigned long disk_options(const char *options, char *rest, size_t size)
{
	auto_free char *copy = xstrdup(options);
	unsigned long flags = 0;
	char *save = NULL;

	*rest = 0;
	for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		size_t n = strlen(rest);

		if (disk_flag(w))
			flags |= disk_flag(w);
		else if (strcmp(w, "rw") != 0 && strcmp(w, "defaults") != 0)
			snprintf(rest + n, size - n, "%s%s", n ? "," : "", w);
	}
	return flags;
}

static void mount_disk(const struct conf_mount *m)
{
	char device[300], rest[sizeof(m->options)];
	unsigned long flags = disk_options(m->options, rest, sizeof(rest));
	struct err e = { 0 };

	if (file_make_dirs(m->target, 0755, &e))
		init_say("%s", e.text);
	if (!await_device(m->source, device, sizeof(device)))
		init_say("mount %s: %s did not come within %d seconds", m->target, m->source,
		         WAIT_MS / 1000);
	else if (mount(device, m->target, m->type, flags, rest) < 0)
		init_say("mount %s: %s: %m", m->target, device);
	else
		init_say("%s is mounted from %s", m->target, device);
}

void init_mount_disks(void)
{
	for (unsigned i = 0; i < conf.init.n_mounts; i++)
		mount_disk(&conf.init.mounts[i]);
}

/* ---- and away ------------------------------------------------------------------------------- */

/* Of "/dev/vda /var/lib ext4 rw ...": whether it is a disk's, and where. Blanks in names stand
 * there as \040. */
static bool holds_files(char *line, char **where)
{
	char *save = NULL, *source = strtok_r(line, " ", &save), *type;

	*where = strtok_r(NULL, " ", &save);
	type = strtok_r(NULL, " ", &save);
	return source && *where && type && (source[0] == '/' || !strcmp(type, "overlay"));
}

static void put_away(const char *where)
{
	if (strcmp(where, "/") != 0 && umount2(where, UMOUNT_NOFOLLOW) == 0)
		return;
	if (mount(NULL, where, NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
		init_say("%s stays mounted: %m", where);
}

void init_unmount_all(void)
{
	auto_buf struct buf b = { 0 };
	struct err e;
	char *line, *where;

	if (file_read("/proc/self/mounts", MOUNTS_MAX, &b, &e)) {
		init_say("%s", e.text);
		return;
	}
	while (b.len) { /* from the last to the first */
		b.data[b.len - 1] = 0;
		line = strrchr(b.data, '\n');
		line = line ? line + 1 : b.data;
		b.len = (size_t)(line - b.data);
		if (holds_files(line, &where))
			put_away(where);
	}
}
