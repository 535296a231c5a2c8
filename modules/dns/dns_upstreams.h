/* dns_upstreams.h - which upstreams there are now: as configured, as a file like /etc/resolv.conf
 * says, or as given at run time. In the control process. */
#pragma once

#include "dns_snapshot.h"

/* changed: called when dns_upstreams_now() is another one than before. */
void dns_upstreams_init(void (*changed)(void));
void dns_upstreams_exit(void);
void dns_upstreams_reload(void); /* reads the file again, now */
const struct dns_groups *dns_upstreams_now(void);
const struct dns_searches *dns_upstreams_searches(void); /* of the same file; changed tells too */

/* In place of what is configured, from now on; NULL: as configured again. What they point at is
 * copied. changed is called before it returns when that makes a difference. */
void dns_upstreams_override(const struct dns_upstreams *list, const struct stub_domains *stubs);
