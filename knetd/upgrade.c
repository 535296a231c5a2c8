/* upgrade.c - see upgrade.h */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/fd_store.h>
#include <knetd/handover.h>
#include <knetd/log.h>
#include <knetd/loop.h>
#include <knetd/store.h>
#include <knetd/upgrade.h>

#define CHECK_MS 30000 /* for -T; a store of a million objects is read in ten seconds */
#define LEAVE_MS 2000  /* for what is in hand */
#define START_S 120    /* then it hangs */
#define PATH_SIZE 512

static struct {
	char **argv;
	char path[PATH_SIZE]; /* of this binary */
	int self, back;       /* O_PATH: this binary; the one before, while there is a way back */
	pid_t pid;            /* whose way back it is: not a child's that crashes */
	/* what became of the last one */
	const char *state;
	char from[32], to[32], message[700];
	unsigned long long ms;
} up = { .self = -1, .back = -1, .state = "none" };

/* The one under way. */
static struct {
	int exe;
	pid_t pid;
	struct event end, output; /* of the check */
	struct timer limit;
	bool late, leaving;
	uint64_t begun;
	size_t n;
	char said[600], path[PATH_SIZE];
} now = { .exe = -1, .end.fd = -1, .output.fd = -1 };

/* ---- the way back --------------------------------------------------------------------------- */

static void go_back(const char *why)
{
	int back = up.back;

	if (back < 0 || getpid() != up.pid)
		return;
	up.back = -1;
	alarm(0);
	store_undo_upgrade();
	handover_back(back, up.argv, why);
}

static void on_crash(int signo)
{
	go_back(signo == SIGALRM   ? "it was not ready in time"
	        : signo == SIGABRT ? "it ended itself (signal 6)"
	        : signo == SIGBUS  ? "it crashed (signal 7)"
	        : signo == SIGFPE  ? "it crashed (signal 8)"
	        : signo == SIGILL  ? "it crashed (signal 4)"
	                           : "it crashed (signal 11)");
	signal(signo, SIG_DFL);
	raise(signo);
}

static const int crashes[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGALRM };

/* Not blocked inside: what is blocked stays so over an exec. */
static void catch_crashes(bool on)
{
	static char stack[16384];
	stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack), .ss_flags = on ? 0 : SS_DISABLE };
	struct sigaction sa = { .sa_handler = on ? on_crash : SIG_DFL,
		                .sa_flags = SA_NODEFER | SA_ONSTACK };

	sigaltstack(&alt, NULL);
	for (size_t i = 0; i < ARRAY_LEN(crashes); i++)
		sigaction(crashes[i], &sa, NULL);
	alarm(on ? START_S : 0);
}

void upgrade_give_back(const char *why)
{
	go_back(why);
}

/* ---- the start ------------------------------------------------------------------------------ */

static uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void copy_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
}

static void find_myself(void)
{
	ssize_t n = readlink("/proc/self/exe", up.path, sizeof(up.path) - 1);

	up.path[n > 0 ? n : 0] = 0;
	up.self = open("/proc/self/exe", O_PATH | O_CLOEXEC);
}

void upgrade_start(char **argv)
{
	const char *failed;

	up.argv = argv;
	up.pid = getpid();
	find_myself();
	fd_store_take();
	if (!handover_begin())
		return;
	prctl(PR_SET_NAME, "knetd"); /* executed by its descriptor it is called by a number */
	copy_text(up.from, sizeof(up.from), handover_text("version"));
	copy_text(up.to, sizeof(up.to), handover_text("to"));
	failed = handover_text("failed");
	if (*failed) {
		up.state = "failed";
		snprintf(up.message, sizeof(up.message), "the new binary did not start: %.400s",
		         failed);
		return;
	}
	up.back = handover_take("binary");
	if (up.back >= 0)
		catch_crashes(true);
}

/* Kept for a way back: the file may be what the new binary fails at. */
static void keep_conf(const char *path)
{
	auto_close int file = open(path, O_RDONLY | O_CLOEXEC);
	int fd = memfd_create("knetd-conf", MFD_CLOEXEC);
	struct stat st;

	if (file >= 0 && fd >= 0 && !fstat(file, &st) &&
	    sendfile(fd, file, NULL, st.st_size) == st.st_size)
		handover_keep("conf", fd);
	else if (fd >= 0)
		close(fd);
}

