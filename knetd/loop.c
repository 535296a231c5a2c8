/* loop.c - see loop.h. Timers are a binary heap of pointers into their owners; the head's time is
 * the wait of epoll_pwait, so an idle daemon does not wake up. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/log.h>
#include <knetd/loop.h>

#define FETCH 1024 /* many: what is urgent is not behind a crowd's turn */
#define AFTER_MAX 8

static struct {
	int epfd;
	bool running, again;
	uint64_t now_ns, now;
	struct epoll_event fetched[FETCH];
	struct timer **heap;
	size_t n_timers, cap_timers;
	void (*after[AFTER_MAX])(void);
	unsigned n_after;
} loop = { .epfd = -1 };

static void read_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	loop.now_ns = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	loop.now = loop.now_ns / 1000000;
}

int loop_init(struct err *e)
{
	if (loop.epfd >= 0)
		close(loop.epfd);
	loop.epfd = epoll_create1(EPOLL_CLOEXEC);
	if (loop.epfd < 0)
		return err_set(e, errno, "epoll_create1: %s", strerror(errno));
	read_clock();
	return 0;
}

int loop_add(struct event *ev, uint32_t mask, struct err *e)
{
	struct epoll_event ee = { .events = mask, .data.ptr = ev };

	if (epoll_ctl(loop.epfd, EPOLL_CTL_ADD, ev->fd, &ee) < 0)
		return err_set(e, errno, "epoll_ctl add: %s", strerror(errno));
	ev->mask = mask;
	ev->index = 0;
	return 0;
}

int loop_signals(struct event *ev, const int *signals, size_t n, struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < n; i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	ev->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (ev->fd < 0)
		return err_set(e, errno, "signalfd: %s", strerror(errno));
	return loop_add(ev, EPOLLIN, e);
}

void loop_mod(struct event *ev, uint32_t mask)
{
	struct epoll_event ee = { .events = mask, .data.ptr = ev };

	if (ev->mask == mask)
		return;
	if (epoll_ctl(loop.epfd, EPOLL_CTL_MOD, ev->fd, &ee) < 0)
		log_err("epoll_ctl mod fd=%d: %s", ev->fd, strerror(errno));
	ev->mask = mask;
}

/* What was fetched this turn and is still to be called is blanked. */
static void forget(struct event *ev)
{
	ev->mask = 0;
	if (ev->index)
		loop.fetched[ev->index - 1].data.ptr = NULL;
	ev->index = 0;
}

void loop_del(struct event *ev)
{
	if (!ev->mask)
		return;
	epoll_ctl(loop.epfd, EPOLL_CTL_DEL, ev->fd, NULL);
	forget(ev);
}

void loop_close(struct event *ev)
{
	if (ev->mask)
		forget(ev);
	if (ev->fd >= 0)
		close(ev->fd);
	ev->fd = -1;
}

uint64_t loop_now(void)
{
	return loop.now;
}

uint64_t loop_now_ns(void)
{
	return loop.now_ns;
}

static void heap_set(size_t i, struct timer *t)
{
	loop.heap[i] = t;
	t->heap = i + 1;
}

static void heap_up(size_t i)
{
	struct timer *t = loop.heap[i];

	for (; i && loop.heap[(i - 1) / 2]->at > t->at; i = (i - 1) / 2)
		heap_set(i, loop.heap[(i - 1) / 2]);
	heap_set(i, t);
}

static void heap_down(size_t i)
{
	struct timer *t = loop.heap[i];
	size_t child;

	while ((child = 2 * i + 1) < loop.n_timers) {
		if (child + 1 < loop.n_timers && loop.heap[child + 1]->at < loop.heap[child]->at)
			child++;
		if (loop.heap[child]->at >= t->at)
			break;
		heap_set(i, loop.heap[child]);
		i = child;
	}
	heap_set(i, t);
}

void timer_del(struct timer *t)
{
	size_t i = t->heap - 1;

	if (!t->heap)
		return;
	t->heap = 0;
	loop.n_timers--;
	if (i == loop.n_timers)
		return;
	heap_set(i, loop.heap[loop.n_timers]);
	heap_down(i);
	heap_up(i);
}

void timer_set(struct timer *t, uint64_t ms_from_now)
{
	timer_del(t);
	t->at = loop.now + ms_from_now;
	if (loop.n_timers == loop.cap_timers) {
		loop.cap_timers = loop.cap_timers ? loop.cap_timers * 2 : 32;
		loop.heap = xrealloc(loop.heap, loop.cap_timers * sizeof(struct timer *));
	}
	heap_set(loop.n_timers++, t);
	heap_up(loop.n_timers - 1);
}

void loop_after(void (*fn)(void))
{
	if (loop.n_after < AFTER_MAX)
		loop.after[loop.n_after++] = fn;
	else
		log_err("loop: more than %d after-turn hooks", AFTER_MAX);
}

void loop_again(void)
{
	loop.again = true;
}

static int wait_ms(void)
{
	uint64_t at;

	if (loop.again)
		return 0;
	if (!loop.n_timers)
		return -1;
	at = loop.heap[0]->at;
	if (at <= loop.now)
		return 0;
	return at - loop.now > 3600000 ? 3600000 : (int)(at - loop.now);
}

/* Timers set by a callback for "now" fire in the next turn: no callback can starve descriptors. */
static void run_timers(void)
{
	uint64_t now = loop.now;

	for (size_t n = loop.n_timers; n && loop.n_timers && loop.heap[0]->at <= now; n--) {
		struct timer *t = loop.heap[0];

		timer_del(t);
		t->fn(t);
	}
}

static void dispatch(int n)
{
	for (int i = 0; i < n; i++)
		((struct event *)loop.fetched[i].data.ptr)->index = i + 1;
	for (int i = 0; i < n; i++) {
		struct event *ev = loop.fetched[i].data.ptr;

		if (!ev)
			continue;
		ev->index = 0;
		ev->fn(ev, loop.fetched[i].events);
	}
}

void loop_run(void)
{
	for (loop.running = true; loop.running;) {
		int n = epoll_pwait(loop.epfd, loop.fetched, FETCH, wait_ms(), NULL);

		loop.again = false;
		read_clock();
		if (n > 0)
			dispatch(n);
		run_timers();
		for (unsigned i = 0; i < loop.n_after; i++)
			loop.after[i]();
	}
}

void loop_stop(void)
{
	loop.running = false;
}
