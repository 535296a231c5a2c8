/* wire_frame.h - the few frames of ARP (RFC 826, 5227) and neighbour discovery (RFC 4861) that are
 * sent and read by hand. Pure. Private to knetd/kern. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <knetd/kern.h>

#define WIRE_FRAME_MAX 72 /* without the Ethernet header */

struct wire_frame {
	uint16_t protocol; /* ETH_P_ARP, ETH_P_IPV6 */
	uint8_t to[6];     /* hardware address */
	size_t n;
	uint8_t b[WIRE_FRAME_MAX];
};

/* "I have ip", as a request and as a reply: some machines heed the one, some the other. */
void wire_arp_claim(struct wire_frame *f, const uint8_t mac[static 6], const struct ip *ip,
                    bool reply);
/* "Who has `who`?"; from of len 0: without saying who asks (a probe). */
void wire_arp_ask(struct wire_frame *f, const uint8_t mac[static 6], const struct ip *from,
                  const struct ip *who);
void wire_nd_claim(struct wire_frame *f, const uint8_t mac[static 6], const struct ip *ip,
                   bool router);
void wire_nd_ask(struct wire_frame *f, const uint8_t mac[static 6], const struct ip *from,
                 const struct ip *who);

/* A packet of ARP, a message of ICMPv6: true when somebody says in it that he has an address. */
bool wire_arp_read(struct wire_claim *c, const uint8_t *p, size_t n);
bool wire_nd_read(struct wire_claim *c, const uint8_t *p, size_t n);
