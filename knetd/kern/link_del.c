/* link_del.c - deletes links in a child process, because the kernel keeps whoever asks for 16 ms.
 *
 * One child at a time takes every name that waits; what arrives meanwhile goes with the next one.
 * So a burst of removals costs a few forks, and never more than one process beside the daemon.
 * Whether a link is gone is not the child's word: the kernel is asked when the child has ended.
 *
 * The child also forgets what connection tracking knows of the addresses behind the links, which
 * takes a walk over the kernel's whole table: some milliseconds, once for all of them. */
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/handover.h>
#include <knetd/kern.h>
#include <knetd/list.h>
#include <knetd/log.h>
#include <knetd/loop.h>

struct removal {
	struct list in;
	void (*done)(void *arg, bool gone);
	void *arg;
	char name[IF_NAMESIZE];
	unsigned n;
	struct ip ips[RT_LINK_IPS];
};

static struct list waiting = LIST_INIT(waiting);
static struct list running = LIST_INIT(running); /* the child's */
static struct event child = { .fd = -1 };
static pid_t child_pid;

static void move_all(struct list *from, struct list *to)
{
	struct list *pos, *nxt;

	list_each (pos, nxt, from) {
		list_del(pos);
		list_add_tail(to, pos);
	}
}

/* All of them at once, when no link brings new ones any more. */
static int forget_connections(void)
{
	struct list *pos, *nxt;
	unsigned n = 0, most = 0;
	struct err e = { 0 };
	struct ip *ips;
	int ret;

	list_each (pos, nxt, &running)
		most += container_of(pos, struct removal, in)->n;
	ips = xcalloc(most + 1, sizeof(*ips));
	list_each (pos, nxt, &running) {
		const struct removal *r = container_of(pos, struct removal, in);

		memcpy(ips + n, r->ips, r->n * sizeof(*ips));
		n += r->n;
	}
	ret = conntrack_forget(ips, n, &e);
	if (ret)
		log_warn("podnet: %s", e.text);
	free(ips);
	return ret;
}

/* In the child: no memory is taken that the parent could have been changing, there is no thread. */
static void child_main(void)
{
	struct rt *rt;
	struct list *pos, *nxt;

	/* the locks of the directories are the parent's alone */
	syscall(SYS_close_range, 3, ~0u, 0);
	rt = rt_open(-1, NULL);
	if (!rt)
		_exit(1);
	list_each (pos, nxt, &running) {
		const struct removal *r = container_of(pos, struct removal, in);

		if (!r->name[0])
			continue;
		rt_link_del(rt, r->name);
		rt_flush(rt, NULL);
	}
	_exit(forget_connections() ? 1 : 0);
}

static int start(struct err *e);

static bool is_gone(struct rt *rt, const char *name)
{
	struct rt_link link;

	return !*name || (rt && rt_link_get(rt, name, &link, NULL) == -ENODEV);
}

static void report(struct list *ended, bool forgotten)
{
	struct rt *rt = rt_open(-1, NULL);
	struct list *pos, *nxt;

	list_each (pos, nxt, ended) {
		struct removal *r = container_of(pos, struct removal, in);
		bool gone = (forgotten || !r->n) && is_gone(rt, r->name);

		list_del(&r->in);
		r->done(r->arg, gone);
		free(r);
	}
	rt_close(rt);
}

static void on_child_end(struct event *ev, uint32_t events)
{
	struct list ended = LIST_INIT(ended);
	int status = -1;
	struct err e;

	(void)events;
	while (waitpid(child_pid, &status, 0) < 0 && errno == EINTR)
		;
	loop_del(ev);
	close(ev->fd);
	ev->fd = -1;
	move_all(&running, &ended);
	if (!list_empty(&waiting) && start(&e)) {
		log_warn("%s", e.text);
		move_all(&waiting, &ended);
	}
	report(&ended, status == 0);
}

static void stop_child(void);

static void leave_resume(void)
{
	struct err e;

	if (child.fd < 0 && !list_empty(&waiting) && start(&e))
		log_warn("%s", e.text); /* they are asked for again with the next one */
}

static bool leave_quiet(void)
{
	return child.fd < 0 && list_empty(&waiting);
}

/* Whoever takes our place finds links that are not deleted yet, and would not know the child; of
 * the connections behind those that are he would not hear at all: so the child is waited for. */
static void give_way_later(void)
{
	static const struct handover_giver giver = { .quiet = leave_quiet,
		                                     .give = stop_child,
		                                     .resume = leave_resume };
	static bool added;

	if (!added)
		handover_add_giver(&giver);
	added = true;
}

static int watch(pid_t pid, struct err *e)
{
	auto_close int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		return err_set(e, errno, "pidfd_open: %s", strerror(errno));
	child.fd = fd;
	child.fn = on_child_end;
	child_pid = pid;
	if (loop_add(&child, EPOLLIN, e)) {
		child.fd = -1;
		return -e->code;
	}
	(void)TAKE_FD(fd);
	return 0;
}

/* On failure everybody is waiting again. */
static int start(struct err *e)
{
	pid_t pid;
	int ret;

	give_way_later();
	move_all(&waiting, &running);
	pid = fork();
	if (pid == 0)
		child_main();
	ret = pid > 0 ? watch(pid, e) : err_set(e, errno, "fork: %s", strerror(errno));
	if (ret && pid > 0) /* cannot be watched: wait for it */
		waitpid(pid, NULL, 0);
	if (ret)
		move_all(&running, &waiting);
	return ret;
}

int rt_link_del_later(const char *name, const struct ip *ips, unsigned n,
                      void (*done)(void *arg, bool gone), void *arg, struct err *e)
{
	struct removal *r = xcalloc(1, sizeof(*r));
	int ret;

	r->done = done;
	r->arg = arg;
	snprintf(r->name, sizeof(r->name), "%s", name);
	r->n = n < RT_LINK_IPS ? n : RT_LINK_IPS;
	if (r->n)
		memcpy(r->ips, ips, r->n * sizeof(*ips));
	list_add_tail(&waiting, &r->in);
	if (child.fd >= 0)
		return 0;
	ret = start(e);
	if (ret) {
		list_del(&r->in);
		free(r);
	}
	return ret;
}

/* The child is stopped first: coming late, it would forget the connections of whoever has the
 * addresses next. What it had in hand goes to the next one. */
static void stop_child(void)
{
	if (child.fd < 0)
		return;
	kill(child_pid, SIGKILL);
	while (waitpid(child_pid, NULL, 0) < 0 && errno == EINTR)
		;
	loop_del(&child);
	close(child.fd);
	child.fd = -1;
	move_all(&running, &waiting);
}

static struct removal *take_waiting(const void *arg)
{
	struct list *pos, *nxt;

	list_each (pos, nxt, &waiting) {
		struct removal *r = container_of(pos, struct removal, in);

		if (r->arg != arg)
			continue;
		list_del(pos);
		return r;
	}
	return NULL;
}

void rt_link_del_hurry(struct rt *rt, const void *arg)
{
	struct removal *r;
	struct err e;
	bool gone;

	stop_child();
	r = take_waiting(arg);
	if (!list_empty(&waiting) && start(&e))
		log_warn("%s", e.text); /* they are asked for again with the next one */
	if (!r)
		return;
	if (r->name[0]) {
		rt_link_del(rt, r->name);
		rt_flush(rt, NULL);
	}
	gone = is_gone(rt, r->name) && conntrack_forget(r->ips, r->n, &e) == 0;
	r->done(r->arg, gone);
	free(r);
}
