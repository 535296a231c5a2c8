/* isolate.h - what a process gives away before it reads strangers' bytes. */
#pragma once

#include <stdint.h>

#include <knetd/err.h>

/* Makes the binary's own relocated tables read-only. musl does not for a static program: see the
 * theory in isolate.c. First thing in main. */
void isolate_protect_relro(void);

/* For good: the file system (chroot to the directory root_fd, which it closes), every capability,
 * the user (nobody), new privileges by exec, and all system calls but the common ones and
 * `syscalls` (ends with -1). A process that tries another one is killed. Half-isolated after a
 * failure: end it. */
int isolate_worker(int root_fd, const int *syscalls, struct err *e);

/* Before another program is executed: it is user and group `id`, has the capabilities of the bits
 * `kept` (1u << CAP_...), and gets no others, whatever it executes itself. */
int isolate_program(unsigned id, uint32_t kept, struct err *e);
