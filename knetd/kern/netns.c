/* netns.c - network namespaces: see kern.h and netns.h */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <knetd/auto.h>
#include <knetd/kern.h>
#include <knetd/log.h>

#include "netns.h"

int netns_open(const char *path, struct err *e)
{
	/* not blocking: the path comes from outside and may be a FIFO */
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return err_set(e, errno, "netns %s: %s", path, strerror(errno));
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return err_set(e, EINVAL, "netns %s: not a network namespace", path);
	return TAKE_FD(fd);
}

uint64_t netns_inode(int netns_fd)
{
	struct stat st;

	return fstat(netns_fd, &st) == 0 ? st.st_ino : 0;
}

int netns_enter(int netns_fd, int *home, struct err *e)
{
	auto_close int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (own < 0)
		return err_set(e, errno, "/proc/self/ns/net: %s", strerror(errno));
	if (setns(netns_fd, CLONE_NEWNET) < 0)
		return err_set(e, errno, "setns: %s", strerror(errno));
	*home = TAKE_FD(own);
	return 0;
}

void netns_leave(int home)
{
	if (home < 0)
		return;
	if (setns(home, CLONE_NEWNET) < 0) { /* never seen; going on would act on a pod's network */
		log_err("netns: no way back: %s", strerror(errno));
		abort();
	}
	close(home);
}
