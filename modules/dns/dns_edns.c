/* dns_edns.c - see dns_edns.h */
#include "dns_edns.h"

#define OPTION_HEADER 4
#define COOKIE_OUT (DNS_COOKIE_CLIENT + DNS_COOKIE_OURS)
#define EDE_SIZE (OPTION_HEADER + 2)

static bool take_cookie(struct dns_query *q, const uint8_t *p, size_t n)
{
	/* RFC 7873 5.2.2 */
	if (n != DNS_COOKIE_CLIENT && (n < DNS_COOKIE_MIN || n > DNS_COOKIE_MAX))
		return false;
	memcpy(q->cookie, p, n);
	q->cookie_len = (uint8_t)n;
	return true;
}

bool dns_edns_options(struct dns_query *q, const uint8_t *p, size_t n)
{
	for (size_t at = 0, len; at < n; at += len) {
		unsigned code;

		if (n - at < OPTION_HEADER)
			return false;
		code = dns_get16(p + at);
		len = dns_get16(p + at + 2);
		at += OPTION_HEADER;
		if (len > n - at)
			return false;
		/* of several cookies the first counts (RFC 7873 5.2) */
		if (code == DNS_OPTION_COOKIE && !q->cookie_len && !take_cookie(q, p + at, len))
			return false;
		if (code == DNS_OPTION_KEEPALIVE && !len)
			q->keepalive = true;
	}
	return true;
}

void dns_edns_settle(struct dns_query *q, const struct ip *from, const uint8_t *secret,
                     uint32_t now, bool stream, uint16_t idle)
{
	if (!stream)
		q->keepalive = false; /* RFC 7828 3.2.1 */
	q->idle = idle;
	if (q->keepalive)
		q->opt_size += OPTION_HEADER + 2;
	if (!q->cookie_len)
		return;
	q->opt_size += OPTION_HEADER + COOKIE_OUT;
	q->cookie_state = dns_cookie_check(q->cookie, q->cookie_len, from, secret, now);
	if (q->cookie_state != DNS_COOKIE_GOOD)
		dns_cookie_make(q->cookie, from, secret, now);
}

static uint8_t *option(uint8_t *p, enum dns_option code, size_t n)
{
	dns_put16(p, code);
	dns_put16(p + 2, (uint16_t)n);
	return p + OPTION_HEADER;
}

size_t dns_edns_write(uint8_t *out, size_t room, const struct dns_query *q, unsigned rcode,
                      enum dns_ede ede)
{
	uint8_t *p = out + dns_opt_write(out, q->dnssec_ok, rcode);

	if (q->opt_size > DNS_OPT_SIZE && q->cookie_len) {
		memcpy(option(p, DNS_OPTION_COOKIE, COOKIE_OUT), q->cookie, COOKIE_OUT);
		p += OPTION_HEADER + COOKIE_OUT;
	}
	if (q->opt_size > DNS_OPT_SIZE && q->keepalive) {
		dns_put16(option(p, DNS_OPTION_KEEPALIVE, 2), q->idle);
		p += OPTION_HEADER + 2;
	}
	if (ede && (size_t)(p - out) + EDE_SIZE <= room) {
		dns_put16(option(p, DNS_OPTION_EDE, 2), ede);
		p += EDE_SIZE;
	}
	dns_put16(out + DNS_OPT_SIZE - 2, (uint16_t)(p - out - DNS_OPT_SIZE));
	return (size_t)(p - out);
}
