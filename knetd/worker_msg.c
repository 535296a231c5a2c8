/* worker_msg.c - see worker_msg.h */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/map.h>

#include "worker_msg.h"

#define PAGE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

/* ---- the shared page ------------------------------------------------------------------------ */

int worker_page_new(struct err *e)
{
	auto_close int fd = memfd_create("knetd-counters", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, sizeof(struct worker_page)) < 0 ||
	    fcntl(fd, F_ADD_SEALS, PAGE_SEALS | F_SEAL_SEAL) < 0)
		return err_set(e, errno, "counters page: %s", strerror(errno));
	return TAKE_FD(fd);
}

struct worker_page *worker_page_map(int fd, struct err *e)
{
	int seals = fcntl(fd, F_GET_SEALS);
	void *page;

	if (seals < 0 || (seals & PAGE_SEALS) != PAGE_SEALS ||
	    lseek(fd, 0, SEEK_END) != sizeof(struct worker_page)) {
		err_set(e, EINVAL, "counters page: not of this build");
		return NULL;
	}
	page = mmap(NULL, sizeof(struct worker_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) {
		err_set(e, errno, "counters page: %s", strerror(errno));
		return NULL;
	}
	return page;
}

void worker_page_unmap(struct worker_page *page)
{
	if (page)
		munmap(page, sizeof(*page));
}

/* ---- messages ------------------------------------------------------------------------------- */

union ancillary {
	struct cmsghdr head; /* aligns */
	char bytes[CMSG_SPACE(WORKER_HELLO_FDS * sizeof(int))];
};

int worker_msg_send(int sock, const void *msg, size_t n, const int *fds, unsigned n_fds)
{
	struct iovec iov = { (void *)msg, n };
	union ancillary anc = { 0 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n_fds) {
		m.msg_control = &anc;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		anc.head.cmsg_level = SOL_SOCKET;
		anc.head.cmsg_type = SCM_RIGHTS;
		anc.head.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(&anc.head), fds, n_fds * sizeof(int));
	}
	if (sendmsg(sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return errno == ENOBUFS || errno == ETOOMANYREFS ? -EAGAIN : -errno;
	return 0;
}

static void close_all(const int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
}

/* The kernel puts all descriptors of one message into one header. */
static unsigned take_fds(struct msghdr *m, int *fds)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	unsigned n;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return 0;
	n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(c), n * sizeof(int));
	return n;
}

ssize_t worker_msg_recv(int sock, void *msg, size_t size, int *fds, unsigned max_fds,
                        unsigned *n_fds)
{
	struct iovec iov = { msg, size };
	union ancillary anc;
	int all[WORKER_HELLO_FDS];
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &anc,
		.msg_controllen = sizeof(anc),
	};
	ssize_t n = recvmsg(sock, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	*n_fds = 0;
	if (n < 0)
		return -errno;
	*n_fds = take_fds(&m, all);
	if (*n_fds > max_fds || m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		close_all(all, *n_fds);
		*n_fds = 0;
		return -EBADMSG;
	}
	if (*n_fds)
		memcpy(fds, all, *n_fds * sizeof(int));
	return n;
}

/* ---- builds --------------------------------------------------------------------------------- */

uint64_t worker_build(void)
{
	auto_close int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *image;
	uint64_t build;

	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	image = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (image == MAP_FAILED)
		return 0;
	build = hash_bytes(image, st.st_size, 0);
	munmap(image, st.st_size);
	return build;
}
