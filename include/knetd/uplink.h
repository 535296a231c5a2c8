/* uplink.h - which link is the machine's own way out, for the control process and for the first
 * process of a machine. */
#pragma once

#include <stdbool.h>

#include <knetd/err.h>
#include <knetd/kern.h>

#define UPLINK_LINKS 32
/* Below run_dir: the resolv.conf of what the network told, for this machine; not to be taken for
 * run_dir's own, which is for pods. */
#define UPLINK_DIR "uplink"

/* The choice among the links there are, made again whenever they change. */
struct uplink_choice {
	unsigned ifindex; /* 0: none yet */
	bool carried;     /* it has had a carrier: a better one does not win it any more */
};

struct uplink_links {
	unsigned n;
	struct rt_link v[UPLINK_LINKS];
};
void uplink_saw_link(const struct rt_link *l, void *links);

/* True for links that `auto` may mean: Ethernet, of hardware's making, no port of a bridge. */
bool uplink_is_candidate(const struct rt_link *l);
/* The link of that name, or for "auto" the first candidate with a carrier; the one chosen before
 * as long as it is there and has had a carrier. A machine's only candidate needs none. NULL: none.
 */
const struct rt_link *uplink_choose(struct uplink_choice *c, const struct uplink_links *links,
                                    const char *name);
/* Reads the links, sets candidates up (a carrier shows on links that are up alone), and chooses.
 * 1 and *out, 0: there is none yet, or -errno. */
int uplink_find(struct rt *rt, struct uplink_choice *c, struct rt_link *out, struct err *e);
