/* isolate.c - theory of operation.
 *
 * Stage 0, every process: RELRO. The linker puts tables of pointers that only relocation writes
 * (vtables, const arrays of functions) into one segment and asks for it to be made read-only
 * afterwards. The dynamic loader of a shared program does that; in a static musl program nobody
 * does. So we do it ourselves.
 *
 * Stage 1, workers: no way to name anything. chroot into an empty directory, no capabilities (also
 * not through a later exec: bounding set empty, no_new_privs), user and group nobody.
 *
 * Stage 2, workers: only the system calls that serving needs (isolate_seccomp.c). What is left to
 * somebody who takes a worker over: its sockets, its snapshots, and connections to where the node
 * may connect.
 *
 * The order matters: each step needs privileges that a later one gives away. */
#include <errno.h>
#include <grp.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include <knetd/isolate.h>

#include "isolate_seccomp.h"

#define NOBODY 65534

/* The program itself is the first object; what a loader loaded is the loader's business. */
static int protect_first(struct dl_phdr_info *info, size_t size, void *arg)
{
	size_t page = sysconf(_SC_PAGESIZE);

	(void)size;
	(void)arg;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		size_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
		size_t end = (start + info->dlpi_phdr[i].p_memsz) & -page;

		start &= -page;
		if (info->dlpi_phdr[i].p_type == PT_GNU_RELRO && end > start)
			mprotect((void *)start, end - start, PROT_READ);
	}
	return 1;
}

void isolate_protect_relro(void)
{
	dl_iterate_phdr(protect_first, NULL);
}

static int leave_files(int root_fd, struct err *e)
{
	if (fchdir(root_fd) < 0 || chroot(".") < 0)
		return err_set(e, errno, "chroot: %s", strerror(errno));
	close(root_fd);
	return 0;
}

/* Capabilities are numbered without holes: the first that the kernel does not know is the end. */
static int drop_bounding_set(uint32_t kept, struct err *e)
{
	for (unsigned long cap = 0;; cap++)
		if (!(cap < 32 && kept >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			break;
	if (errno != EINVAL)
		return err_set(e, errno, "bounding set: %s", strerror(errno));
	return 0;
}

static int become(unsigned id, struct err *e)
{
	if (setgroups(0, NULL) < 0 || setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0)
		return err_set(e, errno, "become user %u: %s", id, strerror(errno));
	return 0;
}

/* setresuid has emptied the sets of a root process; securebits can keep it from doing so. */
static int keep_capabilities(uint32_t kept, struct err *e)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[2] = { { kept, kept, kept } };

	if (syscall(SYS_capset, &head, sets) < 0)
		return err_set(e, errno, "capset: %s", strerror(errno));
	return 0;
}

static int no_new_privileges(struct err *e)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, errno, "no_new_privs: %s", strerror(errno));
	return 0;
}

int isolate_worker(int root_fd, const int *syscalls, struct err *e)
{
	int ret = leave_files(root_fd, e);

	if (!ret)
		ret = drop_bounding_set(0, e);
	if (!ret)
		ret = become(NOBODY, e);
	if (!ret)
		ret = keep_capabilities(0, e);
	if (!ret)
		ret = no_new_privileges(e);
	if (!ret)
		ret = seccomp_allow(syscalls, e);
	return ret;
}

/* Ambient ones are what a program that knows nothing of capabilities is executed with. */
static int hand_on(uint32_t kept, struct err *e)
{
	for (unsigned long cap = 0; cap < 32; cap++)
		if (kept >> cap & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return err_set(e, errno, "ambient capabilities: %s", strerror(errno));
	return 0;
}

int isolate_program(unsigned id, uint32_t kept, struct err *e)
{
	int ret = drop_bounding_set(kept, e);

	if (!ret && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		ret = err_set(e, errno, "keepcaps: %s", strerror(errno));
	if (!ret)
		ret = become(id, e);
	if (!ret)
		ret = keep_capabilities(kept, e);
	if (!ret)
		ret = hand_on(kept, e);
	return ret ? ret : no_new_privileges(e);
}
