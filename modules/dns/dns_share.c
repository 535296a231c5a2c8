/* dns_share.c - see dns_share.h.
 *
 * Counts in tables by hash, with a key of chance: two that meet in one place share a share, which
 * nobody can arrange for. */
#include <knetd/auto.h>
#include <knetd/map.h>

#include "dns_forward.h"
#include "dns_share.h"

#define PLACES 1024

static const uint16_t most[DNS_SHARE_KINDS] = {
	[DNS_SHARE_CLIENT] = DNS_FLIGHTS / 4,
	[DNS_SHARE_DOMAIN] = DNS_FLIGHTS / 4,
	[DNS_SHARE_GROUP] = DNS_FLIGHTS * 3 / 4,
};
static uint16_t counts[DNS_SHARE_KINDS][PLACES];

static uint16_t place_of(const void *key, size_t n)
{
	return (uint16_t)(1 + hash_bytes(key, n, hash_seed()) % PLACES);
}

/* Two labels, three where the last but one is as short as co.uk's. */
size_t dns_share_domain(const uint8_t *name, size_t len)
{
	size_t last[3] = { 0 }; /* where the last labels start */
	size_t at = 0;

	for (; at < len && name[at]; at += name[at] + 1u) {
		last[2] = last[1];
		last[1] = last[0];
		last[0] = at;
	}
	return name[last[0]] == 2 && name[last[1]] <= 3 ? last[2] : last[1];
}

bool dns_share_take(struct dns_share *s, const struct dns_client *client, const uint8_t *name,
                    size_t len, const struct dns_group *group)
{
	size_t own = dns_share_domain(name, len);

	*s = (struct dns_share){ 0 };
	if (client && client->peer.any.sa_family == AF_INET)
		s->place[DNS_SHARE_CLIENT] = place_of(&client->peer.v4.sin_addr, 4);
	else if (client)
		s->place[DNS_SHARE_CLIENT] = place_of(&client->peer.v6.sin6_addr, 16);
	s->place[DNS_SHARE_DOMAIN] = place_of(name + own, len - own);
	s->place[DNS_SHARE_GROUP] = place_of(group->suffix, group->suffix_len);
	for (unsigned k = 0; k < DNS_SHARE_KINDS; k++)
		if (s->place[k] && counts[k][s->place[k] - 1] >= most[k]) {
			*s = (struct dns_share){ 0 };
			return false;
		}
	for (unsigned k = 0; k < DNS_SHARE_KINDS; k++)
		if (s->place[k])
			counts[k][s->place[k] - 1]++;
	return true;
}

void dns_share_give(struct dns_share *s)
{
	for (unsigned k = 0; k < DNS_SHARE_KINDS; k++)
		if (s->place[k])
			counts[k][s->place[k] - 1]--;
	*s = (struct dns_share){ 0 };
}
