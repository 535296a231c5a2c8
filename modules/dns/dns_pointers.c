/* dns_pointers.c - reverse names: the Services of an address, and the denial of every other address
 * of our ranges. Ranges are served at the next label boundary: 10.96.0.0/12 as 16 zones. */
#include "dns_lookup.h"
#include "dns_reverse.h"

/* The zone of the range that the name lies in, in labels; 0: not ours. */
static unsigned reverse_zone(const struct dns_settings *set, const struct dns_reverse *r)
{
	for (unsigned i = 0; i < set->n_ranges; i++) {
		const struct cidr *c = &set->ranges[i];
		unsigned labels = (c->bits + r->step - 1) / r->step;

		if (c->ip.len == r->ip.len && r->bits >= labels * r->step && cidr_has(c, &r->ip))
			return labels + 2;
	}
	return 0;
}

/* Every Service the address belongs to gives its name. */
static bool add_pointers(struct dns_lookup *l, const struct dns_reverse *r)
{
	uint8_t key[17];
	size_t n = dns_address_key(key, DNS_KEY_ADDR, &r->ip);
	uint64_t hash = dns_hash(key, n);
	const struct dns_entry *e;
	uint32_t place = 0;
	bool any = false;

	while ((e = dns_shard_find(&l->z->shard[dns_slot(hash)], key, n, hash, &place))) {
		const struct dns_set *set = dns_entry_set(e, DNS_PTR);

		any = true;
		if (set && (l->q->type == DNS_PTR || l->q->type == DNS_ANY))
			dns_reply_set(l->out, l->q, set, l->owner);
	}
	return any;
}

/* labels: of the zone, from the end of the name. */
static enum dns_found denies(struct dns_lookup *l, enum dns_found how, unsigned labels)
{
	size_t at = l->name.label[l->name.n_labels - labels];

	dns_cluster_denies(l, how);
	l->apex.name = l->name.p + at;
	l->apex.name_len = l->name.len - at;
	return how;
}

enum dns_found dns_pointers(struct dns_lookup *l)
{
	unsigned n = l->name.n_labels, zone;
	struct dns_reverse r;
	bool found;

	if (!dns_reverse_parse(&l->name, &r))
		return DNS_NOT_MINE;
	found = r.exact && add_pointers(l, &r);
	zone = reverse_zone(l->z->set, &r);
	if (!found && !zone)
		return DNS_NOT_MINE;
	if (l->out->answers || l->out->truncated)
		return DNS_ANSWERED;
	if (!found && (r.exact || l->name.label[n - 2 - r.bits / r.step] != 0))
		return denies(l, DNS_NO_NAME, zone);
	return denies(l, DNS_NO_DATA, zone ? zone : n);
}
