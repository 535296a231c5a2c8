/* uplink_ra.h - resolv.conf of what router advertisements say. */
#pragma once

#include <knetd/err.h>

/* link: tells the index of the uplink, 0 when there is none yet. */
int uplink_ra_init(unsigned (*link)(void), struct err *e);
void uplink_ra_exit(void);
