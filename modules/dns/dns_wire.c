/* dns_wire.c - see dns_wire.h */
#include <stdio.h>

#include "dns_edns.h"

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

void dns_name_lower(uint8_t *name, size_t n)
{
	/* length bytes are at most 63 and so never letters */
	for (size_t i = 0; i < n; i++)
		name[i] = lower(name[i]);
}

bool dns_name_under(const uint8_t *name, size_t len, const uint8_t *zone, size_t zone_len)
{
	size_t at = 0;

	if (zone_len > len || memcmp(name + len - zone_len, zone, zone_len) != 0)
		return false;
	while (at < len - zone_len && name[at]) /* it must begin where a label does */
		at += name[at] + 1u;
	return at == len - zone_len;
}

unsigned dns_name_labels(const uint8_t *name)
{
	unsigned n = 0;

	for (; *name; name += *name + 1)
		n++;
	return n;
}

struct dns_name dns_name_split(const uint8_t *p, size_t len,
                               uint8_t label[static DNS_LABELS_MAX + 1])
{
	struct dns_name name = { .p = p, .len = len, .label = label };

	for (size_t at = 0; at < len; at += p[at] + 1u) {
		label[name.n_labels] = (uint8_t)at;
		if (!p[at] || name.n_labels == DNS_LABELS_MAX)
			break;
		name.n_labels++;
	}
	return name;
}

size_t dns_name_from_text(uint8_t out[static DNS_NAME_MAX], const char *text)
{
	size_t at = 0, len;

	while (*text) {
		len = strcspn(text, ".");
		if (!len || len > 63 || at + len + 2 > DNS_NAME_MAX)
			return 0;
		out[at] = (uint8_t)len;
		memcpy(out + at + 1, text, len);
		dns_name_lower(out + at + 1, len);
		at += len + 1;
		text += len;
		text += *text == '.';
	}
	out[at] = 0;
	return at ? at + 1 : 0;
}

const char *dns_name_to_text(char out[static DNS_NAME_MAX + 1], const uint8_t *name, size_t n)
{
	size_t used = 0;

	strcpy(out, ".");
	for (size_t at = 0; at < n && name[at]; at += name[at] + 1u)
		for (size_t i = at + !at; i <= at + name[at] && i < n && used < DNS_NAME_MAX - 4;
		     i++) {
			uint8_t c = i == at ? '.' : name[i];

			if (c > ' ' && c < 0x7f && c != '\\' && c != '"')
				out[used++] = (char)c;
			else
				used += (size_t)sprintf(out + used, "\\%03u", c);
			out[used] = '\0';
		}
	return out;
}

size_t dns_name_skip(const uint8_t *p, size_t n, size_t at)
{
	for (size_t start = at; at < n && at - start < DNS_NAME_MAX; at += p[at] + 1u) {
		if (!p[at])
			return at + 1;
		if (p[at] >= 0xc0)
			return at + 2 <= n ? at + 2 : 0;
		if (p[at] > 63)
			return 0;
	}
	return 0;
}

size_t dns_name_read(const uint8_t *p, size_t n, size_t at, uint8_t out[static DNS_NAME_MAX],
                     size_t *len)
{
	size_t limit = at, end = 0, used = 0, target;

	while (at < n) {
		uint8_t c = p[at];

		if (c >= 0xc0) {
			if (at + 2 > n)
				return 0;
			target = dns_get16(p + at) & 0x3fff;
			end = end ? end : at + 2;
			if (target >= limit)
				return 0;
			at = limit = target;
			continue;
		}
		if (c > 63 || at + c + 1 > n || used + c + 1 > DNS_NAME_MAX)
			return 0;
		memcpy(out + used, p + at, c + 1u);
		used += c + 1u;
		at += c + 1u;
		if (!c) {
			*len = used;
			return end ? end : at;
		}
	}
	return 0;
}

bool dns_rr_read(const uint8_t *p, size_t n, size_t at, struct dns_rr *rr)
{
	size_t fixed = dns_name_skip(p, n, at);

	if (!fixed || fixed + 10 > n)
		return false;
	rr->at = at;
	rr->type = dns_get16(p + fixed);
	rr->class = dns_get16(p + fixed + 2);
	rr->ttl = dns_get32(p + fixed + 4);
	rr->rdlen = dns_get16(p + fixed + 8);
	rr->rdata = fixed + 10;
	rr->end = rr->rdata + rr->rdlen;
	return rr->end <= n;
}

/* The question's name: no compression there, as there is nothing before it to point at. */
static size_t parse_name(struct dns_query *q, const uint8_t *p, size_t n)
{
	size_t at = DNS_HEADER, used = 0;

	for (q->n_labels = 0; at < n; q->n_labels++) {
		uint8_t c = p[at];

		if (c > 63 || at + c + 1 > n || used + c + 1 > DNS_NAME_MAX)
			return 0;
		q->name[used] = c;
		q->label[q->n_labels] = (uint8_t)used;
		for (unsigned i = 1; i <= c; i++)
			q->name[used + i] = lower(p[at + i]);
		used += c + 1u;
		at += c + 1u;
		if (!c) {
			q->name_len = (uint8_t)used;
			return at;
		}
	}
	return 0;
}

