/* worker_left.c - see worker_left.h */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/handover.h>

#include "worker_left.h"

#define NAME "worker"
#define MOMENT_MS 200 /* whoever has adopted it looks first, and tells why it ended */

struct left {
	struct list in_all;
	struct event death; /* a pidfd */
	int pid;
	struct timer moment;
};
static struct list all = LIST_INIT(all);

static void on_moment(struct timer *t)
{
	struct left *l = container_of(t, struct left, moment);
	siginfo_t info;

	(void)!waitid(P_PIDFD, l->death.fd, &info, WEXITED | WNOHANG);
	list_del(&l->in_all);
	close(l->death.fd);
	free(l);
}

static void on_death(struct event *ev, uint32_t mask)
{
	(void)mask;
	loop_del(ev);
	timer_set(&container_of(ev, struct left, death)->moment, MOMENT_MS);
}

static int pid_of(int fd)
{
	char path[48], text[512];
	const char *at;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	auto_close int info = open(path, O_RDONLY | O_CLOEXEC);
	n = info < 0 ? -1 : read(info, text, sizeof(text) - 1);
	if (n < 0)
		return -1;
	text[n] = '\0';
	at = strstr(text, "\nPid:");
	return at ? atoi(at + 5) : -1;
}

static bool is_known(int pid)
{
	struct list *pos, *nxt;

	list_each (pos, nxt, &all)
		if (pid > 0 && container_of(pos, struct left, in_all)->pid == pid)
			return true;
	return false;
}

/* Each is given twice when it has been left once before: as one that was left, and as one that
 * serves in the pool of whoever adopted it. */
void worker_left_begin(void)
{
	int fd;

	while ((fd = handover_take(NAME)) >= 0) {
		int pid = pid_of(fd);
		struct left *l;

		if (is_known(pid)) {
			close(fd);
			continue;
		}
		l = xcalloc(1, sizeof(*l));
		l->pid = pid;
		l->death = (struct event){ .fd = fd, .fn = on_death };
		l->moment.fn = on_moment;
		list_add_tail(&all, &l->in_all);
		loop_add(&l->death, EPOLLIN, NULL);
	}
}

void worker_leave(const struct worker_proc *p)
{
	if (p && p->death.fd >= 0)
		handover_keep(NAME, p->death.fd);
}

void worker_leave_left(void)
{
	struct list *pos, *nxt;

	list_each (pos, nxt, &all)
		handover_keep(NAME, container_of(pos, struct left, in_all)->death.fd);
}

void worker_leave_resume(void)
{
	handover_drop_all(NAME);
}
