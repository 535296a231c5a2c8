/* dns_local.c - see dns_local.h */
#include "dns_local.h"

#define SOA_NUMBERS 20
#define RR_FIXED 12 /* bytes of a record before its data, its owner a pointer */

bool dns_local_open(struct dns_local *l, const void *p, size_t n)
{
	const struct dns_local_head *head = p;

	*l = (struct dns_local){ 0 };
	if (n < sizeof(*head) || head->magic != DNS_LOCAL_MAGIC ||
	    !dns_shard_open(&l->shard, head + 1, n - sizeof(*head)))
		return false;
	l->hosts = head->n_hosts;
	l->zones = head->n_zones;
	return true;
}

static unsigned apex_labels(const struct dns_entry *e)
{
	return e->owner >> 8 & 0xff;
}

static unsigned cut_labels(const struct dns_entry *e)
{
	return e->owner >> 16 & 0xff;
}

static const struct dns_entry *find(const struct dns_local *l, const uint8_t *name, size_t len,
                                    uint64_t kind)
{
	const struct dns_entry *e;
	uint64_t hash = dns_hash(name, len);
	uint32_t place = 0;

	while ((e = dns_shard_find(&l->shard, name, len, hash, &place)))
		if ((e->owner & DNS_LOCAL_HOST) == kind)
			return e;
	return NULL;
}

static const struct dns_set *set_for(const struct dns_entry *e, uint16_t type)
{
	return type == DNS_ANY ? dns_entry_any(e) : dns_entry_set(e, type);
}

enum dns_local_result dns_local_host(const struct dns_local *l, const uint8_t *name, size_t len,
                                     uint16_t type, struct dns_local_hit *hit)
{
	const struct dns_entry *e = find(l, name, len, DNS_LOCAL_HOST);

	if (!e)
		return DNS_LOCAL_NONE;
	hit->soa = NULL;
	hit->labels = 0;
	hit->set = set_for(e, type);
	return hit->set ? DNS_LOCAL_FOUND : DNS_LOCAL_NODATA;
}

/* ---- zones -------------------------------------------------------------------------------------
 */

struct place { /* a name, and the zone that was found for it */
	const struct dns_local *l;
	const uint8_t *name;
	size_t len;
	unsigned labels;
};

/* The entry of the name's last `labels` labels. */
static const struct dns_entry *ancestor(const struct place *p, unsigned labels)
{
	size_t at = 0;

	for (unsigned skip = p->labels - labels; skip; skip--)
		at += p->name[at] + 1u;
	return find(p->l, p->name + at, p->len - at, 0);
}

static enum dns_local_result deny(const struct place *p, const struct dns_entry *e,
                                  enum dns_local_result result, struct dns_local_hit *hit)
{
	unsigned apex = apex_labels(e);
	const struct dns_entry *zone = apex <= p->labels ? ancestor(p, apex) : NULL;
	const struct dns_set *soa = zone ? dns_entry_set(zone, DNS_SOA) : NULL;
	uint32_t minimum;

	if (!soa || soa->answers_len < RR_FIXED + SOA_NUMBERS)
		return DNS_LOCAL_NONE; /* no snapshot of ours */
	hit->labels = (uint8_t)apex;
	hit->soa = soa->rr + RR_FIXED;
	hit->soa_len = soa->answers_len - RR_FIXED;
	hit->soa_ttl = dns_get32(soa->rr + 6);
	minimum = dns_get32(hit->soa + hit->soa_len - 4);
	if (minimum < hit->soa_ttl)
		hit->soa_ttl = minimum;
	return result;
}

/* The name has that entry, its own or a wildcard's. */
static enum dns_local_result answer(const struct place *p, const struct dns_entry *e, uint16_t type,
                                    struct dns_local_hit *hit)
{
	hit->set = set_for(e, type);
	if (hit->set)
		return DNS_LOCAL_FOUND;
	hit->set = dns_entry_set(e, DNS_CNAME);
	return hit->set ? DNS_LOCAL_ALIAS : deny(p, e, DNS_LOCAL_NODATA, hit);
}

static enum dns_local_result referral(const struct place *p, unsigned cut,
                                      struct dns_local_hit *hit)
{
	const struct dns_entry *e = cut <= p->labels ? ancestor(p, cut) : NULL;

	hit->labels = (uint8_t)cut;
	hit->set = e ? dns_entry_set(e, DNS_NS) : NULL;
	return hit->set ? DNS_LOCAL_CUT : DNS_LOCAL_NONE;
}

/* at: where the owner of the DNAME starts in the name. */
static enum dns_local_result dname(const struct place *p, size_t at, const struct dns_set *set,
                                   struct dns_local_hit *hit)
{
	size_t n = set->answers_len;

	n = n > RR_FIXED ? n - RR_FIXED : 0;
	if (!n || n > DNS_NAME_MAX || dns_name_skip(set->rr + RR_FIXED, n, 0) != n)
		return DNS_LOCAL_NONE; /* no snapshot of ours */
	hit->set = set;
	hit->labels = (uint8_t)dns_name_labels(p->name + at);
	if (at + n > DNS_NAME_MAX)
		return DNS_LOCAL_TOO_LONG;
	memcpy(hit->target, p->name, at);
	memcpy(hit->target + at, set->rr + RR_FIXED, n);
	hit->target_len = (uint8_t)(at + n);
	return DNS_LOCAL_DNAME;
}

/* What the closest encloser's wildcard says, RFC 4592 3.3.1. */
static enum dns_local_result wildcard(const struct place *p, size_t at,
                                      const struct dns_entry *encloser, uint16_t type,
                                      struct dns_local_hit *hit)
{
	uint8_t key[DNS_NAME_MAX + 2] = { 1, '*' };
	const struct dns_entry *e;

	memcpy(key + 2, p->name + at, p->len - at);
	e = find(p->l, key, p->len - at + 2, 0);
	return e ? answer(p, e, type, hit) : deny(p, encloser, DNS_LOCAL_NXDOMAIN, hit);
}

enum dns_local_result dns_local_zone(const struct dns_local *l, const uint8_t *name, size_t len,
                                     uint16_t type, struct dns_local_hit *hit)
{
	struct place p = { .l = l, .name = name, .len = len };
	const struct dns_entry *e = NULL;
	const struct dns_set *set;
	size_t at = 0;

	while (name[at] && !(e = find(l, name + at, len - at, 0)))
		at += name[at] + 1u;
	if (!e)
		return DNS_LOCAL_NONE;
	p.labels = dns_name_labels(name);
	/* RFC 4035 3.1.4.1: DS is the one type that the parent answers for at a delegation */
	if (cut_labels(e) && !(type == DNS_DS && !at && cut_labels(e) == p.labels))
		return referral(&p, cut_labels(e), hit);
	if (!at)
		return answer(&p, e, type, hit);
	set = dns_entry_set(e, DNS_DNAME);
	return set ? dname(&p, at, set, hit) : wildcard(&p, at, e, type, hit);
}

/* ---- writing -----------------------------------------------------------------------------------
 */

void dns_local_build(struct buf *out, uint32_t n_hosts, uint32_t n_zones, const struct buf *entries)
{
	struct dns_local_head head = { .magic = DNS_LOCAL_MAGIC,
		                       .n_hosts = n_hosts,
		                       .n_zones = n_zones };
	struct dns_shard none = { 0 };

	if (entries->failed)
		out->failed = true;
	if (!entries->len)
		return;
	buf_add(out, &head, sizeof(head));
	dns_shard_build(out, &none, (struct dns_owners){ 0 }, entries);
}
