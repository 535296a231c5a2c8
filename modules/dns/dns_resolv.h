/* dns_resolv.h - the upstreams in a resolv.conf. Pure. */
#pragma once

#include <knetd/conf.h>
#include <knetd/upstream.h>

/* The nameservers in text, port 53, at most UPSTREAMS_MAX. */
void dns_resolv_parse(const char *text, struct dns_upstreams *out);
/* Is it one of the addresses we answer on? */
bool dns_resolv_own(const struct endpoint *ep);
