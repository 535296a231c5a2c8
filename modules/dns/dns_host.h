/* dns_host.h - what the machine itself needs for the cluster DNS addresses: the addresses on lo,
 * and rules that keep their traffic away from connection tracking. */
#pragma once

#include <knetd/conf.h>
#include <knetd/err.h>

#define DNS_TABLE "knetd_dns"

/* The cluster DNS addresses of families that this machine has. */
void dns_host_addresses(struct conf_endpoints *out);
int dns_host_apply(const struct conf_endpoints *addresses, struct err *e); /* safe to repeat */
void dns_host_remove(const struct conf_endpoints *addresses);
