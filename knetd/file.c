/* file.c - see file.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/file.h>

int file_read(const char *path, size_t max, struct buf *out, struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t begin = out->len;
	ssize_t n = 1;
	char *room;

	if (fd < 0)
		return err_set(e, errno, "%s: %s", path, strerror(errno));
	while (n > 0 && out->len - begin <= max) {
		room = buf_room(out, 4097);
		n = room ? read(fd, room, 4096) : -1;
		if (n < 0)
			return err_set(e, room ? errno : EFBIG, "%s: %s", path, strerror(errno));
		out->len += n;
	}
	if (out->len - begin > max)
		return err_set(e, EFBIG, "%s: longer than %zu bytes", path, max);
	out->data[out->len] = 0;
	return 0;
}

static int sync_dir(const char *path)
{
	char dir[PATH_MAX];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash)
		*slash = 0;
	auto_close int fd =
		open(slash && slash != dir ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -1 : fsync(fd);
}

int file_write(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno != EINTR)
			return -errno;
		p += done > 0 ? done : 0;
		n -= done > 0 ? done : 0;
	}
	return 0;
}

int file_replace(const char *path, const void *data, size_t n, mode_t mode, struct err *e)
{
	char next[PATH_MAX];
	int code;

	if (snprintf(next, sizeof(next), "%s.new", path) >= (int)sizeof(next))
		return err_set(e, ENAMETOOLONG, "%s: too long a path", path);
	unlink(next); /* what a crash left, or somebody put there */
	auto_close int fd = open(next, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	if (fd >= 0 && !fchmod(fd, mode) && !file_write(fd, data, n) && !fsync(fd) &&
	    !rename(next, path) && !sync_dir(path))
		return 0;
	code = errno;
	unlink(next);
	return err_set(e, code, "%s: %s", path, strerror(code));
}

int file_settle(const char *path, const void *data, size_t n, mode_t mode, struct err *e)
{
	auto_buf struct buf now = { 0 };
	struct stat st;

	if (!stat(path, &st) && (st.st_mode & 07777) == mode && !file_read(path, n, &now, NULL) &&
	    now.data && now.len == n && !memcmp(now.data, data, n))
		return 0;
	return file_replace(path, data, n, mode, e);
}

int file_make_dirs(const char *path, mode_t mode, struct err *e)
{
	char part[PATH_MAX];

	for (const char *p = path + 1;; p++) {
		if (*p && *p != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)(p - path), path);
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return err_set(e, errno, "%s: %s", part, strerror(errno));
		if (!*p)
			return 0;
	}
}
