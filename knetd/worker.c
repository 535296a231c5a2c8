/* worker.c - a worker process: takes its descriptors, isolates itself, and from then on serves its
 * role while control processes come and go at its door (worker_msg.h tells what is said there).
 *
 * Snapshots that arrive are staged; a FLUSH puts all of them in force at one go. The role starts
 * with the first FLUSH: a DNS worker that knows no names yet must not say that there are none;
 * until then the kernel keeps what clients send. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/isolate.h>
#include <knetd/log.h>
#include <knetd/worker.h>

#include "worker_msg.h"
#include "worker_sockets.h"

#define FILES_MAX 65536     /* connections of an ingress worker, and then some */
#define MESSAGES_A_TURN 256 /* then clients have theirs */
#define FRESH_WAIT_MS 1000  /* for a control process that has raised the word and not yet sent */

static struct {
	struct worker w;
	const struct worker_role *role;
	char name[32]; /* "dns-0" */
	uint64_t build;
	struct worker_page *page;
	uint64_t seen; /* generation that everything handled from now on is younger than */
	struct event door, conn;  /* conn.fd -1: no control process */
	struct snapshot **staged; /* role->slots of them, for the next FLUSH */
	bool *is_staged;
	bool serving, flushing;
	struct timer drain_limit;
} self = { .conn.fd = -1 };

/* The control process starts another one, with back-off. */
static _Noreturn void give_up(const struct err *e)
{
	log_err("%s: %s", self.name, e->text);
	_exit(1);
}

/* ---- snapshots ------------------------------------------------------------------------------ */

static void stage(unsigned slot, struct snapshot *s)
{
	snapshot_unref(self.staged[slot]);
	self.staged[slot] = s;
	self.is_staged[slot] = true;
}

static void stage_nothing(void)
{
	for (unsigned i = 0; i < self.role->slots; i++) {
		stage(i, NULL);
		self.is_staged[i] = false;
	}
	worker_sockets_unstage();
}

static void take_reset(const struct worker_msg *m)
{
	log_set_level(m->arg);
	for (unsigned i = 0; i < self.role->slots; i++)
		stage(i, NULL);
}

static void take_snapshot(const struct worker_msg *m, int fd)
{
	struct err e = { 0 };
	struct snapshot *s = NULL;

	if (m->arg >= self.role->slots) {
		err_set(&e, EPROTO, "snapshot for slot %u of %u", m->arg, self.role->slots);
		give_up(&e);
	}
	if (fd >= 0) {
		s = snapshot_map(fd, &e);
		if (!s)
			give_up(&e);
	}
	stage(m->arg, s);
}

static void swap_slots(void)
{
	for (unsigned i = 0; i < self.role->slots; i++) {
		struct snapshot *old = self.w.slots[i];

		if (!self.is_staged[i])
			continue;
		self.w.slots[i] = self.staged[i];
		self.staged[i] = old;
	}
}

/* Swaps all first, so that the role sees one state in all slots; the old ones live until it has
 * been told of every change. Who waits at a socket that goes is served by what was there before. */
static void take_flush(const struct worker_msg *m)
{
	struct worker *w = &self.w;
	struct err e = { 0 };

	self.flushing = true;
	worker_sockets_leave(w, self.serving ? self.role->closing : NULL);
	swap_slots();
	worker_sockets_arrive(w);
	if (!self.serving && self.role->start(w, &e))
		give_up(&e);
	self.serving = true;
	for (unsigned i = 0; i < self.role->slots; i++)
		if (self.is_staged[i] && self.role->changed)
			self.role->changed(w, i);
	if (worker_sockets_tell(w, self.role->listening, &e))
		give_up(&e);
	stage_nothing();
	self.flushing = false;
	self.seen = m->generation;
	atomic_store_explicit(&self.page->taken, m->generation, memory_order_release);
}

/* ---- draining ------------------------------------------------------------------------------- */

void worker_exit(void)
{
	loop_stop();
}

static void drained_too_long(struct timer *t)
{
	(void)t;
	log_warn("%s: ending with connections open", self.name);
	worker_exit();
}

