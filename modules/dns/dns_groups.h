/* dns_groups.h - upstreams in groups: number 0 for everything, one more for each stub domain. Pure;
 * part of the settings that the workers are told (dns_snapshot.h). */
#pragma once

#include <knetd/conf.h>
#include <knetd/upstream.h>

#include "dns_wire.h"

#define DNS_GROUPS (1 + STUB_DOMAINS_MAX)
#define DNS_LOOP_LABEL 32 /* letters; half of them are the daemon's */
#define DNS_UPSTREAMS (UPSTREAMS_MAX + STUB_UPSTREAMS_MAX)

struct dns_group {
	uint8_t first, n; /* its upstreams */
	uint8_t suffix_len;
	uint8_t suffix[DNS_NAME_MAX]; /* wire form, lower case, with the root label */
};
struct dns_groups {
	uint8_t n, n_upstreams, policy;     /* enum conf_dns_policy */
	char loop[DNS_LOOP_LABEL / 2];      /* see dns_probe.c; zero: loops are not looked for */
	struct dns_group group[DNS_GROUPS]; /* behind 0 the longest suffix first */
	struct dns_upstream upstream[DNS_UPSTREAMS];
	uint8_t number[DNS_UPSTREAMS]; /* of each, less than DNS_UPSTREAMS: what is counted of it */
};
/* Which upstreams have the numbers; one that was seen before has its old one. */
struct dns_numbers {
	unsigned n;
	struct dns_upstream v[DNS_UPSTREAMS];
};

/* What own says are addresses of ours is left out: asking ourselves would go round in circles. */
void dns_groups_build(struct dns_groups *out, const struct dns_upstreams *list,
                      const struct stub_domains *stubs, enum conf_dns_policy policy,
                      bool (*own)(const struct endpoint *ep));
/* Gives the upstreams their numbers. When all are taken, those that are not asked any more lose
 * theirs. */
void dns_groups_number(struct dns_groups *g, struct dns_numbers *known);
/* Do they ask the same upstreams in the same way? */
bool dns_groups_equal(const struct dns_groups *a, const struct dns_groups *b);
bool dns_groups_sound(const struct dns_groups *g); /* may be believed */
/* The group of a lower-case name in wire form: of the longest suffix, else number 0. It may have no
 * upstreams. */
const struct dns_group *dns_groups_find(const struct dns_groups *g, const uint8_t *name,
                                        size_t len);