const char *upgrade_conf(const char *path)
{
	static char old[32];
	int fd = strcmp(up.state, "failed") ? -1 : handover_take("conf");

	if (fd >= 0) {
		snprintf(old, sizeof(old), "/proc/self/fd/%d", fd);
		handover_keep("conf", fd);
		return old;
	}
	if (path)
		keep_conf(path);
	return path;
}

static void after_turn(void);

void upgrade_ready(void)
{
	const char *begun = handover_text("begun");

	loop_after(after_turn);
	if (*begun)
		up.ms = clock_ms() - strtoull(begun, NULL, 10);
	if (up.back >= 0) {
		catch_crashes(false);
		close(up.back);
		up.back = -1;
		up.state = "done";
		copy_text(up.to, sizeof(up.to), KNETD_VERSION);
		log_info("upgrade: from %s to %s; the API stood still for %llu ms", up.from, up.to,
		         up.ms);
	} else if (!strcmp(up.state, "failed")) {
		log_err("upgrade: %s; knetd %s goes on", up.message, KNETD_VERSION);
	}
	handover_end();
}

/* ---- asking the new binary ------------------------------------------------------------------ */

static void close_check(void)
{
	loop_del(&now.end);
	loop_close(&now.output);
	if (now.end.fd >= 0)
		close(now.end.fd);
	now.end.fd = -1;
	timer_del(&now.limit);
}

static void settle(const char *state, const char *message)
{
	close_check();
	if (now.exe >= 0)
		close(now.exe);
	now.exe = -1;
	now.leaving = false;
	up.state = state;
	snprintf(up.message, sizeof(up.message), "%.200s: %.400s", now.path, message);
	log_err("upgrade: %s; knetd %s goes on", up.message, KNETD_VERSION);
}

/* Its last line, without what is for the log's reader. */
static const char *last_words(void)
{
	char *p = now.said, *line;

	now.said[now.n] = 0;
	while (now.n && isspace((unsigned char)now.said[now.n - 1]))
		now.said[--now.n] = 0;
	line = strrchr(p, '\n');
	p = line ? line + 1 : p;
	if (p[0] == '<' && p[1] && p[2] == '>')
		p += 3;
	return strncmp(p, "knetd: ", 7) ? p : p + 7;
}

static void on_output(struct event *ev, uint32_t mask)
{
	char bytes[512];
	ssize_t n = read(ev->fd, bytes, sizeof(bytes));

	(void)mask;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		loop_close(ev);
		return;
	}
	for (ssize_t i = 0; i < n; i++) { /* the end says most */
		if (now.n == sizeof(now.said) - 1)
			memmove(now.said, now.said + 1, --now.n);
		now.said[now.n++] = bytes[i] ? bytes[i] : '?';
	}
}

static void leave(void);

/* -T, or the child that could not execute it. */
static bool tells_why(int status)
{
	return WIFEXITED(status) && (WEXITSTATUS(status) == 1 || WEXITSTATUS(status) == 127);
}

static void judge(int status)
{
	const char *said = last_words();
	char why[64];

	if (WIFEXITED(status) && !WEXITSTATUS(status) &&
	    !strncmp(said, UPGRADE_YES, sizeof(UPGRADE_YES) - 1)) {
		copy_text(up.to, sizeof(up.to), said + sizeof(UPGRADE_YES) - 1);
		leave();
		return;
	}
	if (WIFSIGNALED(status))
		snprintf(why, sizeof(why),
		         now.late ? "it has not answered" : "it crashes (signal %d)",
		         WTERMSIG(status));
	else if (WEXITSTATUS(status) == 2 || !WEXITSTATUS(status))
		snprintf(why, sizeof(why), "it is no knetd that knows how to take over");
	else
		snprintf(why, sizeof(why), "it ends with status %d", WEXITSTATUS(status));
	settle("refused", *said && tells_why(status) ? said : why);
}

static void on_check_end(struct event *ev, uint32_t mask)
{
	int status = 0;

	(void)ev;
	(void)mask;
	if (now.output.fd >= 0)
		on_output(&now.output, 0);
	while (waitpid(now.pid, &status, 0) < 0 && errno == EINTR)
		;
	close_check();
	judge(status);
}