#define ADDITIONAL_MAX                                                                             \
	4 /* records behind the question that we look at: OPT, a signature, no crowd */

static int parse_additional(struct dns_query *q, const uint8_t *p, size_t n, size_t at,
                            unsigned count)
{
	struct dns_rr rr;

	if (count > ADDITIONAL_MAX)
		return DNS_FORMERR;
	for (; count; count--, at = rr.end) {
		if (!dns_rr_read(p, n, at, &rr))
			return DNS_FORMERR;
		if (rr.type != DNS_OPT)
			continue;
		if (q->edns || rr.rdata - rr.at != DNS_OPT_SIZE)
			return DNS_FORMERR; /* RFC 6891 6.1.1: one, owned by the root */
		q->edns = true;
		q->opt_size = DNS_OPT_SIZE;
		q->dnssec_ok = rr.ttl & 0x8000;
		q->udp_size = rr.class < DNS_UDP_MIN   ? DNS_UDP_MIN
		              : rr.class > DNS_UDP_MAX ? DNS_UDP_MAX
		                                       : rr.class;
		if (rr.ttl >> 16 & 0xff)
			return DNS_BADVERS;
		if (rr.rdlen && !dns_edns_options(q, p + rr.rdata, rr.rdlen))
			return DNS_FORMERR;
	}
	return DNS_NOERROR;
}

/* RFC 7873 5.4: a query without a question may ask for a cookie. */
static int parse_no_question(struct dns_query *q, const uint8_t *p, size_t n)
{
	int rcode = parse_additional(q, p, n, DNS_HEADER, dns_get16(p + 10));

	return rcode || q->cookie_len ? rcode : DNS_FORMERR;
}

int dns_query_parse(struct dns_query *q, const uint8_t *p, size_t n)
{
	unsigned questions;
	size_t at;

	if (n < DNS_HEADER || (p[2] & 0x80))
		return -1;
	q->id = dns_get16(p);
	q->flags = dns_get16(p + 2);
	q->type = 0;
	q->edns = q->dnssec_ok = q->keepalive = false;
	q->udp_size = DNS_UDP_MIN;
	q->opt_size = q->cookie_len = q->cookie_state = 0;
	q->name_len = 0;
	q->raw = p + DNS_HEADER;
	if (q->flags & DNS_OPCODE)
		return DNS_NOTIMP;
	questions = dns_get16(p + 4);
	if (questions > 1 || dns_get16(p + 6)) /* one, and nothing else: RFC 9619 */
		return DNS_FORMERR;
	if (!questions)
		return dns_get16(p + 8) ? DNS_FORMERR : parse_no_question(q, p, n);
	at = parse_name(q, p, n);
	if (!at || at + 4 > n) {
		q->name_len = 0;
		return DNS_FORMERR;
	}
	q->type = dns_get16(p + at);
	if (dns_get16(p + 8)) /* IXFR tells there what it has (RFC 1995 3) */
		return q->type == DNS_IXFR ? DNS_REFUSED : DNS_FORMERR;
	if (dns_get16(p + 10)) {
		int rcode = parse_additional(q, p, n, at + 4, dns_get16(p + 10));

		if (rcode)
			return rcode;
	}
	/* also CH TXT version.bind and id.server: who may know, reads /version */
	return dns_get16(p + at + 2) == DNS_IN ? DNS_NOERROR : DNS_REFUSED;
}

size_t dns_opt_write(uint8_t *out, bool dnssec_ok, unsigned rcode)
{
	memset(out, 0, DNS_OPT_SIZE);
	dns_put16(out + 1, DNS_OPT);
	dns_put16(out + 3, DNS_UDP_MAX);
	out[5] = (uint8_t)(rcode >> 4);
	out[7] = dnssec_ok ? 0x80 : 0;
	return DNS_OPT_SIZE;
}

/* The options as the client sent them, without our part of the cookie: whether that was good has
 * been seen. */
static size_t pack_options(const struct dns_query *q, uint8_t *out)
{
	size_t n = 0;

	if (q->cookie_len) {
		dns_put32(out, DNS_OPTION_COOKIE << 16 | DNS_COOKIE_CLIENT);
		memcpy(out + 4, q->cookie, DNS_COOKIE_CLIENT);
		n = 4 + DNS_COOKIE_CLIENT;
	}
	if (q->keepalive) {
		dns_put32(out + n, DNS_OPTION_KEEPALIVE << 16);
		n += 4;
	}
	return n;
}

size_t dns_query_pack(const struct dns_query *q, uint8_t out[static DNS_QUERY_PACKED])
{
	size_t n = DNS_HEADER + q->name_len + 4u, options;

	memset(out, 0, DNS_HEADER);
	dns_put16(out, q->id);
	dns_put16(out + 2, q->flags);
	out[5] = 1;
	memcpy(out + DNS_HEADER, q->raw, q->name_len + 4u);
	if (q->edns) {
		out[11] = 1;
		dns_opt_write(out + n, q->dnssec_ok, 0);
		dns_put16(out + n + 3, q->udp_size);
		options = pack_options(q, out + n + DNS_OPT_SIZE);
		dns_put16(out + n + DNS_OPT_SIZE - 2, (uint16_t)options);
		n += DNS_OPT_SIZE + options;
	}
	return n;
}
