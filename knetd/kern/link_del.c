/* link_del.c - deletes links in a child process, because the kernel keeps whoever asks for 16 ms.
 *
 * One child at a time takes every name that waits; what arrives meanwhile goes with the next one.
 * So a burst of removals costs a few forks, and never more than one process beside the daemon.
 * Whether a link is gone is not the child's word: the kernel is asked when the child has ended. */
#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/kern.h>
#include <knetd/list.h>
#include <knetd/log.h>
#include <knetd/loop.h>

struct removal {
	struct list in;
	void (*done)(void *arg, bool gone);
	void *arg;
	char name[IF_NAMESIZE];
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
		rt_link_del(rt, container_of(pos, struct removal, in)->name);
		rt_flush(rt, NULL);
	}
	_exit(0);
}

static int start(struct err *e);

static void report(struct list *ended)
{
	struct rt *rt = rt_open(-1, NULL);
	struct list *pos, *nxt;
	struct rt_link link;

	list_each (pos, nxt, ended) {
		struct removal *r = container_of(pos, struct removal, in);
		bool gone = rt && rt_link_get(rt, r->name, &link, NULL) == -ENODEV;

		list_del(&r->in);
		r->done(r->arg, gone);
		free(r);
	}
	rt_close(rt);
}

static void on_child_end(struct event *ev, uint32_t events)
{
	struct list ended = LIST_INIT(ended);
	struct err e;

	(void)events;
	while (waitpid(child_pid, NULL, 0) < 0 && errno == EINTR)
		;
	loop_del(ev);
	close(ev->fd);
	ev->fd = -1;
	move_all(&running, &ended);
	if (!list_empty(&waiting) && start(&e)) {
		log_warn("%s", e.text);
		move_all(&waiting, &ended);
	}
	report(&ended);
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

int rt_link_del_later(const char *name, void (*done)(void *arg, bool gone), void *arg,
                      struct err *e)
{
	struct removal *r = xcalloc(1, sizeof(*r));
	int ret;

	r->done = done;
	r->arg = arg;
	snprintf(r->name, sizeof(r->name), "%s", name);
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
