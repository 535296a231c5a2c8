/* dns_others.c - hosts entries and zones from files as sources of answers: what was found in the
 * local snapshot (dns_local.h) is written into the reply. */
#include "dns_lookup.h"

/* ---- hosts -------------------------------------------------------------------------------------
 */

/* A hosts name has the types that it has: for all others it exists and has no data, and there is no
 * zone whose SOA could say so. */
enum dns_found dns_hosts_names(struct dns_lookup *l)
{
	struct dns_local_hit hit;

	if (!l->z->local.hosts)
		return DNS_NOT_MINE;
	switch (dns_local_host(&l->z->local, l->name.p, l->name.len, l->q->type, &hit)) {
	case DNS_LOCAL_FOUND:
		dns_reply_set(l->out, l->q, hit.set, l->owner);
		return DNS_ANSWERED;
	case DNS_LOCAL_NODATA:
		return DNS_ANSWERED;
	case DNS_LOCAL_NONE:
	case DNS_LOCAL_ALIAS:
	case DNS_LOCAL_DNAME:
	case DNS_LOCAL_TOO_LONG:
	case DNS_LOCAL_CUT:
	case DNS_LOCAL_NXDOMAIN:
		break;
	}
	return DNS_NOT_MINE;
}

/* ---- zones -------------------------------------------------------------------------------------
 */

/* The last labels of the name that is looked up. */
static const uint8_t *ending(const struct dns_lookup *l, unsigned labels, size_t *len)
{
	size_t at = l->name.label[l->name.n_labels - labels];

	*len = l->name.len - at;
	return l->name.p + at;
}

static enum dns_found denied(struct dns_lookup *l, const struct dns_local_hit *hit,
                             enum dns_found how)
{
	l->apex.name = ending(l, hit->labels, &l->apex.name_len);
	l->apex.soa = hit->soa;
	l->apex.soa_len = hit->soa_len;
	l->apex.ttl = hit->soa_ttl;
	return how;
}

/* Copies a set's records, all of them or none, owned by the last labels of the name. Their names
 * are written in full: a name that was rewritten does not stand in the reply. */
static bool copy_above(struct dns_lookup *l, const struct dns_set *set, unsigned labels)
{
	size_t len, before = l->out->len;
	const uint8_t *owner = ending(l, labels, &len), *rr = set->rr;

	for (size_t left = set->answers_len; left > 12;) {
		size_t size = 12u + dns_get16(rr + 10);

		if (size > left || !dns_reply_room(l->out, l->q, len + size - 2)) {
			l->out->len = before;
			return false;
		}
		dns_reply_bytes(l->out, owner, len);
		dns_reply_bytes(l->out, rr + 2, size - 2);
		rr += size;
		left -= size;
	}
	return true;
}

/* Below a delegation: who asks for recursion, as every resolver in a pod does, is not helped by the
 * names of servers; he gets what the stub domains and upstreams say. Others get the referral. */
static enum dns_found cut(struct dns_lookup *l, const struct dns_local_hit *hit)
{
	if (l->q->flags & DNS_RD && l->z->set->groups.n_upstreams)
		return DNS_NOT_MINE;
	if (!copy_above(l, hit->set, hit->labels)) {
		l->out->truncated = true;
		return DNS_REFERRED;
	}
	l->out->authorities += hit->set->n_answers;
	dns_reply_extras(l->out, l->q, hit->set);
	return DNS_REFERRED;
}

/* RFC 6672 3.1: the DNAME, and a CNAME made from it, whose target is looked up then. */
static enum dns_found dname(struct dns_lookup *l, const struct dns_local_hit *hit)
{
	size_t target;

	if (!copy_above(l, hit->set, hit->labels)) {
		l->out->truncated = true;
		return DNS_ANSWERED;
	}
	l->out->answers++;
	target = l->out->len + 12;
	if (!dns_reply_record(l->out, l->q, l->owner, DNS_CNAME, dns_get32(hit->set->rr + 6),
	                      hit->target, hit->target_len)) {
		l->out->truncated = true;
		return DNS_ANSWERED;
	}
	l->out->answers++;
	if (target > 0x3fff || l->q->type == DNS_CNAME || l->q->type == DNS_ANY)
		return DNS_ANSWERED;
	l->name = dns_name_split(l->out->p + target, hit->target_len, l->label);
	l->owner = (uint16_t)(0xc000 | target);
	l->own = false;
	return DNS_MOVED;
}

enum dns_found dns_file_zones(struct dns_lookup *l)
{
	struct dns_local_hit hit;

	if (!l->z->local.zones)
		return DNS_NOT_MINE;
	switch (dns_local_zone(&l->z->local, l->name.p, l->name.len, l->q->type, &hit)) {
	case DNS_LOCAL_NONE:
		return DNS_NOT_MINE;
	case DNS_LOCAL_FOUND:
		dns_reply_set(l->out, l->q, hit.set, l->owner);
		if (l->q->type != DNS_ANY)
			dns_reply_extras(l->out, l->q, hit.set);
		return DNS_ANSWERED;
	case DNS_LOCAL_ALIAS:
		l->alias = hit.set;
		return DNS_ALIAS;
	case DNS_LOCAL_DNAME:
		return dname(l, &hit);
	case DNS_LOCAL_TOO_LONG:
		l->out->rcode = DNS_YXDOMAIN;
		return DNS_ANSWERED;
	case DNS_LOCAL_CUT:
		return cut(l, &hit);
	case DNS_LOCAL_NODATA:
		return denied(l, &hit, DNS_NO_DATA);
	case DNS_LOCAL_NXDOMAIN:
		return denied(l, &hit, DNS_NO_NAME);
	}
	return DNS_NOT_MINE;
}
