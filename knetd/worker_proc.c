/* worker_proc.c - see worker_proc.h. Birth and adoption differ only in who made the door (a named
 * socket under the run directory): afterwards both are a connection on which HELLO comes first. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/log.h>

#include "worker_birth.h"
#include "worker_proc.h"

#define STUCK_MS 10000
#define END_MS 2000

/* ---- ends ----------------------------------------------------------------------------------- */

static void close_event(struct event *ev)
{
	if (ev->fd < 0)
		return;
	loop_del(ev);
	close(ev->fd);
	ev->fd = -1;
}

void worker_proc_kill(struct worker_proc *p)
{
	if (p->death.fd >= 0)
		syscall(SYS_pidfd_send_signal, p->death.fd, SIGKILL, NULL, 0);
	else if (p->child)
		kill(p->child, SIGKILL);
	close_event(&p->conn);
	timer_del(&p->stuck);
}

/* One that was adopted may be a child of ours too: of the binary that was here before. */
static void reap(struct worker_proc *p)
{
	siginfo_t info = { 0 };

	if (waitid(P_PIDFD, p->death.fd, &info, WEXITED | WNOHANG) || !info.si_pid)
		log_info("%s: ended", p->name);
	else if (info.si_code != CLD_EXITED)
		log_err("%s: killed by signal %d", p->name, info.si_status);
	else if (info.si_status)
		log_err("%s: ended with status %d", p->name, info.si_status);
	else
		log_info("%s: ended", p->name);
	p->child = 0;
}

static void on_death(struct event *ev, uint32_t mask)
{
	struct worker_proc *p = container_of(ev, struct worker_proc, death);

	(void)mask;
	close_event(&p->conn);
	timer_del(&p->stuck);
	reap(p);
	close_event(&p->death);
	p->ended_fn(p);
}

/* With a pidfd the process's end is told by that. */
static void lost(struct worker_proc *p)
{
	bool told = p->death.fd >= 0;

	worker_proc_kill(p);
	if (!told)
		p->ended_fn(p);
}

void worker_proc_end(struct worker_proc *p)
{
	struct pollfd dead = { .fd = p->death.fd, .events = POLLIN };

	worker_proc_kill(p);
	if (p->death.fd >= 0)
		poll(&dead, 1, END_MS);
	if (p->child)
		waitpid(p->child, NULL, WNOHANG);
	if (!p->drain)
		worker_birth_close_doors(p->name);
	worker_proc_free(p);
}

void worker_proc_free(struct worker_proc *p)
{
	if (!p)
		return;
	close_event(&p->conn);
	close_event(&p->death);
	timer_del(&p->stuck);
	worker_set_close(&p->sockets);
	worker_page_unmap(p->page);
	free(p->pending);
	free(p);
}

/* Nothing said, what was sent not taken in, or not ended, for as long as nothing healthy needs. */
static void on_stuck(struct timer *t)
{
	struct worker_proc *p = container_of(t, struct worker_proc, stuck);

	if (p->greeted && !p->drain && atomic_load(&p->page->taken) >= p->watched) {
		p->watched = p->generation;
		if (atomic_load(&p->page->taken) < p->generation)
			timer_set(t, STUCK_MS);
		return;
	}
	log_err("%s: does not listen, killed", p->name);
	lost(p);
}

/* ---- sending -------------------------------------------------------------------------------- */

static int send_msg(struct worker_proc *p, enum worker_msg_type type, uint32_t arg, int fd)
{
	struct worker_msg m = { .type = type, .arg = arg, .generation = p->generation };

	return worker_msg_send(p->conn.fd, &m, sizeof(m), &fd, fd >= 0);
}

static int send_sockets(struct worker_proc *p)
{
	struct worker_msg m = { .type = WORKER_LISTEN };

	return worker_msg_send(p->conn.fd, &m, sizeof(m), p->listening->fds, p->listening->n);
}

/* Resumes where a full socket stopped it; a slot is always sent as it is now. */
static int send_pending(struct worker_proc *p)
{
	int ret = 0;

	if (p->reset) {
		ret = send_msg(p, WORKER_RESET, conf.node.log_level, -1);
		p->reset = ret;
		for (unsigned i = 0; !ret && i < p->n_slots; i++)
			p->pending[i] = p->newest[i] >= 0;
	}
	if (!ret && p->listen) {
		ret = send_sockets(p);
		p->listen = ret;
	}
	for (unsigned i = 0; !ret && i < p->n_slots; i++) {
		if (!p->pending[i])
			continue;
		ret = send_msg(p, WORKER_SNAPSHOT, i, p->newest[i]);
		p->pending[i] = ret;
	}
	if (!ret && p->flush) {
		ret = send_msg(p, WORKER_FLUSH, 0, -1);
		p->flush = ret;
	}
	if (!ret && p->drain)
		ret = send_msg(p, WORKER_DRAIN, 0, -1);
	return ret;
}

