/* dns_upstream_msg.c - see dns_upstream_msg.h */
#include "dns_upstream_msg.h"

#define AD 0x0020 /* the upstream vouches for the data */

static bool same_question(const uint8_t *p, size_t n, const struct dns_forwarded *fwd,
                          uint16_t type)
{
	size_t end = DNS_HEADER + fwd->target_len;
	uint8_t name[DNS_NAME_MAX];

	if (dns_get16(p + 4) != 1 || end + 4 > n)
		return false;
	memcpy(name, p + DNS_HEADER, fwd->target_len);
	dns_name_lower(name, fwd->target_len);
	return !memcmp(name, fwd->target, fwd->target_len) && dns_get16(p + end) == type &&
	       dns_get16(p + end + 2) == DNS_IN;
}

/* RFC 2308 5: a denial is kept for the lesser of the SOA's TTL and its last number. */
static uint32_t deny_ttl(const uint8_t *p, const struct dns_rr *soa)
{
	uint32_t minimum = soa->rdlen >= 4 ? dns_get32(p + soa->end - 4) : 0;

	return minimum < soa->ttl ? minimum : soa->ttl;
}

/* RFC 2181 8: a number that would be negative is none. */
static uint32_t sane_ttl(uint32_t ttl)
{
	return ttl >> 31 ? 0 : ttl;
}

struct life {         /* what the records say */
	uint32_t ttl; /* the least */
	bool soa;     /* a denial says how long it lasts */
};

static void life_record(struct life *l, const uint8_t *p, unsigned section, const struct dns_rr *rr)
{
	bool soa = section == 1 && rr->type == DNS_SOA;
	uint32_t ttl = sane_ttl(soa ? deny_ttl(p, rr) : rr->ttl);

	l->soa |= soa;
	if (ttl < l->ttl)
		l->ttl = ttl;
}

/* RFC 2308 5: a denial without SOA is not kept. */
static void set_life(struct dns_upstream_msg *m, const struct life *l, unsigned answers)
{
	m->denial = m->rcode == DNS_NXDOMAIN || !answers;
	if (!m->truncated && (m->rcode == DNS_NOERROR || m->rcode == DNS_NXDOMAIN) &&
	    (!m->denial || l->soa))
		m->ttl = l->ttl;
}

bool dns_upstream_check(uint8_t *p, size_t n, uint16_t id, const struct dns_forwarded *fwd,
                        uint16_t type, struct dns_upstream_msg *out)
{
	struct life life = { .ttl = UINT32_MAX };
	size_t at = DNS_HEADER + fwd->target_len + 4u;
	struct dns_rr rr;

	if (n < DNS_HEADER || dns_get16(p) != id || !(p[2] & 0x80) ||
	    !same_question(p, n, fwd, type))
		return false;
	*out = (struct dns_upstream_msg){ .rcode = p[3] & DNS_RCODE,
		                          .truncated = p[2] & DNS_TC >> 8 };
	for (unsigned section = 0; section < 3; section++) {
		unsigned count = dns_get16(p + 6 + section * 2);

		for (unsigned i = 0; i < count; i++, at = rr.end) {
			if (!dns_rr_read(p, n, at, &rr)) {
				if (!out->truncated)
					return false;
				/* cut in the middle of a record: what is before it is sound */
				dns_put16(p + 6 + section * 2, (uint16_t)i);
				memset(p + 8 + section * 2, 0, 4 - section * 2);
				out->len = at;
				return true;
			}
			if (rr.type == DNS_OPT && section == 2) {
				dns_put16(p + 10, (uint16_t)i);
				break;
			}
			life_record(&life, p, section, &rr);
		}
	}
	out->len = at;
	set_life(out, &life, dns_get16(p + 6));
	return true;
}

unsigned dns_upstream_ttls(const uint8_t *msg, size_t n, const struct dns_forwarded *fwd,
                           uint16_t *at, unsigned max)
{
	size_t pos = DNS_HEADER + fwd->target_len + 4u;
	struct dns_rr rr;
	unsigned found = 0;

	for (; found < max && pos < n && dns_rr_read(msg, n, pos, &rr); pos = rr.end)
		at[found++] = (uint16_t)(rr.rdata - 6);
	return found;
}

struct dns_run dns_upstream_run(const uint8_t *msg, size_t n, const struct dns_forwarded *fwd)
{
	size_t at = DNS_HEADER + fwd->target_len + 4u;
	struct dns_run run = { 0 };
	struct dns_rr rr;

	for (unsigned i = dns_get16(msg + 6); i && dns_rr_read(msg, n, at, &rr); i--, at = rr.end) {
		/* the same but for the address */
		if (run.n && rr.end - at == run.size &&
		    !memcmp(msg + run.at, msg + at, rr.rdata - at))
			run.n++;
		else if (run.n > 1)
			break;
		else if (rr.type == DNS_A || rr.type == DNS_AAAA)
			run = (struct dns_run){ (uint16_t)at, (uint16_t)(rr.end - at), 1 };
	}
	return run;
}

/* The question is as long as ours, so that the records lie where they lay and their pointers hold.
 */
static void merge_plain(struct dns_reply *out, const struct dns_query *q, const uint8_t *msg,
                        size_t n, uint32_t age, uint32_t floor)
{
	uint16_t *counts[] = { &out->answers, &out->authorities, &out->extras };
	size_t at = out->len;
	struct dns_rr rr;

	for (unsigned section = 0; section < 3 && !out->truncated; section++) {
		unsigned count = dns_get16(msg + 6 + section * 2);

		for (unsigned i = 0; i < count; i++, at = rr.end) {
			if (!dns_rr_read(msg, n, at, &rr))
				return;
			if (!dns_reply_room(out, q, rr.end - at)) {
				out->truncated = section < 2;
				return;
			}
			memcpy(out->p + at, msg + at, rr.end - at);
			dns_put32(out->p + rr.rdata - 6, dns_ttl_aged(rr.ttl, age, floor));
			out->len = rr.end;
			++*counts[section];
		}
	}
}

