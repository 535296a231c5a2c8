/* dns_zone.c - the snapshots opened: what a worker answers from, and what dns_show.c tells from. */
#include <stddef.h>

#include "dns_answer.h"

void dns_zone_take(struct dns_zone *z, unsigned slot, const void *p, size_t n)
{
	if (slot == DNS_SLOT_LOCAL) {
		dns_local_open(&z->local, p, n);
		return;
	}
	if (slot == DNS_SLOT_REWRITE) {
		dns_rewrite_open(&z->rewriter, p, n);
		return;
	}
	if (slot == 0) {
		z->set = dns_settings_open(p, n);
		p = z->set ? z->set->shard : NULL;
		n = z->set ? n - offsetof(struct dns_settings, shard) : 0;
	}
	if (slot < DNS_SLOTS)
		dns_shard_open(&z->shard[slot], p, n);
}
