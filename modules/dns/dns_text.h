/* dns_text.h - types and rcodes as people read them. */
#pragma once

#include "dns_wire.h"

/* The types that are counted one by one come first, as CoreDNS counts them. */
#define DNS_TYPES_COUNTED 19
struct dns_type_name {
	uint16_t type;
	const char *name;
};
extern const struct dns_type_name dns_type_names[]; /* ends with name NULL */

#define DNS_TYPE_TEXT 16
/* "AAAA", or "TYPE65280" (RFC 3597); out is used for what has no name. */
const char *dns_type_text(uint16_t type, char out[static DNS_TYPE_TEXT]);
bool dns_type_parse(const char *text, uint16_t *type); /* the same, in any case */
const char *dns_rcode_text(unsigned rcode);            /* "NXDOMAIN"; NULL: none we know */