/* Data whose names may be compressed (RFC 3597 4: those of RFC 1035, and SRV), written out in full.
 * Returns its length, 0 when it is broken. */
#define DATA_NAMES (6 + 2 * DNS_NAME_MAX + 20)
static size_t data_in_full(const uint8_t *msg, size_t n, const struct dns_rr *rr,
                           uint8_t out[static DATA_NAMES])
{
	unsigned before = rr->type == DNS_MX ? 2 : rr->type == DNS_SRV ? 6 : 0;
	unsigned names = rr->type == DNS_SOA ? 2 : 1, after = rr->type == DNS_SOA ? 20 : 0;
	size_t at = rr->rdata + before, used = before, len;

	if (at > rr->end)
		return 0;
	memcpy(out, msg + rr->rdata, before);
	for (; names; names--, used += len) {
		at = dns_name_read(msg, n, at, out + used, &len);
		if (!at)
			return 0;
	}
	if (at + after != rr->end)
		return 0;
	memcpy(out + used, msg + at, after);
	return used + after;
}

static bool has_names(uint16_t type)
{
	return type == DNS_CNAME || type == DNS_NS || type == DNS_PTR || type == DNS_MX ||
	       type == DNS_SRV || type == DNS_SOA;
}

/* Behind an alias: what was asked for and the further aliases that lead to it, or the SOA of a
 * denial (RFC 2308 2.1). What the target owns is pointed to; other names are written out. */
static bool merge_record(struct dns_reply *out, const struct dns_query *q,
                         const struct dns_forwarded *fwd, const uint8_t *msg, size_t n,
                         const struct dns_rr *rr, uint32_t ttl, bool denial)
{
	uint8_t owner[DNS_NAME_MAX], full[DATA_NAMES];
	const uint8_t *rdata = msg + rr->rdata;
	size_t owner_len, rdlen = rr->rdlen;

	if (!dns_name_read(msg, n, rr->at, owner, &owner_len))
		return false;
	dns_name_lower(owner, owner_len);
	if (owner_len == fwd->target_len && !memcmp(owner, fwd->target, owner_len)) {
		dns_put16(owner, fwd->owner);
		owner_len = 2;
	}
	if (denial ? rr->type != DNS_SOA
	           : rr->type != DNS_CNAME && rr->type != DNS_DNAME && rr->type != q->type)
		return true;
	if (has_names(rr->type)) {
		rdlen = data_in_full(msg, n, rr, full);
		if (!rdlen)
			return false;
		rdata = full;
	}
	if (!dns_reply_room(out, q, owner_len + 10 + rdlen)) {
		out->truncated |= !denial;
		return false;
	}
	memcpy(out->p + out->len, owner, owner_len);
	out->len += owner_len;
	memcpy(out->p + out->len, msg + rr->rdata - 10, 4);
	dns_put32(out->p + out->len + 4, ttl);
	dns_put16(out->p + out->len + 8, (uint16_t)rdlen);
	memcpy(out->p + out->len + 10, rdata, rdlen);
	out->len += 10 + rdlen;
	++*(denial ? &out->authorities : &out->answers);
	return true;
}

static void merge_alias(struct dns_reply *out, const struct dns_query *q,
                        const struct dns_forwarded *fwd, const uint8_t *msg, size_t n, uint32_t age,
                        uint32_t floor)
{
	unsigned answers = dns_get16(msg + 6), all = answers + dns_get16(msg + 8);
	size_t at = DNS_HEADER + fwd->target_len + 4u;
	struct dns_rr rr;

	for (unsigned i = 0; i < all; i++, at = rr.end)
		if (!dns_rr_read(msg, n, at, &rr) ||
		    !merge_record(out, q, fwd, msg, n, &rr, dns_ttl_aged(rr.ttl, age, floor),
		                  i >= answers))
			return;
}

void dns_upstream_counts(struct dns_reply *out, const uint8_t *msg)
{
	out->answers = dns_get16(msg + 6);
	out->authorities = dns_get16(msg + 8);
	out->extras = dns_get16(msg + 10);
}

void dns_upstream_end(struct dns_reply *out, const struct dns_query *q,
                      const struct dns_forwarded *fwd, const uint8_t *msg)
{
	/* RFC 1035 4.1.1: AA tells of the first owner in the answer, which is an alias of ours */
	uint16_t flags = DNS_RA | (fwd->alias && fwd->owner != DNS_QUESTION ? DNS_AA : 0);

	out->rcode = msg[3] & DNS_RCODE;
	out->truncated |= (msg[2] & DNS_TC >> 8) != 0;
	if (!fwd->alias && (q->dnssec_ok || (q->flags & AD))) /* nobody proved an alias of ours */
		flags |= dns_get16(msg + 2) & AD;
	dns_reply_end(out, q, flags);
}

void dns_upstream_merge(struct dns_reply *out, const struct dns_query *q,
                        const struct dns_forwarded *fwd, const uint8_t *msg, size_t n, uint32_t age,
                        uint32_t floor)
{
	if (fwd->alias)
		merge_alias(out, q, fwd, msg, n, age, floor);
	else
		merge_plain(out, q, msg, n, age, floor);
	dns_upstream_end(out, q, fwd, msg);
}
