/* worker_listen.h - the listening sockets of one worker: opened, or taken over from the one before.
 */
#pragma once

#include <knetd/err.h>
#include <knetd/worker.h>

struct worker_set {
	unsigned n;
	int fds[WORKER_SOCKETS];
	uint8_t wanted[WORKER_SOCKETS]; /* from worker_set_open: which of its list each one is */
};

/* Fills out with a socket for each entry of listen, in its order: the one in `have` with the same
 * address and type (taken out of there), else a new one, counted in *opened. An optional one that
 * cannot be had is left out, with a warning when `warn`. On failure nothing is open in out, and
 * what was taken from have is closed. */
int worker_set_open(const struct worker_listen *listen, unsigned n, bool warn,
                    struct worker_set *have, struct worker_set *out, unsigned *opened,
                    struct err *e);
/* So that the kernel deals no more clients to these sockets, in whatever process they are still
 * open; datagrams that wait in them can still be read and answered. */
void worker_set_deafen(const struct worker_set *set);
/* Undoes it, for sockets from worker_set_open that nobody else has. */
void worker_set_hear(const struct worker_set *set, const struct worker_listen *wanted);
/* Datagrams the kernel threw away because the sockets' buffers were full. */
uint64_t worker_set_dropped(const struct worker_set *set);
void worker_set_close(struct worker_set *set); /* leaves it empty */
