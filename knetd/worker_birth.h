/* worker_birth.h - how a worker process comes to be: its door, its descriptors, its exec. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <knetd/err.h>

#include "worker_listen.h"

int worker_birth_init(struct err *e); /* once, before anything else; harmless again */
uint64_t worker_birth_build(void);    /* of this process, and of those it starts */

/* Doors are called as their worker: "dns-0"; those of workers that had to make place and may not
 * know yet "dns-0.1" to "dns-0.4". */
#define WORKER_BIRTH_NAME 48
#define WORKER_BIRTH_OLD 4
/* In place of the one that was there. aside: somebody serves behind that, it shall be found. */
int worker_birth_open_door(const char *name, bool aside, struct err *e);
bool worker_birth_has_door(const char *name);
int worker_birth_knock(const char *name, struct err *e); /* a connection, non-blocking */
void worker_birth_close_door(const char *name);
void worker_birth_close_doors(const char *name); /* with those aside */

/* The new process; it has nothing but these descriptors and standard input, output and error. */
pid_t worker_birth_fork(const char *role, unsigned index, int door, int page,
                        const struct worker_set *sockets, struct err *e);
