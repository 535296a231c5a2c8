/* dns_zones.h - the zones there are, in the control process: from the files of [dns] zones, and
 * from a ConfigMap. */
#pragma once

#include <knetd/buf.h>
#include <knetd/err.h>

#define DNS_ZONES_MAX 64

/* Looks at the files; true when a zone is another one than before. What is wrong is logged, and
 * what the zone was before stays. */
bool dns_zones_read(void);
void dns_zones_exit(void);

/* A zone of the ConfigMap; key: its name there, "corp.example.zone". On an error the zone stays as
 * it was. */
int dns_zones_set(const char *key, const char *text, struct err *e);
void dns_zones_unset(const char *key);

/* Appends the entries of all zones (dns_local.h), each without the names that a zone below it has;
 * returns how many zones there are. */
unsigned dns_zones_entries(struct buf *out);
