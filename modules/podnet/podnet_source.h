/* podnet_source.h - pods with several interfaces: which one a packet of the pod leaves by. */
#pragma once

#include <knetd/err.h>
#include <knetd/kern.h>

#include "attachment.h"
#include "cni.h"

/* What is sent under an address of this attachment leaves by it; for those that are not the default
 * one. -EOPNOTSUPP: the kernel has no policy rules. */
int source_setup(struct rt *pod, const struct attachment *a, unsigned ifindex, struct err *e);
enum cni_code source_check(struct rt *pod, const struct attachment *a, unsigned ifindex,
                           struct cni_error *er);
/* A gone attachment's rules; its routes went with the link. Without a namespace nothing is left to
 * do. */
void source_forget(const struct attachment *gone, const char *netns);

/* The oldest attachment left takes the default route of one that leaves: first in the store, in the
 * transaction that forgets the leaver, then, when that is good, in the pod. */
int source_name_heir(const struct attachment *leaver, struct err *e);
void source_hand_on(const struct attachment *leaver);
