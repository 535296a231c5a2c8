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
#include <knetd/ip.h>
#include <knetd/loop.h>
#include <knetd/snapshot.h>

#define WORKER_SOCKETS 240   /* one message carries at most 253 descriptors */
#define WORKER_COUNTERS 1016 /* with the words before them: two pages of memory */
#define WORKER_MAX 64
#define WORKER_SHARED (800 * 1024) /* what is never touched of it takes no memory */

struct worker_socket { /* a listening socket the worker was given */
	int fd;        /* -1: none has this place now */
	bool stream;   /* TCP listener, else UDP */
	uint16_t port;
	struct endpoint at; /* as it was bound; ip.len 0: any address of both families */
	uint32_t id;        /* no other one of this process ever has it, see worker_socket */
	uint64_t cookie;    /* the kernel's name for it */
};

struct worker { /* in the worker process; one a process */
	unsigned index;
	unsigned n_sockets; /* places; a socket keeps its own */
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
	/* A role whose sockets may change while it runs has both; without them another process is
	 * started when they are others than those of the one that was found. `listening`: s is
	 * here now, serve it; called for each after start, and from a flush, behind `changed`.
	 * `closing`: s goes; take what waits in it and forget it, the core closes it (or s->fd is
	 * set to -1: the role does, soon). Called in a flush before its snapshots are in place
	 * (worker_fresh does nothing meanwhile), and before `drain`. */
	int (*listening)(struct worker *w, struct worker_socket *s, struct err *e);
	void (*closing)(struct worker *w, struct worker_socket *s);
	/* Take what waits, then close the sockets (but see `closing`): either another process has
	 * the very same ones, or nobody shall, and the kernel deals clients to them as long as they
	 * are open. Finish, then worker_exit(). May be called from inside worker_fresh. NULL:
	 * nothing to finish. */
	void (*drain)(struct worker *w);
	const int *syscalls; /* beyond the list in isolate_seccomp.c, ends with -1; may be NULL */
};
extern const struct worker_role *const worker_roles[]; /* NULL-ended */

/* Worker side. Takes in waiting snapshots when the generation moved: one load when it did not. */
void worker_fresh(struct worker *w);
void worker_exit(void);
/* The socket of that id; NULL: it is closed. */
struct worker_socket *worker_socket(struct worker *w, uint32_t id);
/* True when it is what a worker_listen with these words asked for. */
bool worker_socket_is(const struct worker_socket *s, const struct endpoint *at, bool stream);
int worker_main(int argc, char **argv); /* argv: --worker ROLE INDEX; descriptors from 3 on */

/* Control side. */
struct worker_pool;
struct worker_listen {
	struct endpoint at; /* ip.len 0: any address, one dual-stack socket */
	bool stream;
	bool optional;    /* address or port not to be had: a warning, not an error; tried again */
	bool transparent; /* IP_FREEBIND: the address may come later */
};
/* Starts or adopts conf.node.workers workers. What adopted ones listen on besides stays open until
 * the first flush: worker_pool_listen may still ask for it. */
struct worker_pool *worker_pool_start(const struct worker_role *role,
                                      const struct worker_listen *listen, unsigned n_listen,
                                      struct err *e);
/* From now on these are listened on, for a role that has `listening`: what is new is opened for
 * every worker at once, what is gone is closed by the workers with the next flush, which hands the
 * new ones to them. No two may be the same. An error when one cannot be had that is not optional;
 * the others are in force all the same. */
int worker_pool_listen(struct worker_pool *p, const struct worker_listen *listen, unsigned n,
                       struct err *e);
/* What became of the one with these words: 0, or -errno why it is not open (-EADDRINUSE), -ENOENT
 * when it is not among them. It is tried again every few seconds; told is called when something
 * changed by that, and it is in force already. */
int worker_pool_trouble(const struct worker_pool *p, const struct endpoint *at, bool stream);
void worker_pool_watch(struct worker_pool *p, void (*told)(void));
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
