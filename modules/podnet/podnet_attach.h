/* podnet_attach.h - the kernel's side of one attachment: the veth pair, addresses, routes. */
#pragma once

#include <stdbool.h>

#include <knetd/err.h>
#include <knetd/kern.h>

#include "attachment.h"
#include "cni.h"

/* The router of every pod: an address on each host side, the same everywhere. */
struct ip attach_gateway(uint8_t family);

/* Is there IPv6 in the pod's namespace? */
bool attach_has_ipv6(struct rt *pod);

/* Makes the pair; *made is its host side. Nothing is left behind on failure. -EEXIST: there is an
 * interface of that name, on the host or in the pod. */
int attach_pair(struct rt *host, const struct attachment *a, int netns_fd, struct rt_link *made,
                struct err *e);
/* Brings both sides up, with addresses, neighbours and routes; switches IPv6 on for the pod's link
 * where it is off. */
int attach_setup(struct rt *host, struct rt *pod, const struct attachment *a, int netns_fd,
                 const struct rt_link *made, struct err *e);
/* Queues what one address needs on the host; its router's address only when that is not there yet.
 */
void attach_queue_host(struct rt *host, const struct attachment *a, const struct ip *ip,
                       unsigned ifindex, bool gateway);
/* Queues the pod's default route of that family. */
void attach_queue_default(struct rt *pod, unsigned ifindex, uint8_t family);
/* Lets answers to ::1 in, for host ports and node ports. */
void attach_queue_loopback(struct rt *host, const struct attachment *a, unsigned ifindex);
/* What rt_veth.route_localnet did not do for a pod that was made under another configuration. */
void attach_allow_loopback(const struct attachment *a);
/* Takes the routes away, so that nothing reaches the pod any more; false when the link is gone. */
bool attach_cut(struct rt *host, const struct attachment *a);

/* Is everything as it was made? CNI_OK, or the code and what is missing. */
enum cni_code attach_check(struct rt *host, struct rt *pod, const struct attachment *a,
                           struct cni_error *er);
