/* dns_log_text.c - a logged query as a line, in the words of CoreDNS' log plugin, so that what
 * reads its logs reads ours:
 *
 *   [INFO] 10.244.0.5:40212 - 12345 "A IN web.default.svc.cluster.local. udp 51 false 1232" NOERROR
 *   qr,aa,rd 106 0.000123456s */
#include <stdio.h>

#include "dns_log.h"

#define SIZE_OF_STREAM 65535 /* what CoreDNS says of clients over TCP */

static const char *flags_text(uint16_t flags, char out[static 32])
{
	static const struct {
		uint16_t bit;
		char name[3];
	} names[] = { { DNS_QR, "qr" }, { DNS_AA, "aa" }, { DNS_TC, "tc" }, { DNS_RD, "rd" },
		      { DNS_RA, "ra" }, { 0x0040, "z" },  { 0x0020, "ad" }, { DNS_CD, "cd" } };
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (flags & names[i].bit)
			n += (size_t)snprintf(out + n, 32 - n, "%s%s", n ? "," : "", names[i].name);
	return out;
}

static const char *class_text(uint16_t class, char out[static 16])
{
	static const char *const names[] = { [1] = "IN", [3] = "CH", [4] = "HS" };

	if (class == 254 || class == 255)
		return class == 255 ? "ANY" : "NONE";
	if (class < sizeof(names) / sizeof(names[0]) && names[class])
		return names[class];
	snprintf(out, 16, "CLASS%u", class);
	return out;
}

size_t dns_log_text(const struct dns_log_record *r, char out[static DNS_LOG_LINE])
{
	char ip[IP_TEXT], name[DNS_NAME_MAX + 1], type[DNS_TYPE_TEXT], class[16], flags[32];
	struct ip from = { .len = r->v4 ? 4 : 16 };
	const char *rcode = dns_rcode_text(r->rcode);
	char number[8];
	int n;

	memcpy(from.b, r->ip, from.len);
	dns_name_to_text(name, r->name, r->name_len);
	snprintf(number, sizeof(number), "%u", r->rcode);
	n = snprintf(out, DNS_LOG_LINE,
	             "[INFO] %s%s%s:%u - %u \"%s %s %s%s %s %u %s %u\" %s %s %u %u.%09us",
	             r->v4 ? "" : "[", ip_text(&from, ip), r->v4 ? "" : "]", r->port, r->id,
	             dns_type_text(r->type, type), class_text(r->class, class), name,
	             name[0] == '.' ? "" : ".", r->stream ? "tcp" : "udp", r->size,
	             r->dnssec_ok ? "true" : "false", r->stream ? SIZE_OF_STREAM : r->udp_size,
	             rcode ? rcode : number, flags_text(r->flags, flags), r->answer_size,
	             (unsigned)(r->took / 1000000000), (unsigned)(r->took % 1000000000));
	return n < DNS_LOG_LINE ? (size_t)n : DNS_LOG_LINE - 1;
}
