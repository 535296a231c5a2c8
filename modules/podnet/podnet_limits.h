/* podnet_limits.h - how fast a pod may send and receive, and the sysctls of its namespace. */
#pragma once

#include "attachment.h"
#include "cni.h"
#include "podnet_plan.h"

/* The asked one with a burst that lets the link work: one is chosen where none was given. */
struct cni_rate limits_rate(const struct cni_rate *asked, unsigned mtu);

/* What goes into the pod is held back on the host's end, what comes out of it on its own end. Costs
 * nothing where there is no limit. */
int limits_set(struct rt *host, struct rt *pod, const struct attachment *a,
               const struct rt_link *made, struct err *e);
/* Is the limit of the direction in force? -ENOENT says that it is not. */
int limits_check(struct rt *rt, unsigned ifindex, const struct cni_rate *limit, const char *link,
                 struct err *e);
/* Has any attachment a limit on the host's end? A kernel without queues is not asked for them. */
bool limits_on_host(void);
/* Puts the host's end right for every attachment that has lost its limit. */
int limits_repair(struct rt *host, const struct plan_seen *s, struct err *e);

/* All or none: what was set is put back when a later one is refused (-EINVAL, which names it). */
int limits_sysctls(int netns_fd, const struct cni_request *r, struct err *e);
