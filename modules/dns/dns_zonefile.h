/* dns_zonefile.h - zone files (RFC 1035 master format, $TTL of RFC 2308, \# of RFC 3597): text in,
 * entries of the local snapshot out (dns_local.h). Pure.
 *
 * dns_zonefile.c reads lines, dns_zonedata.c the data of one record, dns_zonecheck.c judges the
 * whole as BIND's named-checkzone does and writes the entries. */
#pragma once

#include <knetd/arena.h>
#include <knetd/buf.h>
#include <knetd/err.h>
#include <knetd/map.h>

#include "dns_wire.h"

#define DNS_ZONE_RECORDS 200000 /* in a file */
#define DNS_ZONE_RDATA 4096     /* bytes of data of one record */

struct dns_zonefile { /* zero: empty */
	uint8_t apex[DNS_NAME_MAX];
	size_t apex_len;
	unsigned n_records;
	struct buf entries;
	char warning[240]; /* the first of them, "" when there is none */
	unsigned n_warnings;
};

/* Reads text (NUL at its end). where: its name, for errors: "/etc/zones/a.zone:7: ...". origin: the
 * name that relative names are below until $ORIGIN says another, in wire form. On failure z is as
 * it was. */
int dns_zonefile_parse(struct dns_zonefile *z, const char *where, const uint8_t *origin,
                       size_t origin_len, const char *text, struct err *e);
/* The origin that the name of a file or key means: example.org.zone, db.example.org, example.org.
 * Its length, 0 when it is no name. */
size_t dns_zonefile_origin(const char *file, uint8_t out[static DNS_NAME_MAX]);
void dns_zonefile_free(struct dns_zonefile *z);
