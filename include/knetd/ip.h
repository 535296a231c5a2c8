/* ip.h - addresses and ranges of both families. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ip {
	uint8_t len; /* bytes: 4, 16, or 0 for none */
	uint8_t b[16];
};

struct cidr {
	struct ip ip; /* host bits cleared by cidr_parse */
	uint8_t bits;
};

#define IP_TEXT 46 /* INET6_ADDRSTRLEN */
#define CIDR_TEXT (46 + 4)

/* Strict: no leading zeros, no zone, no IPv4-mapped IPv6. Returns false on anything else. */
bool ip_parse(struct ip *ip, const char *s);
bool cidr_parse(struct cidr *c, const char *s); /* "10.0.0.0/8"; host bits are cleared */
const char *ip_text(const struct ip *ip, char out[static IP_TEXT]); /* RFC 5952; returns out */
const char *cidr_text(const struct cidr *c, char out[static CIDR_TEXT]);
struct sockaddr;
/* false: of neither family. A mapped address is the IPv4 address that it means. */
bool ip_of_sockaddr(struct ip *ip, const struct sockaddr *at);
bool ip_is_any(const struct ip *ip);        /* 0.0.0.0, :: */
bool ip_is_link_local(const struct ip *ip); /* 169.254.0.0/16, fe80::/10 */
bool ip_is_loopback(const struct ip *ip);   /* 127.0.0.0/8, ::1 */
bool ip_equal(const struct ip *a, const struct ip *b);
bool ip_is_in(const struct ip *ip, const struct ip *list, unsigned n);
bool cidr_has(const struct cidr *c, const struct ip *ip);
/* The n-th address of the range; false when it lies outside. Only the low 64 bits count. */
bool cidr_nth(const struct cidr *c, uint64_t n, struct ip *out);
/* Where ip lies in the range (low 64 bits). */
uint64_t cidr_offset(const struct cidr *c, const struct ip *ip);
/* Addresses in the range, at most 2^63. */
uint64_t cidr_size(const struct cidr *c);
const struct cidr *cidr_loopback(uint8_t family); /* 127.0.0.0/8 or ::1/128 */

/* Puts c into a list of n ranges that are apart: one inside another adds nothing. Returns how many
 * there are now, at most n + 1. */
unsigned cidr_join(struct cidr *list, unsigned n, const struct cidr *c);

/* Addresses from first to last, both included, of one family. */
struct ip_range {
	struct ip first, last;
};
#define RANGE_TEXT (2 * IP_TEXT)
/* "10.0.0.9", "10.0.0.10-10.0.0.20" (also with blanks beside the dash), "10.0.0.64/26"; false on
 * anything else. */
bool range_parse(struct ip_range *r, const char *s);
/* Nothing in it that no host can have: 0.0.0.0/8, loopback, multicast and above, link-local IPv6.
 */
bool range_is_unicast(const struct ip_range *r);
bool range_overlap(const struct ip_range *a, const struct ip_range *b);
void range_of_cidr(const struct cidr *c, struct ip_range *out);
bool range_has(const struct ip_range *r, const struct ip *ip);
bool ip_next(struct ip *ip); /* the number behind; false at the end, where it becomes 0 */
uint64_t range_size(const struct ip_range *r);        /* at most 2^63 - 1 */
int ip_order(const struct ip *a, const struct ip *b); /* by family, then by number */

struct endpoint {
	struct ip ip;
	uint16_t port; /* host order */
};
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);
/* "127.0.0.1:80", "[::1]:80"; false on anything else. */
bool endpoint_parse(struct endpoint *ep, const char *s);

/* A hardware address: "02:00:5e:10:00:01"; returns out. */
const char *mac_text(const uint8_t mac[static 6], char out[static 18]);
