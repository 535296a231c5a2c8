/* worker_listen.h - the listening sockets of one worker: opened, or taken over from the one before.
 */
#pragma once

#include <assert.h>

#include <knetd/worker.h>

#define WORKER_LISTEN_TEXT (IP_TEXT + 32)

struct worker_set {
	unsigned n;
	int fds[WORKER_SOCKETS];
	uint8_t wanted[WORKER_SOCKETS]; /* which of the list each one is, after worker_set_change */
};
static_assert(WORKER_SOCKETS <= UINT8_MAX + 1, "wanted counts that far");

/* Makes set have a socket for each of the n entries of listen, in its order: one that it has, as
 * `was` tells, what they were opened for; else one of spare, as the kernel tells, as those came
 * from somebody else; else a new one. What is no longer wanted of its own goes to left. One that
 * cannot be had is left out, and trouble[i] says why. How many were opened. */
unsigned worker_set_change(struct worker_set *set, const struct worker_listen *was,
                           const struct worker_listen *listen, unsigned n, int *trouble,
                           struct worker_set *spare, struct worker_set *left);
bool worker_listen_same(const struct worker_listen *a, const struct worker_listen *b);
/* "listen on 10.0.0.1 port 80 (TCP)" */
const char *worker_listen_text(const struct worker_listen *l, char out[static WORKER_LISTEN_TEXT]);
/* So that the kernel deals no more clients to these sockets, in whatever process they are still
 * open; datagrams that wait in them can still be read and answered. */
void worker_set_deafen(const struct worker_set *set);
/* Undoes it, for a set that was made by worker_set_change and that nobody else has. */
void worker_set_hear(const struct worker_set *set, const struct worker_listen *wanted);
/* Datagrams the kernel threw away because the sockets' buffers were full. */
uint64_t worker_set_dropped(const struct worker_set *set);
void worker_set_close(struct worker_set *set); /* leaves it empty */
