/* policy_packet.c - see policy_packet.h. The bytes are a stranger's. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "policy_packet.h"

#define HEADER4 20
#define HEADER6 40
#define EXTENSIONS_MAX 8

static struct ip ip_at(const uint8_t *b, uint8_t len)
{
	struct ip ip = { .len = len };

	memcpy(ip.b, b, len);
	return ip;
}

static uint16_t number_at(const uint8_t *b)
{
	return (uint16_t)(b[0] << 8 | b[1]);
}

/* TCP, UDP and SCTP begin alike: source port, destination port. */
static void read_ports(struct policy_packet *out, const uint8_t *b, size_t n)
{
	out->ports = n >= 4 && (out->proto == IPPROTO_TCP || out->proto == IPPROTO_UDP ||
	                        out->proto == IPPROTO_SCTP);
	if (!out->ports)
		return;
	out->from_port = number_at(b);
	out->to_port = number_at(b + 2);
}

static bool read4(struct policy_packet *out, const uint8_t *b, size_t n)
{
	size_t header = (b[0] & 15u) * 4;

	if (n < HEADER4 || header < HEADER4)
		return false;
	out->from = ip_at(b + 12, 4);
	out->to = ip_at(b + 16, 4);
	out->proto = b[9];
	if (n > header && !(number_at(b + 6) & 0x1fff))
		read_ports(out, b + header, n - header);
	return true;
}

static bool is_extension(uint8_t header)
{
	return header == IPPROTO_HOPOPTS || header == IPPROTO_ROUTING ||
	       header == IPPROTO_FRAGMENT || header == IPPROTO_DSTOPTS;
}

/* Headers before the last one; false: the rest of the packet is not its beginning. */
static bool skip_extensions(uint8_t *proto, const uint8_t *b, size_t n, size_t *at)
{
	for (unsigned i = 0; i < EXTENSIONS_MAX && is_extension(*proto) && *at + 8 <= n; i++) {
		const uint8_t *header = b + *at;

		if (*proto == IPPROTO_FRAGMENT) {
			*at += 8;
			if (number_at(header + 2) & ~7u) {
				*proto = header[0];
				return false;
			}
		} else {
			*at += 8 + header[1] * 8u;
		}
		*proto = header[0];
	}
	return *at < n;
}

static bool read6(struct policy_packet *out, const uint8_t *b, size_t n)
{
	size_t at = HEADER6;

	if (n < HEADER6)
		return false;
	out->from = ip_at(b + 8, 16);
	out->to = ip_at(b + 24, 16);
	out->proto = b[6];
	if (skip_extensions(&out->proto, b, n, &at))
		read_ports(out, b + at, n - at);
	return true;
}

bool policy_packet_read(struct policy_packet *out, const uint8_t *b, size_t n)
{
	*out = (struct policy_packet){ 0 };
	if (!n)
		return false;
	return b[0] >> 4 == 4 ? read4(out, b, n) : b[0] >> 4 == 6 ? read6(out, b, n) : false;
}

const char *policy_packet_proto(uint8_t proto, char out[static POLICY_PACKET_TEXT])
{
	switch (proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_SCTP:
		return "sctp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "icmpv6";
	}
	snprintf(out, POLICY_PACKET_TEXT, "protocol %u", proto);
	return out;
}
