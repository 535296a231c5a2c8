/* dns_names.h - names that are not the cluster's own, in the control process: hosts entries,
 * rewrite rules and zones, from the configuration, from files and from a ConfigMap. What is in
 * force comes out as the snapshots of DNS_SLOT_LOCAL and DNS_SLOT_REWRITE.
 *
 * Each source is judged by itself: one that is wrong is told of, and what it said before stays. */
#pragma once

#include <knetd/buf.h>
#include <knetd/err.h>

#include "dns_rewrite.h"

/* Reads the files. changed: called when they say something new later. An error is one of the
 * configuration; files that cannot be read are logged. */
int dns_names_init(void (*changed)(void), struct err *e);
void dns_names_exit(void);
void dns_names_reload(void); /* looks at the files now */

/* What a ConfigMap says; where: the key, for errors, which leave what was said before. */
int dns_names_set_hosts(const char *where, const char *hosts, struct err *e);
void dns_names_set_rewrites(const struct dns_rewrites *rules);
/* text NULL: there is no such zone any more. On an error the zone stays as it was. */
int dns_names_set_zone(const char *key, const char *text, struct err *e);

/* Is the snapshot in that slot an old one? Then it is built anew. */
bool dns_names_take(unsigned slot, struct buf *out);
void dns_names_all(void); /* both are to be built again */
