/* lb_arp.h - who may be answered by ARP: an IPv4 address on its links alone. */
#pragma once

#include "lb_place.h"

#define LB_TABLE "knetd_lb"

/* Between begin and end, of all addresses when begin says so, else of those that have changed. */
bool lb_arp_begin(bool again);
void lb_arp_address(struct lb_address *a);
void lb_arp_forget(struct lb_address *a); /* nobody holds it any more */
int lb_arp_end(struct err *e);
void lb_arp_remove(void); /* the table, if there is one */