static void take_drain(void)
{
	if (self.w.draining)
		return;
	log_info("%s: draining", self.name);
	self.w.draining = true;
	loop_del(&self.door);
	close(self.door.fd);
	self.drain_limit.fn = drained_too_long;
	timer_set(&self.drain_limit, WORKER_DRAIN_MS);
	if (self.serving && self.role->closing)
		worker_sockets_close(&self.w, self.role->closing);
	if (self.serving && self.role->drain)
		self.role->drain(&self.w);
	else
		worker_exit();
}

/* ---- the control process -------------------------------------------------------------------- */

static uint64_t wanted(void)
{
	return atomic_load_explicit(&self.page->generation, memory_order_acquire);
}

/* Ours may be ahead of the word: FLUSH is sent before that is raised. */
static void seen_at_least(uint64_t generation)
{
	if (self.seen < generation)
		self.seen = generation;
}

/* Whatever it had not sent yet will not come: what is here is the newest there is. */
static void control_gone(void)
{
	loop_del(&self.conn);
	close(self.conn.fd);
	self.conn.fd = -1;
	stage_nothing();
	seen_at_least(wanted());
}

static void take_descriptors(const struct worker_msg *m, const int *fds, unsigned n)
{
	if (m->type == WORKER_LISTEN && n <= WORKER_SOCKETS) {
		worker_sockets_stage(fds, n);
		return;
	}
	if (m->type == WORKER_SNAPSHOT && n <= 1) {
		take_snapshot(m, n ? fds[0] : -1);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
}

/* False when nothing more waits. */
static bool take_message(void)
{
	struct worker_msg m;
	unsigned n_fds;
	int fds[WORKER_HELLO_FDS];
	ssize_t n = worker_msg_recv(self.conn.fd, &m, sizeof(m), fds, WORKER_HELLO_FDS, &n_fds);

	if (n == -EAGAIN || n == -EINTR)
		return false;
	if (n != sizeof(m)) {
		control_gone();
		return false;
	}
	take_descriptors(&m, fds, n_fds);
	if (m.type == WORKER_RESET)
		take_reset(&m);
	else if (m.type == WORKER_FLUSH)
		take_flush(&m);
	else if (m.type == WORKER_DRAIN)
		take_drain();
	return true;
}

static void on_conn(struct event *ev, uint32_t mask)
{
	(void)ev;
	(void)mask;
	for (int i = 0; i < MESSAGES_A_TURN && self.conn.fd >= 0 && take_message(); i++)
		;
}

static uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The word was raised, so its FLUSH is on the way: mostly it waits in the socket already. Only when
 * that was full does the control process still hold it; it sends as soon as there is room. */
static void catch_up(void)
{
	uint64_t deadline = clock_ms() + FRESH_WAIT_MS, now, want = wanted();

	while (self.conn.fd >= 0 && self.seen < want && !self.w.draining) {
		struct pollfd p = { .fd = self.conn.fd, .events = POLLIN };

		if (take_message())
			continue;
		now = clock_ms();
		if (self.conn.fd < 0 || now >= deadline)
			break;
		poll(&p, 1, (int)(deadline - now));
	}
	seen_at_least(want);
}

void worker_fresh(struct worker *w)
{
	(void)w;
	if (self.seen < wanted() && !self.flushing)
		catch_up();
}

static int say_hello(void)
{
	struct worker_hello hello = {
		.magic = WORKER_HELLO_MAGIC,
		.build = self.build,
		.index = self.w.index,
	};
	int fds[WORKER_HELLO_FDS] = { WORKER_FD_PAGE };

	snprintf(hello.role, sizeof(hello.role), "%s", self.role->name);
	for (unsigned i = 0; i < self.w.n_sockets; i++)
		if (self.w.sockets[i].fd >= 0)
			fds[1 + hello.n_sockets++] = self.w.sockets[i].fd;
	return worker_msg_send(self.conn.fd, &hello, sizeof(hello), fds, 1 + hello.n_sockets);
}

/* A new control process takes the place of the one before. What that one had sent is taken first:
 * clients may wait at sockets in it. */
static void on_door(struct event *ev, uint32_t mask)
{
	int fd = accept4(ev->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)mask;
	if (fd < 0)
		return;
	while (self.conn.fd >= 0 && take_message())
		;
	if (self.conn.fd >= 0)
		control_gone();
	if (self.w.draining) {
		close(fd);
		return;
	}
	self.conn = (struct event){ .fd = fd, .fn = on_conn };
	if (say_hello() || loop_add(&self.conn, EPOLLIN, NULL))
		control_gone();
}

/* ---- birth ---------------------------------------------------------------------------------- */

static const struct worker_role *find_role(const char *name)
{
	for (unsigned i = 0; worker_roles[i]; i++)
		if (!strcmp(worker_roles[i]->name, name))
			return worker_roles[i];
	return NULL;
}

/* A negative score protects the control process; a worker can be started again. */
static void be_killable(void)
{
	auto_close int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	char first;

	if (fd >= 0 && read(fd, &first, 1) == 1 && first == '-' && pwrite(fd, "0", 1, 0) < 0)
		log_warn("%s: oom_score_adj: %s", self.name, strerror(errno));
}

/* Whoever waits for the end of the control process's output shall not wait for ours. */
static void close_standard_files(void)
{
	auto_close int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd >= 0 && (dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0))
		log_warn("%s: /dev/null: %s", self.name, strerror(errno));
}

