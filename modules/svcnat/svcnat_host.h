/* svcnat_host.h - the machine's own settings that Services need. */
#pragma once

/* Routes each Service range to lo (see svcnat_rules.c for what follows from it), and makes
 * connection tracking lenient. What cannot be done is warned about and left out. */
void svcnat_host_prepare(void);
void svcnat_host_remove(void); /* the routes; others may count on the rest by now */
