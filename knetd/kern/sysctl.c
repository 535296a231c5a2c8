/* sysctl.c - /proc/sys. A file under net/ belongs to the namespace of whoever opens it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/kern.h>

#include "netns.h"

#define VALUE_MAX 128

static bool stands(int fd, const char *value)
{
	char now[VALUE_MAX];
	ssize_t n = read(fd, now, sizeof(now) - 1);

	if (n < 0)
		return false;
	now[n] = '\0';
	now[strcspn(now, "\n")] = '\0';
	return !strcmp(now, value);
}

static int set_here(const char *path, const char *value, struct err *e)
{
	char full[160];
	auto_close int fd = -1;
	size_t n = strlen(value);

	if (snprintf(full, sizeof(full), "/proc/sys/%s", path) >= (int)sizeof(full))
		return err_set(e, ENAMETOOLONG, "sysctl %s", path);
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && stands(fd, value))
		return 0;
	if (fd >= 0)
		close(fd);
	fd = open(full, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, n) != (ssize_t)n)
		return err_set(e, errno, "sysctl %s=%s: %s", path, value, strerror(errno));
	return 0;
}

bool sysctl_is(const char *path, const char *value)
{
	char full[160];
	auto_close int fd = -1;

	snprintf(full, sizeof(full), "/proc/sys/%s", path);
	fd = open(full, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && stands(fd, value);
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

static int get_here(const char *path, char *out, size_t size, struct err *e)
{
	char full[160];
	auto_close int fd = -1;
	ssize_t n;

	if (snprintf(full, sizeof(full), "/proc/sys/%s", path) >= (int)sizeof(full))
		return err_set(e, ENAMETOOLONG, "sysctl %s", path);
	fd = open(full, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, out, size - 1);
	if (n < 0)
		return err_set(e, errno, "sysctl %s: %s", path, strerror(errno));
	out[n] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return 0;
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
