/* worker_birth.h - how a worker process comes to be: its door, its descriptors, its exec. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include <knetd/err.h>

#include "worker_listen.h"

int worker_birth_init(struct err *e); /* once, before anything else; harmless again */
uint64_t worker_birth_build(void);    /* of this process, and of those it starts */

/* Doors are called as their worker: "dns-0". */
int worker_birth_open_door(const char *name,
                           struct err *e);               /* in place of the one that was there */
int worker_birth_knock(const char *name, struct err *e); /* a connection, non-blocking */
void worker_birth_close_door(const char *name);

/* The new process; it has nothing but these descriptors and standard input, output and error. */
pid_t worker_birth_fork(const char *role, unsigned index, int door, int page,
                        const struct worker_set *sockets, struct err *e);
