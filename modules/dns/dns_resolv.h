/* dns_resolv.h - the upstreams and the search list in a resolv.conf. Pure. */
#pragma once

#include <knetd/conf.h>
#include <knetd/upstream.h>

#include "dns_snapshot.h"

/* The nameservers in text, port 53, at most UPSTREAMS_MAX. */
void dns_resolv_parse(const char *text, struct dns_upstreams *out);
/* The search list in text, without the cluster's own domains. What is no name is left out. */
void dns_resolv_searches(const char *text, struct dns_searches *out);
/* Is it one of the addresses we answer on? */
bool dns_resolv_own(const struct endpoint *ep);
