/* svcnat_route.h - the Service ranges belong to the node: see svcnat_rules.c for what follows from
 * it. */
#pragma once

/* Routes each range to lo. A family that cannot be routed is warned about and left out. */
void svcnat_route_set(void);
void svcnat_route_remove(void);
