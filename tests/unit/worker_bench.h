/* worker_bench.h - a pool and real worker processes on the workbench: the test starts itself again
 * with --worker. The role here answers each datagram with "PID slot0 slot1 COUNT"; isolation needs
 * root and is left out (tests/net/test_workers.py looks at it). */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/isolate.h>
#include <knetd/kern.h>
#include <knetd/log.h>
#include <knetd/worker.h>

#include "../../knetd/worker_birth.h"
#include "../../knetd/worker_msg.h"

#define SLOTS 300 /* more than a socket holds messages */

/* ---- the worker's side ---------------------------------------------------------------------- */

int isolate_worker(int root_fd, const int *syscalls, struct err *e)
{
	(void)syscalls;
	close(root_fd);
	/* so that a failed test leaves nothing behind */
	return prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? err_set(e, errno, "PDEATHSIG") : 0;
}

int sysctl_set(int netns_fd, const char *path, const char *value, struct err *e)
{
	(void)netns_fd;
	(void)path;
	(void)value;
	(void)e;
	return 0; /* the machine's own is none of this test's business */
}

static struct worker *me;
static struct event echo[WORKER_SOCKETS];

static inline int slot_text(unsigned slot, char out[static 32])
{
	struct snapshot *s = me->slots[slot];

	return sprintf(out, "%.*s", s ? (int)s->len : 1, s ? (const char *)s->data : "-");
}

static inline void answer(struct event *ev, uint32_t mask)
{
	char ask[32] = "", out[128], first[32], second[32];
	struct sockaddr_in6 from;
	socklen_t len = sizeof(from);
	ssize_t n;

	(void)mask;
	worker_fresh(me);
	if (me->draining)
		return;
	n = recvfrom(ev->fd, ask, sizeof(ask) - 1, 0, (struct sockaddr *)&from, &len);
	if (n < 0)
		return;
	if (!strcmp(ask, "die"))
		raise(SIGKILL);
	if (!strcmp(ask, "hang"))
		for (;;)
			pause();
	me->counters[7]++;
	slot_text(0, first);
	slot_text(1, second);
	n = snprintf(out, sizeof(out), "%d %s %s %d", getpid(), first, second,
	             (int)me->counters[7]);
	sendto(ev->fd, out, n, 0, (struct sockaddr *)&from, len);
}

static inline int echo_start(struct worker *w, struct err *e)
{
	int ret = 0;

	me = w;
	for (unsigned i = 0; i < w->n_sockets && !ret; i++) {
		echo[i] = (struct event){ .fd = w->sockets[i].fd, .fn = answer };
		if (!w->sockets[i].stream)
			ret = loop_add(&echo[i], EPOLLIN, e);
	}
	return ret;
}

/* Slots 0 and 1 are published together: whoever is told of one sees both. */
static inline void echo_changed(struct worker *w, unsigned slot)
{
	char first[32], second[32];

	if (slot > 1 || !w->slots[0] || !w->slots[1])
		return;
	slot_text(0, first);
	slot_text(1, second);
	if (strcmp(first + 1, second + 1) != 0)
		abort();
}

static inline void echo_drain(struct worker *w)
{
	for (unsigned i = 0; i < w->n_sockets; i++)
		loop_del(&echo[i]);
	worker_exit();
}

static const struct worker_role echo_role = {
	.name = "echo",
	.slots = SLOTS,
	.start = echo_start,
	.changed = echo_changed,
	.drain = echo_drain,
};
/* ---- the test's side ------------------------------------------------------------------------ */

static char dir[] = "/tmp/knettestXXXXXX";
static uint16_t port; /* of the role; the tests are its only users */

static bool (*until)(void);
static unsigned ticks;

static inline void tick(struct timer *t)
{
	if (until() || !--ticks)
		loop_stop();
	else
		timer_set(t, 5);
}

/* Runs the loop until the condition holds; fails after ten seconds. */
static inline void spin(bool (*condition)(void))
{
	struct timer t = { .fn = tick };

	until = condition;
	ticks = 2000;
	timer_set(&t, 0);
	loop_run();
	timer_del(&t);
	assert_true(ticks > 0);
}

static struct worker_pool *pool;
static unsigned want_alive;

static inline bool alive(void)
{
	return worker_pool_alive(pool) == want_alive;
}

