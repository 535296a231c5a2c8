/* resolv.h - resolv.conf as it is made of what a network told: by DHCP, by router advertisements.
 * All of it comes from strangers; what is no address or no name by its letters is left out. */
#pragma once

#include <stdbool.h>

#include <knetd/buf.h>
#include <knetd/ip.h>

#define RESOLV_SERVERS 6

struct resolv {
	unsigned n;
	struct ip servers[RESOLV_SERVERS];
	char search[256]; /* domains with a blank before each, "": none */
};
/* True when one can ask it: not a link-local one, which would need the link's name, which
 * resolv.conf's readers do not all know. */
bool resolv_is_server(const struct ip *ip);
bool resolv_is_domain(const char *name);
/* Once each, and as many as fit; what is none is left out. */
void resolv_add_server(struct resolv *r, const struct ip *ip);
void resolv_add_domain(struct resolv *r, const char *name);
/* What resolv_print has printed. */
void resolv_add_text(struct resolv *r, const char *text);
void resolv_print(const struct resolv *r, struct buf *out);
