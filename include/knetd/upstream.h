/* upstream.h - DNS servers that names outside the cluster are asked of, as people write them:
 *
 *   9.9.9.9   192.0.2.1:5353   [2620:fe::fe]:53   tls://9.9.9.9#dns.quad9.net
 *   tls://9.9.9.9:853#pin-sha256=BASE64   tls://9.9.9.9#dns.quad9.net#pin-sha256=BASE64
 *
 * TLS without a name and without a pin would prove nothing and is refused (RFC 8310, strict). */
#pragma once

#include <knetd/ip.h>

#define UPSTREAMS_MAX 16      /* in one list */
#define UPSTREAM_PINS 2       /* of one upstream: the key in use and the next one */
#define STUB_DOMAINS_MAX 32   /* domains with upstreams of their own */
#define STUB_UPSTREAMS_MAX 48 /* of all of them together */
#define UPSTREAM_TEXT 400

struct dns_upstream {
	struct endpoint at;
	bool tls;
	uint8_t n_pins;
	uint8_t pins[UPSTREAM_PINS][32]; /* SHA-256 of the key's SubjectPublicKeyInfo */
	char name[254];                  /* in the server's certificate, "": any, a pin decides */
};
struct dns_upstreams {
	unsigned n;
	struct dns_upstream v[UPSTREAMS_MAX];
};

struct stub_domain {
	char domain[254]; /* lower case, no dot at the end; also 10.in-addr.arpa */
	unsigned first, n;
};
struct stub_domains {
	unsigned n, n_upstreams;
	struct stub_domain v[STUB_DOMAINS_MAX];
	struct dns_upstream upstreams[STUB_UPSTREAMS_MAX]; /* one domain's after the other's */
};

/* Each returns NULL when all is well, else what is wanted in place of text; then nothing was added.
 * stubs_add_upstream adds to the domain that was added last. */
const char *upstreams_add(struct dns_upstreams *list, const char *text);
const char *stubs_add(struct stub_domains *stubs, const char *domain);
const char *stubs_add_upstream(struct stub_domains *stubs, const char *text);

bool upstream_equal(const struct dns_upstream *a, const struct dns_upstream *b);
/* As it is written, ports always, pins left out; returns out. */
const char *upstream_text(const struct dns_upstream *u, char out[static UPSTREAM_TEXT]);
