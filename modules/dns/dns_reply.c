/* dns_reply.c - see dns_reply.h. The records of a set are copied as they stand in the snapshot;
 * they point into the question for their owner, so the answer keeps the letters' case as it was
 * asked. */
#include "dns_reply.h"

void dns_reply_begin(struct dns_reply *out, const struct dns_query *q, bool stream)
{
	if (!stream && out->max > q->udp_size)
		out->max = q->udp_size;
	out->rcode = DNS_NOERROR;
	out->by = DNS_BY_ZONE;
	out->ede = DNS_EDE_NONE;
	out->truncated = false;
	out->answers = out->authorities = out->extras = 0;
	out->len = DNS_HEADER;
	if (q->name_len) {
		memcpy(out->p + DNS_HEADER, q->raw, q->name_len + 4u);
		out->len += q->name_len + 4u;
	}
}

bool dns_reply_room(const struct dns_reply *out, const struct dns_query *q, size_t n)
{
	return out->len + n + q->opt_size <= out->max;
}

void dns_reply_end(struct dns_reply *out, const struct dns_query *q, uint16_t flags)
{
	uint8_t *p = out->p;

	if (q->edns) {
		out->len +=
			dns_edns_write(p + out->len, out->max - out->len, q, out->rcode, out->ede);
		out->extras++;
	}
	dns_put16(p, q->id);
	flags |= DNS_QR | (q->flags & (DNS_OPCODE | DNS_RD | DNS_CD)) |
	         (out->truncated ? DNS_TC : 0);
	dns_put16(p + 2, flags | (out->rcode & DNS_RCODE));
	dns_put16(p + 4, q->name_len != 0);
	dns_put16(p + 6, out->answers);
	dns_put16(p + 8, out->authorities);
	dns_put16(p + 10, out->extras);
}

void dns_reply_error(struct dns_reply *out, const struct dns_query *q, enum dns_rcode rcode,
                     uint16_t flags)
{
	out->len = DNS_HEADER + (q->name_len ? q->name_len + 4u : 0);
	out->answers = out->authorities = out->extras = 0;
	out->truncated = false;
	out->rcode = rcode;
	dns_reply_end(out, q, flags);
}

void dns_reply_bytes(struct dns_reply *out, const void *p, size_t n)
{
	memcpy(out->p + out->len, p, n);
	out->len += n;
}

bool dns_reply_record(struct dns_reply *out, const struct dns_query *q, uint16_t pointer,
                      uint16_t type, uint32_t ttl, const void *rdata, size_t n)
{
	uint8_t *p = out->p + out->len;

	if (!dns_reply_room(out, q, 12 + n))
		return false;
	dns_put16(p, pointer);
	dns_put16(p + 2, type);
	dns_put16(p + 4, DNS_IN);
	dns_put32(p + 6, ttl);
	dns_put16(p + 10, (uint16_t)n);
	out->len += 12;
	dns_reply_bytes(out, rdata, n);
	return true;
}

/* ---- sets of records ---------------------------------------------------------------------------
 */

/* Bytes of the record at p: its owner is a pointer, or labels and one, or a whole name. */
static size_t record_size(const uint8_t *p, size_t n)
{
	size_t fixed = n && p[0] >= 0xc0 ? 2 : dns_name_skip(p, n, 0);
	size_t size = fixed + 10;

	if (!fixed || size > n)
		return 0;
	size += dns_get16(p + fixed + 8);
	return size <= n ? size : 0;
}

/* Copies whole records, first those from `start` on, then those before it. */
static uint16_t add_records(struct dns_reply *out, const struct dns_query *q, const uint8_t *p,
                            size_t len, size_t start)
{
	uint16_t n = 0;

	for (unsigned pass = 0; pass < 2; pass++) {
		size_t at = pass ? 0 : start, end = pass ? start : len, size;

		for (; at < end; at += size, n++) {
			size = record_size(p + at, end - at);
			if (!size || !dns_reply_room(out, q, size))
				return n;
			dns_reply_bytes(out, p + at, size);
		}
	}
	return n;
}

/* Where record number `nth` starts. */
static size_t record_start(const struct dns_set *set, unsigned nth)
{
	size_t at = 0, size;

	if (set->rr_size)
		return (size_t)set->rr_size * nth;
	for (; nth; nth--, at += size) {
		size = record_size(set->rr + at, set->answers_len - at);
		if (!size)
			return 0;
	}
	return at;
}

void dns_reply_set(struct dns_reply *out, const struct dns_query *q, const struct dns_set *set,
                   uint16_t owner)
{
	size_t first = out->len;
	size_t start = set->n_answers > 1 ? record_start(set, out->turn % set->n_answers) : 0;
	uint16_t added;

	if (start >= set->answers_len)
		start = 0;
	if (set->rr_size && dns_reply_room(out, q, set->answers_len)) {
		dns_reply_bytes(out, set->rr + start, set->answers_len - start);
		dns_reply_bytes(out, set->rr, start);
		added = set->n_answers;
	} else {
		added = add_records(out, q, set->rr, set->answers_len, start);
	}
	out->answers += added;
	if (added < set->n_answers)
		out->truncated = true;
	if (owner == DNS_QUESTION)
		return;
	for (size_t at = first; added; added--) {
		size_t size = record_size(out->p + at, out->len - at);

		dns_put16(out->p + at, owner);
		at += size;
	}
}

void dns_reply_extras(struct dns_reply *out, const struct dns_query *q, const struct dns_set *set)
{
	if (!out->truncated)
		out->extras += add_records(out, q, set->rr + set->answers_len, set->extras_len, 0);
}
