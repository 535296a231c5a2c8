/* worker_proc.h - one worker process as the control process sees it: its birth or its adoption,
 * what it has still to be sent, its end. worker_pool.c decides which processes there are. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <knetd/list.h>
#include <knetd/loop.h>
#include <knetd/worker.h>

#include "worker_listen.h"
#include "worker_msg.h"

struct worker_proc {
	struct list link;                          /* the pool's */
	void *owner;                               /* the pool's */
	void (*greeted_fn)(struct worker_proc *p); /* HELLO came: hello, sockets, page are set */
	void (*ended_fn)(struct worker_proc *p);   /* gone, and reaped; the owner frees it */

	char name[32]; /* "dns-0" */
	char door[48]; /* where it was found */
	unsigned index;
	uint64_t born;     /* loop_now() */
	pid_t child;       /* 0: adopted, somebody else reaps it */
	struct event conn; /* fd -1: closed */
	struct event
		death; /* a pidfd; -1: none to be had, then the connection's end is the process's */
	struct timer stuck;
	struct worker_page *page; /* a child's from birth, an adopted one's from HELLO */

	bool greeted;
	struct worker_hello hello;
	struct worker_set sockets; /* that came with HELLO; the pool takes them */

	const struct worker_set *listening; /* the pool's: what it shall have */
	const int *newest; /* the pool's: a descriptor for each slot, -1 for empty */
	unsigned n_slots;
	bool *pending;       /* slots to be sent */
	bool reset, listen;  /* messages to be sent: before the slots; */
	bool flush, drain;   /* after them, last */
	uint64_t generation; /* of the newest flush */
	uint64_t watched;    /* must be in force there when `stuck` fires */
};

/* Once, before anything else; harmless again. */
int worker_proc_init(struct err *e);

/* Sits at the door of a process that serves already, or (aside > 0) at one of those that had to
 * make place; NULL when there is none. */
struct worker_proc *worker_proc_find(const struct worker_role *role, unsigned index,
                                     unsigned aside);
/* replaces: another one serves behind that door. */
struct worker_proc *worker_proc_spawn(const struct worker_role *role, unsigned index, bool replaces,
                                      const struct worker_set *sockets, struct err *e);
/* Waits at most ms for the HELLO of every process that has not said it. Only where nothing else
 * waits. */
void worker_proc_await(struct worker_proc **procs, unsigned n, unsigned ms);

/* True when the process is of this very build and serves this role and index. */
bool worker_proc_is_ours(const struct worker_proc *p, const struct worker_role *role);
/* Sends the pending slots, or all of them at first, and puts them in force: when it returns,
 * whatever the worker handles from now on sees them. Nothing before HELLO. */
void worker_proc_flush(struct worker_proc *p);
void worker_proc_drain(struct worker_proc *p);

void worker_proc_kill(struct worker_proc *p); /* ended_fn follows */
void worker_proc_end(
	struct worker_proc *p); /* kills it and waits; no ended_fn. Its door goes too */
void worker_proc_free(struct worker_proc *p); /* lets go of it: it serves on. NULL is fine */
