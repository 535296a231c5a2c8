/* dns_share.h - nobody may have all flights: how many are on their way for one client, below one
 * registered domain, to one group of upstreams. Random names below somebody's domain, or a pod gone
 * wild, then leave room for the others. */
#pragma once

#include "dns_groups.h"
#include "dns_worker.h"

enum dns_share_kind { DNS_SHARE_CLIENT, DNS_SHARE_DOMAIN, DNS_SHARE_GROUP, DNS_SHARE_KINDS };

struct dns_share { /* of one flight: its places, plus one; 0: none */
	uint16_t place[DNS_SHARE_KINDS];
};

/* client NULL: nobody's. False when one of the shares is used up; then nothing was taken. */
bool dns_share_take(struct dns_share *s, const struct dns_client *client, const uint8_t *name,
                    size_t len, const struct dns_group *group);
void dns_share_give(struct dns_share *s);
/* The part of a name (lower case, wire form) that is somebody's own: example.com, example.co.uk. */
size_t dns_share_domain(const uint8_t *name, size_t len);
