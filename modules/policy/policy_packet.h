/* policy_packet.h - which connection a packet belongs to, read from its first bytes. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <knetd/ip.h>

struct policy_packet {
	struct ip from, to;
	uint8_t proto;
	bool ports; /* false: it has none, or they are out of reach (a later fragment) */
	uint16_t from_port, to_port;
};
/* False for what is no IP packet, or too short to tell. */
bool policy_packet_read(struct policy_packet *out, const uint8_t *b, size_t n);

#define POLICY_PACKET_TEXT 20
const char *policy_packet_proto(uint8_t proto, char out[static POLICY_PACKET_TEXT]);