/* What is inherited from the control process and not meant for a worker: its blocked signals, its
 * terminal's interrupts, its small file limit, its protection from the out-of-memory killer.
 * Standard error stays: log lines go there. */
static void leave_parent(void)
{
	struct rlimit files;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_IGN);
	setsid();
	close_standard_files();
	if (!getrlimit(RLIMIT_NOFILE, &files) && files.rlim_cur < FILES_MAX) {
		files.rlim_cur = FILES_MAX;
		if (files.rlim_max < FILES_MAX)
			files.rlim_max = FILES_MAX;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	be_killable();
}

static int set_up(const char *role, const char *index, struct err *e)
{
	struct worker *w = &self.w;

	self.role = find_role(role);
	if (!self.role)
		return err_set(e, EINVAL, "no such role");
	w->index = strtoul(index, NULL, 10);
	worker_sockets_find(w, WORKER_FD_SOCKETS);
	w->slots = xcalloc(self.role->slots, sizeof(*w->slots));
	self.staged = xcalloc(self.role->slots, sizeof(*self.staged));
	self.is_staged = xcalloc(self.role->slots, sizeof(*self.is_staged));
	self.page = worker_page_map(WORKER_FD_PAGE, e);
	if (!self.page)
		return -e->code;
	w->counters = self.page->counters;
	w->shared = self.page->shared;
	self.seen = wanted();
	self.build = worker_build();
	return 0;
}

/* Listening once more writes our pid, instead of the one that made the socket, into what the other
 * side reads with SO_PEERCRED. */
static int open_door(struct err *e)
{
	if (listen(WORKER_FD_CONTROL, 4) < 0)
		return err_set(e, errno, "door: %s", strerror(errno));
	self.door = (struct event){ .fd = WORKER_FD_CONTROL, .fn = on_door };
	return loop_add(&self.door, EPOLLIN, e);
}

static void tear_down(void)
{
	stage_nothing();
	for (unsigned i = 0; i < self.role->slots; i++)
		snapshot_unref(self.w.slots[i]);
	free(self.w.slots);
	free(self.staged);
	free(self.is_staged);
}

int worker_main(int argc, char **argv)
{
	struct err e = { 0 };
	int ret;

	if (argc != 4)
		return 2;
	snprintf(self.name, sizeof(self.name), "%s-%s", argv[2], argv[3]);
	prctl(PR_SET_NAME, argv[0]);
	leave_parent();
	ret = set_up(argv[2], argv[3], &e);
	if (!ret)
		ret = loop_init(&e);
	if (!ret)
		ret = open_door(&e);
	if (!ret)
		ret = isolate_worker(WORKER_FD_ROOT, self.role->syscalls, &e);
	if (ret)
		give_up(&e);
	loop_run();
	tear_down();
	return 0;
}
