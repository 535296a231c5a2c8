/* dns_cookie.h - DNS cookies (RFC 7873) as RFC 9018 makes them, so that every worker, and every
 * other server with the same secret, knows each other's. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <knetd/ip.h>

#define DNS_COOKIE_SECRET 16
#define DNS_COOKIE_CLIENT 8
#define DNS_COOKIE_OURS 16 /* bytes of the server's part as we make it */
#define DNS_COOKIE_MIN (DNS_COOKIE_CLIENT + 8)
#define DNS_COOKIE_MAX (DNS_COOKIE_CLIENT + 32)

enum dns_cookie {
	DNS_COOKIE_BAD, /* forged, too old, of another secret, or the client's part alone */
	DNS_COOKIE_OLD, /* good, to be replaced */
	DNS_COOKIE_GOOD,
};

/* cookie: the client's part and what may have come behind it, n bytes. now: seconds since 1970. */
enum dns_cookie dns_cookie_check(const uint8_t *cookie, size_t n, const struct ip *from,
                                 const uint8_t secret[static DNS_COOKIE_SECRET], uint32_t now);
/* Writes our part behind the client's. */
void dns_cookie_make(uint8_t cookie[static DNS_COOKIE_CLIENT + DNS_COOKIE_OURS],
                     const struct ip *from, const uint8_t secret[static DNS_COOKIE_SECRET],
                     uint32_t now);
