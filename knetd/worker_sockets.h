/* worker_sockets.h - the listening sockets of a worker, in its own process: found at birth, others
 * sent later. Nothing changes before the FLUSH behind a LISTEN: it calls these in their order. */
#pragma once

#include <knetd/worker.h>

/* At birth: everything from the descriptor `first` on, up to the first that is not there. */
void worker_sockets_find(struct worker *w, int first);
/* A LISTEN came: these and no others are wanted; they are taken. */
void worker_sockets_stage(const int *fds, unsigned n);
void worker_sockets_unstage(void);

/* closing: NULL when the role does not serve yet. */
void worker_sockets_leave(struct worker *w,
                          void (*closing)(struct worker *w, struct worker_socket *s));
void worker_sockets_arrive(struct worker *w);
/* listening is called for each that was not told of. */
int worker_sockets_tell(struct worker *w,
                        int (*listening)(struct worker *w, struct worker_socket *s, struct err *e),
                        struct err *e);
/* All of them go, for good. */
void worker_sockets_close(struct worker *w,
                          void (*closing)(struct worker *w, struct worker_socket *s));
