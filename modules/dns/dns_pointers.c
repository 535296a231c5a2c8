/* dns_pointers.c - reverse names: the Services of an address, and the denial of every other address
 * of our ranges. Ranges are served at the next label boundary: 10.96.0.0/12 as 16 zones. */
#include <knetd/auto.h>

#include "dns_lookup.h"
#include "dns_reverse.h"

/* The zone of the range that the name lies in, in labels; 0: not ours. */
static unsigned reverse_zone(const struct dns_settings *set, const struct dns_reverse *r)
{
	for (unsigned i = 0; i < set->n_ranges; i++) {
		const struct cidr *c = &set->ranges[i];
		unsigned labels = (c->bits + r->step - 1) / r->step;

		if (r->bits >= labels * r->step && cidr_has(c, &r->ip))
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

/* The addresses of the zone's name server, whose name ends the reply, as additional records. */
static void add_name_server(struct dns_lookup *l, uint16_t pointer, size_t name_len)
{
	static const uint16_t types[] = { DNS_A, DNS_AAAA };
	const uint8_t *key = l->z->set->soa;
	size_t n = name_len - l->z->set->zone_len;
	uint32_t place = 0;
	const struct dns_entry *e =
		dns_shard_find(&l->z->shard[0], key, n, dns_hash(key, n), &place);

	for (unsigned i = 0; e && i < ARRAY_LEN(types); i++) {
		const struct dns_set *set = dns_entry_set(e, types[i]);
		uint16_t before = l->out->answers;

		if (!set || !dns_reply_room(l->out, l->q, set->answers_len))
			continue;
		dns_reply_set(l->out, l->q, set, pointer);
		l->out->extras += l->out->answers - before;
		l->out->answers = before;
	}
}

/* SOA and NS of the zone of a range: its name is looked up. They say what the cluster's zone says,
 * whose SOA begins with the name server. */
static enum dns_found apex(struct dns_lookup *l)
{
	const struct dns_settings *set = l->z->set;
	bool ns = l->q->type == DNS_NS;
	size_t len = ns ? dns_name_skip(set->soa, set->soa_len, 0) : set->soa_len;
	size_t at = l->out->len + 12;

	if (!ns && l->q->type != DNS_SOA && l->q->type != DNS_ANY)
		return denies(l, DNS_NO_DATA, l->name.n_labels);
	if (!dns_reply_record(l->out, l->q, l->owner, ns ? DNS_NS : DNS_SOA, set->ttl, set->soa,
	                      len)) {
		l->out->truncated = true;
		return DNS_ANSWERED;
	}
	l->out->answers++;
	if (ns && at < 0x4000)
		add_name_server(l, (uint16_t)(0xc000 | at), len);
	return DNS_ANSWERED;
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
	if (found && (l->q->type == DNS_PTR || l->q->type == DNS_ANY))
		return DNS_ANSWERED;
	if (zone == n)
		return apex(l);
	if (!found && (r.exact || l->name.label[n - 2 - r.bits / r.step] != 0))
		return denies(l, DNS_NO_NAME, zone);
	return denies(l, DNS_NO_DATA, zone ? zone : n);
}
