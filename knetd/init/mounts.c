/* mounts.c - the file systems that the kernel offers.
 *
 * The root of an initramfs is one that pivot_root(2) does not leave behind, so that no container
 * could be started on it. The same files mounted once more over it are a root like any other. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include <knetd/auto.h>

#include "init.h"

static const struct {
	const char *type, *where, *options;
	unsigned long flags;
} mounts[] = {
	{ "devtmpfs", "/dev", "mode=755", MS_NOSUID },
	{ "proc", "/proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
	{ "sysfs", "/sys", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
	{ "cgroup2", "/sys/fs/cgroup", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
	{ "devpts", "/dev/pts", "mode=620,ptmxmode=666", MS_NOSUID | MS_NOEXEC },
	{ "tmpfs", "/dev/shm", "mode=1777", MS_NOSUID | MS_NODEV },
	{ "tmpfs", "/run", "mode=755", MS_NOSUID | MS_NODEV },
	{ "tmpfs", "/tmp", "mode=1777", MS_NOSUID | MS_NODEV },
};

static void leave_rootfs(void)
{
	struct statfs s;

	if (statfs("/", &s) < 0 || (s.f_type != RAMFS_MAGIC && s.f_type != TMPFS_MAGIC))
		return; /* a root on a disk */
	mkdir("/run", 0755);
	if (mount("/", "/run", NULL, MS_BIND, NULL) < 0 || chdir("/run") < 0 ||
	    mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		init_say("the root: %m");
}

static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);

	if (fd < 0)
		return;
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

void init_mount_kernel(void)
{
	leave_rootfs();
	for (size_t i = 0; i < ARRAY_LEN(mounts); i++) {
		mkdir(mounts[i].where, 0755);
		/* EBUSY: a kernel that mounts /dev itself; ENODEV: one without cgroups */
		if (mount(mounts[i].type, mounts[i].where, mounts[i].type, mounts[i].flags,
		          mounts[i].options) < 0 &&
		    errno != EBUSY)
			init_say("mount %s: %m", mounts[i].where);
		if (i == 0)
			open_console();
	}
	/* Mounts made later are seen by those who look from a mount namespace of their own: the
	 * namespaces of pods are such mounts. */
	if (mount(NULL, "/", NULL, MS_SHARED | MS_REC, NULL) < 0)
		init_say("shared mounts: %m");
}
