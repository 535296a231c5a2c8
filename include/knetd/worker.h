/* worker.h - processes that parse strangers' bytes: the same binary, without privileges.
 *
 * The control process opens every listening socket and passes it; each worker has SO_REUSEPORT
 * sockets of its own. A worker runs chrooted, as nobody, without capabilities and behind seccomp.
 * It holds a named socket in the run directory; the control process connects to it, sends snapshots
 * down, and reads the counters that the worker keeps in a shared page. When the control process
 * dies the worker serves on; the next one connects to the same socket and adopts it: fresh start
 * and take-over are one code path. A worker of another build is asked to drain and is replaced.
 *
 * In force before the call returns: the shared page holds a generation word. The control process
 * sends snapshots, then raises the word; a worker compares it (worker_fresh) before it handles what
 * it read, and takes in what is waiting first. So an answer given after an API call returned can
 * never come from before it, and nobody waits for an acknowledgement. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/buf.h>
#include <knetd/conf.h>
#include <knetd/err.h>
#include <knetd/loop.h>
#include <knetd/snapshot.h>

#define WORKER_SOCKETS 64
#define WORKER_COUNTERS 1016 /* with the words before them: two pages of memory */
#define WORKER_MAX 64
#define WORKER_SHARED (320 * 1024) /* what is never touched of it takes no memory */

struct worker_socket { /* a listening socket the worker was given */
	int fd;
	bool stream; /* TCP listener, else UDP */
	uint16_t port;
};

struct worker { /* in the worker process; one a process */
	unsigned index;
	unsigned n_sockets;
	struct worker_socket sockets[WORKER_SOCKETS];
	_Atomic uint64_t *counters; /* WORKER_COUNTERS words that grow, added up by /metrics */
	struct snapshot **slots;    /* role->slots of them, NULL: empty; snapshot_ref to keep one */
	bool draining; /* stop accepting; the role calls worker_exit() when it is idle */
	void *shared;  /* WORKER_SHARED bytes that the control process sees too, zero at first */
};

struct worker_role {      /* const, one per kind of worker, in the table in knetd/worker_roles.c */
	const char *name; /* "dns" */
	unsigned slots;   /* snapshots it is sent */
	/* In the worker, behind seccomp, once the first set of snapshots is in w->slots: set up
	 * events on the sockets; the loop is run by the core. An error ends the process; it is
	 * started again. */
	int (*start)(struct worker *w, struct err *e);
	/* w->slots[slot] was replaced, perhaps by NULL. Called when all slots of a flush are in
	 * place, for each one, also for those of the first flush (after start), also from inside
	 * worker_fresh. What was there before lives until the last of these calls returns. */
	void (*changed)(struct worker *w, unsigned slot);
	/* Take what waits, then close the sockets: either another process has the very same ones,
	 * or nobody shall, and the kernel deals clients to them as long as they are open. Finish,
	 * then worker_exit(). May be called from inside worker_fresh. NULL: nothing to finish. */
	void (*drain)(struct worker *w);
	const int *syscalls; /* beyond the list in isolate_seccomp.c, ends with -1; may be NULL */
};
extern const struct worker_role *const worker_roles[]; /* NULL-ended */

/* Worker side. Takes in waiting snapshots when the generation moved: one load when it did not. */
void worker_fresh(struct worker *w);
void worker_exit(void);
int worker_main(int argc, char **argv); /* argv: --worker ROLE INDEX; descriptors from 3 on */

/* Control side. */
struct worker_pool;
struct worker_listen {
	struct endpoint at; /* ip.len 0: any address, one dual-stack socket */
	bool stream;
	bool optional;    /* address or port not to be had: a warning, not an error */
	bool transparent; /* IP_FREEBIND: the address may come later */
};
/* Starts or adopts conf.node.workers workers. */
struct worker_pool *worker_pool_start(const struct worker_role *role,
                                      const struct worker_listen *listen, unsigned n_listen,
                                      struct err *e);
/* Gives every worker (also ones that come later) a snapshot; takes fd. Nothing is in force before
 * worker_pool_flush, which the caller calls once after its last publish. -1 empties the slot. */
void worker_pool_publish(struct worker_pool *p, unsigned slot, int fd);
void worker_pool_flush(struct worker_pool *p);
uint64_t worker_pool_counter(const struct worker_pool *p,
                             unsigned counter); /* sum over workers, also dead ones */
/* Datagrams that found the workers' socket buffers full. */
uint64_t worker_pool_dropped(const struct worker_pool *p);
/* The same for a word that also shrinks: the sum over those that live. */
uint64_t worker_pool_gauge(const struct worker_pool *p, unsigned counter);
unsigned worker_pool_alive(const struct worker_pool *p);
uint64_t
worker_pool_deaths(const struct worker_pool *p); /* of workers that were not asked to end */
unsigned worker_pool_seats(const struct worker_pool *p);
/* The shared bytes of the worker that has that seat now, NULL: none has. Whoever writes there has
 * read strangers' bytes: nothing in them is to be believed. */
void *worker_pool_shared(const struct worker_pool *p, unsigned seat);
/* stop: end the workers too (-x); otherwise they serve on. */
void worker_pool_free(struct worker_pool *p, bool stop);
