/* dns_scrub.c - see dns_scrub.h */
#include <knetd/auto.h>

#include "dns_scrub.h"

#define SUFFIXES 96 /* that later names may point to */

enum { /* types whose data has names, or that belong to DNSSEC */
       MD = 3,
       MF = 4,
       MB = 7,
       MG = 8,
       MR = 9,
       MINFO = 14,
       RP = 17,
       AFSDB = 18,
       RT = 21,
       PX = 26,
       KX = 36,
       RRSIG = 46,
       NSEC = 47,
       NSEC3 = 50,
};

struct name {
	uint8_t p[DNS_NAME_MAX];
	size_t len;
};

struct scrub {
	const struct dns_scrub *s;
	const uint8_t *msg;
	size_t n;
	struct name chain[DNS_SCRUB_CHAIN + 1]; /* lower case */
	unsigned links;                         /* the last one's number */
	bool inside;                            /* it is a name of ours */
	bool answered;                          /* records of the asked type were kept */
	/* the result */
	uint8_t *out;
	size_t len, max;
	bool full;
	struct {
		uint16_t at, len;
		uint32_t hash;
	} suffix[SUFFIXES];
	unsigned n_suffixes;
};

/* ---- the chain ---------------------------------------------------------------------------------
 */

static bool read_name(const struct scrub *w, size_t at, struct name *out, size_t *end)
{
	*end = dns_name_read(w->msg, w->n, at, out->p, &out->len);
	return *end != 0;
}

static bool read_lower(const struct scrub *w, size_t at, struct name *out)
{
	size_t end;

	if (!read_name(w, at, out, &end))
		return false;
	dns_name_lower(out->p, out->len);
	return true;
}

static bool same(const struct name *a, const struct name *b)
{
	return a->len == b->len && !memcmp(a->p, b->p, a->len);
}

/* The link that has that name; -1: none. */
static int link_of(const struct scrub *w, const struct name *name)
{
	for (unsigned i = 0; i <= w->links; i++)
		if (same(&w->chain[i], name))
			return (int)i;
	return -1;
}

/* 1: there is a next link; 0: the chain ends here; -1: nonsense. */
static int next_link(struct scrub *w)
{
	struct name owner, *next = &w->chain[w->links + 1];
	size_t at = DNS_HEADER + w->s->target_len + 4;
	struct dns_rr rr;

	for (unsigned i = dns_get16(w->msg + 6); i; i--, at = rr.end) {
		if (!dns_rr_read(w->msg, w->n, at, &rr))
			return -1;
		if (rr.type != DNS_CNAME || rr.class != DNS_IN)
			continue;
		if (!read_lower(w, rr.at, &owner))
			return -1;
		if (!same(&owner, &w->chain[w->links]))
			continue;
		if (w->links == DNS_SCRUB_CHAIN || !read_lower(w, rr.rdata, next) ||
		    link_of(w, next) >= 0)
			return -1;
		w->links++;
		return 1;
	}
	return 0;
}

static bool follow(struct scrub *w)
{
	const struct dns_scrub *s = w->s;
	int more = 1;

	memcpy(w->chain[0].p, s->target, s->target_len);
	w->chain[0].len = s->target_len;
	w->links = 0;
	w->inside = false;
	while (more == 1 && !w->inside && s->type != DNS_CNAME) {
		more = next_link(w);
		w->inside = w->links && dns_name_under(w->chain[w->links].p, w->chain[w->links].len,
		                                       s->zone, s->zone_len);
	}
	return more >= 0;
}

/* ---- names and data, written -------------------------------------------------------------------
 */

static bool put(struct scrub *w, const void *p, size_t n)
{
	if (w->full || w->len + n > w->max) {
		w->full = true;
		return false;
	}
	memcpy(w->out + w->len, p, n);
	w->len += n;
	return true;
}

static uint32_t hash_suffix(const uint8_t *p, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (p[i] >= 'A' && p[i] <= 'Z' ? p[i] | 0x20 : p[i])) * 16777619u;
	return h;
}

