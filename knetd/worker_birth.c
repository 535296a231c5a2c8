/* worker_birth.c - see worker_birth.h. The binary is opened once, at start, and executed by that
 * descriptor: a worker that is started again after the file was replaced is still of our build, and
 * reads the snapshots we write. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/kern.h>

#include "worker_birth.h"
#include "worker_msg.h"

/* Above every descriptor a worker is born with. */
#define ASIDE (WORKER_FD_SOCKETS + WORKER_SOCKETS + 1)

static struct {
	char dir[128];
	int exe, root;
	uint64_t build;
} birth = { .exe = -1, .root = -1 };

static int make_dir(const char *path, mode_t mode, struct err *e)
{
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return err_set(e, errno, "%s: %s", path, strerror(errno));
	return 0;
}

#define FILES_MIN 16384

/* Sockets and snapshots of all workers stay open here, and the API's connections. */
static void raise_file_limit(void)
{
	struct rlimit files, more;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return;
	more.rlim_max = files.rlim_max < FILES_MIN ? FILES_MIN : files.rlim_max;
	more.rlim_cur = more.rlim_max;
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &more)) /* not allowed to: what there is, then */
		setrlimit(RLIMIT_NOFILE, &files);
}

/* What waits at a listening socket that is closed for good, or is in the middle of its handshake,
 * moves to another worker's instead of being reset. Kernels before 5.14 cannot. */
static void keep_waiting_clients(void)
{
	sysctl_set(-1, "net/ipv4/tcp_migrate_req", "1", NULL);
}

int worker_birth_init(struct err *e)
{
	char root[160];
	int ret;

	if (birth.exe >= 0)
		return 0;
	raise_file_limit();
	keep_waiting_clients();
	snprintf(birth.dir, sizeof(birth.dir), "%s/workers", conf.node.run_dir);
	snprintf(root, sizeof(root), "%s/empty", birth.dir);
	ret = make_dir(birth.dir, 0700, e);
	if (!ret)
		ret = make_dir(root, 0555, e);
	if (ret)
		return ret;
	birth.root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (birth.root < 0)
		return err_set(e, errno, "%s: %s", root, strerror(errno));
	birth.exe = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	if (birth.exe < 0)
		return err_set(e, errno, "/proc/self/exe: %s", strerror(errno));
	birth.build = worker_build();
	return 0;
}

uint64_t worker_birth_build(void)
{
	return birth.build;
}

/* ---- doors ---------------------------------------------------------------------------------- */

static int door_address(const char *name, struct sockaddr_un *at, struct err *e)
{
	memset(at, 0, sizeof(*at));
	at->sun_family = AF_UNIX;
	if (snprintf(at->sun_path, sizeof(at->sun_path), "%s/%s.sock", birth.dir, name) >=
	    (int)sizeof(at->sun_path))
		return err_set(e, ENAMETOOLONG, "[node] run_dir: too long for a socket's path");
	return 0;
}

/* Whoever sits there serves until it is told to drain. It stays to be found: should we be killed
 * before that is said, the next control process says it. */
static void move_aside(const struct sockaddr_un *at, const char *name)
{
	char old[WORKER_BIRTH_NAME];
	struct sockaddr_un to;

	for (unsigned i = 1; i <= WORKER_BIRTH_OLD; i++) {
		snprintf(old, sizeof(old), "%s.%u", name, i);
		if (door_address(old, &to, NULL) ||
		    (!access(to.sun_path, F_OK) && i < WORKER_BIRTH_OLD))
			continue;
		(void)!rename(at->sun_path, to.sun_path);
		return;
	}
}

bool worker_birth_has_door(const char *name)
{
	struct sockaddr_un at;

	return !door_address(name, &at, NULL) && !access(at.sun_path, F_OK);
}

int worker_birth_open_door(const char *name, bool aside, struct err *e)
{
	struct sockaddr_un at;
	auto_close int fd = -1;
	int ret = door_address(name, &at, e);

	if (ret)
		return ret;
	if (aside)
		move_aside(&at, name);
	unlink(at.sun_path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 4) < 0)
		return err_set(e, errno, "%s: %s", at.sun_path, strerror(errno));
	return TAKE_FD(fd);
}

int worker_birth_knock(const char *name, struct err *e)
{
	struct sockaddr_un at;
	auto_close int fd = -1;
	int ret = door_address(name, &at, e);

	if (ret)
		return ret;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return err_set(e, errno, "%s: %s", at.sun_path, strerror(errno));
	return TAKE_FD(fd);
}

void worker_birth_close_door(const char *name)
{
	struct sockaddr_un at;

	if (!door_address(name, &at, NULL))
		unlink(at.sun_path);
}

void worker_birth_close_doors(const char *name)
{
	char old[WORKER_BIRTH_NAME];

	worker_birth_close_door(name);
	for (unsigned i = 1; i <= WORKER_BIRTH_OLD; i++) {
		snprintf(old, sizeof(old), "%s.%u", name, i);
		worker_birth_close_door(old);
	}
}

/* ---- the child ------------------------------------------------------------------------------ */

/* Between fork and exec: system calls only. All are put aside first, so that none is overwritten
 * before it has its place. */
static _Noreturn void become_worker(int *fds, unsigned n, char *const argv[])
{
	static char *const no_environment[] = { NULL };
	int exe = fcntl(birth.exe, F_DUPFD, ASIDE);

	for (unsigned i = 0; i < n; i++)
		fds[i] = fcntl(fds[i], F_DUPFD, ASIDE);
	for (unsigned i = 0; i < n; i++)
		if (dup2(fds[i], WORKER_FD_CONTROL + i) < 0)
			_exit(126);
	exe = dup3(exe, WORKER_FD_CONTROL + n, O_CLOEXEC);
	syscall(SYS_close_range, exe + 1, ~0u, 0);
	syscall(SYS_execveat, exe, "", argv, no_environment, AT_EMPTY_PATH);
	_exit(127);
}

pid_t worker_birth_fork(const char *role, unsigned index, int door, int page,
                        const struct worker_set *sockets, struct err *e)
{
	char name[48], number[16];
	char *argv[] = { name, "--worker", (char *)role, number, NULL };
	int fds[3 + WORKER_SOCKETS] = { door, page, birth.root };
	pid_t pid;

	snprintf(name, sizeof(name), "knetd-%s-%u", role, index);
	snprintf(number, sizeof(number), "%u", index);
	memcpy(fds + 3, sockets->fds, sockets->n * sizeof(int));
	pid = fork();
	if (pid == 0)
		become_worker(fds, 3 + sockets->n, argv);
	if (pid < 0)
		return err_set(e, errno, "fork %s: %s", name, strerror(errno));
	return pid;
}
