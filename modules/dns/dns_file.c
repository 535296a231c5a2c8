/* dns_file.c - see dns_file.h */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <knetd/auto.h>

#include "dns_file.h"

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int fail(struct dns_file *f, struct err *e, const char *path, int code, const char *why)
{
	if (f->failed)
		return 0;
	f->failed = true;
	return err_set(e, code, "%s: %s", path, why);
}

int dns_file_read(struct dns_file *f, const char *path, struct buf *out, struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(f, e, path, errno, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(f, e, path, EINVAL, "a file is expected");
	if (same(&st, &f->seen))
		return 0;
	f->seen = st;
	f->failed = false;
	if (st.st_size > (off_t)DNS_FILE_MAX)
		return fail(f, e, path, EFBIG, "larger than 16 MiB");
	while (out->len <= DNS_FILE_MAX) {
		char *room = buf_room(out, 65536);

		n = room ? read(fd, room, 65535) : -1;
		if (n < 0)
			return fail(f, e, path, EIO, "cannot be read");
		if (!n)
			break;
		out->len += (size_t)n;
	}
	buf_add(out, "", 1);
	out->len--;
	if (memchr(out->data, 0, out->len))
		return fail(f, e, path, EINVAL, "holds a NUL byte: a text is expected");
	return 1;
}