static uint16_t find_suffix(const struct scrub *w, const uint8_t *p, size_t n, uint32_t hash)
{
	struct name lower = { .len = n }, there;

	memcpy(lower.p, p, n);
	dns_name_lower(lower.p, n);
	for (unsigned i = 0; i < w->n_suffixes; i++) {
		if (w->suffix[i].hash != hash || w->suffix[i].len != n ||
		    !dns_name_read(w->out, w->len, w->suffix[i].at, there.p, &there.len))
			continue;
		dns_name_lower(there.p, there.len);
		if (same(&there, &lower))
			return w->suffix[i].at;
	}
	return 0;
}

static void keep_suffix(struct scrub *w, size_t at, size_t n, uint32_t hash)
{
	if (w->n_suffixes < SUFFIXES && at < 0x4000) {
		w->suffix[w->n_suffixes].at = (uint16_t)at;
		w->suffix[w->n_suffixes].len = (uint16_t)n;
		w->suffix[w->n_suffixes++].hash = hash;
	}
}

/* Compressed where the type allows it (RFC 3597 4: those of RFC 1035). */
static bool put_name(struct scrub *w, const struct name *name, bool compress)
{
	for (size_t at = 0; name->p[at]; at += name->p[at] + 1u) {
		uint32_t hash = hash_suffix(name->p + at, name->len - at);
		uint16_t there = compress ? find_suffix(w, name->p + at, name->len - at, hash) : 0;
		uint8_t pointer[2];

		if (there) {
			dns_put16(pointer, 0xc000 | there);
			return put(w, pointer, 2);
		}
		keep_suffix(w, w->len, name->len - at, hash);
		if (!put(w, name->p + at, name->p[at] + 1u))
			return false;
	}
	return put(w, "", 1);
}

static const struct shape { /* of data with names: bytes, names, bytes */
	uint16_t type;
	uint8_t before, names, behind;
	bool compress;
} shapes[] = {
	// clang-format off
	{ DNS_NS, 0, 1, 0, true },     { DNS_CNAME, 0, 1, 0, true }, { DNS_PTR, 0, 1, 0, true },
	{ DNS_SOA, 0, 2, 20, true },   { DNS_MX, 2, 1, 0, true },        { DNS_SRV, 6, 1, 0, false },
	{ MD, 0, 1, 0, true },         { MF, 0, 1, 0, true },        { MB, 0, 1, 0, true },
	{ MG, 0, 1, 0, true },         { MR, 0, 1, 0, true },        { MINFO, 0, 2, 0, true },
	{ RP, 0, 2, 0, false },        { AFSDB, 2, 1, 0, false },    { RT, 2, 1, 0, false },
	{ PX, 2, 2, 0, false },        { KX, 2, 1, 0, false },       { DNS_DNAME, 0, 1, 0, false },
	// clang-format on
};

/* False: nonsense. */
static bool put_shaped(struct scrub *w, const struct dns_rr *rr, const struct shape *shape)
{
	size_t at = rr->rdata + shape->before;
	struct name name;

	if (at > rr->end)
		return false;
	put(w, w->msg + rr->rdata, shape->before);
	for (unsigned i = 0; i < shape->names; i++) {
		if (!read_name(w, at, &name, &at) || at > rr->end)
			return false;
		put_name(w, &name, shape->compress);
	}
	if (at + shape->behind != rr->end)
		return false;
	put(w, w->msg + at, shape->behind);
	return true;
}

static bool put_data(struct scrub *w, const struct dns_rr *rr)
{
	for (unsigned i = 0; i < ARRAY_LEN(shapes); i++)
		if (shapes[i].type == rr->type)
			return put_shaped(w, rr, &shapes[i]);
	if ((rr->type == DNS_A && rr->rdlen != 4) || (rr->type == DNS_AAAA && rr->rdlen != 16))
		return false;
	put(w, w->msg + rr->rdata, rr->rdlen);
	return true;
}

