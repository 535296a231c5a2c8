/* upgrade.h - another binary takes the place of this one, in the same process, and nobody is turned
 * away meanwhile.
 *
 * It is asked first (-T) whether it starts here, and can read the configuration and the store; so
 * what is no knetd, is of another machine, or too old for the store is refused while this one goes
 * on. Then the API stops taking requests, what is in hand is finished, and the binary is executed
 * with the listening sockets (handover.h). Workers serve all the while; the new binary brings its
 * own, on the same sockets, and has the old ones drain. Until it is ready it can go back: when its
 * start fails, crashes or hangs, the old binary is executed again, and says why. */
#pragma once

#include <stdbool.h>

#include <knetd/buf.h>
#include <knetd/err.h>

/* At the very start of the control process; argv is what it would be executed with again. */
void upgrade_start(char **argv);
/* The configuration file that was asked for; NULL: none. Returns the one to read: after a return
 * to this binary that is the text which it ran with. */
const char *upgrade_conf(const char *path);
/* Everything is in force. */
void upgrade_ready(void);
/* The start failed: returns when there is nobody to go back to. */
void upgrade_give_back(const char *why);

/* path NULL: the file that this binary came from. -EBUSY: one is under way. What becomes of it is
 * told by upgrade_show. */
int upgrade_begin(const char *path, struct err *e);
/* {"state":"none|checking|refused|failed|done","from":...,"version":...,"message":...,
 * "milliseconds":...} */
void upgrade_show(struct buf *out);

/* What -T prints when it would take over; then the version. */
#define UPGRADE_YES "knetd-takes-over 1 "
