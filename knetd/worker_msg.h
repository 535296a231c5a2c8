/* worker_msg.h - what the control process and a worker say to each other, and the page they share.
 *
 * One SOCK_SEQPACKET connection, opened by the control process:
 *   worker  -> control   HELLO, with the shared page and the listening sockets, at once
 *   control -> worker    RESET         what follows is everything: forget all slots not sent again
 *                        SNAPSHOT n    with a descriptor, or without one: slot n becomes empty
 *                        FLUSH         takes what came since the last FLUSH in force, at one go
 *                        DRAIN         another process has the sockets now: finish and end
 *                        LISTEN        with descriptors: these are the sockets, with the next FLUSH
 * RESET opens every connection, so nothing has to be remembered about what a worker got from a
 * control process that is gone. A worker that has never been flushed does not serve.
 *
 * Builds of different age meet in HELLO and DRAIN: their layout must never change. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include <knetd/err.h>
#include <knetd/worker.h>

/* The descriptors a worker is born with. */
enum { WORKER_FD_CONTROL = 3, WORKER_FD_PAGE, WORKER_FD_ROOT, WORKER_FD_SOCKETS };

#define WORKER_DRAIN_MS (600 * 1000) /* connections that are not finished then are cut off */

#define WORKER_HELLO_MAGIC 0x316f6c6c6568616bull
#define WORKER_HELLO_FDS (1 + WORKER_SOCKETS)

struct worker_hello {
	uint64_t magic;
	uint64_t build; /* worker_build() */
	char role[16];
	uint32_t index;
	uint32_t n_sockets; /* descriptors: the page, then these */
};

enum worker_msg_type {
	WORKER_RESET = 1,
	WORKER_SNAPSHOT,
	WORKER_FLUSH,
	WORKER_DRAIN,
	WORKER_LISTEN
};

struct worker_msg {
	uint32_t type;
	uint32_t arg;        /* RESET: log level; SNAPSHOT: slot */
	uint64_t generation; /* FLUSH */
};

struct worker_page { /* a memory file; its size is sealed, so that neither side can pull it away */
	_Atomic uint64_t
		generation;     /* by the control process: the newest FLUSH, sent or about to be */
	_Atomic uint64_t taken; /* by the worker: the newest FLUSH in force there */
	uint64_t reserved[6];
	_Atomic uint64_t counters[WORKER_COUNTERS]; /* by the worker */
	_Alignas(64) uint8_t shared[WORKER_SHARED]; /* by the role, as it likes */
};

int worker_page_new(struct err *e);                         /* a descriptor */
struct worker_page *worker_page_map(int fd, struct err *e); /* fd stays the caller's */
void worker_page_unmap(struct worker_page *page);           /* NULL is fine */

/* Neither waits on a non-blocking socket. -EAGAIN: full. */
int worker_msg_send(int sock, const void *msg, size_t n, const int *fds, unsigned n_fds);
/* Bytes of the message, 0 at the end of the connection, -EAGAIN when nothing waits, -EBADMSG when
 * it does not fit. At most max_fds descriptors (the caller's from then on) go to fds. */
ssize_t worker_msg_recv(int sock, void *msg, size_t size, int *fds, unsigned max_fds,
                        unsigned *n_fds);

/* Tells one build from another: a hash of the running binary's bytes. 0 when it cannot be read. */
uint64_t worker_build(void);