/* A whole record, or nothing of it. False: nonsense. */
static bool put_record(struct scrub *w, const struct dns_rr *rr, unsigned section)
{
	size_t before = w->len, fixed;
	unsigned suffixes = w->n_suffixes;
	struct name owner;
	size_t end;

	if (!read_name(w, rr->at, &owner, &end))
		return false;
	put_name(w, &owner, true);
	fixed = w->len;
	put(w, w->msg + rr->rdata - 10, 10);
	if (!put_data(w, rr))
		return false;
	if (w->full || w->len - fixed - 10 > UINT16_MAX) {
		w->full = true;
		w->len = before;
		w->n_suffixes = suffixes;
		return true;
	}
	dns_put16(w->out + fixed + 8, (uint16_t)(w->len - fixed - 10));
	dns_put16(w->out + 6 + section * 2, (uint16_t)(dns_get16(w->out + 6 + section * 2) + 1));
	return true;
}

/* ---- what is kept ------------------------------------------------------------------------------
 */

static bool is_link(const struct scrub *w, const struct dns_rr *rr, unsigned link)
{
	struct name target;

	return link < w->links && read_lower(w, rr->rdata, &target) &&
	       same(&target, &w->chain[link + 1]);
}

static bool leads_down(const struct scrub *w, const struct name *owner)
{
	for (unsigned i = 0; i <= w->links; i++)
		if (w->chain[i].len > owner->len &&
		    dns_name_under(w->chain[i].p, w->chain[i].len, owner->p, owner->len))
			return true;
	return false;
}

static bool wanted_answer(const struct scrub *w, const struct dns_rr *rr, const struct name *owner)
{
	int link = link_of(w, owner);

	if (link < 0)
		return w->s->dnssec && (rr->type == DNS_DNAME || rr->type == RRSIG) &&
		       leads_down(w, owner);
	if (rr->type == DNS_CNAME && w->s->type != DNS_CNAME)
		return is_link(w, rr, (unsigned)link);
	if (w->inside && (unsigned)link == w->links)
		return false;
	return (rr->type == w->s->type && (unsigned)link == w->links) ||
	       (rr->type == RRSIG && w->s->dnssec);
}

static bool wanted_authority(const struct scrub *w, const struct dns_rr *rr,
                             const struct name *owner)
{
	const struct name *last = &w->chain[w->links];

	if (rr->type == DNS_SOA)
		return !w->answered && dns_name_under(last->p, last->len, owner->p, owner->len);
	return w->s->dnssec && (rr->type == NSEC || rr->type == NSEC3 || rr->type == RRSIG);
}

static bool copy_section(struct scrub *w, unsigned section, size_t *at)
{
	struct name owner;
	struct dns_rr rr;

	for (unsigned i = dns_get16(w->msg + 6 + section * 2); i; i--, *at = rr.end) {
		if (!dns_rr_read(w->msg, w->n, *at, &rr) || !read_lower(w, rr.at, &owner))
			return false;
		if (rr.class != DNS_IN || rr.type == DNS_OPT)
			continue;
		if (!(section ? wanted_authority(w, &rr, &owner) : wanted_answer(w, &rr, &owner)))
			continue;
		if (!put_record(w, &rr, section))
			return false;
		w->answered |= !section && rr.type == w->s->type;
	}
	return true;
}

size_t dns_scrub(const struct dns_scrub *s, const uint8_t *msg, size_t n, uint8_t *out, size_t max)
{
	static struct scrub w;
	size_t at = DNS_HEADER + s->target_len + 4;

	w.s = s;
	w.msg = msg;
	w.n = n;
	w.out = out;
	w.max = max;
	w.full = w.answered = false;
	w.n_suffixes = 0;
	if (max < at || n < at || !follow(&w))
		return 0;
	memcpy(out, msg, DNS_HEADER);
	memset(out + 6, 0, 6);
	w.len = DNS_HEADER;
	put_name(&w, &w.chain[0], false);
	put(&w, msg + at - 4, 4);
	if (!copy_section(&w, 0, &at) || !copy_section(&w, 1, &at))
		return 0;
	if (w.full)
		out[2] |= DNS_TC >> 8;
	return w.len;
}
