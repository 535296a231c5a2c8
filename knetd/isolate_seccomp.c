/* isolate_seccomp.c - the system calls of a worker, as one list and the filter made from it.
 *
 * The list is what musl makes of the calls in knetd/ and modules/: accept4 without flags is accept,
 * epoll_wait is epoll_pwait, poll is ppoll where there is no poll. A call with a dangerous half is
 * allowed by an argument: no memory that can run code, no sockets but IP, no ioctl but the question
 * whether standard error is a terminal.
 *
 * The filter is linear. The kernel (5.11 and newer) runs it once for each call number at load and
 * remembers those that are allowed whatever their arguments, so the length costs nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <knetd/auto.h>
#include <knetd/sanitized.h>

#include "isolate_seccomp.h"

/* 32-bit machines have these calls twice, and memory is mapped by pages. The older half of a pair
 * is what musl falls back to on kernels before 5.1. */
#ifdef __arm__
#define SYS_timerfd_settime SYS_timerfd_settime64
#define SYS_clock_gettime SYS_clock_gettime64
#define SYS_mmap SYS_mmap2
#endif

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#elif defined(__arm__)
#define ARCH AUDIT_ARCH_ARM
#else
#error "seccomp: no list for this architecture"
#endif

static const int common[] = {
	/* waiting */
	SYS_epoll_create1,
	SYS_epoll_ctl,
	SYS_epoll_pwait,
	SYS_ppoll,
	SYS_timerfd_create,
	SYS_timerfd_settime,
	SYS_restart_syscall,
	/* bytes */
	SYS_read,
	SYS_write,
	SYS_readv,
	SYS_writev,
	SYS_sendto,
	SYS_recvfrom,
	SYS_sendmsg,
	SYS_recvmsg,
	SYS_sendmmsg,
	SYS_recvmmsg,
	SYS_splice,
	SYS_pipe2,
	SYS_lseek,
	SYS_close,
	/* sockets */
	SYS_accept,
	SYS_accept4,
	SYS_bind,
	SYS_connect,
	SYS_listen,
	SYS_shutdown,
	SYS_getsockname,
	SYS_getpeername,
	SYS_getsockopt,
	SYS_setsockopt,
	/* memory */
	SYS_brk,
	SYS_munmap,
	SYS_mremap,
	SYS_madvise,
	/* time, chance, locks of the C library, signals, the end */
	SYS_clock_gettime,
	SYS_getrandom,
	SYS_futex,
	SYS_getpid,
	SYS_gettid,
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_exit,
	SYS_exit_group,
#if defined(__x86_64__)
	SYS_epoll_wait,
	SYS_poll,
	SYS_time,
	SYS_gettimeofday,
#elif defined(__arm__)
	SYS_poll,
	SYS_ppoll_time64,
	SYS_timerfd_settime32,
	SYS_recvmmsg_time64,
	SYS_clock_gettime32,
	SYS_futex_time64,
	SYS__llseek,
	SYS_sigreturn,
#endif
};

/* Allowed when (argument & mask) == value. Only the low 32 bits are looked at: the kernel uses no
 * more of these arguments. */
static const struct rule {
	int nr;
	unsigned arg;
	uint32_t mask, value;
} by_argument[] = {
	{ SYS_mmap, 2, PROT_EXEC, 0 },        { SYS_mprotect, 2, PROT_EXEC, 0 },
	{ SYS_socket, 0, ~0u, AF_INET },      { SYS_socket, 0, ~0u, AF_INET6 },
	{ SYS_fcntl, 1, ~0u, F_GETFL },       { SYS_fcntl, 1, ~0u, F_SETFL },
	{ SYS_fcntl, 1, ~0u, F_GETFD },       { SYS_fcntl, 1, ~0u, F_SETFD },
	{ SYS_fcntl, 1, ~0u, F_GET_SEALS },
#ifdef __arm__
	{ SYS_fcntl64, 1, ~0u, F_GETFL },     { SYS_fcntl64, 1, ~0u, F_SETFL },
	{ SYS_fcntl64, 1, ~0u, F_GETFD },     { SYS_fcntl64, 1, ~0u, F_SETFD },
	{ SYS_fcntl64, 1, ~0u, F_GET_SEALS },
#endif
	{ SYS_ioctl, 1, ~0u, TIOCGWINSZ }, /* isatty: musl's way and glibc's */
	{ SYS_ioctl, 1, ~0u, TCGETS },
};

#define PROGRAM_MAX 256

struct program {
	unsigned n;
	struct sock_filter code[PROGRAM_MAX];
};

/* One instruction; what does not fit is counted, and refused at the end. */
static void put(struct program *p, uint16_t op, uint32_t k, uint8_t jt, uint8_t jf)
{
	if (p->n < PROGRAM_MAX)
		p->code[p->n] = (struct sock_filter){ op, jt, jf, k };
	p->n++;
}

static void put_load(struct program *p, size_t offset)
{
	put(p, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void put_allow_call(struct program *p, int nr)
{
	put(p, BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1);
	put(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

/* The argument's low word comes first on all these machines. Loads the call's number again behind
 * itself, for what follows. */
static void put_allow_argument(struct program *p, const struct rule *r)
{
	put(p, BPF_JMP | BPF_JEQ | BPF_K, r->nr, 0, 5);
	put_load(p, offsetof(struct seccomp_data, args) + r->arg * sizeof(uint64_t));
	put(p, BPF_ALU | BPF_AND | BPF_K, r->mask, 0, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, r->value, 0, 1);
	put(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	put_load(p, offsetof(struct seccomp_data, nr));
}

static void build(struct program *p, const int *more)
{
	put_load(p, offsetof(struct seccomp_data, arch));
	put(p, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	put(p, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	put_load(p, offsetof(struct seccomp_data, nr));
	for (unsigned i = 0; i < ARRAY_LEN(common); i++)
		put_allow_call(p, common[i]);
	for (; more && *more >= 0; more++)
		put_allow_call(p, *more);
	for (unsigned i = 0; i < ARRAY_LEN(by_argument); i++)
		put_allow_argument(p, &by_argument[i]);
	put(p, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
}

int seccomp_allow(const int *more, struct err *e)
{
	static struct program program;
	struct sock_fprog fprog = { .filter = program.code };

	if (SANITIZED)
		return 0;
	program.n = 0;
	build(&program, more);
	if (program.n > PROGRAM_MAX)
		return err_set(e, E2BIG,
		               "seccomp: the filter has %u instructions, %d are the limit",
		               program.n, PROGRAM_MAX);
	fprog.len = program.n;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &fprog, 0, 0) < 0)
		return err_set(e, errno, "seccomp: %s", strerror(errno));
	return 0;
}
