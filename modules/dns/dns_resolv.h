/* dns_resolv.h - the upstreams in a resolv.conf. Pure. */
#pragma once

#include <knetd/conf.h>

/* The nameservers in text, port 53; those that are our own (conf.dns) are left out: asking
 * ourselves would go round in circles. */
void dns_resolv_parse(const char *text, struct conf_endpoints *out);
/* Is it one of the addresses we answer on? */
bool dns_resolv_own(const struct endpoint *ep);
