/* podnet_flows.h - flow tables: packets of established connections of pods that pass no chain. */
#pragma once

#include <knetd/err.h>

/* The table anew, with the links there are; or gone, when it is not wanted. It is only a shorter
 * way: what fails is logged, and everything goes on without. */
void flows_replace(void);
void flows_link_added(const char *link);
void flows_remove(void);
