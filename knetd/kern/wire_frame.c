/* wire_frame.c - see wire_frame.h */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip6.h>
#include <string.h>

#include "wire_frame.h"

/* ---- ARP ------------------------------------------------------------------------------------ */

struct arp {
	uint16_t hardware, protocol;
	uint8_t hardware_size, protocol_size;
	uint16_t operation;
	uint8_t from_mac[6], from[4], to_mac[6], to[4];
} __attribute__((packed));

enum { ETHERNET = 1, REQUEST = 1, REPLY = 2 };

static struct arp *arp_begin(struct wire_frame *f, uint16_t operation, const uint8_t mac[static 6])
{
	struct arp *a = (void *)f->b;

	*f = (struct wire_frame){ .protocol = ETH_P_ARP, .n = sizeof(*a) };
	memset(f->to, 0xff, sizeof(f->to));
	a->hardware = htons(ETHERNET);
	a->protocol = htons(ETH_P_IP);
	a->hardware_size = sizeof(a->from_mac);
	a->protocol_size = sizeof(a->from);
	a->operation = htons(operation);
	memcpy(a->from_mac, mac, sizeof(a->from_mac));
	return a;
}

void wire_arp_claim(struct wire_frame *f, const uint8_t mac[static 6], const struct ip *ip,
                    bool reply)
{
	struct arp *a = arp_begin(f, reply ? REPLY : REQUEST, mac);

	memcpy(a->from, ip->b, sizeof(a->from));
	memcpy(a->to, ip->b, sizeof(a->to));
	if (reply)
		memcpy(a->to_mac, mac, sizeof(a->to_mac));
}

void wire_arp_ask(struct wire_frame *f, const uint8_t mac[static 6], const struct ip *from,
                  const struct ip *who)
{
	struct arp *a = arp_begin(f, REQUEST, mac);

	memcpy(a->from, from->b, from->len == 4 ? 4 : 0);
	memcpy(a->to, who->b, sizeof(a->to));
}

/* A reply names its sender; a request does when it is about the sender's own address. */
bool wire_arp_read(struct wire_claim *c, const uint8_t *p, size_t n)
{
	struct arp a;
	bool reply;

	if (n < sizeof(a))
		return false;
	memcpy(&a, p, sizeof(a));
	reply = a.operation == htons(REPLY);
	if (a.hardware != htons(ETHERNET) || a.protocol != htons(ETH_P_IP) ||
	    a.hardware_size != sizeof(a.from_mac) || a.protocol_size != sizeof(a.from) ||
	    (!reply && memcmp(a.from, a.to, sizeof(a.to)) != 0))
		return false;
	*c = (struct wire_claim){ .ip.len = 4, .to.len = 4 };
	memcpy(c->ip.b, a.from, sizeof(a.from));
	memcpy(c->to.b, a.to, sizeof(a.to));
	memcpy(c->mac, a.from_mac, sizeof(a.from_mac));
	return !ip_is_any(&c->ip);
}

/* ---- neighbour discovery -------------------------------------------------------------------- */

enum { ADVERTISEMENT_OVERRIDE = 0x20, ADVERTISEMENT_ROUTER = 0x80, OPTION_UNIT = 8 };

struct nd {
	uint8_t type, code;
	uint16_t checksum;
	uint8_t flags, reserved[3];
	uint8_t target[16];
} __attribute__((packed));

struct nd_option {
	uint8_t type, units;
	uint8_t mac[6];
};

static uint32_t sum(uint32_t before, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		before += (uint32_t)p[i] << 8 | p[i + 1];
	return before;
}

/* Over addresses, length and protocol, then the message itself (RFC 8200 8.1). */
static uint16_t checksum(const struct ip6_hdr *h, const uint8_t *message, size_t n)
{
	uint32_t s = sum((uint32_t)n + IPPROTO_ICMPV6, (const uint8_t *)&h->ip6_src, 32);

	s = sum(s, message, n);
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return htons((uint16_t)~s);
}

static struct nd *nd_begin(struct wire_frame *f, uint8_t type, const struct ip *from,
                           const struct ip *target)
{
	struct ip6_hdr *h = (void *)f->b;
	struct nd *m = (void *)(h + 1);

	*f = (struct wire_frame){ .protocol = ETH_P_IPV6, .n = sizeof(*h) + sizeof(*m) };
	h->ip6_flow = htonl(6u << 28);
	h->ip6_nxt = IPPROTO_ICMPV6;
	h->ip6_hlim = 255;
	memcpy(&h->ip6_src, from->b, from->len == 16 ? 16 : 0);
	m->type = type;
	memcpy(m->target, target->b, sizeof(m->target));
	return m;
}

static void nd_option(struct wire_frame *f, uint8_t type, const uint8_t mac[static 6])
{
	struct nd_option o = { .type = type, .units = sizeof(o) / OPTION_UNIT };

	memcpy(o.mac, mac, sizeof(o.mac));
	memcpy(f->b + f->n, &o, sizeof(o));
	f->n += sizeof(o);
}

static void nd_end(struct wire_frame *f, const uint8_t to[static 16])
{
	struct ip6_hdr *h = (void *)f->b;
	struct nd *m = (void *)(h + 1);

	memcpy(&h->ip6_dst, to, 16);
	f->to[0] = f->to[1] = 0x33;
	memcpy(f->to + 2, to + 12, 4);
	h->ip6_plen = htons((uint16_t)(f->n - sizeof(*h)));
	m->checksum = checksum(h, (const uint8_t *)m, f->n - sizeof(*h));
}

void wire_nd_claim(struct wire_frame *f, const uint8_t mac[static 6], const struct ip *ip,
                   bool router)
{
	static const uint8_t all_nodes[16] = { 0xff, 0x02, [15] = 1 };
	struct nd *m = nd_begin(f, ND_NEIGHBOR_ADVERT, ip, ip);

	m->flags = ADVERTISEMENT_OVERRIDE | (router ? ADVERTISEMENT_ROUTER : 0);
	nd_option(f, ND_OPT_TARGET_LINKADDR, mac);
	nd_end(f, all_nodes);
}

void wire_nd_ask(struct wire_frame *f, const uint8_t mac[static 6], const struct ip *from,
                 const struct ip *who)
{
	uint8_t solicited_node[16] = { 0xff, 0x02, [11] = 1, 0xff };

	memcpy(solicited_node + 13, who->b + 13, 3);
	nd_begin(f, ND_NEIGHBOR_SOLICIT, from, who);
	if (from->len)
		nd_option(f, ND_OPT_SOURCE_LINKADDR, mac);
	nd_end(f, solicited_node);
}

/* False when the options are not whole: RFC 4861 7.1.2 has the message dropped then. */
static bool read_options(struct wire_claim *c, const uint8_t *p, size_t n)
{
	while (n >= 2) {
		size_t size = (size_t)p[1] * OPTION_UNIT;

		if (!size || size > n)
			return false;
		if (p[0] == ND_OPT_TARGET_LINKADDR)
			memcpy(c->mac, p + 2, sizeof(c->mac));
		p += size;
		n -= size;
	}
	return n == 0;
}

bool wire_nd_read(struct wire_claim *c, const uint8_t *p, size_t n)
{
	const struct nd *m = (const void *)p;

	if (n < sizeof(*m) || m->type != ND_NEIGHBOR_ADVERT || m->code || m->target[0] == 0xff)
		return false;
	*c = (struct wire_claim){ .ip.len = 16 };
	memcpy(c->ip.b, m->target, sizeof(m->target));
	return read_options(c, p + sizeof(*m), n - sizeof(*m));
}