static void push(struct worker_proc *p)
{
	int ret = send_pending(p);

	if (ret && ret != -EAGAIN)
		lost(p);
	else
		loop_mod(&p->conn, ret ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

/* The word goes up also when not all could be sent: the worker then waits for the rest before it
 * handles anything. */
static void raise_word(struct worker_proc *p)
{
	atomic_store_explicit(&p->page->generation, p->generation, memory_order_release);
}

void worker_proc_flush(struct worker_proc *p)
{
	if (!p->greeted || p->conn.fd < 0 || p->drain)
		return;
	p->generation++;
	p->flush = true;
	push(p);
	raise_word(p);
	if (!p->stuck.heap) {
		p->watched = p->generation;
		timer_set(&p->stuck, STUCK_MS);
	}
}

void worker_proc_drain(struct worker_proc *p)
{
	if (p->drain || p->conn.fd < 0)
		return;
	p->reset = p->listen = p->flush = false;
	memset(p->pending, 0, p->n_slots);
	p->drain = true;
	timer_set(&p->stuck, WORKER_DRAIN_MS + STUCK_MS);
	if (p->page) {
		p->generation++;
		raise_word(p);
	}
	push(p);
}

/* ---- HELLO ---------------------------------------------------------------------------------- */

/* A control process may have ended between sending a FLUSH and raising the word for it. */
static uint64_t newest_generation(struct worker_page *page)
{
	uint64_t raised = atomic_load(&page->generation), taken = atomic_load(&page->taken);

	return raised > taken ? raised : taken;
}

/* Believes nothing that is not checked: the worker may be of another build, or taken over. */
static int take_hello(struct worker_proc *p, const struct worker_hello *h, int *fds, unsigned n_fds)
{
	struct worker_page *page;

	if (h->magic != WORKER_HELLO_MAGIC || n_fds < 1 || n_fds - 1 != h->n_sockets)
		return -EPROTO;
	p->hello = *h;
	p->sockets.n = n_fds - 1;
	memcpy(p->sockets.fds, fds + 1, p->sockets.n * sizeof(int));
	if (!p->page) { /* another build's page may be another: then no counters */
		page = worker_page_map(fds[0], NULL);
		p->page = page;
		p->generation = page ? newest_generation(page) : 0;
	}
	close(fds[0]);
	return 0;
}

static int read_hello(struct worker_proc *p)
{
	struct worker_hello h;
	int fds[WORKER_HELLO_FDS];
	unsigned n_fds;
	ssize_t n = worker_msg_recv(p->conn.fd, &h, sizeof(h), fds, WORKER_HELLO_FDS, &n_fds);
	int ret = n == sizeof(h) ? take_hello(p, &h, fds, n_fds) : n < 0 ? (int)n : -EPROTO;

	if (ret) {
		for (unsigned i = 0; i < n_fds; i++)
			close(fds[i]);
		return ret;
	}
	timer_del(&p->stuck);
	p->greeted = true;
	if (p->greeted_fn)
		p->greeted_fn(p);
	return 0;
}

/* After HELLO a worker says nothing: readable means its end, or a fault. */
static void on_conn(struct event *ev, uint32_t mask)
{
	struct worker_proc *p = container_of(ev, struct worker_proc, conn);

	if (mask & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		int ret = p->greeted ? -EPIPE : read_hello(p);

		if (ret && ret != -EAGAIN)
			lost(p);
		return;
	}
	push(p);
}

bool worker_proc_is_ours(const struct worker_proc *p, const struct worker_role *role)
{
	return p->greeted && p->page && p->death.fd >= 0 && p->hello.build &&
	       p->hello.build == worker_birth_build() && p->hello.index == p->index &&
	       !strncmp(p->hello.role, role->name, sizeof(p->hello.role));
}

static uint64_t poll_some(struct worker_proc **procs, unsigned n, uint64_t left_ms)
{
	struct pollfd fds[WORKER_MAX];
	struct timespec before, after;
	unsigned waiting = 0;
	uint64_t spent;

	for (unsigned i = 0; i < n; i++) {
		bool wait = procs[i] && !procs[i]->greeted && procs[i]->conn.fd >= 0;

		fds[i] = (struct pollfd){ .fd = wait ? procs[i]->conn.fd : -1, .events = POLLIN };
		waiting += wait;
	}
	if (!waiting)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &before);
	poll(fds, n, (int)left_ms);
	clock_gettime(CLOCK_MONOTONIC, &after);
	for (unsigned i = 0; i < n; i++)
		if (procs[i] && fds[i].revents && read_hello(procs[i]) != 0)
			worker_proc_kill(procs[i]);
	spent = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
	return spent < left_ms ? left_ms - spent : 0;
}

void worker_proc_await(struct worker_proc **procs, unsigned n, unsigned ms)
{
	for (uint64_t left = ms; left > 0;)
		left = poll_some(procs, n, left);
}

/* ---- beginnings ----------------------------------------------------------------------------- */

static struct worker_proc *proc_new(const struct worker_role *role, unsigned index)
{
	struct worker_proc *p = xcalloc(1, sizeof(*p));

	list_init(&p->link);
	snprintf(p->name, sizeof(p->name), "%s-%u", role->name, index);
	p->index = index;
	p->born = loop_now();
	p->conn = (struct event){ .fd = -1, .fn = on_conn };
	p->death = (struct event){ .fd = -1, .fn = on_death };
	p->stuck.fn = on_stuck;
	p->n_slots = role->slots;
	p->pending = xcalloc(role->slots, sizeof(*p->pending));
	p->reset = true;
	return p;
}

/* By the name it gave itself: "knetd-dns-0", as far as the kernel keeps it. */
static bool is_called(pid_t pid, const char *name)
{
	char path[32], want[32], comm[32];
	auto_close int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	snprintf(want, sizeof(want), "%.15s\n", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, comm, sizeof(comm));
	return n == (ssize_t)strlen(want) && !memcmp(comm, want, n);
}

/* Who sits behind the door: the process that listened last. Before a worker has done so this is the
 * one that made the door, a control process, perhaps long gone and its number given to a stranger:
 * the name tells. -1 when that is so. */
static int peer_pidfd(int conn, const char *name)
{
	char full[48];
	struct ucred peer;
	socklen_t len = sizeof(peer);
	auto_close int fd = -1;

	if (getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.pid <= 0)
		return -1;
	fd = syscall(SYS_pidfd_open, peer.pid, 0);
	snprintf(full, sizeof(full), "knetd-%s", name);
	return fd >= 0 && is_called(peer.pid, full) ? TAKE_FD(fd) : -1;
}

static int watch(struct worker_proc *p, struct err *e)
{
	int ret = loop_add(&p->conn, EPOLLIN, e);

	if (!ret && p->death.fd >= 0)
		ret = loop_add(&p->death, EPOLLIN, e);
	timer_set(&p->stuck, STUCK_MS);
	return ret;
}

struct worker_proc *worker_proc_find(const struct worker_role *role, unsigned index, unsigned aside)
{
	struct worker_proc *p = proc_new(role, index);

	snprintf(p->door, sizeof(p->door), aside ? "%s.%u" : "%s", p->name, aside);
	if (worker_birth_has_door(p->door))
		p->conn.fd = worker_birth_knock(p->door, NULL);
	if (p->conn.fd < 0 && aside)
		worker_birth_close_door(p->door);
	if (p->conn.fd >= 0) {
		p->death.fd = peer_pidfd(p->conn.fd, p->name);
		if (!watch(p, NULL))
			return p;
	}
	worker_proc_free(p);
	return NULL;
}

struct worker_proc *worker_proc_spawn(const struct worker_role *role, unsigned index, bool replaces,
                                      const struct worker_set *sockets, struct err *e)
{
	struct worker_proc *p = proc_new(role, index);
	auto_close int door = worker_birth_open_door(p->name, replaces, e);
	auto_close int page = door < 0 ? -1 : worker_page_new(e);

	if (page >= 0 && (p->page = worker_page_map(page, e)) &&
	    (p->conn.fd = worker_birth_knock(p->name, e)) >= 0 &&
	    (p->child = worker_birth_fork(role->name, index, door, page, sockets, e)) > 0) {
		p->death.fd = syscall(SYS_pidfd_open, p->child, 0);
		if (p->death.fd < 0)
			err_set(e, errno, "pidfd_open: %s", strerror(errno));
		else if (!watch(p, e))
			return p;
		worker_proc_kill(p);
		waitpid(p->child, NULL, 0);
	}
	worker_proc_free(p);
	return NULL;
}

int worker_proc_init(struct err *e)
{
	return worker_birth_init(e);
}
