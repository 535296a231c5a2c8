/* snapshot.c - see snapshot.h */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/file.h>
#include <knetd/snapshot.h>

/* With these a reader can trust that what it has checked stays as it is. */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

int snapshot_seal(const struct buf *b, const char *name, struct err *e)
{
	auto_close int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int ret;

	if (b->failed)
		return err_set(e, EFBIG, "snapshot %s: larger than its buffer may be", name);
	if (fd < 0)
		return err_set(e, errno, "snapshot %s: memfd: %s", name, strerror(errno));
	ret = file_write(fd, b->data, b->len);
	if (ret)
		return err_set(e, -ret, "snapshot %s: write: %s", name, strerror(-ret));
	if (fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) < 0)
		return err_set(e, errno, "snapshot %s: seal: %s", name, strerror(errno));
	return TAKE_FD(fd);
}

struct snapshot *snapshot_map(int fd_taken, struct err *e)
{
	auto_close int fd = fd_taken;
	auto_free struct snapshot *s = xcalloc(1, sizeof(*s));
	int seals = fcntl(fd, F_GET_SEALS);
	off_t len = lseek(fd, 0, SEEK_END);

	if (seals < 0 || (seals & SEALS) != SEALS || len < 0) {
		err_set(e, EINVAL, "snapshot: not a sealed memory file");
		return NULL;
	}
	s->refs = 1;
	s->len = len;
	if (!len) /* a mapping of nothing is an error to the kernel, not to us */
		return TAKE(s);
	/* pages that the reader changes for itself (pack_open) become its own */
	s->data = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (s->data == MAP_FAILED) {
		err_set(e, errno, "snapshot: map %zu bytes: %s", s->len, strerror(errno));
		return NULL;
	}
	return TAKE(s);
}

struct snapshot *snapshot_ref(struct snapshot *s)
{
	s->refs++;
	return s;
}

void snapshot_unref(struct snapshot *s)
{
	if (!s || --s->refs)
		return;
	if (s->data)
		munmap((void *)s->data, s->len);
	free(s);
}
