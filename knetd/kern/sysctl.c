/* sysctl.c - /proc/sys. A file under net/ belongs to the namespace of whoever opens it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/kern.h>

#include "netns.h"

#define VALUE_MAX 128

static int open_key(const char *path, int flags) /* or -errno */
{
	char full[160];
	int fd;

	if (snprintf(full, sizeof(full), "/proc/sys/%s", path) >= (int)sizeof(full))
		return -ENAMETOOLONG;
	fd = open(full, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int get_here(const char *path, char *out, size_t size, struct err *e)
{
	auto_close int fd = open_key(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return err_set(e, -fd, "sysctl %s: %s", path, strerror(-fd));
	n = read(fd, out, size - 1);
	if (n < 0)
		return err_set(e, errno, "sysctl %s: %s", path, strerror(errno));
	out[n] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return 0;
}

bool sysctl_is(const char *path, const char *value)
{
	char now[VALUE_MAX];

	return get_here(path, now, sizeof(now), NULL) == 0 && !strcmp(now, value);
}

static int set_here(const char *path, const char *value, struct err *e)
{
	ssize_t n = (ssize_t)strlen(value);
	auto_close int fd = -1;
	int code;

	if (sysctl_is(path, value))
		return 0;
	fd = open_key(path, O_WRONLY);
	code = fd < 0 ? -fd : write(fd, value, (size_t)n) != n ? errno : 0;
	return code ? err_set(e, code, "sysctl %s=%s: %s", path, value, strerror(code)) : 0;
}

int sysctl_set(int netns_fd, const char *path, const char *value, struct err *e)
{
	int home = -1, ret;

	if (netns_fd >= 0 && netns_enter(netns_fd, &home, e))
		return -e->code;
	ret = set_here(path, value, e);
	netns_leave(home);
	return ret;
}

int sysctl_get(int netns_fd, const char *path, char *out, size_t size, struct err *e)
{
	int home = -1, ret;

	if (netns_fd >= 0 && netns_enter(netns_fd, &home, e))
		return -e->code;
	ret = get_here(path, out, size, e);
	netns_leave(home);
	return ret;
}