/* Returns when the worker is dead and its sockets are closed. The loop does not run meanwhile, so
 * the pool has not started another. */
static inline void await_death(pid_t pid)
{
	siginfo_t info;

	assert_int_equal(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
}

static inline int udp_socket(uint16_t at_port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(at_port) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static inline uint16_t free_port(void)
{
	int fd = udp_socket(0);
	struct sockaddr_in at;
	socklen_t len = sizeof(at);

	getsockname(fd, (struct sockaddr *)&at, &len);
	close(fd);
	return ntohs(at.sin_port);
}

/* Asks over a socket that must not be lost: sends once, waits long. "" when nothing comes. */
static inline const char *ask(const char *text, int wait_ms)
{
	static char out[128];
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n = 0;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(sendto(fd, text, strlen(text), 0, (struct sockaddr *)&at, sizeof(at)),
	                 strlen(text));
	if (poll(&p, 1, wait_ms) == 1)
		n = recv(fd, out, sizeof(out) - 1, 0);
	out[n > 0 ? n : 0] = 0;
	close(fd);
	return out;
}

static inline uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct reply {
	int pid, count;
	char first[32], second[32];
};

static inline struct reply ask_reply(void)
{
	struct reply r = { 0 };
	const char *text = ask("hello", 5000);

	assert_int_equal(sscanf(text, "%d %31s %31s %d", &r.pid, r.first, r.second, &r.count), 4);
	return r;
}

static inline void publish(unsigned slot, const char *text)
{
	auto_buf struct buf b = { 0 };

	buf_str(&b, text);
	worker_pool_publish(pool, slot, snapshot_seal(&b, "test", NULL));
}

static inline void publish_pair(int i)
{
	char text[32];

	sprintf(text, "a%d", i);
	publish(0, text);
	text[0] = 'b';
	publish(1, text);
	worker_pool_flush(pool);
}

static inline void start_pool(unsigned workers, unsigned n_listen)
{
	struct worker_listen listen[3] = {
		{ .at = { .ip = { 4, { 127, 0, 0, 1 } }, .port = port } },
		{ .at = { .ip = { 4, { 127, 0, 0, 1 } }, .port = port }, .stream = true },
		{ .at = { .ip = { 4, { 127, 0, 0, 2 } }, .port = port }, .stream = true },
	};
	struct err e = { 0 };

	conf.node.workers = want_alive = workers;
	pool = worker_pool_start(&echo_role, listen, n_listen, &e);
	if (!pool)
		fail_msg("%s", e.text);
}

static inline void end_pool(void)
{
	worker_pool_free(pool, true);
	pool = NULL;
	while (waitpid(-1, NULL, WNOHANG) > 0) /* adopted ones are not the pool's to reap */
		;
}

/* As a control process that ends: its workers serve on. */
static inline void leave_pool(void)
{
	worker_pool_free(pool, false);
	pool = NULL;
}

/* What a failed test left. */
static inline int clean(void **state)
{
	(void)state;
	end_pool();
	return 0;
}

static inline bool both_serve(void)
{
	return worker_pool_alive(pool) == 2;
}

static inline bool one_serves(void)
{
	return worker_pool_alive(pool) == 1;
}

static pid_t known[2];

static inline bool stranger_serves(void)
{
	pid_t pid = atoi(ask("hello", 100));

	return pid && pid != known[0] && pid != known[1];
}

/* Fills `known`. */
static inline void meet_both(void)
{
	known[0] = known[1] = ask_reply().pid;
	while (known[1] == known[0])
		known[1] = ask_reply().pid;
}

static inline void kill_known(unsigned which)
{
	kill(known[which], SIGKILL);
	await_death(known[which]);
}

static inline int set_up(void **state)
{
	struct err e = { 0 };

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_LEVEL_ERR);
	conf.node.log_level = LOG_LEVEL_ERR;
	if (!mkdtemp(dir) || loop_init(&e))
		return -1;
	snprintf(conf.node.run_dir, sizeof(conf.node.run_dir), "%s", dir);
	port = free_port();
	return worker_birth_init(&e);
}

static inline int tear_down(void **state)
{
	char path[64];

	(void)state;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	snprintf(path, sizeof(path), "%s/workers/empty", dir);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/workers", dir);
	rmdir(path);
	return rmdir(dir); /* fails when a door was left */
}
