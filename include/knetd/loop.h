/* loop.h - one thread, one epoll: descriptors, timers, children, signals.
 *
 * Events live inside their owners. A callback may remove itself, and any other event, also one that
 * this turn has already fetched. No callback blocks. Used by the control process and by workers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <knetd/err.h>

struct event {
	int fd; /* the owner closes it, after loop_del */
	void (*fn)(struct event *ev, uint32_t events);
	uint32_t mask;  /* EPOLLIN etc., kept by the loop */
	uint32_t index; /* kept by the loop: its place among the events fetched this turn, plus one
	                 */
};

struct timer {
	uint64_t at; /* loop_now() milliseconds */
	void (*fn)(struct timer *t);
	size_t heap; /* kept by the loop: place in the heap plus one, 0 when not armed */
};

int loop_init(struct err *e);
int loop_add(struct event *ev, uint32_t mask, struct err *e); /* ev->fd and ev->fn are set */
/* Makes ev the signalfd of these, which are blocked from now on; SIGPIPE is ignored. ev->fn is set.
 */
int loop_signals(struct event *ev, const int *signals, size_t n, struct err *e);
void loop_mod(struct event *ev, uint32_t mask);
void loop_del(struct event *ev); /* harmless when not added (mask 0) */
/* Takes it out and closes its descriptor, which nobody else may have: the kernel forgets it
 * unasked. */
void loop_close(struct event *ev);

uint64_t loop_now(void);    /* CLOCK_MONOTONIC milliseconds, read once a turn */
uint64_t loop_now_ns(void); /* the same reading in nanoseconds */
void timer_set(struct timer *t, uint64_t ms_from_now); /* moves it when armed; t->fn is set */
void timer_del(struct timer *t);

/* Called after all callbacks of each turn, in the order they were added (at most 8). */
void loop_after(void (*fn)(void));
/* Makes the next turn not wait (something was put aside for it). */
void loop_again(void);

void loop_run(void); /* until loop_stop */
void loop_stop(void);
