/* dns_edns.h - the options of EDNS (RFC 6891): what of them we heed, and our OPT record. Those that
 * are not named here are ignored, as RFC 6891 6.1.2 wants: NSID (RFC 5001, nobody shall count our
 * machines), client subnet (RFC 7871, nor is one told to upstreams), padding (RFC 7830 6: never
 * without encryption). */
#pragma once

#include "dns_cookie.h"
#include "dns_wire.h"

enum dns_option { DNS_OPTION_COOKIE = 10, DNS_OPTION_KEEPALIVE = 11, DNS_OPTION_EDE = 15 };

enum dns_ede { /* RFC 8914: what lies behind the rcode; 0 stands for none, not for "other" */
	       DNS_EDE_NONE = 0,
	       DNS_EDE_STALE = 3,
	       DNS_EDE_NOT_READY = 14,
	       DNS_EDE_PROHIBITED = 18,
	       DNS_EDE_STALE_DENIAL = 19,
	       DNS_EDE_NO_AUTHORITY = 22, /* none that could be reached */
};

/* Of an old message of an upstream. */
static inline enum dns_ede dns_ede_stale(const uint8_t *msg)
{
	return (msg[3] & DNS_RCODE) == DNS_NXDOMAIN ? DNS_EDE_STALE_DENIAL : DNS_EDE_STALE;
}

/* The options of an OPT record, n bytes: cookie and keepalive go to q. false: they are broken. */
bool dns_edns_options(struct dns_query *q, const uint8_t *p, size_t n);
/* Turns what was asked into what is answered: a cookie for `from`, the idle limit over TCP, in
 * tenths of a second. Only when options were found; before anything is written. */
void dns_edns_settle(struct dns_query *q, const struct ip *from, const uint8_t *secret,
                     uint32_t now, bool stream, uint16_t idle);
/* Our OPT record; ede is left out when there is no room for it. Returns its length. */
size_t dns_edns_write(uint8_t *out, size_t room, const struct dns_query *q, unsigned rcode,
                      enum dns_ede ede);
