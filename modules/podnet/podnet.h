/* podnet.h - what the files of this module share. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/buf.h>
#include <knetd/err.h>
#include <knetd/kern.h>
#include <knetd/module.h>

#include "attachment.h"
#include "cni.h"
#include "ipam.h"

struct podnet {
	struct rt *host; /* routing netlink in the daemon's own namespace */
	struct ipam ipam;
	uint64_t own_netns; /* inode: a pod must not be given it */
	bool ipv6;          /* the kernel has it and it is wanted */
	struct err trouble; /* of the last sync: why STATUS says no; code 0: none */
};
extern struct podnet podnet;
extern const struct module podnet_module;

/* podnet_calls.c: the verbs. The answer's body goes to out where there is one. */
enum cni_code podnet_add(const struct cni_request *r, struct buf *out, struct cni_error *er);
enum cni_code podnet_del(const struct cni_request *r, struct buf *out, struct cni_error *er);
enum cni_code podnet_check(const struct cni_request *r, struct buf *out, struct cni_error *er);
enum cni_code podnet_gc(const struct cni_request *r, struct buf *out, struct cni_error *er);
enum cni_code podnet_status(const struct cni_request *r, struct buf *out, struct cni_error *er);
/* The store's flush decided over the turn's attaches and detaches. */
void podnet_settle(const struct err *failed);

/* podnet_repair.c: compares links, addresses and routes with the store and mends the difference. */
int podnet_repair(struct err *e);

/* podnet_host.c: the machine's own settings. */
int host_prepare(struct err *e); /* forwarding; sets podnet.ipv6 */
unsigned host_mtu(void);         /* for a new link */
/* What is sent to an address that no pod has is refused here; without it the default route would
 * carry it away, perhaps masqueraded. Routes of pods are narrower, anybody's own to the same range
 * comes first. */
int host_route_ranges(struct err *e);
void host_unroute_ranges(void);

/* podnet_rules.c: the table. */
#define PODNET_TABLE "knetd_podnet"
int rules_replace(struct err *e); /* the whole of it, in one transaction */
void rules_remove(void);
