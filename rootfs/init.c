/* init.c - the first process of a machine that is a kernel, an initramfs and knetd.
 *
 * Mounts what the kernel offers, loads /modules in the order of their names, brings up lo and eth0,
 * and then keeps two programs running: knetd and the relay to its API. Settings of the kernel are
 * knetd's affair. /test/run, which ordinary images do not have, is started once.
 *
 * SIGTERM, SIGINT (also Ctrl-Alt-Del) and SIGUSR2 end knetd and power off.
 * Lines on the console begin with "init:" and the seconds since the start of the kernel. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* QEMU's user network: always these addresses. */
#define ADDRESS "10.0.2.15"
#define NETMASK "255.255.255.0"
#define GATEWAY "10.0.2.2"

struct program {
	char *const argv[6];
	bool once;
	pid_t pid;
};

static struct program programs[] = {
	{ .argv = { "/sbin/knetd", "-c", "/etc/knetd.ini" } },
	{ .argv = { "/sbin/relay", ADDRESS, "8080", "/run/knetd/knetd.sock" } },
	{ .argv = { "/test/run" }, .once = true },
};
#define PROGRAMS (sizeof(programs) / sizeof(programs[0]))
static struct program *const knetd = &programs[0];

static sigset_t signals;

static void say(const char *format, ...)
{
	char text[256];
	struct timespec t;
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	clock_gettime(CLOCK_BOOTTIME, &t);
	dprintf(2, "init: %ld.%03ld %s\n", (long)t.tv_sec, t.tv_nsec / 1000000, text);
}

/* ---- what the kernel offers -------------------------------------------------------------------
 */

static void mount_all(void)
{
	static const struct {
		const char *type, *where, *options;
	} mounts[] = {
		{ "devtmpfs", "/dev", "mode=755" }, { "proc", "/proc", NULL },
		{ "sysfs", "/sys", NULL },          { "cgroup2", "/sys/fs/cgroup", NULL },
		{ "tmpfs", "/run", "mode=755" },    { "tmpfs", "/tmp", "mode=1777" },
	};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].where, 0755);
		/* EBUSY: a kernel that mounts /dev itself */
		if (mount(mounts[i].type, mounts[i].where, mounts[i].type, 0, mounts[i].options) <
		            0 &&
		    errno != EBUSY)
			say("mount %s: %m", mounts[i].where);
	}
}

static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);

	if (fd < 0)
		return;
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

static int not_hidden(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static void load_modules(void)
{
	struct dirent **names;
	int n = scandir("/modules", &names, not_hidden, alphasort);

	for (int i = 0; i < n; i++) {
		char path[512];
		int fd;

		snprintf(path, sizeof(path), "/modules/%s", names[i]->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
			say("module %s: %m", names[i]->d_name);
		close(fd);
	}
}

/* ---- the network, as far as knetd expects to find it
 * ---------------------------------------------- */

static struct sockaddr ip(const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr any;

	inet_pton(AF_INET, text, &in.sin_addr);
	memcpy(&any, &in, sizeof(any));
	return any;
}

static void link_up(int s, const char *name, const char *address)
{
	struct ifreq r = { 0 };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (address) {
		r.ifr_addr = ip(address);
		if (ioctl(s, SIOCSIFADDR, &r) < 0)
			say("%s: address: %m", name);
		r.ifr_netmask = ip(NETMASK);
		if (ioctl(s, SIOCSIFNETMASK, &r) < 0)
			say("%s: netmask: %m", name);
	}
	r.ifr_flags = IFF_UP;
	if (ioctl(s, SIOCSIFFLAGS, &r) < 0)
		say("%s: up: %m", name);
}

static void network(void)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY };

	link_up(s, "lo", NULL);
	link_up(s, "eth0", ADDRESS);
	route.rt_dst = route.rt_genmask = ip("0.0.0.0");
	route.rt_gateway = ip(GATEWAY);
	if (ioctl(s, SIOCADDRT, &route) < 0)
		say("default route: %m");
	close(s);
}

/* ---- programs -----------------------------------------------------------------------------------
 */

static void start(struct program *p)
{
	static char *const environment[] = { "PATH=/sbin:/bin", "HOME=/", NULL };

	p->pid = fork();
	if (p->pid < 0)
		say("%s: fork: %m", p->argv[0]);
	if (p->pid != 0)
		return;
	setsid();
	sigprocmask(SIG_UNBLOCK, &signals, NULL);
	execve(p->argv[0], p->argv, environment);
	if (!p->once || errno != ENOENT)
		say("%s: %m", p->argv[0]);
	_exit(127);
}

static void start_missing(void)
{
	for (size_t i = 0; i < PROGRAMS; i++)
		if (programs[i].pid <= 0 && !programs[i].once)
			start(&programs[i]);
}

/* Takes every ended process: ours, and those whose parent is gone. */
static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < PROGRAMS; i++) {
			if (programs[i].pid != pid)
				continue;
			programs[i].pid = 0;
			if (programs[i].once)
				continue;
			if (WIFSIGNALED(status))
				say("%s ended by signal %d", programs[i].argv[0], WTERMSIG(status));
			else
				say("%s ended with status %d", programs[i].argv[0],
				    WEXITSTATUS(status));
		}
	}
}

static void power_off(void)
{
	struct timespec second = { .tv_sec = 1 };

	say("powering off");
	if (knetd->pid > 0)
		kill(knetd->pid, SIGTERM);
	for (int i = 0; i < 100 && knetd->pid > 0; i++) {
		sigtimedwait(&signals, NULL, &second);
		reap();
	}
	kill(-1, SIGKILL);
	sync();
	reboot(RB_POWER_OFF);
}

int main(void)
{
	struct timespec pause = { .tv_sec = 1 };

	mount_all();
	open_console();
	say("mounted");
	load_modules();
	say("modules loaded");
	network();
	say("network up");
	reboot(RB_DISABLE_CAD); /* Ctrl-Alt-Del: a signal to us instead */

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGUSR2);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	for (size_t i = 0; i < PROGRAMS; i++)
		start(&programs[i]);
	say("knetd started");

	for (;;) {
		int signal = sigwaitinfo(&signals, NULL);

		if (signal > 0 && signal != SIGCHLD)
			power_off();
		reap();
		/* One that ends at once is not started at once. */
		for (size_t i = 0; i < PROGRAMS; i++) {
			if (programs[i].pid > 0 || programs[i].once)
				continue;
			nanosleep(&pause, NULL);
			start_missing();
			break;
		}
	}
}
