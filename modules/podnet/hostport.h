/* hostport.h - host ports in the kernel: elements of the maps in table knetd_podnet. */
#pragma once

#include <knetd/err.h>
#include <knetd/kern.h>

#include "attachment.h"

/* The constant part with the elements of everybody who holds ports. Part of rules_replace(). fib:
 * the kernel can tell which addresses are its own; without it there are no host ports. */
void hostport_rules(struct nft_txn *t, bool fib);

/* The three steps of an attachment with host ports; for one without, nothing happens.
 * take: -EADDRINUSE when somebody else has one, -EAFNOSUPPORT; nothing is in the kernel yet. */
int hostport_take(const struct attachment *a, struct err *e);
int hostport_open(const struct attachment *a, struct err *e);
/* Out of the kernel, and free for others. Also after hostport_take alone. */
void hostport_close(const struct attachment *a);
