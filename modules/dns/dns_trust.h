/* dns_trust.h - the authorities that upstreams' certificates are checked by: read from [dns] tls_ca
 * by the control process, sent to the workers as the snapshot of DNS_SLOT_TRUST. */
#pragma once

#include <knetd/snapshot.h>
#include <knetd/tls.h>

#include "dns_groups.h"

/* In the control process. Empty when no upstream has a name to prove. */
int dns_trust_build(const struct dns_groups *groups, struct buf *out, struct err *e);

/* In a worker. What was held before a change stays until it is dropped. */
struct dns_trust;
void dns_trust_changed(struct snapshot *s); /* NULL: nobody is trusted */
struct dns_trust *dns_trust_hold(void);     /* NULL: nobody */
void dns_trust_drop(struct dns_trust *t);
const struct tls_anchors *dns_trust_anchors(const struct dns_trust *t);
