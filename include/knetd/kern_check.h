/* kern_check.h - what the running kernel offers of what knetd uses.
 *
 * Asked once at start, by trying: in a child, in a network namespace of its own that is gone
 * afterwards, so nothing on the machine changes. Each feature that is missing is told by one line
 * of the log, by `knetd -k` and by `knetctl status`. */
#pragma once

#include <stdbool.h>

#include <knetd/buf.h>

enum kern_feature {
	/* without these knetd, or most of it, does not work */
	KERN_NETNS,
	KERN_EVENTS,
	KERN_PIDFD,
	KERN_MEMFD,
	KERN_SECCOMP,
	KERN_REUSEPORT,
	KERN_STATE_FILES,
	KERN_SYSCTL,
	KERN_NF_TABLES,
	KERN_NFT_SETS,
	KERN_NFT_RANGES,
	KERN_NFT_DYNAMIC,
	KERN_NFT_CT,
	KERN_NFT_NAT,
	KERN_CT_NETLINK,
	/* without these something less */
	KERN_VETH,
	KERN_NFT_MASQ,
	KERN_NFT_NUMGEN,
	KERN_NFT_REJECT,
	KERN_NFT_FIB,
	KERN_NFT_OBJREF,
	KERN_NFT_LIMIT,
	KERN_NFLOG,
	KERN_NFT_LOG,
	KERN_NFT_OWNER,
	KERN_NFT_ARP,
	KERN_CT_SCTP,
	KERN_IPV6,
	KERN_PACKET,
	KERN_IFA_PROTO,
	KERN_RULES,
	KERN_RULES6,
	KERN_TBF,
	KERN_FLOW_TABLES,
	KERN_FEATURES
};

enum kern_state {
	KERN_UNKNOWN, /* it could not be asked */
	KERN_THERE,
	KERN_MISSING
};

/* Asks the kernel, which takes two or three milliseconds; with modules to be loaded, or a helper
 * that looks for them in vain, longer, but never more than KERN_CHECK_SECONDS: what was not
 * answered then stays unknown. state_dir: where the durable store is to be. */
#define KERN_CHECK_SECONDS 20
void kern_check(const char *state_dir);
/* The child is taken away when it has ended; the loop must be there. */
void kern_check_watch(void);
/* A line of the log for each that is missing, none when nothing is. */
void kern_check_log(void);
/* The whole table for people; false when something necessary is missing. */
bool kern_check_print(struct buf *out);
/* {"release":...,"missing":[{"name","options","necessary","without"}...]} */
void kern_check_json(struct buf *out);

/* True when it was asked and is not there; what could not be asked is taken to be there. */
bool kern_lacks(enum kern_feature f);
