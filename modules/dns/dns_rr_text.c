/* dns_rr_text.c - see dns_rr_text.h */
#include <stdio.h>

#include <knetd/ip.h>

#include "dns_rr_text.h"
#include "dns_text.h"

#define TEXT_MAX 4096
#define DATA_MAX 256 /* bytes shown of data that has no form of its own */

static size_t put_name(struct buf *b, const uint8_t *p, size_t n, size_t at)
{
	uint8_t name[DNS_NAME_MAX];
	char text[DNS_NAME_MAX + 1];
	size_t len, end = dns_name_read(p, n, at, name, &len);

	if (!end) {
		buf_str(b, "?");
		return 0;
	}
	buf_str(b, dns_name_to_text(text, name, len));
	if (text[0] != '.')
		buf_str(b, ".");
	return end;
}

static void put_strings(struct buf *b, const uint8_t *p, size_t at, size_t end)
{
	for (bool first = true; at < end; first = false) {
		size_t len = p[at++];

		buf_str(b, first ? "\"" : " \"");
		for (; len && at < end; len--, at++) {
			if (p[at] >= ' ' && p[at] < 0x7f && p[at] != '"' && p[at] != '\\')
				buf_add(b, p + at, 1);
			else
				buf_printf(b, "\\%03u", p[at]);
		}
		buf_str(b, "\"");
	}
}

static void put_soa(struct buf *b, const uint8_t *p, size_t n, size_t at)
{
	at = put_name(b, p, n, at);
	buf_str(b, " ");
	at = at ? put_name(b, p, n, at) : 0;
	for (unsigned i = 0; at && i < 5 && at + 4 <= n; i++, at += 4)
		buf_printf(b, " %u", dns_get32(p + at));
}

static void put_unknown(struct buf *b, const uint8_t *p, size_t n)
{
	buf_printf(b, "\\# %zu ", n);
	for (size_t i = 0; i < n && i < DATA_MAX; i++)
		buf_printf(b, "%02x", p[i]);
	buf_str(b, n > DATA_MAX ? "..." : "");
}

static void put_data(struct buf *b, const uint8_t *p, size_t n, const struct dns_rr *rr)
{
	struct ip ip = { .len = rr->type == DNS_A ? 4 : 16 };
	char text[IP_TEXT];

	switch (rr->type) {
	case DNS_A:
	case DNS_AAAA:
		if (rr->rdlen != ip.len)
			break;
		memcpy(ip.b, p + rr->rdata, ip.len);
		buf_str(b, ip_text(&ip, text));
		return;
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
		put_name(b, p, n, rr->rdata);
		return;
	case DNS_SRV:
		if (rr->rdlen < 7)
			break;
		buf_printf(b, "%u %u %u ", dns_get16(p + rr->rdata), dns_get16(p + rr->rdata + 2),
		           dns_get16(p + rr->rdata + 4));
		put_name(b, p, n, rr->rdata + 6);
		return;
	case DNS_TXT:
	case DNS_HINFO:
		put_strings(b, p, rr->rdata, rr->end);
		return;
	case DNS_SOA:
		put_soa(b, p, n, rr->rdata);
		return;
	}
	put_unknown(b, p + rr->rdata, rr->rdlen);
}

void dns_rr_json(const uint8_t *p, size_t n, size_t *at, unsigned count, struct buf *out)
{
	bool first = true;
	struct dns_rr rr;

	for (; count && *at < n && dns_rr_read(p, n, *at, &rr); count--, *at = rr.end) {
		auto_buf struct buf line = { .max = TEXT_MAX };
		char type[DNS_TYPE_TEXT];

		if (rr.type == DNS_OPT)
			continue;
		put_name(&line, p, n, rr.at);
		buf_printf(&line, " %u IN %s ", rr.ttl, dns_type_text(rr.type, type));
		put_data(&line, p, n, &rr);
		buf_str(out, first ? "" : ",");
		buf_json(out, line.data, line.len);
		first = false;
	}
}

bool dns_message_json(const uint8_t *p, size_t n, struct buf *out)
{
	static const char *const sections[] = { "answers", "authorities", "additionals" };
	size_t at = DNS_HEADER;
	const char *rcode;

	if (n < DNS_HEADER || !(p[2] & 0x80))
		return false;
	for (unsigned i = dns_get16(p + 4); i; i--) {
		at = dns_name_skip(p, n, at);
		if (!at || at + 4 > n)
			return false;
		at += 4;
	}
	rcode = dns_rcode_text(p[3] & DNS_RCODE);
	buf_printf(out, "\"status\":\"%s\",\"truncated\":%s", rcode ? rcode : "other",
	           p[2] & 2 ? "true" : "false");
	for (unsigned i = 0; i < 3; i++) {
		buf_printf(out, ",\"%s\":[", sections[i]);
		dns_rr_json(p, n, &at, dns_get16(p + 6 + 2 * i), out);
		buf_str(out, "]");
	}
	return true;
}