static void on_limit(struct timer *t)
{
	(void)t;
	now.late = true; /* leaving: the turn's end does the rest */
	if (!now.leaving)
		kill(now.pid, SIGKILL);
}

#define ARGUMENTS 96 /* the first process passes on what the kernel's command line says */

static _Noreturn void ask(int output)
{
	char *argv[ARGUMENTS + 3] = { "knetd", "-T" };
	const char *text;
	sigset_t none;

	for (int i = 1; i <= ARGUMENTS && up.argv[i]; i++)
		argv[i + 1] = up.argv[i];
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	syscall(SYS_execveat, now.exe, "", argv, environ, AT_EMPTY_PATH);
	text = strerror(errno);
	if (write(output, "it cannot be executed: ", 23) == 23 &&
	    write(output, text, strlen(text)) < 0)
		_exit(126);
	_exit(127);
}

static int start_check(struct err *e)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_set(e, errno, "pipe: %s", strerror(errno));
	now.pid = fork();
	if (now.pid == 0)
		ask(ends[1]);
	close(ends[1]);
	now.output = (struct event){ .fd = ends[0], .fn = on_output };
	now.end = (struct event){ .fd = -1, .fn = on_check_end };
	if (now.pid > 0)
		now.end.fd = (int)syscall(SYS_pidfd_open, now.pid, 0);
	if (now.end.fd >= 0 && !loop_add(&now.output, EPOLLIN, e) &&
	    !loop_add(&now.end, EPOLLIN, e)) {
		timer_set(&now.limit, CHECK_MS);
		return 0;
	}
	err_set(e, errno, "the new binary cannot be asked: %s", strerror(errno));
	if (now.pid > 0) {
		kill(now.pid, SIGKILL);
		waitpid(now.pid, NULL, 0);
	}
	close_check();
	return -e->code;
}

int upgrade_begin(const char *path, struct err *e)
{
	struct stat st;

	if (now.exe >= 0)
		return err_set(e, EBUSY, "an upgrade is under way");
	if (snprintf(now.path, sizeof(now.path), "%s", path ? path : up.path) >=
	    (int)sizeof(now.path))
		return err_set(e, EINVAL, "path: too long");
	now.exe = open(now.path, O_PATH | O_CLOEXEC);
	if (now.exe < 0 || fstat(now.exe, &st) < 0)
		err_set(e, ENOENT, "%s: %s", now.path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		err_set(e, EINVAL, "%s: no file", now.path);
	else {
		now.limit.fn = on_limit;
		now.late = false;
		now.n = 0;
		if (!start_check(e)) {
			up.state = "checking";
			copy_text(up.from, sizeof(up.from), KNETD_VERSION);
			*up.to = *up.message = 0;
			up.ms = 0;
			return 0;
		}
	}
	if (now.exe >= 0)
		close(now.exe);
	now.exe = -1;
	return -e->code;
}

/* ---- leaving -------------------------------------------------------------------------------- */

static void leave(void)
{
	now.leaving = true;
	now.begun = clock_ms();
	log_info("upgrade: %s is %s and takes over", now.path, up.to);
	timer_set(&now.limit, LEAVE_MS);
	handover_stop();
	loop_again();
}

/* Last in the turn: what it has written is durable and in force, its answers are gone. */
static void after_turn(void)
{
	struct err e = { 0 };

	if (!now.leaving || store_pending() || (!handover_quiet() && !now.late))
		return;
	handover_say("version", "%s", KNETD_VERSION);
	handover_say("to", "%s", up.to);
	handover_say("begun", "%llu", (unsigned long long)now.begun);
	handover_keep("binary", up.self);
	store_history_leave();
	handover_give();
	handover_exec(now.exe, up.argv, &e);
	handover_drop(up.self);
	handover_resume();
	settle("refused", e.text);
}

/* ---- telling -------------------------------------------------------------------------------- */

static void put(struct buf *out, const char *name, const char *text)
{
	buf_printf(out, ",\"%s\":", name);
	buf_json(out, text, strlen(text));
}

void upgrade_show(struct buf *out)
{
	buf_printf(out, "{\"state\":\"%s\",\"pid\":%d", up.state, getpid());
	put(out, "from", up.from);
	put(out, "to", up.to);
	put(out, "message", up.message);
	buf_printf(out, ",\"milliseconds\":%llu}\n", up.ms);
}
