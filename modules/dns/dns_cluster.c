/* dns_cluster.c - names of the cluster's zone: one hash lookup in the shard where the name's
 * Service lies. Pods' names are worked out, not looked up (section 2.6 of the specification). */
#include "dns_lookup.h"

bool dns_in_zone(const struct dns_name *name, const uint8_t *zone, size_t zone_len,
                 unsigned zone_labels)
{
	size_t at;

	if (name->n_labels < zone_labels)
		return false;
	at = name->label[name->n_labels - zone_labels];
	return at + zone_len == name->len && !memcmp(name->p + at, zone, zone_len);
}

enum dns_found dns_cluster_denies(struct dns_lookup *l, enum dns_found how)
{
	const struct dns_settings *set = l->z->set;

	l->apex.name = set->zone;
	l->apex.name_len = set->zone_len;
	l->apex.soa = set->soa;
	l->apex.soa_len = set->soa_len;
	l->apex.ttl = set->ttl;
	return how;
}

/* The entry of a name that lies in the zone. */
static const struct dns_entry *find_name(const struct dns_zone *z, const struct dns_name *name)
{
	unsigned n = name->n_labels - z->set->zone_labels;
	unsigned under = n && dns_label_is(name->p + name->label[n - 1], "svc") ? n - 1 : 0;
	uint32_t place = 0;
	uint64_t home, hash;
	size_t len, from;

	if (!under) { /* a name of the zone itself */
		len = name->label[n];
		return dns_shard_find(&z->shard[0], name->p, len, dns_hash(name->p, len), &place);
	}
	len = name->label[under]; /* of the key: without "svc" */
	from = under > 2 ? name->label[under - 2] : 0;
	home = dns_hash(name->p + from, len - from);
	hash = from ? dns_hash(name->p, len) : home;
	return dns_shard_find(&z->shard[dns_slot(home)], name->p, len, hash, &place);
}

bool dns_cluster_has(const struct dns_zone *z, const uint8_t *name, size_t n)
{
	uint64_t hash = dns_hash(name, n);
	uint32_t place = 0;

	return dns_shard_find(&z->shard[dns_slot(hash)], name, n, hash, &place) != NULL;
}

/* ---- <a>-<b>-<c>-<d>.<ns>.pod.<zone> -----------------------------------------------------------
 */

/* Any address, IPv6 with '-' for ':'. */
static bool pod_address(const uint8_t *label, struct ip *ip)
{
	char text[64];
	unsigned dashes = 0;

	memcpy(text, label + 1, label[0]);
	text[label[0]] = '\0';
	for (char *c = text; *c; c++)
		dashes += *c == '-';
	for (unsigned pass = 0; pass < 2; pass++) {
		for (char *c = text; *c; c++)
			if (strchr("-.:", *c))
				*c = !pass && dashes == 3 ? '.' : ':';
		if (memchr(label + 1, '.', label[0]) || memchr(label + 1, ':', label[0]))
			return false;
		if (ip_parse(ip, text))
			return true;
	}
	return false;
}

static bool pod_has_name(const struct dns_zone *z, const struct ip *ip, const uint8_t *ns)
{
	return z->set->pods != CONF_PODS_VERIFIED || dns_zone_pod_in(z->shard, ip, ns);
}

/* n: labels before the zone; the last one is "pod". */
static enum dns_found pod_name(struct dns_lookup *l, unsigned n)
{
	const uint8_t *ns = l->name.p + l->name.label[n - 2];
	uint16_t type = l->q->type;
	struct ip ip;

	if (n > 3 || l->z->set->pods == CONF_PODS_DISABLED ||
	    !dns_cluster_has(l->z, ns, ns[0] + 1u))
		return dns_cluster_denies(l, DNS_NO_NAME);
	if (n == 2)
		return dns_cluster_denies(l, DNS_NO_DATA);
	if (!pod_address(l->name.p, &ip) || !pod_has_name(l->z, &ip, ns))
		return dns_cluster_denies(l, DNS_NO_NAME);
	if (type == DNS_ANY)
		type = ip.len == 4 ? DNS_A : DNS_AAAA;
	if (type != (ip.len == 4 ? DNS_A : DNS_AAAA))
		return dns_cluster_denies(l, DNS_NO_DATA);
	if (dns_reply_record(l->out, l->q, l->owner, type, l->z->set->ttl, ip.b, ip.len))
		l->out->answers++;
	else
		l->out->truncated = true;
	return DNS_ANSWERED;
}

/* ---- all names ---------------------------------------------------------------------------------
 */

enum dns_found dns_cluster(struct dns_lookup *l)
{
	const struct dns_settings *set = l->z->set;
	const struct dns_entry *e;
	const struct dns_set *found;
	unsigned n;

	if (!dns_in_zone(&l->name, set->zone, set->zone_len, set->zone_labels))
		return DNS_NOT_MINE;
	n = l->name.n_labels - set->zone_labels;
	e = find_name(l->z, &l->name);
	if (!e && n > 1 && dns_label_is(l->name.p + l->name.label[n - 1], "pod"))
		return pod_name(l, n);
	if (!e)
		return dns_cluster_denies(l, DNS_NO_NAME);
	found = l->q->type == DNS_ANY ? dns_entry_any(e) : dns_entry_set(e, l->q->type);
	if (found) {
		dns_reply_set(l->out, l->q, found, l->owner);
		if (l->q->type != DNS_ANY && l->own)
			dns_reply_extras(l->out, l->q, found);
		return DNS_ANSWERED;
	}
	l->alias = dns_entry_set(e, DNS_CNAME);
	return l->alias ? DNS_ALIAS : dns_cluster_denies(l, DNS_NO_DATA);
}
