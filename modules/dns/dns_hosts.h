/* dns_hosts.h - hosts files: text in, entries of the local snapshot out. Pure.
 *
 * A line is an address and its names, as in /etc/hosts. A name may stand in several lines and then
 * has all their addresses; an address has the first name that it was given as its reverse name. */
#pragma once

#include <knetd/arena.h>
#include <knetd/buf.h>
#include <knetd/err.h>
#include <knetd/map.h>

#include "dns_wire.h"

#define DNS_HOSTS_MAX 500000 /* pairs of address and name, in all texts together */

struct dns_hosts { /* zero: empty */
	struct arena arena;
	struct map names;     /* wire form -> struct host_name */
	struct map addresses; /* dns_address_key -> struct host_address */
	struct host_name *first, *last;
	struct host_address *first_address, *last_address;
	unsigned n;
};

/* Adds a text (NUL at its end). where: its name, for the error: "/etc/hosts:7: ...". What comes
 * before a bad line is in. */
int dns_hosts_parse(struct dns_hosts *h, const char *where, const char *text, struct err *e);
/* Appends an entry for every name, reverse names too; returns how many. */
unsigned dns_hosts_entries(const struct dns_hosts *h, uint32_t ttl, struct buf *out);
void dns_hosts_free(struct dns_hosts *h);
